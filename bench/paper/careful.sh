#!/bin/sh
# careful.sh [MINUTES] [T] [UPDATES] [SEEDS] [TASK...] - careful first weights and Nesterov's momentum on a CPU (Sutskever,
# Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013, section 5):
# adding and memory-5bit.
#
# 100 tanh units, 15 links into each, spectral radius 1.1; batch 100; momentum that rises by
#   mu_t = min(1 - 2^(-1 - log2(floor(t/250) + 1)), mu)
# and is 0.9 in the last 1,000 updates.  Solved: at most 1 % of the answers, or of the sequences, are wrong.
# Deviations: T = 30 for 10,000 updates by default (the paper: T = 80 and 200, 50,000 updates); the norm of
# the gradient is clipped to 1; inputs and targets are not centred.  For comparison one run each has the same
# weights and no momentum, and one the usual weights (pytorch) with the same momentum.
set -eu
minutes=${1:-60}
T=${2:-30}
updates=${3:-10000}
seeds=${4:-5}
. "$(dirname "$0")/paper.sh"
if [ $# -gt 4 ]; then shift 4; else set -- adding memory-5bit; fi
minutes=$(share $#)

for task in "$@"; do
  begin "careful-$task-T$T"
  case $task in
    adding) metric=error_rate what="sums off by more than 0.04" own="--lr 0.01 --momentum 0.98 --init-input 0.1" ;;
    memory-5bit) metric=wrong_sequences what="sequences with a wrong symbol" own="--lr 0.03 --momentum 0.98 --init-input 0.1" ;;
    *) echo "careful.sh: the task is \"$task\"; it must be adding or memory-5bit" >&2; exit 2 ;;
  esac
  common="--T $T --cell rnn --hidden 100 --batch 100 --clip 1 --steps $updates --log-every 200 --eval-every 200
    --stop-at-metric 0.01 --minutes $(share $((seeds + 2)))"
  momentum="$own --optimizer nesterov --momentum-rise --momentum-end $updates"
  for seed in $(seq "$seeds"); do
    run "careful, Nesterov, seed $seed" "$task" $common $momentum --init careful --seed "$seed"
  done
  run "careful, no momentum, seed 1" "$task" $common ${own%% --momentum*} --init-input 0.1 --optimizer sgd --init careful --seed 1
  run "pytorch, Nesterov, seed 1" "$task" $common ${own%% --init-input*} --optimizer nesterov --momentum-rise \
    --momentum-end "$updates" --init pytorch --seed 1
  publish --title "Careful first weights and Nesterov's momentum: $task, T = $T" --goal 0.01 --y "val_$metric" \
    --y-label "share of $what" --columns "step:last,elapsed_s:last,val_loss:last,val_$metric:last,val_$metric:min" \
    --baseline 1 --about "Sutskever et al. 2013, section 5, with 100 tanh units and at most $updates updates of 100 sequences; y: $what." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; settings: the commands in the JSON file."
done
