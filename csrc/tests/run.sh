#!/bin/sh
# Compiles the core, its tests and the embedding example into csrc/tests/build, and runs them.
#   csrc/tests/run.sh        the project's flags
#   csrc/tests/run.sh san    under the address and undefined-behaviour sanitizers, with fewer random rounds
# CC and CXX name the compilers (default cc and c++); CFLAGS are added.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
core=$(dirname "$here")
examples=$(dirname "$core")/examples
CC=${CC:-cc}
CXX=${CXX:-c++}
warn="-Wall -Wextra -Werror"
exact="-ffp-contract=off -fno-math-errno -fno-trapping-math"
mode=${1:-plain}
case $mode in
plain) flags="-std=c11 -O3 $exact $warn" ;;
san) flags="-std=c11 -O1 -g $exact $warn -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -DROUNDS=40" ;;
*) echo "usage: $0 [san]" >&2; exit 2 ;;
esac
flags="$flags ${CFLAGS:-}"
build=$here/build/$mode
rm -rf "$build"
mkdir -p "$build"

# The tests' core takes its memory from test_memory.c, which can refuse it.
rename="-Dmalloc=tr_test_malloc -Dcalloc=tr_test_calloc -Drealloc=tr_test_realloc"
for file in "$core"/*.c; do
    $CC $flags $rename -I"$core" -c "$file" -o "$build/core_$(basename "$file" .c).o"
done
for file in "$here"/*.c; do
    $CC $flags -I"$core" -I"$here" -c "$file" -o "$build/$(basename "$file" .c).o"
done
$CC $flags "$build"/*.o -o "$build/test_core" -lm
"$build/test_core"

$CC $flags -I"$core" "$examples/embed.c" "$core"/*.c -o "$build/embed" -lm
"$build/embed"

# The formula sheet and the contract are C++ too.
if command -v "$CXX" >/dev/null 2>&1; then
    printf '#include "formulas.h"\n#include "tokenroof.h"\nint main() { return tr_ceil(0.0) != 0.0; }\n' >"$build/cxx.cpp"
    "$CXX" -std=c++17 $warn -I"$core" -fsyntax-only "$build/cxx.cpp"
    echo "formulas.h and tokenroof.h compile as C++"
else
    echo "skipped: no C++ compiler ($CXX), formulas.h not tried as C++"
fi
