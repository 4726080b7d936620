/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What moves through Unix sockets: messages, each as its sender made it. A stream's reader takes
 * them apart and puts them together as it likes, but for files and senders, which stay with their
 * bytes.
 *
 * Bytes are taken from the program before the lock is, and of a packet given to the program after
 * it.
 */
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/mutex.h"
#include "fs/fcntl.h"
#include "fs/unix.h"

#define UNIX_PIECE                                                                                 \
	32704u /* bytes of a stream in one message: less than 32 KiB with what goes with it */
#define UNIX_PIECE_MIN 1024u
#define UNIX_OVERHEAD 32u /* that a packet must be smaller than the buffer */

/* --- messages --- */

/*
 * A thread that puts files nobody will receive. Putting one can end a socket, whose messages have
 * files … which are put one after the other, and not each inside the one before: a chain of sockets
 * has no bound, and the stack has.
 */
struct putting {
	struct list link, files; /* struct unix_files */
	const struct thread *thread;
};

static struct list putting = LIST_INIT(putting);
static struct spinlock putting_lock = SPINLOCK_INIT(LOCK_WAITQ); /* nothing is taken under it */

/* Add files to what the current thread puts. False: it puts nothing yet; then p, for this, is its
 * list. */
static bool putting_add(struct putting *p, struct unix_files *files)
{
	struct list *to = &p->files;

	spin_lock(&putting_lock);
	list_for_each(l, &putting) {
		struct putting *other = list_entry(l, struct putting, link);

		if (other->thread == p->thread)
			to = &other->files;
	}
	list_push_back(to, &files->link);
	if (to == &p->files)
		list_push_back(&putting, &p->link);
	spin_unlock(&putting_lock);
	return to != &p->files;
}

void unix_files_put(struct unix_files *files)
{
	struct putting p = {.thread = thread_current()};

	list_init(&p.files);
	if (files == NULL || putting_add(&p, files))
		return;
	while (!list_empty(&p.files)) {
		files = list_entry(list_pop_front(&p.files), struct unix_files, link);
		for (unsigned i = 0; i < files->count; i++)
			file_put(files->file[i]);
		heap_free(files, sizeof(*files) + files->count * sizeof(files->file[0]));
	}
	spin_lock(&putting_lock);
	list_remove(&p.link);
	spin_unlock(&putting_lock);
}

/* The same files once more, for who only peeks. NULL: no memory, or none. */
static struct unix_files *unix_files_copy(const struct unix_files *files)
{
	size_t size;
	struct unix_files *copy;

	if (files == NULL)
		return NULL;
	size = sizeof(*files) + files->count * sizeof(files->file[0]);
	copy = heap_alloc(size);
	if (copy == NULL)
		return NULL;
	memcpy(copy, files, size);
	for (unsigned i = 0; i < copy->count; i++)
		(void)file_get(copy->file[i]);
	return copy;
}

static void unix_message_free(struct unix_message *m)
{
	unix_files_put(m->extra.files);
	unix_put(m->sender);
	heap_free(m, sizeof(*m) + m->len);
}

void unix_messages_free(struct list *messages)
{
	while (!list_empty(messages))
		unix_message_free(list_entry(list_pop_front(messages), struct unix_message, link));
}

void unix_messages_take_locked(struct unix_socket *s, struct list *to)
{
	while (!list_empty(&s->messages))
		list_push_back(to, list_pop_front(&s->messages));
	s->count = s->bytes = 0;
}

/* The next n bytes of u. 0, -ENOMEM, -EFAULT. */
static int unix_message_create(struct uio *u, size_t n, struct unix_message **out)
{
	struct unix_message *m = heap_alloc(sizeof(*m) + n);
	int err;

	if (m == NULL)
		return -ENOMEM;
	*m = (struct unix_message){.len = (uint32_t)n};
	err = n > 0 ? uio_get(u, m->data, n) : 0;
	if (err != 0) {
		heap_free(m, sizeof(*m) + n);
		return err;
	}
	*out = m;
	return 0;
}

/* Put m into to; extra goes with it. */
static void unix_push_locked(struct unix_socket *s, struct unix_socket *to, struct unix_message *m,
			     struct unix_extra *extra)
{
	m->sender = unix_get(s);
	m->extra = *extra;
	extra->files = NULL;
	if (!m->extra.has_cred && (atomic_load_explicit(&s->pass_cred, memory_order_relaxed) ||
				   atomic_load_explicit(&to->pass_cred, memory_order_relaxed)))
		m->extra.cred = (struct unix_cred){.pid = PROCESS_ID};
	else if (!m->extra.has_cred)
		m->extra.cred = (struct unix_cred){.uid = UNIX_OVERFLOW_ID,
						   .gid = UNIX_OVERFLOW_ID};
	list_push_back(&to->messages, &m->link);
	to->count++;
	to->bytes += (uint32_t)sizeof(*m) + m->len;
	unix_changed(to);
}

static void unix_pop_locked(struct unix_socket *s, struct unix_message *m)
{
	list_remove(&m->link);
	s->count--;
	s->bytes -= (uint32_t)sizeof(*m) + m->len;
	/* There is room: for who sends here and waits for this socket, or polls its own. */
	unix_changed(s);
	list_for_each(l, &s->senders)
		unix_changed(list_entry(l, struct unix_socket, sender_link));
}

/* --- sending --- */

/* May s send to `to`? 0, -EAGAIN (it is full) or what is wrong. */
static int unix_may_send_locked(const struct unix_socket *s, const struct unix_socket *to)
{
	if ((s->shut & SHUT_SEND) != 0)
		return -EPIPE;
	if (s->type == SOCK_DGRAM) {
		if (to->closed)
			return -ECONNREFUSED;
		if (to->peer != NULL && to->peer != s)
			return -EPERM;
	}
	if (to->closed || (to->shut & SHUT_RECEIVE) != 0)
		return -EPIPE;
	return unix_is_full_locked(to, s) ? -EAGAIN : 0;
}

/* The peer, with a reference; -ENOTCONN. */
static int unix_get_peer(struct unix_socket *s, struct unix_socket **out)
{
	int err = 0;

	mutex_lock(&unix_lock);
	if (s->error != 0) {
		err = -s->error;
		s->error = 0;
	} else if (s->peer == NULL) {
		err = (s->shut & SHUT_SEND) != 0 ? -EPIPE : -ENOTCONN;
	} else {
		*out = unix_get(s->peer);
	}
	mutex_unlock(&unix_lock);
	return err;
}

/* Put m into to as soon as there is room. On an error m is the caller's still. */
static int unix_push(struct unix_socket *s, struct unix_socket *to, struct unix_message *m,
		     struct unix_extra *extra, bool wait, uint64_t deadline)
{
	struct unix_socket *refused = NULL;
	uint32_t changes;
	int err;

	for (;;) {
		mutex_lock(&unix_lock);
		err = unix_may_send_locked(s, to);
		changes = atomic_load_explicit(&to->changes, memory_order_relaxed);
		if (err == 0)
			unix_push_locked(s, to, m, extra);
		else if (err == -ECONNREFUSED && s->peer == to)
			refused = unix_set_peer_locked(s, NULL);
		mutex_unlock(&unix_lock);
		unix_put(refused);
		if (err != -EAGAIN || !wait)
			return err;
		err = unix_wait(to, changes, deadline);
		if (err != 0)
			return err;
	}
}

static ssize64_t unix_send_packet(struct unix_socket *s, struct uio *u, struct unix_socket *to,
				  struct unix_extra *extra, bool wait, uint64_t deadline)
{
	const size_t len = u->left;
	struct unix_message *m;
	int err;

	if (len > atomic_load_explicit(&s->send_buffer, memory_order_relaxed) - UNIX_OVERHEAD)
		return -EMSGSIZE;
	err = unix_message_create(u, len, &m);
	if (err != 0)
		return err;
	err = unix_push(s, to, m, extra, wait, deadline);
	if (err != 0)
		unix_message_free(m);
	return err != 0 ? err : (ssize64_t)len;
}

static ssize64_t unix_send_stream(struct unix_socket *s, struct uio *u, struct unix_socket *to,
				  struct unix_extra *extra, bool wait, uint64_t deadline)
{
	ssize64_t sent = 0;
	int err = 0;

	if (u->left == 0) {
		mutex_lock(&unix_lock);
		err = unix_may_send_locked(s, to);
		mutex_unlock(&unix_lock);
		return err == -EAGAIN ? 0 : err;
	}
	while (u->left > 0 && err == 0) {
		size_t n = MIN(u->left, UNIX_PIECE);
		struct unix_message *m;

		/* So much memory in one piece there may not be. */
		while ((err = unix_message_create(u, n, &m)) == -ENOMEM && n > UNIX_PIECE_MIN)
			n /= 2;
		if (err != 0)
			break;
		err = unix_push(s, to, m, extra, wait, deadline);
		if (err == 0)
			sent += (ssize64_t)n;
		else
			unix_message_free(m);
	}
	return sent > 0 ? sent : err;
}

ssize64_t unix_send(struct unix_socket *s, struct uio *u, const struct unix_name *to_name,
		    struct unix_extra *extra, unsigned flags)
{
	const bool wait = (flags & MSG_DONTWAIT) == 0 && (file_flags(&s->file) & O_NONBLOCK) == 0;
	uint64_t deadline =
		unix_deadline(atomic_load_explicit(&s->send_timeout_ns, memory_order_relaxed));
	struct unix_socket *to;
	ssize64_t n = 0;

	if ((flags & MSG_OOB) != 0)
		return -EOPNOTSUPP;
	if (s->type == SOCK_DGRAM && atomic_load_explicit(&s->pass_cred, memory_order_relaxed))
		n = unix_bind_any(s);
	if (n == 0)
		n = s->type == SOCK_DGRAM && to_name != NULL ? unix_find(to_name, s->type, &to)
							     : unix_get_peer(s, &to);
	if (n == 0) {
		n = s->type == SOCK_STREAM ? unix_send_stream(s, u, to, extra, wait, deadline)
					   : unix_send_packet(s, u, to, extra, wait, deadline);
		unix_put(to);
	}
	if (n == -EPIPE && s->type == SOCK_STREAM && (flags & MSG_NOSIGNAL) == 0)
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return n;
}

ssize64_t unix_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct unix_extra none = {0};

	(void)pos;
	return unix_send(unix_of(f), u, NULL, &none, 0);
}

/* --- receiving --- */

/* Nothing is there to read: what a call says then; -EAGAIN: that something may come. */
static int unix_nothing_locked(struct unix_socket *s)
{
	int error = s->error;

	if (error != 0) {
		s->error = 0;
		return -error;
	}
	return (s->shut & SHUT_RECEIVE) != 0 ? 0 : -EAGAIN;
}

/* Sockets that nothing can come from, ever. */
static int unix_may_receive_locked(const struct unix_socket *s)
{
	if (s->type == SOCK_DGRAM || s->state == UNIX_CONNECTED)
		return 0;
	return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
}

/* Tell *out where m is from and what goes with it; who peeks gets the files too, as its own. */
static void unix_tell_locked(struct unix_message *m, bool peek, struct unix_received *out)
{
	if (out->from == NULL && m->sender->name != NULL) {
		out->from = m->sender->name;
		atomic_fetch_add_explicit(&out->from->refs, 1, memory_order_relaxed);
	}
	out->extra.cred = m->extra.cred;
	if (out->extra.files == NULL && m->extra.files != NULL) {
		out->extra.files = peek ? unix_files_copy(m->extra.files) : m->extra.files;
		if (!peek)
			m->extra.files = NULL;
	}
}

static ssize64_t unix_copy_packet(struct unix_message *m, struct uio *u, unsigned flags,
				  struct unix_received *out)
{
	const size_t n = MIN(u->left, m->len);
	int err = n > 0 ? uio_put(u, m->data, n) : 0;

	out->truncated = n < m->len;
	if (err != 0)
		return err;
	return (ssize64_t)((flags & MSG_TRUNC) != 0 ? m->len : n);
}

/* The next packet: *out is filled. -EAGAIN, 0 at the end, or what is wrong. */
static ssize64_t unix_take_packet(struct unix_socket *s, struct uio *u, unsigned flags,
				  struct unix_received *out, uint32_t *changes)
{
	const bool peek = (flags & MSG_PEEK) != 0;
	struct unix_message *m = NULL;
	ssize64_t n;

	mutex_lock(&unix_lock);
	*changes = atomic_load_explicit(&s->changes, memory_order_relaxed);
	n = unix_may_receive_locked(s);
	if (n == 0 && list_empty(&s->messages)) {
		n = unix_nothing_locked(s);
	} else if (n == 0) {
		m = list_entry(s->messages.next, struct unix_message, link);
		unix_tell_locked(m, peek, out);
		if (peek)
			n = unix_copy_packet(m, u, flags, out);
		else
			unix_pop_locked(s, m);
	}
	mutex_unlock(&unix_lock);
	if (m != NULL && !peek) {
		n = unix_copy_packet(m, u, flags, out);
		unix_message_free(m);
	}
	return n;
}

/* May m's bytes follow what was read before? */
static bool unix_goes_on(const struct unix_socket *s, const struct unix_message *m,
			 const struct unix_received *out)
{
	return !atomic_load_explicit(&s->pass_cred, memory_order_relaxed) ||
	       memcmp(&m->extra.cred, &out->extra.cred, sizeof(m->extra.cred)) == 0;
}

/*
 * Bytes of a stream that are there now; messages that are used up go to *done. A message with files
 * is the last one. begun: something was read before, by the same call.
 */
static ssize64_t unix_take_bytes_locked(struct unix_socket *s, struct uio *u, bool peek, bool begun,
					struct unix_received *out, struct list *done, bool *over)
{
	struct list *next = s->messages.next;
	ssize64_t total = 0;

	while (u->left > 0 && next != &s->messages && !*over) {
		struct unix_message *m = list_entry(next, struct unix_message, link);
		size_t n = MIN(u->left, m->len - m->done);
		int err;

		*over = (begun || total > 0) && !unix_goes_on(s, m, out);
		if (*over)
			break;
		err = uio_put(u, m->data + m->done, n);
		if (err != 0) {
			*over = true;
			return total > 0 ? total : err;
		}
		total += (ssize64_t)n;
		*over = m->extra.files != NULL;
		unix_tell_locked(m, peek, out);
		next = next->next;
		if (!peek) {
			m->done += (uint32_t)n;
			if (m->done < m->len)
				break;
			unix_pop_locked(s, m);
			list_push_back(done, &m->link);
		}
	}
	return total;
}

/* One look at a stream: bytes, 0 at the end, -EAGAIN or what is wrong. */
static ssize64_t unix_take_bytes(struct unix_socket *s, struct uio *u, bool peek, bool begun,
				 struct unix_received *out, bool *over, uint32_t *changes)
{
	struct list done = LIST_INIT(done);
	ssize64_t n;

	mutex_lock(&unix_lock);
	*changes = atomic_load_explicit(&s->changes, memory_order_relaxed);
	n = unix_may_receive_locked(s);
	if (n == 0 && list_empty(&s->messages)) {
		n = begun && s->error != 0 ? 0 : unix_nothing_locked(s);
		*over = n != -EAGAIN;
	} else if (n == 0) {
		n = unix_take_bytes_locked(s, u, peek, begun, out, &done, over);
	}
	mutex_unlock(&unix_lock);
	unix_messages_free(&done);
	return n;
}

static ssize64_t unix_receive_stream(struct unix_socket *s, struct uio *u, unsigned flags,
				     bool wait, uint64_t deadline, struct unix_received *out)
{
	const bool peek = (flags & MSG_PEEK) != 0;
	ssize64_t total = 0, n = 0;
	uint32_t changes;
	bool over = false;

	do {
		n = unix_take_bytes(s, u, peek, total > 0, out, &over, &changes);
		if (n > 0)
			total += n;
		/* Bytes that are there are enough, unless all are asked for. */
		if (over || u->left == 0 || (n < 0 && n != -EAGAIN) ||
		    (total > 0 && ((flags & MSG_WAITALL) == 0 || peek)))
			break;
		if (n == -EAGAIN)
			n = wait ? unix_wait(s, changes, deadline) : -EAGAIN;
	} while (n >= 0);
	return total > 0 ? total : n;
}

ssize64_t unix_receive(struct unix_socket *s, struct uio *u, unsigned flags,
		       struct unix_received *out)
{
	const bool wait = (flags & MSG_DONTWAIT) == 0 && (file_flags(&s->file) & O_NONBLOCK) == 0;
	uint64_t deadline =
		unix_deadline(atomic_load_explicit(&s->receive_timeout_ns, memory_order_relaxed));
	uint32_t changes;
	ssize64_t n;

	*out = (struct unix_received){0};
	if ((flags & MSG_OOB) != 0)
		return -EOPNOTSUPP;
	if (s->type == SOCK_STREAM) {
		n = unix_receive_stream(s, u, flags, wait, deadline, out);
	} else {
		do {
			n = unix_take_packet(s, u, flags, out, &changes);
			if (n != -EAGAIN || !wait)
				break;
			n = unix_wait(s, changes, deadline);
		} while (n == 0);
	}
	if (n < 0) {
		unix_name_put(out->from);
		unix_files_put(out->extra.files);
		*out = (struct unix_received){0};
	}
	return n;
}

ssize64_t unix_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct unix_received r;
	ssize64_t n;

	(void)pos;
	if (u->left == 0)
		return 0;
	n = unix_receive(unix_of(f), u, 0, &r);
	unix_name_put(r.from);
	unix_files_put(r.extra.files);
	return n;
}
