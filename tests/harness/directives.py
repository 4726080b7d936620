# SPDX-License-Identifier: MIT OR Apache-2.0
"""Guest programs say in comment lines `//@ key: value` how they are run and judged.

Keys before the first `case:` hold for all cases of the program. docs/TESTING.md lists them.
"""
import copy
import re
import shlex
from dataclasses import dataclass, field

from .settings import CPUS_DEFAULT, CPUS_TORTURE, PLATFORMS

LINE = re.compile(r"^\s*//@\s*([a-z0-9-]+):\s?(.*?)\s*$")
ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|n|t|0|\\)")


def unescape(text):
    """Bytes of a text with the escapes \\xHH \\n \\t \\0 \\\\."""
    def one(m):
        e = m.group(1)
        if e[:1] == b"x":
            return bytes([int(e[1:], 16)])
        return {b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}[e]
    return ESCAPE.sub(one, text.encode())


def words(text):
    """Shell-like words; escapes count inside and outside of quotes."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.escape = ""
    lexer.commenters = ""
    return [unescape(w) for w in lexer]


@dataclass
class Case:
    program: str            # file name without its ending
    source: object          # Path
    name: str = ""          # of the case, "" if the program has only one
    suite: str = ""
    platforms: tuple = PLATFORMS
    args: list = field(default_factory=list)
    env: list = field(default_factory=list)
    stdin: bytes = b""
    status: int = None      # None: 0 in guest, the oracle's in diff
    stdout: list = field(default_factory=list)      # expressions that must be found
    stderr: list = field(default_factory=list)
    stderr_not: list = field(default_factory=list)
    kiln_stderr: list = field(default_factory=list)  # kiln run's, on kvm and linuxu
    compare: tuple = ("stdout", "status")           # diff
    judge: str = "tap"      # guest: tap, match or differ
    repeat: int = 1
    timeout: float = 60
    cpus: tuple = None      # numbers of CPUs it is run with on linuxu and kvm
    memory: str = None      # kvm
    machine: str = None     # kvm
    cpu: str = None         # kvm
    max_cpu: float = None   # seconds of processor time
    max_rss: float = None   # MiB
    compilers: list = field(default_factory=list)   # load: those in Compilers (load.py)
    load: bool = True       # it is also run as a static program for Linux, loaded
    cflags: list = field(default_factory=list)
    needs: list = field(default_factory=list)       # CPU flags of the host for linux and linuxu
    alone: bool = False     # nothing else may run meanwhile (it measures time)

    @property
    def full_name(self):
        return f"{self.program}:{self.name}" if self.name else self.program

    @property
    def default_cpus(self):
        return self.cpus or (CPUS_TORTURE if self.program.startswith("torture_") else CPUS_DEFAULT)


def _set(case, key, value, where):
    if key in ("suite", "judge", "memory", "machine", "cpu"):
        setattr(case, key, value)
    elif key in ("status", "repeat"):
        setattr(case, key, int(value))
    elif key in ("timeout", "max-cpu", "max-rss"):
        setattr(case, key.replace("-", "_"), float(value))
    elif key == "cpus":
        case.cpus = tuple(int(n) for n in value.split())
    elif key in ("platforms", "compare"):
        setattr(case, key, tuple(value.split()))
    elif key in ("args", "env"):
        setattr(case, key, getattr(case, key) + words(value))
    elif key in ("stdout", "stderr", "stderr-not", "kiln-stderr"):
        name = key.replace("-", "_")
        setattr(case, name, getattr(case, name) + [value])
    elif key in ("cflags", "needs"):
        setattr(case, key, getattr(case, key) + value.split())
    elif key == "stdin":
        case.stdin = unescape(value)
    elif key == "stdin-bytes":  # N pseudo-random bytes, every value among them
        case.stdin = bytes((i * 167 + (i >> 8) * 13) & 0xff for i in range(int(value)))
    elif key == "with":
        case.compilers = value.split()
    elif key == "load":
        case.load = value != "no"
    elif key == "alone":
        case.alone = value == "yes"
    else:
        raise ValueError(f"{where}: unknown key '{key}'")


def parse(path):
    """The cases of one program; none if it has no directives."""
    common = Case(program=path.stem, source=path)
    cases = []
    current = common
    seen = False
    for number, line in enumerate(path.read_text().split("\n"), 1):
        m = LINE.match(line)
        if not m:
            continue
        seen = True
        key, value = m.groups()
        where = f"{path}:{number}"
        if key == "case":
            current = copy.deepcopy(common)
            current.name = value
            cases.append(current)
        else:
            _set(current, key, value, where)
    if not seen:
        return []
    for c in cases or [common]:
        if c.suite not in ("guest", "diff", "load"):
            raise ValueError(f"{path}: 'suite' must be guest, diff or load")
        if c.judge not in ("tap", "match", "differ"):
            raise ValueError(f"{path}: 'judge' must be tap, match or differ")
    return cases or [common]
