/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The texts of /proc. A text is made anew at each read, from its begin, and what the read does not
 * want is dropped; so no text needs memory, however long it is.
 */
#include "arch/arch.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "core/page.h"
#include "core/thread.h"
#include "core/vma.h"
#include "fs/chunk.h"
#include "fs/fixed.h"
#include "fs/text.h"
#include "plat/plat.h"

static void text_append(struct text *t, const char *s, size_t n)
{
	size_t drop = MIN(t->skip, n);

	t->skip -= drop;
	n = MIN(n - drop, t->cap - t->len);
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
	size_t n = MIN(end - from, t->cap - t->len);

	if (user_copy_in(t->buf + t->len, from, n) == 0)
		t->len += n;
}

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
	text_append(t, name, strlen(name));
	text_append(t, "\n", 1);
}

static void proc_print_maps(struct text *t)
{
	struct vma v;
	vaddr_t at = 0;

	while (t->len < t->cap && vma_find(at, true, &v)) {
		maps_print_line(t, &v);
		at = v.end;
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

static void proc_print_status(struct text *t)
{
	uint64_t mapped, touched, cpus = thread_current()->affinity & sched_cpus();
	unsigned umask = atomic_load_explicit(&tree_umask, memory_order_relaxed);

	vma_usage(&mapped, &touched);
	text_print(t, "Name:\t%s\nUmask:\t0%u%u%u\n", thread_current()->name, umask >> 6,
		   umask >> 3 & 7, umask & 7);
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
	uint64_t mapped, touched;

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
		text_print(t, "%s\n", thread_current()->name);
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

static ssize64_t proc_text_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct text t = {.skip = *pos};
	struct chunk c;
	int err;

	chunk_begin(&c, u->left);
	t.buf = c.buf;
	t.cap = MIN(c.cap, u->left);
	proc_print(&t, fixed_id(f->entry->node));
	err = uio_put(u, c.buf, t.len);
	chunk_end(&c);
	if (err != 0)
		return err;
	*pos += t.len;
	return (ssize64_t)t.len;
}

const struct file_ops proc_text_ops = {
	.read = proc_text_read,
	.seekable = true,
};
