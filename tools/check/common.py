# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the checkers share: the tree's files, and a list of complaints."""
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("O", "build")).resolve()

# Written by tools, or texts of others.
GENERATED = {"docs/syscalls.md", "LICENSE"}
GENERATED_SUFFIXES = {".lock"}


class Missing(Exception):
    """The check cannot run: what it needs is not there."""


def files(*suffixes, under=""):
    """Paths (relative, sorted) of the tree's files, those not yet committed too."""
    out = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, stdout=subprocess.PIPE).stdout.decode()
    for name in sorted(filter(None, set(out.split("\0")))):
        path = ROOT / name
        if not name.startswith(under) or path.is_symlink() or not path.is_file():
            continue
        if name in GENERATED or path.suffix in GENERATED_SUFFIXES or name.startswith("LICENSES/") or path.suffix == ".corpus":
            continue
        if not suffixes or path.suffix in suffixes:
            yield name


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def is_script(name):
    """A program without a suffix."""
    with open(ROOT / name, "rb") as f:
        return f.read(2) == b"#!"
