/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What `kiln COMMAND --help` prints. The manual (kiln.1) says the same at greater length.
 */
#include "commands.h"

#define CARGO_OPTIONS_HELP                                                                         \
	"Cargo's options, as Cargo has them:\n"                                                    \
	"  -r, --release  --profile NAME  --bin NAME  --example NAME  -p, --package SPEC\n"        \
	"  -F, --features LIST  --all-features  --no-default-features  --manifest-path FILE\n"     \
	"  --target-dir DIR  -j, --jobs N  --locked  --offline  --frozen  --config KEY=VALUE\n"    \
	"  --color WHEN  -v, --verbose  -q, --quiet\n"

const char build_help[] =
	"Usage: kiln build [OPTIONS] [DIR]\n"
	"\n"
	"Build the Cargo crate in DIR (default: here) into an image, its sources untouched.\n"
	"\n"
	"  -o FILE        copy the image to FILE\n"
	"  -h, --help     print this\n"
	"\n" CARGO_OPTIONS_HELP "\n"
	"The images are in target/kiln/x86_64-unknown-linux-musl/.\n";

const char run_help[] =
	"Usage: kiln run [OPTIONS] [IMAGE|PROGRAM|DIR] [-- ARGS...]\n"
	"\n"
	"Run an image, load a static Linux program, or build the crate in DIR (default: here) and "
	"run that.\n"
	"Standard input and output, arguments and exit status are the program's.\n"
	"\n"
	"  --platform kvm|linuxu    in a virtual machine (default), or as a Linux process\n"
	"  --machine microvm|q35    the virtual machine's kind (default: microvm)\n"
	"  --accel auto|kvm|tcg     the processor itself, or emulation (default: the faster that "
	"works)\n"
	"  --memory SIZE            the machine's memory: 64M, 2G (default: 128M, or what the "
	"image needs)\n"
	"  --cpus N                 how many CPUs, 1 to 64 (default: all that kiln itself may "
	"use)\n"
	"  --deterministic SEED     linuxu: the same seed gives the same run (for images with "
	"CONFIG_DETERMINISTIC)\n"
	"  --env NAME=VALUE         a variable for the program, which has no others but "
	"RUST_BACKTRACE; may "
	"be repeated\n"
	"  --gdb                    wait for a debugger (linuxu: start gdb)\n"
	"  --dry-run                print the command that would run the image, and stop\n"
	"  --qemu-arg ARG           one more argument for QEMU; may be repeated\n"
	"  --trace[=WHAT,...]       print system calls as strace does; WHAT: a family (file, "
	"memory, thread,\n"
	"                           signal, time, process, network, other) or a call's name\n"
	"  --stats                  print what the run took: boot, memory, page faults, "
	"switches\n"
	"  --watchdog               end the program, status 124, when every thread waits for "
	"another one, and\n"
	"                           say which for what\n"
	"  --runner                 all that follows IMAGE is for the program, and so are the "
	"variables\n"
	"                           CARGO_* and RUST_* (for Cargo's `runner`)\n"
	"  -v, --verbose            show the machine's command and the kernel's log\n"
	"  -h, --help               print this\n"
	"\n" CARGO_OPTIONS_HELP "\n"
	"Ctrl-\\, or SIGQUIT to kiln, prints what every thread does or waits for, with "
	"backtraces.\n"
	"\n"
	"Exit status: the program's; 128 + N if signal N ended it; 125 if it could not be run; 2 "
	"for a\n"
	"mistake on the command line; cargo's if the crate did not compile.\n";

const char new_help[] =
	"Usage: kiln new [--embed] [--name NAME] DIR\n"
	"\n"
	"Make DIR with a Rust program that is ready to run: kiln run DIR. The crate's name is the "
	"folder's.\n"
	"\n"
	"  --embed        an app instead: a C main() that calls a Rust library; make run in DIR\n"
	"  --name NAME    the crate's name\n"
	"  -h, --help     print this\n";

const char cargo_kiln_help[] =
	"Usage: cargo kiln [OPTIONS] build|run|test|bench [CARGO'S ARGUMENTS...] [-- ARGS...]\n"
	"\n"
	"Cargo's own commands, with images for programs: what cargo runs, it runs in a virtual "
	"machine.\n"
	"\n"
	"  --platform kvm|linuxu    in a virtual machine (default), or as a Linux process\n"
	"  --machine microvm|q35  --accel auto|kvm|tcg  --memory SIZE  --cpus N\n"
	"                           the machine, as kiln run has them\n"
	"  --trace[=WHAT,...]  --stats  --watchdog\n"
	"                           to look into what runs, as kiln run has them\n"
	"  -h, --help               print this\n"
	"\n"
	"With a toolchain that has no musl target, run, test and bench make static programs for "
	"glibc and\n"
	"load those.\n";

const char size_help[] =
	"Usage: kiln size [--svg FILE] IMAGE\n"
	"\n"
	"Show what an image is made of: by kernel folder, library and crate, in bytes.\n"
	"\n"
	"  --svg FILE     draw it, too: a treemap\n"
	"  -h, --help     print this\n"
	"\n"
	"Symbols tell whose code and data are; what has none is shown as such.\n";

const char env_help[] = "Usage: eval \"$(kiln env [DIR])\"\n"
			"\n"
			"Print shell assignments with which plain cargo makes images, for the "
			"toolchain of DIR (default:\n"
			"here). After it:\n"
			"\n"
			"  cargo build                          builds an image\n"
			"  cargo run                            builds and runs one\n"
			"  $RUSTC $KILN_RUSTC_ARGS hello.rs     the same without cargo\n";

const char doctor_help[] = "Usage: kiln doctor [DIR]\n"
			   "\n"
			   "Check what building and running images needs, for the toolchain of DIR "
			   "(default: here). A line\n"
			   "for each part, with the command to type where something is missing. "
			   "Exit status 0: `kiln run`\n"
			   "can work.\n";
