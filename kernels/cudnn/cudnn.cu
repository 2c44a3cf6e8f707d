/* cudnn.cu - a layer of one or two directions through cuDNN's RNN functions (version 9), in float32,
 * half or bfloat16.
 *
 * What cuDNN wants, and where it comes from:
 *   weights       Its own weight space, filled from our parameters in forward (pack.cu) and kept for
 *                 backward.  The order of gates is the same: LSTM i,f,g,o; GRU r,u,c (cuDNN calls them
 *                 r,i,n).  It has two biases per gate: ours is the input bias, and the recurrent one is zero
 *                 except for the GRU's bias_rec.
 *   y, hx, cx     Read again in backward, when the caller may have overwritten them, so they are kept in the
 *                 reserve, behind cuDNN's own part.  y is dense there, [T,B,D*H], and copied to the caller's
 *                 rows.  In the short types, x is kept as well.
 *   lengths       On the host: the caller's host_lengths, or read back from the device.  Not all versions
 *                 accept a length of 0, so such a sequence runs one step on zeros and is corrected before and
 *                 after.
 *   dweights      cuDNN can only add to them: they are zeroed, and then added to our gradients.
 *
 * Precision: SQ_MATH_F32 forbids tensor cores, TF32 allows them.  The float32 algorithms run SQ_MATH_BF16 as
 * TF32, which is more exact, with states in float32.  The half and bf16 algorithms also round the states, so
 * they accept no other problem; the cost model never chooses them, only their name or a measurement does.
 * Range and scaling: algorithms.h.
 *
 * Whether results repeat bit for bit is up to cuDNN; this file adds nothing random.
 *
 * The handle and the descriptors belong to the context and are made for the first plan.  Without a card the
 * tests run this file against a stand-in, which shows what is handed over but not what cuDNN makes of it.
 */
#include <stdio.h>
#include <string.h>

#include "kernels/cudnn/algorithms.h"
#include "kernels/cudnn/layer.h"
#include "kernels/device.h"
#include "kernels/reported.h"

namespace {

/* ---- one call ---- */

/* Everything a forward or backward of `count` directions works with. */
struct call {
  sq_exec *exec;
  sq_cudnn *c;
  sq_cudnn_layer *l;
  const sq_layer_run *run; /* [count] */
  int count;
  int64_t T, B, H, I;
  sq_cudnn_room r;
  sq_cudnn_type type;
  float *workspace, *reserve, *kept;
  /* What cuDNN reads, of that type.  All in `kept`, except that a float32 x is the caller's; the second
   * state is NULL if the cell has none. */
  void *weights, *state[SQ_MAX_STATES], *y;
  const void *x;
  uint32_t *largest; /* of the incoming gradients, half only; else NULL: nothing is scaled */
};

/* Waits for the lengths from the device: not while the stream is recorded, whose recording that would end. */
int fetch_lengths(sq_cudnn *c, cudaStream_t stream, const int32_t *lengths, size_t bytes) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  TRY((int)cudaStreamIsCapturing(stream, &status));
  if (status != cudaStreamCaptureStatusNone) return SQ_CUDNN_CAPTURED;
  TRY((int)cudaMemcpyAsync(c->lengths, lengths, bytes, cudaMemcpyDeviceToHost, stream));
  return (int)cudaStreamSynchronize(stream);
}

/* The sequences' lengths into c->lengths: at least 1 each. */
int read_lengths(sq_cudnn *c, const sq_exec *exec, const sq_layer_run *run) {
  const size_t bytes = (size_t)run->batch * sizeof *c->lengths;
  TRY(sq_cudnn_want_lengths(c, run->batch));
  if (run->host_lengths != NULL) {
    memcpy(c->lengths, run->host_lengths, bytes);
  } else if (run->lengths != NULL) {
    TRY(fetch_lengths(c, static_cast<cudaStream_t>(exec->stream), run->lengths, bytes));
  }
  for (int64_t b = 0; b < run->batch; b++) {
    const int64_t length = run->lengths != NULL ? c->lengths[b] : run->seq_len;
    c->lengths[b] = (int)(length < 1 ? 1 : length > run->seq_len ? run->seq_len : length);
  }
  return 0;
}

/* Aims the call at its parts of the caller's memory. */
void point(call *k, sq_cudnn_way way, int training) {
  const sq_cudnn_room &r = k->r;
  k->type = way.type;
  k->workspace = sq_cudnn_align_up(k->run->workspace);
  k->reserve = training ? sq_cudnn_align_up(k->run->reserve) : NULL;
  k->kept = training ? k->reserve + sq_cudnn_elements_of(r.reserve_bytes) : k->workspace + r.kept;
  k->weights = k->kept + r.kept_weights;
  for (int s = 0; s < k->run->layout->states; s++) k->state[s] = k->kept + r.kept_state[s];
  k->x = k->type != SQ_CUDNN_F32 ? k->kept + r.kept_x : k->run->x;
  k->y = k->kept + r.kept_y;
  const bool scaled = training && sq_cudnn_scales(k->type);
  k->largest = scaled ? reinterpret_cast<uint32_t *>(k->workspace + r.largest) : NULL;
}

/* Finds descriptors and room for a run; an error if the caller's memory could not hold it. */
int enter(sq_exec *exec, const sq_layer_run *runs, int count, sq_cudnn_way way, int training, call *k) {
  const sq_layout *ours = runs[0].layout;
  if (runs[0].ldx != ours->config.input_size || runs[0].reverse)
    return SQ_CUDNN_BAD_PARAM; /* rnn.c never asks for it */
  *k = call();
  k->exec = exec;
  k->run = runs;
  k->count = count;
  k->T = runs[0].seq_len;
  k->B = runs[0].batch;
  k->H = ours->config.hidden_size;
  k->I = ours->config.input_size;
  TRY(sq_cudnn_open(exec, &k->c));
  if (runs[0].lengths != NULL) way.algorithm = CUDNN_RNN_ALGO_STANDARD;
  TRY(sq_cudnn_find_layer(k->c, sq_cudnn_key_of(ours, way, runs[0].math, count), &k->l));
  TRY(read_lengths(k->c, exec, &runs[0]));
  TRY(sq_cudnn_describe_data(k->c, k->l->key, k->T, k->B));
  TRY(sq_cudnn_build(k->c, k->l, k->B));
  TRY(sq_cudnn_place(k->c, k->l, k->T, k->B, training, &k->r));
  if (k->r.workspace_size > count * runs[0].workspace_size) return SQ_CUDNN_TOO_LARGE;
  if (training && k->r.reserve_size > count * runs[0].reserve_size) return SQ_CUDNN_TOO_LARGE;
  point(k, way, training);
  return k->l->blocks_known ? 0 : sq_cudnn_find_blocks(k->c, k->l, ours, k->weights);
}

int pack_weights(const call &k) {
  const int64_t count = sq_cudnn_elements_of(k.l->weight_bytes);
  TRY(sq_gpu_zero(k.exec, k.weights, count)); /* gaps between blocks */
  return SQ_GPU(cudnn_pack)(k.exec, k.type, &k.l->blocks, static_cast<const float *>(k.run->params),
                            k.weights);
}

/* ---- tensors to cuDNN and back ---- */

/* The rows of all steps, of one width, or the states of all directions; src and dst are still to be set. */
sq_cudnn_move steps_of(const call &k, int64_t width) {
  sq_cudnn_move m = {};
  m.type = k.type;
  m.outer = k.T;
  m.batch = k.B;
  m.width = width;
  m.lengths = k.run->lengths;
  m.step = 1;
  return m;
}
sq_cudnn_move states_of(const call &k) {
  sq_cudnn_move m = steps_of(k, k.H);
  m.outer = k.count;
  m.step = 0;
  return m;
}

sq_cudnn_move between(sq_cudnn_move m, const void *src, int64_t ld_src, void *dst, int64_t ld_dst) {
  m.src = src;
  m.ld_src = ld_src;
  m.dst = dst;
  m.ld_dst = ld_dst;
  return m;
}

/* Direction d's columns of cuDNN's rows [T,B,D*H]. */
void *columns_of(const call &k, void *rows, int d) {
  return static_cast<char *>(rows) + d * k.H * sq_cudnn_type_size(k.type);
}

/* A float32 x is read where the caller has it: rows of padded steps are finite there. */
int take_x(const call &k) {
  if (k.type == SQ_CUDNN_F32) return 0;
  const sq_cudnn_move m = between(steps_of(k, k.I), k.run->x, k.I, k.kept + k.r.kept_x, k.I);
  return SQ_GPU(cudnn_take)(k.exec, &m);
}

/* States, or gradients at final states, which then may be scaled. */
int take_states(const call &k, const void *const from[], void *const to[], const uint32_t *largest) {
  for (int s = 0; s < k.run->layout->states; s++) {
    sq_cudnn_move m = between(states_of(k), from[s], k.H, to[s], k.H);
    m.largest = largest;
    TRY(SQ_GPU(cudnn_take)(k.exec, &m));
  }
  return 0;
}

/* cuDNN's own y stays for backward. */
int give_y(const call &k) {
  for (int d = 0; d < k.count; d++) {
    const sq_cudnn_move m =
        between(steps_of(k, k.H), columns_of(k, k.y, d), k.count * k.H, k.run[d].y, k.run[d].ldy);
    TRY(SQ_GPU(cudnn_give)(k.exec, &m));
  }
  return 0;
}

/* Where cuDNN writes states whose destination is `to`: directly there, if nothing more has to be done and
 * `to` is aligned as memory of our own would be. */
void *landing(const call &k, void *to, int state) {
  const bool direct =
      k.type == SQ_CUDNN_F32 && k.run->lengths == NULL && (reinterpret_cast<uintptr_t>(to) & 15u) == 0;
  return direct || to == NULL ? to : k.workspace + k.r.end[state];
}

/* Sequences without steps end where they began: at `from`, which may be the memory of `to`. */
int give_states(const call &k, void *const landed[], void *const to[], const void *const from[],
                const uint32_t *largest) {
  for (int s = 0; s < k.run->layout->states; s++) {
    sq_cudnn_move m = between(states_of(k), landed[s], k.H, to[s], k.H);
    m.padding = static_cast<const float *>(from[s]);
    m.largest = largest;
    if (landed[s] != to[s]) TRY(SQ_GPU(cudnn_give)(k.exec, &m));
  }
  return 0;
}

int copy_or_zero(sq_exec *exec, float *to, const void *from, int64_t count) {
  return from != NULL ? sq_gpu_copy(exec, to, from, count) : sq_gpu_zero(exec, to, count);
}

/* No steps, or no sequences: states and their gradients pass through. */
int pass_through(sq_exec *exec, const sq_layer_run *runs, int count, int backward) {
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

int forward(sq_exec *exec, const sq_layer_run *runs, int count, sq_cudnn_way way) {
  if (runs[0].seq_len == 0 || runs[0].batch == 0) return pass_through(exec, runs, count, 0);
  const int training = runs[0].reserve != NULL;
  const sq_gpu_current here(exec);
  TRY(here.error);
  call k;
  TRY(enter(exec, runs, count, way, training, &k));
  TRY(pack_weights(k));
  TRY(take_x(k));
  TRY(take_states(k, runs[0].initial, k.state, NULL));
  void *const end[2] = {landing(k, runs[0].final[0], 0), landing(k, runs[0].final[1], 1)};
  TRY_CUDNN(dnn().cudnnRNNForward(
      k.c->handle, k.l->rnn, training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE, NULL, k.c->x, k.x,
      k.c->y, k.y, k.c->state, k.state[0], end[0], k.c->state, k.state[1], end[1], k.l->weight_bytes,
      k.weights, k.r.work_bytes, k.workspace + k.r.work, k.r.reserve_bytes, k.reserve));
  TRY(give_states(k, end, runs[0].final, runs[0].initial, NULL));
  return give_y(k);
}

/* The number by which incoming gradients are scaled, in half. */
int find_largest(const call &k) {
  if (k.largest == NULL) return 0;
  TRY(sq_gpu_zero(k.exec, k.largest, 1));
  for (int d = 0; d < k.count; d++) {
    const sq_cudnn_move m = between(steps_of(k, k.H), k.run[d].dy, k.run[d].ldy, NULL, 0);
    TRY(SQ_GPU(cudnn_largest)(k.exec, &m, k.largest));
  }
  for (int s = 0; s < k.run->layout->states; s++) {
    const sq_cudnn_move m = between(states_of(k), k.run->dfinal[s], k.H, NULL, 0);
    TRY(SQ_GPU(cudnn_largest)(k.exec, &m, k.largest));
  }
  return 0;
}

/* dy [T,B,D*H] dense, zeros at padded steps, and the gradients at the final states. */
int take_gradients(const call &k, void *const dstate[]) {
  TRY(find_largest(k));
  for (int d = 0; d < k.count; d++) {
    sq_cudnn_move m = between(steps_of(k, k.H), k.run[d].dy, k.run[d].ldy,
                              columns_of(k, k.workspace + k.r.dy, d), k.count * k.H);
    m.largest = k.largest;
    TRY(SQ_GPU(cudnn_take)(k.exec, &m));
  }
  return take_states(k, k.run->dfinal, dstate, k.largest);
}

int backward_data(const call &k, void *dx, void *const dstate[]) {
  float *w = k.workspace;
  void *const *to = k.run[0].dinitial;
  void *const end[2] = {landing(k, to[0], 0), landing(k, to[1], 1)};
  TRY_CUDNN(dnn().cudnnRNNBackwardData_v8(k.c->handle, k.l->rnn, NULL, k.c->y, k.y, w + k.r.dy, k.c->x, dx,
                                          k.c->state, k.state[0], dstate[0], end[0], k.c->state, k.state[1],
                                          dstate[1], end[1], k.l->weight_bytes, k.weights, k.r.work_bytes,
                                          w + k.r.work, k.r.reserve_bytes, k.reserve));
  return give_states(k, end, to, k.run[0].dfinal, k.largest);
}

/* It must come after backward_data, which leaves in the reserve what it reads. */
int backward_weights(const call &k) {
  float *dweights = k.workspace + k.r.dweights;
  TRY(sq_gpu_zero(k.exec, dweights, sq_cudnn_elements_of(k.l->weight_bytes)));
  TRY_CUDNN(dnn().cudnnRNNBackwardWeights_v8(
      k.c->handle, k.l->rnn, CUDNN_WGRAD_MODE_ADD, NULL, k.c->x, k.x, k.c->state, k.state[0], k.c->y, k.y,
      k.l->weight_bytes, dweights, k.r.work_bytes, k.workspace + k.r.work, k.r.reserve_bytes, k.reserve));
  return SQ_GPU(cudnn_unpack)(k.exec, k.type, &k.l->blocks, dweights, k.largest,
                              static_cast<float *>(k.run[0].dparams));
}

int give_dx(const call &k, const void *dx) {
  sq_cudnn_move m = between(steps_of(k, k.I), dx, k.I, k.run[0].dx, k.I);
  m.accumulate = k.run[0].dx_accumulate;
  m.largest = k.largest;
  const bool there = dx == k.run[0].dx && k.run->lengths == NULL;
  return k.run[0].dx == NULL || there ? 0 : SQ_GPU(cudnn_give)(k.exec, &m);
}

int backward(sq_exec *exec, const sq_layer_run *runs, int count, sq_cudnn_way way) {
  if (runs[0].seq_len == 0 || runs[0].batch == 0) return pass_through(exec, runs, count, 1);
  const sq_gpu_current here(exec);
  TRY(here.error);
  call k;
  TRY(enter(exec, runs, count, way, 1, &k));
  const bool two = runs[0].layout->states == 2;
  void *const dstate[2] = {k.workspace + k.r.dstate[0], two ? k.workspace + k.r.dstate[1] : NULL};
  TRY(take_gradients(k, dstate));
  const bool direct = runs[0].dx != NULL && !runs[0].dx_accumulate && k.type == SQ_CUDNN_F32;
  void *dx = direct ? runs[0].dx : k.workspace + k.r.dx;
  TRY(backward_data(k, dx, dstate));
  TRY(give_dx(k, dx));
  return runs[0].dparams != NULL ? backward_weights(k) : 0;
}

/* ---- what fits ---- */

/* The option of the cell that cuDNN does not have, or NULL. */
const char *unsupported(const sq_layout *l) {
  const char *cell = l->cell->name;
  const sq_config &c = l->config;
  if (strcmp(cell, "rnn") == 0) {
    if (c.activation != SQ_TANH && c.activation != SQ_RELU)
      return "activation: cuDNN's rnn has tanh and relu only";
    return sq_option_beyond(&c, SQ_OPTION_ACTIVATION);
  }
  if (strcmp(cell, "lstm") == 0) {
    if (c.peephole) return "peephole: cuDNN's lstm has no peepholes";
    if (c.coupled) return "coupled: cuDNN's lstm has separate input and forget gates";
    if (c.projection_size != 0)
      return "projection_size: must be 0, because cuDNN's lstm runs without a projection here";
    return sq_option_beyond(&c, 0);
  }
  if (strcmp(cell, "gru") == 0) {
    if (!c.reset_after) return "reset_after: cuDNN's gru resets after the recurrent product only";
    return sq_option_beyond(&c, SQ_OPTION_RESET_AFTER);
  }
  return "cell: cuDNN has rnn, lstm and gru";
}

/* Units that small-h trains: cuDNN takes more forward, and says no only when backward runs.  On an H100 with cuDNN
 * 9.19, LSTMs and GRUs of 128 units ran and of 130 did not, plain layers of 160 ran and of 257 did not. */
int small_h_trains(const sq_layout *l) { return strcmp(l->cell->name, "rnn") == 0 ? 160 : 128; }

/* The first cuDNN whose RNN functions take bfloat16: 9.13.  The one that runs need not be the header's. */
enum { BF16_SINCE = 91300 };

const char *refuses(sq_exec *exec, const sq_problem *p, sq_cudnn_way way, char *text, size_t size) {
  const char *why = unsupported(p->layout);
  if (why != NULL) return why;
  if (p->reverse) return "reverse: cuDNN runs the backward direction beside the forward one only";
  const int64_t units = p->layout->config.hidden_size;
  if (way.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H && p->training &&
      units > small_h_trains(p->layout)) {
    snprintf(text, size, "hidden_size: %lld; cuDNN's kernel for small layers trains %d units at most",
             (long long)units, small_h_trains(p->layout));
    return text;
  }
  if (way.type != SQ_CUDNN_F32 && p->math != SQ_MATH_BF16) {
    snprintf(text, size, "math: must be SEQGPU_MATH_BF16, because operands and states are rounded to %s",
             way.type == SQ_CUDNN_HALF ? "half" : "bfloat16");
    return text;
  }
  if (sq_cudnn_functions_library(&why) == NULL) {
    snprintf(text, size, "algorithm: %s", why);
    return text;
  }
  const int version = (int)dnn().cudnnGetVersion();
  if (way.type == SQ_CUDNN_BF16 && version < BF16_SINCE) {
    snprintf(text, size, "algorithm: bfloat16 needs cuDNN 9.13 or newer, and this is cuDNN %d.%d",
             version / 10000, version / 100 % 100);
    return text;
  }
  int64_t workspace, reserve;
  const int error = sq_reported(sq_cudnn_ask(exec, p, way, &workspace, &reserve));
  if (error == 0) return NULL;
  snprintf(text, size, "cuDNN %d refuses this layer: %s", version, SQ_GPU(device).error_text(error));
  return text;
}

/* Assumed to be a little slower than our `step`, which has the same structure, so that the
 * model alone never picks an algorithm whose reserve nobody else can read, let alone one that rounds states.
 * Measuring may. */
double estimate(const sq_problem *p, sq_cudnn_way way) {
  const sq_layout *l = p->layout;
  double flops = 0;
  for (int i = 0; i < l->products; i++)
    flops += 2.0 * (double)l->product[i].rows * (double)l->product[i].cols * (double)p->batch;
  const double step = 3.3 * (l->products + l->stages) + flops / 4.6e7;
  return (p->training ? 2 : 1) * (double)p->seq_len * p->directions * step *
         ((way.algorithm == CUDNN_RNN_ALGO_STANDARD ? 1.05 : 1.1) + (way.type != SQ_CUDNN_F32 ? 0.1 : 0));
}

} // namespace

#define DEFINE(id, name, algorithm, type)                                                                    \
  extern "C" const char *sq_cudnn_##id##_refuses(sq_exec *exec, const sq_problem *p, char *text,             \
                                                 size_t size) {                                              \
    return refuses(exec, p, {algorithm, type}, text, size);                                                  \
  }                                                                                                          \
  extern "C" double sq_cudnn_##id##_estimate(sq_exec *, const sq_problem *p) {                               \
    return estimate(p, {algorithm, type});                                                                   \
  }                                                                                                          \
  extern "C" int64_t sq_cudnn_##id##_workspace(sq_exec *exec, const sq_problem *p) {                         \
    int64_t workspace, reserve;                                                                              \
    return sq_cudnn_ask(exec, p, {algorithm, type}, &workspace, &reserve) == 0 ? workspace : -1;             \
  }                                                                                                          \
  extern "C" int64_t sq_cudnn_##id##_reserve(sq_exec *exec, const sq_problem *p) {                           \
    int64_t workspace, reserve;                                                                              \
    return sq_cudnn_ask(exec, p, {algorithm, type}, &workspace, &reserve) == 0 ? reserve : -1;               \
  }                                                                                                          \
  extern "C" int sq_cudnn_##id##_forward(sq_exec *exec, const sq_layer_run *runs, int count) {               \
    return sq_reported(forward(exec, runs, count, {algorithm, type}));                                       \
  }                                                                                                          \
  extern "C" int sq_cudnn_##id##_backward(sq_exec *exec, const sq_layer_run *runs, int count) {              \
    return sq_reported(backward(exec, runs, count, {algorithm, type}));                                      \
  }
SQ_CUDNN_ALGORITHMS(DEFINE)
