/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The command line: tokens separated by spaces or control characters, with %XX for a byte and a
 * lone % for an empty token (docs/ARCHITECTURE.md, section 3).
 */
#ifndef BASE_CMDLINE_H
#define BASE_CMDLINE_H

#include "base/types.h"

struct cmdline_token {
	const char *text; /* as it stands in the command line */
	size_t len;
};

/* The next token at *at, which moves behind it. False at the end. */
bool cmdline_next(const char **at, struct cmdline_token *token);

/* cmdline_has_prefix() with the prefix's length. */
bool cmdline_begins(const struct cmdline_token *token, const char *prefix, size_t len,
		    struct cmdline_token *rest);

/* Does it begin with prefix, a literal? The rest (may be empty) goes to *rest. Inline, for most
 * tokens differ in the first letter already. */
static ALWAYS_INLINE bool cmdline_has_prefix(const struct cmdline_token *token, const char *prefix,
					     struct cmdline_token *rest)
{
	return token->text[0] == prefix[0] &&
	       cmdline_begins(token, prefix, __builtin_strlen(prefix), rest);
}

/* Is the token exactly text, a literal? */
static ALWAYS_INLINE bool cmdline_is(const struct cmdline_token *token, const char *text)
{
	struct cmdline_token rest;

	return cmdline_has_prefix(token, text, &rest) && rest.len == 0;
}

/*
 * The token's bytes and a 0 into out, which has room for token->len + 1. Their number (never more
 * than len), or -EINVAL if a % is not followed by two hexadecimal digits, or they are 00.
 */
ssize64_t cmdline_decode(const struct cmdline_token *token, char *out);

#endif
