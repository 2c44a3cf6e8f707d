"""textgenrnn's two LSTM layers (Keras HDF5, made for cuDNN) by libseqgpu: the activations that its equations give.

    python3 tests/others_textgenrnn.py          by test_others.sh; needs numpy, h5py and the files of PyPI's textgenrnn

The activations are compared with Keras's own LSTM, its weights converted for it by the rule of Keras 2 for layers of
cuDNN; where Keras is missing, with the same equations in NumPy.  The text is that of textgenrnn's vocabulary.
"""
import importlib.util
import json
import os
import sys

import h5py
import numpy as np

import seqgpu


def folder():
    return importlib.util.find_spec("textgenrnn").submodule_search_locations[0]


def weights(file, layer):
    """kernel, recurrent_kernel and bias of a layer of cuDNN as those of an LSTM."""
    group = file[layer][layer]
    turned = [np.hstack([k.T.reshape(k.shape, order="F") for k in np.hsplit(np.asarray(group[name]), 4)])
              for name in ("kernel:0", "recurrent_kernel:0")]
    return turned + [np.asarray(group["bias:0"]).reshape(2, -1).sum(0)]


def by_numpy(arrays, x):
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    kernel, recurrent, bias = (a.astype(np.float64) for a in arrays)
    h = c = np.zeros((x.shape[0], recurrent.shape[0]))
    out = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.stack(out, 1)


def by_keras(arrays, x):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    layer = keras.layers.LSTM(arrays[1].shape[0], return_sequences=True)
    layer.build(x.shape)
    layer.set_weights(arrays)
    return keras.ops.convert_to_numpy(layer(x.astype("float32")))


path = os.path.join(folder(), "textgenrnn_weights.hdf5")
file = seqgpu.read(path, context=seqgpu.Context("cpu", 1))
vocabulary = json.load(open(os.path.join(folder(), "textgenrnn_vocab.json"), encoding="utf-8"))
text = "What is the best way to learn to play the guitar without a teacher?"
ids = [vocabulary[c] for c in text if c in vocabulary]
run, who = (by_keras, "Keras") if importlib.util.find_spec("keras") else (by_numpy, "NumPy")
worst = 0
with h5py.File(path, "r") as source:
    x = np.asarray(source["embedding"]["embedding"]["embeddings:0"])[ids][None]
    for layer in ("rnn_1", "rnn_2"):
        y = run(weights(source, layer), x)
        ours = file.network(layer)(x.transpose(1, 0, 2))[0].transpose(1, 0, 2)
        worst = max(worst, np.linalg.norm(ours - y) / np.linalg.norm(y), np.abs(ours - y).max())
        x = y
print(f"activations of rnn_1 and rnn_2 on {len(ids)} characters: at most {worst:.2g} from {who}'s")
sys.exit(0 if worst <= 1e-5 else "more than 1e-5")
