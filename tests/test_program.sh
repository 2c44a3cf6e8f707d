#!/bin/sh
# test_program.sh NAME COMMAND... - one check: the command exits 0.
name=$1
shift
if output=$("$@" 2>&1); then
  printf '%s\n' "$output" | tail -n 2
  echo "pass $name"
  echo "1 passed, 0 failed, 0 skipped"
else
  printf '%s\n' "$output" | tail -n 5
  echo "FAIL $name"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
