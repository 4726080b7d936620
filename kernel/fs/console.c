/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The console's files. A platform that cannot be asked whether there is input without taking it
 * (kvm) is read ahead by poll() into a small buffer, which the next read empties first.
 *
 * A write goes out in one piece: a mutex for each of standard output and error is held meanwhile,
 * also while it waits for room.
 */
#include "fs/console.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/thread.h"
#include "fs/chunk.h"
#include "fs/node.h"
#include "fs/poll.h"
#include "fs/termios.h"
#include "plat/plat.h"

#define WAITQ_INIT(wq)                                                                             \
	{                                                                                          \
		.lock = SPINLOCK_INIT(LOCK_WAITQ), .waiters = LIST_INIT((wq).waiters)              \
	}

static struct {
	struct waitq readers, writers[2]; /* writers: by fd - 1 */
	/* Guards what follows, and the order of plat->console_read() and console_watch(). */
	struct spinlock lock;
	uint8_t ahead[64]; /* read but not taken yet: [ahead_pos, ahead_len) */
	uint32_t ahead_pos, ahead_len;
	bool eof; /* end of file was seen by reading ahead; the next read reports it */
	/* A bit by fd: the waiters were told, and nobody has looked since. Not watched meanwhile,
	 * for some (epoll) stay in the queue and may leave it at that. */
	unsigned told;
} console = {
	.readers = WAITQ_INIT(console.readers),
	.writers = {WAITQ_INIT(console.writers[0]), WAITQ_INIT(console.writers[1])},
	.lock = SPINLOCK_INIT(LOCK_CONSOLE),
};

/* Writers that sleep until there is room, with the mutex below; by fd - 1. */
static _Atomic unsigned console_full[2];

/* Held while a write goes out; by fd - 1. */
static struct mutex console_out[2] = {MUTEX_INIT(console_out[0]), MUTEX_INIT(console_out[1])};

/*
 * Have the platform tell of what somebody waits for. Who begins to wait is in the queue before it
 * calls this, so that nobody switches off what another one has switched on.
 */
static void console_watch_update_locked(void)
{
	unsigned fds = waitq_active(&console.readers) ? 1u << 0 : 0;

	for (unsigned fd = 1; fd <= 2; fd++)
		if (waitq_active(&console.writers[fd - 1]))
			fds |= 1u << fd;
	plat->console_watch(fds & ~console.told);
}

static void console_watch_update(void)
{
	spin_lock(&console.lock);
	console_watch_update_locked();
	spin_unlock(&console.lock);
}

/* Somebody is about to look at fd, or has taken something there: what comes is news again. */
static void console_watch_anew(int fd)
{
	spin_lock(&console.lock);
	console.told &= ~(1u << fd);
	console_watch_update_locked();
	spin_unlock(&console.lock);
}

/* An upcall (layers.txt): does anybody wait whom another process, or a person, could wake? */
bool console_is_watched(void)
{
	return waitq_active(&console.readers) || waitq_active(&console.writers[0]) ||
	       waitq_active(&console.writers[1]);
}

/* An upcall from the scheduler (layers.txt): there is input, or room for output. */
void console_input_pending(void)
{
	spin_lock(&console.lock);
	console.told = 7;
	console_watch_update_locked();
	spin_unlock(&console.lock);
	waitq_wake(&console.readers, UINT32_MAX);
	for (unsigned i = 0; i < 2; i++)
		waitq_wake(&console.writers[i], UINT32_MAX);
}

/* As plat->console_read(), after what was read ahead. */
static ssize64_t console_take_locked(uint8_t *buf, size_t n)
{
	size_t have = console.ahead_len - console.ahead_pos;

	if (have > 0) {
		n = MIN(n, have);
		memcpy(buf, console.ahead + console.ahead_pos, n);
		console.ahead_pos += (uint32_t)n;
		return (ssize64_t)n;
	}
	if (console.eof) {
		console.eof = false;
		return 0;
	}
	return plat->console_read(buf, n);
}

static ssize64_t console_take(uint8_t *buf, size_t n)
{
	ssize64_t taken;

	spin_lock(&console.lock);
	taken = console_take_locked(buf, n);
	spin_unlock(&console.lock);
	return taken;
}

/* What would a read give? Bytes at hand, 0 for the end of file, -EAGAIN for nothing yet, or another
 * error. */
static ssize64_t console_look_ahead(void)
{
	ssize64_t n;

	spin_lock(&console.lock);
	n = console.ahead_len - console.ahead_pos;
	if (n == 0 && !console.eof) {
		n = plat->console_read(console.ahead, sizeof(console.ahead));
		console.eof = n == 0;
		console.ahead_pos = 0;
		console.ahead_len = n > 0 ? (uint32_t)n : 0;
	}
	spin_unlock(&console.lock);
	return n;
}

/* What waitq_wait() looks at: may reading or writing be tried again? */
static bool console_ready(int fd)
{
	console_watch_anew(fd);
	if (plat->console_poll)
		return plat->console_poll(fd) != 0;
	return console_look_ahead() != -EAGAIN;
}

/* Sleep until there may be input, or room for output: 0 or -ERESTARTSYS. */
static int console_wait(int fd)
{
	struct waitq *wq = fd == 0 ? &console.readers : &console.writers[fd - 1];
	int err;

	if (fd > 0)
		atomic_fetch_add_explicit(&console_full[fd - 1], 1, memory_order_relaxed);
	err = waitq_wait(wq, console_ready(fd), NEVER, SLEEP_INTERRUPTIBLE,
			 fd == 0 ? "console input" : "console output");
	if (fd > 0)
		atomic_fetch_sub_explicit(&console_full[fd - 1], 1, memory_order_relaxed);
	console_watch_update();
	return err;
}

static ssize64_t console_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct chunk c;
	ssize64_t n;

	(void)pos;
	chunk_begin(&c, u->left);
	while ((n = console_take(c.buf, MIN(u->left, c.cap))) == -EAGAIN) {
		int err = (file_flags(f) & O_NONBLOCK) != 0 ? -EAGAIN : console_wait(0);

		if (err != 0) {
			n = err;
			break;
		}
	}
	if (waitq_active(&console.readers))
		console_watch_anew(0);
	if (n > 0 && uio_put(u, c.buf, (size_t)n) != 0)
		n = -EFAULT;
	chunk_end(&c);
	return n;
}

/* All of the chunk, however little the platform takes at a time: bytes written, or an error if
 * there are none. */
static ssize64_t console_write_chunk(int fd, const uint8_t *buf, size_t n, bool nonblock)
{
	size_t done = 0;

	while (done < n) {
		ssize64_t step = plat->console_write(fd, buf + done, n - done);

		if (step == -EAGAIN && !nonblock) {
			step = console_wait(fd);
			if (step == 0)
				continue;
		}
		if (step <= 0)
			return done > 0 ? (ssize64_t)done : step;
		done += (size_t)step;
	}
	return (ssize64_t)done;
}

/* Where what is written to f goes. */
static int console_output(const struct file *f)
{
	return f == &console_files[2] ? 2 : 1;
}

static ssize64_t console_write(struct file *f, struct uio *u, uint64_t *pos)
{
	bool nonblock = (file_flags(f) & O_NONBLOCK) != 0;
	int fd = console_output(f);
	ssize64_t done = 0, err;
	struct chunk c;

	(void)pos;
	/* Whoever holds the mutex for long waits for room. */
	if (nonblock && atomic_load_explicit(&console_full[fd - 1], memory_order_relaxed) > 0)
		return -EAGAIN;
	err = mutex_lock_interruptible(&console_out[fd - 1]);
	if (err != 0)
		return err;
	chunk_begin(&c, u->left);
	while (u->left > 0 && err == 0) {
		size_t n = MIN(u->left, c.cap);
		struct uio at = *u;
		ssize64_t written;

		err = uio_get(&at, c.buf, n);
		if (err != 0)
			break;
		written = console_write_chunk(fd, c.buf, n, nonblock);
		if (written > 0) {
			uio_skip(u, (size_t)written);
			done += written;
		}
		if (written < (ssize64_t)n)
			err = written > 0
				      ? 1
				      : written; /* stop; what follows will meet the error again */
	}
	mutex_unlock(&console_out[fd - 1]);
	chunk_end(&c);
	if (waitq_active(&console.writers[fd - 1]))
		console_watch_anew(fd);
	if (err == -EPIPE)
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return done > 0 ? done : err;
}

/* What poll(2) says of input where the platform cannot be asked. */
static unsigned console_poll_ahead(void)
{
	ssize64_t input = console_look_ahead();

	if (input > 0)
		return POLLIN;
	if (input == 0)
		return plat->console_is_tty(0) ? POLLIN : POLLHUP;
	return input == -EAGAIN ? 0 : POLLERR;
}

/* Who asks for neither reading nor writing is not told of a hang-up. */
static void console_poll_wait(const struct file *f, struct poll_table *pt)
{
	unsigned wanted = pt != NULL ? pt->events : 0;

	if (file_readable(f) && (wanted & POLL_READABLE))
		poll_wait(pt, &console.readers);
	else if (file_writable(f) && (wanted & POLL_WRITABLE) && plat->console_poll != NULL)
		poll_wait(pt, &console.writers[console_output(f) - 1]);
	else
		return;
	/* Switched off by the first report that finds nobody waiting. */
	console_watch_update();
}

static unsigned console_poll_now(int fd)
{
	if (plat->console_poll)
		return plat->console_poll(fd);
	return fd == 0 ? console_poll_ahead() : POLLOUT;
}

static unsigned console_poll_fd(int fd)
{
	unsigned found = console_poll_now(fd);

	if (found != 0 || !waitq_active(fd == 0 ? &console.readers : &console.writers[fd - 1]))
		return found;
	/* What has come since then was not reported if it was not watched for. */
	console_watch_anew(fd);
	return console_poll_now(fd);
}

static unsigned console_poll(struct file *f, struct poll_table *pt)
{
	unsigned found = 0;

	console_poll_wait(f, pt);
	if (file_writable(f))
		found |= console_poll_fd(console_output(f));
	if (file_readable(f))
		found |= console_poll_fd(0);
	if (found & POLLIN)
		found |= POLL_READABLE;
	if (found & POLLOUT)
		found |= POLL_WRITABLE;
	return found;
}

/* FIONREAD. */
static int32_t console_input_bytes(void)
{
	if (plat->console_input_bytes)
		return plat->console_input_bytes();
	return (int32_t)MAX(console_look_ahead(), 0);
}

static bool console_file_is_tty(const struct file *f)
{
	for (int fd = 0; fd < 3; fd++)
		if (f == &console_files[fd])
			return plat->console_is_tty(fd);
	return true; /* opened as /dev/tty */
}

static long console_ioctl(struct file *f, unsigned cmd, vaddr_t arg)
{
	if (cmd == FIONREAD && file_readable(f)) {
		int32_t count = console_input_bytes();

		return user_copy_out(arg, &count, sizeof(count));
	}
	return console_file_is_tty(f) ? termios_ioctl(cmd, arg) : -ENOTTY;
}

static void console_stat(struct file *f, struct file_stat *out)
{
	if (console_file_is_tty(f)) {
		out->mode = S_IFCHR | 0620;
		out->dev = FILE_DEV_FIXED;
		out->rdev = FILE_RDEV(136, 0); /* /dev/pts/0 */
	} else {
		out->mode = S_IFIFO | 0600;
		out->dev = FILE_DEV_PIPE;
	}
	out->ino = 1;
}

static void console_release(struct file *f)
{
	(void)f; /* static */
}

static const struct file_ops console_ops = {
	.read = console_read,
	.write = console_write,
	.poll = console_poll,
	.ioctl = console_ioctl,
	.stat = console_stat,
	.release = console_release,
};

static const struct file_ops console_tty_ops = {
	.read = console_read,
	.write = console_write,
	.poll = console_poll,
	.ioctl = console_ioctl,
	.stat = console_stat,
};

struct file console_files[3] = {
	{.ops = &console_ops, .refs = 1, .flags = O_RDONLY},
	{.ops = &console_ops, .refs = 1, .flags = O_WRONLY},
	{.ops = &console_ops, .refs = 1, .flags = O_WRONLY},
};

int console_open_tty(struct entry *e, unsigned flags, struct file **out)
{
	if (!plat->console_is_tty(0) && !plat->console_is_tty(1) && !plat->console_is_tty(2))
		return -ENXIO;
	return file_create(e, &console_tty_ops, flags, out);
}
