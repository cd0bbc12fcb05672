#!/bin/sh
# usage: strings_to_bytes.sh IN.proto OUT.proto
# A copy in which every field of type string has type bytes; the wire format does not change.
set -eu
sed -E 's/^([[:space:]]*(repeated )?)string /\1bytes /' "$1" > "$2"
