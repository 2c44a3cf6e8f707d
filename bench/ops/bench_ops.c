/* bench_ops.c - times what surrounds a recurrence in a training step: updates with and without clipping, sums over
 * rows, losses, tangents, the regulariser.
 *
 *   update   seqgpu_params_update of four tensors, as an LSTM layer has them: two matrices, two vectors
 *   sums     the gradient of a bias, squared error, cross-entropy, binary cross-entropy, the maximum over
 *            time, CTC of four sequences, the mixture density of strokes, a step of a window over
 *            characters of a matrix of as many elements
 *   beside   CTC with its gradient, and cuDNN's on a card, where there is cuDNN
 *   inside   operators of core/ops.h that only the tape or a network calls, on such matrices
 *
 * Each is compared with float64 on the CPU first, |out - ref| / |ref| <= 1e-5; what is wrong is not timed.  On a
 * GPU the L2 is written over before each run, and events count the time; on the CPU the host's clock does.
 * Bytes are those that must move: every tensor that is read once, every one that is written once.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/gpu.h"
#include "bench/common/json.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/peers/cudnn_ctc.h"
#include "host/context/context.h"
#include "seqgpu/seqgpu.h"

static const char USAGE[] = "usage: bench_ops [options]\n"
                            "  --device NAME          cpu or cuda (default: cpu)\n"
                            "  --threads N            on the CPU (default: 2)\n"
                            "  --elements A,B         sizes (default: 300000,8400000)\n"
                            "  --runs N               timed runs of each row (default: 21)\n" BENCH_HELP_JSON;

static const double LIMIT = 1e-5;
enum { TENSORS = 4, COLUMNS = 1000, WARMUP = 3, MAX_RUNS = 1000 };
enum { SEQUENCES = 4 }; /* of an attention, whose keys are a matrix of [R/4,4,COLUMNS], and of CTC */

typedef struct ops_options {
  const char *device, *elements, *json;
  int threads, runs;
} ops_options;

/* ---------------------------------------------------------------- one device's buffers */

/* R rows of COLUMNS elements; `drawn` are the gradients that an update begins with, since clipping changes them. */
typedef struct side {
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_param tensor[TENSORS];
  void *drawn[TENSORS];
  int64_t rows;
  void *matrix, *other; /* [R,COLUMNS] */
  void *result;         /* [R,COLUMNS] */
  void *share, *terms;  /* [R] */
  void *ones, *weight;  /* [R] and [COLUMNS]: of a linear layer with one input */
  void *lse, *row_loss; /* [R] */
  int32_t *targets;     /* [R+1] */
  void *sums, *loss;    /* [COLUMNS] and [2] */
  seqgpu_tape *tape;
  void *paths; /* what CTC keeps for its gradient */
  /* cuDNN's CTC: NULL on the CPU and where `no_cudnn` says why; labels and lengths, what it works in */
  bench_cudnn_ctc *cudnn;
  const char *no_cudnn;
  int32_t *labels;
  void *room;
} side;

static size_t element(const side *s) { return seqgpu_dtype_size(seqgpu_context_dtype(s->ctx)); }

/* `count` drawn numbers in the device's element type; NULL after an error. */
static void *drawn_buffer(const side *s, int64_t count, double scale, uint64_t seed) {
  const size_t size = (size_t)count * element(s);
  float *narrow = malloc((size_t)count * sizeof *narrow);
  double *wide = malloc((size_t)count * sizeof *wide);
  void *out = NULL;
  if (narrow && wide && seqgpu_malloc(s->ctx, size, &out) == SEQGPU_OK) {
    bench_fill(narrow, count, scale, seed);
    for (int64_t i = 0; i < count; i++) wide[i] = (double)narrow[i];
    seqgpu_copy_in(s->ctx, out, element(s) == sizeof *wide ? (const void *)wide : narrow, size);
    seqgpu_synchronize(s->ctx);
  }
  free(narrow);
  free(wide);
  return out;
}

static int32_t target_of(int64_t r) { return (int32_t)(r * 7 % COLUMNS); }

/* Takes the numbers into the device's memory, and frees them; NULL after an error. */
static int32_t *integers_buffer(const side *s, int32_t *host, int64_t count) {
  void *out = NULL;
  if (host && seqgpu_malloc(s->ctx, (size_t)count * sizeof *host, &out) == SEQGPU_OK)
    seqgpu_copy_in(s->ctx, out, host, (size_t)count * sizeof *host);
  seqgpu_synchronize(s->ctx);
  free(host);
  return out;
}

static int32_t *targets_buffer(const side *s) {
  const int64_t count = s->rows + 1;
  int32_t *host = malloc((size_t)count * sizeof *host);
  for (int64_t r = 0; host && r < count; r++) host[r] = target_of(r);
  return integers_buffer(s, host, count);
}

/* ---------------------------------------------------------------- CTC beside cuDNN's */

/* Of each sequence: one for every fourth step, 200 at the most. */
static int64_t label_count(const side *s) {
  enum { MOST = 200 };
  const int64_t quarter = s->rows / SEQUENCES / 4;
  return quarter < 1 ? 1 : quarter < MOST ? quarter : MOST;
}

/* Elements of sq_ctc_args.normal, occupancy, scratch. */
static int64_t path_elements(const side *s) {
  const int64_t states = 2 * label_count(s) + 1;
  return s->rows * (2 + states) + 2 * SEQUENCES * states;
}

/* The labels of each sequence in turn, how many they are, and the steps: as cuDNN wants them. */
static int32_t *labels_buffer(const side *s) {
  const int64_t L = label_count(s), count = SEQUENCES * (L + 2);
  int32_t *host = malloc((size_t)count * sizeof *host);
  for (int64_t b = 0; host && b < SEQUENCES; b++) {
    for (int64_t l = 0; l < L; l++) host[b * L + l] = target_of(1 + l * SEQUENCES + b);
    host[SEQUENCES * L + b] = (int32_t)L;
    host[SEQUENCES * (L + 1) + b] = (int32_t)(s->rows / SEQUENCES);
  }
  return integers_buffer(s, host, count);
}

/* 0 only where there is no memory: a card without cuDNN is one without this row. */
static int open_cudnn(side *s) {
  const int64_t L = label_count(s);
  if ((s->labels = labels_buffer(s)) == NULL) return 0;
  const bench_ctc_problem problem = {.seq_len = s->rows / SEQUENCES,
                                     .batch = SEQUENCES,
                                     .classes = COLUMNS,
                                     .label_len = L,
                                     .logits = s->matrix,
                                     .labels = s->labels,
                                     .label_lengths = s->labels + SEQUENCES * L,
                                     .lengths = s->labels + SEQUENCES * (L + 1),
                                     .losses = s->sums,
                                     .gradient = s->result};
  s->cudnn = bench_cudnn_ctc_open(&problem, &s->no_cudnn);
  return s->cudnn == NULL ||
         seqgpu_malloc(s->ctx, bench_cudnn_ctc_workspace(s->cudnn), &s->room) == SEQGPU_OK;
}

/* ---------------------------------------------------------------- opening */

static int64_t tensor_elements(int64_t elements, int i) {
  const int64_t vector = elements / 1000 + 1;
  return i < 2 ? (elements - 2 * vector) / 2 : vector;
}

/* Parameters that no update has seen yet. */
static int renew_params(side *s, int64_t elements) {
  static const char *const names[TENSORS] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
  seqgpu_params_destroy(s->params);
  s->params = NULL;
  if (seqgpu_params_create(s->ctx, 1, &s->params) != SEQGPU_OK) return 0;
  for (int i = 0; i < TENSORS; i++) {
    const int64_t count = tensor_elements(elements, i);
    if (seqgpu_params_add(s->params, names[i], 1, count, "zeros", 0, &s->tensor[i]) != SEQGPU_OK) return 0;
  }
  return 1;
}

static int open_side(side *s, int64_t elements, const seqgpu_context_options *options) {
  *s = (side){.rows = elements / COLUMNS};
  if (seqgpu_context_create(options, &s->ctx) != SEQGPU_OK) return 0;
  for (int i = 0; i < TENSORS; i++) {
    s->drawn[i] = drawn_buffer(s, tensor_elements(elements, i), 0.1, (uint64_t)(20 + i));
    if (s->drawn[i] == NULL) return 0;
  }
  s->matrix = drawn_buffer(s, s->rows * COLUMNS, 1, 1);
  s->other = drawn_buffer(s, s->rows * COLUMNS, 1, 2);
  s->result = drawn_buffer(s, s->rows * COLUMNS, 1, 9);
  s->share = drawn_buffer(s, s->rows, 1, 10);
  s->terms = drawn_buffer(s, s->rows, 1, 11);
  s->ones = drawn_buffer(s, s->rows, 1, 3);
  s->weight = drawn_buffer(s, COLUMNS, 1, 4);
  s->lse = drawn_buffer(s, s->rows, 1, 5);
  s->row_loss = drawn_buffer(s, s->rows, 1, 6);
  s->sums = drawn_buffer(s, COLUMNS, 1, 7);
  s->loss = drawn_buffer(s, 2, 1, 8);
  s->targets = targets_buffer(s);
  s->paths = drawn_buffer(s, path_elements(s), 1, 12);
  if (seqgpu_tape_create(s->ctx, 1, &s->tape) != SEQGPU_OK) return 0;
  if (strcmp(seqgpu_context_device(s->ctx), "cuda") == 0 && !open_cudnn(s)) return 0;
  return s->paths && s->matrix && s->other && s->ones && s->weight && s->lse && s->row_loss && s->sums &&
         s->loss && s->targets && s->result && s->share && s->terms;
}

static void close_side(side *s) {
  void *const memory[] = {s->matrix,   s->other,    s->ones,   s->weight, s->lse,   s->row_loss, s->sums,
                          s->loss,     s->targets,  s->result, s->share,  s->terms, s->drawn[0], s->drawn[1],
                          s->drawn[2], s->drawn[3], s->paths,  s->labels, s->room};
  bench_cudnn_ctc_close(s->cudnn);
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) seqgpu_free(s->ctx, memory[i]);
  seqgpu_params_destroy(s->params);
  seqgpu_tape_destroy(s->tape);
  seqgpu_context_destroy(s->ctx);
}

/* ---------------------------------------------------------------- operations */

typedef struct operation {
  const char *name;
  double bytes; /* per element */
  seqgpu_status (*call)(const side *s, const struct operation *o);
  seqgpu_optimizer how; /* of an update */
} operation;

static seqgpu_status update(const side *s, const operation *o) {
  return seqgpu_params_update(s->params, &o->how);
}

static seqgpu_status bias_gradient(const side *s, const operation *o) {
  (void)o;
  return seqgpu_linear_backward(s->ctx, s->rows, 1, COLUMNS, s->ones, s->weight, s->matrix, NULL, NULL,
                                s->sums);
}

static seqgpu_status squared_error(const side *s, const operation *o) {
  (void)o;
  return seqgpu_squared_error_forward(s->ctx, s->rows, COLUMNS, 1, 1, s->matrix, s->other, NULL, s->row_loss,
                                      s->loss);
}

static seqgpu_status cross_entropy(const side *s, const operation *o) {
  (void)o;
  return seqgpu_cross_entropy_forward(s->ctx, s->rows, COLUMNS, 1, 1, s->matrix, s->targets, s->lse,
                                      s->row_loss, s->loss);
}

static seqgpu_status binary_cross_entropy(const side *s, const operation *o) {
  (void)o;
  return seqgpu_binary_cross_entropy_forward(s->ctx, s->rows, COLUMNS, s->rows, 1, 1, s->matrix, s->other,
                                             NULL, s->row_loss, s->loss);
}

/* As many whole steps of `batch` sequences as there are rows, on a fresh tape. */
static seqgpu_tensor *sequences(const side *s, int64_t batch) {
  seqgpu_tape_clear(s->tape, 1);
  return seqgpu_tape_wrap(s->tape, 3, (int64_t[]){s->rows / batch, batch, COLUMNS}, s->matrix, NULL);
}

static seqgpu_status result(const side *s, const seqgpu_tensor *y, void *to, int64_t elements) {
  const seqgpu_status status = seqgpu_tape_status(s->tape);
  if (status != SEQGPU_OK) return status;
  return seqgpu_copy(s->ctx, to, seqgpu_tensor_value(y), (size_t)elements * element(s));
}

/* The maximum over time of one sequence. */
static seqgpu_status pooling(const side *s, const operation *o) {
  (void)o;
  return result(s, seqgpu_tape_pooling(s->tape, sequences(s, 1), NULL, SEQGPU_POOLING_MAX), s->sums, COLUMNS);
}

/* Loss, and what its gradient needs. */
static seqgpu_status ctc(const side *s, const operation *o) {
  (void)o;
  seqgpu_tensor *logits = sequences(s, SEQUENCES);
  const int64_t shape[] = {label_count(s), SEQUENCES};
  seqgpu_tensor *wanted = seqgpu_tape_wrap_ids(s->tape, 2, shape, s->targets);
  return result(s, seqgpu_tape_ctc(s->tape, logits, NULL, wanted, NULL, COLUMNS - 1, 1, 1), s->loss, 1);
}

/* The losses of all sequences and the gradient, as cuDNN has them: class 0 is blank. */
static seqgpu_status ctc_gradient(const side *s, const operation *o) {
  const int64_t L = label_count(s), states = 2 * L + 1;
  char *paths = s->paths;
  (void)o;
  const sq_ctc_args a = {.seq_len = s->rows / SEQUENCES,
                         .batch = SEQUENCES,
                         .classes = COLUMNS,
                         .label_len = L,
                         .scale = 1,
                         .logits = s->matrix,
                         .labels = s->targets + 1,
                         .normal = paths,
                         .occupancy = paths + (size_t)(2 * s->rows) * element(s),
                         .scratch = paths + (size_t)(s->rows * (2 + states)) * element(s),
                         .row_loss = s->sums,
                         .loss = s->lse,
                         .dlogits = s->result};
  const seqgpu_status status = SQ_RUN(s->ctx, ctc_forward, &a);
  return status == SEQGPU_OK ? SQ_RUN(s->ctx, ctc_backward, &a) : status;
}

/* On the side that is compared with, ours. */
static seqgpu_status ctc_of_cudnn(const side *s, const operation *o) {
  if (s->cudnn == NULL) return ctc_gradient(s, o);
  const char *why = bench_cudnn_ctc_run(s->cudnn, s->room);
  if (why) fprintf(stderr, "bench_ops: %s: %s\n", o->name, why);
  return why ? SEQGPU_EDEVICE : SEQGPU_OK;
}

/* Strokes by 20 Gaussians: as many rows of 121 numbers as the matrix has. */
static seqgpu_status mixture(const side *s, const operation *o) {
  enum { WIDTH = 121 };
  const int64_t rows = s->rows * COLUMNS / WIDTH;
  (void)o;
  seqgpu_tape_clear(s->tape, 1);
  seqgpu_tensor *params = seqgpu_tape_wrap(s->tape, 2, (int64_t[]){rows, WIDTH}, s->matrix, NULL);
  seqgpu_tensor *points = seqgpu_tape_wrap(s->tape, 2, (int64_t[]){rows, 3}, s->other, NULL);
  return result(s, seqgpu_tape_mixture_density(s->tape, params, points, NULL, 1, 1), s->loss, 1);
}

/* A step of a window of 10 Gaussians over as many texts as there are rows, of 40 letters with 25 numbers. */
static seqgpu_status window(const side *s, const operation *o) {
  enum { GAUSSIANS = 10, WIDTH = 25, LETTERS = COLUMNS / WIDTH };
  const int64_t params[] = {1, s->rows, 3 * GAUSSIANS}, letters[] = {LETTERS, s->rows, WIDTH};
  (void)o;
  seqgpu_tape_clear(s->tape, 1);
  seqgpu_tensor *w = seqgpu_tape_window(s->tape, seqgpu_tape_wrap(s->tape, 3, params, s->other, NULL), NULL,
                                        seqgpu_tape_wrap(s->tape, 3, letters, s->matrix, NULL), NULL);
  return result(s, w, s->result, s->rows * WIDTH);
}

static seqgpu_status averaged(const side *s, const operation *o) {
  const seqgpu_status status = update(s, o);
  return status == SEQGPU_OK ? seqgpu_params_average(s->params) : status;
}

static seqgpu_status curvature(const side *s, const operation *o) {
  (void)o;
  const sq_xent_args a = {.rows = s->rows,
                          .classes = COLUMNS,
                          .scale = 1,
                          .logits = s->matrix,
                          .targets = s->targets,
                          .lse = s->lse,
                          .loss = s->loss,
                          .tlogits = s->other,
                          .dlogits = s->result};
  return SQ_RUN(s->ctx, xent_curvature, &a);
}

static sq_softmax_args softmax_of(const side *s) {
  return (sq_softmax_args){
      .rows = s->rows, .cols = COLUMNS, .x = s->matrix, .y = s->result, .dy = s->other, .dx = s->result};
}

static seqgpu_status softmax(const side *s, const operation *o) {
  (void)o;
  const sq_softmax_args a = softmax_of(s);
  return SQ_RUN(s->ctx, softmax_forward, &a);
}

static seqgpu_status softmax_gradient(const side *s, const operation *o) {
  (void)o;
  sq_softmax_args a = softmax_of(s);
  a.y = s->matrix;
  return SQ_RUN(s->ctx, softmax_backward, &a);
}

static seqgpu_status attention_tangent(const side *s, const operation *o) {
  (void)o;
  const sq_attention_args a = {.source_len = s->rows / SEQUENCES,
                               .batch = SEQUENCES,
                               .dim = COLUMNS,
                               .value_dim = COLUMNS,
                               .query = s->matrix,
                               .keys = s->matrix,
                               .values = s->other,
                               .v = s->weight,
                               .weights = s->share,
                               .scratch = s->terms,
                               .tquery = s->other,
                               .tkeys = s->other,
                               .tvalues = s->matrix,
                               .tv = s->weight,
                               .tcontext = s->result};
  return SQ_RUN(s->ctx, attention_tangent, &a);
}

static seqgpu_status omega_signal(const side *s, const operation *o) {
  (void)o;
  const sq_signal_args a = {.batch = s->rows,
                            .dim = COLUMNS,
                            .seq_len = 1,
                            .activation = SQ_TANH,
                            .h = s->matrix,
                            .dy = s->other,
                            .ld_dy = COLUMNS,
                            .v = s->result,
                            .norm2 = s->terms};
  return SQ_RUN(s->ctx, omega_signal, &a);
}

/* Rows of which about half count: their `share` is a squared norm. */
static sq_omega_args omega_of(const side *s) {
  return (sq_omega_args){.form = SQ_OMEGA_SQUARES,
                         .rows = s->rows,
                         .dim = COLUMNS,
                         .batch = 1,
                         .alpha = 1,
                         .norm2 = s->share,
                         .u = s->result,
                         .slope = s->lse,
                         .row = s->row_loss,
                         .omega = s->loss};
}

static seqgpu_status omega_forward(const side *s, const operation *o) {
  (void)o;
  const sq_omega_args a = omega_of(s);
  return SQ_RUN(s->ctx, omega_forward, &a);
}

static seqgpu_status omega_backward(const side *s, const operation *o) {
  (void)o;
  sq_omega_args a = omega_of(s);
  a.slope = s->share;
  return SQ_RUN(s->ctx, omega_backward, &a);
}

/* An update reads a gradient, and reads and writes a parameter and each moment; a clip of the norm reads the
 * gradients once more, and reads and writes them; a clip of values does the latter alone. */
#define UPDATE(kind_, moments)                                                                               \
  12 + 8 * (moments), update, { .kind = SEQGPU_OPTIMIZER_##kind_, .lr = 1e-3 }
#define DECOUPLED(kind_, moments)                                                                            \
  12 + 8 * (moments), update, {                                                                              \
    .kind = SEQGPU_OPTIMIZER_##kind_, .lr = 1e-3, .weight_decay = 0.01, .decoupled = 1                       \
  }
/* Noise reads and writes the gradients once more. */
#define NOISY(kind_, moments)                                                                                \
  12 + 8 * (moments) + 8, update, { .kind = SEQGPU_OPTIMIZER_##kind_, .lr = 1e-3, .noise = 0.01 }
#define CLIPPED(clip_, bytes, threshold)                                                                     \
  12 + (bytes), update, {                                                                                    \
    .kind = SEQGPU_OPTIMIZER_SGD, .lr = 1e-3, .clip = SEQGPU_CLIP_##clip_, .clip_threshold = threshold       \
  }
static const operation operations[] = {{"sgd", UPDATE(SGD, 0)},
                                       {"momentum", UPDATE(MOMENTUM, 1)},
                                       {"rmsprop", UPDATE(RMSPROP, 1)},
                                       {"adam", UPDATE(ADAM, 2)},
                                       {"adam, decoupled", DECOUPLED(ADAM, 2)},
                                       {"sgd, noise", NOISY(SGD, 0)},
                                       {"sgd, clip of the norm", CLIPPED(NORM, 12, 0.5)},
                                       {"sgd, clip by average", CLIPPED(AUTO, 12, 0.5)},
                                       {"sgd, clip of values", CLIPPED(VALUE, 8, 0.01)},
                                       /* besides, it reads the value, and reads and writes the average */
                                       {"sgd, averaged", 24, averaged, {.lr = 1e-3}},
                                       {"gradient of a bias", 4, bias_gradient, {.lr = 0}},
                                       {"squared error", 8, squared_error, {.lr = 0}},
                                       {"cross-entropy", 4, cross_entropy, {.lr = 0}},
                                       {"its curvature", 12, curvature, {.lr = 0}},
                                       {"binary cross-entropy", 8, binary_cross_entropy, {.lr = 0}},
                                       {"pooling, maximum", 4, pooling, {.lr = 0}},
                                       {"ctc", 4, ctc, {.lr = 0}},
                                       {"ctc and gradient", 8, ctc_gradient, {.lr = 0}},
                                       {"ctc and gradient, cudnn", 8, ctc_of_cudnn, {.lr = 0}},
                                       {"mixture density", 4, mixture, {.lr = 0}},
                                       {"window over characters", 4, window, {.lr = 0}},
                                       {"softmax", 8, softmax, {.lr = 0}},
                                       {"gradient of softmax", 12, softmax_gradient, {.lr = 0}},
                                       {"tangent of attention", 16, attention_tangent, {.lr = 0}},
                                       {"signal of omega", 12, omega_signal, {.lr = 0}},
                                       {"omega", 4, omega_forward, {.lr = 0}},
                                       {"gradient of omega", 8, omega_backward, {.lr = 0}}};

/* What a run changes or adds to, as it was; not timed. */
static int prepare(const side *s) {
  const size_t size = (size_t)s->rows * COLUMNS * element(s);
  seqgpu_status status = seqgpu_zero(s->ctx, s->sums, COLUMNS * element(s));
  if (status == SEQGPU_OK) status = seqgpu_copy(s->ctx, s->result, s->matrix, size);
  for (int i = 0; i < TENSORS && status == SEQGPU_OK; i++) {
    const size_t bytes = (size_t)(s->tensor[i].rows * s->tensor[i].cols) * element(s);
    status = seqgpu_copy(s->ctx, s->tensor[i].grad, s->drawn[i], bytes);
  }
  return status == SEQGPU_OK;
}

/* ---------------------------------------------------------------- checking */

/* A buffer in host memory, as float64; NULL after an error. */
static double *fetch(const side *s, const void *from, int64_t count) {
  double *wide = malloc((size_t)count * sizeof *wide);
  float *narrow = malloc((size_t)count * sizeof *narrow);
  const int is_wide = element(s) == sizeof *wide;
  const int good =
      wide && narrow &&
      seqgpu_copy_out(s->ctx, is_wide ? (void *)wide : narrow, from, (size_t)count * element(s)) == SEQGPU_OK;
  for (int64_t i = 0; good && !is_wide && i < count; i++) wide[i] = (double)narrow[i];
  free(narrow);
  if (good) return wide;
  free(wide);
  return NULL;
}

static double buffer_error(const side *s, const side *ref, const void *out, const void *wanted,
                           int64_t count) {
  double *a = fetch(s, out, count), *b = fetch(ref, wanted, count);
  const double error = a && b ? bench_error(a, b, count) : 1;
  free(a);
  free(b);
  return error;
}

static double worse(double a, double b) { return a > b ? a : b; }

/* The worst error of everything that an operation may have written, after a few calls. */
static double error_of(const side *s, const side *ref, const operation *o) {
  for (int i = 0; i < WARMUP; i++)
    if (!prepare(s) || !prepare(ref) || o->call(s, o) != SEQGPU_OK || o->call(ref, o) != SEQGPU_OK) return 1;
  double error =
      worse(buffer_error(s, ref, s->sums, ref->sums, COLUMNS), buffer_error(s, ref, s->loss, ref->loss, 2));
  error = worse(error, buffer_error(s, ref, s->result, ref->result, s->rows * COLUMNS));
  if (seqgpu_params_use_average(s->params, 1) != SEQGPU_OK ||
      seqgpu_params_use_average(ref->params, 1) != SEQGPU_OK)
    return 1;
  for (int i = 0; i < TENSORS && (o->call == update || o->call == averaged); i++) {
    const seqgpu_param *a = &s->tensor[i], *b = &ref->tensor[i];
    error = worse(error, buffer_error(s, ref, a->value, b->value, a->rows * a->cols));
  }
  seqgpu_params_use_average(s->params, 0);
  return error;
}

/* ---------------------------------------------------------------- timing and reports */

typedef struct world {
  const ops_options *o;
  bench_gpu *gpu; /* NULL on the CPU */
  bench_origin origin;
  FILE *json;
  int failures;
} world;

/* Seconds of one run; negative after an error. */
static double time_run(const world *w, const side *s, const operation *o) {
  double seconds;
  if (!prepare(s)) return -1;
  if (w->gpu == NULL) {
    const double start = bench_now();
    return o->call(s, o) == SEQGPU_OK ? bench_now() - start : -1;
  }
  const int good = bench_gpu_flush_l2(w->gpu) && bench_gpu_mark(w->gpu, 0) && o->call(s, o) == SEQGPU_OK &&
                   bench_gpu_mark(w->gpu, 1) && bench_gpu_seconds(w->gpu, 0, 1, &seconds);
  return good ? seconds : -1;
}

static void report(const world *w, const operation *o, int64_t elements, double error, double *us) {
  const bench_stats s = bench_statistics(us, w->o->runs);
  const double rate = 1e-3 * o->bytes * (double)elements / s.median;
  printf("%-22s %9lld elements %9.2f %9.2f %9.2f us %8.1f GB/s, error %.1e\n", o->name, (long long)elements,
         s.min, s.median, s.max, rate, error);
  fflush(stdout);
  if (w->json == NULL) return;
  bench_json_begin(w->json, "op");
  bench_json_text(w->json, "operation", o->name);
  bench_json_integer(w->json, "elements", elements);
  bench_json_text(w->json, "l2", w->gpu ? "flushed" : "warm");
  bench_json_integer(w->json, "runs", s.count);
  bench_json_number(w->json, "error", error);
  bench_json_number(w->json, "min_us", s.min);
  bench_json_number(w->json, "median_us", s.median);
  bench_json_number(w->json, "max_us", s.max);
  bench_json_number(w->json, "gb_per_s", rate);
  const double clock_hz = w->gpu ? bench_gpu_clock_hz() : 0;
  bench_json_number(w->json, "sm_mhz", clock_hz > 0 ? 1e-6 * clock_hz : (double)NAN);
  bench_json_end(w->json, &w->origin);
}

static int failed(world *w, const side *s) {
  fprintf(stderr, "bench_ops: %s\n", seqgpu_last_error(s->ctx));
  w->failures++;
  return 0;
}

static void measure(world *w, const side *s, const side *ref, const operation *o, int64_t elements) {
  static double us[MAX_RUNS];
  const double error = error_of(s, ref, o);
  if (error > LIMIT) {
    printf("FAIL %s, %lld elements: the error is %.2e; it must be at most %.0e; not timed\n", o->name,
           (long long)elements, error, LIMIT);
    w->failures++;
    return;
  }
  for (int i = -WARMUP; i < w->o->runs; i++) {
    const double seconds = time_run(w, s, o);
    if (seconds < 0) {
      failed(w, s);
      return;
    }
    if (i >= 0) us[i] = 1e6 * seconds;
  }
  report(w, o, elements, error, us);
}

/* Every operation on tensors of that many elements. */
static void measure_size(world *w, int64_t elements) {
  const seqgpu_context_options device = {.device = w->o->device, .threads = w->o->threads},
                               oracle = {.device = "cpu", .dtype = SEQGPU_DTYPE_F64};
  side s, ref = {.ctx = NULL};
  int good = (open_side(&s, elements, &device) || failed(w, &s)) &&
             (open_side(&ref, elements, &oracle) || failed(w, &ref));
  for (int i = 0; i < BENCH_COUNT(operations) && good; i++) {
    if (operations[i].call == ctc_of_cudnn && s.cudnn == NULL) {
      if (w->gpu) printf("skipped: %s: %s\n", operations[i].name, s.no_cudnn);
      continue;
    }
    good = (renew_params(&s, elements) || failed(w, &s)) && (renew_params(&ref, elements) || failed(w, &ref));
    if (good) measure(w, &s, &ref, &operations[i], elements);
  }
  close_side(&s);
  close_side(&ref);
}

static int open_world(world *w, const ops_options *o) {
  const char *why = "";
  bench_gpu_info info = {.name = ""};
  *w = (world){.o = o};
  if (strcmp(o->device, "cpu") != 0 && (w->gpu = bench_gpu_open(&info, &why)) == NULL) {
    fprintf(stderr, "bench_ops: --device %s: %s\n", o->device, why);
    return 0;
  }
  w->origin = bench_origin_of(w->gpu ? info.name : NULL);
  if (o->json == NULL || (w->json = fopen(o->json, "w")) != NULL) return 1;
  fprintf(stderr, "bench_ops: cannot write %s\n", o->json);
  return 0;
}

int main(int argc, char **argv) {
  ops_options o = {.device = "cpu", .elements = "300000,8400000", .threads = 2, .runs = 21};
  const bench_option table[] = {BENCH_DEVICE(&o.device), BENCH_THREADS(&o.threads),
                                bench_option_text("--elements", &o.elements),
                                bench_option_int("--runs", &o.runs, 1, MAX_RUNS), BENCH_JSON(&o.json)};
  const int code = bench_parse("bench_ops", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  char word[32];
  world w;
  if (!open_world(&w, &o)) return BENCH_FAILED;
  const char *list = o.elements;
  while (bench_next_word(&list, word, (int)sizeof word)) {
    const int64_t elements = strtoll(word, NULL, 10);
    if (elements >= 4 * COLUMNS)
      measure_size(&w, elements);
    else
      w.failures += fprintf(stderr, "bench_ops: --elements has %s; each must be 4000 or more\n", word) != 0;
  }
  bench_gpu_close(w.gpu);
  if (w.json && fclose(w.json) != 0) w.failures++;
  return w.failures ? BENCH_FAILED : BENCH_OK;
}
