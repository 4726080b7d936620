/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A set has an item for each file in it, in a tree, and a list of the items that may have something
 * to tell. The item waits in its file's wait queue as long as it is in the set; a wake-up there
 * puts it on the list and wakes one thread that waits for the set. Who takes an item off the list
 * asks the file itself what holds.
 *
 * Locks, outer ones first. A file's mutex, one of some, chosen by its address, guards which sets it
 * is in (file->watchers). A set's mutex guards its tree, and is held while events are taken. The
 * lock of the set's wait queue guards the list; it is taken inside of that of a file's wait queue.
 * A set may be in other sets, which may not be in further ones: two levels, two ranks.
 */
#include "fs/epoll.h"
#include "base/errno.h"
#include "core/heap.h"
#include "core/mutex.h"
#include "fs/fcntl.h"
#include "fs/poll.h"

#define EPOLL_BEHAVIOUR (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET)
#define WATCH_MUTEXES 16u

struct epoll {
	struct file file;
	struct mutex lock; /* guards tree, and the items' event */
	struct rb_root tree;
	struct waitq waiting; /* threads in epoll_wait(); its lock guards ready */
	struct list ready;    /* epoll_item.ready_link */
	struct waitq pollers; /* who polls the set itself */
	uint64_t round;       /* of taking events; under lock */
	/* Under nest_lock. */
	unsigned in_sets; /* it is in so many sets */
	bool holds_sets;  /* there are, or were, sets in it */
};

struct epoll_item {
	struct rb_node node; /* in ep->tree, by file and descriptor */
	struct epoll *ep;
	struct file *file;   /* no reference: epoll_forget() comes first */
	struct epoll *inner; /* the set that file is, or NULL */
	int fd;
	struct list ready_link; /* points to itself while it is not on ep->ready */
	struct waiter waiter;
	bool waiting;   /* waiter is on a queue of the file's */
	uint64_t round; /* in which its events were taken last */
	struct epoll_event event;
	struct epoll_item
		*next_watcher; /* of the same file, in another set or by another descriptor */
};

static struct mutex watch_mutexes[WATCH_MUTEXES];      /* initialised with the first set */
static bool watch_ready;                               /* they are; under nest_lock */
static struct mutex nest_lock = MUTEX_INIT(nest_lock); /* the innermost one */

static struct mutex *watch_mutex(const struct file *f)
{
	return &watch_mutexes[(uintptr_t)f / sizeof(*f) % WATCH_MUTEXES];
}

static struct epoll *epoll_of(struct file *f)
{
	return container_of(f, struct epoll, file);
}

static const struct file_ops epoll_ops;

bool epoll_is(const struct file *f)
{
	return f->ops == &epoll_ops;
}

/* --- the list of those that may be ready --- */

/* Put an item on its set's list and tell whoever waits. Also from a wait queue's wake-up. */
static void epoll_item_ready(struct epoll_item *item)
{
	struct epoll *ep = item->ep;

	spin_lock(&ep->waiting.lock);
	if (list_empty(&item->ready_link)) {
		list_push_back(&ep->ready, &item->ready_link);
		waitq_wake_locked(&ep->waiting, 1);
	}
	spin_unlock(&ep->waiting.lock);
	/* Each time: one on the list may have been told of already, and those who look at the set
	 * for edges wait for the next. The fence of whoever wakes for the file is enough for them.
	 */
	if (waitq_active(&ep->pollers))
		waitq_wake(&ep->pollers, UINT32_MAX);
}

static void epoll_item_woken(struct waiter *w)
{
	epoll_item_ready(container_of(w, struct epoll_item, waiter));
}

static bool epoll_has_ready(const struct epoll *ep)
{
	return READ_ONCE(ep->ready.next) != &ep->ready;
}

/* What holds of what the item asks for. Registers with the file if register_it. */
static unsigned epoll_item_poll(struct epoll_item *item, bool register_it)
{
	/* The events may be changed while it waits: it waits for all. */
	struct poll_table pt = {
		.waiter = &item->waiter, .wake = epoll_item_woken, .events = UINT32_MAX};
	unsigned asked = item->event.events & ~EPOLL_BEHAVIOUR, found;

	found = item->file->ops->poll(item->file, register_it ? &pt : NULL);
	if (register_it)
		item->waiting = pt.waiting;
	/* One that has had its one shot asks for nothing, not even errors. */
	return asked == 0 ? 0 : found & (asked | POLLERR | POLLHUP);
}

/* --- items --- */

static int epoll_compare(const struct epoll_item *item, const struct file *f, int fd)
{
	if (item->file != f)
		return item->file < f ? -1 : 1;
	return item->fd < fd ? -1 : item->fd > fd;
}

/* The item, or NULL with the place in the tree where it would be. */
static struct epoll_item *epoll_find(struct epoll *ep, const struct file *f, int fd,
				     struct rb_node **parent, struct rb_node ***link)
{
	*link = &ep->tree.node;
	*parent = NULL;
	while (**link != NULL) {
		struct epoll_item *item = rb_entry(**link, struct epoll_item, node);
		int order = epoll_compare(item, f, fd);

		if (order == 0)
			return item;
		*parent = **link;
		*link = order > 0 ? &(**link)->left : &(**link)->right;
	}
	return NULL;
}

/* Errors and hang-ups are always asked for, but by an item whose events are taken away (0). */
static void epoll_item_set(struct epoll_item *item, const struct epoll_event *event)
{
	item->event = *event;
	item->event.events |= POLLERR | POLLHUP;
}

/* Make inner one of the sets in ep, if that may be. The ranks of ep's locks become those of an
 * outer set. 0 or -ELOOP. */
static int epoll_nest(struct epoll *ep, struct epoll *inner)
{
	int err = 0;

	mutex_lock(&nest_lock);
	if (inner->holds_sets || ep->in_sets > 0) {
		err = -ELOOP;
	} else {
		inner->in_sets++;
		ep->holds_sets = true;
		spin_rank(&ep->waiting.lock, LOCK_EPOLL_OUTER);
		spin_rank(&ep->pollers.lock, LOCK_EPOLL_OUTER_POLL);
	}
	mutex_unlock(&nest_lock);
	return err;
}

static void epoll_unnest(struct epoll *inner)
{
	mutex_lock(&nest_lock);
	inner->in_sets--;
	mutex_unlock(&nest_lock);
}

static void epoll_watchers_remove(struct epoll_item *item)
{
	struct epoll_item *other = atomic_load(&item->file->watchers);

	if (other != item) {
		while (other->next_watcher != item)
			other = other->next_watcher;
		other->next_watcher = item->next_watcher;
		return;
	}
	/* Release: with the last one out, file_put() frees the file without a lock. */
	atomic_store_explicit(&item->file->watchers, item->next_watcher, memory_order_release);
}

/* Take an item out of its set. Both mutexes are held. */
static void epoll_item_destroy(struct epoll_item *item)
{
	struct epoll *ep = item->ep;

	if (item->waiting)
		waitq_remove(&item->waiter);
	spin_lock(&ep->waiting.lock);
	list_remove(&item->ready_link);
	spin_unlock(&ep->waiting.lock);
	rb_erase(&ep->tree, &item->node);
	if (item->inner != NULL)
		epoll_unnest(item->inner);
	epoll_watchers_remove(item);
	heap_free(item, sizeof(*item));
}

static int epoll_add_locked(struct epoll *ep, struct file *f, int fd,
			    const struct epoll_event *event)
{
	struct rb_node *parent, **link;
	struct epoll_item *item;
	int err;

	if (epoll_find(ep, f, fd, &parent, &link) != NULL)
		return -EEXIST;
	item = heap_zalloc(sizeof(*item));
	if (item == NULL)
		return -ENOMEM;
	item->inner = epoll_is(f) ? epoll_of(f) : NULL;
	err = item->inner != NULL ? epoll_nest(ep, item->inner) : 0;
	if (err != 0) {
		heap_free(item, sizeof(*item));
		return err;
	}
	item->ep = ep;
	item->file = f;
	item->fd = fd;
	epoll_item_set(item, event);
	list_init(&item->ready_link);
	rb_insert(&ep->tree, &item->node, parent, link);
	item->next_watcher = atomic_load(&f->watchers);
	atomic_store(&f->watchers, item);
	if (epoll_item_poll(item, true) != 0)
		epoll_item_ready(item);
	return 0;
}

int epoll_add(struct file *set, struct file *f, int fd, const struct epoll_event *event)
{
	struct epoll *ep = epoll_of(set);
	int err;

	if (f->ops->poll == NULL)
		return -EPERM;
	mutex_lock(watch_mutex(f));
	mutex_lock(&ep->lock);
	err = epoll_add_locked(ep, f, fd, event);
	mutex_unlock(&ep->lock);
	mutex_unlock(watch_mutex(f));
	return err;
}

int epoll_change(struct file *set, struct file *f, int fd, const struct epoll_event *event)
{
	struct epoll *ep = epoll_of(set);
	struct rb_node *parent, **link;
	struct epoll_item *item;

	mutex_lock(&ep->lock);
	item = epoll_find(ep, f, fd, &parent, &link);
	if (item != NULL) {
		epoll_item_set(item, event);
		/* What came before is told again, also to who asks for edges. */
		if (epoll_item_poll(item, false) != 0)
			epoll_item_ready(item);
	}
	mutex_unlock(&ep->lock);
	return item != NULL ? 0 : -ENOENT;
}

int epoll_remove(struct file *set, struct file *f, int fd)
{
	struct epoll *ep = epoll_of(set);
	struct rb_node *parent, **link;
	struct epoll_item *item;

	mutex_lock(watch_mutex(f));
	mutex_lock(&ep->lock);
	item = epoll_find(ep, f, fd, &parent, &link);
	if (item != NULL)
		epoll_item_destroy(item);
	mutex_unlock(&ep->lock);
	mutex_unlock(watch_mutex(f));
	return item != NULL ? 0 : -ENOENT;
}

void epoll_forget(struct file *f)
{
	struct epoll_item *item;

	mutex_lock(watch_mutex(f));
	while ((item = atomic_load(&f->watchers)) != NULL) {
		struct epoll *ep = item->ep;

		mutex_lock(&ep->lock);
		epoll_item_destroy(item);
		mutex_unlock(&ep->lock);
	}
	mutex_unlock(watch_mutex(f));
}

/* --- waiting --- */

static struct epoll_item *epoll_pop(struct epoll *ep)
{
	struct list *l;

	spin_lock(&ep->waiting.lock);
	l = list_pop_front(&ep->ready);
	spin_unlock(&ep->waiting.lock);
	return l != NULL ? list_entry(l, struct epoll_item, ready_link) : NULL;
}

/* Put back those that stay on the list: items of `again`, behind all others. */
static void epoll_push_again(struct epoll *ep, struct list *again)
{
	struct list *l;

	spin_lock(&ep->waiting.lock);
	while ((l = list_pop_front(again)) != NULL)
		list_push_back(&ep->ready, l);
	/* There is more than this thread has taken: for another one. */
	if (!list_empty(&ep->ready))
		waitq_wake_locked(&ep->waiting, 1);
	spin_unlock(&ep->waiting.lock);
}

/* Keep an item for the next round. A wake-up may have put it on the list already; one that comes
 * now sees it on `again`, from where it goes back there, and changes nothing. */
static void epoll_keep(struct epoll *ep, struct epoll_item *item, struct list *again)
{
	spin_lock(&ep->waiting.lock);
	if (list_empty(&item->ready_link))
		list_push_back(again, &item->ready_link);
	spin_unlock(&ep->waiting.lock);
}

/* Tell the program of an item, if there is something to tell. 1, 0, or -EFAULT. Keeps it if it is
 * to be told of again. */
static int epoll_tell(struct epoll *ep, struct epoll_item *item, vaddr_t out, struct list *again)
{
	struct epoll_event event = {.events = epoll_item_poll(item, false),
				    .data = item->event.data};
	int err;

	if (event.events == 0)
		return 0;
	err = user_copy_out(out, &event, sizeof(event));
	if (err == 0 && (item->event.events & EPOLLONESHOT))
		item->event.events &= EPOLL_BEHAVIOUR;
	else if (err != 0 || !(item->event.events & EPOLLET))
		epoll_keep(ep, item, again);
	return err == 0 ? 1 : err;
}

/* Take events off the list, each item's once. */
static long epoll_take(struct epoll *ep, vaddr_t out, unsigned max)
{
	struct list again;
	struct epoll_item *item;
	long n = 0;
	int told = 0;

	list_init(&again);
	mutex_lock(&ep->lock);
	ep->round++;
	while (n < (long)max && told >= 0 && (item = epoll_pop(ep)) != NULL) {
		if (item->round == ep->round) { /* it was woken again meanwhile */
			epoll_keep(ep, item, &again);
			break;
		}
		told = epoll_tell(ep, item, out + (size_t)n * sizeof(struct epoll_event), &again);
		if (told > 0) {
			item->round = ep->round;
			n++;
		}
	}
	epoll_push_again(ep, &again);
	mutex_unlock(&ep->lock);
	return n > 0 ? n : MIN(told, 0);
}

long epoll_wait(struct file *set, vaddr_t out, unsigned max, uint64_t deadline_ns)
{
	struct epoll *ep = epoll_of(set);

	for (;;) {
		/* Who takes has the list empty for a moment: with its mutex an item is on it. */
		bool look = deadline_ns == 0 || epoll_has_ready(ep);
		long n = look ? epoll_take(ep, out, max) : 0;
		int err;

		if (n != 0 || deadline_ns == 0)
			return n;
		err = waitq_wait(&ep->waiting, epoll_has_ready(ep), deadline_ns,
				 SLEEP_INTERRUPTIBLE, "epoll");
		if (err == -ETIMEDOUT)
			return 0;
		if (err != 0)
			return -ERESTARTNOHAND;
	}
}

/* --- the set as a file --- */

/* Is there an item on the list with something to tell? Those without leave it. The mutex is held.
 */
static bool epoll_any_tells(struct epoll *ep)
{
	struct epoll_item *item;

	while ((item = epoll_pop(ep)) != NULL) {
		if (epoll_item_poll(item, false) == 0)
			continue;
		spin_lock(&ep->waiting.lock);
		if (list_empty(&item->ready_link))
			list_push_front(&ep->ready, &item->ready_link);
		spin_unlock(&ep->waiting.lock);
		return true;
	}
	return false;
}

static unsigned epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = epoll_of(f);
	bool tells;

	poll_wait(pt, &ep->pollers);
	mutex_lock(&ep->lock);
	tells = epoll_any_tells(ep);
	mutex_unlock(&ep->lock);
	return tells ? POLL_READABLE : 0;
}

static void epoll_stat(struct file *f, struct file_stat *out)
{
	(void)f;
	out->mode = 0600; /* no file type, as on Linux */
	out->ino = 1;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = epoll_of(f);
	const struct file *watched;
	struct rb_node *first;

	for (;;) {
		mutex_lock(&ep->lock);
		first = rb_first(&ep->tree);
		watched = first ? rb_entry(first, struct epoll_item, node)->file : NULL;
		mutex_unlock(&ep->lock);
		if (watched == NULL)
			break;
		/* Its address says which mutex; it may be gone by now, and then its item too. */
		mutex_lock(watch_mutex(watched));
		mutex_lock(&ep->lock);
		first = rb_first(&ep->tree);
		if (first != NULL && rb_entry(first, struct epoll_item, node)->file == watched)
			epoll_item_destroy(rb_entry(first, struct epoll_item, node));
		mutex_unlock(&ep->lock);
		mutex_unlock(watch_mutex(watched));
	}
	/* Who has forgotten one of our files may still be about to let go of ep->lock. */
	for (unsigned i = 0; i < WATCH_MUTEXES; i++) {
		mutex_lock(&watch_mutexes[i]);
		mutex_unlock(&watch_mutexes[i]);
	}
	heap_free(ep, sizeof(*ep));
}

static const struct file_ops epoll_ops = {
	.name = "eventpoll",
	.poll = epoll_poll,
	.stat = epoll_stat,
	.release = epoll_release,
	.seek_ignored = true,
};

int epoll_create(struct file **out)
{
	struct epoll *ep = heap_zalloc(sizeof(*ep));

	if (ep == NULL)
		return -ENOMEM;
	mutex_lock(&nest_lock);
	for (unsigned i = 0; !watch_ready && i < WATCH_MUTEXES; i++)
		mutex_init(&watch_mutexes[i]);
	watch_ready = true;
	mutex_unlock(&nest_lock);
	mutex_init(&ep->lock);
	waitq_init(&ep->waiting);
	waitq_init(&ep->pollers);
	spin_rank(&ep->waiting.lock, LOCK_EPOLL);
	spin_rank(&ep->pollers.lock, LOCK_EPOLL_POLL);
	list_init(&ep->ready);
	file_init(&ep->file, &epoll_ops, O_RDWR);
	*out = &ep->file;
	return 0;
}
