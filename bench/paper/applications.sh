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

tag() {
  folder=$data/pos
  if [ ! -r "$folder/en_ewt-ud-train.conllu" ]; then
    echo "skipped: tag: there is no $folder/en_ewt-ud-train.conllu"
    exit 0
  fi
  begin tag
  files="--data $folder/en_ewt-ud-train.conllu --val-data $folder/en_ewt-ud-dev.conllu"
  # 784 updates an epoch, validated twice in each
  common="$files --epochs $epochs --lr-schedule cosine --lr-every $((784 * epochs)) --log-every 392 --eval-every 392 --checkpoint-every 0"
  run_seeds "letters and words" tag $common
  run_seeds "words alone" tag $common --letter-size 0
  peer_seeds "PyTorch" torch_tag.py $files --test-data "$folder/en_ewt-ud-test.conllu" --epochs "$epochs"
  finish
  for seed in $seeds; do
    for run in "letters and words" "words alone"; do
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
