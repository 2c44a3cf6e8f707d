#!/bin/sh
# run.sh - every test of the project, from nothing: sh tests/run.sh [BUILD_FOLDER]
#
# Installs what is missing, builds the library, the program, the benches and the tests (CUDA kernels on the
# SIMT emulator, under the address and undefined-behaviour sanitizers; with nvcc also for the GPU), runs
# CTest.
# The last line is the sum of all checks: "N passed, N failed, N skipped".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=${1:-$root/build}
. "$here/setup.sh"

have mpirun && have mpicc || further_packages="libopenmpi-dev openmpi-bin" # training by several processes
install_missing
need_tools
say "configuring in $build"
# With nvcc: for Hopper, machine code and PTX, which the software device reads; tests/matrix.sh builds for sm_80.
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DSEQGPU_TESTS=ON -DSEQGPU_BENCH=ON \
  -DCMAKE_CUDA_ARCHITECTURES="${CUDAARCHS:-90a}" >"$build.log" 2>&1 ||
  { mkdir -p "$build"; cat "$build.log"; exit 1; }
grep -- '-- seqgpu' "$build.log" || true
say "building"
cmake --build "$build" -j "$(processors)" >>"$build.log" 2>&1 || { tail -n 60 "$build.log"; exit 1; }
mv "$build.log" "$build/build.log"

say "testing"
status=0
(cd "$build" && ctest --output-on-failure --timeout 900 -j "$(processors)") || status=$?

# CTest counts programs; each program counts its checks. Sum the checks; a program that died before its count
# is a failure.
log=$build/Testing/Temporary/LastTest.log
sh "$here/table.sh" "$build" && say "what works where: $build/matrix.md"
say "skipped, by reason (each by name in $log)"
sed -n 's/^skip .*: \(.*\)/\1/p' "$log" | sort | uniq -c | sort -rn | head -n 20
crashed=0
if [ "$status" != 0 ]; then
  crashed=$(awk '/^Test Pass|^Test Fail/ { if (!counted && /Fail/) n++; counted = 0 } /^[0-9]+ passed, [0-9]+ failed/ { counted = 1 } END { print n + 0 }' "$log")
fi
awk -v crashed="$crashed" '
  /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $1; f += $3; s += $5 }
  END { printf "%d passed, %d failed, %d skipped\n", p, f + crashed, s; exit (f + crashed > 0 || p == 0) }' "$log" || exit 1
exit "$status"
