#!/bin/sh
# adding.sh [MINUTES] [T...] - the adding problem on a CPU (Arjovsky, Shah, Bengio 2016, section 5.2), by
# default for T = 100 and 150.
#
# uRNN 512, LSTM 128, IRNN 128 and tanh RNN 128: RMSprop 1e-3, decay 0.9, batch 20.  The first three run
# until their squared error is below 0.01; the tanh RNN gets as many updates as the slowest of them.  The
# baseline is 1/6.  All but the uRNN clip the norm of the gradient to 1.  (The paper clips each element to
# 1; with that our IRNN did not leave the baseline in 3,500 updates.)
#
# Beyond T = 100 the steps of RMSprop are too long for the last part of the uRNN's training: with 1e-3 it
# reached 0.018 in 19,700 updates, with 5e-4 it reached 0.017 in 17,600.  There it runs 19,200 updates with
# 5e-4, then continues with 1e-4.
set -eu
minutes=${1:-40}
[ $# -eq 0 ] || shift
. "$(dirname "$0")/paper.sh"
[ $# -gt 0 ] || set -- 100 150
minutes=$(share $#)

for T in "$@"; do
  begin "adding-T$T"
  common="--T $T --batch 20 --optimizer rmsprop --decay 0.9 --log-every 100 --eval-every 200 --eval-size 500"
  first="--lr 1e-3"
  [ "$T" -le 100 ] || first="--lr 5e-4 --steps 19200 --checkpoint $work/urnn.safetensors"
  until="--stop-at 0.01 --minutes $(share 3)"
  run_cell urnn "uRNN 512" adding $common --hidden 512 --clip none $first $until
  run_cell lstm "LSTM 128" adding $common --hidden 128 --lr 1e-3 --clip 1 $until
  run_cell rnn "IRNN 128" adding $common --hidden 128 --lr 1e-3 --clip 1 --activation relu --init irnn $until
  go_on "uRNN 512" adding --resume "$work/urnn.safetensors" --lr 1e-4 --steps 1000000 $until
  finish
  most=0
  for name in "uRNN 512" "LSTM 128" "IRNN 128"; do
    steps=$(updates "$name")
    [ "$steps" -le "$most" ] || most=$steps
  done
  run_cell rnn "tanh RNN 128" adding $common --hidden 128 --lr 1e-3 --clip 1 --steps "$most" --minutes "$(share 3)"
  publish --title "The adding problem, T = $T" --baseline 0.1666667 --goal 0.01 --y val_loss --y-label "mean squared error" --log-y \
    --columns step:last,elapsed_s:last,val_loss:last,val_loss:min,val_error_rate:last \
    --about "The sum of two marked numbers out of T = $T; squared error on 500 fresh sequences; a sum that is off by more than 0.04 is an error." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; $minutes minutes in all. The seconds of a run that was continued are those of its last part."
done
