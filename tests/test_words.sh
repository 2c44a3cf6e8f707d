#!/bin/sh
# test_words.sh PROGRAM - a language model of words beside n-grams, mixed with them, and learning what it is measured on
# (`seqgpu eval --ngram`, `--dynamic`).  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

# Sentences of 16 words in an order that repeats itself; $1 of them.
make_text() {
  awk -v n="$1" 'BEGIN {
    split("the cat sat on a mat and then it ran to Zoe who said no .", w, " ")
    for (s = 7; i < n; i++) { s = (s * 75 + 74) % 65537; printf "%s%s", w[s % 16 + 1], s % 9 ? " " : "\n" } }'
}
make_text 1500 >text
head -c 2000 text >other
tiny="--tokens words --hidden 8 --batch 4 --seq-len 8 --device cpu --threads 1 --force"
measure() { "$seqgpu" eval --checkpoint model --text other --device cpu --threads 1 --json "$@"; }
# member KEY FILE
member() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$2"; }
# same NAME A B: two numbers are the same to 6 digits;  less NAME A B
same() { if awk "BEGIN { exit !($2 > 0 && ($2 - $3) ^ 2 < 1e-12 * $3 ^ 2) }"; then pass "$1"; else fail "$1" "$2 is not $3"; fi; }
less() { if awk "BEGIN { exit !($2 > 0 && $2 < $3) }"; then pass "$1"; else fail "$1" "$2 is not less than $3"; fi; }

check "a model of words" "$seqgpu" train charlm --text text $tiny --steps 200 --lr 0.02 --tie --checkpoint model
check "eval" measure
cp out plain

# ---------------------------------------------------------------- n-grams

check "n-grams beside it" measure --ngram 3
cp out with
same "n-grams change nothing of the model" "$(member loss with)" "$(member loss plain)"
same "their perplexity is that of their loss" "$(member ngram_perplexity with)" "$(awk "BEGIN { print exp($(member ngram_loss with)) }")"
check "n-grams of one word" measure --ngram 1
less "longer n-grams know more" "$(member ngram_loss with)" "$(member ngram_loss out)"
check "all of the n-grams" measure --ngram 3 --interpolate 1
same "all of the n-grams, the mixture" "$(member mixed_loss out)" "$(member ngram_loss with)"
check "nothing of them" measure --ngram 3 --interpolate 0
same "nothing of them, the mixture" "$(member mixed_loss out)" "$(member loss plain)"
check "as text" sh -c '"$1" eval --checkpoint model --text other --ngram 3 | grep -q "^3-grams of the training text: loss .* perplexity "' sh "$seqgpu"

# ---------------------------------------------------------------- dynamic evaluation

check "one stream" measure --batch 1
cp out still
check "what is learnt only after the end" measure --dynamic 0.5 --dynamic-steps 5000
same "what is learnt only after the end changes nothing" "$(member loss out)" "$(member loss still)"
check "a rate of all but nothing" measure --dynamic 1e-12 --dynamic-steps 7
same "a rate of all but nothing changes nothing" "$(member loss out)" "$(member loss still)"
for i in 1 2 3 4 5 6 7 8 9; do echo "on a mat sat Zoe and no cat"; done >repeated
check "a text that repeats itself" "$seqgpu" eval --checkpoint model --text repeated --batch 1 --json
cp out before
check "a text that repeats itself, learnt" "$seqgpu" eval --checkpoint model --text repeated --json --dynamic 0.5
less "what repeats itself is learnt" "$(member loss out)" "$(member loss before)"
check "dynamic, again" measure --dynamic 0.3
cp out dynamic
check "dynamic, with n-grams" measure --dynamic 0.3 --ngram 3
same "what the validation part taught is forgotten" "$(member loss out)" "$(member loss dynamic)"
check "dropout is no part of it" "$seqgpu" train charlm --text text $tiny --steps 40 --dropout 0.5 --embedding-dropout 0.5 --recurrent-dropout 0.5 --checkpoint dropped
check "dropout, one stream" "$seqgpu" eval --checkpoint dropped --text other --batch 1 --json
cp out before
check "dropout, dynamic" "$seqgpu" eval --checkpoint dropped --text other --json --dynamic 1e-12
same "dynamic evaluation drops nothing" "$(member loss out)" "$(member loss before)"

# ---------------------------------------------------------------- what is refused

e="eval --checkpoint model --text other"
refused "several streams" 2 "--batch: is 4; with --dynamic" $e --dynamic 0.1 --batch 4
refused "steps of nothing" 2 "--dynamic-steps: has no effect" $e --dynamic-steps 4
refused "a share of nothing" 2 "--interpolate: has no effect" $e --interpolate 0.5
refused "a share beyond 1" 2 "must be a number from 0 to 1, or auto" $e --ngram 2 --interpolate 1.5
refused "a share that is no number" 2 "must be a number from 0 to 1, or auto" $e --ngram 2 --interpolate most
refused "n-grams too long" 2 "--ngram" $e --ngram 10
check "a model with zoneout" "$seqgpu" train charlm --text text $tiny --steps 2 --zoneout-hidden 0.2 --checkpoint zoneout
refused "zoneout" 1 "zoneout or batch normalisation" eval --checkpoint zoneout --text other --dynamic 0.1
check "a model without validation" "$seqgpu" train charlm --text text $tiny --steps 2 --val-fraction 0 --checkpoint novalid
refused "nothing to choose by" 2 "--interpolate: is missing" eval --checkpoint novalid --text other --ngram 2
check "a share that is given needs no validation" "$seqgpu" eval --checkpoint novalid --text other --ngram 2 --interpolate 0.5
echo "and" >>text
refused "another text" 1 "text: is not the text that model was trained on" $e --ngram 2
rm text
refused "no text" 1 "text: cannot open" $e --ngram 2

finish_cli
