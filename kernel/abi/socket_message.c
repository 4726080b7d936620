/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sending and receiving: send(2), recv(2) and their family, and what goes with the bytes (cmsg(3)).
 */
#include "abi/iov.h"
#include "abi/socket.h"
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "fs/fcntl.h"

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define CONTROL_MAX 20480u /* net.core.optmem_max */
#define CONTROL_ALIGN sizeof(uint64_t)

struct k_msghdr { /* struct msghdr */
	uint64_t name;
	uint32_t name_len, pad;
	uint64_t iov, iov_count;
	uint64_t control, control_len;
	uint32_t flags, pad2;
};
_Static_assert(sizeof(struct k_msghdr) == 56, "struct msghdr");

struct k_cmsghdr {    /* struct cmsghdr */
	uint64_t len; /* with the header */
	int32_t level, type;
};
_Static_assert(sizeof(struct k_cmsghdr) == 16, "struct cmsghdr");

/* --- what goes with bytes, sending --- */

/* The next header in a copy of control data at *at: false at the end. *err is -EINVAL for one that
 * does not fit. */
static bool control_next(const uint8_t *control, size_t len, size_t *at, struct k_cmsghdr *h,
			 const uint8_t **data, int *err)
{
	if (*at > len || len - *at < sizeof(*h))
		return false;
	memcpy(h, control + *at, sizeof(*h));
	if (h->len < sizeof(*h) || h->len > len - *at) {
		*err = -EINVAL;
		return false;
	}
	*data = control + *at + sizeof(*h);
	*at += ALIGN_UP(h->len, CONTROL_ALIGN);
	return true;
}

static int control_cred(const struct k_cmsghdr *h, const uint8_t *data, struct unix_extra *extra)
{
	if (h->len - sizeof(*h) != sizeof(extra->cred))
		return -EINVAL;
	memcpy(&extra->cred, data, sizeof(extra->cred));
	if (extra->cred.uid == UINT32_MAX || extra->cred.gid == UINT32_MAX)
		return -EINVAL;
	/* The program is root, which may name any user and every process that there is. */
	if (!thread_exists(extra->cred.pid))
		return -ESRCH;
	extra->has_cred = true;
	return 0;
}

/* The files that n descriptors stand for, behind those that files has already. */
static int control_add_files(struct unix_files *files, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct file *f;
		int32_t fd;

		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		f = fd_get(fd);
		if (f == NULL)
			return -EBADF;
		files->file[files->count++] = f;
	}
	return 0;
}

/* How many descriptors are in control data of which everything else goes to *extra. */
static int control_look(const uint8_t *control, size_t len, struct unix_extra *extra, size_t *fds)
{
	const uint8_t *data;
	struct k_cmsghdr h;
	size_t at = 0;
	int err = 0;

	*fds = 0;
	while (err == 0 && control_next(control, len, &at, &h, &data, &err)) {
		if (h.level != SOL_SOCKET)
			continue;
		if (h.type == SCM_RIGHTS)
			*fds += (h.len - sizeof(h)) / sizeof(int32_t);
		else
			err = h.type == SCM_CREDENTIALS ? control_cred(&h, data, extra) : -EINVAL;
	}
	return err == 0 && *fds > UNIX_FILES_MAX ? -EINVAL : err;
}

static int control_take(const uint8_t *control, size_t len, struct unix_extra *extra)
{
	struct unix_files *files;
	const uint8_t *data;
	struct k_cmsghdr h;
	size_t at = 0, fds, had;
	int err = control_look(control, len, extra, &fds);

	if (err != 0 || fds == 0)
		return err;
	files = heap_alloc(sizeof(*files) + fds * sizeof(files->file[0]));
	if (files == NULL)
		return -ENOMEM;
	files->count = 0;
	while (err == 0 && control_next(control, len, &at, &h, &data, &err))
		if (h.level == SOL_SOCKET && h.type == SCM_RIGHTS)
			err = control_add_files(files, data, (h.len - sizeof(h)) / sizeof(int32_t));
	if (err == 0) {
		extra->files = files;
		return 0;
	}
	had = files->count;
	for (size_t i = 0; i < had; i++)
		file_put(files->file[i]);
	heap_free(files, sizeof(*files) + fds * sizeof(files->file[0]));
	return err;
}

/* Control data of the program. */
static int control_in(const struct k_msghdr *h, struct unix_extra *extra)
{
	uint8_t *control;
	int err;

	if (h->control == 0 || h->control_len == 0)
		return 0;
	if (h->control_len > CONTROL_MAX)
		return -ENOBUFS;
	control = heap_alloc(h->control_len);
	if (control == NULL)
		return -ENOMEM;
	err = user_copy_in(control, h->control, h->control_len);
	if (err == 0)
		err = control_take(control, h->control_len, extra);
	heap_free(control, h->control_len);
	return err;
}

/* --- the same, receiving --- */

/* Where control data of the program goes: at, with left bytes of room. */
struct control_out {
	vaddr_t at;
	size_t left, used;
	bool truncated;
};

/* Store a header, whose n bytes of data are stored, or are data's. */
static void control_put(struct control_out *c, int type, const void *data, size_t n)
{
	struct k_cmsghdr h = {.len = sizeof(h) + n, .level = SOL_SOCKET, .type = type};
	size_t space;

	if (c->left < sizeof(h)) {
		c->truncated = true;
		return;
	}
	if (c->left < h.len) {
		c->truncated = true;
		h.len = c->left;
	}
	if (user_copy_out(c->at, &h, sizeof(h)) != 0 ||
	    (data != NULL && user_copy_out(c->at + sizeof(h), data, h.len - sizeof(h)) != 0))
		return;
	space = MIN(ALIGN_UP(h.len, CONTROL_ALIGN), c->left);
	c->at += space;
	c->left -= space;
	c->used += space;
}

/* Give the program descriptors for files, as many as there is room for. */
static void control_put_files(struct control_out *c, const struct unix_files *files, bool cloexec)
{
	const size_t header = sizeof(struct k_cmsghdr);
	size_t room = c->left > header ? (c->left - header) / sizeof(int32_t) : 0, n = 0;

	while (n < files->count && n < room) {
		int32_t fd = fd_reserve(0);

		if (fd < 0)
			break;
		if (user_copy_out(c->at + header + n * sizeof(fd), &fd, sizeof(fd)) != 0) {
			fd_unreserve(fd);
			break;
		}
		fd_commit(fd, file_get(files->file[n]), cloexec);
		n++;
	}
	if (n < files->count)
		c->truncated = true;
	if (n > 0)
		control_put(c, SCM_RIGHTS, NULL, n * sizeof(int32_t));
}

/* --- one message --- */

/* Whom a message is for that has an address: datagrams only, packets with an order ignore it. */
static long message_name(struct unix_socket *s, vaddr_t addr, long len, struct unix_name **out)
{
	long err;

	if (s->type == SOCK_STREAM)
		return unix_is_connected(s) ? -EISCONN : -EOPNOTSUPP;
	if (s->type == SOCK_SEQPACKET)
		return 0;
	err = socket_name_in(addr, len, out);
	return err == 0 && *out == NULL ? -EINVAL : err;
}

/* Send to the address at name (0: the peer). extra's files are put. */
static long message_send(long fd, struct uio *u, uint64_t name_addr, long name_len,
			 struct unix_extra *extra, unsigned flags)
{
	struct unix_name *name = NULL;
	struct unix_socket *s;
	long n = socket_borrow(fd, &s);

	if (n == 0) {
		if (name_addr != 0 && name_len != 0)
			n = message_name(s, name_addr, name_len, &name);
		if (n == 0)
			n = unix_send(s, u, name, extra, flags);
		unix_name_put(name);
		socket_return(fd, s);
	}
	unix_files_put(extra->files);
	return n;
}

long sys_sendto(long fd, long buf, long len, long flags, long addr, long addr_len)
{
	struct unix_extra none = {0};
	struct uio_vec vec;
	struct uio u;
	int err = range_import(&u, &vec, buf, len);

	if (err != 0)
		return err;
	return message_send(fd, &u, (uint64_t)addr, (int)addr_len, &none, (unsigned)flags);
}

static int header_in(struct k_msghdr *h, vaddr_t msg)
{
	if (user_copy_in(h, msg, sizeof(*h)) != 0)
		return -EFAULT;
	return h->iov_count > IOV_MAX ? -EMSGSIZE : 0;
}

long sys_sendmsg(long fd, long msg, long flags)
{
	struct unix_extra extra = {0};
	struct k_msghdr h;
	struct iov iov;
	struct uio u;
	long n = header_in(&h, (vaddr_t)msg);

	if (n != 0)
		return n;
	n = iov_import(&iov, &u, h.iov, h.iov_count);
	if (n != 0)
		return n;
	n = control_in(&h, &extra);
	if (n == 0)
		n = message_send(fd, &u, h.name, (int32_t)h.name_len, &extra, (unsigned)flags);
	iov_free(&iov);
	return n;
}

long sys_recvfrom(long fd, long buf, long len, long flags, long addr, long len_addr)
{
	struct unix_received r;
	struct unix_socket *s;
	struct uio_vec vec;
	struct uio u;
	uint32_t room;
	long n = range_import(&u, &vec, buf, len);

	if (n == 0)
		n = socket_borrow(fd, &s);
	if (n != 0)
		return n;
	n = unix_receive(s, &u, (unsigned)flags, &r);
	socket_return(fd, s);
	if (n >= 0 && addr != 0) {
		/* Who has no name has no address at all. */
		if (user_copy_in(&room, (vaddr_t)len_addr, sizeof(room)) != 0)
			n = -EFAULT;
		else if ((int32_t)room < 0)
			n = -EINVAL;
		else if (r.from == NULL)
			room = 0;
		else if (socket_name_out(r.from, (vaddr_t)addr, &room) != 0)
			n = -EFAULT;
		if (n >= 0 && user_copy_out((vaddr_t)len_addr, &room, sizeof(room)) != 0)
			n = -EFAULT;
	}
	unix_name_put(r.from);
	unix_files_put(r.extra.files);
	return n;
}

/* Store what came beside the bytes, and how much of it, at msg. 0 or -EFAULT. */
static int message_tell(vaddr_t msg, struct k_msghdr *h, const struct unix_socket *s,
			const struct unix_received *r, unsigned flags)
{
	const bool cloexec = (flags & MSG_CMSG_CLOEXEC) != 0;
	struct control_out c = {.at = h->control, .left = h->control != 0 ? h->control_len : 0};

	if (atomic_load_explicit(&s->pass_cred, memory_order_relaxed))
		control_put(&c, SCM_CREDENTIALS, &r->extra.cred, sizeof(r->extra.cred));
	if (r->extra.files != NULL)
		control_put_files(&c, r->extra.files, cloexec);
	h->flags = (cloexec ? MSG_CMSG_CLOEXEC : 0) | (r->truncated ? MSG_TRUNC : 0) |
		   (c.truncated ? MSG_CTRUNC : 0);
	h->control_len = c.used;
	if (h->name != 0 && r->from == NULL)
		h->name_len = 0;
	else if (h->name != 0 && socket_name_out(r->from, h->name, &h->name_len) != 0)
		return -EFAULT;
	return user_copy_out(msg, h, sizeof(*h));
}

long sys_recvmsg(long fd, long msg, long flags)
{
	struct unix_received r;
	struct unix_socket *s;
	struct k_msghdr h;
	struct iov iov;
	struct uio u;
	long n = header_in(&h, (vaddr_t)msg);

	if (n != 0)
		return n;
	if (h.name != 0 && (int32_t)h.name_len < 0)
		return -EINVAL;
	n = socket_borrow(fd, &s);
	if (n != 0)
		return n;
	n = iov_import(&iov, &u, h.iov, h.iov_count);
	if (n == 0) {
		n = unix_receive(s, &u, (unsigned)flags, &r);
		iov_free(&iov);
		if (n >= 0 && message_tell((vaddr_t)msg, &h, s, &r, (unsigned)flags) != 0)
			n = -EFAULT;
		unix_name_put(r.from);
		unix_files_put(r.extra.files);
	}
	socket_return(fd, s);
	return n;
}
