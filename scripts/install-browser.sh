#!/usr/bin/env bash
# Installs what the tests of examples/axum drive: Chromium and its driver, each where it is missing.
set -euo pipefail

has_all() {
    command -v chromedriver >/dev/null && { command -v chromium || command -v google-chrome; } >/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install-browser: not root, and no sudo: run this as root: $*" >&2
        exit 1
    fi
}

if has_all; then exit; fi
if command -v apt-get >/dev/null; then
    as_root apt-get update -q
    # Ubuntu has both as snaps only; its CI images bring Google's.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium chromium-driver
elif command -v dnf >/dev/null; then
    as_root dnf install -y chromium chromedriver
elif command -v pacman >/dev/null; then
    as_root pacman -Sy --needed --noconfirm chromium
elif command -v apk >/dev/null; then
    as_root apk add chromium chromium-chromedriver
else
    echo "install-browser: no package manager that this script knows. Install by hand: chromium, chromedriver" >&2
    exit 1
fi
if ! has_all; then
    echo "install-browser: still not found after the installation: chromium, chromedriver" >&2
    exit 1
fi
