#!/usr/bin/env python3
"""reservoirpy_esn.py - ReservoirPy as a peer of bench_esn: an echo state network of the same size and density, on the same series,
with ridge regression and the same penalty, on one thread.

Both run the states over the series, then fit the read-out to them.  Rounds alternate between the two, so that a machine whose
speed drifts is slow for both; a ratio is the median of the ratios of the rounds.  The reservoirs are drawn by each library for
itself, so that their errors on the second half of the series are alike, and not equal.

  OPENBLAS_NUM_THREADS=1 python3 bench/peers/reservoirpy_esn.py --bench build/bin/bench_esn

needs numpy and reservoirpy, whose sparse matrices are scipy's.  Columns, in seconds: running the states, fitting, both together,
theirs and ours; then ratios, theirs over ours; then seconds to draw the reservoir, and the errors (NRMSE).
"""

import argparse
import os
import subprocess
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
import reservoirpy
from reservoirpy.nodes import Reservoir, Ridge
from rounds import RowFile, medians, run_ours

WASHOUT, RIDGE = 200, 1e-8  # bench_esn has the same


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="build/bin/bench_esn", help="our program")
    parser.add_argument("--hidden", default="1000,5000", help="units of the reservoirs")
    parser.add_argument("--links", type=int, default=10, help="into each unit")
    parser.add_argument("--steps", type=int, default=2000, help="to train on")
    parser.add_argument("--dtype", default="f64", help="of our states; theirs are float64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="one object per line")
    return parser.parse_args()


def read_series(o):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "series.txt")
        subprocess.run([o.bench, "--steps", str(o.steps), "--series", path], check=True)
        series = np.loadtxt(path)
    return series[:, :1], series[:, 1:]


def run_theirs(o, hidden, u, d):
    """Seconds of the states and of the fit, and the error."""
    reservoir = Reservoir(hidden, lr=1.0, sr=0.95, rc_connectivity=o.links / hidden, input_scaling=0.1, input_connectivity=1.0, seed=1)
    readout = Ridge(ridge=RIDGE)
    begin = time.perf_counter()
    reservoir.run(u[:1])  # draws the weights
    reservoir.reset()
    start = time.perf_counter()
    states = reservoir.run(u[: o.steps])
    between = time.perf_counter()
    readout.fit(states[WASHOUT:], d[WASHOUT : o.steps])
    end = time.perf_counter()
    y = readout.run(reservoir.run(u[o.steps :]))
    nrmse = float(np.sqrt(np.mean((y - d[o.steps :]) ** 2) / np.var(d[o.steps :])))
    return {"rp_create_s": start - begin, "rp_states_s": between - start, "rp_fit_s": end - between, "rp_nrmse": nrmse}


def race(o, hidden, u, d):
    command = [o.bench, "--hidden", str(hidden), "--links", str(o.links), "--steps", str(o.steps), "--dtype", o.dtype]
    rows = []
    for _ in range(o.rounds):
        row = run_ours(command) | run_theirs(o, hidden, u, d)
        row["fit_s"] = row["train_s"] - row["states_s"] + row["solve_s"]  # train runs the states, too
        for name in ("states", "fit"):
            row[f"{name}_ratio"] = row[f"rp_{name}_s"] / row[f"{name}_s"]
        row["both_s"] = row["train_s"] + row["solve_s"]
        row["rp_both_s"] = row["rp_states_s"] + row["rp_fit_s"]
        row["both_ratio"] = row["rp_both_s"] / row["both_s"]
        rows.append(row)
    return medians(rows, lambda key: key.endswith(("_s", "_ratio")))


def main():
    o = parse_arguments()
    parts = ("states", "fit", "both")
    columns = [f"theirs, {part}" for part in parts] + [f"ours, {part}" for part in parts] + [f"{part}, ratio" for part in parts]
    print(f"reservoirpy {reservoirpy.__version__}, numpy {np.__version__}; seconds, {o.steps} steps, {o.links} links, our {o.dtype}")
    print("| H | " + " | ".join(columns) + " | create, theirs | ours | NRMSE, theirs | ours |")
    print("|" + "---:|" * (len(columns) + 5))
    u, d = read_series(o)
    with RowFile(o.json) as file:
        for hidden in map(int, o.hidden.split(",")):
            row = race(o, hidden, u, d)
            cells = [f"{row[f'rp_{part}_s']:.4f}" for part in parts] + [f"{row[f'{part}_s']:.4f}" for part in parts]
            cells += [f"{row[f'{part}_ratio']:.2f}" for part in parts] + [f"{row[key]:.3f}" for key in ("rp_create_s", "create_s", "rp_nrmse", "nrmse")]
            print(f"| {hidden} | " + " | ".join(cells) + " |", flush=True)
            file.write(row)


if __name__ == "__main__":
    main()
