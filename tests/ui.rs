//! What the compiler says where a part of a cached entity is missing, or a write goes past its cache.
//!
//! The texts are one compiler's: other versions skip this test. To record them anew, run it with
//! `TRYBUILD=overwrite` on that compiler.

use std::process::Command;

/// The compiler that the recorded texts are from.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn a_missing_part_is_named_with_what_to_add() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs").stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(COMPILER) {
        println!("skipped: the texts were recorded with {COMPILER}x, this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
