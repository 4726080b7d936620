/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
//@ repeat: 3
//@ timeout: 120
/* Unix sockets between many threads: no byte is lost, doubled or mixed up, no wake-up is lost, and
 * whoever closes while others connect, send and poll disturbs nobody. */
#include "test.h"
#include "watchdog.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BYTES 400000
#define CLIENTS 4
#define CONNECTIONS 60
#define PACKETS 300

static _Atomic long mistakes;

static void expect(bool cond, const char *what)
{
	progress++;
	if (cond)
		return;
	if (mistakes++ < 10)
		printf("# %s: errno %d\n", what, errno);
}

static uint8_t byte_at(uint64_t stream, uint64_t at)
{
	return (uint8_t)((at * 131 + stream * 17) ^ at >> 8);
}

/* --- streams: two threads for each direction of a pair --- */

struct end {
	int fd;
	uint64_t stream;
};

static void *stream_send(void *arg)
{
	const struct end *e = arg;
	struct rng r = rng_make(e->stream);
	static _Thread_local uint8_t buf[50000];

	for (uint64_t at = 0; at < BYTES;) {
		size_t n = 1 + rng_below(&r, rng_below(&r, 4) == 0 ? sizeof(buf) : 300);
		ssize_t sent;

		if (n > BYTES - at)
			n = BYTES - at;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(e->stream, at + i);
		sent = send(e->fd, buf, n, rng_below(&r, 8) == 0 ? MSG_DONTWAIT : 0);
		if (sent < 0 && errno == EAGAIN) {
			struct pollfd p = {e->fd, POLLOUT, 0};

			poll(&p, 1, -1);
			continue;
		}
		expect(sent > 0, "send");
		if (sent <= 0)
			break;
		at += (uint64_t)sent;
	}
	shutdown(e->fd, SHUT_WR);
	return NULL;
}

static void *stream_receive(void *arg)
{
	const struct end *e = arg;
	struct rng r = rng_make(e->stream + 100);
	static _Thread_local uint8_t buf[50000];
	uint64_t at = 0;

	for (;;) {
		size_t want = 1 + rng_below(&r, sizeof(buf));
		struct pollfd p = {e->fd, POLLIN, 0};
		ssize_t n;

		if (rng_below(&r, 4) == 0)
			poll(&p, 1, -1);
		n = recv(e->fd, buf, want, rng_below(&r, 4) == 0 ? MSG_WAITALL : 0);
		if (n <= 0) {
			expect(n == 0, "recv");
			break;
		}
		for (ssize_t i = 0; i < n; i++)
			expect(buf[i] == byte_at(e->stream, at + (uint64_t)i), "a byte");
		at += (uint64_t)n;
	}
	expect(at == BYTES, "all bytes");
	return NULL;
}

static void streams(void)
{
	struct end ends[4];
	pthread_t t[8];
	int fd[4];

	for (int i = 0; i < 4; i += 2)
		socketpair(AF_UNIX, SOCK_STREAM, 0, &fd[i]);
	for (int i = 0; i < 4; i++) {
		ends[i] = (struct end){fd[i], (uint64_t)i};
		pthread_create(&t[2 * i], NULL, stream_send, &ends[i]);
	}
	for (int i = 0; i < 4; i++) { /* what i's partner sends */
		static struct end others[4];

		others[i] = (struct end){fd[i], (uint64_t)(i ^ 1)};
		pthread_create(&t[2 * i + 1], NULL, stream_receive, &others[i]);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	is(mistakes, 0, "streams");
}

/* --- connections: clients come and go, with a file in each message --- */

static struct sockaddr_un server_name = {.sun_family = AF_UNIX};
static socklen_t server_len;

static int client_connect(void)
{
	int c = socket(AF_UNIX, SOCK_STREAM, 0);

	while (connect(c, (struct sockaddr *)&server_name, server_len) != 0) {
		expect(errno == EINTR || errno == EAGAIN, "connect");
		if (mistakes > 0)
			break;
	}
	return c;
}

static void client_send_pipe(int c, int p)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.h = {.cmsg_len = CMSG_LEN(sizeof(int)),
			   .cmsg_level = SOL_SOCKET,
			   .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {"f", 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.h), &p, sizeof(p));
	expect(sendmsg(c, &m, 0) == 1, "sendmsg");
}

static void *client(void *arg)
{
	struct rng r = rng_make((uint64_t)(uintptr_t)arg + 200);

	for (int i = 0; i < CONNECTIONS; i++) {
		int c = client_connect(), p[2];
		char answer[4] = "";

		expect(pipe(p) == 0, "pipe");
		client_send_pipe(c, p[1]);
		close(p[1]);
		if (rng_below(&r, 4) != 0) { /* the others do not wait for the answer */
			expect(read(p[0], answer, 4) == 2 && answer[0] == 'o', "the answer");
			expect(read(c, answer, 1) == 0, "the server's end");
		}
		close(c);
		close(p[0]);
	}
	return NULL;
}

static int server_receive_pipe(int a)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	int fd = -1;

	expect(recvmsg(a, &m, 0) == 1 && byte == 'f', "recvmsg");
	if (m.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(&control.h), sizeof(fd));
	expect(fd >= 0, "a file came");
	return fd;
}

static void *server(void *arg)
{
	int l = *(int *)arg;

	for (int i = 0; i < CLIENTS * CONNECTIONS / 2; i++) {
		int a = accept(l, NULL, NULL), p;

		expect(a >= 0, "accept");
		p = server_receive_pipe(a);
		(void)!write(p, "ok", 2); /* the client may be gone */
		close(p);
		close(a);
	}
	return NULL;
}

static void connections(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	pthread_t t[CLIENTS + 2];

	server_len = sizeof(sa_family_t);
	expect(bind(l, (struct sockaddr *)&server_name, server_len) == 0, "bind any");
	server_len = sizeof(server_name);
	getsockname(l, (struct sockaddr *)&server_name, &server_len);
	expect(listen(l, 2) == 0, "listen");
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, server, &l);
	for (int i = 0; i < CLIENTS; i++)
		pthread_create(&t[2 + i], NULL, client, (void *)(uintptr_t)i);
	for (int i = 0; i < CLIENTS + 2; i++)
		pthread_join(t[i], NULL);
	close(l);
	is(mistakes, 0, "connections");
}

/* --- packets: several senders, one queue that is full most of the time --- */

static void *packet_send(void *arg)
{
	const struct end *e = arg;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	expect(connect(fd, (struct sockaddr *)&server_name, server_len) == 0, "connect");
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t packet[2] = {(uint32_t)e->stream, i};
		struct pollfd p = {fd, POLLOUT, 0};

		while (send(fd, packet, sizeof(packet), i % 2 ? MSG_DONTWAIT : 0) < 0) {
			expect(errno == EAGAIN, "send");
			poll(&p, 1, -1);
		}
	}
	close(fd);
	return NULL;
}

static void packets(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	uint32_t next[CLIENTS] = {0}, packet[2];
	struct end ends[CLIENTS];
	pthread_t t[CLIENTS];

	expect(bind(fd, (struct sockaddr *)&server_name, sizeof(sa_family_t)) == 0, "bind any");
	server_len = sizeof(server_name);
	getsockname(fd, (struct sockaddr *)&server_name, &server_len);
	for (int i = 0; i < CLIENTS; i++) {
		ends[i].stream = (uint64_t)i;
		pthread_create(&t[i], NULL, packet_send, &ends[i]);
	}
	for (int i = 0; i < CLIENTS * PACKETS; i++) {
		expect(recv(fd, packet, sizeof(packet), 0) == sizeof(packet), "recv");
		expect(packet[0] < CLIENTS && packet[1] == next[packet[0]]++, "in order");
	}
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(t[i], NULL);
	close(fd);
	is(mistakes, 0, "packets");
}

int main(void)
{
	watchdog_start();
	signal(SIGPIPE, SIG_IGN);
	streams();
	connections();
	packets();
	return done();
}
