# SPDX-License-Identifier: MIT OR Apache-2.0
"""Run one program once, on one platform."""
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

from .settings import ROOT

OUTPUT_MAX = 64 << 20  # bytes kept of a stream; a program that writes without end is stopped


@dataclass
class Outcome:
    command: list
    status: int          # as a shell shows it; None after a timeout
    stdout: bytes
    stderr: bytes
    seconds: float
    cpu_seconds: float
    rss_mib: float       # the most that one of its processes had in memory

    def log(self):
        """Everything about the run, for a failure's log."""
        status = "stopped after its time was over" if self.status is None else self.status
        lines = [f"$ {shell_text(self.command)}",
                 f"status: {status}, {self.seconds:.1f} s, {self.cpu_seconds:.1f} s of processor time, "
                 f"{self.rss_mib:.0f} MiB"]
        for name, data in (("stdout", self.stdout), ("stderr", self.stderr)):
            text = data.decode(errors="backslashreplace")
            text = "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
            lines += [f"--- {name} ({len(data)} bytes)"] + text.rstrip("\n").split("\n")[-40:]
        return "\n".join(lines)


def shell_text(command):
    """The command as one can type it in bash."""
    def quote(word):
        word = os.fsencode(word)
        if word and all(chr(b).isalnum() or chr(b) in "-_=./:,+@%" for b in word) and max(word) < 128:
            return word.decode()
        return "$'" + "".join(
            chr(b) if 32 <= b < 127 and b not in b"'\\" else f"\\x{b:02x}" for b in word) + "'"
    return " ".join(quote(w) for w in command)


def command_for(settings, platform, cpus, case, image, seed):
    """Command and environment that run image on a platform. cpus: None on linux."""
    here = cpus or len(os.sched_getaffinity(0))
    env = [f"TEST_SEED={seed}".encode(), f"TEST_CPUS={here}".encode()] + case.env
    if platform == "linux":
        return [os.fsencode(image)] + case.args, env
    cmd = [os.fsencode(settings.kiln), b"run", b"--platform", platform.encode(), b"--cpus", str(cpus).encode()]
    if platform == "kvm":
        for option, value in (("--memory", case.memory), ("--machine", case.machine)):
            if value:
                cmd += [option.encode(), value.encode()]
        if case.cpu:
            cmd += [b"--qemu-arg", b"-cpu", b"--qemu-arg", case.cpu.encode()]
    for e in env:
        cmd += [b"--env", e]
    return cmd + [os.fsencode(image), b"--"] + case.args, []


def _read_all(stream, store, stop):
    while True:
        chunk = stream.read1(1 << 16)
        if not chunk:
            return
        if len(store) < OUTPUT_MAX:
            store += chunk
        else:
            stop()


def run_command(command, env=(), stdin=b"", timeout=60, clean_env=False):
    """Run with stdin given whole. The process group is killed when time is over."""
    full = {k: v for k, v in os.environb.items() if k not in (b"RUST_BACKTRACE", b"KILN_OPTS")}
    if clean_env:
        full = {b"PATH": os.environb.get(b"PATH", b"/usr/bin:/bin")}
    full.update(e.split(b"=", 1) for e in env)
    start = time.monotonic()
    p = subprocess.Popen(command, env=full, cwd=ROOT, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def stop():
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    out, err = bytearray(), bytearray()
    readers = [threading.Thread(target=_read_all, args=(s, b, stop))
               for s, b in ((p.stdout, out), (p.stderr, err))]
    for r in readers:
        r.start()
    over = threading.Event()

    def on_timeout():
        over.set()
        stop()

    timer = threading.Timer(timeout, on_timeout)
    timer.start()
    try:
        p.stdin.write(stdin)
        p.stdin.close()
    except BrokenPipeError:
        pass
    _, wait_status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(wait_status)
    timer.cancel()
    for r in readers:
        r.join(5)
    stop()
    status = p.returncode if p.returncode >= 0 else 128 - p.returncode
    return Outcome(list(command), None if over.is_set() else status, bytes(out), bytes(err),
                   time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def run_case(settings, platform, cpus, case, image, seed):
    command, env = command_for(settings, platform, cpus, case, image, seed)
    return run_command(command, env, case.stdin, case.timeout)
