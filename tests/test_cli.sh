#!/bin/sh
# test_cli.sh PROGRAM - the program `seqgpu` from the outside: same bits for the same seed, resuming at any step, what
# it says and leaves behind when something is wrong.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

# A text of about $1 bytes: words in an order that a model can learn a little of.
make_text() {
  awk -v n="$1" 'BEGIN {
    split("the cat sat on a mat and then it ran to Zoe, who said: no! Why (not)? Because.", w, " ");
    for (s = 7; length(t) < n; s = (s * 75 + 74) % 65537) t = t w[s % 17 + 1] (s % 9 ? " " : "\n");
    printf "%s", substr(t, 1, n) }'
}

make_text 450 >text
make_text 3000 >long
tiny="--hidden 6 --batch 4 --seq-len 8 --device cpu --threads 1"
train() { "$seqgpu" train charlm --text text $tiny --force "$@"; }

# ---------------------------------------------------------------- help

for command in "" "train" "train charlm" "sample" "eval" "inspect" "info"; do
  check "seqgpu $command --help" sh -c '"$1" $2 --help | grep -q "^usage: seqgpu"' sh "$seqgpu" "$command"
done
check "info names the cells" sh -c '"$1" info --device cpu | grep -q "^lstm "' sh "$seqgpu"

# ---------------------------------------------------------------- the same bits

options="--dropout 0.3 --optimizer adam --clip auto --lr 0.01 --lr-decay 0.5 --lr-decay-after 1 --eval-every 7"
check "cpu f32: task charlm, 30 updates" train $options --steps 30 --checkpoint whole --log log.jsonl
check "cpu f32: task charlm, 30 updates again" train $options --steps 30 --checkpoint again
check "cpu f32: task charlm, same seed, same bits" cmp whole again
check "another seed" train $options --steps 30 --checkpoint other --seed 2
if cmp -s whole other; then fail "cpu f32: task charlm, another seed, other bits" "the files are equal"; else pass "cpu f32: task charlm, another seed, other bits"; fi
check "cpu f32: task charlm, validation and checkpoints change nothing" sh -c '
  "$1" train charlm --text text $2 --steps 30 --checkpoint often --checkpoint-every 1 --eval-every 0 && cmp whole often' \
  sh "$seqgpu" "$tiny $options"

different=""
for step in $(seq 1 29); do
  train $options --steps "$step" --checkpoint part >out 2>err || different="$different $step(train)"
  "$seqgpu" train charlm --text text --device cpu --threads 1 --eval-every 7 --resume part --checkpoint rest \
    --force --steps 30 >out 2>err || different="$different $step(resume)"
  cmp -s whole rest || different="$different $step"
done
if [ -z "$different" ]; then pass "cpu f32: task charlm, resumed at any of 29 steps, the same bits"
else fail "cpu f32: task charlm, resumed at any of 29 steps, the same bits" "not at$different: $(head -c 200 err)"; fi

for cell in "--cell gru" "--cell gru --reset-after" "--cell rnn" "--cell lstm0" "--peephole" "--coupled" "--no-input-gate --no-output-activation" "--full-gate-recurrence" \
  "--zoneout-cell 0.5 --zoneout-hidden 0.1" "--cell gru --recurrent-dropout 0.3 --update-dropout 0.2" \
  "--layer-norm" "--batch-norm-steps 3" "--cell gru --batch-norm-input" \
  "--tokens words --vocab-limit 12" "--tie --dropout 0.2 --embedding-dropout 0.4" "--tokens bytes --optimizer rmsprop" "--optimizer momentum --embedding 3 --layers 1"; do
  check "cpu f32: task charlm, resume with $cell" sh -c '
    set -e
    "$1" train charlm --text text $2 --steps 9 --force --checkpoint w --batch 2 --seq-len 4
    "$1" train charlm --text text $2 --steps 4 --force --checkpoint p --batch 2 --seq-len 4
    "$1" train charlm --text text --resume p --steps 9 --device cpu --threads 1
    cmp w p' sh "$seqgpu" "$tiny $cell"
done

# ---------------------------------------------------------------- what checkpoints call the options

# keys FILE: the keys of the metadata in their order.
keys() { "$seqgpu" inspect --checkpoint "$1" | sed '/^$/,$d; s/ .*//' | tr '\n' ' '; }
# has_keys NAME KEYS FILE: a checkpoint of another version is read only if the keys stay what they are.
has_keys() {
  if [ "$(keys "$3")" = "$2 " ]; then pass "$1"; else fail "$1" "$(keys "$3")"; fi
}
model_keys="cell layers hidden projection activation reset-after peephole coupled factors context leak learn-leak reflections \
no-input-gate no-forget-gate no-output-gate no-input-activation no-output-activation zoneout-hidden zoneout-cell \
recurrent-dropout update-dropout layer-norm batch-norm-input batch-norm-steps full-gate-recurrence init init-scale init-input forget-bias \
batch shards seed optimizer momentum decay dropout omega omega-form clip lr lr-schedule lr-every lr-factor lr-min lr-warmup momentum-rise momentum-end \
weight-decay noise noise-decay average average-patience freeze lr-of \
damping structural-damping cg-iterations cg-progress cg-decay cg-cold curvature-batch precondition precondition-exponent math"
cursor_keys="step data_size data_hash"
check "lstm with a projection" train --cell lstm --projection-size 4 --steps 3 --checkpoint new_name
has_keys "keys of a language model" "$model_keys seq-len embedding tie embedding-dropout tokens vocab-limit val-fraction lr-decay lr-decay-after \
$cursor_keys train_size format epoch vocabulary text" new_name
check "temporal order" "$seqgpu" train temporal-order --T 12 --hidden 6 --batch 3 --steps 1 --device cpu --threads 1 --checkpoint order
has_keys "keys of a task" "T T-max symbols eval-size $model_keys $cursor_keys format task" order
for pair in "projection-size projection lstm" "factor-size factors mrnn" "context-size context scrn"; do
  set -- $pair
  check "--$2 is an older name of --$1" sh -c '
    set -e
    "$1" train charlm --text text $2 --cell $5 --steps 3 --force --checkpoint new_name --$3 4
    "$1" train charlm --text text $2 --cell $5 --steps 2 --force --checkpoint old_name --$4 4
    "$1" train charlm --text text --resume old_name --$3 4 --steps 3 --device cpu --threads 1
    cmp new_name old_name
    "$1" inspect --checkpoint old_name | grep -q "^$4 *4$"
    "$1" train charlm --help | grep -q -e "--$3 "
    ! "$1" train charlm --help | grep -q -e "--$4 "' sh "$seqgpu" "$tiny" "$1" "$2" "$3"
  refused "resume with another $1" 1 "--$1: is 5; old_name was trained with 4" train charlm --text text --resume old_name --$2 5
done

# ---------------------------------------------------------------- what a model is good for

check "cpu f32: task charlm, a longer run learns" train --text long --steps 300 --lr 0.02 --hidden 24 --checkpoint model --json
first=$(sed -n '1s/.*"loss": \([0-9.]*\).*/\1/p' out)
last=$(sed -n '$s/.*"loss": \([0-9.]*\).*/\1/p' out)
if [ -n "$first" ] && awk "BEGIN { exit !($last < $first - 0.5) }"; then pass "cpu f32: task charlm, the loss falls"
else fail "cpu f32: task charlm, the loss falls" "from $first to $last"; fi
check "sample" "$seqgpu" sample --checkpoint model --prime "the " --length 40 --seed 3
if [ "$(wc -c <out)" = 44 ]; then pass "sample has 4 + 40 characters"; else fail "sample has 4 + 40 characters" "$(wc -c <out)"; fi
cp out sample1
check "sample again" "$seqgpu" sample --checkpoint model --prime "the " --length 40 --seed 3
cp out sample2
check "same seed, same text" cmp sample1 sample2
check "temperature 0" "$seqgpu" sample --checkpoint model --temperature 0 --length 10 --json
check "eval" "$seqgpu" eval --checkpoint model --text long --json
check "inspect" "$seqgpu" inspect --checkpoint model
cp out inspected
check "inspect names tensors as PyTorch" grep -q '^rnn.bias_hh_l1 ' inspected
check "inspect with a text" "$seqgpu" inspect --checkpoint model --prime "the cat"
cp out inspected
check "inspect shows gates" grep -q '^ *1  f ' inspected
check "start from the weights of another run" train --text long --init-from model --hidden 24 --steps 3 --checkpoint warm
check "words" train --text long --tokens words --steps 5 --checkpoint words
check "sample words" "$seqgpu" sample --checkpoint words --prime "the unheard cat" --length 5
if command -v python3 >/dev/null; then
  check "logs and --json are JSON" sh -c '
    set -e
    "$1" inspect --checkpoint model --prime the --json >j1
    "$1" info --json >j2
    "$1" eval --checkpoint model --text text --json >j3
    "$1" sample --checkpoint model --json >j4
    python3 -c "
import json
for name in \"j1 j2 j3 j4\".split(): json.load(open(name))
rows = [json.loads(line) for line in open(\"log.jsonl\")]
for row in rows:
    for key in \"step epoch loss val_loss bits_per_char grad_norm lr tokens_per_s eta_s\".split(): row[key]
assert rows[-1][\"step\"] == 30 and rows[-1][\"val_loss\"] > 0
"' sh "$seqgpu"
else
  skip "logs and --json are JSON" "no python3"
fi
printf '\357\273\277%s' "$(cat text)" >marked
check "a byte order mark is no character" sh -c '"$1" eval --checkpoint model --text marked >e1 && "$1" eval --checkpoint model --text text >e2 && cmp e1 e2' sh "$seqgpu"


# The embedding and the output layer share one matrix, which the checkpoint has once.
check "tied weights" train --steps 40 --lr 0.02 --tie --embedding-dropout 0.1 --checkpoint tied
check "a tied model has one matrix" sh -c '"$1" inspect --checkpoint tied >i && grep -q "^embedding.weight " i && ! grep -q "^output.weight " i' sh "$seqgpu"
check "a tied model is evaluated" "$seqgpu" eval --checkpoint tied --text text
check "a tied model writes" "$seqgpu" sample --checkpoint tied --length 9
for p in 0 0.4; do check "embedding dropout $p" train --steps 3 --lr 0 --embedding-dropout $p --checkpoint kept --log kept$p; done
member() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$2"; }
if [ "$(member val_loss kept0)" = "$(member val_loss kept0.4)" ] && [ "$(member grad_norm kept0)" != "$(member grad_norm kept0.4)" ]; then
  pass "dropout of the embedding is of training alone"
else fail "dropout of the embedding is of training alone" "$(cat kept0 kept0.4)"; fi
refused "tied, the embedding too narrow" 2 "embedding is 4 wide and the output of the layers 6.*--embedding 6" train charlm --text text $tiny --tie --embedding 4 --checkpoint none

# ---------------------------------------------------------------- stopping

for signal in "INT 130" "TERM 143" "HUP 129"; do
  expected=${signal#* } signal=${signal% *}
  rm -f stopped out
  "$seqgpu" train charlm --text text $tiny --steps 100000000 --minutes 1 --checkpoint stopped >out 2>err &
  child=$!
  tries=0
  while [ ! -s out ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s $signal $child
  wait $child
  code=$?
  if [ $code = "$expected" ] && [ "$(wc -l <err)" = 1 ] && "$seqgpu" inspect --checkpoint stopped >out 2>err; then
    pass "SIG$signal saves and gives $expected"
  else
    fail "SIG$signal saves and gives $expected" "exit $code, $(head -c 200 err)"
  fi
done
check "minutes limit the time" train --minutes 0.01 --checkpoint timed
train --steps 50 --optimizer momentum --clip none --lr 1e38 --checkpoint-every 1 --checkpoint wild >out 2>err
code=$?
if [ $code = 1 ] && [ "$(wc -l <err)" = 1 ] && "$seqgpu" inspect --checkpoint wild --json >out && ! grep -q null out; then
  pass "numbers that explode stop it, the last good checkpoint stays"
else
  fail "numbers that explode stop it, the last good checkpoint stays" "exit $code, $(head -c 300 err)"
fi

# ---------------------------------------------------------------- wrong command lines

t="train charlm --text text $tiny --checkpoint new --log newlog"
refused "no command" 2 "command is missing"
refused "unknown command" 2 "not a command" dance
refused "bench is elsewhere" 2 "bench_rnn" bench
refused "no task" 2 "charlm" train
refused "unknown task" 2 "charlm" train pictures
refused "no text" 2 "--text" train charlm --checkpoint new
refused "unknown option" 2 "--hiden" $t --hiden 5
refused "not an option" 2 "stray" $t stray
refused "value missing" 2 "has no value" $t --hidden
refused "flag with a value" 2 "takes none" $t --peephole=1
refused "not a number" 2 "whole number" $t --hidden ten
refused "half a number" 2 "whole number" $t --hidden 1.5
refused "number with a tail" 2 "whole number" $t --layers 2x
refused "nan" 2 "must be a number" $t --lr nan
refused "rate below 0" 2 "must be from" $t --lr -1
refused "dropout 1" 2 "must be from" $t --dropout 1
refused "number too large" 2 "must be from" $t --steps 99999999999999999999
refused "hidden 0" 2 "hidden" $t --hidden 0
refused "unknown cell" 2 "one of rnn|.*lstm|" $t --cell transformer
refused "unknown tokens" 2 "bytes|utf8|words" $t --tokens letters
refused "bad clip" 2 "clip" $t --clip -3
refused "bidirectional" 2 "bidirectional" $t --bidirectional
refused "resume and init-from" 2 "exclude" $t --resume model --init-from model
refused "sample without a model" 2 "--checkpoint" sample
refused "eval without a text" 2 "--text" eval --checkpoint model
refused "unknown device" 2 "auto|cpu|cuda" $t --device tpu

# ---------------------------------------------------------------- things that are not there, or not right

: >empty
printf 'abc' >short
printf 'abc\377def' >bytes
mkdir folder
head -c 700 model >cut
printf 'hello, world, this is no checkpoint' >nonsense
refused "text missing" 1 "cannot open" train charlm --text nobody --checkpoint new --log newlog
refused "text is a folder" 1 "folder" train charlm --text folder --checkpoint new --log newlog
refused "text empty" 1 "empty" train charlm --text empty --checkpoint new --log newlog
refused "text too short" 1 "at least 2501" train charlm --text short --checkpoint new --log newlog
refused "text not UTF-8" 1 "byte 3 .*--tokens bytes" train charlm --text bytes --checkpoint new --log newlog
refused "gru option on an lstm" 1 "reset_after" $t --reset-after
refused "hidden 10^9" 1 "out of memory" $t --hidden 1000000000
refused "hidden 10^6" 1 "out of memory" $t --hidden 1000000
refused "checkpoint in a folder that is not there" 1 "no/new" train charlm --text text $tiny --checkpoint no/new --log newlog
refused "checkpoint is a folder" 1 "regular file" train charlm --text text $tiny --checkpoint folder --log newlog
refused "log in a folder that is not there" 1 "no/log" train charlm --text text $tiny --checkpoint new --log no/log
if [ -w /dev/full ]; then
  train --steps 3 --log-every 1 --log /dev/full >out 2>err
  code=$?
  if [ $code = 1 ] && [ "$(wc -l <err)" = 2 ] && grep -q 'not be saved' err; then pass "full disk under the log"; else fail "full disk under the log" "exit $code, $(cat err)"; fi
  "$seqgpu" sample --checkpoint model >/dev/full 2>err
  code=$?
  if [ $code = 1 ] && [ "$(wc -l <err)" = 1 ]; then pass "full disk under the output"; else fail "full disk under the output" "exit $code, $(cat err)"; fi
else
  skip "full disk" "no /dev/full"
fi
if [ "$(id -u)" = 0 ]; then
  readonly_folder=/sys/kernel
else
  readonly_folder=$work/closed
  mkdir closed && chmod 500 closed
fi
if [ -d $readonly_folder ] && ! (: >$readonly_folder/probe) 2>/dev/null; then
  refused "read-only folder" 1 "cannot create" train charlm --text text $tiny --checkpoint $readonly_folder/new --log newlog
else
  rm -f $readonly_folder/probe
  skip "read-only folder" "nothing here is read-only"
fi
for command in "sample" "eval --text text" "inspect" "train charlm --text text --log newlog --resume" "train charlm --text text --log newlog --init-from"; do
  option=--checkpoint
  case $command in *--resume | *--init-from) option="" ;; esac
  refused "$command: checkpoint missing" 1 "cannot open" $command $option nobody
  refused "$command: checkpoint cut" 1 "cut: " $command $option cut
  refused "$command: checkpoint is nonsense" 1 "safetensors" $command $option nonsense
done
refused "resume with another size" 1 "hidden" train charlm --text long --resume model --hidden 25 --log newlog
refused "resume with another batch" 1 "batch" train charlm --text long --resume model --batch 5 --log newlog
refused "resume on another text" 1 "not the text" train charlm --text text --resume model --log newlog
refused "init-from with another cell" 1 "cell" train charlm --text text --init-from model --cell gru --checkpoint new
refused "prime not UTF-8" 1 "UTF-8" sample --checkpoint model --prime "$(printf 'a\377')"
refused "inspect: prime empty" 1 "empty" inspect --checkpoint model --prime ""

finish_cli
