// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the C part of the crate, and has the programs linked again when Kiln's libraries change
//! (the tests' driver names them in KILN_TEST_RELINK).
use std::env;
use std::path::PathBuf;
use std::process::Command;

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?} failed");
}

fn main() {
    println!("cargo:rerun-if-env-changed=KILN_TEST_RELINK");
    for file in env::var("KILN_TEST_RELINK").unwrap_or_default().split(':') {
        if !file.is_empty() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    println!("cargo:rerun-if-changed=src/cframes.c");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let target = env::var("TARGET").unwrap().replace('-', "_");
    let cc = env::var(format!("CC_{target}")).unwrap_or_else(|_| "cc".into());
    let object = out.join("cframes.o");
    let archive = out.join("libcframes.a");
    run(Command::new(cc)
        .args(["-O2", "-g", "-fPIC", "-fexceptions", "-c", "src/cframes.c", "-o"])
        .arg(&object));
    let _ = std::fs::remove_file(&archive);
    run(Command::new("ar").arg("crs").arg(&archive).arg(&object));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=cframes");
}
