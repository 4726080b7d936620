# SPDX-License-Identifier: MIT OR Apache-2.0
"""Was a run right? Each function returns a list of complaints, empty if all is well."""
import difflib
import re

TAP_LINE = re.compile(r"^(not )?ok (\d+)(?: - )?(.*?)(?:\s+# (?:skip|SKIP)\s*(.*))?$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)(?:\s+# (?:skip|SKIP)\s*(.*))?$")
THREAD_ID = re.compile(rb"(thread '[^'\n]*') \(\d+\)")
KILN_LINE = re.compile(rb"^kiln: .*\n", re.M)


class Skip(Exception):
    """The program says that it cannot run here."""


def judge_status(case, outcome, default):
    if outcome.status is None:
        return [f"did not end within {case.timeout:.0f} s"]
    want = case.status if case.status is not None else default
    if want is not None and outcome.status != want:
        return [f"exit status {outcome.status}, expected {want}"]
    return []


def judge_patterns(case, outcome, platform):
    """The regular expressions of a case."""
    wrong = []
    out = outcome.stdout.decode(errors="replace")
    err = outcome.stderr.decode(errors="replace")
    kiln = case.kiln_stderr if platform != "linux" else []
    for where, text, patterns in (("stdout", out, case.stdout), ("stderr", err, case.stderr + kiln)):
        wrong += [f"nothing in {where} matches /{p}/" for p in patterns
                  if not re.search(p, text, re.M | re.S)]
    wrong += [f"something in stderr matches /{p}/" for p in case.stderr_not if re.search(p, err, re.M)]
    if case.max_cpu is not None and platform != "linux" and outcome.cpu_seconds > case.max_cpu:
        wrong.append(f"{outcome.cpu_seconds:.2f} s of processor time, at most {case.max_cpu} allowed")
    if case.max_rss is not None and platform != "linux" and outcome.rss_mib > case.max_rss:
        wrong.append(f"{outcome.rss_mib:.0f} MiB of memory, at most {case.max_rss:.0f} allowed")
    return wrong


def judge_tap(outcome):
    """The Test Anything Protocol on stdout: a plan, and that many lines that say ok."""
    wrong = []
    plan = None
    n = 0
    for line in outcome.stdout.decode(errors="replace").split("\n"):
        m = TAP_PLAN.match(line)
        if m:
            plan = int(m.group(1))
            if plan == 0:
                raise Skip(m.group(2) or "the program says so")
            continue
        m = TAP_LINE.match(line)
        if not m:
            continue
        n += 1
        if int(m.group(2)) != n:
            wrong.append(f"result {m.group(2)} where {n} was expected")
        if m.group(1):
            wrong.append(f"not ok: {m.group(3)}")
    if plan is None:
        wrong.append("no plan line (1..N): the program did not come to its end")
    elif n != plan:
        wrong.append(f"{n} results, {plan} planned")
    return wrong


def judge_differ(first, second):
    """Two runs must print the same number of lines, no line twice the same."""
    a, b = (o.stdout.decode(errors="replace").strip().split("\n") for o in (first, second))
    if len(a) != len(b):
        return [f"{len(a)} lines, then {len(b)} lines"]
    return [f"the same in two runs: {x}" for x, y in zip(a, b) if x == y]


def normal(data):
    """A stream without what may differ: thread numbers and Kiln's own log."""
    return THREAD_ID.sub(rb"\1", KILN_LINE.sub(b"", data))


def judge_equal(case, oracle, outcome):
    """The same as on Linux?"""
    wrong = []
    for what in case.compare:
        if what == "status":
            if oracle.status != outcome.status:
                wrong.append(f"exit status {outcome.status}, on Linux {oracle.status}")
            continue
        a, b = normal(getattr(oracle, what)), normal(getattr(outcome, what))
        if a == b:
            continue
        wrong.append(f"{what} differs from Linux's:")
        lines = [x.decode(errors="backslashreplace").split("\n") for x in (a, b)]
        if max(map(len, lines)) < 5000 and len(a) + len(b) < 1 << 20:
            wrong += list(difflib.unified_diff(*lines, "linux", "kiln", n=2, lineterm=""))[:60]
        else:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            wrong.append(f"{len(a)} bytes on Linux, {len(b)} here; first difference at byte {at}")
    return wrong
