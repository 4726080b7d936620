# SPDX-License-Identifier: MIT OR Apache-2.0
"""Running QEMU: until a text appears, or with the counting plugin."""
import os
import select
import shlex
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

TEXT = b"Hello"
XEN_ELFNOTE_PHYS32_ENTRY = 18


def pvh_entry(path):
    """The physical entry address in the image's PVH note."""
    d = Path(path).read_bytes()
    wide = d[4] == 2
    phoff = struct.unpack_from("<Q" if wide else "<I", d, 32 if wide else 28)[0]
    size, number = struct.unpack_from("<HH", d, 54 if wide else 42)
    for i in range(number):
        at = phoff + i * size
        kind = struct.unpack_from("<I", d, at)[0]
        off = struct.unpack_from("<Q" if wide else "<I", d, at + (8 if wide else 4))[0]
        length = struct.unpack_from("<Q" if wide else "<I", d, at + (32 if wide else 16))[0]
        end = off + length
        while kind == 4 and off + 12 <= end:
            name_size, desc_size, note = struct.unpack_from("<III", d, off)
            desc = off + 12 + (name_size + 3 & ~3)
            if note == XEN_ELFNOTE_PHYS32_ENTRY and d[off + 12:off + 15] == b"Xen":
                return int.from_bytes(d[desc:desc + min(desc_size, 8)], "little")
            off = desc + (desc_size + 3 & ~3)
    raise ValueError(f"{path} has no PVH note")


def kiln_command(images, image, args=(), machine=None, memory=None):
    """The QEMU command that kiln run would use, with emulation and one CPU."""
    cmd = [images.kiln, "run", "--dry-run", "--platform", "kvm", "--accel", "tcg", "--cpus", "1"]
    cmd += ["--machine", machine] if machine else []
    cmd += ["--memory", memory] if memory else []
    text = subprocess.run([*cmd, image, "--", *args], check=True, stdout=subprocess.PIPE, text=True).stdout
    return shlex.split(text.strip().split("\n")[-1])


def with_memory(cmd, memory):
    cmd = list(cmd)
    cmd[cmd.index("-m") + 1] = memory
    return cmd


def until_text(cmd, timeout=60.0):
    """Milliseconds from the start to the text, or None."""
    start = time.monotonic()
    p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen, found = b"", None
    while found is None:
        left = start + timeout - time.monotonic()
        if left <= 0 or not select.select([p.stdout], [], [], left)[0]:
            break
        chunk = os.read(p.stdout.fileno(), 65536)
        if not chunk:
            break
        seen += chunk
        if TEXT in seen:
            found = (time.monotonic() - start) * 1000
    p.kill()
    p.wait()
    p.stdout.close()
    return found


def median_until_text(cmd, runs):
    """Median, and the best."""
    times = [until_text(cmd) for _ in range(runs)]
    if None in times:
        return None
    return statistics.median(times)


def smallest_memory(cmd, top_kib, step_kib, timeout):
    """The smallest memory in KiB with which the text comes, in steps; None if it does not with top_kib."""
    def works(kib):
        return until_text(with_memory(cmd, f"{kib}K"), timeout) is not None

    low, high = 0, top_kib // step_kib
    if not works(high * step_kib):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if works(middle * step_kib):
            high = middle
        else:
            low = middle
    return high * step_kib


def count(images, cmd, entry=None, icount=False, timeout=300):
    """Run with the plugin. A list of its lines, each a list of words."""
    with tempfile.TemporaryDirectory() as folder:
        console, report = f"{folder}/console", f"{folder}/report"
        Path(console).touch()
        out = []
        for word in cmd:
            out.append(f"file,id=out,path={console}" if word.startswith("stdio,id=out") else
                       f"null,id={word.split('id=')[1].split(',')[0]}" if word.startswith("file,id=") else word)
        plugin = f"{images.plugin},report={report},console={console},text={TEXT.hex()}"
        plugin += f",entry={entry:x}" if entry is not None else ""
        out += ["-plugin", plugin] + (["-icount", "shift=0,sleep=off"] if icount else [])
        subprocess.run(out, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=timeout, check=False)
        return [line.split() for line in Path(report).read_text().split("\n") if line]
