/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Wait queues: a list of waiters, each on the stack of a thread that sleeps or is about to, or part
 * of something that wants to be told. A wake-up leaves the waiter where it is: its owner takes it
 * off, so that a thread may wait in several queues at once.
 */
#include "core/thread.h"

void waitq_init(struct waitq *wq)
{
	list_init(&wq->waiters);
	spin_init(&wq->lock, LOCK_WAITQ);
}

void waitq_watch(struct waitq *wq, struct waiter *w, void (*wake)(struct waiter *))
{
	w->thread = thread_current();
	w->wake = wake;
	w->wq = wq;
	spin_lock(&wq->lock);
	list_push_back(&wq->waiters, &w->link);
	spin_unlock(&wq->lock);
	waitq_fence(); /* before the caller looks at what it waits for: pairs with waitq_active() */
}

void waitq_add(struct waitq *wq, struct waiter *w)
{
	waitq_watch(wq, w, NULL);
}

void waitq_remove(struct waiter *w)
{
	spin_lock(&w->wq->lock);
	list_remove(&w->link);
	spin_unlock(&w->wq->lock);
}

void waitq_wake_locked(struct waitq *wq, uint32_t n)
{
	list_for_each(l, &wq->waiters) {
		struct waiter *w = list_entry(l, struct waiter, link);

		if (n == 0)
			break;
		if (w->wake != NULL)
			w->wake(w);
		else if (thread_wake(w->thread))
			n--;
	}
}

void waitq_wake(struct waitq *wq, uint32_t n)
{
	spin_lock(&wq->lock);
	waitq_wake_locked(wq, n);
	spin_unlock(&wq->lock);
}
