#!/bin/sh
# test_table.sh PROGRAM SOURCE - what tests/table.sh makes of a small log: passed, skipped for two reasons, failed, absent; and
# that every cell and operator of the library is a row.  Prints "pass NAME" or "FAIL NAME: why", and the counts last.
. "$(dirname "$0")/report.sh"
program=$1
source=$(cd "$2" && pwd)
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# A tree with the tables only, so that rows can be added to it.
for file in tests/table.sh tests/table.awk tests/cells.h tests/conformance_ops.h tests/tape_cases.h core/cells.def core/ops.h; do
  mkdir -p "$temp/$(dirname "$file")"
  cp "$source/$file" "$temp/$file"
done
mkdir -p "$temp/kernels/all" "$temp/host/cli/tasks" "$temp/build/Testing/Temporary" "$temp/bench/results"
cat "$source"/kernels/*/algorithms.h >"$temp/kernels/all/algorithms.h"
cp "$source"/host/cli/tasks/*.c "$temp/host/cli/tasks/"
echo 'CELL(none, "nobody-checks", "h", "h", 0, "h = 0")' >>"$temp/core/cells.def"

cat >"$temp/build/Testing/Temporary/LastTest.log" <<'EOF'
1/3 Testing: conformance
pass cpu/step f32: lstm, T = 1
pass cpu/step f32: lstm, T = 40, 3 steps
FAIL cpu/step f32: gru, T = 1: y: error 1, allowed 1e-05
pass cpu/step f32: gru, T = 40
pass cpu f64: leaky, no leak, gradients
pass emulator/persistent-cta tf32: lstm peephole, rounded products
skip emulator/cudnn-standard f32: lstm, T = 1: first reason
skip emulator/cudnn-standard f32: lstm, T = 40: second reason
skip emulator/cudnn-standard f32: lstm, B = 1: first reason
pass emulator/cudnn-standard f32: gru reset_after, T = 1
pass cpu f32: copy, 3x4
pass cpu f32: task copy, learns
pass the copy of a file
skip cuda f32: laws: no GPU
Test Failed.
2/3 Testing: soft_conformance
pass cuda/step f32: lstm, T = 1
pass cuda/step tf32: lstm, T = 1
pass cuda/step bf16: lstm, T = 1
pass cuda/step bf16: lstm, T = 40
3/3 Testing: wavefront
pass cuda/step f32: lstm, T = 1
EOF
table() { SEQGPU_COMMIT=tested sh "$temp/tests/table.sh" "$temp/build"; }

# row NAME ENTRIES: the row is there once, with these entries.
row() {
  found=$(grep "^| $1 |" "$temp/build/matrix.md" 2>&1)
  if [ "$found" = "| $1 | $2 |" ]; then pass "row $1"; else fail "row $1" "is \"$found\""; fi
}

check "a table is made" table
row 'lstm' 'passed (2) | - | - | passed (1) | passed (1) | passed (2) | skipped: first reason; second reason | passed (1)'
row 'gru' '**FAILED (1)** | - | - | - | - | - | - | -'
row 'gru reset_after' '- | - | - | - | - | - | passed (1) | -'
row 'leaky' '- | - | - | - | - | - | - | -'
row 'leaky, no leak' '- | passed (1) | - | - | - | - | - | -'
row 'lstm peephole' '- | - | passed (1) | - | - | - | - | -'
row 'nobody-checks' '- | - | - | - | - | - | - | -'
row 'copy' 'passed (1) | - | - | - | - | - | - | -'
row 'task copy' 'passed (1) | - | - | - | - | - | - | -'
row 'algorithm step' '**FAILED (1)** | - | - | passed (1) | passed (1) | passed (2) | - | passed (1)'
row 'algorithm cudnn-standard' '- | - | - | - | - | - | passed (1), skipped: first reason; second reason | -'
check "checks that name a system are counted" grep -q '^- 17 of the 19 checks' "$temp/build/matrix.md"
check "a test that failed is named" grep -q 'failed as a whole.*: conformance\.$' "$temp/build/matrix.md"
check "what a column lacks is stated" grep -q '^- GPU: .*skipped: no GPU\.$' "$temp/build/matrix.md"
check "the commit is stated" grep -q 'Commit tested, built without nvcc' "$temp/build/matrix.md"
check "no GPU run is stated" grep -q 'There is no run of tests/gpu.sh' "$temp/build/matrix.md"

# Two results of tests/gpu.sh: the newest counts.
echo '{"kind": "test", "name": "conformance-step", "exit": 0, "count": "5 passed, 0 failed, 0 skipped"}' >"$temp/bench/results/Z-1-20260102-1200-a.json"
echo '{"kind": "test", "name": "conformance-step", "exit": 1, "count": "90 passed, 2 failed, 0 skipped"}' >"$temp/bench/results/A-2-20260203-1200-b.json"
echo '{"kind": "test", "name": "conformance-fused", "exit": 0, "count": "7 passed, 0 failed, 1 skipped"}' >>"$temp/bench/results/A-2-20260203-1200-b.json"
check "a table with a GPU's results" table
row 'algorithm fused' '- | - | - | - | - | - | - | passed (7)'
row 'algorithm step' '**FAILED (1)** | - | - | passed (1) | passed (1) | passed (2) | - | **FAILED (2)**'

# Nothing is left out.
for cell in $("$program" info --device cpu | sed -n '/^cell /,/^$/p' | sed '1d;/^$/d;s/ .*//'); do
  check "cell $cell is a row" grep -q "^| $cell[ ,]" "$temp/build/matrix.md"
done
for operator in $(sed -n 's/^  X(\([a-z_]*\), sq_.*/\1/p' "$source/core/ops.h" | grep -vx optimizer); do
  check "operator $operator is a row" grep -q -e "^| $operator |" -e "^| ${operator%_*ward} |" "$temp/build/matrix.md"
done
for optimiser in sgd momentum rmsprop adam; do
  check "optimiser $optimiser is a row" grep -q "^| $optimiser |" "$temp/build/matrix.md"
done

finish
