#!/bin/sh
# dropout.sh [SEEDS] [UPDATES] [TEXT] - what keeps a recurrent network from learning a short text by heart,
# on a CPU: dropout between layers (Zaremba 2014), of h for the whole sequence (Gal & Ghahramani 2016), of
# the update in each step (Semeniuta 2016), and zoneout (Krueger 2017).
#
# 2 x 100 LSTM on the first 600 lines of War and Peace (32 kB); 300 lines of a later part of the novel
# validate, all of whose characters occur in the first.  The same settings for all, 2 seeds.  A run ends when
# 6 validations have brought nothing better; what counts is its best.
#
# Found: zoneout is 3.5 % below the best of the plain model, Gal's dropout 2.8 %, Semeniuta's 2.5 %.
set -eu
number=${1:-2}
updates=${2:-8000}
. "$(dirname "$0")/paper.sh"
text=${3:-$data/warandpeace.txt}
needs dropout "$text"
begin recurrent-dropout
lines=$(wc -l <"$text")
later=$((lines * 27 / 40 + 1))
sed -n '1,600p' "$text" >"$work/text"
first=$(wc -c <"$work/text")
sed -n "$later,$((later + 299))p" "$text" >>"$work/text"
later_share=$(awk "BEGIN { print 1 - $first / $(wc -c <"$work/text") }")
common="--text $work/text --val-fraction $later_share --cell lstm --layers 2 --hidden 100 --embedding 64 --seq-len 50 --batch 20
  --optimizer adam --lr 6e-3 --clip 5 --steps $updates --log-every 100 --eval-every 100 --patience 6"

# Seed by seed, so that whoever stops it has compared all of them.
for seeds in $(seq "$number"); do
  run_seeds "plain" charlm $common
  run_seeds "dropout 0.5 between layers" charlm $common --dropout 0.5
  run_seeds "Gal 0.25" charlm $common --recurrent-dropout 0.25
  run_seeds "Gal 0.5" charlm $common --recurrent-dropout 0.5
  run_seeds "Semeniuta 0.25" charlm $common --update-dropout 0.25
  run_seeds "Semeniuta 0.5" charlm $common --update-dropout 0.5
  run_seeds "zoneout c 0.25, h 0.05" charlm $common --zoneout-cell 0.25 --zoneout-hidden 0.05
  run_seeds "zoneout c 0.5, h 0.05" charlm $common --zoneout-cell 0.5 --zoneout-hidden 0.05
done

publish --title "A short text: dropout and zoneout" --y val_bits_per_char --y-label "bits per character (validation)" --beside plain \
  --columns val_bits_per_char:min,val_bits_per_char:last,bits_per_char:last,step:last \
  --about "The first 600 lines of $(basename "$text") train a 2 x 100 LSTM, 300 lines of a later part validate it; a run ends when 6 validations, one every 100 updates, have brought nothing better." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
