# applications.sh - what the tests of the applications share (test_applications_*.sh), each of which learns a toy of its own, resumes
# bit for bit, is measured and used, and says in one sentence what is wrong; sourced with the program as $1.
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
