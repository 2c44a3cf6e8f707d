#!/bin/sh
# test_bench.sh BUILD_FOLDER SOURCE_FOLDER - the benches on the CPU: command lines, their JSON, and gpu.sh
# without a GPU.
set -u
build=$1
root=$2
bin=$build/bin
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
passed=0
failed=0
skipped=0

pass() {
  echo "pass $1"
  passed=$((passed + 1))
}

fail() {
  echo "FAIL $1: $2"
  failed=$((failed + 1))
}

skip() {
  echo "skip $1: $2"
  skipped=$((skipped + 1))
}

# exits NAME STATUS COMMAND...: its output is in $temp/out.
exits() {
  name=$1
  wanted=$2
  shift 2
  status=0
  "$@" >"$temp/out" 2>&1 || status=$?
  if [ "$status" = "$wanted" ]; then
    pass "$name"
  else
    fail "$name" "exit $status, wanted $wanted: $(tail -n 2 "$temp/out" | tr '\n' ' ')"
  fi
}

# every_line_has NAME FILE TEXT: every line of the file holds the text.
every_line_has() {
  if [ -s "$2" ] && ! grep -qv -- "$3" "$2"; then pass "$1"; else fail "$1" "not in every line of $(basename "$2")"; fi
}

parses() { # NAME FILE...: each line is one JSON object
  name=$1
  shift
  if ! command -v python3 >/dev/null 2>&1; then
    skip "$name" "no python3 here"
    return
  fi
  if cat "$@" | python3 -c 'import json, sys; assert [json.loads(line) for line in sys.stdin]' 2>"$temp/err"; then
    pass "$name"
  else
    fail "$name" "$(tail -n 1 "$temp/err")"
  fi
}

# ---------------------------------------------------------------------- bench_esn
exits "bench_esn: a bad type" 2 "$bin/bench_esn" --dtype half
exits "bench_esn: a bad number" 2 "$bin/bench_esn" --hidden 0
exits "bench_esn: a network" 0 "$bin/bench_esn" --hidden 60 --links 5 --steps 500 --json "$temp/esn.json"
parses "bench_esn: each line is JSON" "$temp/esn.json"
exits "bench_esn: the series" 0 "$bin/bench_esn" --steps 500 --series "$temp/series.txt"

# ---------------------------------------------------------------------- bench_stream
if [ -x "$bin/bench_stream" ]; then
  exits "bench_stream: a bad number" 2 "$bin/bench_stream" --samples 0
  exits "bench_stream: no such cell" 1 "$bin/bench_stream" --cells nonsense
  exits "bench_stream: right, and no request for memory" 0 "$bin/bench_stream" --cells lstm,gru --hidden 5,16 --samples 3 --steps 20 \
    --json "$temp/stream.json"
  parses "bench_stream: each line is JSON" "$temp/stream.json"
  every_line_has "bench_stream: no requests" "$temp/stream.json" '"requests": 0'
else
  skip "bench_stream" "the linker here may not know --wrap"
fi

# ---------------------------------------------------------------------- bench_rnn
cat >"$temp/shapes.csv" <<'END'
set,hidden,batch,timesteps,cell
one,16,5,7,any
two,24,3,4,lstm
END
small="--shapes $temp/shapes.csv --runs 3 --warmup 1"

exits "bench_rnn --help" 0 "$bin/bench_rnn" --help
for text in --shapes --sync --algorithms --plans '2e-2' 'The floor is the largest'; do
  if grep -q -- "$text" "$temp/out"; then pass "bench_rnn --help says $text"; else fail "bench_rnn --help says $text" "no"; fi
done
exits "bench_rnn: an unknown option" 2 "$bin/bench_rnn" --nonsense
exits "bench_rnn: no value" 2 "$bin/bench_rnn" --json
exits "bench_rnn: a bad number" 2 "$bin/bench_rnn" --runs 0
exits "bench_rnn: a bad word" 2 "$bin/bench_rnn" --math f16
exits "bench_rnn: a bad peer" 2 "$bin/bench_rnn" --peers cudnn,nobody
exits "bench_rnn: a bad direction" 2 "$bin/bench_rnn" --direction backward
exits "bench_rnn: no such file" 1 "$bin/bench_rnn" --shapes "$temp/none.csv"
exits "bench_rnn: no such algorithm" 1 "$bin/bench_rnn" $small --algorithms nonsense
exits "bench_rnn: --plans is --algorithms" 1 "$bin/bench_rnn" $small --plans nonsense

exits "bench_rnn: every cell, training" 0 "$bin/bench_rnn" $small --peers none --json "$temp/train.json" --markdown "$temp/train.md"
exits "bench_rnn: layers, directions, ragged, forward" 0 "$bin/bench_rnn" $small --set one --direction fwd --layers 2 \
  --bidirectional --ragged --json "$temp/forward.json"
exits "bench_rnn: peers" 0 "$bin/bench_rnn" $small --set two --json "$temp/peers.json"
parses "bench_rnn: each line is JSON" "$temp/train.json" "$temp/forward.json" "$temp/peers.json"
for field in device driver date commit plan ratio_to_peer ratio_to_cudnn ratio_to_floor; do
  every_line_has "bench_rnn: every row has $field" "$temp/train.json" "\"$field\": "
done
grep '"kind": "rnn",' "$temp/train.json" >"$temp/rows.json"
for field in error min_ms median_ms max_ms us_per_step tflops gb_per_s checked; do
  every_line_has "bench_rnn: every measurement has $field" "$temp/rows.json" "\"$field\": "
done
if [ "$(grep -c '"cell": "lstm"' "$temp/rows.json")" = 2 ]; then pass "a row for any cell"; else fail "a row for any cell" "no"; fi
if grep -q '^| lstm T4 B3 H24 |' "$temp/train.md"; then pass "a Markdown table"; else fail "a Markdown table" "no row"; fi
if grep -q '^{"kind": "rnn_mean"' "$temp/train.json"; then pass "geometric means"; else fail "geometric means" "none"; fi

cat >"$temp/large.csv" <<'END'
set,hidden,batch,timesteps,cell
large,256,40,60,gru
END
exits "bench_rnn: a large problem is checked in part" 0 "$bin/bench_rnn" --shapes "$temp/large.csv" --runs 2 --warmup 0 \
  --peers none --check-gflop 1 --json "$temp/large.json"
every_line_has "bench_rnn: and says so" "$temp/large.json" 'sequences, .* steps; the rest finite\|rnn_mean'

# ---------------------------------------------------------------------- bench_sync
if [ -x "$bin/bench_sync" ]; then
  exits "bench_sync --help" 0 "$bin/bench_sync" --help
  exits "bench_sync: a bad option" 2 "$bin/bench_sync" --nonsense
else
  skip "bench_sync" "this build has no CUDA"
fi

# ---------------------------------------------------------------------- the PyTorch peer
torch=$root/bench/peers/torch_rnn.py
if command -v python3 >/dev/null 2>&1 && python3 -c 'import torch' 2>/dev/null; then
  exits "torch_rnn.py on the CPU" 0 env OMP_NUM_THREADS=1 python3 "$torch" --device cpu --shapes "$temp/shapes.csv" --runs 2 --json "$temp/torch.json"
  parses "torch_rnn.py: each line is JSON" "$temp/torch.json"
else
  skip "torch_rnn.py" "no PyTorch here"
fi

# ---------------------------------------------------------------------- gpu.sh
exits "gpu.sh: an unknown stage" 2 sh "$root/tests/gpu.sh" nonsense
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU; then
  skip "gpu.sh without a GPU" "there is one"
else
  exits "gpu.sh without a GPU ends well" 0 env SEQGPU_RESULTS="$temp/results" sh "$root/tests/gpu.sh" all
  for stage in build conformance sanitizer sync bench torch; do
    if grep -q "^skip $stage: " "$temp/out"; then pass "gpu.sh skips $stage"; else fail "gpu.sh skips $stage" "not said"; fi
  done
  if [ -e "$temp/results" ]; then fail "gpu.sh claims nothing" "it wrote results"; else pass "gpu.sh claims nothing"; fi
fi

# A card that does not exist and programs that only pretend: what gpu.sh does with their answers and with
# stages that fail.
pretend() { # FILE LINES...: a program that prints the lines; the last one is run
  file=$1
  shift
  { echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$file"
  chmod +x "$file"
}
mkdir -p "$temp/path" "$temp/fake/bin"
pretend "$temp/path/nvidia-smi" 'case $* in -L) echo "GPU 0: pretended" ;; *name*) echo "Pretended card" ;; *) echo 9.0 ;; esac'
pretend "$temp/fake/bin/bench_sync" 'echo a table' 'echo "{\"kind\": \"sync\", \"what\": \"pretended\"}" >"$2"'
pretend "$temp/fake/bin/test_conformance_gpu" 'echo "FAIL it: pretended"' 'echo "2 passed, 1 failed, 0 skipped"' 'exit 1'
pretend "$temp/fake/bin/bench_rnn" 'while [ "$1" != --json ]; do shift; done' \
  'echo "{\"kind\": \"rnn\", \"plan\": \"pretended\"}" >"$2"' 'exec sleep 60'
if command -v timeout >/dev/null 2>&1; then
  exits "gpu.sh: a stage that fails is told by the exit code" 1 env PATH="$temp/path:$PATH" SEQGPU_GPU_BUILD="$temp/fake" \
    SEQGPU_RESULTS="$temp/results" SEQGPU_COMMIT=none SEQGPU_SECONDS_bench=5 sh "$root/tests/gpu.sh" conformance sync bench
  for line in 'conformance: FAILED' 'sync: passed' 'bench: out of time'; do
    if grep -q "$line" "$temp/out"; then pass "gpu.sh says $line"; else fail "gpu.sh says $line" "no"; fi
  done
  cat "$temp"/results/Pretended-card-*-none.json | tr -d '\n' >"$temp/results.json"
  parses "gpu.sh: the results are JSON" "$temp/results.json"
  for row in '"2 passed, 1 failed' '"what": "pretended"' '"plan": "pretended"' '"out of time"'; do
    every_line_has "gpu.sh: the results keep $row" "$temp/results.json" "$row"
  done
else
  skip "gpu.sh: stages" "no timeout(1) here"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
