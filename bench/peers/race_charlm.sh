#!/bin/sh
# race_charlm.sh SEQGPU TEXT [PYTHON] [THREADS] - time per update of the same character model, ours and
# PyTorch's, in one run.
#
# 2 x 128 LSTM, embedding 128, seq 50, batch 50, RMSprop, clip 5.  The two take turns, five turns of 100
# updates each. Each turn gives the median time of an update; the result is the median of the five ratios
# (below 1: we are faster).
set -eu
seqgpu=$1
text=$2
python=${3:-python3}
threads=${4:-2}
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log" "$log.ours" "$log.peer"' EXIT

# Median of the reports' milliseconds an update: 50 x 50 tokens each.
ours() {
  rm -f "$log"
  "$seqgpu" train charlm --text "$text" --steps 100 --eval-every 0 --log-every 10 --threads "$threads" --device cpu \
    --log "$log" >/dev/null 2>&1
  sed -n 's/.*"tokens_per_s": \([0-9.e+]*\).*/\1/p' "$log" | awk 'NR > 2 { print 2500000 / $1 }' | sort -n |
    awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

peer() {
  "$python" "$here/torch_charlm.py" --text "$text" --threads "$threads" --time 100 |
    sed -n 's/.*"median_ms": *\([0-9.]*\).*/\1/p'
}

for turn in 1 2 3 4 5; do
  a=$(ours)
  b=$(peer)
  echo "$a $b" | awk -v turn=$turn '{ printf "turn %d: ours %.2f ms, PyTorch %.2f ms, ratio %.3f\n", turn, $1, $2, $1 / $2 }'
  echo "$a $b" >>"$log.ours"
done
awk '{ print $1 / $2 }' "$log.ours" | sort -n | awk '{ v[NR] = $1 } END { printf "median ratio ours/PyTorch %.3f\n", v[int((NR + 1) / 2)] }'
