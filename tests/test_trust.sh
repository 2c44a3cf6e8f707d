#!/bin/sh
# test_trust.sh PROGRAM - files that are damaged, hostile or of other programs, as the program `seqgpu` takes them: checksums,
# numbers that are none, names that would control a terminal, sizes that are lies, weights without metadata.
# Prints "pass NAME" or "FAIL NAME: why", last the counts.
. "$(dirname "$0")/cli.sh"

awk 'BEGIN { for (i = 0; i < 60; i++) printf "the %d cats sat\n", i % 7 }' >text
tiny="--hidden 6 --layers 1 --batch 4 --seq-len 8 --device cpu --threads 1"
# shellcheck disable=SC2086
train() { "$seqgpu" train charlm --text text $tiny "$@"; }
check "a model" train --steps 2 --checkpoint model
check "and the best one" train --steps 2 --checkpoint kept --eval-every 1 --keep-best

# says NAME CODE WORDS ARGUMENTS...: the program ends with CODE, and WORDS are in what it printed.
says() {
  name=$1 code=$2 words=$3
  shift 3
  "$seqgpu" "$@" >out 2>err
  got=$?
  if [ $got = "$code" ] && grep -q -e "$words" out err; then pass "$name"
  else fail "$name" "exit $got, expected $code: $(head -c 200 out) $(head -c 300 err)"; fi
}

# ---------------------------------------------------------------- checksums

says "a whole file is verified" 0 "all 17 tensors and the metadata are what was written" verify model
cp model damaged
size=$(wc -c <model)
printf 'X' | dd of=damaged bs=1 seek=$((size - 5)) conv=notrunc 2>dd.log
rm dd.log
refused "verify names the damaged tensor" 1 '"state.c" is damaged' verify damaged
says "verify looks at every file" 1 "all 17 tensors" verify damaged model
says "verify --json" 1 '"damage": \["damaged: tensor' verify damaged --json
refused "a damaged model is not resumed" 1 "is damaged" train charlm --text text --resume damaged
refused "verify without a file" 2 "a file is missing" verify
refused "verify of no file" 1 "cannot open" verify nobody

# ---------------------------------------------------------------- the other files, written by Python

if ! command -v python3 >/dev/null; then
  skip "files of other programs" "no python3"
  finish_cli
  exit
fi
cat >files.py <<'END'
import json, struct, zlib

def read(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + n]), data[8 + n:]

def write(path, tensors, meta=None):  # tensors: name -> (dtype, shape, bytes)
    header, data = {"__metadata__": meta} if meta is not None else {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, ensure_ascii=False).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

header, data = read("model")
meta = header.pop("__metadata__")
tensors = {name: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for name, t in header.items()}
sums = [int(sum, 16) for sum in meta.pop("seqgpu.crc32").split(" ")]
assert sums[1:] == [zlib.crc32(tensors[name][2]) for name in sorted(tensors)], "the checksums are zlib's"

weights = {name: t for name, t in tensors.items() if not name.startswith(("optimizer.", "state."))}
write("bare", weights)
open("tokens", "w").write("\n".join(meta["vocabulary"].split(" ")) + "\n")
halves = {}
for name, (dtype, shape, raw) in weights.items():
    values = struct.unpack(f"<{len(raw) // 4}f", raw)
    if "weight" in name: # PyTorch's bias=False
        halves[name] = ("F16", shape, struct.pack(f"<{len(values)}e", *values))
write("halves", halves)

write("unsummed", tensors, meta)
for name, value in ("nan", float("nan")), ("inf", float("inf")):
    broken = dict(tensors)
    dtype, shape, raw = broken["rnn.weight_hh_l0"]
    broken["rnn.weight_hh_l0"] = (dtype, shape, raw[:8] + struct.pack("<f", value) + raw[12:])
    write(name, broken, meta)
write("escapes", tensors, {**meta, "a\x1b[31m": "\x1b]0;title\x07\u009b31m\u202e"})
write("escape", tensors, {**meta, "hidden": "\x1b[31m6"})
vocabulary = meta["vocabulary"].split(" ")
vocabulary[1:4] = "%1B", "\u009b", "\u202e"
write("spoken", tensors, {**meta, "vocabulary": " ".join(vocabulary)})

kept, kept_data = read("kept-best")
kept_meta = kept.pop("__metadata__")
kept_meta.pop("seqgpu.crc32")
write("kept-best", {name: (t["dtype"], t["shape"], kept_data[slice(*t["data_offsets"])]) for name, t in kept.items()},
      {**kept_meta, "val_loss": "nan"})

lies = {"large": {"hidden": "16000", "layers": "2"}, "drawn": {"hidden": "3000", "cell": "rnn", "init": "np"},
        "wide": {"embedding": "2147483647"}, "deep": {"layers": "1024", "hidden": "1048576"}}
for name, lie in lies.items():
    write(name, {}, {**meta, **lie})
cursors = {"overflow": ("step", "9223372036854775807"), "exponent": ("step", "1e5"), "tail": ("step", "12abc"),
           "minus": ("step", "-1"), "blank": ("data_size", " 5"), "empty": ("data_size", ""), "hash": ("data_hash", "0x12"),
           "flag": ("peephole", "yes"), "size": ("hidden", "6.0")}
for name, (key, value) in cursors.items():
    write("cursor-" + name, tensors, {**meta, key: value})
END
check "zlib's checksums" python3 files.py
rm -f files.py

# ---------------------------------------------------------------- of other programs

shape="--cell lstm --hidden 6 --layers 1 --device cpu --threads 1"
# shellcheck disable=SC2086
check "eval of a model without metadata" sh -c '
  "$1" eval --checkpoint model --text text --device cpu --threads 1 >mine && "$1" eval --checkpoint bare --text text $2 --vocabulary tokens >theirs &&
  cmp mine theirs' sh "$seqgpu" "$shape"
check "sample of a model without metadata" sh -c '
  "$1" sample --checkpoint model --length 50 --device cpu --threads 1 >mine && "$1" sample --checkpoint bare --length 50 $2 --vocabulary tokens >theirs &&
  cmp mine theirs' sh "$seqgpu" "$shape"
# shellcheck disable=SC2086
{
  says "halves without biases" 0 "tokens predicted" eval --checkpoint halves --text text $shape --vocabulary tokens
  says "verify says that there are no checksums" 0 "has no checksums" verify bare
  says "a file without checksums is resumed" 0 "step 3" train charlm --text text --resume unsummed --steps 3 --checkpoint unsummed2
  refused "without a vocabulary" 1 "needs --cell, --hidden, --layers as they are, and --vocabulary" sample --checkpoint bare $shape
  refused "bytes are 256" 1 "must be \[256,6\]" sample --checkpoint bare $shape --tokens bytes
  refused "with another size" 1 '"rnn.weight_ih_l0" is \[24,6\]; for this model it must be \[28,6\]' sample --checkpoint bare $shape --vocabulary tokens \
    --hidden 7 --embedding 6
  refused "with another cell" 1 '"rnn.weight_ih_l0" is' sample --checkpoint bare $shape --vocabulary tokens --cell gru --reset-after
  refused "a size against the file" 1 "hidden: is 7; model was trained with 6" sample --checkpoint model --hidden 7
  refused "a vocabulary against the file" 1 "vocabulary: is given; model has its own" sample --checkpoint model --vocabulary tokens
}

# ---------------------------------------------------------------- numbers and names

for file in nan inf; do
  refused "$file: sample" 1 '"rnn.weight_hh_l0" has a number that is not finite, at element 2' sample --checkpoint $file
  refused "$file: eval" 1 '"rnn.weight_hh_l0" has a number that is not finite' eval --checkpoint $file --text text
  refused "$file: resume" 1 '"rnn.weight_hh_l0" has a number that is not finite' train charlm --text text --resume $file
  refused "$file: export" 1 '"rnn.weight_hh_l0" has a number that is infinite or NaN' export $file --network rnn --to new.json --format rtneural
  says "$file: inspect counts them" 0 "rnn.weight_hh_l0 .*(1 not finite)" inspect --checkpoint $file
  check "$file: inspect --json is JSON" sh -c '
    "$1" inspect --checkpoint '$file' --json | python3 -c "
import json, sys
def refuse(constant): raise ValueError(constant)
rows = json.load(sys.stdin, parse_constant=refuse)[\"tensors\"]
assert [row[\"not_finite\"] for row in rows if row[\"name\"] == \"rnn.weight_hh_l0\"] == [1]
"' sh "$seqgpu"
done
says "names of strangers are shown" 0 "^a?\[31m *?\]0;title??31m?" inspect --checkpoint escapes
check "without control characters" sh -c '! LC_ALL=C grep -q "[^[:print:][:space:]]" out && ! LC_ALL=C grep -q "$(printf "\033")" out'
says "in a sentence, too" 1 'hidden: is "?\[31m6"' sample --checkpoint escape
check "and in JSON" sh -c '"$1" inspect --checkpoint escapes --json >out && ! LC_ALL=C grep -q "$(printf "[\033\302\342]")" out' sh "$seqgpu"

cat >terminal.py <<'END'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
written = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    written += piece
ended = os.waitpid(child, 0)[1] == 0
sys.exit(not (ended and b"?" in written and not any(c in written.decode() for c in "\x1b\x9b\u202e")))
END
check "a sample on a terminal has no control characters" python3 terminal.py "$seqgpu" sample --checkpoint spoken --length 200 --temperature 9 \
  --device cpu --threads 1
check "in a pipe it is what the model says" sh -c '"$1" sample --checkpoint spoken --length 200 --temperature 9 --device cpu --threads 1 |
  grep -q "$(printf "\033")"' sh "$seqgpu"
rm -f terminal.py

# ---------------------------------------------------------------- lies

for file in large drawn wide deep; do
  for command in "sample" "eval --text text" "inspect --prime the" "train charlm --text text --log newlog --resume" \
    "train charlm --text text --batch 4 --seq-len 8 --checkpoint new --log newlog --init-from"; do
    option=--checkpoint
    case $command in *--resume | *--init-from) option="" ;; esac
    # shellcheck disable=SC2086
    refused "$file: $command" 1 "is not in the file\|make about .* parameters" $command $option $file --threads 1
  done
done
for file in overflow exponent tail minus blank empty hash; do
  refused "cursor $file" 1 "must be a whole number of at most" train charlm --text text --resume cursor-$file
done
refused "a best loss that is no number" 1 'kept-best: val_loss is "nan"; it must be a number' train charlm --text text --resume kept --keep-best --steps 3
refused "flag yes" 1 "must be 0 or 1" sample --checkpoint cursor-flag
refused "size 6.0" 1 "must be a whole number" sample --checkpoint cursor-size

finish_cli
