/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random sequences of mmap, munmap, mprotect, mremap, madvise, brk and page faults against a model
 * that is an array of pages. After each call the two are compared, page by page. The seed is
 * printed; SEED=N repeats it.
 *
 * sources: base/rbtree.c core/vma.c core/vma_resize.c core/vma_tree.c
 * fakes: cpu lock fail heap log page plat random
 */
#include "fake/fake.h"

#include "base/errno.h"
#include "core/vma.h"
#include "core/vma_tree.h"
#include "fake/plat.h"

#define RW (PROT_READ | PROT_WRITE)
#define STEPS 2500u
#define LEN_MAX 60u /* pages of one call */
#define AREA                                                                                       \
	1200u /* calls with an address stay in so many pages below and around the mmap area's top  \
	       */
#define NOWHERE UINT32_MAX

/* A page of the model. Pages are numbered from the window's begin. */
struct page {
	bool mapped;
	unsigned prot;
	uint32_t value;
};

static struct page model[FAKE_WINDOW_PAGES];
static bool model_linuxu;
static unsigned model_top;              /* where mappings are placed below */
static unsigned stack_start, stack_end; /* stack_end 0: no stack */
static unsigned brk_first, brk_last;    /* [first, last) is the heap's */

static vaddr_t address(unsigned page)
{
	return FAKE_WINDOW_START + page * PAGE_SIZE;
}

static unsigned number(vaddr_t addr)
{
	return (unsigned)((addr - FAKE_WINDOW_START) >> PAGE_SHIFT);
}

static unsigned random_prot(void)
{
	static const unsigned prots[] = {PROT_NONE, PROT_READ, RW, RW, RW, PROT_READ | PROT_EXEC};

	return prots[fake_random_below(ARRAY_SIZE(prots))];
}

static unsigned random_len(void)
{
	return 1 + (unsigned)fake_random_below(fake_random_below(4) == 0 ? LEN_MAX : 5);
}

/* Where a call with an address goes: near the top, often at an edge of a mapping. Not at the stack.
 */
static unsigned random_place(unsigned len)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		unsigned p = model_top - AREA + (unsigned)fake_random_below(AREA + 400);

		if (fake_random_below(2))
			while (p > 1 && model[p].mapped == model[p - 1].mapped)
				p--;
		if (stack_end == 0 || p + len <= stack_start || p >= stack_end)
			return p;
	}
	return 0;
}

static bool all_mapped(unsigned start, unsigned len)
{
	for (unsigned i = start; i < start + len; i++)
		if (!model[i].mapped)
			return false;
	return true;
}

static void model_map(unsigned start, unsigned len, unsigned prot)
{
	for (unsigned i = start; i < start + len; i++)
		model[i] = (struct page){.mapped = true, .prot = prot};
}

static void model_unmap(unsigned start, unsigned len)
{
	for (unsigned i = start; i < start + len; i++)
		model[i] = (struct page){0};
}

/* Pages that placement must leave free: mapped, or the room of the stack to grow. */
static void model_blocked(bool blocked[FAKE_WINDOW_PAGES])
{
	for (unsigned i = 0; i < FAKE_WINDOW_PAGES; i++)
		blocked[i] = model[i].mapped;
	if (stack_end == 0)
		return;
	unsigned room = stack_end - stack_start;
	unsigned most = (unsigned)((VMA_STACK_MAX + VMA_STACK_GUARD) / PAGE_SIZE);

	for (unsigned i = stack_start; i > 0 && room < most && !model[i - 1].mapped; i--, room++)
		blocked[i - 1] = true;
}

/* The highest free place below the top. NOWHERE: the area is full, or nearly so. */
static unsigned model_place(unsigned len)
{
	static bool blocked[FAKE_WINDOW_PAGES];
	unsigned run = 0;

	model_blocked(blocked);
	for (unsigned i = model_top; i > 0; i--) {
		run = blocked[i - 1] ? 0 : run + 1;
		if (run == len)
			return i - 1;
	}
	return NOWHERE;
}

/* --- the calls --- */

static void step_map_anywhere(void)
{
	unsigned len = random_len(), prot = random_prot(), expected = model_place(len);
	unsigned flags = fake_random_below(8) == 0 ? MAP_FLAG_POPULATE : 0;
	vaddr_t got;

	assert_int_equal(vma_map(0, len * PAGE_SIZE - fake_random_below(PAGE_SIZE), prot, flags,
				 NULL, &got),
			 0);
	if (expected != NOWHERE)
		assert_int_equal(number(got), expected);
	model_map(number(got), len, prot);
}

static void step_map_at(void)
{
	unsigned len = random_len(), prot = random_prot(), at = random_place(len);
	unsigned how = (unsigned)fake_random_below(3), expected = at;
	static bool blocked[FAKE_WINDOW_PAGES];
	vaddr_t got;
	bool is_free = true, is_unmapped = true;
	int rc;

	model_blocked(blocked);
	for (unsigned i = at; i < at + len; i++) {
		is_free = is_free && !blocked[i];
		is_unmapped = is_unmapped && !model[i].mapped;
	}
	if (how == 2) {
		rc = vma_map(address(at), len * PAGE_SIZE, prot, MAP_FLAG_FIXED_NOREPLACE, NULL,
			     &got);
		assert_int_equal(rc, is_unmapped ? 0 : -EEXIST);
		if (rc != 0)
			return;
	} else if (how == 1) {
		assert_int_equal(
			vma_map(address(at), len * PAGE_SIZE, prot, MAP_FLAG_FIXED, NULL, &got), 0);
	} else {
		if (!is_free)
			expected = model_place(len);
		assert_int_equal(vma_map(address(at), len * PAGE_SIZE, prot, 0, NULL, &got), 0);
	}
	if (expected != NOWHERE)
		assert_int_equal(number(got), expected);
	model_map(number(got), len, prot);
}

static void step_unmap(void)
{
	unsigned len = random_len(), at = random_place(len);

	assert_int_equal(vma_unmap(address(at), len * PAGE_SIZE), 0);
	model_unmap(at, len);
}

static void step_protect(void)
{
	unsigned len = random_len(), prot = random_prot(), at = random_place(len);
	int rc = vma_protect(address(at), len * PAGE_SIZE, prot);

	assert_int_equal(rc, all_mapped(at, len) ? 0 : -ENOMEM);
	for (unsigned i = at; rc == 0 && i < at + len; i++)
		model[i].prot = prot;
}

static void step_discard(void)
{
	unsigned len = random_len(), at = random_place(len);
	int rc = vma_discard(address(at), len * PAGE_SIZE);

	assert_int_equal(rc, all_mapped(at, len) ? 0 : -ENOMEM);
	/* On both sides of a hole. */
	for (unsigned i = at; i < at + len; i++)
		if (model[i].mapped)
			model[i].value = 0;
}

/* Whether [at, at + len) is one VMA's: asks vma.c, whose answer compare() has found right. */
static bool in_one_vma(unsigned at, unsigned len, struct vma *v)
{
	return vma_find(address(at), false, v) && address(at + len) <= v->end;
}

static void model_move(unsigned from, unsigned to, unsigned keep, unsigned len)
{
	static struct page pages[FAKE_WINDOW_PAGES];
	unsigned prot = model[from].prot;

	memcpy(pages, &model[from], keep * sizeof(pages[0]));
	model_unmap(from, keep);
	model_map(to, len, prot);
	memcpy(&model[to], pages, keep * sizeof(pages[0]));
}

static void step_remap(void)
{
	unsigned len = random_len(), new_len = random_len(), at = random_place(len);
	bool may_move = fake_random_below(3) != 0, one;
	static bool blocked[FAKE_WINDOW_PAGES];
	struct vma v;
	vaddr_t got;
	bool room;
	int rc;

	one = in_one_vma(at, len, &v);
	model_blocked(blocked);
	room = one && address(at + len) == v.end;
	for (unsigned i = at + len; i < at + new_len; i++)
		room = room && !blocked[i];
	unsigned place = model_place(new_len);

	rc = vma_remap(address(at), len * PAGE_SIZE, new_len * PAGE_SIZE,
		       may_move ? MREMAP_MAYMOVE : 0, 0, &got);
	if (!model[at].mapped || (new_len > len && !one)) {
		assert_int_equal(rc, -EFAULT);
	} else if (new_len <= len) {
		assert_int_equal(rc, 0);
		model_unmap(at + new_len, len - new_len);
	} else if (room) {
		assert_int_equal(rc, 0);
		assert_int_equal(got, address(at));
		model_map(at + len, new_len - len, v.prot);
	} else if (may_move) {
		assert_int_equal(rc, 0);
		if (place != NOWHERE)
			assert_int_equal(number(got), place);
		model_move(at, number(got), len, new_len);
	} else {
		assert_int_equal(rc, -ENOMEM);
	}
}

static void step_remap_to(void)
{
	unsigned len = random_len(), new_len = random_len(), at = random_place(len);
	unsigned to = random_place(new_len), keep = MIN(len, new_len);
	struct vma v;
	vaddr_t got;
	int rc;

	rc = vma_remap(address(at), len * PAGE_SIZE, new_len * PAGE_SIZE,
		       MREMAP_MAYMOVE | MREMAP_FIXED, address(to), &got);
	if (rc == -EFAULT) {
		assert_false(in_one_vma(at, keep, &v));
		return;
	}
	if (to < at + len && at < to + new_len) {
		assert_int_equal(rc, -EINVAL);
		return;
	}
	assert_int_equal(rc, 0);
	model_unmap(to, new_len);
	model_unmap(at + keep, len - keep);
	model_move(at, to, keep, new_len);
}

static void step_brk(void)
{
	vaddr_t end = vma_brk(0);
	unsigned want = brk_first + (unsigned)fake_random_below(50),
		 now = number(ALIGN_UP(end, PAGE_SIZE));
	bool is_free = true;

	assert_int_equal(now, brk_last);
	for (unsigned i = now; i < want; i++)
		is_free = is_free && !model[i].mapped;
	end = vma_brk(address(want));
	if (!is_free) {
		assert_int_equal(number(end), brk_last);
		return;
	}
	assert_int_equal(end, address(want));
	if (want > now)
		model_map(now, want - now, RW);
	else
		model_unmap(want, now - want);
	brk_last = want;
}

/* Can the stack be extended to page p? */
static bool model_can_grow(unsigned p)
{
	unsigned below = stack_start;

	if (stack_end == 0 || p >= stack_start || stack_end - p > VMA_STACK_MAX / PAGE_SIZE)
		return false;
	while (below > 0 && !model[below - 1].mapped)
		below--;
	if (below > p)
		return false;
	return below == 0 || model[below - 1].prot == PROT_NONE ||
	       p - below >= VMA_STACK_GUARD / PAGE_SIZE;
}

static void step_touch(void)
{
	bool write = fake_random_below(2), grows, expected;
	unsigned p = random_place(1);

	/* Now and then just below the stack. */
	if (stack_end != 0 && fake_random_below(10) == 0)
		p = stack_start - 1 - (unsigned)fake_random_below(200);
	grows = !model[p].mapped && model_can_grow(p);
	expected = grows || (model[p].mapped && (model[p].prot & (write ? PROT_WRITE : 7)));
	if (model_linuxu && !grows) {
		/* The host lets the program at it, or it is a fault that nothing resolves. */
		assert_false(vma_fault(address(p) + 8, write, false));
		if (!expected)
			return;
		assert_true(fake_pte_of(address(p))->present);
	} else {
		assert_int_equal(vma_fault(address(p) + 8, write, false), expected);
	}
	if (!expected)
		return;
	if (grows) {
		model_map(p, stack_start - p, RW);
		stack_start = p;
	}
	assert_int_equal(fake_pte_of(address(p))->value, model[p].value);
	if (write) {
		uint32_t value = 1 + (uint32_t)fake_random_below(1000000);

		fake_pte_of(address(p))->value = value;
		model[p].value = value;
	}
}

/* --- comparing --- */

static void compare_page(unsigned i, const struct vma *v)
{
	const struct fake_pte *p = &fake_ptes[i];

	assert_int_equal(model[i].mapped, v != NULL);
	if (v == NULL) {
		assert_false(p->present || p->reserved);
		return;
	}
	assert_int_equal(model[i].prot, v->prot);
	assert_int_equal(p->reserved, model_linuxu);
	if (p->present) {
		assert_int_equal(p->prot, v->prot);
		assert_int_equal(p->value, model[i].value);
		assert_true(address(i) >= v->touched_lo && address(i) < v->touched_hi);
	} else {
		assert_int_equal(model[i].value, 0);
		assert_false(model_linuxu);
	}
}

static void compare(void)
{
	struct vma v = {0}, last = {0};
	unsigned i = 0;

	while (vma_find(v.end, true, &v)) {
		if (v.start < last.end || v.end <= v.start)
			fail_msg("0x%lx-0x%lx comes after 0x%lx-0x%lx", (unsigned long)v.start,
				 (unsigned long)v.end, (unsigned long)last.start,
				 (unsigned long)last.end);
		for (; i < number(v.start); i++)
			compare_page(i, NULL);
		for (; i < number(v.end); i++)
			compare_page(i, &v);
		/* What is alike is one VMA. */
		if (last.end == v.start && vma_is_alike(&last, v.prot, v.flags, v.name))
			fail_msg("mappings at 0x%lx are not united", (unsigned long)v.start);
		last = v;
	}
	for (; i < FAKE_WINDOW_PAGES; i++)
		compare_page(i, NULL);
}

static void step_random(void)
{
	static const struct {
		void (*call)(void);
		unsigned weight;
	} calls[] = {
		{step_map_anywhere, 14}, {step_map_at, 14}, {step_unmap, 20},
		{step_protect, 20},      {step_discard, 6}, {step_remap, 14},
		{step_remap_to, 10},     {step_brk, 4},     {step_touch, 60},
	};
	unsigned total = 0, pick;

	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
		total += calls[i].weight;
	pick = (unsigned)fake_random_below(total);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		if (pick < calls[i].weight) {
			calls[i].call();
			return;
		}
		pick -= calls[i].weight;
	}
}

static void run_model(bool linuxu, bool with_stack)
{
	vaddr_t stack;

	fake_seed_from_env();
	fake_plat_reset(linuxu);
	memset(model, 0, sizeof(model));
	model_linuxu = linuxu;
	stack_end = 0;
	vma_init();
	model_top = number(vma_window.top);
	brk_first = number(vma_brk(0));
	brk_last = brk_first;
	if (with_stack) {
		assert_int_equal(
			vma_map(0, 3 * PAGE_SIZE, RW, MAP_FLAG_GROWSDOWN, "[stack]", &stack), 0);
		stack_start = number(stack);
		stack_end = stack_start + 3;
		model_map(stack_start, 3, RW);
	}
	for (unsigned step = 0; step < STEPS; step++) {
		step_random();
		compare();
	}
	assert_int_equal(vma_unmap(FAKE_WINDOW_START, FAKE_WINDOW_END - FAKE_WINDOW_START), 0);
	assert_int_equal(fake_heap_objects, 0);
	if (!linuxu)
		assert_int_equal(fake_pages_left, FAKE_WINDOW_PAGES);
}

static void vma_agrees_with_model(void **state)
{
	run_model(false, false);
}

static void vma_agrees_with_model_beside_a_stack(void **state)
{
	run_model(false, true);
}

static void vma_agrees_with_model_on_linuxu(void **state)
{
	run_model(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vma_agrees_with_model),
		cmocka_unit_test(vma_agrees_with_model_beside_a_stack),
		cmocka_unit_test(vma_agrees_with_model_on_linuxu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
