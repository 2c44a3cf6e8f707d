# started.sh - sourced by the test scripts that start processes by hand, on the emulator and with the stand-in for NCCL.

# nccl_standin BUILD_FOLDER: the loader finds it from here on, and its files are in a folder of this one; fails where it is not
# built.
nccl_standin() {
  [ -e "$1/standin/libnccl.so.2" ] || return 1
  mkdir nccl
  LD_LIBRARY_PATH=$1/standin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} SEQGPU_STANDIN_NCCL_FOLDER=nccl
  export LD_LIBRARY_PATH SEQGPU_STANDIN_NCCL_FOLDER
}

# started N COMMAND...: starts a test program (comm/world.h) N times, at most 300 s; the output is that of the first, and the
# exit code the first that is not 0.
started() {
  n=$1 r=0 code=0 all=""
  shift
  while [ $r -lt "$n" ]; do
    SEQGPU_TEST_RANKS_FILE=ranks SEQGPU_TEST_WORLD=$n SEQGPU_TEST_RANK=$r timeout -k 5 300 "$@" &
    all="$all $!" r=$((r + 1))
  done
  for one in $all; do wait $one || code=$?; done
  return $code
}
