/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Help gdb to an image's symbols: see gdb.h. The image starts at its physical address and moves to
 * a random virtual one, which kvm_start() returns (docs/ARCHITECTURE.md, section 2). Until then
 * there are only hardware breakpoints, as the place a breakpoint instruction belongs to is not
 * mapped yet.
 */
#include "gdb.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "path.h"

enum { GDB_PORT = 1234, IMAGE_PHYS = 0x100000 };

static unsigned int port_try(unsigned int wanted)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((uint16_t)wanted)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	unsigned int port = 0;

	if (fd < 0)
		return 0;
	/* As QEMU does: connections that have just ended do not count. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&address, size) &&
	    !getsockname(fd, (struct sockaddr *)&address, &size))
		port = ntohs(address.sin_port);
	close(fd);
	return port;
}

unsigned int gdb_port_find(void)
{
	unsigned int port = port_try(GDB_PORT);

	return port ? port : port_try(0);
}

/* A word for gdb, which has quotes and backslashes as a shell has. */
static void gdb_word(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

char *gdb_script_create(const char *image, unsigned int port)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/kiln-XXXXXX.gdb", tmp && *tmp ? tmp : "/tmp");
	char *absolute = path_absolute(image);
	int fd = mkstemps(path, 4);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (f) {
		fprintf(f, "set confirm off\ntarget remote 127.0.0.1:%u\nsymbol-file -o %#x ", port,
			IMAGE_PHYS);
		gdb_word(f, absolute);
		fputs("\nthbreak kvm_start\ncontinue\nfinish\nsymbol-file -o $rax ", f);
		gdb_word(f, absolute);
		fputs("\nthbreak main\ncontinue\n", f);
	}
	free(absolute);
	if (f && !fclose(f))
		return path;
	free(path);
	return NULL;
}
