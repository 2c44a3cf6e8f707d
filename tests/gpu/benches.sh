# benches.sh - sourced by gpu.sh: the stages that measure.
#
# A program writes its rows of JSON and of a table one by one, so a program that is cut short keeps them.
# shellcheck shell=sh

part=10 # of the stage, so that the files of a stage have the order of their numbers

# The next rows: $rows.json and $rows.md, under a heading.
begin_rows() { # HEADING
  part=$((part + 1))
  rows=$work/rows/$stage.$part
  printf '\n## %s\n\n' "$1" >"$rows.title"
}

# A program whose words on stdout are its table.
measure() { # HEADING PROGRAM OPTIONS...
  begin_rows "$1"
  shift
  status=0
  within "$(left)" "$@" --json "$rows.json" >"$logs/$stage.log" 2>&1 || status=$?
  sed 's/^/    /' "$logs/$stage.log" | tee "$rows.md"
  add_outcome "$status"
}

stage_sync() {
  # shellcheck disable=SC2086
  measure 'Exchanges between steps (bench_sync: minimum, median, maximum)' "$bin/$bench_sync" $sync_runs
  [ ! -s "$rows.json" ] || cp "$rows.json" "$work/constants.json" # for the floor of bench_rnn
}

stage_operators() {
  # shellcheck disable=SC2086
  measure 'Clipping, updates, sums and tangents (bench_ops: minimum, median, maximum)' "$bin/$bench_ops" --device cuda $ops_runs
}

# ---------------------------------------------------------------------- bench_rnn

# The stage's time in percent that no race has had yet.
shares_left=100

# One race: SHARE of the stage in percent, the rest are options of bench_rnn.  A contender that hangs, crashes or
# leaves the device unusable ends the process; then another one goes on where it was, without that contender.  The
# patience is long for cuDNN's sake, which loads large libraries before its first run.
race() {
  race_end=$(($(now) + $(left) * $1 / shares_left))
  shares_left=$((shares_left - $1))
  shift
  first=0 without=none
  good=$(paste -sd, - <"$work/algorithms.good" 2>/dev/null)
  while [ "$(now)" -lt $race_end ]; do
    attempt "$@"
    case $status$late in 00 | 10 | 20 | *1) break ;; esac
    go_on_after || break
  done
}

attempt() {
  begin_rows "bench_rnn $*"
  : >"$work/attempt"
  set -- --device cuda --shapes "$shapes" --first "$first" --without "$without" --patience 20 --journal "$work/attempt" "$@"
  [ -z "$good" ] || set -- --algorithms "$good" "$@"
  [ ! -s "$work/constants.json" ] || set -- "$@" --sync "$work/constants.json"
  status=0 budget=$((race_end - $(now)))
  [ $budget -gt 0 ] || budget=1
  within $((budget + 10)) "$bin/$bench_rnn" --budget $budget "$@" --json "$rows.json" --markdown "$rows.md" \
    >"$logs/$stage.$part.log" 2>&1 || status=$?
  cat "$logs/$stage.$part.log"
  add_outcome "$status"
}

# From the journal: at which problem, and with which contender.
go_on_after() {
  culprit=
  read -r first culprit <"$work/attempt"
  [ -n "$culprit" ] || return 1
  echo "$culprit ended bench_rnn at problem $first (exit $status): it goes on without"
  if [ "$culprit" = reference ]; then first=$((first + 1)); else without=$without,$culprit; fi
}

# Our own algorithms: what a launch costs and what a step costs, from three lengths of the same layer.
stage_plans() {
  # shellcheck disable=SC2086
  set -- $bench_runs --steps $lengths --peers none --check-gflop 1 --direction train --patience 10
  race 40 --set short --math bf16 "$@"
  race 20 --set short --math f32 "$@"
  race 20 --set urnn --math f32 "$@"
  race 20 --set short --math tf32 "$@"
}

# In turn with cuDNN, the algorithms that conformance found no fault in.
stage_bench() {
  # shellcheck disable=SC2086
  set -- $bench_runs --check-gflop 4
  race 24 --set short --math bf16 --direction train "$@"
  race 16 --set short --math bf16 --direction fwd "$@"
  race 18 --set short --math tf32 --direction train "$@"
  race 16 --set short --math f32 --direction train "$@"
  race 6 --set short --math bf16 --direction train --cells lstm --bidirectional --layers 2 "$@"
  race 6 --set short --math bf16 --direction train --cells lstm --ragged "$@"
  race 14 --set long --math bf16 --direction train "$@"
}

# ---------------------------------------------------------------------- PyTorch and the profiler

pytorch() { # OPTIONS...
  begin_rows "PyTorch: torch_rnn.py $*"
  status=0
  within $(($(left) / pytorch_left + 5)) python3 "$root/bench/peers/torch_rnn.py" --shapes "$shapes" --set short --runs 20 \
    --warmup 5 --budget $(($(left) / pytorch_left)) "$@" --json "$rows.json" --markdown "$rows.md" \
    >"$logs/torch.$part.log" 2>&1 || status=$?
  cat "$logs/torch.$part.log"
  pytorch_left=$((pytorch_left - 1))
  add_outcome "$status"
}

stage_torch() {
  pytorch_left=4
  for math in bf16 tf32 f32; do pytorch --math $math --direction train; done
  pytorch --math bf16 --direction train --cells lstm --ragged
}

# The profiler's counters of a forward and a backward of two kernels; the clocks stay as they are.
stage_profile() {
  printf 'set,hidden,batch,timesteps,cell\nprofile,%s,lstm\n' 512,64,25 >"$work/profile.csv"
  for algorithm in persistent-cluster-async persistent-grid-packets; do
    status=0
    within $(($(left) / 2 + 5)) "$(tool ncu)" --clock-control none --set full --kernel-name regex:recurrence_main \
      --launch-count 2 --export "$logs/$algorithm" --force-overwrite "$bin/$bench_rnn" --device cuda \
      --shapes "$work/profile.csv" --math bf16 --algorithms $algorithm --peers none --check-gflop 1 --runs 1 --warmup 0 \
      >"$logs/profile-$algorithm.log" 2>&1 || status=$?
    echo "profile $algorithm: exit $status"
    add_outcome "$status"
  done
}

# Where the time of a step goes, in clocks: a build that notes when it passes the borders of a step's phases
# (kernels/persistent/timeline.h), and the shapes of the model (bench/shapes/model.csv).  Its times are of no use.
stage_timeline() {
  begin_rows 'Phases of a step, in clocks (SQ_TIMELINE)'
  status=0
  { configure "$build/timeline" -DSQ_TIMELINE && compile "$build/timeline" bench_rnn; } >"$logs/timeline-build.log" 2>&1 || status=$?
  add_outcome "$status"
  [ "$status" = 0 ] || { tail -n 30 "$logs/timeline-build.log"; return; }
  for shape in bf16:768,16 bf16:512,64 f32:128,8 f32:32,20; do
    printf 'set,hidden,batch,timesteps,cell\nmodel,%s,100,lstm\n' "${shape#*:}" >"$work/timeline.csv"
    SEQGPU_TIMELINE=$rows.json within 60 "$build/timeline/bin/bench_rnn" --device cuda --shapes "$work/timeline.csv" \
      --math "${shape%%:*}" --algorithms all --without cuda/step --peers none --check-gflop 1 --runs 1 --warmup 1 \
      >>"$logs/timeline.log" 2>&1 || status=$?
    add_outcome "$status"
  done
  sort -u "$rows.json" | sed 's/^/    /' >"$rows.md"
}
