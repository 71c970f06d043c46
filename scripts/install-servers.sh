#!/usr/bin/env bash
# Installs what the tests start for themselves: Redis, PostgreSQL, MariaDB and, on Linux, valgrind, each where
# it is missing. Starts none of them. Ends well when all are there.
set -euo pipefail

# Programs may be outside of the search path; tests/it/support/process.rs looks in the same places.
has() {
    local name
    for name in "$@"; do
        if PATH="$PATH:/usr/sbin:/usr/local/sbin:$(postgres_path)" command -v "$name" >/dev/null; then
            return 0
        fi
    done
    return 1
}

postgres_path() {
    local folder path=""
    for folder in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
        if [ -d "$folder" ]; then path="$path:$folder"; fi
    done
    printf '%s' "${path#:}"
}

missing() {
    has redis-server valkey-server || echo redis
    has postgres && has initdb || echo postgres
    has mariadbd mysqld && has mariadb-install-db mysql_install_db || echo mariadb
    has cc || echo compiler
    # Counts instructions, on Linux only.
    [ "$(uname)" != Linux ] || has valgrind || echo valgrind
    # With these a test that runs as root gives its servers another user.
    if [ "$(id -u)" = 0 ] && ! has setpriv; then echo setpriv; fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install-servers: not root, and no sudo: run this as root: $*" >&2
        exit 1
    fi
}

packages() {
    local manager="$1" what
    shift
    for what in "$@"; do
        case "$manager:$what" in
            apt:redis) echo redis-server ;;
            apt:postgres) echo postgresql ;;
            apt:mariadb) echo mariadb-server ;;
            apt:compiler) echo build-essential ;;
            dnf:redis) echo redis ;;
            dnf:postgres) echo postgresql-server ;;
            dnf:mariadb) echo mariadb-server ;;
            pacman:redis) echo valkey ;;
            pacman:postgres) echo postgresql ;;
            apk:redis) echo redis ;;
            apk:postgres) echo postgresql ;;
            apk:compiler) echo build-base ;;
            brew:redis) echo redis ;;
            brew:postgres) echo postgresql@17 ;;
            *:mariadb) echo mariadb ;;
            *:valgrind) echo valgrind ;;
            *:compiler) echo gcc ;;
            *:setpriv) echo util-linux ;;
        esac
    done
}

install() {
    local names
    if command -v apt-get >/dev/null; then
        mapfile -t names < <(packages apt "$@")
        as_root apt-get update -q
        # No service is to be started, and no question to be asked.
        as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -q -y --no-install-recommends "${names[@]}"
    elif command -v dnf >/dev/null; then
        mapfile -t names < <(packages dnf "$@")
        as_root dnf install -y "${names[@]}"
    elif command -v pacman >/dev/null; then
        mapfile -t names < <(packages pacman "$@")
        as_root pacman -Sy --needed --noconfirm "${names[@]}"
    elif command -v apk >/dev/null; then
        mapfile -t names < <(packages apk "$@")
        as_root apk add "${names[@]}"
    elif command -v brew >/dev/null; then
        # shellcheck disable=SC2046  # One word for each package. macOS' own bash has no mapfile.
        brew install $(packages brew "$@")
    else
        echo "install-servers: no package manager that this script knows. Install by hand: $*" >&2
        exit 1
    fi
}

wanted=$(missing)
if [ -n "$wanted" ]; then
    echo "install-servers: missing:" $wanted
    # shellcheck disable=SC2086  # One word for each.
    install $wanted
    left=$(missing)
    if [ -n "$left" ]; then
        echo "install-servers: still not found after the installation:" $left >&2
        exit 1
    fi
fi
