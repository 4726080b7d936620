/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The types and attributes that every layer shares. Addresses of different kinds are different
 * types of integer name: paddr_t is physical, vaddr_t is virtual.
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;
typedef uint64_t vaddr_t;
typedef int64_t ssize64_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define ALIGNED(n) __attribute__((aligned(n)))
#define PACKED __attribute__((packed))
#define UNUSED __attribute__((unused))
/* For code that runs before %gs is set. */
#define NO_STACK_PROTECTOR __attribute__((no_stack_protector))
/* Not necessarily linked: compare with NULL first. Hidden, so that no PLT entry is made for it. */
#define WEAK __attribute__((weak, visibility("hidden")))
/* Visible outside kernel.o; its name must stand in kernel/exports.txt. */
#define EXPORT __attribute__((visibility("default"), used))

#define likely(x) __builtin_expect(!!(x), 1)
/* What is always so, for compiler and analyser; it is not checked. */
#define ASSUME(x) ((x) ? (void)0 : __builtin_unreachable())
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Inside functions. Each argument is evaluated once: it may be a call, or change meanwhile. */
#define MIN(a, b) PICK(a, b, <, __COUNTER__)
#define MAX(a, b) PICK(a, b, >, __COUNTER__)
#define PICK(a, b, op, n) PICK_NAMED(a, b, op, n)
#define PICK_NAMED(a, b, op, n)                                                                    \
	__extension__({                                                                            \
		__auto_type pick_a##n = (a);                                                       \
		__auto_type pick_b##n = (b);                                                       \
		pick_a##n op pick_b##n ? pick_a##n : pick_b##n;                                    \
	})
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/*
 * All that is declared from here on is in the image, at a fixed distance: it is reached without a
 * GOT, also before relocation (hidden visibility by the command line counts for definitions only).
 */
#if __STDC_HOSTED__ == 0 /* not in unit tests, which use the C library */
#pragma GCC visibility push(hidden)
#endif

/* Powers of two only. The caller makes sure that x + a does not wrap. */
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define ALIGN_UP(x, a) ALIGN_DOWN((x) + (__typeof__(x))(a)-1, a)
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a)-1)) == 0)

/* 1 if a Kconfig option is y, usable inside functions (STYLE.md, C rule 6). */
#define KCONF_ARG_1 0,
#define KCONF_PICK(ignored, val, ...) val
#define KCONF_EXPAND(arg) KCONF_PICK(arg 1, 0, 0)
#define KCONF_JOIN(x) KCONF_EXPAND(KCONF_ARG_##x)
#define IS_ENABLED(option) KCONF_JOIN(option)

#endif
