/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Timers: a tree ordered by deadline with its first node at hand. Setting the platform's timer is
 * dear (a VM exit or a host system call), so it is set only for a time earlier than it is set to
 * already.
 */
#include "core/timer.h"
#include "base/atomic.h"
#include "plat/plat.h"

static struct spinlock timer_lock; /* guards the two below and every timer in the tree */
static struct rb_root timer_tree;
static struct timer *timer_first; /* the tree's leftmost node; NULL: it is empty */

/* Per CPU, used by that CPU only; 0 is "not in use yet", so that boot has nothing to initialise. */
static struct timer_cpu {
	uint64_t armed_ns; /* what the platform's timer is set to; 0: not set */
	uint64_t slice_ns; /* end of the slice; 0: none */
} timer_cpus[CONFIG_NR_CPUS];

static ALWAYS_INLINE struct timer_cpu *timer_cpu_self(void)
{
	return &timer_cpus[CONFIG_NR_CPUS > 1 ? cpu_self()->id : 0];
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	t->deadline_ns = NEVER;
	t->fire = fire;
}

static void timer_remove_locked(struct timer *t)
{
	if (t == timer_first) {
		struct rb_node *next = rb_next(&t->node);

		timer_first = next ? rb_entry(next, struct timer, node) : NULL;
	}
	rb_erase(&timer_tree, &t->node);
	t->deadline_ns = NEVER;
}

/* Equal deadlines fire in the order in which they were started. */
static void timer_insert_locked(struct timer *t)
{
	struct rb_node *parent = NULL, **link = &timer_tree.node;
	bool first = true;

	while (*link) {
		parent = *link;
		if (t->deadline_ns < rb_entry(parent, struct timer, node)->deadline_ns) {
			link = &parent->left;
		} else {
			link = &parent->right;
			first = false;
		}
	}
	rb_insert(&timer_tree, &t->node, parent, link);
	if (first)
		timer_first = t;
}

void timer_enqueue(struct timer *t, uint64_t deadline_ns)
{
	spin_lock(&timer_lock);
	if (t->deadline_ns != NEVER)
		timer_remove_locked(t);
	t->deadline_ns = deadline_ns;
	if (deadline_ns != NEVER)
		timer_insert_locked(t);
	spin_unlock(&timer_lock);
}

void timer_start(struct timer *t, uint64_t deadline_ns)
{
	timer_enqueue(t, deadline_ns);
	timers_program();
}

void timer_stop(struct timer *t)
{
	if (t->deadline_ns == NEVER)
		return;
	spin_lock(&timer_lock);
	if (t->deadline_ns != NEVER)
		timer_remove_locked(t);
	spin_unlock(&timer_lock);
}

void timers_run(uint64_t now_ns)
{
	spin_lock(&timer_lock);
	while (timer_first && timer_first->deadline_ns <= now_ns) {
		struct timer *t = timer_first;

		timer_remove_locked(t);
		spin_unlock(&timer_lock);
		t->fire(t);
		spin_lock(&timer_lock);
	}
	spin_unlock(&timer_lock);
}

uint64_t timers_next(void)
{
	uint64_t next;

	spin_lock(&timer_lock);
	next = timer_first ? timer_first->deadline_ns : NEVER;
	spin_unlock(&timer_lock);
	return next;
}

void timers_program(void)
{
	struct timer_cpu *tc = timer_cpu_self();
	uint64_t want = timers_next();

	if (tc->slice_ns != 0 && tc->slice_ns < want)
		want = tc->slice_ns;
	if (want == NEVER || (tc->armed_ns != 0 && tc->armed_ns <= want))
		return;
	tc->armed_ns = want;
	plat->timer_set(want);
}

void timers_disarmed(void)
{
	timer_cpu_self()->armed_ns = 0;
}

void timers_set_slice(uint64_t end_ns)
{
	timer_cpu_self()->slice_ns = end_ns == NEVER ? 0 : end_ns;
}
