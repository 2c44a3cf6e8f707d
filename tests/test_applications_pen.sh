#!/bin/sh
# test_applications_pen.sh PROGRAM - applications of `seqgpu train`: pen strokes (applications.sh).  Prints "pass NAME" or
# "FAIL NAME: why", last the counts.
. "$(dirname "$0")/applications.sh"

# ---------------------------------------------------------------------- draw

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
shared "draw" draw $small --dropout 0.3 --layers 2
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
refused "a tagger is no drawer" 1 "another: is a checkpoint of task tag; it must be one of task draw" draw --checkpoint another
if command -v python3 >/dev/null; then
  cp drawer model
  for value in - 0 -1 x nan; do
    damaged deviation "$value"
    refused "a deviation that is $value" 1 "damaged: " draw --checkpoint damaged
  done
fi

# ---------------------------------------------------------------------- write

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
shared "write" write $small --dropout 0.3
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
  cp writer model
  for value in - 0 nan; do
    damaged deviation "$value"
    refused "a deviation that is $value" 1 "damaged: " write --checkpoint damaged --text a
  done
  for value in - "" " cab" aab "a%1Bb" "a%C3%A4"; do
    damaged alphabet "$value"
    refused "an alphabet that is \"$value\"" 1 "damaged: has no alphabet" write --checkpoint damaged --text a
  done
fi

# ---------------------------------------------------------------------- read

data="--data words.train --data toy.jhf --val-data words.val"
small="--hidden 5 --batch 8 --longest 4"
run train read $data --hidden 24 --batch 8 --longest 6 --slant 0.1 --scale 0.1 --jitter 0.5 --lr 0.01 --steps 600 --checkpoint reader --json >trained 2>err
check "cpu f32: task read, learns a toy" sh -c 'awk -v n="$1" "BEGIN { exit !(n < 0.02) }"' sh "$(value val_label_error_rate trained)"
resumed "read" read $small --dropout 0.3
shared "read" read $small --dropout 0.3
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
  cp reader model
  damaged alphabet - && refused "a model without its alphabet" 1 "damaged: has no alphabet" read --checkpoint damaged --input b
  damaged alphabet ab && refused "a model with fewer letters than it has" 1 "output.weight\|output.bias" read --checkpoint damaged --input b
fi

finish_cli
