#!/usr/bin/env python3
"""Writes onnx/: small ONNX model files, and what ONNX Runtime computes with them, for tests/test_onnx.c.

    python3 tests/goldens/make_onnx.py           needs onnx and onnxruntime; the tests do not

A case is a model file CASE.onnx, and tensors "CASE/NAME" in vectors.bin, a file in the form of make_goldens.py:
  x [T, B, I] (batch first: [B, T, I]), y alike, hn and cn [L N, B, H], lengths [B], h0 and c0 where a run brings them
Weights are drawn in the numbers of the file's type.  ONNX Runtime has neither layout 1 nor other types than float32
here, so it always runs the plain form of a case, in float32 and time first, and the file is the other form.
"""
import os
import struct

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx")
random = np.random.default_rng(11)
records = []
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
STATES = {"RNN": 1, "LSTM": 2, "GRU": 1}


def write(name, array):
    array = np.asarray(array, dtype="<f8")
    encoded = name.encode("ascii")
    records.append(struct.pack("<I", len(encoded)) + encoded + struct.pack("<I", array.ndim)
                   + struct.pack("<%dq" % array.ndim, *array.shape) + np.ascontiguousarray(array).tobytes())


def draw(kind, *shape):
    """Numbers that the type can hold."""
    values = random.uniform(-0.8, 0.8, shape).astype(np.float32)
    if kind == "f16":
        return values.astype(np.float16).astype(np.float32)
    if kind == "bf16":
        return (values.view(np.uint32) & 0xffff0000).view(np.float32)
    return values


def as_float(name, values):
    return numpy_helper.from_array(values, name)


def as_kind(kind):
    """How a file stores a tensor: a function of name and values."""
    def store(name, values):
        if kind == "f16":
            return numpy_helper.from_array(values.astype(np.float16), name)
        if kind == "f64":
            return helper.make_tensor(name, TensorProto.DOUBLE, values.shape, values.astype(np.float64).ravel())
        if kind == "list":
            return helper.make_tensor(name, TensorProto.FLOAT, values.shape, values.ravel())
        if kind == "bf16":
            bits = (values.ravel().view(np.uint32) >> 16).astype(np.uint16)
            return helper.make_tensor(name, TensorProto.BFLOAT16, values.shape, bits.tobytes(), raw=True)
        return as_float(name, values)
    return store


def weights(op, kind, I, H, N, bias, peepholes):
    G = GATES[op]
    tensors = {"W": draw(kind, N, G * H, I), "R": draw(kind, N, G * H, H)}
    if bias:
        tensors["B"] = draw(kind, N, 2 * G * H)
    if peepholes:
        tensors["P"] = draw(kind, N, 3 * H)
    return tensors


def node_inputs(op, layer, tensors, lengths, h0, c0):
    names = ["%s%d" % (letter, layer) if letter in tensors else "" for letter in "WRB"]
    names += ["lengths" if lengths else "", h0]
    if op == "LSTM":
        names += [c0, "P%d" % layer if "P" in tensors else ""]
    while names[-1] == "":
        names.pop()
    return names


def save(path, nodes, inputs, outputs, initializers):
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_onnx")
    onnx.save(model, path)
    onnx.checker.check_model(path)


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def case(name, op, T=3, B=2, I=2, H=3, layers=1, direction="forward", kind="f32", layout=0, bias=True, peepholes=False,
         lengths=None, states=None, constants=False, external=False, around=False, **attributes):
    """states: None, "given" by the run, or "own", constants of the file."""
    N = 2 if direction == "bidirectional" else 1
    all_weights = [weights(op, kind, I if l == 0 else N * H, H, N, bias, peepholes) for l in range(layers)]
    own = [[draw(kind, N, B, H) for _ in range(STATES[op])] for _ in range(layers)] if states else None
    x = draw("f32", T, B, I)
    for plain in (True, False):
        batch_first = layout == 1 and not plain
        store = as_float if plain else as_kind(kind)
        nodes, initializers, at = [], [], "x"
        for l, tensors in enumerate(all_weights):
            for letter, values in tensors.items():
                tensor = store("%s%d" % (letter, l), values)
                if constants and not plain:  # a Constant node, and an Identity behind it
                    nodes.append(helper.make_node("Constant", [], ["c%s" % tensor.name], value=tensor))
                    nodes.append(helper.make_node("Identity", ["c%s" % tensor.name], [tensor.name]))
                else:
                    initializers.append(tensor)
            begin = ["h0_%d" % l if own else "", "c0_%d" % l if own and op == "LSTM" else ""]
            for k in range(STATES[op] if own else 0):
                form = own[l][k].transpose(1, 0, 2) if batch_first else own[l][k]
                if plain or states == "own":
                    initializers.append(store(begin[k], np.ascontiguousarray(form)))
            ends = ["hn_%d" % l, "cn_%d" % l][:STATES[op]]
            nodes.append(helper.make_node(op, [at] + node_inputs(op, l, tensors, lengths, *begin), ["Y%d" % l] + ends,
                                          name="%s_%d" % (op.lower(), l), hidden_size=H, direction=direction,
                                          **({"layout": 1} if batch_first else {}), **attributes))
            at = "x%d" % (l + 1)
            if batch_first:
                nodes.append(helper.make_node("Reshape", ["Y%d" % l, "flat"], [at]))
            elif N == 1:
                nodes.append(helper.make_node("Squeeze", ["Y%d" % l, "one"], [at]))
            else:
                nodes.append(helper.make_node("Transpose", ["Y%d" % l], ["t%d" % l], perm=[0, 2, 1, 3]))
                nodes.append(helper.make_node("Reshape", ["t%d" % l, "flat"], [at], allowzero=0))
        used = {name for node in nodes for name in node.input}
        initializers += [numpy_helper.from_array(np.array(numbers), name)
                         for name, numbers in (("one", [1]), ("flat", [0, 0, -1])) if name in used]
        outputs = [value(at, ["a", "b", "c"])] + [value("%sn_%d" % (s, l), ["a", "b", "c"]) for s in "hc"[:STATES[op]] for l in range(layers)]
        if around and not plain:
            nodes.append(helper.make_node("Softmax", [at], ["probabilities"], name="soft"))
            outputs.append(value("probabilities", ["a", "b", "c"]))
        inputs = [value("x", [B, T, I] if batch_first else [T, B, I], TensorProto.FLOAT)]
        if lengths:
            inputs.append(value("lengths", [B], TensorProto.INT32))
        if states == "given" and not plain:
            inputs += [value(n, [N, B, H]) for l in range(layers) for n in ("h0_%d" % l, "c0_%d" % l)[:STATES[op]]]
        path = os.path.join(folder, name + ".onnx")
        if not plain and external:
            for tensor in initializers[:2]:
                outside(tensor, name + ".bin")
        save(path, nodes, inputs, outputs, initializers)
        if plain:
            feeds = {"x": x}
            if lengths:
                feeds["lengths"] = np.array(lengths, dtype=np.int32)
            results = onnxruntime.InferenceSession(path).run(None, feeds)
    swap = (1, 0, 2) if layout == 1 else (0, 1, 2)
    write(name + "/x", x.transpose(swap))
    write(name + "/y", results[0].transpose(swap))
    for k in range(STATES[op]):
        write("%s/%sn" % (name, "hc"[k]), np.concatenate(results[1 + k * layers:1 + (k + 1) * layers]))
        if states == "given":
            write("%s/%s0" % (name, "hc"[k]), np.concatenate([begin[k] for begin in own]))
    if lengths:
        write(name + "/lengths", lengths)


def outside(tensor, file):
    """Moves a tensor's numbers into a file beside the model."""
    path = os.path.join(folder, file)
    offset = os.path.getsize(path) if os.path.exists(path) else 0
    with open(path, "ab") as data:
        data.write(tensor.raw_data)
    for key, text in (("location", file), ("offset", offset), ("length", len(tensor.raw_data))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(text)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")


def main():
    for file in os.listdir(folder):
        os.remove(os.path.join(folder, file))
    case("rnn_relu_reverse", "RNN", direction="reverse", activations=["Relu"])
    case("rnn_scaled", "RNN", kind="f64", activations=["ScaledTanh"], activation_alpha=[1.0], activation_beta=[0.7])
    case("rnn_affine", "RNN", kind="list", direction="bidirectional", activations=["Affine", "Affine"],
         activation_alpha=[0.9, 0.9], activation_beta=[0.1, 0.1])
    case("rnn_no_bias", "RNN", bias=False, states="given")
    case("lstm_peephole_ragged", "LSTM", direction="bidirectional", peepholes=True, lengths=[3, 1])
    case("lstm_coupled", "LSTM", input_forget=1, states="own")
    case("lstm_layout", "LSTM", kind="f16", layout=1, direction="bidirectional", layers=2, states="own")
    case("lstm_reverse_ragged", "LSTM", direction="reverse", lengths=[1, 3], peepholes=True)
    case("lstm_stack", "LSTM", layers=3, around=True)
    case("gru_constant", "GRU", kind="bf16", constants=True)
    case("gru_external", "GRU", external=True, linear_before_reset=1, direction="reverse")
    case("gru_stack", "GRU", layers=2, direction="bidirectional", linear_before_reset=1, states="own")
    with open(os.path.join(folder, "vectors.bin"), "wb") as file:
        file.write(b"SQGOLD1\n" + b"".join(records))
    print("%d records, %d bytes in %d files" % (len(records), sum(os.path.getsize(os.path.join(folder, f)) for f in
                                                                    os.listdir(folder)), len(os.listdir(folder))))


if __name__ == "__main__":
    main()
