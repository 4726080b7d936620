# SPDX-License-Identifier: MIT OR Apache-2.0
"""A program that is loaded: a Rust hello for musl from the loader's entry on, and single operations of a C program."""
import statistics
import sys
from types import SimpleNamespace

from . import qemu
from .build import run

GOAL_BOOT = 60_000
BOOTS = 5
# name, what it is called in ops.c, goal in instructions, operations in a round
OPS = (
    ("null system call, loaded", "getppid-inline", 100, 1000),
    ("clock_gettime, loaded (vDSO)", "clock_gettime", 60, 1000),
    ("sched_yield, 2 threads, 2 switches, loaded", "yield", 350, 1000),
    ("thread create + join (C), loaded", "thread", 9000, 100),
)


def hello(images):
    """The Rust hello for musl, built as the tests of the load route do it. Its file, or why not."""
    sys.path.insert(0, str(images.root / "tests"))
    from harness.load import Compilers, Missing  # pylint: disable=import-outside-toplevel
    exe = images.out / "hello-musl"
    compilers = Compilers(SimpleNamespace(build=images.build, out=images.out))
    try:
        command, _ = compilers.command("rust-musl", images.bench / "rust" / "src" / "bin" / "hello.rs", exe)
    except Missing as e:
        return None, e.why
    run(command)
    return exe, ""


def boot(images, table):
    name = "boot loaded, Rust hello for musl"
    if not table.wanted(name):
        return
    exe, why = hello(images)
    if exe is None:
        table.missing(name, why)
        return
    cmd = qemu.kiln_command(images, exe, machine="microvm")
    entry = qemu.pvh_entry(cmd[cmd.index("-kernel") + 1])
    counts = []
    for _ in range(BOOTS):
        lines = {w[0]: int(w[1]) for w in qemu.count(images, cmd, entry) if len(w) == 2}
        if "entry" in lines and "text" in lines:
            counts.append(lines["text"] - lines["entry"])
    if counts:
        table.row(name, int(statistics.median(counts)), "instructions", GOAL_BOOT, fixed=True)
    else:
        table.missing(name, "it did not print")


def instructions_of(images, program, name, operations):
    """Of one operation and its loop: between 2 N and N operations, the least."""
    lines = qemu.count(images, qemu.kiln_command(images, program, ["count", name]), icount=True)
    marks = [int(w[2]) for w in lines if w[0] == "mark"]
    rounds = [(c - b - (b - a)) / operations for a, b, c in zip(marks[0::3], marks[1::3], marks[2::3])]
    return min(rounds) if rounds else None


def counts(images, table):
    table.heading("A loaded program: from the loader's entry to its first output, and its operations")
    boot(images, table)
    if not any(table.wanted(title) for title, *_ in OPS):
        return
    program = images.out / "ops-static"
    run(["gcc", "-O2", "-pthread", "-static", "-o", program, images.bench / "ops.c"])
    empty = instructions_of(images, program, "empty", 1000)
    for title, name, goal, operations in OPS:
        if not table.wanted(title):
            continue
        n = instructions_of(images, program, name, operations)
        if n is None or empty is None:
            table.missing(title, "the program did not come to its end")
        else:
            table.row(title, round(n - empty, 1), "instructions", goal, fixed=True)
