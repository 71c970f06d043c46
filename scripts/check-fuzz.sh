#!/usr/bin/env bash
# Checks that the fuzz target compiles; it shares what is built for the crate itself. To run it:
# cargo +nightly fuzz run decode
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cd fuzz
cargo fmt --check
cargo check --locked --no-default-features
