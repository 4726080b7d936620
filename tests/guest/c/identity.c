/* SPDX-License-Identifier: MIT OR Apache-2.0 */
//@ suite: guest
/*
 * Who the program is and what it may use: the calls about users, process groups, limits and the
 * machine. Kiln's answers are fixed, so most are checked for sense, not compared.
 */
#include "test.h"
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define UID_NOBODY 65534

static void users(void)
{
	unsigned r = 9, e = 9, s = 9, list[4] = {9, 9, 9, 9};

	is(raw(SYS_getresuid, &r, &e, &s), 0, "getresuid");
	ok(r == (unsigned)raw(SYS_getuid) && e == (unsigned)raw(SYS_geteuid),
	   "it agrees with getuid and geteuid");
	is(raw(SYS_getresuid, 8, &e, &s), -EFAULT, "getresuid with a bad pointer");
	is(raw(SYS_getresgid, &r, &e, &s), 0, "getresgid");
	ok(r == (unsigned)raw(SYS_getgid) && e == (unsigned)raw(SYS_getegid),
	   "it agrees with getgid and getegid");
	is(raw(SYS_setuid, -1), -EINVAL, "setuid to no user");
	is(raw(SYS_setgid, -1), -EINVAL, "setgid to no group");
	ok(raw(SYS_getgroups, 0, 0) >= 0, "getgroups counts");
	is(raw(SYS_getgroups, -1, list), -EINVAL, "getgroups with a negative size");
	is(raw(SYS_setreuid, -1, -1), 0, "setreuid changes nothing");
	is(raw(SYS_setregid, -1, -1), 0, "setregid changes nothing");
	is(raw(SYS_setresuid, -1, -1, -1), 0, "setresuid changes nothing");
	is(raw(SYS_setresgid, -1, -1, -1), 0, "setresgid changes nothing");
	is(raw(SYS_setfsuid, -1), raw(SYS_geteuid), "setfsuid gives the old value");
	is(raw(SYS_setfsgid, -1), raw(SYS_getegid), "setfsgid gives the old value");
	is(raw(SYS_setgroups, 100000, list), -EINVAL, "setgroups with too many");
	if (getpid() == 1) {
		is(raw(SYS_setuid, UID_NOBODY), -EPERM, "setuid to another");
		is(raw(SYS_setgroups, 4, list), -EPERM, "setgroups to others");
	}
}

static void processes(void)
{
	int status;

	is(raw(SYS_getpgid, 0), raw(SYS_getpgrp), "getpgid of oneself");
	ok(raw(SYS_getsid, 0) >= 0, "getsid of oneself");
	is(raw(SYS_getpgid, 0x3fffffff), -ESRCH, "getpgid of nobody");
	is(raw(SYS_getsid, 0x3fffffff), -ESRCH, "getsid of nobody");
	is(raw(SYS_setpgid, 0x3fffffff, 0), -ESRCH, "setpgid of nobody");
	is(raw(SYS_setpgid, 0, -1), -EINVAL, "setpgid to a negative group");
	ok(raw(SYS_getppid) >= 0, "getppid");
	is(raw(SYS_wait4, -1, &status, 0, 0), -ECHILD, "wait4 without children");
	is(raw(SYS_waitid, P_ALL, 0, &status, WEXITED, 0), -ECHILD, "waitid without children");
	if (getpid() == 1)
		is(raw(SYS_setsid), -EPERM, "setsid of a leader");
	is(raw(SYS_umask, 077), 022, "umask gives the old one");
	is(raw(SYS_umask, 022), 077, "umask gives the new one");
	is(raw(SYS_personality, 0xffffffff), 0, "personality");
}

static void limits(void)
{
	struct rlimit old, now;

	is(raw(SYS_getrlimit, RLIMIT_NOFILE, &old), 0, "getrlimit");
	ok(old.rlim_cur >= 256 && old.rlim_cur <= old.rlim_max, "files: %lu of %lu", old.rlim_cur,
	   old.rlim_max);
	now = (struct rlimit){20, old.rlim_max};
	is(raw(SYS_setrlimit, RLIMIT_NOFILE, &now), 0, "setrlimit to 20 files");
	int fd, last = -1;
	while ((fd = (int)raw(SYS_dup, 1)) >= 0)
		last = fd;
	is(fd, -EMFILE, "too many files");
	is(last, 19, "the last one is 19");
	is(raw(SYS_dup2, 1, 20), -EBADF, "dup2 beyond the limit");
	is(raw(SYS_prlimit64, 0, RLIMIT_NOFILE, &old, &now), 0, "prlimit64");
	is((long)now.rlim_cur, 20, "the old limit");
	is(raw(SYS_dup, 1), 20, "one more");
	for (fd = 3; fd <= 20; fd++)
		raw(SYS_close, fd);
	now = (struct rlimit){10, 5};
	is(raw(SYS_setrlimit, RLIMIT_NOFILE, &now), -EINVAL, "soft above hard");
	is(raw(SYS_getrlimit, 99, &now), -EINVAL, "no such limit");
	is(raw(SYS_prlimit64, 0x3fffffff, RLIMIT_NOFILE, 0, &now), -ESRCH, "nobody's limit");
	is(raw(SYS_getrlimit, RLIMIT_STACK, &now), 0, "stack");
	ok(now.rlim_cur >= 1 << 20, "it is %lu", now.rlim_cur);
}

static void machine(void)
{
	struct sysinfo si;
	struct rusage ru;
	volatile unsigned sink = 0;
	char name[70];

	is(raw(SYS_sysinfo, &si), 0, "sysinfo");
	ok(si.totalram * si.mem_unit >= 1 << 20 && si.freeram <= si.totalram, "memory: %lu",
	   si.totalram * si.mem_unit);
	ok(si.procs >= 1, "threads");
	for (unsigned i = 0; i < 20000000; i++)
		sink += i;
	is(raw(SYS_getrusage, RUSAGE_SELF, &ru), 0, "getrusage");
	ok(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec > 500, "time was used");
	is(raw(SYS_getrusage, 1 /* thread */, &ru), 0, "getrusage of the thread");
	is(raw(SYS_getrusage, RUSAGE_CHILDREN, &ru), 0, "getrusage of children");
	is(ru.ru_utime.tv_sec, 0, "they used none");
	is(raw(SYS_getrusage, 5, &ru), -EINVAL, "getrusage of what");
	is(raw(SYS_sethostname, "x", -1), -EINVAL, "sethostname of a negative length");
	is(raw(SYS_setdomainname, "x", 100), -EINVAL, "setdomainname too long");
	if (getpid() == 1)
		is(raw(SYS_sethostname, "x", 1), -EPERM, "sethostname");
	is(gethostname(name, sizeof(name)), 0, "gethostname");
	if (getpid() == 1)
		is(raw(SYS_inotify_init), -ENOSYS, "a missing call");
}

int main(void)
{
	users();
	processes();
	limits();
	machine();
	return done();
}
