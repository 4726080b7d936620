# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds Rust's own tests of core, alloc and std from the sources that Debian packages, for Kiln and for Linux.

Nothing of them is in this tree: rustc reads them where the package has put them. Each executable is compiled once against
Kiln's Rust sysroot and linked twice: into an image, and with Debian's musl into a static program for Linux.
"""
import concurrent.futures
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .build import BuildError
from .load import LOAD, MUSL
from .settings import TESTS

STD = TESTS / "std"
STD_CALLS = TESTS.parent / "ports/musl/src/misc/std_calls.c"
# Crates of the sysroot that std's unit tests, being std once more, are made with.
STD_NEEDS = ("alloc", "core", "libc", "hashbrown", "cfg_if", "unwind", "std_detect", "panic_unwind", "panic_abort",
             "rustc_demangle", "miniz_oxide", "addr2line", "object")
STD_CFG = ('feature="backtrace"', 'feature="panic-unwind"', "backtrace_in_libstd")
# What fails the checks of a newer compiler is not for us to judge.
RUSTC_FLAGS = ("--edition", "2024", "-O", "--cap-lints", "allow", "-Zforce-unstable-if-unmarked", "-C",
               "linker-flavor=gcc")


@dataclass(frozen=True)
class Executable:
    name: str
    source: str             # below library/
    harness: bool = True    # libtest's; otherwise it is one test, which passes when it ends with status 0


def executables(library):
    """All of them. Integration tests are found as Cargo finds them."""
    found = [Executable("coretests", "coretests/tests/lib.rs"), Executable("alloc", "alloctests/lib.rs"),
             Executable("alloctests", "alloctests/tests/lib.rs"),
             Executable("vec_deque_alloc_error", "alloctests/tests/vec_deque_alloc_error.rs"),
             Executable("std", "std/src/lib.rs")]
    tests = library / "std" / "tests"
    names = {p.stem: p for p in tests.glob("*.rs")} | {p.parent.name: p for p in tests.glob("*/lib.rs")}
    for name, path in sorted(names.items()):
        found.append(Executable(f"std-{name}", str(path.relative_to(library)), name != "pipe_subprocess"))
    return found


class StdBuilder:
    def __init__(self, settings, report):
        self.settings = settings
        self.report = report
        self.out = settings.out / "std"
        self.prefix = settings.build / "lib" / "kiln"
        self.sysroot = self.prefix / "rust"
        self.library = (self.sysroot / "lib/rustlib/src/rust/library").resolve()
        self.errors = {}
        if not (self.sysroot / "toolchain").exists():
            # make rust leaves it to a rustc that has the target.
            raise BuildError(f"the tests are made with Kiln's own std, which is not in {self.sysroot}\n"
                             "  build it: rust/build-std")
        tools = (self.sysroot / "toolchain").read_text().splitlines()
        self.tools = dict(line.split("=", 1) for line in tools)

    def build(self, wanted):
        """Build the executables, those that are up to date excepted."""
        self.out.mkdir(parents=True, exist_ok=True)
        crates = self._crates()
        with concurrent.futures.ThreadPoolExecutor(self.settings.jobs) as pool:
            list(pool.map(lambda e: self._build(e, crates), wanted))

    def program(self, executable, route):
        """The file for a route, linked or loaded."""
        if executable.name in self.errors:
            raise BuildError(self.errors[executable.name])
        return self.out / f"{executable.name}.{route}"

    def _crates(self):
        """rustc's arguments for the crates of the registry."""
        vendor = self._vendored()
        env = dict(os.environ, RUSTC=str(self.settings.kiln.with_name("kiln-rustc")),
                   KILN_RUSTC_ARGS=f"--target {MUSL} --sysroot {self.sysroot}")
        env.pop("RUSTFLAGS", None)
        p = self._cargo("build", "--release", "--offline", "--locked", "--message-format=json", "--target", MUSL,
                        "--target-dir", str(self.out / "crates"), "--config", 'source.crates-io.replace-with="vendored"',
                        "--config", f'source.vendored.directory="{vendor}"', env=env)
        libraries = {}
        for line in p.stdout.splitlines():
            m = json.loads(line)
            if m["reason"] == "compiler-artifact":
                libraries[m["target"]["name"]] = next(f for f in m["filenames"] if f.endswith(".rlib"))
        return ["-L", f"dependency={self.out}/crates/{MUSL}/release/deps",
                "--extern", f"rand_xorshift={libraries['rand_xorshift']}", "--extern", f"rand={libraries['rand']}"]

    def _vendored(self):
        """The crates that the lock file names; they are fetched into the cache once."""
        lock = (STD / "Cargo.lock").read_bytes()
        cache = Path(os.environ.get("KILN_CACHE") or Path.home() / ".cache" / "kiln")
        vendor = cache / f"std-test-crates-{hashlib.sha256(lock).hexdigest()[:12]}"
        if not vendor.is_dir():
            self.report.note(f"fetching the crates that the tests of std use, into {vendor}")
            new = vendor.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            self._cargo("vendor", "--locked", "--versioned-dirs", str(new))
            new.rename(vendor)
        return vendor

    def _cargo(self, command, *args, env=None):
        command = [self.tools["CARGO"], command, "--manifest-path", str(STD / "Cargo.toml"), *args]
        p = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, errors="replace", check=False)
        if p.returncode != 0:
            raise BuildError(f"$ {' '.join(command)}\n{p.stderr}")
        return p

    def _build(self, executable, crates):
        try:
            self._compile(executable, crates)
            self._link(executable)
        except BuildError as e:
            self.errors[executable.name] = str(e)

    def _run(self, command, env):
        p = subprocess.run(command, env={**os.environ, **env}, cwd=self.library, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if p.returncode != 0:
            raise BuildError(f"$ {' '.join(map(str, command))}\n{p.stdout}")

    def _compile(self, executable, crates):
        exe = self.out / executable.name
        command = [self.tools["RUSTC"], *RUSTC_FLAGS, "--crate-name", executable.name.removeprefix("std-").replace("-", "_"),
                   "--sysroot", self.sysroot, "--target", MUSL, "-C", f"linker={STD / 'collect-link'}", "-o", exe, *crates]
        if executable.harness:
            command.append("--test")
        if executable.name == "std":
            for crate in STD_NEEDS:
                library = next((self.sysroot / "lib/rustlib" / MUSL / "lib").glob(f"lib{crate}-*.rlib"))
                command += ["--extern", f"{crate}={library}"]
            for cfg in STD_CFG:
                command += ["--cfg", cfg]
        command.append(executable.source)
        made_from = exe.with_name(exe.name + ".made-from")
        stamp = "\n".join(map(str, command)) + "".join(
            p.read_text() for p in (self.sysroot / "made-from", STD / "Cargo.lock", STD / "collect-link"))
        if made_from.exists() and made_from.read_text() == stamp:
            return
        made_from.unlink(missing_ok=True)
        self.report.note(f"std: compiling {executable.name}")
        self._run(command, {"RUSTC_BOOTSTRAP": "1", "STD_ENV_ARCH": "x86_64"})
        made_from.write_text(stamp)
        for route in ("linked", "loaded"):
            self.out.joinpath(f"{executable.name}.{route}").unlink(missing_ok=True)

    def _link(self, executable):
        folder = self.out / f"{executable.name}.link"
        args = (folder / "args").read_text().split("\0")[:-1]
        place = args.index("-o") + 1
        libraries = [self.prefix / "image.ld", self.settings.kiln, *(self.prefix / "lib").iterdir()]
        # std's unit tests are made of its sources as they are, and those make calls by number (rust/build-std).
        by_number = ["-Wl,-u,syscall,--defsym=kiln_std_syscall=syscall"] if executable.name == "std" else []
        for route, linker, inputs, more in (
                ("linked", self.settings.kiln.with_name("kiln-cc"), libraries, by_number),
                ("loaded", LOAD / "musl-link", [LOAD / "musl-link", STD_CALLS], [])):
            exe = self.out / f"{executable.name}.{route}"
            if exe.exists() and all(i.stat().st_mtime <= exe.stat().st_mtime for i in inputs):
                continue
            args[place] = str(exe)
            self._run([linker, *args, *more], {})
