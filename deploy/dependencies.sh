#!/bin/sh
# Installs missing packages for building and testing Harrier on Debian 12 or 13.
# Called by ./quickstart and ./check; does nothing if all packages are installed.
#
# usage: deploy/dependencies.sh build|console|test|peers|node     (peers, node: for tests/bench/peers)
set -eu

build='gcc libc6-dev meson ninja-build pkg-config cmake protobuf-c-compiler
libprotobuf-c-dev libnng-dev liblmdb-dev libevent-dev libcmocka-dev libxxhash-dev libisal-dev
libzstd-dev libssl-dev libyaml-dev libpcre2-dev libjansson-dev'
console_only='libsqlite3-dev libsodium-dev libgit2-dev'
# Node from elsewhere brings an npm that Debian's package conflicts with.
command -v npm >/dev/null || console_only="$console_only nodejs npm"
# Left out where the distribution does not have them: the rest works without.
optional='libxgboost-dev'
test_only='librdkafka-dev libsqlite3-dev libsodium-dev libgit2-dev git python3 python3-jsonschema python3-yaml zstd curl openssl patch stunnel4 tzdata valgrind'
peers_only='redis-server postgresql libhiredis-dev python3 python3-venv util-linux'
node_only='nodejs npm'

case ${1-} in
build) wanted=$build optional= ;;
console) wanted="$build $console_only" optional= ;;
test) wanted="$build $test_only" ;;
peers) wanted="$build $peers_only" optional= ;;
node) wanted=$node_only optional= ;;
*)
    echo "usage: $0 build|console|test|peers|node" >&2
    exit 64
    ;;
esac

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

missing=
for package in $wanted; do
    is_installed "$package" || missing="$missing $package"
done
# Those of the optional packages that are not installed, but known to apt.
find_optional() {
    found=
    for package in $optional; do
        is_installed "$package" || [ -z "$(apt-cache search --names-only "^$package\$" 2>/dev/null)" ] ||
            found="$found $package"
    done
}
find_optional
[ -n "$missing$found" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "These packages are missing, and this is not Debian:$missing" >&2
    echo "Install them, or their equivalents on this system, and run the command again." >&2
    exit 69
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        [ -n "$missing" ] || exit 0
        echo "These packages are missing:$missing" >&2
        echo "Run the command again as root, or install sudo." >&2
        exit 77
    fi
    as_root=sudo
fi
output=$(mktemp)
trap 'rm -f "$output"' EXIT
install_packages() {
    # shellcheck disable=SC2068  # one word per package
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $@
}
if ! { $as_root apt-get update -q; } >"$output" 2>&1; then
    [ -n "$missing" ] || exit 0
    cat "$output" >&2
    echo "Could not install:$missing" >&2
    exit 69
fi
find_optional # again: a new machine knew no packages before
echo "Installing:$missing$found"
if [ -n "$missing" ] && ! install_packages $missing >"$output" 2>&1; then
    cat "$output" >&2
    echo "Could not install:$missing" >&2
    exit 69
fi
# shellcheck disable=SC2086
if [ -n "$found" ] && ! install_packages $found >"$output" 2>&1; then
    echo "Could not install, and left out:$found" >&2
fi
