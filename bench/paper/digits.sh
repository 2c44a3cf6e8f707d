#!/bin/sh
# digits.sh [MINUTES] [UPDATES] - 28 x 28 digits, row by row, on a CPU: LSTM, GRU, IRNN and uRNN beside
# PyTorch's LSTM.
#
# The same settings for all: 128 units, RMSprop 1e-3, decay 0.9, batch 50, norm clipped to 1, the same
# number of updates (the minutes are a limit that should not be reached).  The images are those of mnist/ in
# SEQGPU_DATA, or the IDX files of Debian's dataset-fashion-mnist.
set -eu
minutes=${1:-30}
updates=${2:-6000}
. "$(dirname "$0")/paper.sh"
begin digits-rows

find_digits || exit 0
common="--rows --hidden 128 --batch 50 --optimizer rmsprop --lr 1e-3 --decay 0.9 --clip 1 --log-every 200 --eval-every 600
  --steps $updates --minutes $(share 3)"

run_cell lstm "LSTM 128" pixels $files $common
run_cell gru "GRU 128" pixels $files $common
run_cell rnn "IRNN 128" pixels $files $common --activation relu --init irnn
run_cell urnn "uRNN 128" pixels $files $common
peer "PyTorch LSTM 128" torch_pixels.py $files --steps "$updates" --eval-every 600

publish --title "28 x 28 images row by row" --y val_error_rate --y-label "error rate on the test images" --log-y \
  --columns step:last,elapsed_s:last,val_loss:last,val_error_rate:last,val_error_rate:min,tokens_per_s:median \
  --about "$what: trained on 60,000 images, validated on all 10,000 test images." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
