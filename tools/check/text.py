# SPDX-License-Identifier: MIT OR Apache-2.0
"""Licence lines, words that mark unfinished work, white space."""
import re

from common import files, is_script, read

SPDX = "SPDX-License-Identifier: MIT OR Apache-2.0"
SOURCES = (".c", ".h", ".S", ".rs", ".py", ".mk", ".sh", ".ld", ".def", ".cpp")
# Written so that this file does not hold them.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
DEAD = re.compile(r"^\s*#\s*if\s+0\b", re.MULTILINE)
ARCHIVE = re.compile(r"(deb|ftp|http|security|snapshot)[.]debian[.](org|net)")
BINARY = (".png", ".gz", ".xz")


def check_file(name, text):
    head = "\n".join(text.splitlines()[:3])
    script = "." not in name.split("/")[-1] and text.startswith("#!")
    if (name.endswith(SOURCES) or script) and SPDX not in head:
        yield f"{name}: no line {SPDX}"
    for i, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{name}:{i}: marks unfinished work: file an issue instead"
        if line != line.rstrip() and not name.endswith(".md"):
            yield f"{name}:{i}: white space at the end of the line"
        if ARCHIVE.search(line):
            yield f"{name}:{i}: names a host of Debian's archive: use the machine's own apt configuration"
    if DEAD.search(text):
        yield f"{name}: code that is switched off"
    if text and not text.endswith("\n"):
        yield f"{name}: does not end with a line end"


def check():
    for name in files():
        if name.endswith(BINARY):
            continue
        yield from check_file(name, read(name))
