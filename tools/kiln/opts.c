/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The option parser: see opts.h.
 */
#include "opts.h"

#include <stdlib.h>
#include <string.h>

static const struct opt *opts_find(const struct opts *o, const char *name, size_t n, char letter)
{
	for (size_t t = 0; t < ARRAY_SIZE(o->tables) && o->tables[t]; t++)
		for (const struct opt *p = o->tables[t]; p->id; p++) {
			if (letter && p->letter == letter)
				return p;
			if (name && p->name && strlen(p->name) == n && !strncmp(p->name, name, n))
				return p;
		}
	return NULL;
}

/* The option whose name is nearest to a mistyped one, or NULL if none is near. */
static const char *opts_nearest(const struct opts *o, const char *name)
{
	const char *nearest = NULL;
	size_t best = 3;

	for (size_t t = 0; t < ARRAY_SIZE(o->tables) && o->tables[t]; t++)
		for (const struct opt *p = o->tables[t]; p->id; p++) {
			size_t d = p->name ? edit_distance(p->name, name) : best;

			if (d < best) {
				best = d;
				nearest = p->name;
			}
		}
	return nearest;
}

static _Noreturn void opts_unknown(const struct opts *o, const char *arg, size_t n)
{
	char *name = xstrndup(arg, n);
	const char *nearest = str_after(name, "--") ? opts_nearest(o, name + 2) : NULL;

	if (nearest)
		die(STATUS_USAGE, "unknown option %s; did you mean --%s?\n  see: %s --help", name,
		    nearest, o->command);
	die(STATUS_USAGE, "unknown option %s\n  see: %s --help", name, o->command);
}

/* The value of the option just found: given with it, or the next argument. */
static int opts_value(struct opts *o, const char *given, const char *shown)
{
	if (!o->opt->value && given)
		die(STATUS_USAGE, "option %s takes no value\n  see: %s --help", shown, o->command);
	o->value = given;
	if (o->opt->value && o->opt->value[0] != '[' && !given) {
		if (!*o->argv)
			die(STATUS_USAGE, "option %s needs a value: %s %s\n  see: %s --help", shown,
			    shown, o->opt->value, o->command);
		o->value = *o->argv++;
	}
	return o->opt->id;
}

static int opts_long(struct opts *o, const char *arg)
{
	size_t n = strcspn(arg, "=");
	char *shown = xstrndup(arg, n);

	o->opt = opts_find(o, arg + 2, n - 2, 0);
	if (!o->opt)
		opts_unknown(o, arg, n);
	int id = opts_value(o, arg[n] ? arg + n + 1 : NULL, shown);

	free(shown);
	return id;
}

/* o->bundle points at a letter. */
static int opts_short(struct opts *o)
{
	char shown[] = {'-', *o->bundle++, '\0'};

	o->opt = opts_find(o, NULL, 0, shown[1]);
	if (!o->opt)
		opts_unknown(o, shown, 2);

	const char *rest = *o->bundle ? o->bundle : NULL;

	if (!o->opt->value || !rest) {
		o->bundle = o->opt->value ? NULL : rest;
		return opts_value(o, NULL, shown);
	}
	o->bundle = NULL;
	return opts_value(o, *rest == '=' ? rest + 1 : rest, shown);
}

int opts_next(struct opts *o)
{
	const char *arg;

	if (o->bundle)
		return opts_short(o);
	if (!*o->argv)
		return OPT_END;
	arg = *o->argv++;
	if (!strcmp(arg, "--"))
		return OPT_END;
	if (str_after(arg, "--"))
		return opts_long(o, arg);
	if (arg[0] == '-' && arg[1]) {
		o->bundle = arg + 1;
		return opts_short(o);
	}
	o->value = arg;
	return OPT_OPERAND;
}
