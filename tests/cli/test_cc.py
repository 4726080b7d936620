# SPDX-License-Identifier: MIT OR Apache-2.0
"""kiln-cc: a C compiler driver that makes images."""
import os
import re
import shutil

from harness import Skip, check, expect

HELLO = r"""
#include <stdio.h>
int part(void);
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return part();
}
"""
PART = "int part(void) { return VALUE; }\n"


def _project(w):
    w.need_images()
    w.file("c/hello.c", HELLO)
    w.file("c/part.c", PART)
    return w.dir / "c"


def _cc(w, *args, **more):
    return w.run(*args, tool="kiln-cc", **more)


def _runs(w, image, status, *args, out=None):
    for platform in ("kvm", "linuxu"):
        expect(w.run("run", "--platform", platform, image, "--", *args), status, out=out, err="")


def c_program_is_compiled_and_linked(w):
    d = _project(w)
    expect(_cc(w, "-O2", "-DVALUE=6", "hello.c", "part.c", "-o", "hello", cwd=d), 0, out="", err="")
    _runs(w, d / "hello", 6, "a", "b c", out="[a]\n[b c]\n")


def objects_and_archives_are_linked(w):
    d = _project(w)
    expect(_cc(w, "-DVALUE=9", "-c", "part.c", "-o", "part.o", cwd=d), 0)
    expect(w.command(["ar", "crs", "libpart.a", "part.o"], cwd=d), 0)
    expect(_cc(w, "hello.c", "-L", ".", "-lpart", "-lm", "-lpthread", "-o", "nine", cwd=d), 0, err="")
    _runs(w, d / "nine", 9, out="")


def linker_messages_come_through(w):
    d = _project(w)
    r = _cc(w, "hello.c", "-o", "undefined", cwd=d)
    check(r.status != 0, r.describe())
    expect(r, has=["undefined reference to `part'"])
    check(not (d / "undefined").exists(), "an image was made")
    r = _cc(w, "no-such.o", cwd=d)
    check(r.status != 0 and "no-such.o" in r.err, r.describe())


def compiler_messages_come_through(w):
    d = _project(w)
    r = _cc(w, "-c", "hello.c", "-o", "x.o", "-DVALUE", "-include", "no-such.h", cwd=d)
    check(r.status != 0 and "no-such.h" in r.err, r.describe())


def headers_are_musls(w):
    d = _project(w)
    w.file("c/which.c", "#include <features.h>\n#include <limits.h>\n#include <stddef.h>\n#ifdef __GLIBC__\n"
                        "#error glibc\n#endif\n#ifndef __kiln__\n#error not kiln\n#endif\nint x;\n")
    expect(_cc(w, "-c", "which.c", cwd=d), 0, err="")
    for compiler in ("gcc", "clang"):
        if shutil.which(compiler):
            expect(_cc(w, "-c", "which.c", cwd=d, env={"KILN_CC": compiler}), 0, err="")


def questions_are_answered_by_the_compiler(w):
    r = _cc(w, "--version")
    check(r.status == 0 and "gcc" in r.out.lower(), r.describe())
    r = _cc(w, "-dumpmachine")
    check(r.status == 0 and "x86_64" in r.out, r.describe())
    r = _cc(w)
    check(r.status != 0 and r.err, r.describe())


def shared_libraries_are_refused(w):
    d = _project(w)
    r = _cc(w, "-shared", "part.c", "-DVALUE=1", "-o", "libpart.so", cwd=d)
    expect(r, 1, has="shared libraries")


def response_files_and_long_lines_work(w):
    d = _project(w)
    expect(_cc(w, "-DVALUE=8", "-c", "part.c", "-o", "part.o", cwd=d), 0)
    lines = [f"-L/nowhere/{i:0100d}" for i in range(30000)]
    w.file("c/response", "\n".join(["hello.c", "part.o", "-o", "long", *lines]))
    expect(_cc(w, "@response", cwd=d), 0, err="")
    _runs(w, d / "long", 8, out="")


def debug_information_stays_unless_stripped(w):
    d = _project(w)
    for options, has in (((), True), (("-s",), False), (("-Wl,--strip-debug",), False)):
        expect(_cc(w, "-g", "-DVALUE=0", *options, "hello.c", "part.c", "-o", "debug", cwd=d), 0, err="")
        r = w.command(["readelf", "-SW", d / "debug"])
        check((".debug_info" in r.out) == has, f"{options}: {r.out}")


def relocatable_output_is_an_object(w):
    d = _project(w)
    expect(_cc(w, "-DVALUE=5", "-c", "part.c", "-o", "part.o", cwd=d), 0)
    expect(_cc(w, "-r", "part.o", "-o", "joined.o", cwd=d), 0, err="")
    expect(_cc(w, "hello.c", "joined.o", "-o", "five", cwd=d), 0, err="")
    _runs(w, d / "five", 5)


def sources_from_standard_input(w):
    d = _project(w)
    r = _cc(w, "-x", "c", "-", "-o", "stdin", cwd=d, stdin=b"int main(void) { return 4; }\n")
    expect(r, 0, err="")
    _runs(w, d / "stdin", 4)


def cxx_program(w):
    d = _project(w)
    w.file("c/hello.cc", '#include <iostream>\nint main() { try { throw 3; } catch (int n) { '
                         'std::cout << "caught " << n << std::endl; return n; } }\n')
    r = w.run("hello.cc", "-o", "cxx", cwd=d, tool="kiln-c++")
    if not (w.prefix / "lib/kiln/lib/libc++.a").exists():
        expect(r, 1, has=["without the C++", "make menuconfig"])
        raise Skip("Kiln was built without the C++ libraries (the message was checked)")
    expect(r, 0, err="")
    _runs(w, d / "cxx", 3, out="caught 3\n")


def debugger_stops_at_main(w):
    if not shutil.which("gdb"):
        raise Skip("gdb is not installed")
    d = _project(w)
    expect(_cc(w, "-g", "-DVALUE=6", "hello.c", "part.c", "-o", "debugged", cwd=d), 0, err="")
    p = w.start("run", "--gdb", d / "debugged")
    text = (p.stderr.readline() + p.stderr.readline()).decode()
    script = re.search(r"gdb -x (\S+)", text).group(1)
    r = w.command(["gdb", "-nx", "-batch", "-x", script, "-ex", "break part", "-ex", "continue", "-ex", "bt",
                   "-ex", "continue"])
    check("#0  part () at part.c:1" in r.out and "in main (argc=1" in r.out, r.describe())
    out, _ = p.communicate(timeout=30)
    check(p.returncode == 6, f"status {p.returncode}, {out}")
    check(not os.path.exists(script), f"{script} is still there")


def incomplete_installation_is_explained(w):
    d = _project(w)
    broken = w.dir / "broken"
    (broken / "bin").mkdir(parents=True)
    shutil.copy(w.kiln, broken / "bin" / "kiln")
    (broken / "bin" / "kiln-cc").symlink_to("kiln")
    r = w.command([broken / "bin" / "kiln-cc", d / "hello.c"])
    check(r.status != 0, r.describe())
    r = w.command([broken / "bin" / "kiln", "build", w.file("b/Cargo.toml", "[package]\nname = 'b'\n").parent])
    expect(r, 1, has=["installation of Kiln is incomplete", "make"])
    r = w.command([broken / "bin" / "kiln", "doctor"])
    check(r.status == 1 and "missing  kiln" in r.out, r.describe())
