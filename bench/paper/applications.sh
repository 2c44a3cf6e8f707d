#!/bin/sh
# applications.sh NAME [EPOCHS [SEEDS]] - an application of `seqgpu train` on real data, beside PyTorch's same model: the table, the
# curves and the numbers of host/doc/applications.md.  found.sh has those on files that nobody made for learning.
#
#   tag   parts of speech, UD English EWT in SEQGPU_DATA/pos; test accuracy >= 95.0 % is wanted, the most frequent tag of each word
#         gives 88.06 %; takes minutes of one processor
#
#   words   the next word of War and Peace in SEQGPU_DATA, 10,000 of them, a paragraph a line: 80, 10 and 10 % to train, validate and test.
#           A perplexity below that of Kneser-Ney's 5-grams is wanted, and that of both together below both; 6 epochs take 15 minutes
#
#   sentiment   SST-2 in SEQGPU_DATA/sentiment; test accuracy >= 80 % is wanted, naive Bayes gives 82.2 (words) and 82.8 (pairs);
#               6 epochs take a minute.  POOLS="max" tries that pooling alone, as in questions.
#               Also sentiment-attention.html, what the model attends to in six sentences
#   questions   TREC there; test accuracy >= 88 % is wanted; 6 epochs take a minute
#   compose     JSB chorales in SEQGPU_DATA/music; at most 8.55 nats a step of the test set are wanted, published about 8.45 to 8.5.
#               Also compose-roll.svg, a piece that the model of seed 1 made
#   draw        kanji as pen strokes in SEQGPU_DATA/strokes, a few epochs of a small model; takes 2 minutes.  Also draw-sheet.svg, what
#               the model of seed 1 draws at biases from 0 to 10, and draw-begun.svg, how it goes on with the first strokes of another's
#   frames      MNIST's digits in SEQGPU_DATA/mnist that move: clips; at least 95 % of the test set's frames right are wanted.  Takes
#               minutes.  Also frames-clips.svg, what the model of seed 1 says of four clips
#   spell       the CMU dictionary in SEQGPU_DATA/cmudict, every twentieth word held out; at most 8 % phoneme and 32 % word errors of
#               these are wanted, by a beam of 5; published 5.45 and 23.55 (Yao, Zweig 2015).  Takes hours of one processor, minutes of a
#               GPU: DEVICE=cuda
#   translate   German to English, Multi30k in SEQGPU_DATA/multi30k; BLEU >= 30 of test2016 is wanted, of the likeliest words alone, and
#               twice that of the model without attention; DEVICE=cuda runs it on a GPU.  Also translate-length.svg, BLEU by the length of the
#               source
#   caption     scenes of two or three coloured shapes, which the program draws; >= 95 % of the captions exact, of pairs of colour and shape that
#               were never learnt, are wanted; a few minutes of one processor.  Also caption-attention.svg, what the words of four captions look at
#   transcribe  spoken digits in SEQGPU_DATA/speech: all six speakers known (digits at most 4 % wrong and strings 2.5 % are wanted), and
#               each of them held out in turn (means of 25 %); takes a quarter of an hour of one processor.  Also transcribe-string.svg, how the
#               model of seed 1 reads a recording that it has not learnt.  SPEAKERS="lucas" holds out that one alone
#   speak       spoken digits there, by SPEAKER (jackson): strings of one to four digits are said, and read by a transcriber of all six
#               speakers; at most 15 % label errors are wanted.  Beside them stand the same strings joined from recordings that were held
#               out, these when only their phases were found anew, and strings of five and six.  Took half an hour of a processor that
#               much else shared.  Also speak-314.svg.  TRANSCRIBER=FILE reads with that model, and trains none
#   write       War and Peace in small letters by pen, in a Hershey font (SEQGPU_FONTS, /usr/share/hershey-fonts of Debian's hershey-fonts-data);
#               EPOCHS counts updates of the writer. The window at most one letter off is wanted, and that a model of read, trained on the same strokes,
#               reads text that was never learnt with at most 10 % of its characters wrong.  Takes 20 minutes of one processor.  Also
#               write-sheet.svg, such text at three biases
#
# Of tag, questions, transcribe, frames, write and speak the model of the last epoch is measured on the test data, of the others that with
# the lowest validation loss; nothing is chosen by the test data.
set -eu
name=${1:-tag}
epochs=${2:-0}
seeds=${3:-}
. "$(dirname "$0")/paper.sh"

tag() {
  so_long 10 1
  folder=$data/pos
  needs tag "$folder/en_ewt-ud-train.conllu"
  begin tag
  files="--data $folder/en_ewt-ud-train.conllu --val-data $folder/en_ewt-ud-dev.conllu"
  # 392 updates an epoch
  same="--small-letters --word-dropout 0 --rare-dropout 1 --dropout 0.5 --letter-hidden 50 --batch 32 --lr 4e-3 --epochs $epochs"
  common="$files $same --lr-schedule cosine --lr-every $((392 * epochs)) --log-every 196 --eval-every 392"
  run_seeds "letters and words" tag $common
  run_seeds "words alone" tag $common --letter-size 0
  peer_seeds "PyTorch" torch_tag.py $files --test-data "$folder/en_ewt-ud-test.conllu" $same
  finish
  for seed in $seeds; do
    for run in "letters and words" "words alone"; do
      measure "$run, seed $seed" test_ --data "$folder/en_ewt-ud-test.conllu"
    done
  done
  publish --title "Parts of speech, UD English EWT" --y val_error_rate --y-label "error rate on the development set" --log-y \
    --columns test_accuracy:last,test_unknown_accuracy:last,val_error_rate:last,step:last,elapsed_s:last,tokens_per_s:median \
    --beside "PyTorch" --about "UD English EWT: 12,544 sentences to train on, 2,001 to validate, 2,077 to test, 17 tags; the model after \
$epochs epochs. Unknown: words that training has less than twice, without regard to capitals." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# A paragraph a line, without what follows the novel; the last tenth of it tests, that before it validates.
cut_novel() {
  made=$build/paper/words-data
  mkdir -p "$made"
  tr -d '\r' <"$1" | sed '/^conscious\.$/q' | awk 'BEGIN { RS = "" } { gsub(/\n/, " "); print }' >"$made/novel"
  lines=$(wc -l <"$made/novel")
  awk -v n="$lines" 'NR <= 0.9 * n' "$made/novel" >"$made/learn"
  awk -v n="$lines" 'NR > 0.8 * n && NR <= 0.9 * n' "$made/novel" >"$made/val"
  awk -v n="$lines" 'NR > 0.9 * n' "$made/novel" >"$made/test"
}

words() {
  so_long 6 1
  needs words "$data/warandpeace.txt"
  begin words
  cut_novel "$data/warandpeace.txt"
  # 784 updates an epoch; 0.1178 of the tokens are the last 0.1111 of the paragraphs
  common="--text $made/learn --val-fraction 0.1178 --tokens words --tie --layers 2 --hidden 200 --dropout 0.25 --embedding-dropout 0.1 \
    --forget-bias 0 --optimizer adam --lr 1.5e-3 --lr-warmup 400 --lr-schedule cosine --lr-every $((784 * epochs)) --seq-len 35 --batch 20 --epochs $epochs"
  for seed in $seeds; do
    run "LSTM, seed $seed" charlm $common --log-every 196 --eval-every 392 --seed "$seed" --checkpoint "$(model_of "LSTM, seed $seed")" --keep-best
  done
  peer_seeds "PyTorch" torch_words.py --text "$made/learn" --test-text "$made/test" --val-fraction 0.1178 --epochs "$epochs"
  finish
  for seed in $seeds; do
    best=$(model_of "LSTM, seed $seed" | sed 's/\.safetensors$/-best&/')
    measure "LSTM, seed $seed" val_ --checkpoint "$best" --text "$made/val" --ngram 5
    measure "LSTM, seed $seed" dynamic_ --checkpoint "$best" --text "$made/test" --ngram 5 --dynamic 0.1
    measure "LSTM, seed $seed" test_ --checkpoint "$best" --text "$made/test" --ngram 5
  done
  ngrams=$(sed -n 's/.*"val_ngram_loss": \([0-9.]*\).*/\1/p' "$(log_of "LSTM, seed ${seeds%% *}")")
  publish --title "Words of War and Peace" --y val_loss --y-label "nats a word of the validation part" --beside "PyTorch" \
    --columns test_perplexity:last,test_ngram_perplexity:last,test_mixed_perplexity:last,dynamic_perplexity:last,\
dynamic_mixed_perplexity:last,step:last,elapsed_s:last,tokens_per_s:median \
    --baseline "${ngrams:-0}" \
    --about "War and Peace, words and marks, the 10,000 most frequent and <unk>, a paragraph a line, 80, 10 and 10 % to train, validate and test; \
$epochs epochs, the model with the lowest validation loss. Ngram: 5-grams of the training part with modified Kneser-Ney smoothing, the reference in \
the chart; mixed: both, with the share of the n-grams that validates best; dynamic: the model learns what it has predicted, 20 words at a time, at a \
rate of 0.1." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# show_attention EXPERIMENT FILE: a page of what the model of the first seed attends to in six sentences of a file.
show_attention() {
  awk 'NF >= 3 && NF <= 22' "$2" | head -6 | cut -d ' ' -f 2- >"$work/looked-at"
  "$seqgpu" classify --checkpoint "$(model_of "attention, seed ${seeds%% *}" | sed 's/\.safetensors$/-best&/')" --input "$work/looked-at" \
    --html "${RESULTS:-$root/bench/results}/$1-attention.html" --device cpu >"$work/classes"
}

# sentences EXPERIMENT UPDATES TRAIN VAL TEST TITLE ABOUT: classes of sentences, an epoch of so many updates.
sentences() {
  begin "$1"
  files="--data $3 --val-data $4"
  common="$files --epochs $epochs --log-every $2 --eval-every $2"
  pools=${POOLS:-max attention last}
  for pool in $pools; do
    for seed in $seeds; do
      run "$pool, seed $seed" classify $common --pool $pool --seed "$seed" --checkpoint "$(model_of "$pool, seed $seed")" --keep-best
    done
  done
  for pool in $pools; do peer_seeds "PyTorch $pool" torch_classify.py $files --test-data "$5" --epochs "$epochs" --pool $pool; done
  finish
  for seed in $seeds; do
    for pool in $pools; do
      measure "$pool, seed $seed" test_ --checkpoint "$(model_of "$pool, seed $seed" | sed 's/\.safetensors$/-best&/')" --data "$5"
    done
  done
  case " $pools " in *" attention "*) show_attention "$1" "$5" ;; esac
  publish --title "$6" --y val_error_rate --y-label "error rate on the validation set" --beside "PyTorch ${pools%% *}" \
    --columns test_accuracy:last,val_error_rate:min,val_loss:min,step:last,elapsed_s:last,tokens_per_s:median \
    --about "$7; $epochs epochs, the model with the lowest validation loss." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

sentiment() {
  so_long 6 "1 2 3"
  folder=$data/sentiment
  needs sentiment "$folder/stsa.binary.train"
  sentences sentiment 217 "$folder/stsa.binary.train" "$folder/stsa.binary.dev" "$folder/stsa.binary.test" "Sentiment, SST-2" \
    "SST-2: 6,920 sentences to train on, 872 to validate, 1,821 to test, 2 classes"
}

questions() {
  so_long 6 "1 2 3"
  folder=$data/sentiment
  needs questions "$folder/TREC.train.all"
  needs questions "$(command -v iconv || echo "program iconv")"
  begin questions
  iconv -f latin1 -t utf-8 "$folder/TREC.train.all" >"$work/train"
  iconv -f latin1 -t utf-8 "$folder/TREC.test.all" >"$work/test"
  files="--data $work/train --val-data $work/test" same="--min-count 2 --word-dropout 0.2 --epochs $epochs"
  pools=${POOLS:-max attention last}
  # 171 updates an epoch
  for pool in $pools; do
    run_seeds "$pool" classify $files $same --pool $pool --lr-schedule cosine --lr-every $((171 * epochs)) --log-every 171 --eval-every 171
  done
  for pool in $pools; do peer_seeds "PyTorch $pool" torch_classify.py $files --test-data "$work/test" $same --pool $pool --cosine --last; done
  finish
  for seed in $seeds; do
    for pool in $pools; do measure "$pool, seed $seed" test_ --data "$work/test"; done
  done
  publish --title "What a question asks for, TREC" --y val_error_rate --y-label "error rate on the test set" --beside "PyTorch ${pools%% *}" \
    --columns test_accuracy:last,step:last,elapsed_s:last,tokens_per_s:median \
    --about "TREC: 5,452 questions to train on, 500 to test, 6 classes; the model after $epochs epochs. Measured with the test set on the way, too, but \
nothing is chosen by it." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

compose() {
  so_long 60 "1 2 3"
  set=$data/music/JSB_Chorales
  needs compose "$set.train.txt.gz"
  begin compose
  # 58 updates an epoch
  files="--data $set.train.txt.gz --val-data $set.valid.txt.gz" same="--recurrent-dropout 0.3 --lr 1e-2 --epochs $epochs"
  common="$files $same --lr-schedule cosine --lr-every $((58 * epochs))"
  for seed in $seeds; do
    run "LSTM, seed $seed" compose $common --log-every 58 --eval-every 58 --seed "$seed" --checkpoint "$(model_of "LSTM, seed $seed")" --keep-best
  done
  peer_seeds "PyTorch" torch_compose.py $files --test-data "$set.test.txt.gz" $same
  finish
  for seed in $seeds; do
    best=$(model_of "LSTM, seed $seed" | sed 's/\.safetensors$/-best&/')
    measure "LSTM, seed $seed" test_ --checkpoint "$best" --data "$set.test.txt.gz"
    [ "$seed" != 1 ] ||
      "$seqgpu" compose --checkpoint "$best" --steps 120 --temperature 0.8 --device cpu --threads "$threads" --midi "$work/new.mid" \
        --svg "${RESULTS:-$root/bench/results}/compose-roll.svg" >"$work/new.txt"
  done
  publish --title "Polyphonic music, JSB chorales" --beside "PyTorch" --y val_nats_per_step --y-label "nats a step of the valid set" \
    --columns test_nats_per_step:last,val_nats_per_step:min,step:last,elapsed_s:last,tokens_per_s:median \
    --about "JSB chorales: 229 pieces to train on, 76 to validate, 77 to test; $epochs epochs, the model with the lowest loss on the valid set." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

draw() {
  so_long 6 "1 2"
  set=$data/strokes/short_kanji
  needs draw "$set.train.txt"
  begin draw
  # 313 updates an epoch
  common="--data $set.train.txt --val-data $set.valid.txt --hidden 128 --epochs $epochs --lr 4e-3 --lr-schedule cosine --lr-every $((313 * epochs))"
  run_seeds "LSTM" draw $common --log-every 313 --eval-every 313
  peer_seeds "PyTorch" torch_draw.py --data "$set.train.txt" --val-data "$set.valid.txt" --test-data "$set.test.txt" --hidden 128 \
    --epochs "$epochs" --lr 4e-3
  finish
  sheets=${RESULTS:-$root/bench/results}
  head -1 "$set.test.txt" >"$work/begin.txt"
  for seed in $seeds; do
    measure "LSTM, seed $seed" test_ --data "$set.test.txt"
    [ "$seed" = 1 ] || continue
    "$seqgpu" draw --checkpoint "$(model_of "LSTM, seed $seed")" --points 40 --device cpu --svg "$sheets/draw-sheet.svg" >"$work/new.txt"
    "$seqgpu" draw --checkpoint "$(model_of "LSTM, seed $seed")" --input "$work/begin.txt" --begin 12 --points 28 --device cpu \
      --svg "$sheets/draw-begun.svg" >"$work/begun.txt"
  done
  publish --title "Pen strokes, kanji" --y val_nats_per_point --y-label "nats a point of the validation set" --beside "PyTorch" \
    --columns test_nats_per_point:last,val_nats_per_point:last,step:last,elapsed_s:last,tokens_per_s:median \
    --about "Kanji of at most 88 points: 10,000 to train on, 600 to validate, 500 to test; the model after $epochs epochs. Offsets are divided \
by the deviation of the training set's; a density has no upper bound, so nats may be negative." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

frames() {
  so_long 1 "1 2"
  set=$data/mnist
  needs frames "$set/train-images-idx3-ubyte.gz"
  begin frames
  test="$set/t10k-images-idx3-ubyte.gz --FILE $set/t10k-labels-idx1-ubyte.gz"
  # 1,875 updates an epoch
  common="--data $set/train-images-idx3-ubyte.gz --data $set/train-labels-idx1-ubyte.gz --epochs $epochs --lr-schedule cosine
    --lr-every $((1875 * epochs)) --val-data $(echo "$test" | sed 's/--FILE/--val-data/')"
  run_seeds "LSTM" frames $common --log-every 125 --eval-every 625
  finish
  test=$(echo "$test" | sed 's/--FILE/--data/')
  for seed in $seeds; do measure "LSTM, seed $seed" test_ --data $test; done
  { printf '\0\0\010\003\0\0\0\050\0\0\0\034\0\0\0\034' && gzip -dc "$set/t10k-images-idx3-ubyte.gz" | tail -c +17 | head -c $((784 * 40)); } >"$work/images"
  { printf '\0\0\010\001\0\0\0\050' && gzip -dc "$set/t10k-labels-idx1-ubyte.gz" | tail -c +9 | head -c 40; } >"$work/labels"
  clips=
  for clip in 1 2 3 4; do
    "$seqgpu" eval --checkpoint "$(model_of "LSTM, seed 1")" --data "$work/images" --data "$work/labels" --save-clip "$work/$clip.npy" --clip $clip \
      --device cpu >"$work/out"
    clips="$clips $work/$clip.npy"
  done
  "$seqgpu" frames --checkpoint "$(model_of "LSTM, seed 1")" --device cpu --svg "${RESULTS:-$root/bench/results}/frames-clips.svg" $clips >"$work/new.txt"
  publish --title "Video, moving digits" --y val_error_rate --y-label "wrong frames of the test set's clips" --log-y \
    --columns test_accuracy:last,test_direction_accuracy:last,val_error_rate:last,step:last,elapsed_s:last,tokens_per_s:median \
    --about "MNIST, 60,000 digits to train on, 10,000 to test: each moves in one of 8 directions through 5 to 10 frames of 40 x 40 pixels; the model \
after $epochs epochs. Measured with the test set's clips on the way, too, but nothing is chosen by them." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# split_words DICTIONARY FOLDER: every twentieth word with all its pronunciations to test, every hundredth to val, the others to train.
split_words() {
  awk -v to="$2/" '{ w = $1; sub(/\([0-9]+\)$/, "", w); if (w != last) { n++; last = w }
    print > (to (n % 20 == 0 ? "test" : n % 100 == 7 ? "val" : "train")) }' "$1"
}

spell() {
  so_long 10 1
  words=$data/cmudict/cmudict.dict
  needs spell "$words"
  begin spell
  split_words "$words" "$work"
  # 993 updates an epoch
  common="--data $work/train --val-data $work/val --batch 128 --lr 3e-3 --epochs $epochs --lr-schedule cosine --lr-every $((993 * epochs))"
  for seed in $seeds; do
    run "attention, seed $seed" spell $common --log-every 100 --eval-every 993 --seed "$seed" --checkpoint "$(model_of "attention, seed $seed")" --keep-best
  done
  finish
  for seed in $seeds; do
    measure "attention, seed $seed" test_ --data "$work/test" --beam 5 --length-norm 1 \
      --checkpoint "$(model_of "attention, seed $seed" | sed 's/\.safetensors$/-best&/')"
  done
  publish --title "Phonemes for letters, CMU dictionary" --y val_phoneme_error_rate --y-label "phoneme error rate on the validation set" --log-y \
    --columns test_phoneme_error_rate:last,test_word_error_rate:last,val_phoneme_error_rate:min,step:last,elapsed_s:last,tokens_per_s:median \
    --about "CMU dictionary without stress: 127,025 pronunciations to train on, 1,261 words to validate, 6,302 to test; $epochs epochs, the model \
with the lowest loss on the validation set, a beam of 5." --note "$threads thread(s) each, at most $jobs at a time."
}

# by_length PREFIX ...: BLEU by the words of the sources, as measure with that prefix has put it into the logs of runs: another
# experiment, with "-length" behind its name, whose logs have a line for each group of lengths.
by_length() {
  lengths=$work/lengths prefix=$1 tab=$(printf '\t')
  shift
  mkdir -p "$lengths"
  while IFS=$tab read -r name log count command; do
    sed -n "s/.*\"${prefix}bleu_by_length\": {\([^}]*\)}.*/\1/p" "$log" | tail -1 | tr ',' '\n' |
      sed 's/^ *"\([0-9]*\)": \(.*\)/{"source_words": \1, "bleu": \2, "bleu_\1": \2}/' >"$log.lengths"
    [ ! -s "$log.lengths" ] || printf '%s\t%s\t%s\t%s\n' "$name" "$log.lengths" "$count" "$command"
  done <"$work/runs" >"$lengths/runs"
  "$build/bin/paper_collect" "$lengths" --name "$experiment-length" --results "${RESULTS:-$root/bench/results}" --x source_words \
    --x-label "words of the source, at most; the last group has all that are longer" --y bleu --y-label BLEU "$@"
}

translate() {
  so_long 6 1
  folder=$data/multi30k
  needs translate "$folder/train.de.gz"
  begin translate
  # 454 updates an epoch
  common="--data $folder/train.de.gz --data $folder/train.en.gz --val-data $folder/val.de.gz --val-data $folder/val.en.gz --epochs $epochs
    --lr 2e-3 --lr-schedule cosine --lr-every $((454 * epochs)) --log-every 50 --eval-every 454"
  run_seeds "attention" translate $common
  run_seeds "no attention" translate $common --attention-size 0 --one-direction --backwards --layers 2
  peer_seeds "PyTorch" torch_translate.py --data "$folder/train.de.gz" "$folder/train.en.gz" --val-data "$folder/val.de.gz" "$folder/val.en.gz" \
    --test-data "$folder/test_2016_flickr.de.gz" "$folder/test_2016_flickr.en.gz" --epochs "$epochs"
  finish
  for seed in $seeds; do
    for run in "attention" "no attention"; do
      measure "$run, seed $seed" test_ --data "$folder/test_2016_flickr.de.gz" --data "$folder/test_2016_flickr.en.gz"
    done
    measure "attention, seed $seed" beam_ --data "$folder/test_2016_flickr.de.gz" --data "$folder/test_2016_flickr.en.gz" --beam 5 --length-norm 1
  done
  publish --title "German to English, Multi30k" --y val_one_minus_bleu --y-label "1 - BLEU / 100 on the validation set" --beside "PyTorch" \
    --columns test_bleu:last,beam_bleu:last,test_perplexity:last,val_one_minus_bleu:last,step:last,elapsed_s:last,tokens_per_s:median \
    --about "Multi30k: 29,000 pairs to train on, 1,014 to validate, 1,000 to test (test2016), small letters; the model after $epochs epochs. \
test_bleu: of the likeliest words alone; beam_bleu: by a beam of 5. Without attention: two layers that read the source backwards." \
    --note "$threads thread(s) each, at most $jobs at a time."
  by_length test_ --title "German to English by length, Multi30k" --columns bleu_5:last,bleu_10:last,bleu_15:last,bleu_20:last,bleu_25:last,bleu_30:last \
    --about "BLEU of the likeliest words alone on test2016, by the words and marks of the German sentence: bleu_10 is of those of 6 to 10." \
    --note "The models of translate.md."
}

caption() {
  so_long 5 1
  begin caption
  # 1000 updates an epoch
  common="--data scenes:8000 --val-data unseen:200 --lr-schedule cosine --log-every 100 --eval-every 1000"
  grey="$common --features 48 --apart-epochs 3 --epochs 9 --lr-every 9000"
  run_seeds "attention" caption $common --epochs $epochs --lr-every $((1000 * epochs))
  run_seeds "colours together" caption $grey --colours together
  run_seeds "no attention" caption $grey --attention-size 0 --lr 4e-4 # at 1.5e-3 it does not learn to see
  finish
  for seed in $seeds; do
    for run in "attention" "colours together" "no attention"; do
      measure "$run, seed $seed" seen_ --data scenes:2000
      measure "$run, seed $seed" beam_ --data unseen:2000 --beam 5
      measure "$run, seed $seed" unseen_ --data unseen:2000
    done
  done
  "$seqgpu" caption --checkpoint "$(model_of "attention, seed ${seeds%% *}")" --device cpu --threads "$threads" \
    --svg "${RESULTS:-$root/bench/results}/caption-attention.svg" unseen:4 >"$work/unseen.txt"
  publish --title "Captions of scenes" --y val_captions_wrong --y-label "captions of unseen pairs that are not exact" --log-y \
    --columns unseen_exact:last,beam_exact:last,seen_exact:last,unseen_bleu:last,val_captions_wrong:last,step:last,elapsed_s:last \
    --about "Scenes of two or three coloured shapes of three sizes, 8,000 new ones in each of $epochs epochs, or without attention, and where colours \
are looked at together with shapes, of 9 epochs, of which 3 have grey shapes and coloured ellipses; 2,000 to test of the 40 pairs of colour \
and shape that are learnt (seen) and 2,000 of the 8 that are not (unseen), the likeliest words alone and by a beam of 5 (beam); the model of the last epoch. \
Exact: every word is right." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

transcribe() {
  so_long 12 "1 2"
  folder=$data/speech/recordings
  needs transcribe "$folder/7_jackson_0.wav"
  begin transcribe
  perturbed="--speed 0.3 --pitch 0.15 --level 15"
  # 169 updates an epoch, 157 where a speaker is held out
  common="--data $folder --epochs $epochs --lr-schedule cosine"
  known="$common --lr-every $((169 * epochs)) --log-every 169 --eval-every 169"
  run_seeds "known speakers" transcribe $known
  run "known speakers, perturbed" transcribe $known $perturbed --checkpoint "$(model_of "known speakers, perturbed")"
  speakers=${SPEAKERS-george jackson lucas nicolas theo yweweler}
  for speaker in $speakers; do
    run "$speaker held out" transcribe $common --lr-every $((157 * epochs)) --log-every 157 --eval-every $((157 * 3)) $perturbed --hold-out-speaker "$speaker" \
      --checkpoint "$(model_of "$speaker held out")"
  done
  peer_seeds "PyTorch" torch_transcribe.py --data "$folder" --epochs "$epochs"
  finish
  for seed in $seeds; do measure_speech "known speakers, seed $seed"; done
  measure_speech "known speakers, perturbed"
  for speaker in $speakers; do measure_speech "$speaker held out"; done
  if "$python" -c "$joined" "$work/string.wav" "$folder/4_george_0.wav" "$folder/0_george_1.wav" "$folder/8_george_2.wav" "$folder/8_george_3.wav" \
    "$folder/6_george_4.wav" 2>"$work/error"; then
    "$seqgpu" transcribe --checkpoint "$(model_of "known speakers, perturbed")" --device cpu --svg "$work/string.svg" \
      "$work/string.wav" >"$work/string.txt"
    cp "$work/string.svg" "${RESULTS:-$root/bench/results}/transcribe-string.svg"
  fi
  publish --title "Speech to text, spoken digits" --y val_label_error_rate --y-label "label error rate of what is held out" --log-y \
    --columns test_recordings_wrong:last,test_strings_label_error_rate:last,beam_strings_label_error_rate:last,step:last,elapsed_s:last \
    --beside "PyTorch" --about "3,000 recordings of single digits by six speakers; after 3 epochs of single recordings strings of one to seven \
of a speaker; the model after $epochs epochs. Held out are recordings 0 to 4 of each digit and speaker, or all of one speaker: single, and a string of three to \
seven for each. Best path; beam: prefix beam search of 16." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# Strings of FIRST to LAST digits, 25 of each length, the same ones in every run.
digit_strings() {
  awk -v first="$1" -v last="$2" 'BEGIN {
    state = 20261127
    for (n = first; n <= last; n++)
      for (i = 0; i < 25; i++) {
        text = ""
        for (k = 0; k < n; k++) { state = (state * 16807) % 2147483647; text = text int(state / 2147483647 * 10) }
        print text
      }
  }'
}

# say_strings LIST FIRST LAST: says each of them, in a file of its own, with the model of $voice.
say_strings() {
  digit_strings "$2" "$3" | while read -r text; do
    file=$work/said-$(wc -l <"$work/$1").$1.wav
    "$seqgpu" speak --checkpoint "$(model_of "$voice")" --text "$text" --wav "$file" --device cpu --threads "$threads" >>"$work/said.txt"
    printf '%s\t%s\n' "$file" "$text" >>"$work/$1"
  done
}

# read_back LIST: adds to the log what the transcriber reads there.
read_back() {
  echo "$voice: seqgpu eval --checkpoint $reader --data $work/$1"
  "$seqgpu" eval --checkpoint "$reader" --data "$work/$1" --json --device "$device" --threads "$threads" |
    sed "s/\"\([a-z_]*\)\": /\"$1_\1\": /g" >>"$(log_of "$voice")"
}

# join_strings: what the list "said" says, from recordings that were held out, and from these with phases of their own.
join_strings() {
  while read -r _ text; do
    number=$(wc -l <"$work/joined")
    parts=$(echo "$text" | sed 's/./& /g' | awk -v folder="$folder" -v voice="$voice" -v n="$number" \
      '{ for (i = 1; i <= NF; i++) printf "%s/%s_%s_%d.wav ", folder, $i, voice, (n + i) % 5 }')
    # shellcheck disable=SC2086 # a list of files
    "$python" -c "$joined" "$work/joined-$number.wav" $parts
    "$seqgpu" speak --checkpoint "$(model_of "$voice")" --copy "$work/joined-$number.wav" --wav "$work/copied-$number.wav" --device cpu
    printf '%s\t%s\n' "$work/joined-$number.wav" "$text" >>"$work/joined"
    printf '%s\t%s\n' "$work/copied-$number.wav" "$text" >>"$work/copied"
  done <"$work/said"
}

speak() {
  so_long 104 1
  folder=$data/speech/recordings
  voice=${SPEAKER-jackson}
  needs speak "$folder/7_${voice}_0.wav"
  begin speak
  # 29 updates an epoch, and 169 of the transcriber
  run "$voice" speak --data "$folder" --only-speaker "$voice" --hidden 128 --prenet-size 64 --attention-size 32 --stack 4 --lr 3e-3 --epochs "$epochs" \
    --lr-schedule cosine --lr-every $((29 * epochs)) --log-every 58 --eval-every 580 --checkpoint "$(model_of "$voice")"
  reader=${TRANSCRIBER:-$(model_of "transcriber")}
  [ -n "${TRANSCRIBER:-}" ] || run "transcriber" transcribe --data "$folder" --epochs 12 --lr-schedule cosine --lr-every 2028 --log-every 169 \
    --eval-every 169 --checkpoint "$reader"
  finish
  measure "$voice" test_ --data "$folder"
  : >"$work/said" >"$work/longer" >"$work/joined" >"$work/copied"
  say_strings said 1 4
  say_strings longer 5 6
  read_back said
  read_back longer
  if join_strings 2>"$work/error"; then
    read_back joined
    read_back copied
  else skip "recordings joined" "$(head -1 "$work/error")"; fi
  "$seqgpu" speak --checkpoint "$(model_of "$voice")" --text "3 1 4" --device cpu --svg "$work/314.svg" >>"$work/said.txt"
  cp "$work/314.svg" "${RESULTS:-$root/bench/results}/speak-314.svg"
  publish --title "Text to speech, spoken digits" --y val_squared_error --y-label "squared error of what is held out, in deviations" \
    --columns said_label_error_rate:last,said_recordings_wrong:last,longer_label_error_rate:last,joined_label_error_rate:last,\
copied_label_error_rate:last,test_squared_error:last,test_ends_found:last,step:last,elapsed_s:last \
    --about "450 recordings of single digits by $voice, strings of one to four joined anew in each update; the model after $epochs epochs. Said: 100 \
strings of one to four random digits, as the transcriber reads them; longer: 50 of five and six, which training has none of; joined: the 100 from \
recordings that were held out; copied: those from their own features, with phases found anew, the floor of what is said." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# letters_wrong WANTED GOT: the least number of edits that make each line of one file of the other's, divided by the letters wanted.
letters_wrong() {
  awk 'function least(a, b) { return a < b ? a : b }
    NR == FNR { wanted[FNR] = $0; next }
    {
      n = length(wanted[FNR]); m = length($0); letters += n
      for (j = 0; j <= m; j++) row[j] = j
      for (i = 1; i <= n; i++) {
        before = row[0]; row[0] = i
        for (j = 1; j <= m; j++) {
          here = row[j]
          row[j] = least(least(row[j] + 1, row[j - 1] + 1), before + (substr(wanted[FNR], i, 1) != substr($0, j, 1)))
          before = here
        }
      }
      edits += row[m]
    }
    END { printf "%.4f\n", edits / letters }' "$1" "$2"
}

write() {
  so_long 4000 1
  font=${SEQGPU_FONTS:-/usr/share/hershey-fonts}/futural.jhf
  needs write "$font" hershey-fonts-data
  needs write "$data/warandpeace.txt"
  begin write
  tr 'A-Z\n' 'a-z ' <"$data/warandpeace.txt" | tr -c 'a-z ' ' ' >"$work/letters"
  head -c 2900000 "$work/letters" >"$work/learn"
  tail -c +2900001 "$work/letters" | head -c 1500 >"$work/val"
  tail -c +2901501 "$work/letters" | head -c 3000 >"$work/test"
  tr -s ' ' <"$work/test" | fold -s -w 14 | sed 's/^ *//; s/ *$//' | grep . >"$work/unseen"
  lines="--data $work/learn --data $font --val-data $work/val --longest 14 --slant 0.2 --scale 0.1 --jitter 0.3"
  for seed in $seeds; do
    run "writer, seed $seed" write $lines --layers 2 --hidden 100 --batch 12 --gaussians 3 --mixtures 5 --letter-size 24 --lr 6e-3 \
      --lr-schedule cosine --lr-every "$epochs" --steps "$epochs" --log-every 50 --eval-every 500 --seed "$seed" --checkpoint "$(model_of "writer, seed $seed")"
    run "reader, seed $seed" read $lines --hidden 64 --batch 16 --lr 5e-3 --lr-schedule cosine --lr-every $((epochs / 2)) --steps $((epochs / 2)) --log-every 50 \
      --eval-every 500 --seed "$seed" --checkpoint "$(model_of "reader, seed $seed")"
  done
  finish
  for seed in $seeds; do
    measure "writer, seed $seed" test_ --data "$work/test" --data "$font"
    measure "reader, seed $seed" test_ --data "$work/test" --data "$font"
    for bias in 0 1 3; do
      "$seqgpu" write --checkpoint "$(model_of "writer, seed $seed")" --input "$work/unseen" --bias $bias --points 600 --device cpu >"$work/ink"
      "$seqgpu" read --checkpoint "$(model_of "reader, seed $seed")" --input "$work/ink" --device cpu >"$work/back"
      echo "{\"read_back_bias_$bias\": $(letters_wrong "$work/unseen" "$work/back")}" >>"$(log_of "writer, seed $seed")"
    done
    [ "$seed" = 1 ] || continue
    head -6 "$work/unseen" | "$seqgpu" write --checkpoint "$(model_of "writer, seed $seed")" --input - --bias 0,1,3 --points 600 --device cpu \
      --svg "${RESULTS:-$root/bench/results}/write-sheet.svg" >"$work/ink"
  done
  publish --title "Handwriting synthesis, a Hershey font" --y val_nats_per_point --y-label "nats a point of the validation set" \
    --columns test_nats_per_point:last,test_letters_off:last,test_label_error_rate:last,read_back_bias_0:last,read_back_bias_1:last,read_back_bias_3:last,step:last,elapsed_s:last \
    --about "War and Peace in small letters, 2.9 million of them to train on, lines of 7 to 14 in the font futural, slanted, scaled and shaken anew each \
time; 1,500 letters to validate and 3,000 to test, never learnt. letters_off: how far the window is from the letter that is written. \
read_back_bias_B: letters of text that was never learnt that the reader, trained on the same strokes, reads wrong when the writer has written them with bias B." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# A program in Python: the recordings behind one file, joined in it.
joined="
import sys, wave
parts = [wave.open(name) for name in sys.argv[2:]]
with wave.open(sys.argv[1], 'wb') as out:
    out.setparams(parts[0].getparams())
    for part in parts:
        out.writeframes(part.readframes(part.getnframes()))"

# measure_speech NAME: what was held out, by the best path and by a beam.
measure_speech() {
  measure "$1" test_ --data "$folder"
  measure "$1" beam_ --data "$folder" --beam 16
}

case $name in
  tag | words | sentiment | questions | compose | draw | frames | spell | translate | caption | transcribe | speak | write) $name ;;
  *)
    echo "applications.sh: \"$name\" is not here; it must be tag, words, sentiment, questions, compose, draw, frames, spell, translate, caption, transcribe, speak or write" >&2
    exit 2
    ;;
esac
