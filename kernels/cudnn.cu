/* cudnn.cu - a layer of one or two directions through cuDNN's RNN functions (version 9).
 *
 * What cuDNN wants, and where it comes from:
 *   weights       its own weight space, filled from our parameters at each call (cudnn_pack.cu).  Gate by gate the two
 *                 orders agree: LSTM i,f,g,o; GRU r,u,c (cuDNN calls them r,i,n).  Two biases a gate: ours is the input
 *                 bias, the recurrent one is zero but for the GRU's bias_rec.
 *   y, hx, cx     again in backward, when the caller may have overwritten them: kept in the reserve, behind cuDNN's own.
 *                 y is dense there, [T,B,D*H], and copied to the caller's rows.
 *   lengths       on the host: the caller's host_lengths, or read back from the device.  A length of 0 is not taken by
 *                 all versions: such a sequence runs one step on zeros and is put right before and after.
 *   dweights      it can only add to them: zeroed, then added to our gradients.
 *
 * Precision: SQ_MATH_F32 forbids tensor cores, TF32 allows them.  SQ_MATH_BF16 runs as TF32, which is more exact: cuDNN's
 * bfloat16 would round the states, too, and those are promised to stay float32.
 *
 * The handle and the descriptors belong to the context and are made at the first plan.  Nothing here can run without a
 * card: the emulator sees cudnn_pack.cu only.
 */
#include "cudnn.h"
#include "device.h"

#include <cuda_runtime.h>
#include <cudnn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <new>

static_assert(CUDNN_MAJOR >= 9, "kernels/cudnn.cu is written for cuDNN 9");

namespace {

enum { SLOTS = 32, ALIGN = 64 /* floats: 256 bytes */, MAX_DIMS = 8 };

/* What an RNN descriptor depends on. */
struct layer_key {
  cudnnRNNAlgo_t algorithm;
  cudnnRNNMode_t mode;
  cudnnMathType_t math;
  int32_t input, hidden, directions;
};

/* A descriptor, and where its weights are. */
struct layer {
  bool ready;
  uint64_t used;
  layer_key key;
  cudnnRNNDescriptor_t rnn;
  size_t weight_bytes;
  bool blocks_known;
  sq_cudnn_blocks blocks;
  int built_batch; /* PERSIST_DYNAMIC: the batch it was compiled for */
};

} // namespace

/* Of one context. */
struct sq_cudnn {
  cudnnHandle_t handle;
  cudnnDropoutDescriptor_t no_dropout;
  cudnnRNNDataDescriptor_t x, y;
  cudnnTensorDescriptor_t state, matrix, bias;
  int *lengths; /* [room], host */
  int64_t room;
  uint64_t clock;
  layer slot[SLOTS];
};

namespace {

int status_error(cudnnStatus_t s) { return s == CUDNN_STATUS_SUCCESS ? 0 : SQ_CUDNN_ERRORS + (int)s; }

/* Leaves the function with the error of a cuDNN call. */
#define TRY(call)                                                                                            \
  do {                                                                                                       \
    const int try_error = (call);                                                                            \
    if (try_error != 0) return try_error;                                                                    \
  } while (0)
#define TRY_CUDNN(call) TRY(status_error(call))

const int BAD_PARAM = SQ_CUDNN_ERRORS + (int)CUDNN_STATUS_BAD_PARAM;

/* ---- the context's part ---- */

int create(sq_cudnn *c) {
  TRY_CUDNN(cudnnCreate(&c->handle));
  TRY_CUDNN(cudnnCreateDropoutDescriptor(&c->no_dropout));
  TRY_CUDNN(cudnnSetDropoutDescriptor(c->no_dropout, c->handle, 0.0f, NULL, 0, 0));
  TRY_CUDNN(cudnnCreateRNNDataDescriptor(&c->x));
  TRY_CUDNN(cudnnCreateRNNDataDescriptor(&c->y));
  TRY_CUDNN(cudnnCreateTensorDescriptor(&c->state));
  TRY_CUDNN(cudnnCreateTensorDescriptor(&c->matrix));
  return status_error(cudnnCreateTensorDescriptor(&c->bias));
}

void destroy(sq_cudnn *c) {
  for (layer &l : c->slot)
    if (l.rnn != NULL) cudnnDestroyRNNDescriptor(l.rnn);
  if (c->bias != NULL) cudnnDestroyTensorDescriptor(c->bias);
  if (c->matrix != NULL) cudnnDestroyTensorDescriptor(c->matrix);
  if (c->state != NULL) cudnnDestroyTensorDescriptor(c->state);
  if (c->y != NULL) cudnnDestroyRNNDataDescriptor(c->y);
  if (c->x != NULL) cudnnDestroyRNNDataDescriptor(c->x);
  if (c->no_dropout != NULL) cudnnDestroyDropoutDescriptor(c->no_dropout);
  if (c->handle != NULL) cudnnDestroy(c->handle);
  free(c->lengths);
  delete c;
}

/* The context's handle, on the context's stream; made at the first call. */
int open_cudnn(sq_exec *exec, sq_cudnn **out) {
  sq_gpu *gpu = sq_gpu_of(exec);
  TRY(sq_gpu_bind(exec));
  if (gpu->cudnn == NULL) {
    sq_cudnn *c = new (std::nothrow) sq_cudnn();
    if (c == NULL) return (int)cudaErrorMemoryAllocation;
    const int error = create(c);
    if (error != 0) destroy(c);
    if (error != 0) return error;
    gpu->cudnn = c;
  }
  *out = gpu->cudnn;
  return status_error(cudnnSetStream((*out)->handle, static_cast<cudaStream_t>(exec->stream)));
}

/* ---- descriptors ---- */

layer_key key_of(const sq_layout *l, cudnnRNNAlgo_t algorithm, sq_math math, int directions) {
  layer_key key;
  memset(&key, 0, sizeof key); /* compared as bytes */
  key.algorithm = algorithm;
  key.mode = l->states == 2                    ? CUDNN_LSTM
             : l->aux > 0                      ? CUDNN_GRU
             : l->config.activation == SQ_RELU ? CUDNN_RNN_RELU
                                               : CUDNN_RNN_TANH;
  key.math = math == SQ_MATH_F32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
  key.input = (int32_t)l->config.input;
  key.hidden = (int32_t)l->config.hidden;
  key.directions = directions;
  return key;
}

int describe_layer(sq_cudnn *c, layer *l) {
  const layer_key &k = l->key;
  if (l->rnn == NULL) TRY_CUDNN(cudnnCreateRNNDescriptor(&l->rnn));
  TRY_CUDNN(cudnnSetRNNDescriptor_v8(l->rnn, k.algorithm, k.mode, CUDNN_RNN_DOUBLE_BIAS,
                                     k.directions == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
                                     CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, k.math, k.input,
                                     k.hidden, k.hidden, 1, c->no_dropout, CUDNN_RNN_PADDED_IO_ENABLED));
  return status_error(cudnnGetRNNWeightSpaceSize(c->handle, l->rnn, &l->weight_bytes));
}

/* The descriptor of the key, made if it is new in place of the one not used for longest. */
int find_layer(sq_cudnn *c, const layer_key &key, layer **out) {
  layer *oldest = &c->slot[0];
  for (layer &l : c->slot) {
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

/* PERSIST_DYNAMIC is compiled for one batch; a run with another one compiles it again. */
int build(sq_cudnn *c, layer *l, int64_t batch) {
  if (l->key.algorithm != CUDNN_RNN_ALGO_PERSIST_DYNAMIC || l->built_batch == batch) return 0;
  TRY_CUDNN(cudnnBuildRNNDynamic(c->handle, l->rnn, (int)batch));
  l->built_batch = (int)batch;
  return 0;
}

/* Host room for the lengths; of the plan's batch at plan time. */
int want_lengths(sq_cudnn *c, int64_t batch) {
  if (batch <= c->room) return 0;
  int *lengths = static_cast<int *>(realloc(c->lengths, (size_t)batch * sizeof *lengths));
  if (lengths == NULL) return (int)cudaErrorMemoryAllocation;
  c->lengths = lengths;
  c->room = batch;
  return 0;
}

/* Describes x and y of c->lengths. */
int describe_data(sq_cudnn *c, const layer_key &k, int64_t seq_len, int64_t batch) {
  float zero = 0.0f;
  TRY_CUDNN(cudnnSetRNNDataDescriptor(c->x, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED,
                                      (int)seq_len, (int)batch, k.input, c->lengths, &zero));
  TRY_CUDNN(cudnnSetRNNDataDescriptor(c->y, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED,
                                      (int)seq_len, (int)batch, k.directions * k.hidden, c->lengths, &zero));
  const int dims[3] = {k.directions, (int)batch, k.hidden};
  const int strides[3] = {dims[1] * dims[2], dims[2], 1};
  return status_error(cudnnSetTensorNdDescriptor(c->state, CUDNN_DATA_FLOAT, 3, dims, strides));
}

/* ---- memory ---- */

/* Offsets in floats.  `kept` parts are in the reserve in training, behind cuDNN's own, else in the workspace. */
struct room {
  size_t work_bytes, reserve_bytes;                      /* cuDNN's own */
  int64_t kept_hx, kept_cx, kept_y, kept_size;           /* from the beginning of the kept part */
  int64_t reserve_size;                                  /* all of the reserve */
  int64_t weights, dweights, work, dy, dx, dh, dc, kept; /* workspace */
  int64_t workspace_size;
};

int64_t aligned(int64_t floats) { return (floats + ALIGN - 1) / ALIGN * ALIGN; }
int64_t floats_of(size_t bytes) { return aligned((int64_t)((bytes + sizeof(float) - 1) / sizeof(float))); }

int64_t take(int64_t *total, int64_t floats) {
  const int64_t at = *total;
  *total += aligned(floats);
  return at;
}

/* Lays out a run; c->x must describe it. */
int place(sq_cudnn *c, const layer *l, int64_t T, int64_t B, int training, room *out) {
  const layer_key &k = l->key;
  const int64_t state = k.directions * B * k.hidden, y = T * B * k.directions * k.hidden;
  const int64_t weights = (int64_t)(l->weight_bytes / sizeof(float)) + 1;
  room r = {};
  TRY_CUDNN(cudnnGetRNNTempSpaceSizes(c->handle, l->rnn,
                                      training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, c->x,
                                      &r.work_bytes, &r.reserve_bytes));
  if (!training) r.reserve_bytes = 0;
  r.kept_hx = take(&r.kept_size, state);
  r.kept_cx = take(&r.kept_size, state);
  r.kept_y = take(&r.kept_size, y);
  r.reserve_size = floats_of(r.reserve_bytes) + r.kept_size;
  int64_t total = 0;
  r.weights = take(&total, weights);
  r.work = take(&total, floats_of(r.work_bytes));
  r.kept = take(&total, training ? 0 : r.kept_size);
  r.dweights = take(&total, training ? weights : 0);
  r.dy = take(&total, training ? y : 0);
  r.dx = take(&total, training ? T * B * k.input : 0);
  r.dh = take(&total, training ? state : 0);
  r.dc = take(&total, training ? state : 0);
  r.workspace_size = total;
  *out = r;
  return 0;
}

/* The room of a plan's largest run by one algorithm. */
int place_problem(sq_cudnn *c, const sq_problem *p, cudnnRNNAlgo_t algorithm, room *out) {
  layer *l = NULL;
  TRY(find_layer(c, key_of(p->layout, algorithm, p->math, p->directions), &l));
  TRY(want_lengths(c, p->batch));
  for (int64_t b = 0; b < p->batch; b++) c->lengths[b] = (int)p->seq_len;
  TRY(describe_data(c, l->key, p->seq_len, p->batch));
  TRY(build(c, l, p->batch));
  return place(c, l, p->seq_len, p->batch, p->training, out);
}

/* Each direction's part of what is for all: its algorithm's, or the standard one's, which ragged batches take. */
int ask(sq_exec *exec, const sq_problem *p, cudnnRNNAlgo_t algorithm, int64_t *workspace, int64_t *reserve) {
  sq_cudnn *c = NULL;
  room own, ragged;
  TRY(open_cudnn(exec, &c));
  TRY(place_problem(c, p, algorithm, &own));
  TRY(place_problem(c, p, CUDNN_RNN_ALGO_STANDARD, &ragged));
  *workspace = own.workspace_size > ragged.workspace_size ? own.workspace_size : ragged.workspace_size;
  *reserve = own.reserve_size > ragged.reserve_size ? own.reserve_size : ragged.reserve_size;
  *workspace = aligned((*workspace + p->directions - 1) / p->directions);
  *reserve = aligned((*reserve + p->directions - 1) / p->directions);
  return 0;
}

/* ---- one call ---- */

/* Everything a forward or backward of `count` directions works with. */
struct call {
  sq_exec *exec;
  sq_cudnn *c;
  layer *l;
  const sq_sequence *run; /* [count] */
  int count;
  int64_t T, B, H, I;
  room r;
  float *workspace, *reserve, *kept;
  float *hx, *cx, *y; /* in kept; cx NULL: the cell has no second state */
};

/* The sequences' lengths into c->lengths: at least 1 each. */
int read_lengths(sq_cudnn *c, const sq_exec *exec, const sq_sequence *run) {
  const cudaStream_t stream = static_cast<cudaStream_t>(exec->stream);
  const size_t bytes = (size_t)run->batch * sizeof *c->lengths;
  TRY(want_lengths(c, run->batch));
  if (run->host_lengths != NULL) {
    memcpy(c->lengths, run->host_lengths, bytes);
  } else if (run->lengths != NULL) {
    TRY((int)cudaMemcpyAsync(c->lengths, run->lengths, bytes, cudaMemcpyDeviceToHost, stream));
    TRY((int)cudaStreamSynchronize(stream));
  }
  for (int64_t b = 0; b < run->batch; b++) {
    const int64_t length = run->lengths != NULL ? c->lengths[b] : run->seq_len;
    c->lengths[b] = (int)(length < 1 ? 1 : length > run->seq_len ? run->seq_len : length);
  }
  return 0;
}

/* Where each block of numbers lies, asked once with a real weight space. */
int find_blocks(sq_cudnn *c, layer *l, const sq_layout *ours, const float *weights) {
  const int64_t H = ours->config.hidden, I = ours->config.input;
  const int gates = (int)(ours->gates / H), recurrent = sq_layout_param(ours, "weight_hh");
  const int bias_rec = sq_layout_param(ours, "bias_rec");
  sq_cudnn_blocks found = {};
  for (int direction = 0; direction < l->key.directions; direction++) {
    const int64_t base = direction * ours->param_count;
    for (int id = 0; id < 2 * gates; id++) {
      const bool input = id < gates;
      const int gate = id % gates;
      void *matrix = NULL, *bias = NULL;
      TRY_CUDNN(cudnnGetRNNWeightParams(c->handle, l->rnn, direction, l->weight_bytes, weights, id, c->matrix,
                                        &matrix, c->bias, &bias));
      if (matrix == NULL || bias == NULL) return BAD_PARAM;
      const int64_t width = input ? I : H;
      const int64_t whole = ours->param[input ? 0 : recurrent].offset;
      int64_t own_bias = -1;
      if (input) own_bias = base + ours->param[1].offset + gate * H;
      if (!input && gate == 2 && bias_rec >= 0) own_bias = base + ours->param[bias_rec].offset;
      found.block[found.count++] = {base + whole + gate * H * width, static_cast<float *>(matrix) - weights,
                                    H * width};
      found.block[found.count++] = {own_bias, static_cast<float *>(bias) - weights, H};
    }
  }
  l->blocks = found;
  l->blocks_known = true;
  return 0;
}

/* Finds descriptors and room for a run; an error if the caller's memory could not hold it. */
int enter(sq_exec *exec, const sq_sequence *runs, int count, cudnnRNNAlgo_t algorithm, int training,
          call *k) {
  const sq_layout *ours = runs[0].layout;
  if (runs[0].ldx != ours->config.input || runs[0].reverse) return BAD_PARAM; /* rnn.c never asks for it */
  *k = call();
  k->exec = exec;
  k->run = runs;
  k->count = count;
  k->T = runs[0].seq_len;
  k->B = runs[0].batch;
  k->H = ours->config.hidden;
  k->I = ours->config.input;
  TRY(open_cudnn(exec, &k->c));
  if (runs[0].lengths != NULL) algorithm = CUDNN_RNN_ALGO_STANDARD;
  TRY(find_layer(k->c, key_of(ours, algorithm, runs[0].math, count), &k->l));
  TRY(read_lengths(k->c, exec, &runs[0]));
  TRY(describe_data(k->c, k->l->key, k->T, k->B));
  TRY(build(k->c, k->l, k->B));
  TRY(place(k->c, k->l, k->T, k->B, training, &k->r));
  if (k->r.workspace_size > count * runs[0].workspace_size) return SQ_CUDNN_TOO_LARGE;
  if (training && k->r.reserve_size > count * runs[0].reserve_size) return SQ_CUDNN_TOO_LARGE;
  k->workspace = static_cast<float *>(runs[0].workspace);
  k->reserve = static_cast<float *>(runs[0].reserve);
  k->kept = training ? k->reserve + floats_of(k->r.reserve_bytes) : k->workspace + k->r.kept;
  k->hx = k->kept + k->r.kept_hx;
  k->cx = ours->states == 2 ? k->kept + k->r.kept_cx : NULL;
  k->y = k->kept + k->r.kept_y;
  return 0;
}

int pack_weights(const call &k) {
  float *weights = k.workspace + k.r.weights;
  if (!k.l->blocks_known) TRY(find_blocks(k.c, k.l, k.run->layout, weights));
  TRY(sq_gpu_zero(k.exec, weights, (int64_t)(k.l->weight_bytes / sizeof(float)))); /* gaps between blocks */
  return SQ_GPU(cudnn_pack)(k.exec, &k.l->blocks, static_cast<const float *>(k.run->params), weights);
}

int copy_or_zero(sq_exec *exec, float *to, const void *from, int64_t floats) {
  return from != NULL ? sq_gpu_copy(exec, to, from, floats) : sq_gpu_zero(exec, to, floats);
}

/* Zeros at the padded steps of a dense [T,B,width]. */
int mask(const call &k, int64_t width, float *data) {
  if (k.run->lengths == NULL) return 0;
  sq_relayout_args a = {};
  a.outer = k.T;
  a.inner = k.B;
  a.width = width;
  a.lengths = k.run->lengths;
  a.src = a.dst = data;
  return sq_cuda_ops.relayout(k.exec, &a);
}

/* Between a dense [T,B,D*H] and each direction's rows of stride ldy. */
int copy_columns(const call &k, const float *from, int64_t ld_from, float *to, int64_t ld_to) {
  const sq_copy_args a = {k.T * k.B, k.H, from, ld_from, to, ld_to, 0};
  return sq_cuda_ops.copy(k.exec, &a);
}

int give_y(const call &k) {
  const int64_t width = k.count * k.H;
  TRY(mask(k, width, k.y));
  for (int d = 0; d < k.count; d++)
    TRY(copy_columns(k, k.y + d * k.H, width, static_cast<float *>(k.run[d].y), k.run[d].ldy));
  return 0;
}

/* Sequences without steps end where they began. */
int give_empty(const call &k, void *const out[], const float *const from[]) {
  for (int s = 0; s < k.run->layout->states && k.run->lengths != NULL; s++)
    if (out[s] != NULL)
      TRY(SQ_GPU(cudnn_empty)(k.exec, k.count, k.B, k.H, k.run->lengths, from[s],
                              static_cast<float *>(out[s])));
  return 0;
}

/* No steps, or no sequences: states and their gradients pass through. */
int pass_through(sq_exec *exec, const sq_sequence *runs, int count, int backward) {
  for (int d = 0; d < count; d++) {
    for (int s = 0; s < runs[d].layout->states; s++) {
      float *to = static_cast<float *>(backward ? runs[d].dinitial[s] : runs[d].final[s]);
      const void *from = backward ? runs[d].dfinal[s] : runs[d].initial[s];
      const int64_t size = runs[d].batch * runs[d].layout->state_width[s];
      if (to != NULL && to != from) TRY(copy_or_zero(exec, to, from, size));
    }
  }
  return 0;
}

int forward(sq_exec *exec, const sq_sequence *runs, int count, cudnnRNNAlgo_t algorithm) {
  if (runs[0].seq_len == 0 || runs[0].batch == 0) return pass_through(exec, runs, count, 0);
  const int training = runs[0].reserve != NULL;
  call k;
  TRY(enter(exec, runs, count, algorithm, training, &k));
  TRY(pack_weights(k));
  const int64_t state = count * k.B * k.H;
  TRY(copy_or_zero(exec, k.hx, runs[0].initial[0], state));
  if (k.cx != NULL) TRY(copy_or_zero(exec, k.cx, runs[0].initial[1], state));
  TRY_CUDNN(cudnnRNNForward(k.c->handle, k.l->rnn,
                            training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, NULL, k.c->x,
                            runs[0].x, k.c->y, k.y, k.c->state, k.hx, runs[0].final[0], k.c->state, k.cx,
                            runs[0].final[1], k.l->weight_bytes, k.workspace + k.r.weights, k.r.work_bytes,
                            k.workspace + k.r.work, k.r.reserve_bytes, training ? k.reserve : NULL));
  const float *const initial[2] = {k.hx, k.cx};
  TRY(give_empty(k, runs[0].final, initial));
  return give_y(k);
}

/* dy [T,B,D*H] dense, zeros at padded steps, and the gradients at the final states. */
int gather_gradients(const call &k) {
  const int64_t width = k.count * k.H;
  float *dy = k.workspace + k.r.dy;
  for (int d = 0; d < k.count && k.run[0].dy != NULL; d++)
    TRY(copy_columns(k, static_cast<const float *>(k.run[d].dy), k.run[d].ldy, dy + d * k.H, width));
  if (k.run[0].dy == NULL) TRY(sq_gpu_zero(k.exec, dy, k.T * k.B * width));
  TRY(mask(k, width, dy));
  void *const ends[2] = {k.workspace + k.r.dh, k.workspace + k.r.dc};
  const float *const nothing[2] = {NULL, NULL};
  for (int s = 0; s < k.run->layout->states; s++)
    TRY(copy_or_zero(k.exec, static_cast<float *>(ends[s]), k.run[0].dfinal[s], k.B * width));
  return give_empty(k, ends, nothing);
}

int backward_data(const call &k, float *dx) {
  float *w = k.workspace;
  return status_error(cudnnRNNBackwardData_v8(
      k.c->handle, k.l->rnn, NULL, k.c->y, k.y, w + k.r.dy, k.c->x, dx, k.c->state, k.hx, w + k.r.dh,
      k.run[0].dinitial[0], k.c->state, k.cx, k.cx != NULL ? w + k.r.dc : NULL, k.run[0].dinitial[1],
      k.l->weight_bytes, w + k.r.weights, k.r.work_bytes, w + k.r.work, k.r.reserve_bytes, k.reserve));
}

/* It must come after backward_data, which leaves in the reserve what it reads. */
int backward_weights(const call &k) {
  float *dweights = k.workspace + k.r.dweights;
  TRY(sq_gpu_zero(k.exec, dweights, (int64_t)(k.l->weight_bytes / sizeof(float))));
  TRY_CUDNN(cudnnRNNBackwardWeights_v8(k.c->handle, k.l->rnn, CUDNN_WGRAD_MODE_ADD, NULL, k.c->x, k.run[0].x,
                                       k.c->state, k.hx, k.c->y, k.y, k.l->weight_bytes, dweights,
                                       k.r.work_bytes, k.workspace + k.r.work, k.r.reserve_bytes, k.reserve));
  return SQ_GPU(cudnn_unpack)(k.exec, &k.l->blocks, dweights, static_cast<float *>(k.run[0].dparams));
}

int give_dx(const call &k, float *dx) {
  TRY(mask(k, k.I, dx));
  if (dx == k.run[0].dx || k.run[0].dx == NULL) return 0;
  const sq_copy_args a = {k.T * k.B, k.I, dx, k.I, k.run[0].dx, k.I, k.run[0].dx_accumulate};
  return sq_cuda_ops.copy(k.exec, &a);
}

int backward(sq_exec *exec, const sq_sequence *runs, int count, cudnnRNNAlgo_t algorithm) {
  if (runs[0].seq_len == 0 || runs[0].batch == 0) return pass_through(exec, runs, count, 1);
  call k;
  TRY(enter(exec, runs, count, algorithm, 1, &k));
  TRY(pack_weights(k));
  TRY(gather_gradients(k));
  const bool direct = runs[0].dx != NULL && !runs[0].dx_accumulate;
  float *dx = direct ? static_cast<float *>(runs[0].dx) : k.workspace + k.r.dx;
  TRY(backward_data(k, dx));
  TRY(give_dx(k, dx));
  const float *const ends[2] = {static_cast<const float *>(runs[0].dfinal[0]),
                                static_cast<const float *>(runs[0].dfinal[1])};
  TRY(give_empty(k, runs[0].dinitial, ends));
  return runs[0].dparams != NULL ? backward_weights(k) : 0;
}

/* ---- what fits ---- */

/* The option of the cell that cuDNN does not have, or NULL. */
const char *unsupported(const sq_layout *l) {
  const char *cell = l->cell->name;
  const sq_config &c = l->config;
  if (strcmp(cell, "rnn") == 0)
    return c.activation == SQ_TANH || c.activation == SQ_RELU
               ? NULL
               : "activation: cuDNN's rnn has tanh and relu only";
  if (strcmp(cell, "lstm") == 0) {
    if (c.peephole) return "peephole: cuDNN's lstm has no peepholes";
    if (c.coupled) return "coupled: cuDNN's lstm has gates of their own for input and forgetting";
    if (c.projection != 0) return "projection_size: this plan runs cuDNN's lstm without a projection";
    return NULL;
  }
  if (strcmp(cell, "gru") == 0)
    return c.reset_after ? NULL : "reset_after: cuDNN's gru resets after the recurrent product only";
  return "cell: cuDNN has rnn, lstm and gru";
}

const char *refuses(sq_exec *exec, const sq_problem *p, cudnnRNNAlgo_t algorithm, char *text, size_t size) {
  const char *why = unsupported(p->layout);
  if (why != NULL) return why;
  int64_t workspace, reserve;
  const int error = ask(exec, p, algorithm, &workspace, &reserve);
  if (error == 0) return NULL;
  cudaGetLastError(); /* a refusal is an answer, not a failure */
  snprintf(text, size, "cuDNN %d refuses this layer: %s", (int)cudnnGetVersion(),
           sq_cuda_device.error_text(error));
  return text;
}

/* Not measured yet on any card: taken to be a little slower than our `step`, which has the same structure, so that the
 * model alone never picks a plan whose reserve nobody else can read.  Measuring does. */
double estimate(const sq_problem *p, cudnnRNNAlgo_t algorithm) {
  const sq_layout *l = p->layout;
  double flops = 0;
  for (int i = 0; i < l->products; i++)
    flops += 2.0 * (double)l->product[i].rows * (double)l->product[i].cols * (double)p->batch;
  const double step = 1.3 * (l->products + l->stages) + flops / 2e7;
  return (double)p->seq_len * p->directions * step * (algorithm == CUDNN_RNN_ALGO_STANDARD ? 1.05 : 1.1);
}

} // namespace

void sq_cudnn_close(sq_gpu *gpu) {
  if (gpu->cudnn != NULL) destroy(gpu->cudnn);
  gpu->cudnn = NULL;
}

const char *sq_cudnn_error_text(int error) {
  if (error == SQ_CUDNN_TOO_LARGE) return "this run needs more memory in cuDNN than the plan's largest run";
  return cudnnGetErrorString((cudnnStatus_t)(error - SQ_CUDNN_ERRORS));
}

void sq_cudnn_describe(char *text, size_t size) {
  const int version = (int)cudnnGetVersion();
  snprintf(text, size, ", cuDNN %d.%d", version / 10000, version / 100 % 100);
}

#define DEFINE(id, name, algorithm)                                                                          \
  extern "C" const char *sq_cudnn_##id##_refuses(sq_exec *exec, const sq_problem *p, char *text,             \
                                                 size_t size) {                                              \
    return refuses(exec, p, algorithm, text, size);                                                          \
  }                                                                                                          \
  extern "C" double sq_cudnn_##id##_estimate(sq_exec *, const sq_problem *p) {                               \
    return estimate(p, algorithm);                                                                           \
  }                                                                                                          \
  extern "C" int64_t sq_cudnn_##id##_workspace(sq_exec *exec, const sq_problem *p) {                         \
    int64_t workspace, reserve;                                                                              \
    return ask(exec, p, algorithm, &workspace, &reserve) == 0 ? workspace : -1;                              \
  }                                                                                                          \
  extern "C" int64_t sq_cudnn_##id##_reserve(sq_exec *exec, const sq_problem *p) {                           \
    int64_t workspace, reserve;                                                                              \
    return ask(exec, p, algorithm, &workspace, &reserve) == 0 ? reserve : -1;                                \
  }                                                                                                          \
  extern "C" int sq_cudnn_##id##_forward(sq_exec *exec, const sq_sequence *runs, int count) {                \
    return forward(exec, runs, count, algorithm);                                                            \
  }                                                                                                          \
  extern "C" int sq_cudnn_##id##_backward(sq_exec *exec, const sq_sequence *runs, int count) {               \
    return backward(exec, runs, count, algorithm);                                                           \
  }
SQ_CUDNN_PLANS(DEFINE)
