# cli.sh - what the tests of the program share; sourced with the program as $1.  Works in a folder of its own.
set -u
. "$(dirname "$0")/report.sh"
seqgpu=$1
case $seqgpu in /*) ;; *) seqgpu=$PWD/$seqgpu ;; esac
if [ ! -x "$seqgpu" ]; then
  echo "FAIL program: $seqgpu is not there"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
work=$(mktemp -d /tmp/seqgpu-cli-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
: >before; : >after; : >out; : >err # there from the start, so that `refused` sees only what is new

# check NAME COMMAND...: the command succeeds.
check() {
  name=$1
  shift
  if "$@" >out 2>err; then pass "$name"; else fail "$name" "exit $?: $(head -c 300 err)"; fi
}

# refused NAME CODE WORDS ARGUMENTS...: the program ends with CODE and one sentence that has WORDS, and leaves nothing.
refused() {
  name=$1 code=$2 words=$3
  shift 3
  : >err
  : >out
  ls -A >before
  "$seqgpu" "$@" >out 2>err
  got=$?
  ls -A >after
  if [ "$got" != "$code" ]; then fail "$name" "exit $got, expected $code: $(head -c 300 err)"
  elif [ "$(wc -l <err)" != 1 ] || ! grep -q '^seqgpu: ' err; then fail "$name" "not one sentence: $(head -c 300 err)"
  elif ! grep -q -e "$words" err; then fail "$name" "\"$words\" is not in: $(cat err)"
  elif ! cmp -s before after; then fail "$name" "files were left: $(diff before after | tr '\n' ' ')"
  else pass "$name"; fi
}

# The last lines of a test: nothing temporary is left, and the counts.
finish_cli() {
  if ls -A | grep -q '\.tmp$'; then fail "no temporary files" "$(ls -A | grep '\.tmp$' | head -3)"; else pass "no temporary files"; fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ]
}
