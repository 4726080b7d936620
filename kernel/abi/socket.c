/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sockets: making, naming and connecting them. The one family there is, is AF_UNIX. */
#include "abi/socket.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/fcntl.h"

#define SOCK_RAW 3u
#define SOCK_TYPE_MASK 0xfu
#define ADDRESS_MAX 128 /* sizeof(struct sockaddr_storage) */

struct k_sockaddr_un { /* struct sockaddr_un, and the 0 behind a path that fills it */
	uint16_t family;
	char path[UNIX_PATH_MAX + 1];
};
#define FAMILY_BYTES sizeof(uint16_t)

int socket_borrow(long fd, struct unix_socket **out)
{
	struct file *f = fd_borrow_usable((int)fd);

	if (f == NULL)
		return -EBADF;
	*out = unix_of(f);
	if (*out == NULL)
		fd_return((int)fd, f);
	return *out != NULL ? 0 : -ENOTSOCK;
}

void socket_return(long fd, struct unix_socket *s)
{
	fd_return((int)fd, &s->file);
}

/* --- addresses --- */

/* The family of an address that may be read: AF_*, -EINVAL, -EFAULT. */
static int socket_family(vaddr_t addr, long len)
{
	uint16_t family;

	if (len < (long)FAMILY_BYTES || len > ADDRESS_MAX)
		return -EINVAL;
	return user_copy_in(&family, addr, sizeof(family)) == 0 ? family : -EFAULT;
}

int socket_name_in(vaddr_t addr, long len, struct unix_name **out)
{
	char path[UNIX_PATH_MAX];
	size_t n = (size_t)len - FAMILY_BYTES;
	int family = socket_family(addr, len);

	*out = NULL;
	if (family < 0)
		return family;
	if (family != AF_UNIX || n > sizeof(path))
		return -EINVAL;
	if (n == 0)
		return 0;
	if (user_copy_in(path, addr + FAMILY_BYTES, n) != 0)
		return -EFAULT;
	*out = unix_name_create(path, n);
	return *out != NULL ? 0 : -ENOMEM;
}

int socket_name_out(const struct unix_name *name, vaddr_t addr, uint32_t *len)
{
	struct k_sockaddr_un a = {.family = AF_UNIX};
	uint32_t size = FAMILY_BYTES, room = *len;

	if (name != NULL) {
		memcpy(a.path, name->path, name->len);
		size += name->len;
	}
	*len = size;
	return user_copy_out(addr, &a, MIN(room, size));
}

/* The same for calls that have the length in program memory. */
static long socket_name_store(const struct unix_name *name, long addr, long len_addr)
{
	int32_t given;
	uint32_t len;

	if (user_copy_in(&given, (vaddr_t)len_addr, sizeof(given)) != 0)
		return -EFAULT;
	if (given < 0)
		return -EINVAL;
	len = (uint32_t)given;
	if (socket_name_out(name, (vaddr_t)addr, &len) != 0)
		return -EFAULT;
	return user_copy_out((vaddr_t)len_addr, &len, sizeof(len));
}

/* --- making --- */

/* Check what socket(2) and socketpair(2) are asked for; *type loses its flags. */
static int socket_check(long family, unsigned *type, unsigned *flags, long protocol)
{
	*flags = *type & ~SOCK_TYPE_MASK;
	*type &= SOCK_TYPE_MASK;
	if ((*flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0)
		return -EINVAL;
	if ((int)family != AF_UNIX)
		return -EAFNOSUPPORT;
	if ((int)protocol != 0 && (int)protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (*type == SOCK_RAW) /* as Linux has it */
		*type = SOCK_DGRAM;
	if (*type != SOCK_STREAM && *type != SOCK_DGRAM && *type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return 0;
}

long sys_socket(long family, long type, long protocol)
{
	unsigned kind = (unsigned)type, flags;
	struct file *f;
	int err = socket_check(family, &kind, &flags, protocol);

	if (err == 0)
		err = unix_create(kind, flags, &f);
	return err == 0 ? fd_install(f, 0, (flags & O_CLOEXEC) != 0) : err;
}

long sys_socketpair(long family, long type, long protocol, long fds)
{
	unsigned kind = (unsigned)type, flags;
	struct file *f[2];
	int32_t fd[2];
	int err = socket_check(family, &kind, &flags, protocol);

	if (err != 0)
		return err;
	err = fd_reserve_pair((vaddr_t)fds, fd);
	if (err != 0)
		return err;
	err = unix_pair(kind, flags, f);
	if (err != 0) {
		fd_unreserve_pair(fd);
		return err;
	}
	fd_commit(fd[0], f[0], (flags & O_CLOEXEC) != 0);
	fd_commit(fd[1], f[1], (flags & O_CLOEXEC) != 0);
	return 0;
}

/* --- naming and connecting --- */

long sys_bind(long fd, long addr, long len)
{
	struct unix_name *name;
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	err = socket_name_in((vaddr_t)addr, (int)len, &name);
	if (err == 0) {
		err = name != NULL ? unix_bind(s, name) : unix_bind_any(s);
		unix_name_put(name);
	}
	socket_return(fd, s);
	return err;
}

long sys_listen(long fd, long backlog)
{
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	err = unix_listen(s, (int)backlog);
	socket_return(fd, s);
	return err;
}

static long socket_connect(struct unix_socket *s, vaddr_t addr, long len)
{
	struct unix_name *name;
	long err = socket_family(addr, len);

	if (err == AF_UNSPEC && s->type == SOCK_DGRAM)
		return unix_connect(s, NULL);
	if (err >= 0)
		err = socket_name_in(addr, len, &name);
	if (err != 0)
		return err;
	err = name != NULL ? unix_connect(s, name) : -EINVAL;
	unix_name_put(name);
	return err;
}

long sys_connect(long fd, long addr, long len)
{
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	err = socket_connect(s, (vaddr_t)addr, (int)len);
	socket_return(fd, s);
	return err;
}

/* Accept into a descriptor that is reserved. */
static long socket_accept(struct unix_socket *s, int fd, long addr, long len_addr, unsigned flags)
{
	struct unix_name *name = NULL;
	struct file *f;
	long err = unix_accept(s, &f);

	if (err != 0)
		return err;
	atomic_store_explicit(&f->flags, O_RDWR | (flags & O_NONBLOCK), memory_order_relaxed);
	if (addr != 0) {
		err = unix_peer_name(unix_of(f), &name);
		if (err == 0)
			err = socket_name_store(name, addr, len_addr);
		unix_name_put(name);
	}
	if (err != 0)
		file_put(f);
	else
		fd_commit(fd, f, (flags & O_CLOEXEC) != 0);
	return err;
}

long sys_accept4(long fd, long addr, long len_addr, long flags)
{
	struct unix_socket *s;
	long err;
	int new_fd;

	if (((unsigned)flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0)
		return -EINVAL;
	err = socket_borrow(fd, &s);
	if (err != 0)
		return err;
	err = new_fd = fd_reserve(0);
	if (err >= 0) {
		err = socket_accept(s, new_fd, addr, len_addr, (unsigned)flags);
		if (err != 0)
			fd_unreserve(new_fd);
	}
	socket_return(fd, s);
	return err == 0 ? new_fd : err;
}

long sys_accept(long fd, long addr, long len_addr)
{
	return sys_accept4(fd, addr, len_addr, 0);
}

long sys_shutdown(long fd, long how)
{
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	/* SHUT_RD, SHUT_WR and SHUT_RDWR are one less than their bits. */
	if ((int)how < 0 || (int)how > 2)
		err = -EINVAL;
	else
		unix_shutdown(s, (unsigned)how + 1);
	socket_return(fd, s);
	return err;
}

long sys_getsockname(long fd, long addr, long len_addr)
{
	struct unix_name *name;
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	unix_own_name(s, &name);
	err = socket_name_store(name, addr, len_addr);
	unix_name_put(name);
	socket_return(fd, s);
	return err;
}

long sys_getpeername(long fd, long addr, long len_addr)
{
	struct unix_name *name;
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	err = unix_peer_name(s, &name);
	if (err == 0) {
		err = socket_name_store(name, addr, len_addr);
		unix_name_put(name);
	}
	socket_return(fd, s);
	return err;
}
