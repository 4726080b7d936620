# SPDX-License-Identifier: MIT OR Apache-2.0
"""kernel/layers.txt against the sources' #include lines and the objects' symbols."""
import fnmatch
import re
import subprocess

from common import BUILD, Missing, files, read

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
# The C compiler's own headers that need no library.
FREESTANDING = {"stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h"}
SYSTEM = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)


class Upcalls:
    """The lines "upcall FROM NAME TO"; NAME is a symbol or a header, and may have * in it."""

    def __init__(self):
        self.rules, self.unused = [], set()

    def add(self, layer, name, target):
        self.rules.append((layer, name, target))
        self.unused.add((layer, name, target))

    def allow(self, layer, name, target):
        for rule in self.rules:
            if rule[0] in (layer, "*") and rule[2] == target and fnmatch.fnmatchcase(name, rule[1]):
                self.unused.discard(rule)
                return True
        return False


def load():
    """({layer: allowed layers}, Upcalls)"""
    allowed, upcalls = {}, Upcalls()
    for line in read("kernel/layers.txt").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "upcall":
            upcalls.add(*words[1:4])
        else:
            layer = words[0].rstrip(":")
            allowed[layer] = set(words[1:]) | {layer}
    return allowed, upcalls


def layer_of(path):
    """kernel/LAYER/... -> LAYER"""
    return path.split("/")[1]


def check_includes(allowed, upcalls):
    for name in files(".c", ".h", ".S", under="kernel/"):
        if name.count("/") < 2:
            continue
        layer = layer_of(name)
        text = read(name)
        if layer not in allowed:
            yield f"{name}: kernel/layers.txt does not know the folder {layer}"
            continue
        for header in INCLUDE.findall(text):
            target = header.split("/")[0]
            if "/" in header and target not in allowed[layer] and not upcalls.allow(layer, header, target):
                yield f'{name}: includes "{header}", but {layer} may not use {target}'
            elif "/" not in header:
                yield f'{name}: includes "{header}": write the path from kernel/'
        for header in SYSTEM.findall(text):
            if header not in FREESTANDING:
                yield f"{name}: includes <{header}>, which is no header of a freestanding compiler"


def symbols(obj):
    """(defined, undefined) global symbols of an object."""
    out = subprocess.run(["nm", "-g", str(obj)], check=True, stdout=subprocess.PIPE).stdout.decode()
    defined, undefined = set(), set()
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        (undefined if kind in "Uwv" else defined).add(name)
    return defined, undefined


def check_symbols(allowed, upcalls):
    objects = sorted((BUILD / "kernel").glob("*/**/*.o"))
    if not objects:
        raise Missing(f"no kernel objects in {BUILD}: make kernel")
    owner, uses = {}, {}
    for obj in objects:
        layer = obj.relative_to(BUILD / "kernel").parts[0]
        defined, uses[obj] = symbols(obj)
        for name in defined:
            owner[name] = layer
    for obj in objects:
        source = obj.relative_to(BUILD).with_suffix("")
        layer = source.parts[1]
        for name in sorted(uses[obj]):
            target = owner.get(name)
            if target is None or target in allowed[layer] or upcalls.allow(layer, name, target):
                continue
            yield f"{source}: uses {name} of {target}, but {layer} may not use {target}"


def check():
    allowed, upcalls = load()
    yield from check_includes(allowed, upcalls)
    yield from check_symbols(allowed, upcalls)
    for rule in sorted(upcalls.unused):
        yield f"kernel/layers.txt: nothing makes the upcall {' '.join(rule)}"
