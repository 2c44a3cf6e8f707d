#!/bin/sh
# analyse.sh - what reads the code, or watches it run, instead of testing it:  sh tests/analyse.sh [TOOL...]
#
#   warnings        gcc and clang, warnings are errors: library, program, benches, tests, emulated kernels
#   fanalyzer       gcc -fanalyzer: core/ and host/
#   clang-tidy      the checks of .clang-tidy: core/, host/, bench/ and tests/
#   clang-analyzer  the checkers of Clang's scan-build, run by clang-tidy: the same files
#   cppcheck        warnings, performance and portability: the same files
#   memcheck        Valgrind: the test programs without sanitizers, and a model trained, sampled and looked at
#   helgrind        Valgrind: what has threads
#   drd             Valgrind: the same
#   tsan            ThreadSanitizer: the same, built by clang or gcc
#
# Without TOOL all of them, in this order; tests/README.md says how long each takes.  A tool that is missing is skipped
# by name, one that finds something fails, and what it said is in FOLDER/TOOL.log.  What is no fault is written so that
# a tool sees it; what a tool cannot see stands in analyse/ with its reason, or in the code after NOLINT.
# Leaks are also looked for by every test program, under AddressSanitizer.
#
# Environment: ANALYSE_FOLDER   builds and logs (build-analyse)
# shellcheck source-path=SCRIPTDIR
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$here/setup.sh"
. "$here/report.sh"
folder=${ANALYSE_FOLDER:-$root/build-analyse}
tools='warnings fanalyzer clang-tidy clang-analyzer cppcheck memcheck helgrind drd tsan'
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# ---------------------------------------------------------------------- builds

# configure NAME OPTION...: a build of the CPU's part alone, without sanitizers.
configure() {
  where=$folder/$1
  shift
  cmake -S "$root" -B "$where" -DCMAKE_BUILD_TYPE=Release -DSEQGPU_CUDA=OFF -DSEQGPU_CBLAS=OFF \
    -DSEQGPU_TEST_SANITIZE= -DSEQGPU_TEST_EMULATOR=OFF "$@"
}

# build NAME [TARGET...]: after an error it goes on, so that one run names all that there is to mend.
build() {
  where=$folder/$1 go_on=-k
  shift
  [ ! -f "$where/build.ninja" ] || go_on=-k0
  [ $# = 0 ] || set -- --target "$@"
  cmake --build "$where" -j "$(processors)" "$@" -- $go_on
}

# The command of each file, for the tools that read files, by the compiler that clang-tidy knows best.
database() {
  compiler=gcc
  ! have clang || compiler=clang
  configure database -DCMAKE_C_COMPILER=$compiler -DSEQGPU_TEST_EMULATOR=ON && build database bench_commit
}

# Those of a build, and those that a user builds.
files() {
  sed -n 's/^ *"file": "\(.*\.c\)",*$/\1/p' "$folder/database/compile_commands.json" | sort -u
  ls "$root"/host/examples/*.c "$root"/tests/client.c
}

# ---------------------------------------------------------------------- what is found

# verdict TOOL STATUS PATTERN: passes where the status is 0 and no line of the log fits the pattern.
verdict() {
  found=$(grep -E "$3" "$folder/$1.log" | sort -u | sed "s|$root/||")
  if [ -n "$found" ]; then
    echo "$found"
    fail "$1" "$(echo "$found" | wc -l) findings ($folder/$1.log)"
  elif [ "$2" != 0 ]; then
    tail -n 5 "$folder/$1.log"
    fail "$1" "it could not be run ($folder/$1.log)"
  else
    pass "$1"
  fi
}

# missing TOOL COMMAND...: skips the tool where a command is not there.
missing() {
  tool=$1
  shift
  for command; do
    have "$command" && continue
    skip "$tool" "no $command here"
    return 0
  done
  return 1
}

# ---------------------------------------------------------------------- tools that read

warnings() {
  for compiler in gcc:g++ clang:clang++; do
    c=${compiler%:*} cxx=${compiler#*:}
    missing "warnings-$c" "$c" "$cxx" && continue
    # the kernels' warnings come before any optimisation, which takes their templates minutes
    { configure "warnings-$c" -DCMAKE_C_COMPILER="$c" -DCMAKE_CXX_COMPILER="$cxx" -DSEQGPU_WERROR=ON \
      -DSEQGPU_TEST_EMULATOR=ON -DSEQGPU_TEST_RACES=OFF -DCMAKE_CXX_FLAGS_RELEASE=-O0 && build "warnings-$c"; } \
      >"$folder/warnings-$c.log" 2>&1
    verdict "warnings-$c" $? '(warning|error): '
  done
}

# Each time from nothing: a file that is up to date would say nothing.  Without optimisation, which it is meant for.
fanalyzer() {
  missing fanalyzer gcc && return
  rm -rf "$folder/fanalyzer"
  { configure fanalyzer -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-fanalyzer -DSEQGPU_TESTS=OFF \
    -DSEQGPU_BENCH=OFF && build fanalyzer seqgpu_static seqgpu_cli; } >"$folder/fanalyzer.all" 2>&1
  status=$?
  # lines of analyse/fanalyzer.txt: FILE CHECK REASON
  awk '
    NR == FNR { known[$1 " " $2]; next }
    match($0, /\[-Wanalyzer-[^]]*\]/) {
      check = substr($0, RSTART + 3, RLENGTH - 4); file = $0; sub(/:.*/, "", file)
      while (!(file " " check in known) && sub("^[^/]*/", "", file)) continue # however the path begins
      if (file " " check in known) next
    }
    { print }' "$here/analyse/fanalyzer.txt" "$folder/fanalyzer.all" >"$folder/fanalyzer.log"
  verdict fanalyzer $status '\[-Wanalyzer'
}

# tidy TOOL OPTION...
tidy() {
  tool=$1
  shift
  missing "$tool" clang-tidy && return
  { database && files | xargs -P "$(processors)" -n 4 clang-tidy -p "$folder/database" --quiet \
    --header-filter='/(core|host|bench|tests)/' "$@"; } >"$folder/$tool.log" 2>&1
  verdict "$tool" $? '(warning|error): '
}

# Those that scan-build has switched on, but for va_list: that one takes every va_start for a fault in clang-tidy 14.
checkers='-*,clang-analyzer-core.*,clang-analyzer-deadcode.*,clang-analyzer-unix.*,clang-analyzer-nullability.*'
checkers="$checkers,clang-analyzer-security.insecureAPI.UncheckedReturn,clang-analyzer-security.insecureAPI.mktemp"

read_by_cppcheck() {
  cppcheck --quiet --enable=warning,performance,portability --inline-suppr --platform=unix64 \
    --suppressions-list="$here/analyse/cppcheck.txt" -DSIZE_MAX=0xffffffffffffffffUL --error-exitcode=1 \
    --template='{file}:{line}: {severity}: {message} [{id}]' "$@"
}

cppcheck_all() {
  missing cppcheck cppcheck && return
  { database && read_by_cppcheck --project="$folder/database/compile_commands.json" -j "$(processors)" &&
    read_by_cppcheck -I "$root/host/include" "$root"/host/examples "$root/tests/client.c"; } >"$folder/cppcheck.log" 2>&1
  verdict cppcheck $? '(error|warning|performance|portability): '
}

# ---------------------------------------------------------------------- tools that watch

# watch TOOL BUILD COMMAND...: one program; its own checks must pass as well.
watch() {
  tool=$1 name=$2
  shift 2
  (cd "$here" && "$@") >"$folder/$tool.log" 2>&1
  status=$?
  if [ $status = 0 ]; then
    pass "$tool: $name"
  else
    grep -E '^==|^FAIL|^WARNING: ThreadSanitizer|^SUMMARY' "$folder/$tool.log" | head -n 30
    mv "$folder/$tool.log" "$folder/$tool-$name.log"
    fail "$tool: $name" "exit status $status ($folder/$tool-$name.log)"
  fi
}

# train TOOL COMMAND...: the program itself, its threads too.
train() {
  tool=$1
  shift
  program=$folder/$tool/bin/seqgpu model=$folder/$tool/model.safetensors
  rm -f "$model"
  head -c 3000 "$root/README.md" >"$folder/text"
  watch "$tool" train "$@" "$program" train charlm --text "$folder/text" --steps 3 --threads 3 --hidden 96 \
    --embedding 16 --batch 8 --seq-len 12 --checkpoint "$model"
}

# Not these: test_stack reads a stack that was never written, test_bits and test_bits_product take the numbers that
# the product is fast with, test_fuzz asks for a target, test_plan_cache takes all descriptors, where Valgrind makes
# the file that it then does not open, and the others take half an hour together.
memcheck_leaves='stack bits bits_product fuzz plan_cache conformance gradients initialise'
memcheck() {
  missing memcheck valgrind && return
  { configure memcheck -DCMAKE_C_FLAGS=-g1 -DSEQGPU_BENCH=OFF && build memcheck; } >"$folder/memcheck.log" 2>&1 ||
    { fail memcheck "it does not build ($folder/memcheck.log)" && return; }
  valgrind="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible"
  for test in "$folder"/memcheck/bin/test_*; do
    name=${test##*/test_}
    case " $memcheck_leaves " in *" $name "*) continue ;; esac
    # shellcheck disable=SC2086
    watch memcheck "$name" $valgrind "$test"
  done
  # shellcheck disable=SC2086
  train memcheck $valgrind
  for command in "eval --text $folder/text" "sample --length 30" "inspect --prime abc"; do
    # shellcheck disable=SC2086
    watch memcheck "${command%% *}" $valgrind "$program" $command --checkpoint "$model"
  done
}

# threads TOOL COMPILER FLAGS COMMAND...: what has threads, built so.
threaded='ops_threads cholesky comm_threads laws_runs tangent tape repeat resume stream'
threads() {
  tool=$1 compiler=$2 flags=$3
  shift 3
  # shellcheck disable=SC2046,SC2086
  { configure "$tool" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS="-g1 $flags" -DSEQGPU_BENCH=OFF &&
    build "$tool" $(printf 'test_%s ' $threaded) seqgpu_cli; } >"$folder/$tool.log" 2>&1 ||
    { fail "$tool" "it does not build ($folder/$tool.log)" && return; }
  for name in $threaded; do watch "$tool" "$name" "$@" "$folder/$tool/bin/test_$name"; done
  train "$tool" "$@"
}

# of_valgrind TOOL: which core/pool.c tells of its atomic words.
of_valgrind() {
  missing "$1" valgrind && return
  have_header "valgrind/$1.h" || { skip "$1" "no valgrind/$1.h here" && return; }
  threads "$1" cc "-include $here/analyse/$1.h" valgrind --tool="$1" --quiet --error-exitcode=99
}

tsan() {
  echo 'int main(void) { return 0; }' >"$folder/empty.c"
  for compiler in clang gcc; do
    "$compiler" -fsanitize=thread "$folder/empty.c" -o "$folder/empty" >/dev/null 2>&1 || continue
    threads tsan $compiler -fsanitize=thread env
    return
  done
  skip tsan "no compiler here has a library for -fsanitize=thread"
}

# ---------------------------------------------------------------------- all of it

# Sets $spent to the seconds that commands have had of a processor so far: others may be busy here, too.
take_time() {
  times >"$folder/times"
  spent=$(awk 'NR == 2 { gsub(/[ms]/, " "); printf "%d", 60 * $1 + $2 + 60 * $3 + $4 }' "$folder/times")
}

need_tools
# shellcheck disable=SC2086
[ $# != 0 ] || set -- $tools
for chosen; do
  take_time
  began=$spent
  case $chosen in
    warnings | fanalyzer | memcheck | tsan) "$chosen" ;;
    helgrind | drd) of_valgrind "$chosen" ;;
    cppcheck) cppcheck_all ;;
    clang-tidy) tidy clang-tidy ;;
    clang-analyzer) tidy clang-analyzer --checks="$checkers" ;;
    *) echo "analyse.sh: $chosen is no tool; they are: $tools" >&2 && exit 2 ;;
  esac
  take_time
  say "$chosen: $((spent - began)) s of a processor"
done
finish
