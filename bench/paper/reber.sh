#!/bin/sh
# reber.sh [SEEDS] [UPDATES] [SYMBOLS] - the continual embedded Reber grammar on a CPU (Gers, Schmidhuber,
# Cummins 2000): LSTM with a forget gate beside the LSTM of 1997 (version 0), whose state nothing resets, and
# beside version 0 that is reset at each string.
#
# The paper: one stream without end until its first error; a model is perfect when 10 fresh streams of
# 100,000 symbols have no output that is off by more than 0.49.  With forget gates 18 % of its trials were
# perfect, 62 % with a falling learning rate; version 0 without resets never was.  Its networks have 8 cells
# and 4 blocks, each block with one forget gate of its own initial bias.
#
# Here: 8 units, as many cells, each with its own gates, and 20; 5 seeds, 10,000 updates on 20 windows of 100
# symbols that begin with a string and with states of zero, and the whole gradient through them; the criterion
# is the paper's.  "with resets" is the task of single strings, whose states begin with zero; it is measured
# on as many strings as 10 streams of 100,000 symbols have, of 12 symbols each on average.
#
# Found: with 8 units the LSTM is perfect and version 0 is not, with each seed.  With 20 units version 0 is
# perfect too, after five times as many updates; here it has the whole gradient, in the paper a truncated one.
set -eu
seeds=$(seq "${1:-5}")
updates=${2:-10000}
symbols=${3:-100000}
. "$(dirname "$0")/paper.sh"
begin continual-reber
common="--batch 20 --optimizer rmsprop --lr 0.01 --decay 0.9 --clip 1 --steps $updates
  --log-every 250 --eval-every 250 --eval-size 200"

for units in 8 20; do
  run_seeds "LSTM $units" continual-reber $common --T 100 --cell lstm --hidden $units
  run_seeds "version 0, $units" continual-reber $common --T 100 --cell lstm0 --hidden $units
  run_seeds "version 0 with resets, $units" embedded-reber $common --T 50 --cell lstm0 --hidden $units
done
finish
for seed in $seeds; do
  for units in 8 20; do
    measure "LSTM $units, seed $seed" stream_ --T "$symbols" --eval-size 10 --batch 1
    measure "version 0, $units, seed $seed" stream_ --T "$symbols" --eval-size 10 --batch 1
    measure "version 0 with resets, $units, seed $seed" string_ --T 100 --eval-size $((symbols * 10 / 12)) --batch 100
  done
done

publish --title "Continual embedded Reber grammar" --y val_wrong_sequences --y-label "wrong windows (validation)" --goal 0 \
  --columns stream_wrong_sequences:last,stream_right_steps:last,string_wrong_sequences:last,val_loss:last,step:last \
  --about "What may come next in a stream of strings (Gers, Schmidhuber, Cummins 2000). By the paper a model is perfect when no output is off by more than 0.49 in 10 fresh streams of 100,000 symbols: stream_wrong_sequences is the share of 10 streams of $symbols symbols with such an error, stream_right_steps how many symbols come before it. With resets the states are zero at each string, and string_wrong_sequences is the share of wrong strings in as many as 10 such streams have. In the paper 18 % of the trials with forget gates were perfect, 62 % with a falling learning rate, and none of version 0 without resets." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time: 8 or 20 units, 20 windows of 100 symbols an update (with resets: of one string), RMSprop 0.01; 200 windows validate. The paper's networks have 8 cells in 4 blocks and learn from a single stream, symbol by symbol, with truncated gradients."
