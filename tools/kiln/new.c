/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln new: a crate, or an app in which a C main() calls a Rust library, ready to run.
 */
#include "commands.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opts.h"
#include "path.h"

enum { NEW_EMBED = 1, NEW_NAME, NEW_HELP };

static const struct opt new_options[] = {
	{NEW_EMBED, "embed", 0, NULL},
	{NEW_NAME, "name", 0, "NAME"},
	{NEW_HELP, "help", 'h', NULL},
	{0, NULL, 0, NULL},
};

/* A file of what is made. In path and text stand @NAME@, @LIB@ (as rustc has it in the names of
 * files), @APP@ (as Makefile.uk has it) and @TREE@ (where Kiln's sources are). */
struct new_file {
	const char *path;
	const char *text;
};

static const struct new_file crate_files[] = {
	{"Cargo.toml", "[package]\n"
		       "name = \"@NAME@\"\n"
		       "version = \"0.1.0\"\n"
		       "edition = \"2021\"\n"
		       "\n"
		       "[dependencies]\n"},
	{"src/main.rs", "fn main() {\n"
			"    println!(\"Hello, world!\");\n"
			"}\n"
			"\n"
			"#[cfg(test)]\n"
			"mod tests {\n"
			"    #[test]\n"
			"    fn runs_in_the_virtual_machine() {\n"
			"        assert_eq!(std::process::id(), 1);\n"
			"    }\n"
			"}\n"},
	{".gitignore", "/target\n"},
	{NULL, NULL},
};

static const struct new_file embed_files[] = {
	{"Makefile",
	 "# make menuconfig && make && make run. Makefile.uk says what this application is "
	 "made of.\n"
	 "KILN_ROOT ?= @TREE@\n"
	 ".DEFAULT_GOAL := all\n"
	 "\n"
	 "%:\n"
	 "\t@$(MAKE) --no-print-directory -C $(KILN_ROOT) A=$(CURDIR) $@\n"
	 "Makefile: ;\n"},
	{"Makefile.uk", "@APP@_SRCS-y += $(APP_DIR)/main.c\n"
			"\n"
			"@APP@_CARGO-y += $(APP_DIR)/@NAME@\n"
			"UKALIBS-y += $(APP_DIR)/@NAME@/$(CARGO_OUT)/lib@LIB@.a\n"},
	{"Config.uk", "config @APP@\n"
		      "\tbool\n"
		      "\tdefault y\n"},
	{"main.c", "int rust_main(void);\n"
		   "\n"
		   "int main(void)\n"
		   "{\n"
		   "\treturn rust_main();\n"
		   "}\n"},
	{"@NAME@/Cargo.toml", "[package]\n"
			      "name = \"@NAME@\"\n"
			      "version = \"0.1.0\"\n"
			      "edition = \"2021\"\n"
			      "\n"
			      "[lib]\n"
			      "crate-type = [\"staticlib\"]\n"},
	{"@NAME@/.cargo/config.toml", "[build]\n"
				      "target = \"x86_64-unknown-linux-musl\"\n"
				      "# The C library is Kiln's, and not part of the archive.\n"
				      "rustflags = [\"-C\", \"target-feature=-crt-static\"]\n"},
	{"@NAME@/src/lib.rs", "/// What main() calls. Returns the exit status.\n"
			      "#[no_mangle]\n"
			      "pub extern \"C\" fn rust_main() -> i32 {\n"
			      "    println!(\"Hello, world!\");\n"
			      "    0\n"
			      "}\n"},
	{".gitignore", "/build\n/.config*\ntarget\n"},
	{NULL, NULL},
};

/* The folder of Kiln's sources that this kiln was built in, or NULL: it is installed elsewhere. */
static char *tree_find(void)
{
	const char *given = getenv("KILN_ROOT");
	char *root = given ? xstrdup(given) : path_join(prefix_dir(), "..");
	char *absolute = realpath(root, NULL);
	char *mark = path_join(absolute ? absolute : root, "tools/build/app.mk");

	if (!path_is_file(mark)) {
		free(absolute);
		absolute = NULL;
	}
	free(mark);
	free(root);
	return absolute;
}

/* The name with _ for -; and in capitals. Caller frees. */
static char *name_spell(const char *before, const char *name, bool capitals)
{
	char *spelt = xasprintf("%s%s", before, name);

	for (char *p = spelt; *p; p++)
		*p = (char)(*p == '-' ? '_' : capitals ? toupper((unsigned char)*p) : *p);
	return spelt;
}

/* text with its places filled in. Caller frees. */
static char *fill(const char *text, const char *name, const char *tree)
{
	char *lib = name_spell("", name, false), *app = name_spell("APP", name, true);
	const struct {
		const char *mark, *value;
	} places[] = {{"@NAME@", name}, {"@LIB@", lib}, {"@APP@", app}, {"@TREE@", tree}};
	struct buf out = {0};

	buf_adds(&out, "");
	while (*text) {
		const char *rest = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(places) && !rest; i++)
			if ((rest = str_after(text, places[i].mark)))
				buf_adds(&out, places[i].value);
		if (!rest)
			buf_addc(&out, *text);
		text = rest ? rest : text + 1;
	}
	free(lib);
	free(app);
	return out.p;
}

static int write_files(const struct new_file *files, const char *dir, const char *name,
		       const char *tree)
{
	for (; files->path; files++) {
		char *below = fill(files->path, name, tree), *path = path_join(dir, below);
		char *text = fill(files->text, name, tree), *folder = xstrdup(path);
		int err;

		*strrchr(folder, '/') = '\0';
		err = dir_create(folder);
		if (!err)
			err = file_write(path, text);
		if (err)
			error("cannot write %s: %s", path, strerror(-err));
		free(below);
		free(path);
		free(text);
		free(folder);
		if (err)
			return STATUS_FAILED;
	}
	return 0;
}

/* What Cargo takes for the name of a package. */
static bool name_is_good(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
	return true;
}

static bool dir_is_free(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	bool is_free = d || errno == ENOENT;

	while (d && is_free && (e = readdir(d)))
		is_free = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return is_free;
}

static int new_make(const char *dir, const char *name, bool embed)
{
	char *tree = embed ? tree_find() : NULL;
	int status = STATUS_FAILED;

	if (!dir_is_free(dir))
		error("%s is there already, and not empty", dir);
	else if (embed && !tree)
		error("an app is built by the Makefile of Kiln's source tree, and this kiln was "
		      "installed without it\n"
		      "  say where it is: KILN_ROOT=DIR kiln new --embed %s",
		      dir);
	else
		status = write_files(embed ? embed_files : crate_files, dir, name, tree);
	if (!status && embed)
		printf("made %s\n  build and run it: make -C %s run\n", dir, dir);
	else if (!status)
		printf("made %s\n  build and run it: kiln run %s\n  test it: cargo kiln test (in "
		       "there)\n",
		       dir, dir);
	free(tree);
	return status;
}

int new_main(char **argv)
{
	struct opts o = {.command = "kiln new", .tables = {new_options}, .argv = argv};
	const char *dir = NULL, *name = NULL;
	bool embed = false;
	int id;

	while ((id = opts_next(&o)) != OPT_END) {
		if (id == NEW_HELP)
			return fputs(new_help, stdout) < 0;
		if (id == OPT_OPERAND && dir)
			die(STATUS_USAGE, "one folder at a time: %s and %s", dir, o.value);
		if (id == OPT_OPERAND)
			dir = o.value;
		else if (id == NEW_NAME)
			name = o.value;
		else
			embed = true;
	}
	if (!dir || *o.argv)
		die(STATUS_USAGE, "kiln new takes a folder\n  see: kiln new --help");
	char *absolute = path_absolute(dir);

	while (strlen(absolute) > 1 && str_ends(absolute, "/"))
		absolute[strlen(absolute) - 1] = '\0';
	if (!name)
		name = str_basename(absolute);
	if (!name_is_good(name))
		die(STATUS_USAGE,
		    "%s is no name for a crate, which has letters, digits, - and _\n"
		    "  choose one: kiln new --name NAME %s",
		    name, dir);
	int status = new_make(dir, name, embed);

	free(absolute);
	return status;
}
