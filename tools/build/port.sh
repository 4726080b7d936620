# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# What the build scripts of ports/ and rust/ share. They are run by the Makefile with these in the environment:
#   O      the build folder, absolute       CC     the C compiler        JOBS   how many at once
#   V      1: show every command            KILN_CACHE  where downloads live
set -euo pipefail

KILN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
O=$(realpath -m "${O:-$KILN_ROOT/build}")
CC=${CC:-gcc}
JOBS=${JOBS:-$(nproc)}
V=${V:-0}
PREFIX_DIR=$O/lib/kiln
unset MAKEFLAGS MFLAGS MAKELEVEL

# One such script at a time in a build folder; the lock goes with the process.
mkdir -p "$O/ports"
exec 9>"$O/ports/.lock"
flock 9

say() { printf '  %-8s %s\n' "$1" "$2" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Run a command with its output in a log; on failure show the log's end and say where the rest is.
logged() {
	local log=$1 rc=0
	shift
	mkdir -p "$(dirname "$log")"
	printf '+ %s\n' "$*" >>"$log"
	if [ "$V" = 1 ]; then
		"$@" 2>&1 | tee -a "$log" >&2 || rc=$?
	else
		"$@" >>"$log" 2>&1 || rc=$?
	fi
	[ "$rc" = 0 ] && return
	tail -n 25 "$log" | sed 's/^/    /' >&2
	die "command failed with status $rc: $1 (everything it said: $log)"
}

# Count the lines that come in and show how far that is of TOTAL: a running percentage on a terminal, quarters else.
progress() {
	local total=$1 label=$2 tty=0
	[ -t 2 ] && tty=1
	awk -v total="$total" -v label="$label" -v tty="$tty" '
		{ pct = NR >= total ? 100 : int(NR * 100 / total); print; fflush() }
		pct >= next_at {
			printf(tty ? "\r  %-8s %3d %%" : "  %-8s %3d %%\n", label, pct) > "/dev/stderr"
			fflush("/dev/stderr")
			next_at = tty ? pct + 1 : pct - pct % 25 + 25
		}
		END { if (tty && NR) printf("\r  %-8s 100 %%\n", label) > "/dev/stderr" }'
}

# Unpack the port's verified archive into DIR (emptied first), only the folders that its port.conf names.
unpack_port() {
	local port=$1 dir=$2 archive unpack='' patterns=() p
	archive=$("$KILN_ROOT/tools/build/fetch" "$port")
	# shellcheck disable=SC1090
	. "$KILN_ROOT/ports/$port/port.conf"
	for p in $unpack; do
		patterns+=("*/$p")
	done
	say UNPACK "$(basename "$archive")"
	rm -rf "$dir"
	mkdir -p "$dir"
	tar -xf "$archive" -C "$dir" --strip-components=1 --wildcards --no-wildcards-match-slash \
		--anchored "${patterns[@]:-*}"
}

# The LLVM sources, which several ports share: unpacked once for each pinned version.
unpack_llvm() {
	llvm=$O/ports/llvm
	local want=$KILN_ROOT/ports/llvm/port.conf
	if ! cmp -s "$want" "$llvm/.unpacked"; then
		unpack_port llvm "$llvm"
		cp "$want" "$llvm/.unpacked"
	fi
}

# Flags with which code for the target is compiled outside of musl itself: musl's headers, and the compiler's own.
target_cflags() {
	printf '%s ' -nostdinc -isystem "$PREFIX_DIR/include" -isystem "$("$1" -print-file-name=include)" \
		-fPIE -fno-stack-protector -fcf-protection=none -ffunction-sections -fdata-sections
}

# The C++ compiler that belongs to $CC.
set_cxx() {
	case $CC in
	*clang*) CXX=${CC/clang/clang++} ;;
	*) CXX=${CC/gcc/g++} ;;
	esac
}

# build_library NAME SRC "SOURCES" [VAR=VALUE...]: compile a static library straight into $O/lib/kiln/lib.
build_library() {
	local name=$1 src=$2 sources=$3 work=$O/ports/$1 log=$O/ports/$1/build.log
	shift 3
	rm -rf "$work"
	mkdir -p "$work" "$PREFIX_DIR/lib"
	say BUILD "lib$name.a ($(wc -w <<<"$sources") files)"
	logged "$log" make -C "$work" -f "$KILN_ROOT/tools/build/objects.mk" -j"$JOBS" SRC="$src" SOURCES="$sources" \
		LIB="$PREFIX_DIR/lib/lib$name.a" "$@"
}
