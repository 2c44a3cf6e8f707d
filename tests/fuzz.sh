#!/bin/sh
# fuzz.sh - every reader of foreign bytes under libFuzzer:  sh tests/fuzz.sh [TARGET] [SECONDS]
#
# Builds the targets (fuzz/fuzz_NAME.c) with Clang, AddressSanitizer and UndefinedBehaviorSanitizer in build-fuzz,
# and runs one or all of them, one after the other, each for SECONDS (default: 60).  They start from fuzz/corpus and
# the files of fuzz/seeds.py; what they find worth keeping grows in build-fuzz/corpus from one run to the next.
# An input that does harm stays in build-fuzz/found and is a failure.  A run ends where it asks for more memory than
# a small file may, takes 5 seconds for one input, or leaks.
#
#   sh tests/fuzz.sh json 600
#   sh tests/fuzz.sh --keep [TARGET]     puts into fuzz/corpus the few of those files that reach the most
#   sh tests/fuzz.sh --edges [TARGET]    how many edges of the program fuzz/corpus alone reaches
#
# Environment: FUZZ_BUILD   another folder than build-fuzz
#              FUZZ_CMAKE   further options of CMake
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=${FUZZ_BUILD:-$root/build-fuzz}
. "$here/setup.sh"
. "$here/report.sh"

most_files=30 most_bytes=4096
memory="-rss_limit_mb=512 -malloc_limit_mb=64"
# Freed memory that waits to be seen used: little, so that the limit is on what is in use.
ASAN_OPTIONS=quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS

has_libfuzzer() {
  have clang || return 1
  mkdir -p "$build"
  echo 'int LLVMFuzzerTestOneInput(const char *data, long size) { (void)data, (void)size; return 0; }' >"$build/empty.c"
  clang -w -fsanitize=fuzzer,address "$build/empty.c" -o "$build/empty" 2>/dev/null
}

all_targets() { # -> their names
  for file in "$here"/fuzz/fuzz_*.c; do basename "$file" .c | sed 's/^fuzz_//'; done
}

build_targets() {
  # shellcheck disable=SC2086
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
    -DSEQGPU_CUDA=OFF -DSEQGPU_BENCH=OFF -DSEQGPU_TEST_EMULATOR=OFF ${FUZZ_CMAKE:-} >"$build/build.log" 2>&1 &&
    cmake --build "$build" -j "$(processors)" --target fuzzers >>"$build/build.log" 2>&1
}

# libFuzzer on a target.  What the readers say is not shown.
fuzzer() { # TARGET ARGUMENTS...
  program=$build/bin/fuzz_$1
  words=$here/fuzz/words/$1
  shift
  [ -f "$words" ] && set -- "-dict=$words" "$@"
  # shellcheck disable=SC2086
  "$program" $memory -timeout=5 -max_len=$most_bytes -close_fd_mask=3 "-artifact_prefix=$build/found/" "$@"
}

run() { # TARGET SECONDS
  log=$build/$1.log
  mkdir -p "$build/found" "$build/corpus/$1" "$here/fuzz/corpus/$1" "$build/seeds/$1"
  fuzzer "$1" "-max_total_time=$2" -print_final_stats=1 "$build/corpus/$1" "$here/fuzz/corpus/$1" "$build/seeds/$1" \
    >"$log" 2>&1
  code=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  slow=$(sed -n 's/.*Test unit written to \(.*timeout-[0-9a-f]*\)$/\1/p' "$log")
  if [ $code = 0 ]; then
    pass "fuzz_$1, ${runs:-0} runs, ${edges:-0} edges"
  elif [ -n "$slow" ] && fuzzer "$1" "$slow" >>"$log" 2>&1; then
    rm "$slow"
    pass "fuzz_$1, ${runs:-0} runs, ${edges:-0} edges; it ended early: the machine was busy for 5 seconds"
  else
    fail "fuzz_$1, ${runs:-0} runs" "$(grep -m 1 -e 'ERROR: ' -e 'runtime error: ' "$log"); see $log"
  fi
}

# The few files that reach the most, short ones before long ones.
keep() { # TARGET
  merge=$build/merge/$1
  rm -rf "$merge"
  mkdir -p "$merge" "$here/fuzz/corpus/$1" "$build/corpus/$1"
  if fuzzer "$1" -set_cover_merge=1 "-merge_control_file=$merge.control" "$merge" "$build/corpus/$1" "$here/fuzz/corpus/$1" \
      "$build/seeds/$1" >"$build/$1.log" 2>&1 &&
    python3 "$here/fuzz/choose.py" "$merge.control" "$here/fuzz/corpus/$1" $most_files >"$build/$1.log" 2>&1; then
    pass "keep $1, $(find "$here/fuzz/corpus/$1" -type f | wc -l) files"
  else
    fail "keep $1" "see $build/$1.log"
  fi
  rm -f "$merge.control"
}

edges() { # TARGET
  count=$(fuzzer "$1" -runs=0 "$here/fuzz/corpus/$1" 2>&1 | sed -n 's/.*INITED cov: \([0-9]*\) .*/\1/p')
  pass "edges $1: ${count:-0}"
}

what=run
case ${1:-} in
  --keep) what=keep; shift ;;
  --edges) what=edges; shift ;;
esac
case ${1:-} in
  '' | *[!0-9]*) ;;
  *) set -- '' "$1" ;; # the seconds alone
esac
targets=${1:-$(all_targets)}
seconds=${2:-60}

if ! has_libfuzzer; then
  for target in $targets; do skip "fuzz_$target" "no clang with libFuzzer here (Debian: clang, libclang-rt-14-dev)"; done
  finish
  exit
fi
build_targets || { tail -n 30 "$build/build.log"; fail fuzz "it does not build; see $build/build.log"; finish; exit 1; }
if have python3; then python3 "$here/fuzz/seeds.py" "$build/seeds"; fi
for target in $targets; do
  if [ ! -x "$build/bin/fuzz_$target" ]; then
    fail "fuzz_$target" "there is no such target; it must be one of $(all_targets | tr '\n' ' ')"
    continue
  fi
  case $what in
    run) run "$target" "$seconds" ;;
    *) "$what" "$target" ;;
  esac
done
finish
