/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kiln env: what plain cargo and rustc need to make images, for a shell to read.
 */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "toolchain.h"

static void env_print(const char *pair)
{
	size_t name = strcspn(pair, "=");
	struct buf quoted = {0};

	shell_quote(&quoted, pair + name + 1);
	printf("export %.*s=%s\n", (int)name, pair, quoted.p);
	buf_free(&quoted);
}

/* rustc's own arguments, as words without quotes: usable only if the prefix has no spaces. */
static void env_add_rustc_args(const struct toolchain *tc, struct strv *env)
{
	char *cc = prefix_bin("kiln-cc");
	struct strv sysroot = {0};
	struct buf text = {0};

	buf_addf(&text, "KILN_RUSTC_ARGS=--target " RUST_TARGET " -C linker=%s", cc);
	if (tc->kiln_sysroot)
		toolchain_add_sysroot(&sysroot);
	for (size_t i = 0; i < sysroot.n; i++)
		buf_addf(&text, " %s", sysroot.v[i]);
	strv_add(env, text.p);
	buf_free(&text);
	strv_free(&sysroot);
	free(cc);
}

int env_main(char **argv)
{
	const char *dir = argv[0];
	struct toolchain tc;
	struct strv env = {0};
	char *why;

	if (dir && (argv[1] || dir[0] == '-'))
		die(STATUS_USAGE, "kiln env takes a folder at most\n  see: kiln env --help");
	if (dir && !path_is_dir(dir))
		die(STATUS_USAGE, "%s is not a folder", dir);
	if (toolchain_find(dir, &tc, &why)) {
		error("%s", why);
		free(why);
		return STATUS_FAILED;
	}
	toolchain_environment(&tc, &env);
	strv_add(&env, "CARGO_BUILD_TARGET=" RUST_TARGET);
	char *kiln = prefix_bin("kiln");

	strv_addf(&env, "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUNNER=%s run --runner", kiln);
	env_add_rustc_args(&tc, &env);
	if (!tc.kiln_sysroot)
		strv_addf(&env, "RUSTC=%s", tc.rustc);
	for (size_t i = 0; i < env.n; i++)
		env_print(env.v[i]);
	free(kiln);
	strv_free(&env);
	toolchain_free(&tc);
	return 0;
}
