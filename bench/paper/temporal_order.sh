#!/bin/sh
# temporal_order.sh [UPDATES] [SEEDS] [SEQUENCES] - temporal order over T = 50 to 100 steps on a CPU (Pascanu, Mikolov,
# Bengio 2013, section 4.1): which two symbols stood among the distractors, and in which order.
#
# 50 tanh units by gradient descent, learning rate 0.01, batch 20, in three ways: plain; its norm clipped to 1; clipped
# and with the regulariser Omega, weight 2 in the form of the authors' code.  A run is solved, and ends, when at most
# 0.5 % of 1,000 validation sequences are wrong; what it has learnt is then asked about 10,000 fresh sequences (SEQUENCES)
# of T = 50 to 100, and of the lengths 50, 100, 500 and 1,000 that it has partly never seen.  The paper's goal is less
# than 1 %.  Plain gradient descent also has T = 10 to 20, where it does not fail in the paper.
#
# The recurrent weights begin as 0.95 times the identity, the input's normal with deviation 0.01.  The paper begins with
# 15 links into each unit, of the same spectral radius, all other weights with deviation 0.01, and needs some 336,000
# updates for T = 50 to 200: no CPU's work.  Another deviation: T is drawn for each sequence, not for each batch.  All
# methods have at most UPDATES updates (20,000).
set -eu
updates=${1:-20000}
seeds=${2:-5}
sequences=${3:-10000}
. "$(dirname "$0")/paper.sh"
begin temporal-order
common="--cell rnn --hidden 50 --init irnn --init-scale 0.95 --init-input 0.01 --optimizer sgd --lr 0.01 --batch 20
  --steps $updates --stop-at-metric 0.005 --eval-every 250 --eval-size 1000 --log-every 250"

model_of() { echo "$(log_of "$1").st"; }

# learn NAME OPTIONS...: a run that leaves its model, unless it stops because a number is infinite.
learn() {
  title=$1
  shift
  run "$title" temporal-order $common --seed "$seed" --checkpoint "$(model_of "$title")" "$@"
}

# ask NAME: adds the errors of fresh sequences to the log of a run.
ask() {
  model=$(model_of "$1")
  [ -f "$model" ] || return 0
  answers=
  for lengths in 50-100 50-0 100-0 500-0 1000-0; do
    error=$("$seqgpu" eval --checkpoint "$model" --T "${lengths%-*}" --T-max "${lengths#*-}" --eval-size "$sequences" \
      --batch 200 --seed 1000 --device cpu --threads "$threads" --json | sed 's/.*"error_rate": \([0-9.e-]*\).*/\1/')
    answers="$answers, \"error T=${lengths%-0}\": $error"
  done
  printf '{"step": %s%s}\n' "$(updates "$1")" "$answers" >>"$(log_of "$1")"
}

for seed in $(seq "$seeds"); do
  learn "SGD, seed $seed" --T 50 --T-max 100 --clip none
  learn "SGD, clip, seed $seed" --T 50 --T-max 100 --clip 1
  learn "SGD, clip, Omega, seed $seed" --T 50 --T-max 100 --clip 1 --omega 2 --omega-form squares
  learn "SGD, T = 10-20, seed $seed" --T 10 --T-max 20 --clip none
done
finish
for seed in $(seq "$seeds"); do
  for way in "SGD" "SGD, clip" "SGD, clip, Omega"; do ask "$way, seed $seed"; done
done
publish --title "Temporal order, T = 50-100" --baseline 0.75 --goal 0.01 --y val_error_rate --y-label "share of wrong answers" \
  --columns "step:last,val_error_rate:last,error T=50-100:last,error T=50:last,error T=100:last,error T=500:last,error T=1000:last" \
  --about "Two of two symbols among T - 2 distractors, four classes; wrong answers of $sequences fresh sequences of each length, by the model with which the run ended." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; $updates updates at most, fewer where at most 0.5 % of 1,000 validation sequences were wrong."
