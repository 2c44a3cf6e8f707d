# table.awk - the tables of tests/table.sh: ROWS ("GROUP|SYSTEM"), then GPU ("gpu|ALGORITHM|PASSED|FAILED"), then the log
# of CTest.  An entry is what all checks of a system in a column came to.

BEGIN {
  columns = split("CPU f32|CPU f64|source emulator|PTX f32|PTX tf32|PTX bf16|cuDNN peer|GPU", column, "|")
}

# Where a check ran, by its place "DEVICE[/ALGORITHM] ARITHMETIC" and the test that it is in; 0 where no column is.
function column_of(device, algorithm, arithmetic, test) {
  if (algorithm ~ /^cudnn/) return 7
  if (device == "cpu") return arithmetic == "f64" ? 2 : 1
  if (device == "emulator") return 3
  if (test !~ /^soft_/) return 8
  return arithmetic == "bf16" ? 6 : arithmetic == "tf32" ? 5 : 4
}

# The longest known system with which a name begins: all of it, or up to a ", " or ": ".
function system_of(name,    i) {
  if (name in known) return name
  for (i = length(name); i > 0; i--)
    if (substr(name, i, 2) ~ /^[,:] $/ && substr(name, 1, i - 1) in known) return substr(name, 1, i - 1)
  return ""
}

function count(subject, c, verdict, why,    key) {
  key = subject SUBSEP c
  if (verdict == "pass") passed[key]++
  if (verdict == "FAIL") failed[key]++
  if (verdict == "skip" && !((key, why) in said)) {
    said[key, why] = 1
    reasons[key] = reasons[key] (reasons[key] ? "; " : "") why
  }
}

function entry(key,    text) {
  if (failed[key]) return "**FAILED (" failed[key] ")**"
  text = passed[key] ? "passed (" passed[key] ")" : ""
  if (reasons[key]) text = text (text ? ", " : "") "skipped: " reasons[key]
  return text ? text : "-"
}

function heading(title,    c, line, rule) {
  line = "| " title
  rule = "|---"
  for (c = 1; c <= columns; c++) {
    line = line " | " column[c]
    rule = rule "|---"
  }
  printf "\n%s |\n%s|\n", line, rule
}

FILENAME == files {
  if (!($2 in known)) {
    known[$2] = 1
    group[++rows] = $1
    name[rows] = $2
  }
  next
}

/^gpu\|/ {
  c = $2 ~ /^cudnn/ ? 7 : 8
  passed["algorithm " $2, c] += $3
  failed["algorithm " $2, c] += $4
  next
}

/^[0-9]+\/[0-9]+ Testing: / { test = $0; sub(/^[^:]*: /, "", test); next }
/^Test Failed\.$/ { broken = broken (broken ? ", " : "") test }

/^(pass|FAIL|skip) / { checks++ }
/^(pass|FAIL|skip) (cpu|emulator|cuda)(\/[a-z0-9-]+)? (f32|f64|tf32|bf16): / {
  verdict = substr($0, 1, 4)
  place = substr($0, 6, index($0, ": ") - 6)
  rest = substr($0, index($0, ": ") + 2)
  split(place, word, " ")
  split(word[1], on, "/")
  algorithm = word[1] ~ /\// ? on[2] : ""
  c = column_of(on[1], algorithm, word[2], test)
  why = rest
  sub(/.*: /, "", why)
  gsub(/\|/, "/", why)
  subject = system_of(rest)
  if (subject != "") {
    placed++
    count(subject, c, verdict, why)
  } else if (verdict == "skip") count(column[c], 0, verdict, why)
  if (("algorithm " algorithm) in known) count("algorithm " algorithm, c, verdict, why)
}

END {
  if (broken) print "- Tests that failed as a whole, some perhaps before their last check: " broken "."
  printf "- %d of the %d checks of the log name a system of these tables; the others are about interfaces, files and tools.\n", placed, checks
  for (c = 1; c <= columns; c++)
    if ((column[c], 0) in reasons) print "- " column[c] ": what is not of one system was skipped: " reasons[column[c], 0] "."
  for (r = 1; r <= rows; r++) {
    if (group[r] != group[r - 1]) heading(group[r])
    line = "| " name[r]
    for (c = 1; c <= columns; c++) line = line " | " entry(name[r] SUBSEP c)
    print line " |"
  }
}
