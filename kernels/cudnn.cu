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
 * cuDNN decides whether its results are the same bits run after run; ours adds nothing random to them.
 *
 * The handle and the descriptors belong to the context and are made at the first plan.  Nothing here can run without a
 * card: the emulator sees cudnn_pack.cu only.
 */
#include "cudnn_layer.h"

#include <stdio.h>
#include <string.h>

namespace {

/* ---- one call ---- */

/* Everything a forward or backward of `count` directions works with. */
struct call {
  sq_exec *exec;
  sq_cudnn *c;
  sq_cudnn_layer *l;
  const sq_sequence *run; /* [count] */
  int count;
  int64_t T, B, H, I;
  sq_cudnn_room r;
  float *workspace, *reserve, *kept;
  float *hx, *cx, *y; /* in kept; cx NULL: the cell has no second state */
};

/* The sequences' lengths into c->lengths: at least 1 each. */
int read_lengths(sq_cudnn *c, const sq_exec *exec, const sq_sequence *run) {
  const cudaStream_t stream = static_cast<cudaStream_t>(exec->stream);
  const size_t bytes = (size_t)run->batch * sizeof *c->lengths;
  TRY(sq_cudnn_want_lengths(c, run->batch));
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

/* Finds descriptors and room for a run; an error if the caller's memory could not hold it. */
int enter(sq_exec *exec, const sq_sequence *runs, int count, cudnnRNNAlgo_t algorithm, int training,
          call *k) {
  const sq_layout *ours = runs[0].layout;
  if (runs[0].ldx != ours->config.input || runs[0].reverse)
    return SQ_CUDNN_BAD_PARAM; /* rnn.c never asks for it */
  *k = call();
  k->exec = exec;
  k->run = runs;
  k->count = count;
  k->T = runs[0].seq_len;
  k->B = runs[0].batch;
  k->H = ours->config.hidden;
  k->I = ours->config.input;
  TRY(sq_cudnn_open(exec, &k->c));
  if (runs[0].lengths != NULL) algorithm = CUDNN_RNN_ALGO_STANDARD;
  TRY(sq_cudnn_find_layer(k->c, sq_cudnn_key_of(ours, algorithm, runs[0].math, count), &k->l));
  TRY(read_lengths(k->c, exec, &runs[0]));
  TRY(sq_cudnn_describe_data(k->c, k->l->key, k->T, k->B));
  TRY(sq_cudnn_build(k->c, k->l, k->B));
  TRY(sq_cudnn_place(k->c, k->l, k->T, k->B, training, &k->r));
  if (k->r.workspace_size > count * runs[0].workspace_size) return SQ_CUDNN_TOO_LARGE;
  if (training && k->r.reserve_size > count * runs[0].reserve_size) return SQ_CUDNN_TOO_LARGE;
  k->workspace = sq_cudnn_align_up(runs[0].workspace);
  k->reserve = sq_cudnn_align_up(runs[0].reserve);
  k->kept = training ? k->reserve + sq_cudnn_floats_of(k->r.reserve_bytes) : k->workspace + k->r.kept;
  k->hx = k->kept + k->r.kept_hx;
  k->cx = ours->states == 2 ? k->kept + k->r.kept_cx : NULL;
  k->y = k->kept + k->r.kept_y;
  return 0;
}

int pack_weights(const call &k) {
  float *weights = k.workspace + k.r.weights;
  if (!k.l->blocks_known) TRY(sq_cudnn_find_blocks(k.c, k.l, k.run->layout, weights));
  TRY(sq_gpu_zero(k.exec, weights, (int64_t)(k.l->weight_bytes / sizeof(float)))); /* gaps between blocks */
  return SQ_GPU(cudnn_pack)(k.exec, &k.l->blocks, static_cast<const float *>(k.run->params), weights);
}

int copy_or_zero(sq_exec *exec, float *to, const void *from, int64_t floats) {
  return from != NULL ? sq_gpu_copy(exec, to, from, floats) : sq_gpu_zero(exec, to, floats);
}

/* to = from, dense [T,B,width], with zeros at the padded steps; they may be the same. */
int mask(const call &k, int64_t width, const float *from, float *to) {
  sq_relayout_args a = {};
  a.outer = k.T;
  a.inner = k.B;
  a.width = width;
  a.lengths = k.run->lengths;
  a.src = from;
  a.dst = to;
  return k.run->lengths != NULL || from != to ? SQ_GPU(ops).relayout(k.exec, &a) : 0;
}

/* Between a dense [T,B,D*H] and each direction's rows of stride ldy. */
int copy_columns(const call &k, const float *from, int64_t ld_from, float *to, int64_t ld_to) {
  const sq_copy_args a = {k.T * k.B, k.H, from, ld_from, to, ld_to, 0};
  return SQ_GPU(ops).copy(k.exec, &a);
}

/* cuDNN's own y stays as it is for backward: what is masked is a copy, in the room of a gradient that waits. */
int give_y(const call &k) {
  const int64_t width = k.count * k.H;
  float *dense = k.reserve != NULL && k.run->lengths != NULL ? k.workspace + k.r.dy : k.y;
  TRY(mask(k, width, k.y, dense));
  for (int d = 0; d < k.count; d++)
    TRY(copy_columns(k, dense + d * k.H, width, static_cast<float *>(k.run[d].y), k.run[d].ldy));
  return 0;
}

/* Where cuDNN writes states that go to `to` in the end: there, if it is aligned as memory of its own would be. */
float *landing(const call &k, void *to, int state) {
  return to == NULL || (reinterpret_cast<uintptr_t>(to) & 15u) == 0 ? static_cast<float *>(to)
                                                                    : k.workspace + k.r.end[state];
}

int give_states(const call &k, void *const to[], float *const landed[]) {
  for (int s = 0; s < k.run->layout->states; s++)
    if (landed[s] != to[s])
      TRY(sq_gpu_copy(k.exec, static_cast<float *>(to[s]), landed[s], k.count * k.B * k.H));
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
  float *const end[2] = {landing(k, runs[0].final[0], 0), landing(k, runs[0].final[1], 1)};
  TRY_CUDNN(cudnnRNNForward(k.c->handle, k.l->rnn,
                            training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, NULL, k.c->x,
                            runs[0].x, k.c->y, k.y, k.c->state, k.hx, end[0], k.c->state, k.cx, end[1],
                            k.l->weight_bytes, k.workspace + k.r.weights, k.r.work_bytes,
                            k.workspace + k.r.work, k.r.reserve_bytes, training ? k.reserve : NULL));
  TRY(give_states(k, runs[0].final, end));
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
  TRY(mask(k, width, dy, dy));
  void *const ends[2] = {k.workspace + k.r.dh, k.workspace + k.r.dc};
  const float *const nothing[2] = {NULL, NULL};
  for (int s = 0; s < k.run->layout->states; s++)
    TRY(copy_or_zero(k.exec, static_cast<float *>(ends[s]), k.run[0].dfinal[s], k.B * width));
  return give_empty(k, ends, nothing);
}

int backward_data(const call &k, float *dx) {
  float *w = k.workspace;
  void *const *to = k.run[0].dinitial;
  float *const end[2] = {landing(k, to[0], 0), landing(k, to[1], 1)};
  TRY_CUDNN(cudnnRNNBackwardData_v8(
      k.c->handle, k.l->rnn, NULL, k.c->y, k.y, w + k.r.dy, k.c->x, dx, k.c->state, k.hx, w + k.r.dh, end[0],
      k.c->state, k.cx, k.cx != NULL ? w + k.r.dc : NULL, end[1], k.l->weight_bytes, w + k.r.weights,
      k.r.work_bytes, w + k.r.work, k.r.reserve_bytes, k.reserve));
  return give_states(k, to, end);
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
  TRY(mask(k, k.I, dx, dx));
  if (dx == k.run[0].dx || k.run[0].dx == NULL) return 0;
  const sq_copy_args a = {k.T * k.B, k.I, dx, k.I, k.run[0].dx, k.I, k.run[0].dx_accumulate};
  return SQ_GPU(ops).copy(k.exec, &a);
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
  const int error = sq_cudnn_ask(exec, p, algorithm, &workspace, &reserve);
  if (error == 0) return NULL;
  cudaGetLastError(); /* a refusal is an answer, not a failure */
  snprintf(text, size, "cuDNN %d refuses this layer: %s", (int)cudnnGetVersion(),
           SQ_GPU(device).error_text(error));
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
  return (p->training ? 2 : 1) * (double)p->seq_len * p->directions * step *
         (algorithm == CUDNN_RNN_ALGO_STANDARD ? 1.05 : 1.1);
}

} // namespace

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
    return sq_cudnn_ask(exec, p, algorithm, &workspace, &reserve) == 0 ? workspace : -1;                     \
  }                                                                                                          \
  extern "C" int64_t sq_cudnn_##id##_reserve(sq_exec *exec, const sq_problem *p) {                           \
    int64_t workspace, reserve;                                                                              \
    return sq_cudnn_ask(exec, p, algorithm, &workspace, &reserve) == 0 ? reserve : -1;                       \
  }                                                                                                          \
  extern "C" int sq_cudnn_##id##_forward(sq_exec *exec, const sq_sequence *runs, int count) {                \
    return forward(exec, runs, count, algorithm);                                                            \
  }                                                                                                          \
  extern "C" int sq_cudnn_##id##_backward(sq_exec *exec, const sq_sequence *runs, int count) {               \
    return backward(exec, runs, count, algorithm);                                                           \
  }
SQ_CUDNN_PLANS(DEFINE)
