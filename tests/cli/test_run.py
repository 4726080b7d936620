# SPDX-License-Identifier: MIT OR Apache-2.0
"""kiln run, with a stand-in guest whose arguments say what it does (guest.c)."""
import os
import re
import signal
import socket
import subprocess
import time

from harness import Failure, check, expect

MACHINES = ("microvm", "q35")


def _kvm(w, *words, options=(), **more):
    return w.run("run", *options, w.guest, "--", *words, **more)


def _linuxu(w, *words, options=(), **more):
    return _kvm(w, *words, options=("--platform", "linuxu", *options), **more)


def _vms(w):
    """Ids of running virtual machines that were started from this world."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if b"qemu" in command[0] and any(str(w.guest).encode() == a for a in command):
            found.append(int(pid))
    return found


def _wait_for(what, text):
    deadline = time.time() + 30
    while time.time() < deadline:
        if what():
            return
        time.sleep(0.05)
    raise Failure(text)


def exit_status_is_the_programs(w):
    for status in (0, 1, 7, 101, 134, 255):
        expect(_kvm(w, f"exit:{status}"), status, out="", err="")
        expect(_linuxu(w, f"exit:{status}"), status, out="", err="")


def streams_are_apart_on_both_machines(w):
    for machine in MACHINES:
        r = _kvm(w, "out:one", "err:two", "out:three", options=("--machine", machine))
        expect(r, 0, out="one\nthree\n", err="two\n")
    expect(_linuxu(w, "out:one", "err:two", "out:three"), 0, out="one\nthree\n", err="two\n")


def log_follows_the_program_and_hides_the_exit_line(w):
    for run in (_kvm, _linuxu):
        expect(run(w, "log:first", "log:second", "exit:3"), 3, out="", err="first\nsecond\n")


def addresses_in_the_log_get_names(w):
    start = subprocess.run(["nm", w.guest], stdout=subprocess.PIPE, text=True).stdout
    address = re.search(r"^0*([0-9a-f]+) T guest_start$", start, re.M).group(1)
    for run in (_kvm, _linuxu):
        r = run(w, f"log:image+0x{address}", "log:image+0x1", f"log:x=image+0x{address},y", "exit:1")
        expect(r, 1, has=[f"image+0x{address} guest_start at ", "guest.c:", "image+0x1\n", ",y\n"])


def without_addr2line_addresses_stay(w):
    r = _kvm(w, "log:image+0x401000", env={"PATH": _path_without(w, "addr2line")})
    expect(r, 0, err="image+0x401000\n")


def arguments_are_encoded(w):
    words = ["cmdline", "a b", "", "%", "--", "50%", "tab\t", "nl\n", "\u00e9", "'\"\\"]
    r = _kvm(w, *words)
    expect(r, 0, err="")
    line = r.out.strip().split(" -- ", 1)
    check(line[1] == "cmdline a%20b % %25 -- 50%25 tab%09 nl%0A %C3%A9 '\"\\", r.describe())
    check(line[0].split()[0] == f"prog={w.guest}", r.describe())
    r = _linuxu(w, *words)
    check(r.out.split("\n")[:7] == [str(w.guest), "cmdline", "a b", "", "%", "--", "50%"], r.describe())


def environment_is_only_what_is_given(w):
    options = ("--env", "A=1", "--env", "B=x y=z", "--env", "A=2")
    r = _kvm(w, "cmdline", options=options)
    check(re.findall(r"env=(\S+)", r.out) == ["A=2", "B=x%20y=z"], r.describe())
    r = _linuxu(w, "cmdline", options=options)
    rest = [line for line in r.out.split("\n")[2:-1] if not line.startswith("KILN_OPTS=")]
    check(rest == ["A=2", "B=x y=z"], r.describe())


def rust_backtrace_is_passed_on(w):
    r = _kvm(w, "cmdline", env={"RUST_BACKTRACE": "full"})
    check(re.findall(r"env=(\S+)", r.out) == ["RUST_BACKTRACE=full"], r.describe())
    r = _linuxu(w, "cmdline", env={"RUST_BACKTRACE": "1"}, options=("--env", "RUST_BACKTRACE=0"))
    check(re.findall(r"RUST_BACKTRACE=\S+", r.out) == ["RUST_BACKTRACE=0"], r.describe())


def inherited_rust_backtrace_takes_no_memory_that_is_not_there(w):
    large = w.file("large", open(w.guest, "rb").read() + bytes(4 << 20), 0o755)
    line = ("run", "--dry-run", large, "--memory")
    for size in ("32M", "6M"):
        r = w.run(*line, size, env={"RUST_BACKTRACE": "1"})
        check(r.status == 0 and ("-initrd" in r.out) == (size == "32M"), r.describe())
    expect(w.run(*line, "6M", "--env", "RUST_BACKTRACE=1"), 125, has="RUST_BACKTRACE")


def full_disk_is_named(w):
    r = w.command(["sh", "-c", '"$0" run "$1" -- out:x hang >/dev/full', w.kiln, w.guest])
    expect(r, 141, has="cannot write standard output: No space left on device")


def output_lost_at_the_end_is_no_success(w):
    r = w.command(["sh", "-c", '"$0" run "$1" -- out:x >/dev/full', w.kiln, w.guest])
    check(r.status not in (0, 125) and "cannot write standard output" in r.err, r.describe())
    expect(w.command(["sh", "-c", '"$0" --version >/dev/full', w.kiln]), 1, has="cannot write standard output")


def ignored_signals_are_left_ignored(w):
    """As after nohup, and from a program that does not care for its children."""
    start = "import os, signal, sys\n" \
            "for s in (signal.SIGCHLD, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\n" \
            "os.execv(sys.argv[1], sys.argv[1:])"
    expect(w.command(["python3", "-c", start, w.kiln, "run", w.guest, "--", "out:x", "exit:7"]), 7, out="x\n")
    p = subprocess.Popen(["python3", "-c", start, w.kiln, "run", w.guest, "--", "out:ready", "cat"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=w.dir, env=w.env)
    check(p.stdout.readline() == b"ready\n", "the guest did not start")
    p.send_signal(signal.SIGHUP)
    for vm in _vms(w):
        os.kill(vm, signal.SIGHUP)
    out, _ = p.communicate(b"still there", timeout=30)
    check(p.returncode == 0 and out == b"still there", f"status {p.returncode}, {out}")


def stdin_arrives_byte_for_byte(w):
    data = b"x" + bytes(range(256)) * 8 + b"\x04\x10\x10\x04\x04" + b"end"
    for machine in MACHINES:
        r = _kvm(w, "cat", options=("--machine", machine), stdin=data)
        expect(r, 0, out=data.decode(errors="surrogateescape"), err="")
    expect(_linuxu(w, "cat", stdin=data), 0, out=data.decode(errors="surrogateescape"))


def stdin_may_be_empty_closed_or_late(w):
    expect(_kvm(w, "cat", "exit:4"), 4, out="", err="")
    expect(w.command(["sh", "-c", '"$0" run "$1" -- cat exit:4 <&-', w.kiln, w.guest]), 4, out="")
    expect(w.command(["sh", "-c", '(sleep 1; echo late) | "$0" run "$1" -- cat', w.kiln, w.guest]), 0,
           out="late\n")


def output_is_complete_for_a_slow_reader(w):
    command = '"$0" run "$1" -- flood:200 | (sleep 2; wc -c)'
    expect(w.command(["sh", "-c", command, w.kiln, w.guest]), 0, out=f"{200 * 1024}\n")


def output_nobody_reads_ends_the_guest(w):
    p = w.start("run", w.guest, "--", "flood:100000")
    p.stdout.readline()
    p.stdout.close()
    check(p.wait(30) == 128 + signal.SIGPIPE, f"status {p.returncode}")
    _wait_for(lambda: not _vms(w), "the virtual machine is still there")


def signals_stop_the_guest(w):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        p = w.start("run", w.guest, "--", "out:ready", "hang")
        check(p.stdout.readline() == b"ready\n", "the guest did not start")
        p.send_signal(number)
        check(p.wait(30) == 128 + number, f"status {p.returncode} after signal {number}")
        check(not _vms(w), "the virtual machine is still there")
        p.stdout.close()
        p.stderr.close()


def vm_dies_with_a_killed_kiln(w):
    p = w.start("run", w.guest, "--", "out:ready", "hang")
    check(p.stdout.readline() == b"ready\n", "the guest did not start")
    p.kill()
    p.wait()
    _wait_for(lambda: not _vms(w), "the virtual machine outlived kiln")
    p.stdout.close()
    p.stderr.close()


def signals_reach_the_linuxu_program(w):
    p = w.start("run", "--platform", "linuxu", w.guest, "--", "out:ready", "hang")
    check(p.stdout.readline() == b"ready\n", "the program did not start")
    p.terminate()
    check(p.wait(30) == 128 + signal.SIGTERM, f"status {p.returncode}")
    p.stdout.close()
    p.stderr.close()


def death_by_signal_is_passed_on(w):
    expect(_linuxu(w, "out:x", "log:why", "reset"), 128 + signal.SIGILL, out="x\n", err="why\n")


def vm_that_is_reset_is_explained(w):
    for machine in MACHINES:
        r = _kvm(w, "out:before", "log:last words", "reset", options=("--machine", machine))
        expect(r, 125, out="before\n", has=["last words\n", "reset or switched off"])


def killed_vmm_is_explained(w):
    p = w.start("run", w.guest, "--", "out:ready", "hang")
    check(p.stdout.readline() == b"ready\n", "the guest did not start")
    os.kill(_vms(w)[0], signal.SIGKILL)
    _, err = p.communicate(timeout=30)
    check(p.returncode == 125 and b"exit status 137" in err and b"kiln doctor" in err, f"{p.returncode} {err}")


def _path_without(w, *names):
    """A PATH with all commands of /usr/bin but these."""
    d = w.dir / ("path-without-" + "-".join(names))
    if not d.is_dir():
        d.mkdir()
        for entry in os.scandir("/usr/bin"):
            if entry.name not in names and not any(n.endswith("*") and entry.name.startswith(n[:-1]) for n in names):
                (d / entry.name).symlink_to(entry.path)
    return str(d)


def missing_qemu_is_explained(w):
    r = _kvm(w, env={"PATH": _path_without(w, "qemu-system-*")})
    expect(r, 125, has=["qemu-system-x86_64 is not installed", "apt-get install", "--platform linuxu"])


def failing_qemu_is_explained(w):
    fake = w.file("fake-qemu", "#!/bin/sh\necho 'qemu: unsupported machine type' >&2\nexit 1\n", 0o755)
    r = _kvm(w, env={"KILN_QEMU": str(fake)})
    expect(r, 125, has=["no machine microvm", "unsupported machine type", "--machine q35"])
    fake = w.file("fake-qemu", "#!/bin/sh\necho 'qemu: cannot do it' >&2\nexit 1\n", 0o755)
    expect(_kvm(w, env={"KILN_QEMU": str(fake)}, options=("--accel", "tcg")), 125,
           has=["exit status 1", "cannot do it", "kiln doctor"])


def arguments_too_long_are_explained(w):
    r = _kvm(w, *["x" * 30000] * 5)
    expect(r, 125, out="", has=["150", "there is room for", "--platform linuxu"])
    expect(_kvm(w, *["x" * 30000] * 4, "exit:3"), 3)
    expect(_linuxu(w, *["x" * 30000] * 5, "exit:3"), 3)


def dry_run_prints_a_command_that_works(w):
    for machine in MACHINES:
        r = _kvm(w, "out:it's me", "exit:5", options=("--dry-run", "--machine", machine))
        expect(r, 0, err="")
        check(r.out.count("\n") == 1, r.describe())
        log = re.search(r"path=(/tmp/kiln-\d+\.log)", r.out).group(1)
        again = w.command(["sh", "-c", r.out])
        # isa-debug-exit makes the status 2 N + 1.
        expect(again, 11, out="it's me\n")
        with open(log, encoding="ascii") as f:
            check(f.read() == "kiln: exit 005\n", "the log has no exit line")
        os.unlink(log)
    r = _linuxu(w, "out:it's me", "exit:5", options=("--dry-run", "--env", "A=b c"))
    expect(w.command(["sh", "-c", r.out]), 5, out="it's me\n")


def qemu_arguments_are_added(w):
    r = _kvm(w, options=("--dry-run", "--qemu-arg", "-name", "--qemu-arg", "a b"))
    check(r.out.endswith("-name 'a b'\n"), r.describe())


def cpus_are_passed_on(w):
    for n in ("1", "3", "64"):
        options = ("--dry-run", "--accel", "tcg", "--cpus", n)
        for machine in MACHINES:
            r = _kvm(w, options=(*options, "--machine", machine))
            check(f" -smp {n} " in r.out and ("tcg,thread=multi" in r.out) == (n != "1"), r.describe())
        r = _linuxu(w, options=options)
        check(f"KILN_OPTS=cpus={n} " in r.out, r.describe())


def default_is_all_cpus_that_kiln_may_use(w):
    mine = sorted(os.sched_getaffinity(0))
    for cpus in (mine, mine[:1]):
        given = ["taskset", "-c", ",".join(map(str, cpus)), w.kiln, "run", "--dry-run"]
        n = min(len(cpus), 64)
        r = w.command([*given, w.guest])
        check(f" -smp {n} " in r.out, r.describe())
        r = w.command([*given, "--platform", "linuxu", w.guest])
        check(f"KILN_OPTS=cpus={n} " in r.out, r.describe())


def machines_start_with_any_number_of_cpus(w):
    for machine in MACHINES:
        for n in ("1", "2", "64"):
            expect(_kvm(w, "out:x", "exit:4", options=("--machine", machine, "--cpus", n)), 4, out="x\n", err="")


def backtraces_bring_the_image_along(w):
    r = _kvm(w, options=("--dry-run", "--env", "RUST_BACKTRACE=1"))
    check(f"-initrd {w.guest} " in r.out, r.describe())
    for value in ("0", ""):
        r = _kvm(w, options=("--dry-run", "--env", f"RUST_BACKTRACE={value}"))
        check("-initrd" not in r.out, r.describe())


def verbose_shows_command_and_log_as_it_comes(w):
    r = _kvm(w, "log:hello", "exit:2", options=("--verbose",))
    expect(r, 2, has=["-kernel", "hello\n"], lacks="kiln: exit")


def runner_takes_all_that_follows(w):
    r = w.run("run", "--runner", w.guest, "out:x", "--release", "exit:6")
    expect(r, 6, out="x\n", err="")


def relative_paths_work(w):
    r = w.run("run", "guest", "--", "cmdline", cwd=w.guest.parent)
    check(r.out.startswith("prog=guest "), r.describe())
    r = w.run("run", "--platform", "linuxu", "guest", "--", "cmdline", cwd=w.guest.parent)
    check(r.out.startswith("guest\n"), r.describe())


def paths_with_odd_characters_work(w):
    path = w.file("odd, name=x%20 'y'/im,age", w.guest.read_bytes(), 0o755)
    expect(w.run("run", path, "--", "exit:3"), 3, err="")
    expect(w.run("run", "--platform", "linuxu", path, "--", "exit:3"), 3, err="")


def file_that_may_not_run_is_explained(w):
    path = w.file("not-executable", w.guest.read_bytes())
    expect(w.run("run", "--platform", "linuxu", path), 125, has=["may not be executed", "chmod +x"])
    expect(w.run("run", path, "--", "exit:2"), 2, err="")


def kvm_that_is_not_there_is_explained(w):
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        expect(_kvm(w, "exit:1", options=("--accel", "tcg")), 1)
        return
    expect(_kvm(w, options=("--accel", "kvm")), 125, has=["/dev/kvm", "--accel tcg"])


def debugger_can_attach(w):
    taken = socket.socket()
    try:
        taken.bind(("127.0.0.1", 1234))
        taken.listen()
    except OSError:
        pass
    p = w.start("run", "--gdb", w.guest, "--", "exit:9")
    text = p.stderr.readline() + p.stderr.readline()
    taken.close()
    port = int(re.search(rb"127\.0\.0\.1:(\d+)", text).group(1))
    check(port != 1234, "the port that is taken was used")

    def attach():
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            return None

    link = None
    for _ in range(100):
        link = attach()
        if link:
            break
        time.sleep(0.1)
    check(link, "nobody listens at the debugger's port")
    # Detach: the machine, which was halted until now, runs.
    link.sendall(b"+$D#44")
    check(p.wait(30) == 9, f"status {p.returncode}")
    link.close()
    p.stdout.close()
    p.stderr.close()


def debugger_of_linuxu_is_gdb(w):
    r = _linuxu(w, "exit:9", options=("--gdb", "--dry-run", "--env", "A=b c"))
    check(r.out.startswith("gdb -ex 'set exec-wrapper env -i "), r.describe())
    r = w.command(["sh", "-c", r.out.strip().replace("gdb ", "gdb -nx -batch -ex run ", 1)])
    # The last -ex comes first: the wrapper is set when gdb has already run the program once.
    check("exited with code 011" in r.out, r.describe())


def missing_gdb_is_explained(w):
    r = _linuxu(w, options=("--gdb",), env={"PATH": _path_without(w, "gdb")})
    expect(r, 125, has=["gdb is not installed", "apt-get install gdb"])


def doctor_finds_what_is_missing(w):
    r = w.run("doctor", env={"PATH": _path_without(w, "qemu-system-*", "gdb")})
    check(r.status == 1, r.describe())
    check(re.search(r"^missing +qemu +not installed\n +apt-get install qemu-system-x86$", r.out, re.M), r.describe())
    check(re.search(r"^note +gdb +not installed", r.out, re.M), r.describe())
    check("cannot work yet" in r.out, r.describe())


def doctor_is_content_here(w):
    w.need_rust()
    r = w.run("doctor")
    expect(r, 0, err="")
    check(re.search(r"^ok +machine +microvm$", r.out, re.M) and "kiln run can work" in r.out, r.describe())
