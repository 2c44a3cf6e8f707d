#!/bin/sh
# test_rooms.sh BUILD_FOLDER SOURCE_FOLDER - the house's two rules of order, read off the object files and the include lines:
#
#   no two files call each other, directly or around a circle     nm and tsort over core/ and host/
#   imports run one way                                            core <- kernels <- host <- bench, tests
#
# A call through a table of functions is no arrow here: the table is.
set -u
build=$1
source=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$source/tests/report.sh"

# Adds "FILE SYMBOL" of what the objects of a part define, and of what they need; FILE as host/plan/map.
names() { # OBJECT_LIBRARY PATH_BELOW
  below=$build/CMakeFiles/$1.dir
  find "$below/$2" -name '*.o' -exec nm -A -g {} + | awk -v below="$below/" -v defined="$temp/defined" -v needed="$temp/needed" '{
    file = substr($0, length(below) + 1)
    sub(/\.c\.o:.*/, "", file)
    print file, $NF >>($(NF - 1) == "U" ? needed : defined)
  }'
}

# Arrows "A B": A needs something that B defines.
arrows() { awk 'FILENAME == ARGV[1] { home[$2] = $1; next } ($2 in home) && home[$2] != $1 { print $1, home[$2] }' \
  "$temp/defined" "$temp/needed" | sort -u; }

circles() { # LIST_OF_ARROWS: succeeds where there is none
  tsort "$1" >/dev/null 2>"$temp/loop"
  ! grep -v 'input contains a loop' "$temp/loop"
}

rooms() { # host/plan/map host/run/rnn -> plan run, without files of the same room
  sed 's#host/\([a-z]*\)/[^ ]*#\1#g' "$1" | awk '$1 != $2' | sort -u
}

if ! command -v nm >/dev/null 2>&1 || ! command -v tsort >/dev/null 2>&1; then
  skip "circles" "no nm or tsort here"
else
  : >"$temp/defined" >"$temp/needed"
  names seqgpu_host host
  names seqgpu_core_f32 core
  names seqgpu_core_once core
  arrows >"$temp/arrows"
  check "the objects of core/ and host/ were found" test "$(wc -l <"$temp/arrows")" -gt 100
  check "no circle between files of core/ and host/" circles "$temp/arrows"
  grep '^host/[a-z]*/[a-z_]* host/' "$temp/arrows" >"$temp/host"
  rooms "$temp/host" >"$temp/rooms"
  check "no circle between the rooms of host/" circles "$temp/rooms"
  : >"$temp/defined"
  : >"$temp/needed"
  names seqgpu_cli host
  arrows >"$temp/arrows"
  check "no circle between files of the program" circles "$temp/arrows"
fi

# Include lines that point up, against the order of the folders.
upward() { # FOLDER PATTERN
  ! grep -rnE "^#include \"($2)/" "$source/$1" --include='*.c' --include='*.h' --include='*.cu' --include='*.def'
}
check "core/ includes core/ alone" upward core "kernels|host|bench|tests|seqgpu"
check "kernels/ include core/ and kernels/ alone, but for the emulator's twin" sh -c \
  '! grep -rnE "^#include \"(host|bench|tests|seqgpu)/" "$1/kernels" | grep -v "tests/simt/"' sh "$source"
check "host/ includes nothing of bench/ and tests/" upward host "bench|tests"
check "includes are written from the root" sh -c \
  '! grep -rnE "^#include \"(\.\./|[a-z_0-9]+\.(h|def)\")" "$1/core" "$1/kernels" "$1/host" "$1/bench" "$1/tests" --include="*.c" --include="*.h" \
     --include="*.cu" --include="*.cpp" | grep -v -e "host/include/seqgpu/" -e "tests/abi/"' sh "$source"
finish
