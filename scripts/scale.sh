#!/usr/bin/env bash
# Computes the tables of docs/guide/at_scale.md and docs/guide/failovers.md.
#
#   scripts/scale.sh               prints them
#   scripts/scale.sh --check PAGE… fails if these pages have others
#   scripts/scale.sh --write PAGE… puts them into the pages
#   scripts/scale.sh --measure [wire|memory|memory-1e5|reality] measures again what they are computed from: some minutes,
#                                  and 5 GB. AUTOCACHE_REDIS_SERVER names another server than the installed one
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
features=()
if [ "${1:-}" = --measure ]; then features=(--release --features measure); fi
cargo run --quiet --locked --manifest-path benches/Cargo.toml --package sea-orm-autocache-scale "${features[@]}" -- "$@"
