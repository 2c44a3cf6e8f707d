# applications.sh - what the tests of the applications share (test_applications_*.sh), each of which learns a toy of its own, resumes
# bit for bit, is measured and used, and says in one sentence what is wrong; sourced with the program as $1.
. "$(dirname "$0")/mpi.sh"
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

# How far the file b is from the file a: the distance of their weights as a share of those of a; a and b have the same tensors.
distance() {
  python3 - "$1" "$2" <<'PYTHON'
import json, struct, sys
def weights(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header, out = json.loads(data[8:8 + size]), {}
    for name, tensor in header.items():
        if name != "__metadata__" and not name.startswith("optimizer.") and tensor["dtype"] == "F32":
            first, last = tensor["data_offsets"]
            out[name] = struct.unpack("<%df" % ((last - first) // 4), data[8 + size + first:8 + size + last])
    return out
a, b = weights(sys.argv[1]), weights(sys.argv[2])
assert a.keys() == b.keys() and len(a) > 2
away = sum((x - y) ** 2 for name in a for x, y in zip(a[name], b[name]))
print(away ** 0.5 / sum(x * x for name in a for x in a[name]) ** 0.5)
PYTHON
}

# The largest relative difference of losses in two logs of so many updates; fails where they have not so many.
losses_differ() {
  for each in "$1" "$2"; do sed -n 's/.*"loss": \([^,]*\),.*/\1/p' "$each" >"$each.losses"; done
  paste -d ' ' "$1.losses" "$2.losses" | awk -v updates="$3" '{ d = $1 - $2; if (d < 0) d = -d; d /= $1 < 0 ? -$1 : $1; if (d > worst) worst = d }
    END { print worst + 0; exit NR != updates || NF != 2 }'
}
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }

# shared NAME ARGUMENTS...: 20 updates on batches that are whole, and on the same in 4 shards: the same losses and weights, but for
# rounding; and in 1, 2 and 4 processes the same file, byte for byte.
shared() {
  name=$1 task=$2
  shift 2
  set -- train "$task" $data "$@" --optimizer momentum --lr 0.1 --steps 20 --eval-every 9 --log-every 1 --quiet
  rm -rf shared
  mkdir shared
  if run "$@" --checkpoint shared/whole --log shared/whole.log >out 2>err && run "$@" --shards 4 --checkpoint shared/one --log shared/one.log >out 2>err &&
    losses=$(losses_differ shared/whole.log shared/one.log 20) && weights=$(distance shared/whole shared/one) && below "$losses" 1.1e-5 && below "$weights" 3e-6; then
    pass "cpu f32: task $name, 4 shards are the batch: losses within $losses, weights $weights"
  else fail "cpu f32: task $name, 4 shards are the batch" "losses ${losses:-?}, weights ${weights:-?}: $(head -c 300 err)"; fi
  for n in $several; do
    if processes $n "$seqgpu" "$@" --device cpu --threads 1 --shards 4 --checkpoint shared/$n >out 2>err && cmp -s shared/one shared/$n && [ -z "$(grep '^seqgpu: ' err | sort | uniq -d)" ]; then
      pass "cpu f32: task $name, the same file from 1 and $n processes"
    else fail "cpu f32: task $name, the same file from 1 and $n processes" "$(head -c 300 err)"; fi
  done
  [ -n "$several" ] || skip "task $name in several processes" "no mpirun here, or no MPI in this build"
}

# damaged KEY TEXT: the file "model" with another text under that key, without the checksums that would tell.
damaged() {
  python3 - "$1" "$2" <<'PYTHON'
import json, struct, sys
data = open("model", "rb").read()
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

# A model of another application, which is refused.
printf '1\tthe\t_\tD\t_\t_\t_\t_\t_\t_\n' >another.conllu
run train tag --data another.conllu --word-size 2 --letter-size 0 --hidden 2 --steps 1 --checkpoint another --quiet || fail "a model of another application" "exit $?"

# How many processes a training is tried with, where it can be.
several=""
if have_mpirun && ! processes 2 "$seqgpu" train adding --T 4 --hidden 2 --batch 2 --steps 1 --quiet 2>&1 | grep -q "no MPI"; then several="2 4"; fi
