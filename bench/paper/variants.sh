#!/bin/sh
# variants.sh [SEEDS] [UPDATES] [TEXT] - the eight variants of an LSTM (Greff, Srivastava, Koutnik,
# Steunebrink, Schmidhuber 2017, "LSTM: a search space odyssey") as character models on a CPU.
#
# The paper: their vanilla LSTM has peepholes; of its parts the forget gate and the output activation are
# the critical ones, and without either (NFG, NOAF) it is clearly worse on each of three tasks.  For each
# variant and task it draws 200 settings and compares the best of them; it learns with momentum and without
# clipping.
#
# Here: one layer of 64 units, tinyshakespeare of SEQGPU_DATA, the same settings and number of updates for
# all (1,200 of 32 windows of 50 characters = 1.9 epochs), 5 seeds.  The state is carried from window to
# window, so that a cell that cannot forget has all that came before in it.  A variant that the build lacks
# is skipped by name.
#
# Found: NFG is 20 % worse, NOAF blows up with three of five seeds; NIG, NOG, NIAF and NP do not differ from
# vanilla by more than the seeds do, nor does FGR clearly; CIFG learns faster.
set -eu
seeds=$(seq "${1:-5}")
updates=${2:-1200}
. "$(dirname "$0")/paper.sh"
text=${3:-$data/tinyshakespeare.txt}
needs variants "$text"
begin lstm-variants
common="--text $text --cell lstm --layers 1 --hidden 64 --embedding 32 --seq-len 50 --batch 32 --optimizer adam --lr 3e-3 --clip 5
  --steps $updates --log-every 200 --eval-every 200"

run_seeds "vanilla" charlm $common --peephole
run_seeds "NIG: no input gate" charlm $common --peephole --no-input-gate
run_seeds "NFG: no forget gate" charlm $common --peephole --no-forget-gate
run_seeds "NOG: no output gate" charlm $common --peephole --no-output-gate
run_seeds "NIAF: no input activation" charlm $common --peephole --no-input-activation
run_seeds "NOAF: no output activation" charlm $common --peephole --no-output-activation
run_seeds "NP: no peepholes" charlm $common
run_seeds "CIFG: coupled gates" charlm $common --peephole --coupled
run_seeds "FGR: full gate recurrence" charlm $common --peephole --full-gate-recurrence

publish --title "Variants of the LSTM" --y val_bits_per_char --y-label "bits per character (validation)" --log-y --beside vanilla \
  --columns val_bits_per_char:last,val_bits_per_char:min,step:last \
  --about "$(basename "$text"), one layer of 64 units, truncated BPTT over 50 steps, batch 32, the same settings for all; the last tenth of the text validates. In the paper (Greff et al. 2017) NFG and NOAF are clearly worse than vanilla on each of its three tasks." \
  --note "All runs on the CPU, $threads thread(s) each, at most $jobs at a time, $updates updates each."
