/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * printf-style formatting for the log, crash reports and the files of /proc. Output past the
 * buffer's end is counted, not stored.
 */
#include "base/fmt.h"
#include "base/string.h"

struct fmt_out {
	char *buf;
	size_t cap; /* bytes in buf, the terminating 0 included */
	size_t len; /* characters made so far, stored or not */
};

struct fmt_spec {
	bool zero, left;
	size_t width;
	size_t precision; /* %s: at most so many bytes; SIZE_MAX: all */
	int length;       /* -2 hh, -1 h, 0, 1 l, 2 ll, 3 z */
};

static void fmt_put(struct fmt_out *out, char c)
{
	if (out->len + 1 < out->cap)
		out->buf[out->len] = c;
	out->len++;
}

static void fmt_pad(struct fmt_out *out, char c, size_t have, size_t width)
{
	for (; have < width; have++)
		fmt_put(out, c);
}

/* prefix ("-", "0x") and then n bytes of text, filled up to the width. */
static void fmt_field(struct fmt_out *out, const struct fmt_spec *spec, const char *prefix,
		      const char *text, size_t n)
{
	size_t have = strlen(prefix) + n;

	if (!spec->left && !spec->zero)
		fmt_pad(out, ' ', have, spec->width);
	while (*prefix != 0)
		fmt_put(out, *prefix++);
	if (!spec->left && spec->zero)
		fmt_pad(out, '0', have, spec->width);
	for (size_t i = 0; i < n; i++)
		fmt_put(out, text[i]);
	if (spec->left)
		fmt_pad(out, ' ', have, spec->width);
}

static void fmt_number(struct fmt_out *out, const struct fmt_spec *spec, const char *prefix,
		       uint64_t value, unsigned base, bool upper)
{
	char digits[20]; /* 2^64 has 20 decimal digits */
	size_t i = sizeof(digits);
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	do {
		digits[--i] = set[value % base];
		value /= base;
	} while (value != 0);
	fmt_field(out, spec, prefix, digits + i, sizeof(digits) - i);
}

static uint64_t fmt_arg_unsigned(va_list *ap, int length)
{
	switch (length) {
	case -2:
		return (unsigned char)va_arg(*ap, unsigned);
	case -1:
		return (unsigned short)va_arg(*ap, unsigned);
	case 0:
		return va_arg(*ap, unsigned);
	default: /* long, long long and size_t have 64 bits */
		return va_arg(*ap, uint64_t);
	}
}

static int64_t fmt_arg_signed(va_list *ap, int length)
{
	switch (length) {
	case -2:
		return (signed char)va_arg(*ap, int);
	case -1:
		return (short)va_arg(*ap, int);
	case 0:
		return va_arg(*ap, int);
	default:
		return va_arg(*ap, int64_t);
	}
}

/* A width or precision: digits, or * for an int argument. */
static const char *fmt_parse_count(const char *p, va_list *ap, size_t *count)
{
	size_t n = 0;

	if (*p == '*') {
		int arg = va_arg(*ap, int);

		*count = arg > 0 ? (size_t)arg : 0;
		return p + 1;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (size_t)(*p - '0');
	*count = n;
	return p;
}

/* What stands between % and the conversion character. */
static const char *fmt_parse_spec(const char *p, va_list *ap, struct fmt_spec *spec)
{
	*spec = (struct fmt_spec){.precision = SIZE_MAX};
	for (; *p == '0' || *p == '-'; p++) {
		if (*p == '0')
			spec->zero = true;
		else
			spec->left = true;
	}
	p = fmt_parse_count(p, ap, &spec->width);
	if (*p == '.')
		p = fmt_parse_count(p + 1, ap, &spec->precision);
	for (; *p == 'l'; p++)
		spec->length++;
	for (; *p == 'h'; p++)
		spec->length--;
	if (*p == 'z') {
		spec->length = 3;
		p++;
	}
	return p;
}

/* One conversion. False for a character that is none. */
static bool fmt_convert(struct fmt_out *out, struct fmt_spec *spec, char conversion, va_list *ap)
{
	int64_t number;
	const char *s;
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		number = fmt_arg_signed(ap, spec->length);
		fmt_number(out, spec, number < 0 ? "-" : "",
			   number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10, false);
		return true;
	case 'u':
		fmt_number(out, spec, "", fmt_arg_unsigned(ap, spec->length), 10, false);
		return true;
	case 'x':
	case 'X':
		fmt_number(out, spec, "", fmt_arg_unsigned(ap, spec->length), 16,
			   conversion == 'X');
		return true;
	case 'p':
		fmt_number(out, spec, "0x", (uintptr_t)va_arg(*ap, void *), 16, false);
		return true;
	case 's':
		s = va_arg(*ap, const char *);
		if (s == NULL)
			s = "(null)";
		spec->zero = false;
		fmt_field(out, spec, "", s, strnlen(s, spec->precision));
		return true;
	case 'c':
		c = (char)va_arg(*ap, int);
		spec->zero = false;
		fmt_field(out, spec, "", &c, 1);
		return true;
	case '%':
		fmt_put(out, '%');
		return true;
	default:
		return false;
	}
}

size_t fmt_vformat(char *buf, size_t cap, const char *fmt, va_list ap)
{
	struct fmt_out out = {.buf = buf, .cap = cap};
	struct fmt_spec spec;
	va_list args;

	va_copy(args, ap); /* a va_list parameter may be an array: its address is of another type */
	while (*fmt != 0) {
		const char *start = fmt;

		if (*fmt != '%') {
			fmt_put(&out, *fmt++);
			continue;
		}
		fmt = fmt_parse_spec(fmt + 1, &args, &spec);
		if (*fmt != 0 && fmt_convert(&out, &spec, *fmt, &args)) {
			fmt++;
			continue;
		}
		/* Not a conversion: show it as it is. */
		while (start < fmt)
			fmt_put(&out, *start++);
	}
	va_end(args);
	if (cap > 0)
		buf[MIN(out.len, cap - 1)] = 0;
	return out.len;
}

size_t fmt_format(char *buf, size_t cap, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = fmt_vformat(buf, cap, fmt, ap);
	va_end(ap);
	return len;
}
