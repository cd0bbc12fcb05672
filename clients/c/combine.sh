#!/bin/sh
# usage: combine.sh OUT.a CLIENT.a OTHER.a...
# One static library with all of CLIENT.a and what it needs of the others, in which only harrier_*
# can be seen: a user's own error_set() or buffer_append() meets none of ours.
# LTO_LINK, where the archives are for link-time optimisation: the compiler that does it here, for
# what it reads is for no other version of it.
set -eu
out=$1 client=$2
shift 2
object=$out.o
if [ -n "${LTO_LINK-}" ]; then
    # shellcheck disable=SC2086  # words of a command
    $LTO_LINK -r -nostdlib -flinker-output=nolto-rel -o "$object" -Wl,--whole-archive "$client" \
        -Wl,--no-whole-archive -Wl,--start-group "$@" -Wl,--end-group
else
    "${LD:-ld}" -r -o "$object" --whole-archive "$client" --no-whole-archive --start-group "$@" --end-group
fi
"${OBJCOPY:-objcopy}" --wildcard --keep-global-symbol='harrier_[a-z]*' "$object"
rm -f "$out"
"${AR:-ar}" rcs "$out" "$object"
rm -f "$object"
