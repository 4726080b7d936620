# SPDX-License-Identifier: MIT OR Apache-2.0
"""kiln build, kiln run DIR, kiln env: Cargo crates, untouched."""
import os
import re
import shutil
import time

from harness import ROOT, Skip, check, expect

TARGET = "x86_64-unknown-linux-musl"
MAIN = r"""
use std::io::Read;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    println!("{} {args:?}", env!("CARGO_BIN_NAME"));
    for (name, value) in std::env::vars() {
        println!("{name}={value}");
    }
    if cfg!(feature = "loud") {
        println!("LOUD");
    }
    if !cfg!(debug_assertions) {
        println!("optimised");
    }
    match args.first().map(String::as_str) {
        Some("cat") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).unwrap();
            print!("{text}");
        }
        Some("exit") => std::process::exit(args[1].parse().unwrap()),
        Some("panic") => panic!("as asked"),
        _ => {}
    }
}
"""
MANIFEST = """[package]
name = "{name}"
version = "0.1.0"
edition = "2021"
{more}
"""


def _crate(w, name, sources=None, more=""):
    """A new crate; its folder."""
    w.need_rust()
    w.file(f"{name}/Cargo.toml", MANIFEST.format(name=name, more=more))
    for path, text in (sources or {"src/main.rs": MAIN}).items():
        w.file(f"{name}/{path}", text)
    return w.dir / name


def _demo(w):
    """A crate with one program, an example and a feature, shared by the tests that do not change it."""
    if not hasattr(w, "demo"):
        w.demo = _crate(w, "demo", {"src/main.rs": MAIN, "examples/extra.rs": "fn main() { println!(\"extra\"); }"},
                        "[features]\nloud = []")
    return w.demo


def build_prints_the_image(w):
    d = _demo(w)
    r = w.run("build", d)
    expect(r, 0, has=["Compiling demo", "Finished"])
    image = d / "target/kiln" / TARGET / "debug/demo"
    check(re.fullmatch(rf"image: {image}, \d+ KiB \(\d+ KiB of it loaded\)\n", r.out), r.describe())
    expect(w.run("run", image, "--", "exit", "9"), 9, err="")
    check(not (d / "target" / TARGET).exists(), "the ordinary target folder was used")


def run_takes_a_crate(w):
    d = _demo(w)
    for platform in ("kvm", "linuxu"):
        r = w.run("run", "-q", "--platform", platform, "--env", "A=1 2", d, "--", "a b", "", "--release")
        expect(r, 0, out='demo ["a b", "", "--release"]\nA=1 2\n', err="")
        expect(w.run("run", "--platform", platform, "--", "cat", cwd=d, stdin=b"in\nput"), 0,
               out='demo ["cat"]\nin\nput')
        r = w.run("run", "-q", "--platform", platform, d, "--", "panic")
        expect(r, 101, has="as asked")


def cargo_options_are_cargos(w):
    d = _demo(w)
    expect(w.run("run", "-qr", d), 0, out="demo []\noptimised\n")
    expect(w.run("run", "-q", "--features", "loud", d), 0, out="demo []\nLOUD\n")
    expect(w.run("run", "-q", "--example", "extra", d), 0, out="extra\n")
    expect(w.run("run", "-q", "--offline", "--manifest-path", d / "Cargo.toml"), 0, out="demo []\n")
    other = w.dir / "other-target"
    r = w.run("build", "--target-dir", "other-target", d)
    check(f"image: {other}/{TARGET}/debug/demo," in r.out, r.describe())
    r = w.run("build", "--target", TARGET, "--profile", "dev", "-o", "here.img", d)
    expect(r, 0)
    expect(w.run("run", "here.img"), 0, out="demo []\n")


def sub_folder_of_a_crate_is_the_crate(w):
    expect(w.run("run", "-q", cwd=_demo(w) / "src"), 0, out="demo []\n")


def crate_that_does_not_compile(w):
    d = _crate(w, "broken", {"src/main.rs": "fn main() { let x: u32 = \"\"; }\n"})
    expect(w.run("build", d), 101, out="", has=["mismatched types", "could not compile"], lacks="kiln:")
    expect(w.run("run", d), 101, out="", has="mismatched types", lacks="kiln:")


def crate_with_a_broken_manifest(w):
    d = _crate(w, "mistaken", more="nonsense")
    expect(w.run("build", d), 101, out="", has="Cargo.toml")


def crate_without_a_program(w):
    d = _crate(w, "library", {"src/lib.rs": ""})
    expect(w.run("build", d), 1, has=["no program in it", "src/main.rs"])


def several_programs(w):
    d = _crate(w, "several", {"src/bin/one.rs": MAIN, "src/bin/two.rs": MAIN})
    expect(w.run("run", d), 1, out="", has=["several programs: one, two", "--bin NAME"])
    expect(w.run("run", "-q", "--bin", "two", d), 0, out="two []\n")
    r = w.run("build", d)
    check(r.status == 0 and r.out.count("image: ") == 2, r.describe())
    expect(w.run("build", "-o", "x", d), 1, has="--bin NAME")
    expect(w.run("build", "-o", "x", "--bin", "one", d), 0)
    w.file("several/Cargo.toml", MANIFEST.format(name="several", more='default-run = "one"'))
    expect(w.run("run", "-q", d), 0, out="one []\n")


def workspace_members_are_chosen(w):
    d = w.file("space/Cargo.toml", '[workspace]\nmembers = ["a", "b", "m"]\nresolver = "2"\n').parent
    _crate(w, "space/a".replace("/", "-"))
    for name in ("a", "b"):
        w.file(f"space/{name}/Cargo.toml", MANIFEST.format(name=name, more="[dependencies]\nm = { path = '../m' }"))
        w.file(f"space/{name}/src/main.rs", MAIN.replace("fn main() {", "fn main() {\n    println!(\"{}\", m::two!());"))
    w.file("space/m/Cargo.toml", MANIFEST.format(name="m", more="[lib]\nproc-macro = true"))
    w.file("space/m/src/lib.rs", "#[proc_macro]\npub fn two(_: proc_macro::TokenStream) -> proc_macro::TokenStream {"
                                 " \"1 + 1\".parse().unwrap() }\n")
    expect(w.run("run", "-q", "-p", "b", d), 0, out="2\nb []\n")
    expect(w.run("run", "-q", d / "a"), 0, out="2\na []\n")
    expect(w.run("run", "-q", d), 1, has="several programs: a, b")


def c_code_in_a_crate(w):
    build = """use std::process::Command;
fn main() {
    let target = std::env::var("TARGET").unwrap().replace('-', "_");
    let tool = |name: &str| Command::new(std::env::var(format!("{name}_{target}")).unwrap());
    let out = std::env::var("OUT_DIR").unwrap();
    assert!(tool("CC").args(["-O2", "-fPIC", "-ffunction-sections", "-c", "c/part.c", "-o"])
        .arg(format!("{out}/part.o")).status().unwrap().success());
    assert!(tool("AR").args(["crs", &format!("{out}/libpart.a"), &format!("{out}/part.o")])
        .status().unwrap().success());
    println!("cargo:rustc-link-search=native={out}\\ncargo:rustc-link-lib=static=part");
}
"""
    main = ("unsafe extern \"C\" { fn part(x: f64) -> i32; }\n"
            "fn main() { println!(\"{}\", unsafe { part(2.5) }); }\n").replace("unsafe extern", "extern")
    part = ("#include <math.h>\n#include <stdio.h>\n#ifndef __kiln__\n#error not kiln\n#endif\n"
            "int part(double x) { printf(\"C %d\\n\", EOF); fflush(stdout); return (int)floor(x); }\n")
    d = _crate(w, "withc", {"build.rs": build, "src/main.rs": main, "c/part.c": part})
    expect(w.run("run", "-q", d), 0, out="C -1\n2\n")


def crates_own_flags_are_respected(w):
    flags = '[build]\nrustflags = ["--cfg", "mine"]\n[target.%s]\nlinker = "no-such-linker"\n' % TARGET
    d = _crate(w, "flagged", {"src/main.rs": "fn main() { println!(\"{}\", cfg!(mine)); }\n",
                              ".cargo/config.toml": flags})
    expect(w.run("run", "-q", d), 0, out="true\n")


def crates_own_linker_in_flags_is_explained(w):
    flags = '[target.%s]\nrustflags = ["-C", "linker=%s"]\n' % (TARGET, w.file("fake-ld", """#!/bin/sh
while [ "$1" != -o ]; do shift; done
cp /bin/true "$2"
""", 0o755))
    d = _crate(w, "relinked", {"src/main.rs": "fn main() {}\n", ".cargo/config.toml": flags})
    expect(w.run("build", d), 1, has=["dynamically linked Linux program", "linker"])


def image_is_linked_again_after_kiln_changed(w):
    d = _demo(w)
    moved = w.dir / "moved"
    shutil.copytree(w.prefix / "lib" / "kiln", moved / "lib" / "kiln", symlinks=True)
    shutil.copytree(w.prefix / "bin", moved / "bin", symlinks=True)
    kiln = moved / "bin" / "kiln"
    image = d / "target/kiln" / TARGET / "debug/demo"
    expect(w.command([kiln, "build", d]), 0)
    before = image.stat().st_mtime_ns
    expect(w.command([kiln, "build", d]), 0)
    check(image.stat().st_mtime_ns == before, "the image was linked again for nothing")
    time.sleep(1)
    os.utime(moved / "lib/kiln/lib/kernel.o")
    expect(w.command([kiln, "build", d]), 0)
    check(image.stat().st_mtime_ns > before, "the image has the old kernel")
    expect(w.command([kiln, "run", "-q", d]), 0, out="demo []\n")


def changed_sysroot_is_noticed(w):
    d = _demo(w)
    if not (w.prefix / "lib/kiln/rust/toolchain").exists():
        raise Skip("Kiln's own Rust library was not built")
    moved = w.dir / "changed"
    shutil.copytree(w.prefix / "bin", moved / "bin", symlinks=True)
    (moved / "lib").mkdir()
    shutil.copytree(w.prefix / "lib/kiln", moved / "lib/kiln", symlinks=True)
    build = [moved / "bin/kiln", "build", "--target-dir", "changed-target", d]
    env = {"KILN_RUST": "rust"}
    expect(w.command(build, env=env), 0, has="Compiling")
    expect(w.command(build, env=env), 0, lacks="Compiling")
    os.utime(moved / "lib/kiln/rust/toolchain")
    expect(w.command(build, env=env), 0, has="Compiling")
    expect(w.command(build, env=env), 0, lacks="Compiling")


def missing_folder_is_explained(w):
    expect(w.run("build", "no-such-folder"), 1, has="not a folder")
    expect(w.run("build", w.guest), 1, has="not a folder")
    d = w.dir / "nothing"
    d.mkdir()
    expect(w.run("build", d), 1, has=["no Cargo.toml", "cargo new"])
    expect(w.run("build", cwd=d), 1, has="no Cargo.toml in this folder")


def missing_rust_is_explained(w):
    d = _demo(w)
    bare = w.dir / "bare"
    shutil.copytree(w.prefix / "bin", bare / "bin", symlinks=True)
    (bare / "lib/kiln").mkdir(parents=True)
    for entry in (w.prefix / "lib/kiln").iterdir():
        if not entry.name.startswith("rust"):
            (bare / "lib/kiln" / entry.name).symlink_to(entry)
    env = {"PATH": "/usr/bin:/bin", "RUSTC": ""}
    if w.command([bare / "bin/kiln", "env"], env=env).status == 0:
        raise Skip("the system's rustc has the target")
    r = w.command([bare / "bin/kiln", "build", d], env=env)
    expect(r, 1, has=["no Rust standard library for the target", "apt-get install rustc-web", "make rust"])
    r = w.command([bare / "bin/kiln", "doctor"], env=env)
    check(r.status == 1 and "missing  rust" in r.out, r.describe())


def env_makes_plain_cargo_and_rustc_build_images(w):
    d = _demo(w)
    prepare = 'eval "$("$0" env)" && '
    r = w.command(["sh", "-c", prepare + "cargo build -q", w.kiln], cwd=d)
    expect(r, 0)
    expect(w.run("run", d / "target" / TARGET / "debug/demo"), 0, out="demo []\n")
    r = w.command(["sh", "-c", prepare + "cargo run -q -- x --release", w.kiln], cwd=d)
    expect(r, 0)
    # cargo runs it in the virtual machine, with its own environment, which the program prints.
    check(r.out.startswith('demo ["x", "--release"]\n'), r.describe())
    w.file("plain.rs", "fn main() { println!(\"plain\"); }\n")
    r = w.command(["sh", "-c", prepare + '"$RUSTC" $KILN_RUSTC_ARGS plain.rs -o plain', w.kiln])
    expect(r, 0)
    expect(w.run("run", w.dir / "plain"), 0, out="plain\n")


def unknown_rustup_toolchain_is_not_installed(w):
    d = _crate(w, "pinned")
    w.file("pinned/rust-toolchain.toml", '[toolchain]\nchannel = "1.60.0"\n')
    if not (w.prefix / "lib/kiln/rust/toolchain").exists():
        raise Skip("Kiln's own Rust library was not built")
    note = "rust-toolchain.toml asks for a toolchain without"
    expect(w.run("run", d), 0, out="pinned []\n", lacks="download", has=note if shutil.which("rustup") else ())
    expect(w.run("run", "-q", d), 0, out="pinned []\n", lacks=("download", note))


TESTED = """
fn main() {}
#[cfg(test)]
mod tests {
    #[test]
    fn good() {
        assert_eq!(std::process::id(), 1);
        assert_eq!(std::env::var("CARGO_PKG_NAME").as_deref(), Ok("tested"));
    }
    #[test]
    fn picky() {
        println!("said {:?}", std::env::var("RUST_LOG"));
        assert!(std::env::var("RUST_LOG").is_err());
    }
}
"""


def _tested(w):
    if not hasattr(w, "tested"):
        w.tested = _crate(w, "tested", {"src/main.rs": TESTED})
    return w.tested


def cargo_test_runs_in_the_virtual_machine(w):
    """Through the runner that kiln env sets: filters and arguments pass on, a failure fails."""
    d = _tested(w)
    cargo = "eval \"$(kiln env)\"; unset CARGO_BUILD_TARGET_DIR; ${CARGO:-cargo} test -q --offline"
    path = {"PATH": f"{w.prefix / 'bin'}:/usr/bin:{os.environ['PATH']}"}
    expect(w.command(["bash", "-ec", cargo], cwd=d, env=path), 0)
    r = w.command(["bash", "-ec", cargo + " -- --test-threads=1 good"], cwd=d, env=path)
    check(r.status == 0 and "1 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out" in r.out, r.describe())
    r = w.command(["bash", "-ec", cargo], cwd=d, env={**path, "RUST_LOG": "on"})
    check(r.status == 101 and "1 passed; 1 failed" in r.out and 'said Ok("on")' in r.out, r.describe())


def cargo_kiln(w):
    d = _tested(w)
    def run(*args, env=None):
        return w.run("kiln", *args, cwd=d, tool="cargo-kiln", env=env)
    for platform in ("kvm", "linuxu"):
        r = run(f"--platform={platform}", "test", "-q", "--offline", "--", "good")
        check(r.status == 0 and "1 passed; 0 failed" in r.out, r.describe())
        r = run("--platform", platform, "test", "-q", "--offline", env={"RUST_LOG": "x"})
        check(r.status == 101 and "1 passed; 1 failed" in r.out, r.describe())
    expect(run("run", "-q", "--offline"), 0, out="")
    expect(run("--platform=linuxu", "--trace=memory", "--stats", "--watchdog", "run", "-q", "--offline"), 0,
           has=["mmap(", "kiln: what the run took"])
    expect(run("--stats=1", "run", "-q", "--offline"), 2, has="--stats")
    expect(run("build", "-q", "--offline"), 0)
    check((d / "target/kiln" / TARGET / "debug/tested").is_file(), "the image is not where kiln build has it")
    expect(run("walk"), 2, has="build, run, test or bench")
    expect(run("--nonsense", "run"), 2, has="no option of cargo kiln")
    expect(run("run", "--target", "x"), 2, has="chooses the target itself")
    check("cargo kiln" in run("--help").out, "no help")


def examples_in_documentation_are_tests(w):
    d = _crate(w, "documented", {"src/lib.rs": """/// Adds.
///
/// ```
/// assert_eq!(documented::add(1, 2), 3);
/// ```
pub fn add(a: u32, b: u32) -> u32 {
    a + b
}
"""})
    r = w.run("kiln", "--platform=linuxu", "test", "--offline", cwd=d, tool="cargo-kiln")
    check(r.status == 0 and "add (line 3) ... ok" in r.out, r.describe())


def output_may_be_a_link(w):
    d = _demo(w)
    (d / "behind.img").write_bytes(b"old")
    (d / "link.img").symlink_to("behind.img")
    expect(w.run("build", "-o", d / "link.img", d), 0)
    check((d / "link.img").is_symlink(), "the link is gone")
    check((d / "behind.img").read_bytes().startswith(b"\x7fELF"), "what is behind it is not the image")


def without_a_musl_target_programs_are_loaded(w):
    """As after a plain rustup install: static for glibc, and loaded."""
    d = _demo(w)
    rustc = next((r for r in ("/usr/bin/rustc", shutil.which("rustc")) if r and os.access(r, os.X_OK)), None)
    if not rustc:
        raise Skip("there is no rustc")
    libdir = w.command([rustc, "--print", "target-libdir", "--target", TARGET]).out.strip()
    if os.path.isdir(libdir):
        raise Skip(f"{rustc} has the target {TARGET}")
    prefix = w.dir / "no-target"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib/kiln").mkdir(parents=True)
    shutil.copy(w.kiln, prefix / "bin/kiln")
    (prefix / "bin/kiln-cc").symlink_to("kiln")
    for part in (w.prefix / "lib/kiln").iterdir():
        if not part.name.startswith("rust"):
            (prefix / "lib/kiln" / part.name).symlink_to(part)
    env = {"RUSTC": rustc, "CARGO": rustc.replace("rustc", "cargo")}
    for platform in ("kvm", "linuxu"):
        for flags in ({}, {"RUSTFLAGS": "-C debuginfo=1"}):
            r = w.command([prefix / "bin/kiln", "run", "--platform", platform, "--offline", d, "--", "exit", "7"],
                          env={**env, **flags})
            expect(r, 7, out='demo ["exit", "7"]\n', has=["note:", "static program for glibc", "loaded"])
    r = w.command([prefix / "bin/kiln", "build", d], env=env)
    expect(r, 1, has=f"no Rust standard library for the target {TARGET}")


def backtraces_have_lines_though_debug_information_was_to_be_compressed(w):
    source = """
#[inline(never)]
fn deep(n: u32) -> u32 {
    if n == 0 { panic!("down here") }
    deep(n - 1) + 1
}
fn main() { println!("{}", deep(2)); }
"""
    d = _crate(w, "compressed", {"src/main.rs": source})
    for flags in ("", "-C link-arg=-Wl,--compress-debug-sections=zlib"):
        for platform in ("kvm", "linuxu"):
            r = w.run("run", "-q", "--platform", platform, d, "--", env={"RUST_BACKTRACE": "1", "RUSTFLAGS": flags})
            expect(r, 101, out="", has=["compressed::deep", "src/main.rs:5"])


def new_crates_are_ready(w):
    w.need_rust()
    expect(w.run("new", "fresh"), 0, err="")
    expect(w.run("run", "-q", "--platform", "linuxu", "fresh"), 0, out="Hello, world!\n")
    expect(w.run("new", "fresh"), 1, has="not empty")
    expect(w.run("new", "9lives"), 2, has="--name")
    expect(w.run("new", "--name", "lives", "9lives"), 0)
    check('name = "lives"' in (w.dir / "9lives/Cargo.toml").read_text(), "the name is not the one given")
    expect(w.run("new", "--embed", "some-app", env={"KILN_ROOT": str(w.dir)}), 1, has="KILN_ROOT")
    expect(w.run("new", "--embed", "some-app", env={"KILN_ROOT": str(ROOT)}), 0)
    check((w.dir / "some-app/some-app/src/lib.rs").is_file(), "there is no library")
    check("libsome_app.a" in (w.dir / "some-app/Makefile.uk").read_text(), "Makefile.uk lacks the library")
