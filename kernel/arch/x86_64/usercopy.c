/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks around the accessors of usercopy.S: a range must lie in the program's half of the address
 * space. */
#include "arch/arch.h"
#include "base/errno.h"

#define USER_MIN PAGE_SIZE
/* The last page of the half is out of reach, so that what is near its end cannot run over it. */
#define USER_MAX ((1UL << 47) - PAGE_SIZE)

vaddr_t arch_user_end = USER_MAX;

int user_copy_raw(void *dst, const void *src, size_t n);
int user_clear_raw(void *dst, size_t n);
ssize64_t user_strlen_raw(const char *s, size_t max);
int user_load_u32_raw(uint32_t *value, const void *addr);
int user_cmpxchg_u32_raw(void *addr, uint32_t expected, uint32_t desired, uint32_t *seen);

static ALWAYS_INLINE bool range_ok(vaddr_t start, size_t n)
{
	return start >= USER_MIN && start < arch_user_end && n <= arch_user_end - start;
}

int user_copy_in(void *dst, vaddr_t src, size_t n)
{
	if (n == 0)
		return 0;
	return range_ok(src, n) ? user_copy_raw(dst, (const void *)src, n) : -EFAULT;
}

int user_copy_out(vaddr_t dst, const void *src, size_t n)
{
	if (n == 0)
		return 0;
	return range_ok(dst, n) ? user_copy_raw((void *)dst, src, n) : -EFAULT;
}

int user_clear(vaddr_t dst, size_t n)
{
	if (n == 0)
		return 0;
	return range_ok(dst, n) ? user_clear_raw((void *)dst, n) : -EFAULT;
}

ssize64_t user_strlen(vaddr_t src, size_t max)
{
	ssize64_t n;

	if (!range_ok(src, 1))
		return -EFAULT;
	n = user_strlen_raw((const char *)src, MIN(max, arch_user_end - src));
	return n >= 0 && (size_t)n >= max ? -ENAMETOOLONG : n;
}

ssize64_t user_copy_string(char *dst, vaddr_t src, size_t cap)
{
	ssize64_t n = user_strlen(src, cap);

	if (n < 0)
		return n;
	/* The program may change the string meanwhile: the copy ends where it was measured. */
	if (user_copy_in(dst, src, (size_t)n))
		return -EFAULT;
	dst[n] = 0;
	return n;
}

int user_load_u32(uint32_t *value, vaddr_t addr)
{
	return range_ok(addr, 4) ? user_load_u32_raw(value, (const void *)addr) : -EFAULT;
}

int user_cmpxchg_u32(vaddr_t addr, uint32_t expected, uint32_t desired, uint32_t *seen)
{
	if (!range_ok(addr, 4))
		return -EFAULT;
	return user_cmpxchg_u32_raw((void *)addr, expected, desired, seen);
}
