#!/bin/sh
# test_learning_runs.sh PROGRAM - first weights, schedules, momentum, noise, averages and frozen tensors of `seqgpu train`: each run resumes bit
# for bit from any update, and does what its option says.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

tiny="--T 6 --hidden 6 --batch 3 --eval-size 20 --eval-every 2 --log-every 1 --device cpu --threads 1"
task=adding
train() { "$seqgpu" train adding $tiny "$@"; }
# values KEY LOG: the numbers of one key, "null" left out.
values() { sed -n "s/.*\"$1\": \([0-9.e+-]*\)[,}].*/\1/p" "$2"; }
# tensor NAME CHECKPOINT: its norm, mean, least and largest element.
tensor() { "$seqgpu" inspect --checkpoint "$2" | awk -v name="$1" '$1 == name { sub(/.*norm/, ""); print }'; }

# ---------------------------------------------------------------- the same bits

# resumed NAME OPTIONS...: 20 updates at once, and so many and then the rest, make the same file; of $task, begun by `train`.
resumed() {
  name=$1 wrong=
  shift
  train "$@" --steps 20 --checkpoint whole --force --quiet >out 2>err || wrong=" at once"
  for cut in 1 2 5 12 18; do
    train "$@" --steps $cut --checkpoint part --force --quiet >out 2>err &&
      "$seqgpu" train $task --resume part --steps 20 --device cpu --threads 1 --quiet >out 2>err && cmp -s whole part || wrong="$wrong $cut"
  done
  if [ -z "$wrong" ]; then pass "cpu f32: resumes bit for bit: $name"; else fail "cpu f32: resumes bit for bit: $name" "not at$wrong: $(head -c 200 err)"; fi
  rm -f whole part
}
resumed "steps" --lr-schedule step --lr-every 4 --lr-factor 0.5
resumed "a cosine after a warm-up" --lr-schedule cosine --lr-every 12 --lr-warmup 3 --lr-min 1e-4
resumed "plateaus" --lr-schedule plateau --lr-every 1 --lr-factor 0.5 --lr 0.3
resumed "rising momentum" --optimizer nesterov --momentum-rise --momentum 0.99 --momentum-end 1010
resumed "adamw" --optimizer adamw --weight-decay 0.1
resumed "noise" --noise 0.3 --noise-decay 1
resumed "an average" --average 5 --optimizer adam
resumed "an average that validations begin" --average-patience 1 --lr 0.1
resumed "the regulariser" --cell rnn --omega 2 --omega-form squares
resumed "the regulariser of an lstm" --cell lstm --omega 2
resumed "Hessian-free" --optimizer hessian-free --cell rnn --structural-damping 0.1
resumed "Hessian-free, zoneout" --optimizer hessian-free --cell lstm --zoneout-cell 0.3 --recurrent-dropout 0.2 --average 5
resumed "Hessian-free, preconditioned" --optimizer hessian-free --cell gru --layers 2 --dropout 0.3 --precondition 3 --curvature-batch 2 --cg-cold
resumed "Hessian-free, batch normalisation" --optimizer hessian-free --cell rnn --batch-norm-steps 6 --cg-iterations 9
resumed "frozen tensors" --freeze rnn.weight_ih,output --lr-of rnn.weight_hh=0.1

# ---------------------------------------------------------------- first weights

# Of two layers, drawn and not moved: the first has 80 input weights of deviation 0.001, and what reads no input is as without it.
for deviation in 0 0.001; do
  train --cell rnn --layers 2 --hidden 40 --init careful --init-input $deviation --lr 0 --steps 1 --checkpoint first$deviation --quiet >out 2>err
done
norm_of() { tensor rnn.weight_ih_l0 $1 | awk '{ print $1 }'; }
changed=
for name in rnn.weight_hh_l0 rnn.weight_hh_l1 rnn.bias_ih_l0; do
  [ "$(tensor $name first0)" = "$(tensor $name first0.001)" ] || changed="$changed $name"
done
if [ -z "$changed" ] && awk "BEGIN { exit !($(norm_of first0) > 0.5 && ($(norm_of first0.001) - 0.00894) ^ 2 < 0.002 ^ 2) }"; then
  pass "input weights of a given deviation"
else fail "input weights of a given deviation" "norm $(norm_of first0.001) instead of 0.00894; changed:$changed"; fi
rm -f first0 first0.001

# ---------------------------------------------------------------- rates

train --steps 20 --lr 0.01 --lr-schedule cosine --lr-every 12 --lr-warmup 4 --lr-min 0.001 --log log.jsonl --quiet >out 2>err
if values lr log.jsonl | awk '{
    u = NR - 1
    lr = u < 4 ? 0.01 * NR / 4 : u >= 16 ? 0.001 : 0.001 + 0.009 * (1 + cos(3.141592653589793 * (u - 4) / 12)) / 2
    if ((lr - $1) ^ 2 > 1e-10 * lr * lr) bad = 1
  } END { exit bad || NR != 20 }'; then pass "the log shows the cosine"
else fail "the log shows the cosine" "$(values lr log.jsonl | tr '\n' ' ')"; fi
rm -f log.jsonl
train --steps 20 --lr 0.01 --lr-schedule step --lr-every 8 --log log.jsonl --quiet >out 2>err
if [ "$(values lr log.jsonl | uniq | tr '\n' ' ')" = "0.01 0.001 0.0001 " ]; then pass "and the steps"
else fail "and the steps" "$(values lr log.jsonl | tr '\n' ' ')"; fi
rm -f log.jsonl
train --steps 60 --lr 0.5 --optimizer sgd --lr-schedule plateau --lr-every 2 --lr-factor 0.5 --log log.jsonl --quiet >out 2>err
if awk -F '"lr": ' '{
    split($0, v, "\"val_loss\": "); split(v[2], w, ","); split($2, l, ",")
    if (l[1] != lr && NR > 1) { if ((l[1] / lr - 0.5) ^ 2 > 1e-8 || !due) bad = 1; falls++; due = 0 }
    lr = l[1]
    if (w[1] != "null") { if (n++ == 0 || w[1] + 0 < best) { best = w[1] + 0; worse = 0 } else if (++worse == 2) { worse = 0; due = 1 } }
  } END { exit bad || falls < 1 }' log.jsonl; then pass "and a fall after two validations without a better loss"
else fail "and a fall after two validations without a better loss" "$(values lr log.jsonl | uniq | tr '\n' ' ')"; fi
rm -f log.jsonl

# differs NAME OPTIONS...: the option changes what is learnt.
differs() {
  name=$1
  shift
  train "$@" --steps 6 --checkpoint changed --force --quiet >out 2>err
  if cmp -s changed plain; then fail "$name" "nothing changed"; else pass "$name"; fi
}
for rule in momentum nesterov adam adamw; do
  train --optimizer $rule --steps 6 --checkpoint rule.$rule --quiet >out 2>err
done
if [ "$(tensor output.weight rule.momentum)" != "$(tensor output.weight rule.nesterov)" ]; then pass "nesterov is not momentum"; else fail "nesterov is not momentum" "the same weights"; fi
if [ "$(tensor output.weight rule.adam)" = "$(tensor output.weight rule.adamw)" ]; then pass "adamw without decay is adam"; else fail "adamw without decay is adam" "other weights"; fi
for rule in adam adamw; do train --optimizer $rule --weight-decay 0.3 --steps 6 --checkpoint rule.$rule --force --quiet >out 2>err; done
if [ "$(tensor output.weight rule.adam)" != "$(tensor output.weight rule.adamw)" ]; then pass "with decay it is not"; else fail "with decay it is not" "the same weights"; fi
rm -f rule.*

# ---------------------------------------------------------------- frozen tensors

train --steps 1 --lr 0 --checkpoint first --quiet >out 2>err
train --steps 8 --lr 0.1 --freeze rnn.weight_ih,output --checkpoint frozen --quiet >out 2>err
same= moved=
for name in rnn.weight_ih_l0 output.weight output.bias; do
  [ "$(tensor $name first)" = "$(tensor $name frozen)" ] || moved="$moved $name"
done
for name in rnn.weight_hh_l0 rnn.bias_ih_l0; do
  [ "$(tensor $name first)" != "$(tensor $name frozen)" ] || same="$same $name"
done
if [ -z "$same$moved" ] && [ -n "$(tensor output.bias frozen)" ]; then pass "frozen tensors stay, others do not"
else fail "frozen tensors stay, others do not" "moved:$moved, stayed:$same"; fi
train --init-from first --steps 8 --lr 0.1 --freeze rnn --checkpoint transfer --quiet >out 2>err
if [ "$(tensor rnn.weight_hh_l0 first)" = "$(tensor rnn.weight_hh_l0 transfer)" ] && [ "$(tensor output.weight first)" != "$(tensor output.weight transfer)" ]; then
  pass "a read-out on the layers of another model"
else fail "a read-out on the layers of another model" "$(cat err)"; fi
rm -f first frozen transfer

# ---------------------------------------------------------------- averages

train --steps 40 --lr 0.05 --average 10 --keep-best --checkpoint mean --json >log.jsonl 2>err
best=$(values val_loss log.jsonl | sort -g | head -n 1) last=$(values val_loss log.jsonl | tail -n 1)
loss_of() { "$seqgpu" eval --checkpoint "$1" --device cpu --threads 1 --json | sed 's/.*"loss": \([0-9.e-]*\).*/\1/'; }
if awk "BEGIN { exit !(($(loss_of mean) - $last) ^ 2 < 1e-10) }"; then pass "a checkpoint is used by its average, as validation was"
else fail "a checkpoint is used by its average, as validation was" "$(loss_of mean), $last"; fi
if awk "BEGIN { exit !(($(loss_of mean-best) - $best) ^ 2 < 1e-10) }"; then pass "and so is the best one"
else fail "and so is the best one" "$(loss_of mean-best), $best"; fi
if [ "$("$seqgpu" inspect --checkpoint mean | awk '$1 == "optimizer.averaged" { print $5 }')" = 31 ]; then pass "updates 10 to 40 are in it"
else fail "updates 10 to 40 are in it" "$("$seqgpu" inspect --checkpoint mean | grep averaged)"; fi
train --steps 40 --lr 0.05 --checkpoint alone --quiet >out 2>err
if [ "$(tensor optimizer.raw.output.weight mean)" = "$(tensor output.weight alone)" ] && [ "$(tensor output.weight mean)" != "$(tensor output.weight alone)" ]; then
  pass "averaging changes nothing that is learnt"
else fail "averaging changes nothing that is learnt" "$(tensor optimizer.raw.output.weight mean) $(tensor output.weight alone)"; fi
rm -f mean mean-best alone log.jsonl

train --steps 4 --checkpoint plain --quiet >out 2>err
cp plain kept
refused "a resumed run by validations needs some" 2 "goes by validations" train adding --resume kept --lr-schedule plateau --lr-every 1 --eval-every 0
train --lr-schedule plateau --lr-every 1 --steps 4 --checkpoint plateau --quiet >out 2>err
refused "validations at other updates" 1 "which were every 2 updates" train adding --resume plateau --eval-every 3
differs "noise changes what is learnt" --noise 0.1
rm -f plain kept plateau changed

# ---------------------------------------------------------------- the regulariser

# Where the error signal vanishes on its way back through 30 steps, nothing is learnt without it.
order="--T 30 --cell rnn --hidden 50 --optimizer sgd --lr 0.01 --clip 1 --steps 1500 --eval-size 500 --device cpu --threads 1 --json"
"$seqgpu" train temporal-order $order >without 2>err
"$seqgpu" train temporal-order $order --omega 4 >with 2>err
if awk "BEGIN { exit !($(values val_loss without | tail -n 1) > 1.3 && $(values val_loss with | tail -n 1) < 0.9) }"; then
  pass "cpu f32: task temporal-order, with omega it learns what it does not without"
else fail "cpu f32: task temporal-order, with omega it learns what it does not without" "$(tail -n 1 without) $(tail -n 1 with)"; fi
rm -f with without

# ---------------------------------------------------------------- Hessian-free

# Two numbers over ten steps are added after a few updates, of which the log tells damping and conjugate gradients.
"$seqgpu" train adding --T 10 --cell rnn --hidden 20 --batch 500 --optimizer hessian-free --structural-damping 0.03 --curvature-batch 200 --steps 25 \
  --log-every 1 --eval-size 500 --device cpu --threads 1 --json >log.jsonl 2>err
if awk "BEGIN { exit !($(values val_loss log.jsonl | tail -n 1) < 0.003) }"; then pass "cpu f32: task adding, Hessian-free learns it in 25 updates"
else fail "cpu f32: task adding, Hessian-free learns it in 25 updates" "$(tail -n 1 log.jsonl) $(cat err)"; fi
if [ "$(values cg_iterations log.jsonl | wc -l)" = 25 ] && [ "$(values damping log.jsonl | head -n 1)" = 0.1 ] && [ -z "$(values lr log.jsonl)" ]; then
  pass "and its log tells how"
else fail "and its log tells how" "$(head -n 1 log.jsonl)"; fi
rm -f log.jsonl
train --optimizer hessian-free --steps 6 --checkpoint plain --quiet >out 2>err
differs "a damping of one's own" --optimizer hessian-free --damping 3
differs "structural damping" --optimizer hessian-free --structural-damping 1
differs "few iterations" --optimizer hessian-free --cg-iterations 2
differs "little progress" --optimizer hessian-free --cg-progress 0.05
differs "a share of the last solution" --optimizer hessian-free --cg-decay 0.5
differs "none of it" --optimizer hessian-free --cg-cold
differs "a smaller curvature" --optimizer hessian-free --curvature-batch 1
differs "a preconditioner" --optimizer hessian-free --precondition 2
train --optimizer hessian-free --precondition 2 --steps 6 --checkpoint plain --force --quiet >out 2>err
differs "and its exponent" --optimizer hessian-free --precondition 2 --precondition-exponent 0.5
rm -f plain changed

# The language model carries states from piece to piece, the last of them shorter: where damping holds the parameters, losses and norms of
# gradients are those of gradient descent at rate 0, over more than an epoch.
awk 'BEGIN { for (i = 0; i < 620; i++) printf "abacbcaacb" }' >text
lm="--text text --seq-len 8 --batch 50 --hidden 16 --layers 1 --device cpu --threads 1 --log-every 1 --json --quiet"
for cell in lstm gru; do
  "$seqgpu" train charlm $lm --cell $cell --optimizer hessian-free --damping 1e30 --cg-iterations 1 --curvature-batch 7 --steps 17 >held 2>err
  "$seqgpu" train charlm $lm --cell $cell --optimizer sgd --lr 0 --clip none --steps 17 >still 2>err
  for key in loss grad_norm; do
    values $key held >held.$key
    values $key still >still.$key
  done
  if [ "$(wc -l <held.loss)" = 17 ] && [ "$(sort -u held.loss | wc -l)" -gt 4 ] && paste held.loss still.loss held.grad_norm still.grad_norm |
    awk '($1 - $2) ^ 2 > 1e-10 || ($3 - $4) ^ 2 > 1e-10 { exit 1 }'; then pass "cpu f32: charlm, Hessian-free begins each piece with the states of the last, $cell"
  else fail "cpu f32: charlm, Hessian-free begins each piece with the states of the last, $cell" "$(paste held.loss still.loss | head -n 3 | tr '\n' ' ') $(cat err)"; fi
done
"$seqgpu" train charlm $lm --optimizer hessian-free --damping 1 --steps 40 >log.jsonl 2>err
# Every update sees another piece, so that the last losses go up and down; the least one of 14 runs was 0.02 or less.
if awk "BEGIN { exit !($(values loss log.jsonl | sort -g | head -n 1) < 0.1) }"; then pass "cpu f32: charlm, Hessian-free learns a pattern within 40 updates"
else fail "cpu f32: charlm, Hessian-free learns a pattern within 40 updates" "$(tail -n 1 log.jsonl) $(cat err)"; fi
rm -f held* still* log.jsonl

tiny_lm="--seq-len 5 --batch 4 --hidden 6 --eval-every 0 --device cpu --threads 1 --optimizer hessian-free --cg-iterations 9"
task="charlm --text text"
train() { "$seqgpu" train $task $tiny_lm "$@"; }
resumed "charlm, Hessian-free" --cell lstm --structural-damping 0.1
resumed "charlm, Hessian-free, tied and dropping" --cell gru --tie --dropout 0.3 --embedding-dropout 0.2 --curvature-batch 3 --precondition 2 --average 5
refused "a state that overflows in a Hessian-free update" 1 "the loss is nan .*: rnn: part h of layer 0" train charlm --text text --seq-len 50 --batch 50 \
  --hidden 16 --layers 1 --cell rnn --activation identity --init orthogonal --init-scale 1000 --optimizer hessian-free --device cpu --quiet --steps 1
rm -f text
train() { "$seqgpu" train adding $tiny "$@"; }

# ---------------------------------------------------------------- what is wrong

refused "a schedule without its length" 2 "needs a number of updates" train adding $tiny --lr-schedule cosine
refused "plateaus without a number" 2 "needs a number of validations" train adding $tiny --lr-schedule plateau
refused "plateaus without validations" 2 "goes by validations" train adding $tiny --lr-schedule plateau --lr-every 1 --eval-every 0
refused "validations of nothing" 2 "nothing to validate" train adding $tiny --average-patience 2 --eval-size 0
refused "a length without a schedule" 2 "no effect with --lr-schedule constant" train adding $tiny --lr-every 5
refused "a factor of a cosine" 2 "no effect with --lr-schedule cosine" train adding $tiny --lr-schedule cosine --lr-every 5 --lr-factor 0.5
refused "rising momentum of adam" 2 "no effect with --optimizer adam" train adding $tiny --optimizer adam --momentum-rise
refused "a rate of what has none" 2 "no effect with --optimizer hessian-free" train adding $tiny --optimizer hessian-free --lr 0.1
refused "a frozen tensor of what moves all" 2 "no effect with --optimizer hessian-free" train adding $tiny --optimizer hessian-free --freeze output
refused "damping of gradient descent" 2 "no effect with --optimizer sgd" train adding $tiny --optimizer sgd --damping 1
refused "the exponent of no preconditioner" 2 "no effect with --precondition 0" train adding $tiny --optimizer hessian-free --precondition-exponent 0.5
refused "more curvature than batch" 2 "at most --batch, which is 3" train adding $tiny --optimizer hessian-free --curvature-batch 4
refused "a regulariser without tangents" 2 "has no tangents" train adding $tiny --cell rnn --optimizer hessian-free --omega 2
refused "statistics of one sequence" 2 "no statistics of a batch" train adding $tiny --cell rnn --optimizer hessian-free --batch-norm-input --precondition 2
refused "shards of a whole batch" 2 "a batch as a whole" train adding $tiny --optimizer hessian-free --shards 3
refused "more streams than there are" 2 "at most --batch, which is 2" train charlm --text "$0" --seq-len 4 --batch 2 --hidden 4 --optimizer hessian-free --curvature-batch 3
train --steps 2 --checkpoint plain --quiet >out 2>err
refused "another optimiser half-way" 1 "was trained with rmsprop" train adding --resume plain --optimizer hessian-free
rm -f plain
refused "an unknown schedule" 2 "constant|step|cosine|plateau" train adding $tiny --lr-schedule linear
refused "two beginnings of an average" 2 "excludes --average-patience" train adding $tiny --average 5 --average-patience 2
refused "more patience than is remembered" 2 "from 0 to 8" train adding $tiny --average-patience 9
refused "a regulariser of a urnn" 1 "only rnn, leaky, lstm, lstm0 and gru" train adding $tiny --cell urnn --omega 2
refused "a form of none" 2 "no effect with --omega 0" train adding $tiny --cell rnn --omega-form squares
refused "an end of no rise" 2 "no effect with --momentum-rise 0" train adding $tiny --optimizer nesterov --momentum-end 5000
refused "no such tensor" 1 "nobody" train adding $tiny --freeze rnn,nobody
refused "an empty name" 2 "comma" train adding $tiny --freeze rnn,,output
refused "a factor that is none" 2 "NAME=FACTOR" train adding $tiny --lr-of rnn=fast
refused "a negative factor" 2 "NAME=FACTOR" train adding $tiny --lr-of rnn=-1
refused "no factor" 2 "NAME=FACTOR" train adding $tiny --lr-of rnn
refused "nothing left" 2 "nothing to train" train adding $tiny --freeze rnn,output

finish_cli
