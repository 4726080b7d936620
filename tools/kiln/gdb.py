# SPDX-License-Identifier: MIT OR Apache-2.0
"""The program's threads in gdb: `info threads` lists them, `kiln bt TID|all` shows their backtraces, `kiln cpus` is
what gdb itself calls threads. They are found in the kernel's own list, so its debug information must be there."""
import gdb

THREAD_SLEEPING = 1
FRAME_RIP, FRAME_RSP, FRAME_RBP = 18, 21, 4  # words of struct trap_frame (kernel/arch/trap_frame.h)
FRAME_WORDS = 23
SYSCALL_STACK = 48  # KILN_SYSCALL_STACK in kernel/arch/x86_64/layout.h
CHANGED = ("rip", "rsp", "rbp")
GAP_BYTES = 1024  # of a stack are looked through for a caller


def evaluate(text):
    return gdb.parse_and_eval(text)


def address(symbol):
    """Of code; 0 if the image does not have it."""
    try:
        return int(evaluate(f"(unsigned long)&{symbol}"))
    except gdb.error:
        return 0


def word(at):
    return int.from_bytes(gdb.selected_inferior().read_memory(at, 8).tobytes(), "little")


def threads():
    """struct thread of each, in the order of their creation."""
    try:
        kind = gdb.lookup_type("struct thread")
        head = evaluate("(unsigned long)&thread_all")
        offset = next(f.bitpos // 8 for f in kind.fields() if f.name == "all_link")
    except gdb.error:
        raise gdb.GdbError("the image has no debug information of its kernel: link it without -s and strip = ...")
    at = word(int(head))
    while at and at != int(head):
        yield gdb.Value(at - offset).cast(kind.pointer()).dereference()
        at = word(at)


def cpus():
    """Kiln's number of each CPU that has been started, and its struct cpu."""
    for i in range(int(evaluate("percpu_started"))):
        cpu = evaluate(f"percpu_table[{i}]->rq.cpu")
        if int(cpu):
            yield i, cpu


def running(thread):
    """The struct cpu that runs the thread, or None."""
    for _, cpu in cpus():
        if int(cpu["current"]) == int(thread.address):
            return cpu
    return None


def live_registers(thread, cpu):
    """Of the CPU that runs the thread, if that is in the program; None if it is in the kernel."""
    selected = gdb.selected_thread()
    try:
        for t in gdb.selected_inferior().threads():
            t.switch()
            if int(evaluate("(unsigned long)$gs_base")) != int(cpu):
                continue
            found = {name: int(evaluate(f"(unsigned long)${name}")) for name in CHANGED}
            if int(thread["kstack_base"]) <= found["rsp"] <= int(thread["kstack_top"]):
                return None
            return found
    except gdb.error:
        return None
    finally:
        selected.switch()
    return None


def kept_registers(thread):
    """The program's registers as the kernel has them (arch_program_frame() in kernel/arch/x86_64/cpu.c)."""
    frame = int(thread["kstack_top"]) - 8 * FRAME_WORDS
    if word(frame - 16) != address("kiln_gate_check"):
        return {"rip": word(frame + 8 * FRAME_RIP), "rsp": word(frame + 8 * FRAME_RSP), "rbp": word(frame + 8 * FRAME_RBP)}
    sp = word(frame + 8 * FRAME_RSP)
    rbp, rip = word(sp), word(sp + 8)
    sp += 16
    if rip in (address("kiln_syscall_back"), address("kiln_trace_back")):
        sp += SYSCALL_STACK
        rip = word(sp)
        sp += 8
    return {"rip": rip, "rsp": sp, "rbp": rbp}


def registers(thread):
    cpu = running(thread)
    return (live_registers(thread, cpu) if cpu else None) or kept_registers(thread)


def state(thread):
    if int(thread["state"]) == THREAD_SLEEPING:
        reason = thread["wait_reason"]
        return "waits: " + (reason.string() if int(reason) else "?")
    return "runs" if running(thread) else "is ready to run"


def place(rip):
    text = gdb.execute(f"info symbol {rip:#x}", to_string=True)
    return "?" if text.startswith("No symbol") else text.split(" in section")[0].strip()


def registers_set(values):
    for name, value in values.items():
        gdb.execute(f"set var ${name} = {value:#x}", to_string=True)


def named_frames():
    """How many of the innermost frames are in functions."""
    count, frame = 0, gdb.newest_frame()
    while frame and frame.is_valid() and frame.name() and count < 64:
        count, frame = count + 1, frame.older()
    return count


def is_return_address(at):
    if place(at) == "?":
        return False
    p = gdb.selected_inferior().read_memory(at - 5, 5).tobytes()
    return p[0] == 0xe8 or (p[3] == 0xff and p[4] & 0x38 == 0x10) or (p[2] == 0xff and p[3] & 0x38 == 0x10)


def over_gap(values):
    """Most of the C library has no unwind tables, and gdb gets lost there: the registers of a caller, found on the
    stack, from which the most functions follow. None if gdb knows its way."""
    if named_frames() > 2:
        return None
    best, found = 2, None
    for at in range(values["rsp"], values["rsp"] + GAP_BYTES, 8):
        try:
            rip = word(at)
            if not is_return_address(rip):
                continue
            tried = {"rip": rip, "rsp": at + 8, "rbp": values["rbp"]}
            registers_set(tried)
            count = named_frames()
        except gdb.error:
            continue
        if count > best:
            best, found = count, tried
    registers_set(values)
    return found


class InfoThreads(gdb.Command):
    """The program's threads: number, name, CPU, what they do or wait for, and where."""

    def __init__(self):
        super().__init__("info threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        print(f"  {'Id':<5}{'Name':<17}{'CPU':<5}{'State':<24}Where")
        for t in threads():
            mark = "*" if running(t) else " "
            print(f"{mark} {int(t['tid']):<5}{t['name'].string():<17}{int(t['cpu']):<5}{state(t):<24}"
                  f"{place(registers(t)['rip'])}")


class Kiln(gdb.Command):
    """Commands for programs on Kiln."""

    def __init__(self):
        super().__init__("kiln", gdb.COMMAND_STATUS, prefix=True)


class Backtrace(gdb.Command):
    """kiln bt TID|all: the backtrace of a thread of the program, running or not."""

    def __init__(self):
        super().__init__("kiln bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip() or "all"
        found = False
        for t in list(threads()):
            if wanted in ("all", str(int(t["tid"]))):
                found = True
                print(f"Thread {int(t['tid'])} '{t['name'].string()}', {state(t)}")
                self.show(registers(t))
        if not found:
            raise gdb.GdbError(f"there is no thread {wanted}: see info threads")

    @staticmethod
    def show(values):
        """gdb looks at the selected CPU's registers: they are the thread's for the time of a backtrace."""
        gdb.execute("frame 0", to_string=True)
        before = {name: int(evaluate(f"(unsigned long)${name}")) for name in CHANGED}
        try:
            registers_set(values)
            over = over_gap(values)
            if over:
                print(f"#-  {values['rip']:#018x} in {place(values['rip'])}")
                registers_set(over)
            print(gdb.execute("bt", to_string=True), end="")
        except gdb.error as e:
            print(f"  {e}")
        finally:
            registers_set(before)


class Cpus(gdb.Command):
    """kiln cpus: the CPUs of the machine, which gdb calls threads (`thread N` selects one)."""

    def __init__(self):
        super().__init__("kiln cpus", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        selected = gdb.selected_thread()
        try:
            for t in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
                t.switch()
                print(f"{'*' if t.num == selected.num else ' '} {t.num:<3} "
                      f"{place(int(evaluate('(unsigned long)$rip')))}")
        finally:
            selected.switch()


InfoThreads()
Kiln()
Backtrace()
Cpus()
