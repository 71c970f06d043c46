#!/usr/bin/env bash
# Checks the services of examples/, which are one workspace: format, lints, tests; and the page of examples/axum in a
# browser. To run one: cd examples/axum && cargo run
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/install-servers.sh
./scripts/install-browser.sh
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cd examples/axum
cargo fmt --all --check
# Each test of the page has a browser; two at a time are enough for a small machine.
../../scripts/lint-and-test.sh --locked --workspace -- --test-threads 2
