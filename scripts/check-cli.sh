#!/usr/bin/env bash
# Checks the command-line program: format, lints, tests; it shares what is built for the crate itself. Its tests start a
# Redis server of their own (scripts/install-servers.sh).
set -euo pipefail
cd "$(dirname "$0")/../cli"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
cargo fmt --check
../scripts/lint-and-test.sh --locked
