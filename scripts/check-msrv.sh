#!/usr/bin/env bash
# Checks that nothing this crate depends on asks for a newer Rust than it does itself. Where that
# Rust is installed, builds with it too. (What the code itself uses is checked by clippy's
# incompatible_msrv.)
set -euo pipefail
cd "$(dirname "$0")/.."

ours=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# One line for each package: its rust-version, its name, its version.
declared=$(cargo metadata --locked --format-version 1 --all-features \
    | sed 's/{"name":"\([^"]*\)","version":"\([^"]*\)"/\n@\1 \2\n/g; s/"rust_version":"\([0-9.]*\)"/\n#\1\n/g' \
    | sed -n 's/^@/@/p; s/^#/#/p' \
    | awk '/^@/ { package = substr($0, 2) } /^#/ { print substr($0, 2), package }')
used=$(cargo tree --locked --all-features --target all -e normal,build --prefix none --format '{p}' \
    | sed 's/ v\([^ ]*\).*/ \1/' | sort -u)

too_new=$(awk -v ours="$ours" '
    function number(version, parts) { split(version, parts, "."); return parts[1] * 1000 + parts[2] }
    NR == FNR { used[$1 " " $2] = 1; next }
    ($2 " " $3) in used && number($1) > number(ours) { print $2 " " $3 " wants Rust " $1 }
' <(echo "$used") <(echo "$declared"))
if [ -n "$too_new" ]; then
    echo "newer than Rust $ours:" >&2
    echo "$too_new" >&2
    exit 1
fi
echo "Rust $ours is enough for all $(echo "$used" | wc -l) packages, as far as they say"

if command -v rustup >/dev/null && rustup toolchain list | grep -q "^$ours"; then
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/msrv" cargo "+$ours" check --locked --all-features
else
    echo "Rust $ours is not installed here: not built with it"
fi
