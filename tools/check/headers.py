# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every header compiles alone, and guards itself against being included twice."""
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from common import BUILD, ROOT, Missing, files, read

GUARD = re.compile(r"^#ifndef (\w+)\n#define \1$", re.MULTILINE)
# The folders of headers and what is needed to compile one.
KERNEL = ["-std=gnu17", "-ffreestanding", "-mgeneral-regs-only", "-I" + str(ROOT / "kernel")]
HOST = ["-std=gnu17", "-D_GNU_SOURCE"]


def kernel_flags():
    config = BUILD / "config.h"
    if not config.exists():
        raise Missing(f"{config} is not there: make kernel")
    return KERNEL + ["-include", str(config)]


def compile_alone(name, flags):
    p = subprocess.run(
        ["gcc", *flags, "-I" + str((ROOT / name).parent), "-Wall", "-Werror", "-fsyntax-only", "-x", "c",
         str(ROOT / name)], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    if p.returncode != 0:
        return f"{name}: does not compile alone: {p.stderr.splitlines()[0] if p.stderr else ''}"
    return None


def check():
    jobs = [(n, kernel_flags()) for n in files(".h", under="kernel/")]
    jobs += [(n, HOST) for n in files(".h", under="tools/kiln/")]
    for name, _ in jobs:
        if not GUARD.search(read(name)):
            yield f"{name}: has no include guard"
    with ThreadPoolExecutor(2) as pool:
        yield from filter(None, pool.map(lambda job: compile_alone(*job), jobs))
