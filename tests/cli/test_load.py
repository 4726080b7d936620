# SPDX-License-Identifier: MIT OR Apache-2.0
"""Linux programs as they are: static ones are loaded, others refused in words."""
import struct
import subprocess

from harness import BUILD, Skip, check, expect, must

PLATFORMS = ("kvm", "linuxu")
HELLO = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%s,", argv[i]);
	printf("%s\n", getenv("WHO") ? getenv("WHO") : "nobody");
	return argc + 4;
}
"""
# Without a C library: prints where its code is.
BARE = r"""
static long call(long nr, long a, long b, long c)
{
	__asm__ volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return nr;
}
void _start(void)
{
	char text[17];
	unsigned long at = (unsigned long)_start;

	for (int i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[at >> (60 - 4 * i) & 15];
	text[16] = '\n';
	call(1, 1, (long)text, 17);
	call(231, 7, 0, 0);
}
"""


def _need_loader():
    if not (BUILD / "lib/kiln/kiln-loader").is_file():
        raise Skip(f"{BUILD}/lib/kiln has no kiln-loader (make)")


def _compile(w, name, source, *options):
    path = w.dir / name
    if not path.exists():
        must(["gcc", "-O1", w.file(name + ".c", source), "-o", path, *options])
    return path


def _bare(w, name, *options):
    return _compile(w, name, BARE, "-nostdlib", "-fno-stack-protector", "-fcf-protection=none", *options)


def glibc_programs(w):
    _need_loader()
    for name, options in (("hello-static", ["-static"]), ("hello-static-pie", ["-static-pie"])):
        path = _compile(w, name, HELLO, *options)
        for platform in PLATFORMS:
            expect(w.run("run", "--platform", platform, path), 5, out="nobody\n", err="")
            expect(w.run("run", "--platform", platform, "--env", "WHO=me", path, "--", "a b", ""),
                   7, out="a b,,me\n", err="")


def fixed_addresses(w):
    """Whatever address a program is linked for."""
    _need_loader()
    for at in (0x10000, 0x400000, 0x7ff000, 0x20000000000):
        path = _bare(w, f"fixed-{at:x}", "-static", "-no-pie", f"-Wl,-Ttext-segment={at:#x}", "-mcmodel=large")
        for platform in PLATFORMS:
            r = w.run("run", "--platform", platform, path)
            expect(r, 7, err="")
            if not at <= int(r.out, 16) < at + 0x3000:
                expect(r, out=f"about {at:x}")


def pies_are_at_random_addresses(w):
    _need_loader()
    path = _bare(w, "bare-pie", "-static-pie")
    for platform in PLATFORMS:
        places = set()
        for _ in range(3):
            r = w.run("run", "--platform", platform, path)
            expect(r, 7, err="")
            places.add(r.out)
        if len(places) < 3:
            expect(r, out="three different addresses")


def crash_is_symbolised(w):
    _need_loader()
    source = "int main(int c, char **v) { *(volatile int *)(long)(c - 1) = 0; return 0; }\n"
    for options in (["-static"], ["-static-pie"]):
        path = _compile(w, "crash" + options[0], source, "-g", *options)
        for platform in PLATFORMS:
            expect(w.run("run", "--platform", platform, path), 139,
                   has=["SIGSEGV", "program+0x", " main at ", "is not mapped"])


def halt_is_a_fault(w):
    """hlt, which is how C libraries abort, and other instructions that are the kernel's."""
    _need_loader()
    for name, code in (("hlt", "hlt"), ("cli", "cli"), ("out", "out %al, $0xf4"),
                       ("cr", "mov %cr3, %rax")):
        source = f'int main(void) {{ __asm__ volatile("{code}"); return 0; }}\n'
        path = _compile(w, "ring0-" + name, source, "-static")
        for platform in PLATFORMS:
            expect(w.run("run", "--platform", platform, path), 139, has="SIGSEGV")


def kernel_memory_is_out_of_reach(w):
    _need_loader()
    # Where the interrupt descriptors are, if the processor tells.
    source = '''int main(void) {
        struct __attribute__((packed)) { short size; volatile char *base; } idt;
        __asm__ volatile("sidt %0" : "=m"(idt));
        *idt.base = 1;
        return 0;
    }
    '''
    path = _compile(w, "reach", source, "-static")
    for platform in PLATFORMS:
        expect(w.run("run", "--platform", platform, path), 139, has="SIGSEGV")


def _segment(data, n, **fields):
    """Change fields of the n-th PT_LOAD."""
    layout = {"flags": (4, "<I"), "offset": (8, "<Q"), "vaddr": (16, "<Q"), "filesz": (32, "<Q"),
              "memsz": (40, "<Q"), "align": (48, "<Q")}
    phoff, = struct.unpack_from("<Q", data, 32)
    for i in range(struct.unpack_from("<H", data, 56)[0]):
        at = phoff + 56 * i
        if struct.unpack_from("<I", data, at)[0] == 1:
            if n == 0:
                for name, value in fields.items():
                    offset, kind = layout[name]
                    struct.pack_into(kind, data, at + offset, value & ((1 << 64) - 1))
                return data
            n -= 1
    raise AssertionError("so many segments there are not")


def hostile_files(w):
    """Each is refused by the command, and by the loader's own check if that is asked directly."""
    _need_loader()
    good = _bare(w, "good", "-static", "-no-pie").read_bytes()
    top = (1 << 64) - 1

    def changed(at, kind, value):
        data = bytearray(good)
        struct.pack_into(kind, data, at, value)
        return data

    def segment(n, **fields):
        return _segment(bytearray(good), n, **fields)

    cases = (
        ("writable-code", segment(1, flags=7), "writable and executable"),
        ("file-size", segment(1, filesz=top, memsz=top), "address that no program can have|cut off|wraps around"),
        ("file-over-memory", segment(1, memsz=1), "broken segment"),
        ("memory-size", segment(1, memsz=top), "address that no program can have|cut off|wraps around"),
        ("high", segment(1, vaddr=(1 << 47) - 4096), "out of order|cannot|address|entry"),
        ("kernel-half", segment(1, vaddr=0xffff800000001000), "address that no program can have"),
        ("behind-file", segment(1, offset=0x7fffffffffff1000), "cut off"),
        ("offset-wraps", segment(1, offset=top & ~0xfff), "cut off"),
        ("odd-offset", segment(1, offset=1), "broken segment"),
        ("same-page", segment(1, vaddr=0x400000), "out of order"),
        ("page-zero", segment(0, vaddr=0), "address that no program can have"),
        ("alignment", segment(1, align=0x3000), "alignment"),
        ("big-alignment", segment(1, align=1 << 62), "alignment"),
        ("entry", changed(24, "<Q", 0x1234), "entry point"),
        ("entry-in-data", changed(24, "<Q", 0x400000), "entry point"),
        ("headers-behind-file", changed(32, "<Q", len(good)), "cut off"),
        ("headers-wrap", changed(32, "<Q", top), "cut off"),
        ("no-headers", changed(56, "<H", 0), "nothing in it to load"),
        ("many-headers", changed(56, "<H", 0xffff), "broken"),
        ("header-size", changed(54, "<H", 55), "broken"),
        ("object", changed(16, "<H", 1), "object file|not an executable"),
        ("machine", changed(18, "<H", 183), "AArch64|another processor"),
        ("empty", b"", "is empty|not an ELF"),
        ("magic-only", b"\x7fELF", "cut off|ELF file"),
        ("half", good[:0x800], "cut off"),
    )
    for name, data, text in cases:
        path = w.file("hostile-" + name, bytes(data), 0o755)
        texts = text.split("|")
        r = w.run("run", path)
        _refused_with_one_of(r, texts)
        expect(r, has="\n  ")  # the next step
        direct = w.command([BUILD / "lib/kiln/kiln-loader"], env={"KILN_OPTS": f"exec={path}"})
        _refused_with_one_of(direct, texts + ["cannot be read"])


def _refused_with_one_of(result, texts):
    expect(result, 125, out="")
    if not any(t in result.err for t in texts):
        expect(result, has=texts)


BIG = 24 << 20
READ_ONLY = f"const unsigned char big[{BIG}] = " + r"""{[0] = 1, [sizeof(big) - 1] = 2};
#include <stdio.h>
int main(void)
{
	unsigned sum = 0;

	for (unsigned long i = 0; i < sizeof(big); i += 4096)
		sum += *(volatile const unsigned char *)&big[i];
	printf("%u %u\n", sum, big[sizeof(big) - 1]);
	fflush(stdout);
	return getchar() == EOF ? 3 : 4;
}
"""


def read_only_pages_are_the_files(w):
    """They are mapped, not copied: a machine without room for two of them will do, and on linuxu the host has them from
    the file."""
    _need_loader()
    path = _compile(w, "read-only", READ_ONLY, "-static")
    expect(w.run("run", "--platform", "kvm", "--memory", f"{(BIG >> 20) + 8}M", path), 3, out="1 2\n", err="")
    p = subprocess.Popen([BUILD / "lib/kiln/kiln-loader"], env={**w.env, "KILN_OPTS": f"exec={path}"},
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with p:
        check(p.stdout.readline() == b"1 2\n", "the program does not see its constants")
        kib = _mapped_from(p.pid, path)
        p.stdin.close()
        check(p.wait() == 3, f"status {p.returncode}")
    check(kib["Size"] >= BIG >> 10, f"{kib['Size']} KiB are mapped from the file")
    # But for what the C library has relocated and protected then.
    check(kib["Rss"] >= BIG >> 10 and kib["Anonymous"] < 100, f"pages were copied: {kib}")


def _mapped_from(pid, path):
    """KiB of the mappings that are the file's and can only be read."""
    kib = {"Size": 0, "Rss": 0, "Anonymous": 0}
    inside = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if not words[0].endswith(":"):
                inside = words[-1] == str(path) and "w" not in words[1]
            elif inside and words[0][:-1] in kib:
                kib[words[0][:-1]] += int(words[1])
    return kib


def loader_without_a_program(w):
    _need_loader()
    expect(w.command([BUILD / "lib/kiln/kiln-loader"]), 125, has="kiln run PROGRAM")
    expect(w.run("run", "--platform", "kvm", BUILD / "lib/kiln/kiln-loader"), 125, has="kiln run PROGRAM")


def program_bigger_than_memory(w):
    _need_loader()
    path = _compile(w, "hello-static", HELLO, "-static")
    expect(w.run("run", "--memory", "1M", path), 125, has=["does not fit into 1024 KiB", "--memory"])
