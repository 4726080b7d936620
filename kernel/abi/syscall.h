/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The handlers of all system calls, as syscalls.def names them, and the table in front of them.
 * A handler returns what Linux returns: a result, or a negative errno.
 */
#ifndef ABI_SYSCALL_H
#define ABI_SYSCALL_H

#include "arch/trap_frame.h"
#include "base/types.h"

#define SYSCALL_PARAMS_0 void
#define SYSCALL_PARAMS_1 long
#define SYSCALL_PARAMS_2 long, long
#define SYSCALL_PARAMS_3 long, long, long
#define SYSCALL_PARAMS_4 long, long, long, long
#define SYSCALL_PARAMS_5 long, long, long, long, long
#define SYSCALL_PARAMS_6 long, long, long, long, long, long

#define SYSCALL_PROTO_GATE(name, nargs) long sys_##name(SYSCALL_PARAMS_##nargs);
#define SYSCALL_PROTO_DIRECT(name, nargs) long sys_##name(SYSCALL_PARAMS_##nargs);
#define SYSCALL_PROTO_FRAME(name, nargs) long sys_##name(struct trap_frame *);
#define SYSCALL_PROTO_NONE(name, nargs)
#define SYSCALL(nr, name, nargs, status, mode, note) SYSCALL_PROTO_##mode(name, nargs)
#include "abi/syscalls.def"
#undef SYSCALL

/* For a number without a handler: counted for the report at the program's end. Returns -ENOSYS. */
long syscall_missing(long nr);

/*
 * kiln_syscall()'s other half (arch/x86_64/entry.S): a call from the program's musl whose number
 * was not known at compile time, on the kernel stack. Calls that need a trap frame give -ENOSYS
 * here.
 */
long kiln_syscall_by_number(long nr, const uint64_t args[6]);
/* kiln_syscall_std()'s: the same for the numbers that Rust's std and musl use, which are missing.
 */
long syscall_std_by_number(long nr, const uint64_t args[6]);

/* Name the missing calls that were made in one line of the log. Called once, when the program ends.
 */
void syscall_report_missing(void);

#endif
