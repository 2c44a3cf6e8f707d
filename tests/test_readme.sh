#!/bin/sh
# test_readme.sh BUILD_FOLDER SOURCE_FOLDER - the programs of README.md compile with the installed headers and run.
#
# The library is installed into a temporary folder first, so this also tests the installation and its pkg-config file.
set -u
build=$1
root=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
passed=0
failed=0
skipped=0

check() { # NAME COMMAND...
  name=$1
  shift
  if "$@" >"$temp/log" 2>&1; then
    echo "pass $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name: $(tail -n 3 "$temp/log" | tr '\n' ' ')"
    failed=$((failed + 1))
  fi
}

skip() {
  echo "skip $1: $2"
  skipped=$((skipped + 1))
}

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

if command -v pkg-config >/dev/null 2>&1; then
  check "pkg-config finds seqgpu" env PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config --exists seqgpu
else
  skip "pkg-config finds seqgpu" "no pkg-config here"
fi
mkdir -p "$temp/consumer"
cat >"$temp/consumer/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.21)
project(consumer C)
find_package(seqgpu REQUIRED)
add_executable(stream ../stream.c)
target_link_libraries(stream PRIVATE seqgpu::seqgpu)
END
check "find_package: configures" cmake -S "$temp/consumer" -B "$temp/consumer/build" -DCMAKE_PREFIX_PATH="$temp/usr"
check "find_package: builds" cmake --build "$temp/consumer/build"
check "find_package: runs" "$temp/consumer/build/stream"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
