#!/bin/sh
# test_numbers.sh PROGRAM - what the numbers of a language model mean: bits per character for every kind of token, the whole
# text is learnt, and a run that an older version began goes on as it began.
# Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

tiny="--layers 1 --device cpu --threads 1"
# number KEY FILE: of the last line.
number() { sed -n "\$s/.*\"$1\": \\([-0-9.e+]*\\)[,}].*/\\1/p" "$2"; }
# near NAME A B: to 1e-4 of each other.
near() {
  if awk "BEGIN { exit !($2 > 0 && ($2 - $3) ^ 2 <= (1e-4 * $3) ^ 2) }"; then pass "$1"; else fail "$1" "is $2, expected $3"; fi
}

# ---------------------------------------------------------------- bits per character

# 40 lines of three words of three characters, of which one is two bytes: 12 characters a line, 4 words, 13 bytes.
awk 'BEGIN { for (i = 0; i < 40; i++) printf "%s\n", i % 2 ? "the c\303\244t ran" : "a\303\244u sat fat" }' >text
for kind in "bytes 13" "utf8 12" "words 4"; do
  tokens=${kind#* } kind=${kind% *}
  check "train on $kind" "$seqgpu" train charlm --text text --tokens $kind --hidden 6 $tiny --batch 2 --seq-len 8 --steps 9 --checkpoint $kind --log $kind.log
  near "bits per character of $kind" "$(number bits_per_char $kind.log)" "$(number loss $kind.log) * $tokens / 12 / log(2)"
  near "of its validation" "$(number val_bits_per_char $kind.log)" "$(number val_loss $kind.log) * $tokens / 12 / log(2)"
  near "bits per token" "$(number bits_per_token $kind.log)" "$(number loss $kind.log) / log(2)"
  check "eval of $kind" "$seqgpu" eval --checkpoint $kind --text text --json
  cp out eval.json
  near "bits per character of eval" "$(number bits_per_char eval.json)" "$(number loss eval.json) * $tokens / 12 / log(2)"
  near "bits per token of eval" "$(number bits_per_token eval.json)" "$(number loss eval.json) / log(2)"
done

# ---------------------------------------------------------------- the whole text

printf abababaZZZZZ >ends
printf ZZZZZ >end
for length in 4 5 6 7 11; do
  check "pieces of $length steps" "$seqgpu" train charlm --text ends --val-fraction 0 --batch 1 --seq-len $length --hidden 16 $tiny --epochs 200 --lr 0.01 \
    --checkpoint ends$length
  check "what they learnt" "$seqgpu" eval --checkpoint ends$length --text end --json
  loss=$(number loss out)
  if awk "BEGIN { exit !($loss < 0.6) }"; then pass "the end is learnt in pieces of $length"; else fail "the end is learnt in pieces of $length" "loss $loss"; fi
done
# 3 streams of 11 predictions, which have 4, 4 and 3: a number for each, and none twice.
check "streams of different length" "$seqgpu" train charlm --text ends --val-fraction 0 --batch 3 --seq-len 3 --hidden 4 $tiny --epochs 1 --checkpoint streams
if "$seqgpu" inspect --checkpoint streams | grep -q '^train_size  *11$'; then pass "all predictions are made"; else fail "all predictions are made" "not 11"; fi

# ---------------------------------------------------------------- a run of version 0.1

# Its checkpoints do not say train_size, and its epochs were of whole pieces: 36 predictions in 3 streams, 12 steps, 2 pieces.
head -c 37 text >begun
check "a run" "$seqgpu" train charlm --text begun --tokens bytes --val-fraction 0 --batch 3 --seq-len 5 --hidden 4 $tiny --steps 1 --checkpoint new
# A file that is changed on purpose has no checksums: edit EXPRESSION FILE
edit() { LC_ALL=C sed -e 's/"seqgpu.crc32"/"without_crcs"/' -e "$1" "$2"; }
edit 's/"train_size"/"train_sizf"/' new >old
epoch() { "$seqgpu" train charlm --text begun --resume "$1" --steps 6 --log-every 6 --json --device cpu --threads 1 2>err | sed -n '$s/.*"epoch": \([0-9.]*\),.*/\1/p'; }
for start in "new 2" "old 3" "old 3"; do
  is=$(epoch "${start% *}")
  if [ "$is" = "${start#* }" ]; then pass "epochs of a run, ${start% *}"; else fail "epochs of a run, ${start% *}" "\"$is\", $(cat err)"; fi
  edit 's/"step":"6"/"step":"1"/' old >older && mv older old # and on again from its own checkpoint
done
edit 's/"train_size":"36"/"train_size":"35"/' new >wrong
refused "another cut of the text" 1 "trained on 35 predictions per epoch" train charlm --text begun --resume wrong --steps 9

refused "a limit of words for characters" 2 "no effect with --tokens utf8" train charlm --text text --vocab-limit 9

finish_cli
