/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Files and folders: see path.h.
 */
#include "path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *prefix_dir(void)
{
	static char prefix[PATH_MAX];

	if (prefix[0])
		return prefix;
	ssize_t n = readlink("/proc/self/exe", prefix, sizeof(prefix) - 1);

	if (n <= 0)
		die(STATUS_FAILED,
		    "cannot read /proc/self/exe: %s\n  kiln needs /proc to find its files",
		    strerror(errno));
	prefix[n] = '\0';
	for (int level = 0; level < 2; level++) {
		char *slash = strrchr(prefix, '/');

		if (slash)
			*slash = '\0';
	}
	return prefix;
}

char *prefix_lib(const char *name)
{
	return xasprintf("%s/lib/kiln/%s", prefix_dir(), name);
}

char *prefix_bin(const char *name)
{
	return xasprintf("%s/bin/%s", prefix_dir(), name);
}

char *path_join(const char *dir, const char *name)
{
	if (name[0] == '/')
		return xstrdup(name);
	return xasprintf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}

char *path_absolute(const char *path)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return xstrdup(path);
	if (!getcwd(cwd, sizeof(cwd)))
		die(STATUS_FAILED, "cannot tell the current folder: %s", strerror(errno));
	return path_join(cwd, path);
}

static mode_t path_mode(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_mode;
}

bool path_is_file(const char *path)
{
	return S_ISREG(path_mode(path));
}

bool path_is_dir(const char *path)
{
	return S_ISDIR(path_mode(path));
}

int64_t path_mtime_ns(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

char *command_find(const char *name)
{
	if (strchr(name, '/'))
		return path_is_file(name) && !access(name, X_OK) ? xstrdup(name) : NULL;

	const char *dirs = getenv("PATH");

	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	while (*dirs) {
		size_t n = strcspn(dirs, ":");
		char *path = xasprintf("%.*s/%s", n ? (int)n : 1, n ? dirs : ".", name);

		if (path_is_file(path) && !access(path, X_OK))
			return path;
		free(path);
		dirs += n + (dirs[n] == ':');
	}
	return NULL;
}

int file_read(const char *path, size_t limit, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		char chunk[16384];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		else if (n > 0 && (size_t)n > limit - out->len)
			err = -EFBIG;
		if (n <= 0 || err)
			break;
		buf_add(out, chunk, (size_t)n);
	}
	close(fd);
	if (!err)
		buf_adds(out, "");
	return err;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), err = 0;
	size_t n = strlen(text);

	if (fd < 0)
		return -errno;
	while (n && !err) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			err = -errno;
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		}
	}
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int dir_create(const char *path)
{
	char *copy = xstrdup(path);
	int err = 0;

	for (char *p = copy + 1; !err; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char saved = *p;

		*p = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			err = -errno;
		*p = saved;
		if (saved == '\0')
			break;
	}
	if (!err && !path_is_dir(path))
		err = -ENOTDIR;
	free(copy);
	return err;
}

void dir_remove_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}
