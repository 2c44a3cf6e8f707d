#!/usr/bin/env python3
"""torch_rnn.py - PyTorch's nn.RNN, nn.LSTM and nn.GRU as a peer of bench_rnn: the same files of shapes, the same units.

One layer with input_size = hidden_size unless told otherwise; forward alone, or forward and backward with the gradients of
x and of all parameters.  On CUDA: events, the L2 written over before each run, and the run captured into a CUDA graph where
PyTorch can do that (not for a ragged batch, which is packed).  One JSON object per line: median, minimum and maximum.

The result is compared with float64 on the CPU before it is timed; of a large problem the first steps of a few sequences.
"""

import argparse
import csv
import datetime
import os
import statistics
import subprocess
import sys
import time

import torch
from rounds import json_line

MODULES = {"rnn": torch.nn.RNN, "vanilla": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
LIMITS = {"f32": 1e-5, "tf32": 2e-3, "bf16": 2e-2}
CHECK_CELLS = 40_000_000  # hidden^2 * steps * sequences that are compared


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", required=True, help="set,hidden,batch,timesteps,cell[,threads]")
    parser.add_argument("--set", help="only rows of this set")
    parser.add_argument("--cells", help="only these cells, comma-separated")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    parser.add_argument("--math", default="f32", choices=list(LIMITS))
    parser.add_argument("--direction", default="train", choices=["fwd", "train"])
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--bidirectional", action="store_true")
    parser.add_argument("--ragged", action="store_true", help="lengths uniform in 1..T, packed")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=0, help="begin no problem after this time in seconds")
    parser.add_argument("--json", help="file for the results (default: standard output)")
    parser.add_argument("--markdown", help="the same as a table")
    return parser.parse_args()


def read_shapes(o):
    """Rows (set, hidden, batch, steps, cell); a cell "any" stands for all three."""
    with open(o.shapes, newline="") as file:
        for row in csv.reader(file):
            if len(row) < 5 or not row[1].isdigit():
                continue
            name, hidden, batch, steps, cell = row[0], int(row[1]), int(row[2]), int(row[3]), row[4]
            for one in ["rnn", "lstm", "gru"] if cell == "any" else [cell]:
                listed = not o.cells or ("rnn" if one == "vanilla" else one) in o.cells.split(",")
                if one in MODULES and listed and (not o.set or o.set == name):
                    yield name, hidden, batch, steps, one


class Problem:
    """A network, its input, and one run of it."""

    def __init__(self, o, hidden, batch, steps, cell, device, dtype):
        torch.manual_seed(o.seed)
        self.train = o.direction == "train"
        self.module = MODULES[cell](hidden, hidden, num_layers=o.layers, bidirectional=o.bidirectional)
        self.x = torch.rand(steps, batch, hidden) * 2 - 1
        self.dy = torch.rand(steps, batch, hidden * (2 if o.bidirectional else 1)) * 2 - 1
        self.lengths = torch.randint(1, steps + 1, (batch,)) if o.ragged else None
        self.place(device, dtype)

    def place(self, device, dtype):
        self.module.to(device=device, dtype=dtype).train(self.train)
        self.module.flatten_parameters()
        self.x = self.x.to(device=device, dtype=dtype).requires_grad_(self.train)
        self.dy = self.dy.to(device=device, dtype=dtype)

    def forward(self):
        if self.lengths is None:
            return self.module(self.x)[0]
        packed = torch.nn.utils.rnn.pack_padded_sequence(self.x, self.lengths, enforce_sorted=False)
        y = self.module(packed)[0]
        return torch.nn.utils.rnn.pad_packed_sequence(y, total_length=self.x.shape[0])[0]

    def run(self):
        if not self.train:
            with torch.no_grad():
                return self.forward()
        y = self.forward()
        y.backward(self.dy)
        return y

    def clear(self):
        for tensor in [self.x, *self.module.parameters()]:
            if tensor.grad is not None:
                tensor.grad.zero_()


def relative(out, ref):
    """|out - ref| / |ref| in float64; infinity where out has a NaN."""
    error = ((out.double().cpu() - ref).norm() / ref.norm().clamp_min(1e-300)).item()
    return error if error == error else float("inf")


def check(o, shape, device, dtype):
    """The worst error of y and all gradients against float64 on a problem of this shape, cut where it is large."""
    name, hidden, batch, steps, cell = shape
    cells = max(4, CHECK_CELLS // (hidden * hidden))
    batch, steps = min(batch, max(1, cells // min(steps, 8))), min(steps, max(2, cells // batch))
    ref = Problem(o, hidden, batch, steps, cell, "cpu", torch.float64)
    out = Problem(o, hidden, batch, steps, cell, device, dtype)
    errors = [relative(out.run().detach(), ref.run().detach())]
    if ref.train:
        pairs = zip([out.x, *out.module.parameters()], [ref.x, *ref.module.parameters()])
        errors += [relative(a.grad, b.grad) for a, b in pairs]
    return max(errors), f"B{batch} T{steps}"


def captured(problem):
    """The run as a CUDA graph, or None where PyTorch cannot capture it."""
    if problem.lengths is not None:
        return None
    try:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                problem.run()
        torch.cuda.current_stream().wait_stream(side)
        problem.clear()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            problem.run()
        return graph
    except RuntimeError as error:
        print(f"torch_rnn.py: no CUDA graph: {str(error).splitlines()[0]}", file=sys.stderr)
        torch.cuda.synchronize()
        return None


def time_cuda(run, prepare, runs, warmup):
    flush = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    seconds = []
    for i in range(-warmup, runs):
        prepare()
        flush.fill_(i & 0xFF)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        if i >= 0:
            seconds.append(start.elapsed_time(end) * 1e-3)
    return seconds


def time_cpu(run, prepare, runs, warmup):
    seconds = []
    for i in range(-warmup, runs):
        prepare()
        start = time.perf_counter()
        run()
        if i >= 0:
            seconds.append(time.perf_counter() - start)
    return seconds


def timings(o, problem):
    """(what ran, its seconds): eager, and the graph where there is one."""
    if o.device == "cpu":
        yield "torch/eager", time_cpu(problem.run, problem.clear, o.runs, o.warmup)
        return
    yield "torch/eager", time_cuda(problem.run, problem.clear, o.runs, o.warmup)
    graph = captured(problem)
    if graph:
        yield "torch/graph", time_cuda(graph.replay, problem.clear, o.runs, o.warmup)


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.splitlines()[0].strip()
    except (OSError, IndexError, subprocess.SubprocessError):
        return "unknown"


def origin(o):
    here = os.path.dirname(os.path.abspath(__file__))
    cuda = o.device == "cuda"
    return {
        "device": torch.cuda.get_device_name() if cuda else first_line(["uname", "-m"]),
        "driver": first_line(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]) if cuda else "none",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": os.environ.get("SEQGPU_COMMIT") or first_line(["git", "-C", here, "rev-parse", "--short=12", "HEAD"]),
        "torch": torch.__version__,
    }


MARKDOWN_HEAD = ("| problem | algorithm | us per step | min / median / max ms | error |\n"
                 "|---|---|---|---|---|")


def markdown_row(row):
    problem = f"{row['cell']} T{row['seq_len']} B{row['batch']} H{row['hidden']}"
    error = f"{row['error']:.1e}" + (" (over our limit)" if "over_our_limit" in row else "")
    return (f"| {problem} | {row['plan']} | {row['us_per_step']:.3f} | "
            f"{row['min_ms']:.3f} / {row['median_ms']:.3f} / {row['max_ms']:.3f} | {error} |")


def bench(o, shape, said, write):
    name, hidden, batch, steps, cell = shape
    dtype = torch.bfloat16 if o.math == "bf16" else torch.float32
    error, checked = check(o, shape, o.device, dtype)
    row = {"kind": "torch", "set": name, "cell": "rnn" if cell == "vanilla" else cell, "seq_len": steps,
           "batch": batch, "hidden": hidden, "layers": o.layers, "bidirectional": o.bidirectional,
           "ragged": o.ragged, "training": o.direction == "train", "math": o.math, "checked": checked,
           "error": error}
    if not error <= LIMITS[o.math]:
        # their bfloat16 keeps states and sums in bfloat16 as well: reported, and timed nevertheless
        row["over_our_limit"] = LIMITS[o.math]
    problem = Problem(o, hidden, batch, steps, cell, o.device, dtype)
    for plan, seconds in timings(o, problem):
        median = statistics.median(seconds)
        row.update(plan=plan, runs=len(seconds), min_ms=min(seconds) * 1e3, median_ms=median * 1e3,
                   max_ms=max(seconds) * 1e3, us_per_step=median / steps * 1e6, **said)
        write(row)


def main():
    o = parse_arguments()
    if o.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch_rnn.py: this PyTorch sees no CUDA device")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = o.math == "tf32"
    said = origin(o)
    begin = time.monotonic()
    out = open(o.json, "w") if o.json else sys.stdout
    table = open(o.markdown, "w") if o.markdown else None
    if table:
        print(MARKDOWN_HEAD, file=table)

    def write(row):
        print(json_line(row), end="", file=out, flush=True)
        if table:
            print(markdown_row(row), file=table, flush=True)

    for shape in read_shapes(o):
        if o.budget and time.monotonic() - begin > o.budget:
            print("torch_rnn.py: skip the rest: the time of --budget is over", file=sys.stderr)
            break
        try:
            bench(o, shape, said, write)
        except torch.cuda.OutOfMemoryError:
            print(f"torch_rnn.py: skip {shape}: out of memory", file=sys.stderr)
    for file in [out, table]:
        if file and file is not sys.stdout:
            file.close()


if __name__ == "__main__":
    main()
