"""libseqgpu.so by ctypes: where it is found, its structs and its functions.

The structs are those of host/include/seqgpu at version 0.2; functions take their size, so that a newer library runs
with them as well.  Functions are called through `call`, which turns a status into an exception with its sentence.
"""
import ctypes
import ctypes.util
import os
from ctypes import POINTER, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p

MAX_STATES = 4


def _struct(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": list(fields)})


ContextOptions = _struct("ContextOptions", ("device", c_char_p), ("device_index", c_int), ("threads", c_int), ("dtype", c_int),
                         ("stream", c_void_p), ("allocator", c_void_p))
RnnDesc = _struct("RnnDesc", ("cell", c_char_p), ("input_size", c_int64), ("hidden_size", c_int64), ("num_layers", c_int64),
                  ("seq_len", c_int64), ("batch", c_int64), ("bidirectional", c_int), ("merge", c_int), ("activation", c_int),
                  ("projection_size", c_int64), ("peephole", c_int), ("coupled", c_int), ("reset_after", c_int),
                  ("factor_size", c_int64), ("context_size", c_int64), ("leak", c_double), ("learn_leak", c_int),
                  ("reflections", c_int64), ("dropout", c_double), ("batch_first", c_int), ("inference", c_int), ("math", c_int),
                  ("reverse", c_int), ("no_input_gate", c_int), ("no_forget_gate", c_int), ("no_output_gate", c_int),
                  ("no_input_activation", c_int), ("no_output_activation", c_int),
                  ("zoneout_hidden", c_double), ("zoneout_cell", c_double), ("recurrent_dropout", c_double),
                  ("update_dropout", c_double), ("omega", c_double), ("omega_form", c_int), ("layer_norm", c_int),
                  ("batch_norm_input", c_int), ("batch_norm_steps", c_int64), ("full_gate_recurrence", c_int), ("tangents", c_int),
                  ("whole_batch", c_int64))
PlanSizes = _struct("PlanSizes", ("params", c_size_t), ("x", c_size_t), ("y", c_size_t), ("state", c_size_t * MAX_STATES),
                    ("workspace", c_size_t), ("reserve", c_size_t), ("param_elements", c_int64), ("output_width", c_int64),
                    ("state_width", c_int64 * MAX_STATES), ("state_count", c_int), ("random_blocks", c_uint64), ("packed", c_size_t))
RnnRun = _struct("RnnRun", ("seq_len", c_int64), ("batch", c_int64), ("lengths", c_void_p), ("host_lengths", c_void_p),
                 ("params", c_void_p), ("x", c_void_p), ("initial", c_void_p * MAX_STATES), ("y", c_void_p),
                 ("final", c_void_p * MAX_STATES), ("reserve", c_void_p), ("workspace", c_void_p), ("seed", c_uint64),
                 ("offset", c_uint64), ("dy", c_void_p), ("dfinal", c_void_p * MAX_STATES), ("dx", c_void_p),
                 ("dinitial", c_void_p * MAX_STATES), ("dparams", c_void_p), ("memory", c_void_p), ("packed", c_void_p),
                 ("workspace_bytes", c_size_t), ("reserve_bytes", c_size_t), ("omega", c_void_p), ("running", c_void_p),
                 ("whole_batch", c_int64), ("first_sequence", c_int64), ("ready", c_void_p), ("ready_about", c_void_p),
                 ("dx_summed", c_int))
Param = _struct("Param", ("name", c_char_p), ("rows", c_int64), ("cols", c_int64), ("value", c_void_p), ("grad", c_void_p))
Optimizer = _struct("Optimizer", ("kind", c_int), ("lr", c_double), ("momentum", c_double), ("decay", c_double), ("eps", c_double),
                    ("weight_decay", c_double), ("nesterov", c_int), ("clip", c_int), ("clip_threshold", c_double),
                    ("clip_window", c_double))
ImportInfo = _struct("ImportInfo", ("name", c_char_p), ("elements", c_int64), ("state_count", c_int), ("head_rows", c_int64))
DlSource = _struct("DlSource", ("data", c_void_p), ("rank", c_int), ("shape", POINTER(c_int64)), ("device_index", c_int),
                   ("read_only", c_int), ("release", c_void_p), ("user", c_void_p))
DlView = _struct("DlView", ("data", c_void_p), ("rank", c_int), ("shape", c_int64 * 8), ("elements", c_int64), ("read_only", c_int),
                 ("managed", c_void_p))
RELEASE = ctypes.CFUNCTYPE(None, c_void_p)


def candidates():
    """Where the library may be: SEQGPU_LIBRARY, a build folder above this file, the system's folders."""
    given = os.environ.get("SEQGPU_LIBRARY")
    if given:
        return [given]
    folder, found = os.path.dirname(os.path.abspath(__file__)), []
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        path = os.path.join(folder, "build", "libseqgpu.so")
        if os.path.exists(path):
            found.append(path)
    return found + [name for name in (ctypes.util.find_library("seqgpu"), "libseqgpu.so.0.2") if name]


def _open():
    reasons = []
    for path in candidates():
        try:
            return ctypes.CDLL(path)
        except OSError as reason:
            reasons.append(str(reason))
    raise ImportError("libseqgpu was not found; SEQGPU_LIBRARY may name the file: " + "; ".join(reasons))


lib = _open()

# name: the result, then the arguments
_P, _S = c_void_p, c_char_p
for _name, _result, *_arguments in (
        ("version", _S), ("status_name", _S, c_int), ("last_error", _S, _P), ("context_device", _S, _P),
        ("context_create_", c_int, _P, c_size_t, POINTER(_P)), ("context_destroy", None, _P),
        ("malloc", c_int, _P, c_size_t, POINTER(_P)), ("free", None, _P, _P), ("copy_in", c_int, _P, _P, _P, c_size_t),
        ("copy_out", c_int, _P, _P, _P, c_size_t), ("copy", c_int, _P, _P, _P, c_size_t), ("zero", c_int, _P, _P, c_size_t),
        ("synchronize", c_int, _P),
        ("plan_create_", c_int, _P, _P, c_size_t, _P, c_size_t, POINTER(_P)), ("plan_destroy", None, _P),
        ("plan_algorithm", _S, _P), ("plan_get_sizes_", None, _P, _P, c_size_t), ("run_allocate_", c_int, _P, _P, _P, c_size_t),
        ("run_release", None, _P, _P), ("rnn_forward_", c_int, _P, _P, _P, c_size_t), ("rnn_backward_", c_int, _P, _P, _P, c_size_t),
        ("params_create", c_int, _P, c_uint64, POINTER(_P)), ("params_destroy", None, _P),
        ("params_add_rnn_", c_int, _P, _S, _P, _P, c_size_t), ("params_count", c_int, _P),
        ("params_get_", c_int, _P, c_int, _P, c_size_t), ("params_find_", c_int, _P, _S, _P, c_size_t),
        ("params_split_biases", c_int, _P, _S), ("params_zero_grad", c_int, _P), ("params_update_", c_int, _P, _P, c_size_t),
        ("import_open", c_int, _P, _S, _S, POINTER(_P)), ("import_close", None, _P), ("import_format", _S, _P),
        ("import_count", c_int, _P), ("import_get_", c_int, _P, c_int, _P, c_size_t),
        ("import_desc_", None, _P, c_int, _P, c_size_t), ("import_add", c_int, _P, c_int, _P, _S),
        ("import_load", c_int, _P, c_int, _P, _S), ("import_state", c_int, _P, c_int, c_int, c_int64, _P),
        ("import_left_count", c_int, _P), ("import_left", _S, _P, c_int), ("export", c_int, _P, _S, _P, _S, _S),
        ("dlpack_export_", c_int, _P, _P, c_size_t, POINTER(_P)), ("dlpack_import_", c_int, _P, _P, _P, c_size_t),
        ("dlpack_close", None, POINTER(_P))):
    _function = getattr(lib, "seqgpu_" + _name)
    _function.restype, _function.argtypes = _result, _arguments


class Error(RuntimeError):
    """A call of the library failed; `status` is its name, "EINVAL"."""

    def __init__(self, status, sentence):
        super().__init__(sentence or status)
        self.status = status


def call(context, name, *arguments):
    """Calls seqgpu_NAME; raises Error with the context's sentence where it fails."""
    status = getattr(lib, "seqgpu_" + name)(*arguments)
    if status != 0:
        sentence = lib.seqgpu_last_error(context) if context else b""
        raise Error(lib.seqgpu_status_name(status).decode(), sentence.decode(errors="replace"))


def sized(struct):
    """A struct as its address and its size, which functions ending in an underscore take."""
    return ctypes.addressof(struct), ctypes.sizeof(struct)
