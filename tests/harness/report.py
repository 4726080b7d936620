# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counting and printing of results. Safe to call from several threads."""
import sys
import threading

LOG_LINES = 60  # of a failure's log that are shown


class Report:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.lock = threading.Lock()
        self.n_passed = self.n_failed = self.n_skipped = 0
        self.failures = []

    def _print(self, text):
        print(text, file=self.out, flush=True)

    def note(self, text):
        with self.lock:
            self._print(f"# {text}")

    def suite(self, name):
        self.note(f"--- {name}")

    def passed(self, name, seconds=0.0, extra=""):
        with self.lock:
            self.n_passed += 1
            self._print(f"ok    {name} ({seconds:.1f} s){extra}")

    def skipped(self, name, why):
        with self.lock:
            self.n_skipped += 1
            self._print(f"skip  {name}: {why}")

    def failed(self, name, log, seconds=0.0):
        with self.lock:
            self.n_failed += 1
            self.failures.append(name)
            self._print(f"FAIL  {name} ({seconds:.1f} s)")
            lines = log.rstrip("\n").split("\n")
            if len(lines) > LOG_LINES:
                cut = len(lines) - LOG_LINES
                half = LOG_LINES // 2
                lines = lines[:half] + [f"[... {cut} lines ...]"] + lines[-half:]
            for line in lines:
                self._print(f"      | {line}")

    def add(self, passed, failed, skipped, name):
        """The counts of a suite that counted by itself."""
        with self.lock:
            self.n_passed += passed
            self.n_failed += failed
            self.n_skipped += skipped
            if failed:
                self.failures.append(name)

    def finish(self):
        """Print the summary, last; the exit status."""
        if self.failures:
            self.note("failed: " + " ".join(self.failures))
        self._print(f"{self.n_passed} passed, {self.n_failed} failed, {self.n_skipped} skipped")
        return 1 if self.n_failed else 0
