/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The console: two 16550 UARTs and the debug console (docs/ARCHITECTURE.md, section 3). Output
 * waits for the transmitter; input is polled, and its interrupt is switched on only while somebody
 * waits for it.
 */
#include "base/atomic.h"
#include "base/errno.h"
#include "plat/kvm/smp.h"

#define COM1 0x3f8
#define COM2 0x2f8
#define DEBUGCON 0xe9
#define DEBUGCON_PRESENT 0xe9 /* what QEMU's isa-debugcon reads as */

/* Register offsets and bits (PC16550D). */
#define UART_DATA 0
#define UART_IER 1
#define UART_DIVISOR_LOW 0 /* these two while LCR_DIVISOR is set */
#define UART_DIVISOR_HIGH 1
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_SCRATCH 7
#define IER_RECEIVED 1
#define FCR_ENABLE 1
#define FCR_TRIGGER_14                                                                             \
	0xc0 /* interrupt when 14 of 16 bytes are there, or none came for four bytes' time */
#define LCR_8N1 3
#define LCR_DIVISOR 0x80
#define MCR_OUT2 8 /* lets the interrupt through on a PC */
#define LSR_DATA 0x01
#define LSR_THR_EMPTY 0x20
#define FIFO_SIZE 16u

/* The framing of standard input. */
#define FRAME_EOF 0x04
#define FRAME_LITERAL 0x10
#define FRAME_IGNORED 0x16

static bool has_com2, has_debugcon; /* set at boot */
/* Of input, which one CPU at a time reads and watches (fs/console.c). */
static bool framed, after_literal, at_eof;

/* What is written in one call comes out in one piece. */
static struct spinlock uart_lock = SPINLOCK_INIT(LOCK_DEVICE);

void uart_init(void)
{
	outb(COM1 + UART_LCR, LCR_DIVISOR | LCR_8N1);
	outb(COM1 + UART_DIVISOR_LOW, 1);
	outb(COM1 + UART_DIVISOR_HIGH, 0);
	outb(COM1 + UART_LCR, LCR_8N1);
	outb(COM1 + UART_FCR, FCR_ENABLE | FCR_TRIGGER_14);
	/* That has dropped a byte that was there, but QEMU takes the next one only when it is told
	 * that there is room, which this does, or a second later. What is read, if anything, is one
	 * of the ignored bytes. */
	(void)inb(COM1 + UART_DATA);
	outb(COM2 + UART_SCRATCH, 0x5a);
	has_com2 = inb(COM2 + UART_SCRATCH) == 0x5a;
	if (has_com2)
		outb(COM2 + UART_FCR, FCR_ENABLE);
	has_debugcon = inb(DEBUGCON) == DEBUGCON_PRESENT;
}

void uart_stdin_framed(void)
{
	framed = true;
}

static void uart_write(uint16_t port, const char *s, size_t n)
{
	while (n) {
		size_t burst = MIN(n, FIFO_SIZE);

		while (!(inb(port + UART_LSR) & LSR_THR_EMPTY))
			arch_pause();
		n -= burst;
		while (burst--)
			outb(port + UART_DATA, (uint8_t)*s++);
	}
}

ssize64_t uart_console_write(int fd, const void *buf, size_t n)
{
	spin_lock(&uart_lock);
	uart_write(fd == 2 && has_com2 ? COM2 : COM1, buf, n);
	spin_unlock(&uart_lock);
	return (ssize64_t)n;
}

ssize64_t uart_console_read(void *buf, size_t n)
{
	uint8_t *out = buf;
	size_t got = 0;

	while (got < n && !at_eof && inb(COM1 + UART_LSR) & LSR_DATA) {
		uint8_t c = inb(COM1 + UART_DATA);

		if (framed && !after_literal && c == FRAME_LITERAL) {
			after_literal = true;
		} else if (framed && !after_literal && c == FRAME_EOF) {
			at_eof = true;
		} else if (framed && !after_literal && c == FRAME_IGNORED) {
			continue;
		} else {
			after_literal = false;
			out[got++] = c;
		}
	}
	if (got)
		return (ssize64_t)got;
	return at_eof ? 0 : -EAGAIN;
}

void uart_console_watch(unsigned fds)
{
	static bool routed;

	if (!routed) {
		apic_route_console();
		outb(COM1 + UART_MCR, MCR_OUT2);
		routed = true;
	}
	outb(COM1 + UART_IER, fds & 1 ? IER_RECEIVED : 0);
}

bool uart_console_is_tty(int fd)
{
	(void)fd;
	return false;
}

/*
 * The log has a lock of its own, for it is used where something has gone wrong: by a CPU that was
 * writing to it, or has a console's lock. Such a CPU does not wait for itself.
 */
static _Atomic uint32_t log_owner; /* a CPU's id + 1, or 0 */

/* False if this CPU has it already. */
static bool log_lock(void)
{
	uint32_t me = cpu_self()->id + 1, owner = 0;

	for (unsigned spins = 0; !atomic_compare_exchange_weak_explicit(
		     &log_owner, &owner, me, memory_order_acquire, memory_order_relaxed);
	     owner = 0) {
		if (owner == me)
			return false;
		smp_cpu_relax(spins++);
	}
	return true;
}

static void log_bytes(const char *s, size_t n)
{
	if (!has_debugcon)
		uart_write(has_com2 ? COM2 : COM1, s, n);
	else
		while (n--)
			outb(DEBUGCON, (uint8_t)*s++);
}

void uart_log_write(const char *s, size_t n)
{
	bool locked = CONFIG_NR_CPUS > 1 && log_lock();

	log_bytes(s, n);
	if (locked)
		atomic_store_explicit(&log_owner, 0, memory_order_release);
}

void uart_log_exit(int status)
{
	char line[] = "kiln: exit 000\n";

	if (CONFIG_NR_CPUS > 1)
		(void)log_lock(); /* for good: this line is the last */
	if (!has_debugcon)
		return;
	line[11] = (char)('0' + status / 100);
	line[12] = (char)('0' + status / 10 % 10);
	line[13] = (char)('0' + status % 10);
	log_bytes(line, sizeof(line) - 1);
}
