#!/bin/sh
# test_keep.sh PROGRAM - a training run loses nothing of the user's: what it writes over, adds to, keeps and leaves behind.
# Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

awk 'BEGIN { for (i = 0; i < 90; i++) printf "%s%s", substr("the cat sat on a mat", 1 + i * 7 % 12, 5), i % 8 ? "" : "\n" }' >text
tiny="--hidden 6 --layers 1 --batch 4 --seq-len 8 --device cpu --threads 1"
train() { "$seqgpu" train charlm --text text $tiny "$@"; }

# same NAME FILE COPY: the file is what it was.
same() { if cmp -s "$2" "$3"; then pass "$1"; else fail "$1" "$2 has changed"; fi }
# has NAME WORDS FILE
has() { if grep -q -e "$2" "$3"; then pass "$1"; else fail "$1" "\"$2\" is not in: $(head -c 300 "$3")"; fi }
# equal NAME IS EXPECTED
equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "is \"$2\", expected \"$3\""; fi }
step_of() { "$seqgpu" inspect --checkpoint "$1" | sed -n 's/^step  *//p'; }

# ---------------------------------------------------------------- what is there stays

check "a model" train --steps 5 --checkpoint model
cp model model.copy
refused "a model is not replaced" 1 "model: is there already; --resume .*--force" train charlm --text text $tiny --steps 1 --checkpoint model
same "a model that was not replaced" model model.copy
check "--force replaces it" train --steps 1 --checkpoint model --force
equal "a model that was replaced" "$(step_of model)" 1
cp model.copy model
check "another model" train --steps 2 --checkpoint other
cp other other.copy
refused "resuming does not replace another model" 1 "other: is there already" train charlm --text text --resume model --steps 9 --checkpoint other
same "another model" other other.copy

cp text book
cp text text.copy
printf 'Dear diary,\n' >diary
cp diary diary.copy
refused "the text is not the checkpoint" 1 "checkpoint: is text, and so is --text" train charlm --text text $tiny --checkpoint text --force
refused "another text is not the checkpoint" 1 "no .safetensors file" train charlm --text text $tiny --checkpoint book --force
refused "the text is not the log" 1 "log: is text, and so is --text" train charlm --text text $tiny --log text
refused "a diary is no log" 1 "diary: is there and is no log" train charlm --text text $tiny --log diary
refused "the model is not the log" 1 "log: is model" train charlm --text text --resume model --log model
refused "log and checkpoint that are not there yet" 1 "must be two files" train charlm --text text $tiny --checkpoint new --log ./new
ln -s text by_link
ln text by_name
refused "the text by a link" 1 "so is --text" train charlm --text text $tiny --log by_link
refused "the text by another name" 1 "so is --text" train charlm --text text $tiny --checkpoint by_name --force
same "the text" text text.copy
same "the other text" book text.copy
same "the diary" diary diary.copy
same "the model" model model.copy

refused "export over a diary" 1 "diary: is there already" export model --to diary --format pytorch
refused "export over the model itself" 1 "the file that is read" export model --to ./model --format pytorch --force
refused "import over a model" 1 "other: is there already" import model --to other
refused "import over a diary" 1 "no .safetensors file" import model --to diary --force
same "the diary, after import and export" diary diary.copy
same "the other model" other other.copy
same "the model, after import and export" model model.copy
check "export over a model that may go" "$seqgpu" export model --to other --format pytorch --force

# ---------------------------------------------------------------- links, permissions, two runs

mkdir far
cp model far/model
chmod 640 far/model
ln -s far/model near
check "a checkpoint by a link" "$seqgpu" train charlm --text text --resume near --steps 8 --device cpu --threads 1
if [ -L near ] && [ "$(step_of far/model)" = 8 ]; then pass "a link stays a link"; else fail "a link stays a link" "$(ls -l near far)"; fi
equal "permissions are kept" "$(stat -c %a far/model 2>/dev/null || stat -f %Lp far/model)" 640
ln -s far/new dangling
check "a link to a file that is not there" train --steps 2 --checkpoint dangling
equal "it is made where the link leads" "$(step_of far/new)" 2

"$seqgpu" train charlm --text text $tiny --steps 100000000 --minutes 1 --checkpoint-every 0 --checkpoint shared --log first.log --log-every 1 >out 2>err &
child=$!
tries=0
while [ ! -s first.log ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
refused "two runs, one checkpoint" 1 "another run, process $child saves into it" train charlm --text text $tiny --steps 1 --checkpoint shared
check "another checkpoint in the same folder" train --steps 1 --checkpoint beside
kill -9 $child
wait $child 2>/dev/null
if [ -e shared ]; then fail "nothing is saved before it is due" "shared is there"; else pass "nothing is saved before it is due"; fi
check "the lock of a killed run is gone" train --steps 1 --checkpoint shared
if ls -A | grep -q '^\.seqgpu'; then fail "no lock is left" "$(ls -A | grep '^\.seqgpu')"; else pass "no lock is left"; fi
echo >.seqgpu-999999999-0.tmp
echo >.seqgpu-999999999-12-0.tmp
echo >.seqgpu-$$-0.tmp
check "a run beside leftovers" train --steps 1 --checkpoint shared --force
if [ ! -e .seqgpu-999999999-0.tmp ] && [ ! -e .seqgpu-999999999-12-0.tmp ]; then pass "leftovers of dead processes are removed"
else fail "leftovers of dead processes are removed" "$(ls -A | grep '^\.seqgpu')"; fi
if [ -e .seqgpu-$$-0.tmp ]; then pass "not those of a living one, of version 0.1"; else fail "not those of a living one, of version 0.1" "it is gone"; fi
rm -f .seqgpu-$$-0.tmp

# ---------------------------------------------------------------- which models are kept

names() { ls "$1"* 2>/dev/null | tr '\n' ' '; }
check "--keep" train --steps 10 --checkpoint-every 2 --keep 3 --checkpoint kept.st
equal "the last three saves are kept" "$(names kept)" "kept-00000006.st kept-00000008.st kept-00000010.st kept.st "
equal "each is of its step" "$(step_of kept-00000006.st) $(step_of kept-00000010.st) $(step_of kept.st)" "6 10 10"
check "--keep goes on" "$seqgpu" train charlm --text text --resume kept.st --steps 14 --checkpoint-every 2 --keep 3 --device cpu --threads 1
equal "the last three saves of both" "$(names kept)" "kept-00000010.st kept-00000012.st kept-00000014.st kept.st "
rm kept.st
refused "copies of another run" 1 "kept-00000010.st: is there already" train charlm --text text $tiny --keep 3 --checkpoint kept.st
check "--checkpoint-minutes" train --steps 100000000 --minutes 0.02 --checkpoint-every 0 --checkpoint-minutes 0.001 --keep 1000000 --checkpoint timed.st
if [ "$(ls timed-*.st | wc -l)" -gt 1 ]; then pass "saves by the clock"; else fail "saves by the clock" "$(names timed)"; fi
rm -f timed*

check "--keep-best" train --steps 60 --lr 0.3 --eval-every 5 --keep-best --checkpoint good.st --log good.log
best=$(sed -n 's/.*"step": \([0-9]*\),.*"val_loss": \([0-9.]*\),.*/\2 \1/p' good.log | sort -n | head -1)
equal "the model with the lowest validation loss" "$(step_of good-best.st)" "${best#* }"
check "inspect of the best model" "$seqgpu" inspect --checkpoint good-best.st
equal "it says its loss" "$(awk '$1 == "val_loss" { printf "%.6g", $2 }' out)" "${best% *}"
check "--keep-best goes on" "$seqgpu" train charlm --text text --resume good.st --steps 61 --lr 0 --eval-every 1 --keep-best --device cpu --threads 1
equal "a worse model does not replace it" "$(step_of good-best.st)" "${best#* }"
check "--patience" train --steps 1000 --lr 0 --eval-every 5 --patience 2 --log patient.log
equal "it ends after two validations that were no better" "$(sed -n '$s/{"step": \([0-9]*\),.*/\1/p' patient.log)" 15
refused "--patience without a validation" 2 "nothing to validate on" train charlm --text text $tiny --val-fraction 0 --patience 2
refused "--keep without a checkpoint" 2 "keep: nothing is saved without --checkpoint" train charlm --text text $tiny --keep 2

# ---------------------------------------------------------------- the log

steps() { sed 's/{"step": \([0-9]*\),.*/\1/' "$1" | tr '\n' ' '; }
check "a run with a log" train --steps 20 --log-every 5 --eval-every 10 --checkpoint part.st --log run.log
cp part.st part20.st
check "it goes on" "$seqgpu" train charlm --text text --resume part.st --steps 40 --log-every 5 --eval-every 10 --log run.log --device cpu --threads 1
cp part20.st part.st
printf '{"step": 45, "epo' >>run.log
check "it goes on again from step 20" "$seqgpu" train charlm --text text --resume part.st --steps 30 --log-every 5 --eval-every 10 --log run.log --device cpu --threads 1
equal "no step is repeated" "$(steps run.log)" "5 10 15 20 25 30 "
equal "validations stand where they were measured" "$(sed -n '/"val_loss": null/s/{"step": \([0-9]*\),.*/\1/p' run.log | tr '\n' ' ')" "5 15 25 "
cp run.log run.copy
check "another run with that log" train --steps 10 --log-every 5 --log run.log
head -c "$(wc -c <run.copy)" run.log >run.start
same "a log is only added to" run.start run.copy
equal "the other run follows" "$(steps run.log)" "5 10 15 20 25 30 5 10 "

# ---------------------------------------------------------------- what it says

check "a finished run" "$seqgpu" train charlm --text text --resume part.st --steps 30 --device cpu --threads 1
has "a finished run says so" "already at step 30" out
cp out out.finished
if grep -q 'nan' out.finished; then fail "it reports no nan" "$(cat out.finished)"; else pass "it reports no nan"; fi
if (trap '' XFSZ && ulimit -f 4) 2>/dev/null; then
  (trap '' XFSZ && ulimit -f 4 && exec "$seqgpu" train charlm --text text $tiny --hidden 40 --steps 20 --log-every 5 --checkpoint-every 5 --checkpoint full >out 2>err)
  equal "a disk that stays full" "$? $(grep -c 'goes on' err) $(wc -l <out)" "1 3 4"
  if [ -e full ]; then fail "leaves no file" "$(ls -l full)"; else pass "leaves no file"; fi
else
  skip "a disk that stays full" "no limit of file sizes here"
fi
if [ -w /dev/full ]; then
  train --steps 9 --log-every 3 --log /dev/full --checkpoint full >out 2>err
  equal "a full disk under the log: the model is saved" "$? $(step_of full)" "1 3"
else
  skip "a full disk under the log" "no /dev/full"
fi
check "without a checkpoint" train --steps 1
has "it says that nothing will be saved" "will not be saved" err
(trap '' HUP && exec "$seqgpu" train charlm --text text $tiny --steps 100000000 --minutes 1 --checkpoint nohup.st --log nohup.log --log-every 1 >out 2>err) &
child=$!
tries=0
while [ ! -s nohup.log ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s HUP $child
sleep 0.1
kill -s TERM $child
wait $child
equal "under nohup a hang-up does not end it" $? 143

finish_cli
