/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The deterministic mode (CONFIG_DETERMINISTIC, token deterministic=SEED): all CPUs are run by the
 * one host thread, one at a time; which of them, when threads are preempted and how fast time goes
 * is drawn from the seed. The same seed, program and arguments give the same run, so that a race
 * found once is found again.
 *
 * CPUs change places at points: before a spin lock is taken, after one was given back, while
 * waiting for one, and in idle(). A CPU that does not run is always inside the kernel, so
 * interrupts need no more than a bit in its pending word. The program is preempted where it leaves
 * the kernel, and some instructions behind, which are counted by single stepping. Time is virtual:
 * it goes on at points, and to the next deadline when all CPUs idle.
 *
 * What cannot be repeated: input, memory addresses if the host's randomisation is on (kiln run
 * switches it off), a thread that spins without entering the kernel, for which the host's clock is
 * asked after 30 ms. The latter is said at the end.
 */
#include "arch/arch.h"
#include "arch/x86_64/fpu.h"
#include "base/cmdline.h"
#include "base/errno.h"
#include "core/log.h"
#include "plat/linuxu/linuxu.h"

#define CPUS_DEFAULT 2u
#define CPU_STACK_BYTES (16UL << 10)
#define FPU_BYTES (16UL << 10)
#define SPIN_LIMIT_NS 30000000u       /* a thread may spin so long in the host's time */
#define EPOCH_NS 1700000000000000000u /* CLOCK_REALTIME at time 0 */
#define RELAX_MAX 10000000u           /* waiting for a lock for so long is waiting for ever */

/* How often: one in so many. */
#define ODDS_CPU 3u      /* another CPU at a point */
#define ODDS_PREEMPT 16u /* a thread's slice ends at a point */
#define ODDS_STEP 4u     /* the program is preempted soon after it was returned to */
#define POINT_NS_MAX 2000u
#define STEPS_MAX 80u

struct det_cpu {
	uintptr_t sp; /* while it does not run */
	void *fpu;
	uint64_t timer_ns;
	bool idle;
	uint64_t idle_until_ns;
};

static struct {
	uint64_t seed, state;
	uint64_t now_ns;
	uint64_t points, hash; /* how many, and what was chosen at them */
	unsigned count;        /* CPUs started */
	bool in_handler;       /* of a host signal: it runs to its end */
	bool change;           /* at the next point another CPU has its turn */
	bool unrepeatable;
	unsigned steps;       /* single steps left */
	uint64_t points_seen; /* at the last look of the host's clock */
	unsigned console_fds;
	struct det_cpu cpus[CONFIG_NR_CPUS];
} det;

static struct plat_ops det_ops;

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t det_random(void)
{
	uint64_t z = det.state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t det_below(uint64_t n)
{
	return det_random() % n;
}

static struct det_cpu *det_self(void)
{
	return &det.cpus[cpu_self()->id];
}

static void det_pend(unsigned id, uint32_t bits)
{
	atomic_fetch_or_explicit(&linuxu_cpus[id]->cpu.pending, bits, memory_order_relaxed);
}

static bool det_is_pending(unsigned id)
{
	return atomic_load_explicit(&linuxu_cpus[id]->cpu.pending, memory_order_relaxed) != 0;
}

/* Timers that are due interrupt their CPU. */
static void det_timers(void)
{
	for (unsigned id = 0; id < det.count; id++) {
		if (det.cpus[id].timer_ns > det.now_ns)
			continue;
		det.cpus[id].timer_ns = NEVER;
		det_pend(id, PENDING_TIMER);
	}
}

/* Another CPU has its turn; returns when this one has it again. */
static NOINLINE void det_switch(unsigned to)
{
	struct det_cpu *self = det_self();
	uintptr_t fs;

	det.hash = (det.hash ^ to ^ det.points << 8) * 0x100000001b3u;
	fpu_save(self->fpu);
	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	__asm__ volatile("wrgsbase %0" : : "r"(linuxu_cpus[to]) : "memory");
	arch_stack_switch(&self->sp, det.cpus[to].sp);
	__asm__ volatile("wrfsbase %0" : : "r"(fs));
	fpu_restore(self->fpu);
}

/* One of the CPUs that have something to do, this one perhaps among them. det.count: none. */
static unsigned det_pick(bool not_self)
{
	unsigned able[CONFIG_NR_CPUS], n = 0;

	for (unsigned id = 0; id < det.count; id++) {
		const struct det_cpu *c = &det.cpus[id];

		if (not_self && id == cpu_self()->id)
			continue;
		if (!c->idle || det_is_pending(id) || c->idle_until_ns <= det.now_ns)
			able[n++] = id;
	}
	return n == 0 ? det.count : able[det_below(n)];
}

static void det_point(void)
{
	unsigned to;

	if (det.in_handler)
		return;
	det.points++;
	det.now_ns += det_below(POINT_NS_MAX);
	det_timers();
	if (det_below(ODDS_PREEMPT) == 0)
		cpu_pend(PENDING_RESCHED);
	if (!det.change && det_below(ODDS_CPU) != 0)
		return;
	to = det_pick(det.change);
	det.change = false;
	if (to != det.count && to != cpu_self()->id)
		det_switch(to);
}

/* --- the platform's functions, as far as they differ --- */

static uint64_t det_clock_monotonic(void)
{
	return det.now_ns += 20;
}

static uint64_t det_clock_realtime(void)
{
	return EPOCH_NS + det_clock_monotonic();
}

static void det_timer_set(uint64_t deadline_ns)
{
	det_self()->timer_ns = deadline_ns;
}

static unsigned det_cpu_count(void)
{
	unsigned wanted = linuxu_cpu_count_wanted();

	return wanted ? wanted : CPUS_DEFAULT;
}

static void det_cpu_enter(void *arg)
{
	(void)arg;
	cpu_main();
}

static int det_cpu_start(unsigned id)
{
	vaddr_t stack = linuxu_kstack_alloc(CPU_STACK_BYTES), fpu = linuxu_kstack_alloc(FPU_BYTES);
	struct linuxu_cpu *c;
	struct arch_thread at;

	if (stack == 0 || fpu == 0) {
		if (stack != 0)
			linuxu_kstack_free(stack, CPU_STACK_BYTES);
		return -ENOMEM;
	}
	c = linuxu_cpu_lay(id, stack, CPU_STACK_BYTES);
	arch_kthread_init(&at, c->cpu.kstack_top, det_cpu_enter, NULL);
	fpu_area_init((void *)fpu);
	det.cpus[id] = (struct det_cpu){
		.sp = at.kernel_sp,
		.fpu = (void *)fpu,
		.timer_ns = NEVER,
	};
	det.count = id + 1;
	return 0;
}

static void det_cpu_kick(unsigned id)
{
	struct cpu *c = &linuxu_cpus[id]->cpu;

	det_pend(id, PENDING_KICK);
	atomic_fetch_add_explicit(&c->kicks, 1, memory_order_relaxed);
}

static void det_cpu_relax(unsigned spins)
{
	unsigned to;

	if (spins > RELAX_MAX)
		panic("deterministic: a CPU waits for another one for ever (seed %lu)", det.seed);
	det.now_ns += det_below(POINT_NS_MAX);
	det_timers();
	to = det_pick(true);
	if (!det.in_handler && to != det.count)
		det_switch(to);
}

/* All CPUs idle: go to the next deadline, or to the next input. */
static void det_all_idle(void)
{
	struct host_pollfd input = {.fd = 0, .events = HOST_POLLIN};
	uint64_t next = NEVER;

	for (unsigned id = 0; id < det.count; id++)
		next = MIN(next, MIN(det.cpus[id].timer_ns, det.cpus[id].idle_until_ns));
	if (next != NEVER) {
		det.now_ns = MAX(det.now_ns, next);
		det_timers();
		return;
	}
	if (!(det.console_fds & 1))
		panic("deterministic: every thread waits for another one (seed %lu)", det.seed);
	if (host_call6(HOST_NR_PPOLL, (uintptr_t)&input, 1, 0, 0, 0, 0) > 0)
		cpu_pend(PENDING_CONSOLE);
}

static void det_idle(uint64_t deadline_ns)
{
	struct det_cpu *self = det_self();
	const unsigned id = cpu_self()->id;

	self->idle_until_ns = deadline_ns;
	self->idle = true;
	while (!det_is_pending(id)) {
		unsigned to = det_pick(false);

		if (to == det.count)
			det_all_idle();
		else if (to != id)
			det_switch(to);
		else if (self->idle_until_ns <= det.now_ns)
			cpu_pend(PENDING_TIMER);
	}
	self->idle = false;
}

static void det_console_watch(unsigned fds)
{
	det.console_fds = fds;
}

static size_t det_entropy(void *buf, size_t n)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)det_random();
	return n;
}

static NORETURN void det_exit(int status)
{
	det.in_handler = true; /* nobody else has a turn any more */
	log_line(LOG_INFO, "deterministic: seed %lu, %lu points, hash %016lx", det.seed, det.points,
		 det.hash);
	if (det.unrepeatable)
		log_line(LOG_WARN,
			 "deterministic: a thread ran for 30 ms without entering the kernel, so "
			 "this run cannot be repeated exactly");
	linuxu_exit(status);
}

static void det_leaving(struct trap_frame *f)
{
	if (det_below(ODDS_STEP) != 0)
		return;
	det.steps = 1 + (unsigned)det_below(STEPS_MAX);
	f->rflags |= RFLAGS_TF;
}

/* --- from the signal handlers --- */

void linuxu_det_handler(bool on)
{
	det.in_handler = on;
}

bool linuxu_det_step(struct host_ucontext *uc)
{
	if (!(uc->rflags & RFLAGS_TF))
		return false;
	if (det.steps > 0 && !linuxu_kstack_holds(uc->rsp)) {
		det.now_ns++;
		if (--det.steps > 0)
			return true;
		det.change = true;
		cpu_pend(PENDING_RESCHED);
	}
	uc->rflags &= ~(uint64_t)RFLAGS_TF;
	return true;
}

bool linuxu_det_alarm(const struct host_ucontext *uc)
{
	bool spins = det.points == det.points_seen && !linuxu_kstack_holds(uc->rsp);

	det.points_seen = det.points;
	if (!spins)
		return false;
	det.unrepeatable = true;
	det.now_ns += SPIN_LIMIT_NS;
	det_timers();
	det.change = true;
	cpu_pend(PENDING_RESCHED);
	return true;
}

/* --- start --- */

static void det_clock_start(void)
{
	struct host_sigevent ev = {
		.signo = HOST_SIGALRM,
		.notify = HOST_SIGEV_THREAD_ID,
		.tid = linuxu_host.pid,
	};
	const struct host_itimerspec its = {
		.interval = host_timespec(SPIN_LIMIT_NS),
		.value = host_timespec(SPIN_LIMIT_NS),
	};
	int32_t id;
	long err = host_call3(HOST_NR_TIMER_CREATE, HOST_CLOCK_MONOTONIC, (uintptr_t)&ev,
			      (uintptr_t)&id);

	if (!err)
		err = host_call4(HOST_NR_TIMER_SETTIME, (uintptr_t)id, 0, (uintptr_t)&its, 0);
	if (err)
		linuxu_die("the host gives no timer", err);
}

void linuxu_det_seed(const struct cmdline_token *seed)
{
	det.seed = 0;
	for (size_t i = 0; i < seed->len; i++)
		det.seed = det.seed * 10 + (uint64_t)(seed->text[i] - '0');
	det.state = det.seed;
	for (unsigned i = 0; i < ARRAY_SIZE(linuxu_host.random); i++)
		linuxu_host.random[i] = det_random();
}

void linuxu_det_start(void)
{
	vaddr_t fpu = linuxu_kstack_alloc(FPU_BYTES);

	if (!linuxu_host.fsgsbase)
		linuxu_die("the deterministic mode needs a processor with FSGSBASE", 0);
	if (fpu == 0)
		linuxu_die("no memory for the deterministic mode", -ENOMEM);
	det.now_ns = 1000000000;
	det.count = 1;
	det.cpus[0] = (struct det_cpu){.fpu = (void *)fpu, .timer_ns = NEVER};
	det_ops = linuxu_ops;
	det_ops.clock_monotonic_ns = det_clock_monotonic;
	det_ops.clock_realtime_ns = det_clock_realtime;
	det_ops.timer_set = det_timer_set;
	det_ops.idle = det_idle;
	det_ops.cpu_count = det_cpu_count;
	det_ops.cpu_start = det_cpu_start;
	det_ops.cpu_kick = det_cpu_kick;
	det_ops.cpu_late = NULL;
	det_ops.cpu_relax = det_cpu_relax;
	det_ops.console_watch = det_console_watch;
	det_ops.entropy = det_entropy;
	det_ops.exit = det_exit;
	det_ops.point = det_point;
	det_ops.leaving = det_leaving;
	plat = &det_ops;
	det_clock_start();
}
