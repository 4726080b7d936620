# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of results, and the baseline it is compared with."""
import json

TOLERANCE = 1.05


def text(number):
    if number is None:
        return ""
    return f"{number:,.0f}" if isinstance(number, int) or number >= 1000 else f"{number:,.2f}"


class Table:
    def __init__(self, path, filter_text):
        self.path = path
        self.filter = filter_text
        self.rows = {}
        self.regressions = []
        self.baseline = json.loads(path.read_text()) if path.exists() else {}
        print(f"{'what':<44} {'measured':>12} {'goal':>12} {'baseline':>12}  unit")

    def wanted(self, name):
        return self.filter in name

    def heading(self, text):
        print(f"\n{text}")

    def row(self, name, value, unit, goal=None, fixed=False):
        """
        One result. goal: at most this. fixed: the same on any machine, so it is compared with the baseline and
        recorded in it.
        """
        base = self.baseline.get(name) if fixed else None
        marks = []
        if goal is not None:
            marks.append("good" if value <= goal else "ABOVE ITS GOAL")
        if fixed:
            self.rows[name] = value
            if base is not None and value > base * TOLERANCE:
                marks.append(f"REGRESSION of {100 * (value / base - 1):.0f} %")
                self.regressions.append(name)
        numbers = " ".join(f"{text(n):>12}" for n in (value, goal, base))
        print(f"{name:<44} {numbers}  {unit:<14} {', '.join(marks)}", flush=True)

    def missing(self, name, why):
        print(f"{name:<44} {'-':>12}  not measured: {why}", flush=True)

    def finish(self, update):
        if update:
            self.baseline.update(self.rows)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(dict(sorted(self.baseline.items())), indent="\t") + "\n")
            print(f"\nrecorded in {self.path}")
            return 0
        if self.regressions:
            print(f"\nmore than 5 % above the baseline: {', '.join(self.regressions)}")
        return 1 if self.regressions else 0
