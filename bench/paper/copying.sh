#!/bin/sh
# copying.sh [MINUTES] [T] [UPDATES] - copying memory on a CPU (Arjovsky, Shah, Bengio 2016, section 5.1):
# 10 of 8 symbols, then T blanks.
#
# uRNN 128 beside LSTM 40, tanh RNN 80 and IRNN 80: RMSprop 1e-3, decay 0.9, batch 20, as in the paper.  The
# latter three clip at 1, the uRNN does not clip.  All make the same number of updates (4,000); the minutes
# are a limit that should not be reached.  The goal is a tenth of the baseline 10 ln 8/(T+20).
set -eu
minutes=${1:-30}
T=${2:-100}
updates=${3:-4000}
. "$(dirname "$0")/paper.sh"
begin "copying-T$T"
line=$(baseline copy --T "$T")
goal=$(awk "BEGIN { print $line / 10 }")
common="--T $T --batch 20 --optimizer rmsprop --lr 1e-3 --decay 0.9 --log-every 100 --eval-every 100 --eval-size 200
  --steps $updates --minutes $(share 2)"

run_cell urnn "uRNN 128" copy $common --hidden 128 --clip none
run_cell lstm "LSTM 40" copy $common --hidden 40 --clip value:1
run_cell rnn "tanh RNN 80" copy $common --hidden 80 --clip value:1
run_cell rnn "IRNN 80" copy $common --hidden 80 --clip value:1 --activation relu --init irnn

publish --title "Copying memory, T = $T" --baseline "$line" --goal "$goal" --y val_loss --y-label "cross-entropy (nats per step)" \
  --columns step:last,elapsed_s:last,val_loss:last,val_loss:min,val_error_rate:last \
  --about "Copying memory: 10 of 8 symbols, to be repeated after T = $T blanks; loss on 200 fresh sequences, error rate of the 10 symbols." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; $updates updates each."
