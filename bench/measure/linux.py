# SPDX-License-Identifier: MIT OR Apache-2.0
"""The same program in a Linux guest (Debian's cloud kernel, the program as /init), for comparison."""
import os
import re
import subprocess
from pathlib import Path

from . import qemu

PACKAGE = "linux-image-cloud-amd64"


def cache_folder():
    base = os.environ.get("KILN_CACHE") or Path.home() / ".cache" / "kiln"
    return Path(base) / "linux-cloud"


def fetch_kernel():
    """vmlinuz of Debian's cloud kernel, from the cache or the machine's own package archive; None without it."""
    folder = cache_folder()
    found = sorted(folder.glob("vmlinuz-*"))
    if found:
        return found[-1]
    folder.mkdir(parents=True, exist_ok=True)
    depends = subprocess.run(["apt-cache", "depends", PACKAGE], stdout=subprocess.PIPE, text=True, check=False).stdout
    m = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", depends)
    if not m:
        return None
    print(f"fetching {m.group(1)}", flush=True)
    if subprocess.run(["apt-get", "download", m.group(1)], cwd=folder, check=False,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        return None
    for package in folder.glob("*.deb"):
        data = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "--strip-components=2", "--wildcards", "./boot/vmlinuz-*"], cwd=folder,
                       stdin=data.stdout, check=False)
        data.wait()
        package.unlink()
    found = sorted(folder.glob("vmlinuz-*"))
    return found[-1] if found else None


def cpio(entries):
    """An archive in the 'newc' format (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    out = bytearray()
    for number, (name, mode, device, data) in enumerate(entries + [("TRAILER!!!", 0, (0, 0), b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4)
        out += data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def command(images, kernel, program, memory, cpus=1, append=""):
    """The QEMU command of a Linux guest with program as its only process. append: more kernel parameters."""
    initrd = images.out / f"initrd-{program.name}.cpio"
    initrd.write_bytes(cpio([("dev", 0o40755, (0, 0), b""), ("dev/console", 0o20600, (5, 1), b""),
                             ("init", 0o100755, (0, 0), program.read_bytes())]))
    # Linux finds a second CPU only with ACPI.
    one = cpus == 1
    return ["qemu-system-x86_64", "-M", f"microvm,acpi={'off' if one else 'on'}", "-accel",
            "tcg" if one else "tcg,thread=multi", "-cpu", "max", "-smp", str(cpus), "-m", memory, "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none", "-name", "debug-threads=on", "-serial", "stdio",
            "-kernel", str(kernel), "-initrd", str(initrd), "-append", "console=ttyS0 quiet panic=-1 " + append]


def guest(images, table):
    table.heading("The same program in a Linux guest, same QEMU")
    if not table.wanted("Linux guest"):
        return
    kernel = fetch_kernel()
    if kernel is None:
        table.missing("Linux guest", f"{PACKAGE} cannot be downloaded")
        return
    cmd = command(images, kernel, images.hello_linux, "256M")
    table.row("Linux guest: kernel", kernel.stat().st_size, "bytes")
    table.row("Linux guest: program", images.hello_linux.stat().st_size, "bytes")
    ms = qemu.median_until_text(cmd, 3)
    if ms is None:
        table.missing("Linux guest: time", "it did not print")
        return
    table.row("Linux guest: time", ms, "ms")
    kib = qemu.smallest_memory(cmd, 256 << 10, 4096, 12)
    table.row("Linux guest: smallest memory", kib, "KiB")
