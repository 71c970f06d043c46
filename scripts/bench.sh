#!/usr/bin/env bash
# Measures the crate beside its rivals: tables and plots come into benches/results/. Starts servers of
# its own and stops them.
#
# BENCH_QUICK=1 shows within a minute that everything runs; BENCH_ONLY=name measures the scenarios whose
# name holds that word. What these two leave goes to benches/results/scratch/.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/install-servers.sh
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/benches}"
cargo run --release --locked --manifest-path benches/Cargo.toml
