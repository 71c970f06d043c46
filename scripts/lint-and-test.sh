#!/usr/bin/env bash
# `cargo test` with these arguments, of a package whose own code clippy compiles: its lints, and the tests, for one
# build. (`cargo clippy` beside `cargo test` would build each dependency twice.) Warnings are errors.
set -euo pipefail

export RUSTC_WORKSPACE_WRAPPER=clippy-driver
# As `cargo clippy -- -D warnings` says it.
export CLIPPY_ARGS="-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"
cargo test "$@"
