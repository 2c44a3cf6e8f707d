#!/bin/sh
# options.sh PROGRAM [--write PAGE] - the section OPTIONS of seqgpu.1, from the tables by which the program reads its
# command lines.  With --write it replaces what stands in the page between the two lines of the marks.
set -eu
program=$1

# One row an option: command, group, name, value, choices, default, help (host/cli/args_help.h).
rows() {
  for command in train sample eval tag classify compose draw frames spell translate caption transcribe speak write read inspect verify report import export info; do "$program" $command --help=rows; done
}

section() {
  rows | awk -F '\t' '
    function roff(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); return s }
    function missing(some,   k, list) { # the tasks that do not have an option
      for (k = 1; k <= total; k++)
        if (index(", " some ", ", ", " names[k] ", ") == 0) list = list (list == "" ? "" : ", ") names[k]
      return list
    }
    function option(i,   line, choices, count, others, unused) {
      print ".TP"
      line = ".B \\-\\-" roff(name[i])
      print value[i] == "" ? line : ".BI \"\\-\\-" roff(name[i]) " \" " roff(value[i])
      choices = choice[i]
      gsub(/\|/, ", ", choices)
      line = roff(help[i]) (choices == "" ? "" : ": " roff(choices))
      count = split(tasks[i], unused, ", ")
      others = missing(tasks[i])
      if (count > total / 2 && others != "") line = line " (all tasks but " roff(others) ")"
      else if (count > 0 && count < total) line = line " (" roff(tasks[i]) ")"
      if (line ~ /^[.\047]/) line = "\\&" line
      print line
    }
    {
      part = $1
      sub(/^seqgpu /, "", part)
      task = ""
      if (sub(/^train /, "", part)) { task = part; part = "train" }
      if ($2 == "Device and output") { part = "all"; task = "" }
      if (task != "" && !(task in known)) { known[task] = 1; names[++total] = task }
      key = part SUBSEP $2 SUBSEP $3
      if (!(key in at)) {
        at[key] = ++n
        parts[n] = part; group[n] = $2; name[n] = $3; value[n] = $4; choice[n] = $5; help[n] = $7; tasks[n] = task
        if (!((part, $2) in heading)) { heading[part, $2] = 1; order[++headings] = part SUBSEP $2 }
      } else if (task != "") {
        tasks[at[key]] = tasks[at[key]] ", " task
      }
    }
    function show(k,   both, i) {
      split(order[k], both, SUBSEP)
      print ".SS " (both[1] == "all" ? "Device and output" : both[1] (both[2] == "" ? "" : ": " tolower(both[2])))
      for (i = 1; i <= n; i++)
        if (parts[i] == both[1] && group[i] == both[2]) option(i)
    }
    END {
      for (k = 1; k <= headings; k++) if (order[k] !~ /^all/) show(k)
      for (k = 1; k <= headings; k++) if (order[k] ~ /^all/) show(k)
    }'
}

if [ "${2:-}" != --write ]; then
  section
  exit
fi
page=$3
new=$(mktemp)
trap 'rm -f "$new"' EXIT
awk '1; /^\.\\" begin of the options/ { exit }' "$page" >"$new"
section >>"$new"
awk '/^\.\\" end of the options/ { on = 1 } on' "$page" >>"$new"
cat "$new" >"$page"
