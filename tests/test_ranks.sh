#!/bin/sh
# test_ranks.sh PROGRAM - `mpirun -n N seqgpu train ...`: the same files from each number of processes, resuming on another one,
# signals and kill -9 at random moments, what is refused; and shards of one process.
# SEQGPU_TEST_KILLS=50 for more kills than the 5 of every day; SEQGPU_TEST_SEED for the moments of an earlier run.
# Its parts run side by side, since mpirun takes seconds to end what has failed; PROGRAM and the name of one: that one alone.
script=$(cd "$(dirname "$0")" && pwd)/test_ranks.sh
part=${2:-all}
. "$(dirname "$0")/mpi.sh"
. "$(dirname "$0")/cli.sh"

kills=${SEQGPU_TEST_KILLS:-5}
seed=${SEQGPU_TEST_SEED:-$(date +%s)}
echo "seed $seed"
awk 'BEGIN { for (i = 0; i < 500; i++) printf "%s\n", substr("the cat sat on a mat", 1 + i * 7 % 12, 5) }' >text
run="--device cpu --threads 1 --log-every 5 --eval-every 20"
charlm="charlm --text text --hidden 8 --layers 2 --batch 8 --seq-len 9 --dropout 0.2 --average 15 --noise 0.01 $run"
# Sentences of 1 to 9 words, each with its class; 30 of them leave a last batch of 2.
awk 'BEGIN { for (i = 0; i < 30; i++) { n = 1 + i * 5 % 9; for (k = 1; k <= n; k++) printf "%d\tw%d\t_\tT%d\t_\t_\t_\t_\t_\t_\n", k, i * k % 11, i * k % 11 % 3; print "" } }' >words
tag="tag --data words --word-size 3 --letter-size 2 --letter-hidden 2 --hidden 4 --dropout 0.2 --word-dropout 0.2 --batch 4 $run"
adding="adding --T 10 --T-max 14 --hidden 6 --batch 8 --eval-size 40 --optimizer adam --lr-schedule plateau --lr-every 1 $run"

# ---------------------------------------------------------------- one process
one_process() {
  check "4 shards in one process" "$seqgpu" train $charlm --shards 4 --steps 40 --checkpoint one.st --log one.log
  check "the same in two parts" sh -c '"$@" --steps 17 --checkpoint parts.st && "$@" --steps 40 --resume parts.st' sh "$seqgpu" train $charlm --shards 4
  check "they make the same file" cmp one.st parts.st
  refused "a batch that the shards do not divide" 2 "multiple of 3" train $charlm --shards 3 --steps 1
  refused "batch normalisation of shards" 2 "whole batches" train $adding --batch-norm-input --shards 2 --steps 1
}

# ---------------------------------------------------------------- the same run
same_runs() {
  one_process
  for n in 2 4; do
    check "4 shards in $n processes" processes $n "$seqgpu" train $charlm --shards 4 --steps 40 --checkpoint many.st --force --log many.log
    check "language model: the same file from 1 and $n processes" cmp one.st many.st
    sed 's/"tokens_per_s.*//' one.log >a && sed 's/"tokens_per_s.*//' many.log >b
    check "language model: the same log from 1 and $n processes, written once" cmp a b
    rm -f many.log
    check "the same with early sums and shared out moments" processes $n "$seqgpu" train $charlm --shards 4 --steps 40 --checkpoint early.st --force --overlap --share-moments
    check "language model: the same file from $n processes with them" cmp one.st early.st
  done
  check "a task in 4 shards" "$seqgpu" train $adding --shards 4 --steps 60 --checkpoint task1.st
  for n in 2 4; do
    check "a task in $n processes" processes $n "$seqgpu" train $adding --shards 4 --steps 60 --checkpoint task$n.st
    check "task: the same file from 1 and $n processes" cmp task1.st task$n.st
    check "a task, early sums, shared out moments" processes $n "$seqgpu" train $adding --shards 4 --steps 60 --checkpoint task$n.st --force --overlap --share-moments
    check "task: the same file from $n processes with them" cmp task1.st task$n.st
  done

  # What an application learns: the others are tried in test_applications_*.sh.
  check "an application in 4 shards" "$seqgpu" train $tag --shards 4 --steps 40 --checkpoint app1.st --log app1.log
  for n in 2 4; do
    check "an application in $n processes, early sums, shared out moments" processes $n "$seqgpu" train $tag --shards 4 --steps 40 --checkpoint app$n.st --overlap --share-moments --log app$n.log
    check "application: the same file from 1 and $n processes" cmp app1.st app$n.st
    sed 's/"tokens_per_s.*//' app1.log >a && sed 's/"tokens_per_s.*//' app$n.log >b
    check "application: the same log from 1 and $n processes, written once" cmp a b
  done

  # One batch, and shards of it, drop alike and differ by rounding alone.
  plain="charlm --text text --hidden 16 --layers 2 --dropout 0.2 --embedding-dropout 0.2 --zoneout-hidden 0.1 --batch 64 --seq-len 5 --val-fraction 0 --device cpu --threads 1 --log-every 1 --steps 200 --optimizer adam"
  loss() { sed -n 's/.*"loss": \([^,]*\),.*/\1/p' "$1"; }
  check "1 x 64" "$seqgpu" train $plain --log x1
  for n in 2 4; do
    check "$n x $((64 / n))" processes $n "$seqgpu" train $plain --log x$n
    loss x1 >a && loss x$n >b
    paste -d ' ' a b | awk '{ d = $1 > $2 ? $1 - $2 : $2 - $1; d /= $1; if (d > worst) worst = d }
      END { printf "%.2g in %d updates", worst, NR; exit !(NR == 200 && worst < 1e-4) }' >log &&
      pass "cpu f32: losses of 1 x 64 and $n x $((64 / n)): $(cat log)" || fail "cpu f32: losses of 1 x 64 and $n x $((64 / n))" "$(cat log)"
  done
}

# ---------------------------------------------------------------- resuming
resuming() {
  check "10 updates of 4 processes" processes 4 "$seqgpu" train $charlm --steps 10 --checkpoint part.st
  check "20 more of 2" processes 2 "$seqgpu" train $charlm --steps 30 --resume part.st --overlap --share-moments
  check "10 more of 1" "$seqgpu" train $charlm --steps 40 --resume part.st
  check "4, 2 and 1 processes make the file of an uninterrupted run" cmp one.st part.st
  check "10 updates of an application, 4 processes" processes 4 "$seqgpu" train $tag --steps 10 --checkpoint apart.st
  check "20 more of 2" processes 2 "$seqgpu" train $tag --steps 30 --resume apart.st
  check "10 more of 1" "$seqgpu" train $tag --steps 40 --resume apart.st
  check "4, 2 and 1 processes make the file of an uninterrupted run of an application" cmp app1.st apart.st
  check "one process, whole batches" "$seqgpu" train $charlm --steps 10 --checkpoint whole.st
  processes 2 "$seqgpu" train $charlm --steps 20 --resume whole.st >log 2>&1
  if grep -q "goes on with 2, one for each process" log && [ "$("$seqgpu" inspect --checkpoint whole.st | sed -n 's/^step  *//p')" = 20 ]; then
    pass "two processes go on with it, and a note"
  else fail "two processes go on with it, and a note" "$(tail -n 3 log | tr '\n' ' ')"; fi
}

# ---------------------------------------------------------------- refusals
one_refusal() { # NAME WORD COMMAND...: fails, and says so once
  what=$1 word=$2
  shift 2
  if processes 2 "$@" >log 2>&1; then fail "$what" "it succeeds"
  elif [ "$(grep -c "$word" log)" = 1 ]; then pass "refused: $what"
  else fail "$what" "$(grep -m 3 seqgpu: log | tr '\n' ' ')"; fi
}
refusals() {
  one_refusal "5 sequences in 2 processes" "multiple of 2" "$seqgpu" train $adding --batch 5 --steps 1
  one_refusal "3 shards in 2 processes" "it must be 2, 4, 8" "$seqgpu" train $adding --shards 3 --steps 1
  one_refusal "an update that has no parts" "runs in one process" "$seqgpu" train adding --T 6 --hidden 4 --batch 4 --optimizer hessian-free --steps 1 $run
  one_refusal "an option that there is not" "is not an option" "$seqgpu" train $adding --shard 3 --steps 1
  sed 's/cat/dog/' text >text1
  one_refusal "another text in one process" "have other data than process 0" \
    sh -c 'r=$OMPI_COMM_WORLD_RANK$PMI_RANK; ln -sf "$PWD/text${r#0}" mine$r; exec "$@" --text mine$r' sh "$seqgpu" train charlm --hidden 4 --steps 1 --batch 2 --seq-len 5 --device cpu

  processes 2 "$seqgpu" train $adding --lr 1e38 --clip none --optimizer sgd --steps 50 >log 2>&1
  if [ "$(grep -c 'so training stopped' log)" = 1 ]; then pass "a loss that is not finite is said once"; else fail "a loss that is not finite is said once" "$(grep seqgpu: log | head -n 3)"; fi
}

# ---------------------------------------------------------------- signals and kill -9
# begin NAME OPTIONS...: a run of 4 processes, each of which leaves its number in pid-RANK; `mpirun` is its starter.
long="charlm --text text --device cpu --threads 1 --steps 100000000 --checkpoint-every 1 --log-every 1000 --eval-every 100"
begin() {
  rm -f pid-*
  processes 4 sh -c 'echo $$ >pid-$OMPI_COMM_WORLD_RANK$PMI_RANK; exec "$@"' sh "$seqgpu" train $long "$@" >out 2>&1 &
  starter=$!
}
step() { "$seqgpu" inspect --checkpoint life.st 2>err | sed -n 's/^step  *//p'; }
saved_after() { # STEP: waits until the run has saved a later one
  tries=0
  while now=$(step) && [ "${now:-0}" -le "$1" ] && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
}
ends() { # waits for the run; `took` seconds
  since=$(date +%s)
  wait $starter
  code=$?
  took=$(($(date +%s) - since))
}
endings() {
  small="--hidden 6 --layers 1 --batch 8 --seq-len 8 --checkpoint life.st"
  before=0
  set -- $small
  for name in INT TERM; do
    begin "$@"
    saved_after $before
    kill -$name "$(cat pid-2)"
    ends
    now=$(step)
    number=$([ $name = INT ] && echo 130 || echo 143)
    if [ $code = $number ] && [ $took -lt 30 ] && [ "$(grep -c "stopped after step $now; saved in" out)" = 1 ] && [ "$now" -gt $before ]; then
      pass "SIG$name to one process stops all, saved, code $number"
    else fail "SIG$name to one process stops all" "code $code after $took s, step $now: $(grep seqgpu: out | tr '\n' ' ')"; fi
    before=${now:-0}
    set -- --resume life.st
  done

  # Every other time with what may fail besides: the thread that sums, and the gather after an update.
  broken="" besides=""
  awk -v seed="$seed" -v n="$kills" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%d %.3f\n", int(4 * rand()), 0.5 * rand() }' >moments
  while read -r rank moment; do
    begin "$@" $besides </dev/null
    besides=$([ -n "$besides" ] || echo "--overlap --share-moments")
    saved_after $before
    sleep "$moment"
    kill -9 "$(cat pid-$rank)"
    ends
    now=$(step)
    [ $code != 0 ] && [ $took -lt 30 ] && [ "${now:-0}" -gt $before ] && grep -q "rank $rank\|has waited\|BAD TERMINATION" out ||
      broken="$broken process $rank after $moment s: code $code, $took s, step \"$now\" after $before, $(tail -n 2 out | tr '\n' ' ')"
    before=${now:-$before}
  done <moments
  if [ -z "$broken" ]; then pass "kill -9 of one of 4 processes, $kills times: all end, with a sentence, and the checkpoint is whole"; else fail "kill -9 of one process" "$broken"; fi

  begin "$@" --comm-timeout 2 --overlap
  saved_after $before
  kill -STOP "$(cat pid-1)"
  ends
  if [ $code != 0 ] && [ $took -lt 30 ] && grep -q "has waited 2 s for the others" out && grep -q "life.st: holds step $(step)" out; then
    pass "a process that hangs ends the others, with a sentence and the last checkpoint"
  else fail "a process that hangs" "code $code after $took s: $(grep seqgpu: out | tr '\n' ' ')"; fi
  check "the run goes on in one process" "$seqgpu" train $long --steps $(($(step) + 2)) --resume life.st

  # The same of an application, which validates besides.
  long="$tag --val-data words --steps 100000000 --checkpoint-every 1"
  rm -f life.st
  begin --checkpoint life.st
  saved_after 0
  kill -9 "$(cat pid-3)"
  ends
  before=$(step)
  if [ $code != 0 ] && [ $took -lt 30 ] && [ "${before:-0}" -gt 0 ]; then
    pass "kill -9 of a process that learns an application: all end, and the checkpoint is whole"
  else fail "kill -9 of a process that learns an application" "code $code after $took s, step \"$before\": $(grep seqgpu: out | tr '\n' ' ')"; fi
  begin --resume life.st
  saved_after "$before"
  kill -INT "$(cat pid-1)"
  ends
  if [ $code = 130 ] && [ $took -lt 30 ] && [ "$(grep -c "stopped after step $(step); saved in" out)" = 1 ]; then
    pass "SIGINT to one that learns an application stops all, saved"
  else fail "SIGINT to one that learns an application stops all" "code $code after $took s: $(grep seqgpu: out | tr '\n' ' ')"; fi
}

# ---------------------------------------------------------------- all of it
case $part in
  same) same_runs; resuming ;;
  refusals) refusals ;;
  endings) endings ;;
  *)
    if ! have_mpirun || ! "$seqgpu" info >/dev/null; then
      one_process
      skip "processes" "no mpirun here"
    elif processes 2 "$seqgpu" train $charlm --steps 1 2>&1 | grep -q "no MPI"; then
      one_process
      skip "processes" "this build has no MPI"
    else
      for each in same refusals endings; do SEQGPU_TEST_SEED=$seed sh "$script" "$seqgpu" $each >$each.log 2>&1 & done
      wait
      for each in same refusals endings; do take $each.log "$each"; done
    fi
    ;;
esac
finish_cli
