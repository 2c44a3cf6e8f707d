#!/bin/sh
# gpu.sh - everything that needs a GPU, in one command of at most 10 minutes:  sh tests/gpu.sh [STAGE...]
#
#   build        the library, its GPU tests and the benches, for this card only
#   conformance  the whole table on `cuda`, each of our algorithms in a process of its own, 100 runs of it with the
#                same bits; laws, the planner
#   sync         bench_sync: exchanges between steps
#   plans        bench_rnn, our algorithms alone: 1 step, 200 steps and as many as the shape says; the uRNN's
#   operators    bench_ops: clipping, updates, sums
#   bench        bench_rnn against cuDNN, with the algorithms that conformance found no fault in
#   cudnn        the same table for cuDNN's algorithms
#   memcheck     compute-sanitizer on the small table; synccheck likewise
#   torch        PyTorch, where python3 has it
#   profile      ncu's counters of two kernels
#   code         how often each machine instruction occurs in each kernel
#   all          all of them, in this order (default)
#   racecheck    compute-sanitizer once more; initcheck likewise.  Not in `all`: they take a second call
#   timeline     where the time of a step goes, by a build of its own.  Not in `all` either
#
# Each stage has a share of the time, and what it does not use is the next one's.  A program that hangs, a stage
# that fails or a device that is lost ends that program and no other (gpu/within.sh).  What was found is written
# after each stage (gpu/results.sh).  Without a GPU every stage is skipped by name and nothing is written.
#
# Environment: SEQGPU_RESULTS   the folder of the results (bench/results): three files
#              SEQGPU_GPU_BUILD the build folder (build-gpu)
#              SEQGPU_COMMIT    the commit, where there is no git
#              SEQGPU_SECONDS   the time of all stages in seconds (570)
#              SEQGPU_SECONDS_STAGE, as SEQGPU_SECONDS_bench: the share of one stage
#              SEQGPU_SOFT      1: a rehearsal on the software device (tests/soft) with few rows.  The build is
#                               `build`, the results go to a folder in it, and their times mean nothing
# shellcheck source-path=SCRIPTDIR
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
if [ -z "${SEQGPU_SOFT:-}" ]; then
  kind=gpu
  build=${SEQGPU_GPU_BUILD:-$root/build-gpu}
  results=${SEQGPU_RESULTS:-$root/bench/results}
  bench_sync=bench_sync bench_rnn=bench_rnn bench_ops=bench_ops
  shapes=$root/bench/shapes/gpu.csv
  lengths=1,200,file
  repeats=100 bench_runs="--runs 20 --warmup 6" sync_runs='' ops_runs=''
else
  kind=soft
  build=${SEQGPU_GPU_BUILD:-$root/build}
  results=${SEQGPU_RESULTS:-$build/gpu-run/results}
  bench_sync=bench_sync_soft bench_rnn=bench_rnn_soft bench_ops=bench_ops_soft
  shapes=$root/bench/shapes/soft.csv
  lengths=1,3,file
  repeats=1 bench_runs="--runs 2 --warmup 1" sync_runs="--runs 1 --rounds 8" ops_runs="--runs 1 --elements 5000"
fi
bin=$build/bin
work=$build/gpu-run # rows of JSON and tables
logs=$work/logs
ALL="build conformance sync plans operators bench cudnn memcheck synccheck torch profile code"
STAGES="$ALL racecheck initcheck timeline"

say() { printf '== %s\n' "$*"; }
. "$here/gpu/card.sh"
. "$here/gpu/within.sh"
. "$here/gpu/results.sh"
. "$here/gpu/build.sh"
. "$here/gpu/checks.sh"
. "$here/gpu/benches.sh"

program_of() { # STAGE: what it runs
  case $1 in
    sync) echo $bench_sync ;;
    operators) echo $bench_ops ;;
    plans | bench | profile | code) echo $bench_rnn ;;
    conformance | cudnn) echo test_conformance_$kind ;;
    *) echo test_repeat_$kind ;;
  esac
}

# Why a stage cannot run here, or nothing.
refusal() { # STAGE
  case $1 in
    build)
      build_refusal
      return
      ;;
    memcheck | synccheck | racecheck | initcheck)
      [ $kind = gpu ] || { echo "the software device checks every run itself"; return; }
      [ -n "$(tool compute-sanitizer)" ] || { echo "no compute-sanitizer here"; return; }
      ;;
    torch)
      [ $kind = gpu ] || { echo "PyTorch cannot use the software device"; return; }
      ask python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' ||
        echo "python3 has no PyTorch that sees the GPU"
      return
      ;;
    timeline)
      [ $kind = gpu ] || { echo "the software device has no clock"; return; }
      build_refusal
      return
      ;;
    profile)
      [ $kind = gpu ] || { echo "ncu cannot use the software device"; return; }
      [ -n "$(tool ncu)" ] || { echo "no ncu here"; return; }
      ;;
    code) [ -n "$(tool cuobjdump)" ] || { echo "no cuobjdump here"; return; } ;;
  esac
  [ -x "$bin/$(program_of "$1")" ] || echo "not built: sh tests/gpu.sh build"
}

[ $# -gt 0 ] || set -- all
wanted=
for word in "$@"; do
  case " $STAGES all " in
    *" $word "*) ;;
    *)
      echo "usage: sh tests/gpu.sh [$(echo "$STAGES" | tr ' ' '|')|all]..." >&2
      exit 2
      ;;
  esac
  if [ "$word" = all ]; then wanted="$wanted $ALL"; else wanted="$wanted $word"; fi
done

have timeout || { echo "timeout(1) is needed and not here" >&2; exit 1; }
if ! has_gpu; then
  for word in $wanted; do echo "skip $word: no GPU on this machine"; done
  exit 0
fi

begin=$(now)
run_end=$((begin + ${SEQGPU_SECONDS:-570}))
running=
begin_results
use_python_libraries
describe_machine >"$logs/machine.log" 2>&1
trap stop_run INT TERM HUP
failures=0
shares_end=$(now)
for word in $wanted; do run_stage "$word" || failures=$((failures + 1)); done
sed 's/^/    /' "$work/stages.md"
say "results: $results/$name.json, .md and .tar.gz; $failures stages failed; $(($(now) - begin)) s"
[ "$failures" = 0 ]
