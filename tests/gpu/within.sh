# within.sh - sourced by gpu.sh: programs that may hang, and the time of each stage.
#
# A kernel that hangs leaves a process that no signal but KILL ends, and sometimes not even that one.  So every
# program is started by `within`, in a process group of its own: at the end of its time the group gets TERM, two
# seconds later KILL, and nobody waits for it after that.  An error of the device, which stays with a process for
# good, ends with the process as well.
#
# Each stage has a share of the time.  It ends when the shares of all stages up to it are over: what an earlier
# stage did not use is its own, and what it does not use is the next one's.  The build alone may take two shares,
# because nothing runs without it; what it takes is missing at the end of the run.
# shellcheck shell=sh

now() { date +%s; }

# The seconds that are left to the stage; at least 0.
left() {
  at=$(now)
  if [ "$at" -lt "$stage_end" ]; then echo $((stage_end - at)); else echo 0; fi
}

child= # the process group under way
late=  # 1: the last program ran out of time

# within SECONDS COMMAND...: its status.  Where its time, or the stage's, was over, `late` is 1.
within() {
  seconds=$1 late=1
  shift
  rest=$(left)
  [ "$seconds" -le "$rest" ] || seconds=$rest
  [ "$seconds" -gt 0 ] || return 124
  deadline=$(($(now) + seconds)) late=0
  timeout -k 2 "$seconds" "$@" </dev/null &
  child=$!
  ended=0
  wait "$child" || ended=$?
  child=
  case $ended in 124 | 137) [ "$(now)" -lt $deadline ] || late=1 ;; esac
  return "$ended"
}

# The worst of what the programs of a stage came to: passed < out of time < FAILED.  A stage is a process, and
# these are its exit statuses.
outcome=0
add_outcome() { # STATUS OF THE LAST PROGRAM
  if [ "$1" = 0 ]; then return
  elif [ $late = 0 ]; then outcome=1
  elif [ $outcome = 0 ]; then outcome=124; fi
}

side_by_side= # processes of tests that run at the same time, each with a program of its own

# Ends the program under way, or the tests side by side, and the stage with them.
stop_stage() {
  for process in $child $side_by_side; do kill -s TERM "$process" 2>/dev/null; done
  exit 143
}

# Ends the whole run: the stage is told, and what it found is kept.
stop_run() {
  if [ -n "$running" ]; then
    kill -s TERM "$running" 2>/dev/null
    note "$stage" interrupted $(($(now) - started))
  fi
  exit 143
}

share_of() { # STAGE: in seconds
  case $1 in
    build | timeline) share=140 ;;
    conformance) share=150 ;;
    sync | operators) share=10 ;;
    plans) share=50 ;;
    bench) share=65 ;;
    cudnn) share=20 ;;
    memcheck | synccheck | racecheck | initcheck) share=60 ;;
    *) share=40 ;;
  esac
  eval "echo \${SEQGPU_SECONDS_$1:-$share}"
}

# When the stage has to end.
begin_share() {
  share=$(share_of "$stage")
  started=$(now)
  [ "$shares_end" -ge "$started" ] || shares_end=$started
  shares_end=$((shares_end + share))
  stage_end=$shares_end
  [ "$stage" != build ] || stage_end=$((stage_end + share))
  [ "$stage_end" -le "$run_end" ] || stage_end=$run_end
}

# run_stage NAME: the function stage_NAME as a process of its own.
run_stage() {
  stage=$1
  begin_share
  why=$(refusal "$stage")
  [ -n "$why" ] || [ "$(left)" -ge 2 ] || why="no time left"
  if [ -n "$why" ]; then
    echo "skip $stage: $why"
    note "$stage" "skipped: $why" 0
    return 0
  fi
  say "$stage (at most $(left) s)"
  (
    trap stop_stage TERM
    trap - EXIT
    "stage_$stage"
    exit $outcome
  ) &
  running=$!
  status=0
  wait "$running" || status=$?
  running=
  case $status in
    0) result=passed ;;
    124) result='out of time' ;;
    *) result=FAILED ;;
  esac
  say "$stage: $result after $(($(now) - started)) s"
  note "$stage" "$result" $(($(now) - started))
  return "$status"
}
