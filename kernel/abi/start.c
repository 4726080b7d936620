/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program's start as Linux's execve(2) arranges it (System V x86-64 ABI, 3.4.1): on the stack,
 * from its top down, the strings of arguments and environment and 16 random bytes; then the
 * auxiliary vector and the two arrays of pointers, and argc where rsp points.
 */
#include "abi/start.h"
#include "abi/program.h"
#include "arch/arch.h"
#include "base/cmdline.h"
#include "base/elf.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/options.h"
#include "core/random.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/fixed.h"

/* Exit status of a program that could not be started. */
#define START_FAILED 125
/* Arguments and environment together, as on Linux. */
#define START_ARGS_MAX (VMA_STACK_MAX / 4)
/* The stack's mapping at first; it grows by itself. */
#define START_STACK (128ul << 10)
/* So much of it, below what is put there, is present at once. */
#define START_STACK_READY PAGE_SIZE
/* argv[0] if there is no prog=. */
#define START_PROG "kiln"

/* Types in the auxiliary vector (include/uapi/linux/auxvec.h). */
enum {
	AT_NULL = 0,
	AT_PHDR = 3,
	AT_PHENT = 4,
	AT_PHNUM = 5,
	AT_PAGESZ = 6,
	AT_BASE = 7,
	AT_FLAGS = 8,
	AT_ENTRY = 9,
	AT_UID = 11,
	AT_EUID = 12,
	AT_GID = 13,
	AT_EGID = 14,
	AT_PLATFORM = 15,
	AT_HWCAP = 16,
	AT_CLKTCK = 17,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_HWCAP2 = 26,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
	AT_MINSIGSTKSZ = 51,
};
#define START_AUXV_MAX 21
#define START_RANDOM_BYTES 16

/* What goes on the stack, as it is gathered. */
struct start {
	/* One after the other, each with its 0: argv, envp, the processor's name. Room is cap
	 * bytes. */
	char *strings;
	size_t len, cap;
	size_t argc, envc;
	size_t env_offset; /* where envp's strings begin */
	size_t platform_offset;
	/* argc and so on, as the program finds them at rsp. */
	uint64_t *words;
	size_t word_count, word_cap;
};

NORETURN void program_fail(const char *why)
{
	log_line(LOG_ERROR, "the program cannot be started: %s", why);
	plat->exit(START_FAILED);
}

static void start_add_string(struct start *s, const char *text)
{
	size_t n = strlen(text) + 1;

	memcpy(s->strings + s->len, text, n);
	s->len += n;
}

static void start_add_token(struct start *s, const struct cmdline_token *token)
{
	ssize64_t n = cmdline_decode(token, s->strings + s->len);

	if (n < 0) {
		log_line(LOG_ERROR, "bad token on the command line: %.*s", (int)token->len,
			 token->text);
		program_fail("% stands for itself as %25, and for other bytes with two hexadecimal "
			     "digits");
	}
	s->len += (size_t)n + 1;
}

/* Room for strings of n bytes in all. */
static void start_reserve(struct start *s, size_t n)
{
	if (n > START_ARGS_MAX)
		program_fail("arguments and environment are longer than 2 MiB");
	s->cap = n + sizeof(ARCH_PLATFORM);
	s->strings = heap_alloc(s->cap);
	if (s->strings == NULL)
		program_fail(
			"no memory for its arguments: give the machine more, or the program fewer");
}

/* Arguments and environment from the command line. */
static void start_take_cmdline(struct start *s, const char *cmdline)
{
	struct cmdline_token token, value, prog = {START_PROG, sizeof(START_PROG) - 1};
	const char *at = cmdline, *args = "";

	while (cmdline_next(&at, &token)) {
		if (cmdline_is(&token, "--")) {
			args = at;
			break;
		}
		if (cmdline_has_prefix(&token, "prog=", &value))
			prog = value;
	}
	/* Decoding makes nothing longer; a space becomes the 0 between two strings. */
	start_reserve(s, (size_t)(at - cmdline) + strlen(args) + prog.len + 3);
	start_add_token(s, &prog);
	s->argc = 1;
	while (cmdline_next(&args, &token)) {
		start_add_token(s, &token);
		s->argc++;
	}
	s->env_offset = s->len;
	while (cmdline_next(&cmdline, &token) && !cmdline_is(&token, "--")) {
		if (!cmdline_has_prefix(&token, "env=", &value))
			continue;
		start_add_token(s, &value);
		s->envc++;
	}
}

/* Arguments and environment that the host gave. */
static void start_take_arrays(struct start *s, const struct boot_info *info)
{
	size_t n = sizeof(START_PROG);

	for (int i = 0; i < info->argc; i++)
		n += strlen(info->argv[i]) + 1;
	for (char **env = info->envp; *env != NULL; env++)
		n += strlen(*env) + 1;
	start_reserve(s, n);
	for (int i = 0; i < info->argc; i++)
		start_add_string(s, info->argv[i]);
	s->argc = (size_t)info->argc;
	if (s->argc == 0) { /* as newer Linux does */
		start_add_string(s, START_PROG);
		s->argc = 1;
	}
	s->env_offset = s->len;
	for (char **env = info->envp; *env != NULL; env++) {
		start_add_string(s, *env);
		s->envc++;
	}
}

static ALWAYS_INLINE void start_add_word(struct start *s, uint64_t word)
{
	s->words[s->word_count++] = word;
}

static ALWAYS_INLINE void start_add_aux(struct start *s, uint64_t type, uint64_t value)
{
	start_add_word(s, type);
	start_add_word(s, value);
}

/* Pointers to n strings that begin at s->strings + offset and will be at addr + offset; and a NULL.
 */
static void start_add_pointers(struct start *s, vaddr_t addr, size_t offset, size_t n)
{
	for (; n > 0; n--) {
		start_add_word(s, addr + offset);
		offset += strlen(s->strings + offset) + 1;
	}
	start_add_word(s, 0);
}

static void start_add_auxv(struct start *s, const struct program *prog, vaddr_t strings,
			   vaddr_t random)
{
	start_add_aux(s, AT_PHDR, prog->phdrs);
	start_add_aux(s, AT_PHENT, sizeof(struct elf_phdr));
	start_add_aux(s, AT_PHNUM, prog->phnum);
	start_add_aux(s, AT_PAGESZ, PAGE_SIZE);
	start_add_aux(s, AT_BASE, 0);
	start_add_aux(s, AT_FLAGS, 0);
	start_add_aux(s, AT_ENTRY, prog->entry);
	start_add_aux(s, AT_UID, 0);
	start_add_aux(s, AT_EUID, 0);
	start_add_aux(s, AT_GID, 0);
	start_add_aux(s, AT_EGID, 0);
	start_add_aux(s, AT_SECURE, 0);
	start_add_aux(s, AT_CLKTCK, 100);
	start_add_aux(s, AT_HWCAP, arch_hwcap());
	start_add_aux(s, AT_HWCAP2, arch_hwcap2());
	start_add_aux(s, AT_MINSIGSTKSZ, arch_signal_frame_max());
	start_add_aux(s, AT_PLATFORM, strings + s->platform_offset);
	start_add_aux(s, AT_EXECFN, strings);
	start_add_aux(s, AT_RANDOM, random);
	if (prog->vdso != 0)
		start_add_aux(s, AT_SYSINFO_EHDR, prog->vdso);
	start_add_aux(s, AT_NULL, 0);
}

/* Map the stack and put all on it. The stack pointer; and the program. */
static uintptr_t start_build_stack(struct start *s, struct program *prog)
{
	struct {
		uint8_t at_random[START_RANDOM_BYTES];
		uint64_t offset; /* where within a page the stack begins */
	} random;
	vaddr_t base, strings, at_random, sp, ready;
	size_t size;

	random_bytes(&random, sizeof(random));
	random.offset = IS_ENABLED(CONFIG_KASLR) ? random.offset % PAGE_SIZE : 0;
	s->word_cap = 1 + s->argc + 1 + s->envc + 1 + 2 * START_AUXV_MAX;
	s->words = heap_alloc(s->word_cap * sizeof(*s->words));
	size = ALIGN_UP(s->len + s->word_cap * sizeof(*s->words) + START_STACK, PAGE_SIZE);
	if (s->words == NULL || size > VMA_STACK_MAX / 2 ||
	    vma_map(0, size, PROT_READ | PROT_WRITE, MAP_FLAG_GROWSDOWN | MAP_FLAG_STACK, "[stack]",
		    &base) != 0)
		program_fail("no room for its stack");
	program_prepare(prog);

	strings = base + size - random.offset - sizeof(uint64_t) - s->len;
	at_random = ALIGN_DOWN(strings - START_RANDOM_BYTES, 16);
	sp = ALIGN_DOWN(at_random - s->word_cap * sizeof(*s->words), 16);
	start_add_word(s, s->argc);
	start_add_pointers(s, strings, 0, s->argc);
	start_add_pointers(s, strings, s->env_offset, s->envc);
	start_add_auxv(s, prog, strings, at_random);
	ASSERT(s->word_count <= s->word_cap);

	ready = ALIGN_DOWN(sp - START_STACK_READY, PAGE_SIZE);
	if (vma_populate(ready, base + size - ready) != 0 ||
	    user_copy_out(strings, s->strings, s->len) != 0 ||
	    user_copy_out(at_random, random.at_random, START_RANDOM_BYTES) != 0 ||
	    user_copy_out(sp, s->words, s->word_count * sizeof(*s->words)) != 0)
		program_fail("no memory for its stack: give the machine more");
	memset(&random, 0, sizeof(random));

	proc_program.args_start = strings;
	proc_program.args_end = proc_program.env_start = strings + s->env_offset;
	proc_program.env_end = strings + s->platform_offset;
	return sp;
}

/* The part of a path after its last slash. */
static const char *start_basename(const char *path)
{
	const char *name = path;

	for (; *path != 0; path++)
		if (*path == '/' && path[1] != 0)
			name = path + 1;
	return name;
}

/* Names the program is known by: argv[0] is all that there is. */
static void start_name(const char *argv0, struct thread *t)
{
	const char *name = start_basename(argv0);
	size_t n = strlen(argv0) + 2;
	char *exe = heap_alloc(n);

	if (exe == NULL)
		program_fail("no memory for its name: give the machine more");
	exe[0] = '/';
	if (argv0[0] == '/')
		memcpy(exe, argv0, n - 1);
	else
		memcpy(exe + 1, name, strlen(name) + 1);
	proc_program.exe = exe; /* kept */

	n = strnlen(name, sizeof(t->name) - 1);
	memcpy(t->name, name, n);
	t->name[n] = 0;
}

void program_start(const struct boot_info *info)
{
	struct start s = {0};
	struct program prog;
	struct trap_frame frame;
	struct thread *t;
	uintptr_t sp;

	options_init(info->cmdline);
	if (info->argv != NULL)
		start_take_arrays(&s, info);
	else
		start_take_cmdline(&s, info->cmdline);
	/* Last, for musl finds the stack's end by it (ports/musl/src/thread/pthread_getattr_np.c).
	 */
	s.platform_offset = s.len;
	start_add_string(&s, ARCH_PLATFORM);

	sp = start_build_stack(&s, &prog);
	arch_frame_init(&frame, prog.entry, sp);
	if (thread_create(&t, &frame, 0, false) != 0)
		program_fail("no memory for its thread: give the machine more");
	start_name(s.strings, t);
	heap_free(s.words, s.word_cap * sizeof(*s.words));
	heap_free(s.strings, s.cap);
	thread_start_first(t);
}
