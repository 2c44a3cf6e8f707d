#!/bin/sh
# test_pages.sh PROGRAM - what training and models look like elsewhere: the pages of cells and of gradient flow, the
# report of a run, and event files for TensorBoard.  Numbers in them are compared with those of other commands; where
# Chromium is, it shows the pages, and where TensorBoard is, it reads the events ($SEQGPU_TENSORBOARD_PYTHON: a Python that has it).
. "$(dirname "$0")/cli.sh"

equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "is $2, must be $3"; fi; }
has() { if grep -q -e "$2" "$3"; then pass "$1"; else fail "$1" "$2 is not in $3"; fi; }

awk 'BEGIN { for (i = 0; i < 200; i++) printf "%s\n", i % 3 ? "  say \"well & so\" (<b>)" : i % 2 ? "\tand then [it] ran" : "so \"it\" ran" }' >text
train() { "$seqgpu" train charlm --text text --hidden 12 --batch 4 --seq-len 20 --device cpu --threads 1 --optimizer adam --lr 0.01 --quiet "$@"; }
train --steps 100 --eval-every 50 --log-every 10 --sample-every 50 --checkpoint model --log log.jsonl --tensorboard events

# A page of one file: whole, nothing from elsewhere, valid SVG.
check_page() {
  if [ "$(head -n 1 "$1")" = "<!doctype html>" ] && [ "$(tail -n 1 "$1")" = "</html>" ] && ! grep -qE '(src|href)="?(https?:)?//|@import|url\(' "$1"; then
    pass "$1: one file that needs no other"
  else fail "$1: one file that needs no other" "$(head -c 200 "$1")"; fi
  for tag in div table svg pre script head body p; do
    equal "$1: every <$tag> is closed" "$(grep -oE "<$tag[ >]" "$1" | wc -l)" "$(grep -o "</$tag>" "$1" | wc -l)"
  done
}

# ---------------------------------------------------------------- cells

check "a page of cells" "$seqgpu" inspect --checkpoint model --cells text --cells-length 700 --html cells.html --device cpu --threads 1
check_page cells.html
equal "a chart for each gate of each layer" "$(grep -c 'aria-label="gate [ifo] of layer [01]"' cells.html)" 6
equal "a dot for each cell in it" "$(grep -o '<circle' cells.html | wc -l)" 72
for feature in quotes "line position" brackets indentation; do
  if awk -v f="$feature" '$0 ~ "data-feature=\"" f "\"" { on = 1 } on && /<td>/ { gsub("<[^>]*>", " "); r = $3; if (n++ && r > last + 0) bad = 1; last = r } /<\/table>/ { on = 0 }
    END { exit !(n == 10 && !bad && last >= 0) }' cells.html; then pass "ten cells by how they follow $feature"; else fail "ten cells by how they follow $feature" "$(grep -A3 "data-feature=.$feature" cells.html)"; fi
done
head -c 700 text >part # one byte is one token here
"$seqgpu" inspect --checkpoint model --prime-file part --json --device cpu --threads 1 >inspected.json
if command -v python3 >/dev/null; then
  cat >look_at_cells.py <<'END'
import base64, json, re
page = open("cells.html").read()
data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))
text = open("part").read()
assert "".join(data["tokens"]) == text and (data["layers"], data["cells"]) == (2, 12)
raw = base64.b64decode(data["activations"], validate=True)
n, U = 700, 24
assert len(raw) == n * U
cell = [[(b - 256 if b > 127 else b) / 127 for b in raw[u * n:(u + 1) * n]] for u in range(U)]
line, lines = 0, []
for c in text:
    line = 0 if c == "\n" else line + 1
    lines.append(line)
def pearson(x, y):
    mx, my = sum(x) / n, sum(y) / n
    sxy = sum((a - mx) * (b - my) for a, b in zip(x, y))
    return sxy / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** .5
k = data["features"].index("line position")
worst = max(abs(pearson(cell[u], lines) - data["correlation"][k][u]) for u in range(U))
assert worst < 0.02, worst
best = max(range(U), key=lambda u: abs(data["correlation"][k][u]))
assert re.search(r'data-feature="line position".*?#cell-(\d+)', page, re.S).group(1) == str(best)
gates = json.load(open("inspected.json"))["gates"]
shown = re.findall(r"layer (\d), gate (\w)<.*?means: left ([0-9.]+), right ([0-9.]+)<", page, re.S)
assert len(shown) == 6
for layer, gate, left, right in shown:
    g = next(g for g in gates if g["layer"] == int(layer) and g["part"] == gate)
    assert abs(g["below_0.1"] - float(left)) < 2e-3 and abs(g["above_0.9"] - float(right)) < 2e-3, (g, left, right)
END
  check "its numbers are those of the model" python3 look_at_cells.py
else
  skip "its numbers are those of the model" "no python3"
fi
"$seqgpu" train charlm --text text --cell gru --hidden 4 --steps 1 --batch 4 --seq-len 20 --checkpoint gru --quiet --device cpu
check "a page goes to standard output" sh -c '"$1" inspect --checkpoint gru --cells text --cells-length 50 --device cpu >gru.html' sh "$seqgpu"
has "a GRU has gates r and u, and shows h" "A cell shows h\." gru.html
equal "two gates of two layers" "$(grep -c 'aria-label="gate [ru] of layer [01]"' gru.html)" 4
"$seqgpu" train charlm --text text --cell rnn --hidden 4 --steps 1 --batch 4 --seq-len 20 --checkpoint rnn --quiet --device cpu
"$seqgpu" inspect --checkpoint rnn --cells text --cells-length 50 --device cpu >rnn.html
has "a cell without gates" "no gates" rnn.html
printf 'ab' >flat
"$seqgpu" inspect --checkpoint rnn --cells flat --device cpu >flat.html 2>err
has "a text without quotes has no scores for them" "The same everywhere" flat.html
refused "a file that is no page is kept" 1 "part: is there and is no HTML page" inspect --checkpoint model --cells text --html part
cp cells.html kept.html
ln -s kept.html link.html
check "a page is replaced where a link leads to" sh -c '"$1" inspect --checkpoint gru --cells text --cells-length 50 --html link.html --device cpu && [ -L link.html ] && ! cmp -s kept.html cells.html' sh "$seqgpu"
rm -f kept.html link.html
refused "a page that is read is not replaced" 1 "they must be two files" inspect --checkpoint model --cells cells.html --html ./cells.html
refused "no folder for the page" 1 "cannot write" inspect --checkpoint model --cells text --html no/cells.html
printf 'a' >single
refused "a text of one token" 1 "at least 2" inspect --checkpoint model --cells single
rm -f single flat

# ---------------------------------------------------------------- gradient flow

flow() { "$seqgpu" inspect --gradient-flow --hidden 16 --seq-len 30 --device cpu --threads 1 "$@"; }
check "a page of gradient flow" flow --html flow.html
check_page flow.html
equal "charts of norms and of steps for each kind" "$(grep -c 'aria-label="norms, ' flow.html) $(grep -c 'aria-label="steps, ' flow.html)" "8 8"
equal "the gradient of c and its path, for two LSTMs" "$(sed -n '/aria-label="norms, LSTM/,/<\/svg>/p' flow.html | grep -c 'data-curve="c"\|data-curve="path"')" 4
equal "a point for each step" "$(sed -n '/aria-label="norms, GRU/,/<\/svg>/s/.*data-curve="h" d="\([^"]*\)".*/\1/p' flow.html | tr 'L' '\n' | wc -l)" 30
check "the same twice" sh -c '"$1" inspect --gradient-flow --hidden 16 --seq-len 30 --device cpu --threads 1 --html again.html && cmp flow.html again.html' sh "$seqgpu"
check "of three states" sh -c '"$1" inspect --gradient-flow --cell lstm --full-gate-recurrence --hidden 6 --seq-len 9 --device cpu --html three.html &&
  [ "$(grep -c "class=.q." three.html)" = 3 ] && ! grep -q "class=.q." flow.html' sh "$seqgpu"
check "a model's" "$seqgpu" inspect --checkpoint model --gradient-flow --prime-file part --seq-len 40 --html flow2.html --device cpu --threads 1
check_page flow2.html
equal "charts for each layer" "$(grep -c 'aria-label="norms, lstm, layer [01]"' flow2.html)" 2
"$seqgpu" train copy --T 4 --hidden 6 --steps 2 --batch 3 --quiet --device cpu --threads 1 --checkpoint copy
"$seqgpu" inspect --checkpoint copy --gradient-flow --device cpu >table
has "of a task's model, to the last step of a sequence" "loss at step 24," table
flow --json >flow.json
flow --cell urnn --json --seq-len 3 >single.json
head -c 41 text >begin
head -c 40 text >known
if command -v python3 >/dev/null; then
  "$seqgpu" inspect --checkpoint model --gradient-flow --prime-file begin --json --device cpu --threads 1 >model.json
  for file in begin known; do "$seqgpu" eval --checkpoint model --text $file --batch 1 --json --device cpu --threads 1 >$file.json; done
  cat >look_at_flow.py <<'END'
import json, math, re
page = open("flow.html").read()
networks = json.load(open("flow.json"))["networks"]
assert len(networks) == 8 and all(n["steps"] == 30 and n["hidden"] == 16 for n in networks)
def of(name, state=0):
    n = next(n for n in networks if n["name"] == name)
    return n["layers"][0], n["layers"][0]["states"][state]
for n in networks:
    for s in n["layers"][0]["states"]:
        assert len(s["log10_gradient"]) == 30 and len(s["log10_singular"]) == 29
        assert len(s["log10_product"]) == len(n["product_steps"]) == 29
    assert abs(n["layers"][0]["states"][0]["log10_gradient"][-1]) < 1e-9, "F is u . h_T with |u| = 1"
layer, h = of("RNN, radius 0.9")
assert abs(layer["spectral_radius"] - 0.9) < 1e-4 and 0.8 < h["product_factor"] < 0.95, layer
# dh_T/dh_t for t = T-1 is the Jacobian of the last step.
for name in ("RNN, radius 0.9", "GRU", "uRNN"):
    s = of(name)[1]
    assert abs(s["log10_product"][-1] - s["log10_singular"][-1]) < 1e-3, name
assert of("LSTM version 0")[0]["log10_path_most"] == of("LSTM version 0")[0]["log10_path_least"] == [0] * 30
path = of("LSTM version 1")[0]["log10_path_most"]
assert path[-1] == 0 and all(x < y for x, y in zip(path, path[1:]))
assert abs(of("orthogonal RNN")[1]["gradient_factor"] - 1) < 0.01
rows = re.findall(r"<tr><td>(RNN, radius 0.9|GRU)</td><td>0</td><td>h</td><td>[^<]*</td><td>([^<]*)</td>", page)
assert len(rows) == 2
for name, factor in rows:
    assert abs(float(factor) - of(name)[1]["product_factor"]) < 1e-5
assert [len(n["layers"]) for n in json.load(open("single.json"))["networks"]] == [1]
# F of a text is what its last character adds to the loss of eval.
def total(name):
    r = json.load(open(name))
    return r["tokens"] * r["loss"]
loss = json.load(open("model.json"))["loss"]
assert abs(total("begin.json") - total("known.json") - loss) < 1e-5, (total("begin.json") - total("known.json"), loss)
END
  check "numbers of the flow are what they must be" python3 look_at_flow.py
else
  skip "numbers of the flow are what they must be" "no python3"
fi
refused "neither a model nor a flow" 2 "--checkpoint: is missing" inspect
refused "a text without a model" 2 "--prime: has no effect without --checkpoint" inspect --gradient-flow --prime x
refused "a network's option without a flow" 2 "--hidden: has no effect without --gradient-flow" inspect --checkpoint model --hidden 4
refused "by its old name, too" 2 "--coupled: has no effect without" inspect --checkpoint model --coupled
refused "an option of one cell for all kinds" 2 "--init: has no effect without --cell" inspect --gradient-flow --init irnn
refused "a model has its own cell" 2 "--cell: is what the model" inspect --checkpoint model --gradient-flow --cell gru
refused "two pages at once" 2 "excludes --gradient-flow" inspect --checkpoint model --gradient-flow --cells text
refused "one step has no flow" 2 "from 2 to" inspect --gradient-flow --seq-len 1
refused "nor have two tokens" 1 "has 2 tokens" inspect --checkpoint model --gradient-flow --prime so
refused "a task reads no text" 2 "reads no text" inspect --checkpoint copy --gradient-flow --prime so
refused "a bias that is none" 2 "--forget-bias: is \"x\"" inspect --gradient-flow --cell lstm --forget-bias x
refused "a scheme that the cell has no weights for" 1 "does not have" inspect --gradient-flow --cell urnn --init orthogonal
refused "an option that the cell lacks" 1 "peephole" inspect --gradient-flow --cell rnn --peephole
refused "more than there is memory" 1 "out of memory" inspect --gradient-flow --cell rnn --hidden 400000
refused "states that are not finite" 1 "h after step [0-9]*: element" inspect --gradient-flow --cell rnn --activation relu --init careful --init-scale 30 --seq-len 200 --input-scale 1
refused "no file for the page of a flow" 1 "cannot write" inspect --gradient-flow --hidden 4 --seq-len 3 --html no/flow.html
"$seqgpu" train charlm --text text --cell lstm --zoneout-cell 0.5 --hidden 4 --steps 1 --batch 4 --seq-len 20 --checkpoint zoneout --quiet --device cpu
refused "zoneout draws another Jacobian each time" 1 "has zoneout" inspect --checkpoint zoneout --gradient-flow
"$seqgpu" train charlm --text text --cell lstm --batch-norm-steps 3 --hidden 4 --steps 1 --batch 4 --seq-len 20 --checkpoint normed --quiet --device cpu
refused "no sequence has a Jacobian of its own" 1 "batch normalisation" inspect --checkpoint normed --gradient-flow
check "gradient flow through layer normalisation" "$seqgpu" inspect --gradient-flow --cell gru --layer-norm --hidden 4 --seq-len 5

# ---------------------------------------------------------------- the report

check "a report" "$seqgpu" report log.jsonl --html report.html
check_page report.html
for title in loss bits_per_char "gradient norm" "learning rate"; do has "chart of $title" "aria-label=\"$title\"" report.html; done
equal "curves of training and validation" "$(grep -c 'data-curve="training"' report.html) $(grep -c 'data-curve="validation"' report.html)" "4 2"
equal "a point for each report" "$(sed -n '/aria-label="gradient norm"/,/<\/svg>/s/.*data-curve="training" d="\([^"]*\)".*/\1/p' report.html | tr 'L' '\n' | wc -l)" 10
has "the last loss" "<tr><td>loss</td><td>$(sed -n 's/.*"loss": \([^,]*\), "val_loss.*/\1/p' log.jsonl | tail -1)</td></tr>" report.html
equal "samples" "$(grep -c 'after update \(50\|100\)<' report.html)" 2
check "--log FILE is the same" sh -c '"$1" report --log log.jsonl | cmp - report.html' sh "$seqgpu"
(cat log.jsonl; printf '{"step": 200, "loss": 1.') >cut.jsonl
check "a last line that is being written is left out" sh -c '"$1" report cut.jsonl | sed "s/cut\.jsonl/log.jsonl/" | cmp - report.html' sh "$seqgpu"
(cat log.jsonl; sed -n '3,$p' log.jsonl) >twice.jsonl
check "steps that come again count once" sh -c '"$1" report twice.jsonl | sed "s/twice\.jsonl/log.jsonl/" | cmp - report.html' sh "$seqgpu"
printf '{"step": 1, "loss": 2, "odd<&": 3, "val_odd<&": 4}\n{"step": 2, "sample": "<script>x\\u0007\\u00e9\\n"}\n' >odd.jsonl
"$seqgpu" report odd.jsonl >odd.html
has "texts of the log are text" "&lt;script&gt;x $(printf '\303\251')" odd.html
has "names, too" 'aria-label="odd&lt;&amp;"' odd.html
(cat log.jsonl; echo '{"step": 3, "loss": }'; echo '{"step": 4}') >wrong.jsonl
refused "a line that is no report" 1 "wrong.jsonl: line 13 is no report" report wrong.jsonl
refused "no log at all" 1 "text: line 1 is no report" report text
: >empty
refused "an empty log" 1 "no reports" report empty
refused "a log that is missing" 1 "nobody: cannot open" report nobody
refused "report without a log" 2 "--log" report
rm -f cut.jsonl twice.jsonl odd.jsonl wrong.jsonl

# ---------------------------------------------------------------- in a browser

browser=
for name in chromium chromium-browser google-chrome; do
  command -v $name >/dev/null && [ -z "$browser" ] && browser=$name
done
# dom FILE: the page after its scripts ran.
dom() { timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --dump-dom "file://$work/$1" 2>/dev/null; }
echo '<!doctype html><p id=a></p><script>a.textContent = 6 * 7</script>' >probe.html
if [ -z "$browser" ]; then skip "in a browser" "no Chromium"
elif ! dom probe.html | grep -q '>42<'; then skip "in a browser" "$browser does not run here"
else
  dom cells.html >shown
  equal "a browser shows every token" "$(grep -o '<span title="[^"]*" style="background' shown | wc -l)" 700
  best=$(sed -n 's/.*"first": \([0-9]*\),.*/\1/p' cells.html)
  equal "and first the cell that tells most" "$(sed -n 's/.*id="layer">\([0-9]*\)<.*id="unit">\([0-9]*\)<.*/\1 \2/p' shown)" "$((best / 12)) $((best % 12))"
  # Right three times, left once, down: two cells on, in the other layer.
  sed 's#^</body>#<script>for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown"]) document.dispatchEvent(new KeyboardEvent("keydown", {key}))</script></body>#' cells.html >keys.html
  dom keys.html >shown
  equal "keys flip through the cells" "$(sed -n 's/.*id="layer">\([0-9]*\)<.*id="unit">\([0-9]*\)<.*/\1 \2/p' shown)" "$(((best + 14) % 24 / 12)) $(((best + 14) % 24 % 12))"
  dom flow.html >shown
  equal "a browser shows the charts of gradient flow" "$(grep -c '<svg viewBox' shown)" 16
  dom report.html >shown
  equal "a browser shows the report" "$(grep -c '<svg' shown)" 4
fi
rm -rf browser shown keys.html probe.html

# ---------------------------------------------------------------- TensorBoard

equal "one event file" "$(ls events | wc -l)" 1
equal "its first record is the version" "$(head -c 60 events/* | tail -c +13 | LC_ALL=C grep -a -o 'brain.Event:2')" brain.Event:2
equal "the length of that record" "$(od -An -tu8 -N8 events/* | tr -d ' ')" 26
python=${SEQGPU_TENSORBOARD_PYTHON:-python3}
if command -v "$python" >/dev/null && "$python" -c 'import tensorboard' 2>/dev/null; then
  cat >look_at_events.py <<'END'
import glob, json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
rows = [json.loads(line) for line in open("log.jsonl")]
reports, samples = [r for r in rows if "loss" in r], [r for r in rows if "sample" in r]
a = EventAccumulator("events", size_guidance={"scalars": 0, "tensors": 0})
a.Reload()
def scalars(tag):
    if tag in a.Tags()["scalars"]:
        return [(e.step, e.value) for e in a.Scalars(tag)]
    return [(e.step, float(e.tensor_proto.float_val[0])) for e in a.Tensors(tag)]
for tag, key in [("loss/training", "loss"), ("loss/validation", "val_loss"), ("bits_per_char/training", "bits_per_char"),
                 ("gradient norm", "grad_norm"), ("learning rate", "lr"), ("tokens per second", "tokens_per_s")]:
    wanted = [(r["step"], r[key]) for r in reports if r[key] is not None]
    got = scalars(tag)
    assert [s for s, _ in got] == [s for s, _ in wanted], (tag, got, wanted)
    assert all(abs(x - y) <= 2e-5 * abs(y) for (_, x), (_, y) in zip(got, wanted)), (tag, got, wanted)
texts = [(e.step, e.tensor_proto.string_val[0].decode("utf-8", "replace")) for e in a.Tensors("sample/text_summary" if "sample/text_summary" in a.Tags()["tensors"] else "sample")]
assert texts == [(s["step"], s["sample"]) for s in samples], texts
records = list(RawEventFileLoader(glob.glob("events/*")[0]).Load()) # checks every CRC
assert len(records) == 1 + len(rows) and Event.FromString(records[0]).file_version == "brain.Event:2"
END
  check "TensorBoard reads the numbers of the log" "$python" look_at_events.py
else
  skip "TensorBoard reads the numbers of the log" "no tensorboard for $python"
fi
train --steps 20 --checkpoint model2 --tensorboard events
equal "another run is another file" "$(ls events | wc -l)" 2
refused "a folder that cannot be made" 1 "no/events: cannot create" train charlm --text text --steps 2 --batch 4 --seq-len 20 --tensorboard no/events --log newlog
refused "a file for a folder" 1 "text" train charlm --text text --steps 2 --batch 4 --seq-len 20 --tensorboard text --log newlog

finish_cli
