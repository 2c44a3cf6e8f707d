#!/bin/sh
# test_nvtx.sh PROGRAM LISTENER - the ranges that a profiler sees of a training step: operators and algorithms by their names,
# each closed again, and none without a profiler's library.
. "$(dirname "$0")/cli.sh"

listener=$2
echo "the cat sat on the mat, and the dog sat on the log." >text
train() {
  NVTX_INJECTION64_PATH=$1 NVTX_LISTENER=$PWD/$2 "$seqgpu" train charlm --text text --cell lstm --hidden 8 --batch 2 --seq-len 6 \
    --steps 2 --eval-every 0 --device cuda --plan step
}
check "training that is listened to" train "$listener" ranges
for name in embedding_forward xent_forward xent_backward gemm cuda/step; do
  check "a range $name" grep -q "^ *$name$" ranges
done
check "every range is closed" grep -q '^open: 0$' ranges
check "training without a listener" train "" nothing
if [ -e nothing ]; then fail "no ranges without it" "there is a file of them"; else pass "no ranges without it"; fi
finish_cli
