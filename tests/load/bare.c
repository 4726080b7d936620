/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: load
//@ with: bare
//@ status: 9
//@ args: x yy
/* No C library at all: what the kernel itself gives a program, and system calls. */
typedef unsigned long word;

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}

static void print(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	call(1, 1, (long)s, n, 0, 0, 0);
}

static void print_number(const char *what, long value)
{
	char text[24], *p = text + sizeof(text);
	word v = value < 0 ? -(word)value : (word)value;

	*--p = 0;
	*--p = '\n';
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (value < 0)
		*--p = '-';
	print(what);
	print(p);
}

static word zeroed[1000];
static word filled[3] = {1, 22, 333};
static word *pointer = &filled[1];

__attribute__((used)) static void start(word *sp)
{
	long argc = (long)sp[0], sum = 0, area;
	char **argv = (char **)(sp + 1), **env = argv + argc + 1;
	word *aux, seen = 0;

	for (long i = 1; i < argc; i++)
		print(argv[i]);
	print_number(" arguments ", argc);
	while (*env)
		env++;
	/* AT_PHDR, AT_PAGESZ, AT_ENTRY, AT_RANDOM: bits of what was there. */
	for (aux = (word *)(env + 1); aux[0]; aux += 2)
		if (aux[0] < 64)
			seen |= aux[1] ? 1ul << aux[0] : 0;
	print_number("auxiliary vector ", (long)(seen >> 3 & 1) + (long)(seen >> 6 & 1) * 10 +
						  (long)(seen >> 9 & 1) * 100 +
						  (long)(seen >> 25 & 1) * 1000);
	print_number("stack alignment ", (long)((word)sp % 16));
	for (int i = 0; i < 1000; i++)
		sum += (long)zeroed[i];
	print_number("zeroed ", sum);
	print_number("relocated ", (long)*pointer);
	area = call(9, 0, 1 << 20, 3, 0x22, -1, 0);
	((char *)area)[12345] = 7;
	print_number("mapped ", ((char *)area)[12345] + ((char *)area)[12346]);
	print_number("unmapped ", call(11, area, 1 << 20, 0, 0, 0, 0));
	print_number("no such call ", call(5000, 0, 0, 0, 0, 0, 0));
	print_number("bad descriptor ", call(0, 99, 0, 1, 0, 0, 0));
	call(231, 9, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n\tud2\n");
