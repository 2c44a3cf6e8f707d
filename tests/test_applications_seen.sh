#!/bin/sh
# test_applications_seen.sh PROGRAM - applications of `seqgpu train`: pictures and video (applications.sh).  Prints "pass NAME" or
# "FAIL NAME: why", last the counts.
. "$(dirname "$0")/applications.sh"

# ---------------------------------------------------------------------- caption

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
awk -F '\t' '{ print $1 "\t" (NR % 2 ? $2 : "yes") } NR < 3' seen/list >seen/ragged # ten captions of two lengths, in one batch too
data="--data seen/ragged --val-data seen/list"
shared "caption" caption $small --dropout 0.3
data="--data seen/list --val-data seen/list"
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
shared "caption of scenes" caption $small --dropout 0.3 --batch 8
run train caption $data $small --steps 2 --checkpoint scenes --quiet
run train caption $data $small --steps 2 --apart-epochs 1 --checkpoint two --force --quiet
check "--apart-epochs 1 changes what is learnt" sh -c '! cmp -s scenes two'
run train caption $data $small --steps 2 --colours together --checkpoint two --force --quiet
check "colours aside have weights of their own" sh -c 'grep -aq choice.weight scenes && ! grep -aq choice.weight two'
refused "colours elsewhere than they were learnt" 1 "--colours: is together; scenes was trained with aside" train caption $data --colours together --resume scenes
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
refused "a tagger is no captioner" 1 "another: is a checkpoint of task tag; it must be one of task caption" caption --checkpoint another seen/0.npy
if command -v python3 >/dev/null; then
  cp captioner model
  for text in - 'numbers 2 2' 'numbers 2 2 2 2' 'numbers 2 0 2' 'numbers 2 2 x' 'pixels 9 9 9' 'smells 2 2 2'; do
    damaged patches "$text"
    refused "patches of \"$text\"" 1 "damaged: patches must be in its metadata" caption --checkpoint damaged seen/0.npy
  done
  damaged words 'a b c'
  refused "captions without <unk>" 1 "damaged: words: has no <unk> in front" caption --checkpoint damaged seen/0.npy
  damaged words '<unk> DET%1B[2J'
  refused "a word that would control a terminal" 1 "has a character that cannot be shown" caption --checkpoint damaged seen/0.npy
fi

# ---------------------------------------------------------------------- frames

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
shared "frames" frames $small --dropout 0.3
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
echo "a text" >list
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
refused "a tagger is no watcher" 1 "another: is a checkpoint of task tag; it must be one of task frames" frames --checkpoint another right.npy
{ head -c 8 val.labels; head -c 60 /dev/zero | tr '\0' '\011'; } >more.labels
refused "a class that it has not" 1 "more.labels: label 0 is 9; it must be below 4, the number of classes" eval --checkpoint watcher --data val.images --data more.labels
if command -v python3 >/dev/null; then
  cp watcher model
  for text in - "" 0 257 4x -4 4.0; do
    damaged classes "$text"
    refused "classes of \"$text\"" 1 "damaged: classes must be in its metadata, a number from 1 to 256" frames --checkpoint damaged right.npy
  done
  damaged classes 5
  refused "another number of classes" 1 "frame.weight" frames --checkpoint damaged right.npy
fi

finish_cli
