"""Tensors without a copy: ours lent to numpy, torch and others, and theirs taken (DLPack 1.1, seqgpu/dlpack.h)."""
import ctypes

from ._library import DlSource, DlView, RELEASE, call, lib, sized

_api = ctypes.pythonapi
_api.PyCapsule_New.restype = ctypes.py_object
_api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_api.PyCapsule_GetPointer.restype = ctypes.c_void_p
_api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_api.PyCapsule_IsValid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]

NAME, USED = b"dltensor_versioned", b"used_dltensor_versioned"
_lent = {}  # what must stay alive until the consumer is done, by a number


@RELEASE
def _release(number):
    _lent.pop(number, None)


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _forget(capsule):
    """A capsule that nobody took gives its tensor back; one that was taken has another name."""
    if not _raw.PyCapsule_IsValid(capsule, NAME):
        return
    managed = ctypes.c_void_p(_raw.PyCapsule_GetPointer(capsule, NAME))
    lib.seqgpu_dlpack_close(ctypes.byref(managed))


# In a destructor the capsule is no longer an object that Python may count references of.
_raw = ctypes.PyDLL(None)
_raw.PyCapsule_IsValid.argtypes = _raw.PyCapsule_GetPointer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_raw.PyCapsule_GetPointer.restype = ctypes.c_void_p


class Tensor:
    """Device memory of a context that others may use in place: numpy.from_dlpack(t), torch.from_dlpack(t).

    The memory is `owner`'s, who is kept alive while anyone uses the tensor."""

    def __init__(self, context, owner, data, shape):
        self.context, self.owner, self.data, self.shape = context, owner, data, tuple(shape)

    def __dlpack_device__(self):
        return (2 if self.context.device == "cuda" else 1, self.context.device_index)

    def __dlpack__(self, stream=None, max_version=None, dl_device=None, copy=None):
        if max_version is None or max_version[0] < 1:
            raise BufferError("the consumer must know DLPack 1")
        if copy:
            raise BufferError("the tensor is lent in place; copy it afterwards")
        call(self.context.handle, "synchronize", self.context.handle)
        shape = (ctypes.c_int64 * max(len(self.shape), 1))(*self.shape)
        number = max(_lent, default=0) + 1
        _lent[number] = self
        source = DlSource(self.data, len(self.shape), shape, self.context.device_index, 0,
                          ctypes.cast(_release, ctypes.c_void_p), number)
        managed = ctypes.c_void_p()
        try:
            call(self.context.handle, "dlpack_export_", self.context.handle, *sized(source), ctypes.byref(managed))
        except Exception:
            _lent.pop(number)
            raise
        return _api.PyCapsule_New(managed, NAME, ctypes.cast(_forget, ctypes.c_void_p))


class Taken:
    """Another library's tensor, for a `with` block; `data` and `shape` are valid inside it.  Raises TypeError where
    the other library knows no DLPack 1."""

    def __init__(self, context, tensor):
        self.context, self.view = context, DlView()
        capsule = tensor.__dlpack__(max_version=(1, 1))
        if not _api.PyCapsule_IsValid(capsule, NAME):
            raise TypeError("the tensor is lent by an older DLPack than 1")
        managed = _api.PyCapsule_GetPointer(capsule, NAME)
        call(context.handle, "dlpack_import_", context.handle, managed, *sized(self.view))
        _api.PyCapsule_SetName(capsule, USED)  # ours to give back from here on

    def __enter__(self):
        self.data, self.shape = self.view.data, tuple(self.view.shape[:self.view.rank])
        return self

    def __exit__(self, *unused):
        managed = ctypes.c_void_p(self.view.managed)
        lib.seqgpu_dlpack_close(ctypes.byref(managed))
