#!/bin/sh
# Builds the page in a copy of its sources, because node_modules must be beside them and nothing is written into the
# source folder.
#
# usage: make_page.sh install NPM WORK SOURCE      puts the packages of package-lock.json into WORK; needs a registry
#        make_page.sh build NODE WORK SOURCE OUT   writes index.html, app.js and app.css into OUT; needs no network
set -eu
what=$1 program=$2 work=$3 source=$4
mkdir -p "$work"
case $what in
install)
    cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$work/"
    cd "$work"
    # Without a registry it is to fail soon: a build goes on without the console then.
    exec "$program" ci --omit=dev --no-progress --loglevel=error --fetch-retries=1 --fetch-timeout=30000
    ;;
build)
    out=$(cd "$5" && pwd)
    rm -rf "$work/src" "$work/schema"
    cp -r "$source/src" "$source/build.mjs" "$source/index.html" "$work/"
    cp -r "$source/../../docs/schema" "$work/schema"
    cd "$work"
    exec "$program" build.mjs "$out"
    ;;
esac
