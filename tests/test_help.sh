#!/bin/sh
# test_help.sh PROGRAM SOURCE_FOLDER - what the program says about itself, and how it shows progress: help, man page and
# completion come from one table of options; lines fit the terminal.  Prints "pass NAME" or "FAIL NAME: why", last the counts.
source=$2
. "$(dirname "$0")/cli.sh"
export LC_ALL=C

tasks="charlm tag classify compose draw frames spell translate caption transcribe speak write read adding multiplication xor copy memory-5bit memory-20bit temporal-order permutation embedded-reber continual-reber \
mackey-glass narma10 pixels"
has() { case $1 in *"$2"*) pass "$3" ;; *) fail "$3" "\"$2\" is not in: $(echo "$1" | head -c 300)" ;; esac; }

# ---------------------------------------------------------------- help

for command in "--help" "train --help" "help sample" "help eval" "help inspect" "help report" "help info"; do
  check "seqgpu $command: at most 80 columns" sh -c '"$1" $2 >help.txt && [ "$(awk "length > 80" help.txt | wc -l)" = 0 ]' sh "$seqgpu" "$command"
done
for task in $tasks; do
  check "help $task: at most 80 columns" sh -c '"$1" help "$2" >help.txt && [ "$(awk "length > 80" help.txt | wc -l)" = 0 ]' sh "$seqgpu" "$task"
  case $task in tag | classify | compose | draw | frames | spell | translate | caption | transcribe | speak | write | read) continue ;; esac
  check "help $task is train $task --help" sh -c '"$1" train "$2" --help | cmp - help.txt' sh "$seqgpu" "$task"
done
check "help tag is how it is used and how it is trained" sh -c '("$1" tag --help; echo; "$1" train tag --help) >both && "$1" help tag | cmp - both' sh "$seqgpu"
rm -f both
check "options stand in groups" sh -c '[ "$(grep -c "^[A-Z][a-z ]*:$" help.txt)" -ge 5 ]'
check "no group comes twice" sh -c '[ -z "$(grep "^[A-Z][a-z ]*:$" help.txt | sort | uniq -d)" ]'
check "-V is --version" sh -c '"$1" -V >v1 && "$1" --version >v2 && cmp v1 v2 && grep -q "^seqgpu [0-9]" v1' sh "$seqgpu"
rm -f help.txt v1 v2

refused "a command with letters exchanged" 2 "did you mean sample" smaple
refused "a task that is cut short" 2 "did you mean temporal-order" train temporal
refused "an option with a letter missing" 2 "--hiden: is not an option; did you mean --hidden?" train copy --hiden 5
refused "nothing is near" 2 "see seqgpu train copy --help" train copy --zzzzz
refused "no such shell" 2 "bash, zsh, fish" completion csh
refused "no such form of help" 2 "rows, bash" info --help=html

# ---------------------------------------------------------------- the man page

check "OPTIONS of the man page are those of the program" sh -c '
  sh "$2/host/man/options.sh" "$1" >section
  awk "/^\.\\\\\" end of the options/ { on = 0 } on; /^\.\\\\\" begin of the options/ { on = 1 }" "$2/host/man/seqgpu.1" >page
  [ "$(grep -c "^\.TP" section)" -gt 50 ] && diff section page' sh "$seqgpu" "$source"
rm -f section page

# ---------------------------------------------------------------- completion

for shell in bash zsh fish; do
  "$seqgpu" completion $shell >script.$shell
  if command -v $shell >/dev/null; then check "completion $shell: the shell reads it" $shell -n script.$shell
  else skip "completion $shell: the shell reads it" "no $shell"; fi
done
check "completion fish: every option of every command" sh -c '
  for command in sample eval tag classify compose draw frames spell translate caption transcribe speak write read inspect verify report import export info; do "$1" $command --help=rows; done >rows
  "$1" train --help=rows >>rows
  [ "$(wc -l <rows)" = "$(grep -c "^complete.* -l " script.fish)" ]' sh "$seqgpu"
rm -f rows
if command -v bash >/dev/null; then
  # completes WORDS...: what bash offers for the last of them
  completes() { bash -c '. ./script.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _seqgpu; echo "${COMPREPLY[@]}"' bash seqgpu "$@"; }
  : >a_text
  has "$(completes tra)" train "completion bash: a command"
  has "$(completes train tem)" temporal-order "completion bash: a task"
  has "$(completes train copy --hid)" --hidden "completion bash: an option"
  has "$(completes train copy --cell ml)" mlstm "completion bash: a cell"
  has "$(completes train copy --cell = ml)" mlstm "completion bash: a cell after ="
  has "$(completes train charlm --text a_)" a_text "completion bash: a file"
  has "$(completes sample --ma)" --math "completion bash: an option of sample"
  rm -f a_text
else
  skip "completion bash" "no bash"
fi
if command -v fish >/dev/null; then
  offers() { fish -c ". ./script.fish; complete -C \"$1\"" 2>/dev/null | cut -f 1 | tr '\n' ' '; }
  has "$(offers 'seqgpu train tem')" temporal-order "completion fish: a task"
  has "$(offers 'seqgpu train copy --cell ml')" mlstm "completion fish: a cell"
else
  skip "completion fish" "no fish"
fi
rm -f script.*

# ---------------------------------------------------------------- how a network runs

tiny="--T 5 --hidden 6 --batch 3 --device cpu --threads 1 --steps 4 --eval-size 4"
check "--plan names the algorithm" sh -c '"$1" train copy $2 --plan cpu/step | grep -q "algorithm cpu/step$"' sh "$seqgpu" "$tiny"
refused "--plan of no algorithm" 1 "no-such-plan" train copy $tiny --plan no-such-plan
check "--math on the CPU, which is more exact" sh -c '
  "$1" train copy $2 --math bf16 --checkpoint bf16 && "$1" train copy $2 --checkpoint f32 &&
  "$1" inspect --checkpoint bf16 | grep -v "^math" >i1 && "$1" inspect --checkpoint f32 | grep -v "^math" >i2 && cmp i1 i2' sh "$seqgpu" "$tiny"
check "a resumed run goes on in its --math" sh -c '"$1" train copy --resume bf16 --steps 5 --device cpu --quiet && "$1" inspect --checkpoint bf16 | grep -q "^math *bf16"' sh "$seqgpu"
check "--plan-cache keeps what was measured" sh -c '"$1" train copy $2 --plan-cache plans && [ -s plans ]' sh "$seqgpu" "$tiny"
check "--quiet prints nothing" sh -c '[ -z "$("$1" train copy $2 --quiet --log quiet.jsonl 2>&1)" ] && [ -s quiet.jsonl ]' sh "$seqgpu" "$tiny"
rm -f bf16 f32 i1 i2 plans quiet.jsonl

# ---------------------------------------------------------------- progress on a terminal

if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1; then
  for columns in 30 60 100; do
    script -qec "stty cols $columns; '$seqgpu' train copy $tiny --steps 60 --log-every 20" /dev/null >terminal 2>&1
    tr '\r' '\n' <terminal | sed 's/\x1b\[K//g' | awk -v most=$columns '/^\[|^step/ { n++; if (length >= most) long++ } END { exit !(n > 3 && !long) }' &&
      pass "a terminal of $columns columns: no line wraps" || fail "a terminal of $columns columns: no line wraps" "$(tr '\r' '\n' <terminal | head -c 400)"
  done
  if [ "$(tr '\r' '\n' <terminal | sed 's/\x1b\[K//g' | grep -c '^step [246]0 .*loss')" = 3 ]; then pass "a terminal keeps every report"
  else fail "a terminal keeps every report" "$(tr '\r' '\n' <terminal | grep -c '^step')"; fi
  rm -f terminal
else
  skip "progress on a terminal" "no script(1)"
fi

finish_cli
