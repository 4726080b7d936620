#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""kernel/abi/syscalls.def against the handlers, the guest tests, Linux's header and docs/syscalls.md.

  tools/check/syscalls.py --write    write docs/syscalls.md
"""
import re
import sys
from collections import Counter, namedtuple
from pathlib import Path

sys.dont_write_bytecode = True

from common import ROOT, files, read  # noqa: E402

Row = namedtuple("Row", "nr name nargs status mode note")
ROW = re.compile(r'^SYSCALL\((\d+), (\w+), ([0-6]), (\w+), (\w+), "([^"\\]*)"\)$')
HANDLER = re.compile(r"^long sys_(\w+)\(", re.MULTILINE)
LINUX = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
MODES = {"FULL": {"GATE", "DIRECT", "FRAME"}, "PARTIAL": {"GATE", "DIRECT", "FRAME"},
         "STUB": {"GATE", "DIRECT"}, "MISSING": {"NONE"}}

HEAD = """# System calls

Printed from `kernel/abi/syscalls.def` by `tools/check/syscalls.py --write`; do not edit.

| status | meaning | calls |
|---|---|---|
| FULL | as on Linux | {FULL} |
| PARTIAL | the note says what is missing | {PARTIAL} |
| STUB | does nothing and reports success; the note says why that is right | {STUB} |
| MISSING | -ENOSYS; counted, and named in the log when the program ends | {MISSING} |

## Calls that Kiln has

| number | name | status | note |
|---|---|---|---|
"""


def load():
    rows = []
    text = re.sub(r"/\*.*?\*/", "", read("kernel/abi/syscalls.def"), flags=re.DOTALL)
    for line in filter(None, text.splitlines()):
        m = ROW.match(line)
        if not m:
            raise SystemExit(f"kernel/abi/syscalls.def: not a row: {line}")
        rows.append(Row(int(m[1]), m[2], int(m[3]), m[4], m[5], m[6]))
    return rows


def document(rows):
    count = Counter(r.status for r in rows)
    text = HEAD.format(**{s: count[s] for s in MODES})
    for r in rows:
        if r.status != "MISSING":
            text += f"| {r.nr} | {r.name} | {r.status} | {r.note} |\n"
    text += "\n## Calls that are missing\n\n| number | name | note |\n|---|---|---|\n"
    for r in rows:
        if r.status == "MISSING":
            text += f"| {r.nr} | {r.name} | {r.note} |\n"
    return text


def check_rows(rows):
    for before, r in zip(rows, rows[1:]):
        if r.nr <= before.nr:
            yield f"syscalls.def: {r.name} is not in the order of numbers"
    for r in rows:
        if r.mode not in MODES.get(r.status, ()):
            yield f"syscalls.def: {r.name}: {r.status} does not go with {r.mode}"
        if r.status in ("PARTIAL", "STUB") and not r.note:
            yield f"syscalls.def: {r.name} is {r.status} and has no note"
    if LINUX.exists():
        linux = {int(n): name for name, n in re.findall(r"#define __NR_(\w+) (\d+)", LINUX.read_text())}
        ours = {r.nr: r.name for r in rows}
        for nr, name in linux.items():
            if ours.get(nr) != name:
                yield f"syscalls.def: {nr} is {name} on Linux, not {ours.get(nr)}"


def check_handlers(rows):
    defined = Counter(h for n in files(".c", under="kernel/abi/") for h in HANDLER.findall(read(n)))
    wanted = {r.name for r in rows if r.status != "MISSING"}
    for name in sorted(wanted - defined.keys()):
        yield f"syscalls.def: {name} has no handler sys_{name}() in kernel/abi"
    # kiln_unmapself is an entry of its own (arch/x86_64/entry.S), not a system call.
    for name in sorted(defined.keys() - wanted - {"unmapself"}):
        yield f"sys_{name}() has no row in syscalls.def, or its row says MISSING"


def check_tests(rows):
    """A call that exists is named by a test: SYS_name, or the C function of that name."""
    text = "".join(read(n) for n in files(".c", ".h", ".rs", under="tests/guest/"))
    words = set(re.findall(r"SYS_(\w+)", text)) | set(re.findall(r"\b(\w+)\(", text))
    for r in rows:
        if r.status != "MISSING" and r.name not in words:
            yield f"no test in tests/guest makes the system call {r.name}"


def check():
    rows = load()
    yield from check_rows(rows)
    yield from check_handlers(rows)
    yield from check_tests(rows)
    path = ROOT / "docs/syscalls.md"
    if not path.exists() or path.read_text(encoding="utf-8") != document(rows):
        yield "docs/syscalls.md is not what syscalls.def says: tools/check/syscalls.py --write"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    (ROOT / "docs/syscalls.md").write_text(document(load()), encoding="utf-8")
