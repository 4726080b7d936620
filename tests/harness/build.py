# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the guest programs: as Kiln images, and for Linux itself (the oracle)."""
import concurrent.futures
import json
import os
import shutil
import subprocess
from pathlib import Path

from .settings import TESTS

C_FLAGS = ["-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter", "-pthread"]
RUST_CRATE = TESTS / "guest" / "rust"


class BuildError(Exception):
    """The text is the log."""


def kiln_environment(kiln, env):
    """env with what `kiln env` adds to it."""
    p = subprocess.run(["bash", "-ec", 'eval "$("$0" env)"; env -0', str(kiln)], env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != 0:
        raise BuildError(f"{kiln} env failed:\n{p.stderr.decode(errors='replace')}")
    return {os.fsdecode(k): os.fsdecode(v) for k, _, v in
            (e.partition(b"=") for e in p.stdout.split(b"\0") if e)}


class Builder:
    """One per target: 'kiln' or 'linux'. image() gives the file of a program or raises BuildError."""

    def __init__(self, settings, target):
        self.settings = settings
        self.target = target
        self.out = settings.out / target
        self.images = {}
        self.errors = {}
        self.env = dict(os.environ)
        self.library_files = []
        if target == "kiln":
            self._read_kiln_env()

    def _read_kiln_env(self):
        kiln = self.settings.kiln
        if not os.access(kiln, os.X_OK):
            raise BuildError(f"{kiln} is missing; build it with: make")
        self.env = kiln_environment(kiln, self.env)
        lib = self.settings.build / "lib" / "kiln"
        self.library_files = [lib / "image.ld"] + sorted((lib / "lib").glob("*"))

    def build(self, sources):
        """Build the programs with these source files, what is up to date excepted."""
        sources = sorted(set(sources))
        c = [s for s in sources if s.suffix in (".c", ".cc")]
        if c:
            with concurrent.futures.ThreadPoolExecutor(self.settings.jobs) as pool:
                list(pool.map(self._build_c, c))
        if any(s.suffix == ".rs" for s in sources):
            self._build_rust([s.stem for s in sources if s.suffix == ".rs"])

    def image(self, source):
        if source in self.errors:
            raise BuildError(self.errors[source])
        return self.images[source]

    def _cflags(self, source):
        from .directives import parse
        cases = parse(source)
        return cases[0].cflags if cases else []

    def _compiler(self, source):
        if self.target == "kiln":
            return [str(self.settings.kiln.with_name("kiln-c++" if source.suffix == ".cc" else "kiln-cc"))]
        return ["g++" if source.suffix == ".cc" else os.environ.get("CC", "gcc")]

    def _build_c(self, source):
        exe = self.out / "c" / source.stem
        inputs = [source] + list(source.parent.glob("*.h")) + self.library_files
        self.images[source] = exe
        if exe.exists() and all(i.stat().st_mtime <= exe.stat().st_mtime for i in inputs):
            return
        exe.parent.mkdir(parents=True, exist_ok=True)
        flags = [f for f in C_FLAGS if source.suffix == ".c" or not f.startswith("-std")]
        cmd = self._compiler(source) + flags + self._cflags(source) + ["-o", str(exe), str(source)]
        if self.target == "linux":
            cmd.append("-lm")
        try:
            p = subprocess.run(cmd, env=self.env, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        except OSError as e:
            self.errors[source] = f"{cmd[0]}: {e.strerror}"
            return
        if p.returncode != 0:
            exe.unlink(missing_ok=True)
            self.errors[source] = f"$ {' '.join(cmd)}\n{p.stdout}"

    def _build_rust(self, names):
        sources = {n: RUST_CRATE / "src" / "bin" / f"{n}.rs" for n in names}
        env = dict(self.env, KILN_TEST_RELINK=":".join(map(str, self.library_files)))
        cargo = env.get("CARGO") or system_cargo()
        cmd = [cargo, "build", "--release", "--offline", "--keep-going", "--message-format=json",
               "--manifest-path", str(RUST_CRATE / "Cargo.toml"),
               "--target-dir", str(self.out / "rust")]
        if self.target == "linux":
            cmd += ["--target", "x86_64-unknown-linux-gnu"]
        for n in names:
            cmd += ["--bin", n]
        try:
            p = subprocess.run(cmd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace")
        except OSError as e:
            raise BuildError(f"{cargo}: {e.strerror}") from e
        diagnostics = {}
        for line in p.stdout.split("\n"):
            if not line.startswith("{"):
                continue
            m = json.loads(line)
            name = m.get("target", {}).get("name")
            if m["reason"] == "compiler-artifact" and m.get("executable"):
                self.images[sources[name]] = Path(m["executable"])
            elif m["reason"] == "compiler-message" and m["message"]["level"].startswith("error"):
                diagnostics[name] = diagnostics.get(name, "") + m["message"]["rendered"]
        for n, s in sources.items():
            if s not in self.images:
                self.errors[s] = diagnostics.get(n) or f"$ {' '.join(cmd)}\n{p.stderr}"


def system_cargo():
    """Debian's cargo before rustup's: it is the one that builds Kiln's Rust target."""
    return "/usr/bin/cargo" if os.access("/usr/bin/cargo", os.X_OK) else shutil.which("cargo") or "cargo"
