"""Keras's own files as named arrays: weights of HDF5 (.h5, .weights.h5) and whole models (.keras).  Needs h5py.

Old files (Keras 1 and 2) have names for all arrays: "lstm_1/kernel:0".  New ones (Keras 3) have numbers,
"layers/lstm/cell/vars/0": kernel, recurrent_kernel and bias are the first three of a cell; the layer's own name is an
attribute of the folder "vars".
"""
import io
import zipfile

import numpy as np

_KINDS = ("kernel", "recurrent_kernel", "bias")


def _datasets(group, at=""):
    import h5py
    for name, item in group.items():
        path = f"{at}/{name}" if at else name
        if isinstance(item, h5py.Dataset):
            yield path, item
        else:
            yield from _datasets(item, path)


def _layer(parts, file):
    """"layers/bidirectional/forward_layer/cell": the name of the layer, which stands beside its variables, and behind
    it the direction of a bidirectional one."""
    names, direction, place = [], "", file
    for part in parts:
        place = place[part]
        if part in ("forward_layer", "backward_layer"):
            direction = "/" + part.replace("_layer", "_rnn")
        elif part not in ("layers", "cell"):
            names.append(str(place["vars"].attrs["name"]) if "vars" in place and "name" in place["vars"].attrs else part)
    return "/".join(names) + direction


def _read(file):
    arrays = {}
    for path, data in _datasets(file):
        parts = path.split("/")
        if "vars" in parts and parts[-2] == "vars":
            layer, number = _layer(parts[:-2], file), int(parts[-1])
            kind = _KINDS[number] if parts[-3] == "cell" and number < 3 else parts[-1]
            arrays[f"{layer}/{kind}"] = np.asarray(data)
        else:
            arrays[path] = np.asarray(data)
    return arrays


def arrays(path):
    """{name: array} of a file of Keras, with the names that `seqgpu import --format keras` knows."""
    import h5py
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as model:
            with h5py.File(io.BytesIO(model.read("model.weights.h5")), "r") as file:
                return _read(file)
    with h5py.File(path, "r") as file:
        return _read(file)


def convert(path, to):
    """Writes the arrays of a file of Keras to a .npz, which `seqgpu import` and seqgpu.read take."""
    np.savez(to, **arrays(path))
