/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A pipe is a ring of pages, each allocated when the first byte comes into it and freed when the
 * last one has left. Writes of up to PIPE_BUF bytes go in whole or wait.
 *
 * One reader and one writer at a time move bytes, and do not disturb each other: the writer owns
 * head and the pages that it has not filled, the reader owns tail and the pages that it has not
 * emptied. So program memory is touched with a mutex held, and no spin lock. The ring has twice the
 * pages that the capacity needs, so that the newest byte is never in the page of the oldest.
 *
 * A thread that sleeps in read or write is woken alone, and wakes the next one when it leaves
 * something to do. Who polls has queues apart, all of whom are woken.
 */
#include "fs/pipe.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/thread.h"
#include "fs/fcntl.h"
#include "fs/node.h"
#include "fs/poll.h"
#include "fs/termios.h"

#define PIPE_CAPACITY_DEFAULT 65536u
#define PIPE_CAPACITY_MAX (1u << 20)

/* A file of a pipe: it reads, or writes, or does both (a FIFO opened with O_RDWR). */
struct pipe_end {
	struct file file;
	struct pipe *pipe;
	uint32_t
		writers_before; /* a FIFO's: no end of file is told until another writer has come */
};

struct pipe {
	/* Taken in this order. What both guard is changed with both held. */
	struct mutex read_lock;    /* guards tail, and pages[] of what is in the pipe */
	struct mutex write_lock;   /* guards head, and pages[] of what is not */
	uint8_t **pages;           /* pipe_ring_pages(); NULL where nothing is stored; both locks */
	_Atomic uint32_t capacity; /* bytes; a power of two, at least a page; both locks */
	/* Bytes written and read so far, wrapping; the difference is what is in it. Each is stored
	 * (release) when the bytes are moved, and the other side loads it (acquire) before it goes
	 * there. */
	_Atomic uint32_t head, tail;
	/* Files that read, and write; changed before the other side is woken. */
	_Atomic uint32_t readers, writers;
	_Atomic uint32_t readers_ever, writers_ever; /* how many there have been, wrapping */
	_Atomic uint32_t ends; /* files: who closes the last one frees; a FIFO's: lock */
	struct fifo *fifo;     /* where it is from, NULL: pipe(2) */
	struct waitq read_wait, read_poll;   /* bytes come, or the last writer leaves */
	struct waitq write_wait, write_poll; /* bytes leave, or the last reader leaves */
	struct waitq opened;                 /* a FIFO has a new reader or writer */
};

static struct pipe_end *pipe_end_of(struct file *f)
{
	return container_of(f, struct pipe_end, file);
}

static struct pipe *pipe_of(struct file *f)
{
	return pipe_end_of(f)->pipe;
}

static ALWAYS_INLINE uint32_t pipe_load(const _Atomic uint32_t *at)
{
	return atomic_load_explicit(at, memory_order_acquire);
}

static uint32_t pipe_capacity_of(const struct pipe *p)
{
	return atomic_load_explicit(&p->capacity, memory_order_relaxed);
}

static size_t pipe_ring_pages(uint32_t capacity)
{
	return 2 * (capacity >> PAGE_SHIFT);
}

/* Bytes in the pipe; without a lock more than there ever were at once, but never less than 0. */
static ALWAYS_INLINE uint32_t pipe_used(const struct pipe *p)
{
	uint32_t tail = pipe_load(&p->tail);

	return pipe_load(&p->head) - tail;
}

/* Is there room for n bytes? */
static ALWAYS_INLINE bool pipe_has_room(const struct pipe *p, size_t n)
{
	return pipe_used(p) + n <= pipe_capacity_of(p);
}

/* Acquire: after the last bytes of a writer that has left. */
static bool pipe_is_open(const _Atomic uint32_t *ends)
{
	return pipe_load(ends) > 0;
}

/* Where the byte with number at lies; NULL if its page is not there. */
static ALWAYS_INLINE uint8_t **pipe_page(struct pipe *p, uint32_t at)
{
	return &p->pages[(at & (2 * pipe_capacity_of(p) - 1)) >> PAGE_SHIFT];
}

/* Something has come, or has been left over: wake one reader, and all who poll. */
static ALWAYS_INLINE void pipe_wake_readers(struct pipe *p)
{
	if (unlikely(waitq_active(&p->read_wait)))
		waitq_wake(&p->read_wait, 1);
	if (unlikely(waitq_active(&p->read_poll)))
		waitq_wake(&p->read_poll, UINT32_MAX);
}

/* The same for room. Less than PIPE_BUF is nothing that anybody was told of. */
static ALWAYS_INLINE void pipe_wake_writers(struct pipe *p)
{
	if (likely(!waitq_active(&p->write_wait) && !waitq_active(&p->write_poll) &&
		   p->fifo == NULL))
		return;
	if (!pipe_has_room(p, PIPE_BUF))
		return;
	waitq_wake(&p->write_wait, 1);
	waitq_wake(&p->write_poll, UINT32_MAX);
	if (unlikely(p->fifo != NULL)) /* who reads and writes waits there for both */
		waitq_wake(&p->read_poll, UINT32_MAX);
}

/* --- reading --- */

/* Move up to n bytes out: bytes moved, or -EFAULT if there are none. */
static ssize64_t pipe_get_locked(struct pipe *p, struct uio *u, size_t n)
{
	uint32_t tail = atomic_load_explicit(&p->tail, memory_order_relaxed);
	size_t done = 0;
	int err = 0;

	while (done < n) {
		uint32_t offset = tail & (PAGE_SIZE - 1);
		size_t piece = MIN(n - done, PAGE_SIZE - offset);
		uint8_t **page = pipe_page(p, tail);

		err = uio_put(u, *page + offset, piece);
		if (err != 0)
			break;
		done += piece;
		tail += (uint32_t)piece;
		if (offset + piece == PAGE_SIZE) {
			page_free(*page, 0);
			*page = NULL;
		}
		/* The writer may have these bytes' place now. */
		atomic_store_explicit(&p->tail, tail, memory_order_release);
	}
	return done > 0 ? (ssize64_t)done : err;
}

/* What waitq_wait() looks at. */
static bool pipe_read_ready(const struct pipe *p)
{
	return !pipe_is_open(&p->writers) || pipe_used(p) > 0;
}

static ssize64_t pipe_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct pipe *p = pipe_of(f);
	uint32_t left = 0;

	(void)pos;
	for (;;) {
		/* Before looking for bytes: what came before the writer left must be seen. */
		bool writer_open = pipe_is_open(&p->writers);
		ssize64_t n = 0;
		int err;

		mutex_lock(&p->read_lock);
		left = pipe_used(p);
		if (left > 0)
			n = pipe_get_locked(p, u, MIN(u->left, left));
		mutex_unlock(&p->read_lock);
		if (n > 0) {
			waitq_fence();
			pipe_wake_writers(p);
		}
		/* Only one was woken for what came. */
		if (n != 0 && unlikely(waitq_active(&p->read_wait)) && pipe_used(p) > 0)
			waitq_wake(&p->read_wait, 1);
		if (n != 0 || !writer_open)
			return n;
		if ((file_flags(f) & O_NONBLOCK) != 0)
			return -EAGAIN;
		err = waitq_wait(&p->read_wait, pipe_read_ready(p), NEVER, SLEEP_INTERRUPTIBLE,
				 "pipe input");
		if (err != 0) {
			/* A wake-up that came too is for somebody else. */
			if (pipe_used(p) > 0)
				waitq_wake(&p->read_wait, 1);
			return err;
		}
	}
}

/* --- writing --- */

/* Make sure that the pages of the n <= PIPE_BUF bytes from at on are there. 0 or -ENOMEM. */
static int pipe_add_pages_locked(struct pipe *p, uint32_t at, size_t n)
{
	for (uint32_t end = at + (uint32_t)n; at != end;) {
		uint8_t **page = pipe_page(p, at);

		if (*page == NULL)
			*page = page_alloc(0);
		if (*page == NULL)
			return -ENOMEM;
		at += MIN(end - at, (uint32_t)(PAGE_SIZE - (at & (PAGE_SIZE - 1))));
	}
	return 0;
}

/* Move up to n bytes in; at most PIPE_BUF come in whole. Bytes moved, or -EFAULT, -ENOMEM if there
 * are none. */
static ssize64_t pipe_put_locked(struct pipe *p, struct uio *u, size_t n)
{
	uint32_t head = atomic_load_explicit(&p->head, memory_order_relaxed);
	size_t done = 0;
	int err = 0;

	while (done < n) {
		uint32_t offset = head & (PAGE_SIZE - 1);
		size_t first = MIN(n - done, PAGE_SIZE - offset);
		size_t piece = n <= PIPE_BUF ? n : first;
		struct uio at = *u;

		err = pipe_add_pages_locked(p, head, piece);
		if (err == 0)
			err = uio_get(&at, *pipe_page(p, head) + offset, first);
		if (err == 0 && first < piece)
			err = uio_get(&at, *pipe_page(p, head + (uint32_t)first), piece - first);
		if (err != 0)
			break;
		*u = at;
		done += piece;
		head += (uint32_t)piece;
		atomic_store_explicit(&p->head, head, memory_order_release);
	}
	return done > 0 ? (ssize64_t)done : err;
}

static bool pipe_write_ready(const struct pipe *p)
{
	return !pipe_is_open(&p->readers) || pipe_has_room(p, PIPE_BUF);
}

/* As many bytes as there is room for, if that is at least unit: bytes, 0 if there is no room, or
 * -errno. */
static ssize64_t pipe_write_some(struct pipe *p, struct uio *u, size_t unit)
{
	ssize64_t n = 0;
	size_t room;

	mutex_lock(&p->write_lock);
	room = pipe_capacity_of(p) - pipe_used(p); /* once: it grows meanwhile */
	if (!pipe_is_open(&p->readers))
		n = -EPIPE;
	else if (room >= unit)
		n = pipe_put_locked(p, u, MIN(u->left, room));
	mutex_unlock(&p->write_lock);
	return n;
}

static ssize64_t pipe_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct pipe *p = pipe_of(f);
	const size_t total = u->left;
	const size_t unit = total <= PIPE_BUF ? total : 1; /* what goes in whole */
	ssize64_t err = 0;

	(void)pos;
	while (u->left > 0 && err >= 0) {
		err = pipe_write_some(p, u, unit);
		if (err > 0) {
			waitq_fence();
			pipe_wake_readers(p);
		} else if (err == -EPIPE) {
			signal_send_thread(thread_current(), SIGPIPE, NULL);
		} else if (err == 0 && (file_flags(f) & O_NONBLOCK) != 0) {
			err = -EAGAIN;
		} else if (err == 0) {
			err = waitq_wait(&p->write_wait, pipe_write_ready(p), NEVER,
					 SLEEP_INTERRUPTIBLE, "pipe output");
		}
	}
	/* Only one was woken for the room that came. */
	pipe_wake_writers(p);
	return total > u->left ? (ssize64_t)(total - u->left) : err;
}

/* --- the rest --- */

static unsigned pipe_poll(struct file *f, struct poll_table *pt)
{
	const struct pipe_end *end = pipe_end_of(f);
	struct pipe *p = end->pipe;
	unsigned found = 0;

	/* Once only: pipe_wake_writers() knows of those that do both. */
	poll_wait(pt, file_readable(f) ? &p->read_poll : &p->write_poll);
	if (file_readable(f)) {
		if (!pipe_is_open(&p->writers) &&
		    pipe_load(&p->writers_ever) != end->writers_before)
			found |= POLLHUP;
		found |= pipe_used(p) > 0 ? POLL_READABLE : 0;
	}
	if (file_writable(f)) {
		found |= pipe_has_room(p, PIPE_BUF) ? POLL_WRITABLE : 0;
		found |= pipe_is_open(&p->readers) ? 0 : POLLERR;
	}
	return found;
}

static long pipe_ioctl(struct file *f, unsigned cmd, vaddr_t arg)
{
	struct pipe *p = pipe_of(f);
	uint32_t used = pipe_used(p);
	int32_t count = (int32_t)MIN(used, pipe_capacity_of(p));

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

/* The ring's pages; the ring itself stays. */
static void pipe_free_pages(struct pipe *p)
{
	for (size_t i = 0; i < pipe_ring_pages(pipe_capacity_of(p)); i++)
		if (p->pages[i] != NULL)
			page_free(p->pages[i], 0);
}

static void pipe_destroy(struct pipe *p)
{
	pipe_free_pages(p);
	heap_free(p->pages, pipe_ring_pages(pipe_capacity_of(p)) * sizeof(*p->pages));
	heap_free(p, sizeof(*p));
}

/* A file of p, or what was to become one, is gone. */
static void pipe_put(struct pipe *p)
{
	bool last;

	if (p->fifo != NULL)
		spin_lock(&p->fifo->lock);
	/* What this end did comes before the last one frees it all. */
	last = atomic_fetch_sub_explicit(&p->ends, 1, memory_order_acq_rel) == 1;
	if (p->fifo != NULL) {
		if (last)
			p->fifo->pipe = NULL;
		spin_unlock(&p->fifo->lock);
	}
	if (last)
		pipe_destroy(p);
}

/* A reader or writer comes or goes, as f's access mode says. */
static void pipe_enter(struct pipe *p, struct file *f)
{
	if (file_readable(f)) {
		atomic_fetch_add_explicit(&p->readers, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&p->readers_ever, 1, memory_order_release);
	}
	if (file_writable(f)) {
		atomic_fetch_add_explicit(&p->writers, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&p->writers_ever, 1, memory_order_release);
	}
}

static void pipe_leave(struct pipe *p, struct file *f)
{
	/* Release: after the last bytes; pairs with pipe_is_open(). */
	if (file_readable(f) &&
	    atomic_fetch_sub_explicit(&p->readers, 1, memory_order_release) == 1) {
		waitq_wake(&p->write_wait, UINT32_MAX);
		waitq_wake(&p->write_poll, UINT32_MAX);
	}
	if (file_writable(f) &&
	    atomic_fetch_sub_explicit(&p->writers, 1, memory_order_release) == 1) {
		waitq_wake(&p->read_wait, UINT32_MAX);
		waitq_wake(&p->read_poll, UINT32_MAX);
	}
}

static void pipe_release(struct file *f)
{
	struct pipe_end *end = pipe_end_of(f);

	pipe_leave(end->pipe, f);
	pipe_put(end->pipe);
	heap_free(end, sizeof(*end));
}

/* The pages in use move to the begin of a new ring; those that a write has left without a byte are
 * freed. -EBUSY if there are too many bytes for it. */
static long pipe_resize_locked(struct pipe *p, uint8_t **pages, uint32_t capacity)
{
	uint32_t used = pipe_used(p), tail = pipe_load(&p->tail);
	uint32_t tail_page = tail & ~(uint32_t)(PAGE_SIZE - 1);

	if (used > capacity)
		return -EBUSY;
	for (uint32_t at = 0; at < tail - tail_page + used; at += PAGE_SIZE) {
		uint8_t **page = pipe_page(p, tail_page + at);

		pages[at >> PAGE_SHIFT] = *page;
		*page = NULL;
	}
	pipe_free_pages(p);
	atomic_store_explicit(&p->tail, tail - tail_page, memory_order_relaxed);
	atomic_store_explicit(&p->head, tail - tail_page + used, memory_order_relaxed);
	atomic_store_explicit(&p->capacity, capacity, memory_order_relaxed);
	return 0;
}

static long pipe_set_capacity(struct pipe *p, unsigned long bytes)
{
	uint32_t capacity = PAGE_SIZE, old_capacity;
	uint8_t **pages, **unused;
	long err;

	if (bytes > PIPE_CAPACITY_MAX)
		return bytes > INT32_MAX ? -EINVAL : -EPERM;
	while (capacity < bytes)
		capacity *= 2;
	pages = heap_zalloc(pipe_ring_pages(capacity) * sizeof(*pages));
	if (pages == NULL)
		return -ENOMEM;
	mutex_lock(&p->read_lock);
	mutex_lock(&p->write_lock);
	old_capacity = pipe_capacity_of(p);
	unused = p->pages;
	err = pipe_resize_locked(p, pages, capacity);
	if (err == 0) {
		p->pages = pages;
	} else {
		unused = pages;
		old_capacity = capacity;
	}
	mutex_unlock(&p->write_lock);
	mutex_unlock(&p->read_lock);
	heap_free(unused, pipe_ring_pages(old_capacity) * sizeof(*unused));
	if (err == 0) {
		/* Readers, too: one may have looked at what is in it while that moved. */
		waitq_fence();
		pipe_wake_readers(p);
		pipe_wake_writers(p);
	}
	return err == 0 ? (long)capacity : err;
}

static long pipe_capacity(struct file *f, const unsigned long *new)
{
	return new != NULL ? pipe_set_capacity(pipe_of(f), *new)
			   : (long)pipe_capacity_of(pipe_of(f));
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.capacity = pipe_capacity,
	.stat = pipe_stat,
	.release = pipe_release,
};

static const struct file_ops fifo_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.capacity = pipe_capacity,
	.release = pipe_release,
};

/* A pipe without files; NULL: no memory. */
static struct pipe *pipe_alloc(struct fifo *fifo)
{
	const size_t ring_bytes = pipe_ring_pages(PIPE_CAPACITY_DEFAULT) * sizeof(uint8_t *);
	struct pipe *p = heap_zalloc(sizeof(*p));
	uint8_t **pages = heap_zalloc(ring_bytes);

	if (p == NULL || pages == NULL) {
		heap_free(p, sizeof(*p));
		heap_free(pages, ring_bytes);
		return NULL;
	}
	p->pages = pages;
	p->fifo = fifo;
	atomic_init(&p->capacity, PIPE_CAPACITY_DEFAULT);
	mutex_init(&p->read_lock);
	mutex_init(&p->write_lock);
	waitq_init(&p->read_wait);
	waitq_init(&p->read_poll);
	waitq_init(&p->write_wait);
	waitq_init(&p->write_poll);
	waitq_init(&p->opened);
	return p;
}

static struct pipe_end *pipe_end_alloc(const struct file_ops *ops, unsigned flags)
{
	struct pipe_end *end = heap_alloc(sizeof(*end));

	if (end != NULL) {
		file_init(&end->file, ops, flags);
		end->writers_before = 0;
	}
	return end;
}

int pipe_create(unsigned flags, struct file **reader, struct file **writer)
{
	struct pipe_end *r = pipe_end_alloc(&pipe_ops, O_RDONLY | flags);
	struct pipe_end *w = pipe_end_alloc(&pipe_ops, O_WRONLY | flags);
	struct pipe *p = pipe_alloc(NULL);

	if (r == NULL || w == NULL || p == NULL) {
		heap_free(r, sizeof(*r));
		heap_free(w, sizeof(*w));
		if (p != NULL)
			pipe_destroy(p);
		return -ENOMEM;
	}
	r->pipe = w->pipe = p;
	atomic_init(&p->ends, 2);
	pipe_enter(p, &r->file);
	pipe_enter(p, &w->file);
	*reader = &r->file;
	*writer = &w->file;
	return 0;
}

/* --- FIFOs (fifo(7)) --- */

/* fifo's pipe, with a reference for a new file, made if nobody has it open. NULL: no memory. */
static struct pipe *fifo_get(struct fifo *fifo)
{
	struct pipe *new = pipe_alloc(fifo), *p;

	spin_lock(&fifo->lock);
	if (fifo->pipe == NULL) {
		fifo->pipe = new;
		new = NULL;
	}
	p = fifo->pipe;
	if (p != NULL)
		atomic_fetch_add_explicit(&p->ends, 1, memory_order_relaxed);
	spin_unlock(&fifo->lock);
	if (new != NULL)
		pipe_destroy(new);
	return p;
}

/* Wait until there has been an end of the other kind since `before`. 0 or -ERESTARTSYS. */
static int fifo_wait(struct pipe *p, const _Atomic uint32_t *ever, uint32_t before)
{
	return waitq_wait(&p->opened, pipe_load(ever) != before, NEVER, SLEEP_INTERRUPTIBLE,
			  "the other end of a FIFO");
}

/* What open(2) waits for, end having entered. 0 or -ERESTARTSYS. */
static int fifo_meet(struct pipe *p, struct pipe_end *end, uint32_t readers_before)
{
	unsigned mode = file_flags(&end->file) & O_ACCMODE;

	if ((file_flags(&end->file) & O_NONBLOCK) != 0)
		return 0;
	if (mode == O_RDONLY && !pipe_is_open(&p->writers))
		return fifo_wait(p, &p->writers_ever, end->writers_before);
	if (mode == O_WRONLY && !pipe_is_open(&p->readers))
		return fifo_wait(p, &p->readers_ever, readers_before);
	return 0;
}

int fifo_open(struct fifo *fifo, struct entry *e, unsigned flags, struct file **out)
{
	struct pipe_end *end = pipe_end_alloc(&fifo_ops, flags);
	struct pipe *p = end != NULL ? fifo_get(fifo) : NULL;
	uint32_t readers_before;
	int err;

	if (p == NULL) {
		heap_free(end, sizeof(*end));
		return -ENOMEM;
	}
	/* Before it enters: a reader that comes meanwhile must not take it for a writer. */
	if ((flags & O_ACCMODE) == O_WRONLY && (flags & O_NONBLOCK) != 0 &&
	    !pipe_is_open(&p->readers)) {
		pipe_put(p);
		heap_free(end, sizeof(*end));
		return -ENXIO;
	}
	end->pipe = p;
	end->file.entry = entry_get(e);
	readers_before = pipe_load(&p->readers_ever);
	end->writers_before = pipe_load(&p->writers_ever);
	pipe_enter(p, &end->file);
	waitq_wake(&p->opened, UINT32_MAX);
	err = fifo_meet(p, end, readers_before);
	if (err != 0) {
		file_put(&end->file);
		return err;
	}
	if (pipe_is_open(&p->writers))
		end->writers_before--; /* the end of those that are there is told */
	*out = &end->file;
	return 0;
}
