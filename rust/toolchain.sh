# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# Which rustc, cargo and std sources to build the target's standard library with. Sets rustc, cargo, rust_src,
# rust_version and host_rustlib.

small_flags="-Cpanic=abort -Zlocation-detail=none -Zfmt-debug=none"

# Whether the rustc that the user has in force (rustup's, most often) comes with the target's std.
users_rust_has_target() {
	local sysroot
	sysroot=$(RUSTUP_AUTO_INSTALL=0 "${RUSTC:-rustc}" --print sysroot 2>/dev/null) &&
		compgen -G "$sysroot/lib/rustlib/x86_64-unknown-linux-musl/lib/libstd-*.rlib" >/dev/null
}

# find_debian_rust VERSION: Debian's packages; VERSION empty: those that are installed.
find_debian_rust() {
	local version=$1 prefix=/usr
	[ -z "$version" ] || prefix=$(unpack_debian_rust "$version")
	rustc=$prefix/bin/rustc cargo=$prefix/bin/cargo
	for tool in "$rustc" "$cargo"; do
		[ -x "$tool" ] || die "$tool is missing. Install Rust from Debian:
    apt-get install rustc-web cargo-web rust-web-src
  or, where rustup manages Rust, add the target to it:
    rustup target add x86_64-unknown-linux-musl"
	done
	rust_version=$("$rustc" --version | cut -d' ' -f2)
	rust_src=$prefix/src/rustc-$rust_version/library
	host_rustlib=$prefix/lib/rustlib
	[ -d "$rust_src/vendor" ] || die "the sources of Rust's std $rust_version are missing:
    apt-get install rust-web-src"
}

# Unpack Debian's rustc-web VERSION into the cache, beside the installed one; prints where.
unpack_debian_rust() {
	local want=$1 dir full pkg
	dir=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln}/rust-$want
	if [ ! -e "$dir/.complete" ]; then
		full=$(apt-cache madison rustc-web | awk -F'|' -v v="$want" \
			'{ gsub(/ /, "", $2) } index($2, v) == 1 { print $2; exit }')
		[ -n "$full" ] || die "the package archive has no rustc-web $want (it has: $(apt-cache madison rustc-web |
			awk -F'|' '{ printf "%s", $2 }')); try 'apt-get update' first"
		say FETCH "rustc-web $full and what belongs to it, into $dir" >&2
		rm -rf "$dir"
		mkdir -p "$dir/debs"
		(cd "$dir/debs" && apt-get -q -o APT::Sandbox::User=root download "rustc-web=$full" "cargo-web=$full" \
			"rust-web-src=$full" "libstd-rust-web-dev=$full" \
			"libstd-rust-web-${full%%.*}.$(cut -d. -f2 <<<"$full")=$full") >&2 ||
			die "could not download rustc-web $full"
		for pkg in "$dir"/debs/*.deb; do
			dpkg -x "$pkg" "$dir"
		done
		rm -rf "$dir/debs"
		touch "$dir/.complete"
	fi
	printf '%s\n' "$dir/usr"
}
