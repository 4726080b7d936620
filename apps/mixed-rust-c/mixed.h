/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the three parts of this application - C, and the Rust libraries counter and text - offer
 * each other. */
#ifndef MIXED_H
#define MIXED_H

#include <stddef.h>

/* --- counter (Rust) --------------------------------------------------------------------------- */
struct counter; /* made and owned by Rust */

struct counter *counter_new(void);
void counter_free(struct counter *c);
void counter_add(struct counter *c, const char *word);
/* Call visit for each word, in order. Stops and returns -1 if visit returns not 0, else returns how
 * many there were. */
int counter_each(const struct counter *c, int (*visit)(void *ctx, const char *word, size_t count),
		 void *ctx);
/* Divide in Rust, where a division by zero panics. Returns 0 and *result, or -1 if it panicked. */
int counter_divide(int a, int b, int *result);
/* Sort numbers in a thread of Rust's, comparing in C. */
void counter_sort(int *numbers, size_t n, int (*compare)(int a, int b));

/* --- text (Rust) -------------------------------------------------------------------------------
 */
/* A new upper-case copy, or NULL if s is not UTF-8; give it back with text_free(). */
char *text_upper(const char *s);
void text_free(char *s);
/* Split s into words; each is counted by the library counter, through c_count_word(). Returns the
 * number of words. */
size_t text_count_words(const char *s, struct counter *c);
/* The program's name and arguments and the current thread's name, as Rust knows them, in one line.
 */
char *text_describe_process(void);

/* --- C, called from Rust ------------------------------------------------------------------------
 */
void c_count_word(struct counter *c, const char *word);

#endif
