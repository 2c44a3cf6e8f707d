#!/usr/bin/env python3
"""The node test vectors of the ONNX project for RNN, LSTM and GRU, as model files, through our reader.

    python3 tests/onnx_vectors.py build/bin/test_onnx

Takes the vectors of every place that has some: the installed onnx package, as data (up to 1.16) or made by its own code
(later), and Debian's libonnx-testdata.  In them the weights come with each run; here they become constants of the file, as
they are in every model.  test_onnx runs the files and compares; the last line counts the vectors that came out right.
"""
import glob
import os
import struct
import subprocess
import sys
import tempfile
import warnings

PREFIXES = ("test_rnn", "test_simple_rnn", "test_lstm", "test_gru")
DEBIAN = "/usr/share/libonnx-testdata/data/node"


def skip(why):
    print("skip onnx vectors: %s" % why)
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)


try:
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
except ImportError as error:
    skip(error)


def from_folder(folder):
    """(name, model, inputs, outputs) of data files."""
    for path in sorted(glob.glob(os.path.join(folder, "test_*"))):
        name = os.path.basename(path)
        if not name.startswith(PREFIXES):
            continue
        read = lambda kind: [numpy_helper.to_array(onnx.load_tensor(f)) for f in
                             sorted(glob.glob(os.path.join(path, "test_data_set_0", kind + "_*.pb")))]
        yield name, onnx.load(os.path.join(path, "model.onnx")), read("input"), read("output")


def from_package():
    data = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "node")
    if glob.glob(os.path.join(data, "test_lstm*")):
        yield from from_folder(data)
        return
    from onnx.backend.test.case.node import collect_testcases
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for case in cases:
        if case.name.startswith(PREFIXES):
            yield case.name, case.model, case.data_sets[0][0], case.data_sets[0][1]


records = []


def write(name, array):
    array = np.asarray(array, dtype="<f8")
    encoded = name.encode("ascii")
    records.append(struct.pack("<I", len(encoded)) + encoded + struct.pack("<I", array.ndim)
                   + struct.pack("<%dq" % array.ndim, *array.shape) + np.ascontiguousarray(array).tobytes())


def convert(folder, name, model, inputs, outputs):
    """Writes the model with its weights inside, and the vectors in our shapes."""
    graph, node = model.graph, model.graph.node[0]
    given = dict(zip([i.name for i in graph.input], inputs))
    expected = dict(zip([o.name for o in graph.output], outputs))
    layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
    runs = set(node.input[0:1]) | set(node.input[4:5])  # X and sequence_lens
    for value in list(graph.input):
        if value.name not in runs:
            graph.input.remove(value)
            graph.initializer.append(numpy_helper.from_array(np.asarray(given[value.name]), value.name))
    onnx.save(model, os.path.join(folder, name + ".onnx"))
    write(name + "/x", given[node.input[0]])
    if len(node.input) > 4 and node.input[4]:
        write(name + "/lengths", given[node.input[4]])
    for place, ours in enumerate(("y", "hn", "cn")):
        if place >= len(node.output) or not node.output[place]:
            continue
        value = np.asarray(expected[node.output[place]])
        if ours == "y":  # [T, N, B, H] or [B, T, N, H]
            value = value if layout else value.transpose(0, 2, 1, 3)
            value = value.reshape(value.shape[0], value.shape[1], -1)
        elif layout:
            value = value.transpose(1, 0, 2)
        write(name + "/" + ours, value)


def count(program, source, vectors):
    """Runs one place's vectors; (right, all)."""
    del records[:]
    names = []
    with tempfile.TemporaryDirectory() as folder:
        for name, model, inputs, outputs in vectors:
            convert(folder, name, model, inputs, outputs)
            names.append(name)
        with open(os.path.join(folder, "vectors.bin"), "wb") as file:
            file.write(b"SQGOLD1\n" + b"".join(records))
        out = subprocess.run([program, folder], stdout=subprocess.PIPE, text=True).stdout
    failed = [line for line in out.splitlines() if line.startswith("FAIL")]
    for line in failed:
        print(line)
    right = [n for n in names if "pass %s, is one network" % n in out and not any("FAIL %s," % n in f for f in failed)]
    for name in names:
        print("%s onnx vectors, %s: %s" % ("pass" if name in right else "FAIL", source, name))
    return len(right), len(names)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    right, total = count(sys.argv[1], "onnx " + onnx.__version__, from_package())
    if os.path.isdir(DEBIAN):
        more = count(sys.argv[1], "libonnx-testdata", from_folder(DEBIAN))
        right, total = right + more[0], total + more[1]
    else:
        print("skip onnx vectors, libonnx-testdata: it is not installed here")
    print("%d passed, %d failed, %d skipped" % (right, total - right, 0 if os.path.isdir(DEBIAN) else 1))
    sys.exit(right != total)


if __name__ == "__main__":
    main()
