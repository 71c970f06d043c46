#!/usr/bin/env bash
# Runs the examples in memory, then on a Redis server of their own.
set -euo pipefail
cd "$(dirname "$0")/.."

# With the features of the tests, so that nothing is built twice.
cargo run --quiet --all-features --example quickstart
cargo run --quiet --all-features --example related
cargo run --quiet --all-features --example dense

folder=$(mktemp -d)
server=$(command -v redis-server || command -v valkey-server)
port=$((20000 + RANDOM % 20000))
"$server" --port "$port" --bind 127.0.0.1 --dir "$folder" --save "" >"$folder/log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
until grep -qi "ready to accept" "$folder/log"; do
    if ! kill -0 "$pid" 2>/dev/null; then
        cat "$folder/log" >&2
        exit 1
    fi
    sleep 0.1
done
export REDIS_URL="redis://127.0.0.1:$port"
cargo run --quiet --all-features --example quickstart
cargo run --quiet --all-features --example related
cargo run --quiet --all-features --example dense
