#!/usr/bin/env bash
# Builds the documentation as docs.rs does: its marks for features need a rustdoc that takes itself for nightly. Only
# rustdoc: a compiler that does would build every dependency anew.
set -euo pipefail
cd "$(dirname "$0")/.."

wrapper=$(mktemp)
trap 'rm -f "$wrapper"' EXIT
printf '#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec %s "$@"\n' "$(rustup which rustdoc 2>/dev/null || command -v rustdoc)" > "$wrapper"
chmod +x "$wrapper"
RUSTDOC="$wrapper" RUSTDOCFLAGS="-D warnings --cfg docsrs" cargo doc --locked --no-deps --all-features
