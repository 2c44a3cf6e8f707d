#!/bin/sh
# copying.sh [MINUTES] [T] - copying memory (Arjovsky, Shah, Bengio 2016, section 5.1) on a CPU: 10 of 8 symbols, T blanks.
#
# uRNN 128 against LSTM 40, tanh RNN 80 and IRNN 80: RMSprop 1e-3, decay 0.9, batch 20, as in the paper; theirs clip at 1, the
# uRNN does not clip. The uRNN runs until its loss is a tenth of the baseline 10 ln 8/(T+20), or for half of the minutes; the
# others get as many updates, or the other half.
set -eu
minutes=${1:-30}
T=${2:-100}
. "$(dirname "$0")/paper.sh"
begin "copying-T$T"
line=$(baseline copy --T "$T")
goal=$(awk "BEGIN { print $line / 10 }")
common="--T $T --batch 20 --optimizer rmsprop --lr 1e-3 --decay 0.9 --log-every 100 --eval-every 200 --eval-size 200"

run_cell urnn "uRNN 128" copy $common --hidden 128 --clip none --stop-at "$goal" --minutes "$(share 2)"
finish
steps=$(updates "uRNN 128")
limit="--minutes $(share 4)"
[ "$steps" = 0 ] || limit="$limit --steps $steps"
run_cell lstm "LSTM 40" copy $common --hidden 40 --clip value:1 $limit
run_cell rnn "tanh RNN 80" copy $common --hidden 80 --clip value:1 $limit
run_cell rnn "IRNN 80" copy $common --hidden 80 --clip value:1 --activation relu --init irnn $limit

publish --title "Copying memory, T = $T" --baseline "$line" --goal "$goal" --y val_loss --y-label "cross-entropy (nats a step)" \
  --columns step:last,elapsed_s:last,val_loss:last,val_loss:min,val_error_rate:last \
  --about "Copying memory: 10 of 8 symbols, said again after T = $T blanks; loss of 200 fresh sequences, error rate of the 10 symbols." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; $minutes minutes in all."
