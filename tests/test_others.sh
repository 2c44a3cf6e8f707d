#!/bin/sh
# test_others.sh BUILD_FOLDER SOURCE_FOLDER - models that others trained and put on PyPI, imported and run here.
#
# SEQGPU_PYTHON names another interpreter than python3: one that has numpy, h5py and the packages g2p-en and textgenrnn (their files
# are enough: pip install --no-deps).
set -u
build=$1
source=$2
. "$source/tests/report.sh"
python=${SEQGPU_PYTHON:-python3}
export SEQGPU_LIBRARY="$build/libseqgpu.so" PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH="$source/host/bindings/python${PYTHONPATH:+:$PYTHONPATH}"

# compare NAME SCRIPT MODULE...: the script says it in its last line, and its exit status whether it is so
compare() {
  name=$1
  script=$2
  shift 2
  for module; do
    if ! "$python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$module') is None)" 2>/dev/null; then
      skip "$name" "no $module for $python here"
      return
    fi
  done
  if said=$("$python" "$source/tests/$script" 2>&1); then pass "$name: $(echo "$said" | tail -n 1)"
  else fail "$name" "$(echo "$said" | tail -n 1)"; fi
}

compare "g2p-en" others_g2p.py numpy g2p_en
compare "textgenrnn" others_textgenrnn.py numpy h5py textgenrnn
finish
