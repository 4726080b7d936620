# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Which rustc, cargo and std sources to build the target's standard library with. Sets rustc, cargo, rust_src,
# rust_version and host_rustlib.

small_flags="-Cpanic=abort -Cforce-unwind-tables=no -Zlocation-detail=none -Zfmt-debug=none"

# Whether the rustc that the user has in force (rustup's, most often) comes with the target's std.
users_rust_has_target() {
	local sysroot
	sysroot=$(RUSTUP_AUTO_INSTALL=0 "${RUSTC:-rustc}" --print sysroot 2>/dev/null) &&
		compgen -G "$sysroot/lib/rustlib/x86_64-unknown-linux-musl/lib/libstd-*.rlib" >/dev/null
}

# find_debian_rust VERSION: Debian's packages; VERSION empty: those that are installed. Cargo is always the installed one.
find_debian_rust() {
	local version=$1 prefix=/usr tool
	cargo=/usr/bin/cargo rustc=/usr/bin/rustc
	if [ -n "$version" ]; then
		prefix=$(unpack_debian_rust "$version")
		rustc=$prefix/../rustc
	fi
	for tool in "$rustc" "$cargo"; do
		[ -x "$tool" ] || die "$tool is missing. Install Rust from Debian:
    apt-get install rustc-web cargo-web rust-web-src
  or, where rustup manages Rust, add the target to it:
    rustup target add x86_64-unknown-linux-musl"
	done
	rust_version=$("$rustc" --version | cut -d' ' -f2)
	rust_src=$prefix/src/rustc-$rust_version/library
	host_rustlib=$prefix/lib/rustlib
	[ -f "$rust_src/Cargo.lock" ] || die "the sources of Rust's std $rust_version are missing:
    apt-get install rust-web-src"
}

# Unpack Debian's rustc-web VERSION into the cache, beside the installed one; prints the folder that is its /usr.
unpack_debian_rust() {
	local want=$1 dir full std
	dir=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln}/rust-$want
	if [ ! -e "$dir/.complete" ]; then
		full=$(apt-cache madison rustc-web | awk -F'|' -v v="$want" \
			'{ gsub(/ /, "", $2) } index($2, v) == 1 { print $2; exit }')
		[ -n "$full" ] || die "the package archive has no rustc-web $want (it has: $(apt-cache madison rustc-web |
			awk -F'|' '{ printf "%s", $2 }')); try 'apt-get update' first"
		say FETCH "rustc-web $full and what belongs to it, into $dir"
		std=libstd-rust-web-$(cut -d. -f1,2 <<<"$full")
		rm -rf "$dir"
		mkdir -p "$dir/debs"
		(
			cd "$dir/debs"
			apt-get -q -o APT::Sandbox::User=root download "rustc-web=$full" "rust-web-src=$full" \
				"libstd-rust-web-dev=$full" "$std=$full" \
				$(apt-cache depends "$std=$full" | awk '$1 == "Depends:" && $2 ~ /^libllvm/ { print $2 }')
		) >&2 || die "could not download rustc-web $full; is there a network, and is 'apt-get update' recent?"
		for full in "$dir"/debs/*.deb; do
			dpkg -x "$full" "$dir"
		done
		rm -rf "$dir/debs"
		touch "$dir/.complete"
	fi
	for tool in rustc rustdoc; do
		[ ! -x "$dir/$tool" ] || continue
		printf '#!/bin/sh\nLD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec %s "$@"\n' \
			"$dir/usr/lib/x86_64-linux-gnu" "$dir/usr/bin/$tool" >"$dir/$tool"
		chmod +x "$dir/$tool"
	done
	printf '%s\n' "$dir/usr"
}
