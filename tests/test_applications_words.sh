#!/bin/sh
# test_applications_words.sh PROGRAM - applications of `seqgpu train`: words: parts of speech, classes, letters and languages (applications.sh).  Prints "pass NAME" or
# "FAIL NAME: why", last the counts.
. "$(dirname "$0")/applications.sh"

# ---------------------------------------------------------------------- tag

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
shared "tag" tag $tiny --dropout 0.3 --layers 2 --word-dropout 0.3
resumed "tag, rare words dropped, capitals or not" tag $tiny --rare-dropout 2 --small-letters
shared "tag, rare words dropped, capitals or not" tag $tiny --rare-dropout 2 --small-letters
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
# capitals: those of the tags must stay
awk -F '\t' -v OFS='\t' 'NF == 10 { $2 = toupper($2) } { print }' val.conllu >capitals.conllu
run train tag $data $tiny --small-letters --steps 20 --checkpoint small --quiet
for model in tagger small; do
  run eval --checkpoint $model --data val.conllu --json >as_learnt && run eval --checkpoint $model --data capitals.conllu --json >in_capitals
  echo "$model $(value unknown as_learnt) $(value unknown in_capitals)"
done >unknown 2>err
check "--small-letters: words in capitals are known" awk '$1 == "small" { right = $2 == $3 } $1 == "tagger" { other = $3 > $2 } END { exit !(right && other) }' unknown
refused "resume without regard to capitals" 1 "--small-letters: " train tag $data --small-letters --resume tagger
refused "a share below 0" 2 "--rare-dropout: " train tag $data --rare-dropout -1
rm -f small capitals.conllu as_learnt in_capitals unknown
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
refused "shards that do not divide the batch" 2 "multiple of 3" train tag $data $tiny --shards 3
refused "a mean over the whole batch, of shards" 2 "train tag: --omega is a mean over the sequences of the whole batch, and there are 2 shards" train tag $data $tiny --omega 1 --shards 2
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
  cp tagger model
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

# ---------------------------------------------------------------------- classify

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
head -n 158 lines.train >lines.most # six in the last batch
data="--data lines.most --val-data lines.val"
shared "classify" classify $small --pool attention --dropout 0.3 --word-dropout 0.2
data="--data lines.train --val-data lines.val"
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

# ---------------------------------------------------------------------- spell

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
shared "spell" spell $small --dropout 0.3 --smoothing 0.1
resumed "spell, gru of two layers without attention" spell $small --cell gru --layers 2 --attention-size 0 --one-direction --backwards
resumed "spell, general attention" spell $small --attention general
resumed "spell, dot, with more than one layer" spell $small --attention dot --one-direction --layers 2
refused "resume with another score" 1 "--attention: is dot; speller was trained with additive" train spell $data --resume speller --attention dot --one-direction
refused "dot of unequal widths" 2 "--attention dot: what is read in both directions is twice as wide" train spell $data $small --attention dot
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
refused "a tagger is no speller" 1 "another: is a checkpoint of task tag; it must be one of task spell" spell --checkpoint another
printf 'a \377 b\n' >bad
refused "a word that is no text" 1 "bad: line 1, byte 2: is no character" spell --checkpoint speller --input bad
if command -v python3 >/dev/null; then
  cp speller model
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

# ---------------------------------------------------------------------- translate

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
run train translate $data --word-size 16 --attention-size 16 --hidden 32 --batch 32 --lr 0.01 --lr-schedule cosine --lr-every 475 --dropout 0 --epochs 25 --checkpoint translator --json >trained 2>err
resumed "translate" translate $small --dropout 0.3 --min-count 1 --longest 9
shared "translate" translate $small --dropout 0.3 --min-count 1 --longest 9
run eval --checkpoint translator --data pairs.val --copy --json >measured 2>err
check "cpu f32: task translate, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n >= 98) }"' sh "$(value bleu measured)"
run eval --checkpoint translator --data pairs.val --json >measured 2>err
check "names are not guessed" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 95) }"' sh "$(value bleu measured)"
if [ "$(value sentences measured)" = 60 ] && [ "$(value one_minus_bleu measured | cut -c 1-6)" = "$(value val_one_minus_bleu trained | cut -c 1-6)" ] &&
  [ "$(value loss measured | cut -c 1-6)" = "$(value val_loss trained | cut -c 1-6)" ]; then
  pass "cpu f32: task translate, eval measures what training did"
else fail "cpu f32: task translate, eval measures what training did" "$(cat measured err)"; fi
check "BLEU by length, in JSON" grep -q '"bleu_by_length": {"10": [0-9.]*}}$' measured
# Of one group three words of four are right, in their order: (3/4 2/3 1/2 1/2)^(1/4), no four words being smoothed to a half.
# Of the other everything is, whatever the model says to eleven words or more.
long='Hund rot alt Katze gro\303\237 Fisch Haus zwei B\303\204LL rot, ja!'
{ printf 'Hund rot B\303\204LL, ja!\tdog red ball !\n'
  printf "$long\t"
  printf "$long\n" | run translate --checkpoint translator; } >judged
run eval --checkpoint translator --data judged --json >measured.judged 2>err
check "BLEU by length, as it is by hand" grep -q '"bleu_by_length": {"10": 59.46, "15": 100}}$' measured.judged
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
  run train translate $data --backwards --attention general --word-size 16 --hidden 32 --batch 32 --lr 0.01 --epochs 20 --checkpoint backward --quiet
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
run train translate $data --word-size 4 --hidden 6 --batch 16 --attention none --one-direction --backwards --steps 2 --checkpoint none --quiet
for c in blind none; do run eval --checkpoint $c --data pairs.val --json | sed 's/.*"loss"/"loss"/' >of_$c; done
check "--attention none is none of no size" sh -c 'grep -q bleu of_none && cmp of_blind of_none && ! grep -a -q "attention\.v" none'
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

finish_cli
