#!/bin/sh
# test_use.sh PROGRAM - using models: samples and what they are drawn from, samples while training, eval of any task, and
# resuming without naming the text again.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

tiny="--hidden 8 --layers 1 --batch 2 --seq-len 8 --device cpu --threads 1"
equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "is $2, must be $3"; fi; }
# near NAME A B TOLERANCE
near() { if awk "BEGIN { d = ($2) - ($3); exit !(d * d <= ($4) * ($4)) }"; then pass "$1"; else fail "$1" "$2 is not near $3"; fi; }
sample() { "$seqgpu" sample --checkpoint model --device cpu --threads 1 "$@"; }
value() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$2" | tail -1; }

awk 'BEGIN { for (i = 0; i < 60; i++) printf "%s", i % 3 ? "abab, cd\n" : "the \\ end\n" }' >text
"$seqgpu" train charlm --text text $tiny --steps 60 --lr 0.02 --checkpoint model --quiet

# ---------------------------------------------------------------- samples

sample --prime 'ab\n\x61\\' --length 0 >got
printf 'ab\na\\' >wanted
check "escapes in --prime, and nothing added at the end" cmp got wanted
printf 'ab\na\\' >begin
check "--prime-file" sh -c '"$1" sample --checkpoint model --prime-file begin --length 20 >o1 && "$1" sample --checkpoint model --prime "ab\\n\\x61\\\\" --length 20 >o2 && cmp o1 o2' sh "$seqgpu"
check "--prime-file - is standard input" sh -c '"$1" sample --checkpoint model --prime-file - --length 20 <begin >o2 && cmp o1 o2' sh "$seqgpu"
check "inspect reads it, too" sh -c '"$1" inspect --checkpoint model --prime-file begin | grep -q "^ *0  f "' sh "$seqgpu"
refused "an escape that is none" 2 "character 2" sample --checkpoint model --prime 'ab\q'
refused "half an escape" 2 "character 0" sample --checkpoint model --prime '\x6'
refused "both primes" 2 "excludes" sample --checkpoint model --prime a --prime-file begin
refused "prime file missing" 1 "nobody: cannot open" sample --checkpoint model --prime-file nobody
rm -f o1 o2 begin wanted

# The table of probabilities is what samples are drawn from.
sample --prime ab --probabilities 1000 >all
equal "a probability for every token, <unk> too" "$(wc -l <all)" "$("$seqgpu" inspect --checkpoint model | awk '$1 == "output.bias" { gsub("[^0-9]", "", $3); print $3 }')"
near "they sum to 1" "$(awk '{ s += $1 } END { print s }' all)" 1 1e-4
check "the likeliest comes first" sh -c 'sed "s/ .*//" all | sort -c -r -n'
sample --prime ab --probabilities 2 --json >out
near "and the same in JSON" "$(value probability out)" "$(sed -n '2s/ .*//p' all)" 1e-5
sample --prime ab --probabilities 1000 --top-k 2 >two
equal "--top-k 2 leaves two" "$(awk '$1 > 0' two | wc -l)" 2
near "--top-k divides by their sum" "$(sed -n '1s/ .*//p' two)" "$(awk 'NR <= 2 { s += $1 } NR == 1 { a = $1 } END { print a / s }' all)" 1e-4
part=$(awk 'NR <= 2 { s += $1 } END { print s + 1e-4 }' all)
sample --prime ab --probabilities 1000 --top-p "$part" >two
equal "--top-p leaves the fewest that reach it" "$(awk '$1 > 0' two | wc -l)" 3
sample --prime ab --probabilities 1000 --top-p 1e-9 >two
equal "--top-p leaves at least one" "$(sed -n '1s/ .*//p' two)" 1.000000
sample --prime ab --probabilities 1000 --temperature 0.5 >cold
near "a temperature of 1/2 squares them" "$(sed -n '1s/ .*//p' cold)" "$(awk 'NR == 1 { a = $1 * $1 } { s += $1 * $1 } END { print a / s }' all)" 1e-4
equal "--top-k 1 is temperature 0" "$(sample --prime ab --length 30 --top-k 1)" "$(sample --prime ab --length 30 --temperature 0)"
refused "no --top-p of 0" 2 "--top-p" sample --checkpoint model --top-p 0
rm -f all two cold

# ---------------------------------------------------------------- while training

run() { "$seqgpu" train charlm --text text $tiny --steps 20 "$@"; }
run --checkpoint plain --quiet
run --sample-every 10 --log-every 5 --log log.jsonl --checkpoint shown >got 2>err
check "samples change nothing that is learnt" cmp plain shown
equal "a sample every ten updates" "$(grep -c '"sample": ' log.jsonl)" 2
equal "and on standard output" "$(grep -c '^---- after step [12]0$' got)" 2
equal "reports stay" "$(grep -c '"loss": ' log.jsonl)" 4
rm -f plain shown log.jsonl

cp text elsewhere
"$seqgpu" train charlm --text text $tiny --steps 20 --checkpoint whole --quiet
"$seqgpu" train charlm --text text $tiny --steps 9 --checkpoint part --quiet
check "resume without --text" "$seqgpu" train charlm --resume part --steps 20 --device cpu --threads 1 --quiet
check "the same bits" cmp whole part
mv text moved
refused "the text has gone" 2 "--text: is missing; text, which part was trained on, is not there" train charlm --resume part --steps 30
check "named where it is now" "$seqgpu" train charlm --resume part --text moved --steps 21 --device cpu --threads 1 --quiet
echo other >moved
refused "the text has changed" 1 "is not the text" train charlm --resume part --steps 30
refused "a run that begins needs a text" 2 "--text: is missing" train charlm --steps 30
rm -f moved elsewhere whole part

# ---------------------------------------------------------------- eval of tasks

# measured TASK OPTIONS...: eval gives the loss and the metric of the run's last validation.
measured() {
  task=$1
  shift
  "$seqgpu" train "$task" "$@" --hidden 6 --batch 4 --steps 3 --eval-size 10 --checkpoint of_task --force --json --device cpu --threads 1 >run 2>err &&
    "$seqgpu" eval --checkpoint of_task --json --device cpu --threads 1 $data >out 2>err
  metric=$(sed 's/.*"\(val_[a-z]*_*[a-z]*\)": [^,]*, "grad_norm.*/\1/' run | tail -1)
  if [ -s out ] && grep -q "\"task\": \"$task\", \"sequences\": 10, " out &&
    awk "BEGIN { a = $(value val_loss run) - $(value loss out); b = $(value "$metric" run) - $(value "${metric#val_}" out); exit !(a * a < 1e-10 && b * b < 1e-10) }"; then
    pass "cpu f32: task $task, eval measures what training did"
  else fail "cpu f32: task $task, eval measures what training did" "$(tail -1 run) $(cat out err)"; fi
}
data=
measured adding --T 9
measured multiplication --T 10 --T-max 14
measured xor --T 10 --T-max 14
measured copy --T 3
measured memory-5bit --T 3
measured memory-20bit --T 3
measured permutation --T 3
measured embedded-reber --T 12
measured continual-reber --T 12
measured temporal-order --T 12 --symbols 3
measured mackey-glass --T 24 --tau 30
measured narma10 --T 24
check "eval --help of a task lists its options" sh -c '"$1" eval --checkpoint of_task --help | grep -q -e "--T T .*\[24\]"' sh "$seqgpu"

"$seqgpu" train adding --T 9 --hidden 6 --steps 3 --checkpoint adding --quiet --device cpu
# Right steps: those before the first answer that is wrong by the answers and targets themselves.
"$seqgpu" train continual-reber --T 30 --hidden 16 --lr 0.01 --steps 400 --checkpoint stream --quiet --device cpu --threads 1
if command -v python3 >/dev/null; then
  for T in 30 90; do
    check "right steps of streams of $T" sh -c '"$1" eval --checkpoint stream --T $2 --eval-size 25 --show 25 --json | python3 -c "
import json, sys
o = json.load(sys.stdin)
right = wrong = 0
for s in o[\"answers\"]:
  bad = [k // 7 for k, (a, t) in enumerate(zip(s[\"answer\"], s[\"target\"])) if not abs(a - t) <= 0.49]
  right += bad[0] if bad else $2
  wrong += len(bad) > 0
assert 0 < right < 25 * $2 and wrong > 0
assert abs(right / 25 - o[\"right_steps\"]) < 1e-6 and abs(wrong / 25 - o[\"wrong_sequences\"]) < 1e-6, (right, wrong, o)"' \
      sh "$seqgpu" $T
  done
else
  skip "right steps" "no python3"
fi
check "right steps in words" sh -c '"$1" eval --checkpoint stream | grep -q "wrong_sequences .*, right for [0-9.]* steps; knowing"' sh "$seqgpu"
check "at another length" sh -c '"$1" eval --checkpoint adding --T 30 --eval-size 7 | grep -q "^7 sequences of adding: loss"' sh "$seqgpu"
equal "answers and targets" "$("$seqgpu" eval --checkpoint adding --show 5 | grep -c '^answer \[.*\]  target \[.*\]$')" 5
"$seqgpu" train adding --T 5 --T-max 9 --hidden 6 --steps 3 --checkpoint lengths --quiet --device cpu
equal "one answer whatever the length" "$("$seqgpu" eval --checkpoint lengths --show 50 | grep -c '^answer \[[^,]*\]  target \[[^,]*\]$')" 50
refused "lengths of training at another length" 2 "--T-max: is 9; it must be at least 12" eval --checkpoint lengths --T 12
check "other lengths than in training" "$seqgpu" eval --checkpoint lengths --T 12 --T-max 20
if command -v python3 >/dev/null; then
  check "answers in JSON" sh -c '"$1" eval --checkpoint adding --show 25 --json | python3 -c "
import json, sys
o = json.load(sys.stdin)
assert len(o[\"answers\"]) == 25 and all(0 <= a[\"target\"][0] <= 2 for a in o[\"answers\"])"' sh "$seqgpu"
else
  skip "answers in JSON" "no python3"
fi
printf '# two steps\n0.25, 1\n\n.5;0\n' >numbers
"$seqgpu" eval --checkpoint adding --input numbers >got 2>err
equal "a sequence of the user's: an output a step" "$(grep -c '^-*[0-9.e-]*$' got)" 2
check "from standard input" sh -c '"$1" eval --checkpoint adding --input - <numbers | cmp - got' sh "$seqgpu"
printf '0.25\n' >numbers
refused "too few numbers" 1 "line 1 has 1 numbers; the model reads 2" eval --checkpoint adding --input numbers
printf '1 2\n1 2x\n' >numbers
refused "half a number" 1 "line 2: \"2x\"" eval --checkpoint adding --input numbers
printf '1 inf\n' >numbers
refused "infinity" 1 "finite" eval --checkpoint adding --input numbers
: >numbers
refused "no numbers" 1 "no numbers" eval --checkpoint adding --input numbers
# 20 MB of empty lines, of a model with ten inputs, need no 800 MB.
"$seqgpu" train copy --hidden 4 --T 2 --batch 4 --steps 1 --eval-size 0 --device cpu --threads 1 --checkpoint copy >out 2>err
head -c 20000000 /dev/zero | tr '\0' '\n' >lines
check "lines without numbers take no memory" sh -c 'ulimit -v 700000; "$1" eval --checkpoint copy --input lines --device cpu --threads 1 2>err
  grep -q "no numbers" err' sh "$seqgpu"
rm -f lines
refused "an option of another task" 2 "--symbols" eval --checkpoint adding --symbols 2
refused "another cell" 2 "--cell" eval --checkpoint adding --cell gru

finish_cli
