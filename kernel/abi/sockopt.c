/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* getsockopt(2) and setsockopt(2), for Unix sockets. */
#include "abi/socket.h"
#include "abi/syscall.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"

#define SO_DEBUG 1
#define SO_REUSEADDR 2
#define SO_TYPE 3
#define SO_ERROR 4
#define SO_DONTROUTE 5
#define SO_BROADCAST 6
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_KEEPALIVE 9
#define SO_OOBINLINE 10
#define SO_REUSEPORT 15
#define SO_PASSCRED 16
#define SO_PEERCRED 17
#define SO_RCVLOWAT 18
#define SO_SNDLOWAT 19
#define SO_RCVTIMEO 20
#define SO_SNDTIMEO 21
#define SO_ACCEPTCONN 30
#define SO_SNDBUFFORCE 32
#define SO_RCVBUFFORCE 33
#define SO_PROTOCOL 38
#define SO_DOMAIN 39

#define SNDBUF_MIN 4608u
#define RCVBUF_MIN 2304u

/* Options that are kept and change nothing, as on Linux: they are for networks. */
#define SOCKOPT_KEPT                                                                               \
	(1u << SO_REUSEADDR | 1u << SO_DONTROUTE | 1u << SO_BROADCAST | 1u << SO_KEEPALIVE |       \
	 1u << SO_OOBINLINE | 1u << SO_DEBUG | 1u << SO_REUSEPORT)

static bool sockopt_is_kept(int name)
{
	return name >= 0 && name < 32 && (SOCKOPT_KEPT >> name & 1) != 0;
}

/* The program gets twice what it asks for, which is what Linux counts with. */
static uint32_t sockopt_buffer(int32_t value, bool forced, uint32_t least)
{
	uint32_t n = (uint32_t)value;

	if (forced)
		n = value < 0 ? 0 : MIN(n, (uint32_t)INT32_MAX / 2);
	else
		n = MIN(n, UNIX_BUFFER);
	return MAX(n * 2, least);
}

static long sockopt_set_timeout(_Atomic uint64_t *timeout_ns, vaddr_t addr, long len)
{
	struct k_timeval tv;
	uint64_t ns = 0;

	if (len < (long)sizeof(tv))
		return -EINVAL;
	if (user_copy_in(&tv, addr, sizeof(tv)) != 0)
		return -EFAULT;
	if (tv.usec < 0 || tv.usec >= US_PER_SECOND)
		return -EDOM;
	/* Less than nothing: no time at all to wait. */
	if (tv.sec < 0)
		ns = 1;
	else if (__builtin_mul_overflow((uint64_t)tv.sec, NS_PER_SECOND, &ns) ||
		 __builtin_add_overflow(ns, (uint64_t)tv.usec * NS_PER_US, &ns))
		ns = 0;
	atomic_store_explicit(timeout_ns, ns, memory_order_relaxed);
	return 0;
}

static long sockopt_set_number(struct unix_socket *s, int name, int32_t value)
{
	const uint32_t bit = 1u << (name & 31);

	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		atomic_store_explicit(&s->send_buffer,
				      sockopt_buffer(value, name != SO_SNDBUF, SNDBUF_MIN),
				      memory_order_relaxed);
		unix_changed(s);
		return 0;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		atomic_store_explicit(&s->receive_buffer,
				      sockopt_buffer(value, name != SO_RCVBUF, RCVBUF_MIN),
				      memory_order_relaxed);
		return 0;
	case SO_PASSCRED:
		atomic_store_explicit(&s->pass_cred, value != 0, memory_order_relaxed);
		return 0;
	default:
		if (!sockopt_is_kept(name))
			return -ENOPROTOOPT;
		if (value != 0)
			atomic_fetch_or_explicit(&s->flags, bit, memory_order_relaxed);
		else
			atomic_fetch_and_explicit(&s->flags, ~bit, memory_order_relaxed);
		return 0;
	}
}

static long sockopt_set(struct unix_socket *s, int level, int name, vaddr_t addr, long len)
{
	int32_t value;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (len < (long)sizeof(value))
		return -EINVAL;
	if (name == SO_RCVTIMEO)
		return sockopt_set_timeout(&s->receive_timeout_ns, addr, len);
	if (name == SO_SNDTIMEO)
		return sockopt_set_timeout(&s->send_timeout_ns, addr, len);
	if (user_copy_in(&value, addr, sizeof(value)) != 0)
		return -EFAULT;
	return sockopt_set_number(s, name, value);
}

static long sockopt_put(vaddr_t addr, vaddr_t len_addr, uint32_t room, const void *value,
			size_t size)
{
	uint32_t n = (uint32_t)MIN(room, size);

	if (user_copy_out(addr, value, n) != 0)
		return -EFAULT;
	return user_copy_out(len_addr, &n, sizeof(n));
}

/* Those that are a number: 0 or -ENOPROTOOPT. */
static long sockopt_get_number(struct unix_socket *s, int name, int32_t *value)
{
	switch (name) {
	case SO_TYPE:
		*value = (int32_t)s->type;
		return 0;
	case SO_DOMAIN:
		*value = AF_UNIX;
		return 0;
	case SO_PROTOCOL:
		*value = 0;
		return 0;
	case SO_ERROR:
		*value = unix_take_error(s);
		return 0;
	case SO_ACCEPTCONN:
		*value = unix_is_listening(s);
		return 0;
	case SO_SNDBUF:
		*value = (int32_t)atomic_load_explicit(&s->send_buffer, memory_order_relaxed);
		return 0;
	case SO_RCVBUF:
		*value = (int32_t)atomic_load_explicit(&s->receive_buffer, memory_order_relaxed);
		return 0;
	case SO_PASSCRED:
		*value = atomic_load_explicit(&s->pass_cred, memory_order_relaxed);
		return 0;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*value = 1;
		return 0;
	default:
		if (!sockopt_is_kept(name))
			return -ENOPROTOOPT;
		*value = atomic_load_explicit(&s->flags, memory_order_relaxed) >> name & 1;
		return 0;
	}
}

static long sockopt_get(struct unix_socket *s, int level, int name, vaddr_t addr, vaddr_t len_addr)
{
	struct unix_cred cred;
	struct k_timeval tv;
	int32_t room, value;
	uint64_t ns;
	long err;

	if (user_copy_in(&room, len_addr, sizeof(room)) != 0)
		return -EFAULT;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (room < 0)
		return -EINVAL;
	if (name == SO_PEERCRED) {
		cred = unix_peer_cred(s);
		return sockopt_put(addr, len_addr, (uint32_t)room, &cred, sizeof(cred));
	}
	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO) {
		ns = atomic_load_explicit(name == SO_RCVTIMEO ? &s->receive_timeout_ns
							      : &s->send_timeout_ns,
					  memory_order_relaxed);
		tv.sec = (int64_t)(ns / NS_PER_SECOND);
		tv.usec = (int64_t)(ns % NS_PER_SECOND / NS_PER_US);
		return sockopt_put(addr, len_addr, (uint32_t)room, &tv, sizeof(tv));
	}
	err = sockopt_get_number(s, name, &value);
	if (err != 0)
		return err;
	return sockopt_put(addr, len_addr, (uint32_t)room, &value, sizeof(value));
}

long sys_setsockopt(long fd, long level, long name, long addr, long len)
{
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	err = sockopt_set(s, (int)level, (int)name, (vaddr_t)addr, (int)len);
	socket_return(fd, s);
	return err;
}

long sys_getsockopt(long fd, long level, long name, long addr, long len_addr)
{
	struct unix_socket *s;
	long err = socket_borrow(fd, &s);

	if (err != 0)
		return err;
	err = sockopt_get(s, (int)level, (int)name, (vaddr_t)addr, (vaddr_t)len_addr);
	socket_return(fd, s);
	return err;
}
