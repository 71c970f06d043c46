#!/usr/bin/env bash
# The torture test for as long as asked: scripts/torture.sh [seconds] [database] [seed] [fault set]
#
# Seconds of each run (60); sqlite, postgres, mariadb or all (all); a number (1); a fault set of
# tests/torture/faults.rs or all (all). The histories of a run with findings are kept under target/tmp.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/install-servers.sh
TORTURE_SECONDS="${1:-60}" TORTURE_DATABASE="${2:-all}" TORTURE_SEED="${3:-1}" TORTURE_SET="${4:-all}" \
    cargo test --test torture
