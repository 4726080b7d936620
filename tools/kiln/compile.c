/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Compile C and C++ with the system's compiler against Kiln's C library.
 */
#include "cc.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "proc.h"

struct compiler {
	char *command;
	bool clang;
};

static char *first_command(const char *const *names)
{
	for (; *names; names++) {
		char *path = command_find(*names);

		free(path);
		if (path)
			return xstrdup(*names);
	}
	return NULL;
}

/*
 * $KILN_CC or $KILN_CXX, or the first that is installed. libc++'s headers are written for clang
 * first, so C++ prefers it.
 */
static struct compiler compiler_find(bool cxx)
{
	static const char *const c_names[] = {"gcc", "cc", "clang", NULL};
	static const char *const cxx_names[] = {"clang++", "g++", "c++", NULL};
	const char *chosen = getenv(cxx ? "KILN_CXX" : "KILN_CC");
	struct compiler compiler;

	compiler.command = chosen && *chosen ? xstrdup(chosen)
					     : first_command(cxx ? cxx_names : c_names);
	if (!compiler.command)
		die(STATUS_FAILED, "there is no C%s compiler\n  install one: apt-get install %s",
		    cxx ? "++" : "", cxx ? "clang" : "gcc");
	compiler.clang = strstr(str_basename(compiler.command), "clang") != NULL;
	return compiler;
}

/* The folder of the compiler's own headers (stddef.h and the like). */
static char *compiler_include(const char *command)
{
	struct strv argv = {0};
	struct buf out = {0};

	strv_add_all(&argv, command, "-print-file-name=include", NULL);

	struct proc p = proc_default(&argv);
	int status = proc_capture(&p, 4096, &out);

	strv_free(&argv);
	if (status)
		die(STATUS_FAILED, "%s does not tell where its headers are", command);
	out.p[strcspn(out.p, "\n")] = '\0';
	return out.p;
}

/* Options that go before the user's, which may override them. */
static void add_first(struct strv *argv, const struct compiler *compiler, bool cxx)
{
	strv_add(argv, compiler->command);
	if (compiler->clang)
		strv_add_all(argv, "--target=x86_64-linux-musl", "-nostdlibinc", NULL);
	else
		strv_add(argv, "-nostdinc");
	if (cxx)
		strv_add(argv, "-nostdinc++");
	strv_add_all(argv, "-D__kiln__=1", "-fPIE", NULL);
}

/* Folders that are searched after the user's. */
static void add_last(struct strv *argv, const struct compiler *compiler, bool cxx)
{
	char *musl = prefix_lib("include");

	if (cxx) {
		char *libcxx = prefix_lib("include/c++/v1");

		if (!path_is_dir(libcxx))
			die(STATUS_FAILED, "this Kiln was built without the C++ libraries\n"
					   "  choose them in make menuconfig and build again");
		strv_add_all(argv, "-isystem", libcxx, NULL);
		free(libcxx);
	}
	strv_add_all(argv, "-isystem", musl, NULL);
	if (!compiler->clang) {
		char *own = compiler_include(compiler->command);

		strv_add_all(argv, "-isystem", own, NULL);
		free(own);
	}
	free(musl);
}

static int compiler_run(const struct cc *cc, const struct strv *argv)
{
	struct proc p = proc_default(argv);

	if (cc->verbose) {
		char *command = shell_join(argv);

		error("%s", command);
		free(command);
	}
	int status = proc_run(&p);

	if (status < 0)
		error("cannot start %s: %s", argv->v[0], strerror(-status));
	return status < 0 ? STATUS_FAILED : status;
}

static bool is_cxx_source(const char *source, const char *language)
{
	static const char *const extensions[] = {".cc",  ".cp",  ".cxx", ".cpp",
						 ".CPP", ".c++", ".C",   ".ii"};

	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		if (!*language && str_ends(source, extensions[i]))
			return true;
	return str_after(language, "c++") != NULL;
}

int cc_compile(const struct cc *cc)
{
	struct strv argv = {0};
	bool cxx = cc->cxx;

	for (size_t i = 0; i < cc->sources.n; i++)
		cxx = cxx || is_cxx_source(cc->sources.v[i], cc->languages.v[i]);

	struct compiler compiler = compiler_find(cxx);

	add_first(&argv, &compiler, cxx);
	/* Link-time optimisation would need the compiler's plugin in the final link. */
	for (size_t i = 0; i < cc->args.n; i++)
		if (!str_after(cc->args.v[i], "-flto"))
			strv_add(&argv, cc->args.v[i]);
	/* A question is about the compiler, not about headers (and C++ ones may be missing). */
	if (cc->mode == CC_COMPILE)
		add_last(&argv, &compiler, cxx);

	int status = compiler_run(cc, &argv);

	free(compiler.command);
	strv_free(&argv);
	return status;
}

int cc_compile_source(const struct cc *cc, const char *source, const char *language,
		      const char *object)
{
	struct strv argv = {0};
	bool cxx = cc->cxx || is_cxx_source(source, language);
	struct compiler compiler = compiler_find(cxx);

	add_first(&argv, &compiler, cxx);
	strv_append(&argv, &cc->compile);
	if (*language)
		strv_add_all(&argv, "-x", language, NULL);
	strv_add_all(&argv, "-c", source, "-o", object, NULL);
	add_last(&argv, &compiler, cxx);

	int status = compiler_run(cc, &argv);

	free(compiler.command);
	strv_free(&argv);
	return status;
}
