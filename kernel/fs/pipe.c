/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A pipe is a ring of pages, each allocated when the first byte comes into it and freed when the
 * last one has left, so that an idle pipe costs next to nothing. Writes of up to PIPE_BUF bytes go
 * in whole or wait.
 */
#include "fs/pipe.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/thread.h"
#include "fs/fcntl.h"
#include "fs/poll.h"
#include "fs/termios.h"

#define PIPE_CAPACITY_DEFAULT 65536u
#define PIPE_CAPACITY_MAX (1u << 20)

struct pipe_end {
	struct file file;
	struct pipe *pipe;
};

struct pipe {
	struct spinlock lock; /* guards all below */
	uint32_t capacity;    /* bytes; a power of two, at least a page */
	uint32_t head,
		tail;    /* written and read so far, wrapping; the difference is what is in it */
	uint8_t **pages; /* capacity / PAGE_SIZE; NULL where nothing is stored */
	bool reader_open, writer_open;
	struct waitq readable; /* woken when bytes come or the writer leaves */
	struct waitq writable; /* woken when bytes leave or the reader leaves */
	struct pipe_end reader, writer;
};

static struct pipe *pipe_of(struct file *f)
{
	return container_of(f, struct pipe_end, file)->pipe;
}

static uint32_t pipe_used(const struct pipe *p)
{
	return p->head - p->tail;
}

/* Where the byte with number at lies; NULL if its page is not there. */
static uint8_t **pipe_page(struct pipe *p, uint32_t at)
{
	return &p->pages[(at & (p->capacity - 1)) >> PAGE_SHIFT];
}

/* Free the page that at is in. */
static void pipe_drop_page(struct pipe *p, uint32_t at)
{
	uint8_t **page = pipe_page(p, at);

	if (*page != NULL)
		page_free(*page, 0);
	*page = NULL;
}

/* Move up to n bytes in: bytes moved, or -EFAULT, -ENOMEM if there are none. */
static ssize64_t pipe_put_locked(struct pipe *p, struct uio *u, size_t n)
{
	size_t done = 0;
	int err = 0;

	while (done < n) {
		uint32_t offset = p->head & (PAGE_SIZE - 1);
		size_t piece = MIN(n - done, PAGE_SIZE - offset);
		uint8_t **page = pipe_page(p, p->head);

		if (*page == NULL)
			*page = page_alloc(0);
		err = *page == NULL ? -ENOMEM : uio_get(u, *page + offset, piece);
		if (err != 0)
			break;
		p->head += (uint32_t)piece;
		done += piece;
	}
	return done > 0 ? (ssize64_t)done : err;
}

/* Move up to n bytes out: bytes moved, or -EFAULT if there are none. */
static ssize64_t pipe_get_locked(struct pipe *p, struct uio *u, size_t n)
{
	size_t done = 0;
	int err = 0;

	while (done < n) {
		uint32_t offset = p->tail & (PAGE_SIZE - 1);
		size_t piece = MIN(n - done, PAGE_SIZE - offset);

		err = uio_put(u, *pipe_page(p, p->tail) + offset, piece);
		if (err != 0)
			break;
		p->tail += (uint32_t)piece;
		done += piece;
		/* In a full ring the newest bytes may be in the same page as the oldest were. */
		if (offset + piece == PAGE_SIZE &&
		    p->head - (p->tail - (uint32_t)PAGE_SIZE) <= p->capacity)
			pipe_drop_page(p, p->tail - 1);
	}
	/* Empty: what is written next begins a page, so that the page in use is the only one to
	 * free. */
	if (p->head == p->tail && (p->tail & (PAGE_SIZE - 1)) != 0) {
		pipe_drop_page(p, p->tail);
		p->head = p->tail = 0;
	}
	return done > 0 ? (ssize64_t)done : err;
}

static ssize64_t pipe_read(struct file *f, struct uio *u, uint64_t pos)
{
	struct pipe *p = pipe_of(f);

	(void)pos;
	for (;;) {
		ssize64_t n = 0;
		bool writer_open;
		int err;

		spin_lock(&p->lock);
		writer_open = p->writer_open;
		if (pipe_used(p) > 0)
			n = pipe_get_locked(p, u, MIN(u->left, pipe_used(p)));
		spin_unlock(&p->lock);
		if (n > 0)
			waitq_wake(&p->writable, UINT32_MAX);
		if (n != 0 || !writer_open)
			return n;
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&p->readable, pipe_used(p) > 0 || !p->writer_open, NEVER,
				 SLEEP_INTERRUPTIBLE, "pipe input");
		if (err != 0)
			return err;
	}
}

/* Is there room for (a part of) a write of n bytes? */
static bool pipe_has_room(const struct pipe *p, size_t n)
{
	uint32_t room = p->capacity - pipe_used(p);

	return n <= PIPE_BUF ? room >= n : room > 0;
}

static ssize64_t pipe_write(struct file *f, struct uio *u, uint64_t pos)
{
	struct pipe *p = pipe_of(f);
	const size_t total = u->left;
	const size_t unit = total <= PIPE_BUF ? total : 1; /* what goes in whole */
	ssize64_t err = 0;

	(void)pos;
	while (u->left > 0 && err >= 0) {
		bool reader_open;

		err = 0;
		spin_lock(&p->lock);
		reader_open = p->reader_open;
		if (reader_open && pipe_has_room(p, unit))
			err = pipe_put_locked(p, u, MIN(u->left, p->capacity - pipe_used(p)));
		spin_unlock(&p->lock);
		if (!reader_open) {
			signal_send_thread(thread_current(), SIGPIPE, NULL);
			err = -EPIPE;
		} else if (err > 0) {
			waitq_wake(&p->readable, UINT32_MAX);
		} else if (err == 0 && (file_flags(f) & O_NONBLOCK) != 0) {
			err = -EAGAIN;
		} else if (err == 0) {
			err = waitq_wait(&p->writable, pipe_has_room(p, unit) || !p->reader_open,
					 NEVER, SLEEP_INTERRUPTIBLE, "pipe output");
		}
	}
	return total > u->left ? (ssize64_t)(total - u->left) : err;
}

static unsigned pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = pipe_of(f);
	bool reader = f == &p->reader.file;
	unsigned found = 0;

	poll_wait(pt, reader ? &p->readable : &p->writable);
	spin_lock(&p->lock);
	if (reader) {
		found |= pipe_used(p) > 0 ? POLL_READABLE : 0;
		found |= p->writer_open ? 0 : POLLHUP;
	} else {
		found |= pipe_has_room(p, PIPE_BUF) ? POLL_WRITABLE : 0;
		found |= p->reader_open ? 0 : POLLERR;
	}
	spin_unlock(&p->lock);
	return found;
}

static long pipe_ioctl(struct file *f, unsigned cmd, vaddr_t arg)
{
	int32_t count = (int32_t)pipe_used(pipe_of(f));

	return cmd == FIONREAD ? user_copy_out(arg, &count, sizeof(count)) : -ENOTTY;
}

static void pipe_stat(struct file *f, struct file_stat *out)
{
	out->mode = S_IFIFO | 0600;
	out->dev = FILE_DEV_PIPE;
	/* Both ends have the same number and no other pipe has; it must not tell an address of the
	 * kernel. */
	out->ino = ((uintptr_t)pipe_of(f) >> 4) & 0xffffff;
}

static void pipe_release(struct file *f)
{
	struct pipe *p = pipe_of(f);
	bool last;

	spin_lock(&p->lock);
	if (f == &p->reader.file)
		p->reader_open = false;
	else
		p->writer_open = false;
	last = !p->reader_open && !p->writer_open;
	spin_unlock(&p->lock);
	if (!last) {
		waitq_wake(&p->readable, UINT32_MAX);
		waitq_wake(&p->writable, UINT32_MAX);
		return;
	}
	for (uint32_t i = 0; i < p->capacity >> PAGE_SHIFT; i++)
		if (p->pages[i] != NULL)
			page_free(p->pages[i], 0);
	heap_free(p->pages, (p->capacity >> PAGE_SHIFT) * sizeof(*p->pages));
	heap_free(p, sizeof(*p));
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.stat = pipe_stat,
	.release = pipe_release,
};

int pipe_create(unsigned flags, struct file **reader, struct file **writer)
{
	struct pipe *p = heap_zalloc(sizeof(*p));
	uint8_t **pages = heap_zalloc((PIPE_CAPACITY_DEFAULT >> PAGE_SHIFT) * sizeof(*pages));

	if (p == NULL || pages == NULL) {
		heap_free(p, sizeof(*p));
		heap_free(pages, (PIPE_CAPACITY_DEFAULT >> PAGE_SHIFT) * sizeof(*pages));
		return -ENOMEM;
	}
	p->capacity = PIPE_CAPACITY_DEFAULT;
	p->pages = pages;
	p->reader_open = p->writer_open = true;
	waitq_init(&p->readable);
	waitq_init(&p->writable);
	p->reader.pipe = p->writer.pipe = p;
	file_init(&p->reader.file, &pipe_ops, O_RDONLY | flags);
	file_init(&p->writer.file, &pipe_ops, O_WRONLY | flags);
	*reader = &p->reader.file;
	*writer = &p->writer.file;
	return 0;
}

long pipe_capacity(struct file *f)
{
	return f->ops == &pipe_ops ? (long)pipe_of(f)->capacity : -EBADF;
}

/* The pages move to the begin of a new ring. -EBUSY if the bytes do not fit, or share a page at
 * their two ends. */
static long pipe_resize_locked(struct pipe *p, uint8_t **pages, uint32_t capacity)
{
	uint32_t used = pipe_used(p), tail_page = p->tail & ~(uint32_t)(PAGE_SIZE - 1);

	if (p->head - tail_page > MIN(capacity, p->capacity))
		return -EBUSY;
	for (uint32_t at = 0; at < p->capacity && at < capacity; at += PAGE_SIZE) {
		uint8_t **page = pipe_page(p, tail_page + at);

		pages[at >> PAGE_SHIFT] = *page;
		*page = NULL;
	}
	p->tail -= tail_page;
	p->head = p->tail + used;
	p->capacity = capacity;
	return 0;
}

long pipe_set_capacity(struct file *f, unsigned long bytes)
{
	uint32_t capacity = PAGE_SIZE, old_capacity;
	struct pipe *p;
	uint8_t **pages, **unused;
	long err;

	if (f->ops != &pipe_ops)
		return -EBADF;
	if (bytes > PIPE_CAPACITY_MAX)
		return bytes > INT32_MAX ? -EINVAL : -EPERM;
	while (capacity < bytes)
		capacity *= 2;
	pages = heap_zalloc((capacity >> PAGE_SHIFT) * sizeof(*pages));
	if (pages == NULL)
		return -ENOMEM;
	p = pipe_of(f);
	spin_lock(&p->lock);
	old_capacity = p->capacity;
	unused = p->pages;
	err = pipe_resize_locked(p, pages, capacity);
	if (err == 0) {
		p->pages = pages;
	} else {
		unused = pages;
		old_capacity = capacity;
	}
	spin_unlock(&p->lock);
	heap_free(unused, (old_capacity >> PAGE_SHIFT) * sizeof(*unused));
	if (err == 0)
		waitq_wake(&p->writable, UINT32_MAX);
	return err == 0 ? (long)capacity : err;
}
