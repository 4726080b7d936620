# SPDX-License-Identifier: MIT OR Apache-2.0
"""kiln run --trace: what calls a program makes, linked and loaded, on both platforms."""
import re

from harness import BUILD, Skip, check, expect, must

PLATFORMS = ("kvm", "linuxu")
PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *thread(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

int main(void)
{
	struct timespec t = {0, 2500000};
	int fds[2], fd = open("/nowhere/\"file\"", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	pthread_t other;
	char text[8];
	long nr;

	nanosleep(&t, NULL);
	if (pipe(fds) || write(fds[1], "a\n\1", 3) != 3 || read(fds[0], text, 8) != 3)
		return 9;
	getppid();
	shmget(1, 2, 3);
	pthread_mutex_lock(&lock);
	pthread_create(&other, NULL, thread, NULL);
	usleep(50000);
	pthread_mutex_unlock(&lock);
	pthread_join(other, NULL);
	__asm__ volatile("syscall" : "=a"(nr) : "0"(SYS_getuid) : "rcx", "r11", "memory");
	return fd == -1 && nr == 0 ? 7 : 8;
}
"""
# In the order in which they come.
WANTED = [
    r'open\((AT_FDCWD, )?"/nowhere/\\"file\\"", O_RDWR\|O_CLOEXEC\|O_CREAT(\|O_LARGEFILE)?, 0640\) = '
    r"-1 ENOENT \(No such file or directory\) <",
    r"(clock_)?nanosleep\((CLOCK_REALTIME, 0, )?\{0\.002500000\}, (NULL|0x[0-9a-f]+)\) = 0 <0\.0",
    r"pipe2?\(\[3, 4\](, O_RDONLY)?\) = 0 <",
    r'write\(4, "a\\n\\001", 3\) = 3 <',
    r'read\(3, "a\\n\\001", 8\) = 3 <',
    r"getppid\(\) = 0 <",
    r"shmget\(0x1, 0x2, 0x3\) = -1 ENOSYS \(Function not implemented\) <",
    r"clone3?\(.*\) = 2 <",
    r"\[2\] futex\(0x[0-9a-f]+, FUTEX_WAIT_PRIVATE, \d+, NULL.*(<unfinished \.\.\.>|= 0 <)",
    r"futex\(0x[0-9a-f]+, FUTEX_WAKE_PRIVATE, 1, .*\) = 1 <",
    r"getuid\(\) = 0 <",
    r"exit_group\(7",
]


def _programs(w):
    w.need_images()
    if not (BUILD / "lib/kiln/kiln-loader").is_file():
        raise Skip(f"{BUILD}/lib/kiln has no kiln-loader (make)")
    source = w.file("traced.c", PROGRAM)
    linked, loaded = w.dir / "traced", w.dir / "traced-static"
    if not linked.exists():
        must([w.prefix / "bin" / "kiln-cc", source, "-o", linked])
        must(["gcc", "-static", "-O1", source, "-o", loaded, "-pthread"])
    return linked, loaded


def a_trace_shows_calls_and_errors(w):
    for path in _programs(w):
        for platform in PLATFORMS:
            r = w.run("run", "--platform", platform, "--trace", path)
            expect(r, 7)
            lines = r.err.splitlines()
            at = 0
            for wanted in WANTED:
                pattern = wanted.replace(r"open\(", r"open(at)?\(")
                found = next((i for i in range(at, len(lines)) if re.search(pattern, lines[i])), None)
                if found is None and "clone" not in wanted and "futex" not in wanted:
                    check(False, f"{path.name} on {platform}: no {wanted}\n{r.err}")
                check(found is not None or any(re.search(pattern, line) for line in lines),
                      f"{path.name} on {platform}: no {wanted}\n{r.err}")
                at = found if found is not None and "futex" not in wanted else at
            check(all(re.match(r" *\d+\.\d{6} \[\d+\] |kiln: ", line) for line in lines), r.err)


def a_trace_shows_families_and_single_calls(w):
    linked, _ = _programs(w)
    for words, names in (("time", {"clock_nanosleep", "nanosleep"}), ("getppid,shmget", {"getppid", "shmget"})):
        r = w.run("run", "--platform", "linuxu", f"--trace={words}", linked)
        expect(r, 7)
        seen = set(re.findall(r"^ *[\d.]+ \[\d+\] (\w+)\(", r.err, re.M))
        check(seen and seen <= names, f"{words}: {seen}")
    expect(w.run("run", "--trace=files", linked), 2, has=["--trace=files", "families: file, "])


def without_a_trace_nothing_is_shown(w):
    for path in _programs(w):
        r = w.run("run", "--platform", "linuxu", path)
        expect(r, 7, lacks="] ")
