/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Intrusive circular doubly linked list. A head is a node of its own; an initialised node that is
 * on no list points to itself, so list_remove() on it is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/atomic.h"
#include "base/types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                            \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}
#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_for_each(pos, head)                                                                   \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* pos may be removed from the list (and freed) inside the loop. */
#define list_for_each_safe(pos, head)                                                              \
	for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);              \
	     pos = pos##_next, pos##_next = pos->next)

static inline void list_init(struct list *l)
{
	WRITE_ONCE(l->next, l);
	l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Insert node before pos: with pos = the head, at the end of the list. */
static inline void list_insert_before(struct list *pos, struct list *node)
{
	node->prev = pos->prev;
	node->next = pos;
	WRITE_ONCE(pos->prev->next, node); /* some look without the lock whether it is empty */
	pos->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert_before(head->next, node);
}

/* Take node off its list and leave it pointing to itself. */
static inline void list_remove(struct list *node)
{
	WRITE_ONCE(node->prev->next, node->next);
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, taken off; NULL if the list is empty. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *l = head->next;

	if (l == head)
		return NULL;
	list_remove(l);
	return l;
}

#endif
