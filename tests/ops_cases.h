/* ops_cases.h - losses, softmax and attention with random inputs and room for every result. */
#ifndef OPS_CASES_H
#define OPS_CASES_H

#include "tests/tensors.h"

/* --- cross-entropy --- */

typedef struct xent_case {
  sq_xent_args args[2];
  tensor logits, lse, row_loss, loss, dloss, dlogits, tlogits;
  int32_t *targets;
} xent_case;

static inline xent_case xent_new(int64_t rows, int64_t classes, int mean) {
  xent_case c = {.logits = tensor_random("logits", rows * classes, 0.5, 2.5),
                 .lse = tensor_new("lse", rows),
                 .row_loss = tensor_new("row_loss", rows),
                 .loss = tensor_new("loss", 2),
                 .dloss = tensor_random("dloss", 1, 0.5, 2),
                 .dlogits = tensor_new("dlogits", rows * classes),
                 .tlogits = tensor_random("tlogits", rows * classes, -1, 1),
                 .targets = lengths_new(rows, -1, classes - 1)};
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_xent_args){rows,
                               classes,
                               mean,
                               1.5,
                               at(c.logits, bits),
                               c.targets,
                               at(c.lse, bits),
                               at(c.row_loss, bits),
                               at(c.loss, bits),
                               at(c.dloss, bits),
                               at(c.dlogits, bits),
                               at(c.tlogits, bits),
                               0};
  }
  return c;
}

static inline void xent_run(xent_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->xent_forward(&serial, &c->args[k]);
    ops(both[k])->xent_backward(&serial, &c->args[k]);
  }
}

static inline void xent_free(xent_case *c) {
  TENSORS_FREE(&c->logits, &c->lse, &c->row_loss, &c->loss, &c->dloss, &c->dlogits, &c->tlogits);
  check_free(c->targets);
}

/* --- squared error --- */

typedef struct mse_case {
  sq_mse_args args[2];
  tensor x, targets, row_loss, loss, dloss, dx;
  int32_t *mask;
} mse_case;

static inline mse_case mse_new(int64_t rows, int64_t dim, int mean) {
  mse_case c = {.x = tensor_random("x", rows * dim, -2, 2),
                .targets = tensor_random("targets", rows * dim, -2, 2),
                .row_loss = tensor_new("row_loss", rows),
                .loss = tensor_new("loss", 2),
                .dloss = tensor_random("dloss", 1, 0.5, 2),
                .dx = tensor_new("dx", rows * dim),
                .mask = lengths_new(rows, 0, 2)};
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_mse_args){rows,
                              dim,
                              mean,
                              1.5,
                              at(c.x, bits),
                              at(c.targets, bits),
                              c.mask,
                              at(c.row_loss, bits),
                              at(c.loss, bits),
                              at(c.dloss, bits),
                              at(c.dx, bits)};
  }
  return c;
}

static inline void mse_run(mse_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->mse_forward(&serial, &c->args[k]);
    ops(both[k])->mse_backward(&serial, &c->args[k]);
  }
}

static inline void mse_free(mse_case *c) {
  TENSORS_FREE(&c->x, &c->targets, &c->row_loss, &c->loss, &c->dloss, &c->dx);
  check_free(c->mask);
}

/* --- binary cross-entropy --- */

typedef struct bce_case {
  sq_bce_args args[2];
  tensor logits, targets, row_loss, loss, dloss, dlogits, tlogits;
  int32_t *lengths;
} bce_case;

/* Targets between 0 and 1, and every third one 0 or 1. */
static inline bce_case bce_new(int64_t steps, int64_t batch, int64_t dim, int mean) {
  const int64_t rows = steps * batch, count = rows * dim;
  bce_case c = {.logits = tensor_random("logits", count, -3, 3),
                .targets = tensor_random("targets", count, 0, 1),
                .row_loss = tensor_new("row_loss", rows),
                .loss = tensor_new("loss", 2),
                .dloss = tensor_random("dloss", 1, 0.5, 2),
                .dlogits = tensor_new("dlogits", count),
                .tlogits = tensor_random("tlogits", count, -1, 1),
                .lengths = lengths_new(batch, 0, steps)};
  for (int64_t i = 0; i < count; i += 3) tensor_set(c.targets, i, (double)(i % 2));
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_bce_args){rows,
                              dim,
                              batch,
                              mean,
                              1.5,
                              at(c.logits, bits),
                              at(c.targets, bits),
                              c.lengths,
                              at(c.row_loss, bits),
                              at(c.loss, bits),
                              at(c.dloss, bits),
                              at(c.dlogits, bits),
                              at(c.tlogits, bits)};
  }
  return c;
}

static inline void bce_run(bce_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->bce_forward(&serial, &c->args[k]);
    ops(both[k])->bce_backward(&serial, &c->args[k]);
  }
}

static inline void bce_free(bce_case *c) {
  TENSORS_FREE(&c->logits, &c->targets, &c->row_loss, &c->loss, &c->dloss, &c->dlogits, &c->tlogits);
  check_free(c->lengths);
}

/* --- softmax --- */

typedef struct softmax_case {
  sq_softmax_args args[2];
  tensor x, y, dy, dx;
  int32_t *lengths;
} softmax_case;

static inline softmax_case softmax_new(int64_t steps, int64_t batch, int64_t cols) {
  const int64_t count = steps * batch * cols;
  softmax_case c = {.x = tensor_random("x", count, -3, 3),
                    .y = tensor_new("y", count),
                    .dy = tensor_random("dy", count, -1, 1),
                    .dx = tensor_new("dx", count),
                    .lengths = lengths_new(batch, 0, cols)};
  for (int k = 0; k < 2; k++)
    c.args[k] = (sq_softmax_args){.rows = steps * batch,
                                  .cols = cols,
                                  .batch = batch,
                                  .lengths = c.lengths,
                                  .x = at(c.x, both[k]),
                                  .y = at(c.y, both[k]),
                                  .dy = at(c.dy, both[k]),
                                  .dx = at(c.dx, both[k])};
  return c;
}

static inline void softmax_run(softmax_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->softmax_forward(&serial, &c->args[k]);
    ops(both[k])->softmax_backward(&serial, &c->args[k]);
  }
}

static inline void softmax_free(softmax_case *c) {
  TENSORS_FREE(&c->x, &c->y, &c->dy, &c->dx);
  check_free(c->lengths);
}

/* --- attention --- */

typedef struct attention_case {
  sq_attention_args args[2];
  tensor query, keys, values, v, weights, context, dcontext, scratch, dquery, dkeys, dvalues, dv;
  tensor tquery, tkeys, tvalues, tv, tcontext;
  int32_t *lengths;
} attention_case;

static inline attention_case attention_new(int64_t source, int64_t batch, int64_t dim, int64_t value_dim,
                                           int ragged) {
  attention_case c = {.query = tensor_random("query", batch * dim, -1, 1),
                      .keys = tensor_random("keys", source * batch * dim, -1, 1),
                      .values = tensor_random("values", source * batch * value_dim, -1, 1),
                      .v = tensor_random("v", dim, -1, 1),
                      .weights = tensor_new("weights", source * batch),
                      .context = tensor_new("context", batch * value_dim),
                      .dcontext = tensor_random("dcontext", batch * value_dim, -1, 1),
                      .scratch = tensor_new("scratch", source * batch),
                      .dquery = tensor_new("dquery", batch * dim),
                      .dkeys = tensor_new("dkeys", source * batch * dim),
                      .dvalues = tensor_new("dvalues", source * batch * value_dim),
                      .dv = tensor_new("dv", dim),
                      .tquery = tensor_random("tquery", batch * dim, -1, 1),
                      .tkeys = tensor_random("tkeys", source * batch * dim, -1, 1),
                      .tvalues = tensor_random("tvalues", source * batch * value_dim, -1, 1),
                      .tv = tensor_random("tv", dim, -1, 1),
                      .tcontext = tensor_new("tcontext", batch * value_dim),
                      .lengths = lengths_new(batch, 1, source)};
  tensor_fill(c.dkeys, 0, 0);
  tensor_fill(c.dvalues, 0, 0);
  tensor_fill(c.dv, 0, 0);
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_attention_args){.source_len = source,
                                    .batch = batch,
                                    .dim = dim,
                                    .value_dim = value_dim,
                                    .lengths = ragged ? c.lengths : NULL,
                                    .query = at(c.query, bits),
                                    .keys = at(c.keys, bits),
                                    .values = at(c.values, bits),
                                    .v = at(c.v, bits),
                                    .weights = at(c.weights, bits),
                                    .context = at(c.context, bits),
                                    .dcontext = at(c.dcontext, bits),
                                    .scratch = at(c.scratch, bits),
                                    .dquery = at(c.dquery, bits),
                                    .dkeys = at(c.dkeys, bits),
                                    .dvalues = at(c.dvalues, bits),
                                    .dv = at(c.dv, bits),
                                    .tquery = at(c.tquery, bits),
                                    .tkeys = at(c.tkeys, bits),
                                    .tvalues = at(c.tvalues, bits),
                                    .tv = at(c.tv, bits),
                                    .tcontext = at(c.tcontext, bits)};
  }
  return c;
}

/* The same without v: multiplicative, of scores that do not grow with dim. */
static inline attention_case attention_product_new(int64_t source, int64_t batch, int64_t dim,
                                                   int64_t value_dim, int ragged) {
  attention_case c = attention_new(source, batch, dim, value_dim, ragged);
  tensor_fill(c.query, -1 / sqrt((double)dim), 1 / sqrt((double)dim));
  for (int k = 0; k < 2; k++) {
    c.args[k].v = c.args[k].tv = NULL;
    c.args[k].dv = NULL;
  }
  return c;
}

static inline void attention_free(attention_case *c) {
  TENSORS_FREE(&c->query, &c->keys, &c->values, &c->v, &c->weights, &c->context, &c->dcontext, &c->scratch,
               &c->dquery, &c->dkeys, &c->dvalues, &c->dv, &c->tquery, &c->tkeys, &c->tvalues, &c->tv,
               &c->tcontext);
  check_free(c->lengths);
}

#endif
