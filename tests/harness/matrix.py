# SPDX-License-Identifier: MIT OR Apache-2.0
"""The suite matrix: compiler versions and settings, each by both routes and on both platforms.

The program (tests/matrix) is built as a binary crate by `kiln build`, and as a static library that a C main() calls, linked
by kiln-cc. No flag that Kiln would need is given: only what the user chose differs.
"""
import itertools
import os
import shlex
import subprocess
import time
from dataclasses import dataclass

from .build import kiln_environment
from .runner import run_command
from .settings import ROOT, TESTS

CRATE = TESTS / "matrix"
RUSTC = ("1.96", "1.85")
PROFILES = ("release", "dev")
PANIC = ("unwind", "abort")
LTO = ("off", "thin", "fat")
OPT = ("0", "1", "2", "3", "s", "z")
RELOCATION = ("pic", "static")

EXPECTED = """thread-locals 3350
channels 138600
maps 99148
floats 1.653387062
slept true
shared scoped
main thread Some("main")
argument Some("an argument")
"""
EXPECTED_UNWINDING = 'unwinding Some(5) [2, 1] true\n'
STATUS = 7


@dataclass(frozen=True)
class Setting:
    rustc: str
    profile: str
    panic: str
    lto: str
    opt: str
    relocation: str

    @property
    def name(self):
        return f"matrix/{self.rustc}-{self.profile}-{self.panic}-lto_{self.lto}-opt_{self.opt}-{self.relocation}"


# Every value, and most pairs, in few builds.
SMALL = (
    Setting("1.96", "release", "unwind", "off", "3", "pic"),
    Setting("1.96", "dev", "unwind", "off", "0", "pic"),
    Setting("1.96", "release", "abort", "fat", "z", "pic"),
    Setting("1.96", "release", "unwind", "thin", "2", "static"),
    Setting("1.96", "dev", "abort", "off", "1", "static"),
    Setting("1.85", "release", "unwind", "off", "3", "pic"),
    Setting("1.85", "dev", "unwind", "off", "0", "static"),
    Setting("1.85", "release", "abort", "thin", "2", "pic"),
    Setting("1.85", "release", "unwind", "fat", "s", "static"),
)


def all_settings():
    return tuple(Setting(*x) for x in itertools.product(RUSTC, PROFILES, PANIC, LTO, OPT, RELOCATION))


class Failure(Exception):
    """The text is the log."""


class Matrix:
    def __init__(self, settings, report):
        self.settings = settings
        self.report = report
        self.out = settings.out / "matrix"
        self.rusts = {}

    def rust(self, version):
        """The value of KILN_RUST for a version (built if need be), or raises Failure."""
        if version not in self.rusts:
            self.rusts[version] = self._find_rust(version)
        found = self.rusts[version]
        if isinstance(found, Failure):
            raise found
        return found

    def _find_rust(self, version):
        lib = self.settings.build / "lib" / "kiln"
        for name in ("rust", f"rust-{version}"):
            try:
                text = (lib / name / "toolchain").read_text()
            except OSError:
                continue
            if f"VERSION=rustc {version}." in text:
                return name
        self.report.note(f"building the standard library of rustc {version}")
        p = subprocess.run([ROOT / "rust" / "build-std", "--if-needed", "--rustc", version], cwd=ROOT,
                           env=dict(os.environ, O=str(self.settings.build)), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if p.returncode != 0:
            return Failure(f"rustc {version} cannot be had: {p.stdout.strip().split(chr(10))[-1]}")
        return f"rust-{version}"

    def _environment(self, s):
        env = dict(os.environ, KILN_RUST=self.rust(s.rustc))
        if s.relocation == "static":
            env["CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS"] = "-C relocation-model=static"
        return env

    def _cargo_options(self, s):
        values = {"panic": f'"{s.panic}"', "lto": f'"{s.lto}"',
                  "opt-level": s.opt if s.opt.isdigit() else f'"{s.opt}"'}
        options = ["--offline", "--profile", s.profile, "--target-dir", str(self.out / s.rustc)]
        for key, value in values.items():
            options += ["--config", f"profile.{s.profile}.{key}={value}"]
        return options

    def _run(self, command, env):
        p = subprocess.run(command, cwd=CRATE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace")
        if p.returncode != 0:
            raise Failure(f"$ {shlex.join(map(str, command))}\n{p.stdout}")

    def build_native(self, s):
        image = self.out / "native"
        self._run([self.settings.kiln, "build", CRATE, "-p", "native", "-o", image, *self._cargo_options(s)],
                  self._environment(s))
        return image

    def build_embed(self, s):
        env = kiln_environment(self.settings.kiln, self._environment(s))
        self._run([env.get("CARGO", "cargo"), "build", "-p", "embed", *self._cargo_options(s)], env)
        folder = "debug" if s.profile == "dev" else s.profile
        archive = self.out / s.rustc / "x86_64-unknown-linux-musl" / folder / "libembed.a"
        image = self.out / "embed"
        self._run([self.settings.kiln.with_name("kiln-cc"), "-O2", "-g", "-o", image, CRATE / "main.c", archive], env)
        return image

    def check(self, s, route, image):
        expected = EXPECTED + (EXPECTED_UNWINDING if s.panic == "unwind" else "")
        for platform in ("linuxu", "kvm"):
            if platform not in self.settings.platforms:
                continue
            o = run_command([str(self.settings.kiln), "run", "--platform", platform, str(image), "--", "an argument"])
            if o.status != STATUS or o.stdout.decode(errors="replace") != expected:
                raise Failure(f"route {route}, platform {platform}:\n{o.log()}\n--- expected (status {STATUS})\n{expected}")

    def test(self, s):
        start = time.monotonic()
        try:
            self.rust(s.rustc)
        except Failure as e:
            self.report.skipped(s.name, str(e))
            return
        try:
            self.check(s, "native", self.build_native(s))
            self.check(s, "embed", self.build_embed(s))
        except Failure as e:
            self.report.failed(s.name, str(e), time.monotonic() - start)
            return
        self.report.passed(s.name, time.monotonic() - start)


def run(settings, report):
    plan = [s for s in (all_settings() if settings.full else SMALL) if settings.wanted(s.name)]
    if settings.list:
        for s in plan:
            report.note(s.name)
        return
    if not os.access(settings.kiln, os.X_OK):
        report.failed("matrix", f"{settings.kiln} is missing; build it with: make")
        return
    matrix = Matrix(settings, report)
    matrix.out.mkdir(parents=True, exist_ok=True)
    for s in plan:
        matrix.test(s)
