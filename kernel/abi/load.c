/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The loader: a Linux executable, a file of its own beside the image (kvm: the VMM's module;
 * linuxu: a file of the host's), becomes the program. base/elf_program.c says what may be loaded;
 * here it is put into memory. There is no dynamic linker.
 */
#include "abi/program.h"
#include "base/elf_program.h"
#include "base/errno.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/trap.h"
#include "core/vma_program.h"
#include "fs/fixed.h"
#include "plat/plat.h"

/* A program that is loaded shares nothing with the image; the image lies outside of its window. */
void program_register_image(void)
{
}

static NORETURN void load_fail(enum elf_problem problem)
{
	log_line(LOG_ERROR, "the program %s", elf_problem_text(problem));
	program_fail(
		problem == ELF_DYNAMIC
			? "link it statically (Rust: -C target-feature=+crt-static; C: -static)"
			: "link it again, as a static executable for x86-64");
}

static void load_read(void *buf, size_t n, uint64_t off)
{
	for (size_t done = 0; done < n;) {
		ssize64_t got = plat->exe_read((char *)buf + done, n - done, off + done, NULL);

		if (got <= 0)
			program_fail("its file cannot be read");
		done += (size_t)got;
	}
}

/* What the file says, checked. */
static void load_plan(struct elf_program *plan)
{
	struct elf_header head = {0};
	struct elf_phdr *phdrs;
	enum elf_problem problem;
	uint64_t size;
	size_t head_size, bytes;

	if (plat->exe_read(&head, 0, 0, &size) < 0)
		program_fail("there is none: kiln run PROGRAM gives the loader its file");
	head_size = MIN(sizeof(head), size);
	load_read(&head, head_size, 0);
	problem = elf_header_check(&head, head_size, size);
	if (problem != ELF_OK)
		load_fail(problem);
	bytes = head.phnum * sizeof(*phdrs);
	phdrs = heap_alloc(bytes);
	if (phdrs == NULL)
		program_fail("no memory for its headers: give the machine more");
	load_read(phdrs, bytes, head.phoff);
	problem = elf_program_plan(&head, phdrs, size, plan);
	heap_free(phdrs, bytes);
	if (problem != ELF_OK)
		load_fail(problem);
}

/* What to add to the file's addresses. */
static vaddr_t load_place(const struct elf_program *plan)
{
	vaddr_t start;

	if (plan->fixed) {
		if (vma_program_reserve(plan->lo, plan->hi) == 0)
			return 0;
		log_line(LOG_ERROR, "it is linked for the addresses 0x%lx to 0x%lx",
			 (unsigned long)plan->lo, (unsigned long)plan->hi);
		program_fail("something else is there: link it as a static PIE");
	}
	start = vma_program_place(plan->hi - plan->lo, plan->align);
	if (start == 0)
		program_fail("no room for it in the address space");
	return start - plan->lo;
}

static unsigned load_prot(uint32_t flags)
{
	/* What can be written or run can be read. */
	return (flags != 0 ? PROT_READ : PROT_NONE) | (flags & ELF_PF_W ? PROT_WRITE : 0) |
	       (flags & ELF_PF_X ? PROT_EXEC : 0);
}

static void load_segment(const struct elf_segment *s, vaddr_t bias)
{
	const struct vma_program_part part = {
		.start = bias + s->start,
		.file_end = bias + s->file_end,
		.end = bias + s->end,
		.offset = s->offset,
		.prot = load_prot(s->flags),
	};
	int rc = vma_program_map(&part);

	if (rc == -EIO)
		program_fail("the host does not map its file (is it on a noexec file system?)");
	if (rc != 0)
		program_fail("no memory for it: give the machine more");
	if ((part.prot & PROT_WRITE) &&
	    user_clear(bias + s->zero_from, s->file_end - s->zero_from) != 0)
		program_fail("no memory for its data: give the machine more");
}

void program_prepare(struct program *out)
{
	struct elf_program plan;
	vaddr_t bias;

	load_plan(&plan);
	bias = load_place(&plan);
	for (unsigned i = 0; i < plan.count; i++)
		load_segment(&plan.segments[i], bias);
	out->vdso = program_map_vdso();
	proc_program.base = bias + plan.lo - plan.segments[0].offset;
	report_program(bias + plan.lo, bias + plan.hi, bias);
	if (plat->load->isolate != NULL)
		plat->load->isolate();
	out->entry = bias + plan.entry;
	out->phdrs = plan.phdrs != 0 ? bias + plan.phdrs : 0;
	out->phnum = plan.phnum;
}
