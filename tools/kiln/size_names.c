/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where a symbol of an image comes from: see size.h. The kernel's folders are known by the debug
 * information of kernel.o, libraries by what their archives define, crates by the path in a name of
 * Rust's.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "proc.h"
#include "size.h"

enum { NM_BYTES_MAX = 64 << 20 };

struct size_name {
	char *symbol;
	char *part;
	enum size_group group;
};

struct size_names {
	struct size_name *v;
	size_t n, cap;
};

static const struct {
	const char *file, *part;
} libraries[] = {
	{"lib/libc.a", "musl"},           {"lib/libmalloc.a", "malloc"},
	{"lib/libunwind.a", "libunwind"}, {"lib/libcompiler_rt.a", "compiler-rt"},
	{"lib/libc++.a", "libc++"},       {"lib/libc++abi.a", "libc++abi"},
	{"lib/crt1.o", "musl"},
};

static void names_add(struct size_names *names, const char *symbol, const char *part,
		      enum size_group group)
{
	if (names->n == names->cap) {
		names->cap = names->cap ? 2 * names->cap : 1024;
		names->v = xrealloc(names->v, names->cap * sizeof(*names->v));
	}
	names->v[names->n++] = (struct size_name){xstrdup(symbol), xstrdup(part), group};
}

/* nm's output in the form NAME TYPE VALUE SIZE[\tFILE:LINE]. */
static void names_run_nm(const char *file, const char *more, struct buf *out)
{
	struct strv argv = {0};
	struct proc p = proc_default(&argv);

	strv_add_all(&argv, "nm", "-C", "-fposix", "--defined-only", more, file, NULL);
	p.in = p.err = PROC_NULL;
	if (proc_capture(&p, NM_BYTES_MAX, out))
		out->len = 0;
	buf_adds(out, "");
	strv_free(&argv);
}

/* Cut " TYPE VALUE SIZE" off a line of nm's. Names may have spaces in them. */
static bool nm_cut_name(char *line)
{
	char *first = line;

	/* The type is the last word of one letter. */
	for (char *at = line; (at = strchr(at, ' ')) != NULL; at++)
		if (isalpha((unsigned char)at[1]) && (at[2] == ' ' || !at[2]))
			first = at;
	if (first == line)
		return false;
	*first = '\0';
	return true;
}

static void names_add_library(struct size_names *names, const char *path, const char *part)
{
	struct buf out = {0};

	names_run_nm(path, "-p", &out);
	for (char *line = strtok(out.p, "\n"); line; line = strtok(NULL, "\n"))
		if (nm_cut_name(line))
			names_add(names, line, part, GROUP_LIBRARY);
	buf_free(&out);
}

/* "…/kernel/core/page.c:12" is of kernel/core. */
static char *kernel_part(const char *file)
{
	const char *at = NULL;

	for (const char *next = file; next && (next = strstr(next, "kernel/")) != NULL; next++)
		at = next;
	if (!at)
		return xstrdup("kernel, others");
	/* The platforms have a folder each, and some files beside them. */
	size_t under = strlen(str_after(at, "kernel/plat/") ? "kernel/plat/" : "kernel/");
	size_t folder = under + strcspn(at + under, "/:");

	if (at[folder] != '/')
		folder = under - 1;
	return xstrndup(at, folder);
}

static void names_add_kernel(struct size_names *names, const char *path)
{
	struct buf out = {0};

	names_run_nm(path, "-l", &out);
	for (char *line = strtok(out.p, "\n"); line; line = strtok(NULL, "\n")) {
		char *file = strchr(line, '\t'), *part = kernel_part(file);

		if (file)
			*file = '\0';
		if (nm_cut_name(line))
			names_add(names, line, part, GROUP_KERNEL);
		free(part);
	}
	buf_free(&out);
}

static int name_compare(const void *a, const void *b)
{
	const struct size_name *x = a, *y = b;
	int order = strcmp(x->symbol, y->symbol);

	/* The kernel first, then libraries. */
	return order ? order : (int)x->group - (int)y->group;
}

struct size_names *size_names_load(void)
{
	struct size_names *names = xmalloc(sizeof(*names));
	char *path = prefix_lib("lib/kernel.o");

	*names = (struct size_names){0};
	names_add_kernel(names, path);
	free(path);
	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++) {
		path = prefix_lib(libraries[i].file);
		if (path_is_file(path))
			names_add_library(names, path, libraries[i].part);
		free(path);
	}
	qsort(names->v, names->n, sizeof(*names->v), name_compare);
	return names;
}

void size_names_free(struct size_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		free(names->v[i].symbol);
		free(names->v[i].part);
	}
	free(names->v);
	free(names);
}

/* The first name in a path of Rust's: `<&mut foo::Bar as core::fmt::Debug>::fmt` is of foo. NULL:
 * it is none. */
static char *crate_of(const char *symbol)
{
	static const char *const skipped[] = {"mut ",    "const ",  "dyn ",
					      "unsafe ", "extern ", "impl "};
	bool again = true;

	if (!strstr(symbol, "::"))
		return NULL;
	while (again) {
		symbol += strspn(symbol, "<&*([ ");
		again = false;
		for (size_t i = 0; i < ARRAY_SIZE(skipped); i++)
			if (str_after(symbol, skipped[i])) {
				symbol = str_after(symbol, skipped[i]);
				again = true;
			}
	}
	size_t n = 0;

	while (isalnum((unsigned char)symbol[n]) || symbol[n] == '_')
		n++;
	if (n && !strncmp(symbol + n, "::", 2))
		return xstrndup(symbol, n);
	/* A type of the language itself: str, T, a tuple. Its trait says who. */
	const char *as = strstr(symbol, " as ");

	return as ? crate_of(as + strlen(" as ")) : xstrdup("core");
}

static bool is_rust_runtime(const char *symbol)
{
	return strstr(symbol, "rust_") || str_after(symbol, "__rust") ||
	       str_after(symbol, "__rg_") || str_after(symbol, "__rdl_") ||
	       str_after(symbol, "anon.") || str_after(symbol, "vtable.") ||
	       str_after(symbol, "alloc_");
}

enum size_group size_names_find(const struct size_names *names, const char *symbol, char **part)
{
	size_t low = 0, high = names->n;
	char *crate;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(names->v[middle].symbol, symbol) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < names->n && !strcmp(names->v[low].symbol, symbol)) {
		*part = xstrdup(names->v[low].part);
		return names->v[low].group;
	}
	crate = crate_of(symbol);
	if (crate || is_rust_runtime(symbol)) {
		*part = crate ? crate : xstrdup("Rust, without a crate");
		return GROUP_CRATE;
	}
	*part = xstrdup("C and assembler");
	return GROUP_OTHER;
}
