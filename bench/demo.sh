#!/bin/sh
# demo.sh - the main job in one command: sh bench/demo.sh [--text FILE] [--minutes M]
#
# Installs what is missing, builds, checks the CUDA kernels against the float64 reference (on the GPU if
# there is one, else on the SIMT emulator), trains a character model on real text, samples from it, and
# leaves build-demo/report.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
build=$root/build-demo
text=
minutes=0.9
. "$root/tests/setup.sh"

while [ $# -gt 0 ]; do
  case $1 in
    --text) text=${2:?--text needs a file}; shift 2 ;;
    --minutes) minutes=${2:?--minutes needs a number}; shift 2 ;;
    *) echo "usage: sh bench/demo.sh [--text FILE] [--minutes M]" >&2; exit 2 ;;
  esac
done
if [ -n "$text" ] && [ ! -r "$text" ]; then
  echo "demo.sh: cannot read the text file $text" >&2
  exit 1
fi

# Real prose that every Debian has: its licences and the copyright files of its packages, at most 1 MB.  Each
# paragraph appears once, lists of files (paragraphs of many pages) are left out, and the order is shuffled so
# that the held-out end resembles the rest.
default_text() {
  find /usr/share/common-licenses /usr/share/doc/*/copyright -type f -exec cat {} + 2>/dev/null |
    LC_ALL=C awk 'BEGIN { RS = ""; srand(1) }
      length($0) > 60 && length($0) < 2000 && !seen[$0]++ { text[n++] = $0 }
      END { while (n > 0) { i = int(rand() * n); print text[i] "\n"; text[i] = text[--n] } }' |
    head -c 1000000 >"$build/text.txt" || true
  [ "$(wc -c <"$build/text.txt")" -gt 20000 ] || cat "$root/README.md" "$root/LICENSE" >"$build/text.txt"
  echo "$build/text.txt"
}

install_missing
need_tools
mkdir -p "$build"
cuda=OFF
if have nvidia-smi && nvidia-smi -L >/dev/null 2>&1; then cuda=AUTO; fi
say "building in $build (CUDA: $cuda)"
{
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DSEQGPU_TESTS=OFF -DSEQGPU_BENCH=ON -DSEQGPU_CUDA=$cuda
  cmake --build "$build" -j "$(processors)" --target seqgpu_cli check_kernels
} >"$build/build.log" 2>&1 || { tail -n 40 "$build/build.log"; exit 1; }
[ -n "$text" ] || text=$(default_text)

say "CUDA kernels against the float64 reference"
"$build/bin/check_kernels" | tee "$build/kernels.txt"

say "training a 2-layer LSTM on $text ($(wc -c <"$text") bytes) for $minutes minutes"
rm -f "$build/demo.jsonl" # a log is only added to
"$build/bin/seqgpu" train charlm --text "$text" --tokens bytes --cell lstm --layers 2 --hidden 128 --seq-len 50 --batch 50 \
  --optimizer rmsprop --lr 4e-3 --clip 5 --minutes "$minutes" --seed 1 --eval-every 200 --log-every 100 \
  --checkpoint "$build/demo.safetensors" --force --log "$build/demo.jsonl"

say "a sample of the model"
"$build/bin/seqgpu" sample --checkpoint "$build/demo.safetensors" --prime "The " --temperature 0.6 --length 400 --seed 7 |
  tee "$build/sample.txt"
echo

{
  echo "# libseqgpu demo"
  echo
  echo "Device and libraries:"
  echo '```'
  "$build/bin/seqgpu" info
  echo '```'
  echo "Kernels against the reference:"
  echo '```'
  cat "$build/kernels.txt"
  echo '```'
  echo "Training (first and last reports of $build/demo.jsonl):"
  echo '```'
  head -n 3 "$build/demo.jsonl"
  echo ...
  tail -n 2 "$build/demo.jsonl"
  echo '```'
  echo "Sample:"
  echo '```'
  cat "$build/sample.txt"
  echo '```'
} >"$build/report.md"
say "report: $build/report.md"
