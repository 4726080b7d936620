# SPDX-License-Identifier: MIT OR Apache-2.0
"""Threads seen from outside: dumps by SIGQUIT and by the watchdog, statistics, gdb."""
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import time

from harness import Skip, check, expect, must
from test_terminal import _Terminal

PLATFORMS = ("kvm", "linuxu")
PROGRAM = r"""
use std::sync::{mpsc, Arc, Barrier, Mutex};
use std::{env, thread, time::Duration};

#[inline(never)]
fn take_both(first: Arc<Mutex<u32>>, second: Arc<Mutex<u32>>, met: Arc<Barrier>) -> u32 {
    let one = first.lock().unwrap();
    met.wait();
    let two = second.lock().unwrap();
    *one + *two
}

#[inline(never)]
fn wait_in_channel(r: mpsc::Receiver<u32>) -> u32 {
    r.recv().unwrap_or(0)
}

#[inline(never)]
fn sleep_for(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
    std::hint::black_box(ms); // no tail call: the function is to be seen
}

#[inline(never)]
fn compute() {
    let (mut a, b) = ([1.0f64; 8], [1.5f64; 8]);
    loop {
        for i in 0..8 {
            a[i] = std::hint::black_box(a[i] * b[i]);
        }
        for i in 0..8 {
            a[i] /= b[i];
        }
        if a != [1.0; 8] {
            println!("registers were changed: {a:?}");
            std::process::exit(9);
        }
    }
}

fn named(name: &str, f: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new().name(name.into()).spawn(f).unwrap()
}

fn main() {
    let ms = env::args().nth(1).map_or(1_000_000, |a| a.parse().unwrap());
    let (a, b, met) = (Arc::new(Mutex::new(1)), Arc::new(Mutex::new(2)), Arc::new(Barrier::new(2)));
    let (a2, b2, met2) = (a.clone(), b.clone(), met.clone());
    let (sender, receiver) = mpsc::channel();
    let one = named("one", move || { take_both(a, b, met); });
    named("two", move || { take_both(b2, a2, met2); });
    named("receiver", move || { wait_in_channel(receiver); });
    named("sleeper", move || sleep_for(ms));
    if env::args().nth(2).is_some() {
        named("busy", compute);
    }
    println!("ready");
    one.join().unwrap();
    drop(sender);
}
"""


def _program(w):
    w.need_rust()
    path = w.dir / "blocked"
    if not path.exists():
        env = dict(re.findall(r"^export (\w+)='?(.*?)'?;?$", w.run("env").out, re.M))
        source = w.file("blocked.rs", PROGRAM)
        must([env.get("RUSTC", "rustc"), *env["KILN_RUSTC_ARGS"].split(), "-O", "-o", path, source])
    return path


def _read_until(p, stream, text):
    """What the process writes until text has come."""
    seen, deadline = b"", time.time() + 60
    while text not in seen:
        check(time.time() < deadline and p.poll() is None, f"no {text!r} in {seen!r}")
        if select.select([stream], [], [], 0.1)[0]:
            seen += os.read(stream.fileno(), 65536)
    return seen.decode()


def _dump(p):
    p.send_signal(signal.SIGQUIT)
    text = _read_until(p, p.stderr, b"kiln: end of threads\n")
    return {name: rest for name, rest in re.findall(r"^thread \d+ '(.*?)', (.*\n(?: .*\n)*)", text, re.M)}


BLOCKED = {
    "blocked": r"waits: futex, end of a thread, 0x[^]*blocked::main",
    "one": r"waits: futex, mutex, 0x[^]*blocked::take_both",
    "two": r"waits: futex, mutex, 0x[^]*blocked::take_both",
    "receiver": r"waits: futex, channel, 0x[^]*blocked::wait_in_channel",
    "sleeper": r"waits: sleep, for \d+\.\d+ s, at most 99\d\.\d+ s more\n[^]*blocked::sleep_for",
    "busy": r" runs\n[^]*blocked::compute",
}


def _wrong(threads):
    """Those of whom a dump does not say what it should."""
    return [name for name, pattern in BLOCKED.items()
            if not re.search(pattern.replace("[^]", r"[\s\S]"), threads.get(name, ""))]


def a_dump_tells_blocked_threads_apart(w):
    for platform in PLATFORMS:
        p = w.start("run", "--platform", platform, "--cpus", "2", _program(w), "--", "1000000", "busy")
        try:
            _read_until(p, p.stdout, b"ready\n")
            # Until all have come to where they stay; and from then on it is so each time.
            for _ in range(20):
                threads = _dump(p)
                if not _wrong(threads):
                    break
                time.sleep(0.2)
            for _ in range(3):
                check(not _wrong(threads), f"{platform}: {_wrong(threads)}: {threads}")
                threads = _dump(p)
            check(p.poll() is None, f"{platform}: it has ended")
        finally:
            p.terminate()
            p.communicate()
        check(p.returncode == 128 + signal.SIGTERM, f"{platform}: status {p.returncode}")


def the_watchdog_ends_a_program_that_is_stuck(w):
    for platform in PLATFORMS:
        r = w.run("run", "--platform", platform, "--watchdog", "--cpus", "2", _program(w), "--", "100")
        expect(r, 124, out="ready\n", has=["kiln: every thread waits for another one\n", "mutex", "blocked::take_both",
                                           "blocked::wait_in_channel"], lacks="sleeper")


def the_watchdog_leaves_others_alone(w):
    """Waiting for input, or sleeping, is not being stuck."""
    source = r"""
    #include <poll.h>
    #include <stdio.h>
    #include <unistd.h>
    int main(void)
    {
        struct pollfd p = {0, POLLIN, 0};
        char c;
        puts("ready");
        fflush(stdout);
        usleep(200000);
        poll(&p, 1, -1);
        return read(0, &c, 1) == 1 ? c : 3;
    }
    """
    w.need_images()
    path = w.dir / "waits"
    must([w.prefix / "bin" / "kiln-cc", w.file("waits.c", source), "-o", path])
    for platform in PLATFORMS:
        p = w.start("run", "--platform", platform, "--watchdog", path, stdin=subprocess.PIPE)
        _read_until(p, p.stdout, b"ready\n")
        time.sleep(0.7)
        out, err = p.communicate(b"A")
        check(p.returncode == ord("A"), f"{platform}: status {p.returncode} {err}")


def stats_tell_what_a_run_took(w):
    for platform in PLATFORMS:
        p = w.start("run", "--platform", platform, "--watchdog", "--stats", "--cpus", "2", _program(w), "--", "50",
                    stderr=subprocess.PIPE)
        err = p.communicate()[1].decode()
        check(p.returncode == 124 and "kiln: what the run took\n" in err, err)
        numbers = {k: float(v) for k, v in re.findall(r"^ +(\S.*?) +([\d.]+)(?: ms|$| \()", err, re.M)}
        check(numbers.get("threads") == 5 and numbers.get("CPUs used") == 2, err)
        check(numbers.get("program", 0) >= 50 and numbers.get("boot: kernel", 0) > 0, err)
        check(numbers.get("page faults", 0) >= 5 and numbers.get("switches between threads", 0) >= 5, err)
        check(500 < numbers.get("memory at most, KiB", 0) < 100000, err)
        check(numbers.get("system calls", 0) > 20 and numbers.get("clone") == 4, err)
        check("kiln: stats" not in err and "kiln: calls" not in err, err)


def gdb_lists_the_programs_threads(w):
    if not shutil.which("gdb"):
        raise Skip("gdb is not installed")
    stop = w.file("stop.py", "import os, signal, threading\n"
                  "threading.Timer(4, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n")
    then = ["-ex", f"source {stop}", "-ex", "continue", "-ex", "info threads", "-ex", "kiln bt 4", "-ex", "kill"]
    p = w.start("run", "--gdb", "--cpus", "2", _program(w))
    try:
        script = re.search(r"gdb -x (\S+)", _read_until(p, p.stderr, b".gdb\n")).group(1)
        shown = {"kvm": w.command(["gdb", "-nx", "-batch", "-x", script, *then])}
    finally:
        p.kill()
        p.communicate()
    command = w.run("run", "--platform", "linuxu", "--cpus", "2", "--gdb", "--dry-run", _program(w)).out
    words = shlex.split(command)
    at = words.index("--args")
    shown["linuxu"] = w.command([words[0], "-nx", "-batch", *words[1:at], "-ex", "tbreak main", "-ex", "run", *then,
                                 *words[at:]])
    for platform, r in shown.items():
        for thread in (r"1 +blocked +\d +waits: futex ", r"2 +one +\d +waits: futex +(syscall|kiln_std_futex_wait)",
                       r"4 +receiver +\d +waits: futex +(syscall|kiln_std_futex_wait)", r"5 +sleeper +\d +waits: sleep +\w*nanosleep"):
            check(re.search(r"^  " + thread, r.out, re.M), f"{platform}: no {thread}\n{r.describe()}")
        check("blocked::wait_in_channel" in r.out, f"{platform}: {r.describe()}")


def ctrl_backslash_at_a_terminal(w):
    for platform in PLATFORMS:
        t = _Terminal(w, "run", "--platform", platform, "--cpus", "2", _program(w))
        t.read_until(b"ready\r\n")
        for _ in range(2):
            t.text = b""
            t.type(b"\x1c")
            t.read_until(b"kiln: end of threads\r\n")
            check(b"thread 1 'blocked'" in t.text and t.process.poll() is None, str(t.text))
        t.type(b"\x03")
        status = t.close()
        check(status == 128 + signal.SIGINT, f"{platform}: status {status}")
