#!/bin/sh
# test_paper.sh BUILD - the experiments of bench/paper/ on the smallest settings: files appear, are JSON, and name what
# was skipped; what their charts look like; which commit they state.  Prints "pass NAME" or "FAIL NAME: why", and the
# counts last.
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

# published NAME RUNS: the three files, with RUNS runs in the table.
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
check "temporal order" sh "$paper/temporal_order.sh" 2 2 20
published temporal-order 8
check "temporal order asks every model about other lengths" test "$(grep -c '^| SGD.*seed [12] |.*| [01][0-9.]* | [^-]* | [^-]* | - |$' results/temporal-order.md)" = 6
head -c 6000 "$here/../README.md" >text
check "every cell" sh "$paper/cells.sh" 1 1 9000 text
published cells-charlm $(($("$seqgpu" info --device cpu | sed -n '/^cell /,/^$/p' | sed '1d;/^$/d' | wc -l) + 1))
if [ -d /usr/share/dataset-fashion-mnist ]; then
  skip "digits without images are skipped by name" "there are some"
else
  check "digits without images are skipped by name" sh -c '
    SEQGPU_DATA=/nonexistent sh "$1/digits.sh" 1 1 | grep -q "^skipped: digits"' sh "$paper"
fi
for task in addition xor; do
  check "Hessian-free, $task" "$BUILD/bin/paper_hf" $task --steps 4 --units 3 --seeds 1 --minutes 0.01 --gradient 20 --curvature 10 \
    --cases 2 --rates 0.1 --results results
  if command -v python3 >/dev/null; then
    check "hessian-free-$task-T4.json is JSON" python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert [row["method"] for row in r["rows"]] == ["Hessian-free", "gradient descent, 0.1"] and len(r["curves"]) == 2
assert all(row["updates"] > 0 and row["test_loss"] > 0 for row in r["rows"]), r["rows"]' "results/hessian-free-$task-T4.json"
  else
    skip "hessian-free-$task-T4.json is JSON" "no python3"
  fi
done
mkdir music
for part in train valid test; do
  awk 'BEGIN { for (p = 0; p < 6; p++) { for (t = 0; t < 9 + p; t++) printf "%d,%d ", (t + p) % 12, 40 + t % 3; print "-" } }' \
    >"music/made.$part.txt"
done
check "music" "$BUILD/bin/paper_music" made --data music --units 4 --batch 2 --window 5 --rates 0.1,1 --epochs 2 --seeds 2 --results results
if command -v python3 >/dev/null; then
  check "music-made.json is JSON" python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
runs = [(row["method"], row["rate"], row["seed"]) for row in r["rows"]]
assert len(runs) == 9 and len(set(runs)) == 9 and len(r["curves"]) == 3, runs
assert all(0 < row["test"] < 62 and row["epochs"] <= 2 for row in r["rows"]), r["rows"]' results/music-made.json
else
  skip "music-made.json is JSON" "no python3"
fi
check "music that is not there is skipped by name" sh -c '
  SEQGPU_DATA=/nonexistent sh "$1/music.sh" | grep -q "^skipped: Nottingham"' sh "$paper"
check "music that is not there is refused" sh -c '
  ! "$1/paper_music" made --data nowhere 2>error && grep -q "nowhere/made.train.txt: cannot open" error' sh "$BUILD/bin"
check "a log that is not there is no run that did anything" sh -c '
  mkdir f && printf "a\tnobody\t5\tcommand\n" >f/runs && : >f/skipped &&
  "$1/paper_collect" f --name empty --title t --about a --y loss --columns loss:min,loss --results results &&
  grep -q "| a | 5 | - | - |" results/empty.md' sh "$BUILD/bin"

# ---------------------------------------------------------------------- charts
# Twenty-four curves and a reference in one chart.
mkdir many
: >many/skipped
for i in $(seq 24); do
  printf 'cell %d\tmany/%d\t%d\tcommand\n' "$i" "$i" "$i" >>many/runs
  awk -v i="$i" 'BEGIN { for (s = 1; s <= 30; s++) printf "{\"step\": %d, \"loss\": %g}\n", s, 2 + i / (s + 9) }' >"many/$i"
done
check "a chart of 24 runs" "$BUILD/bin/paper_collect" many --name many --title '24 runs' --about a --y loss --baseline 1 \
  --results results

# styles FILE.svg: "colour dashes fill mark" of each curve, as the sample beside its name shows it.
styles() {
  awk 'function between(text, before) { sub(".*" before, "", text); sub("\".*", "", text); gsub(" ", "_", text); return text }
    /<g class="curve"/ { colour = between($0, " stroke=\"") }
    /stroke-dasharray/ { dashes = between($0, "stroke-dasharray=\"") }
    /<path fill=/ { fill = /"#fff"/ ? "open" : "full"; mark = between($0, " d=\"M[0-9.]* [0-9.]*") }
    /<text/ && colour { print colour, dashes, fill, mark; colour = fill = mark = "" }' "$1"
}
# names FILE.svg: how low the name of each curve stands.
names() { awk '/<g class="curve"/ { inside = 1 } /<text/ && inside { sub(".* y=\"", ""); sub("\".*", ""); print; inside = 0 }' "$1"; }

styles results/many.svg >styles
names results/many.svg | sort -n >names
check "25 curves are drawn" test "$(wc -l <styles)" = 25
check "no two curves look alike" test "$(sort -u styles | wc -l)" = 25
check "no two curves look alike in grey" test "$(sed 's/^[^ ]* //' styles | sort -u | wc -l)" = 25
check "no two names overlap" awk 'NR > 1 && $1 - last < 14 { bad = 1 } { last = $1 } END { exit bad || NR != 25 }' names

# A chart is drawn again from its numbers; of an older file, without "chart", options say how.
cp results/many.svg many.svg
rm results/many.svg
check "a chart is drawn again" "$BUILD/bin/paper_redraw" results/many.json
check "the chart drawn again is the same" cmp results/many.svg many.svg
sed '/"chart": {/,/},/d; s/"reference": 1,//' results/many.json >older.json
check "a chart of an older file" "$BUILD/bin/paper_redraw" older.json --title '24 runs' --references 'nobody;baseline'
check "the chart of an older file is the same" cmp older.svg many.svg
check "a file without curves is refused" sh -c '
  echo "{}" >none.json
  ! "$1/paper_redraw" none.json 2>error && grep -q "none.json has no curves" error' sh "$BUILD/bin"

# ---------------------------------------------------------------------- the commit of a result
# It is the one that was built; the environment stands in only where the build knew none.
built=$(sed -n 's/.*BENCH_COMMIT "\(.*\)".*/\1/p' "$BUILD/generated/bench/common/commit.h")
[ "$built" != unknown ] || built=elsewhere
SEQGPU_COMMIT=elsewhere "$BUILD/bin/paper_collect" f --name origin --title t --about a --y loss --results results
check "results state the commit that was built" grep -q "\"commit\": \"$built\"" results/origin.json
if git --version >/dev/null 2>&1; then
  commit_of() {
    cmake -D SOURCE="$work/tree" -D OUTPUT="$work/commit.h" -P "$here/../bench/common/commit.cmake" >&2
    sed 's/#define BENCH_COMMIT //' commit.h
  }
  mkdir -p tree/bench/results
  check "no commit" test "$(GIT_CEILING_DIRECTORIES=$work commit_of)" = '"unknown"'
  git init -q tree && echo 1 >tree/file && git -C tree add file
  git -C tree -c user.name=t -c user.email=t@example.org commit -qm t
  head=$(git -C tree rev-parse --short=12 HEAD)
  check "a clean tree" test "$(commit_of)" = "\"$head\""
  touch tree/bench/results/new.json
  check "a new result leaves the tree clean" test "$(commit_of)" = "\"$head\""
  echo 2 >tree/file
  check "a changed tree" test "$(commit_of)" = "\"$head-dirty\""
else
  skip "the commit of a tree" "no git"
fi

finish_cli
