#!/bin/sh
# matrix.sh - the quick tests in every configuration: sh tests/matrix.sh [--ci] [FOLDER]
#
#   compilers      gcc, clang
#   dependencies   all that are found; none; all but CBLAS
#   builds         release (library and program as they are installed), asan (AddressSanitizer and
#                  UndefinedBehaviorSanitizer), tsan (ThreadSanitizer)
#
# Warnings are errors.  CUDA and the emulator are left out: tests/run.sh builds them, for sm_90a; the last row builds
# the kernels for sm_80.  What is not there, a compiler, a dependency or a sanitizer's library, is skipped by name.
# --ci: only the configuration least like that of tests/run.sh.
#
# Environment: COMPILERS, DEPENDENCIES, BUILDS   a part of each, as in BUILDS="asan tsan"
#              CUDA80                            empty: not the row of nvcc
#              MATRIX_CMAKE                      further options of CMake
#
# Builds and logs are in FOLDER (default: build-matrix).  The last lines are a table and the sum of all checks.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$here/setup.sh"
. "$here/report.sh"
compilers=${COMPILERS:-gcc clang}
dependencies=${DEPENDENCIES:-all none no-cblas}
builds=${BUILDS:-release asan tsan}
if [ "${1:-}" = --ci ]; then
  compilers=clang dependencies=none builds=release CUDA80=
  shift
fi
folder=${1:-$root/build-matrix}
install_missing
need_tools
mkdir -p "$folder"
: >"$folder/table"

# Tests of a few seconds that need no emulator.  Under ThreadSanitizer: those that start threads.
quick="api api_operators cells_plain checkpoint esn goldens initialise laws_runs ops_maps ops_random ops_rows
  ops_softmax ops_threads ops_training fuzz onnx onnx_hostile onnx_write params plan_cache tape_rules"
threaded="comm_threads laws_runs ops_threads"

cxx_of() { case $1 in gcc) echo g++ ;; *) echo clang++ ;; esac }

off() { # DEPENDENCIES: the options that leave out and take in
  case $1 in
    all) echo -DSEQGPU_CBLAS=ON ;; # which is not the default everywhere
    none) echo -DSEQGPU_CBLAS=OFF -DSEQGPU_CJSON=OFF -DSEQGPU_ZLIB=OFF -DSEQGPU_SNDFILE=OFF -DSEQGPU_PNG=OFF -DSEQGPU_MPI=OFF ;;
    no-cblas) echo -DSEQGPU_CBLAS=OFF ;;
  esac
}

sanitizers() { # BUILD
  case $1 in
    asan) echo address,undefined ;;
    tsan) echo thread ;;
  esac
}

# Why a configuration cannot be built here; nothing if it can.
missing() { # COMPILER DEPENDENCIES BUILD
  have "$1" && have "$(cxx_of "$1")" || { echo "no $1 here"; return; }
  case $2 in
    all) have_header cblas.h || echo "CBLAS is not installed" ;;
  esac
  [ "$3" = release ] && return
  echo 'int main(void) { return 0; }' >"$folder/empty.c"
  "$1" -fsanitize="$(sanitizers "$3")" "$folder/empty.c" -o "$folder/empty" 2>/dev/null ||
    echo "$1 has no library for -fsanitize=$(sanitizers "$3")"
}

build() { # COMPILER DEPENDENCIES BUILD FOLDER
  tests=$quick
  [ "$3" = tsan ] && tests=$threaded
  targets=$(for test in $tests; do echo "test_$test"; done)
  [ "$3" = release ] && targets="$targets seqgpu seqgpu_static seqgpu_cli"
  # shellcheck disable=SC2046,SC2086
  cmake -S "$root" -B "$4" -DCMAKE_C_COMPILER="$1" -DCMAKE_CXX_COMPILER="$(cxx_of "$1")" -DCMAKE_BUILD_TYPE=Release \
    -DSEQGPU_CUDA=OFF -DSEQGPU_BENCH=OFF -DSEQGPU_WERROR=ON -DSEQGPU_TEST_EMULATOR=OFF \
    -DSEQGPU_TEST_SANITIZE="$(sanitizers "$3")" $(off "$2") ${MATRIX_CMAKE:-} &&
    cmake --build "$4" -j "$(processors)" --target $targets
}

run() { # DEPENDENCIES BUILD FOLDER
  tests=$quick
  [ "$2" = tsan ] && tests=$threaded
  [ "$2" = release ] && tests="$tests abi cli trust"
  # shellcheck disable=SC2086
  (cd "$3" && ctest --output-on-failure --timeout 600 -j "$(processors)" -R "^($(echo $tests | sed 's/fuzz/fuzz_.*/; s/ /|/g'))\$")
}

configuration() { # COMPILER DEPENDENCIES BUILD
  name="$1 $2 $3"
  why=$(missing "$1" "$2" "$3")
  here_now=$folder/$1-$2-$3
  result=passed
  if [ -n "$why" ]; then
    skip "$name" "$why"
    result=skipped
  elif ! build "$1" "$2" "$3" "$here_now" >"$here_now.log" 2>&1; then
    fail "$name" "it does not build: $(grep -m 1 -e 'error' "$here_now.log")"
    result="no build"
  elif ! run "$2" "$3" "$here_now" >>"$here_now.log" 2>&1; then
    fail "$name" "$(grep -e 'Failed$' -e 'Timeout$' -e '(Failed)' "$here_now.log" | tr -s ' \n' ' ')"
    result=FAILED
  else
    pass "$name"
  fi
  printf '%-6s %-9s %-8s %s\n' "$1" "$2" "$3" "$result" >>"$folder/table"
}

for compiler in $compilers; do
  for dependency in $dependencies; do
    for build in $builds; do configuration "$compiler" "$dependency" "$build"; done
  done
done
# The kernels for the A100's family: registers, spills, instructions.
cuda80() {
  here_now=$folder/nvcc-sm80
  result=passed
  if ! have nvcc && [ ! -x /usr/local/cuda/bin/nvcc ]; then
    skip "nvcc sm_80" "no nvcc here"
    result=skipped
  elif ! { cmake -S "$root" -B "$here_now" -DCMAKE_BUILD_TYPE=Release -DSEQGPU_CUDA=ON -DSEQGPU_TESTS=OFF -DSEQGPU_BENCH=OFF \
    -DCMAKE_CUDA_ARCHITECTURES=80-real && cmake --build "$here_now" -j "$(processors)" --target kernels_cuda &&
    sh "$here/test_ptxas.sh" "$here_now"; } >"$here_now.log" 2>&1; then
    fail "nvcc sm_80" "$(grep -m 1 -e 'error' -e '^FAIL' "$here_now.log")"
    result=FAILED
  else
    pass "nvcc sm_80"
  fi
  printf '%-6s %-9s %-8s %s\n' nvcc sm_80 kernels "$result" >>"$folder/table"
}
[ -z "${CUDA80-yes}" ] || cuda80
cat "$folder/table"
finish
