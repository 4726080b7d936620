/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ judge: match
//@ load: no
//@ platforms: linuxu kvm
//@ status: 132
//@ case: twice
//@ args: twice
//@ case: twice_others_between
//@ args: twice_others_between
//@ case: twice_large
//@ args: twice_large
//@ case: inside
//@ args: inside
//@ case: beyond_the_end
//@ args: beyond_the_end
//@ case: written_after_free
//@ args: written_after_free
//@ status: 139
//@ case: realloc_freed
//@ args: realloc_freed
//@ case: twice_aligned
//@ args: twice_aligned
//@ status: 139
/* Programs that misuse the allocator end at once. */
#include "test.h"

/* The compiler must not see what is done here. */
static void *volatile keep;
static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void (*volatile do_free)(void *) = free;

static void twice(size_t size, int between)
{
	char *p = do_malloc(size), *others[100];

	for (int i = 0; i < between; i++)
		others[i] = do_malloc(size);
	keep = do_malloc(size);
	do_free(p);
	for (int i = 0; i < between; i++)
		do_free(others[i]);
	do_free(p);
}

static void beyond_the_end(void)
{
	char *blocks[8];

	for (int i = 0; i < 8; i++)
		blocks[i] = do_malloc(40);
	for (int i = 0; i < 8; i++)
		memset(blocks[i], 'x', 40 + 12);
	for (int i = 0; i < 8; i++)
		do_free(blocks[i]);
}

static void written_after_free(void)
{
	char *p = do_malloc(40);

	do_free(p);
	memset(p, 'x', 16);
	for (int i = 0; i < 2; i++)
		memset(do_malloc(40), 0, 40);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char *p;

	if (!strcmp(what, "twice"))
		twice(64, 0);
	else if (!strcmp(what, "twice_others_between"))
		twice(64, 100);
	else if (!strcmp(what, "twice_large"))
		twice(8000, 3);
	else if (!strcmp(what, "inside")) {
		p = do_malloc(200);
		memset(p, 'x', 200);
		do_free(p + 64);
	} else if (!strcmp(what, "beyond_the_end")) {
		beyond_the_end();
	} else if (!strcmp(what, "written_after_free")) {
		written_after_free();
	} else if (!strcmp(what, "realloc_freed")) {
		p = do_malloc(100);
		do_free(p);
		keep = do_realloc(p, 300);
	} else if (!strcmp(what, "twice_aligned")) {
		p = aligned_alloc(4096, 100); /* not at the start of its slot */
		do_free(p);
		do_free(p);
		keep = p;
	}
	return 0;
}
