/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From a path in program memory to a node of the tree. */
#ifndef ABI_PATH_H
#define ABI_PATH_H

#include "base/types.h"
#include "fs/node.h"

/*
 * Resolve the path at addr from dirfd (or AT_FDCWD) as node_resolve(). 0 (out->node is NODE_NONE if
 * only the last component is missing), -EBADF, -ENOTDIR, -ENOENT, -EFAULT, -ENAMETOOLONG, -ENOMEM.
 */
MUST_CHECK int path_resolve(long dirfd, long addr, bool follow, struct node_path *out);
/* The same for what must exist: the node, or -ENOENT and so on. */
MUST_CHECK long path_find(long dirfd, long addr, bool follow);
/* Is the path at addr ""? 1, 0 or -EFAULT. */
MUST_CHECK int path_is_empty(long addr);

#endif
