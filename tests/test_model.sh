#!/bin/sh
# test_model.sh PROJECT_FOLDER - the exchanges of the persistent kernels are ordered as they must be: proofs
# by the PTX memory model, and the model against published verdicts (model/test_model.py).
set -u
project=$1
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
  echo "skip proofs of the exchanges: no python3 of version 3.8 or later here"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
exec python3 -B "$project/tests/model/test_model.py" "$project"
