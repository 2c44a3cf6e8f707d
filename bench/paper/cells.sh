#!/bin/sh
# cells.sh [MINUTES] [UPDATES] [PARAMETERS] [TEXT] - every cell of the build on the same text, with the same
# number of parameters, on a CPU.
#
# One layer, embedding 64, seq 50, batch 50, RMSprop 2e-3.  The hidden size is the largest whose model has
# at most PARAMETERS (200,000) elements.  Each cell makes the same number of updates (4,000 = 10 epochs), or
# as many as fit into its share of the minutes.  The table has bits per character and tokens per second.
# The default text is the tinyshakespeare of SEQGPU_DATA.  The IRNN counts as a cell of its own.
set -eu
minutes=${1:-120}
updates=${2:-4000}
budget=${3:-200000}
. "$(dirname "$0")/paper.sh"
text=${4:-$data/tinyshakespeare.txt}
needs cells "$text"
begin cells-charlm
cells=$("$seqgpu" info --device cpu | sed -n '/^cell /,/^$/p' | sed '1d;/^$/d;s/ .*//')
number=$(($(echo "$cells" | wc -w) + 1))
part=$(share "$number" | awk -v jobs="$jobs" '{ print $1 * jobs }')
common="--text $text --layers 1 --embedding 64 --seq-len 50 --batch 50 --optimizer rmsprop --lr 2e-3 --clip 5
  --log-every 100 --eval-every 400 --steps $updates"

# fits OPTIONS...: the largest hidden size within the budget, by bisection; even, since some cells need that.
fits() {
  low=1 high=2048
  while [ $((high - low)) -gt 1 ]; do
    middle=$(((low + high) / 2))
    count=$(parameters charlm $common --hidden $((2 * middle)) "$@" 2>/dev/null) || count=
    if [ -n "$count" ] && [ "$count" -le "$budget" ]; then low=$middle; else high=$middle; fi
  done
  echo $((2 * low))
}

# one NAME OPTIONS...
one() {
  name=$1
  shift
  hidden=$(fits "$@")
  run "$name $hidden" charlm $common --hidden "$hidden" "$@" --minutes "$part"
}

# Without a leak the leaky cell would be the rnn again.
options_of() { if [ "$1" = leaky ]; then echo "--leak 0.5"; fi; }

for cell in $cells; do one "$cell" --cell "$cell" $(options_of "$cell"); done
one "IRNN" --cell rnn --activation relu --init irnn

publish --title "Character models of $budget parameters" --y val_bits_per_char --y-label "bits per character (validation)" \
  --columns step:last,elapsed_s:last,val_bits_per_char:last,val_bits_per_char:min,tokens_per_s:median \
  --about "$(basename "$text"), one layer, embedding 64, truncated BPTT over 50 steps, batch 50; the last tenth of the text validates." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; $updates updates each, at most $part minutes."
