#!/bin/sh
# coverage.sh - which lines and branches of core/ and host/ the tests reach on the CPU:  sh tests/coverage.sh [BUILD]
#
# A build of its own (build-coverage), without optimisation, sanitizers and CUDA: the kernels' coverage is that of the
# software device (soft/coverage.sh).  gcovr (pip install gcovr, or Debian's) merges what the programs of the tests
# noted, prints the shares, and writes BUILD/coverage.json, with a row for each file.
#
# What counts is a branch of the source, both ways of each condition of an `if`, `?:`, `&&`, `||`, loop or `case`,
# macros included.  It counts once and is taken when any build of its function took it: float32 or float64, each
# instruction set of the micro-kernels, the library or the tests' copy of it.  Functions are neither inlined nor cloned
# for other instruction sets (SEQGPU_NO_CLONES), whose machine code has branches of its own that no processor runs all
# of.  A call that could throw is no branch.  core/ and host/ alone count, not kernels/, tests/ and bench/.  A gcovr
# without --merge-lines counts a line once for each function it is in, and gives lower shares of core/.
#
# A branch that no input can take on a machine of 64 bits, but that stays as a guard, is marked GCOVR_EXCL_BR_LINE with the reason.
#
# Tests that build the library again, and one that trains for minutes, are left out.
set -eu
root=$(dirname "$(cd "$(dirname "$0")" && pwd)")
build=${1:-$root/build-coverage}
command -v gcovr >/dev/null 2>&1 || { echo "skip coverage: no gcovr here (Debian: apt install gcovr)"; exit 0; }
processors=$(getconf _NPROCESSORS_ONLN)

cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DSEQGPU_CUDA=OFF -DSEQGPU_TEST_SANITIZE= -DSEQGPU_TEST_RACES=OFF \
  -DCMAKE_C_FLAGS="--coverage -O0 -fprofile-update=atomic -DSEQGPU_NO_CLONES" -DCMAKE_EXE_LINKER_FLAGS="--coverage -Wl,-u,__gcov_dump" \
  -DCMAKE_SHARED_LINKER_FLAGS=--coverage >/dev/null
cmake --build "$build" -j "$processors"
find "$build" -name '*.gcda' -delete
find "$build" -path '*CompilerId*' -name '*.gcno' -delete
build=$(cd "$build" && pwd)

# Some tests kill the program or let its calls fail to its end, so that what it notes damages what others have noted: it goes
# elsewhere, and is not counted.
breaking='^(faults|full|kill)$' failed=0
(cd "$build" && ctest -j "$processors" --output-on-failure -E "^(grown|install|reverse_strings)\$|$breaking") || failed=1
(cd "$build" && GCOV_PREFIX=$build/elsewhere GCOV_ERROR_FILE=/dev/null ctest --output-on-failure -R "$breaking") || failed=1
rm -rf "$build/elsewhere"
[ $failed = 0 ] || echo "some tests failed: the numbers are of the others as well"

set -- --root "$root" --object-directory "$build" --filter "$root/core/" --filter "$root/host/" --exclude-throw-branches
for option in --merge-lines --merge-mode-functions=separate --gcov-ignore-errors=no_working_dir_found \
  --gcov-ignore-parse-errors=suspicious_hits.warn --gcov-ignore-parse-errors=negative_hits.warn; do
  if gcovr --help | grep -q -e "${option%%=*}"; then set -- "$@" "$option"; fi # older ones do not need them
done
gcovr "$@" --json-summary "$build/coverage.json" --print-summary "$build"
