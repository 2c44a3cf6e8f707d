/* conformance_losses.h - the rows of conformance_ops.h that are losses. */
#ifndef CONFORMANCE_LOSSES_H
#define CONFORMANCE_LOSSES_H

#include "tests/conformance_case.h"

/* --- cross-entropy: m rows, n classes; option 0 sum, 1 mean, 2 (backward) mean with dloss --- */

static void lay_xent_forward(op_case *c) {
  op_add(c, OP_IN, "logits", c->m * c->n, -20, 20);
  op_add(c, OP_INTS, "targets", c->m, -1, (double)c->n);
  op_add(c, OP_OUT, "lse", c->m, 0, 0);
  op_add(c, OP_OUT, "row_loss", c->m, 0, 0);
  op_add(c, OP_OUT, "loss", 2, 0, 0);
}
static sq_xent_args xent_of(const op_case *c, void **p) {
  return (sq_xent_args){.smoothing = c->option % 2 ? 0.1 : 0,
                        .rows = c->m,
                        .classes = c->n,
                        .mean = c->option > 0,
                        .scale = 0.7,
                        .logits = p[0],
                        .targets = p[1],
                        .lse = p[2]};
}
static int call_xent_forward(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_xent_args a = xent_of(c, p);
  a.row_loss = p[3];
  a.loss = p[4];
  return OP_CALL(ctx, xent_forward, a);
}

static void lay_xent_backward(op_case *c) {
  op_add(c, OP_IN, "logits", c->m * c->n, -2, 2);
  op_add(c, OP_INTS, "targets", c->m, -1, (double)c->n);
  op_add(c, OP_IN, "lse", c->m, 2, 4);
  op_add(c, OP_IN, "loss", 2, 1, 9); /* [1]: the number of rows that count */
  op_add(c, OP_IN, "dloss", 1, 0.5, 2);
  op_add(c, OP_OUT, "dlogits", c->m * c->n, 0, 0);
}
static int call_xent_backward(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_xent_args a = xent_of(c, p);
  a.loss = p[3];
  a.dloss = c->option == 2 ? p[4] : NULL;
  a.dlogits = p[5];
  return OP_CALL(ctx, xent_backward, a);
}

/* As backward; option 2 with dloss. */
static void lay_xent_curvature(op_case *c) {
  lay_xent_backward(c);
  op_add(c, OP_IN, "tlogits", c->m * c->n, -1, 1);
}
static int call_xent_curvature(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_xent_args a = xent_of(c, p);
  a.loss = p[3];
  a.dloss = c->option == 2 ? p[4] : NULL;
  a.dlogits = p[5];
  a.tlogits = p[6];
  return OP_CALL(ctx, xent_curvature, a);
}

/* --- squared error: m rows of n elements; option 0 sum, 1 mean, 2 mean and no mask, 3 mean with dloss --- */

static void lay_mse_forward(op_case *c) {
  op_add(c, OP_IN, "x", c->m * c->n, -2, 2);
  op_add(c, OP_IN, "targets", c->m * c->n, -2, 2);
  op_add(c, OP_INTS, "mask", c->m, 0, 2);
  op_add(c, OP_OUT, "row_loss", c->m, 0, 0);
  op_add(c, OP_OUT, "loss", 2, 0, 0);
}
static sq_mse_args mse_of(const op_case *c, void **p) {
  return (sq_mse_args){.rows = c->m,
                       .dim = c->n,
                       .mean = c->option > 0,
                       .scale = 0.7,
                       .x = p[0],
                       .targets = p[1],
                       .mask = c->option == 2 ? NULL : p[2]};
}
static int call_mse_forward(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_mse_args a = mse_of(c, p);
  a.row_loss = p[3];
  a.loss = p[4];
  return OP_CALL(ctx, mse_forward, a);
}

static void lay_mse_backward(op_case *c) {
  op_add(c, OP_IN, "x", c->m * c->n, -2, 2);
  op_add(c, OP_IN, "targets", c->m * c->n, -2, 2);
  op_add(c, OP_INTS, "mask", c->m, 0, 2);
  op_add(c, OP_IN, "loss", 2, 1, 9); /* [1]: the number of rows that count */
  op_add(c, OP_IN, "dloss", 1, 0.5, 2);
  op_add(c, OP_OUT, "dx", c->m * c->n, 0, 0);
}
static int call_mse_backward(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_mse_args a = mse_of(c, p);
  a.loss = p[3];
  a.dloss = c->option == 3 ? p[4] : NULL;
  a.dx = p[5];
  return OP_CALL(ctx, mse_backward, a);
}

/* --- binary cross-entropy: m steps of k sequences, n elements; option 0 sum, 1 mean, 2 mean and no lengths,
 * 3 mean with dloss --- */

static void lay_bce_forward(op_case *c) {
  op_add(c, OP_IN, "logits", c->m * c->k * c->n, -20, 20);
  op_add(c, OP_IN, "targets", c->m * c->k * c->n, 0, 1);
  op_add(c, OP_INTS, "lengths", c->k, 0, (double)c->m + 1);
  op_add(c, OP_OUT, "row_loss", c->m * c->k, 0, 0);
  op_add(c, OP_OUT, "loss", 2, 0, 0);
}
static sq_bce_args bce_of(const op_case *c, void **p) {
  return (sq_bce_args){.rows = c->m * c->k,
                       .dim = c->n,
                       .batch = c->k,
                       .mean = c->option > 0,
                       .scale = 0.7,
                       .logits = p[0],
                       .targets = p[1],
                       .lengths = c->option == 2 ? NULL : p[2]};
}
static int call_bce_forward(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_bce_args a = bce_of(c, p);
  a.row_loss = p[3];
  a.loss = p[4];
  return OP_CALL(ctx, bce_forward, a);
}

static void lay_bce_backward(op_case *c) {
  lay_bce_forward(c);
  c->tensors = 3;                    /* the operands */
  op_add(c, OP_IN, "loss", 2, 1, 9); /* [1]: the number of rows that count */
  op_add(c, OP_IN, "dloss", 1, 0.5, 2);
  op_add(c, OP_OUT, "dlogits", c->m * c->k * c->n, 0, 0);
}
static sq_bce_args bce_backward_of(const op_case *c, void **p) {
  sq_bce_args a = bce_of(c, p);
  a.loss = p[3];
  a.dloss = c->option == 3 ? p[4] : NULL;
  a.dlogits = p[5];
  return a;
}
static int call_bce_backward(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_bce_args a = bce_backward_of(c, p);
  return OP_CALL(ctx, bce_backward, a);
}

static void lay_bce_curvature(op_case *c) {
  lay_bce_backward(c);
  op_add(c, OP_IN, "tlogits", c->m * c->k * c->n, -1, 1);
}
static int call_bce_curvature(seqgpu_context *ctx, const op_case *c, void **p) {
  sq_bce_args a = bce_backward_of(c, p);
  a.tlogits = p[6];
  return OP_CALL(ctx, bce_curvature, a);
}

/* --- CTC: m steps of k sequences, n classes, the last one blank, up to 4 labels; option 0 sum, 1 mean and
 * dloss, 2 mean without lengths, 3 only the loss.  Forward, then backward. --- */

enum { CTC_LABELS = 4, CTC_MOST = 6 }; /* of k: a sequence is a block by itself, which waits at each step */
static void lay_ctc(op_case *c) {
  if (c->k > CTC_MOST) c->k = CTC_MOST;
  const int64_t rows = c->m * c->k, states = 2 * CTC_LABELS + 1;
  op_add(c, OP_IN, "logits", rows * c->n, -3, 3);
  op_add(c, OP_INTS, "lengths", c->k, 0, (double)c->m + 1);
  op_add(c, OP_INTS, "labels", CTC_LABELS * c->k, c->n > 3 ? 0 : -1, (double)c->n - (c->n > 1));
  op_add(c, OP_INTS, "label_lengths", c->k, 0, CTC_LABELS + 1);
  op_add(c, OP_IN, "dloss", 1, 0.5, 2);
  op_add(c, OP_OUT, "normal", 2 * rows, 0, 0);
  op_add(c, OP_SCRATCH, "occupancy", rows * states, 0, 0);
  op_add(c, OP_SCRATCH, "scratch", 2 * c->k * states, 0, 0);
  op_add(c, OP_OUT, "row_loss", c->k, 0, 0);
  op_add(c, OP_OUT, "loss", 2, 0, 0);
  op_add(c, c->option == 3 ? OP_SCRATCH : OP_OUT, "dlogits", rows * c->n, 0, 0);
}
static int call_ctc(seqgpu_context *ctx, const op_case *c, void **p) {
  const int ragged = c->option != 2;
  const sq_ctc_args a = {.seq_len = c->m,
                         .batch = c->k,
                         .classes = c->n,
                         .label_len = CTC_LABELS,
                         .blank = c->n - 1,
                         .mean = c->option > 0,
                         .scale = 0.7,
                         .logits = p[0],
                         .lengths = ragged ? p[1] : NULL,
                         .labels = p[2],
                         .label_lengths = ragged ? p[3] : NULL,
                         .normal = p[5],
                         .occupancy = c->option == 3 ? NULL : p[6],
                         .scratch = p[7],
                         .row_loss = p[8],
                         .loss = p[9],
                         .dloss = c->option == 1 ? p[4] : NULL,
                         .dlogits = p[10]};
  const int error = OP_CALL(ctx, ctc_forward, a);
  return error || c->option == 3 ? error : OP_CALL(ctx, ctc_backward, a);
}

/* --- mixture density: m steps of k sequences, n Gaussians; option 0 sum, 1 mean and dloss, 2 mean without
 * lengths.  Forward, then backward. --- */

static void lay_mixture(op_case *c) {
  const int64_t rows = c->m * c->k, width = 1 + 6 * c->n;
  op_add(c, OP_IN, "params", rows * width, -1, 1);
  op_add(c, OP_IN, "points", rows * 3, 0, 1);
  op_add(c, OP_INTS, "lengths", c->k, 0, (double)c->m + 1);
  op_add(c, OP_IN, "dloss", 1, 0.5, 2);
  op_add(c, OP_OUT, "row_loss", rows, 0, 0);
  op_add(c, OP_OUT, "loss", 2, 0, 0);
  op_add(c, OP_OUT, "dparams", rows * width, 0, 0);
}
static int call_mixture(seqgpu_context *ctx, const op_case *c, void **p) {
  const sq_mixture_args a = {.rows = c->m * c->k,
                             .batch = c->k,
                             .mixtures = c->n,
                             .mean = c->option > 0,
                             .scale = 0.7,
                             .params = p[0],
                             .points = p[1],
                             .lengths = c->option == 2 ? NULL : p[2],
                             .row_loss = p[4],
                             .loss = p[5],
                             .dloss = c->option == 1 ? p[3] : NULL,
                             .dparams = p[6]};
  const int error = OP_CALL(ctx, mixture_forward, a);
  return error ? error : OP_CALL(ctx, mixture_backward, a);
}

#endif
