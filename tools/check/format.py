# SPDX-License-Identifier: MIT OR Apache-2.0
"""clang-format has nothing to change (make format does it)."""
import re
import shutil
import subprocess

from common import ROOT, Missing, files


def check():
    if shutil.which("clang-format") is None:
        raise Missing("clang-format is not installed: make deps")
    names = list(files(".c", ".h"))
    out = subprocess.run(["clang-format", "--dry-run", *names], cwd=ROOT, stderr=subprocess.PIPE,
                         text=True).stderr
    bad = {}
    for name, line in re.findall(r"^([^:\s]+):(\d+):\d+: warning:", out, re.MULTILINE):
        bad.setdefault(name, line)
    for name, line in sorted(bad.items()):
        yield f"{name}:{line}: is not formatted: make format"
