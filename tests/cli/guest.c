/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A stand-in for an image, to test the kiln command without a kernel: it does what its arguments
 * say.
 *
 *   out:TEXT err:TEXT log:TEXT   write TEXT and a newline to that channel
 *   cmdline                      print the command line (kvm) or argv and environment (linuxu)
 *   cat                          copy standard input to standard output until its end
 *   flood:N                      write N KiB
 *   exit:N                       end with this status
 *   reset                        end without one
 *   hang                         wait for ever
 *
 * Compiled twice: -m32 is what a VMM enters through the PVH note, 64-bit is what Linux starts.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

enum { OUT = 1, ERR = 2, LOG = 3 };

static void put(int channel, const char *s, u32 n);
static int get(void);
static void end(u32 status);
static void reset(void);
static void hang(void);
static void print_start(void);

static u32 length(const char *s)
{
	u32 n = 0;

	while (s[n])
		n++;
	return n;
}

static void say(int channel, const char *s)
{
	put(channel, s, length(s));
	put(channel, "\n", 1);
}

/* If word begins with name, what follows it. */
static const char *after(const char *word, const char *name)
{
	while (*name)
		if (*word++ != *name++)
			return 0;
	return word;
}

static u32 number(const char *s)
{
	u32 n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (u32)(*s++ - '0');
	return n;
}

static void flood(u32 kib)
{
	static const char line[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";

	for (u32 i = 0; i < kib * 16; i++)
		put(OUT, line, sizeof(line) - 1);
}

static void act(const char *word)
{
	const char *value;
	int c;

	if ((value = after(word, "out:")))
		say(OUT, value);
	else if ((value = after(word, "err:")))
		say(ERR, value);
	else if ((value = after(word, "log:")))
		say(LOG, value);
	else if (after(word, "cmdline"))
		print_start();
	else if ((value = after(word, "flood:")))
		flood(number(value));
	else if ((value = after(word, "exit:")))
		end(number(value));
	else if (after(word, "reset"))
		reset();
	else if (after(word, "hang"))
		hang();
	else if (after(word, "cat"))
		while ((c = get()) >= 0) {
			char byte = (char)c;

			put(OUT, &byte, 1);
		}
}

#ifdef __i386__
enum {
	COM1 = 0x3f8,
	COM2 = 0x2f8,
	DEBUGCON = 0xe9,
	DEBUG_EXIT = 0xf4,
	FRAME_EOF = 4,
	FRAME_LITERAL = 0x10,
	FRAME_IGNORED = 0x16
};

static const char *command_line;

static void outb(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static u8 inb(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(int channel, const char *s, u32 n)
{
	u16 port = channel == OUT ? COM1 : channel == ERR ? COM2 : DEBUGCON;

	for (; n; n--) {
		while (port != DEBUGCON && !(inb(port + 5) & 0x20))
			;
		outb(port, (u8)*s++);
	}
}

static u8 receive(void)
{
	while (!(inb(COM1 + 5) & 1))
		;
	return inb(COM1);
}

static int get(void)
{
	u8 c;

	do {
		c = receive();
	} while (c == FRAME_IGNORED);
	if (c == FRAME_EOF)
		return -1;
	return c == FRAME_LITERAL ? receive() : c;
}

static void end(u32 status)
{
	char line[] = "kiln: exit 000\n";

	line[11] = (char)('0' + status / 100 % 10);
	line[12] = (char)('0' + status / 10 % 10);
	line[13] = (char)('0' + status % 10);
	put(LOG, line, sizeof(line) - 1);
	/* What is still on its way out would be lost. */
	while (!(inb(COM1 + 5) & 0x40) || !(inb(COM2 + 5) & 0x40))
		;
	outb(DEBUG_EXIT, status & 0x7f);
}

static void reset(void)
{
	static const struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) none = {0, 0};

	__asm__ volatile("lidt %0; int3" : : "m"(none));
}

static void hang(void)
{
	for (;;)
		__asm__ volatile("hlt");
}

static void print_start(void)
{
	say(OUT, command_line);
}

static u8 hex(char c)
{
	return (u8)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* One token, %XX decoded; where the next begins. */
static const char *token(const char *p, char *word, u32 size)
{
	u32 n = 0;

	while (*p && *p != ' ' && n < size - 1) {
		if (*p == '%' && p[1] && p[2]) {
			word[n++] = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 3;
		} else {
			word[n++] = *p++;
		}
	}
	word[n] = 0;
	return p;
}

/* info: hvm_start_info; its seventh word is the command line's address. */
void guest_main(const u32 *info);
void guest_main(const u32 *info)
{
	char word[256];
	const char *p = command_line = (const char *)info[6];
	int program = 0;

	/* As the kernel does: that drops a byte which arrived before. */
	for (volatile u32 i = 0; i < 20000000; i++)
		;
	outb(COM1 + 2, 1);
	while (*p) {
		while (*p == ' ')
			p++;
		p = token(p, word, sizeof(word));
		if (program)
			act(word);
		else if (word[0] == '-' && word[1] == '-' && !word[2])
			program = 1;
	}
	end(0);
}

__asm__(".section .text.start, \"ax\"\n"
	"	cld\n"
	"	mov $guest_stack + 16384, %esp\n"
	"	push %ebx\n"
	"	call guest_main\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	".bss\n"
	".balign 16\n"
	"guest_stack: .skip 16384\n"
	".text\n");
#else
static char **guest_argv;
static int log_fd = -1;

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static void put(int channel, const char *s, u32 n)
{
	call(1, channel == LOG ? log_fd : channel, (long)s, n);
}

static int get(void)
{
	u8 c;

	return call(0, 0, (long)&c, 1) == 1 ? c : -1;
}

static void end(u32 status)
{
	call(231, status, 0, 0);
}

static void reset(void)
{
	__asm__ volatile("ud2");
}

static void hang(void)
{
	for (;;)
		call(34, 0, 0, 0);
}

static void print_start(void)
{
	char **p = guest_argv;

	for (; *p; p++)
		say(OUT, *p);
	for (p++; *p; p++)
		say(OUT, *p);
}

void guest_start(long *stack);
void guest_start(long *stack)
{
	guest_argv = (char **)stack + 1;
	for (char **env = guest_argv + stack[0] + 1; *env; env++) {
		const char *fd = after(*env, "KILN_OPTS=logfd=");

		if (fd)
			log_fd = (int)number(fd);
	}
	for (char **word = guest_argv + 1; *word; word++)
		act(*word);
	end(0);
}

__asm__(".globl _start\n"
	"_start: mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call guest_start\n");

/* The notes an image has. */
#ifdef WITH_KVM
__asm__(".section .note.pvh, \"a\", @note\n"
	".long 4, 4, 18\n"
	".asciz \"Xen\"\n"
	".long 0x100000\n"
	".section .pvh, \"ax\"\n"
	".incbin \"guest.bin\"\n"
	".text\n");
#endif
__asm__(".section .note.kiln, \"a\", @note\n"
	".long 5, 0, 1\n"
	".asciz \"Kiln\\0\\0\"\n"
	".balign 4\n"
	".text\n");
#endif
