/* omega.c - Pascanu's regulariser of a layer and direction (core/omega.c has the equations).
 *
 * It makes the error signals d_t once more, by a recurrence of its own, so that any algorithm whose
 * reserve is the cell's own may have run the layer: a product of [B,H] and [H,H] for each step, as many as
 * the layer's backward has. Beside that it is one product of [H,T*B] and [T*B,H], and memory for v and u.
 */
#include "host/run/omega.h"

#include "host/plan/map.h"

/* One layer and direction, and its part of the workspace. */
typedef struct omega {
  const sq_net *net;
  const sq_layer_run *run;
  int64_t H, rows; /* T*B */
  int64_t weight;  /* where weight_hh begins in the parameters */
  char *v, *u;     /* [T,B,H] */
  char *norm2, *slope, *row;
  char *sum; /* [2] */
} omega;

static char *at(const omega *o, const void *base, int64_t elements) {
  return sq_net_at(o->net, base, elements);
}

static omega omega_of(const sq_net *n, const sq_layer_run *run) {
  const int64_t H = run->layout->config.hidden_size, rows = run->seq_len * run->batch;
  const int64_t matrix = sq_align_elements(rows * H), vector = sq_align_elements(rows);
  omega o = {.net = n, .run = run, .H = H, .rows = rows};
  o.weight = run->layout->param[run->layout->product[0].param].offset;
  o.v = sq_net_borrowed(n, n->map->omega);
  o.u = at(&o, o.v, matrix);
  o.norm2 = at(&o, o.u, matrix);
  o.slope = at(&o, o.norm2, vector);
  o.row = at(&o, o.slope, vector);
  o.sum = at(&o, o.row, vector);
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

seqgpu_status sq_omega_add(const sq_net *n, const sq_layer_run *run, int64_t index) {
  const int64_t T = run->seq_len;
  const omega o = omega_of(n, run);
  void *value = n->run->omega ? at(&o, n->run->omega, 2 * index) : o.sum;
  if (o.rows == 0) return n->run->omega ? seqgpu_zero(n->ctx, value, 2 * n->element_size) : SEQGPU_OK;
  for (int64_t i = 0; i < T; i++) {
    const int64_t t = run->reverse ? i : T - 1 - i;
    SQ_TRY(signal_step(&o, t, run->reverse ? t - 1 : t + 1));
  }
  const sq_omega_args a = {.form = (sq_omega_form)n->plan->desc.omega_form,
                           .rows = o.rows,
                           .dim = o.H,
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
  return multiply(&o, 1, o.H, o.rows, o.v, o.u, 1, at(&o, run->dparams, o.weight));
}
