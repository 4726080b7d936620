# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is no image is recognised, and said in words; broken files do no harm."""
import os
import random
import struct

from harness import check, expect, must


def _refused(w, path, *texts):
    for platform in ("kvm", "linuxu"):
        expect(w.run("run", "--platform", platform, path), 125, out="", has=texts)


def missing_file(w):
    _refused(w, "no-such-file", "there is no file or folder no-such-file")


def folder_without_a_crate(w):
    d = w.dir / "empty"
    d.mkdir()
    _refused(w, d, "no Cargo.toml", "kiln run IMAGE|DIR")


def empty_file(w):
    _refused(w, w.file("empty-file", ""), "is empty")


def script(w):
    _refused(w, w.file("script", "#!/bin/sh\n", 0o755), "is a script")


def text(w):
    _refused(w, w.file("text", "hello\n"), "not an ELF file", "kiln build")


def source_file(w):
    _refused(w, w.file("main.rs", "fn main() {}\n"), "is a source file", "kiln run DIR")


def archive(w):
    _refused(w, w.file("libx.a", "!<arch>\n"), "library archive", "UKALIBS-y")


def named_pipe(w):
    path = w.dir / "pipe"
    os.mkfifo(path)
    _refused(w, path, "not a regular file")


def dynamic_program(w):
    _refused(w, "/bin/ls", "dynamically linked Linux program", "target-feature=+crt-static", "kiln build DIR")


def _compile(w, name, *options, source="int main(void) { return 0; }\n"):
    c = w.file(name + ".c", source)
    must(["gcc", *options, c, "-o", w.dir / name])
    return w.dir / name


def object_file(w):
    _refused(w, _compile(w, "object.o", "-c"), "is an object file", "kiln-cc")


def other_machines_program(w):
    data = bytearray(w.guest.read_bytes())
    data[18:20] = struct.pack("<H", 183)
    _refused(w, w.file("arm", bytes(data), 0o755), "AArch64")
    _refused(w, w.file("x32", w.guest.read_bytes()[:4] + b"\1" + data[5:18] + b"\3\0" + data[20:]),
             "32-bit x86")


def image_cut_off(w):
    data = w.guest.read_bytes()
    _refused(w, w.file("cut", data[:0x3000]), "cut off")
    _refused(w, w.file("cut-phdrs", data[:80]), "cut off")
    _refused(w, w.file("cut-header", data[:40]), "cut off")
    expect(w.run("run", w.file("cut-magic", data[:3])), 125, has="not an ELF file")


def image_for_linuxu_only(w):
    expect(w.run("run", w.guest_linuxu), 125, has=["CONFIG_PLAT_KVM", "--platform linuxu"])
    expect(w.run("run", "--platform", "linuxu", w.guest_linuxu), 0, out="", err="")


def image_for_kvm_only(w):
    data = bytearray(w.guest.read_bytes())
    data[24:32] = bytes(8)
    path = w.file("kvm-only", bytes(data), 0o755)
    expect(w.run("run", "--platform", "linuxu", path), 125, has=["CONFIG_PLAT_LINUXU", "--platform kvm"])


def image_bigger_than_memory(w):
    r = w.run("run", "--memory", "2M", w.guest)
    expect(r, 125, has=["does not fit into 2048 KiB", "--memory 5M"])
    expect(w.run("run", "--memory", "5M", w.guest), 0)


def image_of_impossible_size(w):
    data = bytearray(w.guest.read_bytes())
    # p_memsz of the first segment
    data[64 + 40:64 + 48] = struct.pack("<Q", 1 << 63)
    expect(w.run("run", w.file("huge", bytes(data))), 125, has="more memory than there can be")
    data[64 + 40:64 + 48] = struct.pack("<Q", (1 << 64) - 1)
    expect(w.run("run", w.file("wraps", bytes(data))), 125, has="wraps around")
    data[64 + 40:64 + 48] = struct.pack("<Q", 1100 << 20)
    expect(w.run("run", "--platform", "kvm", w.file("large", bytes(data))), 125,
           has=["too large for a virtual machine", "--platform linuxu"])


def mutated_images_do_no_harm(w):
    """The command may take or refuse them, but under sanitizers it must not stumble."""
    seed = int(os.environ.get("SEED", "1"))
    rng = random.Random(seed)
    original = w.guest.read_bytes()
    for i in range(60):
        data = bytearray(original)
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(0, 64 + 9 * 56) if rng.random() < 0.8 else rng.randrange(len(data))
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)):]
        r = w.run("run", "--dry-run", "--accel", "tcg", w.file("mutant", bytes(data), 0o755))
        check(r.status in (0, 125), f"seed {seed}, mutant {i}: {r.describe()}")
