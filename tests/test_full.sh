#!/bin/sh
# test_full.sh PROGRAM - a disk that is full, or a limit on the size of files, under everything that the program writes:
# it says so and ends with 1, what was there is whole, and nothing temporary is left.  What fails call by call is in
# faults.sh; here the kernel itself has no room.
# Prints "pass NAME" or "FAIL NAME: why", last the counts.
if [ -z "${SEQGPU_TEST_MOUNTS:-}" ] && unshare -rm true 2>/dev/null; then # where a small disk may be mounted
  SEQGPU_TEST_MOUNTS=1 exec unshare -rm sh "$0" "$@"
fi
. "$(dirname "$0")/cli.sh"

awk 'BEGIN { for (i = 0; i < 60; i++) printf "the %d cats sat on \"%d\" mats\n", i % 7, i % 5 }' >text
one="--device cpu --threads 1"
small="--hidden 8 --layers 2 --batch 3 --seq-len 6"
check "a model" "$seqgpu" train charlm --text text $small $one --optimizer adam --steps 4 --log-every 1 --sample-every 1 --log run.jsonl \
  --checkpoint model.st --quiet
check "and another" "$seqgpu" train charlm --text text $small $one --steps 1 --checkpoint other.st --quiet
check "a page" "$seqgpu" report run.jsonl --html page.html
check "an export" "$seqgpu" export model.st --format pytorch --to other.safetensors
mkdir -p start && mv model.st other.st run.jsonl page.html other.safetensors text start

# What a command leaves is whole; "" or why not.
look() {
  for file in $(ls -A); do
    case $file in
      .seqgpu* | *.tmp) echo "$file is left" ;;
      *.st) cmp -s "$file" "../start/$file" || "$seqgpu" verify "$file" >/dev/null 2>&1 || echo "$file is damaged" ;;
      *.html | *.safetensors | text)
        [ ! -e "../start/$file" ] || cmp -s "$file" "../start/$file" || cmp -s "$file" "../whole/$file" || echo "$file has changed" ;;
    esac
  done
  [ ! -e run.jsonl ] || head -c "$(wc -c <../start/run.jsonl)" run.jsonl | cmp -s - ../start/run.jsonl || echo "run.jsonl has changed"
}

# run ROOM [BLOCKS] ARGUMENTS...: the program in `here`, its sentences by a pipe, which is never full; then the judgement.
run() {
  room=$1 blocks=$2
  shift 2
  {
    {
      (cd here && ulimit -f "$blocks" && exec "$seqgpu" "$@") 2>&1 >/dev/null
      echo $? >&3
    } | cat >err
  } 3>code
  code=$(cat code) why=$(cd here && look | head -3 | tr '\n' ' ')
  if [ "$code" -gt 1 ]; then why="$why exit $code: $(head -c 200 err)"; fi
  if [ "$code" = 1 ] && ! grep -q -e 'too large' -e 'No space' err; then why="$why it said: $(head -c 200 err)"; fi
  if [ "$code" = 0 ] && [ -s err ] && ! grep -q 'goes on' err; then why="$why it said: $(head -c 200 err)"; fi
  [ -z "$why" ] || broken="$broken $room: $why;"
  refused=$((refused + (code == 1))) all=$((all + 1))
}

# The kernel under a command: a limit on files, without a trap, so that a program that SIGXFSZ kills has failed; and a disk
# that has little left.
full() { # NAME ARGUMENTS...
  name=$1 broken="" refused=0 all=0
  shift
  rm -rf whole && cp -r start whole && (cd whole && "$seqgpu" "$@" >../out 2>../err) || broken="with room: $(head -c 200 err)"
  for limit in 0 1 2 4 8 12 16 24 40 200; do
    rm -rf here && cp -r start here
    run "$limit blocks" $limit "$@"
  done
  rm -rf here && mkdir here
  for free in $disks; do
    mount -t tmpfs -o size=$((size + free))k none here && cp -r start/. here
    run "$free KB free" unlimited "$@"
    umount here
  done
  if [ $refused = 0 ]; then broken="$broken nothing was refused"; fi
  if [ -z "$broken" ]; then pass "$name: $refused of $all times there is too little room"; else fail "$name" "$broken"; fi
}

size=$(du -sk --apparent-size start | sed 's/[^0-9].*//')
for file in start/*; do size=$((size + 4)); done # whole pages
mkdir -p here
if mount -t tmpfs -o size=16k none here 2>/dev/null; then
  umount here
  disks="0 4 8 16 32 200"
else
  disks=""
  skip "a full disk" "nothing may be mounted here"
fi

every="--log-every 1 --checkpoint-every 1"
full "train" train charlm --text text $small $one --steps 4 $every --checkpoint new.st --keep 2 --log run.jsonl
full "train on" train charlm --text text --resume model.st $one --steps 8 $every --log run.jsonl --tensorboard board
full "train over" train charlm --text text $small $one --steps 2 $every --checkpoint other.st --force
full "export" export model.st --format pytorch --to other.safetensors --force $one
full "import" import other.safetensors --to other.st --force $one
full "report" report run.jsonl --html page.html
full "inspect --cells" inspect --checkpoint model.st --cells text --html page.html $one
full "inspect --gradient-flow" inspect --gradient-flow --hidden 4 --seq-len 9 --html page.html $one

# ---------------------------------------------------------------- standard output

cd start || exit 1
if [ -w /dev/full ]; then
  lost() { # NAME ARGUMENTS...
    name=$1
    shift
    "$seqgpu" "$@" >/dev/full 2>../err
    code=$?
    if [ $code = 1 ] && [ "$(wc -l <../err)" = 1 ] && grep -q '^seqgpu: standard output: ' ../err; then pass "lost: $name"
    else fail "lost: $name" "exit $code: $(head -c 200 ../err)"; fi
  }
  lost "help" --help
  lost "version" --version
  lost "info" info $one
  lost "completion" completion bash
  lost "verify" verify model.st
  lost "sample" sample --checkpoint model.st --length 20 $one
  lost "eval" eval --checkpoint model.st --text text $one
  lost "inspect" inspect --checkpoint model.st
  lost "inspect --gradient-flow" inspect --gradient-flow --cell lstm --hidden 4 --seq-len 9 --json $one
  lost "report" report run.jsonl
  lost "import --list" import other.safetensors --list $one
  lost "train" train charlm --text text $small $one --steps 2 --checkpoint ../lost.st
  check "but the model is saved" "$seqgpu" verify ../lost.st
else
  skip "standard output is full" "no /dev/full"
fi
cd .. || exit 1
rm -f lost.st
finish_cli
