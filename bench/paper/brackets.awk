# brackets.awk - of the lines of a text that open a bracket, how many are balanced:  awk [-v language=latex] -f brackets.awk FILE
#
# In C brackets are ( [ {, each closed by its own kind; what stands in comments, in strings and between single quotes is none.
# In LaTeX they are { alone; what stands behind % is none, and what stands behind a backslash is not either.
# A line opens one if it has one of them.  It is balanced
#
#   within itself        if all that it opens it also closes
#   within the text      if all that it opens is closed before the text ends
#
# and what it opens is closed by brackets that close nothing else: a closing bracket of another kind than the last that is open
# leaves that line, and the ones it jumps over, unbalanced; one that has nothing to close is counted as stray.
# Prints JSON: lines that open one, balanced in either sense, and stray brackets.

# The line without what is no code.
function code(line) { return language == "latex" ? latex(line) : c(line) }

function latex(line) {
  gsub(/\\./, "", line)
  sub(/%.*/, "", line)
  gsub(/[][()]/, "", line)
  return line
}

# `inside` goes on from line to line.
function c(line,   out, first, two) {
  out = ""
  while (line != "") {
    two = substr(line, 1, 2)
    first = substr(line, 1, 1)
    if (inside == "/*") {
      if (two == "*/") { inside = ""; line = substr(line, 3) } else line = substr(line, 2)
    } else if (quote != "") {
      if (first == "\\") line = substr(line, 3)
      else { if (first == quote) quote = ""; line = substr(line, 2) }
    } else if (two == "/*") { inside = two; line = substr(line, 3) }
    else if (two == "//") break
    else if (first == "\"" || first == "'") { quote = first; line = substr(line, 2) }
    else { out = out first; line = substr(line, 2) }
  }
  quote = "" # ends with its line
  return out
}

function spoil(n) { whole[owner[n]] = 0; here[owner[n]] = 0 }

function close_with(kind,   n) {
  for (n = depth; n > 0 && open[n] != kind; n--) {}
  if (n == 0) { stray++; return }
  for (; depth > n; depth--) spoil(depth)
  if (owner[n] != NR) here[owner[n]] = 0
  depth--
}

{
  line = code($0)
  if (line !~ /[[({]/) opens = 0
  else { opens = 1; lines++; here[NR] = whole[NR] = 1 }
  for (i = 1; i <= length(line); i++) {
    kind = substr(line, i, 1)
    if (kind == "(" || kind == "[" || kind == "{") { open[++depth] = kind; owner[depth] = NR }
    else if (kind == ")") close_with("(")
    else if (kind == "]") close_with("[")
    else if (kind == "}") close_with("{")
  }
  for (n = depth; n > 0 && owner[n] == NR; n--) here[NR] = 0
}

END {
  for (; depth > 0; depth--) spoil(depth)
  for (k in here) { within_line += here[k]; within_text += whole[k] }
  printf "{\"lines_that_open\": %d, \"balanced_in_line\": %.6g, \"balanced_in_text\": %.6g, \"stray\": %d}\n", lines,
    lines ? within_line / lines : 0, lines ? within_text / lines : 0, stray
}
