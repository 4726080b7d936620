/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory and string functions. Words of 8 bytes by hand for short ranges, rep for long ones: the
 * kernel has no vector registers, and an instruction per byte would show in every boot.
 */
#include "base/string.h"

/* Else gcc makes calls of memcpy() and memset() out of the very loops below. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* A word at any alignment that may alias everything. */
typedef uint64_t word_any __attribute__((aligned(1), may_alias));

#define WORD sizeof(word_any)
/* From here on the start-up cost of a rep instruction is worth it. */
#define REP_MIN 256

static ALWAYS_INLINE void word_copy(char *d, const char *s)
{
	*(word_any *)(void *)d = *(const word_any *)(const void *)s;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (n < WORD) {
		for (; n > 0; n--)
			*d++ = *s++;
		return dst;
	}
	/* The last word first: it may overlap the one before it. */
	word_copy(d + n - WORD, s + n - WORD);
	if (n >= REP_MIN) {
		size_t words = n / WORD;

		__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
		return dst;
	}
	for (; n > WORD; n -= WORD, d += WORD, s += WORD)
		word_copy(d, s);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if ((uintptr_t)d - (uintptr_t)s >= n) {
		/* Upwards is right: dst is not inside [src, src + n). Not memcpy(), which begins at
		 * the end. */
		for (; n >= WORD; n -= WORD, d += WORD, s += WORD)
			word_copy(d, s);
		for (; n > 0; n--)
			*d++ = *s++;
		return dst;
	}
	for (; n >= WORD; n -= WORD)
		word_copy(d + n - WORD, s + n - WORD);
	for (; n > 0; n--)
		d[n - 1] = s[n - 1];
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	char *d = dst;
	uint64_t word = (uint8_t)c * 0x0101010101010101u;

	if (n < WORD) {
		for (; n > 0; n--)
			*d++ = (char)c;
		return dst;
	}
	*(word_any *)(void *)(d + n - WORD) = word;
	if (n >= REP_MIN) {
		size_t words = n / WORD;

		__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(word) : "memory");
		return dst;
	}
	for (; n > WORD; n -= WORD, d += WORD)
		*(word_any *)(void *)d = word;
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p != 0)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != 0)
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (unsigned char)*a - (unsigned char)*b;
		if (*a == 0)
			return 0;
	}
	return 0;
}

bool str_prefix(const char *s, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	if (strncmp(s, prefix, n) != 0)
		return false;
	if (rest != NULL)
		*rest = s + n;
	return true;
}
