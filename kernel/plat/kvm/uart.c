/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The console: two 16550 UARTs and the debug console (docs/ARCHITECTURE.md, section 3). Output
 * waits for the transmitter; input is polled, and its interrupt is switched on only while somebody
 * waits for it.
 */
#include "base/errno.h"
#include "plat/kvm/kvm.h"

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
#define FIFO_SIZE 16

/* The framing of standard input. */
#define FRAME_EOF 0x04
#define FRAME_LITERAL 0x10
#define FRAME_IGNORED 0x16

static bool has_com2, has_debugcon;
static bool framed, after_literal, at_eof;

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
	uart_write(fd == 2 && has_com2 ? COM2 : COM1, buf, n);
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

void uart_log_write(const char *s, size_t n)
{
	if (!has_debugcon) {
		uart_console_write(2, s, n);
		return;
	}
	while (n--)
		outb(DEBUGCON, (uint8_t)*s++);
}

void uart_log_exit(int status)
{
	char line[] = "kiln: exit 000\n";

	if (!has_debugcon)
		return;
	line[11] = (char)('0' + status / 100);
	line[12] = (char)('0' + status / 10 % 10);
	line[13] = (char)('0' + status % 10);
	uart_log_write(line, sizeof(line) - 1);
}
