# SPDX-License-Identifier: MIT OR Apache-2.0
"""The suites guest (programs that judge themselves) and diff (Linux is the oracle)."""
import concurrent.futures
import threading
from dataclasses import dataclass

from . import judge
from .build import BuildError, Builder
from .directives import parse
from .runner import run_case
from .settings import TESTS

SOURCES = ("guest/c/*.c", "guest/c/*.cc", "guest/rust/src/bin/*.rs")


def find_cases(suite):
    cases = []
    for pattern in SOURCES:
        for path in sorted(TESTS.glob(pattern)):
            cases += [c for c in parse(path) if c.suite == suite]
    return cases


def host_flags():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("flags"):
                return set(line.split(":")[1].split())
    return set()


@dataclass(frozen=True)
class Test:
    """A case on a platform. cpus: how many CPUs there; None on linux, which has the host's."""
    suite: str
    case: object
    platform: str
    cpus: int = None

    @property
    def name(self):
        return f"{self.suite}/{self.platform}/{self.case.full_name}" + (f"@{self.cpus}" if self.cpus else "")


class Suite:
    """One run of guest or diff."""

    def __init__(self, settings, report, name):
        self.settings = settings
        self.report = report
        self.name = name
        self.builders = {}
        self.host_flags = host_flags()
        self.oracles = {}
        self.oracle_lock = threading.Lock()

    def plan(self):
        """Everything that is asked for."""
        tests = [Test(self.name, c, p, n) for c in find_cases(self.name)
                 for p in c.platforms if p in self.settings.platforms
                 for n in ((None,) if p == "linux" else self.settings.cpus or c.default_cpus)]
        return [t for t in tests if self.settings.wanted(t.name)]

    def prepare(self, plan):
        """Build what the plan needs."""
        need = {"linux": set(), "kiln": set()}
        for test in plan:
            need["linux" if test.platform == "linux" else "kiln"].add(test.case.source)
            if self.name == "diff":
                need["linux"].add(test.case.source)
        for target, sources in need.items():
            if sources:
                self.report.note(f"building {len(sources)} programs for {target}")
                try:
                    builder = Builder(self.settings, target)
                    builder.build(sources)
                    self.builders[target] = builder
                except BuildError as e:
                    self.builders[target] = e

    def image(self, test):
        builder = self.builders["linux" if test.platform == "linux" else "kiln"]
        if isinstance(builder, BuildError):
            raise builder
        return builder.image(test.case.source)

    def run_once(self, test, seed):
        return run_case(self.settings, test.platform, test.cpus, test.case, self.image(test), seed)

    def oracle(self, test, seed):
        """Linux's outcome; run once for all platforms."""
        case = test.case
        with self.oracle_lock:
            lock = self.oracles.setdefault((case.full_name, seed), [threading.Lock(), None])
        with lock[0]:
            if lock[1] is None:
                lock[1] = self.run_once(Test(self.name, case, "linux"), seed)
            return lock[1]

    def judge(self, test, seed):
        """(complaints, outcomes to show)"""
        case, platform = test.case, test.platform
        if case.suite != "guest":
            oracle = self.oracle(test, seed)
            wrong = judge.judge_status(case, oracle, 0) + judge.judge_patterns(case, oracle, "linux")
            if wrong:
                return ["on Linux, the oracle:"] + wrong, [oracle]
            if platform == "linux":
                return [], [oracle]
            outcome = self.run_once(test, seed)
            wrong = judge.judge_status(case, outcome, None)
            wrong += judge.judge_patterns(case, outcome, platform)
            wrong += judge.judge_equal(case, oracle, outcome) if outcome.status is not None else []
            return wrong, [outcome]
        outcome = self.run_once(test, seed)
        wrong = judge.judge_status(case, outcome, 0) + judge.judge_patterns(case, outcome, platform)
        if case.judge == "tap":
            wrong += judge.judge_tap(outcome)
        elif case.judge == "differ" and not wrong:
            second = self.run_once(test, seed)
            return judge.judge_differ(outcome, second), [outcome, second]
        return wrong, [outcome]

    def missing(self, test):
        """Why the test cannot run here, or None."""
        if test.platform != "kvm":
            lacking = [f for f in test.case.needs if f not in self.host_flags]
            if lacking:
                return f"this processor has no {' '.join(lacking)}"
        return None

    def test(self, test):
        why = self.missing(test)
        if why:
            self.report.skipped(test.name, why)
            return
        seconds = 0.0
        count = self.settings.repeat or test.case.repeat
        for i in range(count):
            seed = self.settings.seed + i
            try:
                wrong, outcomes = self.judge(test, seed)
            except judge.Skip as e:
                self.report.skipped(test.name, str(e))
                return
            except BuildError as e:
                self.report.failed(test.name, f"does not build:\n{e}")
                return
            except OSError as e:
                self.report.failed(test.name, f"cannot be run: {e}")
                return
            seconds += sum(o.seconds for o in outcomes)
            if wrong:
                cpus = f" --cpus {test.cpus}" if test.cpus else ""
                again = (f"seed {seed}, run {i + 1} of {count}; again with: "
                         f"tests/run {self.name} --filter {test.name}{cpus} --seed {seed}")
                log = "\n".join(wrong + [again] + [o.log() for o in outcomes])
                self.report.failed(test.name, log, seconds)
                return
        extra = f" {count} times, seeds from {self.settings.seed}" if count > 1 else ""
        self.report.passed(test.name, seconds, extra)

    def run(self):
        plan = self.plan()
        if self.settings.list:
            for test in plan:
                self.report.note(test.name)
            return
        self.prepare(plan)
        with concurrent.futures.ThreadPoolExecutor(self.settings.jobs) as pool:
            list(pool.map(self.test, (t for t in plan if not t.case.alone)))
        for test in plan:
            if test.case.alone:
                self.test(test)


def run_guest(settings, report):
    Suite(settings, report, "guest").run()


def run_diff(settings, report):
    Suite(settings, report, "diff").run()
