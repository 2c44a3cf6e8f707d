# instruction_mix.awk - reads PTX and writes one line per kernel: its name, its architecture, and how often
# each kind of instruction occurs in it.
#   awk -f instruction_mix.awk FILE.ptx...
function report(i) {
  if (kernel == "") return
  printf "%s %s", kernel, arch
  for (i = 1; i <= kinds; i++) printf " %s %d", name[i], count[i]
  printf "\n"
  for (i = 1; i <= kinds; i++) count[i] = 0
  kernel = ""
}
BEGIN {
  kinds = split("mma.sync st.async mbarrier. cp.async ld.shared st.shared bar. ld.acquire st.release ld.relaxed st.relaxed fma.rn.f32 ld.global st.global", name, " ")
}
/^\.target/ { report(); arch = $2; sub(/,.*/, "", arch) }
/\.entry/ { report(); kernel = $0; sub(/.*\.entry[ \t]+/, "", kernel); sub(/[( \t].*/, "", kernel) }
kernel != "" && !/^[ \t]*(\/\/|\.|[{}][ \t]*$)/ {
  text = $1 ~ /^[@{]/ ? $2 : $1
  for (i = 1; i <= kinds; i++) if (index(text, name[i]) == 1) { count[i]++; break }
  if (text ~ /^barrier\.(sync|cluster\.wait)/) count[7]++ # the same as bar., written out, and the cluster's
}
END { report() }
