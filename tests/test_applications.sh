#!/bin/sh
# test_applications.sh PROGRAM - the applications of `seqgpu train`: each learns a toy of its own, resumes bit for bit, is measured
# and used, and says in one sentence what is wrong.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

run() { "$seqgpu" "$@" --device cpu --threads 1; }
value() { sed -n "s/.*\"$1\": \([0-9.e-]*\).*/\1/p" "$2" | tail -1; }
equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "is $2, must be $3"; fi; }

# resumed NAME ARGUMENTS...: 20 updates at once, and 7 and then 13, make the same file; $data is not in the checkpoint.
resumed() {
  name=$1 task=$2
  shift 2
  if run train "$task" $data "$@" --steps 20 --checkpoint whole --quiet >out 2>err &&
    run train "$task" $data "$@" --steps 7 --checkpoint part --quiet >out 2>err &&
    run train "$task" $data --resume part --steps 20 --quiet >out 2>err && cmp -s whole part; then
    pass "cpu f32: task $name, resumes bit for bit"
  else fail "cpu f32: task $name, resumes bit for bit" "$(head -c 300 err)"; fi
  rm -f whole part
}

# ---------------------------------------------------------------- tag

# tagged COUNT FIRST: sentences of "the NOUN can ADVERB" and "we can the NOUN ADVERB"; a can is a thing after "the".  Each adverb
# comes once, so that only its letters tell.
tagged() {
  awk -v count="$1" -v first="$2" '
    function word(w, t) { printf "%d\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n", ++n, w, t }
    BEGIN {
      split("old new red big", adjective, " ")
      split("can dog sun box", noun, " ")
      split("can see run rust", verb, " ")
      for (i = first; i < first + count; i++) {
        n = 0
        print "# sent_id = " i
        a = i * 7 % 4 + 1; b = i * 5 % 3 + 1; c = (i * 11 + int(i / 4)) % 4 + 1
        if (i % 2) { word("we", "PRON"); word(verb[c], "VERB") }
        word("the", "DET")
        if (b > 1) word(adjective[a], "ADJ")
        word(noun[c], "NOUN")
        if (i % 2 == 0) word(verb[a], "VERB")
        word(sprintf("x%dly", i * 37 % 1009), "ADV")
        print ""
      }
    }'
}
tagged 90 0 >train.conllu
tagged 40 500 >val.conllu
data="--data train.conllu --val-data val.conllu"
tiny="--word-size 6 --letter-size 4 --letter-hidden 3 --hidden 6 --batch 8"

check "train --help lists it" sh -c '"$1" train --help | grep -q "^  tag  *the part of speech"' sh "$seqgpu"
run train tag $data --word-size 12 --letter-size 8 --letter-hidden 6 --hidden 16 --batch 8 --lr 0.01 --dropout 0.2 --epochs 30 --log log \
  --checkpoint tagger --json >trained 2>err
equal "cpu f32: task tag, learns a toy without an error" "$(value val_error_rate trained)" 0
check "its log names the metric" grep -q '"val_error_rate": ' log
resumed "tag" tag $tiny --dropout 0.3 --layers 2
resumed "tag, gru of words alone to the right" tag $tiny --cell gru --letter-size 0 --one-direction
resumed "tag, Hessian-free" tag $tiny --optimizer hessian-free --cg-iterations 9 --dropout 0.3
refused "states that are not shown" 2 "takes a batch as a whole" train tag $data $tiny --optimizer hessian-free --structural-damping 0.1
resumed "tag, averaged" tag $tiny --average 5 --lr-schedule cosine --lr-every 20
run train tag $data $tiny --steps 20 --checkpoint one --quiet && run train tag $data $tiny --steps 20 --checkpoint two --quiet
check "cpu f32: task tag, the same seed gives the same bits" cmp one two
run train tag $data $tiny --steps 20 --seed 2 --checkpoint two --force --quiet
check "another seed gives others" sh -c '! cmp -s one two'
rm -f one two

run eval --checkpoint tagger --data val.conllu --json >measured 2>err
if [ "$(value error_rate measured)" = 0 ] && [ "$(value words measured)" = "$(grep -c '^[0-9]' val.conllu)" ] && [ "$(value unknown measured)" -ge 40 ] &&
  [ "$(value unknown_accuracy measured)" = 1 ] && [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task tag, eval measures what training did"
else fail "cpu f32: task tag, eval measures what training did" "$(cat measured err) $(tail -1 trained)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint tagger --data val.conllu --device cpu | grep -q "^loss .*, error_rate 0; [0-9]* words, accuracy 100.00 %; [0-9]* of them unknown, accuracy 100.00 %$"' sh "$seqgpu"
printf '1\tthe\t_\tDET\t_\t_\t_\t_\t_\t_\n\n' >known.conllu
check "no word is unknown" sh -c '"$1" eval --checkpoint tagger --data known.conllu --device cpu | grep -q " 1 words, accuracy [0-9.]* %; 0 of them unknown$"' sh "$seqgpu"
for b in 1 7; do run eval --checkpoint tagger --data val.conllu --batch $b --json | sed 's/\(0\.[0-9]\{5\}\)[0-9]*/\1/' >b$b; done
check "whatever the batch" cmp b1 b7

printf 'we can the can x9999ly\n\nthe old can run xly\n' | run tag --checkpoint tagger >got 2>err
printf 'we/PRON can/VERB the/DET can/NOUN x9999ly/ADV\n\nthe/DET old/ADJ can/NOUN run/VERB xly/ADV\n' >wanted
check "seqgpu tag: sentences in, tags out" cmp got wanted
printf 'we can the can x9999ly\n\nthe old can run xly\n' >lines
check "from a file" sh -c '"$1" tag --checkpoint tagger --input lines --batch 1 --device cpu | cmp - wanted' sh "$seqgpu"
run tag --checkpoint tagger --input lines --conllu >again.conllu
check "CoNLL-U out, which eval reads" sh -c '"$1" eval --checkpoint tagger --data again.conllu --device cpu --json | grep -q "\"words\": 10, \"accuracy\": 1,"' sh "$seqgpu"
if command -v python3 >/dev/null; then
  check "JSON, a line a sentence" sh -c '"$1" tag --checkpoint tagger --input lines --json --device cpu | python3 -c "
import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert [len(r[\"words\"]) for r in rows] == [5, 0, 5] and rows[2][\"tags\"][:3] == [\"DET\", \"ADJ\", \"NOUN\"]
assert all(0.5 < p <= 1 for r in rows for p in r[\"probabilities\"])"' sh "$seqgpu"
else
  skip "JSON, a line a sentence" "no python3"
fi
check "inspect shows what it is" sh -c '"$1" inspect --checkpoint tagger | grep -q "speller.weight_ih_l0_reverse"' sh "$seqgpu"
run train tag --data val.conllu --init-from tagger --steps 1 --checkpoint more --quiet >out 2>err
check "another run can begin from it" run eval --checkpoint more --data val.conllu
if command -v gzip >/dev/null; then
  gzip -c val.conllu >val.gz
  check "compressed by gzip" sh -c '"$1" eval --checkpoint tagger --data val.gz --json --device cpu --threads 1 | cmp - measured' sh "$seqgpu"
else
  skip "compressed by gzip" "no gzip"
fi
rm -f b1 b7 got wanted again.conllu more val.gz log

# ---- what is wrong

printf '1\ta\t_\tX\033\t_\t_\t_\t_\t_\t_\n' >control.conllu
refused "a batch in parts" 2 "shards: is not an option" train tag $data $tiny --shards 2
refused "a tag that could not be shown" 1 "labels: .*cannot be shown" train tag --data control.conllu
refused "no data" 2 "--data: is missing; it must name the CoNLL-U file" train tag
refused "data missing" 1 "nobody: cannot open" train tag --data nobody
refused "text that is none of CoNLL-U" 1 "lines: line 1 has 1 columns" train tag --data lines
printf '1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n3\tb\t_\tX\t_\t_\t_\t_\t_\t_\n' >gap.conllu
refused "a word is left out" 1 'gap.conllu: line 2: "3" must be 2' train tag --data train.conllu --val-data gap.conllu
printf '1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n' >other.conllu
refused "other tags" 1 "has none of the 6 labels of the model" eval --checkpoint tagger --data other.conllu
refused "a folder" 1 "is a folder" train tag --data .
refused "resume on other data" 1 "other data" train tag --data val.conllu --resume tagger
refused "resume with other validation" 1 "validated on other data" train tag --data train.conllu --val-data other.conllu --resume tagger
refused "resume with another shape" 1 "--hidden: is 5" train tag $data --hidden 5 --resume tagger
refused "resume as another task" 1 "is not a checkpoint of this task" train adding --resume tagger
refused "resume as a language model" 1 "is not a checkpoint of this task" train charlm --text lines --resume tagger
run train adding --T 4 --hidden 3 --steps 1 --checkpoint adding --quiet >out 2>err
refused "use another task's model" 1 "adding: is a checkpoint of task adding; it must be one of task tag" tag --checkpoint adding --input lines
refused "use a model that is not there" 1 "cannot open" tag --checkpoint nobody --input lines
refused "use no model" 2 "--checkpoint: is missing" tag --input lines
printf 'a \377 b\n' >bad
refused "a sentence that is no text" 1 "bad: line 1, byte 2: is no character" tag --checkpoint tagger --input bad
: >empty
refused "nothing to tag" 1 "is empty" tag --checkpoint tagger --input empty
printf '\n\n' >empty
equal "empty lines stay" "$(run tag --checkpoint tagger --input empty | wc -l)" 2
refused "no goal without a validation" 2 "nothing to validate on" train tag --data train.conllu $tiny --stop-at 1
refused "letters without end" 1 "out of memory" train tag --data train.conllu --letter-hidden 1000000000
refused "an application that is cut short" 2 "did you mean tag" train tga
head -c 2000 tagger >cut
refused "a model that is cut" 1 "cut: " tag --checkpoint cut --input lines
if command -v python3 >/dev/null; then
  # damaged KEY TEXT: the model with another text under that key, without the checksums that would tell.
  damaged() {
    python3 - "$1" "$2" <<'PYTHON'
import json, struct, sys
data = open("tagger", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
header["__metadata__"] = {k: v for k, v in header["__metadata__"].items() if "checksum" not in k and "crc" not in k}
if sys.argv[2] == "-":
    header["__metadata__"].pop(sys.argv[1])
else:
    header["__metadata__"][sys.argv[1]] = sys.argv[2]
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open("damaged", "wb").write(struct.pack("<Q", len(text)) + text + data[8 + size:])
PYTHON
  }
  for key in words letters tags; do
    damaged $key -
    refused "a model without its $key" 1 "damaged: has no $key" tag --checkpoint damaged --input lines
    damaged $key 'a a'
    refused "a model whose $key are damaged" 1 "vocabulary: is damaged" tag --checkpoint damaged --input lines
    damaged $key '<unk> a'
    refused "a model with other $key" 1 "embedding.weight\|letters.weight\|output.weight\|output.bias" tag --checkpoint damaged --input lines
  done
  damaged tags 'DET %1B[2J'
  refused "a tag that would control a terminal" 1 'damaged: "?.2J" has a character that cannot be shown' tag --checkpoint damaged --input lines
  damaged words 'a b c'
  refused "a model without <unk>" 1 "words: has no <unk>" tag --checkpoint damaged --input lines
  damaged hidden 999999999
  refused "a model of a size that its tensors have not" 1 "damaged\|out of memory\|rnn" tag --checkpoint damaged --input lines
else
  skip "damaged metadata" "no python3"
fi

# ---------------------------------------------------------------- classify

# labelled COUNT FIRST: "good" where the sentence has great or fine and no "not" before it, else "bad"; the rest is filler.
labelled() {
  awk -v count="$1" -v first="$2" 'BEGIN {
    split("the film was a plot of some kind and then it", filler, " ")
    split("great fine poor dull", said, " ")
    for (i = first; i < first + count; i++) {
      k = (i * 7 + int(i / 4)) % 4 + 1; not = i % 3 == 0
      line = ""
      for (n = 0; n < i * 5 % 6; n++) line = line " " filler[(i * 3 + n * 7) % 11 + 1]
      line = line (not ? " not " : " ") said[k]
      for (n = 0; n < i * 11 % 7; n++) line = line " " filler[(i + n * 5) % 11 + 1]
      print ((k <= 2) != not ? "good" : "bad") line
    }
  }'
}
labelled 160 0 >lines.train
labelled 60 1000 >lines.val
data="--data lines.train --val-data lines.val"
small="--word-size 5 --attention-size 4 --hidden 5 --batch 8"
for pool in attention last; do
  run train classify $data --pool $pool --word-size 12 --attention-size 8 --hidden 16 --batch 8 --lr 0.01 --dropout 0.2 --epochs 30 --checkpoint $pool --json >trained 2>err
  equal "cpu f32: task classify, learns a toy without an error, $pool" "$(value val_error_rate trained)" 0
  resumed "classify, $pool" classify $small --pool $pool --dropout 0.3 --word-dropout 0.2
done
resumed "classify, Hessian-free" classify $small --pool attention --optimizer hessian-free --cg-iterations 9 --dropout 0.3
resumed "classify, gru to the right" classify $small --cell gru --one-direction --layers 2
run eval --checkpoint attention --data lines.val --json >measured 2>err
if [ "$(value accuracy measured)" = 1 ] && [ "$(value sentences measured)" = 60 ] && grep -q '"confusion": {"[a-z]*": \[[0-9]*, 0\], "[a-z]*": \[0, [0-9]*\]}}' measured; then
  pass "cpu f32: task classify, eval measures what training did"
else fail "cpu f32: task classify, eval measures what training did" "$(cat measured err)"; fi
printf 'the film was not poor\n\nit was not great and then\n' >asked
run classify --checkpoint attention --input asked --html page.html >got 2>err
equal "seqgpu classify: sentences in, classes out" "$(sed 's/ .*//' got | tr '\n' ,)" "good,,bad,"
check "a page of what it attends to" sh -c '[ "$(grep -c "^<p><b>" page.html)" = 2 ] && grep -q "title=\"[01].[0-9]*\">poor</span>" page.html && grep -q "^</html>" page.html'
if command -v python3 >/dev/null; then
  check "weights that sum to 1, in JSON" sh -c '"$1" classify --checkpoint attention --input asked --json --device cpu | python3 -c "
import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert rows[1] == {} and [r[\"class\"] for r in rows if r] == [\"good\", \"bad\"]
assert all(abs(sum(r[\"attention\"]) - 1) < 1e-4 and len(r[\"attention\"]) == len(r[\"words\"]) for r in rows if r)"' sh "$seqgpu"
else
  skip "weights that sum to 1, in JSON" "no python3"
fi
run classify --checkpoint last --input asked --json >got
check "no weights without attention" sh -c '! grep -q attention got'
refused "no page without attention" 2 "--html: last has no attention to show" classify --checkpoint last --input asked --html new.html
refused "a page over something else" 1 "asked" classify --checkpoint attention --input asked --html asked
printf 'good\n' >alone
refused "a label without words" 1 "alone: line 1 has a label alone" train classify --data alone
printf 'good a\n\n' >alone
refused "an empty line" 1 "alone: line 2 has nothing" train classify --data alone
printf 'ugly a\n' >alone
refused "other classes" 1 "has none of the 2 labels of the model" eval --checkpoint last --data alone
refused "resume with another pool" 1 "--pool: is last" train classify $data --pool last --resume attention
refused "a tagger is no classifier" 1 "tagger: is a checkpoint of task tag; it must be one of task classify" classify --checkpoint tagger --input asked
refused "a pool that is none" 2 "last|attention" train classify $data --pool first

# ---------------------------------------------------------------- compose

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
refused "a classifier is no composer" 1 "last: is a checkpoint of task classify; it must be one of task compose" compose --checkpoint last

# ---------------------------------------------------------------- draw

# drawn COUNT FIRST: a square in two strokes, and where the number of the drawing is even a bar below it.
drawn() {
  awk -v count="$1" -v first="$2" 'BEGIN {
    for (i = first; i < first + count; i++) {
      j = i * 7 % 5 - 2; k = i * 3 % 5 - 2
      line = sprintf("%d,%d,0 %d,%d,1 %d,%d,0 %d,%d,1", 40 + j, k, j, 40 - k, -40 + k, -40 + j, k, 40 + j)
      if (i % 2 == 0) line = line sprintf(" %d,%d,1", 10 + k / 4, 20.5 + j)
      print line
    }
  }'
}
drawn 60 0 >ink.train
drawn 20 100 >ink.val
data="--data ink.train --val-data ink.val"
small="--hidden 5 --mixtures 3 --batch 8"
run train draw $data --hidden 24 --mixtures 3 --batch 8 --lr 0.01 --epochs 60 --checkpoint drawer --json >trained 2>err
check "cpu f32: task draw, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < -1) }"' sh "$(value val_nats_per_point trained)"
resumed "draw" draw $small --dropout 0.3
resumed "draw, gru of three layers" draw $small --cell gru --layers 3 --dropout 0.2
run eval --checkpoint drawer --data ink.val --json >measured 2>err
points=$(tr ' ' '\n' <ink.val | wc -l)
if [ "$(value points measured)" = "$points" ] && [ "$(value loss measured)" = "$(value nats_per_point measured)" ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task draw, eval measures what training did"
else fail "cpu f32: task draw, eval measures what training did" "$(cat measured err)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint drawer --data ink.val --device cpu | grep -q "; $2 points$"' sh "$seqgpu" "$points"
for b in 1 7; do run eval --checkpoint drawer --data ink.val --batch $b --json | sed 's/\(-[0-9]*\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
check "whatever the batch" cmp b1 b7
run draw --checkpoint drawer --points 4 --samples 3 --bias 0,20 --svg new.svg >got 2>err
# square LINE: whether it is that of the toy, within 8
cat >square.awk <<'AWK'
BEGIN { split("40,0,0 0,40,1 -40,-40,0 0,40,1", want, " ") }
{
  for (t = 1; t <= 4; t++) {
    split($t, got, ","); split(want[t], is, ",")
    if (got[3] != is[3] || (got[1] - is[1]) ^ 2 > 64 || (got[2] - is[2]) ^ 2 > 64) bad = 1
  }
}
END { exit bad || NR == 0 }
AWK
check "seqgpu draw: with a large bias, what it has learnt" sh -c 'sed -n 4,6p got | awk -f square.awk && [ "$(wc -l <got)" = 6 ]'
check "which varies less than without" sh -c '[ "$(sed -n 1,3p got | sort -u | wc -l)" -gt "$(sed -n 4,6p got | tr " " "\n" | cut -d. -f1 | sort -u | wc -l)" ] || [ "$(sed -n 4,6p got | sort -u | wc -l)" -le 3 ]'
check "a sheet of them" sh -c 'grep -q "^<svg xmlns=" new.svg && grep -q "^</svg>$" new.svg && [ "$(grep -c "#1f3fa8" new.svg)" = 6 ] && grep -q ">bias 20</text>" new.svg'
printf '40,0,0 0,40,1 -40,-40,0\n1,2,1\n' >begin
run draw --checkpoint drawer --input begin --points 1 --samples 2 --bias 9 >got
check "what --input begins with goes on" sh -c 'awk -f square.awk got && [ "$(cut -d " " -f 1-3 got | sort -u)" = "40.00,0.00,0 0.00,40.00,1 -40.00,-40.00,0" ]'
run draw --checkpoint drawer --input begin --begin 1 --points 2 --samples 1 --bias 9 --json >got
check "a part of it, in JSON" sh -c 'grep -q "^{\"bias\": 9, \"given\": 1, \"points\": \[\[40.00, 0.00, 0\], \[[-0-9.]*, [0-9.]*, 1\], \[[-0-9.]*, [-0-9.]*, 0\]\]}$" got'
run draw --checkpoint drawer --seed 3 >a && run draw --checkpoint drawer --seed 3 >b && run draw --checkpoint drawer --seed 4 >c
check "the same seed gives the same drawings, another gives others" sh -c 'cmp -s a b && ! cmp -s a c && [ "$(wc -l <a)" = 48 ]'
check "which training reads" run train draw --data a $small --steps 1 --quiet
run train draw --data ink.val --init-from drawer --steps 1 --checkpoint more --quiet
check "a model keeps the deviation that it learnt with" sh -c '[ -n "$(grep -a -o "\"deviation\": *\"[0-9.]*\"" drawer)" ] && [ "$(grep -a -o "\"deviation\": *\"[0-9.]*\"" drawer)" = "$(grep -a -o "\"deviation\": *\"[0-9.]*\"" more)" ]'
echo '1,2,0 3,4,2' >lifted
refused "a pen that is half lifted" 1 'lifted: line 1, point 2: "3,4,2" must be x,y,lifted' train draw --data lifted
echo '0,0,0 0,0,1' >still
refused "a pen that stays where it is" 1 "still: nothing moves in it" train draw --data still
refused "more of the input than there is" 2 "--begin: is 9; the first drawing of --input has fewer points" draw --checkpoint drawer --input begin --begin 9
refused "a part of nothing" 2 "--begin: is 1; there is no --input" draw --checkpoint drawer --begin 1
for bias in "" 1, 1,x 0,-1 1,101 1,,2; do refused "a bias \"$bias\"" 2 "--bias" draw --checkpoint drawer --bias "$bias"; done
refused "too many layers" 1 "drawer: layers is 17" train draw $data $small --layers 17
refused "a sheet over something else" 1 "begin: is there and is no SVG picture" draw --checkpoint drawer --svg begin
refused "resume with another mixture" 1 "--mixtures: is 4; drawer was trained with 3" train draw $data --resume drawer --mixtures 4
refused "a composer is no drawer" 1 "composer: is a checkpoint of task compose; it must be one of task draw" draw --checkpoint composer
if command -v python3 >/dev/null; then
  cp drawer tagger
  for value in - 0 -1 x nan; do
    damaged deviation "$value"
    refused "a deviation that is $value" 1 "damaged: " draw --checkpoint damaged
  done
fi

# ---- SIGTERM, which is as Ctrl-C, but not ignored by what runs in the background of a shell

data="--data train.conllu --val-data val.conllu"
"$seqgpu" train tag $data $tiny --minutes 1 --checkpoint stopped --quiet --device cpu --threads 1 >out 2>err &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
code=$?
if [ $code = 143 ] && grep -q "stopped after step .*saved in stopped" err; then pass "a signal saves and stops"
else fail "a signal saves and stops" "exit $code: $(head -c 200 err)"; fi
check "and the run goes on" run train tag $data --resume stopped --minutes 0.005 --quiet

finish_cli
