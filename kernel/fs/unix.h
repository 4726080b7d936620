/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sockets between threads of the program (unix(7)): streams, datagrams and sequences of packets, by
 * name in the file tree, by abstract name, or in pairs. Files can be sent through them.
 */
#ifndef FS_UNIX_H
#define FS_UNIX_H

#include "base/list.h"
#include "core/thread.h"
#include "fs/file.h"

#define SOCK_STREAM 1u
#define SOCK_DGRAM 2u
#define SOCK_SEQPACKET 5u

#define SHUT_RECEIVE 1u /* bits of unix_shutdown() */
#define SHUT_SEND 2u

#define MSG_OOB 0x1u
#define MSG_PEEK 0x2u
#define MSG_CTRUNC 0x8u
#define MSG_TRUNC 0x20u
#define MSG_DONTWAIT 0x40u
#define MSG_WAITALL 0x100u
#define MSG_NOSIGNAL 0x4000u
#define MSG_CMSG_CLOEXEC 0x40000000u

#define UNIX_PATH_MAX 108
#define UNIX_FILES_MAX 253 /* in one message, as on Linux */
#define UNIX_BUFFER                                                                                \
	212992u /* SO_SNDBUF and SO_RCVBUF at first, and the most that can be asked for */
#define UNIX_OVERFLOW_ID 65534u /* of who did not say who they are */

/* A name, shared by all that know it; it does not change. */
struct unix_name {
	_Atomic uint32_t refs;
	uint32_t len; /* of path; a path's with its 0, an abstract one's begins with one */
	char path[UNIX_PATH_MAX + 1];
};

struct unix_cred { /* struct ucred */
	int32_t pid;
	uint32_t uid, gid;
};

/* Files in a message, with a reference each. */
struct unix_files {
	struct list link; /* while they wait to be put */
	unsigned count;
	struct file *file[];
};

/* What goes with bytes. */
struct unix_extra {
	struct unix_files *files; /* NULL: none */
	struct unix_cred cred;
	bool has_cred; /* sending: cred is given */
};

/* What a receiver is told beside the bytes; files and from are its own then. */
struct unix_received {
	struct unix_extra extra;
	struct unix_name *from; /* NULL: it has no name */
	bool truncated;
};

enum unix_state { UNIX_FREE, UNIX_LISTENING, UNIX_CONNECTED };

/*
 * unix_lock guards everything that is not said to be otherwise. A pointer to another socket, and a
 * file, is a reference.
 */
struct unix_socket {
	struct file file;
	_Atomic uint32_t refs;
	unsigned type; /* SOCK_*; fixed */
	uint64_t ino;  /* fixed */
	/* Counted up whenever anything has changed for who waits; then wait is woken. */
	_Atomic uint32_t changes;
	struct waitq wait;

	enum unix_state state; /* a stream's or sequence's */
	bool closed;           /* its file is gone */
	bool embryo;           /* connected to, not accepted yet */
	unsigned shut;         /* SHUT_* */
	int error;             /* SO_ERROR, positive */
	struct unix_cred peer_cred;

	struct unix_socket *peer;
	struct list senders, sender_link; /* sockets whose peer this is */

	struct unix_name *name; /* set once */
	struct entry *entry;    /* that has the name, if it is one of the file tree */
	struct list name_link;

	struct list messages; /* struct unix_message */
	uint32_t count, bytes;

	struct list pending, pending_link; /* connections to accept: their sockets */
	uint32_t pending_count, backlog;

	/* Options. Relaxed where no lock is held: they order nothing. */
	_Atomic uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none */
	_Atomic uint32_t send_buffer, receive_buffer;
	_Atomic bool pass_cred;
	_Atomic uint32_t flags; /* options without an effect here: a bit for each (abi/sockopt.c) */
};

/* The socket that f is, or NULL. */
struct unix_socket *unix_of(struct file *f);

/* 0 or -errno, as socket(2), socketpair(2), bind(2) … say. Names that callers pass stay theirs. */
MUST_CHECK int unix_create(unsigned type, unsigned flags, struct file **out);
MUST_CHECK int unix_pair(unsigned type, unsigned flags, struct file *out[2]);
/* A name; len without the 0 that a path gets. NULL: no memory. */
struct unix_name *unix_name_create(const char *path, size_t len);
void unix_name_put(struct unix_name *name); /* NULL too */
MUST_CHECK int unix_bind(struct unix_socket *s, struct unix_name *name);
/* Take an abstract name that is free, unless it has one. */
MUST_CHECK int unix_bind_any(struct unix_socket *s);
MUST_CHECK int unix_listen(struct unix_socket *s, int backlog);
/* name NULL: dissolve (datagrams). */
MUST_CHECK int unix_connect(struct unix_socket *s, const struct unix_name *name);
MUST_CHECK int unix_accept(struct unix_socket *s, struct file **out);
void unix_shutdown(struct unix_socket *s, unsigned how);
/* The own name, or the peer's (-ENOTCONN), with a reference; NULL: none. */
void unix_own_name(struct unix_socket *s, struct unix_name **out);
MUST_CHECK int unix_peer_name(struct unix_socket *s, struct unix_name **out);
/* SO_ERROR: positive, and cleared. */
int unix_take_error(struct unix_socket *s);

bool unix_is_listening(struct unix_socket *s);
bool unix_is_connected(struct unix_socket *s);
/* SO_PEERCRED: who it was when the connection was made. */
struct unix_cred unix_peer_cred(struct unix_socket *s);

/*
 * Send what u has, to a name (datagrams; NULL: the peer). extra's files go over if bytes were sent;
 * then extra->files is NULL. flags: MSG_*. Bytes, or -errno.
 */
ssize64_t unix_send(struct unix_socket *s, struct uio *u, const struct unix_name *to,
		    struct unix_extra *extra, unsigned flags);
/* Bytes (with MSG_TRUNC of a packet, as many as it had), or -errno and *out is empty. */
ssize64_t unix_receive(struct unix_socket *s, struct uio *u, unsigned flags,
		       struct unix_received *out);
void unix_files_put(struct unix_files *files); /* NULL too */

/* --- what unix.c and unix_data.c share --- */

struct unix_message {
	struct list link;
	struct unix_socket *sender; /* a reference: it may get its name later */
	struct unix_extra extra;
	uint32_t len, done; /* bytes, and how many of them were read */
	uint8_t data[];
};

extern struct mutex unix_lock;

static inline struct unix_socket *unix_get(struct unix_socket *s)
{
	/* Relaxed: whoever gets a reference has one to get it from, or unix_lock. */
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void unix_put(struct unix_socket *s); /* NULL too */
/* Something has changed for who waits for s, or for room in it. */
void unix_changed(struct unix_socket *s);
/* Sleep until s has changed since changes was seen. 0, -EAGAIN (the deadline), -ERESTARTSYS,
 * -EINTR. */
MUST_CHECK int unix_wait(struct unix_socket *s, uint32_t changes, uint64_t deadline_ns);
/* When a wait of a call ends that waits timeout_ns (0: for ever). */
uint64_t unix_deadline(uint64_t timeout_ns);
/* The socket that has a name, with a reference: 0, -ECONNREFUSED, -ENOENT … */
MUST_CHECK int unix_find(const struct unix_name *name, unsigned type, struct unix_socket **out);
/* s sends to other from now on, or to nobody (NULL). Returns what it sent to, a reference. */
struct unix_socket *unix_set_peer_locked(struct unix_socket *s, struct unix_socket *other);
/* Nothing fits into s now, coming from `from`. */
bool unix_is_full_locked(const struct unix_socket *s, const struct unix_socket *from);
/* Free what is in a list of messages; without the lock. */
void unix_messages_free(struct list *messages);
/* Move all of from to the empty list to. */
void unix_messages_take_locked(struct unix_socket *s, struct list *to);

ssize64_t unix_read(struct file *f, struct uio *u, uint64_t *pos);
ssize64_t unix_write(struct file *f, struct uio *u, uint64_t *pos);

#endif
