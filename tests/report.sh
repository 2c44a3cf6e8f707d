# report.sh - sourced by the test scripts: each check is one line, "pass NAME", "FAIL NAME: why" or "skip
# NAME: why", and the last line of a script is the sum, as tests/run.sh reads it.
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); echo "pass $1"; }
fail() { failed=$((failed + 1)); echo "FAIL $1: $2"; }
skip() { skipped=$((skipped + 1)); echo "skip $1: $2"; }

# check NAME COMMAND...: the command succeeds.  Its output is in $temp/log, a folder that the script makes.
check() {
  name=$1
  shift
  if "$@" >"$temp/log" 2>&1; then pass "$name"; else fail "$name" "$(tail -n 3 "$temp/log" | tr '\n' ' ')"; fi
}

# take FILE NAME: the checks of a program that ran become checks of this script.
take() {
  grep -E '^(pass|FAIL|skip) ' "$1"
  passed=$((passed + $(grep -c '^pass ' "$1"))) failed=$((failed + $(grep -c '^FAIL ' "$1")))
  grep -qE '^[0-9]+ passed, ' "$1" || fail "$2" "$(tail -n 3 "$1" | tr '
' ' ')"
}

# The last call of a script.
finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ]
}
