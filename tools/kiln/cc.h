/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln-cc: a C compiler driver with gcc's arguments that makes images. rustc calls it as its
 * linker, the cc crate as its compiler, and people as both.
 */
#ifndef KILN_CC_H
#define KILN_CC_H

#include "util.h"

enum cc_mode {
	CC_LINK,    /* compile what is source, then link an image */
	CC_COMPILE, /* -c, -S, -E and the like: no image */
	CC_QUERY    /* --version, -print-...: answered by the compiler */
};

/* What gcc-style arguments ask for. */
struct cc {
	bool cxx; /* called as kiln-c++ */
	enum cc_mode mode;
	struct strv args;      /* all of them, response files expanded */
	struct strv compile;   /* options that concern compiling */
	struct strv items;     /* for the linker, in their order: options and files */
	struct strv sources;   /* those of the items that must be compiled first */
	struct strv languages; /* beside sources: -x, or "" */
	const char *output;    /* points into args */
	bool relocatable;      /* -r */
	bool shared;           /* -shared */
	bool any_syscall;      /* there may be syscall instructions */
	bool fixed_code;       /* -no-pie: there may be code that is not position independent */
	bool cxx_library;      /* libc++ is wanted */
	bool verbose;          /* -v: show the commands */
};

/* Take the arguments apart. Ends kiln on a mistake. */
void cc_parse(struct cc *cc, char **argv);
void cc_free(struct cc *cc);

/* Run the compiler with cc's own arguments (CC_COMPILE, CC_QUERY). Status. */
MUST_CHECK int cc_compile(const struct cc *cc);
/* Compile one source into object, as CC_LINK needs it. Status. */
MUST_CHECK int cc_compile_source(const struct cc *cc, const char *source, const char *language,
				 const char *object);

/* Link cc->items into an image. Status. */
MUST_CHECK int cc_link(const struct cc *cc);

/* Main programs: kiln-cc, kiln-c++. */
MUST_CHECK int cc_main(char **argv, bool cxx);

#endif
