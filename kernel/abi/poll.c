/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* poll, ppoll, select and pselect6: all of them are poll_slots() on what they name. */
#include "abi/syscall.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/heap.h"
#include "core/signal.h"
#include "fs/poll.h"

#define POLL_FEW 4 /* so many slots are on the stack */

struct k_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct k_timespec {
	int64_t sec, nsec;
};

/* --- deadlines and signal masks --- */

/* Absolute time (CLOCK_MONOTONIC) in ns from a relative one; 0 for none at all, NEVER if it is too
 * far away. */
static uint64_t poll_deadline(uint64_t sec, uint64_t nsec)
{
	uint64_t ns;

	if (sec == 0 && nsec == 0)
		return 0;
	if (__builtin_mul_overflow(sec, 1000000000u, &ns) ||
	    __builtin_add_overflow(ns, nsec, &ns) ||
	    __builtin_add_overflow(ns, plat->clock_monotonic_ns(), &ns))
		return NEVER;
	return ns;
}

/* The deadline of the timespec (or timeval, unit_ns 1000) at addr; addr 0: NEVER. 0, -EFAULT,
 * -EINVAL. */
static int poll_import_time(uint64_t *deadline_ns, long addr, int64_t unit_ns)
{
	struct k_timespec ts;

	*deadline_ns = NEVER;
	if (addr == 0)
		return 0;
	if (user_copy_in(&ts, (vaddr_t)addr, sizeof(ts)) != 0)
		return -EFAULT;
	if (unit_ns != 1 && ts.nsec >= 0) { /* select takes microseconds beyond a second */
		if (__builtin_add_overflow(ts.sec, ts.nsec / 1000000, &ts.sec))
			return -EINVAL;
		ts.nsec = ts.nsec % 1000000 * unit_ns;
	}
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= 1000000000)
		return -EINVAL;
	*deadline_ns = poll_deadline((uint64_t)ts.sec, (uint64_t)ts.nsec);
	return 0;
}

/* Linux writes the time that is left; not being able to is no error. */
static void poll_export_time(uint64_t deadline_ns, long addr, int64_t unit_ns)
{
	struct k_timespec left = {0};
	uint64_t now;

	if (addr == 0 || deadline_ns == NEVER)
		return;
	now = deadline_ns > 0 ? plat->clock_monotonic_ns() : 0;
	if (now < deadline_ns) {
		left.sec = (int64_t)((deadline_ns - now) / 1000000000);
		left.nsec = (int64_t)((deadline_ns - now) % 1000000000) / unit_ns;
	}
	(void)!user_copy_out((vaddr_t)addr, &left, sizeof(left));
}

/* ppoll's and pselect6's mask; addr 0: none. 0, -EFAULT, -EINVAL. */
static int poll_import_mask(long addr, long size)
{
	uint64_t mask;

	if (addr == 0)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (user_copy_in(&mask, (vaddr_t)addr, sizeof(mask)) != 0)
		return -EFAULT;
	signal_set_mask_temporary(mask);
	return 0;
}

/* --- poll --- */

static struct poll_slot *poll_slots_alloc(struct poll_slot few[POLL_FEW], size_t n)
{
	struct poll_slot *slots = n <= POLL_FEW ? few : heap_alloc(n * sizeof(*slots));

	if (slots != NULL)
		memset(slots, 0, n * sizeof(*slots));
	return slots;
}

static void poll_slots_free(struct poll_slot few[POLL_FEW], struct poll_slot *slots, size_t n)
{
	poll_slots_put(slots, n);
	if (slots != few)
		heap_free(slots, n * sizeof(*slots));
}

/* pollfds one by one, so that they need no copy. */
static int poll_import(struct poll_slot *slots, size_t n, vaddr_t fds)
{
	for (size_t i = 0; i < n; i++) {
		struct k_pollfd p;

		if (user_copy_in(&p, fds + i * sizeof(p), sizeof(p)) != 0)
			return -EFAULT;
		slots[i].events = (uint16_t)p.events;
		slots[i].file = p.fd >= 0 ? fd_get_usable(p.fd) : NULL;
		if (p.fd >= 0 && slots[i].file == NULL)
			slots[i].found = POLLNVAL;
	}
	return 0;
}

static int poll_export(const struct poll_slot *slots, size_t n, vaddr_t fds)
{
	for (size_t i = 0; i < n; i++) {
		int16_t revents = (int16_t)slots[i].found;
		vaddr_t at = fds + i * sizeof(struct k_pollfd) + offsetof(struct k_pollfd, revents);

		if (user_copy_out(at, &revents, sizeof(revents)) != 0)
			return -EFAULT;
	}
	return 0;
}

static long poll_until(long fds, unsigned long n, uint64_t deadline_ns)
{
	struct poll_slot few[POLL_FEW], *slots;
	long count;

	if (n > atomic_load_explicit(&fd_limit, memory_order_relaxed))
		return -EINVAL;
	slots = poll_slots_alloc(few, n);
	if (slots == NULL)
		return -ENOMEM;
	count = poll_import(slots, n, (vaddr_t)fds);
	if (count == 0)
		count = poll_slots(slots, n, deadline_ns);
	if (count >= 0 && poll_export(slots, n, (vaddr_t)fds) != 0)
		count = -EFAULT;
	poll_slots_free(few, slots, n);
	return count;
}

long sys_poll(long fds, long n, long timeout_ms)
{
	int ms = (int)timeout_ms;
	uint64_t deadline_ns = NEVER;

	if (ms >= 0)
		deadline_ns = poll_deadline((unsigned)ms / 1000, (unsigned)ms % 1000 * 1000000ul);
	return poll_until(fds, (unsigned)n, deadline_ns);
}

long sys_ppoll(long fds, long n, long timeout, long mask, long mask_size)
{
	uint64_t deadline_ns;
	long count = poll_import_time(&deadline_ns, timeout, 1);

	if (count == 0)
		count = poll_import_mask(mask, mask_size);
	if (count != 0)
		return count;
	count = poll_until(fds, (unsigned)n, deadline_ns);
	if (mask != 0)
		signal_restore_mask(count == -ERESTARTNOHAND);
	poll_export_time(deadline_ns, timeout, 1);
	return count;
}

/* --- select --- */

/* What each of select's three sets asks for, and what it is told (fs/select.c of Linux: POLLIN_SET
 * and so on). */
static const struct {
	unsigned ask, told;
} select_sets[3] = {
	{POLL_READABLE | POLLRDBAND, POLL_READABLE | POLLRDBAND | POLLHUP | POLLERR},
	{POLL_WRITABLE | POLLWRBAND, POLL_WRITABLE | POLLWRBAND | POLLERR},
	{POLLPRI, POLLPRI},
};

#define SELECT_WORD_BITS 64

/* The three sets, copied; words in each. */
struct select {
	unsigned n;   /* descriptors [0, n) */
	size_t words; /* in one set */
	vaddr_t addr[3];
	uint64_t *bits; /* 3 * words */
};

static bool select_bit(const struct select *s, unsigned set, unsigned fd)
{
	return (s->bits[set * s->words + fd / SELECT_WORD_BITS] >> fd % SELECT_WORD_BITS & 1) != 0;
}

/* In which sets fd is, as poll events. */
static unsigned select_events(const struct select *s, unsigned fd)
{
	unsigned events = 0;

	for (unsigned set = 0; set < 3; set++)
		if (select_bit(s, set, fd))
			events |= select_sets[set].ask;
	return events;
}

static int select_import(struct select *s)
{
	size_t bytes = s->words * sizeof(*s->bits);

	for (unsigned set = 0; set < 3; set++) {
		uint64_t *bits = s->bits + set * s->words;

		if (s->addr[set] == 0)
			memset(bits, 0, bytes);
		else if (user_copy_in(bits, s->addr[set], bytes) != 0)
			return -EFAULT;
	}
	return 0;
}

/* One slot for each descriptor that is in a set: how many, or -EBADF. slots may be NULL, to count.
 */
static long select_slots(const struct select *s, struct poll_slot *slots)
{
	long count = 0;

	for (unsigned fd = 0; fd < s->n; fd++) {
		unsigned events = select_events(s, fd);

		if (events == 0)
			continue;
		if (slots != NULL) {
			slots[count].events = events;
			slots[count].file = fd_get_usable((int)fd);
			if (slots[count].file == NULL)
				return -EBADF;
		}
		count++;
	}
	return count;
}

/* Turn the sets into what was found: the number of bits set. */
static long select_result(struct select *s, const struct poll_slot *slots)
{
	const struct poll_slot *slot = slots;
	long count = 0;

	for (unsigned fd = 0; fd < s->n; fd++) {
		if (select_events(s, fd) == 0)
			continue;
		for (unsigned set = 0; set < 3; set++) {
			bool found = select_bit(s, set, fd) &&
				     (slot->found & select_sets[set].told) != 0;

			count += found;
			if (!found)
				s->bits[set * s->words + fd / SELECT_WORD_BITS] &=
					~(1ul << fd % SELECT_WORD_BITS);
		}
		slot++;
	}
	return count;
}

static int select_export(const struct select *s)
{
	for (unsigned set = 0; set < 3; set++)
		if (s->addr[set] != 0 && user_copy_out(s->addr[set], s->bits + set * s->words,
						       s->words * sizeof(*s->bits)) != 0)
			return -EFAULT;
	return 0;
}

static long select_wait(struct select *s, uint64_t deadline_ns)
{
	struct poll_slot few[POLL_FEW], *slots;
	long n = select_slots(s, NULL), count;

	slots = poll_slots_alloc(few, (size_t)n);
	if (slots == NULL)
		return -ENOMEM;
	count = select_slots(s, slots);
	if (count >= 0)
		count = poll_slots(slots, (size_t)n, deadline_ns);
	if (count >= 0)
		count = select_result(s, slots);
	poll_slots_free(few, slots, (size_t)n);
	return count;
}

static long select_until(long n, long in, long out, long except, uint64_t deadline_ns)
{
	struct select s = {.addr = {(vaddr_t)in, (vaddr_t)out, (vaddr_t)except}};
	size_t bytes;
	long count;

	if ((int)n < 0)
		return -EINVAL;
	s.n = MIN((unsigned)n, (unsigned)FD_LIMIT_MAX);
	s.words = MAX((s.n + SELECT_WORD_BITS - 1) / SELECT_WORD_BITS, 1u);
	bytes = 3 * s.words * sizeof(*s.bits);
	s.bits = heap_alloc(bytes);
	if (s.bits == NULL)
		return -ENOMEM;
	count = s.n > 0 ? select_import(&s) : 0;
	if (s.n == 0)
		memset(s.addr, 0, sizeof(s.addr));
	if (count == 0)
		count = select_wait(&s, deadline_ns);
	if (count >= 0 && select_export(&s) != 0)
		count = -EFAULT;
	heap_free(s.bits, bytes);
	return count;
}

long sys_select(long n, long in, long out, long except, long timeout)
{
	uint64_t deadline_ns;
	long count = poll_import_time(&deadline_ns, timeout, 1000);

	if (count != 0)
		return count;
	count = select_until(n, in, out, except, deadline_ns);
	poll_export_time(deadline_ns, timeout, 1000);
	return count;
}

/* The mask comes as the address of its address and size, because there are only six arguments. */
long sys_pselect6(long n, long in, long out, long except, long timeout, long mask_arg)
{
	struct {
		long mask, size;
	} arg = {0};
	uint64_t deadline_ns;
	long count = poll_import_time(&deadline_ns, timeout, 1);

	if (count == 0 && mask_arg != 0)
		count = user_copy_in(&arg, (vaddr_t)mask_arg, sizeof(arg));
	if (count == 0)
		count = poll_import_mask(arg.mask, arg.size);
	if (count != 0)
		return count;
	count = select_until(n, in, out, except, deadline_ns);
	if (arg.mask != 0)
		signal_restore_mask(count == -ERESTARTNOHAND);
	poll_export_time(deadline_ns, timeout, 1);
	return count;
}
