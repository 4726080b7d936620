/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From a path in program memory to an entry of the tree. */
#ifndef ABI_PATH_H
#define ABI_PATH_H

#include "base/types.h"
#include "fs/node.h"

/* A path, copied, and where it has led. */
struct path {
	struct walk walk;
	char *text;
	size_t size; /* of text */
};

/*
 * Walk the path at addr from dirfd (or AT_FDCWD), as walk_begin(). 0, and path_end() must follow;
 * or -EBADF, -ENOTDIR, -ENOENT, -EFAULT, -ENAMETOOLONG, -ELOOP, -ENOMEM.
 */
MUST_CHECK int path_begin(struct path *p, long dirfd, long addr, unsigned flags);
void path_end(struct path *p);
/*
 * What a call is about that takes the flags AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH of which flags
 * has some: 0 with *out, a reference. Beside path_begin()'s errors -EINVAL, for a descriptor of
 * something that is not in the tree.
 */
MUST_CHECK int path_find(long dirfd, long addr, long flags, struct entry **out);
/* The same for a descriptor that does not only stand for a place (O_PATH): else -EBADF. */
MUST_CHECK int path_of_fd(long fd, struct entry **out);
/* Is the path at addr ""? 1, 0 or -EFAULT. */
MUST_CHECK int path_is_empty(long addr);
/* Copy the path at addr into p->text: 0, -EFAULT, -ENAMETOOLONG, -ENOMEM. path_end() frees it. */
MUST_CHECK int path_copy(struct path *p, long addr);
/* Where a path with this text begins, with a reference. 0, -EBADF, -ENOTDIR. */
MUST_CHECK int path_base(long dirfd, const char *text, struct entry **out);

#endif
