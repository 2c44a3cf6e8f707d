#!/bin/sh
# test_soft_train.sh PROGRAM - training by the program on the software device: the losses and gradient norms of
# its first updates are those of the CPU, within what float32 leaves open; a restart from a checkpoint goes on
# with the same bits, under another schedule.
. "$(dirname "$0")/cli.sh"

awk 'BEGIN { for (i = 0; i < 60; i++) printf "the %s sat on the %s. ", i % 3 ? "cat" : "dog", i % 5 ? "mat" : "log" }' >text
small="--hidden 8 --batch 3 --log-every 1 --eval-every 0"

# "step loss grad_norm" of each report in a log.
numbers() {
  sed 's/.*"step": \([^,]*\),.*"loss": \([^,]*\),.*"grad_norm": \([^,]*\),.*/\1 \2 \3/' "$1"
}

# Two logs have as many reports, and their numbers differ by a ten-thousandth at most.
agree() { # CPU CUDA
  numbers "$1" >cpu.numbers
  numbers "$2" >cuda.numbers
  paste -d ' ' cpu.numbers cuda.numbers | awk '
    function far(a, b) { return (a > b ? a - b : b - a) > 1e-4 * (a < 0 ? -a : a) + 1e-6 }
    { n++; if (NF != 6 || $1 != $4 || far($2, $5) || far($3, $6)) { bad++; print "cpu, cuda: " $0 } }
    END { exit bad != 0 || n < 4 }'
}

# One line of numbers per update on both devices, and they agree.
same_numbers() { # TASK OPTIONS...
  rm -f cpu.log cuda.log
  for device in cpu cuda; do
    "$seqgpu" train "$@" $small --device $device --log $device.log --steps 4 || return 1
  done
  agree cpu.log cuda.log
}

for cell in rnn lstm gru scrn mlstm urnn; do
  check "cuda f32: task charlm, $cell, losses of the CPU" same_numbers charlm --text text --seq-len 6 --cell $cell --dropout 0.2
done
check "cuda f32: task charlm, adam, two layers, losses of the CPU" \
  same_numbers charlm --text text --seq-len 6 --cell lstm --layers 2 --optimizer adam --clip auto
check "cuda f32: task adding, losses of the CPU" same_numbers adding --T 8
check "cuda f32: task copy, losses of the CPU" same_numbers copy --T 4
check "cuda f32: task temporal-order, losses of the CPU" same_numbers temporal-order --T 12
check "cuda f32: task xor, losses of the CPU" same_numbers xor --T 10 --T-max 13
check "cuda f32: task embedded-reber, losses of the CPU" same_numbers embedded-reber --T 12

train() { "$seqgpu" train charlm --text text $small --seq-len 6 --device cuda "$@"; }
check "cuda f32: 6 updates" train --steps 6 --checkpoint whole
check "cuda f32: 3 updates" train --steps 3 --checkpoint part
check "cuda f32: 3 more" train --steps 6 --resume part --checkpoint rest
check "cuda f32: a restart has the same bits, under another schedule" cmp whole rest

# Whichever call of CUDA fails: the run ends with a sentence, and what was saved is whole; or it makes no difference.
for call in 40 200 500 800 1100 1400; do
  rm -f failing
  SEQGPU_SOFT_FAIL=$call
  export SEQGPU_SOFT_FAIL
  train --steps 6 --checkpoint failing --checkpoint-every 2 >out 2>err
  code=$?
  unset SEQGPU_SOFT_FAIL
  name="cuda f32: call $call of CUDA fails"
  if [ $code = 0 ] && cmp -s failing whole; then pass "$name: it makes no difference"
  elif [ $code = 1 ] && grep -q '^seqgpu: ' err && { [ ! -e failing ] || "$seqgpu" verify failing >out 2>&1; }; then
    pass "$name: $(head -c 200 err)"
  else fail "$name" "exit $code: $(head -c 300 err)"; fi
done

# Without cuBLAS, cuFFT and cuDNN (soft/test_soft_missing.c).
SEQGPU_SOFT_LIBRARIES=0
export SEQGPU_SOFT_LIBRARIES
check "cuda f32: task charlm without cuBLAS, losses of the CPU" same_numbers charlm --text text --seq-len 6 --cell lstm

finish
