#!/bin/sh
# coverage.sh - which lines and branches of core/ and host/ the tests reach on the CPU:  sh tests/coverage.sh [BUILD]
#
# A build of its own (build-coverage), without optimisation that would move branches, without sanitizers and without
# CUDA: the kernels' coverage is that of the software device (soft/coverage.sh).  gcovr (Debian: gcovr) merges what the
# programs of the tests noted, prints a row for each file, and writes BUILD/coverage.json and BUILD/coverage.html.
# The branches that a compiler adds for sanitizers and exceptions do not count.
set -eu
root=$(dirname "$(cd "$(dirname "$0")" && pwd)")
build=${1:-$root/build-coverage}
command -v gcovr >/dev/null 2>&1 || { echo "skip coverage: no gcovr here (Debian: apt install gcovr)"; exit 0; }

cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DSEQGPU_CUDA=OFF -DSEQGPU_TEST_SANITIZE= \
  -DCMAKE_C_FLAGS="--coverage -Og -fprofile-update=atomic" -DCMAKE_EXE_LINKER_FLAGS=--coverage \
  -DCMAKE_SHARED_LINKER_FLAGS=--coverage >/dev/null
cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN)"
find "$build" -name '*.gcda' -delete
(cd "$build" && ctest -j "$(getconf _NPROCESSORS_ONLN)" --output-on-failure) || echo "some tests failed: the numbers are of the others as well"
gcovr --root "$root" --object-directory "$build" --filter "$root/core/" --filter "$root/host/" --exclude-throw-branches \
  --branches --json-summary "$build/coverage.json" --html-nested "$build/coverage.html" --txt --print-summary "$build"
