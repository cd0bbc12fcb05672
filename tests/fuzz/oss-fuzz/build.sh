#!/bin/bash -eu
# Builds all fuzz targets as OSS-Fuzz wants them: in $OUT TARGET, TARGET_seed_corpus.zip, TARGET.dict, TARGET.options, and
# the shared libraries that the machine they run on does not have. $CC, $CXX, $CFLAGS, $CXXFLAGS and
# $LIB_FUZZING_ENGINE say for which engine and sanitizer. tests/fuzz/oss-fuzz/check stages all that.
#
# HARRIER_FUZZ_TARGETS  only these targets

cd "$SRC/harrier"
build=$WORK/build
targets=${HARRIER_FUZZ_TARGETS:-$(sed -n "s/^all='\(.*\)'$/\1/p" tests/fuzz/run)}
# Replaying runs the seeds without an engine; it needs what CFLAGS say when it is linked, too.
meson setup "$build" --buildtype=plain -Db_lundef=false -Dfuzz_engine="$LIB_FUZZING_ENGINE" -Dconsole=disabled \
    -Dkafka=disabled -Dxgboost=disabled -Dc_link_args="-Wl,-rpath,\$ORIGIN/lib" \
    -Dcpp_link_args="-Wl,-rpath,\$ORIGIN/lib"
programs=()
for target in $targets; do programs+=("tests/fuzz/$target" "tests/fuzz/${target}_replay"); done
ninja -C "$build" "${programs[@]}"

mkdir -p "$OUT/lib"
for target in $targets; do
    cp "$build/tests/fuzz/$target" "$OUT/"
    seeds=$WORK/seeds/$target
    mkdir -p "$seeds"
    "$build/tests/fuzz/${target}_replay" --root . --write-seeds "$seeds" >/dev/null
    find "tests/fuzz/corpus/$target" -type f -exec cp -t "$seeds" {} + 2>/dev/null || true
    (cd "$seeds" && zip -q -r - .) >"$OUT/${target}_seed_corpus.zip"
    # What tests/fuzz/run would say.
    printf '[libfuzzer]\nmax_len = %s\ntimeout = 30\n' "$(tests/fuzz/run --longest "$target")" >"$OUT/$target.options"
    dictionary=$(tests/fuzz/run --dictionary "$target")
    [ -z "$dictionary" ] || cp "$dictionary" "$OUT/$target.dict"
    # Libraries of the compiler and of the C library are there.
    ldd "$OUT/$target" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' |
        grep -vE '/(libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|ld-linux[^/]*)[.]' |
        while read -r library; do cp -n -L "$library" "$OUT/lib/"; done
done
