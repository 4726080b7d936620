# SPDX-License-Identifier: MIT OR Apache-2.0
"""Unit tests of the command's pieces: pieces.c."""
from harness import HERE, KERNEL_SOURCES, SANITIZE, SOURCES, check, must


def pieces(w):
    program = w.dir / "pieces"
    sources = [s for s in sorted(SOURCES.glob("*.c")) if s.name != "main.c"]
    must(["gcc", *SANITIZE, f"-I{SOURCES}", HERE / "pieces.c", *sources, *KERNEL_SOURCES, "-o", program])
    r = w.command([program, w.guest], env={"ASAN_OPTIONS": "detect_leaks=1"})
    check(r.status == 0 and "not ok" not in r.out, r.describe())
