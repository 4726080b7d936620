/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From Linux's execve to boot_main(): relocate the image, take what Linux left on the stack, make
 * its read-only data read-only, set up the CPU, memory, signals and the filter, and go over to a
 * kernel stack.
 */
#include "arch/arch.h"
#include "base/cmdline.h"
#include "base/elf.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "plat/image.h"
#include "plat/linuxu/linuxu.h"

#define BOOT_STACK_BYTES (64UL << 10)
/* What a signal frame needs at most on processors whose host does not say (AT_MINSIGSTKSZ,
 * Linux 5.14). */
#define SIGSTACK_MIN_DEFAULT 12288u

struct linuxu_host linuxu_host = {
	.log_fd = 2, .exe_fd = -1, .sigstack_min = SIGSTACK_MIN_DEFAULT, .opts = ""};

struct linuxu_cpu linuxu_boot_cpu = LINUXU_CPU_INIT(linuxu_boot_cpu);
static struct boot_info boot_info;

NORETURN void linuxu_start(uintptr_t *sp);
NORETURN void linuxu_stack_call(uintptr_t sp, void (*fn)(const void *), const void *arg);

void linuxu_exit(int status)
{
	for (;;)
		host_call1(HOST_NR_EXIT_GROUP, (uintptr_t)status);
}

void linuxu_die(const char *what, long err)
{
	char line[160];
	size_t n;

	if (err != 0)
		n = fmt_format(line, sizeof(line),
			       "kiln: cannot run on this host: %s (error %ld)\n", what, -err);
	else
		n = fmt_format(line, sizeof(line), "kiln: cannot run on this host: %s\n", what);
	host_call3(HOST_NR_WRITE, 2, (uintptr_t)line, MIN(n, sizeof(line) - 1));
	linuxu_exit(LINUXU_EXIT_CANNOT_START);
}

/* logfd=N among the tokens of KILN_OPTS. */
static void start_log_fd(const char *opts)
{
	const char *digits;

	for (; *opts != 0; opts++) {
		if (str_prefix(opts, "logfd=", &digits)) {
			linuxu_host.log_fd = 0;
			for (; *digits >= '0' && *digits <= '9' && linuxu_host.log_fd < 100000;
			     digits++)
				linuxu_host.log_fd = linuxu_host.log_fd * 10 + (*digits - '0');
			return;
		}
		while (*opts != 0 && *opts != ' ')
			opts++;
		if (*opts == 0)
			return;
	}
}

/* argc, argv and envp; KILN_OPTS is the kernel's and not for the program. Returns the auxiliary
 * vector. */
static const uintptr_t *start_args(uintptr_t *sp)
{
	char **in, **out;

	boot_info.argc = (int)sp[0];
	boot_info.argv = (char **)(sp + 1);
	boot_info.envp = boot_info.argv + boot_info.argc + 1;
	for (in = out = boot_info.envp; *in != NULL; in++)
		if (!str_prefix(*in, "KILN_OPTS=", &linuxu_host.opts))
			*out++ = *in;
	*out = NULL;
	boot_info.cmdline = linuxu_host.opts;
	start_log_fd(boot_info.cmdline);
	return (const uintptr_t *)(in + 1);
}

static void start_auxv(const uintptr_t *av)
{
	size_t page_size = PAGE_SIZE;

	for (; av[0] != HOST_AT_NULL; av += 2) {
		if (av[0] == HOST_AT_PAGESZ)
			page_size = av[1];
		else if (av[0] == HOST_AT_RANDOM)
			memcpy(linuxu_host.random, (const void *)av[1], sizeof(linuxu_host.random));
		else if (av[0] == HOST_AT_HWCAP2)
			linuxu_host.fsgsbase = (av[1] & HOST_HWCAP2_FSGSBASE) != 0;
		else if (av[0] == HOST_AT_SYSINFO_EHDR)
			linuxu_host.vdso = av[1];
		else if (av[0] == HOST_AT_MINSIGSTKSZ)
			linuxu_host.sigstack_min = av[1];
	}
	if (page_size != PAGE_SIZE)
		linuxu_die("its pages are not of 4096 bytes", 0);
}

static void start_relro(void)
{
	uintptr_t start = ALIGN_DOWN((uintptr_t)kiln_relro_start, PAGE_SIZE);
	uintptr_t end = ALIGN_UP((uintptr_t)kiln_relro_end, PAGE_SIZE);
	long err = host_call3(HOST_NR_MPROTECT, start, end - start, PROT_READ);

	if (err)
		linuxu_die("the relocated data cannot be made read-only", err);
}

/* Calls of the program are to be traced: their stubs change, before the filter is there. */
static void start_trace(unsigned what)
{
	const uintptr_t start = ALIGN_DOWN((uintptr_t)kiln_text_start, PAGE_SIZE);
	const size_t len = ALIGN_UP((uintptr_t)kiln_text_end, PAGE_SIZE) - start;
	long err = host_call3(HOST_NR_MPROTECT, start, len, PROT_READ | PROT_WRITE | PROT_EXEC);

	if (!err) {
		arch_trace_begin(what);
		err = host_call3(HOST_NR_MPROTECT, start, len, PROT_READ | PROT_EXEC);
	}
	if (err)
		linuxu_die("the host does not let its code be changed, for tracing", err);
}

static void fs_base_write(uintptr_t base)
{
	host_call2(HOST_NR_ARCH_PRCTL, HOST_ARCH_SET_FS, base);
}

static void start_cpu(uintptr_t stack_base)
{
	struct cpu *c = &linuxu_boot_cpu.cpu;

	/* The first thread has the process's id. */
	linuxu_host.pid = (int32_t)host_call1(HOST_NR_GETPID, 0);
	linuxu_boot_cpu.tid = linuxu_host.pid;
	linuxu_cpus[0] = &linuxu_boot_cpu;
	memcpy(&c->canary, linuxu_host.random, sizeof(c->canary));
	c->canary = (c->canary * 0xff51afd7ed558ccdu) &
		    ~0xffUL; /* a string that runs over ends at its 0 byte */
	c->kstack_base = stack_base;
	c->kstack_top = stack_base + BOOT_STACK_BYTES;
	arch_has_fsgsbase = linuxu_host.fsgsbase;
	arch_fs_base_write_slow = fs_base_write;
}

static void start_boot(const void *info)
{
	boot_main(info);
}

int linuxu_open(const char *path, unsigned flags)
{
	return (int)host_call4(HOST_NR_OPENAT, (uintptr_t)HOST_AT_FDCWD, (uintptr_t)path, flags, 0);
}

static bool start_fd_is_standard(int fd)
{
	return fd >= 0 && fd <= 2;
}

/* The program's file: the image's own, or the one that the loader is to load. */
static int start_open_program(void)
{
	if (linuxu_load_open != NULL)
		return linuxu_load_open(boot_info.cmdline);
	return linuxu_open("/proc/self/exe", HOST_O_CLOEXEC);
}

/* Standard descriptors that were closed when we were started must not become the program's file:
 * they get /dev/null. */
static void start_open_exe(void)
{
	int fd = start_open_program();

	if (start_fd_is_standard(fd)) {
		host_call1(HOST_NR_CLOSE, (uintptr_t)fd);
		do
			fd = linuxu_open("/dev/null", HOST_O_RDWR);
		while (start_fd_is_standard(fd));
		host_call1(HOST_NR_CLOSE, (uintptr_t)fd);
		fd = start_open_program();
	}
	linuxu_host.exe_fd = fd;
}

/* Is the deterministic mode wanted? Then its random numbers begin here. */
static bool start_is_deterministic(void)
{
	const char *opts = linuxu_host.opts;
	struct cmdline_token token, seed;
	bool wanted = false;

	while (cmdline_next(&opts, &token)) {
		if (!cmdline_has_prefix(&token, "deterministic=", &seed))
			continue;
		wanted = true;
		if (!IS_ENABLED(CONFIG_DETERMINISTIC))
			linuxu_die("its kernel has no deterministic mode: choose DETERMINISTIC in "
				   "make menuconfig and build it again",
				   0);
		linuxu_det_seed(&seed);
	}
	return wanted;
}

void linuxu_start(uintptr_t *sp)
{
	const uintptr_t base = (uintptr_t)kiln_image_base;
	uintptr_t stack;
	unsigned traced;
	bool deterministic;

	plat_stage(PLAT_STAGE_START);
	if (!image_relocate(base, base))
		linuxu_die("the image holds a relocation that is not relative; link it again", 0);
	linuxu_boot_cpu.cpu.self = &linuxu_boot_cpu.cpu; /* locks look for it */
	start_auxv(start_args(sp));
	deterministic = start_is_deterministic();
	start_relro();
	traced = plat_trace_wanted(linuxu_host.opts);
	if (IS_ENABLED(CONFIG_TRACE) && traced)
		start_trace(traced);
	linuxu_memory_init();
	stack = linuxu_kstack_alloc(BOOT_STACK_BYTES);
	if (stack == 0)
		linuxu_die("no memory for the boot stack", -ENOMEM);
	start_cpu(stack);
	plat = &linuxu_ops;
	if (IS_ENABLED(CONFIG_DETERMINISTIC) && deterministic)
		linuxu_det_start();
	linuxu_signal_init();
	linuxu_clock_init();
	boot_info.start_ns = plat->clock_monotonic_ns();
	start_open_exe();
	/* Sleep as exactly as asked for; the default slack is 50 us. */
	host_call2(HOST_NR_PRCTL, HOST_PR_SET_TIMERSLACK, 1);
	linuxu_filter_init();
	linuxu_stack_call(stack + BOOT_STACK_BYTES, start_boot, &boot_info);
}
