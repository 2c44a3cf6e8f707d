# results.sh - sourced by gpu.sh: the files that a run leaves behind.  They are written anew after each stage, so
# whatever ends the run, what came before is there:
#
#   FOLDER/<device>-<date>-<commit>.json     the rows of all stages, one array
#                                  .md       the same as tables
#                                  .tar.gz   every log, the compiler's words, counts of instructions
# shellcheck shell=sh

LOG_BYTES=1000000 # of a log that is kept; a program that fails can fill a disk

cut_logs() {
  for log in "$logs"/*.log; do
    [ -e "$log" ] && [ "$(wc -c <"$log")" -gt $LOG_BYTES ] || continue
    { head -c $((LOG_BYTES / 2)) "$log"; printf '\n... cut here ...\n'; tail -c $((LOG_BYTES / 2)) "$log"; } >"$work/cut"
    mv "$work/cut" "$log"
  done
}

write_rows() {
  cat "$work"/stages.rows "$work"/rows/*.json 2>/dev/null |
    awk 'BEGIN { print "[" } /^{.*}$/ { if (n++) print ","; printf "%s", $0 } END { print "\n]" }'
}

write_page() {
  echo "# $device, driver $driver, $day, commit $(commit)"
  echo
  echo '| stage | result | seconds |'
  echo '|---|---|---|'
  cat "$work/stages.md"
  for title in "$work"/rows/*.title; do
    [ ! -e "$title" ] || [ ! -s "${title%.title}.md" ] || cat "$title" "${title%.title}.md"
  done
}

write_tar() {
  cut_logs
  tar -C "$work" -cf - logs rows stages.md 2>/dev/null | gzip -1
}

# A file is made beside the work and moved, so that the folder never holds half of one.
write_file() { # ENDING FUNCTION
  "$2" >"$work/result" && mv "$work/result" "$results/$name.$1"
}

write_results() {
  mkdir -p "$results"
  write_file json write_rows
  write_file md write_page
  if have tar && have gzip; then write_file tar.gz write_tar; fi
}

note() { # STAGE RESULT SECONDS
  printf '{"kind": "stage", "name": "%s", "result": "%s", "seconds": %d, "device": "%s", "commit": "%s"}\n' "$1" "$2" "$3" \
    "$device" "$(commit)" >>"$work/stages.rows"
  echo "| $1 | $2 | $3 |" >>"$work/stages.md"
  write_results
}

# Before the first stage: no rows of an earlier run.  What bench_sync measured and which algorithms were good stays.
begin_results() {
  day=$(date -u +%Y%m%d-%H%M)
  device=$(ask_card name)
  [ -n "$device" ] || device=unknown-GPU
  driver=$(ask_card driver_version)
  name=$(printf '%s' "$device" | tr -c 'A-Za-z0-9._\n-' '-')-$day-$(commit)
  rm -rf "$work/rows" "$work/ended" "$logs"
  mkdir -p "$work/rows" "$work/ended" "$logs"
  : >"$work/stages.rows"
  : >"$work/stages.md"
}
