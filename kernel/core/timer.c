/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Timers: a tree for each CPU, ordered by deadline, with its first node at hand. Setting the
 * platform's timer is dear (a VM exit or a host system call), so it is set only for a time earlier
 * than it is set to already.
 */
#include "core/timer.h"
#include "core/percpu.h"
#include "plat/plat.h"

static ALWAYS_INLINE struct timer_queue *timer_queue_self(void)
{
	return &percpu_self()->timers;
}

void timer_queue_init(struct timer_queue *q)
{
	spin_init(&q->lock, LOCK_TIMER);
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
	t->deadline_ns = NEVER;
	t->fire = fire;
	atomic_init(&t->queue, NULL);
}

static void timer_remove_locked(struct timer_queue *q, struct timer *t)
{
	if (t == q->first) {
		struct rb_node *next = rb_next(&t->node);

		q->first = next ? rb_entry(next, struct timer, node) : NULL;
	}
	rb_erase(&q->tree, &t->node);
	t->deadline_ns = NEVER;
}

/* Equal deadlines fire in the order in which they were started. */
static void timer_insert_locked(struct timer_queue *q, struct timer *t)
{
	struct rb_node *parent = NULL, **link = &q->tree.node;
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
	rb_insert(&q->tree, &t->node, parent, link);
	if (first)
		q->first = t;
}

void timer_enqueue(struct timer *t, uint64_t deadline_ns)
{
	struct timer_queue *q = timer_queue_self();

	timer_stop(t);
	if (deadline_ns == NEVER)
		return;
	spin_lock(&q->lock);
	atomic_store_explicit(&t->queue, q, memory_order_relaxed);
	t->deadline_ns = deadline_ns;
	timer_insert_locked(q, t);
	spin_unlock(&q->lock);
}

void timer_start(struct timer *t, uint64_t deadline_ns)
{
	timer_enqueue(t, deadline_ns);
	timers_program();
}

void timer_stop(struct timer *t)
{
	struct timer_queue *q = atomic_load_explicit(&t->queue, memory_order_relaxed);
	bool running;

	if (!q)
		return;
	for (;;) {
		spin_lock(&q->lock);
		if (t->deadline_ns != NEVER)
			timer_remove_locked(q, t);
		running = q->running == t && q != timer_queue_self();
		spin_unlock(&q->lock);
		if (likely(!running))
			return;
		plat->cpu_relax(0);
	}
}

void timers_run(uint64_t now_ns)
{
	struct timer_queue *q = timer_queue_self();

	spin_lock(&q->lock);
	while (q->first && q->first->deadline_ns <= now_ns) {
		struct timer *t = q->first;

		timer_remove_locked(q, t);
		q->running = t;
		spin_unlock(&q->lock);
		t->fire(t);
		spin_lock(&q->lock);
		q->running = NULL;
	}
	spin_unlock(&q->lock);
}

uint64_t timers_next(void)
{
	struct timer_queue *q = timer_queue_self();
	uint64_t next;

	spin_lock(&q->lock);
	next = q->first ? q->first->deadline_ns : NEVER;
	spin_unlock(&q->lock);
	return next;
}

bool timers_are_none(const struct timer_queue *q)
{
	return !*(struct timer *const volatile *)&q->first;
}

void timers_program(void)
{
	struct timer_queue *q = timer_queue_self();
	uint64_t want = timers_next();

	if (q->tick_ns != 0 && q->tick_ns < want)
		want = q->tick_ns;
	if (want == NEVER || (q->armed_ns != 0 && q->armed_ns <= want))
		return;
	q->armed_ns = want;
	plat->timer_set(want);
}

void timers_disarmed(void)
{
	timer_queue_self()->armed_ns = 0;
}

void timers_set_tick(uint64_t tick_ns)
{
	timer_queue_self()->tick_ns = tick_ns == NEVER ? 0 : tick_ns;
}
