/* layer.cu - see layer.h and context.h: cuDNN's part of a context, descriptors, memory, and the places of
 * weights. */
#include "kernels/cudnn/layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <new>

enum { ALIGN = 64 /* elements: 256 bytes */, MAX_DIMS = 8 };

/* ---- the context's part ---- */

static int create(sq_cudnn *c) {
  TRY_CUDNN(dnn().cudnnCreate(&c->handle));
  TRY_CUDNN(dnn().cudnnCreateDropoutDescriptor(&c->no_dropout));
  TRY_CUDNN(dnn().cudnnSetDropoutDescriptor(c->no_dropout, c->handle, 0.0f, NULL, 0, 0));
  TRY_CUDNN(dnn().cudnnCreateRNNDataDescriptor(&c->x));
  TRY_CUDNN(dnn().cudnnCreateRNNDataDescriptor(&c->y));
  TRY_CUDNN(dnn().cudnnCreateTensorDescriptor(&c->state));
  TRY_CUDNN(dnn().cudnnCreateTensorDescriptor(&c->matrix));
  return sq_cudnn_status_error(dnn().cudnnCreateTensorDescriptor(&c->bias));
}

static void destroy(sq_cudnn *c) {
  for (sq_cudnn_layer &l : c->slot)
    if (l.rnn != NULL) dnn().cudnnDestroyRNNDescriptor(l.rnn);
  if (c->bias != NULL) dnn().cudnnDestroyTensorDescriptor(c->bias);
  if (c->matrix != NULL) dnn().cudnnDestroyTensorDescriptor(c->matrix);
  if (c->state != NULL) dnn().cudnnDestroyTensorDescriptor(c->state);
  if (c->y != NULL) dnn().cudnnDestroyRNNDataDescriptor(c->y);
  if (c->x != NULL) dnn().cudnnDestroyRNNDataDescriptor(c->x);
  if (c->no_dropout != NULL) dnn().cudnnDestroyDropoutDescriptor(c->no_dropout);
  if (c->handle != NULL) dnn().cudnnDestroy(c->handle);
  free(c->lengths);
  delete c;
}

int sq_cudnn_open(sq_exec *exec, sq_cudnn **out) {
  sq_gpu *gpu = sq_gpu_of(exec);
  if (sq_cudnn_functions_library() == NULL) return SQ_CUDNN_MISSING;
  if (gpu->cudnn == NULL) {
    sq_cudnn *c = new (std::nothrow) sq_cudnn();
    if (c == NULL) return (int)cudaErrorMemoryAllocation;
    const int error = create(c);
    if (error != 0) destroy(c);
    if (error != 0) return error;
    gpu->cudnn = c;
  }
  *out = gpu->cudnn;
  return sq_cudnn_status_error(dnn().cudnnSetStream((*out)->handle, static_cast<cudaStream_t>(exec->stream)));
}

/* ---- descriptors ---- */

static cudnnDataType_t data_type_of(sq_cudnn_type type) {
  return type == SQ_CUDNN_HALF   ? CUDNN_DATA_HALF
         : type == SQ_CUDNN_BF16 ? CUDNN_DATA_BFLOAT16
                                 : CUDNN_DATA_FLOAT;
}

/* Whether tensor cores may be used.  Sums are float32 with and without: cuDNN 9.19 takes CUDNN_DATA_FLOAT as
 * mathPrec with all three types in all algorithms; CUDNN_DATA_HALF only with half in the standard one. */
static cudnnMathType_t math_of(sq_cudnn_type type, sq_math math) {
  if (type != SQ_CUDNN_F32) return CUDNN_TENSOR_OP_MATH;
  return math == SQ_MATH_F32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
}

sq_cudnn_key sq_cudnn_key_of(const sq_layout *l, sq_cudnn_way way, sq_math math, int directions) {
  sq_cudnn_key key;
  memset(&key, 0, sizeof key); /* compared as bytes */
  key.way = way;
  key.mode = l->states == 2                    ? CUDNN_LSTM
             : l->aux > 0                      ? CUDNN_GRU
             : l->config.activation == SQ_RELU ? CUDNN_RNN_RELU
                                               : CUDNN_RNN_TANH;
  key.math = math_of(way.type, math);
  key.input = (int32_t)l->config.input_size;
  key.hidden = (int32_t)l->config.hidden_size;
  key.directions = directions;
  return key;
}

static int describe_layer(sq_cudnn *c, sq_cudnn_layer *l) {
  const sq_cudnn_key &k = l->key;
  if (l->rnn == NULL) TRY_CUDNN(dnn().cudnnCreateRNNDescriptor(&l->rnn));
  TRY_CUDNN(dnn().cudnnSetRNNDescriptor_v8(l->rnn, k.way.algorithm, k.mode, CUDNN_RNN_DOUBLE_BIAS,
                                           k.directions == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
                                           CUDNN_LINEAR_INPUT, data_type_of(k.way.type), CUDNN_DATA_FLOAT,
                                           k.math, k.input, k.hidden, k.hidden, 1, c->no_dropout,
                                           CUDNN_RNN_PADDED_IO_ENABLED));
  return sq_cudnn_status_error(dnn().cudnnGetRNNWeightSpaceSize(c->handle, l->rnn, &l->weight_bytes));
}

int sq_cudnn_find_layer(sq_cudnn *c, const sq_cudnn_key &key, sq_cudnn_layer **out) {
  sq_cudnn_layer *oldest = &c->slot[0];
  for (sq_cudnn_layer &l : c->slot) {
    if (l.used < oldest->used) oldest = &l;
    if (!l.ready || memcmp(&l.key, &key, sizeof key) != 0) continue;
    l.used = ++c->clock;
    *out = &l;
    return 0;
  }
  cudnnRNNDescriptor_t rnn = oldest->rnn;
  memset(oldest, 0, sizeof *oldest);
  oldest->rnn = rnn;
  oldest->key = key;
  TRY(describe_layer(c, oldest));
  oldest->ready = true;
  oldest->used = ++c->clock;
  *out = oldest;
  return 0;
}

int sq_cudnn_build(sq_cudnn *c, sq_cudnn_layer *l, int64_t batch) {
  if (l->key.way.algorithm != CUDNN_RNN_ALGO_PERSIST_DYNAMIC || l->built_batch == batch) return 0;
  TRY_CUDNN(dnn().cudnnBuildRNNDynamic(c->handle, l->rnn, (int)batch));
  l->built_batch = (int)batch;
  return 0;
}

int sq_cudnn_want_lengths(sq_cudnn *c, int64_t batch) {
  if (batch <= c->room) return 0;
  int *lengths = static_cast<int *>(realloc(c->lengths, (size_t)batch * sizeof *lengths));
  if (lengths == NULL) return (int)cudaErrorMemoryAllocation;
  c->lengths = lengths;
  c->room = batch;
  return 0;
}

int sq_cudnn_describe_data(sq_cudnn *c, const sq_cudnn_key &k, int64_t seq_len, int64_t batch) {
  float zero = 0.0f; /* also in the short types */
  const cudnnDataType_t type = data_type_of(k.way.type);
  TRY_CUDNN(dnn().cudnnSetRNNDataDescriptor(c->x, type, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED,
                                            (int)seq_len, (int)batch, k.input, c->lengths, &zero));
  TRY_CUDNN(dnn().cudnnSetRNNDataDescriptor(c->y, type, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED,
                                            (int)seq_len, (int)batch, k.directions * k.hidden, c->lengths,
                                            &zero));
  const int dims[3] = {k.directions, (int)batch, k.hidden};
  const int strides[3] = {dims[1] * dims[2], dims[2], 1};
  return sq_cudnn_status_error(dnn().cudnnSetTensorNdDescriptor(c->state, type, 3, dims, strides));
}

/* ---- memory ---- */

float *sq_cudnn_align_up(void *p) {
  const uintptr_t step = ALIGN * sizeof(float);
  return reinterpret_cast<float *>((reinterpret_cast<uintptr_t>(p) + step - 1) / step * step);
}

static int64_t aligned(int64_t count) { return (count + ALIGN - 1) / ALIGN * ALIGN; }
int64_t sq_cudnn_elements_of(size_t bytes) {
  return aligned((int64_t)((bytes + sizeof(float) - 1) / sizeof(float)));
}

static int64_t take(int64_t *total, int64_t count) {
  const int64_t at = *total;
  *total += aligned(count);
  return at;
}

int sq_cudnn_place(sq_cudnn *c, const sq_cudnn_layer *l, int64_t T, int64_t B, int training,
                   sq_cudnn_room *out) {
  const sq_cudnn_key &k = l->key;
  const int64_t size = sq_cudnn_type_size(k.way.type), each = (int64_t)sizeof(float);
  const auto room = [&](int64_t count) { return (count * size + each - 1) / each; };
  const int64_t state = room(k.directions * B * k.hidden), y = room(T * B * k.directions * k.hidden),
                x = room(T * B * k.input), weights = sq_cudnn_elements_of(l->weight_bytes);
  sq_cudnn_room r = {};
  TRY_CUDNN(dnn().cudnnGetRNNTempSpaceSizes(c->handle, l->rnn,
                                            training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE,
                                            c->x, &r.work_bytes, &r.reserve_bytes));
  if (!training) r.reserve_bytes = 0;
  r.kept_weights = take(&r.kept_size, weights);
  for (int64_t &kept : r.kept_state) kept = take(&r.kept_size, state);
  r.kept_x = take(&r.kept_size, k.way.type != SQ_CUDNN_F32 ? x : 0);
  r.kept_y = take(&r.kept_size, y);
  r.reserve_size = ALIGN + sq_cudnn_elements_of(r.reserve_bytes) + r.kept_size; /* ALIGN: for align_up */
  int64_t total = 0;
  for (int64_t &end : r.end) end = take(&total, state);
  r.work = take(&total, sq_cudnn_elements_of(r.work_bytes));
  r.kept = take(&total, training ? 0 : r.kept_size);
  r.dweights = take(&total, training ? weights : 0);
  r.dy = take(&total, training ? y : 0);
  r.dx = take(&total, training ? x : 0);
  for (int64_t &dstate : r.dstate) dstate = take(&total, training ? state : 0);
  r.largest = take(&total, training && sq_cudnn_scales(k.way.type) ? 1 : 0);
  r.workspace_size = ALIGN + total;
  *out = r;
  return 0;
}

/* The room that the largest run of a plan takes with one algorithm. */
static int place_problem(sq_cudnn *c, const sq_problem *p, sq_cudnn_way way, sq_cudnn_room *out) {
  sq_cudnn_layer *l = NULL;
  TRY(sq_cudnn_find_layer(c, sq_cudnn_key_of(p->layout, way, p->math, p->directions), &l));
  TRY(sq_cudnn_want_lengths(c, p->batch));
  for (int64_t b = 0; b < p->batch; b++) c->lengths[b] = (int)p->seq_len;
  TRY(sq_cudnn_describe_data(c, l->key, p->seq_len, p->batch));
  TRY(sq_cudnn_build(c, l, p->batch));
  return sq_cudnn_place(c, l, p->seq_len, p->batch, p->training, out);
}

int sq_cudnn_ask(sq_exec *exec, const sq_problem *p, sq_cudnn_way way, int64_t *workspace, int64_t *reserve) {
  sq_cudnn *c = NULL;
  sq_cudnn_room own, ragged;
  const sq_gpu_current here(exec);
  TRY(here.error);
  TRY(sq_cudnn_open(exec, &c));
  TRY(place_problem(c, p, way, &own));
  TRY(place_problem(c, p, {CUDNN_RNN_ALGO_STANDARD, way.type}, &ragged));
  *workspace = own.workspace_size > ragged.workspace_size ? own.workspace_size : ragged.workspace_size;
  *reserve = own.reserve_size > ragged.reserve_size ? own.reserve_size : ragged.reserve_size;
  *workspace = aligned((*workspace + p->directions - 1) / p->directions);
  *reserve = aligned((*reserve + p->directions - 1) / p->directions);
  return 0;
}

/* ---- weights ---- */

/* An error unless a tensor of cuDNN's weight space has as many elements as ours, of the wanted type. */
static int expect(cudnnTensorDescriptor_t tensor, const void *address, cudnnDataType_t wanted,
                  int64_t count) {
  cudnnDataType_t type;
  int dims = 0, size[MAX_DIMS], stride[MAX_DIMS];
  if (address == NULL) return SQ_CUDNN_BAD_PARAM;
  TRY_CUDNN(dnn().cudnnGetTensorNdDescriptor(tensor, MAX_DIMS, &type, &dims, size, stride));
  int64_t elements = 1;
  for (int i = 0; i < dims && i < MAX_DIMS; i++) elements *= size[i];
  return elements == count && type == wanted ? 0 : SQ_CUDNN_BAD_PARAM;
}

int sq_cudnn_find_blocks(sq_cudnn *c, sq_cudnn_layer *l, const sq_layout *ours, const void *weights) {
  const int64_t H = ours->config.hidden_size, I = ours->config.input_size;
  const int gates = (int)(ours->gates / H), recurrent = sq_layout_param(ours, "weight_hh");
  const int bias_rec = sq_layout_param(ours, "bias_rec");
  const cudnnDataType_t type = data_type_of(l->key.way.type);
  const int64_t size = sq_cudnn_type_size(l->key.way.type);
  const auto offset = [&](const void *at) {
    return (static_cast<const char *>(at) - static_cast<const char *>(weights)) / size;
  };
  sq_cudnn_blocks found = {};
  for (int direction = 0; direction < l->key.directions; direction++) {
    const int64_t base = direction * ours->param_elements;
    for (int id = 0; id < 2 * gates; id++) {
      const bool input = id < gates;
      const int gate = id % gates;
      void *matrix = NULL, *bias = NULL;
      TRY_CUDNN(dnn().cudnnGetRNNWeightParams(c->handle, l->rnn, direction, l->weight_bytes, weights, id,
                                              c->matrix, &matrix, c->bias, &bias));
      const int64_t width = input ? I : H;
      TRY(expect(c->matrix, matrix, type, H * width));
      TRY(expect(c->bias, bias, type, H));
      const int64_t whole = ours->param[input ? 0 : recurrent].offset;
      int64_t own_bias = -1;
      if (input) own_bias = base + ours->param[1].offset + gate * H;
      if (!input && gate == 2 && bias_rec >= 0) own_bias = base + ours->param[bias_rec].offset;
      found.block[found.count++] = {base + whole + gate * H * width, offset(matrix), H * width};
      found.block[found.count++] = {own_bias, offset(bias), H};
    }
  }
  l->blocks = found;
  l->blocks_known = true;
  return 0;
}

void sq_cudnn_close(sq_gpu *gpu) {
  if (gpu->cudnn != NULL) destroy(gpu->cudnn);
  gpu->cudnn = NULL;
}

const char *sq_cudnn_error_text(int error) {
  if (error == SQ_CUDNN_CAPTURED)
    return "host_lengths: must be given while the stream is recorded, because cuDNN wants lengths on the "
           "host";
  if (error == SQ_CUDNN_TOO_LARGE) return "this run needs more memory in cuDNN than the plan's largest run";
  const char *why = "cuDNN cannot be opened";
  if (sq_cudnn_functions_library(&why) == NULL) return why;
  return dnn().cudnnGetErrorString((cudnnStatus_t)(error - SQ_CUDNN_ERRORS));
}

void sq_cudnn_describe(char *text, size_t size) {
  if (sq_cudnn_functions_library() == NULL) return;
  const int version = (int)dnn().cudnnGetVersion();
  snprintf(text, size, ", cuDNN %d.%d", version / 10000, version / 100 % 100);
}
