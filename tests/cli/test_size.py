# SPDX-License-Identifier: MIT OR Apache-2.0
"""kiln size: tables and pictures of what images are made of."""
import re
import subprocess
import xml.etree.ElementTree as xml

from harness import check, expect, must

SOURCE = "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n"


def _image(w):
    w.need_images()
    path = w.dir / "sized"
    if not path.exists():
        must([w.prefix / "bin" / "kiln-cc", w.file("sized.c", SOURCE), "-o", path])
    return path


def _rows(text):
    return {name: [int(n) for n in numbers.split()]
            for name, numbers in re.findall(r"^(\s*\S.*?) +((?:\d+ *){5})$", text, re.M)}


def size_adds_up_to_the_sections(w):
    r = w.run("size", _image(w))
    expect(r, 0, err="")
    rows = _rows(r.out)
    for name in ("kernel", "  kernel/core", "  kernel/plat/kvm", "libraries", "  musl", "  unwind tables", "all"):
        check(name in rows, f"no row {name!r} in {r.out}")
    for loaded, code, constants, data, _ in rows.values():
        check(loaded == code + constants + data, r.out)
    check(sum(rows[g][0] for g in ("kernel", "libraries", "others")) == rows["all"][0], r.out)
    sections = subprocess.run(["size", "-A", "-d", _image(w)], stdout=subprocess.PIPE, text=True, check=True).stdout
    held = sum(int(s) for n, s, at in re.findall(r"^(\.\S+) +(\d+) +(\d+)$", sections, re.M)
               if int(at) and n not in (".bss", ".tbss"))
    check(rows["all"][0] == held, f"{rows['all'][0]}, but the sections hold {held}")


def size_draws_a_picture(w):
    svg = w.dir / "sized.svg"
    expect(w.run("size", "--svg", svg, _image(w)), 0, err="")
    titles = [t.text for t in xml.parse(svg).iter("{http://www.w3.org/2000/svg}title")]
    check(any(t.startswith("kernel/core: ") for t in titles), str(titles))


def size_of_what_is_no_image(w):
    for name, content in (("empty", b""), ("text", b"hello"), ("head", b"\x7fELF\x02\x01\x01" + bytes(200))):
        r = w.run("size", w.file(f"size-{name}", content))
        expect(r, 1, has="kiln: ")
    truncated = _image(w).read_bytes()
    for n in (64, 1000, len(truncated) - 100):
        r = w.run("size", w.file("size-truncated", truncated[:n]))
        check(r.status in (0, 1), r.describe())
    stripped = w.dir / "size-stripped"
    must(["strip", "-o", stripped, _image(w)])
    expect(w.run("size", stripped), 0, has="stripped")
    expect(w.run("size"), 2, has="kiln size IMAGE")
