#!/bin/sh
# test_readme.sh BUILD_FOLDER SOURCE_FOLDER - the programs of README.md compile with the installed headers.
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

lines_at_most_40() { [ "$(grep -c . "$1")" -le 40 ]; }

check "install" cmake --install "$build" --prefix "$temp/usr"
libdir=$(dirname "$(find "$temp/usr" -name libseqgpu.so | head -n 1)")
for program in train stream esn; do
  block $program >"$temp/$program.c"
  check "README $program: at most 40 lines" lines_at_most_40 "$temp/$program.c"
  check "README $program: compiles" cc -std=c17 -Wall -Wextra -I"$temp/usr/include" "$temp/$program.c" -L"$libdir" -lseqgpu \
    -Wl,-rpath,"$libdir" -o "$temp/$program"
  check "README $program: runs" "$temp/$program"
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
