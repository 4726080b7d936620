/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The console is the process's standard input, output and error. Their open file descriptions are
 * shared with the shell, so O_NONBLOCK is never set on them: whether a read would wait is asked
 * first.
 */
#include "base/errno.h"
#include "plat/linuxu/linuxu.h"

bool linuxu_console_ready(void)
{
	struct host_pollfd p = {.fd = 0, .events = HOST_POLLIN};
	struct host_timespec zero = {0};

	return host_call6(HOST_NR_PPOLL, (uintptr_t)&p, 1, (uintptr_t)&zero, 0, 0, 0) > 0;
}

/* Somebody else made the descriptor non-blocking: wait until it takes more. */
static void fd_wait_writable(int fd)
{
	struct host_pollfd p = {.fd = fd, .events = HOST_POLLOUT};

	host_call6(HOST_NR_PPOLL, (uintptr_t)&p, 1, 0, 0, 0, 0);
}

ssize64_t linuxu_console_write(int fd, const void *buf, size_t n)
{
	for (;;) {
		long r = host_call3(HOST_NR_WRITE, (uintptr_t)fd, (uintptr_t)buf, n);

		if (r == -EAGAIN)
			fd_wait_writable(fd);
		else if (r != -EINTR)
			return r;
	}
}

ssize64_t linuxu_console_read(void *buf, size_t n)
{
	if (!linuxu_console_ready())
		return -EAGAIN;
	for (;;) {
		long r = host_call3(HOST_NR_READ, 0, (uintptr_t)buf, n);

		if (r != -EINTR)
			return r;
	}
}

bool linuxu_console_is_tty(int fd)
{
	uint8_t termios[64]; /* struct termios of the host has 36 bytes */

	return host_call3(HOST_NR_IOCTL, (uintptr_t)fd, HOST_TCGETS, (uintptr_t)termios) == 0;
}

void linuxu_log_write(const char *s, size_t n)
{
	while (n > 0) {
		ssize64_t r = linuxu_console_write(linuxu_host.log_fd, s, n);

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
