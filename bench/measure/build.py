# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds what is measured: Kiln images, the same programs for Linux, the counting plugin."""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

MUSL = "x86_64-unknown-linux-musl"
GNU = "x86_64-unknown-linux-gnu"


def run(command, **kwargs):
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                       **kwargs)
    if p.returncode != 0:
        sys.exit(f"$ {' '.join(map(str, command))}\n{p.stdout}")
    return p.stdout


def cargo():
    return "/usr/bin/cargo" if os.access("/usr/bin/cargo", os.X_OK) else shutil.which("cargo") or "cargo"


class Images:
    def __init__(self, root, build):
        self.root = root
        self.bench = root / "bench"
        self.build = build
        self.kiln = build / "bin" / "kiln"
        self.out = build / "bench"
        if not os.access(self.kiln, os.X_OK):
            sys.exit(f"{self.kiln} is missing; build it with: make")
        self.out.mkdir(parents=True, exist_ok=True)
        self.plugin = self._c("libcount.so", "gcc", ["-O2", "-Wall", "-shared", "-fPIC"], "count.c")
        self.floor = self._c("floor", "gcc", ["-m32", "-static", "-nostdlib", "-Wl,-Ttext=0x100000,--build-id=none"],
                             "floor.S")
        self.ops = self._c("ops-kiln", str(self.kiln.with_name("kiln-cc")), ["-O2"], "ops.c")
        self.ops_linux = self._c("ops-linux", "gcc", ["-O2", "-pthread"], "ops.c")
        self.hello = self._rust("kiln", "release", "hello")
        self.rust_ops = self._rust("kiln", "release", "ops")
        self.rust_ops_linux = self._rust("linux", "release", "ops")
        self.hello_linux = self._rust("linux", "release", "hello")
        self.hello_small = self._small()

    def _c(self, name, compiler, flags, source):
        out = self.out / name
        run([compiler, *flags, "-o", out, self.bench / source])
        return out

    def _small(self):
        """Hello with the kernel of configs/small_defconfig and std built for size; None without that std."""
        std = self.build / "lib" / "kiln" / "rust-small"
        if not std.exists():
            return None
        app = self.out / "small-kernel"
        shutil.copytree(self.bench / "small", app, dirs_exist_ok=True)
        make = ["make", "-C", self.root, f"A={app}"]
        env = {k: v for k, v in os.environ.items() if k != "O" and not k.startswith(("MAKE", "MFLAGS"))}
        prefix = app / "build"
        if self.build != self.root / "build":
            make.append(f"O={self.build}")
            prefix = self.build / "apps" / app.name
        run([*make, "small_defconfig"], env=env)
        run([*make, "app"], env=env)
        return self._rust("kiln", "small", "hello", prefix / "bin" / "kiln", std)

    @staticmethod
    def _forget_other_sysroot(target_dir, sysroot):
        """What was compiled with another std goes: cargo does not see that std has changed."""
        made_from, stamp = sysroot / "made-from", target_dir / ".sysroot"
        now = made_from.read_text() if made_from.exists() else ""
        if not stamp.exists() or stamp.read_text() != now:
            shutil.rmtree(target_dir, ignore_errors=True)
            target_dir.mkdir(parents=True)
            stamp.write_text(now)

    def _kiln_env(self, kiln, std):
        env = dict(os.environ, **({"KILN_RUST": str(std)} if std else {}))
        text = run(["bash", "-ec", 'eval "$("$0" env)"; env -0', kiln], env=env)
        return dict(e.split("=", 1) for e in text.split("\0") if "=" in e)

    def smp(self, target, shift):
        """The program of bench/smp, for "kiln" or "linux" (static), its code moved by shift bytes."""
        crate = self.bench / "smp"
        vendor = self._vendored(crate)
        made = self._rust(target, "release", "smp", crate=crate, config=(
            'source.crates-io.replace-with="vendored"', f'source.vendored.directory="{vendor}"',
            f'env.SMP_SHIFT="{shift}"'))
        kept = self.out / f"smp-{target}-{shift}"
        shutil.copy2(made, kept)
        return kept

    @staticmethod
    def _vendored(crate):
        """The crates that crate's lock file names; they are fetched into the cache once."""
        lock = (crate / "Cargo.lock").read_bytes()
        cache = Path(os.environ.get("KILN_CACHE") or Path.home() / ".cache" / "kiln")
        vendor = cache / f"bench-crates-{hashlib.sha256(lock).hexdigest()[:12]}"
        if not vendor.is_dir():
            print(f"fetching the crates that {crate.name} uses, into {vendor}", flush=True)
            new = vendor.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            run([cargo(), "vendor", "--locked", "--versioned-dirs", "--manifest-path", crate / "Cargo.toml", new])
            new.rename(vendor)
        return vendor

    def _rust(self, target, profile, name, kiln=None, std=None, crate=None, config=()):
        env = dict(os.environ)
        target_dir = self.out / (target if std is None else f"{target}-{std.name}")
        triple = MUSL
        if target == "kiln":
            env = self._kiln_env(kiln or self.kiln, std)
            self._forget_other_sysroot(target_dir, std or self.build / "lib" / "kiln" / "rust")
            # The kernel is in the image: link again, whatever cargo thinks.
            for old in target_dir.glob(f"{MUSL}/{profile}/**/{name}*"):
                if old.is_file():
                    old.unlink()
        else:
            triple = GNU
            env["RUSTFLAGS"] = "-C target-feature=+crt-static"
        options = [word for text in config for word in ("--config", text)]
        run([cargo(), "build", "--offline", "--locked", "--profile", profile, "--bin", name, "--target", triple,
             "--target-dir", target_dir, *options, "--manifest-path", (crate or self.bench / "rust") / "Cargo.toml"],
            env=env)
        return target_dir / triple / profile / name
