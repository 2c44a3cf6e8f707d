#!/usr/bin/env python3
"""ort_stream.py - ONNX Runtime's LSTM and GRU as a peer of bench_stream: the same shapes, in the same run, on one thread.

ONNX Runtime runs the whole sequence in one call, which is the best that it does: what a step costs when its neighbours are
known.  Rounds alternate between it and bench_stream, so that a machine whose speed drifts is slow for both; a ratio is the
median of the ratios of the rounds.  Its results are compared with a float64 recurrence in numpy first.

  python3 bench/peers/ort_stream.py --bench build/bin/bench_stream

needs numpy, onnx and onnxruntime.  Columns, in microseconds per step: ours one step a call (cpu/stream, then with bfloat16 and
int8 weights, then cpu/step), ours whole, theirs whole.  Then ratios: the stream to our other two, and all three streams to
theirs, which is float32.  Then the errors of rounded weights against float32, and requests for memory while the streams ran.
"""

import argparse
import itertools
import statistics
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from rounds import RowFile, medians, run_ours

GATES = {"lstm": 4, "gru": 3}
OPERATORS = {"lstm": "LSTM", "gru": "GRU"}
LIMIT = 1e-5
STREAMS = ("stream", "bf16", "int8")
TIMES = STREAMS + ("step", "whole", "ort")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="build/bin/bench_stream", help="our program")
    parser.add_argument("--cells", default="lstm,gru")
    parser.add_argument("--hidden", default="16,32,64,128,256")
    parser.add_argument("--steps", type=int, default=1000, help="of the whole sequence")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--samples", type=int, default=11, help="of each contender in a round")
    parser.add_argument("--json", help="one object per line")
    return parser.parse_args()


class Network:
    """One layer as an ONNX model, and its session."""

    def __init__(self, cell, hidden, steps):
        random = np.random.default_rng(1)
        self.cell, self.hidden = cell, hidden
        rows = GATES[cell] * hidden
        self.w = random.uniform(-0.1, 0.1, (rows, hidden)).astype(np.float32)
        self.r = random.uniform(-0.1, 0.1, (rows, hidden)).astype(np.float32)
        self.x = random.uniform(-1, 1, (steps, 1, hidden)).astype(np.float32)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(self.model().SerializeToString(), options, providers=["CPUExecutionProvider"])

    def model(self):
        attributes = {"hidden_size": self.hidden}
        if self.cell == "gru":
            attributes["linear_before_reset"] = 1
        node = helper.make_node(OPERATORS[self.cell], ["x", "w", "r"], ["y"], **attributes)
        graph = helper.make_graph(
            [node],
            "layer",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(self.x.shape))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(self.w[None], "w"), numpy_helper.from_array(self.r[None], "r")],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)

    def run(self):
        return self.session.run(None, {"x": self.x})[0]

    def reference(self):
        """ONNX's equations in float64; gates i,o,f,c of an LSTM, z,r,h of a GRU."""
        size, w, r = self.hidden, self.w.astype(np.float64), self.r.astype(np.float64)
        h, c, out = np.zeros(size), np.zeros(size), []
        for x in self.x[:, 0].astype(np.float64):
            a, q = w @ x, r @ h
            if self.cell == "lstm":
                i, o, f = (1 / (1 + np.exp(-(a + q)[: 3 * size]))).reshape(3, size)
                c = f * c + i * np.tanh((a + q)[3 * size :])
                h = o * np.tanh(c)
            else:
                z, reset = (1 / (1 + np.exp(-(a + q)[: 2 * size]))).reshape(2, size)
                h = (1 - z) * np.tanh(a[2 * size :] + reset * q[2 * size :]) + z * h
            out.append(h)
        return np.array(out)

    def error(self):
        reference = self.reference()
        return np.linalg.norm(self.run()[:, 0, 0] - reference) / np.linalg.norm(reference)

    def time_us(self, samples):
        """Median microseconds per step."""
        times = []
        for _ in range(samples):
            start = time.perf_counter()
            self.run()
            times.append((time.perf_counter() - start) * 1e6 / len(self.x))
        return statistics.median(times)


def race(o, cell, hidden):
    network = Network(cell, hidden, o.steps)
    error = network.error()
    if not error <= LIMIT:
        sys.exit(f"ONNX Runtime's {cell}, H = {hidden}: error {error:.1e}")
    command = [o.bench, "--cells", cell, "--hidden", str(hidden), "--steps", str(o.steps), "--samples", str(o.samples)]
    rows = []
    for _ in range(o.rounds):
        ours = run_ours(command)
        ours["ort_us"] = network.time_us(o.samples)
        for name in STREAMS:
            ours[f"{name}_to_ort"] = ours[f"{name}_us"] / ours["ort_us"]
        ours["stream_to_step"] = ours["stream_us"] / ours["step_us"]
        rows.append(ours)
    middle = medians(rows, lambda key: key.endswith("_us") or "_to_" in key)
    middle["requests"] = sum(row["requests"] for row in rows)
    return middle


def main():
    o = parse_arguments()
    print(f"onnxruntime {ort.__version__}; microseconds per step, one sequence, one thread, input_size = hidden_size")
    ratios = ("stream_to_step", "stream_to_whole") + tuple(f"{name}_to_ort" for name in STREAMS)
    errors = ("bf16_error", "int8_error")
    columns = TIMES[:-1] + ("ort, whole",) + tuple(ratio.replace("_to_", "/") for ratio in ratios)
    columns += tuple(error.replace("_", " ") for error in errors) + ("allocations",)
    print("| cell | H | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) + 1))
    with RowFile(o.json) as file:
        for cell, hidden in itertools.product(o.cells.split(","), map(int, o.hidden.split(","))):
            row = race(o, cell, hidden)
            cells = [f"{row[name + '_us']:.3f}" for name in TIMES] + [f"{row[ratio]:.2f}" for ratio in ratios]
            cells += [f"{row[error]:.1e}" for error in errors] + [str(row["requests"])]
            print(f"| {cell} | {hidden} | " + " | ".join(cells) + " |", flush=True)
            file.write(row)


if __name__ == "__main__":
    main()
