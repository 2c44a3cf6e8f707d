# checks.sh - sourced by gpu.sh: the stages that look at results, conformance, cudnn and the sanitizers.
# shellcheck shell=sh

# Runs a test program for that many seconds at most, and keeps its last line, "N passed, N failed, N skipped", as
# a row.
run_test() { # SECONDS LABEL PROGRAM ARGUMENTS...
  most=$1 label=$2
  shift 2
  [ -x "$1" ] || { echo "skip $label: not built"; return 0; }
  status=0
  within "$most" "$@" >"$logs/$label.log" 2>&1 || status=$?
  count=$(tail -n 1 "$logs/$label.log")
  [ $late = 0 ] || count="$(grep -c '^pass' "$logs/$label.log") passed, out of time after: $count"
  grep '^FAIL' "$logs/$label.log" | head -n 20
  echo "$label: exit $status, $count"
  printf '{"kind": "test", "name": "%s", "exit": %d, "count": "%s"}\n' "$label" "$status" \
    "$(printf %s "$count" | tr -d '"\\')" >>"$work/rows/$stage.json"
  case $count in "0 passed"*) status=1 ;; esac # on a machine with a GPU all skipped is no success
  add_outcome "$status"
  return "$status"
}

# run_test in a process of its own, side by side with others: most of a test's time is its reference's, on one
# processor.  A test that hangs shares the device with the rest, which takes turns.
start_test() { # as run_test
  (
    trap stop_stage TERM
    late=0
    run_test "$@"
    status=$?
    [ $late = 0 ] || status=124
    echo $status >"$work/ended/$2"
  ) &
  side_by_side="$side_by_side $!"
}

wait_for_tests() { # LABELS...: adds what they came to
  for process in $side_by_side; do wait "$process"; done
  side_by_side=
  for label in "$@"; do
    late=0 status=$(cat "$work/ended/$label" 2>/dev/null || echo 1)
    [ "$status" != 124 ] || late=1
    add_outcome "$status"
  done
}

ended_well() { # LABEL
  [ "$(cat "$work/ended/$1" 2>/dev/null)" = 0 ]
}

# What is tried one by one, in processes of their own, and the programs after it: for a rehearsal a few quick ones.
list_algorithms() {
  status=0
  if [ "$kind" = soft ]; then
    printf '%s\n' persistent-cta fused
  else
    within 20 "$bin/test_conformance_gpu" cuda algorithms
  fi >"$work/algorithms" || status=$?
  add_outcome "$status"
}
programs() {
  if [ "$kind" = soft ]; then
    echo "$bin/test_planner_soft" "$bin/test_tape_soft"
  else
    for program in "$bin"/test_*_gpu; do
      case $program in */test_conformance_gpu | */test_repeat_gpu | */test_cudnn_gpu) ;; *) echo "$program" ;; esac
    done
  fi
}

# The algorithms of a list, each against the reference; `labels` are the tests under way.
start_conformance() { # ALGORITHMS...
  for algorithm in "$@"; do
    start_test "$most" "conformance-$algorithm" "$bin/test_conformance_$kind" cuda "$algorithm"
    labels="$labels conformance-$algorithm"
  done
}

start_programs() {
  for program in $(programs); do
    label=$(basename "$program" "_$kind")
    start_test "$most" "${label#test_}" "$program"
    labels="$labels ${label#test_}"
  done
}

# Whether many runs have the same bits, of the algorithms whose one run was right; those that differ are good no
# longer.
check_repeats() {
  labels=
  for algorithm in $(cat "$work/algorithms.good"); do
    start_test "$most" "repeat-$algorithm" "$bin/test_repeat_$kind" cuda "$repeats" "$algorithm"
    labels="$labels repeat-$algorithm"
  done
  # shellcheck disable=SC2086
  wait_for_tests $labels
  for algorithm in $(cat "$work/algorithms.good"); do
    case $(cat "$work/ended/repeat-$algorithm" 2>/dev/null) in
      0 | 124 | '') ;;
      *) sed -i "/^$algorithm\$/d" "$work/algorithms.good" ;;
    esac
  done
}

# Our own algorithms.  A program that hangs costs a third of the stage, and what it tried is not run again.
stage_conformance() {
  most=$(($(left) / 3 + 1)) labels=conformance-others
  : >"$work/algorithms.good"
  list_algorithms
  ours=$(grep -v '^cudnn' "$work/algorithms")
  start_test "$most" conformance-others "$bin/test_conformance_$kind" cuda others
  # shellcheck disable=SC2086
  start_conformance $ours
  start_programs
  # shellcheck disable=SC2086
  wait_for_tests $labels
  for algorithm in $ours; do
    ! ended_well "conformance-$algorithm" || echo "$algorithm" >>"$work/algorithms.good"
  done
  check_repeats
}

stage_cudnn() {
  most=$(left) labels=cudnn
  list_algorithms
  # shellcheck disable=SC2046
  start_conformance $(grep '^cudnn' "$work/algorithms")
  start_test "$most" cudnn "$bin/test_cudnn_$kind"
  # shellcheck disable=SC2086
  wait_for_tests $labels
}

# One tool of compute-sanitizer over the small table, one family of algorithms after the other; what a family
# leaves of its time is the others'.
sanitize() { # TOOL
  families=8
  for family in step persistent-cta persistent-lanes persistent-cluster persistent-grid persistent-split fused cufft; do
    status=0 log=$logs/$1-$family.log
    within $(($(left) / families + 1)) "$(tool compute-sanitizer)" --tool "$1" --error-exitcode 99 \
      "$bin/test_repeat_$kind" cuda 1 "$family" >"$log" 2>&1 || status=$?
    families=$((families - 1))
    case $status$late in
      00) word=passed ;;
      *1) word='out of time' ;;
      *) word=FAILED ;;
    esac
    checks=$(grep -c '^pass ' "$log")
    echo "$1 $family: $word, $checks checks; $(grep 'ERROR SUMMARY\|RACECHECK SUMMARY' "$log" | tail -n 1)"
    printf '{"kind": "sanitizer", "name": "%s", "algorithms": "%s", "result": "%s", "checks": %d}\n' "$1" "$family" \
      "$word" "$checks" >>"$work/rows/$stage.json"
    add_outcome "$status"
  done
}

stage_memcheck() { sanitize memcheck; }
stage_synccheck() { sanitize synccheck; }
stage_racecheck() { sanitize racecheck; }
stage_initcheck() { sanitize initcheck; }
