#!/bin/sh
# test_analyse.sh - analyse.sh where no tool is, and with tools that only pretend: what is missing is skipped by name,
# what is found fails, and so does a tool that cannot be run.
set -u
. "$(dirname "$0")/report.sh"
here=$(cd "$(dirname "$0")" && pwd)
temp=$(mktemp -d /tmp/seqgpu-analyse-XXXXXX) || exit 1
trap 'rm -rf "$temp"' EXIT

# A machine with the commands that are everywhere, and a compiler by a name that no tool asks for.
mkdir -p "$temp/bin" "$temp/build"
for command in awk basename cat date dirname env getconf grep head mkdir mv rm sed sh sort tail tr wc xargs; do
  ln -s "$(command -v $command)" "$temp/bin/$command"
done
pretend() { # COMMAND LINES...
  file=$temp/bin/$1
  shift
  { echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$file"
  chmod +x "$file"
}
pretend cc 'exit 1'
pretend c++ 'exit 1'
pretend make 'exit 1'
pretend cmake 'exit 0'

analyse() { # TOOLS...: what it says is in $temp/said
  PATH="$temp/bin" ANALYSE_FOLDER="$temp/build" sh "$here/analyse.sh" "$@" >"$temp/said" 2>&1
}
said() { grep -qx -e "$1" "$temp/said" || { cat "$temp/said"; return 1; }; }
ends() { # STATUS TOOLS...: with this status
  wanted=$1
  shift
  analyse "$@"
  [ $? = "$wanted" ] || { cat "$temp/said"; return 1; }
}

check "no tools: no failure" ends 0
for tool in warnings-gcc warnings-clang fanalyzer clang-tidy clang-analyzer cppcheck memcheck helgrind drd tsan; do
  check "no $tool: skipped by name" said "skip $tool: no .* here.*"
done
check "no tools: nothing has passed" said "0 passed, 0 failed, 10 skipped"
check "a tool that does not exist is refused" ends 2 lint
check "and the others are named" said ".*: lint is no tool; they are: warnings .* tsan"

mkdir -p "$temp/build/database"
echo '"file": "nothing.c"' >"$temp/build/database/compile_commands.json"
pretend cppcheck 'exit 0'
check "nothing is found" ends 0 cppcheck
check "that passes" said "pass cppcheck"
pretend cppcheck 'echo "core/a.c:1: warning: pretended [it]" >&2; exit 1'
check "something is found" ends 1 cppcheck
check "that is shown" said "core/a.c:1: warning: pretended \[it\]"
check "and fails" said "FAIL cppcheck: 1 findings .*"
pretend cppcheck 'echo "a crash" >&2; exit 1'
check "a tool does not run" ends 1 cppcheck
check "that fails, too" said "FAIL cppcheck: it could not be run .*"
pretend gcc 'exit 1'
pretend cmake 'case $1 in --build) echo "core/a.c:1:2: warning: pretended [CWE-1] [-Wanalyzer-fd-leak]" ;; esac'
check "a compiler's analyser finds something" ends 1 fanalyzer
check "that fails as well" said "FAIL fanalyzer: 1 findings .*"
read -r file kind _ <<END
$(tail -n 1 "$here/analyse/fanalyzer.txt")
END
pretend cmake "case \$1 in --build) echo \"../there/$file:1:2: warning: pretended [-W$kind]\" ;; esac"
check "it finds what is listed with a reason" ends 0 fanalyzer
check "that passes, wherever the folder is" said "pass fanalyzer"
pretend valgrind 'exit 99'
mkdir -p "$temp/build/memcheck/bin"
pretend seqgpu 'exit 0'
mv "$temp/bin/seqgpu" "$temp/build/memcheck/bin/test_pretended"
check "a program with an error in memory" ends 1 memcheck
check "fails by its name" said "FAIL memcheck: pretended: exit status 99 .*"
finish
