# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the tests of the kiln command share: the command under sanitizers, a stand-in guest, checks."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "cli"
SOURCES = ROOT / "tools" / "kiln"
KERNEL_SOURCES = [ROOT / "kernel" / "base" / "elf_program.c"]
BUILD = (ROOT / os.environ.get("O", "build")).resolve()
TIMEOUT = 120
VERSION = (HERE.parents[1] / "VERSION").read_text().strip()
SANITIZE = [f'-DKILN_VERSION="{VERSION}"', f"-I{ROOT}/kernel", "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all"]


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Failure(Exception):
    pass


class Result:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def describe(self):
        return (f"$ {' '.join(map(str, self.command))}\nstatus {self.status}\n"
                f"stdout: {self.out[-1500:]!r}\nstderr: {self.err[-3000:]!r}")


def default_signals():
    """For a child: a shell's background jobs (SIGINT, SIGQUIT) and what nohup starts (SIGHUP) ignore them."""
    for s in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(s, signal.SIG_DFL)


class World:
    """A folder for all tests: the kiln command, an installation prefix, images of the stand-in guest."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="kiln-cli-"))
        self.prefix = self.dir / "prefix"
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("CARGO", "RUST", "KILN", "ASAN"))}
        self.env["RUSTUP_AUTO_INSTALL"] = "0"
        self.env["ASAN_OPTIONS"] = "detect_leaks=0"
        for name in ("RUSTUP_HOME", "CARGO_HOME"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def prepare(self):
        (self.prefix / "bin").mkdir(parents=True)
        self.kiln = self.prefix / "bin" / "kiln"
        must(["gcc", *SANITIZE, *sorted(SOURCES.glob("*.c")), *KERNEL_SOURCES, "-o", self.kiln])
        for name in ("kiln-cc", "kiln-c++", "kiln-rustc", "kiln-rustdoc", "cargo-kiln"):
            (self.prefix / "bin" / name).symlink_to("kiln")
        if (BUILD / "lib").is_dir():
            (self.prefix / "lib").symlink_to(BUILD / "lib")
        self.make_guests()

    def make_guests(self):
        d = self.dir / "guest"
        d.mkdir()
        common = ["-O1", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-fcf-protection=none",
                  "-nostdlib", "-Wall", "-Wextra"]
        must(["gcc", "-m32", *common, "-c", HERE / "guest.c", "-o", d / "guest32.o"])
        must(["ld", "-m", "elf_i386", "-T", HERE / "guest.ld", "-e", "guest_main", d / "guest32.o",
              "-o", d / "guest32"])
        must(["objcopy", "-O", "binary", d / "guest32", d / "guest.bin"])
        must(["gcc", "-g", "-DWITH_KVM", *common, "-static", "-Wl,--section-start=.pvh=0x100000",
              HERE / "guest.c", "-o", "guest"], cwd=d)
        must(["gcc", *common, "-static", HERE / "guest.c", "-o", "guest-linuxu"], cwd=d)
        self.guest, self.guest_linuxu = d / "guest", d / "guest-linuxu"

    def run(self, *args, stdin=b"", cwd=None, env=None, tool="kiln"):
        command = [self.prefix / "bin" / tool, *map(str, args)]
        return self.command(command, stdin, cwd, env)

    def command(self, command, stdin=b"", cwd=None, env=None):
        p = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           cwd=cwd or self.dir, env={**self.env, **(env or {})}, timeout=TIMEOUT)
        err = p.stderr.decode(errors="replace")
        result = Result(command, p.returncode, p.stdout.decode(errors="surrogateescape"), err)
        if "AddressSanitizer" in err or "runtime error:" in err:
            raise Failure("a sanitizer found a bug\n" + result.describe())
        return result

    def start(self, *args, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("preexec_fn", default_signals)
        return subprocess.Popen([self.kiln, *map(str, args)], cwd=self.dir, env=self.env, **options)

    def file(self, name, content, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def need_images(self):
        missing = [n for n in ("image.ld", "lib/kernel.o", "lib/libc.a") if not (BUILD / "lib/kiln" / n).is_file()]
        if missing:
            raise Skip(f"{BUILD}/lib/kiln has no {missing[0]} (make)")

    def need_rust(self):
        self.need_images()
        r = self.run("env")
        if r.status:
            raise Skip("no Rust toolchain for the target: " + r.err.splitlines()[0])

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def must(command, cwd=None):
    p = subprocess.run(list(map(str, command)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        raise Failure(f"$ {' '.join(map(str, command))}\n{p.stdout.decode(errors='replace')}")


def expect(result, status=None, out=None, err=None, has=(), lacks=()):
    """Compare a result; `has` and `lacks` are about standard error."""
    problems = []
    if status is not None and result.status != status:
        problems.append(f"status {result.status}, not {status}")
    if out is not None and result.out != out:
        problems.append(f"standard output is not {out[:300]!r}")
    if err is not None and result.err != err:
        problems.append(f"standard error is not {err!r}")
    problems += [f"standard error lacks {t!r}" for t in ([has] if isinstance(has, str) else has)
                 if t not in result.err]
    problems += [f"standard error has {t!r}" for t in ([lacks] if isinstance(lacks, str) else lacks)
                 if t in result.err]
    if problems:
        raise Failure("; ".join(problems) + "\n" + result.describe())


def check(condition, text):
    if not condition:
        raise Failure(text)


def run_tests(world, tests, filters):
    passed = failed = skipped = 0
    for test in tests:
        name = test.__name__
        if filters and not any(f in name for f in filters):
            continue
        try:
            test(world)
        except Skip as e:
            skipped += 1
            print(f"skip {name}: {e}", flush=True)
        except Exception as e:
            failed += 1
            text = str(e) if isinstance(e, Failure) else traceback.format_exc()
            print(f"not ok {name}")
            print("\n".join("  # " + line for line in text.splitlines()), flush=True)
        else:
            passed += 1
            print(f"ok {name}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


def tests_of(module):
    """Its functions in the order they are written in, but for helpers (_name)."""
    functions = [f for n, f in vars(module).items()
                 if callable(f) and not n.startswith("_") and f.__module__ == module.__name__]
    return sorted(functions, key=lambda f: f.__code__.co_firstlineno)


def die(text):
    print(text, file=sys.stderr)
    sys.exit(1)
