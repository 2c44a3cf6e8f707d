#!/bin/sh
# test_comm.sh BUILD_FOLDER - communicators and training by 1, 2 and 4 processes of mpirun, on this machine.
#
# Environment: SEQGPU_TEST_UPDATES   how many a training makes (40)
set -u
build=$1
updates=${SEQGPU_TEST_UPDATES:-40}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$(dirname "$0")/report.sh"
. "$(dirname "$0")/mpi.sh"

if [ ! -x "$build/bin/comm_processes" ]; then
  skip "processes" "this build has no MPI"
  finish
  exit
elif ! have_mpirun; then
  skip "processes" "no mpirun here"
  finish
  exit
fi

for n in 1 2 4; do
  processes $n "$build/bin/comm_processes" >"$temp/log" 2>&1
  take "$temp/log" "$n processes"
done
processes 3 "$build/bin/comm_processes" late >"$temp/log" 2>&1
take "$temp/log" "a process that does not come"

# What mpirun does when a process dies: the others end.
start=$(date +%s)
processes 3 sh -c '[ "$OMPI_COMM_WORLD_RANK$PMI_RANK" = 1 ] && kill -9 $$; exec "$@"' sh "$build/bin/comm_training" f64 3 0 100000000 >"$temp/log" 2>&1
code=$?
[ $code != 0 ] && [ $(($(date +%s) - start)) -lt 30 ] && pass "a process that dies ends the others within 30 s" ||
  fail "a process that dies ends the others within 30 s" "code $code, $(($(date +%s) - start)) s"

# run N ARGUMENTS...: the losses of a training into $temp/losses-N-...
run() {
  n=$1
  shift
  processes "$n" "$build/bin/comm_training" "$@" >"$temp/losses-$n-$1-$2-$3" 2>"$temp/log" ||
    fail "training $* by $n processes" "$(tail -n 3 "$temp/log" | tr '\n' ' ')"
}
same() { # NAME A B: the same bits
  if [ -s "$temp/$2" ] && cmp -s "$temp/$2" "$temp/$3"; then pass "$1"; else fail "$1" "losses or norms differ"; fi
}
close_to() { # NAME A B LIMIT: relative
  paste -d ' ' "$temp/$2" "$temp/$3" | awk -v limit="$4" -v updates="$updates" '
    function off(a, b) { return a > b ? (a - b) / b : (b - a) / b }
    { worst = off($1, $3) > worst ? off($1, $3) : worst; lines++ }
    END { printf "%.2g in %d updates\n", worst, lines; exit !(lines == updates && worst <= limit) }' >"$temp/log" &&
    pass "$1: $(cat "$temp/log")" || fail "$1" "$(cat "$temp/log")"
}

for dtype in f64 f32; do
  for n in 1 2 4; do run $n $dtype 4 0.3 "$updates"; done
  for n in 2 4; do
    processes $n "$build/bin/comm_training" $dtype 4 0.3 "$updates" overlap >"$temp/early" 2>"$temp/log" || sed -n 3p "$temp/log"
    same "cpu $dtype: $n processes whose sums begin early: the same bits" losses-1-$dtype-4-0.3 early
    processes $n "$build/bin/comm_training" $dtype 4 0.3 "$updates" overlap share >"$temp/shared" 2>"$temp/log" || sed -n 3p "$temp/log"
    same "cpu $dtype: $n processes that share out the moments as well: the same bits" losses-1-$dtype-4-0.3 shared
  done
  same "cpu $dtype: 4 shards, dropout, ragged: the same bits from 1 and 2 processes" losses-1-$dtype-4-0.3 losses-2-$dtype-4-0.3
  same "cpu $dtype: 4 shards, dropout, ragged: the same bits from 1 and 4 processes" losses-1-$dtype-4-0.3 losses-4-$dtype-4-0.3
done
run 1 f64 0 0.3 "$updates"
for n in 1 2 4; do
  run $n f64 $n 0.3 "$updates"
  close_to "cpu f64: losses of 1 x 64 and $n x $((64 / n)), dropout, ragged" losses-1-f64-0-0.3 losses-$n-f64-$n-0.3 1e-6
done
finish
