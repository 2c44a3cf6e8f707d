#!/bin/sh
# test_option.sh SOURCE_FOLDER - a new cell option is three lines in three files: its row in core/options.def, its field in
# seqgpu_rnn_desc, and its bit in the row of a cell (host/doc/adding.md).
#
# They are added to a copy of the sources.  Range check, refusal, command line, help and the metadata of checkpoints
# must then know the option.
set -u
source=$1
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$source/tests/report.sh"
. "$source/tests/setup.sh"

mkdir "$temp/tree"
(cd "$source" && cp -r CMakeLists.txt core kernels host "$temp/tree")

add_option() {
  cd "$temp/tree" || return 1
  echo 'OPTION(TWIST, twist, SIZE, 0, 9, "the cell has no twist", "twist", "N", "rnn: how far it is twisted")' >>core/options.def
  sed -i 's/^} seqgpu_rnn_desc;/  int64_t twist;\n&/' host/include/seqgpu/rnn.h
  sed -i 's/^CELL(rnn, "rnn", "h", "h", SQ_OPTION_ACTIVATION/& | SQ_OPTION_TWIST/' core/cells.def
}

# Three files differ from the sources, by one line each.
three_lines() {
  for file in core/options.def host/include/seqgpu/rnn.h core/cells.def; do
    [ "$(diff "$source/$file" "$temp/tree/$file" | grep -c '^>')" = 1 ] || return 1
  done
}

build_copy() {
  cmake -S "$temp/tree" -B "$temp/build" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-DSEQGPU_NO_CLONES -DSEQGPU_CUDA=OFF -DSEQGPU_TESTS=OFF \
    -DSEQGPU_BENCH=OFF &&
    cmake --build "$temp/build" --target seqgpu_cli -j "$(processors)"
}

seqgpu=$temp/build/bin/seqgpu
train() { # CELL TWIST FILE
  "$seqgpu" train copy --cell "$1" --twist "$2" --hidden 4 --T 2 --batch 2 --steps 1 --eval-size 2 --threads 1 ${3:+--checkpoint "$3"}
}
refused() { # WORDS CELL TWIST
  ! train "$2" "$3" "" >"$temp/out" 2>&1 && grep -q -- "$1" "$temp/out"
}

check "an option is added in three files" add_option
check "one line in each of them" three_lines
check "the sources with the option compile" build_copy
check "a cell that has the option takes it" train rnn 3 ""
check "a cell that lacks it refuses it" refused "twist: the cell has no twist" lstm 3
check "its range is checked" refused "twist" rnn 10
check "--help lists it" sh -c '"$1" train copy --help | grep -q -- "--twist N *rnn: how far"' sh "$seqgpu"
if train rnn 5 "$temp/m.safetensors" >"$temp/out" 2>&1; then
  check "a checkpoint keeps it" sh -c '"$1" inspect --checkpoint "$2" | grep -q "^twist *5"' sh "$seqgpu" "$temp/m.safetensors"
else
  fail "a checkpoint keeps it" "$(tail -n 1 "$temp/out")"
fi
finish
