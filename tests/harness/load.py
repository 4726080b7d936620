# SPDX-License-Identifier: MIT OR Apache-2.0
"""The suite load: Linux programs as other people link them, loaded; and natively, as the oracle.

Programs are those of tests/load, each with the compilers that it names, and all guest programs once more, linked
statically for Linux.
"""
import concurrent.futures
import copy
import os
import shutil
import subprocess
from dataclasses import dataclass

from . import judge
from .build import BuildError, Builder, C_FLAGS, system_cargo
from .directives import parse
from .programs import Suite, Test, find_cases
from .settings import CPUS_DEFAULT, TESTS

LOAD = TESTS / "load"
MUSL = "x86_64-unknown-linux-musl"


@dataclass
class Missing(Exception):
    why: str


def _need(command, package):
    path = shutil.which(command)
    if path is None:
        raise Missing(f"there is no {command} (apt-get install {package})")
    return path


class Compilers:
    """A method for each name in `with:`; it gives the command that makes exe of source, and its environment."""

    def __init__(self, settings):
        self.settings = settings
        self.out = settings.out / "load"
        self.rustc = "/usr/bin/rustc" if os.access("/usr/bin/rustc", os.X_OK) else shutil.which("rustc")

    def command(self, tool, source, exe):
        method = getattr(self, tool.replace("-", "_").replace("+", "x"), None)
        if method is None:
            raise Missing(f"no such compiler as {tool}")
        return method(str(source), str(exe))

    def gcc(self, source, exe):
        return ["gcc", *C_FLAGS, "-static-pie", "-o", exe, source, "-lm"], {}

    def musl_gcc(self, source, exe):
        return [_need("musl-gcc", "musl-tools"), *C_FLAGS, "-static", "-o", exe, source], {}

    def gxx(self, source, exe):
        return ["g++", "-O2", "-g", "-pthread", "-static", "-o", exe, source], {}

    def bare(self, source, exe):
        return ["gcc", "-O2", "-g", "-static-pie", "-nostdlib", "-fno-stack-protector", "-fno-builtin", "-o", exe,
                source], {}

    def go(self, source, exe):
        cache = {"CGO_ENABLED": "0", "GOCACHE": str(self.out / "go-cache"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
        return [_need("go", "golang-go"), "build", "-o", exe, source], cache

    def _rust(self, source, exe, *options):
        if self.rustc is None:
            raise Missing("there is no rustc (apt-get install rustc-web)")
        return [self.rustc, "--edition", "2021", "-O", "-g", *options, "-o", exe, source], {}

    def rust_gnu(self, source, exe):
        return self._rust(source, exe, "-C", "target-feature=+crt-static")

    def rust_musl(self, source, exe):
        """rustup's own target; or Kiln's standard library, linked with Debian's musl instead of Kiln's."""
        mine = shutil.which("rustc")
        if mine:
            p = subprocess.run([mine, "--print", "target-libdir", "--target", MUSL], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, check=False)
            if os.path.isdir(p.stdout.strip() or "/nowhere"):
                return [mine, "--edition", "2021", "-O", "-g", "--target", MUSL, "-o", exe, source], {}
        sysroot = self.settings.build / "lib" / "kiln" / "rust"
        if not sysroot.is_dir():
            raise Missing(f"there is no Rust target {MUSL} (make rust)")
        _need("musl-gcc", "musl-tools")
        return self._rust(source, exe, "--sysroot", str(sysroot), "--target", MUSL, "-C",
                          f"linker={LOAD / 'musl-link'}")


class Static(Builder):
    """Guest programs for Linux, static."""

    def __init__(self, settings):
        super().__init__(settings, "linux")
        self.out = settings.out / "static"
        self.env["RUSTFLAGS"] = "-C target-feature=+crt-static"

    def _cflags(self, source):
        return super()._cflags(source) + ["-static"]


class Load(Suite):
    def __init__(self, settings, report):
        super().__init__(settings, report, "load")
        self.compilers = Compilers(settings)
        self.built = {}     # (source, compiler): its file, or what went wrong

    def plan(self):
        cases = []
        for path in sorted(LOAD.glob("*.*")):
            for c in parse(path):
                for tool in c.compilers:
                    one = copy.deepcopy(c)
                    one.name = f"{c.name}-{tool}" if c.name else tool
                    one.compilers = [tool]
                    cases.append(one)
        for suite in ("guest", "diff"):
            cases += [c for c in find_cases(suite)
                      if c.load and c.judge != "differ" and not (c.machine or c.memory or c.cpu)
                      # Linked ones run with 1, 2 and 4 CPUs by default; loaded ones by FULL=1.
                      and (self.settings.full or not os.path.basename(c.source).startswith("torture_"))]
        tests = [Test(self.name, c, p, n) for c in cases
                 for p in ("linuxu", "kvm") if p in c.platforms and p in self.settings.platforms
                 for n in self.settings.cpus or CPUS_DEFAULT]
        return [t for t in tests if self.settings.wanted(t.name)]

    def prepare(self, plan):
        own = {(t.case.source, t.case.compilers[0]) for t in plan if t.case.compilers}
        guests = {t.case.source for t in plan if not t.case.compilers}
        self.report.note(f"building {len(own) + len(guests)} programs for Linux, static")
        with concurrent.futures.ThreadPoolExecutor(self.settings.jobs) as pool:
            list(pool.map(self._build, sorted(own)))
        if guests:
            try:
                self.builders["linux"] = Static(self.settings)
                self.builders["linux"].build(guests)
            except BuildError as e:
                self.builders["linux"] = e
            self.builders["kiln"] = self.builders["linux"]

    def _build(self, key):
        source, tool = key
        exe = self.compilers.out / tool / source.stem
        self.built[key] = exe
        if exe.exists() and exe.stat().st_mtime >= source.stat().st_mtime:
            return
        exe.parent.mkdir(parents=True, exist_ok=True)
        try:
            command, env = self.compilers.command(tool, source, exe)
            p = subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
            if p.returncode:
                exe.unlink(missing_ok=True)
                self.built[key] = BuildError(f"$ {' '.join(command)}\n{p.stdout}")
        except Missing as e:
            self.built[key] = judge.Skip(e.why)

    def image(self, test):
        if not test.case.compilers:
            return super().image(test)
        built = self.built[test.case.source, test.case.compilers[0]]
        if isinstance(built, Exception):
            raise built
        return built


def run(settings, report):
    Load(settings, report).run()
