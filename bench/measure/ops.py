# SPDX-License-Identifier: MIT OR Apache-2.0
"""Single operations: instructions on kvm, nanoseconds as a Linux process."""
import subprocess

from . import qemu

# name, program ("c" or "rust"), what it is called there, goal in instructions, goal in ns on linuxu
OPS = (
    ("null system call (getppid)", "c", "getppid", 15, 8),
    ("null system call, syscall instruction", "c", "getppid-inline", 100, 1000),
    ("clock_gettime", "c", "clock_gettime", 40, None),
    ("malloc + free of 64 bytes", "c", "malloc", 60, None),
    ("malloc + free of 16 to 512 bytes, 1,000 held", "c", "malloc-churn", None, None),
    ("malloc + free of 300 KB, written to", "c", "malloc-large", None, None),
    ("sched_yield, 2 threads, 2 switches", "c", "yield", 200, 60),
    ("thread create + join (C)", "c", "thread", 6000, None),
    ("thread spawn + join (Rust)", "rust", "spawn", None, 5000),
    ("park + unpark round trip (Rust)", "rust", "park", None, 120),
)


def instructions_of(images, program, name):
    """Instructions of one operation and its loop: between 2 N and N operations, the least of three."""
    image = images.ops if program == "c" else images.rust_ops
    cmd = qemu.kiln_command(images, image, ["count", name])
    lines = qemu.count(images, cmd, icount=True)
    marks = [(int(w[1]), int(w[2])) for w in lines if w[0] == "mark"]
    operations = {"thread": 100, "spawn": 100, "park": 500, "malloc-churn": 10000, "malloc-large": 100}.get(name, 1000)
    results = [(c - b - (b - a)) / operations
               for (ida, a), (idb, b), (idc, c) in zip(marks[0::3], marks[1::3], marks[2::3])
               if (ida, idb, idc) == (1, 2, 3)]
    return min(results) if len(results) == 3 else None


def counts(images, table):
    table.heading("Instructions of an operation (without the loop around it)")
    empty = instructions_of(images, "c", "empty")
    for title, program, name, goal, _ in OPS:
        if not table.wanted(title):
            continue
        n = instructions_of(images, program, name)
        if n is None or empty is None:
            table.missing(title, "the program did not come to its end")
        else:
            table.row(title, round(n - (empty if program == "c" else 0), 1), "instructions", goal, fixed=True)


def nanoseconds(command, name):
    p = subprocess.run([*command, "time", name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    return float(p.stdout.split()[0]) if p.returncode == 0 and p.stdout else None


def times(images, table):
    table.heading("Nanoseconds of an operation, as a Linux process")
    for title, program, name, _, goal in OPS:
        if not table.wanted(title):
            continue
        kiln, native = (images.ops, images.ops_linux) if program == "c" else (images.rust_ops, images.rust_ops_linux)
        for where, image, limit in (("linuxu", kiln, goal), ("Linux", native, None)):
            ns = nanoseconds([image], name)
            if ns is None:
                table.missing(f"{title}, {where}", "the program failed")
            else:
                table.row(f"{title}, {where}", ns, "ns", limit)
