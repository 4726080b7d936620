/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The memory and string functions that the compiler and the kernel need; semantics as in C17, 7.24.
 */
#ifndef BASE_STRING_H
#define BASE_STRING_H

#include "base/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* True if s begins with prefix; *rest (if rest is not NULL) is what follows it. */
bool str_prefix(const char *s, const char *prefix, const char **rest);

#endif
