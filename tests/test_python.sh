#!/bin/sh
# test_python.sh BUILD_FOLDER SOURCE_FOLDER - the Python package with the library of this build (test_python.py).
#
# SEQGPU_PYTHON names another interpreter than python3: one that has numpy, and for all of the checks torch and h5py.
set -u
build=$1
source=$2
. "$source/tests/report.sh"
python=${SEQGPU_PYTHON:-python3}

if ! command -v "$python" >/dev/null 2>&1; then
  skip "the Python package" "no $python here"
elif ! "$python" -c 'import numpy' 2>/dev/null; then
  skip "the Python package" "$python has no numpy"
else
  SEQGPU_LIBRARY=$build/libseqgpu.so PYTHONPATH=$source/host/bindings/python${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 \
    exec "$python" "$source/tests/test_python.py"
fi
finish
