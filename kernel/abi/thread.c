/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system calls that make, name, schedule and end threads, and futex(2). There is one process;
 * what would make a second one is missing.
 */
#include "abi/syscall.h"
#include "abi/trace.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "base/errno.h"
#include "base/string.h"
#include "core/futex.h"
#include "core/log.h"
#include "core/thread.h"
#include "core/vma.h"

/* include/uapi/linux/sched.h */
#define CLONE_VM 0x00000100u
#define CLONE_FS 0x00000200u
#define CLONE_FILES 0x00000400u
#define CLONE_SIGHAND 0x00000800u
#define CLONE_THREAD 0x00010000u
#define CLONE_SETTLS 0x00080000u
#define CLONE_PARENT_SETTID 0x00100000u
#define CLONE_CHILD_CLEARTID 0x00200000u
#define CLONE_CHILD_SETTID 0x01000000u
#define CLONE_SYSVSEM 0x00040000u
#define CLONE_DETACHED 0x00400000u
/* All that two threads of a process share. */
#define CLONE_SHARED (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define CLONE_KNOWN                                                                                \
	(CLONE_SHARED | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |                \
	 CLONE_CHILD_SETTID | CLONE_SYSVSEM | CLONE_DETACHED)

#define USER_ADDRESS_MAX (1UL << 47)

#define NR_clone 56
#define NR_clone3 435

/* --- clone --- */

struct clone_request {
	uint64_t flags;
	vaddr_t parent_tid, child_tid, tls;
};

/* A thread that begins with *frame. Its tid, or -errno. nr: as which system call to count what is
 * missing. */
static long clone_thread(const struct clone_request *req, const struct trap_frame *frame, long nr)
{
	uintptr_t fs_base;
	struct thread *t;
	uint32_t tid;
	int err;
	bool told = true;

	if ((req->flags & CLONE_SHARED) != CLONE_SHARED)
		return syscall_missing(nr);
	if (req->flags & ~(uint64_t)CLONE_KNOWN)
		return -EINVAL;
	if ((req->flags & CLONE_SETTLS) && req->tls >= USER_ADDRESS_MAX)
		return -EPERM;
	fs_base = req->flags & CLONE_SETTLS ? req->tls : arch_fs_base_get();
	err = thread_create(&t, frame, fs_base, true);
	if (err)
		return err;
	tid = (uint32_t)t->tid;
	if (req->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = req->child_tid;
	if (req->flags & CLONE_PARENT_SETTID)
		told &= user_copy_out(req->parent_tid, &tid, sizeof(tid)) == 0;
	if (req->flags & CLONE_CHILD_SETTID)
		told &= user_copy_out(req->child_tid, &tid, sizeof(tid)) == 0;
	if (!told)
		log_line(LOG_INFO, "clone: thread %u exists, but its number could not be stored",
			 tid);
	thread_start(t);
	return (long)tid;
}

/* What kiln_clone() (arch/x86_64/entry.S) calls: the child begins at entry on stack. */
long thread_clone_call(long flags, long stack, long parent_tid, long child_tid, long tls,
		       long entry);

long thread_clone_call(long flags, long stack, long parent_tid, long child_tid, long tls,
		       long entry)
{
	const struct clone_request req = {
		.flags = (uint64_t)flags &
			 ~0xffUL, /* the low byte is a child process's exit signal */
		.parent_tid = (vaddr_t)parent_tid,
		.child_tid = (vaddr_t)child_tid,
		.tls = (vaddr_t)tls,
	};
	const uint64_t args[6] = {(uint64_t)flags, (uint64_t)stack, (uint64_t)parent_tid,
				  (uint64_t)child_tid, (uint64_t)tls};
	struct trap_frame frame;
	long result;

	if (arch_is_traced())
		trace_begin(NR_clone, args);
	arch_frame_init(&frame, (uintptr_t)entry, (uintptr_t)stack);
	result = clone_thread(&req, &frame, NR_clone);
	if (arch_is_traced())
		trace_end(NR_clone, args, result);
	return result;
}

/* The child of a clone by system call instruction: as its parent, but for the result and the stack.
 */
static struct trap_frame clone_frame(const struct trap_frame *frame, uint64_t stack)
{
	struct trap_frame child = *frame;

	child.vector = TRAP_START;
	child.rax = 0;
	if (stack)
		child.rsp = stack;
	return child;
}

long sys_clone(struct trap_frame *frame)
{
	const struct clone_request req = {
		.flags = frame->rdi & ~0xffUL,
		.parent_tid = frame->rdx,
		.child_tid = frame->r10,
		.tls = frame->r8,
	};
	const struct trap_frame child = clone_frame(frame, frame->rsi);

	return clone_thread(&req, &child, NR_clone);
}

struct clone_args { /* include/uapi/linux/sched.h, CLONE_ARGS_SIZE_VER0 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};
_Static_assert(sizeof(struct clone_args) == 64, "struct clone_args");

long sys_clone3(struct trap_frame *frame)
{
	struct clone_args args;
	struct clone_request req;
	struct trap_frame child;

	if (frame->rsi < sizeof(args))
		return -EINVAL;
	if (user_copy_in(&args, frame->rdi, sizeof(args)))
		return -EFAULT;
	req = (struct clone_request){
		.flags = args.flags,
		.parent_tid = args.parent_tid,
		.child_tid = args.child_tid,
		.tls = args.tls,
	};
	child = clone_frame(frame, args.stack + args.stack_size);
	return clone_thread(&req, &child, NR_clone3);
}

/* --- the end --- */

long sys_exit(long code)
{
	thread_exit((int)code);
}

long sys_exit_group(long code)
{
	process_exit((int)code);
}

/* What kiln_unmapself() calls: a thread that is to leave nothing behind. */
long sys_unmapself(long base, long size);

long sys_unmapself(long base, long size)
{
	/* If it cannot be unmapped it stays: there is nobody left to be told. */
	int err = vma_unmap((vaddr_t)base, (size_t)size);

	(void)err;
	thread_exit(0);
}

long sys_wait4(long pid, long status, long options, long usage)
{
	(void)pid, (void)status, (void)options, (void)usage;
	return -ECHILD;
}

long sys_waitid(long which, long pid, long info, long options, long usage)
{
	(void)which, (void)pid, (void)info, (void)options, (void)usage;
	return -ECHILD;
}

/* --- names --- */

long sys_getpid(void)
{
	return PROCESS_ID;
}

long sys_gettid(void)
{
	return thread_current()->tid;
}

/* As for the first process of a PID namespace: its parent is not in it. */
long sys_getppid(void)
{
	return 0;
}

long sys_set_tid_address(long addr)
{
	struct thread *t = thread_current();

	t->clear_child_tid = (vaddr_t)addr;
	return t->tid;
}

#define ROBUST_HEAD_BYTES 24

long sys_set_robust_list(long head, long size)
{
	if (size != ROBUST_HEAD_BYTES)
		return -EINVAL;
	thread_current()->robust_list = (vaddr_t)head;
	return 0;
}

long sys_get_robust_list(long tid, long head, long size)
{
	const struct thread *t;
	uint64_t bytes = ROBUST_HEAD_BYTES;
	vaddr_t list = thread_current()->robust_list;

	if (tid != 0) {
		t = thread_find_lock((int32_t)tid);
		if (!t)
			return -ESRCH;
		list = t->robust_list;
		threads_unlock();
	}
	if (user_copy_out((vaddr_t)size, &bytes, sizeof(bytes)))
		return -EFAULT;
	return user_copy_out((vaddr_t)head, &list, sizeof(list));
}

#define PR_SET_NAME 15
#define PR_GET_NAME 16

long sys_prctl(long option, long arg2, long arg3, long arg4, long arg5)
{
	struct thread *t = thread_current();
	char name[sizeof(t->name)];

	(void)arg3, (void)arg4, (void)arg5;
	switch ((int32_t)option) {
	case PR_SET_NAME: {
		ssize64_t len = user_copy_string(name, (vaddr_t)arg2, sizeof(name));

		if (len == -ENAMETOOLONG) {
			/* Cut, as on Linux. */
			len = sizeof(name) - 1;
			if (user_copy_in(name, (vaddr_t)arg2, sizeof(name) - 1))
				return -EFAULT;
		}
		if (len < 0)
			return len;
		memset(name + len, 0, sizeof(name) - (size_t)len);
		threads_lock();
		memcpy(t->name, name, sizeof(t->name));
		threads_unlock();
		return 0;
	}
	case PR_GET_NAME:
		return user_copy_out((vaddr_t)arg2, t->name, sizeof(t->name));
	default:
		return -EINVAL;
	}
}

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

long sys_arch_prctl(long code, long addr)
{
	uint64_t base;

	switch ((int32_t)code) {
	case ARCH_SET_FS:
		if ((uint64_t)addr >= USER_ADDRESS_MAX)
			return -EPERM;
		arch_fs_base_set((uintptr_t)addr);
		return 0;
	case ARCH_GET_FS:
		base = arch_fs_base_get();
		return user_copy_out((vaddr_t)addr, &base, sizeof(base));
	case ARCH_SET_GS: /* %gs is how the kernel finds its per-CPU data */
	case ARCH_GET_GS:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

/* --- futex --- */

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_LOCK_PI2 13
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256

/* The timeout of FUTEX_WAIT is relative, that of FUTEX_WAIT_BITSET a time. */
static int futex_deadline(long op, vaddr_t timeout, uint64_t *deadline_ns)
{
	uint64_t ns;
	int err;

	if (!timeout || (op & 127) == FUTEX_WAIT)
		return deadline_in(timeout, deadline_ns);
	err = timespec_in(timeout, &ns);
	if (err == 0)
		*deadline_ns = op & FUTEX_CLOCK_REALTIME ? deadline_realtime(ns) : ns;
	return err;
}

static NOINLINE long futex_wait_until(vaddr_t addr, long op, uint32_t val, vaddr_t timeout,
				      uint32_t bitset)
{
	uint64_t deadline;
	long err = futex_deadline(op, timeout, &deadline);

	if (err)
		return err;
	err = futex_wait(addr, val, bitset, deadline);
	/* Repeated, a relative timeout would begin anew. */
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

static long futex_wait_call(vaddr_t addr, long op, uint32_t val, vaddr_t timeout, uint32_t bitset)
{
	if (bitset == 0)
		return -EINVAL;
	if (timeout)
		return futex_wait_until(addr, op, val, timeout, bitset);
	return futex_wait(addr, val, bitset, NEVER);
}

/* Not in sys_futex(), which needs no frame on the stack without it. */
static NOINLINE long futex_requeue_call(vaddr_t addr, long op, long count, long requeue,
					vaddr_t addr2, uint32_t cmp)
{
	if ((int32_t)count < 0 || (int32_t)requeue < 0)
		return -EINVAL;
	return futex_requeue(addr, addr2, (uint32_t)count, (uint32_t)requeue,
			     (op & 127) == FUTEX_CMP_REQUEUE ? &cmp : NULL);
}

#ifdef CONFIG_FUTEX_PI
/* The time limit is a time: of CLOCK_REALTIME for FUTEX_LOCK_PI, as flags say for FUTEX_LOCK_PI2.
 */
static NOINLINE long futex_lock_pi_call(vaddr_t addr, long op, vaddr_t timeout)
{
	uint64_t deadline;
	int err;

	if ((op & 127) == FUTEX_LOCK_PI)
		op |= FUTEX_CLOCK_REALTIME;
	err = futex_deadline(op, timeout, &deadline);
	return err ? err : futex_lock_pi(addr, deadline, false);
}
#endif

/* Linux wakes one waiter for a count of 0, and for a negative one. */
static uint32_t wake_count(long count)
{
	return (int32_t)count < 1 ? 1 : (uint32_t)count;
}

long sys_futex(long addr, long op, long val, long val2, long addr2, long val3)
{
	switch (op & ~(long)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) {
	case FUTEX_WAIT:
		return futex_wait_call((vaddr_t)addr, op, (uint32_t)val, (vaddr_t)val2,
				       FUTEX_BITSET_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait_call((vaddr_t)addr, op, (uint32_t)val, (vaddr_t)val2,
				       (uint32_t)val3);
	case FUTEX_WAKE:
		return futex_wake((vaddr_t)addr, wake_count(val), FUTEX_BITSET_ANY);
	case FUTEX_WAKE_BITSET:
		if ((uint32_t)val3 == 0)
			return -EINVAL;
		return futex_wake((vaddr_t)addr, wake_count(val), (uint32_t)val3);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return futex_requeue_call((vaddr_t)addr, op, val, val2, (vaddr_t)addr2,
					  (uint32_t)val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op((vaddr_t)addr, (vaddr_t)addr2, wake_count(val),
				     wake_count(val2), (uint32_t)val3);
#ifdef CONFIG_FUTEX_PI
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi_call((vaddr_t)addr, op, (vaddr_t)val2);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi((vaddr_t)addr, NEVER, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi((vaddr_t)addr);
#endif
	default:
		return -ENOSYS;
	}
}

/* --- membarrier --- */

#define MEMBARRIER_CMD_QUERY 0
#define MEMBARRIER_CMD_GLOBAL 1
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED 8
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED 16

/* Threads that do not run now have been through a switch, which is a barrier. */
long sys_membarrier(long cmd, long flags, long cpu)
{
	(void)cpu;
	if (flags != 0)
		return -EINVAL;
	switch ((int32_t)cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		sched_barrier();
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		return 0;
	default:
		return -EINVAL;
	}
}
