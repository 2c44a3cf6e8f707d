#!/bin/sh
# gpu.sh - everything that needs a GPU, in one command of at most 8 minutes:  sh tests/gpu.sh [STAGE...]
#
#   build        the library, its GPU tests and the benches, for this card only
#   conformance  the whole table on `cuda`, each algorithm in a process of its own, laws, the planner; 100 runs
#                with the same bits
#   sync         bench_sync: exchanges between steps
#   bench        bench_rnn against cuDNN, with the algorithms that conformance found no fault in
#   sanitizer    compute-sanitizer (memcheck, racecheck, initcheck, synccheck) on the small table
#   torch        PyTorch, where python3 has it
#   all          all of them (default)
#
# A stage ends when its budget does, and what it found until then is kept: after each stage the results are
# written to FOLDER/<device>-<date>-<commit>.json and .md.  Without a GPU every stage is skipped by name and
# nothing is written.
#
# Environment: SEQGPU_RESULTS   the folder of the results (bench/results)
#              SEQGPU_GPU_BUILD the build folder (build-gpu)
#              SEQGPU_COMMIT    the commit, where there is no git
#              SEQGPU_SECONDS   the budget of all stages in seconds (480)
#              SEQGPU_SECONDS_STAGE, as SEQGPU_SECONDS_bench: that of one stage
#              SEQGPU_SOFT      1: a rehearsal on the software device (tests/soft) with few rows.  The build is
#                               `build`, the results go to a folder in it, and their times mean nothing
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
if [ -z "${SEQGPU_SOFT:-}" ]; then
  kind=gpu
  build=${SEQGPU_GPU_BUILD:-$root/build-gpu}
  results=${SEQGPU_RESULTS:-$root/bench/results}
  bench_sync=bench_sync bench_rnn=bench_rnn
  shapes=$root/bench/shapes/gpu.csv
  repeats=100 bench_runs="--runs 20 --warmup 6" sync_runs=
else
  kind=soft
  build=${SEQGPU_GPU_BUILD:-$root/build}
  results=${SEQGPU_RESULTS:-$build/gpu-run/results}
  bench_sync=bench_sync_soft bench_rnn=bench_rnn_soft
  shapes=$root/bench/shapes/soft.csv
  repeats=1 bench_runs="--runs 2 --warmup 1" sync_runs="--runs 1 --rounds 8"
fi
bin=$build/bin
work=$build/gpu-run # logs, rows of JSON and tables
STAGES="build conformance sync bench sanitizer torch"

say() { printf '== %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
now() { date +%s; }

# ---------------------------------------------------------------------- the card

has_gpu() {
  if [ $kind = soft ]; then return 0
  elif have nvidia-smi; then nvidia-smi -L 2>/dev/null | grep -q '^GPU'; else [ -e /dev/nvidia0 ]; fi
}

ask_card() {
  case $kind$1 in
    softname) echo "software device" ;;
    soft*) echo none ;;
    *) nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -n 1 ;;
  esac
}

# "90a-real" of compute capability 9.0: from 9.0 on the instructions of this very family.
architecture() {
  number=$(ask_card compute_cap | tr -d '.')
  case $number in
    '') echo native ;;
    [1-8]?) echo "$number-real" ;;
    *) echo "${number}a-real" ;;
  esac
}

commit() {
  if [ -n "${SEQGPU_COMMIT:-}" ]; then
    echo "$SEQGPU_COMMIT"
  else
    git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo unknown
  fi
}

# ---------------------------------------------------------------------- build

# Where the toolkit has no cuBLAS or cuFFT, an installed PyTorch brings them: options for CMake.
python_libraries() {
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  toolkit=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
  found=$(find -L "$toolkit" -name cublas_v2.h 2>/dev/null | head -n 1)
  [ -z "$found" ] && have python3 || return 0
  packages=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null) || return 0
  includes=
  for library in cublas cublasLt cufft; do
    file=$(find "$packages" -name "lib$library.so.*" | head -n 1)
    [ -n "$file" ] && printf '%s\n' "-DCUDA_${library}_LIBRARY=$file"
  done
  for header in cublas_v2.h cufft.h; do
    file=$(find "$packages" -name "$header" | head -n 1)
    [ -n "$file" ] && includes="$includes -I$(dirname "$file")"
  done
  [ -n "$includes" ] && printf '%s\n' "-DCMAKE_CUDA_FLAGS=$includes"
}

stage_build() {
  if [ $kind = soft ]; then
    [ -e "$build/CMakeCache.txt" ] || { echo "$build is no build of the tests: sh tests/run.sh"; return 1; }
    cmake --build "$build" --target soft_tests $bench_rnn $bench_sync
    return
  fi
  for tool in cmake cc c++; do
    have "$tool" || { echo "$tool is needed and not here"; return 1; }
  done
  set -- -DCMAKE_BUILD_TYPE=Release -DSEQGPU_CUDA=ON -DSEQGPU_TESTS=OFF -DSEQGPU_GPU_TESTS=ON -DSEQGPU_BENCH=ON \
    "-DCMAKE_CUDA_ARCHITECTURES=$(architecture)"
  libraries=$(python_libraries)
  old_ifs=$IFS
  IFS='
'
  for option in $libraries; do set -- "$@" "$option"; done
  IFS=$old_ifs
  if have ninja && [ ! -e "$build/Makefile" ]; then set -- -G Ninja "$@"; fi
  cmake -S "$root" -B "$build" "$@" || return 1
  if [ -e "$build/Makefile" ]; then on=-k; else on=-k0; fi # one test that does not compile leaves the others
  cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN)" --target gpu_tests bench_rnn bench_sync -- "$on"
}

# ---------------------------------------------------------------------- tests

# Runs a test program for 1/$share of the stage's time at most and keeps its last line, "N passed, N failed, N
# skipped", as a row.
run_test() { # LABEL PROGRAM ARGUMENTS...
  label=$1
  shift
  [ -x "$1" ] || { echo "skip $label: not built"; return 0; }
  status=0
  timeout --foreground -k 5 $((limit / share)) "$@" >"$work/$label.log" 2>&1 || status=$?
  count=$(tail -n 1 "$work/$label.log")
  [ "$status" != 124 ] || count="$(grep -c '^pass' "$work/$label.log") passed, out of time after: $count"
  grep '^FAIL' "$work/$label.log" | head -n 20
  echo "$label: exit $status, $count"
  printf '{"kind": "test", "name": "%s", "exit": %d, "count": "%s"}\n' "$label" "$status" \
    "$(printf %s "$count" | tr -d '"\\')" >>"$work/$stage.1.json"
  case $count in "0 passed"*) status=1 ;; esac # on a machine with a GPU all skipped is no success
  return "$status"
}

# What is tried one by one, and the programs after it: for a rehearsal a few quick ones.
algorithms() {
  if [ $kind = soft ]; then echo persistent-cta fused; else "$bin/test_conformance_gpu" cuda algorithms; fi
}
programs() {
  if [ $kind = soft ]; then
    echo "$bin/test_planner_soft" "$bin/test_tape_soft"
  else
    ls "$bin"/test_*_gpu | grep -v -e /test_conformance_gpu -e /test_repeat_gpu
  fi
}

stage_conformance() {
  failed=0
  share=5 # a plan that hangs costs no more, and hides no other
  : >"$work/algorithms.good"
  for algorithm in $(algorithms); do
    if run_test "conformance-$algorithm" "$bin/test_conformance_$kind" cuda "$algorithm"; then
      echo "$algorithm" >>"$work/algorithms.good"
    else
      failed=1
    fi
  done
  share=3
  run_test conformance-others "$bin/test_conformance_$kind" cuda others || failed=1
  run_test "repeat-$repeats" "$bin/test_repeat_$kind" cuda $repeats || failed=1
  for program in $(programs); do
    name=$(basename "$program" _$kind)
    run_test "${name#test_}" "$program" || failed=1
  done
  return $failed
}

sanitizer_path() {
  command -v compute-sanitizer ||
    find -L /usr/local/cuda /opt/nvidia -name compute-sanitizer -type f -perm -u+x 2>/dev/null | head -n 1
}

# Four tools share the stage's time; one that runs out of it has found nothing until then.
stage_sanitizer() {
  tool_path=$(sanitizer_path)
  failed=0
  for tool in memcheck racecheck initcheck synccheck; do
    status=0
    timeout -k 2 $((limit / 4 - 1)) "$tool_path" --tool "$tool" --error-exitcode 99 \
      "$bin/test_repeat_$kind" cuda 1 own >"$work/$tool.log" 2>&1 || status=$?
    case $status in
      0) word=passed ;;
      124 | 137) word='out of time' ;;
      *) word=FAILED failed=1 ;;
    esac
    echo "$tool: $word, $(grep -c '^pass ' "$work/$tool.log") checks; $(grep 'ERROR SUMMARY\|RACECHECK SUMMARY' "$work/$tool.log" | tail -n 1)"
    printf '{"kind": "sanitizer", "name": "%s", "result": "%s", "checks": %d}\n' "$tool" "$word" \
      "$(grep -c '^pass ' "$work/$tool.log")" >>"$work/$stage.1.json"
  done
  return $failed
}

# ---------------------------------------------------------------------- benches

# table N TITLE: what $work/STAGE.N.md and $work/STAGE.N.json are going to hold.  Programs write their rows
# there one by one, so a stage that is cut short keeps them.
table() { printf '\n## %s\n\n' "$2" >"$work/$stage.$1.title"; }

stage_sync() {
  status=0
  table 1 'Exchanges between steps (bench_sync: minimum, median, maximum)'
  "$bin/$bench_sync" $sync_runs --json "$work/sync.1.json" >"$work/sync.txt" || status=$?
  sed 's/^/    /' "$work/sync.txt" | tee "$work/sync.1.md"
  return "$status"
}

# One call of bench_rnn with a share of the stage's time: SHARE in percent, the rest are its options.
race() {
  share=$1
  shift
  part=$((part + 1))
  table $part "bench_rnn $*"
  set -- --device cuda --shapes "$shapes" $bench_runs --check-gflop 4 --budget $((limit * share / 100 + 1)) "$@"
  [ -s "$work/sync.1.json" ] && cp "$work/sync.1.json" "$work/constants.json"
  good=$(grep -v '^cudnn' "$work/algorithms.good" 2>/dev/null | paste -sd, -)
  [ -n "$good" ] && set -- --algorithms "$good" "$@"
  [ -s "$work/constants.json" ] && set -- "$@" --sync "$work/constants.json"
  "$bin/$bench_rnn" "$@" --json "$work/bench.$part.json" --markdown "$work/bench.$part.md" || failed=1
}

stage_bench() {
  part=0
  failed=0
  race 24 --set short --math bf16 --direction train
  race 16 --set short --math bf16 --direction fwd
  race 18 --set short --math tf32 --direction train
  race 16 --set short --math f32 --direction train
  race 6 --set short --math bf16 --direction train --cells lstm --bidirectional --layers 2
  race 6 --set short --math bf16 --direction train --cells lstm --ragged
  race 10 --set long --math bf16 --direction train
  return $failed
}

pytorch() {
  part=$((part + 1))
  table $part "PyTorch: torch_rnn.py $*"
  python3 "$root/bench/peers/torch_rnn.py" --shapes "$shapes" --set short --runs 20 --warmup 5 --budget $((limit / 5 + 1)) "$@" \
    --json "$work/torch.$part.json" --markdown "$work/torch.$part.md" || failed=1
}

stage_torch() {
  part=0
  failed=0
  for math in bf16 tf32 f32; do pytorch --math $math --direction train; done
  pytorch --math bf16 --direction train --cells lstm --ragged
  return $failed
}

# ---------------------------------------------------------------------- stages

# Why a stage cannot run here, or nothing.
refusal() {
  case $1 in
    build) return ;;
    sanitizer)
      [ $kind = gpu ] || { echo "the software device checks every run itself"; return; }
      [ -n "$(sanitizer_path)" ] || { echo "no compute-sanitizer here"; return; }
      ;;
    torch)
      [ $kind = gpu ] || { echo "PyTorch cannot use the software device"; return; }
      python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null ||
        echo "python3 has no PyTorch that sees the GPU"
      return
      ;;
  esac
  [ -x "$bin/$bench_sync" ] && [ -x "$bin/test_conformance_$kind" ] || echo "not built: sh tests/gpu.sh build"
}

budget() {
  case $1 in
    build) default=150 ;;
    conformance) default=70 ;;
    sync) default=20 ;;
    bench) default=120 ;;
    sanitizer) default=70 ;;
    *) default=45 ;;
  esac
  eval "echo \${SEQGPU_SECONDS_$1:-$default}"
}

# Joins the rows of all stages into one array, and their tables into one page.
write_results() {
  mkdir -p "$results"
  name=$(printf '%s' "$device" | tr -c 'A-Za-z0-9._\n-' '-')-$day-$(commit)
  cat "$work"/stages.rows "$work"/[a-z]*.[0-9].json 2>/dev/null |
    awk 'BEGIN { print "[" } /^{.*}$/ { if (n++) print ","; printf "%s", $0 } END { print "\n]" }' >"$results/$name.json"
  {
    echo "# $device, driver $(ask_card driver_version), $day, commit $(commit)"
    echo
    echo '| stage | result | seconds |'
    echo '|---|---|---|'
    cat "$work/stages.md"
    for title in "$work"/sync.*.title "$work"/bench.*.title "$work"/torch.*.title; do
      [ -e "$title" ] && [ -s "${title%.title}.md" ] && cat "$title" "${title%.title}.md"
    done
  } >"$results/$name.md"
}

note() { # STAGE RESULT SECONDS
  printf '{"kind": "stage", "name": "%s", "result": "%s", "seconds": %d, "device": "%s", "commit": "%s"}\n' "$1" "$2" "$3" \
    "$device" "$(commit)" >>"$work/stages.rows"
  echo "| $1 | $2 | $3 |" >>"$work/stages.md"
  write_results
}

# Runs a stage as a process of its own, so that timeout can end it, all its children included.
run_stage() {
  why=$(refusal "$1")
  if [ -n "$why" ]; then
    echo "skip $1: $why"
    note "$1" "skipped: $why" 0
    return 0
  fi
  limit=$(budget "$1")
  left=$((${SEQGPU_SECONDS:-480} - ($(now) - begin)))
  [ "$limit" -le "$left" ] || limit=$left
  if [ "$limit" -lt 5 ]; then
    echo "skip $1: no time left"
    note "$1" "skipped: no time left" 0
    return 0
  fi
  say "$1 (at most $limit s)"
  started=$(now)
  status=0
  timeout -k 5 "$limit" sh "$0" --inside "$1" "$limit" || status=$?
  case $status in
    0) result=passed ;;
    124 | 137) result='out of time' ;;
    *) result=FAILED ;;
  esac
  say "$1: $result after $(($(now) - started)) s"
  note "$1" "$result" $(($(now) - started))
  return "$status"
}

if [ "${1:-}" = --inside ]; then
  stage=$2
  limit=$3
  if [ "$stage" = build ]; then
    stage_build >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; exit 1; }
    grep -- '-- seqgpu' "$work/build.log"
    exit 0
  fi
  "stage_$stage"
  exit $?
fi

[ $# -gt 0 ] || set -- all
wanted=
for word in "$@"; do
  case " $STAGES all " in
    *" $word "*) ;;
    *) echo "usage: sh tests/gpu.sh [build|conformance|sync|bench|sanitizer|torch|all]..." >&2; exit 2 ;;
  esac
  if [ "$word" = all ]; then wanted=$STAGES; else wanted="$wanted $word"; fi
done

if ! has_gpu; then
  for word in $wanted; do echo "skip $word: no GPU on this machine"; done
  exit 0
fi

have timeout || { echo "timeout(1) is needed and not here" >&2; exit 1; }
begin=$(now)
day=$(date -u +%Y%m%d-%H%M)
device=$(ask_card name)
[ -n "$device" ] || device=unknown-GPU
mkdir -p "$work"
rm -f "$work"/*.[0-9].* "$work"/stages.* # constants.json stays: what bench_sync measured, for the floor of bench_rnn
touch "$work/stages.rows" "$work/stages.md"
failures=0
for word in $wanted; do run_stage "$word" || failures=$((failures + 1)); done
say "results: $results/$name.json and .md; $failures stages failed; $(($(now) - begin)) s"
[ "$failures" = 0 ]
