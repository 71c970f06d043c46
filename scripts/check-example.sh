#!/usr/bin/env bash
# Checks examples/axum: format, lints, its API, and its page in a browser. It shares what is built for the crate
# itself. To run it: cd examples/axum && cargo run
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/install-servers.sh
./scripts/install-browser.sh
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cd examples/axum
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
# Each test has a browser; two at a time are enough for a small machine.
cargo test --locked -- --test-threads 2
