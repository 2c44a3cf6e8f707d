#!/bin/sh
# music.sh [SET...] - polyphonic music by a plain network on a CPU (Pascanu, Mikolov, Bengio 2013, table 1): gradient
# descent, with clipping, with clipping and Omega; by default JSB_Chorales and Nottingham, also Piano_midi and MuseData.
#
# The paper's nats a step of the test sets: Piano-midi 7.56, 7.53, 7.46; Nottingham 3.80, 3.48, 3.36; MuseData 7.11, 7.00,
# 6.97; it has no JSB chorales.  100 tanh units here.  The larger sets get fewer epochs, fewer learning rates, one seed.
set -eu
. "$(dirname "$0")/paper.sh"
[ $# -gt 0 ] || set -- JSB_Chorales Nottingham
begin music
for set in "$@"; do
  if [ ! -f "$data/music/$set.train.txt.gz" ]; then
    skip "$set" "there is no $data/music/$set.train.txt.gz; SEQGPU_DATA is the folder that has music"
    continue
  fi
  case $set in
    JSB_Chorales) options= ;;
    Nottingham) options="--rates 0.1,0.3,1 --epochs 60 --patience 5 --seeds 1" ;;
    *) options="--rates 0.03,0.1,0.3 --epochs 15 --patience 3 --seeds 1" ;;
  esac
  echo "$set: paper_music $set --data \$SEQGPU_DATA/music $options"
  "$build/bin/paper_music" "$set" --data "$data/music" --threads "$threads" --results "${RESULTS:-$root/bench/results}" $options
done
