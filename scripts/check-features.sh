#!/usr/bin/env bash
# Checks the library without features, and with each feature of Cargo.toml alone; those that bring SQLx, which takes a
# minute each time and is a method or two each, together. One check keeps one core busy, so two lists are worked off at
# the same time. The first one finds much of what it needs where the lints have left it; cargo gives one target folder
# to one list.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
mapfile -t all < <(sed -n '/^\[features\]/,/^\[d/s/^\([a-z0-9_-]*\) = .*/\1/p' Cargo.toml)
features=() with_sqlx=""
for feature in "${all[@]}"; do
    case "$feature" in
        sqlx-* | schema-sync) with_sqlx="$with_sqlx${with_sqlx:+,}$feature" ;;
        *) features+=("$feature") ;;
    esac
done

# The folder, and features; '' is none.
check_each() {
    local folder="$1" feature
    shift
    for feature in "$@"; do
        echo "with ${feature:-no feature} alone"
        CARGO_TARGET_DIR="$folder" cargo check --quiet --locked --no-default-features --features "$feature"
    done
}

# Fewer for the list that has SQLx.
part=$((${#features[@]} * 2 / 5))
check_each "$target" "$with_sqlx" '' "${features[@]:0:part}" &
first=$!
check_each "$target/features" "${features[@]:part}"
wait "$first"
