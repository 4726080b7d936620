/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Contents of regular files in memory: reading, writing, holes, truncation, seals. */
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/page.h"
#include "fs/ramfs.h"
#include "fs/termios.h"

#define RAM_INDEX_BITS 6
#define RAM_INDEX_SLOTS (1u << RAM_INDEX_BITS)
#define RAM_HEIGHT_MAX 11u /* then it reaches all numbers of 64 bits */

struct ram_index {
	uint32_t used; /* slots that are not NULL */
	void *slots[RAM_INDEX_SLOTS];
};

void ram_data_init(struct ram_data *d)
{
	rwmutex_init(&d->lock);
	d->seals = F_SEAL_SEAL; /* only a memfd may get others */
}

static uint64_t ram_size(const struct ram_data *d)
{
	return atomic_load_explicit(&d->size, memory_order_relaxed);
}

static void ram_set_size(struct ram_data *d, uint64_t size)
{
	atomic_store_explicit(&d->size, size, memory_order_relaxed);
}

/* --- the tree of pages --- */

/* Does the tree reach page number index? */
static bool ram_reaches(const struct ram_data *d, uint64_t index)
{
	unsigned bits = d->height * RAM_INDEX_BITS;

	return bits >= 64 || index >> bits == 0;
}

static unsigned ram_slot(uint64_t index, unsigned height)
{
	return (unsigned)(index >> (height - 1) * RAM_INDEX_BITS) & (RAM_INDEX_SLOTS - 1);
}

/* NULL: a hole. */
static uint8_t *ram_find(const struct ram_data *d, uint64_t index)
{
	void *at = d->root;

	if (!ram_reaches(d, index))
		return NULL;
	for (unsigned height = d->height; height > 0 && at != NULL; height--)
		at = ((struct ram_index *)at)->slots[ram_slot(index, height)];
	return at;
}

static struct ram_index *ram_index_create(void)
{
	struct ram_index *i;

	if (!ramfs_charge(sizeof(*i)))
		return NULL;
	i = heap_zalloc(sizeof(*i));
	if (i == NULL)
		ramfs_uncharge(sizeof(*i));
	return i;
}

/* Where the page with a number hangs, the indexes above it made; NULL: no memory. */
static void **ram_place(struct ram_data *d, uint64_t index, struct ram_index **parent)
{
	void **at = &d->root;

	while (!ram_reaches(d, index)) {
		struct ram_index *top = NULL;

		if (d->root != NULL) {
			top = ram_index_create();
			if (top == NULL)
				return NULL;
			top->slots[0] = d->root;
			top->used = 1;
		}
		d->root = top;
		d->height++;
	}
	*parent = NULL;
	for (unsigned height = d->height; height > 0; height--) {
		struct ram_index *i = *at;

		if (i == NULL) {
			i = ram_index_create();
			if (i == NULL)
				return NULL;
			*at = i;
			if (*parent != NULL)
				(*parent)->used++;
		}
		*parent = i;
		at = &i->slots[ram_slot(index, height)];
	}
	return at;
}

/* The page with a number, a new one (zeroed: of zeros) if there is none. NULL: no memory. */
static uint8_t *ram_get(struct ram_data *d, uint64_t index, bool zeroed)
{
	struct ram_index *parent;
	void **at = ram_place(d, index, &parent);

	if (at == NULL)
		return NULL;
	if (*at != NULL)
		return *at;
	if (!ramfs_charge(PAGE_SIZE))
		return NULL;
	*at = zeroed ? page_alloc_zero() : page_alloc(0);
	if (*at == NULL) {
		ramfs_uncharge(PAGE_SIZE);
		return NULL;
	}
	if (parent != NULL)
		parent->used++;
	atomic_fetch_add_explicit(&d->pages, 1, memory_order_relaxed);
	return *at;
}

/*
 * Free the pages with numbers [first, last] of the subtree at *at, which begins with number base.
 * True if nothing is left of it.
 */
static bool ram_drop_tree(struct ram_data *d, void **at, unsigned height, uint64_t base,
			  uint64_t first, uint64_t last)
{
	struct ram_index *i = *at;

	if (i == NULL)
		return true;
	if (height == 0 && (base < first || base > last))
		return false;
	if (height == 0) {
		page_free(i, 0);
		ramfs_uncharge(PAGE_SIZE);
		atomic_fetch_sub_explicit(&d->pages, 1, memory_order_relaxed);
		*at = NULL;
		return true;
	}
	for (unsigned slot = 0; slot < RAM_INDEX_SLOTS && i->used > 0; slot++) {
		unsigned bits = (height - 1) * RAM_INDEX_BITS;
		uint64_t from = base + ((uint64_t)slot << bits), to = from + ((1ul << bits) - 1);

		if (i->slots[slot] != NULL && from <= last && to >= first &&
		    ram_drop_tree(d, &i->slots[slot], height - 1, from, first, last))
			i->used--;
	}
	if (i->used > 0)
		return false;
	heap_free(i, sizeof(*i));
	ramfs_uncharge(sizeof(*i));
	*at = NULL;
	return true;
}

static void ram_drop(struct ram_data *d, uint64_t first, uint64_t last)
{
	if (first <= last && ram_drop_tree(d, &d->root, d->height, 0, first, last))
		d->height = 0;
}

void ram_data_fini(struct ram_data *d)
{
	ram_drop(d, 0, UINT64_MAX);
}

/* Zeros for [from, to), which lies in one page. */
static void ram_clear(struct ram_data *d, uint64_t from, uint64_t to)
{
	uint8_t *page = ram_find(d, from >> PAGE_SHIFT);

	if (page != NULL && from < to)
		memset(page + (from & (PAGE_SIZE - 1)), 0, to - from);
}

/* --- changing the length --- */

static int ram_truncate_locked(struct ram_data *d, uint64_t size)
{
	uint64_t old = ram_size(d);

	if (size > INT64_MAX)
		return -EFBIG;
	if ((size < old && (d->seals & F_SEAL_SHRINK) != 0) ||
	    (size > old && (d->seals & F_SEAL_GROW) != 0))
		return -EPERM;
	ram_set_size(d, size);
	/* Also what was allocated behind the end. */
	ram_drop(d, (size + PAGE_SIZE - 1) >> PAGE_SHIFT, UINT64_MAX);
	if ((size & (PAGE_SIZE - 1)) != 0)
		ram_clear(d, size, ALIGN_UP(size, PAGE_SIZE));
	return 0;
}

int ram_data_truncate(struct ram_data *d, uint64_t size)
{
	int err;

	rwmutex_write_lock(&d->lock);
	err = ram_truncate_locked(d, size);
	rwmutex_write_unlock(&d->lock);
	return err;
}

/* --- open files --- */

static struct ram_node *ram_of(struct file *f)
{
	return ram_node_of(f->entry->node);
}

static ssize64_t ram_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct ram_node *n = ram_of(f);
	struct ram_data *d = &n->data;
	size_t total = u->left;
	ssize64_t err = 0;

	rwmutex_read_lock(&d->lock);
	while (u->left > 0 && *pos < ram_size(d)) {
		size_t offset = *pos & (PAGE_SIZE - 1);
		size_t piece = MIN(MIN(u->left, PAGE_SIZE - offset), ram_size(d) - *pos);
		const uint8_t *page = ram_find(d, *pos >> PAGE_SHIFT);

		err = page != NULL ? uio_put_some(u, page + offset, piece)
				   : uio_put_zeros_some(u, piece);
		if (err < 0)
			break;
		*pos += (uint64_t)err;
	}
	rwmutex_read_unlock(&d->lock);
	if ((file_flags(f) & O_NOATIME) == 0)
		ram_touch(n, RAM_ATIME);
	return total > u->left ? (ssize64_t)(total - u->left) : MIN(err, 0);
}

/* One piece, in one page. Bytes, or -ENOSPC, -EFAULT. */
static ssize64_t ram_write_piece(struct ram_data *d, struct uio *u, uint64_t pos, size_t piece)
{
	size_t offset = pos & (PAGE_SIZE - 1);
	bool is_new = ram_find(d, pos >> PAGE_SHIFT) == NULL;
	uint8_t *page = ram_get(d, pos >> PAGE_SHIFT, piece < PAGE_SIZE);
	ssize64_t n;

	if (page == NULL)
		return -ENOSPC;
	n = uio_get_some(u, page + offset, piece);
	if (n < 0 && is_new)
		ram_drop(d, pos >> PAGE_SHIFT, pos >> PAGE_SHIFT);
	else if (is_new && piece == PAGE_SIZE)
		memset(page + n, 0, PAGE_SIZE - (size_t)n);
	return n;
}

/* What may be written at pos, seals and limits respected: bytes, or -errno. */
static ssize64_t ram_write_limit(const struct ram_data *d, uint64_t pos, size_t n)
{
	uint64_t size = ram_size(d);

	if ((d->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
		return -EPERM;
	if ((d->seals & F_SEAL_GROW) != 0 && (pos > size || n > size - pos))
		return -EPERM;
	if (pos >= INT64_MAX)
		return -EFBIG;
	return (ssize64_t)MIN(n, (uint64_t)INT64_MAX - pos);
}

static ssize64_t ram_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct ram_node *n = ram_of(f);
	struct ram_data *d = &n->data;
	ssize64_t err = 0, limit;
	size_t done = 0;

	rwmutex_write_lock(&d->lock);
	if ((file_flags(f) & O_APPEND) != 0)
		*pos = ram_size(d);
	limit = ram_write_limit(d, *pos, u->left);
	if (limit < 0)
		err = limit;
	while (err >= 0 && done < (size_t)limit) {
		size_t piece = MIN((size_t)limit - done, PAGE_SIZE - (*pos & (PAGE_SIZE - 1)));

		err = ram_write_piece(d, u, *pos, piece);
		if (err < 0)
			break;
		*pos += (uint64_t)err;
		done += (size_t)err;
		if (*pos > ram_size(d))
			ram_set_size(d, *pos);
	}
	rwmutex_write_unlock(&d->lock);
	if (done > 0)
		ram_touch(n, RAM_MTIME | RAM_CTIME);
	return done > 0 ? (ssize64_t)done : err;
}

/* The next page at or after index that is (hole: is not) there; UINT64_MAX: none. */
static uint64_t ram_next(const struct ram_data *d, uint64_t index, uint64_t end, bool hole)
{
	while (index < end && (ram_find(d, index) == NULL) != hole) {
		uint64_t step = 1;

		/* Over a hole that is as large as a subtree at once. */
		for (unsigned height = 1; !hole && height < d->height; height++) {
			uint64_t size = 1ul << height * RAM_INDEX_BITS;
			const void *at = d->root;

			if (index % size != 0)
				break;
			for (unsigned h = d->height; h > height && at != NULL; h--)
				at = ((const struct ram_index *)at)->slots[ram_slot(index, h)];
			if (at != NULL)
				break;
			step = size;
		}
		if (!ram_reaches(d, index))
			return hole ? index : UINT64_MAX;
		index += step;
	}
	return index < end ? index : UINT64_MAX;
}

static ssize64_t ram_seek_data(struct file *f, uint64_t pos, bool hole)
{
	struct ram_data *d = &ram_of(f)->data;
	uint64_t size, index;

	rwmutex_read_lock(&d->lock);
	size = ram_size(d);
	index = ram_next(d, pos >> PAGE_SHIFT, (size + PAGE_SIZE - 1) >> PAGE_SHIFT, hole);
	rwmutex_read_unlock(&d->lock);
	if (pos >= size)
		return -ENXIO;
	if (index == UINT64_MAX)
		return hole ? (ssize64_t)size : -ENXIO;
	return (ssize64_t)MAX(pos, index << PAGE_SHIFT);
}

static long ram_ioctl(struct file *f, unsigned cmd, vaddr_t arg)
{
	int32_t left;

	if (cmd != FIONREAD)
		return -ENOTTY;
	left = (int32_t)((int64_t)ram_size(&ram_of(f)->data) - file_position(f));
	return user_copy_out(arg, &left, sizeof(left));
}

const struct file_ops ram_file_ops = {
	.read = ram_read,
	.write = ram_write,
	.ioctl = ram_ioctl,
	.seek_data = ram_seek_data,
	.seekable = true,
	.mappable = true,
	.stays = true,
};

/* --- fallocate(2) and seals --- */

static struct ram_data *ram_data_of_file(struct file *f)
{
	return f->ops == &ram_file_ops ? &ram_of(f)->data : NULL;
}

static int ram_punch_locked(struct ram_data *d, uint64_t from, uint64_t to)
{
	uint64_t first = ALIGN_UP(from, PAGE_SIZE), last = ALIGN_DOWN(to, PAGE_SIZE);

	if ((d->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
		return -EPERM;
	ram_clear(d, from, MIN(first, to));
	if (first < last)
		ram_drop(d, first >> PAGE_SHIFT, (last >> PAGE_SHIFT) - 1);
	if (last >= first)
		ram_clear(d, last, to);
	return 0;
}

/* Is there room for the pages with numbers [first, last] that d does not have? */
static bool ram_has_room(const struct ram_data *d, uint64_t first, uint64_t last)
{
	uint64_t missing = 0, bytes;

	if (last - first >= page_total_count())
		return false;
	for (uint64_t index = first; index <= last; index++)
		missing += ram_find(d, index) == NULL;
	if (missing == 0)
		return true;
	/* And for the indexes above them: two of a level at the range's ends, and those between. */
	bytes = missing * PAGE_SIZE +
		((last - first) / (RAM_INDEX_SLOTS - 1) + 2 * RAM_HEIGHT_MAX) *
			sizeof(struct ram_index);
	if (bytes / PAGE_SIZE + RAM_PAGES_LEFT_MIN >= page_free_count() || !ramfs_charge(bytes))
		return false;
	ramfs_uncharge(bytes);
	return true;
}

/* All or nothing, as long as nobody else takes the memory meanwhile. */
static int ram_allocate_locked(struct ram_data *d, uint64_t from, uint64_t to, bool keep_size)
{
	if (!keep_size && to > ram_size(d) && (d->seals & F_SEAL_GROW) != 0)
		return -EPERM;
	if (!ram_has_room(d, from >> PAGE_SHIFT, (to - 1) >> PAGE_SHIFT))
		return -ENOSPC;
	for (uint64_t index = from >> PAGE_SHIFT; index <= (to - 1) >> PAGE_SHIFT; index++)
		if (ram_get(d, index, true) == NULL)
			return -ENOSPC;
	if (!keep_size && to > ram_size(d))
		ram_set_size(d, to);
	return 0;
}

int ramfs_allocate(struct file *f, unsigned mode, uint64_t off, uint64_t len)
{
	struct ram_data *d = ram_data_of_file(f);
	int err;

	if (d == NULL || (mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE)) != 0)
		return -EOPNOTSUPP;
	rwmutex_write_lock(&d->lock);
	if ((mode & FALLOC_PUNCH_HOLE) != 0)
		err = ram_punch_locked(d, off, off + len);
	else
		err = ram_allocate_locked(d, off, off + len, (mode & FALLOC_KEEP_SIZE) != 0);
	rwmutex_write_unlock(&d->lock);
	if (err == 0)
		ram_touch(ram_of(f), RAM_MTIME | RAM_CTIME);
	return err;
}

long ramfs_get_seals(struct file *f)
{
	struct ram_data *d = ram_data_of_file(f);
	unsigned seals;

	if (d == NULL)
		return -EINVAL;
	rwmutex_read_lock(&d->lock);
	seals = d->seals;
	rwmutex_read_unlock(&d->lock);
	return seals;
}

long ramfs_add_seals(struct file *f, unsigned seals)
{
	struct ram_data *d = ram_data_of_file(f);
	long err = 0;

	if (!file_writable(f))
		return -EPERM;
	if (d == NULL || (seals & ~F_SEAL_ALL) != 0)
		return -EINVAL;
	rwmutex_write_lock(&d->lock);
	if ((d->seals & F_SEAL_SEAL) != 0)
		err = -EPERM;
	else
		d->seals |= seals;
	rwmutex_write_unlock(&d->lock);
	return err;
}
