/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Wait queues: a list of waiters, each on the stack of a thread that sleeps or is about to. A
 * wake-up leaves the waiter where it is: its owner takes it off, so that a thread may wait in
 * several queues at once.
 */
#include "core/thread.h"

void waitq_init(struct waitq *wq)
{
	list_init(&wq->waiters);
	spin_init(&wq->lock, LOCK_WAITQ);
}

void waitq_add(struct waitq *wq, struct waiter *w)
{
	w->thread = thread_current();
	w->wq = wq;
	spin_lock(&wq->lock);
	list_push_back(&wq->waiters, &w->link);
	spin_unlock(&wq->lock);
	waitq_fence(); /* before the caller looks at what it waits for: pairs with waitq_active() */
}

void waitq_remove(struct waiter *w)
{
	spin_lock(&w->wq->lock);
	list_remove(&w->link);
	spin_unlock(&w->wq->lock);
}

void waitq_wake(struct waitq *wq, uint32_t n)
{
	spin_lock(&wq->lock);
	list_for_each(l, &wq->waiters) {
		if (n == 0)
			break;
		if (thread_wake(list_entry(l, struct waiter, link)->thread))
			n--;
	}
	spin_unlock(&wq->lock);
}
