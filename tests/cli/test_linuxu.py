# SPDX-License-Identifier: MIT OR Apache-2.0
"""Images as Linux processes: their streams, their threads and signals as others on the machine see them."""
import os
import shutil
import signal
import subprocess
import time

from harness import Skip, check, expect

PROGRAM = r"""
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *write_much(void *arg)
{
	static char buf[1 << 20];
	long n = write(1, memset(buf, 'x', sizeof(buf)), sizeof(buf));

	dprintf(2, "wrote %ld\n", n);
	return arg;
}

static void *sleep_a_second(void *arg)
{
	struct timespec second = {1, 0};

	return (void *)(long)nanosleep(&second, NULL);
}

/* Inline syscall instructions: getpid() is 1 here, and not on the host. */
static void *make_calls(void *arg)
{
	long wrong = 0, r;

	for (int i = 0; i < 500; i++) {
		__asm__ volatile("syscall" : "=a"(r) : "a"(39) : "rcx", "r11", "memory");
		wrong += r != 1;
		sched_yield();
	}
	return (void *)wrong;
}

static void *spin(void *arg)
{
	for (;;)
		;
}

static void *work_for_a_while(void *arg)
{
	for (volatile int i = 0; i < 300000; i++)
		;
	return arg;
}

static void threads(int n, void *(*body)(void *))
{
	pthread_t t[64];
	void *result;

	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, body, NULL);
	for (int i = 0; i < n; i++) {
		pthread_join(t[i], &result);
		if (result)
			exit(9);
	}
}

static void poll_input(void)
{
	struct pollfd p[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
	int found;

	poll(p, 3, 0); /* as Rust's std does at its start */
	p[0].events = POLLIN;
	found = poll(p, 1, -1);
	printf("%d %d\n", found, p[0].revents & POLLIN);
}

static void fill_output(void)
{
	struct pollfd p = {.fd = 1, .events = POLLOUT};
	static char page[4096];
	int full;

	fcntl(1, F_SETFL, O_NONBLOCK);
	while (write(1, page, sizeof(page)) > 0)
		;
	full = errno == EAGAIN && poll(&p, 1, 50) == 0;
	dprintf(2, "full: %d\n", full);
	dprintf(2, "room: %d\n", poll(&p, 1, -1) == 1 && p.revents == POLLOUT && write(1, page, 1) == 1);
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (!strcmp(argv[1], "poll"))
		poll_input();
	if (!strcmp(argv[1], "fill"))
		fill_output();
	if (!strcmp(argv[1], "write")) {
		pthread_create(&t, NULL, write_much, NULL);
		for (int i = 0; i < 10; i++) {
			dprintf(2, "tick\n");
			usleep(20000);
		}
		pthread_join(t, NULL);
	}
	if (!strcmp(argv[1], "calls"))
		threads(8, make_calls);
	if (!strcmp(argv[1], "sleep"))
		threads(8, sleep_a_second);
	if (!strcmp(argv[1], "spin")) {
		puts("ready");
		fflush(stdout);
		threads(8, spin);
	}
	if (!strcmp(argv[1], "bursts")) {
		puts("ready");
		fflush(stdout);
		for (;;) {
			threads(2, work_for_a_while);
			usleep(1000);
		}
	}
	if (!strcmp(argv[1], "echo")) {
		char c;

		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, spin, NULL);
		while (read(0, &c, 1) == 1)
			write(1, &c, 1);
	}
	return 0;
}
"""


def _image(w):
    w.need_images()
    image = w.dir / "linuxu-program"
    if not image.exists():
        expect(w.run(w.file("linuxu.c", PROGRAM), "-O1", "-o", image, tool="kiln-cc"), 0)
    return image


def _run(w, *args):
    return [str(w.kiln), "run", "--platform", "linuxu", *map(str, args)]


def _words(*args):
    return " ".join(f"'{a}'" for a in args)


def _threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def _image_process(w, kiln):
    """The image's process id below a running kiln."""
    deadline = time.time() + 30
    while time.time() < deadline:
        for pid in open(f"/proc/{kiln}/task/{kiln}/children").read().split():
            if os.readlink(f"/proc/{pid}/exe").endswith("linuxu-program"):
                return int(pid)
        time.sleep(0.01)
    raise Skip("the image's process is not found")


def input_that_is_not_read_is_left(w):
    line = _words(*_run(w, _image(w), "--", "poll"))
    expect(w.command(["sh", "-c", f"{line}; cat"], stdin=b"a\nb\n"), 0, out="1 1\na\nb\n", err="")


def output_that_waits_stops_one_thread(w):
    for n in (1, 2):
        p = w.start("run", "--platform", "linuxu", "--cpus", n, _image(w), "--", "write")
        for _ in range(10):
            check(p.stderr.readline() == b"tick\n", "the other thread does not run")
        out, err = p.communicate(timeout=30)
        check((p.returncode, len(out), err) == (0, 1 << 20, b"wrote 1048576\n"), f"{p.returncode} {len(out)} {err}")


def output_that_would_wait_is_refused(w):
    p = w.start("run", "--platform", "linuxu", _image(w), "--", "fill")
    check(p.stderr.readline() == b"full: 1\n", "a full pipe takes more")
    _, err = p.communicate(timeout=30)
    check(p.returncode == 0 and err == b"room: 1\n", f"{p.returncode} {err}")


def input_comes_while_all_cpus_are_busy(w):
    for n in (1, 2):
        p = w.start("run", "--platform", "linuxu", "--cpus", n, _image(w), "--", "echo", stdin=subprocess.PIPE)
        for byte in b"abc":
            p.stdin.write(bytes([byte]))
            p.stdin.flush()
            check(p.stdout.read(1) == bytes([byte]), "the byte does not come back")
        p.communicate(timeout=30)
        check(p.returncode == 0, f"status {p.returncode}")


def each_cpu_is_a_thread(w):
    for n in (1, 2, 5):
        p = w.start("run", "--platform", "linuxu", "--cpus", n, _image(w), "--", "spin")
        check(p.stdout.readline() == b"ready\n", "the program did not start")
        time.sleep(0.1)
        threads = _threads(_image_process(w, p.pid))
        p.terminate()
        p.communicate(timeout=30)
        check(threads == n, f"{threads} threads of the host for {n} CPUs")
        check(p.returncode == 128 + signal.SIGTERM, f"status {p.returncode}")


def cpus_are_those_that_the_process_may_use(w):
    image = _image(w)
    for opts in ("", "cpus=0", "cpus=65", "cpus=x"):
        p = subprocess.Popen(["taskset", "-c", str(min(os.sched_getaffinity(0))), image, "spin"],
                             env={"KILN_OPTS": opts}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.readline()
        time.sleep(0.1)
        threads = _threads(p.pid)
        p.kill()
        _, err = p.communicate(timeout=30)
        check(threads == 1 and (opts in err.decode() if opts else err == b""), f"{opts}: {threads} threads, {err}")


def cpus_that_move_keep_to_where_they_may_be(w):
    mine = sorted(os.sched_getaffinity(0))[:2]
    if len(mine) < 2:
        raise Skip("needs two CPUs")
    p = w.start("run", "--platform", "linuxu", "--cpus", 2, _image(w), "--", "bursts")
    check(p.stdout.readline() == b"ready\n", "the program did not start")
    pid = _image_process(w, p.pid)
    deadline = time.time() + 10
    while _threads(pid) < 2:
        check(time.time() < deadline, "there is only one CPU")
        time.sleep(0.01)
    tids = list(map(int, os.listdir(f"/proc/{pid}/task")))
    for allowed in (mine[:1], mine, mine[1:], mine):
        for _ in range(2):  # one that just moves restores what it had seen before the first time
            for tid in tids:
                os.sched_setaffinity(tid, allowed)
            time.sleep(0.4)
        # For a moment it may be in fewer places.
        deadline = time.time() + 10
        while any(sorted(os.sched_getaffinity(tid)) != allowed for tid in tids):
            check(time.time() < deadline, f"not all of {tids} may be in all of {allowed}")
    p.terminate()
    p.communicate(timeout=30)
    check(p.returncode == 128 + signal.SIGTERM, f"status {p.returncode}")


def threads_that_the_host_refuses_are_done_without(w):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    image = _image(w)
    w.dir.chmod(0o755)
    # A user that has no other processes.
    limited = ["setpriv", "--reuid=54321", "--clear-groups", "prlimit", "--nproc=2", image, "sleep"]
    r = w.command(limited, env={"KILN_OPTS": "cpus=4"})
    expect(r, 0, err="kiln: only 2 of 4 CPUs are used: error 11\n")


def without_seccomp_every_cpu_catches_calls(w):
    if not shutil.which("strace"):
        raise Skip("needs strace")
    command = ["strace", "-f", "-o", "/dev/null", "-e", "inject=seccomp:error=EINVAL", _image(w), "calls"]
    r = w.command(command, env={"KILN_OPTS": "cpus=3"})
    if "neither seccomp" in r.err:
        raise Skip("the host has no Syscall User Dispatch")
    expect(r, 0, err="kiln: the host has no seccomp (error 22): host calls are not filtered\n")


def a_process_that_was_stopped_goes_on(w):
    for n in (1, 4):
        p = w.start("run", "--platform", "linuxu", "--cpus", n, _image(w), "--", "sleep")
        begin = time.time()
        pid = _image_process(w, p.pid)
        for _ in range(3):
            time.sleep(0.1)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.1)
            os.kill(pid, signal.SIGCONT)
        p.communicate(timeout=30)
        seconds = time.time() - begin
        check(p.returncode == 0, f"status {p.returncode}")
        check(0.9 < seconds < 8, f"{seconds} s for 1 s of sleep")
