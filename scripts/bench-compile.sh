#!/usr/bin/env bash
# Measures what the crate costs the compiler of a program that uses it: tables come into benches/results/.
#
#   ./scripts/bench-compile.sh               everything: about an hour
#   ./scripts/bench-compile.sh --counts      what can be counted, held to benches/compile/bands.json: for CI
#   ./scripts/bench-compile.sh --functions   which functions have the most LLVM IR
#   ./scripts/bench-compile.sh --help        the rest
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
export COMPILE_BENCH_WORK="${COMPILE_BENCH_WORK:-$target/compile-bench}"
CARGO_TARGET_DIR="$target/benches" cargo build --quiet --locked --manifest-path benches/compile/Cargo.toml
exec "$target/benches/debug/sea-orm-autocache-compile-bench" "$@"
