# SPDX-License-Identifier: MIT OR Apache-2.0
"""The suite apps: each application of the embed route prints what its file `expected` holds, on both platforms.

Each is built as a user does it, with make in a copy of its folder outside of the tree.
"""
import shutil
import subprocess
import time

from .runner import run_command
from .settings import CPUS_DEFAULT, ROOT


def app_build(settings, app):
    """The image, or raises RuntimeError with the log."""
    folder = settings.out / "apps" / app.name
    folder.mkdir(parents=True, exist_ok=True)
    for path in app.iterdir():  # what was built in the copy stays, so that only changes are built again
        if path.is_dir():
            shutil.copytree(path, folder / path.name, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("target", "build"))
        else:
            shutil.copy2(path, folder / path.name)
    command = ["make", f"KILN_ROOT={ROOT}", "app"]
    image = folder / "build" / app.name
    if settings.build != ROOT / "build":
        image = settings.build / "apps" / app.name / app.name
    p = subprocess.run(command, cwd=folder, env=settings.make_environment(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if p.returncode != 0 or not image.exists():
        raise RuntimeError(f"$ cd {folder} && {' '.join(command)}\n{p.stdout}")
    return image


def run(settings, report):
    for app in sorted(p.parent for p in (ROOT / "apps").glob("*/expected")):
        names = {(p, n): f"apps/{p}/{app.name}@{n}" for p in settings.platforms if p != "linux"
                 for n in settings.cpus or CPUS_DEFAULT}
        names = {where: n for where, n in names.items() if settings.wanted(n)}
        if settings.list:
            for name in names.values():
                report.note(name)
            continue
        if not names:
            continue
        start = time.monotonic()
        try:
            image = app_build(settings, app)
        except RuntimeError as e:
            for name in names.values():
                report.failed(name, f"does not build:\n{e}", time.monotonic() - start)
            continue
        expected = (app / "expected").read_bytes()
        for (platform, cpus), name in names.items():
            o = run_command([str(settings.kiln), "run", "--platform", platform, "--cpus", str(cpus), str(image)])
            if o.status == 0 and o.stdout == expected:
                report.passed(name, o.seconds)
            else:
                report.failed(name, f"{o.log()}\n--- expected (status 0)\n{expected.decode()}", o.seconds)
