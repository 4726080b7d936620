# SPDX-License-Identifier: MIT OR Apache-2.0
"""Suites with a driver of their own: its output is passed through and its last line counted."""
import os
import re
import subprocess

from .settings import ROOT

COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


def run_external(settings, report, name, command):
    if settings.list:
        report.note(f"{name}: {' '.join(command)}")
        return
    if not os.access(ROOT / command[0], os.X_OK):
        report.failed(name, f"{command[0]} is missing or not executable")
        return
    p = subprocess.Popen(command, cwd=ROOT, env=settings.make_environment(), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace")
    counts = None
    for line in p.stdout:
        line = line.rstrip("\n")
        m = COUNTS.match(line)
        if m:
            counts = [int(x) for x in m.groups()]
        report.note(f"{name}: {line}")
    status = p.wait()
    if counts:
        report.add(*counts, name)
        if status == 0 or counts[1]:
            return
    if status != 0:
        report.failed(name, f"{' '.join(command)} ended with status {status}; its output is above")
    elif counts is None:
        report.passed(name)


def run_check(settings, report):
    run_external(settings, report, "check", ["tools/check/run"])


def run_unit(settings, report):
    run_external(settings, report, "unit", ["tests/unit/run"])


def run_cli(settings, report):
    run_external(settings, report, "cli", ["tests/cli/run"])


def run_deterministic(settings, report):
    run_external(settings, report, "deterministic", ["tests/deterministic/run"])
