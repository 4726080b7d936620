/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cargo's metadata and its target folder: see cargo_choose.h.
 */
#include "cargo_choose.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "path.h"
#include "proc.h"

enum { METADATA_BYTES_MAX = 256 << 20 };

/* The programs that could be meant. */
struct candidates {
	struct strv bins;
	const char *default_run;
	size_t default_runs;
};

static void candidates_add(struct candidates *found, const struct json *package)
{
	const struct json *targets = json_get(package, "targets");
	const char *default_run = json_string(package, "default_run");

	if (default_run) {
		found->default_run = default_run;
		found->default_runs++;
	}
	for (const struct json *t = targets ? targets->first : NULL; t; t = t->next)
		if (json_has(json_get(t, "kind"), "bin") && json_string(t, "name"))
			strv_add(&found->bins, json_string(t, "name"));
}

char *cargo_manifest(const char *dir)
{
	char *at = realpath(dir ? dir : ".", NULL), *slash;

	while (at) {
		char *manifest = path_join(at, "Cargo.toml");

		if (path_is_file(manifest)) {
			free(at);
			return manifest;
		}
		free(manifest);
		slash = strrchr(at, '/');
		if (!slash || !at[1])
			break;
		/* Keep the root's slash. */
		slash[slash == at] = '\0';
	}
	free(at);
	return NULL;
}

static char *manifest_find(const struct cargo *c)
{
	for (size_t i = 0; i + 1 < c->common.n; i++)
		if (!strcmp(c->common.v[i], "--manifest-path"))
			return realpath(c->common.v[i + 1], NULL);
	return cargo_manifest(c->dir);
}

/*
 * Packages as `cargo run` takes them: those named, else the one of the folder, else the workspace's
 * default.
 */
static void candidates_find(struct candidates *found, const struct cargo *c,
			    const struct json *metadata)
{
	const struct json *packages = json_get(metadata, "packages");
	const struct json *members = json_get(metadata, "workspace_default_members");
	char *manifest = manifest_find(c);
	bool here = false;

	if (!members)
		members = json_get(metadata, "workspace_members");
	for (const struct json *p = packages ? packages->first : NULL; p; p = p->next) {
		const char *path = json_string(p, "manifest_path"), *name = json_string(p, "name");

		if (c->packages.n) {
			if (name && strv_has(&c->packages, name))
				candidates_add(found, p);
		} else if (path && manifest && !strcmp(path, manifest)) {
			candidates_add(found, p);
			here = true;
		}
	}
	if (c->packages.n || here)
		packages = NULL;
	for (const struct json *p = packages ? packages->first : NULL; p; p = p->next)
		if (json_string(p, "id") && json_has(members, json_string(p, "id")))
			candidates_add(found, p);
	free(manifest);
}

static int candidates_choose(const struct candidates *found, struct cargo *c)
{
	/* One program needs no choice; none is reported after the build. */
	if (found->bins.n < 2)
		return 0;
	if (found->default_runs == 1) {
		strv_add_all(&c->args, "--bin", found->default_run, NULL);
		return 0;
	}
	struct buf list = {0};

	for (size_t i = 0; i < found->bins.n; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", found->bins.v[i]);
	error("the crate has several programs: %s\n"
	      "  choose one: --bin NAME (or set default-run in its Cargo.toml)",
	      list.p);
	buf_free(&list);
	return STATUS_FAILED;
}

int cargo_choose(struct cargo *c, const char *cargo, const struct strv *env)
{
	struct strv argv = {0};
	struct buf text = {0};
	int status;

	strv_add_all(&argv, cargo, "metadata", "--no-deps", "--format-version=1", NULL);
	strv_append(&argv, &c->common);

	struct proc p = proc_default(&argv);

	p.dir = c->dir;
	p.env = env;
	status = proc_capture(&p, METADATA_BYTES_MAX, &text);
	strv_free(&argv);

	struct json *metadata = status ? NULL : json_parse(text.p);
	const char *target_dir = json_string(metadata, "target_directory");

	buf_free(&text);
	if (!status && !target_dir) {
		error("cargo metadata printed something kiln does not understand");
		status = STATUS_FAILED;
	}
	if (!status && !c->target_dir) {
		const char *other = getenv("KILN_RUST");

		c->target_dir = other ? xasprintf("%s/kiln-%s", target_dir, str_basename(other))
				      : path_join(target_dir, "kiln");
	}
	if (!status && c->one && !c->selected) {
		struct candidates found = {0};

		candidates_find(&found, c, metadata);
		status = candidates_choose(&found, c);
		strv_free(&found.bins);
	}
	json_free(metadata);
	return status;
}

/* Remove the entries of dir that are the file st. */
static void forget_links(const char *dir, const struct stat *st)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct stat other;

		if (!fstatat(dirfd(d), e->d_name, &other, AT_SYMLINK_NOFOLLOW) &&
		    other.st_ino == st->st_ino && other.st_dev == st->st_dev)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

void cargo_forget(const struct strv *images)
{
	for (size_t i = 0; i < images->n; i++) {
		struct stat st;
		char *dir = xstrdup(images->v[i]), *slash = strrchr(dir, '/');

		if (slash && !stat(images->v[i], &st)) {
			*slash = '\0';
			char *deps = path_join(dir, "deps");

			forget_links(deps, &st);
			forget_links(dir, &st);
			free(deps);
		}
		free(dir);
	}
}
