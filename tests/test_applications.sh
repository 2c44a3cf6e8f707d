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
for pool in attention last mean max; do
  run train classify $data --pool $pool --word-size 12 --attention-size 8 --hidden 16 --batch 8 --lr 0.01 --dropout 0.2 --epochs 30 --checkpoint $pool --json >trained 2>err
  equal "cpu f32: task classify, learns a toy without an error, $pool" "$(value val_error_rate trained)" 0
  resumed "classify, $pool" classify $small --pool $pool --dropout 0.3 --word-dropout 0.2
done
resumed "classify, the largest values, Hessian-free" classify $small --pool max --optimizer hessian-free --cg-iterations 9
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

# ---------------------------------------------------------------- write

# A font of three letters: an upright, a corner, an upright with a bar across it; in the second one all of them stand on their heads.
font() {
  awk -v letters="$1" 'BEGIN {
    print "    1  1NV"
    for (i = 33; i < 97; i++) print "    1  1RR"
    n = split(letters, letter, "/")
    for (i = 1; i <= n; i++) print "    1  " letter[i]
  }'
}
font '5PTRFRMRTR[/7OURFRMRTR[T[V[/9NVRFRMRTR[ RNRRRVR' >toy.jhf
font '3PTR[RF/4OUR[RFUF/6NVR[RF RVRNR' >other.jhf
# words COUNT SEED: of one to three letters each
words() {
  awk -v count="$1" -v x="$2" '
    function below(n) { x = (x * 1103 + 12345) % 65536; return int(x / 256) % n }
    BEGIN {
      for (i = 0; i < count; i++) {
        word = ""
        for (j = below(3); j >= 0; j--) word = word substr("abc", 1 + below(3), 1)
        print word
      }
    }'
}
words 1200 1 >words.train
words 60 7 >words.val
data="--data words.train --data toy.jhf --val-data words.val"
small="--hidden 5 --mixtures 3 --gaussians 2 --letter-size 3 --batch 8 --longest 4"
run train write $data --layers 1 --hidden 40 --mixtures 3 --gaussians 3 --letter-size 4 --batch 8 --longest 10 --slant 0.1 --scale 0.1 --jitter 0.5 --lr 0.01 \
  --lr-schedule cosine --lr-every 1500 --steps 1500 --checkpoint writer --json >trained 2>err
check "cpu f32: task write, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < -1.4) }"' sh "$(value val_nats_per_point trained)"
resumed "write" write $small --dropout 0.3
data="$data --data other.jhf"
resumed "write, gru of three layers, two fonts" write $small --cell gru --layers 3 --dropout 0.2
run eval --checkpoint writer --data words.val --data toy.jhf --json >measured 2>err
if [ "$(value points measured)" -gt 200 ] && [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ] &&
  awk -v n="$(value letters_off measured)" 'BEGIN { exit !(n < 0.6) }'; then
  pass "cpu f32: task write, eval measures what training did, and the window stands where the pen is"
else fail "cpu f32: task write, eval measures what training did, and the window stands where the pen is" "$(cat measured err)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint writer --data words.val --data toy.jhf --device cpu | grep -q "; [0-9]* points, the window 0\.[0-9]* letters off$"' sh "$seqgpu"
for b in 1 7; do run eval --checkpoint writer --data words.val --data toy.jhf --batch $b --json | sed 's/\(\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
check "whatever the batch" cmp b1 b7
# letters LINE: whether it is an upright, a corner and a barred upright, each move within 4, and ends there
cat >letters.awk <<'AWK'
BEGIN { n = split("0,7,0 0,7,0 0,7,1 5,-21,0 0,7,0 0,7,0 0,7,0 2,0,0 2,0,1 3,-21,0 0,7,0 0,7,0 0,7,1 -4,-9,0 4,0,0 4,0,1", want, " ") }
{
  bad += NF != n
  for (t = 1; t <= n; t++) {
    split($t, got, ","); split(want[t], is, ",")
    if (got[3] != is[3] || (got[1] - is[1]) ^ 2 > 16 || (got[2] - is[2]) ^ 2 > 16) bad++
  }
}
END { exit bad || NR == 0 }
AWK
run write --checkpoint writer --text abc --bias 5 >got 2>err
check "seqgpu write: with a large bias, the letters, and then it ends" awk -f letters.awk got
printf 'abc\r\n\ncab' | run write --checkpoint writer --text ba --input - --bias 0,3 --samples 2 --svg new.svg >got 2>err
check "of each text so many for each bias" sh -c '[ "$(wc -l <got)" = 12 ]'
check "a sheet of them" sh -c 'grep -q "^<svg xmlns=" new.svg && [ "$(grep -c "#1f3fa8" new.svg)" = 12 ] && [ "$(grep -c ">bias 3</text>" new.svg)" = 3 ]'
run write --checkpoint writer --text ca --bias 5 --json >got
check "in JSON" sh -c 'grep -q "^{\"text\": \"ca\", \"bias\": 5, \"ended\": true, \"points\": \[\[[-0-9.]*, [-0-9.]*, [01]\], .*\]}$" got'
run write --checkpoint writer --text abcabc --points 3 --bias 5 --json >got 2>note
check "what is cut off says so" sh -c 'grep -q "\"ended\": false" got && grep -q "1 of 1 drawings are cut off at --points 3" note'
run write --checkpoint writer --text ab --seed 3 --bias 0 >a && run write --checkpoint writer --text ab --seed 3 --bias 0 >b &&
  run write --checkpoint writer --text ab --seed 4 --bias 0 >c
check "the same seed writes the same, another does not" sh -c 'cmp -s a b && ! cmp -s a c'
check "train draw reads it" run train draw --data a --hidden 5 --steps 1 --quiet
run train write --data words.val --data other.jhf --layers 1 --hidden 40 --mixtures 3 --gaussians 3 --letter-size 4 --longest 10 --slant 0.1 --scale 0.1 --jitter 0.5 --init-from writer --steps 1 --checkpoint retrained --quiet
check "a model keeps its letters and its deviation" sh -c '[ "$(grep -a -o "\"\(deviation\|alphabet\)\": *\"[^\"]*\"" writer)" = "$(grep -a -o "\"\(deviation\|alphabet\)\": *\"[^\"]*\"" retrained)" ] && [ -s retrained ]'
refused "a text without a font" 1 "words.val: is a text without a font" train write --data words.val
refused "a font without a text" 1 "toy.jhf: has no word that can be written" train write --data toy.jhf
echo ABC >capitals
refused "a text in letters that the font lacks" 1 "capitals: has no word that can be written" train write --data capitals --data toy.jhf
head -c 900 toy.jhf >cut.jhf && printf 'x' >>cut.jhf
refused "a font that is cut off" 1 "cut.jhf: line " train write --data words.val --data cut.jhf
refused "a letter that was not learnt" 1 "the model has not learnt the letter Q; its letters are:  abc" write --checkpoint writer --text aQ
refused "a letter that is none" 1 "the model has not learnt the letter with code 195" write --checkpoint writer --text 'ä'
refused "nothing to write" 2 "there is nothing to write; --text or --input must say what" write --checkpoint writer
refused "a bias \"x\"" 2 "--bias" write --checkpoint writer --text a --bias x
refused "too many layers" 1 "writer: layers is 17" train write $data $small --layers 17
refused "a sheet over something else" 1 "words.val: is there and is no SVG picture" write --checkpoint writer --text a --svg words.val
refused "a drawer is no writer" 1 "drawer: is a checkpoint of task draw; it must be one of task write" write --checkpoint drawer --text a
if command -v python3 >/dev/null; then
  cp writer tagger
  for value in - 0 nan; do
    damaged deviation "$value"
    refused "a deviation that is $value" 1 "damaged: " write --checkpoint damaged --text a
  done
  for value in - "" " cab" aab "a%1Bb" "a%C3%A4"; do
    damaged alphabet "$value"
    refused "an alphabet that is \"$value\"" 1 "damaged: has no alphabet" write --checkpoint damaged --text a
  done
fi

# ---------------------------------------------------------------- read

data="--data words.train --data toy.jhf --val-data words.val"
small="--hidden 5 --batch 8 --longest 4"
run train read $data --hidden 24 --batch 8 --longest 6 --slant 0.1 --scale 0.1 --jitter 0.5 --lr 0.01 --steps 600 --checkpoint reader --json >trained 2>err
check "cpu f32: task read, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.02) }"' sh "$(value val_label_error_rate trained)"
resumed "read" read $small --dropout 0.3
data="$data --data other.jhf"
resumed "read, gru of two layers, two fonts" read $small --cell gru --layers 2 --dropout 0.2
run eval --checkpoint reader --data words.val --data toy.jhf --json >measured 2>err
letters=$(value letters measured)
if [ "$letters" -ge "$(tr -d '\n' <words.val | wc -c)" ] && [ "$(value lines measured)" -gt 10 ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ] &&
  [ "$(value label_error_rate measured | cut -c 1-6)" = "$(value val_label_error_rate trained | cut -c 1-6)" ]; then
  pass "cpu f32: task read, eval measures what training did"
else fail "cpu f32: task read, eval measures what training did" "$(cat measured err)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint reader --data words.val --data toy.jhf --device cpu | grep -q "lines, [0-9.]* % of them wrong; $2 letters$"' sh "$seqgpu" "$letters"
for b in 1 7; do run eval --checkpoint reader --data words.val --data toy.jhf --batch $b --json | sed 's/\(\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
check "whatever the batch" cmp b1 b7
echo '0,7,0 0,7,0 0,7,1 5,-21,0 0,7,0 0,7,0 0,7,0 2,0,0 2,0,1 3,-21,0 0,7,0 0,7,0 0,7,1 -4,-9,0 4,0,0 4,0,1' >abc
echo '0,7,0 0,7,0 0,7,0 2,0,0 2,0,1' >b
cat abc b | run read --checkpoint reader >got 2>err
check "seqgpu read: letters, in the order of the drawings" sh -c 'printf "abc\nb\n" | cmp -s - got'
run read --checkpoint reader --input b --json >got
check "in JSON" sh -c 'printf "{\"text\": \"b\"}\n" | cmp -s - got'
printf 'abc\nca b\nbac\n' >texts
run write --checkpoint writer --input texts --bias 4 | run read --checkpoint reader >got
check "it reads what seqgpu write has written" cmp texts got
refused "a drawing that is none" 1 "texts: line 1, point 1" read --checkpoint reader --input texts
refused "a text without a font" 1 "words.val: is a text without a font" train read --data words.val
refused "a writer is no reader" 1 "writer: is a checkpoint of task write; it must be one of task read" read --checkpoint writer --input b
if command -v python3 >/dev/null; then
  cp reader tagger
  damaged alphabet - && refused "a model without its alphabet" 1 "damaged: has no alphabet" read --checkpoint damaged --input b
  damaged alphabet ab && refused "a model with fewer letters than it has" 1 "output.weight\|output.bias" read --checkpoint damaged --input b
fi

# ---------------------------------------------------------------- spell

# spoken COUNT FIRST: words of three or four letters; each is said as itself, but c before e is S, and a last e is silent.
# Where a is doubled there is a second way to say it.
spoken() {
  awk -v count="$1" -v first="$2" 'BEGIN {
    split("b c d a e", letter, " ")
    for (i = first; i < first + count; i++) {
      w = ""; x = i * 2654435 % 99991
      for (k = 0; k < 3 + i % 2; k++) { w = w letter[x % 5 + 1]; x = int(x / 5) }
      said = ""; other = ""
      for (k = 1; k <= length(w); k++) {
        c = substr(w, k, 1); next_one = substr(w, k + 1, 1)
        if (c == "e" && k == length(w)) continue
        p = c == "c" ? (next_one == "e" ? "S" : "K") : c == "a" ? "AH" i % 3 : c == "e" ? "EH1" : toupper(c)
        said = said " " p
        if (!(c == "a" && next_one == "a")) other = other " " p
      }
      if (said == "") continue
      print w " " said
      if (other != said) print w "(2)" other " # shorter"
    }
  }'
}
spoken 500 0 >spoken.train
spoken 60 1000 >spoken.val
data="--data spoken.train --val-data spoken.val"
small="--word-size 4 --attention-size 5 --hidden 6 --batch 16"
run train spell $data --word-size 12 --attention-size 16 --hidden 32 --batch 32 --lr 0.01 --dropout 0 --epochs 15 --checkpoint speller --json >trained 2>err
check "cpu f32: task spell, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n <= 0.02) }"' sh "$(value val_phoneme_error_rate trained)"
resumed "spell" spell $small --dropout 0.3 --smoothing 0.1
resumed "spell, gru of two layers without attention" spell $small --cell gru --layers 2 --attention-size 0 --one-direction --backwards
resumed "spell, Hessian-free" spell $small --optimizer hessian-free --cg-iterations 9 --dropout 0.3
run eval --checkpoint speller --data spoken.val --json >measured 2>err
words=$(sed 's/(2)//; s/ .*//' spoken.val | uniq | wc -l)
if [ "$(value words measured)" = "$words" ] && [ "$(value phoneme_error_rate measured | cut -c 1-6)" = "$(value val_phoneme_error_rate trained | cut -c 1-6)" ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task spell, eval measures what training did"
else fail "cpu f32: task spell, eval measures what training did" "$(cat measured err)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint speller --data spoken.val --device cpu | grep -q "; $2 words, [0-9.]* % of them wrong; [0-9]* phonemes, [0-9]* errors$"' sh "$seqgpu" "$words"
for b in 1 7; do run eval --checkpoint speller --data spoken.val --batch $b --json | sed 's/\(0\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
check "whatever the batch" cmp b1 b7
check "with a beam" sh -c '"$1" eval --checkpoint speller --data spoken.val --beam 4 --length-norm 1 --device cpu --json | grep -q "\"words\": $2,"' sh "$seqgpu" "$words"
printf 'Cebe dad\n\ncab\n' | run spell --checkpoint speller >got 2>err
printf 'cebe S EH B\ndad D AH D\ncab K AH B\n' >wanted
check "seqgpu spell: words in, phonemes out" cmp got wanted
check "which training reads" run train spell --data got $small --steps 1 --quiet
equal "in JSON" "$(echo dad | run spell --checkpoint speller --json | sed 's/"score": -[0-9.e-]*}/S/')" '{"letters": ["d", "a", "d"], "phonemes": ["D", "AH", "D"], S'
equal "a letter that it does not know" "$(printf 'd\303\251d\n' | run spell --checkpoint speller | cut -d ' ' -f 1)" "$(printf 'd\303\251d')"
run train spell $data $small --stress --steps 1 --checkpoint stressed --quiet
check "stress is learnt where it is asked for" sh -c 'grep -a -q "AH0" stressed && ! grep -a -q "AH0" speller'
echo 'dad' >alone
refused "a word without phonemes" 1 'alone: line 1: "dad" has no phonemes' train spell --data alone
: >alone
refused "no dictionary" 1 "alone: is empty" train spell --data alone
refused "no beam" 2 "--beam: is 0; it must be from 1" spell --checkpoint speller --beam 0
refused "resume without stress" 1 "--stress" train spell $data --resume speller --stress
refused "resume with another attention" 1 "--attention-size: is 3; speller was trained with 16" train spell $data --resume speller --attention-size 3
refused "resume on other words" 1 "other data" train spell --data spoken.val --resume speller
refused "a drawer is no speller" 1 "drawer: is a checkpoint of task draw; it must be one of task spell" spell --checkpoint drawer
printf 'a \377 b\n' >bad
refused "a word that is no text" 1 "bad: line 1, byte 2: is no character" spell --checkpoint speller --input bad
if command -v python3 >/dev/null; then
  cp speller tagger
  for key in source target; do
    damaged $key -
    refused "a model without its $key" 1 "damaged: has no $key" spell --checkpoint damaged --input wanted
    damaged $key 'a b c'
    refused "a model whose $key has no <unk>" 1 "$key: has no <unk> in front" spell --checkpoint damaged --input wanted
    damaged $key '<unk> a'
    refused "a model with another $key" 1 "$key.weight" spell --checkpoint damaged --input wanted
  done
  damaged target '<unk> %1B[2J'
  refused "phonemes that would control a terminal" 1 'damaged: "?.2J" has a character that cannot be shown' spell --checkpoint damaged --input wanted
fi

# ---------------------------------------------------------------- translate

# translated COUNT FIRST: four to seven words in no order, each with its translation; one in seven is a name, which comes once.
translated() {
  awk -v count="$1" -v first="$2" 'BEGIN {
    split("dog:Hund,cat:Katze,red:rot,old:alt,big:gro\303\237,ball:B\303\204LL,fish:Fisch,house:Haus,two:zwei", word, ",")
    for (i = first; i < first + count; i++) {
      x = i * 7919 % 99991; source = target = ""
      for (k = 0; k < 4 + i % 4; k++) {
        x = x * 6007 % 99991
        split(word[int(x / 7) % 9 + 1], w, ":")
        if (x % 7 == 0) w[1] = w[2] = "N" x "x"
        source = source (k ? " " : "") w[2]
        target = target (k ? " " : "") w[1]
      }
      print source ", ja!\t" target "."
    }
  }'
}
translated 600 0 >pairs.train
translated 60 1000 >pairs.val
data="--data pairs.train --val-data pairs.val"
small="--word-size 4 --attention-size 5 --hidden 6 --batch 16"
run train translate $data --word-size 16 --attention-size 16 --hidden 32 --batch 32 --lr 0.01 --dropout 0 --epochs 20 --checkpoint translator --json >trained 2>err
resumed "translate" translate $small --dropout 0.3 --min-count 1 --longest 9
run eval --checkpoint translator --data pairs.val --copy --json >measured 2>err
check "cpu f32: task translate, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n >= 98) }"' sh "$(value bleu measured)"
run eval --checkpoint translator --data pairs.val --json >measured 2>err
check "names are not guessed" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 95) }"' sh "$(value bleu measured)"
if [ "$(value sentences measured)" = 60 ] && [ "$(value one_minus_bleu measured | cut -c 1-6)" = "$(value val_one_minus_bleu trained | cut -c 1-6)" ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task translate, eval measures what training did"
else fail "cpu f32: task translate, eval measures what training did" "$(cat measured err)"; fi
check "BLEU by length, in JSON" grep -q '"bleu_by_length": {"10": [0-9.]*}}$' measured
check "in words, too" sh -c '"$1" eval --checkpoint translator --data pairs.val --device cpu | grep -q "; 60 sentences, BLEU [0-9.]*, perplexity [0-9.]*$"' sh "$seqgpu"
for b in 1 7; do run eval --checkpoint translator --data pairs.val --batch $b --json | sed 's/\(0\.[0-9]\{4\}\)[0-9]*/\1/g; s/"perplexity": [0-9.]*//' >b$b; done
check "whatever the batch" cmp b1 b7
cut -f 1 pairs.val >val.de
cut -f 2 pairs.val >val.en
check "two files instead of one" sh -c '"$1" eval --checkpoint translator --data val.de --data val.en --json --device cpu --threads 1 | cmp - measured' sh "$seqgpu"
printf 'Hund rot B\303\204LL, ja!\n\nalt Otto zwei Haus, ja!\n' >asked
run translate --checkpoint translator --input asked --copy >got 2>err
printf 'dog red ball .\n\nold otto two house .\n' >wanted
check "seqgpu translate: sentences in, translations out, names copied" cmp got wanted
run translate --checkpoint translator --beam 3 --length-norm 1 <asked >got 2>err
check "by a beam, without names" sh -c '[ "$(head -1 got)" = "$(head -1 wanted)" ] && [ "$(wc -l <got)" = 3 ] && ! grep -q "otto\|unk" got'
if command -v python3 >/dev/null; then
  check "what it attends to, in JSON" sh -c '"$1" translate --checkpoint translator --input asked --copy --json --device cpu | python3 -c "
import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert [len(r[\"source\"]) for r in rows] == [6, 0, 7] and rows[2][\"target\"][1] == \"otto\"
assert rows[2][\"attended\"][:4] == [0, 1, 2, 3]
assert all(len(r[\"attended\"]) == len(r[\"target\"]) and (r[\"score\"] < 0 or not r[\"target\"]) for r in rows)"' sh "$seqgpu"
  run train translate $data --backwards --word-size 16 --attention-size 16 --hidden 32 --batch 32 --lr 0.01 --epochs 20 --checkpoint backward --quiet
  run translate --checkpoint backward --input asked --json --svg back.svg >got 2>err
  check "read backwards, it is told in the order of the source" python3 -c "
import json, re
row = [json.loads(line) for line in open('got')][0]
weight = [float(w) for w in re.findall('fill-opacity=.([0-9.]*)', open('back.svg').read())][:24]
assert row['attended'][:3] == [0, 1, 2], row
assert [max(range(6), key=lambda s: weight[6 * t + s]) for t in range(4)] == row['attended'], weight"
else
  skip "what it attends to, in JSON" "no python3"
fi
run train translate $data --word-size 4 --hidden 6 --batch 16 --attention-size 0 --one-direction --backwards --steps 2 --checkpoint blind --quiet
check "without attention, too" run translate --checkpoint blind --input asked
run translate --checkpoint translator --input asked --copy --svg map.svg >got 2>err
check "a picture of what it attends to" sh -c 'cmp -s got wanted && grep -q "^<svg xmlns=" map.svg && grep -q "^</svg>$" map.svg &&
  [ "$(grep -c "fill-opacity" map.svg)" = 59 ] && grep -c "fill-opacity=\"[01]\.[5-9]" map.svg | grep -q "^[7-9]$"'
refused "a picture over something else" 1 "asked: is there and is no SVG picture" translate --checkpoint translator --input asked --svg asked
refused "nothing to show" 2 "--svg: blind has no attention" translate --checkpoint blind --input asked --svg new.svg
refused "nothing to copy by" 2 "--copy: blind has no attention" translate --checkpoint blind --input asked --copy
refused "a file without its translation" 1 "val.de: line 1 has no tab, and no further file has its translation" train translate --data val.de
head -9 val.en >short.en
refused "a translation that is shorter" 1 "short.en: has no line 10, but val.de has" train translate --data val.de --data short.en
printf 'a\tb\nc\n' >alone
refused "a line without a tab" 1 "alone: line 2 has no tab" train translate --data alone
printf 'a\t \n' >alone
refused "a sentence without a translation" 1 "alone: line 1 has no words" train translate --data alone
refused "nothing short enough" 1 "every sentence has more than 2 words" train translate --data pairs.train --longest 2
check "what is too long is said" sh -c '"$1" train translate --data pairs.train --longest 8 --word-size 4 --hidden 4 --steps 1 --device cpu 2>&1 | grep -q "[0-9]* pairs have more words than --longest"' sh "$seqgpu"
refused "resume with another vocabulary" 1 "--min-count: is 1" train translate $data --resume translator --min-count 1
refused "a speller is no translator" 1 "speller: is a checkpoint of task spell; it must be one of task translate" translate --checkpoint speller --input asked
refused "a sentence that is no text" 1 "bad: line 1, byte 2: is no character" translate --checkpoint translator --input bad

# ---------------------------------------------------------------- caption

# numbers FILE FIRST: a .npy file [2,2,2] of eight floats: 0, but for 1 where FIRST says.
numbers() {
  { printf '\223NUMPY\001\0v\0'; printf "%-117s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 2), }"
    for place in 0 1 2 3 4 5 6 7; do if [ "$place" = "$2" ]; then printf '\0\0\200?'; else printf '\0\0\0\0'; fi; done; } >"$1"
}
mkdir seen
for i in 0 1 2 3 4 5 6 7; do
  numbers seen/$i.npy $i
  set -- no yes
  eval "kind=\${$((i % 2 + 1))}"
  printf '%s.npy\t%s in patch %s\n' $i "$kind" $((i / 2)) >>seen/list
done
data="--data seen/list --val-data seen/list"
small="--features 4 --patch-layers 1 --word-size 3 --attention-size 4 --hidden 5 --batch 4"
run train caption $data --features 16 --patch-layers 1 --word-size 8 --attention-size 16 --hidden 24 --batch 4 --lr 0.01 --epochs 60 --checkpoint captioner --json >trained 2>err
equal "cpu f32: task caption, learns a toy without an error" "$(value val_captions_wrong trained)" 0
resumed "caption" caption $small --dropout 0.3
resumed "caption, gru of two layers without attention" caption $small --cell gru --layers 2 --attention-size 0
run train caption $data $small --steps 20 --checkpoint one --force --quiet
for option in "--min-count 3" "--patch-layers 0" "--dropout 0.1"; do
  run train caption $data $small $option --steps 20 --checkpoint two --force --quiet
  check "$option changes what is learnt" sh -c '! cmp -s one two'
done
run eval --checkpoint captioner --data seen/list --json >measured 2>err
if [ "$(value captions measured)" = 8 ] && [ "$(value exact measured)" = 1 ] && [ "$(value bleu measured)" = 100 ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task caption, eval measures what training did"
else fail "cpu f32: task caption, eval measures what training did" "$(cat measured err)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint captioner --data seen/list --beam 3 --device cpu | grep -q "; 8 captions, 100.00 % exact, BLEU 100.00, perplexity 1[0-9.]*$"' sh "$seqgpu"
run caption seen/5.npy --checkpoint captioner seen/0.npy --beam 2 --svg new.svg >got 2>err
equal "seqgpu caption: pictures in, captions out" "$(tr '\n' , <got)" "yes in patch 2,no in patch 0,"
check "a picture of what words look at" sh -c 'grep -q "^<svg xmlns=" new.svg && grep -q "^</svg>$" new.svg && [ "$(grep -c "<use " new.svg)" = 10 ] && grep -q ">patch</text>" new.svg'
check "in JSON" sh -c '"$1" caption --checkpoint captioner seen/3.npy --json --device cpu | grep -q "^{\"file\": \"seen/3.npy\", \"caption\": \[\"yes\", \"in\", \"patch\", \"1\"\], \"score\": -[0-9.e-]*}$"' sh "$seqgpu"
data="--data scenes:40 --val-data unseen:6"
small="$small --side 16 --patch 4"
resumed "caption of scenes, shapes and colours apart first" caption $small --batch 7 --optimizer momentum --apart-epochs 2
run train caption $data $small --steps 2 --checkpoint scenes --quiet
run train caption $data $small --steps 2 --apart-epochs 0 --checkpoint two --force --quiet
check "--apart-epochs 0 changes what is learnt" sh -c '! cmp -s scenes two'
check "scenes that are held out, and others" sh -c '"$1" eval --checkpoint scenes --data unseen:5 --data scenes:4 --device cpu | grep -q "; 9 captions, "' sh "$seqgpu"
check "scenes are captioned, too" sh -c '[ "$("$1" caption --checkpoint scenes scenes:3 unseen:2 --device cpu | wc -l)" = 5 ]' sh "$seqgpu"
run train caption $data $small --attention-size 0 --steps 2 --checkpoint blind --force --quiet
# a picture of one grey pixel
printf '\211PNG\015\012\032\012\000\000\000\015IHDR\000\000\000\001\000\000\000\001\010\000\000\000\000\072\176\233U\000\000\000\012IDATx\234ch\000\000\000\202\000\201w\315r\266\000\000\000\000IEND\256B\140\202' >grey.png
head -c 50 grey.png >cut.png
if "$seqgpu" caption --checkpoint scenes grey.png --device cpu >got 2>err; then
  equal "a picture in PNG" "$(wc -l <got)" 1
  refused "a picture that is cut short" 1 "cut.png: is damaged: libpng says" caption --checkpoint scenes cut.png
elif grep -q "no libpng" err; then skip "a picture in PNG" "this build has no libpng"
else fail "a picture in PNG" "$(cat err)"; fi
refused "no picture" 2 "no picture is named" caption --checkpoint captioner
refused "nothing to show" 2 "--svg: blind has no attention" caption --checkpoint blind unseen:1 --svg new.svg
refused "a picture over something else" 1 "seen/list: is there and is no SVG picture" caption --checkpoint captioner seen/0.npy --svg seen/list
refused "scenes for a model of numbers" 1 "scenes:2: the model sees numbers of .npy files" caption --checkpoint captioner scenes:2
refused "numbers for a model of pixels" 1 "seen/0.npy: must be a picture in PNG" caption --checkpoint scenes seen/0.npy
refused "scenes beside others" 2 "scenes:9 is drawn anew in each epoch, and stands alone" train caption --data scenes:9 --data seen/list
refused "a patch that does not divide" 2 "--patch: is 7; it must divide --side, 64" train caption --data scenes:9 --patch 7
refused "no scenes" 1 "scenes:0: must say how many scenes" train caption --data scenes:0
printf 'seen/0.npy no tab\n' >alone
refused "a line without a tab" 1 "alone: line 1 must be the path of a picture, a tab, and its caption" train caption --data alone
printf 'seen/9.npy\tnothing\n' >alone
refused "a picture that is not there" 1 "seen/9.npy" train caption --data alone
refused "resume with other scenes" 1 "was trained on other data" train caption --data scenes:41 --resume scenes
refused "a translator is no captioner" 1 "translator: is a checkpoint of task translate; it must be one of task caption" caption --checkpoint translator seen/0.npy
if command -v python3 >/dev/null; then
  cp captioner tagger
  for text in - 'numbers 2 2' 'numbers 2 2 2 2' 'numbers 2 0 2' 'numbers 2 2 x' 'pixels 9 9 9' 'smells 2 2 2'; do
    damaged patches "$text"
    refused "patches of \"$text\"" 1 "damaged: patches must be in its metadata" caption --checkpoint damaged seen/0.npy
  done
  damaged words 'a b c'
  refused "captions without <unk>" 1 "damaged: words: has no <unk> in front" caption --checkpoint damaged seen/0.npy
  damaged words '<unk> DET%1B[2J'
  refused "a word that would control a terminal" 1 "has a character that cannot be shown" caption --checkpoint damaged seen/0.npy
fi

# ---------------------------------------------------------------- transcribe

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

transcribed() {
  data="--data said"
  small="--hold-out 2 --mels 6 --hidden 5 --batch 8 --single-epochs 1 --join 3"
  run train transcribe $data --hold-out 2 --mels 16 --hidden 16 --batch 8 --lr 0.01 --dropout 0.1 --speed 0.1 --pitch 0.05 --single-epochs 10 --join 4 --epochs 40 \
    --checkpoint transcriber --json >trained 2>err
  check "cpu f32: task transcribe, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.05) }"' sh "$(value val_label_error_rate trained)"
  resumed "transcribe" transcribe $small --dropout 0.3
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
  refused "a drawer is no transcriber" 1 "drawer: is a checkpoint of task draw; it must be one of task transcribe" transcribe --checkpoint drawer said/0_ann_0.wav
  if command -v python3 >/dev/null; then
    cp transcriber tagger
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

# ---------------------------------------------------------------- speak

# What it says is read by the transcriber above.
spoke() {
  data="--data said"
  small="--hold-out 2 --mels 6 --hidden 4 --batch 8 --join 2 --letter-size 3 --voice-size 2 --prenet-size 4 --attention-size 3 --pause 40"
  run train speak $data --hold-out 2 --mels 16 --hidden 24 --batch 8 --join 2 --stack 4 --letter-size 8 --voice-size 3 --prenet-size 16 --attention-size 8 --pause 60 \
    --lr 0.01 --dropout 0.1 --epochs 100 --checkpoint speaker --json >trained 2>err
  check "cpu f32: task speak, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.4) }"' sh "$(value val_squared_error trained)"
  resumed "speak" speak $small --dropout 0.3
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
  equal "which is heard as the text" "$(cat got)" 20
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
    cp speaker tagger
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

# ---------------------------------------------------------------- frames

# pictured NAME COUNT FIRST: images of 5 x 5 pixels, of three classes: a line that lies, one that stands, and two that do both.
pictured() {
  {
    printf '\0\0\010\003\0\0\0'"$(printf '\\%03o' "$2")"'\0\0\0\005\0\0\0\005'
    LC_ALL=C awk -v count="$2" -v first="$3" 'BEGIN {
      for (i = first; i < first + count; i++)
        for (y = 0; y < 5; y++)
          for (x = 0; x < 5; x++)
            printf "%c", (i % 3 != 1 && y == 2) || (i % 3 && x == 2) ? 200 + (i * 7 + x * 11 + y) % 55 : 1 + (i * 3 + x + y) % 9
    }'
  } >"$1.images"
  {
    printf '\0\0\010\001\0\0\0'"$(printf '\\%03o' "$2")"
    LC_ALL=C awk -v count="$2" -v first="$3" 'BEGIN { for (i = first; i < first + count; i++) printf "%c", 1 + i % 3 }'
  } >"$1.labels"
}
# array FILE TYPE SHAPE: standard input as a .npy file.
array() {
  { printf '\223NUMPY\1\0\166\0'; printf '%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"; cat; } >"$1"
}
pictured learn 240 0
pictured val 60 1000
data="--data learn.images --data learn.labels --val-data val.images --val-data val.labels"
form="--side 12 --shrink 1 --shortest-clip 3 --longest-clip 5 --moves 2"
small="$form --patch 3 --patch-pool 3 --maps 3 --hidden 5 --batch 8"
run train frames $data $form --patch 4 --patch-pool 3 --maps 8 --hidden 24 --batch 8 --lr 0.01 --lr-schedule cosine --lr-every 900 --dropout 0 --epochs 30 \
  --checkpoint watcher --json >trained 2>err
run eval --checkpoint watcher --data val.images --data val.labels --save-clip first.npy --json >measured 2>err
check "cpu f32: task frames, learns a toy" sh -c 'awk -v a="$1" -v b="$2" "BEGIN { exit !(a >= 0.98 && b >= 0.9) }"' sh "$(value accuracy measured)" \
  "$(value direction_accuracy measured)"
resumed "frames" frames $small --dropout 0.3
resumed "frames, gru of two layers in squares of two" frames $small --cell gru --layers 2 --shrink 2 --patch 2 --patch-pool 2
resumed "frames, Hessian-free" frames $small --optimizer hessian-free --cg-iterations 9
run train frames $data $small --steps 20 --checkpoint one --force --quiet
for option in "--side 11" "--shrink 2" "--shortest-clip 4" "--longest-clip 4" "--moves 1" "--patch 2" "--patch-pool 2" "--maps 4" "--seed 2"; do
  run train frames $data $small $option --steps 20 --checkpoint two --force --quiet
  check "$option changes what is learnt" sh -c '! cmp -s one two'
done
rm -f one two
if [ "$(value clips measured)" = 60 ] && [ "$(value error_rate measured | cut -c 1-6)" = "$(value val_error_rate trained | cut -c 1-6)" ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task frames, eval measures what training did"
else fail "cpu f32: task frames, eval measures what training did" "$(cat measured err) $(tail -1 trained)"; fi
check "in words, too" sh -c '"$1" eval --checkpoint watcher --data val.images --data val.labels --device cpu | grep -q "; [0-9]* frames, accuracy [0-9.]* %; 60 clips, accuracy of their directions [0-9.]* %$"' sh "$seqgpu"
for b in 1 7; do run eval --checkpoint watcher --data val.images --data val.labels --batch $b --json | sed 's/\(0\.[0-9]\{4\}\)[0-9]*/\1/g' >b$b; done
check "whatever the batch" cmp b1 b7
# a line that stands, to the right, as bytes; the same in zeros and ones downwards, a frame more
LC_ALL=C awk 'BEGIN { for (t = 0; t < 4; t++) for (y = 0; y < 12; y++) for (x = 0; x < 12; x++) printf "%c", (x == 3 + t && y > 3 && y < 9 ? 220 : 1) }' |
  array right.npy "|u1" "4, 12, 12"
LC_ALL=C awk 'BEGIN { for (t = 0; t < 5; t++) for (y = 0; y < 12; y++) for (x = 0; x < 12; x++) printf "%s", (x == 5 && y > 1 + t && y < 7 + t ? "\001" : "\002") }' |
  tr '\002' '\000' | array down.npy "|b1" "5, 12, 12"
run frames right.npy --checkpoint watcher down.npy --batch 1 --svg new.svg >got 2>err
equal "seqgpu frames: clips in, labels and directions out" "$(sed 's/ [0-9.]*$//' got | tr '\n' ,)" "2 2 2 2 right,2 2 2 2 2 down,"
check "whatever the batch" sh -c '"$1" frames --checkpoint watcher right.npy down.npy --device cpu | cmp - got' sh "$seqgpu"
check "a picture of all" sh -c 'grep -q "^<svg xmlns=" new.svg && grep -q "^</svg>$" new.svg && [ "$(grep -c ">2</text>" new.svg)" = 9 ] && grep -q ">down</text>" new.svg'
check "in JSON" sh -c '"$1" frames --checkpoint watcher right.npy --json --device cpu | grep -q "^{\"file\": \"right.npy\", \"direction\": \"right\", \"probability\": [0-9.e-]*, \"frames\": \[2, 2, 2, 2\], \"probabilities\": \[[0-9., e-]*\]}$"' sh "$seqgpu"
check "a clip that eval has seen" sh -c '"$1" frames --checkpoint watcher first.npy --device cpu | grep -q "^2 \(2 \)*[a-z-]* [01]\.[0-9]*$"' sh "$seqgpu"
run eval --checkpoint watcher --data val.images --data val.labels --save-clip third.npy --clip 3 >out 2>err
check "and another" sh -c '"$1" frames --checkpoint watcher third.npy --device cpu | grep -q "^1 \(1 \)*[a-z-]* [01]\.[0-9]*$"' sh "$seqgpu"
refused "a clip that there is not" 1 "val.images: has 60 images; there is no clip 61" eval --checkpoint watcher --data val.images --data val.labels --save-clip new.npy --clip 61
# ---- what is wrong
refused "labels are missing" 2 "--data: is given 1 times; it must be given twice" train frames --data learn.images
refused "validation labels are missing" 2 "--val-data: is given 1 times" train frames --data learn.images --data learn.labels --val-data val.images
refused "labels of other images" 1 "val.labels: has 60 labels; learn.images has 240 images" train frames --data learn.images --data val.labels
refused "the labels first" 1 "learn.labels: has 1 dimensions; it must have 3" train frames --data learn.labels --data learn.images
refused "too small a frame" 1 "learn.images: has images of 5 x 5; to move for 5 frames they need --side 9" train frames $data $form --side 8
refused "squares that do not fit" 2 "--shrink: is 5; it must divide --side, which is 12" train frames $data $form --shrink 5
refused "a longest that is shorter" 2 "--longest-clip: is 5; it must be at least --shortest-clip, which is 6" train frames $data $form --shortest-clip 6
refused "a patch that does not fit" 1 "watcher: patch is 13; it must be from 1 to 12" train frames $data $form --patch 13
refused "a cell that does not fit" 1 "watcher: pool is 11; it must be from 1 to 10" train frames $data $form --patch 3 --patch-pool 11
refused "no clip" 2 "no clip is named" frames --checkpoint watcher
refused "a clip that is not there" 1 "nobody.npy: cannot" frames --checkpoint watcher nobody.npy
refused "a text" 1 "list: " frames --checkpoint watcher list
head -c 400 right.npy >cut.npy
refused "a clip that is cut short" 1 "cut.npy: " frames --checkpoint watcher cut.npy
head -c 432 /dev/zero | array other.npy "|u1" "3, 16, 9"
refused "a clip of another size" 1 "other.npy: must be an array \[frames,12,12\]" frames --checkpoint watcher right.npy other.npy
head -c 144 /dev/zero | array other.npy "|u1" "12, 12"
refused "an image" 1 "other.npy: must be an array \[frames,12,12\]" frames --checkpoint watcher other.npy
: | array other.npy "|u1" "0, 12, 12"
refused "no frames" 1 "other.npy: must be an array \[frames,12,12\], of 1 to" frames --checkpoint watcher other.npy
{ printf '\0\0\0\100'; head -c 572 /dev/zero; } | array other.npy "<f4" "1, 12, 12"
refused "a pixel that is too bright" 1 "other.npy: has a pixel of 2; it must be from 0 to 1" frames --checkpoint watcher other.npy
{ printf '\0\0\300\177'; head -c 572 /dev/zero; } | array other.npy "<f4" "1, 12, 12"
refused "a pixel that is no number" 1 "other.npy: has a pixel of nan" frames --checkpoint watcher other.npy
{ printf '\377'; head -c 143 /dev/zero; } | array other.npy "|i1" "1, 12, 12"
refused "a pixel below 0" 1 "other.npy: has a pixel of -1; it must be from 0 to 255" frames --checkpoint watcher other.npy
refused "resume with another side" 1 "--side: is 13; watcher was trained with 12" train frames $data --resume watcher --side 13
refused "resume on other images" 1 "other data" train frames --data val.images --data val.labels --resume watcher
refused "a picture over something else" 1 "list: is there and is no SVG picture" frames --checkpoint watcher right.npy --svg list
refused "a drawer is no watcher" 1 "drawer: is a checkpoint of task draw; it must be one of task frames" frames --checkpoint drawer right.npy
{ head -c 8 val.labels; head -c 60 /dev/zero | tr '\0' '\011'; } >more.labels
refused "a class that it has not" 1 "more.labels: label 0 is 9; it must be below 4, the number of classes" eval --checkpoint watcher --data val.images --data more.labels
if command -v python3 >/dev/null; then
  cp watcher tagger
  for text in - "" 0 257 4x -4 4.0; do
    damaged classes "$text"
    refused "classes of \"$text\"" 1 "damaged: classes must be in its metadata, a number from 1 to 256" frames --checkpoint damaged right.npy
  done
  damaged classes 5
  refused "another number of classes" 1 "frame.weight" frames --checkpoint damaged right.npy
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
