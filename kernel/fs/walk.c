/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Walking paths (path_resolution(7)). A link's text takes the place of the component that it was;
 * what is left of the path before is kept on a stack, which the greatest number of links bounds.
 */
#include "base/errno.h"
#include "base/string.h"
#include "fs/fixed.h"
#include "plat/plat.h"

#define WALK_LINKS_MAX 40u

/* A text whose rest is to be walked later. */
struct walk_rest {
	const char *path;
	struct entry *link; /* whose text it is; NULL: the caller's path */
};

struct walk_state {
	struct entry *at;   /* where the walk has come to */
	const char *path;   /* what is left of the text in use; begins with a name */
	struct entry *link; /* whose text it is; NULL: the caller's path */
	unsigned depth, links;
	struct walk_rest rests[WALK_LINKS_MAX];
};

static const char *walk_skip_slashes(const char *path)
{
	while (*path == '/')
		path++;
	return path;
}

static enum walk_last walk_kind(const char *name, size_t len)
{
	if (len == 1 && name[0] == '.')
		return WALK_DOT;
	return len == 2 && name[0] == '.' && name[1] == '.' ? WALK_DOTDOT : WALK_NAME;
}

/* w's last component, from dir: 0 with *out (NULL: it is missing), or -ENOMEM. */
static int walk_step(const struct walk *w, struct entry *dir, struct entry **out)
{
	int err = 0;

	spin_lock(&tree_lock);
	if (w->last == WALK_DOT)
		*out = entry_get(dir);
	else if (w->last == WALK_DOTDOT)
		*out = entry_get(dir->parent);
	else
		err = dir->node->ops->find(dir, w->name, w->len, out);
	spin_unlock(&tree_lock);
	return err;
}

static void walk_move(struct walk_state *s, struct entry *to)
{
	entry_put(s->at);
	s->at = to;
}

/* Go on with the text of link, whose reference is used up. */
static void walk_enter(struct walk_state *s, struct entry *link)
{
	if (*s->path != 0)
		s->rests[s->depth++] = (struct walk_rest){s->path, s->link};
	else if (s->link != NULL)
		entry_put(s->link);
	s->link = link;
	s->path = link->node->ops->target(link->node);
	if (*s->path == '/')
		walk_move(s, tree_root());
	s->path = walk_skip_slashes(s->path);
}

/* The text in use is at its end: go on with the one before. */
static void walk_resume(struct walk_state *s)
{
	struct walk_rest *rest = &s->rests[--s->depth];

	entry_put(s->link);
	s->link = rest->link;
	s->path = rest->path;
}

/* Take the next component off the path; there is one. True if it is the last one. */
static bool walk_next(struct walk_state *s, struct walk *w)
{
	bool last, slash;

	w->name = s->path;
	while (*s->path != '/' && *s->path != 0)
		s->path++;
	w->len = (size_t)(s->path - w->name);
	w->last = walk_kind(w->name, w->len);
	slash = *s->path == '/';
	s->path = walk_skip_slashes(s->path);
	last = *s->path == 0 && s->depth == 0;
	w->slash |= last && slash;
	return last;
}

/*
 * From s->at through the component that was taken off: 0 with *found, a reference (NULL: it is
 * missing); 1 if a link's text is to be walked now; or -errno.
 */
static int walk_through(struct walk_state *s, struct walk *w, bool follow, struct entry **found)
{
	struct entry *next = NULL;
	int err = walk_step(w, s->at, &next);

	*found = next;
	if (err != 0 || next == NULL || node_type(next->node) != S_IFLNK || !follow)
		return err;
	*found = NULL;
	if (s->links++ >= WALK_LINKS_MAX) {
		entry_put(next);
		return -ELOOP;
	}
	if (next->node->ops->follow != NULL) {
		*found = next->node->ops->follow(next);
		entry_put(next);
		return *found != NULL ? 0 : -ENOENT;
	}
	walk_enter(s, next);
	return 1;
}

/* Walk to the end. What the state holds is the caller's to put, whatever is returned. */
static int walk_run(struct walk_state *s, struct walk *w, unsigned flags)
{
	for (;;) {
		struct entry *next;
		bool last;
		int err;

		while (*s->path == 0 && s->depth > 0)
			walk_resume(s);
		if (*s->path == 0) { /* nothing but slashes, in the path or the last link's text */
			w->last = WALK_ROOT;
			w->dir = entry_get(s->at);
			w->entry = entry_get(s->at);
			return 0;
		}
		if (!entry_is_folder(s->at))
			return -ENOTDIR;
		last = walk_next(s, w);
		if (w->len > NAME_MAX)
			return -ENAMETOOLONG;
		if (last && w->slash && w->last == WALK_NAME && (flags & WALK_CREATE) != 0)
			return -EISDIR;
		if (last && (flags & WALK_PARENT) != 0) {
			w->dir = entry_get(s->at);
			return 0;
		}
		err = walk_through(s, w, !last || w->slash || (flags & WALK_FOLLOW) != 0, &next);
		if (err < 0)
			return err;
		if (err > 0)
			continue; /* a link's text */
		if (last) {
			w->dir = entry_get(s->at);
			w->entry = next;
			return next != NULL && w->slash && !entry_is_folder(next) ? -ENOTDIR : 0;
		}
		if (next == NULL)
			return -ENOENT;
		walk_move(s, next);
	}
}

/* The program's own file, where it believes it was started from: in no folder, but to be opened. */
static bool walk_is_exe(const char *path)
{
	return proc_program.exe != NULL && strcmp(path, proc_program.exe) == 0 &&
	       plat->exe_read(NULL, 0, 0, NULL) >= 0;
}

int walk_begin(struct walk *w, struct entry *base, const char *path, unsigned flags)
{
	struct walk_state s;
	int err;

	*w = (struct walk){0};
	if (*path == 0)
		return -ENOENT;
	s.at = *path == '/' ? tree_root() : entry_get(base);
	s.path = walk_skip_slashes(path);
	s.link = NULL;
	s.depth = s.links = 0;
	err = walk_run(&s, w, flags);
	w->link = s.link;
	while (s.depth > 0) {
		struct entry *link = s.rests[--s.depth].link;

		if (link != NULL)
			entry_put(link);
	}
	entry_put(s.at);
	if (w->entry == NULL && (err == 0 || err == -ENOENT) && (flags & WALK_PARENT) == 0 &&
	    walk_is_exe(path)) {
		if (w->dir == NULL)
			w->dir = tree_root();
		w->entry = entry_get(fixed_entry(FIXED_EXE));
		err = 0;
	}
	if (err != 0)
		walk_end(w);
	return err;
}

void walk_end(struct walk *w)
{
	if (w->dir != NULL)
		entry_put(w->dir);
	if (w->entry != NULL)
		entry_put(w->entry);
	if (w->link != NULL)
		entry_put(w->link);
	*w = (struct walk){0};
}

int walk_take(struct walk *w, struct entry **out)
{
	*out = w->entry;
	w->entry = NULL;
	walk_end(w);
	return *out != NULL ? 0 : -ENOENT;
}
