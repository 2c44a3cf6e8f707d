/* conformance_ops.h - every row of the operator table (core/ops.h) on any backend against the CPU's float64.
 *
 * An op_row says how to lay out the tensors of one operator for given sizes, and how to call it.  The walker
 * draws well-conditioned inputs, runs both contexts on guarded and poisoned memory, and compares everything
 * that was written. Strided results start from numbers, so that the columns between the rows are seen to be
 * left alone.
 */
#ifndef CONFORMANCE_OPS_H
#define CONFORMANCE_OPS_H

#include "tests/conformance_losses.h"
#include "tests/net.h"

/* --- gemm: options are trans_a, trans_b, accumulate as bits; strided when accumulating --- */

static void lay_gemm(op_case *c) {
  const int pad = c->option & 4 ? PAD : 0;
  const int64_t m = c->m, n = c->n, k = c->k;
  op_add(c, OP_IN, "a", c->option & 1 ? k * (m + pad) : m * (k + pad), -1, 1);
  op_add(c, OP_IN, "b", c->option & 2 ? n * (k + pad) : k * (n + pad), -1, 1);
  op_add(c, pad ? OP_INOUT : OP_OUT, "c", m * (n + pad), -1, 1);
}

static int call_gemm(seqgpu_context *ctx, const op_case *c, void **p) {
  const int pad = c->option & 4 ? PAD : 0, ta = c->option & 1, tb = (c->option & 2) != 0;
  const sq_gemm_args a = {ta,      tb,
                          pad > 0, c->m,
                          c->n,    c->k,
                          p[0],    (ta ? c->m : c->k) + pad,
                          p[1],    (tb ? c->k : c->n) + pad,
                          p[2],    c->n + pad,
                          0};
  return OP_CALL(ctx, gemm, a);
}

/* --- bias, reduce, copy: m rows, n columns --- */

static void lay_bias(op_case *c) {
  op_add(c, OP_IN, "bias", c->n, -1, 1);
  op_add(c, OP_INOUT, "y", c->m * (c->n + PAD), -1, 1);
}
static int call_bias(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_bias_args a = {c->m, c->n, p[0], p[1], c->n + PAD};
  return OP_CALL(ctx, bias, a);
}

/* option 1: products with b */
static void lay_reduce(op_case *c) {
  op_add(c, OP_IN, "a", c->m * (c->n + PAD), -1, 1);
  op_add(c, OP_INOUT, "out", c->n, -1, 1);
  if (c->option) op_add(c, OP_IN, "b", c->m * (c->n + 1), -1, 1);
}
static int call_reduce(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_reduce_args a = {c->m, c->n, p[0], c->n + PAD, c->option ? p[2] : NULL, c->n + 1, p[1]};
  return OP_CALL(ctx, reduce, a);
}

/* option 1: accumulate */
static void lay_copy(op_case *c) {
  op_add(c, OP_IN, "src", c->m * (c->n + 1), -1, 1);
  op_add(c, OP_INOUT, "dst", c->m * (c->n + PAD), -1, 1);
}
static int call_copy(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_copy_args a = {c->m, c->n, p[0], c->n + 1, p[1], c->n + PAD, c->option};
  return OP_CALL(ctx, copy, a);
}

/* options: swap, time_axis, lengths, accumulate as bits; src [m,k,n] */
static void lay_relayout(op_case *c) {
  const int64_t count = c->m * c->k * c->n, time = c->option & 2 ? c->k : c->m;
  op_add(c, OP_IN, "src", count, -1, 1);
  op_add(c, c->option & 8 ? OP_INOUT : OP_OUT, "dst", count, -1, 1);
  op_add(c, OP_INTS, "lengths", c->option & 2 ? c->m : c->k, 0, (double)time + 1);
}
static int call_relayout(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_relayout_args a = {.outer = c->m,
                              .inner = c->k,
                              .width = c->n,
                              .swap = c->option & 1,
                              .time_axis = (c->option & 2) != 0,
                              .lengths = c->option & 4 ? p[2] : NULL,
                              .src = p[0],
                              .dst = p[1],
                              .accumulate = (c->option & 8) != 0};
  return OP_CALL(ctx, relayout, a);
}

/* --- embedding: m rows, n columns, vocabulary of k; ids also outside of it --- */

static void lay_embedding_forward(op_case *c) {
  op_add(c, OP_INTS, "ids", c->m, -2, (double)c->k + 2);
  op_add(c, OP_IN, "table", c->k * c->n, -1, 1);
  op_add(c, OP_OUT, "y", c->m * c->n, 0, 0);
}
static int call_embedding_forward(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_embedding_args a = {
      .rows = c->m, .dim = c->n, .vocab = c->k, .ids = p[0], .table = p[1], .y = p[2]};
  return OP_CALL(ctx, embedding_forward, a);
}

static void lay_embedding_backward(op_case *c) {
  op_add(c, OP_INTS, "ids", c->m, -2, (double)c->k + 2);
  op_add(c, OP_IN, "dy", c->m * c->n, -1, 1);
  op_add(c, OP_INOUT, "dtable", c->k * c->n, -1, 1);
}
static int call_embedding_backward(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_embedding_args a = {
      .rows = c->m, .dim = c->n, .vocab = c->k, .ids = p[0], .dy = p[1], .dtable = p[2]};
  return OP_CALL(ctx, embedding_backward, a);
}

/* --- element-wise: m * n elements --- */

/* options: p = 0, 0.3, 1; then the same accumulating; then both for rows that are parts of longer ones */
static void lay_dropout(op_case *c) {
  op_add(c, OP_IN, "x", c->m * c->n, -1, 1);
  op_add(c, c->option / 3 % 2 == 0 ? OP_OUT : OP_INOUT, "y", c->m * c->n, -1, 1);
}
static int call_dropout(seqgpu_context *ctx, const op_case *c, void **p) {
  static const double probability[3] = {0, 0.3, 1};
  const sq_dropout_args a = {.count = c->m * c->n,
                             .p = probability[c->option % 3],
                             .seed = check_counts.seed,
                             .offset = 0xfffffffeu, /* the block counter crosses 2^32 */
                             .x = p[0],
                             .y = p[1],
                             .accumulate = c->option / 3 % 2,
                             .row = c->option >= 6 ? c->n : 0,
                             .pitch = 2 * c->n + 1,
                             .first = c->n - 1};
  return OP_CALL(ctx, dropout, a);
}

/* options: kind * 4 + activation, and MAPS more that accumulate */
enum { MAPS = 24 };
static void lay_map(op_case *c) {
  op_add(c, OP_IN, "a", c->m * c->n, -0.99, 0.99);
  op_add(c, OP_IN, "b", c->m * c->n, -1, 1);
  op_add(c, c->option < MAPS ? OP_OUT : OP_INOUT, "y", c->m * c->n, -1, 1);
}
static int call_map(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_map_args a = {.kind = (sq_map_kind)(c->option % MAPS / 4),
                         .activation = (sq_activation)(c->option % 4),
                         .count = c->m * c->n,
                         .alpha = -1.7,
                         .a = p[0],
                         .b = p[1],
                         .y = p[2],
                         .accumulate = c->option >= MAPS};
  return OP_CALL(ctx, map, a);
}

/* --- softmax: m rows of n columns, k lengths; options: lengths, accumulate as bits.  Forward, then backward.
 * --- */

static void lay_softmax(op_case *c) {
  op_add(c, OP_IN, "x", c->m * c->n, -3, 3);
  op_add(c, OP_OUT, "y", c->m * c->n, 0, 0);
  op_add(c, OP_IN, "dy", c->m * c->n, -1, 1);
  op_add(c, c->option & 2 ? OP_INOUT : OP_OUT, "dx", c->m * c->n, -1, 1);
  op_add(c, OP_INTS, "lengths", c->k, 0, (double)c->n + 1);
}
static int call_softmax(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_softmax_args a = {.rows = c->m,
                             .cols = c->n,
                             .batch = c->k,
                             .lengths = c->option & 1 ? p[4] : NULL,
                             .x = p[0],
                             .y = p[1],
                             .dy = p[2],
                             .dx = p[3],
                             .accumulate = (c->option & 2) != 0};
  const int error = OP_CALL(ctx, softmax_forward, a);
  return error ? error : OP_CALL(ctx, softmax_backward, a);
}

/* --- attention: source length m, batch k, dim and value_dim n; options: lengths, without v as bits.
 * Forward, then backward. --- */

enum { WITHOUT_V = 2 };

static void lay_attention(op_case *c) {
  const int64_t S = c->m, B = c->k, D = c->n, E = c->n + 2;
  const double small = 1 / sqrt((double)D), query = c->option & WITHOUT_V ? small : 1;
  op_add(c, OP_IN, "query", B * D, -query, query); /* e of order 1: no saturated softmax */
  op_add(c, OP_IN, "keys", S * B * D, -1, 1);
  op_add(c, OP_IN, "values", S * B * E, -1, 1);
  op_add(c, OP_IN, "v", D, -small, small);
  op_add(c, OP_OUT, "weights", S * B, 0, 0);
  op_add(c, OP_OUT, "context", B * E, 0, 0);
  op_add(c, OP_IN, "dcontext", B * E, -1, 1);
  op_add(c, OP_SCRATCH, "scratch", S * B, 0, 0);
  op_add(c, OP_OUT, "dquery", B * D, 0, 0);
  op_add(c, OP_INOUT, "dkeys", S * B * D, -1, 1);
  op_add(c, OP_INOUT, "dvalues", S * B * E, -1, 1);
  op_add(c, OP_INOUT, "dv", D, -1, 1);
  op_add(c, OP_INTS, "lengths", B, 1, (double)S + 1);
}
/* The operands, which all passes have. */
static sq_attention_args attention_of(const op_case *c, void **p) {
  return (sq_attention_args){.source_len = c->m,
                             .batch = c->k,
                             .dim = c->n,
                             .value_dim = c->n + 2,
                             .query = p[0],
                             .keys = p[1],
                             .values = p[2],
                             .v = c->option & WITHOUT_V ? NULL : p[3],
                             .weights = p[4],
                             .context = p[5]};
}
static int call_attention(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_attention_args a = attention_of(c, p);
  a.lengths = c->option & 1 ? p[12] : NULL;
  a.dcontext = p[6];
  a.scratch = p[7];
  a.dquery = p[8];
  a.dkeys = p[9];
  a.dvalues = p[10];
  a.dv = c->option & WITHOUT_V ? NULL : p[11];
  const int error = OP_CALL(ctx, attention_forward, a);
  return error ? error : OP_CALL(ctx, attention_backward, a);
}

/* Forward, then tangent; as a third bit, only keys and v move. */
static void lay_attention_tangent(op_case *c) {
  const int64_t S = c->m, B = c->k, D = c->n, E = c->n + 2;
  lay_attention(c);
  c->tensors = 6; /* the operands and the results of forward */
  op_add(c, OP_SCRATCH, "scratch", S * B, 0, 0);
  op_add(c, OP_IN, "tquery", B * D, -1, 1);
  op_add(c, OP_IN, "tkeys", S * B * D, -1, 1);
  op_add(c, OP_IN, "tvalues", S * B * E, -1, 1);
  op_add(c, OP_IN, "tv", D, -1, 1);
  op_add(c, OP_OUT, "tcontext", B * E, 0, 0);
  op_add(c, OP_INTS, "lengths", B, 1, (double)S + 1);
}
static int call_attention_tangent(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_attention_args a = attention_of(c, p);
  a.lengths = c->option & 1 ? p[12] : NULL;
  a.scratch = p[6];
  a.tquery = c->option & 4 ? NULL : p[7];
  a.tkeys = p[8];
  a.tvalues = c->option & 4 ? NULL : p[9];
  a.tv = c->option & WITHOUT_V ? NULL : p[10];
  a.tcontext = p[11];
  const int error = OP_CALL(ctx, attention_forward, a);
  return error ? error : OP_CALL(ctx, attention_tangent, a);
}

/* --- pooling: m steps of k sequences, width n; options are sq_pooling_kind, and 4 more without lengths,
 * whose gradient adds.  Forward, then backward. --- */

static void lay_pooling(op_case *c) {
  const int64_t count = c->m * c->k * c->n;
  op_add(c, OP_IN, "x", count, -1, 1);
  op_add(c, OP_INTS, "lengths", c->k, 0, (double)c->m + 1);
  op_add(c, OP_OUT, "y", c->k * c->n, 0, 0);
  op_add(c, c->option % 4 == SQ_POOLING_AT ? OP_INTS : OP_SCRATCH, "at", c->k * c->n, -1, (double)c->m);
  op_add(c, OP_IN, "dy", c->k * c->n, -1, 1);
  op_add(c, c->option < 4 ? OP_OUT : OP_INOUT, "dx", count, -1, 1);
}
static int call_pooling(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_pooling_args a = {.kind = (sq_pooling_kind)(c->option % 4),
                             .seq_len = c->m,
                             .batch = c->k,
                             .dim = c->n,
                             .lengths = c->option < 4 ? p[1] : NULL,
                             .x = p[0],
                             .y = p[2],
                             .at = p[3],
                             .dy = p[4],
                             .dx = p[5],
                             .accumulate = c->option >= 4};
  const int error = OP_CALL(ctx, pooling_forward, a);
  return error ? error : OP_CALL(ctx, pooling_backward, a);
}

/* --- window: m characters of k sequences, 3 steps, n Gaussians, values of n + 2; option 1: lengths and kappa
 * before.  Forward, then backward, or tangent, whose option 2 moves params alone. --- */

enum { WINDOW_STEPS = 3 };

static void lay_window_forward(op_case *c) {
  const int64_t rows = WINDOW_STEPS * c->k;
  op_add(c, OP_IN, "params", rows * 3 * c->n, -1, 0.5);
  op_add(c, OP_IN, "values", c->m * c->k * (c->n + 2), -1, 1);
  op_add(c, OP_OUT, "kappa", rows * c->n, 0, 0);
  op_add(c, OP_OUT, "phi", rows * (c->m + 1), 0, 0);
  op_add(c, OP_OUT, "context", rows * (c->n + 2), 0, 0);
  op_add(c, OP_IN, "before", c->k * c->n, 0, 1);
  op_add(c, OP_INTS, "lengths", c->k, 0, (double)c->m + 1);
  op_add(c, OP_SCRATCH, "scratch", rows * (c->m + 1), 0, 0);
}
static sq_window_args window_of(const op_case *c, void **p) {
  return (sq_window_args){.seq_len = WINDOW_STEPS,
                          .batch = c->k,
                          .source_len = c->m,
                          .gaussians = c->n,
                          .value_dim = c->n + 2,
                          .params = p[0],
                          .values = p[1],
                          .kappa = p[2],
                          .phi = p[3],
                          .context = p[4],
                          .before = c->option == 1 ? p[5] : NULL,
                          .lengths = c->option == 1 ? p[6] : NULL,
                          .scratch = p[7]};
}
static void lay_window(op_case *c) {
  const int64_t rows = WINDOW_STEPS * c->k;
  lay_window_forward(c);
  op_add(c, OP_IN, "dcontext", rows * (c->n + 2), -1, 1);
  op_add(c, OP_IN, "dlast", c->k * c->n, -1, 1);
  op_add(c, OP_OUT, "dparams", rows * 3 * c->n, 0, 0);
  op_add(c, OP_OUT, "dbefore", c->k * c->n, 0, 0);
  op_add(c, OP_INOUT, "dvalues", c->m * c->k * (c->n + 2), -1, 1);
}
static int call_window(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_window_args a = window_of(c, p);
  a.dcontext = c->option == 2 ? NULL : p[8];
  a.dlast = c->option == 1 ? p[9] : NULL;
  a.dparams = p[10];
  a.dbefore = p[11];
  a.dvalues = p[12];
  const int error = OP_CALL(ctx, window_forward, a);
  return error ? error : OP_CALL(ctx, window_backward, a);
}
static void lay_window_tangent(op_case *c) {
  const int64_t rows = WINDOW_STEPS * c->k;
  lay_window_forward(c);
  op_add(c, OP_IN, "tparams", rows * 3 * c->n, -1, 1);
  op_add(c, OP_IN, "tbefore", c->k * c->n, -1, 1);
  op_add(c, OP_IN, "tvalues", c->m * c->k * (c->n + 2), -1, 1);
  op_add(c, OP_OUT, "tkappa", rows * c->n, 0, 0);
  op_add(c, OP_OUT, "tcontext", rows * (c->n + 2), 0, 0);
}
static int call_window_tangent(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_window_args a = window_of(c, p);
  a.tparams = p[8];
  a.tbefore = c->option == 2 ? NULL : p[9];
  a.tvalues = c->option == 2 ? NULL : p[10];
  a.tkappa = p[11];
  a.tcontext = p[12];
  const int error = OP_CALL(ctx, window_forward, a);
  return error ? error : OP_CALL(ctx, window_tangent, a);
}

/* --- clipping and updates of three tensors: m * n elements, 1, and k --- */

/* options are sq_clip_kind; three calls in a row, for the running average */
static void lay_clip(op_case *c) {
  op_add(c, OP_INOUT, "g0", c->m * c->n, -1, 1);
  op_add(c, OP_INOUT, "g1", 1, -3, 3);
  op_add(c, OP_INOUT, "g2", c->k, -1, 1);
  op_add(c, OP_ZERO, "state", 8, 0, 0);
}
static int call_clip(seqgpu_context *ctx, const op_case *c, void **p) {
  const int64_t sizes[3] = {c->m * c->n, 1, c->k};
  const sq_clip_args a = {
      .kind = (sq_clip_kind)c->option, .threshold = 0.8, .window = 10, .grads = {3, p, sizes}, .state = p[3]};
  int error = 0;
  for (int i = 0; i < 3 && !error; i++) error = OP_CALL(ctx, clip, a);
  return error;
}

static void lay_noise(op_case *c) {
  op_add(c, OP_INOUT, "g0", c->m * c->n, -1, 1);
  op_add(c, OP_INOUT, "g1", 1, -1, 1);
  op_add(c, OP_INOUT, "g2", c->k, -1, 1);
}
static int call_noise(seqgpu_context *ctx, const op_case *c, void **p) {
  const int64_t sizes[3] = {c->m * c->n, 1, c->k};
  const sq_noise_args a = {0.3, check_counts.seed, (uint64_t)1 << 63 | 5, {3, p, sizes}};
  return OP_CALL(ctx, noise, a);
}

/* options: sq_optimizer_kind and these */
enum { NESTEROV = 8, DECOUPLED = 16, FACTORS = 32 };
static void lay_optimizer(op_case *c) {
  static const char *const names[4] = {"p", "g", "first", "second"};
  const int64_t sizes[3] = {c->m * c->n, 1, c->k};
  for (int i = 0; i < 12; i++)
    op_add(c, i / 3 == 1 ? OP_IN : OP_INOUT, names[i / 3], sizes[i % 3], i / 3 == 3 ? 0.01 : -1, 1);
}
static int call_optimizer(seqgpu_context *ctx, const op_case *c, void **p) {
  const int64_t sizes[3] = {c->m * c->n, 1, c->k};
  static const double factor[3] = {0.5, 1, 2};
  const sq_optimizer_args a = {.kind = (sq_optimizer_kind)(c->option % NESTEROV),
                               .lr = 0.1,
                               .momentum = 0.9,
                               .decay = 0.95,
                               .eps = 1e-6,
                               .weight_decay = 0.02,
                               .nesterov = c->option & NESTEROV,
                               .update = 3,
                               .params = {3, p, sizes},
                               .grads = {3, p + 3, sizes},
                               .first = {3, p + 6, sizes},
                               .second = {3, p + 9, sizes},
                               .decoupled = c->option & DECOUPLED,
                               .momentum_next = c->option & FACTORS ? 0.7 : 0,
                               .lr_factor = c->option & FACTORS ? factor : NULL};
  return OP_CALL(ctx, optimizer, a);
}

/* --- Pascanu's regulariser: m sequences or rows, n units --- */

/* options: activation + 4 ragged + 8 reverse + 16 without dy and dfinal */
static void lay_signal(op_case *c) {
  const char *const names[] = {"h", "next", "dfinal"};
  for (int i = 0; i < 3; i++) op_add(c, OP_IN, names[i], c->m * c->n, -0.99, 0.99);
  op_add(c, OP_IN, "dy", c->m * (c->n + PAD), -1, 1);
  op_add(c, OP_INTS, "lengths", c->m, 0, 4);
  op_add(c, OP_OUT, "v", c->m * c->n, 0, 0);
  op_add(c, OP_OUT, "norm2", c->m, 0, 0);
}
static int call_signal(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_signal_args a = {.batch = c->m,
                            .dim = c->n,
                            .t = 1,
                            .seq_len = 3,
                            .reverse = (c->option & 8) != 0,
                            .lengths = c->option & 4 ? p[4] : NULL,
                            .activation = (sq_activation)(c->option % 4),
                            .h = p[0],
                            .dy = c->option & 16 ? NULL : p[3],
                            .ld_dy = c->n + PAD,
                            .next = p[1],
                            .dfinal = c->option & 16 ? NULL : p[2],
                            .v = p[5],
                            .norm2 = p[6]};
  return OP_CALL(ctx, omega_signal, a);
}

static sq_omega_args omega_of(const op_case *c, void **p) {
  return (sq_omega_args){.form = (sq_omega_form)c->option,
                         .rows = c->m,
                         .dim = c->n,
                         .batch = 3,
                         .alpha = 1.7,
                         .norm2 = p[0],
                         .u = p[1],
                         .slope = p[2],
                         .row = p[3],
                         .omega = p[4]};
}
/* a squared norm below 0 stands for one that is too small */
static void lay_omega_forward(op_case *c) {
  op_add(c, OP_IN, "norm2", c->m, -0.3, 0.9);
  op_add(c, OP_IN, "u", c->m * c->n, -1, 1);
  op_add(c, OP_OUT, "slope", c->m, 0, 0);
  op_add(c, OP_OUT, "row", c->m, 0, 0);
  op_add(c, OP_OUT, "omega", 2, 0, 0);
}
static int call_omega_forward(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_omega_args a = omega_of(c, p);
  return OP_CALL(ctx, omega_forward, a);
}
static void lay_omega_backward(op_case *c) {
  op_add(c, OP_SCRATCH, "norm2", 1, 0, 0);
  op_add(c, OP_INOUT, "u", c->m * c->n, -1, 1);
  op_add(c, OP_IN, "slope", c->m, -2, 2);
  op_add(c, OP_SCRATCH, "row", 1, 0, 0);
  op_add(c, OP_IN, "omega", 2, 2, 9); /* [1]: the number of rows that count */
}
static int call_omega_backward(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_omega_args a = omega_of(c, p);
  return OP_CALL(ctx, omega_backward, a);
}

/* attention stands for attention_forward and attention_backward, so do ctc, mixture, pooling, softmax and
 * window; each optimiser has a row of its own */
static const op_row op_rows[] = {
    {"gemm", 0, 8, lay_gemm, call_gemm},
    {"bias", 0, 1, lay_bias, call_bias},
    {"reduce", 0, 2, lay_reduce, call_reduce},
    {"embedding_forward", 0, 1, lay_embedding_forward, call_embedding_forward},
    {"embedding_backward", 0, 1, lay_embedding_backward, call_embedding_backward},
    {"xent_forward", 0, 2, lay_xent_forward, call_xent_forward},
    {"xent_backward", 0, 3, lay_xent_backward, call_xent_backward},
    {"xent_curvature", 0, 3, lay_xent_curvature, call_xent_curvature},
    {"mse_forward", 0, 3, lay_mse_forward, call_mse_forward},
    {"mse_backward", 0, 4, lay_mse_backward, call_mse_backward},
    {"bce_forward", 0, 3, lay_bce_forward, call_bce_forward},
    {"bce_backward", 0, 4, lay_bce_backward, call_bce_backward},
    {"bce_curvature", 0, 4, lay_bce_curvature, call_bce_curvature},
    {"ctc", 0, 4, lay_ctc, call_ctc},
    {"mixture", 0, 3, lay_mixture, call_mixture},
    {"dropout", 0, 12, lay_dropout, call_dropout},
    {"map", 0, 2 * MAPS, lay_map, call_map},
    {"copy", 0, 2, lay_copy, call_copy},
    {"relayout", 0, 16, lay_relayout, call_relayout},
    {"softmax", 0, 4, lay_softmax, call_softmax},
    {"attention", 0, 4, lay_attention, call_attention},
    {"attention_tangent", 0, 8, lay_attention_tangent, call_attention_tangent},
    {"pooling", 0, 8, lay_pooling, call_pooling},
    {"window", 0, 3, lay_window, call_window},
    {"window_tangent", 0, 3, lay_window_tangent, call_window_tangent},
    {"clip", 0, 4, lay_clip, call_clip},
    {"noise", 0, 1, lay_noise, call_noise},
    {"sgd", SQ_SGD, 1, lay_optimizer, call_optimizer},
    {"momentum", SQ_MOMENTUM, 1, lay_optimizer, call_optimizer},
    {"momentum nesterov", SQ_MOMENTUM | NESTEROV, 1, lay_optimizer, call_optimizer},
    {"momentum nesterov, factors", SQ_MOMENTUM | NESTEROV | FACTORS, 1, lay_optimizer, call_optimizer},
    {"rmsprop", SQ_RMSPROP, 1, lay_optimizer, call_optimizer},
    {"adam", SQ_ADAM, 1, lay_optimizer, call_optimizer},
    {"adam decoupled", SQ_ADAM | DECOUPLED, 1, lay_optimizer, call_optimizer},
    {"sgd decoupled, factors", SQ_SGD | DECOUPLED | FACTORS, 1, lay_optimizer, call_optimizer},
    {"omega_signal", 0, 32, lay_signal, call_signal},
    {"omega_forward", SQ_OMEGA_NORMS, 2, lay_omega_forward, call_omega_forward},
    {"omega_backward", SQ_OMEGA_NORMS, 2, lay_omega_backward, call_omega_backward},
};

/* --- the walker --- */

static size_t op_bytes(const seqgpu_context *ctx, const op_tensor *t) {
  return (size_t)t->count *
         (t->role == OP_INTS ? sizeof(int32_t) : seqgpu_dtype_size(seqgpu_context_dtype(ctx)));
}

static int op_is_written(op_role role) { return role == OP_OUT || role == OP_INOUT || role == OP_ZERO; }

static void op_upload(seqgpu_context *ctx, const op_tensor *t, void *device, const double *from) {
  if (t->role != OP_INTS) {
    if (t->role != OP_OUT && t->role != OP_SCRATCH) net_upload(ctx, device, from, t->count);
    return;
  }
  int32_t *ints = (int32_t *)malloc((size_t)t->count * sizeof *ints + 1);
  for (int64_t i = 0; i < t->count; i++) ints[i] = (int32_t)from[i];
  net_require(ctx, seqgpu_copy_in(ctx, device, ints, op_bytes(ctx, t)), "seqgpu_copy_in");
  free(ints);
}

/* Runs the case on one context; value[] holds the inputs and receives what was written. */
static void op_run(seqgpu_context *ctx, const op_row *row, const op_case *c, double **value) {
  void *p[OP_TENSORS] = {NULL};
  const int tensors = c->tensors;
  for (int i = 0; i < tensors; i++) {
    p[i] = net_alloc(ctx, c->tensor[i].name, op_bytes(ctx, &c->tensor[i]));
    op_upload(ctx, &c->tensor[i], p[i], value[i]);
  }
  const int error = row->call(ctx, c, p);
  if (error) check_record(0, ctx->backend->device->error_text(error), "%s returns %d", row->name, error);
  for (int i = 0; i < tensors; i++) {
    if (op_is_written(c->tensor[i].role)) net_download(ctx, value[i], p[i], c->tensor[i].count);
    net_free(ctx, c->tensor[i].name, p[i], op_bytes(ctx, &c->tensor[i]));
  }
}

static void op_draw(const op_tensor *t, double *value) {
  for (int64_t i = 0; i < t->count; i++) {
    const double x = t->role == OP_ZERO ? 0 : check_uniform(t->low, t->high);
    value[i] = t->role == OP_INTS ? floor(x) : (double)(float)x;
  }
}

/* One operator on the oracle: what was drawn, and what became of it. */
typedef struct op_trial {
  seqgpu_context *oracle;
  const op_row *row;
  const op_case *c;
  double *in[OP_TENSORS], *ref[OP_TENSORS];
} op_trial;

static void op_copy(const op_case *c, double **to, double **from) {
  for (int i = 0; i < c->tensors; i++)
    if (c->tensor[i].count) memcpy(to[i], from[i], (size_t)c->tensor[i].count * sizeof(double));
}

static void op_trial_draw(void *self) {
  op_trial *t = (op_trial *)self;
  for (int i = 0; i < t->c->tensors; i++) op_draw(&t->c->tensor[i], t->in[i]);
}

static void op_trial_run(void *self) {
  op_trial *t = (op_trial *)self;
  op_copy(t->c, t->ref, t->in);
  op_run(t->oracle, t->row, t->c, t->ref);
}

static double op_error(seqgpu_context *ctx, seqgpu_context *oracle, const op_row *row, const op_case *c,
                       char *where) {
  op_trial t = {oracle, row, c, {NULL}, {NULL}};
  problem p = {op_trial_draw, op_trial_run, &t, {0}, {0}};
  tensor_list ours = {0};
  double *out[OP_TENSORS];
  for (int i = 0; i < c->tensors; i++) {
    const op_tensor *tensor = &c->tensor[i];
    double **all[3] = {&out[i], &t.in[i], &t.ref[i]};
    for (int k = 0; k < 3; k++) *all[k] = (double *)malloc((size_t)tensor->count * sizeof(double) + 1);
    if (tensor->role == OP_IN || tensor->role == OP_INOUT)
      list_add(&p.in, tensor->name, t.in[i], tensor->count);
    if (!op_is_written(tensor->role)) continue;
    list_add(&p.out, tensor->name, t.ref[i], tensor->count);
    list_add(&ours, tensor->name, out[i], tensor->count);
  }
  problem_draw(&p, SEQGPU_MATH_F32, row->name);
  op_copy(c, out, t.in);
  op_run(ctx, row, c, out);
  double *wanted = list_copy(&p.out);
  const double worst = list_error(&ours, wanted, where);
  free(wanted);
  for (int i = 0; i < c->tensors; i++) {
    free(out[i]);
    free(t.in[i]);
    free(t.ref[i]);
  }
  return worst;
}

/* All options of a row at one size are one check. */
static void op_check(seqgpu_context *ctx, seqgpu_context *oracle, const op_row *row, const int64_t size[3]) {
  double worst = 0;
  char where[80] = "", here[64] = "";
  op_case c = {0};
  check_at("%s f32", seqgpu_context_device(ctx));
  for (int option = row->first; option < row->first + row->options; option++) {
    c = (op_case){.m = size[0], .n = size[1], .k = size[2], .option = option};
    row->lay(&c);
    const double error = op_error(ctx, oracle, row, &c, here);
    if (isnan(worst) || !(isnan(error) || error > worst)) continue;
    worst = error;
    snprintf(where, sizeof where, "%.40s, option %d", here, option);
  }
  net_check(worst, arithmetic[SEQGPU_MATH_F32].limit, where, "%s, %lld x %lld x %lld", row->name,
            (long long)c.m, (long long)c.n, (long long)c.k);
}

static inline void op_check_all(seqgpu_context *ctx, seqgpu_context *oracle) {
  static const int64_t sizes[][3] = {{1, 1, 1},   {31, 33, 5},  {33, 31, 2},
                                     {3, 257, 4}, {257, 3, 31}, {5, 1100, 1}};
  static const int64_t empty[] = {0, 3, 4},
                       wide_gemm[] = {3, 64 * 127 + 1, 17}; /* larger tiles from there on */
  for (size_t r = 0; r < COUNT(op_rows); r++) {
    for (size_t s = 0; s < COUNT(sizes); s++) op_check(ctx, oracle, &op_rows[r], sizes[s]);
    if (op_rows[r].lay == lay_gemm) op_check(ctx, oracle, &op_rows[r], wide_gemm);
    if (op_rows[r].call != call_attention && op_rows[r].call != call_attention_tangent)
      op_check(ctx, oracle, &op_rows[r], empty); /* a source has steps */
  }
}

#endif
