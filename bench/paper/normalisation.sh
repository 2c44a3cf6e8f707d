#!/bin/sh
# normalisation.sh [TASKS] [SEEDS] [UPDATES] [TEXT] - batch and layer normalisation in an LSTM beside a plain
# one and PyTorch's, on a CPU.
#
#   BN-LSTM   Cooijmans, Ballas, Laurent, Gulcehre, Courville 2017, "Recurrent batch normalization": gains
#             begin at 0.1, each step has statistics of its own
#   LN-LSTM   Ba, Kiros, Hinton 2016, "Layer normalization": gains begin at 1
#
# TASKS, "digits text" where none are given:
#   digits    the pixels of a digit in one random order, 28 a step: 28 steps, the class at the last.  A seed
#             draws the order as well, so that SEEDS (3) are as many permutations.
#   text      tinyshakespeare, the next character; the state is carried from window to window of 50
#
# Of Cooijmans' settings for permuted MNIST: 100 units, batch 100 (the text: 50), RMSprop with decay 0.9, norm
# clipped to 1; a fixed number of UPDATES.  Not of theirs: 28 pixels a step where they read one, so that h0
# needs no noise (28 permuted pixels differ from image to image, as the first pixel does not), and a learning
# rate of 3e-3 where theirs is 1e-3, since so few updates favour it: of the two it was the better one for all
# three kinds after 400 updates with seed 9.
#
# First weights: those of PyTorch, or orthogonal recurrent ones, which help the plain LSTM most.
#
# Equal loss: the goal is the validation loss that the plain LSTM has at the end of the updates, with the
# better of its first weights and the worst of its seeds; so each of its seeds reaches it.
set -eu
tasks=${1:-digits text}
number=${2:-3}
updates=${3:-600}
rate=3e-3
. "$(dirname "$0")/paper.sh"
text=${4:-$data/tinyshakespeare.txt}

# last_loss NAME: the last validation loss of a run.
last_loss() { sed -n 's/.*"val_loss": \([0-9][0-9.e-]*\).*/\1/p' "$(log_of "$1")" | tail -1; }

# The goal: the least over the first weights of the worst loss over the seeds.
goal() {
  for weights in "" ", orthogonal"; do
    for seed in $(seq "$number"); do last_loss "LSTM$weights, seed $seed"; done | sort -g | tail -1
  done | sort -g | head -1
}

# kinds STEPS TASK OPTIONS...: seed by seed, so that whoever stops it has compared all of them.
kinds() {
  steps=$1
  shift
  for seeds in $(seq "$number"); do
    for weights in "" ", orthogonal"; do
      first=${weights:+--init orthogonal}
      run_seeds "LSTM$weights" "$@" $first
      run_seeds "BN-LSTM$weights" "$@" $first --batch-norm-steps "$steps"
      run_seeds "LN-LSTM$weights" "$@" $first --layer-norm
    done
  done
}

# peers SCRIPT OPTIONS...
peers() {
  seeds=$(seq "$number")
  peer_seeds "PyTorch LSTM" "$@"
}

# publish_losses OPTIONS...
publish_losses() {
  finish
  publish --y val_loss --log-y --goal "$(goal)" --columns val_loss:last,val_loss:min,step:last,tokens_per_s:median \
    --note "All runs on the CPU, $threads thread(s) each; 100 units, RMSprop $rate with decay 0.9, norm clipped to 1, $updates updates. First weights as PyTorch's, or orthogonal recurrent ones." \
    "$@"
}

digits() {
  begin normalisation-digits
  find_digits || return 0
  sizes="--hidden 100 --batch 100 --lr $rate --clip 1 --steps $updates --eval-every 25 --eval-size 1000"
  kinds 28 pixels $files --rows --permuted --cell lstm --optimizer rmsprop --decay 0.9 $sizes --log-every 25
  peers torch_pixels.py $files --permuted $sizes
  publish_losses --title "Permuted digits, 28 pixels a step" --y-label "cross-entropy of 1,000 test images (nats)" \
    --about "$what: the pixels in one random order (of the seed), 28 a step; 60,000 images train, the first 1,000 test images validate. BN-LSTM: Cooijmans et al. 2017; LN-LSTM: Ba et al. 2016."
}

shakespeare() {
  begin normalisation-text
  if [ ! -r "$text" ]; then
    echo "skipped: text: there is no $text"
    return 0
  fi
  sizes="--layers 1 --hidden 100 --embedding 64 --seq-len 50 --batch 50 --lr $rate --decay 0.9 --clip 1
    --steps $updates --eval-every 50"
  kinds 50 charlm --text "$text" --cell lstm --optimizer rmsprop $sizes --log-every 50
  peers torch_charlm.py --text "$text" $sizes
  publish_losses --title "Characters of a text" --y-label "cross-entropy (nats per character, validation)" \
    --about "$(basename "$text"), truncated BPTT over 50 steps, batch 50, embedding 64; the last tenth of the text validates. BN-LSTM: Cooijmans et al. 2017; LN-LSTM: Ba et al. 2016."
}

for task in $tasks; do
  case $task in
    digits) digits ;;
    text) shakespeare ;;
    *) echo "normalisation.sh: \"$task\" is neither digits nor text" >&2 && exit 1 ;;
  esac
done
