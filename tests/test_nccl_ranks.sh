#!/bin/sh
# test_nccl_ranks.sh BUILD_FOLDER - `seqgpu train ... --ranks-file FILE --rank R --world N`, on the emulated GPU and with a stand-in
# for NCCL: the same files from each number of processes, resuming on another one, a signal, kill -9 at random moments, refusals.
# SEQGPU_TEST_KILLS=50 for more kills than the 3 of every day; SEQGPU_TEST_SEED for the moments of an earlier run.
build=$1
if [ ! -x "$build/bin/seqgpu_emulated" ]; then
  echo "skip NCCL: this build has no emulator"
  echo "0 passed, 0 failed, 1 skipped"
  exit
fi
case $build in /*) ;; *) build=$PWD/$build ;; esac
. "$(dirname "$0")/started.sh"
set -- "$build/bin/seqgpu_emulated"
. "$(dirname "$0")/cli.sh"
nccl_standin "$build"

kills=${SEQGPU_TEST_KILLS:-3}
seed=${SEQGPU_TEST_SEED:-$(date +%s)}
echo "seed $seed"
awk 'BEGIN { for (i = 0; i < 200; i++) printf "%s\n", substr("the cat sat on a mat", 1 + i * 7 % 12, 5) }' >text
small="charlm --text text --hidden 5 --batch 4 --seq-len 4 --dropout 0.2 --device cuda --eval-every 0 --val-fraction 0"

# begin N ARGUMENTS...: starts N processes; number r leaves its process number in pid$r and its words in out$r.
begin() {
  world=$1 r=0
  shift
  while [ $r -lt "$world" ]; do
    timeout -k 5 300 sh -c 'echo $$ >"$0"; exec "$@"' pid$r "$seqgpu" train "$@" --ranks-file ranks --rank $r --world "$world" >out$r 2>&1 </dev/null &
    eval "started$r=$!"
    r=$((r + 1))
  done
}
# ends: waits for all; codes has their exit codes, `took` the seconds.
ends() {
  codes="" r=0 since=$(date +%s)
  while [ $r -lt "$world" ]; do
    eval "wait \$started$r"
    codes="$codes $?" r=$((r + 1))
  done
  took=$(($(date +%s) - since))
}
words() { grep -h seqgpu: out? | head -n 4 | tr '\n' ' '; }
ranks() { # NAME N ARGUMENTS...
  name=$1
  shift
  rm -f out?
  begin "$@"
  ends
  if [ -z "$(echo "$codes" | tr -d ' 0')" ] && [ ! -e ranks ] && [ ! -e ranks.1 ]; then pass "$name"; else fail "$name" "codes$codes: $(words)"; fi
}

# ---------------------------------------------------------------- the same run
check "4 shards in one process" "$seqgpu" train $small --shards 4 --steps 12 --log-every 3 --checkpoint one.st --log one.log
for n in 1 2 4; do
  ranks "4 shards in $n processes" $n $small --shards 4 --steps 12 --log-every 3 --checkpoint many.st --force --log many.log
  check "the same file from one process and $n" cmp one.st many.st
  sed 's/"tokens_per_s.*//' one.log >a && sed 's/"tokens_per_s.*//' many.log >b
  check "the same log, written once" cmp a b
  rm -f many.log
done
ranks "2 processes with early sums and shared out moments" 2 $small --shards 4 --steps 12 --checkpoint early.st --force --overlap --share-moments
check "the same file with them" cmp one.st early.st
check "process 0 alone speaks" sh -c '[ -s out0 ] && [ ! -s out1 ] && [ ! -s out3 ]'
ranks "4 updates of 4 processes" 4 $small --steps 4 --checkpoint part.st
ranks "4 more of 2" 2 $small --steps 8 --resume part.st
check "4 more of 1" "$seqgpu" train $small --steps 12 --resume part.st
check "they make the file of an uninterrupted run" cmp one.st part.st
task="adding --T 5 --hidden 4 --batch 4 --shards 2 --steps 3 --eval-every 0 --eval-size 4 --device cuda"
check "a task in 2 shards" "$seqgpu" train $task --checkpoint task1.st
ranks "a task in 2 processes" 2 $task --checkpoint task2.st
check "task: the same file" cmp task1.st task2.st

# ---------------------------------------------------------------- refusals
refused "a number without a file" 2 "no effect without --ranks-file" train $small --steps 1 --rank 0
refused "a file without a number" 2 "needs --rank" train $small --steps 1 --ranks-file ranks
refused "a file without how many" 2 "needs --world" train $small --steps 1 --ranks-file ranks --rank 0
refused "number 2 of 2" 2 "it must be from 0 to 1" train $small --steps 1 --ranks-file ranks --rank 2 --world 2
refused "a run on the CPU" 1 "NCCL connects GPUs" train $small --device cpu --steps 1 --ranks-file ranks --rank 0 --world 2
refused "a process that does not come" 1 "for process 1, which has not come" \
  train $small --steps 1 --ranks-file ranks --rank 0 --world 2 --comm-timeout 1
refused "process 0 does not come" 1 "for process 0, which has not come" \
  train $small --steps 1 --ranks-file ranks --rank 1 --world 2 --comm-timeout 1
printf '1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n\n' >tags
refused "an application on the CPU" 1 "NCCL connects GPUs" train tag --data tags --device cpu --ranks-file ranks --rank 0 --world 2

# ---------------------------------------------------------------- a signal, and kill -9
long="--steps 100000000 --checkpoint-every 1 --log-every 1000 --comm-timeout 10"
step() { "$seqgpu" inspect --checkpoint life.st 2>err | sed -n 's/^step  *//p'; }
saved_after() { # STEP: waits until the run has saved a later one
  tries=0
  while now=$(step) && [ "${now:-0}" -le "$1" ] && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
}
rm -f out?
begin 4 $small $long --checkpoint life.st
saved_after 0
kill -TERM "$(cat pid2)"
ends
now=$(step)
if [ "$codes" = " 143 143 143 143" ] && [ $took -lt 30 ] && [ "$(cat out? | grep -c "stopped after step $now; saved in")" = 1 ]; then
  pass "SIGTERM to one process stops all, saved, code 143"
else fail "SIGTERM to one process stops all" "codes$codes after $took s, step $now: $(words)"; fi

broken=""
before=${now:-0}
awk -v seed="$seed" -v n="$kills" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%d %.3f\n", int(4 * rand()), 0.5 * rand() }' >moments
while read -r victim moment; do
  rm -f out?
  begin 4 $small $long --resume life.st
  saved_after $before
  sleep "$moment"
  kill -9 "$(cat pid$victim)"
  ends
  now=$(step)
  told=0 r=0
  while [ $r -lt 4 ]; do
    [ $r = "$victim" ] || ! grep -q "comm: " out$r || told=$((told + 1))
    r=$((r + 1))
  done
  [ $took -lt 30 ] && [ "${now:-0}" -gt $before ] && [ $told = 3 ] && [ "$(echo "$codes" | tr ' ' '\n' | grep -c '^1$')" = 3 ] ||
    broken="$broken process $victim after $moment s: codes$codes, $took s, step \"$now\" after $before, $told told: $(words)"
  before=${now:-$before}
done <moments
if [ -z "$broken" ]; then pass "kill -9 of one of 4 processes, $kills times: the others end with a sentence, and the checkpoint is whole"; else fail "kill -9 of one process" "$broken"; fi
check "the run goes on in one process" "$seqgpu" train $small --steps $(($(step) + 2)) --resume life.st
finish_cli
