#!/bin/sh
# test_abi.sh BUILD_FOLDER SOURCE_FOLDER - the names that the libraries show are those of
# tests/abi/symbols.txt, no more and no fewer.  A name that disappears breaks programs; a name too many could
# collide with another library's.
#
# After a deliberate change of the API write the list anew, and read the difference before it is committed:
#   nm -D --defined-only build/libseqgpu.so | awk '{ print $3 }' | LC_ALL=C sort >tests/abi/symbols.txt
set -u
build=$1
source=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$source/tests/report.sh"
list=$source/tests/abi/symbols.txt

# compare NAME NM_OPTION LIBRARY
compare() {
  nm "$2" --defined-only "$3" 2>/dev/null | awk 'NF == 3 { print $3 }' | LC_ALL=C sort >"$temp/names"
  more=$(LC_ALL=C comm -13 "$list" "$temp/names" | tr '\n' ' ')
  fewer=$(LC_ALL=C comm -23 "$list" "$temp/names" | tr '\n' ' ')
  if [ ! -s "$temp/names" ]; then fail "$1" "nm finds no names in $3"
  elif [ -n "$more$fewer" ]; then fail "$1" "not in tests/abi/symbols.txt: ${more:-none}; only there: ${fewer:-none}"
  else pass "$1: $(wc -l <"$temp/names") names"; fi
}

if ! command -v nm >/dev/null 2>&1; then
  skip "exported names" "no nm here"
else
  compare "names that libseqgpu.so exports" -D "$build/libseqgpu.so"
  if [ "$(ar t "$build/libseqgpu.a" | wc -l)" = 1 ]; then
    compare "global names of libseqgpu.a" -g "$build/libseqgpu.a"
  else
    skip "global names of libseqgpu.a" "these tools could not merge its objects (host/cmake/seqgpu-merge.cmake)"
  fi
fi
finish
