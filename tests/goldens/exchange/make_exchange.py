#!/usr/bin/env python3
"""Writes the files of other programs that tests/test_exchange.c imports, and expected.npz: what those programs compute.

    python3 tests/goldens/exchange/make_exchange.py        needs torch, safetensors, keras (on torch) and numpy; the tests do not

In expected.npz, FILE/NETWORK/x [T,B,I] is an input and FILE/NETWORK/y [T,B,Y] the output, after the read-out where
the file has one.  Inputs and numbers are drawn anew by every run.
"""
import json
import os

os.environ["KERAS_BACKEND"] = "torch"
import h5py
import keras
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
T, B = 5, 2
expected = {}


def path(name):
    return os.path.join(HERE, name)


def note(file, network, x, y):
    expected[f"{file}/{network}/x"] = np.asarray(x, np.float64)
    expected[f"{file}/{network}/y"] = np.asarray(y, np.float64)


def pytorch():
    torch.set_default_dtype(torch.float64)
    nets = nn.ModuleDict({
        "encoder": nn.LSTM(3, 4, 2, bidirectional=True),
        "decoder": nn.GRU(4, 3),
        "projected": nn.LSTM(3, 5, proj_size=2, bias=False),
        "relu": nn.RNN(2, 3, nonlinearity="relu"),
        "elman": nn.RNN(2, 3, 2, bidirectional=True, bias=False),
    })
    for name, net in nets.items():
        x = torch.rand(T, B, net.input_size) * 2 - 1
        note("torch", name, x, net(x)[0].detach())
    nets["words"] = nn.Embedding(3, 2)
    save_file(nets.state_dict(), path("torch.safetensors"))


def keras_layers():
    layers = {
        "lstm": keras.layers.LSTM(4, return_sequences=True, name="lstm"),
        "gru": keras.layers.GRU(3, return_sequences=True, name="gru"),
        "gru_before": keras.layers.GRU(3, return_sequences=True, reset_after=False, name="gru_before"),
        "simple": keras.layers.SimpleRNN(3, return_sequences=True, name="simple"),
        "bare": keras.layers.LSTM(3, return_sequences=True, use_bias=False, name="bare"),
        "both": keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True), name="both"),
    }
    arrays = {}
    for name, layer in layers.items():
        x = np.random.uniform(-1, 1, (B, T, 3)).astype("float32")
        layer.build(x.shape)
        for weight in layer.weights:  # biases are zero until they are trained
            weight.assign(np.random.uniform(-.7, .7, weight.shape))
        y = keras.ops.convert_to_numpy(layer(x))
        note("keras", name, x.transpose(1, 0, 2), y.transpose(1, 0, 2))
        for weight in layer.weights:
            value = keras.ops.convert_to_numpy(weight)
            arrays[weight.path] = value
    for name, like, gates in (("cudnn_lstm", "lstm", 4), ("cudnn_gru", "gru", 3)):
        cudnn(arrays, name, like, gates)
    arrays["dense/kernel"] = np.zeros((3, 1), "float32")
    keras_files(layers["gru"], layers["both"])
    np.savez(path("keras.npz"), **arrays)


def cudnn(arrays, name, like, gates):
    """A layer as Keras 2's CuDNNLSTM and CuDNNGRU kept it: each gate's kernel transposed, and two biases in one vector."""
    turn = lambda kernel: np.hstack([k.flatten("F").reshape(k.shape) for k in np.hsplit(kernel, gates)])
    cell = next(n for n in arrays if n.startswith(f"{like}/") and n.endswith("/recurrent_kernel"))[:-len("recurrent_kernel")]
    bias = arrays[cell + "bias"]
    other = np.random.uniform(-.5, .5, bias.shape).astype("float32")
    arrays[f"{name}/kernel"] = turn(arrays[cell + "kernel"])
    arrays[f"{name}/recurrent_kernel"] = turn(arrays[cell + "recurrent_kernel"])
    arrays[f"{name}/bias"] = np.concatenate([bias - other, other]) if bias.ndim == 1 else bias.flatten()
    for what in "xy":
        expected[f"keras/{name}/{what}"] = expected[f"keras/{like}/{what}"]


def keras_files(gru, both):
    """The same two layers in a file of Keras 3, and one of them by names as Keras 2 wrote them."""
    x = keras.Input((T, 3))
    model = keras.Model(x, [gru(x), both(x)])
    model.save(path("model.keras"))
    with h5py.File(path("keras2.h5"), "w") as out:
        for weight in gru.weights:
            out[f"gru_1/gru_1/{weight.name}:0"] = keras.ops.convert_to_numpy(weight)


def json_layer(layer, kind):
    return {"type": kind, "activation": "", "shape": [None, None, layer.units],
            "weights": [keras.ops.convert_to_numpy(w).tolist() for w in layer.weights]}


def rtneural(file, layers, kinds, **keys):
    """A sequential model in RTNeural's file: two recurrent layers of one kind, or one, and a dense one."""
    x = np.random.uniform(-1, 1, (B, T, 1)).astype("float32")
    y = x
    for layer in layers:
        layer.build(y.shape)
        for weight in layer.weights:
            weight.assign(np.random.uniform(-.7, .7, weight.shape))
        y = keras.ops.convert_to_numpy(layer(y))
    note(file, kinds[0] + "_0", x.transpose(1, 0, 2), y.transpose(1, 0, 2))
    model = {"in_shape": [None, None, 1], **keys, "layers": [json_layer(l, k) for l, k in zip(layers, kinds)]}
    with open(path(file + ".json"), "w") as out:
        json.dump(model, out)


def nam():
    """Two layers with states that the model begins with, as its training leaves them."""
    torch.set_default_dtype(torch.float64)
    net, head = nn.LSTM(1, 3, 2), nn.Linear(3, 1)
    h, c = torch.rand(2, 1, 3) - .5, torch.rand(2, 1, 3) - .5
    x = torch.rand(T, 1, 1) * 2 - 1
    note("nam", "lstm", x, head(net(x, (h, c))[0]).detach())
    flat = []
    for layer in range(2):
        get = lambda name: getattr(net, f"{name}_l{layer}").detach()
        flat += torch.cat([get("weight_ih"), get("weight_hh")], 1).flatten().tolist()
        flat += (get("bias_ih") + get("bias_hh")).tolist() + h[layer, 0].tolist() + c[layer, 0].tolist()
    flat += head.weight.flatten().tolist() + head.bias.tolist()
    with open(path("model.nam"), "w") as out:
        json.dump({"version": "0.5.4", "architecture": "LSTM", "sample_rate": 48000,
                   "config": {"input_size": 1, "hidden_size": 3, "num_layers": 2}, "weights": flat}, out)


def training():
    """20 updates of both biases, for tests/test_split.c: the weights before them, and the output after them."""
    torch.set_default_dtype(torch.float64)
    nets = nn.ModuleDict({"lstm": nn.LSTM(2, 3, 2, bidirectional=True), "gru": nn.GRU(2, 3, 2), "rnn": nn.RNN(2, 3)})
    save_file(nets.state_dict(), path("train.safetensors"))
    optimizers = {"lstm": lambda p: torch.optim.Adam(p, lr=.03, weight_decay=.01),
                  "gru": lambda p: torch.optim.SGD(p, lr=.05, momentum=.9, nesterov=True, weight_decay=.01),
                  "rnn": lambda p: torch.optim.SGD(p, lr=.1)}
    for name, net in nets.items():
        x = torch.rand(T, B, 2) * 2 - 1
        dy = torch.rand(T, B, net(x)[0].shape[2]) * 2 - 1
        optimizer = optimizers[name](net.parameters())
        for _ in range(20):
            optimizer.zero_grad()
            (net(x)[0] * dy).sum().backward()
            norm = torch.sqrt(sum((p.grad ** 2).sum() for p in net.parameters()))
            for p in net.parameters():  # clip_grad_norm_ adds 1e-6 to the norm
                p.grad *= min(1, 2 / norm)
            optimizer.step()
        note("train", name, x, net(x)[0].detach())
        expected[f"train/{name}/dy"] = dy.numpy()


def npy():
    """Orders, types and versions of .npy that NumPy writes, all of the same numbers 0 .. 11."""
    a = np.arange(12).reshape(3, 4)
    arrays = {name: a.astype(name) for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")}
    arrays["swapped"] = a.astype(">f4")
    arrays["fortran"] = np.asfortranarray(a.astype("f8"))
    arrays["cube"] = np.asfortranarray(np.arange(12.).reshape(2, 3, 2))
    arrays["scalar"] = np.float64(7)
    arrays["empty"] = np.zeros((0, 3))
    arrays["flags"] = a % 2 == 1
    np.savez(path("types.npz"), **arrays)
    np.savez_compressed(path("deflated.npz"), cube=arrays["cube"])
    for version in (1, 2, 3):
        with open(path(f"version{version}.npy"), "wb") as out:
            np.lib.format.write_array(out, a.astype("f4"), (version, 0))


np.random.seed()
pytorch()
keras_layers()
torch.set_default_dtype(torch.float32)
L = keras.layers
rtneural("rtneural", [L.GRU(3, return_sequences=True), L.GRU(3, return_sequences=True)], ["gru", "gru"])
rtneural("aidax", [L.LSTM(4, return_sequences=True), L.Dense(1)], ["lstm", "dense"], in_skip=1, in_gain=0, out_gain=-3.5)
nam()
training()
npy()
np.savez(path("expected.npz"), **expected)
