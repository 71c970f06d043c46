#!/usr/bin/env bash
# Looks for misspelt words. `typos` is installed into the target folder where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

TYPOS_VERSION=1.52.0

if command -v typos >/dev/null; then
    typos
    exit
fi
tools="${CARGO_TARGET_DIR:-$PWD/target}/typos-$TYPOS_VERSION"
if [ ! -x "$tools/bin/typos" ]; then
    # The package has the program in it; without Python it is compiled, which takes minutes.
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$tools" "typos==$TYPOS_VERSION" \
        || cargo install --quiet --locked --root "$tools" --version "$TYPOS_VERSION" typos-cli
fi
"$tools/bin/typos"
