"""The Python package (host/bindings/python), by test_python.sh: prints "pass NAME" or "FAIL NAME: why", last the counts.

The files are those of goldens/exchange; what they must compute is in its expected.npz.
"""
import gc
import importlib.util
import os
import sys
import tempfile

import numpy as np

import seqgpu

GOLDENS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens", "exchange")
expected = np.load(os.path.join(GOLDENS, "expected.npz"))
counts = {"pass": 0, "FAIL": 0, "skip": 0}


def record(verdict, name, why=""):
    counts[verdict] += 1
    print(f"{verdict} {name}" + (f": {why}" if why else ""))


def check(name, condition, why="is false"):
    record("pass" if condition else "FAIL", name, "" if condition else why)


def error(out, ref):
    return np.linalg.norm(out - ref) / np.linalg.norm(ref)


def check_close(name, out, ref, tolerance):
    far = error(out, ref) if out.shape == ref.shape else np.inf
    check(name, far <= tolerance, f"error {far:.3g}, allowed {tolerance:.3g}")


def check_raises(name, word, call, kind=seqgpu.Error):
    try:
        call()
        record("FAIL", name, "nothing is raised")
    except kind as raised:
        check(name, word in str(raised), str(raised))


def missing(module, name):
    if importlib.util.find_spec(module):
        return False
    record("skip", name, f"no {module} here")
    return True


wide = seqgpu.Context("cpu", 1, np.float64)
narrow = seqgpu.Context("cpu", 1)


def test_read():
    for file, key, network, options in (("torch.safetensors", "torch", "encoder", {}), ("torch.safetensors", "torch", "decoder", {}),
                                        ("torch.safetensors", "torch", "relu", {"activation": "relu"}),
                                        ("keras.npz", "keras", "both", {}), ("model.nam", "nam", "lstm", {}),
                                        ("aidax.json", "aidax", "lstm_0", {})):
        x, y = expected[f"{key}/{network}/x"], expected[f"{key}/{network}/y"]
        net = seqgpu.read(os.path.join(GOLDENS, file), context=wide).network(network, **options)
        check_close(f"{key}, {network}, as the other program computes it", net.read_out(net(x)[0]), y, 1e-6)
    file = seqgpu.read(os.path.join(GOLDENS, "torch.safetensors"), context=wide)
    check("what is left is named", file.left == ['array "words.weight" [3,2]'], str(file.left))
    check_raises("a file that is not there", "cannot open", lambda: seqgpu.read("no/such"))
    check_raises("an unknown option", "no option", lambda: file.network("relu", colour=1), TypeError)


def test_states():
    x = expected["torch/decoder/x"]
    net = seqgpu.read(os.path.join(GOLDENS, "torch.safetensors"), context=wide).network("decoder")
    y, states = net(x)
    first, middle = net(x[:2])
    second, last = net(x[2:], middle)
    check_close("a sequence in two parts, states carried", np.concatenate([first, second]), y, 1e-12)
    check_close("and the same states at the end", last["h"], states["h"], 1e-12)
    check_raises("x of another shape", "must be", lambda: net(np.zeros((2, 3, 9))), ValueError)


def test_training():
    target = np.sin(np.arange(20))[:, None, None] * np.ones((1, 1, 5))
    net = seqgpu.Network("gru", 2, 5, narrow, seed=3, reset_after=True)
    x = np.random.default_rng(1).uniform(-1, 1, (20, 1, 2))
    losses = [net.step(x, seqgpu.mse(target), lr=.02) for _ in range(60)]
    check("60 updates halve a loss", losses[-1] < losses[0] / 2, f"{losses[0]:.3g} -> {losses[-1]:.3g}")
    pytorch = seqgpu.read(os.path.join(GOLDENS, "train.safetensors"), context=wide).network("rnn")
    pytorch.split_biases()
    x, dy = expected["train/rnn/x"], expected["train/rnn/dy"]
    for _ in range(20):
        pytorch.step(x, lambda y: (0, dy), lr=.1, optimizer="sgd", clip_norm=2)
    check_close("20 updates of two biases are PyTorch's", pytorch(x)[0], expected["train/rnn/y"], 1e-9)


def test_save():
    net = seqgpu.Network("lstm", 3, 4, wide, seed=1, num_layers=2, bidirectional=True, name="a")
    x = np.random.default_rng(2).uniform(-1, 1, (4, 2, 3))
    y, _ = net(x)
    with tempfile.TemporaryDirectory() as folder:
        for format in ("seqgpu", "pytorch"):
            path = os.path.join(folder, format)
            net.save(path, format)
            check_close(f"saved as {format} and read", seqgpu.read(path, context=wide).network("a")(x)[0], y, 1e-12)
        check_raises("a format that cannot say it", "one direction", lambda: net.save(os.path.join(folder, "x"), "rtneural"))
        check("which leaves no file", sorted(os.listdir(folder)) == ["pytorch", "seqgpu"])


def test_dlpack():
    net = seqgpu.Network("rnn", 2, 3, narrow)
    try:
        weight = np.from_dlpack(net.tensor("weight_hh_l0"))
    except BufferError as why:
        record("skip", "numpy takes a parameter in place", f"this numpy is older than 2.1 ({why})")
        return
    check("numpy takes a parameter in place", weight.shape == (3, 3) and (weight == net["weight_hh_l0"]).all())
    net["weight_hh_l0"] = np.eye(3)
    check("and sees what is written to it", (weight == np.eye(3)).all())
    from seqgpu import dlpack
    del net
    gc.collect()
    check("whose memory lives as long as it is used", (weight == np.eye(3)).all() and len(dlpack._lent) == 1)
    del weight
    gc.collect()
    check("and is given back once", len(dlpack._lent) == 0)
    owner = seqgpu.Network("rnn", 2, 3, narrow)
    capsule = owner.tensor("weight_hh_l0").__dlpack__(max_version=(1, 1))
    check("a capsule holds it", len(dlpack._lent) == 1)
    del capsule
    check("and one that nobody took gives it back", len(dlpack._lent) == 0)
    check_raises("an old consumer is refused", "DLPack 1", lambda: owner.tensor("bias_l0").__dlpack__(), BufferError)
    if missing("torch", "torch takes a parameter in place"):
        return
    import torch
    shared = torch.from_dlpack(owner.tensor("weight_hh_l0"))
    shared.fill_(.5)
    check("torch takes a parameter in place", (owner["weight_hh_l0"] == .5).all())
    x = torch.rand(4, 2, 2)
    check_close("a torch tensor as input", owner(x)[0], owner(x.numpy())[0], 1e-7)


def test_keras():
    if missing("h5py", "Keras's own files"):
        return
    x, y = expected["keras/gru/x"], expected["keras/gru/y"]
    both_x, both_y = expected["keras/both/x"], expected["keras/both/y"]
    for path, name in (("model.keras", "gru"), ("keras2.h5", "gru_1")):
        file = seqgpu.read(os.path.join(GOLDENS, path), context=wide)
        check(f"{path}, its networks", name in file.names, str(file.names))
        check_close(f"{path}, {name}", file.network(name)(x)[0], y, 1e-6)
        if path != "keras2.h5":
            check_close(f"{path}, both", file.network("both")(both_x)[0], both_y, 1e-6)


try:
    seqgpu.read(os.path.join(GOLDENS, "model.nam"))
except seqgpu.Error as why:
    if why.status != "EUNSUPPORTED":
        raise
    print(f"skip the Python package: {why}\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)
for test in (test_read, test_states, test_training, test_save, test_dlpack, test_keras):
    test()
print("{pass} passed, {FAIL} failed, {skip} skipped".format(**counts))
sys.exit(1 if counts["FAIL"] else 0)
