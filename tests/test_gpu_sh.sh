#!/bin/sh
# test_gpu_sh.sh BUILD - a rehearsal of gpu.sh on the software device: every stage runs or says why not, and the
# results are there, well-formed and marked as the software device's.
set -u
. "$(dirname "$0")/report.sh"
here=$(cd "$(dirname "$0")" && pwd)
temp=$(mktemp -d /tmp/seqgpu-gpu-XXXXXX) || exit 1
trap 'rm -rf "$temp"' EXIT
export SEQGPU_SOFT=1 SEQGPU_GPU_BUILD="$1" SEQGPU_RESULTS="$temp/results" SEQGPU_COMMIT=rehearsal
export SEQGPU_SECONDS=900 SEQGPU_SECONDS_conformance=400 SEQGPU_SECONDS_sync=120 SEQGPU_SECONDS_bench=300
export SEQGPU_SECONDS_plans=300 SEQGPU_SECONDS_operators=120

sh "$here/gpu.sh" conformance sync plans operators bench cudnn memcheck torch profile timeline >"$temp/said" 2>&1
status=$?
check "gpu.sh succeeds" sh -c 'cat "$1"; exit "$2"' sh "$temp/said" $status
said() { grep -q -e "$1" "$temp/said"; }
for stage in conformance sync plans operators bench cudnn; do check "stage $stage passes" said "^== $stage: passed"; done
check "the sanitizer is skipped by name" said '^skip memcheck: the software device checks'
check "the timeline is skipped by name" said '^skip timeline: the software device has no clock'
check "PyTorch is skipped by name" said '^skip torch: PyTorch cannot'

json=$(ls "$temp"/results/software-device-*-rehearsal.json) page=${json%.json}.md
check "one file of results, named software device" test -s "$json"
check "its rows are of every kind" sh -c 'for kind in test sync rnn op stage; do grep -q "\"kind\": *\"$kind\"" "$1" || { echo "$kind"; exit 1; }; done' sh "$json"
if command -v python3 >/dev/null 2>&1; then
  check "they are JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$json"
else
  skip "they are JSON" "no python3"
fi
check "persistent rows say how they are cut" sh -c 'grep "cuda/persistent-cta" "$1" | grep -q "forward_ctas.*backward_resident"' sh "$json"
check "layers of one step, and of three" sh -c 'grep -q "\"seq_len\": 1,.*persistent" "$1" && grep -q "\"seq_len\": 3,.*persistent" "$1"' sh "$json"
check "a page with the stages" grep -q '^| bench | passed |' "$page"
check "and the tables of the benches" sh -c 'grep -q "^## bench_rnn" "$1" && grep -q "cuda/persistent-cta" "$1"' sh "$page"

# A kernel that does not end: the software device gives up after a million instructions and is lost to the process,
# as a card would be.  The journal says whose kernel it was, and without it all is well.
printf 'set,hidden,batch,timesteps,cell\nlost,24,8,400,lstm\n' >"$temp/shapes.csv"
lose() { # BUILD CONTENDER_LEFT_OUT: the exit code is in $status
  status=0
  SEQGPU_SOFT_LIMIT=1 "$1/bin/bench_rnn_soft" --device cuda --shapes "$temp/shapes.csv" --algorithms persistent-cta,step \
    --peers none --runs 1 --warmup 0 --direction fwd --journal "$temp/journal" --without "$2" >"$temp/said" 2>&1 || status=$?
}
lose "$1" none
check "a lost device ends bench_rnn" test $status = 3
check "the journal names the contender" grep -qx '0 cuda/persistent-cta' "$temp/journal"
lose "$1" cuda/persistent-cta
check "another one goes on without it" sh -c 'test "$2" = 0 && grep -q "lstm T400 .*cuda/step" "$1"' sh "$temp/said" $status

finish
