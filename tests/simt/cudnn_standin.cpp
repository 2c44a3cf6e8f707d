/* cudnn_standin.cpp - stands in for cuDNN in the tests, so that kernels/cudnn run without a card: on the
 * emulator and on the software device (cudnn_seat.h).
 *
 * The functions that those files call, and bench/peers/cudnn_ctc.cpp, with the contract that NVIDIA
 * documents, on the CPU: the mathematics is core/layer.c's and core/ctc.c's.  It shows that our calls hand
 * over the right numbers in the right places; it cannot show that cuDNN takes them so, which
 * tests/test_cudnn.c and bench_ops do on a card.  Where the contract leaves something open, this is unkind:
 *   - the weight space has an order of its own, and gaps that hold NaN when they are read
 *   - all descriptors of a call must have one type, float, half or bfloat16; the short ones are computed in
 *     float, and results are rounded
 *   - padded steps of y and dx come out as NaN
 *   - lengths of 0, other x, y or hx in backward than in forward, and too small spaces are refused
 *   - the work space is filled with NaN after each call
 *
 * Environment: SEQGPU_STANDIN_CUDNN   the version it plays, 90200 for 9.2 (the header's); before 9.13 it does
 *                                     not support bfloat16
 *
 * The headers are the real ones; for the emulator, the few functions of the CUDA runtime that are called are
 * here as well.
 */
#include <cudnn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "core/cells.h"
#include "core/ops.h"
#include "tests/simt/cudnn_seat.h"
#include "tests/simt/simt_numbers.h"

struct cudnnContext {
  cudaStream_t stream;
};
struct cudnnDropoutStruct {
  int set;
};
struct cudnnTensorStruct {
  cudnnDataType_t type;
  std::vector<int> dims;
};
struct cudnnRNNStruct {
  cudnnRNNAlgo_t algorithm;
  cudnnDataType_t type;
  int directions, gates, states, built;
  sq_layout layout;
};
struct cudnnCTCLossStruct {
  int longest;
};
struct cudnnRNNDataStruct {
  cudnnDataType_t type;
  int steps, batch, width;
  std::vector<int> lengths;
};

namespace {

enum { GAP = 5 }; /* elements between two tensors of the weight space */

template <typename T> cudnnStatus_t make(T **out) {
  if (seat::fails()) return CUDNN_STATUS_ALLOC_FAILED;
  *out = new T();
  seat::count(1);
  return CUDNN_STATUS_SUCCESS;
}
template <typename T> cudnnStatus_t end(T *object) {
  seat::count(-1);
  delete object;
  return CUDNN_STATUS_SUCCESS;
}

/* ---- numbers of either type, and floats ---- */

typedef std::vector<float> numbers;

size_t version(void) {
  const char *played = getenv("SEQGPU_STANDIN_CUDNN");
  return played != NULL ? strtoul(played, NULL, 10) : CUDNN_VERSION;
}

/* bfloat16 by its definition, not as the kernels convert it: the upper half of the bits of a float, and one
 * more if the lower half is above the middle of its range, or in the middle and the upper half odd. */
uint16_t to_bf16(float x) {
  const uint32_t upper = simt::bits_of(x) >> 16, lower = simt::bits_of(x) & 0xFFFFu;
  if (isnan(x)) return 0xFFFF;
  return (uint16_t)(upper + (lower > 0x8000u || (lower == 0x8000u && upper % 2 == 1) ? 1 : 0));
}
float from_bf16(uint16_t bits) {
  const int exponent = bits >> 7 & 255, mantissa = bits & 127;
  float size = ldexpf((float)(128 + mantissa), exponent - 134);
  if (exponent == 0) size = ldexpf((float)mantissa, -133);
  if (exponent == 255) size = mantissa ? NAN : INFINITY;
  return bits & 0x8000 ? -size : size;
}

uint16_t to_short(cudnnDataType_t type, float x) {
  return type == CUDNN_DATA_HALF ? simt::to_half(x) : to_bf16(x);
}
float from_short(cudnnDataType_t type, uint16_t bits) {
  return type == CUDNN_DATA_HALF ? simt::from_half(bits) : from_bf16(bits);
}

size_t size_of(cudnnDataType_t type) { return type == CUDNN_DATA_FLOAT ? sizeof(float) : sizeof(uint16_t); }
bool is_known(cudnnDataType_t type) {
  return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_HALF || type == CUDNN_DATA_BFLOAT16;
}

/* What is at `device`; nothing if that is NULL. */
numbers load(cudnnDataType_t type, const void *device, int64_t count) {
  const void *from = seat::readable(device, (size_t)count * size_of(type));
  numbers out(from != NULL ? (size_t)count : 0);
  for (size_t i = 0; i < out.size(); i++)
    out[i] = type == CUDNN_DATA_FLOAT ? static_cast<const float *>(from)[i]
                                      : from_short(type, static_cast<const uint16_t *>(from)[i]);
  return out;
}

void store(cudnnDataType_t type, const numbers &from, void *device) {
  void *to = seat::writable(device, from.size() * size_of(type));
  for (size_t i = 0; to != NULL && i < from.size(); i++) {
    if (type == CUDNN_DATA_FLOAT)
      static_cast<float *>(to)[i] = from[i];
    else
      static_cast<uint16_t *>(to)[i] = to_short(type, from[i]);
  }
}

/* ---- the weight space: last gate first, recurrent before input, bias before matrix ---- */

int64_t gate_size(const cudnnRNNStruct *r, bool input) {
  const sq_config &c = r->layout.config;
  return c.hidden_size * (input ? c.input_size : c.hidden_size) + c.hidden_size + 2 * GAP;
}

int64_t direction_size(const cudnnRNNStruct *r) {
  return r->gates * (gate_size(r, true) + gate_size(r, false));
}

size_t weight_bytes(const cudnnRNNStruct *r) {
  return (size_t)(r->directions * direction_size(r)) * size_of(r->type);
}

/* Offset of the bias of a linear layer; its matrix follows behind the gap. */
int64_t bias_at(const cudnnRNNStruct *r, int direction, int id) {
  int64_t at = direction * direction_size(r);
  for (int later = 2 * r->gates - 1; later > id; later--) at += gate_size(r, later < r->gates);
  return at;
}

int64_t matrix_at(const cudnnRNNStruct *r, int direction, int id) {
  return bias_at(r, direction, id) + r->layout.config.hidden_size + GAP;
}

/* Calls f(ours, theirs, count) for every tensor of a direction; the recurrent biases that our cell adds to
 * the input ones come with ours = the input bias. */
template <typename F> void each_tensor(const cudnnRNNStruct *r, int direction, F f) {
  const sq_layout &l = r->layout;
  const int64_t H = l.config.hidden_size, I = l.config.input_size;
  const int whh = sq_layout_param(&l, "weight_hh"), rec = sq_layout_param(&l, "bias_rec");
  for (int g = 0; g < r->gates; g++) {
    f(l.param[0].offset + g * H * I, matrix_at(r, direction, g), H * I);
    f(l.param[whh].offset + g * H * H, matrix_at(r, direction, r->gates + g), H * H);
    f(l.param[1].offset + g * H, bias_at(r, direction, g), H);
    const bool own = g == 2 && rec >= 0;
    f(own ? l.param[rec].offset : l.param[1].offset + g * H, bias_at(r, direction, r->gates + g), H);
  }
}

numbers unpack(const cudnnRNNStruct *r, int direction, const void *weights) {
  const numbers space = load(r->type, weights, r->directions * direction_size(r));
  numbers params((size_t)r->layout.param_elements, 0.0f);
  each_tensor(r, direction, [&](int64_t ours, int64_t theirs, int64_t count) {
    for (int64_t i = 0; i < count; i++) params[(size_t)(ours + i)] += space[(size_t)(theirs + i)];
  });
  return params;
}

/* ---- spaces: the reserve holds the states and weight gradients of each direction, a copy of x, and a
 * checksum ---- */

struct sizes {
  int64_t work, states, gradients, x, reserve; /* floats; states and gradients of one direction */
};

sizes sizes_of(const cudnnRNNStruct *r, const cudnnRNNDataStruct *x) {
  sizes s;
  s.work = sq_layer_workspace_f32(&r->layout, x->steps, x->batch, 1);
  const int64_t inference = sq_layer_workspace_f32(&r->layout, x->steps, x->batch, 0);
  if (inference > s.work) s.work = inference;
  s.states = sq_reserve_layout(&r->layout, x->steps, x->batch).size;
  s.gradients = r->layout.param_elements;
  s.x = (int64_t)x->steps * x->batch * x->width;
  s.reserve = r->directions * (s.states + s.gradients) + s.x + 1 /* checksum */;
  return s;
}

/* Of x, y and hx where they are defined. */
float checksum(const cudnnRNNStruct *r, const cudnnRNNDataStruct *x, const numbers &in, const numbers &y,
               const numbers &hx) {
  const int64_t width = r->directions * r->layout.config.hidden_size;
  double sum = 0;
  for (int64_t t = 0; t < x->steps; t++)
    for (int64_t b = 0; b < x->batch; b++) {
      if (t >= x->lengths[(size_t)b]) continue;
      for (int64_t i = 0; i < x->width; i++)
        sum += in[(size_t)((t * x->batch + b) * x->width + i)] * (double)(i + t + 1);
      for (int64_t i = 0; i < width; i++)
        sum += y[(size_t)((t * x->batch + b) * width + i)] * (double)(i + t + 2);
    }
  for (size_t i = 0; i < hx.size(); i++) sum += hx[i] * (double)(i + 3);
  return (float)sum;
}

void poison(const cudnnRNNDataStruct *d, numbers &data) {
  for (int64_t t = 0; t < d->steps; t++)
    for (int64_t b = 0; b < d->batch; b++)
      for (int64_t i = 0; t >= d->lengths[(size_t)b] && i < d->width; i++)
        data[(size_t)((t * d->batch + b) * d->width + i)] = NAN;
}

sq_layer_run sequence_of(const cudnnRNNStruct *r, const cudnnRNNDataStruct *x, int direction, const float *in,
                         const float *params, void *work, float *reserve) {
  sq_layer_run s = {};
  s.layout = &r->layout;
  s.seq_len = x->steps;
  s.batch = x->batch;
  s.reverse = direction;
  s.lengths = x->lengths.data();
  s.params = params;
  s.x = in;
  s.ldx = x->width;
  s.workspace = work;
  s.reserve = reserve;
  return s;
}

/* Of all directions. */
int64_t state_size(const cudnnRNNStruct *r, const cudnnRNNDataStruct *x) {
  return r->directions * x->batch * r->layout.config.hidden_size;
}

/* A direction's part of a state; NULL: there is none. */
float *state(numbers &all, const cudnnRNNStruct *r, int direction) {
  return all.empty() ? NULL : all.data() + (size_t)direction * all.size() / (size_t)r->directions;
}

float *floats(void *p) { return static_cast<float *>(p); }

bool same_shape(const cudnnRNNStruct *r, const cudnnRNNDataStruct *x, const cudnnRNNDataStruct *y,
                const cudnnTensorStruct *h, const cudnnTensorStruct *c) {
  return r->type == x->type && r->type == y->type && r->type == h->type && r->type == c->type &&
         x->steps == y->steps && x->lengths == y->lengths && x->width == r->layout.config.input_size &&
         y->width == r->directions * r->layout.config.hidden_size && h->dims.size() == 3 &&
         h->dims[0] == r->directions && h->dims[1] == x->batch && h->dims[2] == r->layout.config.hidden_size;
}

/* ---- CTC ---- */

/* Floats: what core/ctc.c keeps between forward and backward. */
size_t ctc_size(const cudnnCTCLossStruct *d, const cudnnTensorStruct *logits) {
  const size_t rows = (size_t)logits->dims[0] * (size_t)logits->dims[1], states = 2 * (size_t)d->longest + 1;
  return 2 * rows + rows * states + 2 * (size_t)logits->dims[1] * states;
}

std::vector<int> integers(const int *device, int64_t count) {
  const int *from = static_cast<const int *>(seat::readable(device, (size_t)count * sizeof *device));
  return std::vector<int>(from, from + count);
}

/* From one sequence after the other to [L,B]. */
bool spread_labels(const int *device, const std::vector<int> &each, int64_t longest, std::vector<int> &out) {
  int64_t total = 0;
  for (int n : each) total += n;
  const std::vector<int> all = integers(device, total);
  for (size_t b = 0, at = 0; b < each.size(); b++) {
    if (each[b] > longest) return false;
    for (size_t l = 0; l < (size_t)each[b]; l++) out[l * each.size() + b] = all[at++];
  }
  return true;
}

} // namespace

#ifdef SEQGPU_EMULATE

/* ---- the emulator's seat, and the CUDA runtime as far as it is called ---- */

namespace seat {

cudnnStatus_t enqueue(cudaStream_t, const Work &work) {
  return work() == NULL ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
const void *readable(const void *device, size_t) { return device; }
void *writable(void *device, size_t) { return device; }
void spoil(void *device, size_t bytes) { memset(device, 0xff, bytes); }
bool fails() { return false; }
void count(int) {}

} // namespace seat

extern "C" {

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus *status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaGetLastError(void) { return cudaSuccess; }
}

#endif

extern "C" {

/* ---- objects ---- */

size_t cudnnGetVersion(void) { return version(); }
const char *cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED      ? "not supported (stand-in)"
         : status == CUDNN_STATUS_ALLOC_FAILED     ? "out of memory (stand-in)"
         : status == CUDNN_STATUS_EXECUTION_FAILED ? "execution failed (stand-in)"
                                                   : "bad parameter (stand-in)";
}
cudnnStatus_t cudnnCreate(cudnnHandle_t *h) { return make(h); }
cudnnStatus_t cudnnDestroy(cudnnHandle_t h) { return end(h); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t stream) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  h->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateDropoutDescriptor(cudnnDropoutDescriptor_t *d) { return make(d); }
cudnnStatus_t cudnnDestroyDropoutDescriptor(cudnnDropoutDescriptor_t d) { return end(d); }
cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t d, cudnnHandle_t, float dropout, void *,
                                        size_t, unsigned long long) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  d->set = 1;
  return dropout == 0.0f ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *d) { return make(d); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) { return end(d); }
cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t d, cudnnDataType_t type, int count,
                                         const int dims[], const int strides[]) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  int64_t dense = 1;
  if (!is_known(type)) return CUDNN_STATUS_BAD_PARAM;
  for (int i = count - 1; i >= 0; dense *= dims[i--])
    if (strides[i] != dense || dims[i] < 1) return CUDNN_STATUS_BAD_PARAM;
  d->type = type;
  d->dims.assign(dims, dims + count);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t d, int room, cudnnDataType_t *type,
                                         int *count, int dims[], int strides[]) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  *type = d->type;
  *count = (int)d->dims.size();
  for (int i = 0; i < *count && i < room; i++) dims[i] = d->dims[(size_t)i];
  for (int i = 0; i < *count && i < room; i++) strides[i] = 1;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateRNNDataDescriptor(cudnnRNNDataDescriptor_t *d) { return make(d); }
cudnnStatus_t cudnnDestroyRNNDataDescriptor(cudnnRNNDataDescriptor_t d) { return end(d); }
cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t d, cudnnDataType_t type,
                                        cudnnRNNDataLayout_t layout, int steps, int batch, int width,
                                        const int lengths[], void *) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  if (layout != CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED || steps < 1 || batch < 1 || width < 1 ||
      !is_known(type))
    return CUDNN_STATUS_BAD_PARAM;
  for (int b = 0; b < batch; b++)
    if (lengths[b] < 1 || lengths[b] > steps) return CUDNN_STATUS_BAD_PARAM;
  d->type = type;
  d->steps = steps;
  d->batch = batch;
  d->width = width;
  d->lengths.assign(lengths, lengths + batch);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateRNNDescriptor(cudnnRNNDescriptor_t *r) { return make(r); }
cudnnStatus_t cudnnDestroyRNNDescriptor(cudnnRNNDescriptor_t r) { return end(r); }
cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t r, cudnnRNNAlgo_t algorithm, cudnnRNNMode_t mode,
                                       cudnnRNNBiasMode_t bias, cudnnDirectionMode_t directions,
                                       cudnnRNNInputMode_t input, cudnnDataType_t type,
                                       cudnnDataType_t precision, cudnnMathType_t math, int32_t in,
                                       int32_t hidden, int32_t projection, int32_t layers,
                                       cudnnDropoutDescriptor_t dropout, uint32_t flags) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  if (bias != CUDNN_RNN_DOUBLE_BIAS || input != CUDNN_LINEAR_INPUT || !is_known(type) ||
      (math == CUDNN_TENSOR_OP_MATH) != (type != CUDNN_DATA_FLOAT) || precision != CUDNN_DATA_FLOAT ||
      projection != hidden || layers != 1 || !dropout->set || flags != CUDNN_RNN_PADDED_IO_ENABLED)
    return CUDNN_STATUS_BAD_PARAM;
  if (type == CUDNN_DATA_BFLOAT16 && version() < 91300) return CUDNN_STATUS_BAD_PARAM;
  if (algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H && hidden > 32) return CUDNN_STATUS_NOT_SUPPORTED;
  sq_config config = {};
  config.input_size = in;
  config.hidden_size = hidden;
  config.activation = mode == CUDNN_RNN_RELU ? SQ_RELU : SQ_TANH;
  config.reset_after = mode == CUDNN_GRU;
  sq_layout_resolve(sq_cell_find(mode == CUDNN_LSTM  ? "lstm"
                                 : mode == CUDNN_GRU ? "gru"
                                                     : "rnn"),
                    &config, &r->layout);
  r->algorithm = algorithm;
  r->type = type;
  r->built = 0;
  r->directions = directions == CUDNN_BIDIRECTIONAL ? 2 : 1;
  r->gates = (int)(r->layout.gates / hidden);
  r->states = r->layout.states;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBuildRNNDynamic(cudnnHandle_t, cudnnRNNDescriptor_t r, int batch) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  r->built = batch;
  return CUDNN_STATUS_SUCCESS;
}

/* ---- sizes and places ---- */

cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t, cudnnRNNDescriptor_t r, size_t *bytes) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  *bytes = weight_bytes(r);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t, cudnnRNNDescriptor_t r, cudnnForwardMode_t,
                                        cudnnRNNDataDescriptor_t x, size_t *work, size_t *reserve) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  if (r->algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC && r->built != x->batch) return CUDNN_STATUS_BAD_PARAM;
  const sizes s = sizes_of(r, x);
  *work = (size_t)s.work * sizeof(float);
  *reserve = (size_t)s.reserve * sizeof(float);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t, cudnnRNNDescriptor_t r, int32_t layer, size_t bytes,
                                      const void *space, int32_t id, cudnnTensorDescriptor_t matrix,
                                      void **matrix_address, cudnnTensorDescriptor_t bias,
                                      void **bias_address) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  if (layer >= r->directions || id >= 2 * r->gates || bytes != weight_bytes(r)) return CUDNN_STATUS_BAD_PARAM;
  const int hidden = (int)r->layout.config.hidden_size;
  const int width = id < r->gates ? (int)r->layout.config.input_size : hidden;
  char *base = static_cast<char *>(const_cast<void *>(space));
  *matrix = {r->type, {1, hidden, width}};
  *bias = {r->type, {1, hidden, 1}};
  *matrix_address = base + matrix_at(r, layer, id) * (int64_t)size_of(r->type);
  *bias_address = base + bias_at(r, layer, id) * (int64_t)size_of(r->type);
  return CUDNN_STATUS_SUCCESS;
}

/* ---- runs: the arguments are checked at the call, the work is done in the order of the stream ---- */

cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rd, cudnnForwardMode_t mode,
                              const int32_t *device, cudnnRNNDataDescriptor_t xd, const void *x,
                              cudnnRNNDataDescriptor_t yd, void *y, cudnnTensorDescriptor_t hd,
                              const void *hx, void *hy, cudnnTensorDescriptor_t cd, const void *cx, void *cy,
                              size_t space, const void *weights, size_t work_bytes, void *work,
                              size_t reserve_bytes, void *reserve) {
  const sizes s = sizes_of(rd, xd);
  const bool training = mode == CUDNN_FWD_MODE_TRAINING;
  const bool uniform = xd->lengths == std::vector<int>((size_t)xd->batch, xd->steps);
  if (device != NULL || !same_shape(rd, xd, yd, hd, cd) || space != weight_bytes(rd) || hx == hy ||
      work_bytes < (size_t)s.work * sizeof(float) ||
      (training && (reserve == NULL || reserve_bytes < (size_t)s.reserve * sizeof(float))))
    return CUDNN_STATUS_BAD_PARAM;
  if (!uniform && rd->algorithm != CUDNN_RNN_ALGO_STANDARD) return CUDNN_STATUS_NOT_SUPPORTED;
  return seat::enqueue(handle->stream, [=, r = *rd, xs = *xd, ys = *yd]() -> const char * {
    sq_exec exec = {};
    const int64_t state_count = state_size(&r, &xs), two = r.states == 2 ? state_count : 0;
    const numbers in = load(r.type, x, s.x);
    numbers h0 = load(r.type, hx, state_count), c0 = load(r.type, cx, two);
    numbers out((size_t)(ys.steps * ys.batch) * (size_t)ys.width), h((size_t)state_count), c((size_t)two);
    void *room = seat::writable(work, work_bytes);
    float *kept = floats(training ? seat::writable(reserve, reserve_bytes) : NULL);
    for (int d = 0; d < r.directions; d++) {
      const numbers params = unpack(&r, d, weights);
      sq_layer_run q =
          sequence_of(&r, &xs, d, in.data(), params.data(), room, training ? kept + d * s.states : NULL);
      q.initial[0] = state(h0, &r, d);
      q.initial[1] = state(c0, &r, d);
      q.final[0] = state(h, &r, d);
      q.final[1] = state(c, &r, d);
      q.y = out.data() + d * r.layout.config.hidden_size;
      q.ldy = ys.width;
      sq_layer_forward_f32(&exec, &q);
    }
    poison(&ys, out);
    store(r.type, out, y);
    store(r.type, h, hy);
    store(r.type, c, cy);
    if (training) {
      float *copy = kept + r.directions * (s.states + s.gradients);
      memcpy(copy, in.data(), in.size() * sizeof(float));
      copy[s.x] = checksum(&r, &xs, in, load(r.type, y, (int64_t)out.size()), h0);
    }
    seat::spoil(work, work_bytes);
    return NULL;
  });
}

/* Also computes the gradients of the weights, which wait in the reserve. */
cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rd, const int32_t *,
                                      cudnnRNNDataDescriptor_t yd, const void *y, const void *dy,
                                      cudnnRNNDataDescriptor_t xd, void *dx, cudnnTensorDescriptor_t hd,
                                      const void *hx, const void *dhy, void *dhx, cudnnTensorDescriptor_t cd,
                                      const void *cx, const void *dcy, void *dcx, size_t space,
                                      const void *weights, size_t work_bytes, void *work,
                                      size_t reserve_bytes, void *reserve) {
  const sizes s = sizes_of(rd, xd);
  if (!same_shape(rd, xd, yd, hd, cd) || space != weight_bytes(rd) ||
      work_bytes < (size_t)s.work * sizeof(float) || dy == NULL || dx == NULL ||
      (rd->states == 1 && (cx || dcy || dcx)) || reserve_bytes < (size_t)s.reserve * sizeof(float))
    return CUDNN_STATUS_BAD_PARAM;
  return seat::enqueue(handle->stream, [=, r = *rd, xs = *xd, ys = *yd]() -> const char * {
    float *kept = floats(seat::writable(reserve, reserve_bytes));
    float *gradients = kept + r.directions * s.states, *copy = gradients + r.directions * s.gradients;
    const int64_t state_count = state_size(&r, &xs), y_count = (int64_t)ys.steps * ys.batch * ys.width;
    const numbers in(copy, copy + s.x), dout = load(r.type, dy, y_count);
    if (copy[s.x] != checksum(&r, &xs, in, load(r.type, y, y_count), load(r.type, hx, state_count)))
      return "x, y or hx are not those of forward";
    numbers dh = load(r.type, dhy, state_count), dc = load(r.type, dcy, state_count);
    numbers dh0((size_t)state_count), dc0(r.states == 2 ? (size_t)state_count : 0), din((size_t)s.x);
    memset(gradients, 0, (size_t)(r.directions * s.gradients) * sizeof(float));
    void *room = seat::writable(work, work_bytes);
    sq_exec exec = {};
    for (int d = 0; d < r.directions; d++) {
      const numbers params = unpack(&r, d, weights);
      sq_layer_run q = sequence_of(&r, &xs, d, copy, params.data(), room, kept + d * s.states);
      q.dy = dout.data() + d * r.layout.config.hidden_size;
      q.ldy = ys.width;
      q.dfinal[0] = state(dh, &r, d);
      q.dfinal[1] = state(dc, &r, d);
      q.dinitial[0] = state(dh0, &r, d);
      q.dinitial[1] = state(dc0, &r, d);
      q.dx = din.data();
      q.dx_accumulate = d;
      q.dparams = gradients + d * s.gradients;
      sq_layer_backward_f32(&exec, &q);
    }
    poison(&xs, din);
    store(r.type, din, dx);
    store(r.type, dh0, dhx);
    store(r.type, dc0, dcx);
    seat::spoil(work, work_bytes);
    return NULL;
  });
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rd, cudnnWgradMode_t mode,
                                         const int32_t *, cudnnRNNDataDescriptor_t xd, const void *x,
                                         cudnnTensorDescriptor_t hd, const void *hx,
                                         cudnnRNNDataDescriptor_t yd, const void *y, size_t space,
                                         void *dweights, size_t work_bytes, void *work, size_t reserve_bytes,
                                         void *reserve) {
  const sizes s = sizes_of(rd, xd);
  if (mode != CUDNN_WGRAD_MODE_ADD || !same_shape(rd, xd, yd, hd, hd) || space != weight_bytes(rd) ||
      reserve_bytes < (size_t)s.reserve * sizeof(float))
    return CUDNN_STATUS_BAD_PARAM;
  return seat::enqueue(handle->stream, [=, r = *rd, xs = *xd, ys = *yd]() -> const char * {
    const auto *kept = static_cast<const float *>(seat::readable(reserve, reserve_bytes));
    const float *gradients = kept + r.directions * s.states;
    const numbers in = load(r.type, x, s.x), hidden = load(r.type, hx, state_size(&r, &xs));
    const numbers out = load(r.type, y, (int64_t)ys.steps * ys.batch * ys.width);
    if (gradients[r.directions * s.gradients + s.x] != checksum(&r, &xs, in, out, hidden))
      return "x, y or hx are not those of forward";
    numbers sum = load(r.type, dweights, r.directions * direction_size(&r));
    for (int d = 0; d < r.directions; d++)
      each_tensor(&r, d, [&](int64_t ours, int64_t theirs, int64_t count) {
        for (int64_t i = 0; i < count; i++)
          sum[(size_t)(theirs + i)] += gradients[d * s.gradients + ours + i];
      });
    store(r.type, sum, dweights);
    seat::spoil(work, work_bytes);
    return NULL;
  });
}

/* ---- CTC: logits in, losses and gradients out, class 0 is blank ---- */

cudnnStatus_t cudnnCreateCTCLossDescriptor(cudnnCTCLossDescriptor_t *d) { return make(d); }
cudnnStatus_t cudnnDestroyCTCLossDescriptor(cudnnCTCLossDescriptor_t d) { return end(d); }
cudnnStatus_t cudnnSetCTCLossDescriptor_v9(cudnnCTCLossDescriptor_t d, cudnnDataType_t type,
                                           cudnnLossNormalizationMode_t normalization,
                                           cudnnCTCGradMode_t beyond, int longest) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  if (type != CUDNN_DATA_FLOAT || normalization != CUDNN_LOSS_NORMALIZATION_SOFTMAX ||
      beyond != CUDNN_CTC_ZERO_OOB_GRADIENTS || longest < 1)
    return CUDNN_STATUS_BAD_PARAM;
  d->longest = longest;
  return longest <= 256 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}
cudnnStatus_t cudnnGetCTCLossWorkspaceSize_v8(cudnnHandle_t, cudnnCTCLossAlgo_t, cudnnCTCLossDescriptor_t d,
                                              const cudnnTensorDescriptor_t logits,
                                              const cudnnTensorDescriptor_t gradients, size_t *bytes) {
  if (seat::fails()) return CUDNN_STATUS_EXECUTION_FAILED;
  if (logits->dims.size() != 3 || gradients->dims != logits->dims) return CUDNN_STATUS_BAD_PARAM;
  *bytes = ctc_size(d, logits) * sizeof(float);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCTCLoss_v8(cudnnHandle_t handle, cudnnCTCLossAlgo_t, cudnnCTCLossDescriptor_t d,
                              const cudnnTensorDescriptor_t shape, const void *logits, const int labels[],
                              const int label_lengths[], const int lengths[], void *losses,
                              const cudnnTensorDescriptor_t like, void *gradients, size_t work_bytes,
                              void *work) {
  if (shape->dims.size() != 3 || like->dims != shape->dims || gradients == NULL ||
      work_bytes < ctc_size(d, shape) * sizeof(float))
    return CUDNN_STATUS_BAD_PARAM;
  return seat::enqueue(
      handle->stream, [=, longest = (int64_t)d->longest, dims = shape->dims]() -> const char * {
        const int64_t T = dims[0], B = dims[1], K = dims[2];
        const std::vector<int> each = integers(label_lengths, B), steps = integers(lengths, B);
        std::vector<int> labelled((size_t)(longest * B), 0); /* [L,B] */
        if (!spread_labels(labels, each, longest, labelled)) return "more labels than the descriptor says";
        const numbers in = load(CUDNN_DATA_FLOAT, logits, T * B * K);
        numbers loss((size_t)B), dlogits(in.size()), total(2);
        float *room = floats(seat::writable(work, work_bytes));
        sq_ctc_args a = {};
        a.seq_len = T;
        a.batch = B;
        a.classes = K;
        a.label_len = longest;
        a.scale = 1;
        a.logits = in.data();
        a.lengths = steps.data();
        a.labels = labelled.data();
        a.label_lengths = each.data();
        a.normal = room;
        a.occupancy = room + 2 * T * B;
        a.scratch = room + 2 * T * B + T * B * (2 * longest + 1);
        a.row_loss = loss.data();
        a.loss = total.data();
        a.dlogits = dlogits.data();
        sq_exec exec = {};
        sq_cpu_ops_f32.ctc_forward(&exec, &a);
        sq_cpu_ops_f32.ctc_backward(&exec, &a);
        store(CUDNN_DATA_FLOAT, loss, losses);
        store(CUDNN_DATA_FLOAT, dlogits, gradients);
        seat::spoil(work, work_bytes);
        return NULL;
      });
}

} // extern "C"
