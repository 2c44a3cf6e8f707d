#!/bin/sh
# test_tasks.sh PROGRAM - the tasks of `seqgpu train` but the language model: each learns on an easy setting, resumes bit for
# bit, and says in one sentence what is wrong.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

tiny="--hidden 6 --batch 3 --device cpu --threads 1"
task() { "$seqgpu" train "$@" --device cpu --threads 1; }

# bytes NUMBERS...: so many bytes, octal escapes.
bytes() { for n in "$@"; do printf "\\$(printf %o "$n")"; done; }

# Images of 4 x 4 pixels, two classes: bright above, or below.  make_images COUNT IMAGES LABELS
make_images() {
  bytes 0 0 8 3 0 0 0 "$1" 0 0 0 4 0 0 0 4 >"$2"
  bytes 0 0 8 1 0 0 0 "$1" >"$3"
  for i in $(seq "$1"); do
    above=$((i * 7 % 5 % 2)) p=$((i * 13 % 64))
    if [ $above = 1 ]; then set -- "$1" "$2" "$3" 200 20; else set -- "$1" "$2" "$3" 20 200; fi
    for half in "$4" "$5"; do
      for k in 1 2 3 4 5 6 7 8; do bytes $((half + (p + k * 5) % 50)); done
    done >>"$2"
    bytes $above >>"$3"
  done
}
make_images 60 images labels
make_images 20 images2 labels2
pixels="--images images --labels labels"

# ---------------------------------------------------------------- help

check "train --help lists the tasks" sh -c '"$1" train --help >h && grep -q adding h && grep -q copy h && grep -q pixels h' sh "$seqgpu"
rm -f h
for name in adding multiplication xor copy memory-5bit memory-20bit temporal-order permutation embedded-reber continual-reber \
  mackey-glass narma10 pixels; do
  check "train $name --help" sh -c '"$1" train $2 --help | grep -q "^usage: seqgpu train"' sh "$seqgpu" "$name"
done
check "the cells are the library's" sh -c '
  for cell in $("$1" info --device cpu | sed -n "/^cell /,/^$/p" | sed "1d;/^$/d;s/ .*//"); do
    "$1" train adding --help | grep -q -e "$cell" || exit 1
  done' sh "$seqgpu"

# ---------------------------------------------------------------- the same bits

# resumed NAME OPTIONS...: 20 updates at once, and 7 and then 13, make the same file.
resumed() {
  name=$1 data=
  shift
  [ "$1" != pixels ] || data=$pixels # all that is not in the checkpoint
  if task "$@" $tiny --steps 20 --eval-size 4 --checkpoint whole >out 2>err &&
    task "$@" $tiny --steps 7 --eval-size 4 --checkpoint part >out 2>err &&
    task "$1" $data --resume part --steps 20 >out 2>err && cmp -s whole part; then
    pass "cpu f32: task $name, resumes bit for bit"
  else
    fail "cpu f32: task $name, resumes bit for bit" "$(head -c 300 err)"
  fi
  rm -f whole part
}
resumed adding adding --T 9 --dropout 0.3 --layers 2
resumed "adding, lengths drawn" adding --T 4 --T-max 9
resumed multiplication multiplication --T 10 --T-max 12
resumed xor xor --T 11
resumed copy copy --T 3 --optimizer adam
resumed memory-5bit memory-5bit --T 2
resumed memory-20bit memory-20bit --T 2
resumed permutation permutation --T 4 --every-step
resumed embedded-reber embedded-reber --T 14
resumed continual-reber continual-reber --T 14
resumed temporal-order temporal-order --T 12 --symbols 3
resumed mackey-glass mackey-glass --T 22 --tau 30
resumed narma10 narma10 --T 25
resumed pixels pixels $pixels --rows --optimizer momentum
resumed "pixels, permuted" pixels $pixels --permuted --clip value:0.1
for cell in $("$seqgpu" info --device cpu | sed -n '/^cell /,/^$/p' | sed '1d;/^$/d;s/ .*//'); do
  resumed "adding, $cell" adding --T 5 --cell "$cell"
done
check "a batch of 3 and a batch of 1 see the same sequences" sh -c '
  for b in 1 3; do "$1" train adding --T 9 --hidden 6 --batch $b --steps 1 --lr 0 --eval-size 7 --device cpu --threads 1 --json >v$b; done
  a=$(sed "s/.*\"val_loss\": \([^,]*\),.*/\1/" v1) && b=$(sed "s/.*\"val_loss\": \([^,]*\),.*/\1/" v3)
  rm -f v1 v3
  awk "BEGIN { exit !($a > 0 && ($a - $b) ^ 2 < 1e-12 * $a * $a) }"' sh "$seqgpu"

# ---------------------------------------------------------------- learning

# learns NAME LIMIT OPTIONS...: ends because its loss came to the limit.
learns() {
  name=$1 limit=$2
  shift 2
  task "$@" --stop-at "$limit" --json >out 2>err
  code=$?
  loss=$(sed -n '$s/.*"val_loss": \([0-9.e-]*\).*/\1/p' out)
  if [ $code = 0 ] && [ -n "$loss" ] && awk "BEGIN { exit !($loss <= $limit) }"; then pass "cpu f32: task $name"
  else fail "cpu f32: task $name" "exit $code, loss $loss: $(head -c 300 err)"; fi
}
learns "adding, learns" 0.05 adding --T 8 --hidden 24 --lr 0.01 --steps 3000 --eval-every 100 --eval-size 200
# solves NAME LIMIT OPTIONS...: comes to the metric at which its paper calls it solved.
solves() {
  name=$1 limit=$2
  shift 2
  if task "$@" --eval-size 200 --eval-every 100 --stop-at-metric "$limit" --json >out 2>err &&
    sed -n '$p' out | sed 's/.*"val_[a-z_]*": \([0-9.e-]*\), "grad_norm".*/\1/' | awk "{ solved = \$1 <= $limit } END { exit !solved }"; then
    pass "cpu f32: task $name, is solved"
  else fail "cpu f32: task $name, is solved" "$(tail -1 out) $(head -c 300 err)"; fi
}
solves multiplication 0.01 multiplication --T 10 --hidden 24 --lr 0.01 --steps 8000
solves xor 0.01 xor --T 10 --T-max 12 --hidden 24 --lr 0.003 --batch 50 --optimizer adam --steps 8000
solves memory-5bit 0.01 memory-5bit --T 1 --hidden 30 --lr 0.01 --steps 3000
learns "memory-20bit, learns" 0.2 memory-20bit --T 1 --hidden 40 --lr 0.01 --steps 3000 --eval-every 100 --eval-size 50
solves permutation 0.01 permutation --T 5 --hidden 10 --lr 0.01 --steps 1000
solves embedded-reber 0.01 embedded-reber --T 30 --hidden 16 --lr 0.01 --steps 6000
solves continual-reber 0.01 continual-reber --T 40 --hidden 16 --lr 0.01 --steps 6000
learns "copy, learns" 0.5 copy --T 1 --hidden 40 --lr 0.01 --steps 3000 --eval-every 100 --eval-size 50
learns "temporal-order, learns" 0.1 temporal-order --T 10 --hidden 20 --lr 0.01 --steps 2000 --eval-every 100 --eval-size 200
learns "pixels, learns" 0.1 pixels $pixels --rows --hidden 10 --batch 10 --lr 0.01 --steps 2000 --eval-every 50
learns "mackey-glass, learns" 0.003 mackey-glass --T 40 --hidden 16 --lr 0.01 --steps 1000 --eval-every 50
learns "narma10, learns" 0.01 narma10 --T 40 --hidden 16 --lr 0.01 --steps 1000 --eval-every 50
learns "adding, an IRNN learns" 0.1 adding --T 8 --hidden 24 --cell rnn --activation relu --init irnn --lr 0.003 --steps 3000 --eval-every 100
solves temporal-order 0.01 temporal-order --T 10 --T-max 20 --cell rnn --hidden 50 --init irnn --init-scale 0.95 --init-input 0.01 \
  --optimizer sgd --lr 0.01 --omega 2 --omega-form squares --steps 4000
task adding $tiny --T 4 --layers 2 --init-input 1e-6 --lr 0 --steps 1 --eval-size 4 --checkpoint drawn --quiet
check "--init-input: the weights of every input, and no others" sh -c '
  "$1" inspect --checkpoint drawn | awk "/^rnn.weight/ { small = \$NF > 0 && \$NF < 1e-5; if (small != (/_ih_/ != 0)) bad = 1; n++ }
    END { exit bad || n != 4 }"' sh "$seqgpu"
task adding --T 8 --hidden 24 --lr 0.01 --steps 3000 --eval-every 100 --stop-at-metric 0.5 --json >out 2>err
if [ "$(wc -l <out)" -lt 60 ] && grep -q '"val_error_rate": 0' out; then pass "cpu f32: task adding, stop-at-metric ends early"
else fail "cpu f32: task adding, stop-at-metric ends early" "$(tail -1 out) $(head -c 200 err)"; fi
if [ "$(task adding --T 100 --dry-run --json)" = '{"parameters": 67201, "plan": "cpu/step", "baseline": 0.166666667}' ]; then
  pass "a dry run says what it would be"
else fail "a dry run says what it would be" "$(task adding --T 100 --dry-run --json)"; fi
task adding --dry-run --checkpoint new --log newlog >out 2>err
if [ -e new ] || [ -e newlog ]; then fail "a dry run leaves nothing" "files"; else pass "a dry run leaves nothing"; fi

# ---------------------------------------------------------------- what is wrong

refused "adding of one number" 2 "at least 2" train adding $tiny --T 1
refused "a state that overflows is named" 1 "the first number that is not finite: rnn: part h of layer 0, direction 0 is -*inf at step 1" train adding $tiny \
  --T 30 --cell rnn --activation identity --layers 2 --lr 1e20 --optimizer sgd --clip none --steps 9 --quiet
refused "an output that overflows is named" 1 "the first number that is not finite: squared_error\|not finite: linear" train adding $tiny --T 9 --lr 1e38 --optimizer sgd \
  --clip none --steps 9 --quiet
refused "lengths that end before they begin" 2 "at least 9" train adding $tiny --T 9 --T-max 8
refused "no other lengths where every step is scored" 2 "--T-max" train copy $tiny --T 9 --T-max 12
refused "the last step of other lengths" 2 "excludes --T-max" train permutation $tiny --T 5 --T-max 9 --every-step
refused "ten steps have a tenth" 2 "at least 10" train xor $tiny --T 9
refused "temporal order is long" 2 "at least 10" train temporal-order $tiny --T 9
refused "a window that is all warm-up" 2 "at least 21" train narma10 $tiny --T 20
refused "4 symbols" 2 "from 2 to 3" train temporal-order $tiny --symbols 4
refused "no unknown option" 2 "--symbols" train adding $tiny --symbols 2
refused "no epochs without an end" 2 "--epochs" train adding $tiny --epochs 2
refused "no goal without a validation" 2 "nothing to validate" train adding $tiny --eval-size 0 --stop-at 1
refused "bad clip" 2 "clip" train adding $tiny --clip value:0
refused "bad forget bias" 2 "forget-bias" train adding $tiny --forget-bias much
refused "unknown init" 2 "pytorch" train adding $tiny --init zero
refused "a delay that would be rounded" 2 "multiple of 0.1" train mackey-glass $tiny --tau 17.25
refused "dropout between one layer" 2 "--layers 2" train adding $tiny --dropout 0.3
refused "momentum of an optimiser that has none" 2 "no effect with --optimizer rmsprop" train adding $tiny --momentum 0.5
refused "decay of an optimiser that has none" 2 "no effect with --optimizer sgd" train adding $tiny --optimizer sgd --decay 0.5
refused "a share that is not taken" 2 "no effect with --val-images" train pixels $pixels $tiny --val-images images2 --val-labels labels2 --val-fraction 0.2
refused "a rate beyond all numbers" 2 "from 0 to" train adding $tiny --lr 1e300
refused "no such gate" 1 "no gate" train adding $tiny --cell rnn --forget-bias 1
refused "hidden 10^9" 1 "out of memory" train adding $tiny --hidden 1000000000
task adding $tiny --T 5 --steps 2 --checkpoint model >out 2>err
refused "resume another task" 1 "task adding" train copy --resume model
refused "resume with another length" 1 "--T" train adding --resume model --T 6
refused "resume a language model as a task" 1 "cannot open" train adding --resume nobody
refused "no images" 2 "--images" train pixels $tiny
refused "half a validation set" 2 "both" train pixels $pixels $tiny --val-images images2
refused "images missing" 1 "cannot open" train pixels $tiny --images nobody --labels labels
refused "images are a folder" 1 "regular file" train pixels $tiny --images . --labels labels
head -c 3 images >short
refused "file of 3 bytes" 1 "too short" train pixels $tiny --images short --labels labels
head -c 10 images >short
refused "cut header" 1 "truncated in its header" train pixels $tiny --images short --labels labels
head -c 500 images >short
refused "cut images" 1 "is truncated: 484 of 960 data bytes" train pixels $tiny --images short --labels labels
(cat images; echo) >long
refused "bytes after the end" 1 "too long" train pixels $tiny --images long --labels labels
if command -v gzip >/dev/null; then
  (cat images; head -c 3000000 /dev/zero) | gzip >bomb
  refused "more data than the header says, compressed" 1 "too long\|no zlib" train pixels $tiny --images bomb --labels labels
  (bytes 0 0 8 3 0 0 1 0 0 0 2 0 0 0 2 0; head -c 100 /dev/zero) | gzip >lie
  refused "sizes that so small a file cannot have" 1 "announces 67108864 data bytes, and the file has\|no zlib" train pixels $tiny --images lie --labels labels
else
  skip "compressed images" "no gzip"
fi
echo "no images at all" >words
refused "no IDX file" 1 "not an IDX file" train pixels $tiny --images words --labels labels
refused "labels for images" 1 "dimensions" train pixels $tiny --images labels --labels labels
refused "other labels" 1 "20 labels" train pixels $tiny --images images --labels labels2
(bytes 0 0 13 3; tail -c +5 images) >floats
refused "floats" 1 "type 13" train pixels $tiny --images floats --labels labels
(bytes 0 0 8 3 255 255 255 255 255 255 255 255 255 255 255 255; tail -c +17 images) >huge
refused "sizes without end" 1 "product of all" train pixels $tiny --images huge --labels labels
(bytes 0 0 8 3 127 255 255 255 0 0 0 1 0 0 0 1; tail -c +17 images) >huge
refused "sizes that are a lie" 1 "is truncated" train pixels $tiny --images huge --labels labels
(bytes 0 0 8 3 0 0 0 0 0 0 0 4 0 0 0 4; tail -c +17 images) >none
refused "no image" 1 "product of all" train pixels $tiny --images none --labels labels
(bytes 0 0 8 3 0 0 0 20 0 0 0 8 0 0 0 2; tail -c +17 images2) >other
refused "validation of another size" 1 "8 x 2" train pixels $pixels $tiny --val-images other --val-labels labels2
(head -c 27 labels2; bytes 9) >high
refused "a class that training has not" 1 "label 19 is 9" train pixels $pixels $tiny --val-images images2 --val-labels high
refused "batch larger than the data" 1 "60 images" train pixels $pixels $tiny --val-fraction 0 --batch 61
task pixels $pixels $tiny --steps 2 --checkpoint seen >out 2>err
task pixels $pixels $tiny --val-images images2 --val-labels labels2 --steps 2 --checkpoint apart >out 2>err
refused "resume without the images of validation" 1 "trained on 60 sequences, and here there are 54" train pixels $pixels --resume apart --steps 4
refused "resume with other images of validation" 1 "validated on other data" train pixels $pixels --resume apart --val-images images --val-labels labels --steps 4
refused "resume with images of validation" 1 "trained on 54 sequences, and here there are 60" train pixels $pixels --resume seen --val-images images2 --val-labels labels2 --steps 4
refused "resume on other images" 1 "other data" train pixels --images images2 --labels labels2 --batch 3 --resume seen
task pixels $pixels --val-images images2 --val-labels labels2 $tiny --rows --steps 3 --checkpoint judged --json >trained 2>err
"$seqgpu" eval --checkpoint judged --images images2 --labels labels2 --device cpu --threads 1 --json >measured 2>err
if grep -q '"sequences": 20, ' measured && [ "$(sed -n '$s/.*"val_loss": \([0-9.]*\).*/\1/p' trained)" = "$(sed 's/.*"loss": \([0-9.]*\).*/\1/' measured | xargs printf '%.6g')" ]; then
  pass "cpu f32: task pixels, eval measures all images that it is given"
else fail "cpu f32: task pixels, eval measures all images that it is given" "$(tail -1 trained) $(cat measured err)"; fi
rm -f trained measured
refused "eval of images without images" 2 "--images" eval --checkpoint judged
if command -v gzip >/dev/null; then
  gzip -c images >images.gz
  head -c 300 images.gz >cut.gz
  (head -c 100 images.gz; bytes 1 2 3 4 5 6 7 8; tail -c +109 images.gz) >bad.gz
  if task pixels --images images.gz --labels labels $tiny --steps 2 >out 2>err; then
    pass "compressed images"
    refused "cut compressed images" 1 "cut.gz: " train pixels $tiny --images cut.gz --labels labels
    refused "damaged compressed images" 1 "bad.gz: " train pixels $tiny --images bad.gz --labels labels
  elif grep -q "no zlib" err; then skip "compressed images" "this build has no zlib"
  else fail "compressed images" "$(cat err)"; fi
else
  skip "compressed images" "no gzip"
fi

finish_cli
