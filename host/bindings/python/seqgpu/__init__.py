"""Recurrent networks of libseqgpu on numpy arrays: read from the files of other programs, run, trained, written.

    import seqgpu
    file = seqgpu.read("model.safetensors")        PyTorch, Keras, RTNeural, AIDA-X, NAM, ...: by its content
    net = file.network("encoder")                  or file[0]; file.left says what was not taken
    y, states = net(x)                             x [T,B,I]; states {"h": [L*N,B,W], "c": ...}
    loss = net.step(x, seqgpu.mse(target), lr=.01) one update by Adam
    net.save("encoder.json", "rtneural")

Arrays may also be anything that DLPack knows, a torch tensor on the device of the context, say.  Weights are used in
place: numpy.from_dlpack(net.tensor("weight_hh_l0")).
"""
import ctypes
import os
import tempfile

import numpy as np

from . import keras
from ._library import (ContextOptions, Error, ImportInfo, Optimizer, Param, PlanSizes, RnnDesc, RnnRun, call, lib, sized)
from .dlpack import Taken, Tensor

__all__ = ["Context", "Error", "File", "Network", "Tensor", "keras", "mse", "read", "version"]
version = lib.seqgpu_version().decode()
_ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")
_OPTIMIZERS = ("sgd", "momentum", "rmsprop", "adam")
_DTYPES = (np.float32, np.float64)
_STATES = {b"scrn": "hs"}  # of other cells h, or h and c, or h, c and q


class Context:
    """A device: "cpu", "cuda" or "auto"; dtype float32, or float64 on the CPU."""

    def __init__(self, device="auto", threads=0, dtype=np.float32, device_index=0):
        self.dtype, self.device_index = np.dtype(dtype), device_index
        if self.dtype.type not in _DTYPES:
            raise ValueError("dtype must be float32 or float64")
        options = ContextOptions(device.encode(), device_index, threads, _DTYPES.index(self.dtype.type), None, None)
        self.handle = ctypes.c_void_p()
        try:
            call(None, "context_create_", *sized(options), ctypes.byref(self.handle))
        except Error as error:
            sentence = lib.seqgpu_last_error(self.handle) if self.handle else b""
            raise Error(error.status, sentence.decode()) from None
        self.device = lib.seqgpu_context_device(self.handle).decode()

    def __del__(self):
        if getattr(self, "handle", None):
            lib.seqgpu_context_destroy(self.handle)

    def _copy_in(self, to, array, shape):
        """Any array of this shape into device memory: by DLPack, without a copy on the host, where it is no numpy array."""
        if not isinstance(array, np.ndarray) and hasattr(array, "__dlpack__"):
            try:
                with Taken(self, array) as taken:
                    if taken.shape != tuple(shape):
                        raise ValueError(f"the array is {list(taken.shape)}; it must be {list(shape)}")
                    size = int(np.prod(shape)) * self.dtype.itemsize
                    call(self.handle, "copy", self.handle, to, taken.data, size)
                    call(self.handle, "synchronize", self.handle)
                    return
            except (TypeError, BufferError, Error):
                pass  # another type, device or version: by way of the host
        host = np.ascontiguousarray(array, self.dtype)
        if host.shape != tuple(shape):
            raise ValueError(f"the array is {list(host.shape)}; it must be {list(shape)}")
        call(self.handle, "copy_in", self.handle, to, host.ctypes.data, host.nbytes)
        call(self.handle, "synchronize", self.handle)

    def _copy_out(self, device, shape):
        host = np.empty(shape, self.dtype)
        call(self.handle, "copy_out", self.handle, host.ctypes.data, device, host.nbytes)
        return host


class File:
    """The recurrent networks of a file.  names: theirs; left: what was not taken, in words; format: what it is."""

    def __init__(self, path, format=None, context=None):
        self.context = context or Context()
        self.handle = ctypes.c_void_p()
        c = self.context.handle
        call(c, "import_open", c, os.fsencode(path), format.encode() if format else None, ctypes.byref(self.handle))
        self.format = lib.seqgpu_import_format(self.handle).decode()
        self.names = [self._info(i).name.decode() for i in range(len(self))]
        self.left = [lib.seqgpu_import_left(self.handle, i).decode(errors="replace")
                     for i in range(lib.seqgpu_import_left_count(self.handle))]

    def __del__(self):
        if getattr(self, "handle", None):
            lib.seqgpu_import_close(self.handle)

    def __len__(self):
        return lib.seqgpu_import_count(self.handle)

    def _info(self, index):
        info = ImportInfo()
        call(self.context.handle, "import_get_", self.handle, index, *sized(info))
        return info

    def desc(self, index):
        desc = RnnDesc()
        lib.seqgpu_import_desc_(self.handle, index, *sized(desc))
        return desc

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"the file has {len(self)} networks")
        return Network._of_file(self, index)

    def network(self, name=None, **options):
        """The network with this name, or the only one.  options: fields that the file does not say, activation="relu"."""
        if name not in self.names if name is not None else len(self) != 1:
            raise KeyError(f"network {name!r}: the file has {self.names}")
        return Network._of_file(self, 0 if name is None else self.names.index(name), **options)


def read(path, format=None, context=None):
    """Opens a file of any format that libseqgpu reads, and Keras's .h5 and .keras as well (with h5py)."""
    if str(path).endswith((".h5", ".hdf5", ".keras")):
        with tempfile.TemporaryDirectory() as folder:
            to = os.path.join(folder, "keras.npz")
            keras.convert(path, to)
            return File(to, "keras", context)
    return File(path, format, context)


def mse(target):
    """The loss sum((y - target)^2) / (2 n) and its gradient, for Network.step."""
    def loss(y):
        difference = y - target
        return float((difference ** 2).sum() / (2 * y.size)), difference / y.size
    return loss


class Network:
    """Recurrent layers with their parameters.

    Network("lstm", input_size=3, hidden_size=20, num_layers=2) makes a new one; fields are those of seqgpu_rnn_desc,
    activation and merge in words.  name: what its parameters are called in files.  file[0] and file.network(name) are those of a file."""

    def __init__(self, cell="lstm", input_size=1, hidden_size=1, context=None, seed=0, name="rnn", **options):
        desc = RnnDesc(cell=cell.encode(), input_size=input_size, hidden_size=hidden_size)
        self._make(context or Context(), desc, name, options, seed)
        block = Param()
        call(self.context.handle, "params_add_rnn_", self.params, self._prefix, self._plan(1, 1, True), *sized(block))

    def _make(self, context, desc, name, options, seed=0):
        self.context, self.desc, self.file, self._plans = context, desc, None, {}
        self.name, self._prefix = name, name.encode()
        self._dot = name + "." if name else ""
        for name, value in options.items():
            if name == "activation":
                value = _ACTIVATIONS.index(value)
            elif name == "merge":
                value = ("concat", "sum").index(value)
            elif not hasattr(desc, name):
                raise TypeError(f"there is no option {name}")
            setattr(desc, name, value)
        self.params = ctypes.c_void_p()
        call(context.handle, "params_create", context.handle, seed, ctypes.byref(self.params))

    @classmethod
    def _of_file(cls, file, index, **options):
        self = cls.__new__(cls)
        self._make(file.context, file.desc(index), file.names[index], options)
        self.file, self.index = file, index
        call(self.context.handle, "import_add", file.handle, index, self.params, self._prefix)
        return self

    def __del__(self):
        for plan, run in getattr(self, "_plans", {}).values():
            lib.seqgpu_run_release(self.context.handle, ctypes.addressof(run))
            lib.seqgpu_plan_destroy(plan)
        if getattr(self, "params", None):
            lib.seqgpu_params_destroy(self.params)

    # ---- plans and parameters

    def _entry(self, T, B, training):
        """The plan and the buffers for these sizes, kept for the next call."""
        key = (T, B, training)
        if key not in self._plans:
            desc, plan, run = RnnDesc(), ctypes.c_void_p(), RnnRun()
            ctypes.pointer(desc)[0] = self.desc
            desc.seq_len, desc.batch, desc.inference = T, B, 0 if training else 1
            desc.dropout = self.desc.dropout if training else 0
            c = self.context.handle
            call(c, "plan_create_", c, *sized(desc), None, 0, ctypes.byref(plan))
            try:
                call(c, "run_allocate_", c, plan, *sized(run))
            except Error:
                lib.seqgpu_plan_destroy(plan)
                raise
            self._plans[key] = plan, run
        return self._plans[key]

    def _plan(self, T, B, training):
        return self._entry(T, B, training)[0]

    def _sizes(self, plan):
        sizes = PlanSizes()
        lib.seqgpu_plan_get_sizes_(plan, *sized(sizes))
        return sizes

    def _param(self, name):
        param = Param()
        call(self.context.handle, "params_find_", self.params, (self._dot + name).encode(), *sized(param))
        return param

    @property
    def names(self):
        """Names of the parameters: "weight_ih_l0", ..., and "head.weight" where the file has a read-out."""
        found, param = [], Param()
        for i in range(lib.seqgpu_params_count(self.params)):
            call(self.context.handle, "params_get_", self.params, i, *sized(param))
            found.append(param.name.decode()[len(self._dot):])
        return found

    def tensor(self, name, grad=False):
        """A parameter [rows, cols], or its gradient, in place: for numpy.from_dlpack, torch.from_dlpack."""
        param = self._param(name)
        data = param.grad if grad else param.value
        if not data:
            raise ValueError(f"{name} has no gradient")
        return Tensor(self.context, self, data, (param.rows, param.cols))

    def __getitem__(self, name):
        """A copy of a parameter as a numpy array [rows, cols]."""
        param = self._param(name)
        return self.context._copy_out(param.value, (param.rows, param.cols))

    def __setitem__(self, name, array):
        param = self._param(name)
        shape = (param.rows, param.cols)
        self.context._copy_in(param.value, np.asarray(array).reshape(shape), shape)

    # ---- running and training

    def _begin(self, run, sizes, B, states):
        """The states that a run begins with: the caller's, the file's, or zeros."""
        layers = max(self.desc.num_layers, 1) * (2 if self.desc.bidirectional else 1)
        names = _STATES.get(self.desc.cell, "hcq")
        shapes = {names[k]: (layers, B, sizes.state_width[k]) for k in range(sizes.state_count)}
        c = self.context.handle
        for k, (name, shape) in enumerate(shapes.items()):
            run.final[k] = run.initial[k]
            if states is not None:
                self.context._copy_in(run.initial[k], states[name], shape)
            elif self.file:
                call(c, "import_state", self.file.handle, self.index, k, B, run.initial[k])
            else:
                call(c, "zero", c, run.initial[k], sizes.state[k])
        return shapes

    def _forward(self, x, states, training):
        T, B = (x.shape[1], x.shape[0]) if self.desc.batch_first else tuple(x.shape[:2])
        plan, run = self._entry(T, B, training)
        sizes, c = self._sizes(plan), self.context.handle
        self.context._copy_in(run.x, x, tuple(x.shape[:2]) + (self.desc.input_size,))
        shapes = self._begin(run, sizes, B, states)
        run.params = self._block().value
        call(c, "rnn_forward_", c, plan, *sized(run))
        y = self.context._copy_out(run.y, tuple(x.shape[:2]) + (sizes.output_width,))
        return plan, run, sizes, shapes, y

    def _block(self):
        """The first parameter: the network's block begins there."""
        param = Param()
        call(self.context.handle, "params_get_", self.params, 0, *sized(param))
        return param

    def __call__(self, x, states=None):
        """y and the states after x.  x [T,B,I] ([B,T,I] with batch_first); states as they are returned, or None: those
        of the file, else zeros."""
        _, run, _, shapes, y = self._forward(x, states, False)
        return y, {name: self.context._copy_out(run.final[k], shape) for k, (name, shape) in enumerate(shapes.items())}

    def read_out(self, y):
        """The linear read-out of the file, y W' + b; y itself where it has none."""
        if "head.weight" not in self.names:
            return y
        return y @ self["head.weight"].T + self["head.bias"][:, 0]

    def split_biases(self):
        """Trains two biases as PyTorch does (seqgpu_params_split_biases)."""
        call(self.context.handle, "params_split_biases", self.params, self._prefix)

    def step(self, x, loss, states=None, lr=0.001, optimizer="adam", momentum=0, decay=0, weight_decay=0, clip_norm=0):
        """One update of all parameters.  loss: takes y and returns its value and the gradient dy, as mse does.
        Returns the value."""
        plan, run, sizes, _, y = self._forward(x, states, True)
        value, dy = loss(y)
        c = self.context.handle
        self.context._copy_in(run.dy, dy, y.shape)
        run.dparams = self._block().grad
        call(c, "params_zero_grad", self.params)
        call(c, "rnn_backward_", c, plan, *sized(run))
        run.offset += sizes.random_blocks
        settings = Optimizer(_OPTIMIZERS.index(optimizer), lr, momentum, decay, 0, weight_decay, 0, 1 if clip_norm else 0, clip_norm, 0)
        call(c, "params_update_", self.params, *sized(settings))
        return value

    def save(self, path, format="seqgpu"):
        """Writes the network; format: seqgpu (a checkpoint), pytorch, keras, rtneural, nam, ...  In files with names
        for arrays it has `name`, which may be ""."""
        plan = self._plan(1, 1, False)
        call(self.context.handle, "export", self.params, self._prefix, plan, os.fsencode(path), format.encode())
