#!/bin/sh
# test_ptxas.sh BUILD_FOLDER - what the compiler made of the kernels, for sm_80 and sm_90a, as far as the build is
# for them: none may spill registers to memory, and each must have the instructions that its kind is made of.
#
# Writes BUILD_FOLDER/kernels.txt (kernel, architecture, registers, shared bytes, spilled bytes) and
# BUILD_FOLDER/instructions.txt (kernel, architecture, and a count for each kind of instruction).
set -u
build=$1
files=$(find "$build" -name '*.ptxas' 2>/dev/null)
if [ -z "$files" ]; then
  echo "skip registers, spills and instructions of the CUDA kernels: this build has no CUDA (no nvcc)"
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
find "$build" -name '*.mix' -exec cat {} + | sort -u >"$build/instructions.txt"

# Words of a kernel (its own and its template arguments), architectures, an instruction that must be there
# (or, with !, must not).
cat >"$build/instructions.wanted" <<'END'
recurrence_main,product_f32          sm_80,sm_90a fma.rn.f32
recurrence_main,product_f32          sm_80,sm_90a !mma.sync
recurrence_main,fragment_tf32        sm_80,sm_90a mma.sync
recurrence_main,fragment_bf16        sm_80,sm_90a mma.sync
recurrence_main,exchange_cta         sm_80,sm_90a bar.
recurrence_main,exchange_cluster_async sm_90a     st.async
recurrence_main,exchange_cluster_async sm_90a     mbarrier.
recurrence_main,exchange_grid_multicast sm_90a    cp.async
recurrence_main,exchange_grid_multicast sm_90a    mbarrier.
recurrence_main,exchange_split_flags sm_90a    cp.async
recurrence_main,exchange_split_flags sm_90a    st.async
recurrence_main,exchange_split_packets sm_90a    st.async
recurrence_main,exchange_split_packets sm_90a    ld.relaxed
recurrence_main,exchange_grid_packets sm_80,sm_90a ld.relaxed
recurrence_main,exchange_grid_packets sm_80,sm_90a st.relaxed
recurrence_main,exchange_grid_packets sm_80,sm_90a !ld.acquire
END
awk -v mix="$build/instructions.txt" '
  FILENAME == ARGV[1] {
    seen[$2]++
    if ($7 != 0) { print "FAIL no spills: " $1 " " $2 " spills " $7 " bytes"; failed++ } else passed++
    next
  }
  FILENAME == mix { line[++lines] = $0; next }
  {
    words = split($1, word, ","); archs = split($2, arch, ","); absent = sub(/^!/, "", $3)
    for (a = 1; a <= archs; a++) {
      if (!seen[arch[a]]) continue
      found = wrong = 0
      for (l = 1; l <= lines; l++) {
        n = split(line[l], part, " ")
        if (part[2] != arch[a]) continue
        # the cluster exchange on barriers below sm_90 is an empty kernel
        if (arch[a] == "sm_80" && part[1] ~ /exchange_cluster|exchange_grid_multicast|exchange_split/) continue
        match_all = 1
        for (w = 1; w <= words; w++) if (index(part[1], word[w]) == 0) match_all = 0
        if (!match_all) continue
        found++
        for (p = 3; p < n; p += 2) if (part[p] == $3 && (part[p + 1] > 0) == absent) wrong++
      }
      what = (absent ? "no " : "") $3 " in " $1 " for " arch[a]
      if (found > 0 && wrong == 0) { print "pass " what ": " found " kernels"; passed++ }
      else { print "FAIL " what ": " wrong " of " found " kernels are otherwise"; failed++ }
    }
  }
  END {
    n = split("sm_80 sm_90a", wanted, " ")
    for (i = 1; i <= n; i++)
      if (seen[wanted[i]] > 0) { print "pass " seen[wanted[i]] " kernels are built for " wanted[i]; passed++ }
      else { print "skip kernels for " wanted[i] ": this build is not for it (tests/matrix.sh)"; skipped++ }
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 || passed == 0
  }' "$build/kernels.txt" "$build/instructions.txt" "$build/instructions.wanted"
