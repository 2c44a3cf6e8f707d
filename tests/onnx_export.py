#!/usr/bin/env python3
"""Model files that test_onnx_write leaves, run by ONNX Runtime and compared with what this library computes.

    python3 tests/onnx_export.py build/bin/test_onnx_write

Every file passes the checker of the onnx package and its shape inference, where that package is.  It is run with all of
its inputs, and where it may be, with x alone: the others have defaults.
"""
import os
import struct
import subprocess
import sys
import tempfile

TOLERANCE = 1e-6


def skip(why):
    print("skip onnx export: %s" % why)
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)


try:
    import numpy as np
    import onnxruntime
except ImportError as error:
    skip(error)
try:
    import onnx
except ImportError:
    onnx = None


def read_vectors(path):
    """{case: {name: array}} of a file in the form of goldens/make_goldens.py."""
    cases = {}
    with open(path, "rb") as file:
        assert file.read(8) == b"SQGOLD1\n"
        while head := file.read(4):
            case, name = file.read(struct.unpack("<I", head)[0]).decode().split("/")
            rank = struct.unpack("<I", file.read(4))[0]
            dims = struct.unpack("<%dq" % rank, file.read(8 * rank))
            count = int(np.prod(dims))
            cases.setdefault(case, {})[name] = np.frombuffer(file.read(8 * count)).reshape(dims)
    return cases


def error(ours, theirs):
    return np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) if ours.shape == theirs.shape else float("inf")


def outputs(path, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options)
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))


def check_case(path, tensors):
    """The worst error with all inputs, and what x alone makes of defaults."""
    if onnx:
        onnx.checker.check_model(path, full_check=True)
    feeds = {n: v.astype(np.int32 if n == "sequence_lens" else np.float32) for n, v in tensors.items()
             if n in ("x", "sequence_lens", "h0", "c0")}
    found = outputs(path, feeds)
    worst = max(error(found[n], tensors[n]) for n in found)
    alone = outputs(path, {"x": feeds["x"]})
    batch = tensors["hn"].shape[1]
    steps = tensors["x"].shape[0] if tensors["x"].shape[1] == batch else tensors["x"].shape[1]
    explicit = {"x": feeds["x"], "sequence_lens": np.full(batch, steps, dtype=np.int32)}
    explicit.update({n: np.zeros_like(feeds[n]) for n in ("h0", "c0") if n in feeds})
    same = outputs(path, explicit)
    return worst, all(np.array_equal(alone[n], same[n]) for n in alone)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], "--into", folder], check=True, stdout=subprocess.DEVNULL)
        for case, tensors in read_vectors(os.path.join(folder, "vectors.bin")).items():
            worst, defaults = check_case(os.path.join(folder, case + ".onnx"), tensors)
            good = worst <= TOLERANCE and defaults
            print("%s onnx export, %s: error %.2g, with x alone %s" % ("pass" if good else "FAIL", case, worst,
                                                                       "the same" if defaults else "something else"))
            passed, failed = passed + good, failed + (not good)
    if onnx is None:
        print("skip onnx export, checker: the onnx package is not here")
    print("%d passed, %d failed, %d skipped" % (passed, failed, onnx is None))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
