#!/bin/sh
# test_ptxas.sh BUILD_FOLDER - what ptxas said of the kernels of this build: none may spill registers to memory, and each must be there for
# sm_80 and sm_90a.  Writes BUILD_FOLDER/kernels.txt: kernel, architecture, registers, shared bytes, spilled bytes.
set -u
build=$1
files=$(find "$build" -name '*.ptxas' 2>/dev/null)
if [ -z "$files" ]; then
  echo "skip registers and spills of the CUDA kernels: this build has no CUDA (no nvcc)"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
# shellcheck disable=SC2086
cat $files | awk '
  /Compiling entry function/ { split($0, part, "\047"); kernel = part[2]; arch = part[4] }
  /bytes stack frame/ { spill = $5 + $9 }
  /Used [0-9]+ registers/ {
    shared = 0
    for (i = 1; i <= NF; i++) {
      if ($i == "registers," || $i == "registers") registers = $(i - 1)
      if ($i == "smem" || $i == "smem,") shared = $(i - 2)
    }
    printf "%-110s %-8s %4d registers %6d shared %5d spilled\n", kernel, arch, registers, shared, spill
    spill = 0
  }' | sort >"$build/kernels.txt"
awk '
  { seen[$2]++; if ($7 != 0) { print "FAIL no spills: " $1 " " $2 " spills " $7 " bytes"; failed++ } else passed++ }
  END {
    n = split("sm_80 sm_90a", wanted, " ")
    for (i = 1; i <= n; i++)
      if (seen[wanted[i]] > 0) { print "pass " seen[wanted[i]] " kernels are built for " wanted[i]; passed++ }
      else { print "FAIL kernels for " wanted[i] ": none was built"; failed++ }
    printf "%d passed, %d failed, 0 skipped\n", passed, failed
    exit failed > 0
  }' "$build/kernels.txt"
