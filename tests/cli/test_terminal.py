# SPDX-License-Identifier: MIT OR Apache-2.0
"""kiln run at a terminal: lines, end of file, Ctrl-C, and the terminal's state afterwards."""
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time

from harness import check, default_signals


class _Terminal:
    """A program with a terminal of its own."""

    def __init__(self, w, *args):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.text = b""

        def session():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            default_signals()

        self.process = subprocess.Popen([w.kiln, *map(str, args)], stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, env=w.env, preexec_fn=session)

    def type(self, data):
        os.write(self.master, data)

    def read_until(self, wanted):
        deadline = time.time() + 30
        while wanted not in self.text and time.time() < deadline:
            if select.select([self.master], [], [], 0.1)[0]:
                self.text += os.read(self.master, 4096)
        check(wanted in self.text, f"the terminal shows {self.text!r}, not {wanted!r}")

    def close(self):
        status = self.process.wait(30)
        after = termios.tcgetattr(self.slave)
        os.close(self.master)
        os.close(self.slave)
        check(after == self.before, "the terminal is not as it was")
        return status


def lines_and_end_of_file_at_a_terminal(w):
    for platform in ("kvm", "linuxu"):
        t = _Terminal(w, "run", "--platform", platform, w.guest, "--", "out:ready", "cat", "out:done", "exit:3")
        t.read_until(b"ready\r\n")
        t.type(b"first\n")
        t.read_until(b"first\r\nfirst\r\n")
        t.type(b"second\n\x04")
        t.read_until(b"done")
        status = t.close()
        check(status == 3, f"status {status} on {platform}")


def ctrl_c_at_a_terminal(w):
    for platform in ("kvm", "linuxu"):
        t = _Terminal(w, "run", "--platform", platform, w.guest, "--", "out:ready", "hang")
        t.read_until(b"ready")
        t.type(b"\x03")
        status = t.close()
        check(status == 128 + signal.SIGINT, f"status {status} on {platform}")


def hangup_of_a_terminal(w):
    t = _Terminal(w, "run", w.guest, "--", "out:ready", "hang")
    t.read_until(b"ready")
    os.close(t.master)
    os.close(t.slave)
    status = t.process.wait(30)
    check(status == 128 + signal.SIGHUP, f"status {status}")
