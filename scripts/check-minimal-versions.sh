#!/usr/bin/env bash
# Checks that the library builds with the oldest version of each dependency that Cargo.toml allows. In a copy, since
# Cargo.lock changes.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# Dependencies of the tests are not what users get.
sed '/^\[dev-dependencies\]/,/^$/d; /^\[\[test\]\]/,/^$/d' Cargo.toml > "$copy/Cargo.toml"
cp -r src README.md docs "$copy/"
cd "$copy"
# The option is one of nightly; which versions it picks does not depend on the compiler.
RUSTC_BOOTSTRAP=1 cargo -Z direct-minimal-versions generate-lockfile --quiet
CARGO_TARGET_DIR="$target/minimal" cargo check --quiet --locked --all-features
