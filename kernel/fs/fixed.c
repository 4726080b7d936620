/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fixed file system: the table of its nodes, and the links of /proc/self/fd, which come and go
 * with the paths that lead over them. Nodes and entries are made ready when they are looked up
 * first, so that boot does nothing for them.
 */
#include "fs/fixed.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "core/heap.h"
#include "fs/console.h"
#include "fs/ramfs.h"
#include "plat/plat.h"

enum fixed_kind { FIXED_FOLDER, FIXED_LINK, FIXED_DEVICE, FIXED_TEXT, FIXED_FILE };

struct fixed_row {
	char name[12]; /* in place: a pointer would need a relocation at every boot */
	uint8_t parent;
	uint8_t kind;
	uint8_t target; /* of a link: a node, or FIXED_TO_FD and a descriptor */
	uint16_t rdev;  /* of a device */
};
#define FIXED_TO_FD 0x80u

/* Device numbers are Linux's (Documentation/admin-guide/devices.txt). */
static const struct fixed_row fixed_rows[FIXED_COUNT] = {
	[FIXED_ROOT] = {"", FIXED_ROOT, FIXED_FOLDER, 0, 0},
	[FIXED_DEV] = {"dev", FIXED_ROOT, FIXED_FOLDER, 0, 0},
	[FIXED_PROC] = {"proc", FIXED_ROOT, FIXED_FOLDER, 0, 0},
	[FIXED_TMP] = {"tmp", FIXED_ROOT, FIXED_FOLDER, 0, 0},
	[FIXED_DEV_NULL] = {"null", FIXED_DEV, FIXED_DEVICE, 0, DEV_NULL},
	[FIXED_DEV_ZERO] = {"zero", FIXED_DEV, FIXED_DEVICE, 0, DEV_ZERO},
	[FIXED_DEV_FULL] = {"full", FIXED_DEV, FIXED_DEVICE, 0, DEV_FULL},
	[FIXED_DEV_RANDOM] = {"random", FIXED_DEV, FIXED_DEVICE, 0, DEV_RANDOM},
	[FIXED_DEV_URANDOM] = {"urandom", FIXED_DEV, FIXED_DEVICE, 0, DEV_URANDOM},
	[FIXED_DEV_TTY] = {"tty", FIXED_DEV, FIXED_DEVICE, 0, DEV_TTY},
	[FIXED_DEV_STDIN] = {"stdin", FIXED_DEV, FIXED_LINK, FIXED_TO_FD + 0, 0},
	[FIXED_DEV_STDOUT] = {"stdout", FIXED_DEV, FIXED_LINK, FIXED_TO_FD + 1, 0},
	[FIXED_DEV_STDERR] = {"stderr", FIXED_DEV, FIXED_LINK, FIXED_TO_FD + 2, 0},
	[FIXED_DEV_FD] = {"fd", FIXED_DEV, FIXED_LINK, FIXED_SELF_FD, 0},
	[FIXED_PROC_SELF] = {"self", FIXED_PROC, FIXED_FOLDER, 0, 0},
	[FIXED_SELF_EXE] = {"exe", FIXED_PROC_SELF, FIXED_LINK, FIXED_EXE, 0},
	[FIXED_SELF_FD] = {"fd", FIXED_PROC_SELF, FIXED_FOLDER, 0, 0},
#ifdef CONFIG_FS_PROC
	[FIXED_PROC_CPUINFO] = {"cpuinfo", FIXED_PROC, FIXED_TEXT, 0, 0},
	[FIXED_PROC_LOADAVG] = {"loadavg", FIXED_PROC, FIXED_TEXT, 0, 0},
	[FIXED_PROC_MEMINFO] = {"meminfo", FIXED_PROC, FIXED_TEXT, 0, 0},
	[FIXED_PROC_STAT] = {"stat", FIXED_PROC, FIXED_TEXT, 0, 0},
	[FIXED_PROC_UPTIME] = {"uptime", FIXED_PROC, FIXED_TEXT, 0, 0},
	[FIXED_PROC_VERSION] = {"version", FIXED_PROC, FIXED_TEXT, 0, 0},
	[FIXED_SELF_MAPS] = {"maps", FIXED_PROC_SELF, FIXED_TEXT, 0, 0},
	[FIXED_SELF_CMDLINE] = {"cmdline", FIXED_PROC_SELF, FIXED_TEXT, 0, 0},
	[FIXED_SELF_ENVIRON] = {"environ", FIXED_PROC_SELF, FIXED_TEXT, 0, 0},
	[FIXED_SELF_COMM] = {"comm", FIXED_PROC_SELF, FIXED_TEXT, 0, 0},
	[FIXED_SELF_STATM] = {"statm", FIXED_PROC_SELF, FIXED_TEXT, 0, 0},
	[FIXED_SELF_STATUS] = {"status", FIXED_PROC_SELF, FIXED_TEXT, 0, 0},
#endif
	[FIXED_EXE] = {"", FIXED_ROOT, FIXED_FILE, 0, 0},
};

/* Filled under the tree lock; what is filled stays. References to them are counted and never end.
 */
static struct fixed {
	struct node node;
	struct entry entry;
} fixed[FIXED_COUNT];

struct proc_program proc_program;

enum fixed_id fixed_id(struct node *n)
{
	return (enum fixed_id)(container_of(n, struct fixed, node) - fixed);
}

static const struct fixed_row *fixed_row(struct node *n)
{
	return &fixed_rows[fixed_id(n)];
}

/* --- /proc/self/fd --- */

struct descriptor {
	struct node node;
	int fd;
};

static const struct node_ops descriptor_ops;

int fixed_descriptor(const struct entry *e)
{
	return e->node->ops == &descriptor_ops ? container_of(e->node, struct descriptor, node)->fd
					       : -1;
}

#define DESCRIPTOR_INO 1000u

/* The entry of descriptor fd, if it is open. 0 with *out (or NULL), -ENOMEM. */
static int descriptor_create(struct entry *dir, const char *name, size_t len, int fd,
			     struct entry **out)
{
	struct descriptor *d;

	*out = NULL;
	if (fd_cloexec_get(fd) < 0)
		return 0;
	d = heap_alloc(sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	node_init(&d->node, &descriptor_ops, S_IFLNK | 0777, DESCRIPTOR_INO + (unsigned)fd);
	d->fd = fd;
	*out = entry_create(dir, name, len, &d->node);
	if (*out == NULL)
		heap_free(d, sizeof(*d));
	return *out != NULL ? 0 : -ENOMEM;
}

/* The number that a name in /proc/self/fd is; -1 if it is none. */
static int descriptor_parse(const char *name, size_t len)
{
	int fd = 0;

	if (len > 6 || (len > 1 && name[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		fd = fd * 10 + (name[i] - '0');
	}
	return fd;
}

static struct entry *descriptor_follow(struct entry *link)
{
	int fd = fixed_descriptor(link);
	struct file *f = fd_borrow(fd);
	struct entry *to;

	if (f == NULL)
		return NULL;
	to = entry_get(f->entry != NULL ? f->entry : link);
	fd_return(fd, f);
	return to;
}

ssize64_t fixed_describe_file(struct file *f, char *buf, size_t cap)
{
	struct file_stat st;
	ssize64_t n;
	bool gone;

	if (f->entry != NULL) {
		n = entry_path(f->entry, buf, cap, &gone);
		if (n >= 0 && gone)
			n += (ssize64_t)fmt_format(buf + n, cap - (size_t)n, " (deleted)");
	} else {
		file_stat(f, &st);
		if ((st.mode & S_IFMT) == S_IFIFO)
			n = (ssize64_t)fmt_format(buf, cap, "pipe:[%lu]", st.ino);
		else if ((st.mode & S_IFMT) == S_IFSOCK)
			n = (ssize64_t)fmt_format(buf, cap, "socket:[%lu]", st.ino);
		else if ((st.mode & S_IFMT) == S_IFCHR)
			n = (ssize64_t)fmt_format(buf, cap, "/dev/tty");
		else
			n = (ssize64_t)fmt_format(buf, cap, "anon_inode:[%s]", f->ops->name);
	}
	return n < (ssize64_t)cap ? n : -ENAMETOOLONG;
}

static ssize64_t descriptor_read_link(struct entry *link, char *buf, size_t cap)
{
	int fd = fixed_descriptor(link);
	struct file *f = fd_borrow(fd);
	ssize64_t n;

	if (f == NULL)
		return -ENOENT;
	n = fixed_describe_file(f, buf, cap);
	fd_return(fd, f);
	return n;
}

static void descriptor_stat(struct node *n, struct file_stat *out)
{
	(void)n;
	out->dev = FILE_DEV_FIXED;
	out->size = 64; /* as on Linux, where its text's length is not known either */
}

static void descriptor_release(struct node *n)
{
	heap_free(container_of(n, struct descriptor, node), sizeof(struct descriptor));
}

static const struct node_ops descriptor_ops = {
	.stat = descriptor_stat,
	.release = descriptor_release,
	.follow = descriptor_follow,
	.read_link = descriptor_read_link,
};

/* --- the table --- */

static unsigned fixed_mode(enum fixed_kind kind)
{
	switch (kind) {
	case FIXED_FOLDER:
		return S_IFDIR | 0555;
	case FIXED_LINK:
		return S_IFLNK | 0777;
	case FIXED_DEVICE:
		return S_IFCHR | 0666;
	case FIXED_FILE:
		return S_IFREG | 0555;
	default:
		return S_IFREG | 0444;
	}
}

static const struct node_ops fixed_ops;

struct entry *fixed_entry_locked(enum fixed_id id)
{
	const struct fixed_row *row = &fixed_rows[id];
	struct entry *e = &fixed[id].entry;

	if (e->node != NULL)
		return e;
	node_init(&fixed[id].node, &fixed_ops, fixed_mode((enum fixed_kind)row->kind), id + 1);
	atomic_init(&e->refs, 1);
	e->node = &fixed[id].node;
	e->name = row->name;
	e->len = (uint16_t)strnlen(row->name, sizeof(row->name));
	if (id == FIXED_EXE) { /* its name is a path */
		e->name = proc_program.exe + 1;
		e->len = (uint16_t)MIN(strlen(e->name), (size_t)UINT16_MAX);
	}
	if (id == FIXED_ROOT)
		e->parent = e;
	else if (IS_ENABLED(CONFIG_FS_RAMFS) && row->parent == FIXED_ROOT)
		e->parent = ramfs_root_locked();
	else
		e->parent = fixed_entry_locked((enum fixed_id)row->parent);
	return e;
}

struct entry *fixed_entry(enum fixed_id id)
{
	struct entry *e;

	spin_lock(&tree_lock);
	e = fixed_entry_locked(id);
	spin_unlock(&tree_lock);
	return e;
}

static int fixed_find(struct entry *dir, const char *name, size_t len, struct entry **out)
{
	unsigned parent = fixed_id(dir->node);

	*out = NULL;
	if (parent == FIXED_SELF_FD)
		return descriptor_create(dir, name, len, descriptor_parse(name, len), out);
	for (unsigned i = 1; i < FIXED_EXE; i++) {
		const struct fixed_row *row = &fixed_rows[i];

		if (row->parent == parent && strnlen(row->name, sizeof(row->name)) == len &&
		    memcmp(row->name, name, len) == 0) {
			*out = entry_get(fixed_entry_locked((enum fixed_id)i));
			break;
		}
	}
	return 0;
}

static bool fixed_list_descriptors(uint64_t *pos, struct node_dirent *out)
{
	int fd = *pos - 2 < FD_LIMIT_MAX ? fd_next((int)(*pos - 2)) : -1;

	if (fd < 0)
		return false;
	*pos = (uint64_t)fd + 2;
	out->ino = DESCRIPTOR_INO + (unsigned)fd;
	out->type = S_IFLNK;
	(void)fmt_format(out->name, sizeof(out->name), "%d", fd);
	return true;
}

static bool fixed_list(struct entry *dir, uint64_t *pos, struct node_dirent *out)
{
	unsigned parent = fixed_id(dir->node);
	uint64_t id = *pos - 1; /* the root, 0, is in no folder */

	if (parent == FIXED_SELF_FD)
		return fixed_list_descriptors(pos, out);
	while (id < FIXED_EXE && fixed_rows[id].parent != parent)
		id++;
	if (id >= FIXED_EXE)
		return false;
	*pos = id + 1;
	out->ino = id + 1;
	out->type = fixed_mode((enum fixed_kind)fixed_rows[id].kind) & S_IFMT;
	memcpy(out->name, fixed_rows[id].name, sizeof(fixed_rows[id].name));
	out->name[sizeof(fixed_rows[id].name)] = 0;
	return true;
}

static struct entry *fixed_follow(struct entry *link)
{
	unsigned target = fixed_row(link->node)->target;
	struct entry *fd_link, *to;
	char name[2];
	int err;

	if (target < FIXED_TO_FD)
		return entry_get(fixed_entry((enum fixed_id)target));
	name[0] = (char)('0' + target - FIXED_TO_FD);
	err = descriptor_create(fixed_entry(FIXED_SELF_FD), name, 1, (int)(target - FIXED_TO_FD),
				&fd_link);
	if (err != 0 || fd_link == NULL)
		return NULL;
	to = descriptor_follow(fd_link);
	entry_put(fd_link);
	return to;
}

static ssize64_t fixed_read_link(struct entry *link, char *buf, size_t cap)
{
	unsigned target = fixed_row(link->node)->target;
	ssize64_t n;

	if (target < FIXED_TO_FD)
		return entry_path(fixed_entry((enum fixed_id)target), buf, cap, NULL);
	n = (ssize64_t)fmt_format(buf, cap, "/proc/self/fd/%u", target - FIXED_TO_FD);
	return n < (ssize64_t)cap ? n : -ENAMETOOLONG;
}

static void fixed_stat(struct node *n, struct file_stat *out)
{
	const struct fixed_row *row = fixed_row(n);
	char link[64];
	ssize64_t len;

	out->dev = FILE_DEV_FIXED;
	out->rdev = row->rdev;
	if (row->kind == FIXED_FOLDER)
		out->nlink = 2;
	if (row->kind == FIXED_FILE)
		(void)plat->exe_read(NULL, 0, 0, &out->size);
	if (row->kind == FIXED_LINK) {
		len = fixed_read_link(fixed_entry(fixed_id(n)), link, sizeof(link));
		out->size = len > 0 ? (uint64_t)len : 0;
	}
}

static const struct file_ops *fixed_file_ops(const struct fixed_row *row)
{
	switch (row->kind) {
	case FIXED_FOLDER:
		return &dir_ops;
	case FIXED_FILE:
		return &proc_exe_ops;
	default:
		return dev_ops(row->rdev);
	}
}

static int fixed_open(struct entry *e, unsigned flags, struct file **out)
{
	const struct fixed_row *row = fixed_row(e->node);

	if ((flags & O_ACCMODE) != O_RDONLY && (row->kind == FIXED_FILE || row->kind == FIXED_TEXT))
		return -EACCES;
	if (row->kind == FIXED_FILE && plat->exe_read(NULL, 0, 0, NULL) < 0)
		return -ENOENT;
	if (row->kind == FIXED_DEVICE && row->rdev == DEV_TTY)
		return console_open_tty(e, flags, out);
	if (IS_ENABLED(CONFIG_FS_PROC) && row->kind == FIXED_TEXT)
		return proc_text_open(e, flags, out);
	return file_create(e, fixed_file_ops(row), flags, out);
}

static const struct node_ops fixed_ops = {
	.stat = fixed_stat,
	.open = fixed_open,
	.find = fixed_find,
	.list = fixed_list,
	.follow = fixed_follow,
	.read_link = fixed_read_link,
};
