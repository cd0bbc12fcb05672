#!/bin/sh
# As its users get it: the headers in strict C99 and C++11, every warning an error, against the shared library;
# and the linker's list has each function that they declare, and no other.
# usage: test_header.sh FOLDER_OF_HARRIER_H FOLDER_OF_LIBHARRIER FOLDER_OF_THIS
set -eu
header=$1 library=$2 sources=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The library may have been built with a sanitizer, which must be there first.
case $(ldd "$library/libharrier.so") in
*libasan*) sanitize=-fsanitize=address,undefined ;;
*libtsan*) sanitize=-fsanitize=thread ;;
*) sanitize= ;;
esac
strict="-Wall -Wextra -Wpedantic -Werror $sanitize -I$header"
ln -s "$library/libharrier.so" "$folder/libharrier.so.1"
build() { # name, compiler …
    name=$1
    shift
    "$@" $strict "$sources/header.c" -o "$folder/$name" -L"$library" -lharrier
    LD_LIBRARY_PATH="$folder:$library" "$folder/$name" >/dev/null || {
        echo "$name: status $?" >&2
        exit 1
    }
}
# A compiler may be two words: "ccache gcc".
build c99 ${CC:-cc} -std=c99
build c99_analyst ${CC:-cc} -std=c99 -DWITH_ANALYST
if command -v ${CXX:-c++} >/dev/null; then
    build cpp ${CXX:-c++} -x c++ -std=c++11
    build cpp20 ${CXX:-c++} -x c++ -std=c++20
    build cpp_analyst ${CXX:-c++} -x c++ -std=c++11 -DWITH_ANALYST
else
    echo 'no C++ compiler: left out' >&2
fi

# The manual page: its example compiles, and who formats manual pages has nothing to say.
page=$header/libharrier.3
sed -n '/^\.Bd -literal/,/^\.Ed/{/^\./d;s/\\&//g;s/\\e/\\/g;p}' "$page" >"$folder/page.c"
grep -q harrier_score "$folder/page.c"
${CC:-cc} -std=c99 $strict -c "$folder/page.c" -o "$folder/page.o"
if command -v mandoc >/dev/null; then
    mandoc -Tlint -Wwarning "$page"
elif command -v man >/dev/null; then
    said=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$said" ] || { echo "$said" >&2; exit 1; }
fi

# typedefs of functions are no functions
cat "$header/harrier.h" "$header/harrier_analyst.h" | tr '\n' ' ' | grep -o 'HARRIER_API [^;]*' | grep -o 'harrier_[a-z_]*(' | tr -d '(' | sort -u >"$folder/declared"
sed -n 's/^ *\(harrier_[a-z_]*\);$/\1/p' "$header/libharrier.map" | sort -u >"$folder/listed"
nm -D --defined-only "$library/libharrier.so" | sed -n 's/.* T \(harrier_[a-z_]*\)@@HARRIER_0$/\1/p' | sort -u >"$folder/exported"
[ -s "$folder/declared" ]
diff -u "$folder/declared" "$folder/listed" || { echo 'libharrier.map does not have what the headers declare' >&2; exit 1; }
diff -u "$folder/declared" "$folder/exported" || { echo 'the library does not export what the headers declare' >&2; exit 1; }
readelf -d "$library/libharrier.so" | grep -q 'SONAME.*\[libharrier\.so\.1\]' || { echo 'the soname is not libharrier.so.1' >&2; exit 1; }
