/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * All flock(2) locks that are held are in one list: programs have few of them. A file that has ever
 * had one keeps its record until it is closed.
 */
#include "fs/flock.h"
#include "base/errno.h"
#include "base/list.h"
#include "core/heap.h"
#include "core/thread.h"
#include "fs/node.h"

struct flock {
	struct list link;   /* flock_held; of itself if it holds nothing */
	const void *object; /* what is locked: a node, or the file itself if it has none */
	bool exclusive;
};

/* Guards the list, what is in it, and file.flock. */
static struct spinlock flock_lock = SPINLOCK_INIT(LOCK_FLOCK);
static struct list flock_held = LIST_INIT(flock_held);
static struct waitq flock_changed = {.lock = SPINLOCK_INIT(LOCK_WAITQ),
				     .waiters = LIST_INIT(flock_changed.waiters)};

/* Take mine as wanted unless another one stands against it. */
static bool flock_try(struct flock *mine, bool exclusive)
{
	bool free = true;

	spin_lock(&flock_lock);
	list_for_each(l, &flock_held) {
		const struct flock *held = list_entry(l, struct flock, link);

		if (held != mine && held->object == mine->object && (held->exclusive || exclusive))
			free = false;
	}
	if (free) {
		mine->exclusive = exclusive;
		if (list_empty(&mine->link))
			list_push_back(&flock_held, &mine->link);
	}
	spin_unlock(&flock_lock);
	return free;
}

static void flock_release(struct flock *mine)
{
	spin_lock(&flock_lock);
	list_remove(&mine->link);
	spin_unlock(&flock_lock);
	waitq_wake(&flock_changed, UINT32_MAX);
}

static struct flock *flock_get(struct file *f)
{
	struct flock *mine;

	spin_lock(&flock_lock);
	mine = f->flock;
	spin_unlock(&flock_lock);
	return mine;
}

/* f's record, made if there is none; NULL: no memory. */
static struct flock *flock_of(struct file *f)
{
	struct flock *mine = flock_get(f), *new;

	if (mine != NULL)
		return mine;
	new = heap_alloc(sizeof(*new));
	if (new == NULL)
		return NULL;
	list_init(&new->link);
	new->object = f->entry != NULL ? (const void *)f->entry->node : f;
	new->exclusive = false;
	spin_lock(&flock_lock);
	mine = f->flock;
	if (mine == NULL)
		f->flock = new;
	spin_unlock(&flock_lock);
	if (mine == NULL)
		return new;
	heap_free(new, sizeof(*new));
	return mine;
}

long flock_change(struct file *f, unsigned operation)
{
	bool exclusive = (operation & ~(unsigned)LOCK_NB) == LOCK_EX;
	struct flock *mine;

	switch (operation & ~(unsigned)LOCK_NB) {
	case LOCK_UN:
	case LOCK_SH:
	case LOCK_EX:
		break;
	default:
		return -EINVAL;
	}
	mine = flock_of(f);
	if (mine == NULL)
		return -ENOMEM;
	if (operation & LOCK_UN) {
		flock_release(mine);
		return 0;
	}
	if (flock_try(mine, exclusive)) {
		/* A lock that became a shared one may let others in. */
		if (!exclusive)
			waitq_wake(&flock_changed, UINT32_MAX);
		return 0;
	}
	/* Changing a lock is giving up the old one and waiting for the new one (flock(2)). */
	flock_release(mine);
	if ((operation & LOCK_NB) != 0)
		return -EAGAIN;
	return waitq_wait(&flock_changed, flock_try(mine, exclusive), NEVER, SLEEP_INTERRUPTIBLE,
			  "flock");
}

void flock_drop(struct file *f)
{
	flock_release(f->flock);
	heap_free(f->flock, sizeof(*f->flock));
}
