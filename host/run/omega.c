/* omega.c - Pascanu's regulariser of a layer and direction (core/omega.c has the equations).
 *
 * Of cell rnn it makes the error signals d_t once more, by a recurrence of its own, so that any algorithm
 * whose reserve is the cell's own may have run the layer: a product of [B,H] and [H,H] for each step, as many
 * as the layer's backward has.  Beside that it is one product of [H,T*B] and [T*B,H], and memory for v and u.
 * Of other cells the algorithm makes d_t, as its backward does, and what they want of the weights; the ratios
 * of norms are the same.
 */
#include "host/run/omega.h"

#include "host/plan/layers.h"
#include "host/plan/map.h"

/* One layer and direction, and its part of the workspace. */
typedef struct omega {
  const sq_net *net;
  const sq_layer_run *run;
  int64_t rows;   /* T*B */
  int64_t H, S;   /* columns of v and u */
  int64_t weight; /* where weight_hh begins in the parameters */
  char *u;        /* [T,B,S] */
  char *v;        /* cell rnn: [T,B,H]; else what sq_layer_signals.step wants */
  char *norm2, *slope, *row;
  char *sum; /* [2] */
} omega;

static char *at(const omega *o, const void *base, int64_t elements) {
  return sq_net_at(o->net, base, elements);
}

static omega omega_of(const sq_net *n, const sq_layer_run *run) {
  const int64_t H = run->layout->config.hidden_size, rows = run->seq_len * run->batch;
  const int64_t S = sq_signals_width(run->layout), vector = sq_align_elements(rows);
  omega o = {.net = n, .run = run, .rows = rows, .H = H, .S = S};
  o.weight = run->layout->param[run->layout->product[0].param].offset;
  o.u = sq_net_borrowed(n, n->map->omega);
  o.norm2 = at(&o, o.u, sq_align_elements(rows * S));
  o.slope = at(&o, o.norm2, vector);
  o.row = at(&o, o.slope, vector);
  o.v = at(&o, o.row, vector);
  o.sum = sq_net_borrowed(n, n->map->omega + sq_omega_elements(n->plan, run->seq_len, run->batch) - 2);
  return o;
}

/* C[m,n] (+)= op(A) B of rows without gaps. */
static seqgpu_status multiply(const omega *o, int trans_a, int64_t m, int64_t k, const void *a, const void *b,
                              int accumulate, void *c) {
  const sq_gemm_args g = {.trans_a = trans_a,
                          .accumulate = accumulate,
                          .m = m,
                          .n = o->H,
                          .k = k,
                          .a = a,
                          .lda = trans_a ? m : k,
                          .b = b,
                          .ldb = o->H,
                          .c = c,
                          .ldc = o->H,
                          .math = SQ_MATH_F32};
  return SQ_RUN(o->net->ctx, gemm, &g);
}

/* v_t and |d_t|^2, then u_t = v_t W. */
static seqgpu_status signal_step(const omega *o, int64_t t, int64_t later) {
  const sq_layer_run *r = o->run;
  const int64_t B = r->batch, step = B * o->H;
  const sq_reserve_map reserve = sq_reserve_layout(r->layout, r->seq_len, B);
  const sq_signal_args a = {.batch = B,
                            .dim = o->H,
                            .t = t,
                            .seq_len = r->seq_len,
                            .reverse = r->reverse,
                            .lengths = r->lengths,
                            .activation = r->layout->config.activation,
                            .h = at(o, r->reserve, reserve.state[0] + sq_slot_next(r->reverse, t) * step),
                            .dy = at(o, r->dy, t * B * r->ldy),
                            .ld_dy = r->ldy,
                            .next = later < 0 || later >= r->seq_len ? NULL : at(o, o->u, later * step),
                            .dfinal = r->dfinal[0],
                            .v = at(o, o->v, t * step),
                            .norm2 = at(o, o->norm2, t * B)};
  SQ_TRY(SQ_RUN(o->net->ctx, omega_signal, &a));
  return multiply(o, 0, B, o->H, a.v, at(o, r->params, o->weight), 0, at(o, o->u, t * step));
}

/* Cell rnn: v and u of all steps, and what u, scaled, wants of weight_hh. */
static seqgpu_status own_signals(const omega *o) {
  const sq_layer_run *r = o->run;
  for (int64_t i = 0; i < r->seq_len; i++) {
    const int64_t t = r->reverse ? i : r->seq_len - 1 - i;
    SQ_TRY(signal_step(o, t, r->reverse ? t - 1 : t + 1));
  }
  return SEQGPU_OK;
}

static seqgpu_status own_gradients(const omega *o) {
  return multiply(o, 1, o->H, o->rows, o->v, o->u, 1, at(o, o->run->dparams, o->weight));
}

/* Both by the algorithm. */
static seqgpu_status call(const omega *o, int (*pass)(sq_exec *exec, const sq_layer_signals *signals)) {
  const sq_layer_signals s = {.run = *o->run, .norm2 = o->norm2, .u = o->u, .step = o->v};
  return SQ_RUN_CALL(o->net->ctx, pass(&o->net->ctx->exec, &s), o->net->plan->algorithm->name);
}

static seqgpu_status signals(const omega *o) {
  return sq_plan_omega_by_itself(o->net->plan) ? own_signals(o) : call(o, o->net->plan->algorithm->signals);
}

static seqgpu_status gradients(const omega *o) {
  return sq_plan_omega_by_itself(o->net->plan) ? own_gradients(o)
                                               : call(o, o->net->plan->algorithm->signal_gradients);
}

seqgpu_status sq_omega_add(const sq_net *n, const sq_layer_run *run, int64_t index) {
  const omega o = omega_of(n, run);
  void *value = n->run->omega ? at(&o, n->run->omega, 2 * index) : o.sum;
  if (o.rows == 0) return n->run->omega ? seqgpu_zero(n->ctx, value, 2 * n->element_size) : SEQGPU_OK;
  SQ_TRY(signals(&o));
  const sq_omega_args a = {.form = (sq_omega_form)n->plan->desc.omega_form,
                           .rows = o.rows,
                           .dim = o.S,
                           .batch = run->batch,
                           .alpha = n->plan->desc.omega,
                           .norm2 = o.norm2,
                           .u = o.u,
                           .slope = o.slope,
                           .row = o.row,
                           .omega = value};
  SQ_TRY(SQ_RUN(n->ctx, omega_forward, &a));
  if (run->dparams == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(n->ctx, omega_backward, &a));
  return gradients(&o);
}
