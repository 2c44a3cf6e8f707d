#!/bin/sh
# test_nccl.sh BUILD_FOLDER - communicators and training over NCCL, by processes that this script starts, on the
# emulated GPU and with a stand-in for libnccl.so.2 (comm/nccl_standin.c).  SEQGPU_TEST_KILLS=50 for more kills.
set -u
build=$1
case $build in /*) ;; *) build=$PWD/$build ;; esac
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
. "$(dirname "$0")/report.sh"
. "$(dirname "$0")/started.sh"

cd "$temp" || exit 1
if ! nccl_standin "$build"; then
  skip "NCCL" "this build has no emulator"
  finish
  exit
fi

# The calls that fail take the processor's time, and what is beside them waits for time limits.
mkdir -p failures/nccl
(cd failures && exec timeout -k 5 500 "$build/bin/comm_nccl" failures) >failing 2>&1 &
failures=$!
for part in meeting kills; do
  timeout -k 5 500 "$build/bin/comm_nccl" $part >log 2>&1
  take log "NCCL: $part"
done
for n in 1 2 4; do
  started $n "$build/bin/comm_processes" >log 2>&1
  take log "$n processes"
done
started 3 "$build/bin/comm_processes" late >log 2>&1
take log "a process that does not come"

# Losses and norms of 20 updates, all digits.
for n in 1 2 4; do
  started $n "$build/bin/comm_training" f32 4 0.3 20 >losses$n 2>log || fail "training by $n processes" "$(tail -n 3 log | tr '\n' ' ')"
done
for n in 2 4; do
  started $n "$build/bin/comm_training" f32 4 0.3 20 overlap share >early$n 2>log || fail "early sums by $n processes" "$(tail -n 3 log | tr '\n' ' ')"
  name="emulator f32: $n processes, early sums, shared out moments: the same bits"
  if cmp -s losses1 early$n; then pass "$name"; else fail "$name" "losses or norms differ"; fi
  name="emulator f32: 4 shards, dropout, ragged: the same bits from 1 and $n processes"
  if [ "$(wc -l <losses1)" = 20 ] && cmp -s losses1 losses$n; then pass "$name"; else fail "$name" "losses or norms differ"; fi
done
wait $failures
take failing "NCCL: failures"
finish
