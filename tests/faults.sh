#!/bin/sh
# faults.sh - the program when calls of the C library fail, one after another, through the life of a model.
#
#   sh tests/faults.sh all [BUILD]            every call of every kind of fault; some ten minutes
#   sh tests/faults.sh NUMBER [BUILD] [NAME]  so many calls of each kind and command, drawn by SEQGPU_TEST_SEED; of one command
#
# faults/kinds.h lists the kinds, faults/sweep.c says what must hold.  BUILD is the build folder, by default `build`.
# SEQGPU_FAULTS_KIND=KIND tries one kind alone; SEQGPU_FAULTS_TELL=1 prints what the program said each time.
# A fault by hand:  SEQGPU_FAULT=read:3 LD_PRELOAD=build/libseqgpu_faults.so build/bin/seqgpu verify model.st
set -u
here=$(cd "$(dirname "$0")" && pwd)
most=${1:-all} build=${2:-$(dirname "$here")/build} only=${3:-}
[ "$most" = all ] && most=0
build=$(cd "$build" && pwd) || exit 1
seqgpu=$build/bin/seqgpu shim=$build/libseqgpu_faults.so sweep=$build/bin/faults_sweep
set -- "$seqgpu"
. "$here/cli.sh"
SEQGPU_TEST_SEED=${SEQGPU_TEST_SEED:-$(date +%s)}
export SEQGPU_TEST_SEED
echo "seed $SEQGPU_TEST_SEED"
if ! LD_PRELOAD=$shim "$seqgpu" --version >out 2>err || [ -s err ]; then
  skip "faults" "the program does not run with $shim: $(head -c 200 err)"
  finish_cli
  exit
fi

# ---------------------------------------------------------------- what a model's life begins with

mkdir all
cd all || exit 1
awk 'BEGIN { for (i = 0; i < 40; i++) printf "the %d cats sat on \"%d\" mats\n", i % 7, i % 5 }' >text
one="--device cpu --threads 1"
small="--hidden 4 --layers 2 --batch 3 --seq-len 6"
train() { "$seqgpu" train "$@" $one --quiet >../made 2>&1 || fail "preparing" "seqgpu train $*"; }
train charlm --text text $small --optimizer adam --dropout 0.2 --steps 3 --checkpoint-every 1 --keep 2 --checkpoint model.st --log run.jsonl \
  --log-every 1 --sample-every 2
train adding --hidden 4 --batch 3 --T 8 --eval-size 6 --steps 2 --checkpoint adding.st
printf '1\tthe\t_\tD\t_\t_\t_\t_\t_\t_\n2\tcat\t_\tN\t_\t_\t_\t_\t_\t_\n\n1\tthe\t_\tD\t_\t_\t_\t_\t_\t_\n' >tagged
printf '0,4 7 - 4\n87 0\n' >music
printf '3,1,0 -1,4,1 2,0,1\n0,5,0 1,1,1\n' >ink
awk 'BEGIN { for (i = 32; i < 127; i++) print "    1  4PTRFR[TM" }' >pen.jhf
# 40 samples at 1000 a second, of 8 bits
printf 'RIFF\114\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\350\003\0\0\350\003\0\0\001\0\010\0data\050\0\0\0aZbYcXdWeVfUgThSiRjQkPlOmNnMoLpKqJrIsHtG' >one.wav
printf 'one.wav\tab\n' >recorded
tagger="--data tagged --val-data tagged --hidden 4 --word-size 3 --letter-size 2 --letter-hidden 2 --batch 2"
train tag $tagger --steps 1 --checkpoint tagger.st
train classify --data text --hidden 4 --word-size 3 --attention-size 2 --batch 2 --steps 1 --checkpoint classifier.st
train compose --data music --hidden 4 --batch 2 --steps 1 --checkpoint composer.st
printf 'read R EH1 D\nread(2) R IY1 D\nad AE1 D\n' >spoken
printf 'Ein Hund.\tA dog.\nDer Hund!\tThe dog!\n' >translated
train draw --data ink --hidden 4 --mixtures 2 --layers 2 --batch 2 --steps 1 --checkpoint drawer.st
writer="--data text --data pen.jhf --longest 9 --hidden 4 --mixtures 2 --gaussians 2 --letter-size 2 --layers 2 --batch 2"
train write $writer --steps 1 --checkpoint writer.st
reader="--data pen.jhf --longest 9 --hidden 4 --batch 2"
train read --data text $reader --steps 1 --checkpoint reader.st
train spell --data spoken --hidden 4 --word-size 3 --attention-size 2 --batch 2 --steps 1 --checkpoint speller.st
train translate --data translated --hidden 4 --word-size 3 --attention-size 2 --batch 2 --steps 1 --checkpoint translator.st
# two patches of two numbers
{ printf '\223NUMPY\001\0v\0'; printf "%-117s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"; printf 'abc?def?ghi?jkl?'; } >seen.npy
printf 'seen.npy\ta dog\n' >pictured
seen="--features 2 --patch-layers 1 --word-size 2 --attention-size 2 --hidden 3 --batch 2"
train caption --data pictured $seen --steps 1 --checkpoint captioner.st
if "$seqgpu" train transcribe --data recorded --mels 2 --hidden 4 --steps 1 $one --quiet --checkpoint transcriber.st >../made 2>&1; then
  speech=yes
  speaker="--mels 2 --hidden 4 --letter-size 2 --prenet-size 3 --attention-size 2 --batch 2"
  train speak --data recorded $speaker --steps 1 --checkpoint speaker.st
elif grep -q "no libsndfile" ../made; then speech=no
else fail "preparing" "seqgpu train transcribe: $(cat ../made)"; fi
train charlm --text text $small --steps 1 --tokens words --cell gru --reset-after --checkpoint words.st
"$seqgpu" import "$here/goldens/exchange/model.nam" --to amp.st $one >../made 2>&1
# every format: its name, a file of it, and a model that it can hold
formats="pytorch:x.safetensors:model.st keras:x.npz:model.st rtneural:x.json:model.st nam:x.nam:amp.st onnx:x.onnx:model.st"
split() { format=${1%%:*} from=${1##*:} to=${1#*:} to=${to%:*}; }
for row in $formats; do
  split $row
  "$seqgpu" export $from --format $format --to $to $one >>../made 2>&1
done
head -c 700 model.st >half.st
gzip -k text
awk 'BEGIN { for (i = 0; i < 9; i++) print i / 9, i % 2 }' >numbers
cp numbers input
# 12 images of 2 x 2, two classes
printf '\0\0\010\003\0\0\0\014\0\0\0\002\0\0\0\002aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxX' | gzip >images
printf '\0\0\010\001\0\0\0\014\0\001\0\001\0\001\0\001\0\001\0\001' >labels
watch="--data images --data labels --side 3 --shrink 1 --shortest-clip 2 --longest-clip 2 --patch 2 --patch-pool 1 --maps 2 --hidden 4 --batch 4"
if "$seqgpu" train frames $watch --steps 1 --checkpoint watcher.st $one --quiet >../made 2>&1; then
  "$seqgpu" eval --checkpoint watcher.st --data images --data labels --save-clip clip.npy $one >../made 2>&1 || fail "preparing" "seqgpu eval of watcher.st"
else grep -q "no zlib" ../made || fail "preparing" "seqgpu train frames: $(cat ../made)"; fi
cd ..

# ---------------------------------------------------------------- the commands

# sweep NAME "FILES" ARGUMENTS...: a command in a folder with these files.
code=0
sweep() {
  name=$1 files=$2
  shift 2
  [ -z "$only" ] || [ "$only" = "$name" ] || return
  rm -rf folder
  mkdir folder
  for file in $files; do cp "all/$file" folder || fail "$name" "$file is not there"; done
  "$sweep" "$shim" folder "$name" $code $most "$seqgpu" "$@" >lines 2>&1
  cat lines
  passed=$((passed + $(grep -c '^pass' lines))) failed=$((failed + $(grep -c '^FAIL' lines))) skipped=$((skipped + $(grep -c '^skip' lines)))
  cat lines >>sums
}

every="--log-every 1 --eval-every 2 --checkpoint-every 1"
sweep train "text" train charlm --text text $small $one --steps 4 $every --sample-every 2 --checkpoint new.st --keep 2 --keep-best --log new.jsonl \
  --tensorboard board
sweep resume "text model.st model-00000002.st model-00000003.st run.jsonl" train charlm --text text --resume model.st $one --steps 5 $every --keep 2 \
  --log run.jsonl
sweep force "text model.st" train charlm --text text $small --optimizer momentum --steps 2 $every --checkpoint model.st --force $one
sweep init-from "text words.st" train charlm --text text --init-from words.st --batch 3 --seq-len 6 --steps 2 --checkpoint new.st $one --quiet
sweep threads "" train adding --hidden 4 --batch 3 --T 6 --eval-size 6 --steps 2 --checkpoint new.st --log new.jsonl --device cpu --threads 2
if (cd all && "$seqgpu" train charlm --text text.gz $small --dry-run $one >out 2>err); then
  sweep packed "text.gz words.st" train charlm --text text.gz $small --tokens words --vocab-limit 9 --steps 1 --keep 1 --checkpoint new.st $one
  sweep pixels "images labels" train pixels --images images --labels labels --val-images images --val-labels labels --hidden 4 --batch 4 \
    --steps 2 --checkpoint new.st $one
  sweep frames "images labels" train frames $watch --val-data images --val-data labels --steps 1 --checkpoint new.st $one
  sweep frames-use "watcher.st clip.npy" frames --checkpoint watcher.st clip.npy --svg new.svg $one
else
  skip "packed files" "$(head -c 100 all/err)"
fi
sweep tag "tagged" train tag $tagger --steps 2 --checkpoint new.st $one
sweep tag-use "tagger.st text" tag --checkpoint tagger.st --input text $one
sweep classify "text" train classify --data text --hidden 4 --word-size 3 --attention-size 2 --batch 2 --steps 1 --checkpoint new.st $one
sweep classify-use "classifier.st text" classify --checkpoint classifier.st --input text --html page.html $one
sweep compose "music" train compose --data music --val-data music --hidden 4 --batch 2 --steps 1 --checkpoint new.st $one
sweep compose-use "composer.st music" compose --checkpoint composer.st --input music --steps 3 --midi new.mid --svg new.svg $one
sweep draw "ink" train draw --data ink --val-data ink --hidden 4 --mixtures 2 --layers 2 --batch 2 --steps 1 --checkpoint new.st $one
sweep draw-use "drawer.st ink" draw --checkpoint drawer.st --input ink --points 2 --samples 2 --svg new.svg $one
printf 'the cats\n' >all/line
sweep write "line pen.jhf" train write --data line --val-data line ${writer#--data text} --steps 1 --checkpoint new.st $one
sweep write-use "writer.st line" write --checkpoint writer.st --input line --points 2 --samples 2 --svg new.svg $one
sweep read "line pen.jhf" train read --data line --val-data line $reader --steps 1 --checkpoint new.st $one
sweep read-use "reader.st ink" read --checkpoint reader.st --input ink $one
sweep spell "spoken" train spell --data spoken --val-data spoken --hidden 4 --word-size 3 --attention-size 2 --batch 2 --steps 1 --checkpoint new.st $one
sweep spell-use "speller.st text" spell --checkpoint speller.st --input text --beam 2 $one
sweep translate "translated" train translate --data translated --val-data translated --hidden 4 --word-size 3 --attention-size 2 --batch 2 --steps 1 --checkpoint new.st $one
sweep translate-use "translator.st text" translate --checkpoint translator.st --input text --copy --svg new.svg $one
sweep caption "pictured seen.npy" train caption --data pictured --val-data pictured $seen --steps 1 --checkpoint new.st $one
sweep caption-use "captioner.st seen.npy" caption --checkpoint captioner.st seen.npy --beam 2 --svg new.svg $one
if [ "$speech" = yes ]; then
  sweep transcribe "recorded one.wav" train transcribe --data recorded --val-data recorded --mels 2 --hidden 4 --steps 1 --checkpoint new.st $one
  sweep transcribe-use "transcriber.st one.wav" transcribe --checkpoint transcriber.st one.wav --beam 2 --svg new.svg $one
  sweep speak "recorded one.wav" train speak --data recorded --val-data recorded $speaker --steps 1 --checkpoint new.st $one
  sweep speak-use "speaker.st" speak --checkpoint speaker.st --text a --seconds 0.1 --rounds 1 --wav new.wav --svg new.svg $one
  sweep speak-copy "speaker.st one.wav" speak --checkpoint speaker.st --copy one.wav --rounds 1 --wav new.wav $one
else skip "transcribe, speak" "this build has no libsndfile"; fi
sweep series "" train narma10 --hidden 4 --batch 2 --T 25 --eval-size 2 --steps 1 --checkpoint new.st $one
sweep orthogonal "text" train charlm --text text $small --cell rnn --init orthogonal --steps 1 --checkpoint new.st $one
sweep eval "text model.st" eval --checkpoint model.st --text text $one
sweep eval-ngram "text words.st" eval --checkpoint words.st --text text --ngram 3 --dynamic 0.1 $one
sweep eval-task "adding.st" eval --checkpoint adding.st --show 2 $one
sweep eval-input "adding.st input" eval --checkpoint adding.st --input - $one
sweep plans "text model.st" eval --checkpoint model.st --text text --plan-cache cache.plans $one
sweep sample "model.st" sample --checkpoint model.st --prime "the " --length 30 $one
sweep top-k "model.st" sample --checkpoint model.st --length 9 --top-k 3 --json $one
sweep likeliest "words.st" sample --checkpoint words.st --probabilities 5 $one
sweep inspect "model.st" inspect --checkpoint model.st --prime "the 3" $one
sweep page "model.st text" inspect --checkpoint model.st --cells text --cells-length 200 --html page.html $one
sweep flow "model.st" inspect --checkpoint model.st --gradient-flow --prime "the 3" --html page.html $one
sweep flow-task "adding.st" inspect --checkpoint adding.st --gradient-flow --json $one
sweep flow-cells "" inspect --gradient-flow --hidden 4 --seq-len 3 $one
sweep verify "model.st words.st" verify model.st words.st
sweep report "run.jsonl" report run.jsonl --html page.html
sweep info "" info $one
sweep help "" train charlm --help
sweep completion "" completion bash
# the library, as other programs call it: faults/lives.h
export SEQGPU_FAULTS_PROGRAM
SEQGPU_FAULTS_PROGRAM=$seqgpu
seqgpu=$build/bin/faults_library
for life in lstm cells stream plan params tape checkpoint exchange esn ridge; do sweep library-$life "" $life; done
sweep library-threads "" tape 3
seqgpu=$SEQGPU_FAULTS_PROGRAM
code=1 # what is refused: whatever fails, it is not done
sweep keeps-model "text model.st" train charlm --text text $small --steps 1 --checkpoint model.st $one
sweep keeps-text "text numbers" train charlm --text text $small --steps 1 --checkpoint numbers --force $one
sweep keeps-log "text numbers" train charlm --text text $small --steps 1 --checkpoint new.st --log numbers $one
sweep keeps-page "run.jsonl numbers" report run.jsonl --html numbers
sweep keeps-export "model.st words.st" export model.st --format pytorch --to words.st $one
sweep damaged "text half.st" eval --checkpoint half.st --text text $one
sweep damaged-resume "text half.st" train charlm --text text --resume half.st $one
sweep damaged-verify "half.st model.st" verify model.st half.st
code=0
for row in $formats; do
  split $row
  if [ ! -e all/$to ]; then
    skip "export-$format and import-$format" "this build does not write it"
    continue
  fi
  sweep export-$format "$from $to" export $from --format $format --to $to --force $one
  sweep import-$format "$to words.st" import $to --to words.st --force $one
done

awk '/^pass/ { for (i = 1; i < NF; i++) { if ($(i + 1) == "of") all += $i; if ($(i + 1) ~ /^recovered/) a += $i; if ($(i + 1) == "went") b += $i
       if ($(i + 1) ~ /^refused/) c += $i } }
  END { printf "%d injections where all is well: %d recovered, %d went on and said so, %d refused\n", all, a, b, c }' sums
finish_cli
