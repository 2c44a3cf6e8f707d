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

folder= suffix= what=
if [ -r "$data/mnist/train-images-idx3-ubyte.gz" ]; then
  folder=$data/mnist suffix=.gz what="MNIST from SEQGPU_DATA"
elif [ -r /usr/share/dataset-fashion-mnist/train-images-idx3-ubyte.gz ]; then
  folder=/usr/share/dataset-fashion-mnist suffix=.gz what="Fashion-MNIST from Debian's dataset-fashion-mnist"
fi
if [ -z "$folder" ]; then
  echo "skipped: digits: there is neither $data/mnist nor dataset-fashion-mnist"
  exit 0
fi
files="--images $folder/train-images-idx3-ubyte$suffix --labels $folder/train-labels-idx1-ubyte$suffix
  --val-images $folder/t10k-images-idx3-ubyte$suffix --val-labels $folder/t10k-labels-idx1-ubyte$suffix"
common="--rows --hidden 128 --batch 50 --optimizer rmsprop --lr 1e-3 --decay 0.9 --clip 1 --log-every 200 --eval-every 600
  --steps $updates --minutes $(share 3)"

run_cell lstm "LSTM 128" pixels $files $common
run_cell gru "GRU 128" pixels $files $common
run_cell rnn "IRNN 128" pixels $files $common --activation relu --init irnn
run_cell urnn "uRNN 128" pixels $files $common
finish
python=${PYTHON:-python3}
if "$python" -c 'import torch, numpy' 2>/dev/null; then
  log=$(log_of "PyTorch LSTM 128")
  echo "PyTorch LSTM 128: bench/peers/torch_pixels.py"
  if "$python" "$root/bench/peers/torch_pixels.py" $files --steps "$updates" --eval-every 600 --threads "$threads" --log "$log" \
    >"$work/torch.out"; then
    note_run "PyTorch LSTM 128" "$log" "$(head -1 "$work/torch.out")" "bench/peers/torch_pixels.py --steps $updates"
  else
    skip "PyTorch LSTM 128" "torch_pixels.py failed"
  fi
else
  skip "PyTorch LSTM 128" "python3 has no PyTorch"
fi

publish --title "28 x 28 images row by row" --y val_error_rate --y-label "error rate on the test images" --log-y \
  --columns step:last,elapsed_s:last,val_loss:last,val_error_rate:last,val_error_rate:min,tokens_per_s:median \
  --about "$what: trained on 60,000 images, validated on all 10,000 test images." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
