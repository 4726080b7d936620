# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counting and printing of results. Safe to call from several threads."""
import sys
import threading
import time

LOG_LINES = 60  # of a failure's log that are shown
PROGRESS_SECONDS = 60  # in rounds: how often a sign of life is printed


class Report:
    """With more than one round only failures are named, beside how far it is."""

    def __init__(self, rounds=1, out=sys.stdout):
        self.out = out
        self.rounds = rounds
        self.start = self.last_sign = time.monotonic()
        self.n_round = self.n_before = 0  # this round; tests done before it
        self.lock = threading.Lock()
        self.n_passed = self.n_failed = self.n_skipped = 0
        self.failures = []

    def _print(self, text):
        print(text, file=self.out, flush=True)

    def note(self, text):
        with self.lock:
            self._print(f"# {text}")

    def round(self, number):
        """Rounds count from 0."""
        self.n_round, self.n_before = number, self._done()
        if self.rounds == 1:
            return
        left = ""
        if number:
            seconds = time.monotonic() - self.start
            left = f"; {seconds / 60:.0f} minutes gone, about {seconds / number * (self.rounds - number) / 60:.0f} to go"
        self.note(f"=== round {number + 1} of {self.rounds}; so far {self._counts()}{left}")

    def suite(self, name):
        self.note(f"--- {name}")

    def _done(self):
        return self.n_passed + self.n_failed + self.n_skipped

    def _counts(self):
        return f"{self.n_passed} passed, {self.n_failed} failed, {self.n_skipped} skipped"

    def _progress(self, text):
        """A line about a test that did not fail."""
        if self.rounds == 1:
            self._print(text)
        elif time.monotonic() - self.last_sign >= PROGRESS_SECONDS:
            self.last_sign = time.monotonic()
            of = f" of {self.n_before // self.n_round}" if self.n_round else ""
            self._print(f"# round {self.n_round + 1} of {self.rounds}, test {self._done() - self.n_before}{of}; "
                        f"so far {self.n_failed} failed")

    def passed(self, name, seconds=0.0, extra=""):
        with self.lock:
            self.n_passed += 1
            self._progress(f"ok    {name} ({seconds:.1f} s){extra}")

    def skipped(self, name, why):
        with self.lock:
            self.n_skipped += 1
            self._progress(f"skip  {name}: {why}")

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

    def _names(self):
        """Each failure once, with how often it was one."""
        for name in dict.fromkeys(self.failures):
            n = self.failures.count(name)
            yield name if n == 1 else f"{name} ({n} times)"

    def finish(self):
        """Print the summary, last; the exit status."""
        if self.failures:
            self.note("failed: " + " ".join(self._names()))
        self._print(self._counts())
        return 1 if self.n_failed else 0
