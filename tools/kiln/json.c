/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A JSON reader: see json.h. Recursive descent; the depth is bounded, because the text comes from
 * another program.
 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

struct json_reader {
	const char *p;
	int depth;
};

static struct json *json_value(struct json_reader *r);

static void json_space(struct json_reader *r)
{
	r->p += strspn(r->p, " \t\r\n");
}

static bool json_take(struct json_reader *r, const char *literal)
{
	const char *rest = str_after(r->p, literal);

	if (rest)
		r->p = rest;
	return rest != NULL;
}

static void json_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* The four hex digits of \uXXXX. */
static bool json_hex4(struct json_reader *r, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++, r->p++) {
		const char *digits = "0123456789abcdef";
		const char *at = *r->p ? strchr(digits, *r->p | 0x20) : NULL;

		if (!at)
			return false;
		*value = *value << 4 | (uint32_t)(at - digits);
	}
	return true;
}

static bool json_escape(struct json_reader *r, struct buf *b)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	uint32_t c, low;
	const char *at = *r->p ? strchr(names, *r->p) : NULL;

	if (at) {
		buf_addc(b, values[at - names]);
		r->p++;
		return true;
	}
	if (!json_take(r, "u") || !json_hex4(r, &c))
		return false;
	/* A pair of surrogates is one character; a lone one or a NUL becomes U+FFFD. */
	if (c >= 0xd800 && c < 0xdc00 && r->p[0] == '\\' && r->p[1] == 'u') {
		r->p += 2;
		if (!json_hex4(r, &low))
			return false;
		c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff)
						  : 0xfffd;
	}
	json_utf8(b, !c || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c);
	return true;
}

/* After the opening quote. The decoded string, or NULL. */
static char *json_text(struct json_reader *r)
{
	struct buf b = {0};

	buf_adds(&b, "");
	for (;;) {
		size_t plain = strcspn(r->p, "\"\\");

		buf_add(&b, r->p, plain);
		r->p += plain;
		if (*r->p == '"') {
			r->p++;
			return b.p;
		}
		if (!json_take(r, "\\") || !json_escape(r, &b))
			break;
	}
	buf_free(&b);
	return NULL;
}

/* After the opening bracket. */
static bool json_elements(struct json_reader *r, struct json *parent, char close)
{
	struct json **end = &parent->first;

	json_space(r);
	if (*r->p == close) {
		r->p++;
		return true;
	}
	for (;;) {
		char *name = NULL;

		json_space(r);
		if (parent->type == JSON_OBJECT) {
			if (!json_take(r, "\"") || !(name = json_text(r)))
				return false;
			json_space(r);
		}
		if (name && !json_take(r, ":")) {
			free(name);
			return false;
		}
		*end = json_value(r);
		if (!*end) {
			free(name);
			return false;
		}
		(*end)->name = name;
		end = &(*end)->next;
		json_space(r);
		if (*r->p == close) {
			r->p++;
			return true;
		}
		if (!json_take(r, ","))
			return false;
	}
}

static bool json_fill(struct json_reader *r, struct json *value)
{
	size_t digits;

	if (json_take(r, "{")) {
		value->type = JSON_OBJECT;
		return json_elements(r, value, '}');
	}
	if (json_take(r, "[")) {
		value->type = JSON_ARRAY;
		return json_elements(r, value, ']');
	}
	if (json_take(r, "\"")) {
		value->type = JSON_STRING;
		value->text = json_text(r);
		return value->text != NULL;
	}
	if (json_take(r, "null"))
		return true;
	if (json_take(r, "true") || json_take(r, "false")) {
		value->type = r->p[-2] == 'u' ? JSON_TRUE : JSON_FALSE;
		return true;
	}
	digits = strspn(r->p, "+-0123456789.eE");
	value->type = JSON_NUMBER;
	value->text = xstrndup(r->p, digits);
	r->p += digits;
	return digits > 0;
}

static struct json *json_value(struct json_reader *r)
{
	struct json *value;

	if (r->depth >= JSON_DEPTH_MAX)
		return NULL;
	value = xmalloc(sizeof(*value));
	*value = (struct json){.type = JSON_NULL};
	json_space(r);
	r->depth++;
	bool ok = json_fill(r, value);

	r->depth--;
	if (!ok) {
		json_free(value);
		return NULL;
	}
	return value;
}

struct json *json_parse(const char *text)
{
	struct json_reader r = {.p = text};
	struct json *value = json_value(&r);

	if (value)
		json_space(&r);
	if (value && *r.p) {
		json_free(value);
		return NULL;
	}
	return value;
}

void json_free(struct json *value)
{
	while (value) {
		struct json *next = value->next;

		json_free(value->first);
		free(value->name);
		free(value->text);
		free(value);
		value = next;
	}
}

const struct json *json_get(const struct json *object, const char *name)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	for (const struct json *e = object->first; e; e = e->next)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

const char *json_string(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value && value->type == JSON_STRING ? value->text : NULL;
}

bool json_is_true(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value && value->type == JSON_TRUE;
}

bool json_has(const struct json *array, const char *text)
{
	if (!array || array->type != JSON_ARRAY)
		return false;
	for (const struct json *e = array->first; e; e = e->next)
		if (e->type == JSON_STRING && !strcmp(e->text, text))
			return true;
	return false;
}
