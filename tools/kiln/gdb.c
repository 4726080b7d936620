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

/* A file's absolute name as a word for gdb, which has quotes and backslashes as a shell has. Caller
 * frees. */
static char *gdb_word(const char *file)
{
	char *absolute = path_absolute(file);
	struct buf b = {0};

	buf_addc(&b, '"');
	for (const char *s = absolute; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(&b, '\\');
		buf_addc(&b, *s);
	}
	buf_addc(&b, '"');
	free(absolute);
	return b.p;
}

void gdb_add_source(struct strv *commands)
{
	char *path = prefix_lib("gdb.py");

	/* Takes the rest of the line as it is. */
	strv_addf(commands, "source %s", path);
	free(path);
}

void gdb_add_program(const struct run *run, struct strv *commands)
{
	char *program = gdb_word(run->path);

	/* The loader tells report_program(start, end, bias) where it has put it. */
	strv_add_all(commands, "thbreak report_program", "continue", NULL);
	strv_addf(commands, "add-symbol-file %s -o $rdx", program);
	free(program);
}

char *gdb_script_create(const struct run *run, unsigned int port)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/kiln-XXXXXX.gdb", tmp && *tmp ? tmp : "/tmp");
	char *image = gdb_word(run_image_path(run));
	int fd = mkstemps(path, 4);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	struct strv program = {0}, source = {0};

	if (run->loader)
		gdb_add_program(run, &program);
	gdb_add_source(&source);
	if (f) {
		fprintf(f, "%s\n", source.v[0]);
		fprintf(f, "set confirm off\ntarget remote 127.0.0.1:%u\nsymbol-file -o %#x %s\n",
			port, IMAGE_PHYS, image);
		fprintf(f, "thbreak kvm_start\ncontinue\nfinish\nsymbol-file -o $rax %s\n", image);
		for (size_t i = 0; i < program.n; i++)
			fprintf(f, "%s\n", program.v[i]);
		fputs("thbreak main\ncontinue\n", f);
	}
	strv_free(&source);
	strv_free(&program);
	free(image);
	if (f && !fclose(f))
		return path;
	free(path);
	return NULL;
}
