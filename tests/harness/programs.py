# SPDX-License-Identifier: MIT OR Apache-2.0
"""The suites guest (programs that judge themselves) and diff (Linux is the oracle)."""
import concurrent.futures
import threading

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

    def test_name(self, case, platform):
        return f"{self.name}/{platform}/{case.full_name}"

    def plan(self):
        """(case, platform) of everything that is asked for."""
        return [(c, p) for c in find_cases(self.name) for p in c.platforms
                if p in self.settings.platforms and self.settings.wanted(self.test_name(c, p))]

    def prepare(self, plan):
        """Build what the plan needs."""
        need = {"linux": set(), "kiln": set()}
        for case, platform in plan:
            need["linux" if platform == "linux" else "kiln"].add(case.source)
            if self.name == "diff":
                need["linux"].add(case.source)
        for target, sources in need.items():
            if sources:
                self.report.note(f"building {len(sources)} programs for {target}")
                try:
                    builder = Builder(self.settings, target)
                    builder.build(sources)
                    self.builders[target] = builder
                except BuildError as e:
                    self.builders[target] = e

    def image(self, case, platform):
        builder = self.builders["linux" if platform == "linux" else "kiln"]
        if isinstance(builder, BuildError):
            raise builder
        return builder.image(case.source)

    def run_once(self, case, platform, seed):
        return run_case(self.settings, platform, case, self.image(case, platform), seed)

    def oracle(self, case, seed):
        """Linux's outcome; run once for all platforms."""
        with self.oracle_lock:
            lock = self.oracles.setdefault((case.full_name, seed), [threading.Lock(), None])
        with lock[0]:
            if lock[1] is None:
                lock[1] = self.run_once(case, "linux", seed)
            return lock[1]

    def judge(self, case, platform, seed):
        """(complaints, outcomes to show)"""
        if self.name == "diff":
            oracle = self.oracle(case, seed)
            wrong = judge.judge_status(case, oracle, 0) + judge.judge_patterns(case, oracle, "linux")
            if wrong:
                return ["on Linux, the oracle:"] + wrong, [oracle]
            if platform == "linux":
                return [], [oracle]
            outcome = self.run_once(case, platform, seed)
            wrong = judge.judge_status(case, outcome, None)
            wrong += judge.judge_patterns(case, outcome, platform)
            wrong += judge.judge_equal(case, oracle, outcome) if outcome.status is not None else []
            return wrong, [outcome]
        outcome = self.run_once(case, platform, seed)
        wrong = judge.judge_status(case, outcome, 0) + judge.judge_patterns(case, outcome, platform)
        if case.judge == "tap":
            wrong += judge.judge_tap(outcome)
        elif case.judge == "differ" and not wrong:
            second = self.run_once(case, platform, seed)
            return judge.judge_differ(outcome, second), [outcome, second]
        return wrong, [outcome]

    def missing(self, case, platform):
        """Why the case cannot run on the platform, or None."""
        if platform != "kvm":
            lacking = [f for f in case.needs if f not in self.host_flags]
            if lacking:
                return f"this processor has no {' '.join(lacking)}"
        return None

    def test(self, case, platform):
        name = self.test_name(case, platform)
        why = self.missing(case, platform)
        if why:
            self.report.skipped(name, why)
            return
        seconds = 0.0
        count = self.settings.repeat or case.repeat
        for i in range(count):
            seed = self.settings.seed + i
            try:
                wrong, outcomes = self.judge(case, platform, seed)
            except judge.Skip as e:
                self.report.skipped(name, str(e))
                return
            except BuildError as e:
                self.report.failed(name, f"does not build:\n{e}")
                return
            except OSError as e:
                self.report.failed(name, f"cannot be run: {e}")
                return
            seconds += sum(o.seconds for o in outcomes)
            if wrong:
                again = (f"seed {seed}, run {i + 1} of {count}; again with: "
                         f"tests/run {self.name} --filter {name} --seed {seed}")
                log = "\n".join(wrong + [again] + [o.log() for o in outcomes])
                self.report.failed(name, log, seconds)
                return
        extra = f" {count} times, seeds from {self.settings.seed}" if count > 1 else ""
        self.report.passed(name, seconds, extra)

    def run(self):
        plan = self.plan()
        if self.settings.list:
            for case, platform in plan:
                self.report.note(self.test_name(case, platform))
            return
        self.prepare(plan)
        crowd = [(c, p) for c, p in plan if not c.alone]
        with concurrent.futures.ThreadPoolExecutor(self.settings.jobs) as pool:
            list(pool.map(lambda t: self.test(*t), crowd))
        for case, platform in plan:
            if case.alone:
                self.test(case, platform)


def run_guest(settings, report):
    Suite(settings, report, "guest").run()


def run_diff(settings, report):
    Suite(settings, report, "diff").run()
