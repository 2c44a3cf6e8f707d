#!/bin/sh
# applications.sh NAME [EPOCHS [SEEDS]] - an application of `seqgpu train` on real data, beside PyTorch's same model: the table, the
# curves and the numbers of host/doc/applications.md.
#
#   tag   parts of speech, UD English EWT in SEQGPU_DATA/pos; test accuracy >= 95.0 % is wanted, the most frequent tag of each word
#         gives 88.06 %; 10 epochs take about 3 minutes of one processor
#
# The model of the last epoch is measured, once, on the test data; nothing is chosen by them.
set -eu
name=${1:-tag}
epochs=${2:-10}
seeds=${3:-1}
. "$(dirname "$0")/paper.sh"

# The options of all runs: trained, with reports and validations at the end of each epoch of $1 updates.
each_epoch() { echo "--epochs $epochs --log-every $1 --eval-every $1 --checkpoint-every 0"; }

tag() {
  folder=$data/pos
  if [ ! -r "$folder/en_ewt-ud-train.conllu" ]; then
    echo "skipped: tag: there is no $folder/en_ewt-ud-train.conllu"
    exit 0
  fi
  begin tag
  common="--data $folder/en_ewt-ud-train.conllu --val-data $folder/en_ewt-ud-dev.conllu"
  run_seeds "letters and words" tag $common $(each_epoch 392)
  run_seeds "words alone" tag $common $(each_epoch 392) --letter-size 0
  run_seeds "left to right" tag $common $(each_epoch 392) --one-direction
  peer_seeds "PyTorch" torch_tag.py $common --test-data "$folder/en_ewt-ud-test.conllu" --epochs "$epochs"
  finish
  for seed in $seeds; do
    for run in "letters and words" "words alone" "left to right"; do
      measure "$run, seed $seed" test_ --data "$folder/en_ewt-ud-test.conllu"
    done
  done
  publish --title "Parts of speech, UD English EWT" --y val_error_rate --y-label "error rate on the development set" --log-y \
    --columns test_accuracy:last,test_unknown_accuracy:last,val_error_rate:last,step:last,elapsed_s:last,tokens_per_s:median \
    --beside "PyTorch" --about "UD English EWT: 12,544 sentences to train on, 2,001 to validate, 2,077 to test, 17 tags; the model after \
$epochs epochs. Unknown: words that training has less than twice." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

case $name in
  tag) tag ;;
  *)
    echo "applications.sh: \"$name\" is not here; it must be tag" >&2
    exit 2
    ;;
esac
