#!/bin/sh
# test_applications_sound.sh PROGRAM - applications of `seqgpu train`: music and speech (applications.sh).  Prints "pass NAME" or
# "FAIL NAME: why", last the counts.
. "$(dirname "$0")/applications.sh"

# ---------------------------------------------------------------------- compose

# played COUNT FIRST: pieces of 5 to 16 steps, a chord of two keys that goes around four of them, from the first one.
played() {
  awk -v count="$1" -v first="$2" 'BEGIN {
    split("10,14 12 - 15,19,87", step, " ")
    for (i = first; i < first + count; i++) {
      line = step[1]
      for (t = 1; t < 5 + i * 7 % 12; t++) line = line " " step[t % 4 + 1]
      print line
    }
  }'
}
played 40 0 >music.train
played 15 100 >music.val
data="--data music.train --val-data music.val"
small="--hidden 5 --batch 8"
run train compose $data --hidden 24 --batch 8 --lr 0.03 --dropout 0 --epochs 100 --checkpoint composer --json >trained 2>err
check "cpu f32: task compose, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.2) }"' sh "$(value val_nats_per_step trained)"
resumed "compose" compose $small --dropout 0.3 --input-dropout 0.2 --window 7
shared "compose" compose $small --dropout 0.3 --input-dropout 0.2 --window 7 --transpose 5
resumed "compose, transposed, gru of two layers" compose $small --cell gru --layers 2 --transpose 5
run train compose $data $small --steps 20 --checkpoint one --quiet && run train compose $data $small --transpose 5 --steps 20 --checkpoint two --quiet
check "transposing changes what is learnt" sh -c '! cmp -s one two'
run eval --checkpoint composer --data music.val --json >measured 2>err
steps=$(tr ' ' '\n' <music.val | wc -l)
if [ "$(value accuracy measured)" = 1 ] && [ "$(value steps measured)" = "$steps" ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task compose, eval measures what training did"
else fail "cpu f32: task compose, eval measures what training did" "$(cat measured err)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint composer --data music.val --device cpu | grep -q "; $2 steps, accuracy of their keys 100.00 %$"' sh "$seqgpu" "$steps"
run compose --checkpoint composer --temperature 0.3 --steps 7 --midi new.mid --svg new.svg >got 2>err
equal "seqgpu compose: music from nothing" "$(cat got)" "10,14 12 - 15,19,87 10,14 12 -"
check "a MIDI file" sh -c '[ "$(head -c 4 new.mid)" = MThd ] && [ "$(od -A n -t x1 -j 12 -N 2 new.mid | tr -d " ")" = 0018 ]'
check "a picture of it" sh -c 'grep -q "^<svg xmlns=" new.svg && grep -q "^</svg>$" new.svg && [ "$(grep -c "#1f6feb" new.svg)" = 9 ]'
printf '10,14 12 -\n1 2\n' >begin
equal "what --input begins with goes on" "$(run compose --checkpoint composer --input begin --steps 2 --temperature 0.3)" "10,14 12 - 15,19,87 10,14"
equal "a part of it" "$(run compose --checkpoint composer --input begin --begin 1 --steps 2 --temperature 0)" "10,14 12 -"
equal "in JSON" "$(run compose --checkpoint composer --input begin --begin 1 --steps 2 --temperature 0.3 --json)" '{"given": 1, "steps": [[10, 14], [12], []]}'
run compose --checkpoint composer --steps 40 --temperature 5 --seed 3 >a && run compose --checkpoint composer --steps 40 --temperature 5 --seed 3 >b &&
  run compose --checkpoint composer --steps 40 --temperature 5 --seed 4 >c
check "the same seed gives the same piece, another gives another" sh -c 'cmp -s a b && ! cmp -s a c'
check "which training reads" run train compose --data a $small --steps 1 --quiet
echo '1 88' >keys
refused "a key that no piano has" 1 'keys: line 1, step 2: "88" must be keys' train compose --data keys
refused "more of the input than there is" 2 "--begin: is 9; the first piece of --input has fewer steps" compose --checkpoint composer --input begin --begin 9
refused "a part of nothing" 2 "--begin: is 1; there is no --input" compose --checkpoint composer --begin 1
refused "a MIDI file over something else" 1 "begin: is there and is no MIDI file" compose --checkpoint composer --midi begin
refused "a picture over something else" 1 "begin: is there and is no SVG picture" compose --checkpoint composer --svg begin
refused "resume with other parts" 1 "--window: is 7" train compose $data --resume one --window 7
refused "a tagger is no composer" 1 "another: is a checkpoint of task tag; it must be one of task compose" compose --checkpoint another

# ---------------------------------------------------------------------- transcribe

# tone FILE HERTZ LATE: a fifth of a second of sound that begins and ends softly, so many samples late; 8 bits, 8000 a second.
printf 'RIFF\144\006\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\100\037\0\0\001\0\010\0data\100\006\0\0' >head.riff
tone() {
  {
    cat head.riff
    LC_ALL=C awk -v hertz="$2" -v late="$3" 'BEGIN {
      for (i = 0; i < 1600; i++) {
        t = (i - late) / 1300; loud = t > 0 && t < 1 ? sin(3.14159 * t) : 0
        printf "%c", 128 + int(100 * loud * sin(6.28319 * hertz * i / 8000) + 3 * ((i * 7919 + late) % 13) / 13)
      }
    }'
  } >"$1"
}

# Four digits of two speakers, eight times each; of these 0 and 1 are held out.
recorded() {
  mkdir said
  for speaker in ann bob; do
    for i in 0 1 2 3 4 5 6 7; do
      [ $speaker = ann ] && more=0 || more=60
      tone said/0_${speaker}_$i.wav $((300 + more + 5 * i)) $((37 * i % 250))
      tone said/1_${speaker}_$i.wav $((800 + more + 7 * i)) $((53 * i % 250))
      tone said/2_${speaker}_$i.wav $((1500 + more + 9 * i)) $((71 * i % 250))
      tone said/3_${speaker}_$i.wav $((2600 + more + 9 * i)) $((97 * i % 250))
    done
  done
}

# The same with four of them shorter and two left out: in batches of 16, with 3 held out, the last has six.
shortened() {
  mkdir uneven
  cp said/* uneven
  rm uneven/0_bob_7.wav uneven/2_ann_7.wav
  for each in 0_ann_3 1_ann_4 2_bob_5 3_bob_6; do
    { printf 'RIFF\160\004\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\100\037\0\0\001\0\010\0data\114\004\0\0'; tail -c +245 said/$each.wav | head -c 1100; } >uneven/$each.wav
  done
}

transcribed() {
  data="--data said"
  small="--hold-out 2 --mels 6 --hidden 5 --batch 8 --single-epochs 1 --join 3"
  run train transcribe $data --hold-out 2 --mels 16 --hidden 16 --batch 8 --lr 0.01 --dropout 0.1 --speed 0.1 --pitch 0.05 --single-epochs 10 --join 4 --epochs 40 \
    --checkpoint transcriber --json >trained 2>err
  check "cpu f32: task transcribe, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.05) }"' sh "$(value val_label_error_rate trained)"
  resumed "transcribe" transcribe $small --dropout 0.3
  shortened
  data="--data uneven"
  shared "transcribe" transcribe $small --dropout 0.3 --speed 0.2 --pitch 0.1 --level 6 --hold-out 3 --batch 16
  data="--data said"
  resumed "transcribe, slower and higher, gru of two layers" transcribe $small --cell gru --layers 2 --speed 0.2 --pitch 0.1 --level 6 --stack 3 --centre
  run train transcribe $data $small --steps 20 --checkpoint one --force --quiet
  for option in "--join 1" "--single-epochs 2" "--speed 0.2" "--pitch 0.1" "--level 9" "--range 0" "--centre" "--stack 1"; do
    run train transcribe $data $small $option --steps 20 --checkpoint two --force --quiet
    check "$option changes what is learnt" sh -c '! cmp -s one two'
  done
  run eval --checkpoint transcriber --data said --json >measured 2>err
  if [ "$(value recordings measured)" = 16 ] && [ "$(value strings measured)" = 16 ] &&
    [ "$(value label_error_rate measured | cut -c 1-6)" = "$(value val_label_error_rate trained | cut -c 1-6)" ] &&
    [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
    pass "cpu f32: task transcribe, eval measures what training did, of what was held out"
  else fail "cpu f32: task transcribe, eval measures what training did, of what was held out" "$(cat measured err) $(tail -1 trained)"; fi
  check "in words, too" sh -c '"$1" eval --checkpoint transcriber --data said --device cpu | grep -q "; 16 recordings, [0-9.]* % of them wrong; 16 strings, label errors [0-9.]* %$"' sh "$seqgpu"
  for b in 1 7; do run eval --checkpoint transcriber --data said --batch $b --json | sed 's/\(0\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
  check "whatever the batch" cmp b1 b7
  check "by a beam" sh -c '"$1" eval --checkpoint transcriber --data said --beam 5 --device cpu --json | grep -q "\"strings\": 16"' sh "$seqgpu"
  run transcribe said/2_bob_0.wav --checkpoint transcriber said/0_ann_1.wav said/3_bob_1.wav --batch 2 --svg new.svg >got 2>err
  equal "seqgpu transcribe: recordings in, text out" "$(tr '\n' , <got)" "2,0,3,"
  check "a picture of the first" sh -c 'grep -q "^<svg xmlns=" new.svg && grep -q "^</svg>$" new.svg && [ "$(grep -c "font-size=\"16\"[^>]*>2</text>" new.svg)" = 1 ]'
  check "in JSON" sh -c '"$1" transcribe --checkpoint transcriber said/1_ann_0.wav --json --beam 4 --device cpu | grep -q "^{\"file\": \"said/1_ann_0.wav\", \"text\": \"1\", \"log_probability\": -[0-9.e-]*}$"' sh "$seqgpu"
  run train transcribe $data $small --hold-out-speaker bob --steps 2 --checkpoint one --force --quiet
  check "one speaker is held out" sh -c '"$1" eval --checkpoint one --data said --device cpu --json | grep -q "\"recordings\": 32,"' sh "$seqgpu"
  printf 'said/0_ann_0.wav\tgo on\nsaid/1_bob_3.wav\t\303\251\n' >list
  check "a list, which has no strings" sh -c '"$1" train transcribe --data list --val-data list --mels 6 --hidden 5 --steps 3 --checkpoint listed --device cpu --quiet && "$1" eval --checkpoint listed --data list --device cpu | grep -q "; 2 recordings, [0-9.]* % of them wrong$"' sh "$seqgpu"
  data="--data said --val-data list"
  resumed "transcribe, validated on a list" transcribe $small
  data="--data said"
  # ---- what is wrong
  head -c 800 said/0_ann_0.wav >cut.wav
  refused "a recording that is cut short" 1 "cut.wav: is cut short: it must have 1644 bytes, and 800 are there" transcribe --checkpoint transcriber cut.wav
  : >empty.wav
  refused "an empty recording" 1 "empty.wav: is empty; it must be a recording" transcribe --checkpoint transcriber empty.wav
  { head -c 24 head.riff; printf '\200\076\0\0\200\076\0\0'; tail -c +33 said/0_ann_0.wav; } >fast.wav
  refused "a recording of another rate" 1 "the recordings have 16000 samples a second; transcriber takes 8000" transcribe --checkpoint transcriber fast.wav
  refused "recordings of two rates" 1 "fast.wav: has 16000 samples a second; it must have 8000, as the others" transcribe --checkpoint transcriber said/0_ann_0.wav fast.wav
  refused "a text" 1 "list: is no recording that libsndfile reads" transcribe --checkpoint transcriber list
  refused "no recording" 2 "no recording is named" transcribe --checkpoint transcriber
  refused "one that is not there" 1 "nobody.wav: cannot open" transcribe --checkpoint transcriber nobody.wav
  refused "an option that is none" 2 "is not an option" transcribe --checkpoint transcriber said/0_ann_0.wav --best
  refused "nobody to hold out" 1 "said: has nothing of eve, who is to be held out" train transcribe $data --hold-out-speaker eve
  refused "nothing left to learn" 1 "said: has no recording that is to be learnt" train transcribe $data --hold-out 8
  refused "nothing held out" 1 "said: has no recording that is held out" train transcribe --data list --val-data said --hold-out 0
  refused "resume with others held out" 1 "--hold-out: is 3; transcriber was trained with 2" train transcribe $data --resume transcriber --hold-out 3
  refused "a picture over something else" 1 "list: is there and is no SVG picture" transcribe --checkpoint transcriber said/0_ann_0.wav --svg list
  refused "a tagger is no transcriber" 1 "another: is a checkpoint of task tag; it must be one of task transcribe" transcribe --checkpoint another said/0_ann_0.wav
  if command -v python3 >/dev/null; then
    cp transcriber model
    damaged rate 8000.5
    refused "a rate that is no whole number" 1 "damaged: rate is 8000.5" transcribe --checkpoint damaged said/0_ann_0.wav
    for key in rate means deviations; do
      for text in - "" "1 2" "0 x" nan; do
        damaged $key "$text"
        refused "$key of \"$text\"" 1 "damaged: $key must be in its metadata" transcribe --checkpoint damaged said/0_ann_0.wav
      done
    done
    damaged letters '0 1 2 3 %1B[2J'
    refused "a letter that would control a terminal" 1 "has a character that cannot be shown\|output" transcribe --checkpoint damaged said/0_ann_0.wav
  fi
}

# ---------------------------------------------------------------------- speak

# What it says is read by the transcriber above.
spoke() {
  data="--data said"
  small="--hold-out 2 --mels 6 --hidden 4 --batch 8 --join 2 --letter-size 3 --voice-size 2 --prenet-size 4 --attention-size 3 --pause 40"
  run train speak $data --hold-out 2 --mels 16 --hidden 24 --batch 8 --join 2 --stack 4 --letter-size 8 --voice-size 3 --prenet-size 16 --attention-size 8 --pause 60 \
    --lr 0.01 --dropout 0.1 --epochs 100 --checkpoint speaker --json >trained 2>err
  check "cpu f32: task speak, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.4) }"' sh "$(value val_squared_error trained)"
  resumed "speak" speak $small --dropout 0.3
  data="--data uneven"
  shared "speak" speak $small --dropout 0.3 --stack 5 --hold-out 3 --batch 16
  data="--data said"
  resumed "speak, gru of two layers, one voice" speak $small --cell gru --layers 2 --only-speaker bob --stack 2 --single-epochs 1
  run train speak $data $small --steps 20 --checkpoint one --force --quiet
  for option in "--join 1" "--single-epochs 3" "--pause 0" "--range 0" "--stack 1" "--only-speaker ann" "--end-weight 2"; do
    run train speak $data $small $option --steps 20 --checkpoint two --force --quiet
    check "$option changes what is learnt" sh -c '! cmp -s one two'
  done
  run eval --checkpoint speaker --data said --json >measured 2>err
  if [ "$(value recordings measured)" = 16 ] && [ "$(value strings measured)" = 16 ] &&
    [ "$(value squared_error measured | cut -c 1-6)" = "$(value val_squared_error trained | cut -c 1-6)" ] &&
    [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
    pass "cpu f32: task speak, eval measures what training did, of what was held out"
  else fail "cpu f32: task speak, eval measures what training did, of what was held out" "$(cat measured err) $(tail -1 trained)"; fi
  check "in words, too" sh -c '"$1" eval --checkpoint speaker --data said --device cpu | grep -q "; 16 recordings and 16 strings, [0-9.]* % of their ends found, on average [0-9.]* steps off$"' sh "$seqgpu"
  for b in 1 7; do run eval --checkpoint speaker --data said --batch $b --json | sed 's/\(0\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
  check "whatever the batch" cmp b1 b7
  run speak --checkpoint speaker --text "2 0" --speaker bob --wav new.wav --svg new.svg >got 2>err
  check "seqgpu speak: text in, sound out" grep -q "^20: [0-9.]* s$" got
  run transcribe --checkpoint transcriber new.wav >got 2>err
  # A compiler's roundings may let this little model end too early.
  case $(cat got) in
    2 | 20) pass "which is heard as the text, or its beginning" ;;
    *) fail "which is heard as the text, or its beginning" "$(cat got)" ;;
  esac
  check "a picture of the first" sh -c 'grep -q "^<svg xmlns=" new.svg && grep -q "^</svg>$" new.svg && grep -q "font-size=\"16\"[^>]*>2</text>" new.svg && grep -q "font-size=\"16\"[^>]*>0</text>" new.svg'
  printf '3\n\n1 2\n' >asked
  run speak --checkpoint speaker --input asked --json >got 2>err
  equal "lines of a file, in JSON" "$(sed 's/: [0-9.]*, "ended": [a-z]*/: S/' got | tr '\n' ,)" '{"text": "3", "seconds": S},{"text": "12", "seconds": S},'
  run speak --checkpoint speaker --copy said/3_ann_0.wav --wav again.wav >got 2>err
  run transcribe --checkpoint transcriber again.wav >>got 2>err
  equal "a recording's own features are heard as the recording" "$(cat got)" 3
  run speak --checkpoint speaker --text 1 --wav one.wav --rounds 1 >out 2>err && run speak --checkpoint speaker --text 1 --wav two.wav --rounds 2 >out 2>err
  check "--rounds changes the sound" sh -c '! cmp -s one.wav two.wav'
  run speak --checkpoint speaker --text 1 --wav two.wav --rounds 1 >out 2>err
  check "the same text sounds the same" cmp one.wav two.wav
  run speak --checkpoint speaker --text 1 --wav two.wav --rounds 1 --speaker ann >out 2>err && run speak --checkpoint speaker --text 1 --wav one.wav --rounds 1 --speaker bob >out 2>err
  check "and by another voice otherwise" sh -c '! cmp -s one.wav two.wav'
  check "one without an end is cut off" sh -c '"$1" speak --checkpoint speaker --text 1 --seconds 0.1 --device cpu | grep -q "^1: 0.12 s, without an end$"' sh "$seqgpu"
  printf 'said/0_ann_0.wav\tgo on\nsaid/1_bob_3.wav\t\303\251\n' >list
  check "a list, whose letters may be spaces" sh -c '"$1" train speak --data list --val-data list --mels 6 --hidden 5 --steps 3 --checkpoint listed --force --device cpu --quiet && "$1" speak --checkpoint listed --text "o  n" --seconds 0.1 --device cpu | grep -q "^o  n: "' sh "$seqgpu"
  # ---- what is wrong
  refused "nothing to say" 2 "what is to be said must be one of --text, --input and --copy" speak --checkpoint speaker
  refused "two things to say" 2 "what is to be said must be one of --text, --input and --copy" speak --checkpoint speaker --text 1 --input asked
  refused "a letter that was not learnt" 1 "text 1, byte 3: is no letter that speaker has learnt" speak --checkpoint speaker --text "1 7"
  refused "no letters" 1 "there is no letter in what is to be said" speak --checkpoint speaker --text " "
  refused "a voice that was not learnt" 1 "speaker: has not learnt the voice of eve" speak --checkpoint speaker --text 1 --speaker eve
  refused "a voice of a model that has one" 1 "listed: has not learnt the voice of ann" speak --checkpoint listed --text o --speaker ann
  refused "a file that is not there" 1 "nothing: cannot open" speak --checkpoint speaker --input nothing
  refused "a recording that is cut short" 1 "cut.wav: is cut short: it must have 1644 bytes, and 800 are there" speak --checkpoint speaker --copy cut.wav
  refused "a recording of another rate" 1 "the recordings have 16000 samples a second; speaker takes 8000" speak --checkpoint speaker --copy fast.wav
  refused "a sound over something else" 1 "list: is there and is no WAV file" speak --checkpoint speaker --text 1 --wav list
  refused "nobody of that name" 1 "said: has no recording that is to be learnt" train speak $data --only-speaker eve
  refused "resume with others held out" 1 "--hold-out: is 3; speaker was trained with 2" train speak $data --resume speaker --hold-out 3
  refused "a transcriber is no speaker" 1 "transcriber: is a checkpoint of task transcribe; it must be one of task speak" speak --checkpoint transcriber --text 1
  if command -v python3 >/dev/null; then
    cp speaker model
    damaged rate 8000.5
    refused "a rate that is no whole number" 1 "damaged: rate is 8000.5" speak --checkpoint damaged --text 1
    damaged voices 'ann %1B[2J'
    refused "a name that would control a terminal" 1 "has a character that cannot be shown\|output" speak --checkpoint damaged --text 1
  fi
}

recorded
run train transcribe --data said --hold-out 2 --steps 1 --quiet >out 2>err
if grep -q "no libsndfile" err; then skip "transcribe, speak" "this build has no libsndfile"
else
  transcribed
  spoke
fi

finish_cli
