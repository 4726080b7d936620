/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Intrusive red-black tree. The user searches by hand (rb_node links are public) and inserts with
 * rb_insert(root, node, parent, link), then everything stays balanced.
 *
 * A tree may be augmented: every node then carries a value made from itself and its two subtrees
 * (the largest gap, say), and rb_update_fn computes one node's value from its children's. An
 * augmented tree is changed only through the _augmented functions; when a node's own part of the
 * value changes, the user calls rb_propagate().
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

/* Recompute node's value from itself and its children. Returns whether that changed it. */
typedef bool rb_update_fn(struct rb_node *node);

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

/* Insert node as the child of parent at *link (&root->node if the tree is empty). */
void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link);
void rb_erase(struct rb_root *root, struct rb_node *node);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* node's value is that of a node without children. */
void rb_insert_augmented(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
			 struct rb_node **link, rb_update_fn *update);
void rb_erase_augmented(struct rb_root *root, struct rb_node *node, rb_update_fn *update);
/* Bring the values of node and the nodes above it up to date, as far up as they change. */
void rb_propagate(struct rb_node *node, rb_update_fn *update);

#endif
