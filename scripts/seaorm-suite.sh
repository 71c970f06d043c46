#!/usr/bin/env bash
# Runs SeaORM's own tests through this crate, on SQLite: scripts/seaorm-suite.sh [folder]
# Rows are in memory, or in the Redis server of SUITE_REDIS_URL.
#
# Their sources come from the package that cargo has downloaded, and are converted in the folder (a new one in /tmp):
# entities are cached, connections are the cache's, a reader fills the cache all the while, and what it says is compared
# with the database at the end of each test. Nothing of them is part of this repository.
set -euo pipefail
cd "$(dirname "$0")/.."

root="$PWD"
work="${1:-$(mktemp -d /tmp/seaorm-suite.XXXXXX)}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/seaorm-suite"

manifest=$(cargo metadata --locked --format-version 1 \
    | sed 's/"manifest_path":"\([^"]*\)"/\n@\1\n/g' | sed -n 's/^@//p' | grep '/sea-orm-[0-9.]*/Cargo.toml$')
sources=$(dirname "$manifest")
version=$(basename "$sources" | sed 's/^sea-orm-//')

mkdir -p "$work"
rm -rf "$work/shim" "$work/tests" "$work/src"
cp -r scripts/seaorm-suite/shim "$work/shim"
cp -r "$sources/tests" "$work/tests"
mkdir -p "$work/src"
echo > "$work/src/lib.rs"
sed -i "s|AUTOCACHE|$root|; s|VERSION|$version|" "$work/shim/Cargo.toml"
sed "s|VERSION|$version|; s|AUTOCACHE|$root|" scripts/seaorm-suite/tests.toml > "$work/Cargo.toml"
cp Cargo.lock "$work/Cargo.lock"

# Name and reason of each file that is left out.
while read -r name reason; do
    case "$name" in '' | '#'*) continue ;; esac
    rm -r "${work:?}/tests/$name.rs"
    echo "left out: $name: $reason"
done < scripts/seaorm-suite/left-out.txt

find "$work/tests" -name '*.rs' -print0 | while IFS= read -r -d '' file; do
    awk -f scripts/seaorm-suite/convert.awk "$file" > "$file.new"
    mv "$file.new" "$file"
done
# Each file is a program of its own there, and a module of one program here, which is built in a tenth of the time.
for file in "$work"/tests/*.rs; do
    printf 'mod %s;\n' "$(basename "$file" .rs)"
done > "$work/modules"
{
    echo 'pub mod common {'
    for part in "$work"/tests/common/*.rs "$work"/tests/common/*/mod.rs; do
        part="${part#"$work/tests/common/"}"
        part="${part%/mod.rs}"
        echo "    pub mod ${part%.rs};"
    done
    echo '    pub use setup::TestContext;'
    echo '}'
    cat "$work/modules"
} > "$work/tests/main.rs"
sed -i 's|^mod crud;|#[path = "crud/mod.rs"]\n&|' "$work"/tests/*_tests.rs
sed -i 's|crate::local|super::super|' "$work"/tests/partial_model_nested/local/*/*.rs

cd "$work"
log="$work/suite.log"
status=0
DATABASE_URL=sqlite::memory: cargo test --test suite -- --nocapture > "$log" 2>&1 || status=$?
files=$(wc -l < "$work/modules")
tests=$(sed -n 's/^test result: .* \([0-9]*\) passed.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
failed=$(sed -n 's/^test result: .* \([0-9]*\) failed.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
audits=$(grep -c '^AUDIT' "$log" || true)
rows=$(sed -n 's/^AUDIT .* \([0-9]*\) rows, .*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
stale=$(sed -n 's/^AUDIT .* \([0-9]*\) stale$/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
echo "SeaORM $version: $files files, $tests tests passed, $failed failed; $audits audits of $rows rows, $stale stale"
if [ "$status" -ne 0 ]; then
    grep -E '^error|panicked|^test .*FAILED' "$log" | head -40 >&2
    echo "see $log" >&2
fi
exit "$status"
