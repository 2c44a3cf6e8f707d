#!/bin/sh
# mutate.sh - faults planted in the kernels, one at a time, and whether the tests notice:
#   sh tests/soft/mutate.sh BUILD_FOLDER [--sample N] [--kernel WORD] [--cell CELL] [--kind WORD] [--output FILE]
#
# Without options all of them, which takes some 20 minutes on two cores; the last table is in bench/results/.  The test
# suite draws a cell and a few of its mutants.  Kinds and rules are in mutate.cpp.  A mutant that no trial notices
# must stand in survivors.txt, with the reason why it changes nothing; any other is a failure:
#   KIND | WORDS OF THE SOURCE LINE OR OF ITS PLACE | REASON
# or "not reached: KIND" for those that no trial's numbers come to.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
. "$root/tests/report.sh"
build=$1
shift
options=
output=
while [ $# -gt 1 ]; do
  case $1 in
    --output) output=$2 ;;
    *) options="$options $1 $2" ;;
  esac
  shift 2
done
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
program=$build/bin/mutants_soft

if [ ! -x "$program" ]; then
  skip "mutants of the kernels" "nvcc is not here, and so no kernel to plant them in"
  finish
  exit $?
fi

# The same draw in every part.
SEQGPU_TEST_SEED=${SEQGPU_TEST_SEED:-$(date +%s)}
SEQGPU_SOFT_SEED=${SEQGPU_SOFT_SEED:-1}
export SEQGPU_TEST_SEED SEQGPU_SOFT_SEED
echo "seed $SEQGPU_TEST_SEED, soft seed $SEQGPU_SOFT_SEED"
# Each part runs every trial before its mutants, which for a sample is most of the work.
case $options in
  *--sample*) parts=1 ;;
  *) parts=$(getconf _NPROCESSORS_ONLN) ;;
esac
part=0
while [ $part -lt "$parts" ]; do
  # shellcheck disable=SC2086
  "$program" --part "$part/$parts" $options >"$temp/part.$part" 2>"$temp/error.$part" &
  part=$((part + 1))
done
wait
grep -h -e '^killed' -e '^survived' -e '^not reached' "$temp"/part.* | sort >"$temp/mutants"
summary=$(grep -h ' mutants of ' "$temp/part.0")
[ -n "$summary" ] || { fail "mutants_soft" "$(cat "$temp"/error.0 | tail -n 3)"; grep -h FAIL "$temp"/part.*; finish; exit 1; }

table() {
  echo '| kind | mutants | killed by a fault | by numbers | survived | not reached |'
  echo '|---|---|---|---|---|---|'
  awk -F '\t' '{ kind[$3]; n[$3 FS $1 FS ($1 == "killed" ? $2 : "")]++; all[$3]++
      total[$1 FS ($1 == "killed" ? $2 : "")]++ }
    END {
      for (k in kind)
        printf "| %s | %d | %d | %d | %d | %d |\n", k, all[k], n[k FS "killed" FS "fault"], n[k FS "killed" FS "numbers"],
          n[k FS "survived" FS ""], n[k FS "not reached" FS ""]
      printf "| ~ all | %d | %d | %d | %d | %d |\n", NR, total["killed" FS "fault"], total["killed" FS "numbers"],
        total["survived" FS ""], total["not reached" FS ""]
    }' "$temp/mutants" | sort | sed 's/^| ~ all/| all/'
}

# The source line at a place, "kernels/simt.h:204"; of a header of CUDA, its name: lines move.
line_at() {
  file=${1%:*}
  if [ -f "$root/$file" ]; then
    sed -n "${1##*:}s/^ *//p" "$root/$file"
  else
    echo "${file##*/}"
  fi
}

# A survivor's kind, place and source line, and how many instances; its reason, or nothing.
survivors() {
  grep -v '^killed' "$temp/mutants" | cut -f 1,3,4 | sort | uniq -c | while read -r count rest; do
    what=$(printf '%s' "$rest" | cut -f 1) kind=$(printf '%s' "$rest" | cut -f 2) place=$(printf '%s' "$rest" | cut -f 3)
    line=$(line_at "$place")
    reason=$(KIND=$kind WHAT=$what LINE="$place: $line" awk -F ' *[|] *' '
      ($1 == ENVIRON["KIND"] || $1 == ENVIRON["WHAT"] ": " ENVIRON["KIND"]) && index(ENVIRON["LINE"], $2) { print $3; exit }' "$here/survivors.txt")
    printf '| %s | %s | %s | %s | %s |\n' "$what" "$count" "$kind" "$place" "$reason"
  done
}

survivors >"$temp/survivors"
{
  echo "# Mutants of the kernels"
  echo
  echo "$summary; seed $SEQGPU_TEST_SEED. Made by tests/soft/mutate.sh on the software device."
  echo
  table
  echo
  echo '| | mutants | kind | place | why nothing changes |'
  echo '|---|---|---|---|---|'
  cat "$temp/survivors"
} >"$temp/page"
cat "$temp/page"
[ -z "$output" ] || cp "$temp/page" "$output"
echo "$summary"
killed=$(grep -c '^killed' "$temp/mutants")
check "$killed of $(wc -l <"$temp/mutants") mutants are noticed" [ "$killed" -gt 0 ]
while IFS='|' read -r _ what count kind place reason _; do
  check "$kind at $place,$count times$what: is argued in survivors.txt" [ -n "$(echo "$reason" | tr -d ' ')" ]
done <"$temp/survivors"
finish
