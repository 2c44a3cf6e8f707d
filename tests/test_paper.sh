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
  found=$(grep '^| run |' -A 999 "results/$1.md" | grep -c '^| [^|]* | [0-9]')
  if [ "$found" != "$2" ]; then fail "$1 is published" "$found rows, not $2"
  elif ! grep -q '</svg>' "results/$1.svg"; then fail "$1 is published" "no chart"
  elif grep -q 'commit unknown\|unknown processor' "results/$1.md"; then fail "$1 is published" "origin unknown"
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
check "careful first weights" sh "$paper/careful.sh" 0.02 10 4 2
published careful-adding-T10 4
published careful-memory-5bit-T10 4
check "careful first weights of another task" sh -c '! sh "$1/careful.sh" 0.02 10 4 2 xor 2>error && grep -q "must be adding or memory-5bit" error' sh "$paper"
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
check "continual Reber grammar" sh "$paper/reber.sh" 2 3 1000
published continual-reber 12
check "variants of the LSTM" sh "$paper/variants.sh" 1 2 text
variants=9
"$seqgpu" train charlm --help | grep -q -e --full-gate-recurrence || variants=8
published lstm-variants $variants
check "what the build lacks is skipped once, by its name" test "$(grep -c '^skipped: FGR' results/lstm-variants.md)" = $((9 - variants))
check "dropout of recurrent layers" sh "$paper/dropout.sh" 1 2 text
published recurrent-dropout 8
# images FILE COUNT, labels FILE COUNT (at most 255): IDX files of a text's bytes, and of 8 classes in turn.
images() {
  { printf '\0\0\010\003\0\0\0%b\0\0\0\034\0\0\0\034' "\\0$(printf %o "$2")"
    yes "$(cat text)" | head -c $((784 * $2)); } | gzip >"$1"
}
labels() {
  { printf '\0\0\010\001\0\0\0%b' "\\0$(printf %o "$2")"
    for i in $(seq "$2"); do printf '%b' "\\0$((i % 8))"; done; } | gzip >"$1"
}
rows=6
python3 -c 'import torch, numpy' 2>/dev/null && rows=7
check "normalisation, a text" sh "$paper/normalisation.sh" text 1 2 text
published normalisation-text $rows
check "what PyTorch does is there, or skipped once by its name" test "$(grep -c '^skipped: PyTorch LSTM' results/normalisation-text.md)" = $((7 - rows))
mkdir -p data/mnist
if command -v gzip >/dev/null; then
  for set in train t10k; do
    images data/mnist/$set-images-idx3-ubyte.gz 120
    labels data/mnist/$set-labels-idx1-ubyte.gz 120
  done
fi
if "$seqgpu" train pixels --images data/mnist/t10k-images-idx3-ubyte.gz --labels data/mnist/t10k-labels-idx1-ubyte.gz --batch 2 --device cpu \
  --dry-run >/dev/null 2>&1; then
  check "normalisation, digits" env SEQGPU_DATA="$work/data" sh "$paper/normalisation.sh" digits 1 2
  published normalisation-digits $rows
  check "the plain LSTM comes to its own loss" grep -q '^| LSTM.*, seed 1 |.* 2 | [0-9.e+]* | 2 |$' results/normalisation-digits.md
  check "application frames" env SEQGPU_DATA="$work/data" sh "$paper/applications.sh" frames 1 1
  published frames 1
  check "frames has the accuracies of the test set, and a picture of four clips" sh -c '
    grep -q "^| LSTM, seed 1 | [0-9]* | [01][0-9.]* | [01][0-9.]* | " results/frames.md && [ "$(grep -c "text-anchor=\"end\"" results/frames-clips.svg)" = 4 ]'
else
  skip "normalisation, digits; frames" "no gzip, or no zlib"
fi
check "a task that is not there" sh -c '! sh "$1/normalisation.sh" words 2>error && grep -q "neither digits nor text" error' sh "$paper"
check "applications without data are skipped by name" sh -c '
  for name in tag words sentiment questions frames write; do SEQGPU_DATA=/nonexistent sh "$1/applications.sh" $name 1 1 | grep -q "^skipped: $name: there is no" || exit 1; done' sh "$paper"
printf '%s\n' 'int f(int a);' 'struct s {' '  int a[3];' '};' 'x = g(1,' '  (2);' 'char *s = "\"(", c = '"'('"';  // (' '/* (' '( */ y = (z];' ')' >brackets
check "brackets: lines that open one, balanced in the line and in the text" sh -c '
  [ "$(awk -f "$1/brackets.awk" brackets)" = "{\"lines_that_open\": 6, \"balanced_in_line\": 0.5, \"balanced_in_text\": 0.833333, \"stray\": 1}" ]' sh "$paper"
printf '%s\n' '\newcommand{\a}[1]{x#1}' '\begin{b} % {' '50\% {' 'x} \{ (' '\\{' >braces
check "brackets of LaTeX: braces alone, without comments and what a backslash takes" sh -c '
  [ "$(awk -v language=latex -f "$1/brackets.awk" braces)" = "{\"lines_that_open\": 4, \"balanced_in_line\": 0.5, \"balanced_in_text\": 0.75, \"stray\": 0}" ]' sh "$paper"
check "an application that is not there" sh -c '! sh "$1/applications.sh" chess 2>error && grep -q "must be tag, " error' sh "$paper"
check "nor is one on what was found" sh -c '! sh "$1/found.sh" chess 2>error && grep -q "must be source, " error' sh "$paper"
check "what is not found is skipped by name" sh -c '
  for name in latex emoji stamps spanish; do
    LATEX=/nonexistent STAMPS=/nonexistent SEQGPU_DATA=/nonexistent sh "$1/found.sh" $name 1 1 | grep -q "^skipped: $name: there is no" || exit 1
  done' sh "$paper"
mkdir latex
awk 'BEGIN { for (i = 0; i < 15000; i++) print "\\newcommand{\\name" i % 7 "}[1]{\\textbf{#1}}" }' >latex/a.sty
check "found: LaTeX" env LATEX="$work/latex" UPDATES=2 LETTERS=40 sh "$paper/found.sh" latex 1 1
published latex 1
mkdir -p data/emoji/png
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do # pictures of a pixel
  echo iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg== | base64 -d >data/emoji/png/$n.png
  printf '    "unicode": "%s",\n    "name": "Red dot %s",\n' $n $((n % 3))
done >data/emoji/index.json
printf 'data/emoji/png/1.png\tred\n' >pictures
if "$seqgpu" train caption --data pictures --dry-run --device cpu >/dev/null 2>&1; then
  check "found: emoji" env SEQGPU_DATA="$work/data" sh "$paper/found.sh" emoji 1 1
  published emoji 2
  check "emoji lists what is held out beside what the model says" sh -c '
    [ "$(grep -c "^[0-9]*.png	red dot [0-2]	" results/emoji-captions.txt)" = 2 ]'
else
  skip "found: emoji" "no libpng"
fi
mkdir -p data/pos data/sentiment
for part in train dev test; do
  awk 'BEGIN { for (i = 0; i < 20; i++) printf "1\tthe\t_\tDET\t_\t_\t_\t_\t_\t_\n2\tcat%d\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n", i % 9 }' \
    >data/pos/en_ewt-ud-$part.conllu
  awk 'BEGIN { for (i = 0; i < 20; i++) print i % 2, i % 2 ? "a fine film" : "a dull film" }' >data/sentiment/stsa.binary.$part
  cp data/sentiment/stsa.binary.$part data/sentiment/TREC.$part.all
done
peers=$((rows - 6)) # 1 where there is PyTorch
for row in tag:2:1 sentiment:3:3 questions:3:3; do
  application=${row%%:*} ours=${row#*:} theirs=${row##*:} ours=${ours%:*}
  check "application $application" env SEQGPU_DATA="$work/data" sh "$paper/applications.sh" "$application" 1 1
  published "$application" $((ours + peers * theirs))
  [ $application != sentiment ] || check "$application has a page of what is attended to" grep -q '<span style="background' "results/$application-attention.html"
  check "$application has test accuracies" test "$(grep -c '^| [^|]*, seed 1 | [0-9]* | [01][0-9.]* | ' "results/$application.md")" = $((ours + peers * theirs))
done
if command -v gzip >/dev/null; then
  mkdir -p data/multi30k
  for part in train val test_2016_flickr; do
    for language in de en; do
      awk -v w="$language" 'BEGIN { for (i = 0; i < 20; i++) { s = w; for (k = 0; k < 3 + 9 * (i % 2); k++) s = s " " w (i * 7 + k) % 9; print s } }' |
        gzip >data/multi30k/$part.$language.gz
    done
  done
  check "application translate" env SEQGPU_DATA="$work/data" sh "$paper/applications.sh" translate 1 1
  published translate $((2 + peers))
  check "translate has BLEU by length: a number for each group of the test set, and a picture" sh -c '
    [ "$(grep -c "^| [^|]*attention, seed 1 | [0-9]* | [0-9][0-9.]* | - | [0-9][0-9.]* | - | - | - |$" results/translate-length.md)" = 2 ] &&
    grep -q "words of the source, at most" results/translate-length.svg && grep -q "no attention" results/translate-length.svg'
  mkdir -p data/music
  for part in train valid test; do
    awk 'BEGIN { for (i = 0; i < 20; i++) { for (t = 0; t < 9; t++) printf "%d,%d ", 30 + (i + t) % 7, 50 + t; print "-" } }' | gzip >data/music/JSB_Chorales.$part.txt.gz
  done
  check "application compose" env SEQGPU_DATA="$work/data" sh "$paper/applications.sh" compose 1 1
  published compose $((1 + peers))
  check "compose has nats of the test set, and a piece" sh -c '
    [ "$(grep -c "^| [^|]*, seed 1 | [0-9]* | [1-9][0-9.]* | [1-9][0-9.]* | 5 | " results/compose.md)" = $((1 + $1)) ] && grep -q "</svg>" results/compose-roll.svg' sh "$peers"
else
  skip "applications translate and compose" "no gzip"
fi
awk 'BEGIN { for (i = 0; i < 300; i++) printf "the cat %d sat on the\r\nmat and ran .\r\n\r\n", i % 9 }' >data/warandpeace.txt
check "application words" env SEQGPU_DATA="$work/data" sh "$paper/applications.sh" words 1 1
published words $((1 + peers))
check "words has perplexities of the model, of n-grams, and of both" grep -q '^| LSTM, seed 1 | [0-9]* | [1-9][0-9.]* | [1-9][0-9.]* | [1-9][0-9.]* | ' results/words.md
for task in addition xor; do
  check "Hessian-free, $task" "$BUILD/bin/paper_hf" $task --steps 4 --units 3 --seeds 2 --minutes 0.005 --gradient 20 --curvature 10 \
    --cases 2 --rates 0.1 --results results
  check "hessian-free-$task-T4.md has every run" sh -c '
    [ "$(grep -c "^| Hessian-free | [12] | \(yes\|no\) | [0-9]* | [0-9][0-9]* | " "$1")" = 2 ] &&
    [ "$(grep -c "^| gradient descent, 0.1 | [12] | " "$1")" = 2 ] && grep -q "^- Hessian-free: solved with [0-2] of 2 seeds" "$1"
    ' sh "results/hessian-free-$task-T4.md"
  if command -v python3 >/dev/null; then
    check "hessian-free-$task-T4.json is JSON" python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert [row["method"] for row in r["rows"]] == 2 * ["Hessian-free", "gradient descent, 0.1"] and len(r["curves"]) == 4
assert all(row["updates"] > 0 and row["test_loss"] > 0 for row in r["rows"]), r["rows"]
for row in r["rows"][::2]:
    assert row["cg_steps"] == sum(row["cg_steps_of_updates"]) > 0 and len(row["cg_steps_of_updates"]) == row["updates"], row
    assert row["test_loss_over_time"][-1] == row["test_loss"]
assert r["rows"][1]["seconds"] < 2 * r["rows"][0]["seconds"] + 0.1, r["rows"]' "results/hessian-free-$task-T4.json"
  else
    skip "hessian-free-$task-T4.json is JSON" "no python3"
  fi
done
check "gradient flow" "$BUILD/bin/paper_flow" --steps 60 --units 16 --seeds 1 --results results
if [ "$(grep -c '^| [0-9.]* | [0-9]' results/gradient-flow.md) $(grep -c '^| [A-Za-z]' results/gradient-flow.md)" = "8 12" ]; then pass "a row for each radius and kind"
else fail "a row for each radius and kind" "$(cat results/gradient-flow.md)"; fi
if [ "$(grep -c '>0</text>' results/gradient-flow.svg)" = 1 ] && grep -q '10⁻' results/gradient-flow.svg; then pass "a logarithmic axis names its small numbers"
else fail "a logarithmic axis names its small numbers" "$(grep -c '>0</text>' results/gradient-flow.svg) zeros"; fi
if command -v python3 >/dev/null; then
  check "gradient-flow.json says what theory says" python3 -c '
import json, math
r = json.load(open("results/gradient-flow.json"))
for rate in r["rates"]:
    assert abs(rate["measured_radius"] / rate["spectral_radius"] - 1) < 1e-4, rate
    if not 0.9 < rate["spectral_radius"] < 1.2: # nearer to 1 it takes more steps than these
        assert abs(math.log(rate["product_factor"]) / math.log(rate["spectral_radius"]) - 1) < 0.1, rate
n = {n["name"]: n for n in r["networks"]}
assert n["LSTM version 0"]["steps_off_1"] == 0 and n["LSTM version 1"]["steps_off_1"] == 59
assert n["uRNN, b = 0"]["largest_change"] < 1e-4 < n["uRNN"]["largest_change"]'
else
  skip "gradient-flow.json says what theory says" "no python3"
fi
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

# ---------------------------------------------------------------------- runs that differ in their seeds
# Two groups; the second run of b has ended early, and its last loss is not a number.
mkdir seeds
: >seeds/skipped
printf 'a, seed %d\tseeds/a%d\t5\tcommand\n' 1 1 2 2 3 3 >seeds/runs
printf 'b, seed %d\tseeds/b%d\t5\tcommand\n' 1 1 2 2 >>seeds/runs
log() { name=$1; shift; step=0; for loss in "$@"; do step=$((step + 10)); echo "{\"step\": $step, \"loss\": $loss}"; done >"seeds/$name"; }
log a1 5 1
log a2 6 2
log a3 7 6
log b1 9 6 5
log b2 7 8
sed -i '2s/8/null/' seeds/b2
check "runs of several seeds" "$BUILD/bin/paper_collect" seeds --name seeds --title t --about a --y loss --columns loss:last --beside a \
  --results results
check "mean, deviation, range" grep -q '^| a | 3 | 3 ± 2.6 (1 to 6) | +0.00 % |$' results/seeds.md
check "beside another group" grep -q '^| b | 2 | 6 ± 1.4 (5 to 7) | +100.00 % |$' results/seeds.md
check "every run stands there" test "$(grep -c '^| [ab], seed [123] | 5 |' results/seeds.md)" = 5
if command -v python3 >/dev/null; then
  check "the chart has means, where all runs have reports" python3 -c '
import json
r = json.load(open("results/seeds.json"))
assert [(c["name"], c["updates"], c["loss"]) for c in r["curves"]] == [("a", [10, 20], [6, 3]), ("b", [10], [8])], r["curves"]
assert r["groups"][0]["loss last"] == {"runs": 3, "mean": 3, "standard deviation": 2.645751, "min": 1, "max": 6}, r["groups"]
assert len(r["runs"]) == 5'
else
  skip "the chart has means, where all runs have reports" "no python3"
fi
check "updates to the goal, of those that come to it" sh -c '
  "$1/paper_collect" seeds --name goal --title t --about a --y loss --columns loss:last --goal 5.5 --results results &&
  grep -q "^| a | 3 | 3 ± 2.6 (1 to 6) | 15 ± 7.1 (10 to 20), 2 of 3 |$" results/goal.md' sh "$BUILD/bin"
printf '{"step": 30, "loss": 6}\n{"step": 30, "loss": 6}\n' >>seeds/a3
if command -v python3 >/dev/null; then
  check "a loss that stays is drawn, one that is reported twice is not" sh -c '
    "$1/paper_collect" seeds --name stays --title t --about a --y loss --results results && python3 -c "
import json
r = json.load(open(\"results/stays.json\"))
assert r[\"curves\"][0][\"updates\"] == [10, 20]
" && sed -n 3p seeds/runs >seeds/one && mkdir one && : >one/skipped && mv seeds/one one/runs &&
    "$1/paper_collect" one --name one --title t --about a --y loss --results results && python3 -c "
import json
assert json.load(open(\"results/one.json\"))[\"curves\"][0][\"loss\"] == [7, 6, 6]"' sh "$BUILD/bin"
else
  skip "a loss that stays is drawn" "no python3"
fi
log b1
check "a run without numbers is counted" sh -c '
  "$1/paper_collect" seeds --name seeds --title t --about a --y loss --columns loss:last --results results &&
  grep -q "^| b | 2 | 7, 1 of 2 |$" results/seeds.md' sh "$BUILD/bin"

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
