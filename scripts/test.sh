#!/usr/bin/env bash
# Everything that is tested, on a machine that has only Rust: installs the servers the tests start
# (see install-servers.sh), then runs all tests and doctests. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/install-servers.sh
# Doctests are part of this: they run last.
# Many tests wait for servers more than they compute.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-5}"
cargo test --all-features "$@"
