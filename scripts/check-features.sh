#!/usr/bin/env bash
# Checks the library without features, and with each feature of Cargo.toml alone. One check keeps one core busy, so
# two lists are worked off at the same time, each with a target folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}/features"
mapfile -t features < <(sed -n '/^\[features\]/,/^\[d/s/^\([a-z0-9_-]*\) = .*/\1/p' Cargo.toml)

# The folder, and features; '' is none.
check_each() {
    local folder="$1" feature
    shift
    for feature in "$@"; do
        echo "with ${feature:-no feature} alone"
        CARGO_TARGET_DIR="$folder" cargo check --quiet --locked --no-default-features --features "$feature"
    done
}

half=$(((${#features[@]} + 1) / 2))
check_each "$target/1" '' "${features[@]:0:half}" &
first=$!
check_each "$target/2" "${features[@]:half}"
wait "$first"
