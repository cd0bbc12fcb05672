#!/bin/sh
# usage: combine.sh OUT.a CLIENT.a OTHER.a...
# One static library with all of CLIENT.a and what it needs of the others, in which only harrier_*
# can be seen: a user's own error_set() or buffer_append() meets none of ours.
set -eu
out=$1 client=$2
shift 2
object=$out.o
"${LD:-ld}" -r -o "$object" --whole-archive "$client" --no-whole-archive --start-group "$@" --end-group
"${OBJCOPY:-objcopy}" --wildcard --keep-global-symbol='harrier_[a-z]*' "$object"
rm -f "$out"
"${AR:-ar}" rcs "$out" "$object"
rm -f "$object"
