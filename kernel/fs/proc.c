/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The texts of /proc. A read from the begin makes the text, and what comes behind it goes on in the
 * same one, as with Linux's seq_file: who reads in pieces sees no number that is half of what it
 * was. An open text keeps a window of it, which all that the kernel changes but the maps fit into;
 * these go on by whole lines. A read from anywhere else makes the text again.
 */
#include "arch/arch.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/mutex.h"
#include "core/page.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/fixed.h"
#include "fs/text.h"
#include "plat/plat.h"

static void text_append(struct text *t, const char *s, size_t n)
{
	size_t drop = MIN(t->skip, n);

	t->skip -= drop;
	n -= drop;
	if (n > t->cap - t->len) {
		n = t->cap - t->len;
		t->more = true;
	}
	memcpy(t->buf + t->len, s + drop, n);
	t->len += n;
}

void text_print(struct text *t, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_append(t, line, MIN(n, sizeof(line) - 1));
}

/* As much of program memory as can be read. */
static void text_print_memory(struct text *t, vaddr_t start, vaddr_t end)
{
	vaddr_t from = start + MIN(t->skip, end - start);
	size_t n;

	while (from < end && t->len < t->cap) {
		n = MIN(MIN(end - from, t->cap - t->len), PAGE_SIZE - from % PAGE_SIZE);
		if (user_copy_in(t->buf + t->len, from, n) != 0)
			return;
		t->len += n;
		from += n;
	}
	t->more = from < end;
}

/* Bytes of a name; what is longer is cut. */
#define MAPS_NAME_MAX 3072u

/* One line of /proc/self/maps (proc(5)). Names are in brackets, or mean the program's file. */
static void maps_print_line(struct text *t, const struct vma *v)
{
	const char *name = v->name != NULL ? v->name : "";
	bool file = *name != 0 && *name != '[';

	if (file)
		name = proc_program.exe;
	text_print(t, "%08lx-%08lx %c%c%c%c %08lx 00:00 0 %*s", v->start, v->end,
		   v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-',
		   v->prot & PROT_EXEC ? 'x' : '-', v->flags & VMA_SHARED ? 's' : 'p',
		   file ? v->start - proc_program.base : 0, *name ? 25 : 0, "");
	text_append(t, name, strnlen(name, MAPS_NAME_MAX));
	text_append(t, "\n", 1);
}

/* From t->at on, whole lines. An area that has grown together with one before is told from there.
 */
static void proc_print_maps(struct text *t)
{
	struct vma v;
	size_t whole;

	t->skip = 0;
	while (!t->more && vma_find(t->at, true, &v)) {
		whole = t->len;
		v.start = MAX(v.start, t->at);
		maps_print_line(t, &v);
		if (t->more)
			t->len = whole;
		else
			t->at = v.end;
	}
}

static void proc_print_meminfo(struct text *t)
{
	uint64_t total, free;

	plat->ram_info(&total, &free);
	text_print(t, "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n",
		   total >> 10, free >> 10, free >> 10);
	text_print(t, "Buffers:        %8u kB\nCached:         %8u kB\n", 0, 0);
	text_print(t, "SwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0, 0);
}

/* What the process tells as its own is the main thread's, whoever asks; once that has ended, who
 * asks tells his. */
static void proc_main_thread(char name[THREAD_NAME_SIZE], uint64_t *affinity)
{
	struct thread *main = thread_find_lock(PROCESS_ID);
	const struct thread *t = main != NULL ? main : thread_current();

	memcpy(name, t->name, THREAD_NAME_SIZE);
	*affinity = t->affinity;
	if (main != NULL)
		threads_unlock();
}

static void proc_print_status(struct text *t)
{
	char name[THREAD_NAME_SIZE];
	uint64_t mapped, touched, cpus;
	unsigned umask = atomic_load_explicit(&tree_umask, memory_order_relaxed);

	proc_main_thread(name, &cpus);
	cpus &= sched_cpus();
	vma_usage(&mapped, &touched);
	text_print(t, "Name:\t%s\nUmask:\t0%u%u%u\n", name, umask >> 6, umask >> 3 & 7, umask & 7);
	text_print(t, "State:\tR (running)\n");
	text_print(t, "Tgid:\t1\nPid:\t1\nPPid:\t0\nTracerPid:\t0\n");
	text_print(t, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0\n");
	text_print(t, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t%u\n", mapped >> 10,
		   touched >> 10, thread_count());
	text_print(t, "Cpus_allowed:\t");
	proc_print_cpu_mask(t, cpus);
	text_print(t, "Cpus_allowed_list:\t");
	proc_print_cpu_list(t, cpus);
}

static void proc_print(struct text *t, enum fixed_id id)
{
	char name[THREAD_NAME_SIZE];
	uint64_t mapped, touched, affinity;

	switch (id) {
	case FIXED_PROC_CPUINFO:
		proc_print_cpuinfo(t);
		break;
	case FIXED_PROC_MEMINFO:
		proc_print_meminfo(t);
		break;
	case FIXED_PROC_LOADAVG:
		proc_print_loadavg(t);
		break;
	case FIXED_PROC_STAT:
		proc_print_stat(t);
		break;
	case FIXED_PROC_UPTIME:
		proc_print_uptime(t);
		break;
	case FIXED_PROC_VERSION:
		text_print(t, "Linux version 6.1.0-kiln (Kiln on %s)\n", plat->name);
		break;
	case FIXED_SELF_MAPS:
		proc_print_maps(t);
		break;
	case FIXED_SELF_CMDLINE:
		text_print_memory(t, proc_program.args_start, proc_program.args_end);
		break;
	case FIXED_SELF_ENVIRON:
		text_print_memory(t, proc_program.env_start, proc_program.env_end);
		break;
	case FIXED_SELF_COMM:
		proc_main_thread(name, &affinity);
		text_print(t, "%s\n", name);
		break;
	case FIXED_SELF_STATM:
		vma_usage(&mapped, &touched);
		text_print(t, "%lu %lu 0 0 0 %lu 0\n", mapped >> PAGE_SHIFT, touched >> PAGE_SHIFT,
			   mapped >> PAGE_SHIFT);
		break;
	default:
		proc_print_status(t);
		break;
	}
}

/* An open text. */
struct proc_text {
	struct file file;
	struct mutex lock; /* guards what follows */
	uint64_t next;     /* where the last read ended */
	uint64_t start;    /* position of the window's first byte */
	struct text text;
	uint8_t window[];
};
#define PROC_TEXT_SIZE PAGE_SIZE
#define PROC_TEXT_WINDOW (PROC_TEXT_SIZE - sizeof(struct proc_text))
_Static_assert(PROC_TEXT_WINDOW >= MAPS_NAME_MAX + 256, "a line of the maps");

/* Before the begin: what is next is the first window. */
static void proc_text_restart(struct proc_text *p)
{
	p->start = 0;
	p->text = (struct text){.buf = p->window, .cap = PROC_TEXT_WINDOW, .more = true};
}

/* Go on until pos is in the window; false: the text ends before. */
static bool proc_text_reach(struct proc_text *p, uint64_t pos)
{
	struct text *t = &p->text;

	while (pos >= p->start + t->len && t->more) {
		p->start += t->len;
		t->skip = p->start;
		t->len = 0;
		t->more = false;
		proc_print(t, fixed_id(p->file.entry->node));
	}
	return pos < p->start + t->len;
}

static ssize64_t proc_text_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct proc_text *p = container_of(f, struct proc_text, file);
	size_t total = u->left;
	ssize64_t n = 0;

	mutex_lock(&p->lock);
	if (*pos == 0 || *pos != p->next)
		proc_text_restart(p);
	while (u->left > 0 && n >= 0 && proc_text_reach(p, *pos)) {
		size_t done = *pos - p->start;

		n = uio_put_some(u, p->window + done, MIN(p->text.len - done, u->left));
		*pos += (uint64_t)MAX(n, 0);
	}
	p->next = *pos;
	mutex_unlock(&p->lock);
	return u->left < total ? (ssize64_t)(total - u->left) : n;
}

static void proc_text_release(struct file *f)
{
	heap_free(container_of(f, struct proc_text, file), PROC_TEXT_SIZE);
}

static const struct file_ops proc_text_ops = {
	.read = proc_text_read,
	.release = proc_text_release,
	.seekable = true,
};

int proc_text_open(struct entry *e, unsigned flags, struct file **out)
{
	struct proc_text *p = heap_alloc(PROC_TEXT_SIZE);

	if (p == NULL)
		return -ENOMEM;
	file_init(&p->file, &proc_text_ops, flags);
	p->file.entry = entry_get(e);
	mutex_init(&p->lock);
	p->next = 0;
	proc_text_restart(p);
	*out = &p->file;
	return 0;
}
