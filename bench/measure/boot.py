# SPDX-License-Identifier: MIT OR Apache-2.0
"""The hello program: its size, the way to its first output, the memory it needs."""
import statistics
import subprocess
import time

from . import qemu

GOAL_SIZE, GOAL_SIZE_SMALL = 370_000, 130_000
GOAL_BOOT = 30_000
GOAL_MEMORY_KIB = 2048
GOAL_ABOVE_FLOOR_MS = 3.5
GOAL_PROCESS_MS = 0.5
BOOTS = 5
TIMED_BOOTS = 11


def sizes(images, table):
    table.heading("Size of the stripped hello image")
    if table.wanted("size hello"):
        table.row("size hello", images.hello.stat().st_size, "bytes", GOAL_SIZE, fixed=True)
    name = "size hello, std built for size"
    if images.hello_small is None:
        table.missing(name, "there is no build/lib/kiln/rust-small; make rust-small")
    elif table.wanted(name):
        table.row(name, images.hello_small.stat().st_size, "bytes", GOAL_SIZE_SMALL, fixed=True)


def instructions_to_text(images, image, machine):
    counts = []
    entry = qemu.pvh_entry(image)
    for _ in range(BOOTS):
        lines = {line[0]: int(line[1]) for line in qemu.count(
            images, qemu.kiln_command(images, image, machine=machine), entry) if len(line) == 2}
        if "entry" not in lines or "text" not in lines:
            return None
        counts.append(lines["text"] - lines["entry"])
    return int(statistics.median(counts))


def instructions(images, table):
    table.heading("Instructions from the kernel's entry to the first output")
    for name, image, machine in (("boot microvm", images.hello, "microvm"), ("boot q35", images.hello, "q35"),
                                 ("boot microvm, std built for size", images.hello_small, "microvm")):
        if image is None or not table.wanted(name):
            continue
        n = instructions_to_text(images, image, machine)
        if n is None:
            table.missing(name, "it did not print")
        else:
            table.row(name, n, "instructions", GOAL_BOOT if image is images.hello else None, fixed=True)


def memory(images, table):
    table.heading("Smallest memory that boots to hello")
    name = "memory microvm"
    if table.wanted(name):
        cmd = qemu.kiln_command(images, images.hello, machine="microvm")
        kib = qemu.smallest_memory(cmd, 8192, 64, 3)
        if kib is None:
            table.missing(name, "it does not boot in 8 MiB")
        else:
            table.row(name, kib, "KiB", GOAL_MEMORY_KIB, fixed=True)


def process_ms(command):
    """Milliseconds that a process takes, from start to end."""
    times = []
    for _ in range(101):
        start = time.monotonic()
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        times.append((time.monotonic() - start) * 1000)
    return statistics.median(times)


def times(images, table):
    table.heading("Time to hello, in emulation")
    floor = None
    if table.wanted("time floor"):
        cmd = qemu.kiln_command(images, images.hello, machine="microvm")
        cmd[cmd.index("-kernel") + 1] = str(images.floor)
        floor = qemu.median_until_text(cmd, TIMED_BOOTS)
        if floor is None:
            table.missing("time floor", "the smallest kernel did not print")
        else:
            table.row("time floor: the smallest kernel", floor, "ms")
    if table.wanted("time microvm"):
        ms = qemu.median_until_text(qemu.kiln_command(images, images.hello, machine="microvm"), TIMED_BOOTS)
        table.row("time microvm", ms, "ms", round(floor + GOAL_ABOVE_FLOOR_MS, 1) if floor else None)
    if table.wanted("time process"):
        table.heading("Time of a process, start to end")
        table.row("time process linuxu", process_ms([images.hello]), "ms", GOAL_PROCESS_MS)
        table.row("time process Linux", process_ms([images.hello_linux]), "ms")
