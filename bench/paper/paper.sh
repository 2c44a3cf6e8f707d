# paper.sh - what the experiments of this folder share; they source it, with $minutes set where they use `share`.
#
#   seqgpu               the program, of build/ beside the sources or of the folder that BUILD names
#   needs NAME FILE [PACKAGE]  skips this experiment and ends the script where there is no such file, which the package has
#   so_long EPOCHS SEEDS  sets $epochs and $seeds where the command line does not
#   run NAME TASK ...    trains in the background, on one thread, at most two runs at a time
#   go_on NAME TASK ...  continues a run that has ended, in the same log
#   run_seeds NAME TASK ...  runs "NAME, seed N" for each N of $seeds, each of which saves its model
#   finish               waits for the runs that are under way
#   measure NAME PREFIX ...  what `seqgpu eval` says of the model that a run has saved
#   peer NAME SCRIPT ...     trains with bench/peers/SCRIPT, in the background as well; peer_seeds as run_seeds
#   find_digits          sets $files, the options that name the images of the digits, and $what they are
#   skip NAME REASON     reports by name what cannot run here
#   publish ...          writes table, curves and numbers of all runs to bench/results, or to $RESULTS
#
# The logs stay in build/paper/NAME.  THREADS=2 gives each run two threads, JOBS=1 makes the runs take turns, DEVICE=cuda runs them there.
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
build=${BUILD:-$root/build}
seqgpu=$build/bin/seqgpu
threads=${THREADS:-1}
jobs=${JOBS:-2}
device=${DEVICE:-cpu}
data=${SEQGPU_DATA:-$root/../shared/data}
python=${PYTHON:-python3}
torch= # yes or no, once it has been asked
for program in seqgpu paper_collect; do
  if [ ! -x "$build/bin/$program" ]; then
    echo "paper.sh: there is no $build/bin/$program; build it: cmake -B build && cmake --build build" >&2
    exit 1
  fi
done

# begin NAME: makes an empty folder for the logs of this experiment.
begin() {
  experiment=$1
  work=$build/paper/$experiment
  rm -rf "$work"
  mkdir -p "$work"
  : >"$work/runs"
  : >"$work/skipped"
  : >"$work/peers"
  running=0 children=
}

# needs NAME FILE [PACKAGE]
needs() {
  if [ -r "$2" ]; then return 0; fi
  echo "skipped: $1: there is no $2${3:+; Debian's $3 has it}"
  exit 0
}

# so_long EPOCHS SEEDS: what is meant where the command line does not say, in $epochs and $seeds.
so_long() {
  [ "$epochs" != 0 ] || epochs=$1
  [ -n "$seeds" ] || seeds=$2
}

skip() {
  printf '%s\t%s\n' "$1" "$2" >>"$work/skipped"
  echo "skipped: $1: $2"
}

has_cell() { "$seqgpu" info --device cpu | grep -q "^$1 "; }

# A share of the minutes: share 3 is a third.
share() { awk "BEGIN { print $minutes / $1 }"; }

# parameters TASK OPTIONS...: how many elements the parameters of such a model have.
parameters() { "$seqgpu" train "$@" --device cpu --threads 1 --dry-run --json | sed -n 's/.*"parameters": \([0-9]*\).*/\1/p'; }

# baseline TASK OPTIONS...: the loss of a model that knows nothing.
baseline() { "$seqgpu" train "$@" --device cpu --threads 1 --dry-run --json | sed -n 's/.*"baseline": \([0-9.e-]*\).*/\1/p'; }

log_of() { echo "$work/$(echo "$1" | tr ' /,' '___').jsonl"; }

# Where a run of run_seeds saves its model.
model_of() { log_of "$1" | sed 's/jsonl$/safetensors/'; }

# updates NAME: how many a run that has ended has made, 0 if there was no run.
updates() { sed -n '$s/.*"step": \([0-9]*\).*/\1/p' "$(log_of "$1")" 2>/dev/null | grep . || echo 0; }

# note_run NAME LOG PARAMETERS COMMAND: adds a run to the list.
note_run() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$work/runs"; }

# The command as anybody would type it, without the folders of this machine.
command_of() { echo "seqgpu train $*" | sed "s|$data|\$SEQGPU_DATA|g; s|$work/||g"; }

# under_way: the command that was put into the background last is a run.
under_way() {
  children="$children $!"
  running=$((running + 1))
  [ $running -lt "$jobs" ] || finish
}

# start NAME TASK OPTIONS...: trains in the background and appends to the log.
start() {
  log=$(log_of "$1")
  shift
  "$seqgpu" train "$@" --device "$device" --threads "$threads" --log "$log" >>"$log.out" 2>&1 &
  under_way
}

# can_run NAME TASK OPTIONS...: sets $count to the parameters of such a model, or skips it.
can_run() {
  name=$1
  shift
  count=$(parameters "$@" 2>"$work/error") || count=
  if [ -n "$count" ]; then return 0; fi
  skip "$name" "$(head -1 "$work/error")"
  return 1
}

# run NAME TASK OPTIONS...
run() {
  can_run "$@" || return 0
  name=$1
  shift
  note_run "$name" "$(log_of "$name")" "$count" "$(command_of "$@")"
  echo "$name: $count parameters, seqgpu train $*"
  start "$name" "$@"
}

# go_on NAME TASK --resume FILE OPTIONS...: continues from the checkpoint that the run left, if it left one.
go_on() {
  name=$1
  shift
  finish
  [ -f "$3" ] || return 0
  sed -i "s|^$name\t.*|&; then $(command_of "$@")|" "$work/runs"
  echo "$name: continues, seqgpu train $*"
  start "$name" "$@"
}

# run_cell CELL NAME TASK OPTIONS...: the same with --cell CELL; skipped where the build has no such cell.
run_cell() {
  cell=$1
  shift
  if has_cell "$cell"; then run "$@" --cell "$cell"; else skip "$1" "this build has no cell \"$cell\""; fi
}

# run_seeds NAME TASK OPTIONS...: means and deviations of what they report come before the numbers of each.
run_seeds() {
  can_run "$@" || return 0
  group=$1
  shift
  for seed in $seeds; do
    run "$group, seed $seed" "$@" --seed "$seed" --checkpoint "$(model_of "$group, seed $seed")"
  done
}

# has_torch NAME: skips NAME where python has no PyTorch.
has_torch() {
  [ -n "$torch" ] || torch=$("$python" -c 'import torch, numpy; print("yes")' 2>/dev/null) || torch=no
  if [ "$torch" = yes ]; then return 0; fi
  skip "$1" "python3 has no PyTorch"
  return 1
}

# peer NAME SCRIPT OPTIONS...: the script prints the number of its parameters first.
peer() {
  name=$1 script=bench/peers/$2
  has_torch "$name" || return 0
  shift 2
  log=$(log_of "$name")
  printf '%s\t%s\t%s\n' "$name" "$log" "$(echo "$script $*" | sed "s|$data|\$SEQGPU_DATA|g; s|$work/||g")" >>"$work/peers"
  echo "$name: $script $*"
  "$python" "$root/$script" "$@" --threads "$threads" --log "$log" >"$log.out" &
  under_way
}

peer_seeds() {
  group=$1
  shift
  has_torch "$group" || return 0
  for seed in $seeds; do peer "$group, seed $seed" "$@" --seed "$seed"; done
}

# note_peers: adds the peers that have ended to the list.
note_peers() {
  while IFS="$(printf '\t')" read -r name log command; do
    if [ -s "$log" ]; then note_run "$name" "$log" "$(head -1 "$log.out")" "$command"; else skip "$name" "the peer failed"; fi
  done <"$work/peers"
}

# find_digits: MNIST in SEQGPU_DATA, or the images of Debian's dataset-fashion-mnist; 1 if there are none.
find_digits() {
  if [ -r "$data/mnist/train-images-idx3-ubyte.gz" ]; then
    folder=$data/mnist what="MNIST from SEQGPU_DATA"
  elif [ -r /usr/share/dataset-fashion-mnist/train-images-idx3-ubyte.gz ]; then
    folder=/usr/share/dataset-fashion-mnist what="Fashion-MNIST from Debian's dataset-fashion-mnist"
  else
    echo "skipped: digits: there is neither $data/mnist nor dataset-fashion-mnist"
    return 1
  fi
  files="--images $folder/train-images-idx3-ubyte.gz --labels $folder/train-labels-idx1-ubyte.gz
    --val-images $folder/t10k-images-idx3-ubyte.gz --val-labels $folder/t10k-labels-idx1-ubyte.gz"
}

finish() {
  for child in $children; do wait "$child" || echo "paper.sh: a run ended with exit code $?; see $work" >&2; done
  children= running=0
}

# measure NAME PREFIX OPTIONS...: adds a line to the run's log, what eval says of its model with PREFIX before
# each key.
measure() {
  name=$1 prefix=$2
  shift 2
  echo "$name: seqgpu eval $*"
  "$seqgpu" eval --checkpoint "$(model_of "$name")" --json --device "$device" --threads "$threads" "$@" |
    sed "s/\"\([a-z_]*\)\": /\"$prefix\1\": /g" >>"$(log_of "$name")"
}

stop_children() { for child in $children; do kill "$child" 2>/dev/null || true; done; }
trap 'stop_children; exit 130' INT TERM

publish() {
  finish
  note_peers
  "$build/bin/paper_collect" "$work" --name "$experiment" --results "${RESULTS:-$root/bench/results}" "$@"
  cat "${RESULTS:-$root/bench/results}/$experiment.md"
}
