#!/bin/sh
# test_readme.sh BUILD_FOLDER SOURCE_FOLDER - host/examples compile with the installed headers and run, and README.md quotes them.
#
# The library is installed into a temporary folder first; test_install.sh looks at the installation itself.
set -u
build=$1
root=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$root/tests/report.sh"

# The block of README.md that begins with ```c NAME
block() { awk -v tag="\`\`\`c $1" '$0 == tag { on = 1; next } /^```/ { on = 0 } on' "$root/README.md"; }

# An example without the comment at its head.
code() { awk '/^#include/ { on = 1 } on' "$root/host/examples/$1.c"; }

quoted() { # NAME LINES: README.md shows this example, in at most so many lines
  block "$1" >"$temp/quoted.c"
  code "$1" | diff - "$temp/quoted.c" && [ "$(wc -l <"$temp/quoted.c")" -le "$2" ]
}

# Below 0.1 nats per letter at the end, where knowing nothing gives ln 128 = 4.9.
learnt() { awk '/^step 100/ { found = 1; if ($3 >= 0.1) exit 1 } END { exit !found }' "$1"; }

check "install" cmake --install "$build" --prefix "$temp/usr"
libdir=$(dirname "$(find "$temp/usr" -name libseqgpu.so | head -n 1)")
check "README quotes train.c, in 28 lines" quoted train 28
check "README quotes stream.c, in 25 lines" quoted stream 25
for source in "$root"/host/examples/*.c; do
  program=$(basename "$source" .c)
  cp "$source" "$temp"
  check "examples/$program.c compiles" cc -std=c17 -Wall -Wextra -Wshadow -Wconversion -Werror -I"$temp/usr/include" "$source" \
    -L"$libdir" -lseqgpu -Wl,-rpath,"$libdir" -o "$temp/$program"
done
for program in train stream esn hessian_free; do
  check "examples/$program.c runs" sh -c '"$1" >"$1.txt"' sh "$temp/$program"
done
check "examples/train.c learns its sentence" learnt "$temp/train.txt"
check "examples/hessian_free.c learns what it heard" sh -c 'tail -n 1 "$1.txt" | awk "{ exit !(\$4 < 0.01) }"' sh "$temp/hessian_free"
check "examples/checkpoint.c runs" sh -c '"$1" "$2" >"$1.txt"' sh "$temp/checkpoint" "$temp/model.safetensors"
check "examples/checkpoint.c lists what it saved" grep -q '^lstm.weight_hh_l0 *F32 256 elements' "$temp/checkpoint.txt"

finish
