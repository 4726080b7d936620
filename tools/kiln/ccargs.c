/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * gcc-style arguments: what is for the compiler, what for the linker, and what an image has no use
 * for.
 *
 * rustc names a C runtime for the linker to add (crt objects, -lc, -lunwind, -lgcc_eh) and says
 * what kind of program it wants (-static-pie and the like). An image has its own runtime and there
 * is only one kind of it, so all of that is left out.
 */
#include "cc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

enum { RESPONSE_BYTES_MAX = 256 << 20, RESPONSE_DEPTH_MAX = 8 };

static bool in_list(const char *const *list, const char *s)
{
	for (; *list; list++)
		if (!strcmp(*list, s))
			return true;
	return false;
}

/* As in_list, but an entry that ends in '*' stands for all that begin like it. */
static bool in_patterns(const char *const *list, const char *s)
{
	for (; *list; list++) {
		size_t n = strlen(*list);

		if ((*list)[n - 1] == '*' ? !strncmp(*list, s, n - 1) : !strcmp(*list, s))
			return true;
	}
	return false;
}

static void add_argument(struct strv *args, const char *arg, int depth);

/* GNU response files: words between white space; quotes and backslashes as in a shell, roughly. */
static void add_response(struct strv *args, char *text, int depth)
{
	while (*text) {
		struct buf word = {0};
		char quote = 0;

		text += strspn(text, " \t\r\n\f\v");
		if (!*text)
			return;
		buf_adds(&word, "");
		for (; *text && (quote || !isspace((unsigned char)*text)); text++) {
			if (*text == '\\' && text[1])
				buf_addc(&word, *++text);
			else if (quote ? *text == quote : *text == '"' || *text == '\'')
				quote = quote ? 0 : *text;
			else
				buf_addc(&word, *text);
		}
		add_argument(args, word.p, depth);
		buf_free(&word);
	}
}

static void add_argument(struct strv *args, const char *arg, int depth)
{
	struct buf text = {0};

	/* As gcc: a file that cannot be read is an argument that begins with @. */
	if (arg[0] != '@' || file_read(arg + 1, RESPONSE_BYTES_MAX, &text)) {
		strv_add(args, arg);
	} else if (depth >= RESPONSE_DEPTH_MAX) {
		die(STATUS_FAILED, "%s: response files are nested too deeply", arg);
	} else {
		add_response(args, text.p, depth + 1);
	}
	buf_free(&text);
}

/* Libraries that every image has, under all the names programs know them by. */
static const char *const runtime_libraries[] = {"c",
						"m",
						"pthread",
						"rt",
						"dl",
						"util",
						"crypt",
						"resolv",
						"xnet",
						"unwind",
						"gcc",
						"gcc_eh",
						"gcc_s",
						"compiler_rt",
						"ssp",
						"ssp_nonshared",
						"clang_rt.builtins-x86_64",
						NULL};
static const char *const cxx_libraries[] = {"stdc++", "supc++", "c++", "c++abi", NULL};

static void add_library(struct cc *cc, const char *name)
{
	if (in_list(cxx_libraries, name))
		cc->cxx_library = true;
	else if (!in_list(runtime_libraries, name))
		strv_addf(&cc->items, "-l%s", name);
}

/* Start and end files of a C runtime, and runtime libraries named as files. */
static bool is_runtime_file(const char *file)
{
	static const char *const objects[] = {"crt1.o",      "rcrt1.o",    "Scrt1.o",
					      "gcrt1.o",     "grcrt1.o",   "crti.o",
					      "crtn.o",      "crtbegin.o", "crtbeginS.o",
					      "crtbeginT.o", "crtend.o",   "crtendS.o",
					      NULL};
	const char *name = str_basename(file);
	bool found = in_list(objects, name);

	if (!found && str_after(name, "lib") && str_ends(name, ".a")) {
		char *library = xstrndup(name + 3, strlen(name) - 5);

		found = in_list(runtime_libraries, library);
		free(library);
	}
	return found;
}

/* The linker's options: without use for an image, alone and with a value behind them. */
static const char *const ld_ignored[] = {
	"-Bstatic", "-Bdynamic", "-dn", "-dy", "-static", "-non_shared", "-call_shared", "-pie",
	"--pie", "-pic-executable", "--pic-executable", "-no-pie", "--no-pie", "-E",
	"--export-dynamic", "--no-export-dynamic", "--dynamic-linker=*", "--rpath=*", "-rpath=*",
	"-rpath-link=*", "--version-script=*", "--dynamic-list=*", "--entry=*", "-soname=*",
	/* lld's and mold's own. */
	"--icf*", "--threads*", "--no-threads", "--rosegment", "--no-rosegment",
	"--undefined-version", "--no-undefined-version", NULL};
static const char *const ld_ignored_with_value[] = {"-dynamic-linker",
						    "--dynamic-linker",
						    "-I",
						    "-rpath",
						    "--rpath",
						    "-rpath-link",
						    "--rpath-link",
						    "--version-script",
						    "--dynamic-list",
						    "-e",
						    "--entry",
						    "-soname",
						    "-h",
						    NULL};

struct cc_parser {
	struct cc *cc;
	bool skip;            /* the linker option's value that comes next is ignored, too */
	const char *language; /* of -x, or "" */
};

static void parse_ld(struct cc_parser *p, const char *arg)
{
	if (p->skip)
		p->skip = false;
	else if (in_list(ld_ignored_with_value, arg))
		p->skip = true;
	else if (!strcmp(arg, "-shared") || !strcmp(arg, "-Bshareable"))
		p->cc->shared = true;
	else if (str_after(arg, "-l") && arg[2])
		add_library(p->cc, arg + 2);
	else if (!in_patterns(ld_ignored, arg))
		strv_add(&p->cc->items, arg);
}

static void parse_wl(struct cc_parser *p, const char *list)
{
	for (;;) {
		size_t n = strcspn(list, ",");
		char *arg = xstrndup(list, n);

		parse_ld(p, arg);
		free(arg);
		if (!list[n])
			return;
		list += n + 1;
	}
}

static bool is_source(const char *file)
{
	static const char *const extensions[] = {".c",   ".i",  ".s",   ".S",   ".sx",
						 ".cc",  ".cp", ".cxx", ".cpp", ".CPP",
						 ".c++", ".C",  ".ii"};

	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		if (str_ends(file, extensions[i]))
			return true;
	return false;
}

static void parse_file(struct cc_parser *p, const char *file)
{
	if (is_source(file) || *p->language) {
		strv_add(&p->cc->sources, file);
		strv_add(&p->cc->languages, p->language);
		/* Its place among the items; cc_main() puts the object here. */
		strv_add(&p->cc->items, file);
	} else if (!is_runtime_file(file)) {
		strv_add(&p->cc->items, file);
	}
}

/* Options whose value may be the next argument. What they mean: parse_valued(). */
static const char *const with_value[] = {"-o",          "-L",        "-l",
					 "-Xlinker",    "-T",        "-u",
					 "-z",          "-e",        "-x",
					 "-B",          "-F",        "-A",
					 "-I",          "-D",        "-U",
					 "-include",    "-isystem",  "-iquote",
					 "-idirafter",  "-imacros",  "-isysroot",
					 "--sysroot",   "-MF",       "-MT",
					 "-MQ",         "--param",   "-Xpreprocessor",
					 "-Xassembler", "-Xclang",   "-target",
					 "-arch",       "-aux-info", "-wrapper",
					 "-specs",      NULL};

static void parse_valued(struct cc_parser *p, const char *option, const char *value)
{
	struct cc *cc = p->cc;

	if (!strcmp(option, "-o"))
		cc->output = value;
	else if (!strcmp(option, "-L"))
		strv_addf(&cc->items, "-L%s", value);
	else if (!strcmp(option, "-l"))
		add_library(cc, value);
	else if (!strcmp(option, "-Xlinker"))
		parse_ld(p, value);
	else if (!strcmp(option, "-T") || !strcmp(option, "-u") || !strcmp(option, "-z"))
		strv_add_all(&cc->items, option, value, NULL);
	else if (!strcmp(option, "-x"))
		p->language = strcmp(value, "none") ? value : "";
	else if (strcmp(option, "-e") && strcmp(option, "-B") && strcmp(option, "--sysroot"))
		strv_add_all(&cc->compile, option, value, NULL);
}

/* Options for the link that an image decides itself. */
static const char *const link_ignored[] = {"-static",
					   "-static-pie",
					   "-pie",
					   "-nostdlib",
					   "-nostartfiles",
					   "-nodefaultlibs",
					   "-nolibc",
					   "-rdynamic",
					   "-static-libgcc",
					   "-shared-libgcc",
					   "-static-libstdc++",
					   "-fuse-ld=*",
					   "--ld-path=*",
					   "-nostdlib++",
					   "-B*",
					   "--sysroot=*",
					   "-flto*",
					   "-fno-lto",
					   NULL};

static const char *const compile_only[] = {
	"-c",        "-S",         "-E",           "-M", "-MM", "-###", "-fsyntax-only",
	"--compile", "--assemble", "--preprocess", NULL};

static void parse_option(struct cc_parser *p, const char *arg)
{
	struct cc *cc = p->cc;
	const char *value;

	if (in_list(compile_only, arg))
		cc->mode = CC_COMPILE;
	else if ((value = str_after(arg, "-Wl,")))
		parse_wl(p, value);
	else if ((value = str_after(arg, "-o")) || (value = str_after(arg, "-L")) ||
		 (value = str_after(arg, "-l")) || (value = str_after(arg, "-T")) ||
		 (value = str_after(arg, "-u")) || (value = str_after(arg, "-x")) ||
		 (value = str_after(arg, "-z")))
		parse_valued(p, (char[]){'-', arg[1], '\0'}, value);
	else if (!strcmp(arg, "-s"))
		strv_add(&cc->items, "-s");
	else if (!strcmp(arg, "-r"))
		cc->relocatable = true;
	else if (!strcmp(arg, "-shared"))
		cc->shared = true;
	else if (!strcmp(arg, "-no-pie") || !strcmp(arg, "-nopie"))
		cc->fixed_code = true;
	else if (!strcmp(arg, "-v"))
		cc->verbose = true;
	else if (!in_patterns(link_ignored, arg))
		strv_add(&cc->compile, arg);
}

void cc_parse(struct cc *cc, char **argv)
{
	struct cc_parser p = {.cc = cc, .language = ""};

	for (; *argv; argv++)
		add_argument(&cc->args, *argv, 0);
	for (size_t i = 0; i < cc->args.n; i++) {
		const char *arg = cc->args.v[i];

		if (in_list(with_value, arg)) {
			if (i + 1 == cc->args.n)
				die(STATUS_FAILED, "option %s needs a value", arg);
			parse_valued(&p, arg, cc->args.v[++i]);
		} else if (arg[0] == '-' && arg[1]) {
			parse_option(&p, arg);
		} else {
			parse_file(&p, arg);
		}
	}
	if (cc->mode == CC_LINK && !cc->items.n)
		cc->mode = CC_QUERY;
}

void cc_free(struct cc *cc)
{
	strv_free(&cc->args);
	strv_free(&cc->compile);
	strv_free(&cc->items);
	strv_free(&cc->sources);
	strv_free(&cc->languages);
}
