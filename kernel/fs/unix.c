/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Unix sockets: names, connections, the end. What moves bytes is in unix_data.c.
 *
 * One mutex guards all sockets: what it is held for is short, and a connection concerns two or
 * three of them. Who waits looks at a socket under the lock, remembers its count of changes, gives
 * the lock back and sleeps until the count is another one, so no wake-up is lost. Nothing that can
 * close a file is done with the lock held, since closing takes it.
 *
 * A closed socket lives on while others have it as their peer, and tells them so.
 */
#include "fs/unix.h"
#include "base/errno.h"
#include "base/fmt.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/mutex.h"
#include "fs/fcntl.h"
#include "fs/node.h"
#include "fs/poll.h"
#include "fs/termios.h"

#define UNIX_BACKLOG_MAX 4096u   /* net.core.somaxconn */
#define UNIX_PACKETS_MAX 10u     /* that wait in a socket; net.unix.max_dgram_qlen */
#define UNIX_ANY_NAMES 0x100000u /* abstract names that are given out: five digits */
#define UNIX_BUCKETS 64u         /* a power of two */
#define POLLRDHUP 0x2000u

struct mutex unix_lock = MUTEX_INIT(unix_lock);
static struct list unix_names[UNIX_BUCKETS]; /* sockets with a name; their first use makes them */
static bool unix_names_ready;
static uint32_t unix_any; /* the last abstract name given out */
static _Atomic uint64_t unix_ino = 1;

static const struct file_ops unix_ops;

struct unix_socket *unix_of(struct file *f)
{
	return f->ops == &unix_ops ? container_of(f, struct unix_socket, file) : NULL;
}

static struct unix_socket *unix_socket_of(struct file *f)
{
	return container_of(f, struct unix_socket, file);
}

/* --- references and waiting --- */

void unix_put(struct unix_socket *s)
{
	/* What others did with it comes before it is freed. */
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	unix_name_put(s->name);
	heap_free(s, sizeof(*s));
}

void unix_changed(struct unix_socket *s)
{
	/* Relaxed: who waits looks under the lock; the fence is for its count. */
	atomic_fetch_add_explicit(&s->changes, 1, memory_order_relaxed);
	waitq_fence();
	if (waitq_active(&s->wait))
		waitq_wake(&s->wait, UINT32_MAX);
}

int unix_wait(struct unix_socket *s, uint32_t changes, uint64_t deadline_ns)
{
	int err = waitq_wait(&s->wait,
			     atomic_load_explicit(&s->changes, memory_order_relaxed) != changes,
			     deadline_ns, SLEEP_INTERRUPTIBLE, "socket");

	if (err == -ETIMEDOUT)
		return -EAGAIN;
	/* A call with a time limit is not made again: it would wait that long once more. */
	return err != 0 && deadline_ns != NEVER ? -EINTR : err;
}

uint64_t unix_deadline(uint64_t timeout_ns)
{
	uint64_t end;

	if (timeout_ns == 0 || __builtin_add_overflow(plat->clock_monotonic_ns(), timeout_ns, &end))
		return NEVER;
	return end;
}

static bool unix_never_waits(const struct unix_socket *s)
{
	return (file_flags(&s->file) & O_NONBLOCK) != 0;
}

/* --- names --- */

struct unix_name *unix_name_create(const char *path, size_t len)
{
	struct unix_name *name = heap_zalloc(sizeof(*name));

	if (name == NULL)
		return NULL;
	ASSERT(len > 0 && len <= UNIX_PATH_MAX);
	atomic_init(&name->refs, 1);
	memcpy(name->path, path, len);
	name->len = (uint32_t)len;
	if (path[0] != 0) /* a path ends with its first 0, wherever the caller's length was */
		name->len = (uint32_t)strlen(name->path) + 1;
	return name;
}

void unix_name_put(struct unix_name *name)
{
	if (name != NULL && atomic_fetch_sub_explicit(&name->refs, 1, memory_order_acq_rel) == 1)
		heap_free(name, sizeof(*name));
}

static struct unix_name *unix_name_get(struct unix_name *name)
{
	if (name != NULL)
		atomic_fetch_add_explicit(&name->refs, 1, memory_order_relaxed);
	return name;
}

static bool unix_name_is_path(const struct unix_name *name)
{
	return name->path[0] != 0;
}

static struct list *unix_bucket_locked(const struct node *node, const struct unix_name *name)
{
	uint64_t hash = (uintptr_t)node >> 6;

	if (!unix_names_ready) {
		for (unsigned i = 0; i < UNIX_BUCKETS; i++)
			list_init(&unix_names[i]);
		unix_names_ready = true;
	}
	for (uint32_t i = 0; node == NULL && i < name->len; i++) /* FNV-1a */
		hash = (hash ^ (uint8_t)name->path[i]) * 0x100000001b3u;
	return &unix_names[hash & (UNIX_BUCKETS - 1)];
}

/* The socket with a node of the tree, or with an abstract name (node NULL); NULL: none. */
static struct unix_socket *unix_find_locked(const struct node *node, const struct unix_name *name)
{
	list_for_each(l, unix_bucket_locked(node, name)) {
		struct unix_socket *s = list_entry(l, struct unix_socket, name_link);

		if (node != NULL ? s->entry != NULL && s->entry->node == node
				 : s->entry == NULL && s->name->len == name->len &&
					   memcmp(s->name->path, name->path, name->len) == 0)
			return s;
	}
	return NULL;
}

int unix_find(const struct unix_name *name, unsigned type, struct unix_socket **out)
{
	struct entry *base, *e = NULL;
	struct unix_socket *s = NULL;
	struct walk w;
	int err = 0;

	if (unix_name_is_path(name)) {
		base = tree_cwd();
		err = walk_begin(&w, base, name->path, WALK_FOLLOW);
		if (err == 0)
			err = walk_take(&w, &e);
		entry_put(base);
		if (err != 0)
			return err;
	}
	mutex_lock(&unix_lock);
	if (e == NULL || node_type(e->node) == S_IFSOCK)
		s = unix_find_locked(e != NULL ? e->node : NULL, name);
	if (s == NULL)
		err = -ECONNREFUSED;
	else if (s->type != type)
		err = -EPROTOTYPE;
	else
		*out = unix_get(s);
	mutex_unlock(&unix_lock);
	if (e != NULL)
		entry_put(e);
	return err;
}

/* Make a path's node. 0 with *out, a reference; -EADDRINUSE … */
static int unix_make_node(const struct unix_name *name, struct entry **out)
{
	const unsigned umask = atomic_load_explicit(&tree_umask, memory_order_relaxed);
	const struct node_new what = {.mode = S_IFSOCK | (0777 & ~umask)};
	const struct node_change_ops *change;
	struct entry *base = tree_cwd(), *made = NULL;
	struct walk w;
	int err = walk_begin(&w, base, name->path, WALK_PARENT);

	entry_put(base);
	if (err != 0)
		return err;
	change = node_change(w.dir->node);
	if (w.last != WALK_NAME)
		err = -EADDRINUSE;
	else if (w.slash)
		err = -ENOENT;
	else if (change == NULL)
		err = -EROFS;
	else
		err = change->create(w.dir, w.name, w.len, &what, &made);
	walk_end(&w);
	if (err != 0 && made != NULL)
		entry_put(made);
	else
		*out = made;
	return err == -EEXIST ? -EADDRINUSE : err;
}

static int unix_set_name_locked(struct unix_socket *s, struct unix_name *name, struct entry *e)
{
	if (s->name != NULL)
		return -EINVAL;
	if (e == NULL && unix_find_locked(NULL, name) != NULL)
		return -EADDRINUSE;
	s->name = unix_name_get(name);
	s->entry = e;
	list_push_back(unix_bucket_locked(e != NULL ? e->node : NULL, name), &s->name_link);
	return 0;
}

int unix_bind(struct unix_socket *s, struct unix_name *name)
{
	struct entry *e = NULL;
	int err;

	mutex_lock(&unix_lock);
	err = s->name != NULL ? -EINVAL : 0;
	mutex_unlock(&unix_lock);
	if (err == 0 && unix_name_is_path(name))
		err = unix_make_node(name, &e);
	if (err != 0)
		return err;
	mutex_lock(&unix_lock);
	err = unix_set_name_locked(s, name, e);
	mutex_unlock(&unix_lock);
	/* Another thread may have named it meanwhile: the node stays, as on Linux. */
	if (err != 0 && e != NULL)
		entry_put(e);
	return err;
}

int unix_bind_any(struct unix_socket *s)
{
	struct unix_name *name;
	char text[8] = {0};
	int err = 0;

	for (uint32_t tries = 0; tries < UNIX_ANY_NAMES; tries++) {
		mutex_lock(&unix_lock);
		unix_any = (unix_any + 1) % UNIX_ANY_NAMES;
		fmt_format(text + 1, sizeof(text) - 1, "%05x", unix_any);
		mutex_unlock(&unix_lock);
		name = unix_name_create(text, 6);
		if (name == NULL)
			return -ENOMEM;
		mutex_lock(&unix_lock);
		err = s->name == NULL ? unix_set_name_locked(s, name, NULL) : 0;
		mutex_unlock(&unix_lock);
		unix_name_put(name);
		if (err != -EADDRINUSE)
			return err;
	}
	return err;
}

void unix_own_name(struct unix_socket *s, struct unix_name **out)
{
	mutex_lock(&unix_lock);
	*out = unix_name_get(s->name);
	mutex_unlock(&unix_lock);
}

int unix_peer_name(struct unix_socket *s, struct unix_name **out)
{
	int err = 0;

	mutex_lock(&unix_lock);
	if (s->peer == NULL)
		err = -ENOTCONN;
	else
		*out = unix_name_get(s->peer->name);
	mutex_unlock(&unix_lock);
	return err;
}

/* --- making --- */

static struct unix_socket *unix_alloc(unsigned type, unsigned flags)
{
	struct unix_socket *s = heap_zalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	file_init(&s->file, &unix_ops, O_RDWR | (flags & O_NONBLOCK));
	atomic_init(&s->refs, 1); /* the file's */
	s->type = type;
	s->ino = atomic_fetch_add_explicit(&unix_ino, 1, memory_order_relaxed);
	waitq_init(&s->wait);
	list_init(&s->senders);
	list_init(&s->sender_link);
	list_init(&s->name_link);
	list_init(&s->messages);
	list_init(&s->pending);
	list_init(&s->pending_link);
	atomic_init(&s->send_buffer, UNIX_BUFFER);
	atomic_init(&s->receive_buffer, UNIX_BUFFER);
	s->peer_cred = (struct unix_cred){.uid = UINT32_MAX, .gid = UINT32_MAX};
	return s;
}

int unix_create(unsigned type, unsigned flags, struct file **out)
{
	struct unix_socket *s = unix_alloc(type, flags);

	if (s == NULL)
		return -ENOMEM;
	*out = &s->file;
	return 0;
}

struct unix_socket *unix_set_peer_locked(struct unix_socket *s, struct unix_socket *other)
{
	struct unix_socket *old = s->peer;

	if (old != NULL)
		list_remove(&s->sender_link);
	s->peer = other != NULL ? unix_get(other) : NULL;
	if (other != NULL)
		list_push_back(&other->senders, &s->sender_link);
	return old;
}

/* Two new ones, or a connecting one and the new one that is to be accepted. */
static void unix_join_locked(struct unix_socket *a, struct unix_socket *b)
{
	const struct unix_cred self = {.pid = PROCESS_ID};

	/* Neither has had a peer. */
	unix_set_peer_locked(a, b);
	unix_set_peer_locked(b, a);
	a->peer_cred = b->peer_cred = self;
	if (a->type != SOCK_DGRAM)
		a->state = b->state = UNIX_CONNECTED;
}

int unix_pair(unsigned type, unsigned flags, struct file *out[2])
{
	struct unix_socket *a = unix_alloc(type, flags), *b = unix_alloc(type, flags);

	if (a == NULL || b == NULL) {
		unix_put(a);
		unix_put(b);
		return -ENOMEM;
	}
	mutex_lock(&unix_lock);
	unix_join_locked(a, b);
	mutex_unlock(&unix_lock);
	out[0] = &a->file;
	out[1] = &b->file;
	return 0;
}

/* --- connections --- */

int unix_listen(struct unix_socket *s, int backlog)
{
	int err = 0;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	mutex_lock(&unix_lock);
	if (s->name == NULL || s->state == UNIX_CONNECTED) {
		err = -EINVAL;
	} else {
		s->state = UNIX_LISTENING;
		s->backlog = MIN((uint32_t)backlog, UNIX_BACKLOG_MAX);
		s->peer_cred = (struct unix_cred){.pid = PROCESS_ID};
		unix_changed(s);
	}
	mutex_unlock(&unix_lock);
	return err;
}

/* One try: -EAGAIN if the listener has enough to accept, whose changes then are in *changes. */
static int unix_join_listener_locked(struct unix_socket *s, struct unix_socket *listener,
				     struct unix_socket *embryo, uint32_t *changes)
{
	if (s->state == UNIX_CONNECTED)
		return -EISCONN;
	if (s->state == UNIX_LISTENING)
		return -EINVAL;
	if (listener->closed || listener->state != UNIX_LISTENING ||
	    (listener->shut & SHUT_RECEIVE) != 0)
		return -ECONNREFUSED;
	*changes = atomic_load_explicit(&listener->changes, memory_order_relaxed);
	if (listener->pending_count > listener->backlog)
		return -EAGAIN;
	unix_join_locked(s, embryo);
	embryo->embryo = true;
	embryo->name = unix_name_get(listener->name);
	list_push_back(&listener->pending, &embryo->pending_link);
	listener->pending_count++;
	unix_changed(listener);
	unix_changed(s);
	return 0;
}

static int unix_connect_stream(struct unix_socket *s, const struct unix_name *name)
{
	uint64_t deadline =
		unix_deadline(atomic_load_explicit(&s->send_timeout_ns, memory_order_relaxed));
	struct unix_socket *embryo = unix_alloc(s->type, 0), *listener;
	uint32_t changes;
	int err;

	if (embryo == NULL)
		return -ENOMEM;
	do {
		/* Each time: somebody else may have the name now. */
		err = unix_find(name, s->type, &listener);
		if (err != 0)
			break;
		mutex_lock(&unix_lock);
		err = unix_join_listener_locked(s, listener, embryo, &changes);
		mutex_unlock(&unix_lock);
		if (err == -EAGAIN && !unix_never_waits(s)) {
			err = unix_wait(listener, changes, deadline);
			err = err == 0 ? 1 : err; /* once more */
		}
		unix_put(listener);
	} while (err > 0);
	if (err != 0)
		unix_put(embryo);
	return err;
}

/* A datagram socket has another peer, or none: what the old one sent is forgotten. */
static int unix_connect_packets(struct unix_socket *s, const struct unix_name *name)
{
	struct unix_socket *other = NULL, *old = NULL;
	struct list dropped = LIST_INIT(dropped);
	int err = 0;

	if (name != NULL)
		err = unix_find(name, s->type, &other);
	if (err != 0)
		return err;
	mutex_lock(&unix_lock);
	if (other != NULL && other->peer != NULL && other->peer != s) {
		err = -EPERM;
	} else {
		old = unix_set_peer_locked(s, other);
		if (old != NULL && old != other && !list_empty(&s->messages)) {
			unix_messages_take_locked(s, &dropped);
			if (!old->closed && old->peer == s) {
				old->error = ECONNRESET;
				unix_changed(old);
			}
		}
		s->peer_cred = (struct unix_cred){.pid = other != NULL ? PROCESS_ID : 0};
		unix_changed(s);
	}
	mutex_unlock(&unix_lock);
	unix_messages_free(&dropped);
	unix_put(old);
	unix_put(other);
	return err;
}

int unix_connect(struct unix_socket *s, const struct unix_name *name)
{
	int err = 0;

	if (name != NULL && atomic_load_explicit(&s->pass_cred, memory_order_relaxed))
		err = unix_bind_any(s);
	if (err != 0)
		return err;
	if (s->type == SOCK_DGRAM)
		return unix_connect_packets(s, name);
	return name != NULL ? unix_connect_stream(s, name) : -EINVAL;
}

int unix_accept(struct unix_socket *s, struct file **out)
{
	uint64_t deadline =
		unix_deadline(atomic_load_explicit(&s->receive_timeout_ns, memory_order_relaxed));
	uint32_t changes = 0;
	int err;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	do {
		mutex_lock(&unix_lock);
		/* Who came before a shutdown is let in. */
		err = s->state != UNIX_LISTENING      ? -EINVAL
		      : !list_empty(&s->pending)      ? 0
		      : (s->shut & SHUT_RECEIVE) != 0 ? -EINVAL
						      : -EAGAIN;
		if (err == 0) {
			struct unix_socket *e = list_entry(list_pop_front(&s->pending),
							   struct unix_socket, pending_link);

			s->pending_count--;
			e->embryo = false;
			*out = &e->file;
			unix_changed(s); /* for who waits to connect */
		}
		changes = atomic_load_explicit(&s->changes, memory_order_relaxed);
		mutex_unlock(&unix_lock);
		if (err == -EAGAIN && !unix_never_waits(s)) {
			err = unix_wait(s, changes, deadline);
			err = err == 0 ? 1 : err;
		}
	} while (err > 0);
	return err;
}

void unix_shutdown(struct unix_socket *s, unsigned how)
{
	struct unix_socket *peer;

	mutex_lock(&unix_lock);
	peer = s->peer;
	s->shut |= how;
	if (peer != NULL && s->type != SOCK_DGRAM) {
		peer->shut |= ((how & SHUT_RECEIVE) != 0 ? SHUT_SEND : 0) |
			      ((how & SHUT_SEND) != 0 ? SHUT_RECEIVE : 0);
		unix_changed(peer);
	}
	unix_changed(s);
	mutex_unlock(&unix_lock);
}

int unix_take_error(struct unix_socket *s)
{
	int error;

	mutex_lock(&unix_lock);
	error = s->error;
	s->error = 0;
	mutex_unlock(&unix_lock);
	return error;
}

static bool unix_is(struct unix_socket *s, enum unix_state state)
{
	bool is;

	mutex_lock(&unix_lock);
	is = s->state == state;
	mutex_unlock(&unix_lock);
	return is;
}

bool unix_is_listening(struct unix_socket *s)
{
	return unix_is(s, UNIX_LISTENING);
}

bool unix_is_connected(struct unix_socket *s)
{
	return unix_is(s, UNIX_CONNECTED);
}

struct unix_cred unix_peer_cred(struct unix_socket *s)
{
	struct unix_cred cred;

	mutex_lock(&unix_lock);
	cred = s->peer_cred;
	mutex_unlock(&unix_lock);
	return cred;
}

/* --- as a file --- */

bool unix_is_full_locked(const struct unix_socket *s, const struct unix_socket *from)
{
	if (from->type != SOCK_DGRAM || s->peer == from)
		return s->bytes >= atomic_load_explicit(&from->send_buffer, memory_order_relaxed);
	return s->count > UNIX_PACKETS_MAX;
}

/* What holds of a socket, but for what is special about a listener. */
static unsigned unix_poll_locked(const struct unix_socket *s)
{
	const struct unix_socket *peer = s->peer;
	unsigned found = 0;

	if (s->error != 0)
		found |= POLLERR;
	if (s->shut == (SHUT_RECEIVE | SHUT_SEND))
		found |= POLLHUP;
	if ((s->shut & SHUT_RECEIVE) != 0)
		found |= POLLRDHUP | POLL_READABLE;
	if (!list_empty(&s->messages))
		found |= POLL_READABLE;
	if (s->type != SOCK_DGRAM && s->state == UNIX_FREE)
		found |= POLLHUP;
	if (peer == NULL || peer->closed || !unix_is_full_locked(peer, s))
		found |= POLL_WRITABLE | POLLWRBAND;
	return found;
}

static unsigned unix_poll(struct file *f, struct poll_table *pt)
{
	struct unix_socket *s = unix_socket_of(f);
	unsigned found;

	poll_wait(pt, &s->wait);
	mutex_lock(&unix_lock);
	found = unix_poll_locked(s);
	if (s->state == UNIX_LISTENING) {
		found &= ~(POLL_WRITABLE | POLLWRBAND);
		if (!list_empty(&s->pending))
			found |= POLL_READABLE;
	}
	mutex_unlock(&unix_lock);
	return found;
}

static long unix_ioctl(struct file *f, unsigned cmd, vaddr_t arg)
{
	struct unix_socket *s = unix_socket_of(f);
	int32_t count = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&unix_lock);
	if (s->state == UNIX_LISTENING)
		count = -EINVAL;
	list_for_each(l, &s->messages) {
		const struct unix_message *m = list_entry(l, struct unix_message, link);

		count += (int32_t)(m->len - m->done);
		if (s->type == SOCK_DGRAM)
			break;
	}
	mutex_unlock(&unix_lock);
	return count >= 0 ? user_copy_out(arg, &count, sizeof(count)) : count;
}

static void unix_stat(struct file *f, struct file_stat *out)
{
	out->mode = S_IFSOCK | 0777;
	out->dev = FILE_DEV_SOCKET;
	out->ino = unix_socket_of(f)->ino;
}

/* The file is gone: tell everybody. Connections that nobody accepted go to *pending. */
static void unix_close_locked(struct unix_socket *s, struct list *messages, struct list *pending)
{
	struct unix_socket *peer = s->peer;

	s->closed = true;
	s->shut = SHUT_RECEIVE | SHUT_SEND;
	list_remove(&s->name_link);
	if (peer != NULL && s->type != SOCK_DGRAM && peer->peer == s) {
		peer->shut = SHUT_RECEIVE | SHUT_SEND;
		if (!list_empty(&s->messages) || s->embryo)
			peer->error = ECONNRESET;
	}
	unix_messages_take_locked(s, messages);
	while (!list_empty(&s->pending))
		list_push_back(pending, list_pop_front(&s->pending));
	s->pending_count = 0;
	list_for_each(l, &s->senders)
		unix_changed(list_entry(l, struct unix_socket, sender_link));
	unix_changed(s);
}

static void unix_release(struct file *f)
{
	struct list messages = LIST_INIT(messages), pending = LIST_INIT(pending);
	struct unix_socket *s = unix_socket_of(f), *peer;
	struct entry *entry;

	mutex_lock(&unix_lock);
	unix_close_locked(s, &messages, &pending);
	entry = s->entry;
	s->entry = NULL;
	peer = unix_set_peer_locked(s, NULL);
	mutex_unlock(&unix_lock);
	unix_messages_free(&messages);
	while (!list_empty(&pending)) {
		struct unix_socket *e = list_entry(list_pop_front(&pending), struct unix_socket,
						   pending_link);

		file_put(&e->file);
	}
	if (entry != NULL)
		entry_put(entry);
	unix_put(peer);
	unix_put(s);
}

static const struct file_ops unix_ops = {
	.read = unix_read,
	.write = unix_write,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.stat = unix_stat,
	.release = unix_release,
	.takes_empty = true,
};
