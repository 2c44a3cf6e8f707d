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

# ---------------------------------------------------------------------- bench_scale
exits "bench_scale: no bandwidth" 2 "$bin/bench_scale" --bandwidth 0
exits "bench_scale: no such device" 1 "$bin/bench_scale" --device nonsense
exits "bench_scale: an update is measured" 0 "$bin/bench_scale" --models small --batch 2 --steps 5 --json "$temp/scale.json"
every_line_has "bench_scale: and says so" "$temp/scale.json" '"measured": true'
exits "bench_scale: a formula" 0 "$bin/bench_scale" --models small --batch 8 --update-ms 10 --bandwidth 2 --latency 50 --json "$temp/scale.json"
parses "bench_scale: each line is JSON" "$temp/scale.json"
# 4 H (I + H + 1) parameters of 4 bytes are 526,336; 4 devices move 6/4 of them at 2 GB/s in 6 messages of 50 us: r = 0.694752 ms;
# 10/(10 + r) and 10/(10 + 4 r); 8 sequences are none for 16 devices.
if grep '"devices": 4,' "$temp/scale.json" | grep -q '"bytes": 526336,.*"ring_s": 0.000694752, "weak": 0.935038, "strong": 0.7825334' &&
  grep '"devices": 16,' "$temp/scale.json" | grep -q '"strong": null' && grep -q 'soonest by 8 devices, 4.1 times' "$temp/out"; then
  pass "bench_scale: the numbers of the formula"
else
  fail "bench_scale: the numbers of the formula" "$(grep '"devices": 4,' "$temp/scale.json") $(grep soonest "$temp/out")"
fi

# ---------------------------------------------------------------------- bench_ranks
exits "bench_ranks: no such model" 2 "$bin/bench_ranks" --model tiny
exits "bench_ranks: no rounds" 2 "$bin/bench_ranks" --rounds 0
if "$bin/bench_ranks" --model small --hidden 4 --rounds 1 2>&1 | grep -q "has no MPI\|cannot be opened"; then
  skip "bench_ranks" "no MPI here"
else
  exits "bench_ranks: four kinds of update" 0 "$bin/bench_ranks" --model small --hidden 4 --batch 2 --steps 3 --rounds 2 --json "$temp/ranks.json"
  parses "bench_ranks: each line is JSON" "$temp/ranks.json"
fi

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

exits "bench_rnn: no such option of a cell" 2 "$bin/bench_rnn" $small --with nonsense=1
exits "bench_rnn: layer normalisation" 0 "$bin/bench_rnn" $small --set two --peers none --with layer_norm,peephole --json "$temp/with.json"
every_line_has "bench_rnn: every row has with" "$temp/with.json" '"with": "layer_norm,peephole"\|rnn_mean'
exits "bench_rnn: batch normalisation" 0 "$bin/bench_rnn" $small --set two --peers none --with batch_norm_steps=3
exits "bench_rnn: batch normalisation, forward" 0 "$bin/bench_rnn" $small --set two --peers none --with batch_norm_input --inference
exits "bench_rnn: gates that see one another" 0 "$bin/bench_rnn" $small --set two --peers none --with full_gate_recurrence

# A bench that something ended goes on: from a problem, without a contender.
exits "bench_rnn: a bad length" 2 "$bin/bench_rnn" $small --steps 1,none
exits "bench_rnn: lengths in place of the file's" 0 "$bin/bench_rnn" $small --set two --peers none --steps 1,file,9 --json "$temp/steps.json"
lengths=$(sed -n 's/.*"kind": "rnn",.*"seq_len": \([0-9]*\),.*/\1/p' "$temp/steps.json" | tr '\n' ' ')
if [ "$lengths" = "1 4 9 " ]; then pass "bench_rnn: three lengths"; else fail "bench_rnn: three lengths" "$lengths"; fi
exits "bench_rnn: from problem 2 on" 0 "$bin/bench_rnn" $small --set two --peers none --steps 1,file,9 --first 2 --json "$temp/first.json" \
  --journal "$temp/journal"
every_line_has "bench_rnn: problem 2" "$temp/first.json" '"seq_len": 9,\|rnn_mean'
if [ -e "$temp/journal" ] && [ ! -s "$temp/journal" ]; then pass "the journal ends empty"; else fail "the journal ends empty" "no"; fi
exits "bench_rnn: without a contender" 0 "$bin/bench_rnn" $small --set two --peers none --algorithms step --without cpu/step
if grep -q 'us/step' "$temp/out" && ! grep -q 'lstm T4' "$temp/out"; then pass "it is not there"; else fail "it is not there" "it is"; fi
cat >"$temp/patience.csv" <<'END'
set,hidden,batch,timesteps,cell
slow,1024,4,2000,lstm
END
exits "bench_rnn: the end of its patience" 142 sh -c '"$@"; exit $?' sh "$bin/bench_rnn" --shapes "$temp/patience.csv" --peers none \
  --check-gflop 1 --patience 1 --journal "$temp/journal"
if grep -q '^0 ' "$temp/journal"; then pass "the journal names the problem"; else fail "the journal names the problem" "$(cat "$temp/journal")"; fi

# ---------------------------------------------------------------------- bench_ops
exits "bench_ops: a bad number" 2 "$bin/bench_ops" --runs 0
exits "bench_ops: too few elements" 1 "$bin/bench_ops" --elements 10
exits "bench_ops: all right" 0 "$bin/bench_ops" --elements 5000,20000 --runs 3 --json "$temp/ops.json"
parses "bench_ops: each line is JSON" "$temp/ops.json"
if [ "$(grep -c '"kind": "op"' "$temp/ops.json")" = 52 ]; then pass "bench_ops: fifty-two rows"; else fail "bench_ops: fifty-two rows" "no"; fi

# ---------------------------------------------------------------------- bench_sync
if [ -x "$bin/bench_sync" ]; then
  exits "bench_sync --help" 0 "$bin/bench_sync" --help
  exits "bench_sync: a bad option" 2 "$bin/bench_sync" --nonsense
else
  skip "bench_sync" "this build has no CUDA"
fi

# ---------------------------------------------------------------------- bench_model
# --fit: runs of which the times are the planner's terms times known factors, a launch of 5 us, and a
# product over the sequence; the factors are found, and other rows are left out.
fit_rows() {
  awk 'BEGIN {
    print "[{\"kind\": \"sync\", \"plan\": \"cuda/persistent-grid-flags\"}"
    for (h = 128; h <= 1024; h *= 2) for (b = 8; b <= 64; b *= 8) for (t = 1; t <= 200; t += 199) {
      product = h * b / 4e4; pointwise = .2; exchange = .6 + h * b / 3e4; mflop = 24e-6 * h * h * b
      forward = 1.5 * product + 1.2 * pointwise + .5 * exchange + mflop / 3 * 2e-3 + 5 / t
      backward = 2 * 1.5 * product + 1.2 * pointwise + 2 * .5 * exchange + mflop / 1.5 * 2e-3 + 5 / t
      printf ",\n{\"kind\": \"rnn\", \"plan\": \"cuda/persistent-grid-flags\", \"cell\": \"lstm\", \"math\": \"bf16\", "
      printf "\"batch\": %d, \"hidden\": %d, \"layers\": 1, \"training\": true, \"seq_len\": %d, ", b, h, t
      printf "\"us_per_step\": %.9f, \"forward_us_per_step\": %.9f, \"tflops\": %.12f", forward + backward, forward, mflop / (forward + backward)
      for (p = 1; p <= 2; p++) {
        pass = p == 1 ? "forward" : "backward"
        printf ", \"%s_model_us_per_step\": %.9f, \"%s_product_us_per_step\": %.9f", pass, p * product + pointwise + p * exchange, pass, p * product
        printf ", \"%s_pointwise_us_per_step\": %.9f, \"%s_exchange_us_per_step\": %.9f", pass, pointwise, pass, p * exchange
      }
      printf "}"
    }
    print "]"
  }'
}
if [ -x "$bin/bench_model" ]; then
  fit_rows >"$temp/measured.json"
  exits "bench_model compares the planner's model with times" 0 "$bin/bench_model" --fit "$temp/measured.json"
  if grep -q '^| cuda/persistent-grid-flags | 16 | 1.50 | 1.20 | 0.50 | .* | 0 % |$' "$temp/out"; then
    pass "bench_model finds the factors of the model's terms"
  else
    fail "bench_model finds the factors of the model's terms" "$(tail -n 1 "$temp/out")"
  fi
  echo '[{"kind": "rnn"}]' >"$temp/measured.json"
  exits "bench_model says that there is nothing to compare" 1 "$bin/bench_model" --fit "$temp/measured.json"
else
  skip "bench_model compares the planner's model with times" "not built: no nvcc"
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
  for stage in build conformance sync plans operators bench cudnn memcheck synccheck torch profile code; do
    if grep -q "^skip $stage: " "$temp/out"; then pass "gpu.sh skips $stage"; else fail "gpu.sh skips $stage" "not said"; fi
  done
  if [ -e "$temp/results" ]; then fail "gpu.sh claims nothing" "it wrote results"; else pass "gpu.sh claims nothing"; fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
