/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: diff
//@ cpus: 1 2
/* Unix sockets: every call, what it gives and what it refuses, beside Linux. */
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64];

static void show(const char *what, long value)
{
	printf("%s %ld\n", what, value < 0 ? -errno : value);
	fflush(stdout);
}

static void show_text(const char *what, long n, const char *text)
{
	printf("%s %ld '%.*s'\n", what, n < 0 ? -errno : n, n > 0 ? (int)n : 0, text);
	fflush(stdout);
}

/* An address: a path in the folder, or abstract if it begins with @. Its length. */
static socklen_t address(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (name[0] == '@') {
		/* Other runs of this test have other names. */
		int n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s%s", name, folder);

		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	}
	snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s", folder, name);
	return sizeof(*a);
}

static long bind_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, name);

	return bind(fd, (struct sockaddr *)&a, len);
}

static long connect_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = address(&a, name);

	return connect(fd, (struct sockaddr *)&a, len);
}

static void show_name(const char *what, long r, const struct sockaddr_un *a, socklen_t len)
{
	const char *path = a->sun_path;
	bool abstract = len > 2 && path[0] == 0;

	printf("%s %ld", what, r < 0 ? -errno : r);
	if (r >= 0 && len <= 2)
		printf(" no name");
	else if (r >= 0 && abstract)
		printf(" @%.*s", (int)strlen("name"), path + 2);
	else if (r >= 0)
		printf(" %s, as long as it is: %d", strrchr(path, '/'),
		       len == 2 + strlen(path) + 1);
	printf("\n");
}

static void show_own(const char *what, int fd)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	long r = getsockname(fd, (struct sockaddr *)&a, &len);

	show_name(what, r, &a, len);
}

static void show_peer(const char *what, int fd)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	long r = getpeername(fd, (struct sockaddr *)&a, &len);

	show_name(what, r, &a, len);
}

static void show_poll(const char *what, int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};

	poll(&p, 1, 0);
	printf("%s 0x%x\n", what, p.revents);
}

static void making(void)
{
	int fd[2];

	show("socket of another family", socket(AF_APPLETALK, SOCK_STREAM, 0));
	show("socket of no type", socket(AF_UNIX, 7, 0));
	show("socket of another protocol", socket(AF_UNIX, SOCK_STREAM, 5));
	show("socket with other flags", socket(AF_UNIX, SOCK_STREAM | 0x100000, 0));
	show("pair at no address", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8L));
	show("pair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd));
	show("its flags", fcntl(fd[0], F_GETFL));
	show("and cloexec", fcntl(fd[1], F_GETFD));
	show("empty", read(fd[0], &fd, 4));
	show("seek", lseek(fd[0], 0, SEEK_SET));
	show("bind a file", bind_to(0, "x"));
	show("bind nothing", bind_to(99, "x"));
	close(fd[0]);
	close(fd[1]);
}

/* What was sent and not read; a listener that goes. */
static void streams_cut_off(int l)
{
	int c, a;
	char buf[100];

	c = socket(AF_UNIX, SOCK_STREAM, 0);
	show("connect", connect_to(c, "stream"));
	show("write", write(c, "unread", 6));
	a = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	close(a);
	show("after a reset", read(c, buf, 100));
	show("then", read(c, buf, 100));
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	show("connect", connect_to(c, "stream"));
	close(l);
	show("listener gone", read(c, buf, 100));
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	show("nobody has the name", connect_to(c, "stream"));
	close(c);
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	bind_to(l, "@name unused");
	listen(l, 1);
	show_poll("nobody waits", l);
	shutdown(l, SHUT_RD);
	show_poll("and nobody may come", l);
	close(l);
}

static void streams(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), a;
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	struct stat st;
	char buf[100];
	int n;

	show_poll("fresh", c);
	show("read unconnected", read(c, buf, 1));
	show("send unconnected", send(c, "x", 1, MSG_NOSIGNAL));
	show("listen without a name", listen(l, 1));
	show("bind", bind_to(l, "stream"));
	show("again", bind_to(l, "other"));
	show("connect to who does not listen", connect_to(c, "stream"));
	show("listen", listen(l, 1));
	show("bind another there", bind_to(c, "stream"));
	snprintf(buf, sizeof(buf), "%s/stream", folder);
	show("stat", stat(buf, &st));
	printf("mode %o\n", st.st_mode & S_IFMT);
	show("open it", open(buf, O_RDWR));
	show("connect to nothing", connect_to(c, "missing"));
	show("connect", connect_to(c, "stream"));
	show("again", connect_to(c, "stream"));
	show_poll("listener", l);
	a = accept(l, (struct sockaddr *)&un, &len);
	show_name("accepted", a >= 0 ? 0 : -1, &un, len);
	show_poll("listener", l);
	show_own("own", c);
	show_own("accepted own", a);
	show_peer("peer", c);
	show_peer("accepted peer", a);
	show("write", write(c, "hello", 5));
	show("write", write(c, " world", 6));
	show("FIONREAD", ioctl(a, FIONREAD, &n));
	show("that many", n);
	show_text("peek", recv(a, buf, 100, MSG_PEEK), buf);
	show_text("read some", recv(a, buf, 3, 0), buf);
	show_text("read all", recv(a, buf, 100, 0), buf);
	show("no more", recv(a, buf, 100, MSG_DONTWAIT));
	show("send elsewhere", sendto(c, "x", 1, 0, (struct sockaddr *)&un, 2));
	show("shutdown nonsense", shutdown(c, 3));
	show("shutdown writing", shutdown(c, SHUT_WR));
	show("the end", read(a, buf, 1));
	show_poll("half", a);
	show("write", send(c, "x", 1, MSG_NOSIGNAL));
	show("the other way", write(a, "back", 4));
	close(a);
	show_poll("closed", c);
	show_text("still", read(c, buf, 100), buf);
	show("then", read(c, buf, 100));
	close(c);
	streams_cut_off(l);
}

static void backlog(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c[4];

	bind_to(l, "@name backlog");
	listen(l, 1);
	for (int i = 0; i < 4; i++) {
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		show("connect to a crowd", connect_to(c[i], "@name backlog"));
	}
	show_poll("a crowd waits", l);
	shutdown(l, SHUT_RDWR);
	show_poll("and nobody takes it", l);
	show("accept", accept(l, NULL, NULL));
	for (int i = 0; i < 4; i++)
		close(c[i]);
	close(l);
}

static void packets(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), n;
	struct sockaddr_un un;
	socklen_t len = address(&un, "@name a");
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	char buf[100];

	show_own("no name", a);
	show("bind abstract", bind_to(a, "@name a"));
	show("another", bind_to(b, "@name a"));
	show_own("its name", a);
	show_peer("no peer", a);
	show("send nowhere", send(b, "x", 1, 0));
	show("listen", listen(a, 1));
	show("accept", accept(a, NULL, NULL));
	show("sendto", sendto(b, "first", 5, 0, (struct sockaddr *)&un, len));
	show("sendto nothing", sendto(b, "", 0, 0, (struct sockaddr *)&un, len));
	show("connect", connect_to(b, "@name a"));
	show_peer("peer", b);
	show("bind any", bind(b, (struct sockaddr *)&un, 2));
	show("send", send(b, "second message", 14, 0));
	show("FIONREAD", ioctl(a, FIONREAD, &n));
	show("that many", n);
	len = sizeof(un);
	show_text("cut", recvfrom(a, buf, 3, MSG_TRUNC, (struct sockaddr *)&un, &len), "abcde");
	show("from nobody", len);
	show_text("empty", recv(a, buf, 100, 0), buf);
	len = sizeof(un);
	show_text("next", recvfrom(a, buf, 100, 0, (struct sockaddr *)&un, &len), buf);
	show("from five digits", len);
	show("none", recv(a, buf, 100, MSG_DONTWAIT));
	show("connect the other", connect_to(a, "@name a"));
	show("not to who has another peer", send(b, "x", 1, 0));
	show("dissolve", connect(a, &none, sizeof(none)));
	for (n = 0; send(b, "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	show("full", -1);
	show("after", n);
	show_poll("full", b);
	recv(a, buf, 100, 0);
	show_poll("not full", b);
	close(a);
	show("peer gone", send(b, "x", 1, 0));
	show("and forgotten", send(b, "x", 1, 0));
	show("too large", sendto(b, buf, 1 << 20, 0, (struct sockaddr *)&un, len));
	close(b);
}

static void sequences(void)
{
	struct iovec iov = {.iov_len = 3};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	char buf[100];
	int fd[2];

	iov.iov_base = buf;
	show("pair", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd));
	show("write", write(fd[0], "hello", 5));
	show("write", write(fd[0], "world", 5));
	show_text("one", recvmsg(fd[1], &m, 0), buf);
	show("cut", m.msg_flags);
	show_text("the other", recv(fd[1], buf, 100, 0), buf);
	close(fd[0]);
	show("end", recv(fd[1], buf, 100, 0));
	show("write", send(fd[1], "x", 1, MSG_NOSIGNAL));
	close(fd[1]);
}

static void options(void)
{
	struct timeval tv = {0, 20000}, got;
	struct ucred cred;
	int fd[2], value = 5000;
	socklen_t len;
	char c;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	show("other level", setsockopt(fd[0], 6, 1, &value, 4));
	show("no such option", setsockopt(fd[0], SOL_SOCKET, 200, &value, 4));
	show("too short", setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &value, 2));
	show("SO_SNDBUF", setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &value, 4));
	for (int o = SO_REUSEADDR; o <= SO_RCVBUF; o++) {
		len = sizeof(value);
		value = -1;
		show("getsockopt", getsockopt(fd[0], SOL_SOCKET, o, &value, &len));
		printf("option %d is %d\n", o, value);
	}
	tv.tv_usec = 1000000;
	show("bad time", setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	tv.tv_usec = 20000;
	show("SO_RCVTIMEO", setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	len = sizeof(got);
	show("get it", getsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	show("seconds", got.tv_sec);
	show("microseconds", got.tv_usec);
	show("it is over", read(fd[0], &c, 1));
	len = sizeof(cred);
	show("SO_PEERCRED", getsockopt(fd[0], SOL_SOCKET, SO_PEERCRED, &cred, &len));
	show("it is me", cred.pid == getpid() && cred.uid == getuid());
	close(fd[0]);
	close(fd[1]);
}

/* Send a byte with the descriptors fds[0..n). */
static long pass_fds(int fd, const int *fds, size_t n)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} c = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c};

	m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c.h = (struct cmsghdr){.cmsg_len = CMSG_LEN(n * sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
	return sendmsg(fd, &m, 0);
}

/* The same; what the call says is printed. */
static void send_fds(int fd, const int *fds, size_t n)
{
	show("sendmsg", pass_fds(fd, fds, n));
}

/* Sockets that are only on their way through others, and all go with the last one. */
static void chain(void)
{
	int fd[2], next[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	for (int i = 0; i < 2000; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, next);
		(void)pass_fds(next[0], fd, 2); /* older Linuxes allow only a few */
		close(fd[0]);
		close(fd[1]);
		memcpy(fd, next, sizeof(fd));
	}
	close(fd[0]);
	show("end of a chain", close(fd[1]));
}

/* Receive a byte: what came with it is printed. */
static int receive_fds(int fd, size_t room)
{
	union {
		struct cmsghdr h;
		char space[256];
	} c = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = room};
	int first = -1;

	show("recvmsg", recvmsg(fd, &m, MSG_CMSG_CLOEXEC));
	printf("flags 0x%x, control %ld bytes\n", m.msg_flags & ~MSG_CMSG_CLOEXEC,
	       (long)m.msg_controllen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[8];

		printf("type %d, %ld bytes\n", h->cmsg_type, (long)h->cmsg_len);
		memcpy(fds, CMSG_DATA(h), MIN(n, 8) * sizeof(int));
		for (size_t i = 0; h->cmsg_type == SCM_RIGHTS && i < n; i++) {
			show("cloexec", fcntl(fds[i], F_GETFD));
			if (first < 0)
				first = fds[i];
			else
				close(fds[i]);
		}
	}
	return first;
}

static void rights(void)
{
	int fd[2], p[2], got, bad = 99, on = 1;
	char buf[10];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	pipe(p);
	send_fds(fd[0], p, 2);
	got = receive_fds(fd[1], 256);
	write(p[1], "pipe", 4);
	show_text("through it", read(got, buf, 10), buf);
	close(got);
	send_fds(fd[0], &bad, 1);
	send_fds(fd[0], p, 2);
	got = receive_fds(fd[1], CMSG_LEN(sizeof(int)));
	close(got);
	send_fds(fd[0], p, 1);
	receive_fds(fd[1], 0);
	send_fds(fd[0], p, 2);
	show("write behind it", write(fd[0], "y", 1));
	show_text("bytes up to the files", recv(fd[1], buf, 10, 0), buf);
	show_text("bytes behind", recv(fd[1], buf, 10, 0), buf);
	/* The socket itself, in itself; closed while it is under way. */
	send_fds(fd[0], p, 1);
	show("SO_PASSCRED", setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, 4));
	close(receive_fds(fd[1], 256));
	write(fd[0], "z", 1);
	receive_fds(fd[1], 256);
	send_fds(fd[0], p, 2);
	close(fd[0]);
	close(fd[1]);
	close(p[1]);
	show("the last writer is gone", read(p[0], buf, 1));
	close(p[0]);
}

static void *late_write(void *arg)
{
	struct timespec ts = {0, 30000000};

	nanosleep(&ts, NULL);
	write(*(int *)arg, "late", 4);
	nanosleep(&ts, NULL);
	close(*(int *)arg);
	return NULL;
}

static void waiting(void)
{
	char buf[10];
	pthread_t t;
	int fd[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
	pthread_create(&t, NULL, late_write, &fd[0]);
	show_text("waited for", recv(fd[1], buf, 4, MSG_WAITALL), buf);
	show("the end", read(fd[1], buf, 4));
	pthread_join(t, NULL);
	signal(SIGPIPE, SIG_IGN);
	show("EPIPE", write(fd[1], "x", 1));
	close(fd[1]);
}

int main(void)
{
	static const char *const names[] = {"stream"};
	char path[100];

	snprintf(folder, sizeof(folder), "/tmp/sockets-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	making();
	streams();
	backlog();
	packets();
	sequences();
	options();
	rights();
	chain();
	waiting();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		show("unlink", unlink(path));
	}
	show("rmdir", rmdir(folder));
	return 0;
}
