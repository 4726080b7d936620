# SPDX-License-Identifier: MIT OR Apache-2.0
"""Work for several CPUs (bench/smp): Kiln in a virtual machine beside a Linux guest, as a process beside Linux.

Two with the same number of CPUs take turns, each doing the same job for a moment, so that what else the machine does
meanwhile meets both alike; then each once more the other way round, for it tells who comes after whom. No virtual
machine is there while processes are measured: a guest that has done its job still takes the host's CPU now and then.
Where code and data lie counts as well: emulation can take twice as long for a loop or a small function that a page's
end cuts in two, and cache lines are not equally far from all CPUs. So all is done with several layouts: the same
program with its code moved by parts of a page, started anew.

Median of all times, and the least; median of the turns' ratios, and between which two of them the true median is with a
probability of 95 %. A virtual machine's CPUs have a host CPU each: left alone, the host often starts two on the same
one, and moves one away after milliseconds.
"""
import itertools
import json
import math
import os
import re
import select
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import linux

CPUS = (1, 2)
ANSWER_SECONDS = 60
MEMORY = "512M"
GOAL_SPEEDUP = 1.8
SHIFTS = (0, 1024, 2048, 3072)  # bytes; each is a layout
NOISE = 0.97  # ratios down to this are called equal, and so are those that may be 1


@dataclass(frozen=True)
class Pair:
    """Kiln and Linux in the same place."""
    title: str
    names: tuple
    turns: int  # with each layout, after one to warm up; in each, every system has the job done twice


VM = Pair("in a virtual machine", ("kvm", "Linux guest"), 2)
# A job of theirs lasts some milliseconds, in which the host can favour anybody.
PROCESS = Pair("as a process", ("linuxu", "Linux"), 12)


@dataclass(frozen=True)
class Job:
    name: str        # in bench/smp
    title: str
    vm_n: int        # operations in a virtual machine
    process_n: int   # and as a process
    unit: str = "ns"  # of one operation; "ms": of all
    threads: bool = True   # of those in which Kiln means to be ahead of native Linux, too
    parallel: bool = False  # of those that two CPUs are to make faster by GOAL_SPEEDUP


JOBS = (
    Job("rayon-sum", "rayon: parallel sum", 4_000_000, 4_000_000, "ms", threads=False, parallel=True),
    Job("rayon-sort", "rayon: parallel sort", 1_000_000, 1_000_000, "ms", threads=False, parallel=True),
    # Long as a process, as contention is what they are about: towards the end the threads that are left may be on one CPU, and one
    # CPU alone takes a lock three times as fast; a system that is slow to give the other one of them has more of that.
    Job("mutex", "Mutex, 4 threads", 200_000, 10_000_000),
    Job("rwlock", "RwLock, 4 threads", 200_000, 10_000_000),
    Job("park", "park + unpark round trip", 1_000, 10_000),
    Job("mpsc", "mpsc, a message", 100_000, 500_000),
    Job("crossbeam", "crossbeam, bounded, a message", 10_000, 200_000),
    Job("spawn", "thread spawn + join", 100, 1_000),
    Job("crowd", "the same, 32 at a time", 128, 1_600),
    Job("yield", "yield, 4 threads", 10_000, 100_000),
    Job("alloc-1", "allocation + free, 1 thread", 100_000, 1_000_000, threads=False),
    Job("alloc-2", "allocation + free, 2 threads", 100_000, 1_000_000, threads=False),
    Job("alloc-4", "allocation + free, 4 threads", 100_000, 1_000_000, threads=False),
    Job("alloc-pass", "allocation, another thread frees", 50_000, 300_000, threads=False),
    Job("fault-1", "page fault, 1 thread", 4_096, 16_384, threads=False),
    Job("fault-2", "page fault, 2 threads", 4_096, 16_384, threads=False),
)


def ancestry(pid):
    """The process that a thread belongs to, and those that have started it."""
    while pid > 1:
        text = Path(f"/proc/{pid}/status").read_text()
        pid = int(re.search(r"^Tgid:\s*(\d+)", text, re.M)[1])
        yield pid
        pid = int(re.search(r"^PPid:\s*(\d+)", text, re.M)[1])


class System:
    """A running program that does jobs when asked."""

    def __init__(self, name, cpus, command):
        self.name, self.cpus, self.command = name, cpus, command
        self.process = None
        self.start()

    def start(self):
        """Start it, without waiting: several do so together."""
        self.ready = False
        self.process = subprocess.Popen(list(map(str, self.command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def pin(self):
        """Let each CPU of a virtual machine stay on a host CPU of its own."""
        host = sorted(os.sched_getaffinity(0))
        for comm in Path("/proc").glob("[0-9]*/task/[0-9]*/comm"):
            try:
                m = re.fullmatch(r"CPU (\d+)/\w+\n", comm.read_text())
                if m and self.process.pid in ancestry(int(comm.parent.name)):
                    os.sched_setaffinity(int(comm.parent.name), {host[int(m[1])]})
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _line(self, pattern):
        """The first output that matches the pattern; None if it does not come in time."""
        end = time.monotonic() + ANSWER_SECONDS
        seen = b""
        while True:
            m = re.search(pattern, seen)
            if m:
                return m
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                return None
            seen += chunk

    def ask(self, name, n=""):
        """The number that is answered, or None; after that it is started anew."""
        try:
            # What is sent to a console before there is a program may be lost.
            if not self.ready:
                if not self._line(rb"= ready\r?\n"):
                    raise BrokenPipeError
                if self.name in VM.names:
                    self.pin()
                self.ready = True
            self.process.stdin.write(f"{name} {n}\n".encode())
            self.process.stdin.flush()
            m = self._line(rb"= " + name.encode() + rb" (\d+)\r?\n")
        except BrokenPipeError:
            m = None
        if m:
            return int(m.group(1))
        self.stop()
        self.start()
        return None


def tsc_khz(program):
    """The cycle counter's frequency, which is the host's in emulation, too."""
    text = subprocess.run([program], input="tsc\n", stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(re.search(r"= tsc (\d+)", text).group(1))


def commands(images, image, program, khz, kernel):
    """(name, number of CPUs, command) of each system that can run here: image on Kiln, program on Linux. kernel: the
    Linux guest's, or None."""
    host = sorted(os.sched_getaffinity(0))
    for n in CPUS:
        if n > len(host):
            continue
        pinned = ["taskset", "-c", ",".join(map(str, host[:n]))]
        kiln = [images.kiln, "run", "--cpus", n]
        yield "kvm", n, [*kiln, "--accel", "tcg", "--memory", MEMORY, image]
        if kernel:
            # Without these, Linux soon mistrusts the emulated cycle counter and has a clock of 4 ms.
            append = f"tsc=reliable tsc_early_khz={khz}"
            yield "Linux guest", n, linux.command(images, kernel, program, MEMORY, n, append)
        yield "linuxu", n, [*pinned, *kiln, "--platform", "linuxu", image]
        yield "Linux", n, [*pinned, program]


def measure(pair, systems, job, times):
    """Append to times, {(name, cpus): times}, two for each turn, in the job's unit. What fails has None for good."""
    n = job.vm_n if pair is VM else job.process_n
    for turn, cpus in itertools.product(range(pair.turns + 1), CPUS):
        group = [s for s in systems if s.cpus == cpus][::-1 if turn % 2 else 1]
        for s in group + group[::-1]:
            mine = times.setdefault((s.name, s.cpus), [])
            if mine is None:
                continue
            ns = s.ask(job.name, n)
            if ns is None:
                times[s.name, s.cpus] = None
            elif turn:
                mine.append(ns / 1e6 if job.unit == "ms" else ns / n)


def median_bounds(values):
    """Between them is the median of what the values are a sample of, with a probability of 95 %: as many are below it as
    fair coins show heads."""
    values = sorted(values)
    n = len(values)
    cut = 0
    while sum(math.comb(n, i) for i in range(cut + 2)) / 2 ** n <= 0.025:
        cut += 1
    return values[cut], values[-1 - cut]


def ratio(results, pair, cpus):
    """How many times faster Kiln is: the median of the turns and its bounds; None if one of the two is missing."""
    kiln, other = (results.get((name, cpus)) for name in pair.names)
    if not kiln or not other:
        return None
    turns = [sum(other[i:i + 2]) / sum(kiln[i:i + 2]) for i in range(0, len(kiln), 2)]
    return statistics.median(turns), *median_bounds(turns)


def mark(results, pair, job, cpus):
    """What is to be said about a line; in capitals where it misses a goal."""
    kiln, other = pair.names
    if not results.get((kiln, cpus)):
        return f"{kiln} FAILED"
    median, _, high = ratio(results, pair, cpus) or (1, 1, 1)
    if median >= NOISE or high >= 1:
        return ""
    return f"{'BEHIND' if pair is VM or job.threads else 'behind'} {other}"


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def cells(results, pair, cpus):
    """Of one line: both systems, and how much faster the first is."""
    out = ""
    for name in pair.names:
        times = results.get((name, cpus))
        out += f"{number(statistics.median(times)):>9} ({number(min(times)) + ')':<9}" if times else f"{'-':>9}{'':11}"
    r = ratio(results, pair, cpus)
    if r is None:
        return f"{out}{'-':>6}"
    median, low, high = r
    return f"{out}{median:>6.2f} ({low:.2f} to {high:.2f})"


def speedups(results, pair, job):
    """The line about two CPUs and one: of medians and of the least. The goal is for these, for the host that wants a CPU
    for itself meets two CPUs more often than one."""
    out, verdict = "", ""
    for name in pair.names:
        one, two = results.get((name, CPUS[0])), results.get((name, CPUS[-1]))
        if not one or not two:
            out += f"{'-':>9}{'':11}"
            continue
        best = min(one) / min(two)
        out += f"{statistics.median(one) / statistics.median(two):>9.2f} ({f'{best:.2f})':<9}"
        if job.parallel and name == pair.names[0]:
            verdict = "good" if best >= GOAL_SPEEDUP else f"BELOW {GOAL_SPEEDUP}"
    return f"{out}{'':24}{verdict}".rstrip()


def show(results, pair, job):
    for cpus in CPUS:
        if any(k[1] == cpus for k in results):
            print(f"{job.title + ', ' + job.unit:<38} {cpus} {cells(results, pair, cpus)}  "
                  f"{mark(results, pair, job, cpus)}".rstrip())
    print(f"{'':<30} speedup: {speedups(results, pair, job)}", flush=True)


def record(images, all_results):
    """All results of this run; they are for reading, not for comparison."""
    path = images.bench / "baseline" / "smp.json"
    text = {title: {f"{name}, {cpus} CPUs": [round(f(times), 2) for f in (statistics.median, min)]
                    for (name, cpus), times in results.items() if times}
            for title, results in all_results.items()}
    path.write_text(json.dumps(text, indent="\t") + "\n")
    print(f"recorded in {path}")


def pair_times(pair, layouts, jobs, table):
    """{title of a job: its results}."""
    results = {job.title: {} for job in jobs}
    for i, layout in enumerate(layouts, 1):
        print(f"{pair.title}: layout {i} of {len(layouts)}", file=sys.stderr)
        systems = [System(*c) for c in layout if c[0] in pair.names]
        try:
            for s in systems:
                if s.ask("cpus") != s.cpus:
                    table.missing(f"{s.name} with {s.cpus} CPUs", "it has another number of CPUs")
            for job in jobs:
                measure(pair, systems, job, results[job.title])
        finally:
            for s in systems:
                s.stop()
    return results


def times(images, table, with_linux_guest, update):
    jobs = [j for j in JOBS if table.wanted(f"smp: {j.title}")]
    if not jobs:
        return
    kernel = linux.fetch_kernel() if with_linux_guest else None
    if with_linux_guest and kernel is None:
        table.missing("Linux guest", f"{linux.PACKAGE} cannot be downloaded")
    for n in CPUS:
        if n > len(os.sched_getaffinity(0)):
            table.missing(f"{n} CPUs", f"there are {len(os.sched_getaffinity(0))}")
    programs = [(images.smp("kiln", shift), images.smp("linux", shift)) for shift in SHIFTS]
    khz = tsc_khz(programs[0][1])
    layouts = [list(commands(images, *both, khz, kernel)) for both in programs]
    all_results = {j.title: {} for j in jobs}
    for pair in (VM, PROCESS):
        table.heading(f"Several CPUs, {pair.title}: median of {2 * pair.turns * len(SHIFTS)} times (least), "
                      "how many times faster Kiln is than Linux (95 %: from, to)")
        results = pair_times(pair, layouts, jobs, table)
        print(f"{'what':<36} CPUs {pair.names[0]:>8} {pair.names[1]:>20} {'ratio':>16}")
        for job in jobs:
            show(results[job.title], pair, job)
            all_results[job.title].update(results[job.title])
    if update and jobs == list(JOBS):
        record(images, all_results)
