/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * As much of JSON (RFC 8259) as Cargo's messages need: a text becomes a tree of values, which is
 * then asked by path. Numbers are kept as their text.
 */
#ifndef KILN_JSON_H
#define KILN_JSON_H

#include "util.h"

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	enum json_type type;
	char *name;         /* of a member of an object, else NULL */
	char *text;         /* JSON_STRING: decoded UTF-8; JSON_NUMBER: as written */
	struct json *first; /* JSON_ARRAY, JSON_OBJECT: the first element */
	struct json *next;  /* the next element of the same parent */
};

/* The value in text, or NULL if it is not one JSON value, or nested deeper than JSON_DEPTH_MAX. */
enum { JSON_DEPTH_MAX = 64 };
struct json *json_parse(const char *text);
void json_free(struct json *value);

/* All of these accept NULL and values of another type, for which they give NULL or false. */
const struct json *json_get(const struct json *object, const char *name);
const char *json_string(const struct json *object, const char *name);
bool json_is_true(const struct json *object, const char *name);
/* Whether the array has this string in it. */
bool json_has(const struct json *array, const char *text);

#endif
