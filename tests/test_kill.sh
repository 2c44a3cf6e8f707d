#!/bin/sh
# test_kill.sh PROGRAM - kill -9 at random moments of a run that saves after every update: the checkpoint is always whole and
# never older than before, and what a killed run leaves is gone after the next one.
# SEQGPU_TEST_KILLS=1000 for more than the 20 of every day; SEQGPU_TEST_SEED for the moments of an earlier run.
. "$(dirname "$0")/cli.sh"

kills=${SEQGPU_TEST_KILLS:-20}
seed=${SEQGPU_TEST_SEED:-$(date +%s)}
echo "seed $seed"
awk 'BEGIN { for (i = 0; i < 90; i++) printf "%s\n", substr("the cat sat on a mat", 1 + i * 7 % 12, 5) }' >text
awk -v seed="$seed" -v n="$kills" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.3f\n", 0.01 + 0.08 * rand() }' >moments
run="--text text --log-every 1 --steps 100000000 --checkpoint-every 1 --keep 2 --device cpu --threads 1"
tiny="--hidden 6 --layers 1 --batch 4 --seq-len 8"

before=0 broken="" left=0
while read -r moment; do
  if [ -e model.st ]; then set -- --resume model.st; else rm -f log && set -- --checkpoint model.st $tiny; fi
  "$seqgpu" train charlm $run "$@" --log log >out 2>err &
  child=$!
  tries=0 # the first run lives until it has saved once
  while [ ! -e model.st ] && [ $tries -lt 600 ]; do sleep 0.05; tries=$((tries + 1)); done
  sleep "$moment"
  kill -9 $child
  wait $child 2>/dev/null
  left=$((left + $(ls -A | grep -c '^\.seqgpu')))
  now=$("$seqgpu" inspect --checkpoint model.st 2>err | sed -n 's/^step  *//p')
  [ "${now:-0}" -ge "$before" ] && [ -n "$now" ] || broken="$broken after $moment s: \"$now\" after $before, $(head -c 100 err);"
  before=${now:-$before}
done <moments
if [ -z "$broken" ] && [ "$before" -gt 0 ]; then pass "$kills kills, whole at step $before"; else fail "$kills kills" "${broken:-nothing was saved}"; fi
echo "$left files were left by them"

check "the next run" "$seqgpu" train charlm --text text --resume model.st --steps $((before + 1)) --keep 2 --log log --log-every 1 --device cpu --threads 1
if ls -A | grep -q '^\.seqgpu'; then fail "nothing is left after it" "$(ls -A | grep '^\.seqgpu' | head -3)"; else pass "nothing is left after it"; fi
check "steps of the log rise" awk '{ step = substr($2, 1, length($2) - 1) + 0; if (step <= last) exit 1; last = step }' log
finish_cli
