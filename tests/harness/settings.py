# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the command line of tests/run asked for, and where things are."""
import os
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
PLATFORMS = ("linux", "linuxu", "kvm")
CPUS_MAX = 64       # as kiln run has it
CPUS_DEFAULT = (2,)  # numbers of CPUs that a test is run with
CPUS_TORTURE = (1, 2, 4)


class Settings:
    def __init__(self, args):
        self.platforms = tuple(args.platform or PLATFORMS)
        self.filters = args.filter
        self.cpus = args.cpus
        self.repeat = args.repeat
        self.seed = args.seed if args.seed is not None else int(time.time()) % 1000000
        self.jobs = max(1, args.jobs)
        self.full = args.full
        self.list = args.list
        self.routes = args.route
        self.build = (ROOT / args.build).resolve()
        self.out = self.build / "tests"
        self.kiln = self.build / "bin" / "kiln"

    def wanted(self, name):
        """Is the test of this name asked for?"""
        return not self.filters or any(f in name for f in self.filters)

    def make_environment(self):
        """Environment for what looks at O, the build folder, itself: set only if it is not the default one."""
        env = {k: v for k, v in os.environ.items() if k != "O" and not k.startswith(("MAKE", "MFLAGS"))}
        if self.build != ROOT / "build":
            env["O"] = str(self.build)
        return env
