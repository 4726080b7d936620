/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The console is the process's standard input, output and error. A call of the host that waits
 * would stop the CPU and with it all threads that are queued there, so none is made that does. But
 * the open file descriptions are shared with the shell, so O_NONBLOCK is never set on them. A file
 * on disk does not wait; pipes and sockets of newer hosts (Linux 6.5) can be told for a single
 * call; others are asked first, and take PIPE_BUF bytes if they say that there is room.
 */
#include "base/errno.h"
#include "plat/linuxu/linuxu.h"

#define FDS 3u /* standard input, output and error */
#define ROOM_BYTES 4096u
/* How long a write waits for room before other threads may run: longer than a reader takes that is
 * waiting for it, and less than a slice. */
#define ROOM_WAIT_NS 100000u

enum fd_kind {
	FD_NEW,    /* not used yet */
	FD_NOWAIT, /* RWF_NOWAIT is understood, as far as known */
	FD_ASK,    /* ask before each call */
	FD_DISK,   /* never waits */
};

static _Atomic uint8_t fd_kinds[FDS]; /* enum fd_kind; found out more than once does no harm */

static enum fd_kind fd_kind(int fd)
{
	enum fd_kind kind = atomic_load_explicit(&fd_kinds[fd], memory_order_relaxed);

	if (kind == FD_NEW) {
		kind = host_call3(HOST_NR_LSEEK, (uintptr_t)fd, 0, HOST_SEEK_CUR) >= 0 ? FD_DISK
										       : FD_NOWAIT;
		atomic_store_explicit(&fd_kinds[fd], (uint8_t)kind, memory_order_relaxed);
	}
	return kind;
}

/* poll(2) of standard input, output or error: what of events and of errors holds. */
static unsigned fd_poll(int fd, unsigned events, uint64_t timeout_ns)
{
	struct host_pollfd p = {.fd = fd, .events = (int16_t)events};
	struct host_timespec timeout = host_timespec(timeout_ns);

	if (host_call6(HOST_NR_PPOLL, (uintptr_t)&p, 1, (uintptr_t)&timeout, 0, 0, 0) <= 0)
		return 0;
	return (uint16_t)p.revents;
}

/* read(2) or write(2), whether that may wait or not. */
static ssize64_t fd_call(long nr, int fd, uintptr_t buf, size_t n)
{
	long r;

	do
		r = host_call3(nr, (uintptr_t)fd, buf, n);
	while (r == -EINTR);
	return r;
}

/* The same that does not wait: -EAGAIN. */
static ssize64_t fd_try(long nr, int fd, uintptr_t buf, size_t n)
{
	const bool write = nr == HOST_NR_WRITE;
	const struct host_iovec iov = {buf, n};
	enum fd_kind kind = fd_kind(fd);
	ssize64_t r;

	if (kind == FD_DISK)
		return fd_call(nr, fd, buf, n);
	if (kind == FD_NOWAIT) {
		/* Position -1: where the file is. */
		r = host_call6(write ? HOST_NR_PWRITEV2 : HOST_NR_PREADV2, (uintptr_t)fd,
			       (uintptr_t)&iov, 1, (uintptr_t)-1, 0, HOST_RWF_NOWAIT);
		if (r != -EOPNOTSUPP && r != -ENOSYS)
			return r == -EINTR ? -EAGAIN : r;
		atomic_store_explicit(&fd_kinds[fd], FD_ASK, memory_order_relaxed);
	}
	if (fd_poll(fd, write ? HOST_POLLOUT : HOST_POLLIN, 0) == 0)
		return -EAGAIN;
	return fd_call(nr, fd, buf, write ? MIN(n, ROOM_BYTES) : n);
}

ssize64_t linuxu_console_write(int fd, const void *buf, size_t n)
{
	ssize64_t r = fd_try(HOST_NR_WRITE, fd, (uintptr_t)buf, n);

	if (r == -EAGAIN && fd_poll(fd, HOST_POLLOUT, ROOM_WAIT_NS) != 0)
		r = fd_try(HOST_NR_WRITE, fd, (uintptr_t)buf, n);
	return r;
}

ssize64_t linuxu_console_read(void *buf, size_t n)
{
	return fd_try(HOST_NR_READ, 0, (uintptr_t)buf, n);
}

unsigned linuxu_console_poll(int fd)
{
	return fd_poll(fd, fd == 0 ? HOST_POLLIN : HOST_POLLOUT, 0);
}

int linuxu_console_input_bytes(void)
{
	int32_t bytes = 0;

	return host_call3(HOST_NR_IOCTL, 0, HOST_FIONREAD, (uintptr_t)&bytes) == 0 ? bytes : 0;
}

bool linuxu_console_is_tty(int fd)
{
	uint8_t termios[64]; /* struct termios of the host has 36 bytes */

	return host_call3(HOST_NR_IOCTL, (uintptr_t)fd, HOST_TCGETS, (uintptr_t)termios) == 0;
}

static void log_wait_room(void)
{
	struct host_pollfd p = {.fd = linuxu_host.log_fd, .events = HOST_POLLOUT};

	host_call6(HOST_NR_PPOLL, (uintptr_t)&p, 1, 0, 0, 0, 0);
}

void linuxu_log_write(const char *s, size_t n)
{
	while (n > 0) {
		ssize64_t r = fd_call(HOST_NR_WRITE, linuxu_host.log_fd, (uintptr_t)s, n);

		if (r == -EAGAIN) { /* somebody else made it non-blocking */
			log_wait_room();
			continue;
		}
		if (r <= 0)
			return;
		s += r;
		n -= (size_t)r;
	}
}

ssize64_t linuxu_exe_read(void *buf, size_t n, uint64_t off, uint64_t *size)
{
	long r;

	if (linuxu_host.exe_fd < 0)
		return -ENOENT;
	if (size != NULL) {
		r = host_call3(HOST_NR_LSEEK, (uintptr_t)linuxu_host.exe_fd, 0, HOST_SEEK_END);
		if (r < 0)
			return r;
		*size = (uint64_t)r;
	}
	do
		r = host_call4(HOST_NR_PREAD64, (uintptr_t)linuxu_host.exe_fd, (uintptr_t)buf, n,
			       off);
	while (r == -EINTR);
	return r;
}
