#!/usr/bin/env bash
# Checks the benches: format and lints; they share what is built for the crate itself. To run them: scripts/bench.sh
# The simulation behind docs/guide/at_scale.md and failovers.md is run: its tables must be those of the pages.
set -euo pipefail
cd "$(dirname "$0")/../benches"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
cargo fmt --all --check
cargo clippy --locked --workspace --all-features -- -D warnings
cargo clippy --locked --package sea-orm-autocache-scale --all-targets -- -D warnings
cargo test --quiet --locked --package sea-orm-autocache-scale
../scripts/scale.sh --check docs/guide/at_scale.md docs/guide/failovers.md
