#!/bin/sh
# test_gpu_stages.sh - what gpu.sh makes of programs that fail, hang and crash, on a card that does not exist and
# with programs that only pretend: each costs itself alone, time that is left over passes on, and the results are
# there whatever ends the run.
set -u
. "$(dirname "$0")/report.sh"
here=$(cd "$(dirname "$0")" && pwd)
temp=$(mktemp -d /tmp/seqgpu-stages-XXXXXX) || exit 1
trap 'rm -rf "$temp"' EXIT
python=$(command -v python3)
if ! command -v timeout >/dev/null 2>&1; then
  skip "gpu.sh: stages" "no timeout(1) here"
  finish
  exit
fi

pretend() { # FILE LINES...: a program that runs the lines
  file=$1
  shift
  { echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$file"
  chmod +x "$file"
}

# A program of the build folder, after `option NAME`, which sets $value to the value of an option.
program() { # NAME LINES...
  file=$temp/fake/bin/$1
  shift
  pretend "$file" 'option() { wanted=$1; shift; while [ $# -gt 1 ] && [ "$1" != "$wanted" ]; do shift; done; value=${2-}; }' "$@"
}

mkdir -p "$temp/path" "$temp/fake/bin"
export PATH="$temp/path:$PATH" SEQGPU_GPU_BUILD="$temp/fake" SEQGPU_RESULTS="$temp/results" SEQGPU_COMMIT=none
pretend "$temp/path/nvidia-smi" 'case $* in -L) echo "GPU 0: pretended" ;; *name*) echo "Pretended card" ;; *) echo 9.0 ;; esac'
# no PyTorch, whatever this machine has, but cuBLAS as PyTorch would bring it
pretend "$temp/path/python3" "case \$* in *'import nvidia'*) echo '$temp/site/nvidia' ;; *) exit 1 ;; esac"
mkdir -p "$temp/site/nvidia/cu13/lib"
: >"$temp/site/nvidia/cu13/lib/libcublas.so.13"
program test_conformance_gpu 'case $2 in algorithms) printf "%s\n" step stuck crash wrong good cudnn-standard; exit ;;' \
  'stuck) trap "" TERM; echo "pass one row"; while :; do sleep 1; done ;; crash) kill -s SEGV $$ ;;' \
  'wrong) echo "FAIL it: pretended"; echo "2 passed, 1 failed, 0 skipped"; exit 1 ;; esac' 'echo "3 passed, 0 failed, 0 skipped"'
program test_repeat_gpu 'echo "1 passed, 0 failed, 0 skipped"'
program bench_sync 'option --json "$@"; echo "loader: $LD_LIBRARY_PATH"; echo "{\"kind\": \"sync\", \"what\": \"pretended\"}" >"$value"; sleep "${SLEEP-0}"'
pretend "$temp/path/compute-sanitizer" 'kill -s KILL $$' # not for want of time
pretend "$temp/path/cuobjdump" 'cat <<LISTING' '		Function : a_kernel' '        /*0000*/         LDC R1, c[0x0][0x28] ;  /* 0x00000a00ff017b82 */' \
  '        /*0010*/    @!P0 HMMA.16816.F32 R4, R8, R12, R4 ;  /* 0x0 */' '        /*0020*/         HMMA.16816.F32 R4, R8, R12, R4 ;  /* 0x0 */' LISTING
# its first contender spoils the device, at problem 7; without that contender all is well
program bench_rnn 'option --without "$@"; without=$value; option --journal "$@"; journal=$value; option --first "$@"; first=$value' \
  'option --json "$@"; echo "{\"kind\": \"rnn\", \"without\": \"$without\", \"first\": $first}" >"$value"' \
  'case $without in *cuda/bad*) exit 0 ;; esac' 'echo "7 cuda/bad" >"$journal"; exit 3'

gpu() { # SHARE_OF_CONFORMANCE SHARE_OF_SYNC STAGES...: what it says is in $temp/said
  export SEQGPU_SECONDS_conformance="$1" SEQGPU_SECONDS_sync="$2"
  shift 2
  sh "$here/gpu.sh" "$@" >"$temp/said" 2>&1
}
said() { grep -q -e "$1" "$temp/said" || { cat "$temp/said"; return 1; }; }
rows() { # TEXT: some row has it
  cat "$temp"/results/*.json | grep -q -e "$1"
}
packed() { # FILE: it is in the tar
  for tar in "$temp"/results/*.tar.gz; do tar -tzf "$tar" | grep -q -e "$1" || return 1; done
}
no_process() { # within a few seconds
  for _ in 1 2 3 4 5 6 7 8 9; do
    ps -A -o args= | grep -v grep | grep "$temp/fake/bin" || return 0
    sleep 0.5
  done
  return 1
}
seconds_of() { sed -n "s/^== $1: .* after \([0-9]*\) s/\1/p" "$temp/said"; }

# ---------------------------------------------------------------------- programs that fail
gpu 10 3 conformance sync plans operators cudnn memcheck torch profile code
check "the exit code tells of failed stages" test $? = 1
check "a hung program costs its own limit" test "$(seconds_of conformance)" -lt 9
check "what is not built costs its stage alone" said '^skip operators: not built'
for line in 'conformance-stuck: exit 137, 1 passed, out of time' 'conformance-crash: exit 139' 'FAIL it: pretended' \
  '^== conformance: FAILED' '^== sync: passed' '^== memcheck: FAILED' '^skip profile: no ncu\|^== profile' '^skip torch: python3 has no PyTorch'; do
  check "said: $line" said "$line"
done
check "the rest of the stage runs" said 'conformance-good: exit 0, 3 passed'
check "the loader finds the libraries of Python packages" said 'loader: .*/site/nvidia/cu13/lib'
check "cuDNN's algorithms are not among ours" sh -c '! sed "/^== sync/q" "$1" | grep -q cudnn' sh "$temp/said"
check "good are those that passed" sh -c 'test "$(cat "$1" | tr "\n" " ")" = "step good "' sh "$temp/fake/gpu-run/algorithms.good"
check "bench_rnn goes on without what ended it" said 'cuda/bad ended bench_rnn at problem 7 (exit 3)'
check "and where it ended" rows '"without": "none,cuda/bad", "first": 7'
check "no process is left" no_process
for row in '"2 passed, 1 failed' '"what": "pretended"' '"name": "conformance-stuck", "exit": 137' '"name": "sync", "result": "passed"'; do
  check "the results keep $row" rows "$row"
done
if [ -n "$python" ]; then
  check "the rows are JSON" "$python" -c 'import json, sys; json.load(open(sys.argv[1]))' "$temp"/results/*.json
else
  skip "the rows are JSON" "no python3 here"
fi
check "the tar has every log" packed logs/conformance-stuck.log
check "machine instructions are counted" grep -qx 'a_kernel HMMA 2' "$temp/fake/gpu-run/logs/sass.txt"
check "at most eight files" sh -c 'test "$(ls "$1" | wc -l)" -le 8' sh "$temp/results"
check "names that any system takes" sh -c '! ls "$1" | grep -q "[^A-Za-z0-9._-]"' sh "$temp/results"

# ---------------------------------------------------------------------- a build that looks at the phases of a step
rm -rf "$temp/results"
pretend "$temp/path/cmake" 'case $* in *--build*) mkdir -p "$2/bin"; cp "$2/../bin/bench_rnn" "$2/bin" ;; *) echo "flags: $*" ;; esac'
program bench_rnn 'option --math "$@"; echo "{\"kind\": \"timeline\", \"math\": \"$value\"}" >>"$SEQGPU_TIMELINE"'
gpu 8 2 timeline
check "the timeline has a build of its own" sh -c 'grep -q "flags: .*-B [^ ]*/timeline .*-DSQ_TIMELINE" "$1"' sh "$temp/fake/gpu-run/logs/timeline-build.log"
check "and rows for each arithmetic" rows '"kind": "timeline", "math": "bf16"'
check "the last of them too" rows '"kind": "timeline", "math": "f32"'
rm "$temp/path/cmake"

# ---------------------------------------------------------------------- time
rm -rf "$temp/results"
program test_conformance_gpu 'echo "3 passed, 0 failed, 0 skipped"'
SLEEP=4 gpu 8 2 conformance sync
check "time that a stage leaves passes on" said '^== sync: passed'
SLEEP=30 gpu 8 3 sync
check "and no more than that" said '^== sync: out of time'
check "what was found until then is kept" rows '"what": "pretended"'

# ---------------------------------------------------------------------- the end of a run
ends() { # SIGNAL: the run is ended in its second stage
  rm -rf "$temp/results" "$temp/said"
  SLEEP=60 gpu 20 3 conformance sync &
  run=$!
  until grep -q '^== sync (' "$temp/said" 2>/dev/null; do sleep 0.2; done
  group=$(ps -o pid= --ppid $run | head -n 1)
  kill -s "$1" "$group"
  wait $run
}
ends TERM
check "TERM keeps the stage under way" rows '"name": "sync", "result": "interrupted"'
check "and leaves no process" no_process
ends KILL
check "after KILL the tar of the stage before is there" packed logs/conformance-others.log
check "and its rows" rows '"name": "conformance", "result": "passed"'

finish
