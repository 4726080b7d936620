/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Encode the kernel's command line: see cmdline.h.
 */
#include "cmdline.h"

void cmdline_encode(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c <= ' ' || c == '%' || c >= 0x7f)
			buf_addf(b, "%%%02X", c);
		else
			buf_addc(b, *s);
	}
}

char *cmdline_build(const struct run *run)
{
	struct buf b = {0};

	buf_adds(&b, "prog=");
	cmdline_encode(&b, run->path);
	buf_adds(&b, " stdin=framed");
	if (run->verbose)
		buf_adds(&b, " verbose");
	if (run->trace)
		buf_adds(&b, " trace");
	if (run->stats)
		buf_adds(&b, " stats");
	if (run->watchdog)
		buf_adds(&b, " watchdog");
	for (size_t i = 0; i < run->env.n; i++) {
		buf_adds(&b, " env=");
		cmdline_encode(&b, run->env.v[i]);
	}
	if (run->args.n)
		buf_adds(&b, " --");
	for (size_t i = 0; i < run->args.n; i++) {
		buf_addc(&b, ' ');
		cmdline_encode(&b, run->args.v[i]);
		/* An empty argument is a lone percent sign; nothing else encodes to one. */
		if (!run->args.v[i][0])
			buf_addc(&b, '%');
	}
	return b.p;
}
