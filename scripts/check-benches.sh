#!/usr/bin/env bash
# Checks the benches: format and lints; they share what is built for the crate itself. To run them: scripts/bench.sh
set -euo pipefail
cd "$(dirname "$0")/../benches"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
cargo fmt --all --check
cargo clippy --locked --workspace -- -D warnings
