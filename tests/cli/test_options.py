# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line: help, mistakes."""
from harness import check, expect


def help_lists_the_commands(w):
    r = w.run("--help")
    expect(r, 0, err="")
    for name in ("build", "run", "env", "doctor", "cc"):
        check(f"\n  {name} " in r.out, f"no {name} in:\n{r.out}")


def no_command_is_a_mistake_with_help(w):
    expect(w.run(), 2, out="", has="Usage: kiln COMMAND")


def every_command_has_help(w):
    for name in ("build", "run", "env", "doctor"):
        for args in ((name, "--help"), (name, "-h"), ("help", name)):
            r = w.run(*args)
            expect(r, 0, err="")
            check(r.out.startswith("Usage: "), r.describe())


def help_is_found_behind_other_options(w):
    expect(w.run("run", "--memory", "64M", "--help"), 0, err="")
    expect(w.run("build", "--release", "--help"), 0, err="")


def version_is_printed(w):
    r = w.run("--version")
    expect(r, 0, err="")
    check(r.out.startswith("kiln ") and r.out.count("\n") == 1, r.describe())


def unknown_command_names_the_nearest(w):
    expect(w.run("biuld"), 2, has=["unknown command biuld", "did you mean build?", "kiln --help"])
    expect(w.run("frobnicate"), 2, has="unknown command frobnicate", lacks="did you mean")


def unknown_option_names_the_nearest(w):
    expect(w.run("run", "--memry", "1M"), 2, has=["--memry", "did you mean --memory?", "kiln run --help"])
    expect(w.run("build", "--realease"), 2, has="did you mean --release?")
    expect(w.run("run", "-y"), 2, has="unknown option -y")


def option_without_its_value_is_a_mistake(w):
    expect(w.run("run", "--memory"), 2, has=["--memory needs a value", "SIZE"])
    expect(w.run("run", "--dry-run=1", w.guest), 2, has="takes no value")


def values_may_follow_an_equals_sign(w):
    r = w.run("run", "--dry-run", "--memory=64M", "--machine=q35", "--accel=tcg", w.guest)
    expect(r, 0, err="")
    check("-m 65536K" in r.out and "-M q35" in r.out, r.describe())


def wrong_choices_are_told_what_there_is(w):
    expect(w.run("run", "--platform", "xen", w.guest), 2, has="kvm|linuxu, not xen")
    expect(w.run("run", "--machine", "pc", w.guest), 2, has="microvm|q35, not pc")
    expect(w.run("run", "--accel", "hax", w.guest), 2, has="auto|kvm|tcg, not hax")


def wrong_sizes_are_refused(w):
    for size in ("", "0", "M", "12X", "-1", "1.5G", "99999999999999999999", "16777216T", "1MM"):
        expect(w.run("run", "--memory", size, w.guest), 2, has="--memory takes a size")


def sizes_are_read_as_qemu_reads_them(w):
    for size, kib in (("16", 16384), ("16M", 16384), ("16MiB", 16384), ("16384k", 16384), ("2G", 2097152)):
        r = w.run("run", "--dry-run", "--accel", "tcg", "--memory", size, w.guest)
        expect(r, 0)
        check(f"-m {kib}K " in r.out, r.describe())


def wrong_numbers_of_cpus_are_refused(w):
    for n in ("", "0", "65", "-1", "2x", "1,2", "all", "99999999999999999999"):
        expect(w.run("run", "--cpus", n, w.guest), 2, has="--cpus takes a number from 1 to 64")


def environment_needs_name_and_value(w):
    for pair in ("", "A", "=1"):
        expect(w.run("run", "--env", pair, w.guest), 2, has="NAME=VALUE")


def second_operand_is_explained(w):
    expect(w.run("run", w.guest, "arg"), 2, has=["come after --", "-- arg"])
    expect(w.run("build", ".", "."), 2, has="one folder at a time")


def program_arguments_are_not_for_build(w):
    expect(w.run("build", ".", "--", "x"), 2, has="kiln run")


def other_targets_are_refused(w):
    expect(w.run("build", "--target", "aarch64-unknown-linux-musl"), 2, has="x86_64-unknown-linux-musl")


def cargo_options_need_a_folder(w):
    expect(w.run("run", "--release", w.guest), 2, has="not a folder")
