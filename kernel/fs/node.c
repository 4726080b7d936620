/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fixed file tree: the table of nodes, paths, folders. */
#include "fs/node.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "core/heap.h"
#include "fs/console.h"
#include "fs/fcntl.h"
#include "plat/plat.h"

struct node {
	char name[12]; /* in place: a pointer would need a relocation at every boot */
	uint8_t parent;
	uint8_t kind;
	uint8_t target; /* of a link; from NODE_FD on: a descriptor's */
	uint16_t rdev;  /* of a device */
};

/* Device numbers are Linux's (Documentation/admin-guide/devices.txt). */
static const struct node nodes[NODE_TABLE_SIZE] = {
	[NODE_ROOT] = {"", NODE_ROOT, NODE_KIND_DIR, 0, 0},
	[NODE_DEV] = {"dev", NODE_ROOT, NODE_KIND_DIR, 0, 0},
	[NODE_PROC] = {"proc", NODE_ROOT, NODE_KIND_DIR, 0, 0},
	[NODE_TMP] = {"tmp", NODE_ROOT, NODE_KIND_DIR, 0, 0},
	[NODE_DEV_NULL] = {"null", NODE_DEV, NODE_KIND_DEVICE, 0, FILE_RDEV(1, 3)},
	[NODE_DEV_ZERO] = {"zero", NODE_DEV, NODE_KIND_DEVICE, 0, FILE_RDEV(1, 5)},
	[NODE_DEV_FULL] = {"full", NODE_DEV, NODE_KIND_DEVICE, 0, FILE_RDEV(1, 7)},
	[NODE_DEV_RANDOM] = {"random", NODE_DEV, NODE_KIND_DEVICE, 0, FILE_RDEV(1, 8)},
	[NODE_DEV_URANDOM] = {"urandom", NODE_DEV, NODE_KIND_DEVICE, 0, FILE_RDEV(1, 9)},
	[NODE_DEV_TTY] = {"tty", NODE_DEV, NODE_KIND_DEVICE, 0, FILE_RDEV(5, 0)},
	[NODE_DEV_STDIN] = {"stdin", NODE_DEV, NODE_KIND_LINK, NODE_FD + 0, 0},
	[NODE_DEV_STDOUT] = {"stdout", NODE_DEV, NODE_KIND_LINK, NODE_FD + 1, 0},
	[NODE_DEV_STDERR] = {"stderr", NODE_DEV, NODE_KIND_LINK, NODE_FD + 2, 0},
	[NODE_DEV_FD] = {"fd", NODE_DEV, NODE_KIND_LINK, NODE_SELF_FD, 0},
	[NODE_PROC_SELF] = {"self", NODE_PROC, NODE_KIND_DIR, 0, 0},
	[NODE_SELF_EXE] = {"exe", NODE_PROC_SELF, NODE_KIND_LINK, NODE_EXE, 0},
	[NODE_SELF_FD] = {"fd", NODE_PROC_SELF, NODE_KIND_DIR, 0, 0},
#ifdef CONFIG_FS_PROC
	[NODE_PROC_CPUINFO] = {"cpuinfo", NODE_PROC, NODE_KIND_TEXT, 0, 0},
	[NODE_PROC_MEMINFO] = {"meminfo", NODE_PROC, NODE_KIND_TEXT, 0, 0},
	[NODE_PROC_UPTIME] = {"uptime", NODE_PROC, NODE_KIND_TEXT, 0, 0},
	[NODE_PROC_VERSION] = {"version", NODE_PROC, NODE_KIND_TEXT, 0, 0},
	[NODE_SELF_MAPS] = {"maps", NODE_PROC_SELF, NODE_KIND_TEXT, 0, 0},
	[NODE_SELF_CMDLINE] = {"cmdline", NODE_PROC_SELF, NODE_KIND_TEXT, 0, 0},
	[NODE_SELF_ENVIRON] = {"environ", NODE_PROC_SELF, NODE_KIND_TEXT, 0, 0},
	[NODE_SELF_COMM] = {"comm", NODE_PROC_SELF, NODE_KIND_TEXT, 0, 0},
	[NODE_SELF_STATM] = {"statm", NODE_PROC_SELF, NODE_KIND_TEXT, 0, 0},
	[NODE_SELF_STATUS] = {"status", NODE_PROC_SELF, NODE_KIND_TEXT, 0, 0},
#endif
};

_Atomic unsigned node_cwd = NODE_ROOT;
struct proc_program proc_program;

enum node_kind node_kind(unsigned node)
{
	if (node == NODE_EXE)
		return NODE_KIND_EXE;
	return node >= NODE_FD ? NODE_KIND_LINK : (enum node_kind)nodes[node].kind;
}

/* The folder that a node is in. */
static unsigned node_parent(unsigned node)
{
	return node >= NODE_FD ? NODE_SELF_FD : nodes[node].parent;
}

/* --- paths --- */

/* The descriptor that a name in /proc/self/fd stands for, as a node; NODE_NONE if it is not open.
 */
static unsigned node_find_fd(const char *name, size_t len)
{
	int fd = 0;

	if (len > 6 || (len > 1 && name[0] == '0'))
		return NODE_NONE;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return NODE_NONE;
		fd = fd * 10 + (name[i] - '0');
	}
	return fd_next(fd) == fd ? NODE_FD + (unsigned)fd : NODE_NONE;
}

/* A name in a folder; NODE_NONE if there is none. */
static unsigned node_find(unsigned dir, const char *name, size_t len)
{
	if (dir == NODE_SELF_FD)
		return node_find_fd(name, len);
	for (unsigned i = 1; i < NODE_TABLE_SIZE; i++)
		if (nodes[i].parent == dir &&
		    strnlen(nodes[i].name, sizeof(nodes[i].name)) == len &&
		    memcmp(nodes[i].name, name, len) == 0)
			return i;
	return NODE_NONE;
}

/* The node that a link leads to; a descriptor's leads to itself if its file is in no folder of the
 * tree. */
static unsigned node_follow(unsigned node)
{
	if (node < NODE_FD)
		node = nodes[node].target;
	if (node >= NODE_FD) {
		int fd = (int)(node - NODE_FD);
		struct file *f = fd_borrow(fd);

		if (f == NULL)
			return NODE_NONE;
		if (node_of_file(f) != NODE_NONE)
			node = node_of_file(f);
		fd_return(fd, f);
	}
	return node;
}

/* One component, not "": where it leads from dir, links not followed. */
static unsigned node_step(unsigned dir, const char *name, size_t len)
{
	if (len == 1 && name[0] == '.')
		return dir;
	if (len == 2 && name[0] == '.' && name[1] == '.')
		return node_parent(dir);
	return node_find(dir, name, len);
}

/* The program's own file, where it believes it was started from: in no folder, but to be opened. */
static bool node_is_exe_path(const char *path)
{
	return proc_program.exe != NULL && strcmp(path, proc_program.exe) == 0 &&
	       plat->exe_read(NULL, 0, 0, NULL) >= 0;
}

int node_resolve(unsigned dir, const char *path, bool follow, struct node_path *out)
{
	struct node_path at = {.parent = dir, .node = dir};

	if (*path == 0)
		return -ENOENT;
	if (node_is_exe_path(path)) {
		*out = (struct node_path){.parent = NODE_ROOT, .node = NODE_EXE};
		return 0;
	}
	if (*path == '/')
		at.parent = at.node = NODE_ROOT;
	for (;;) {
		size_t len = 0;
		bool last;

		while (*path == '/')
			path++;
		if (*path == 0)
			break;
		if (node_kind(at.node) != NODE_KIND_DIR)
			return -ENOTDIR;
		while (path[len] != '/' && path[len] != 0)
			len++;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		at.parent = at.node;
		at.node = node_step(at.parent, path, len);
		path += len;
		last = *path == 0;
		if (at.node != NODE_NONE && node_kind(at.node) == NODE_KIND_LINK &&
		    (!last || follow))
			at.node = node_follow(at.node);
		if (at.node == NODE_NONE) {
			while (*path == '/')
				path++;
			if (*path != 0)
				return -ENOENT;
			break;
		}
		if (*path == '/' && node_kind(at.node) != NODE_KIND_DIR)
			return -ENOTDIR;
	}
	*out = at;
	return 0;
}

/* Puts "/name" before the text that ends buf[0..*start): the path is built from its end. */
static bool node_prepend(char *buf, size_t *start, unsigned node)
{
	size_t n = strnlen(nodes[node].name, sizeof(nodes[node].name));

	if (n + 1 > *start)
		return false;
	*start -= n + 1;
	buf[*start] = '/';
	memcpy(buf + *start + 1, nodes[node].name, n);
	return true;
}

ssize64_t node_path_text(unsigned node, char *buf, size_t cap)
{
	char text[64];
	size_t start = sizeof(text);

	if (node == NODE_EXE)
		return (ssize64_t)fmt_format(buf, cap, "%s", proc_program.exe);
	if (node >= NODE_FD)
		return (ssize64_t)fmt_format(buf, cap, "/proc/self/fd/%u", node - NODE_FD);
	do {
		if (!node_prepend(text, &start, node))
			return -ENAMETOOLONG;
		node = nodes[node].parent;
	} while (node != NODE_ROOT);
	if (sizeof(text) - start + 1 > cap)
		return -ENAMETOOLONG;
	memcpy(buf, text + start, sizeof(text) - start);
	buf[sizeof(text) - start] = 0;
	return (ssize64_t)(sizeof(text) - start);
}

/* What /proc/self/fd/N leads to. */
static ssize64_t node_readlink_fd(int fd, char *buf, size_t cap)
{
	struct file *f = fd_borrow(fd);
	struct file_stat st;
	ssize64_t n;

	if (f == NULL)
		return -ENOENT;
	file_stat(f, &st);
	if (node_of_file(f) != NODE_NONE)
		n = node_path_text(node_of_file(f), buf, cap);
	else if ((st.mode & S_IFMT) == S_IFIFO)
		n = (ssize64_t)fmt_format(buf, cap, "pipe:[%lu]", st.ino);
	else if ((st.mode & S_IFMT) == S_IFCHR)
		n = (ssize64_t)fmt_format(buf, cap, "/dev/tty");
	else
		n = (ssize64_t)fmt_format(buf, cap, "anon_inode:[eventfd]");
	fd_return(fd, f);
	return n;
}

ssize64_t node_readlink(unsigned node, char *buf, size_t cap)
{
	ssize64_t n;

	if (node_kind(node) != NODE_KIND_LINK)
		return -EINVAL;
	if (node >= NODE_FD)
		n = node_readlink_fd((int)(node - NODE_FD), buf, cap);
	else
		n = node_path_text(nodes[node].target, buf, cap);
	return n < (ssize64_t)cap ? n : -ENAMETOOLONG;
}

/* --- files --- */

static unsigned node_mode(unsigned node)
{
	switch (node_kind(node)) {
	case NODE_KIND_DIR:
		return S_IFDIR | 0555;
	case NODE_KIND_LINK:
		return S_IFLNK | 0777;
	case NODE_KIND_DEVICE:
		return S_IFCHR | 0666;
	case NODE_KIND_EXE:
		return S_IFREG | 0555;
	default:
		return S_IFREG | 0444;
	}
}

void node_stat(unsigned node, struct file_stat *out)
{
	char link[PATH_MAX / 16];
	ssize64_t n;

	*out = (struct file_stat){
		.mode = node_mode(node), .ino = node + 1, .dev = FILE_DEV_TREE, .nlink = 1};
	if (node < NODE_TABLE_SIZE)
		out->rdev = nodes[node].rdev;
	if (node_kind(node) == NODE_KIND_DIR)
		out->nlink = 2;
	if (node_kind(node) == NODE_KIND_EXE)
		(void)plat->exe_read(NULL, 0, 0, &out->size);
	if (node_kind(node) == NODE_KIND_LINK) {
		n = node_readlink(node, link, sizeof(link));
		out->size = n > 0 ? (uint64_t)n : 0;
	}
}

static struct node_file *node_file_of(struct file *f)
{
	return container_of(f, struct node_file, file);
}

void node_file_stat(struct file *f, struct file_stat *out)
{
	node_stat(node_file_of(f)->node, out);
}

void node_file_release(struct file *f)
{
	heap_free(node_file_of(f), sizeof(struct node_file));
}

static ssize64_t node_dir_read(struct file *f, struct uio *u, uint64_t pos)
{
	(void)f;
	(void)u;
	(void)pos;
	return -EISDIR;
}

static const struct file_ops node_dir_ops = {
	.read = node_dir_read,
	.stat = node_file_stat,
	.release = node_file_release,
	.seekable = true,
	.takes_empty = true,
};

unsigned node_of_file(struct file *f)
{
	return f->ops->stat == node_file_stat ? node_file_of(f)->node : NODE_NONE;
}

static const struct file_ops *node_ops(unsigned node)
{
	switch (node_kind(node)) {
	case NODE_KIND_DIR:
		return &node_dir_ops;
	case NODE_KIND_EXE:
		return &proc_exe_ops;
#ifdef CONFIG_FS_PROC
	case NODE_KIND_TEXT:
		return &proc_text_ops;
#endif
	default:
		break;
	}
	if (node == NODE_DEV_NULL)
		return &dev_null_ops;
	if (node == NODE_DEV_ZERO)
		return &dev_zero_ops;
	return node == NODE_DEV_FULL ? &dev_full_ops : &dev_random_ops;
}

int node_open(unsigned node, unsigned flags, struct file **out)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	struct node_file *f;

	switch (node_kind(node)) {
	case NODE_KIND_DIR:
		if (write)
			return -EISDIR;
		break;
	case NODE_KIND_EXE:
		if (write)
			return -EACCES;
		if (plat->exe_read(NULL, 0, 0, NULL) < 0)
			return -ENOENT;
		break;
	case NODE_KIND_TEXT:
		if (write)
			return -EACCES;
		break;
	default:
		break;
	}
	if (node == NODE_DEV_TTY && (flags & O_PATH) == 0)
		return console_open_tty(flags, out);
	f = heap_alloc(sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	file_init(&f->file, node_ops(node), flags);
	f->node = node;
	*out = &f->file;
	return 0;
}

/* --- folders --- */

struct dirent64 { /* struct linux_dirent64, its name after it */
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[13]; /* the longest of the table, and its 0 */
};
#define DIRENT_NAME_OFFSET offsetof(struct dirent64, name)

/* The first entry at or after position *at: "." and ".." are 0 and 1, then nodes or descriptors.
 * False at the end. */
static bool node_dir_entry(unsigned dir, uint64_t *at, struct dirent64 *e)
{
	unsigned node;

	if (*at < 2) {
		node = *at == 0 ? dir : node_parent(dir);
		memcpy(e->name, "..", 3);
		e->name[*at + 1] = 0;
	} else if (dir == NODE_SELF_FD) {
		int fd = *at - 2 < FD_LIMIT_MAX ? fd_next((int)(*at - 2)) : -1;

		if (fd < 0)
			return false;
		*at = (uint64_t)fd + 2;
		node = NODE_FD + (unsigned)fd;
		(void)fmt_format(e->name, sizeof(e->name), "%d", fd);
	} else {
		while (*at - 2 < NODE_TABLE_SIZE && (*at == 2 || nodes[*at - 2].parent != dir))
			++*at;
		if (*at - 2 >= NODE_TABLE_SIZE)
			return false;
		node = (unsigned)(*at - 2);
		memcpy(e->name, nodes[node].name, sizeof(nodes[node].name));
		e->name[sizeof(e->name) - 1] = 0;
	}
	e->ino = node + 1;
	e->type = (uint8_t)(node_mode(node) >> 12); /* DT_* are the type bits of the mode */
	e->off = (int64_t)*at + 1;
	return true;
}

ssize64_t node_getdents(struct file *f, vaddr_t buf, size_t len)
{
	unsigned dir = node_of_file(f);
	size_t done = 0;
	ssize64_t err = 0;

	if (dir == NODE_NONE || node_kind(dir) != NODE_KIND_DIR)
		return -ENOTDIR;
	mutex_lock(&f->pos_lock);
	for (;;) {
		struct dirent64 e = {0};
		uint64_t at = f->pos;

		if (!node_dir_entry(dir, &at, &e))
			break;
		e.reclen = (uint16_t)ALIGN_UP(DIRENT_NAME_OFFSET + strlen(e.name) + 1, 8);
		err = e.reclen > len - done ? -EINVAL : user_copy_out(buf + done, &e, e.reclen);
		if (err != 0)
			break;
		done += e.reclen;
		f->pos = at + 1;
	}
	mutex_unlock(&f->pos_lock);
	return done > 0 ? (ssize64_t)done : err;
}
