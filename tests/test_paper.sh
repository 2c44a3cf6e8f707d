#!/bin/sh
# test_paper.sh BUILD - the experiments of bench/paper/ on the smallest settings: files appear, are JSON, and
# say what was skipped.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
here=$(cd "$(dirname "$0")" && pwd)
BUILD=$(cd "$1" && pwd)
export BUILD
set -- "$BUILD/bin/seqgpu"
. "$here/cli.sh"
paper=$here/../bench/paper
RESULTS=$work/results
export RESULTS
mkdir results
if ! git -C "$here" rev-parse HEAD >/dev/null 2>&1; then # a machine without git, or sources from an archive
  SEQGPU_COMMIT=tested
  export SEQGPU_COMMIT
fi

# published NAME RUNS: the three files, with RUNS rows in the table.
published() {
  rows=$(grep -c '^| [^|]* | [0-9]' "results/$1.md")
  if [ "$rows" != "$2" ]; then fail "$1 is published" "$rows rows, not $2"
  elif ! grep -q '</svg>' "results/$1.svg"; then fail "$1 is published" "no chart"
  elif grep -q unknown "results/$1.md"; then fail "$1 is published" "origin unknown"
  else pass "$1 is published"; fi
  if command -v python3 >/dev/null; then
    check "$1.json is JSON" python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert len(r["runs"]) == int(sys.argv[2]) and r["commit"] and r["date"] and r["device"] and r["note"]
assert all(run["step last"] > 0 and run["parameters"] > 0 for run in r["runs"]), r["runs"]' "results/$1.json" "$2"
  else
    skip "$1.json is JSON" "no python3"
  fi
}

cells=3
"$seqgpu" info --device cpu | grep -q '^urnn ' && cells=4
check "copying memory" sh "$paper/copying.sh" 0.2 1 2
published copying-T1 $cells
check "adding" sh "$paper/adding.sh" 0.02 2
published adding-T2 $cells
head -c 6000 "$here/../README.md" >text
check "every cell" sh "$paper/cells.sh" 1 1 9000 text
published cells-charlm $(($("$seqgpu" info --device cpu | sed -n '/^cell /,/^$/p' | sed '1d;/^$/d' | wc -l) + 1))
if [ -d /usr/share/dataset-fashion-mnist ]; then
  skip "digits without images are skipped by name" "there are some"
else
  check "digits without images are skipped by name" sh -c '
    SEQGPU_DATA=/nonexistent sh "$1/digits.sh" 1 1 | grep -q "^skipped: digits"' sh "$paper"
fi
check "a log that is not there is no run that did anything" sh -c '
  mkdir f && printf "a\tnobody\t5\tcommand\n" >f/runs && : >f/skipped &&
  "$1/paper_collect" f --name empty --title t --about a --y loss --columns loss:min,loss --results results &&
  grep -q "| a | 5 | - | - |" results/empty.md' sh "$BUILD/bin"

finish_cli
