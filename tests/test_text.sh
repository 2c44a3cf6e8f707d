#!/bin/sh
# test_text.sh PROGRAM - texts and their tokens, from the outside: any file of text is read, whatever is not in a vocabulary is
# counted, and tokens put together are the text.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

tiny="--hidden 6 --layers 1 --batch 2 --seq-len 8 --device cpu --threads 1 --quiet"
train() { "$seqgpu" train charlm $tiny --steps 2 "$@"; }
# same NAME A B: two evaluations print the same.
eval_of() { "$seqgpu" eval --checkpoint "$1" --text "$2" --device cpu --threads 1; }
same() { if eval_of "$2" "$3" >e1 2>err && eval_of "$2" "$4" >e2 2>err && cmp -s e1 e2; then pass "$1"; else fail "$1" "$(cat e1 e2 err | head -c 300)"; fi; }
# tokens MODEL: the size of its vocabulary
tokens() { "$seqgpu" inspect --checkpoint "$1" --json | sed 's/.*"output.bias", "dtype": "F32", "shape": .\([0-9]*\).*/\1/'; }
equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "is $2, must be $3"; fi; }

printf 'A caf\303\251 at 9, twice:  two\n\n\tspaces (and a tab) -- "so"...\nThe end; the end. \n' >text
train --text text --checkpoint utf8
train --text text --tokens bytes --checkpoint bytes
train --text text --tokens words --checkpoint words

# ---------------------------------------------------------------- kinds of files

if command -v gzip >/dev/null; then
  gzip -c text >text.gz
  if eval_of utf8 text.gz >e1 2>err; then
    same "a text that is compressed by gzip" utf8 text text.gz
    (head -c 30 text | gzip -c; tail -c +31 text | gzip -c) >two.gz
    same "two members, one after the other" utf8 text two.gz
    check "training on it gives the same bits" sh -c '"$1" train charlm $2 --steps 2 --text text.gz --checkpoint packed &&
      "$1" inspect --checkpoint packed | grep -v "^text" >i1 && "$1" inspect --checkpoint utf8 | grep -v "^text" >i2 && cmp i1 i2' sh "$seqgpu" "$tiny"
    head -c 60 text.gz >cut.gz
    refused "a compressed text that is cut" 1 "cut.gz: .*truncated" eval --checkpoint utf8 --text cut.gz
    (head -c 40 text.gz; printf '\377\377\377\377'; tail -c +45 text.gz) >bad.gz
    refused "a compressed text that is damaged" 1 "bad.gz: .*damaged" eval --checkpoint utf8 --text bad.gz
  elif grep -q "no zlib" err; then skip "compressed texts" "this build has no zlib"
  else fail "compressed texts" "$(cat err)"; fi
  rm -f ./*.gz packed i1 i2
else
  skip "compressed texts" "no gzip"
fi
if "$seqgpu" eval --checkpoint utf8 --text - <text >e1 2>err && eval_of utf8 text >e2 && cmp -s e1 e2; then pass "standard input"
else fail "standard input" "$(cat e1 e2 err)"; fi
head -c 30 text >part1
tail -c +31 text >part2
check "two files are read as one text" sh -c '"$1" eval --checkpoint utf8 --text part1 --text part2 >e1 && "$1" eval --checkpoint utf8 --text text >e2 && cmp e1 e2' sh "$seqgpu"
check "a run on two files goes on without --text" sh -c '"$1" train charlm $2 --steps 2 --text part1 --text part2 --checkpoint both &&
  "$1" train charlm --resume both --steps 3 --quiet --device cpu && "$1" inspect --checkpoint both | grep -q "^step  *3"' sh "$seqgpu" "$tiny"
rm -f part1 part2 both
refused "one of two files is missing" 1 "nobody: cannot open" eval --checkpoint utf8 --text text --text nobody

if command -v iconv >/dev/null && [ "$(printf 'a' | iconv -t UTF-16LE 2>/dev/null | wc -c)" = 2 ]; then
  for order in UTF-16LE UTF-16BE; do
    iconv -f UTF-8 -t $order text >plain16
    case $order in *LE) printf '\377\376' >marked16 ;; *) printf '\376\377' >marked16 ;; esac
    cat plain16 >>marked16
    same "$order with a byte order mark" utf8 text marked16
    same "$order without one" utf8 text plain16
  done
  printf '\377\376a\000\001\330b\000' >half16
  refused "half a character of UTF-16" 1 "half16: is UTF-16, but byte 4 is no character" eval --checkpoint utf8 --text half16
  check "bytes stay as they are" sh -c '"$1" eval --checkpoint bytes --text half16 | grep -q "^7 tokens"' sh "$seqgpu"
  rm -f plain16 marked16 half16
else
  skip "UTF-16" "no iconv that writes it"
fi
printf '\357\273\277abc\377def' >marked
refused "a byte is numbered from the beginning of the file, mark included" 1 "byte 6 is not valid" eval --checkpoint utf8 --text marked
refused "and so in the second of two files" 1 "marked: byte 6 is not valid" eval --checkpoint utf8 --text text --text marked
rm -f marked

# ---------------------------------------------------------------- what the vocabulary lacks

equal "bytes are all 256" "$(tokens bytes)" 256
head -c 100000 "$seqgpu" >binary
check "a model of bytes reads any file" sh -c '"$1" eval --checkpoint bytes --text binary 2>err | grep -q " tokens predicted" && [ ! -s err ]' sh "$seqgpu"
printf 'A \344\270\255\346\226\207 end.\n' >foreign
"$seqgpu" eval --checkpoint utf8 --text foreign --json >out 2>err
if grep -q '"tokens": 9, "unknown": 2' out && grep -q '2 of 10 tokens are not .* the first is "中" at byte 2; they are read as <unk>' err; then
  pass "characters that a model has not seen are counted and named"
else fail "characters that a model has not seen are counted and named" "$(cat out err)"; fi
check "--quiet does not name them" sh -c '"$1" eval --checkpoint utf8 --text foreign --quiet 2>err && [ ! -s err ]' sh "$seqgpu"
check "a sample reads them, too, and prints U+FFFD" sh -c '[ "$("$1" sample --checkpoint utf8 --prime-file foreign --length 0 --quiet)" = "$(printf "A \357\277\275\357\277\275 end.")" ]' sh "$seqgpu"
"$seqgpu" sample --checkpoint utf8 --length 2000 --temperature 1000 >out 2>err
if [ "$(grep -c "$(printf '\357\277\275')" out)" = 0 ] && [ -s out ]; then pass "<unk> is never drawn"; else fail "<unk> is never drawn" "it was"; fi
rm -f foreign

# ---------------------------------------------------------------- words

"$seqgpu" sample --checkpoint words --prime-file text --length 0 >out 2>err
if cmp -s out text; then pass "words put together are the text, with all its white space"; else fail "words put together are the text, with all its white space" "$(diff out text | head -c 300)"; fi
"$seqgpu" train charlm $tiny --text text --tokens words --vocab-limit 5 --steps 2 --checkpoint few 2>err
"$seqgpu" sample --checkpoint few --prime 'quite unheard  of' --length 0 --quiet >out
equal "the spaces around unknown words stay" "$(cat out)" "<unk> <unk>  <unk>"
LC_ALL=C sed 's/"seqgpu.crc32"/"without_crcs"/; s/%20/%5F/g' words >old # without a token that is a space
"$seqgpu" sample --checkpoint old --prime 'The  end' --length 0 --quiet >out 2>err
equal "words of an older checkpoint have no spaces of their own" "$(cat out err)" "The <unk>"
LC_ALL=C sed 's/"seqgpu.crc32"/"without_crcs"/; s/<unk>/zzzzz/' utf8 >old
"$seqgpu" sample --checkpoint old --prime 'A#Z end' --length 0 >out 2>err
if [ "$(cat out)" = "A end" ] && grep -q '2 of 7 tokens .* they are left out' err; then pass "an older checkpoint without <unk> leaves out what it lacks"
else fail "an older checkpoint without <unk> leaves out what it lacks" "$(cat out err)"; fi
rm -f old
finish_cli
