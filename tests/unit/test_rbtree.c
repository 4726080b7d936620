/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Red-black tree: invariants, order and the augmented values after every change.
 *
 * sources: base/rbtree.c
 * fakes: random
 */
#include "fake/fake.h"

#include "base/rbtree.h"

#define ITEMS 400

struct item {
	struct rb_node node;
	unsigned key;
	unsigned weight, max_weight; /* augmented: the largest weight below */
	bool in_tree;
};

static struct item items[ITEMS];
static struct rb_root root;

static struct item *item_of(struct rb_node *n)
{
	return rb_entry(n, struct item, node);
}

static unsigned item_max(struct item *it)
{
	unsigned max = it->weight;

	if (it->node.left != NULL && item_of(it->node.left)->max_weight > max)
		max = item_of(it->node.left)->max_weight;
	if (it->node.right != NULL && item_of(it->node.right)->max_weight > max)
		max = item_of(it->node.right)->max_weight;
	return max;
}

static bool item_update(struct rb_node *n)
{
	struct item *it = item_of(n);
	unsigned max = item_max(it);
	bool changed = max != it->max_weight;

	it->max_weight = max;
	return changed;
}

static void item_insert(struct item *it, rb_update_fn *update)
{
	struct rb_node **link = &root.node, *parent = NULL;

	while (*link != NULL) {
		parent = *link;
		link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	it->max_weight = it->weight;
	if (update != NULL)
		rb_insert_augmented(&root, &it->node, parent, link, update);
	else
		rb_insert(&root, &it->node, parent, link);
	it->in_tree = true;
}

/* Checks the subtree of n and returns its black height. */
static unsigned check_node(struct rb_node *n, struct rb_node *parent, bool augmented)
{
	bool black;
	unsigned height;

	if (n == NULL)
		return 1;
	black = n->parent_color & 1;
	assert_ptr_equal((void *)(n->parent_color & ~1ul), parent);
	if (!black) {
		assert_non_null(parent);
		assert_true(parent->parent_color & 1);
	}
	if (augmented)
		assert_int_equal(item_of(n)->max_weight, item_max(item_of(n)));
	height = check_node(n->left, n, augmented);
	assert_int_equal(height, check_node(n->right, n, augmented));
	return height + black;
}

static void check_tree(unsigned expected, bool augmented)
{
	unsigned count = 0;
	struct rb_node *last = NULL;

	check_node(root.node, NULL, augmented);
	for (struct rb_node *n = rb_first(&root); n != NULL; n = rb_next(n)) {
		if (last != NULL)
			assert_true(item_of(last)->key <= item_of(n)->key);
		assert_ptr_equal(rb_prev(n), last);
		last = n;
		count++;
	}
	assert_ptr_equal(rb_last(&root), last);
	assert_int_equal(count, expected);
}

static void churn(bool augmented, rb_update_fn *update)
{
	unsigned count = 0;

	root.node = NULL;
	memset(items, 0, sizeof(items));
	for (unsigned step = 0; step < 6000; step++) {
		struct item *it = &items[fake_random_below(ITEMS)];
		/* Grow for a while, then shrink. */
		bool grow = fake_random_below(10) < (step % 2000 < 1000 ? 8 : 3);

		if (it->in_tree && augmented && fake_random_below(4) == 0) {
			it->weight = (unsigned)fake_random_below(1000);
			rb_propagate(&it->node, update);
		} else if (it->in_tree && !grow) {
			if (augmented)
				rb_erase_augmented(&root, &it->node, update);
			else
				rb_erase(&root, &it->node);
			it->in_tree = false;
			count--;
		} else if (!it->in_tree && grow) {
			it->key = (unsigned)fake_random_below(200);
			it->weight = (unsigned)fake_random_below(1000);
			item_insert(it, update);
			count++;
		}
		if (step % 7 == 0)
			check_tree(count, augmented);
	}
}

static void rbtree_stays_balanced_under_random_changes(void **state)
{
	fake_seed_from_env();
	churn(false, NULL);
}

static void rbtree_keeps_augmented_values(void **state)
{
	fake_seed_from_env();
	churn(true, item_update);
}

static void rbtree_of_nothing_has_no_ends(void **state)
{
	struct rb_root empty = {NULL};

	assert_null(rb_first(&empty));
	assert_null(rb_last(&empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rbtree_of_nothing_has_no_ends),
		cmocka_unit_test(rbtree_stays_balanced_under_random_changes),
		cmocka_unit_test(rbtree_keeps_augmented_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
