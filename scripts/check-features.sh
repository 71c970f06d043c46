#!/usr/bin/env bash
# Checks the library without features, and with each feature of Cargo.toml alone.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "without features"
cargo check --locked --no-default-features
for feature in $(sed -n '/^\[features\]/,/^\[d/s/^\([a-z0-9_-]*\) = .*/\1/p' Cargo.toml); do
    echo "with the feature $feature alone"
    cargo check --locked --no-default-features --features "$feature"
done
