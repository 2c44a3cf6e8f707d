#!/bin/sh
# found.sh NAME [EPOCHS [SEEDS]] - applications of `seqgpu train` on files that a Debian machine has, or can install by name, and that
# nobody made for learning: the numbers of host/doc/applications.md.  What is not there is skipped by name.
#
#   source   C, the headers in /usr/include and /usr/include/linux (libc6-dev, linux-libc-dev and others) without comments, letter by
#            letter; of the lines that open a bracket in what the model writes at least 90 % balanced are wanted (brackets.awk says what
#            that is).  UPDATES=2000 makes so many instead of EPOCHS, and the model writes LETTERS (20000)
#   latex    the same of LaTeX's own sources in LATEX (/usr/share/texlive/texmf-dist/tex/latex, texlive-latex-base); braces alone count
#   emoji    names of the 1,794 emoji in SEQGPU_DATA/emoji; every tenth is held out.  Also emoji-captions.txt: what stands in the first
#            60 of these, and what the model says
#   stamps   English captions of the pictures in STAMPS (/usr/share/tuxpaint/stamps, tuxpaint-stamps-default).  Also stamps-captions.txt
#   spanish  the 890 captions that are spoken in Spanish there.  Also spanish-transcripts.txt
set -eu
name=${1:-source}
epochs=${2:-0}
seeds=${3:-}
. "$(dirname "$0")/paper.sh"
stamps=${STAMPS:-/usr/share/tuxpaint/stamps}
length=${LETTERS:-20000}
results=${RESULTS:-$root/bench/results}

# ---------------------------------------------------------------------- letters

# brackets FILE: how the brackets of a text stand, as JSON.
brackets() { awk -v language="$language" -f "$here/brackets.awk" "$1"; }

# write_source SEED TEMPERATURE: what the model of that seed writes, and how its brackets stand, as a line of its log.
write_source() {
  written=$work/written-$1-$2
  "$seqgpu" sample --checkpoint "$(model_of "LSTM, seed $1")" --prime "$prime" --length "$length" --temperature "$2" --device cpu --threads "$threads" >"$written"
  brackets "$written" | sed "s/\"\([a-z_]*\)\": /\"t$(echo "$2" | tr -d .)_\1\": /g" >>"$(log_of "LSTM, seed $1")"
}

# letters EXPERIMENT TITLE WHAT HIDDEN LENGTH: an LSTM of so many units on $work/text, in pieces of that length, and what it writes at
# four temperatures.
letters() {
  size=$(wc -c <"$work/text")
  if [ "$size" -lt 500000 ]; then
    echo "skipped: $1: less than 500 kB were found"
    exit 0
  fi
  updates=${UPDATES:-$((size * 95 / 100 / ($5 * 32) * epochs))}
  common="--text $work/text --val-fraction 0.05 --layers 1 --hidden $4 --seq-len $5 --batch 32 --optimizer adam --lr 3e-3 --steps $updates --lr-schedule cosine
    --lr-every $updates"
  for seed in $seeds; do
    run "LSTM, seed $seed" charlm $common --log-every 100 --eval-every $((updates / 2)) --seed "$seed" --checkpoint "$(model_of "LSTM, seed $seed")"
  done
  finish
  for seed in $seeds; do
    for temperature in 0.3 0.5 0.7 1; do write_source "$seed" $temperature; done
  done
  publish --title "$2" --y val_loss --y-label "nats a letter of the validation part" \
    --columns t03_balanced_in_text:last,t05_balanced_in_text:last,t07_balanced_in_text:last,t1_balanced_in_text:last,t05_balanced_in_line:last,\
t05_lines_that_open:last,val_loss:last,step:last \
    --about "$3, one file after the other by name, $size bytes of ASCII, the last 5 % to validate; the model after $updates updates of $(($5 * 32)) letters. \
It writes $length letters at each temperature (t05: 0.5): the share of the lines that open a bracket in which all that is opened is closed by its own kind, \
until the text ends, or within the line. Of the text itself: $(brackets "$work/text")." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time."
}

# Comments would be most of what is learnt, and white space a trap for what is written.
c_source() {
  so_long 10 1
  needs source "$(command -v gcc || echo "program gcc")"
  begin source
  language=c prime="#ifndef "
  find /usr/include /usr/include/linux -maxdepth 1 -name '*.h' -type f | LC_ALL=C sort | while read -r file; do
    gcc -fpreprocessed -dD -E -P -x c "$file" 2>/dev/null || continue
  done | LC_ALL=C tr '\t' ' ' | LC_ALL=C tr -s ' ' | LC_ALL=C tr -cd '\12\40-\176' >"$work/text"
  letters source "C headers, letter by letter" "The headers in /usr/include and /usr/include/linux, without comments and with single spaces" 320 96
}

latex() {
  so_long 2 1
  folder=${LATEX:-/usr/share/texlive/texmf-dist/tex/latex}
  needs latex "$folder" texlive-latex-base
  begin latex
  language=latex prime="\\newcommand"
  find "$folder" -type f \( -name '*.sty' -o -name '*.cls' -o -name '*.ltx' -o -name '*.tex' \) | LC_ALL=C sort | xargs cat | LC_ALL=C tr -cd '\11\12\40-\176' >"$work/text"
  letters latex "LaTeX's sources, letter by letter" "The .sty, .cls, .ltx and .tex files of Debian's texlive-latex-base" 256 64
}

# ---------------------------------------------------------------------- pictures and speech

# split LIST: every tenth line to $work/test, the one before it to $work/val, the others to $work/train.
split() {
  awk -v to="$work" '{ print >(to "/" (NR % 10 == 9 ? "test" : NR % 10 == 8 ? "val" : "train")) }' "$1"
}

# listed FILE: path, what stands there and what the model says, tab-separated, of the first 60 that were held out.
listed() { awk -F '\t' 'NR == FNR { said[FNR] = $0; next } FNR <= 60 && FNR in said { n = split($1, part, "/"); print part[n] "\t" $2 "\t" said[FNR] }' "$1" "$work/test"; }

# pictures EXPERIMENT WHAT: captions of the pictures in the list $work/all.
pictures() {
  split "$work/all"
  common="--data $work/train --val-data $work/val --min-count 2 --dropout 0.3 --epochs $epochs --lr-schedule cosine --lr-every $((epochs * $(wc -l <"$work/train") / 8))
    --log-every 50 --eval-every 200"
  run_seeds "attention" caption $common
  run_seeds "no attention" caption $common --attention-size 0 --lr 4e-4
  finish
  for seed in $seeds; do
    for run in "attention" "no attention"; do
      measure "$run, seed $seed" beam_ --data "$work/test" --beam 5
      measure "$run, seed $seed" test_ --data "$work/test"
    done
  done
  head -60 "$work/test" | cut -f 1 | xargs "$seqgpu" caption --checkpoint "$(model_of "attention, seed ${seeds%% *}")" --beam 5 --device cpu --threads "$threads" >"$work/said"
  listed "$work/said" >"$results/$1-captions.txt"
  publish --title "$2" --y val_captions_wrong --y-label "captions of the validation set that are not exact" \
    --columns test_bleu:last,beam_bleu:last,test_exact:last,beam_exact:last,val_captions_wrong:last,step:last,elapsed_s:last \
    --about "$(wc -l <"$work/train") pictures to train on, $(wc -l <"$work/val") to validate, $(wc -l <"$work/test") to test; the model after $epochs epochs. \
Exact: every word is right; beam: of 5." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; what the first model says of 60 pictures is in $1-captions.txt."
}

emoji() {
  so_long 40 1
  folder=$data/emoji
  needs emoji "$folder/index.json"
  begin emoji
  awk -F '"' -v folder="$folder/png" '$2 == "unicode" { at = $4 } $2 == "name" { print folder "/" at ".png\t" tolower($4) }' "$folder/index.json" |
    while IFS="$(printf '\t')" read -r file words; do
      [ ! -r "$file" ] || printf '%s\t%s\n' "$file" "$words"
    done >"$work/all"
  pictures emoji "Names of emoji"
}

stamps() {
  so_long 40 1
  needs "$name" "$stamps" tuxpaint-stamps-default
  begin stamps
  find "$stamps" -name '*.png' | LC_ALL=C sort | while read -r file; do
    [ ! -s "${file%.png}.txt" ] || printf '%s\t%s\n' "$file" "$(head -1 "${file%.png}.txt" | tr 'A-Z' 'a-z' | tr -d '.!?,;:"')"
  done | grep -v "$(printf '\t')$" >"$work/all"
  pictures stamps "Captions of Tux Paint's stamps"
}

spanish() {
  so_long 60 1
  needs "$name" "$stamps" tuxpaint-stamps-default
  begin spanish
  find "$stamps" -name '*_desc_es.ogg' | LC_ALL=C sort | while read -r file; do
    printf '%s\t%s\n' "$file" "$(sed -n 's/^es\.utf8=//p' "${file%_desc_es.ogg}.txt" 2>/dev/null | head -1 |
      LC_ALL=C.UTF-8 sed 'y/ABCDEFGHIJKLMNOPQRSTUVWXYZÁÉÍÓÚÑÜ/abcdefghijklmnopqrstuvwxyzáéíóúñü/; s/[^a-záéíóúñü ]//g; s/  */ /g; s/^ //; s/ $//')"
  done | grep -v "$(printf '\t')$" >"$work/all"
  split "$work/all"
  # 16 recordings an update
  common="--data $work/train --val-data $work/val --join 1 --hidden 192 --layers 2 --dropout 0.3 --speed 0.15 --pitch 0.1 --epochs $epochs --lr-schedule cosine
    --lr-every $((epochs * $(wc -l <"$work/train") / 16)) --log-every 20 --eval-every 200"
  run_seeds "LSTM" transcribe $common
  finish
  for seed in $seeds; do
    measure "LSTM, seed $seed" test_ --data "$work/test"
    measure "LSTM, seed $seed" beam_ --data "$work/test" --beam 16
  done
  head -60 "$work/test" | cut -f 1 | xargs "$seqgpu" transcribe --checkpoint "$(model_of "LSTM, seed ${seeds%% *}")" --device cpu --threads "$threads" >"$work/said"
  listed "$work/said" >"$results/spanish-transcripts.txt"
  publish --title "Spanish captions, spoken" --y val_label_error_rate --y-label "letters of the validation set that are wrong" \
    --columns test_label_error_rate:last,beam_label_error_rate:last,val_label_error_rate:last,step:last,elapsed_s:last \
    --about "$(wc -l <"$work/train") recordings of Tux Paint's stamps, in Spanish, to train on, $(wc -l <"$work/val") to validate, $(wc -l <"$work/test") to test; the model after \
$epochs epochs, by the best path and by a beam of 16." \
    --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time; what the first model hears in 60 recordings is in spanish-transcripts.txt."
}

case $name in
  latex | emoji | stamps | spanish) $name ;;
  source) c_source ;;
  *)
    echo "found.sh: \"$name\" is not here; it must be source, latex, emoji, stamps or spanish" >&2
    exit 2
    ;;
esac
