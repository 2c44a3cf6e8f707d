#!/bin/sh
# test_readme.sh BUILD_FOLDER SOURCE_FOLDER - host/examples compile with the installed headers and run, and README.md quotes them.
#
# The library is installed into a temporary folder first, so this also tests the installation, its pkg-config
# file and its CMake package, each with the shared and with the static library.
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
for program in train stream esn; do
  check "examples/$program.c runs" sh -c '"$1" >"$1.txt"' sh "$temp/$program"
done
check "examples/train.c learns its sentence" learnt "$temp/train.txt"
check "examples/checkpoint.c runs" sh -c '"$1" "$2" >"$1.txt"' sh "$temp/checkpoint" "$temp/model.safetensors"
check "examples/checkpoint.c lists what it saved" grep -q '^lstm.weight_hh_l0 *F32 256 elements' "$temp/checkpoint.txt"

# Every header compiles on its own, as C and as C++, without a warning.
for header in "$temp"/usr/include/seqgpu/*.h; do
  public=seqgpu/$(basename "$header")
  echo "#include <$public>" >"$temp/one.c"
  check "$public as C" cc -std=c17 -Wall -Wextra -pedantic -Werror -I"$temp/usr/include" -fsyntax-only "$temp/one.c"
  check "$public as C++" c++ -std=c++17 -Wall -Wextra -Werror -I"$temp/usr/include" -fsyntax-only -x c++ "$temp/one.c"
done

# Through pkg-config as a user would link, then without the shared library, so that -lseqgpu is libseqgpu.a.
linked() { # NAME PKG_CONFIG_OPTION
  # shellcheck disable=SC2046
  check "pkg-config$2: links" cc -std=c17 "$temp/stream.c" -o "$temp/$1" $(pkg-config --cflags --libs $2 seqgpu)
  check "pkg-config$2: runs" env LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$temp/$1"
}

uses_no_shared_seqgpu() { ! ldd "$1" | grep libseqgpu; }

if command -v pkg-config >/dev/null 2>&1; then
  PKG_CONFIG_PATH=$libdir/pkgconfig
  export PKG_CONFIG_PATH
  check "pkg-config finds seqgpu" pkg-config --exists --print-errors seqgpu
  linked stream_shared ""
  mkdir "$temp/aside"
  mv "$libdir"/libseqgpu.so* "$temp/aside"
  linked stream_static " --static"
  check "pkg-config --static: the program holds the library" uses_no_shared_seqgpu "$temp/stream_static"
  mv "$temp/aside"/* "$libdir"
else
  skip "static link through pkg-config" "no pkg-config here"
fi

# find_package: the same program with each library.
mkdir -p "$temp/consumer"
cat >"$temp/consumer/CMakeLists.txt" <<'END_OF_CMAKE'
cmake_minimum_required(VERSION 3.21)
project(consumer C)
find_package(seqgpu 0.2 REQUIRED)
foreach(library seqgpu seqgpu_static)
  add_executable(stream_${library} ../stream.c)
  target_link_libraries(stream_${library} PRIVATE seqgpu::${library})
endforeach()
END_OF_CMAKE
check "find_package: configures" cmake -S "$temp/consumer" -B "$temp/consumer/build" -DCMAKE_PREFIX_PATH="$temp/usr"
check "find_package: builds" cmake --build "$temp/consumer/build"
for library in seqgpu seqgpu_static; do
  check "find_package: $library runs" "$temp/consumer/build/stream_$library"
done
finish
