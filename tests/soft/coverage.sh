#!/bin/sh
# coverage.sh begin FOLDER      before the tests on the software device: an empty FOLDER for what they write
# coverage.sh sum FOLDER ROOT   after them: whether each kernel of the library has run from its PTX, and each
#                               statement of inline assembly (coverage.h)
set -u
folder=$2
if [ "$1" = begin ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  exit
fi
root=$3
temp=$folder
. "$root/tests/report.sh"

if [ -z "$(find "$folder" -name '*.txt' 2>/dev/null)" ]; then
  echo "skip kernels and inline assembly that have run: no test has run on the software device"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
cat "$folder"/*.txt >"$folder/all"

awk -F '\t' '$1 == "kernel" { launches[$2] += $3; if ($4 > ran[$2]) ran[$2] = $4; if ($5 > all[$2]) all[$2] = $5 }
  END { for (k in launches) printf "%d\t%s\t%d\t%d\n", launches[k], k, ran[k], all[k] }' "$folder/all" | sort -k2 >"$folder/kernels"
never=$(awk '$1 == 0' "$folder/kernels" | wc -l)
awk '$1 == 0 { print "  never launched: " $2 }' "$folder/kernels"
check "$(wc -l <"$folder/kernels") kernels, each launched" [ "$never" = 0 ]
awk '{ ran += $3; all += $4 } END { printf "  %d of %d instructions executed in one process or another\n", ran, all }' "$folder/kernels"

# A statement begins where `asm` stands and ends with the semicolon behind its brackets.
grep '^line' "$folder/all" | cut -f 2 | sort -u >"$folder/lines"
statements=0
for file in "$root"/kernels/*.h "$root"/kernels/*.cu "$root"/kernels/*/*.h "$root"/kernels/*/*.cu; do
  awk '/^[^*]*asm( volatile)?\(/ { begin = NR; text = "" }
       begin { text = text $0; if ($0 ~ /\);/) { if (text !~ /asm volatile\("" /) print begin, NR; begin = 0 } }' "$file" |
    sed "s|^|${file#"$root"/} |"
done >"$folder/statements"
while read -r file begin end; do
  statements=$((statements + 1))
  ran=$(awk -F : -v file="$file" -v begin="$begin" -v end="$end" '$1 == file && $2 >= begin && $2 <= end' "$folder/lines")
  check "inline assembly at $file:$begin was executed" [ -n "$ran" ]
done <"$folder/statements"
check "$statements statements of inline assembly were found" [ "$statements" -ge 20 ]
finish
