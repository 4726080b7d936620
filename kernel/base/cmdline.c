/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line's tokens. */
#include "base/cmdline.h"
#include "base/errno.h"
#include "base/string.h"

bool cmdline_next(const char **at, struct cmdline_token *token)
{
	const unsigned char *p = (const unsigned char *)*at;

	while (*p <= ' ' && *p != 0)
		p++;
	token->text = (const char *)p;
	/* Every start goes through some hundred characters here. */
	while (*p > ' ')
		p++;
	token->len = (size_t)((const char *)p - token->text);
	*at = (const char *)p;
	return token->len > 0;
}

bool cmdline_begins(const struct cmdline_token *token, const char *prefix, size_t len,
		    struct cmdline_token *rest)
{
	if (token->len < len || memcmp(token->text, prefix, len) != 0)
		return false;
	*rest = (struct cmdline_token){.text = token->text + len, .len = token->len - len};
	return true;
}

/* The value of a hexadecimal digit, or -1. */
static int cmdline_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* to lower case */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize64_t cmdline_decode(const struct cmdline_token *token, char *out)
{
	const char *p = token->text, *end = p + token->len;
	char *o = out;

	if (token->len == 1 && *p == '%')
		p = end;
	while (p < end) {
		int high, low;

		if (*p != '%') {
			*o++ = *p++;
			continue;
		}
		high = end - p > 2 ? cmdline_digit(p[1]) : -1;
		low = end - p > 2 ? cmdline_digit(p[2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return -EINVAL;
		*o++ = (char)(high << 4 | low);
		p += 3;
	}
	*o = 0;
	return o - out;
}
