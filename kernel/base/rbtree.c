/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Red-black tree (Cormen et al., Introduction to Algorithms, chapter 13, without its sentinel node;
 * a missing child counts as black). The invariants: a red node has black children, and every way
 * from the root down to a missing child passes the same number of black nodes.
 */
#include "base/rbtree.h"

#define RB_BLACK 1ul

static inline struct rb_node *rb_parent(const struct rb_node *n)
{
	return (struct rb_node *)(n->parent_color & ~RB_BLACK);
}

static inline bool rb_is_black(const struct rb_node *n)
{
	return n == NULL || (n->parent_color & RB_BLACK) != 0;
}

static inline void rb_set_parent(struct rb_node *n, const struct rb_node *parent)
{
	n->parent_color = (uintptr_t)parent | (n->parent_color & RB_BLACK);
}

static inline void rb_set_black(struct rb_node *n)
{
	n->parent_color |= RB_BLACK;
}

static inline void rb_set_red(struct rb_node *n)
{
	n->parent_color &= ~RB_BLACK;
}

/* Where the pointer to n is kept, n being a child of parent (NULL: n is the root). */
static inline struct rb_node **rb_link(struct rb_root *root, struct rb_node *parent,
				       const struct rb_node *n)
{
	if (parent == NULL)
		return &root->node;
	return parent->left == n ? &parent->left : &parent->right;
}

/* Turn n's child (its left one if left) into n's parent; n becomes that one's other child. */
static void rb_rotate(struct rb_root *root, struct rb_node *n, bool left, rb_update_fn *update)
{
	struct rb_node *parent = rb_parent(n);
	struct rb_node **link = rb_link(root, parent, n);
	struct rb_node *up, *middle;

	if (left) {
		up = n->left;
		middle = up->right;
		n->left = middle;
		up->right = n;
	} else {
		up = n->right;
		middle = up->left;
		n->right = middle;
		up->left = n;
	}
	if (middle != NULL)
		rb_set_parent(middle, n);
	rb_set_parent(up, parent);
	rb_set_parent(n, up);
	*link = up;
	if (update != NULL) {
		update(n);
		update(up);
	}
}

void rb_propagate(struct rb_node *node, rb_update_fn *update)
{
	while (node != NULL && update(node))
		node = rb_parent(node);
}

void rb_insert_augmented(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
			 struct rb_node **link, rb_update_fn *update)
{
	struct rb_node *grand, *uncle;

	node->parent_color = (uintptr_t)parent; /* red */
	node->left = NULL;
	node->right = NULL;
	*link = node;
	if (update != NULL)
		rb_propagate(parent, update);

	/* node is red; the only thing that can be wrong is that its parent is red too. */
	while (parent = rb_parent(node), !rb_is_black(parent)) {
		grand = rb_parent(parent);
		bool left = grand->left == parent;

		uncle = left ? grand->right : grand->left;
		if (!rb_is_black(uncle)) {
			rb_set_black(parent);
			rb_set_black(uncle);
			rb_set_red(grand);
			node = grand;
			continue;
		}
		if ((parent->left == node) != left) {
			rb_rotate(root, parent, !left, update);
			parent = node;
		}
		rb_set_black(parent);
		rb_set_red(grand);
		rb_rotate(root, grand, left, update);
		break;
	}
	rb_set_black(root->node);
}

/*
 * The ways through node (possibly missing, a child of parent) have one black node too few. Move the
 * fault up until a red node can be made black or the root is reached.
 */
static void rb_erase_repair(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
			    rb_update_fn *update)
{
	while (parent != NULL && rb_is_black(node)) {
		bool left = parent->left == node;
		struct rb_node *sibling = left ? parent->right : parent->left;
		struct rb_node *near, *far;

		if (!rb_is_black(sibling)) {
			rb_set_black(sibling);
			rb_set_red(parent);
			rb_rotate(root, parent, !left, update);
			sibling = left ? parent->right : parent->left;
		}
		/* A way through it has one more black node than one through node, and so at least
		 * one. */
		ASSUME(sibling != NULL);
		near = left ? sibling->left : sibling->right;
		far = left ? sibling->right : sibling->left;
		if (rb_is_black(near) && rb_is_black(far)) {
			rb_set_red(sibling);
			node = parent;
			parent = rb_parent(node);
			continue;
		}
		if (rb_is_black(far)) {
			rb_set_black(near);
			rb_set_red(sibling);
			rb_rotate(root, sibling, left, update);
			far = sibling;
			sibling = near;
		}
		sibling->parent_color = (uintptr_t)rb_parent(sibling) |
					(parent->parent_color & RB_BLACK);
		rb_set_black(parent);
		rb_set_black(far);
		rb_rotate(root, parent, !left, update);
		return;
	}
	if (node != NULL)
		rb_set_black(node);
}

/* Put next, which has no left child and is not linked below node any more, in node's place. */
static void rb_replace(struct rb_root *root, struct rb_node *node, struct rb_node *next)
{
	*rb_link(root, rb_parent(node), node) = next;
	*next = *node;
	if (next->left != NULL)
		rb_set_parent(next->left, next);
	if (next->right != NULL)
		rb_set_parent(next->right, next);
}

void rb_erase_augmented(struct rb_root *root, struct rb_node *node, rb_update_fn *update)
{
	struct rb_node *gone = node; /* the place in the tree that falls away */
	struct rb_node *child, *parent;
	bool black;

	if (node->left != NULL && node->right != NULL)
		for (gone = node->right; gone->left != NULL;)
			gone = gone->left;
	child = gone->left != NULL ? gone->left : gone->right;
	parent = rb_parent(gone);
	black = rb_is_black(gone);
	*rb_link(root, parent, gone) = child;
	if (child != NULL)
		rb_set_parent(child, parent);
	if (gone != node) {
		rb_replace(root, node, gone);
		if (parent == node)
			parent = gone;
	}
	if (update != NULL) {
		struct rb_node *n = parent;

		/* gone brought a value from elsewhere, so up to it "no change" means nothing. */
		if (gone != node) {
			for (; n != gone; n = rb_parent(n))
				update(n);
			update(gone);
			n = rb_parent(gone);
		}
		rb_propagate(n, update);
	}
	if (black)
		rb_erase_repair(root, child, parent, update);
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link)
{
	rb_insert_augmented(root, node, parent, link, NULL);
}

void rb_erase(struct rb_root *root, struct rb_node *node)
{
	rb_erase_augmented(root, node, NULL);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	if (n != NULL)
		while (n->left != NULL)
			n = n->left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	if (n != NULL)
		while (n->right != NULL)
			n = n->right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	struct rb_node *n = node->right, *parent;

	if (n != NULL) {
		while (n->left != NULL)
			n = n->left;
		return n;
	}
	while (parent = rb_parent(node), parent != NULL && parent->right == node)
		node = parent;
	return parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *n = node->left, *parent;

	if (n != NULL) {
		while (n->right != NULL)
			n = n->right;
		return n;
	}
	while (parent = rb_parent(node), parent != NULL && parent->left == node)
		node = parent;
	return parent;
}
