#!/bin/sh
# test_reference.sh BUILD_FOLDER SOURCE_FOLDER - every public function, type and constant group has a comment of its own, and Doxygen
# makes the API reference from them without a warning, which is installed.
set -u
build=$1
source=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$source/tests/report.sh"

# Declarations of a header, and whether a comment ends on the line above: "yes seqgpu_malloc", "no seqgpu_free".
declarations() {
  awk '
    /^(SEQGPU_API|static inline) / { print (above ~ /\*\/$/ ? "yes " : "no ") $0 }
    /^typedef / { print (above ~ /\*\/$/ ? "yes " : "no ") $0 }
    { above = $0 }' "$source"/host/include/seqgpu/*.h
}

declarations >"$temp/all"
if grep '^no ' "$temp/all" >"$temp/bare"; then
  fail "every public declaration has a comment of its own" "$(wc -l <"$temp/bare") have none: $(head -n 3 "$temp/bare" | tr '\n' ' ')"
else
  pass "every public declaration has a comment of its own: $(wc -l <"$temp/all") of them"
fi
if [ -f "$build/Doxyfile" ]; then
  check "Doxygen makes the reference without a warning" cmake --build "$build" --target reference
  check "an installation of what developers need" cmake --install "$build" --component dev --prefix "$temp/prefix"
  check "it has the reference" test -n "$(find "$temp/prefix" -path '*/doc/seqgpu/html/index.html')"
else
  skip "the API reference" "no doxygen here"
fi
finish
