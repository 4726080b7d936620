/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * System calls of memory: mmap(2) and its family, brk(2), madvise(2), mlock(2).
 *
 * A mapping of a file is a private copy, read when it is made; a file that can change is not mapped
 * shared, and such a mapping does not grow. Memory is never swapped out and there is one process,
 * which makes locking, and advice about forks and swapping, true by doing nothing.
 */
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "core/vma.h"
#include "fs/node.h"

/* include/uapi/asm-generic/mman-common.h, mman.h */
#define MAP_SHARED 0x01u
#define MAP_PRIVATE 0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_TYPE 0x0fu
#define MAP_FIXED 0x10u
#define MAP_ANONYMOUS 0x20u
#define MAP_32BIT 0x40u
#define MAP_GROWSDOWN 0x100u
#define MAP_LOCKED 0x2000u
#define MAP_POPULATE 0x8000u
#define MAP_STACK 0x20000u
#define MAP_HUGETLB 0x40000u
#define MAP_SYNC 0x80000u
#define MAP_FIXED_NOREPLACE 0x100000u

#define PROT_SEM 8u
#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

#define MADV_NORMAL 0
#define MADV_RANDOM 1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED 3
#define MADV_DONTNEED 4
#define MADV_FREE 8
#define MADV_DONTFORK 10
#define MADV_DOFORK 11
#define MADV_HUGEPAGE 14
#define MADV_NOHUGEPAGE 15
#define MADV_DONTDUMP 16
#define MADV_DODUMP 17
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23

#define MS_ASYNC 1u
#define MS_INVALIDATE 2u
#define MS_SYNC 4u

#define MLOCK_ONFAULT 1u
#define MCL_CURRENT 1u
#define MCL_FUTURE 2u
#define MCL_ONFAULT 4u

#define MINCORE_CHUNK 128u /* pages answered at once */

static unsigned mmap_flags(unsigned flags)
{
	return (flags & MAP_FIXED_NOREPLACE ? MAP_FLAG_FIXED_NOREPLACE
		: flags & MAP_FIXED         ? MAP_FLAG_FIXED
					    : 0) |
	       (flags & (MAP_POPULATE | MAP_LOCKED) ? MAP_FLAG_POPULATE : 0) |
	       (flags & MAP_GROWSDOWN ? MAP_FLAG_GROWSDOWN : 0) |
	       (flags & MAP_STACK ? MAP_FLAG_STACK : 0) |
	       (flags & MAP_SHARED ? MAP_FLAG_SHARED : 0);
}

/* Fill [start, start + len) from f at off; behind the file's end it stays zero. 0 or -errno. */
static int mmap_read(struct file *f, vaddr_t start, size_t len, uint64_t off)
{
	struct uio_vec vec;
	struct uio u;
	ssize64_t got;

	uio_init(&u, &vec, start, len, false);
	while (u.left > 0) {
		got = file_pread(f, &u, off + (len - u.left));
		if (got == -ERESTARTSYS)
			continue; /* an image has no half-made mappings */
		if (got <= 0)
			return (int)got;
	}
	return 0;
}

/* mmap of f: a copy of its contents. Address or -errno. */
static long mmap_file(struct file *f, vaddr_t hint, size_t len, unsigned prot, unsigned flags,
		      uint64_t off)
{
	struct file_stat st;
	vaddr_t start;
	int rc;

	if (!file_readable(f))
		return -EACCES;
	file_stat(f, &st);
	if ((st.mode & S_IFMT) == S_IFCHR && st.rdev == DEV_ZERO) {
		rc = vma_map(hint, len, prot, mmap_flags(flags), NULL, &start);
		return rc != 0 ? rc : (long)start;
	}
	/* A shared mapping cannot be told from a copy if neither it nor the file can change. */
	if ((st.mode & S_IFMT) != S_IFREG ||
	    ((flags & MAP_SHARED) && ((prot & PROT_WRITE) || node_change(f->entry->node) != NULL)))
		return -ENODEV;
	if ((prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
		return -EACCES;
	rc = vma_map(hint, len, PROT_READ | PROT_WRITE, mmap_flags(flags) | MAP_FLAG_FILE, NULL,
		     &start);
	if (rc != 0)
		return rc;
	if (off < st.size)
		rc = mmap_read(f, start, MIN(len, st.size - off), off);
	if (rc == 0 && prot != (PROT_READ | PROT_WRITE))
		rc = vma_protect(start, len, prot);
	if (rc == 0)
		return (long)start;
	if (vma_unmap(start, len) != 0)
		return -ENOMEM;
	return rc;
}

long sys_mmap(long addr, long length, long protection, long mapflags, long fd, long offset)
{
	unsigned flags = (unsigned)mapflags, prot = (unsigned)protection & PROT_ALL;
	unsigned type = flags & MAP_TYPE;
	vaddr_t start;
	struct file *f;
	long rc;

	if (!IS_ALIGNED((uint64_t)offset, PAGE_SIZE) || length == 0)
		return -EINVAL;
	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & MAP_SYNC))
		return -EOPNOTSUPP;
	/* No huge pages are set aside, and nothing is mapped below 4 GiB. */
	if (flags & (MAP_HUGETLB | MAP_32BIT))
		return -ENOMEM;
	if (flags & MAP_ANONYMOUS) {
		rc = vma_map((vaddr_t)addr, (size_t)length, prot, mmap_flags(flags), NULL, &start);
		return rc != 0 ? rc : (long)start;
	}
	if ((uint64_t)offset > UINT64_MAX - (uint64_t)length)
		return -EOVERFLOW;
	f = fd_borrow((int)fd);
	if (f == NULL)
		return -EBADF;
	rc = mmap_file(f, (vaddr_t)addr, (size_t)length, prot, flags, (uint64_t)offset);
	fd_return((int)fd, f);
	return rc;
}

long sys_munmap(long addr, long length)
{
	return vma_unmap((vaddr_t)addr, (size_t)length);
}

long sys_mprotect(long addr, long length, long protection)
{
	if (!IS_ALIGNED((uint64_t)addr, PAGE_SIZE) ||
	    ((uint64_t)protection & ~(uint64_t)(PROT_ALL | PROT_SEM)) != 0)
		return -EINVAL;
	if (length == 0)
		return 0;
	return vma_protect((vaddr_t)addr, (size_t)length, (unsigned)protection & PROT_ALL);
}

long sys_mremap(long old, long old_length, long new_length, long flags, long new_addr)
{
	vaddr_t start;
	int rc;

	if ((uint64_t)flags > UINT32_MAX)
		return -EINVAL;
	rc = vma_remap((vaddr_t)old, (size_t)old_length, (size_t)new_length, (unsigned)flags,
		       (vaddr_t)new_addr, &start);
	return rc != 0 ? rc : (long)start;
}

long sys_brk(long want)
{
	return (long)vma_brk((vaddr_t)want);
}

/* What an advice means here: 0 nothing to do, MADV_DONTNEED, MADV_POPULATE_WRITE, or -EINVAL. */
static int madvise_action(long advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
		return MADV_DONTNEED;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return MADV_POPULATE_WRITE;
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_madvise(long addr, long length, long advice)
{
	int action = madvise_action(advice);

	if (action < 0 || !IS_ALIGNED((uint64_t)addr, PAGE_SIZE))
		return -EINVAL;
	if (length == 0)
		return 0;
	if (action == MADV_DONTNEED)
		return vma_discard((vaddr_t)addr, (size_t)length);
	if (action == MADV_POPULATE_WRITE)
		return vma_populate((vaddr_t)addr, (size_t)length);
	return vma_check((vaddr_t)addr, (size_t)length);
}

long sys_msync(long addr, long length, long flags)
{
	if ((flags & ~(long)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC) ||
	    !IS_ALIGNED((uint64_t)addr, PAGE_SIZE))
		return -EINVAL;
	if (length == 0)
		return 0;
	return vma_check((vaddr_t)addr, (size_t)length);
}

/* mincore's answer for n pages from start on, all mapped. */
static void mincore_fill(uint8_t *vec, vaddr_t start, size_t n)
{
	struct vma v = {0};

	for (size_t i = 0; i < n; i++, start += PAGE_SIZE) {
		if (start >= v.end && !vma_find(start, false, &v))
			v.end = 0;
		vec[i] = start >= v.touched_lo && start < v.touched_hi;
	}
}

long sys_mincore(long addr, long length, long vector)
{
	uint8_t vec[MINCORE_CHUNK];
	vaddr_t start = (vaddr_t)addr, out = (vaddr_t)vector;
	size_t pages = ((size_t)length + PAGE_SIZE - 1) >> PAGE_SHIFT;
	int rc;

	if (!IS_ALIGNED(start, PAGE_SIZE))
		return -EINVAL;
	if (length == 0)
		return 0;
	rc = vma_check(start, (size_t)length);
	if (rc != 0)
		return -ENOMEM;
	while (pages > 0) {
		size_t n = MIN(pages, MINCORE_CHUNK);

		mincore_fill(vec, start, n);
		rc = user_copy_out(out, vec, n);
		if (rc != 0)
			return rc;
		pages -= n;
		out += n;
		start += n * PAGE_SIZE;
	}
	return 0;
}

/* The range that mlock(2) and munlock(2) mean: whole pages. */
static void mlock_range(vaddr_t *start, size_t *len)
{
	*len += *start & ~PAGE_MASK;
	*start &= PAGE_MASK;
}

long sys_mlock2(long addr, long length, long flags)
{
	vaddr_t start = (vaddr_t)addr;
	size_t len = (size_t)length;

	if (((uint64_t)flags & ~(uint64_t)MLOCK_ONFAULT) != 0)
		return -EINVAL;
	mlock_range(&start, &len);
	if (len == 0)
		return 0;
	return flags & MLOCK_ONFAULT ? vma_check(start, len) : vma_populate(start, len);
}

long sys_mlock(long addr, long length)
{
	return sys_mlock2(addr, length, 0);
}

long sys_munlock(long addr, long length)
{
	vaddr_t start = (vaddr_t)addr;
	size_t len = (size_t)length;

	mlock_range(&start, &len);
	return len == 0 ? 0 : vma_check(start, len);
}

long sys_mlockall(long flags)
{
	if (flags == 0 || flags == (long)MCL_ONFAULT ||
	    ((uint64_t)flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) != 0)
		return -EINVAL;
	return 0;
}

long sys_munlockall(void)
{
	return 0;
}
