# SPDX-License-Identifier: MIT OR Apache-2.0
"""The suite std: Rust's own tests of core, alloc and std, linked and loaded; on Linux, as the oracle.

Each executable is judged test by test, by what libtest says. A test has to pass where it passes on Linux, unless
tests/std/expected-failures names it, and then it must not pass. A test that takes its executable down, or hangs, fails,
and the others are run without it.
"""
import concurrent.futures
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

from .build import BuildError
from .runner import shell_text
from .std_build import STD, StdBuilder, executables

ROUTES = ("linked", "loaded")
CPUS = (1, 2)
KVM_MEMORY = b"1G"
QUIET_SECONDS = {"linux": 120, "linuxu": 120, "kvm": 600}  # without a word of a test; then those that run hang
END_SECONDS = 10        # between the last output and the end
RESTARTS_MAX = 40       # of an executable after tests that took it down
LOG_BYTES = 1 << 20     # of output that belongs to no test
MAIN = "main"           # the one test of an executable without libtest


def read_expected():
    """(executable, test): why it cannot pass."""
    expected, reason = {}, None
    for number, line in enumerate((STD / "expected-failures").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            reason = line[1:-1]
            continue
        words = line.split()
        if len(words) != 2 or reason is None or tuple(words) in expected:
            raise BuildError(f"tests/std/expected-failures:{number}: not an executable and a test, below a [reason], once")
        expected[tuple(words)] = reason
    return expected


@dataclass
class Results:
    """What came of each test: ok, failed, ignored; and what it said."""
    events: dict = field(default_factory=dict)
    logs: dict = field(default_factory=dict)
    started: list = field(default_factory=list)
    other: bytearray = field(default_factory=bytearray)
    finished: bool = False
    hung: bool = False
    status: int = None
    seconds: float = 0.0

    def line(self, line):
        """One line of standard output; a test may have written before libtest on the same line. Is it libtest's?"""
        at = line.find(b'{ "type": ')
        try:
            m = json.loads(line[at:]) if at >= 0 else None
        except ValueError:
            m = None
        if not isinstance(m, dict) or m.get("type") not in ("test", "suite"):
            if len(self.other) < LOG_BYTES:
                self.other += line
            return False
        if m["type"] == "suite":
            self.finished |= m["event"] in ("ok", "failed")
        elif m["event"] == "started":
            self.started.append(m["name"])
        elif m["event"] in ("ok", "failed", "ignored"):
            self.events[m["name"]] = m["event"]
            self.logs[m["name"]] = m.get("stdout", "") + m.get("message", "")
        return True

    def suspects(self):
        """Tests that were begun and did not end."""
        return [n for n in self.started if n not in self.events]


class Process:
    """An executable, run once with some arguments for libtest."""

    def __init__(self, command, env, quiet):
        self.results = Results()
        start = time.monotonic()
        folder = tempfile.mkdtemp(prefix="kiln-std-")
        try:
            p = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, start_new_session=True)
            self._read(p, quiet)
            self.results.status = self._end(p)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.results.seconds = time.monotonic() - start

    def _end(self, p):
        """The exit status. What hangs is killed, and what it may have left behind."""
        try:
            p.wait(0 if self.results.hung else END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return p.wait()

    def _read(self, p, quiet):
        out, err = p.stdout.fileno(), p.stderr.fileno()
        rest = {out: b"", err: b""}
        until = time.monotonic() + quiet
        with selectors.DefaultSelector() as s:
            s.register(out, selectors.EVENT_READ)
            s.register(err, selectors.EVENT_READ)
            while s.get_map():
                ready = s.select(max(0.0, until - time.monotonic()))
                if not ready and time.monotonic() >= until:
                    self.results.hung = True
                    return
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        s.unregister(key.fd)
                    *lines, rest[key.fd] = (rest[key.fd] + data).split(b"\n")
                    if not data and rest[key.fd]:
                        lines.append(rest[key.fd])
                    for line in lines:
                        if self.results.line(line + b"\n"):
                            until = time.monotonic() + quiet


class Std:
    def __init__(self, settings, report):
        self.settings = settings
        self.report = report
        self.builder = StdBuilder(settings, report)
        self.expected = read_expected()
        self.oracles = {}
        self.oracle_lock = threading.Lock()

    def plan(self):
        """(executable, route, platform, cpus) for all that is asked for."""
        found = [(e, r, p, n) for p in ("linuxu", "kvm") if p in self.settings.platforms
                 for r in self.settings.routes or ROUTES for n in self.settings.cpus or CPUS
                 for e in executables(self.builder.library)]
        return [t for t in found if self.settings.wanted(self.name(*t))]

    @staticmethod
    def name(executable, route, platform, cpus):
        return f"std/{platform}/{route}/{executable.name}@{cpus}"

    def run(self):
        plan = self.plan()
        if self.settings.list:
            for t in plan:
                self.report.note(self.name(*t))
            return
        self.builder.build(sorted({t[0] for t in plan}, key=lambda e: e.name))
        with concurrent.futures.ThreadPoolExecutor(self.settings.jobs) as pool:
            list(pool.map(lambda t: self._one(*t), plan))

    def _one(self, executable, route, platform, cpus):
        name = self.name(executable, route, platform, cpus)
        try:
            oracle = self._oracle(executable, cpus)
            self.report.note(f"{name} begins: {len(oracle.events)} tests")
            mine = self._whole(executable, self.builder.program(executable, route), platform, cpus)
        except (BuildError, OSError) as e:
            self.report.failed(name, str(e))
            return
        self._judge(name, executable, oracle, mine)

    def _oracle(self, executable, cpus):
        """The static program's results on Linux, with as many threads of libtest's; it is run once for each number."""
        with self.oracle_lock:
            lock, results = self.oracles.setdefault(executable.name, (threading.Lock(), {}))
        # One at a time: on Linux they share names of sockets and ports.
        with lock:
            if cpus not in results:
                r = self._whole(executable, self.builder.program(executable, "loaded"), "linux", cpus)
                results[cpus] = r
                for test in sorted(t for t, e in r.events.items() if e == "failed"):
                    self.report.failed(f"std/linux/{executable.name}@{cpus}: {test}", r.logs.get(test, ""))
        return results[cpus]

    def _command(self, program, platform, cpus, args):
        variables = {b"PATH": os.environb.get(b"PATH", b"/usr/bin:/bin"),
                     b"RUSTC_BOOTSTRAP": b"1"}  # libtest's JSON
        if platform == "linux":
            return [os.fsencode(program), *args], variables
        command = [os.fsencode(self.settings.kiln), b"run", b"--platform", platform.encode(), b"--cpus", b"%d" % cpus]
        if platform == "kvm":
            command += [b"--memory", KVM_MEMORY]
        for key, value in variables.items():
            command += [b"--env", key + b"=" + value]
        return [*command, os.fsencode(program), b"--", *args], variables

    def _run(self, executable, program, platform, cpus, *args):
        libtest = [b"-Zunstable-options", b"--format", b"json", b"--test-threads", b"%d" % cpus, *args]
        command, env = self._command(program, platform, cpus, libtest if executable.harness else [])
        results = Process(command, env, QUIET_SECONDS[platform]).results
        if not executable.harness:
            results.events[MAIN] = "ok" if results.status == 0 else "failed"
            results.logs[MAIN] = f"status {results.status}\n"
        for test, event in results.events.items():
            if event == "failed":
                results.logs[test] = f"$ {shell_text(self._command(program, platform, cpus, [test.encode(), b'--exact'])[0])}\n" \
                    + results.logs[test]
        return results

    def _whole(self, executable, program, platform, cpus):
        """All tests of an executable, whatever some of them do to it."""
        whole, skip = Results(), []
        for _ in range(RESTARTS_MAX):
            r = self._run(executable, program, platform, cpus, *skip)
            whole.events.update(r.events)
            whole.logs.update(r.logs)
            whole.seconds += r.seconds
            if r.finished or not executable.harness:
                return whole
            suspects = r.suspects() or ["(between tests)"]
            for test in suspects:
                self._alone(executable, program, platform, cpus, test, r, whole, len(suspects) == 1)
            skip = [b"--exact"] + [w for t in whole.events for w in (b"--skip", t.encode())]
            if suspects == ["(between tests)"]:
                return whole
        return whole

    def _alone(self, executable, program, platform, cpus, test, together, whole, guilty):
        """A test that was running when the executable ended or hung: is it that one?"""
        r = together
        if not guilty:
            r = self._run(executable, program, platform, cpus, b"--exact", test.encode())
            whole.seconds += r.seconds
        if test in r.events:
            whole.events[test], whole.logs[test] = r.events[test], r.logs[test]
            return
        whole.events[test] = "failed"
        whole.logs[test] = (f"{'it hung' if r.hung else f'the program ended with status {r.status}'}; what it said last:\n"
                            + r.other[-4000:].decode(errors="replace"))

    def _judge(self, name, executable, oracle, mine):
        passed, skipped, failed, known = 0, 0, 0, 0
        for test, event in sorted(oracle.events.items() | {(t, "ok") for t in mine.events if t not in oracle.events}):
            got = mine.events.get(test, "missing")
            reason = self.expected.get((executable.name, test))
            if event == "ignored":
                skipped += 1
            elif event != "ok":
                continue
            elif reason and got != "ok":
                skipped, known = skipped + 1, known + 1
            elif reason:
                failed += 1
                self.report.failed(f"{name}: {test}", f"it passes; take it out of tests/std/expected-failures ({reason})")
            elif got != "ok":
                failed += 1
                self.report.failed(f"{name}: {test}", mine.logs.get(test, f"it did not run ({got})"))
            else:
                passed += 1
        self.report.add(passed, 0, skipped, name)
        self.report.note(f"{name}: {passed} passed, {failed} failed, {skipped - known} ignored, {known} known not to "
                         f"({mine.seconds:.0f} s; Linux {oracle.seconds:.0f} s)")


def run(settings, report):
    try:
        Std(settings, report).run()
    except BuildError as e:
        report.failed("std", str(e))
