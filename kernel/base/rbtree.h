/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Intrusive red-black tree. The user searches by hand (rb_node links are public) and inserts with
 * rb_insert(root, node, parent, link), then everything stays balanced.
 */
#ifndef BASE_RBTREE_H
#define BASE_RBTREE_H

#include "base/types.h"

struct rb_node {
	uintptr_t parent_color; /* parent pointer, bit 0: 1 = black */
	struct rb_node *left, *right;
};

struct rb_root {
	struct rb_node *node;
};

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

/* Insert node as the child of parent at *link (&root->node if the tree is empty). */
void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link);
void rb_erase(struct rb_root *root, struct rb_node *node);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

#endif
