/* layer.c - the layer driver on the CPU: every cell, one layer, one direction, a whole sequence.
 *
 * Forward                                     Backward (t in the opposite order)
 *   gates = x W_ih^T + b     one GEMM           for t: for each stage, last first:
 *   for t: for each stage:                          pointwise step       -> dgates, daux, dstate
 *     its recurrent products                        its products transposed -> dstate, daux
 *     its pointwise step                        dx = dgates W_ih;  dW = d(to)^T from: one GEMM each;  sums
 *
 * Threads: the GEMMs over the whole sequence are split by the GEMM itself.  In the recurrence each thread
 * owns a slice of the batch for all time steps, so there is no synchronisation inside the loop.
 * The recurrent weights are packed once per call into the order in which the inner loop reads them.
 *
 * Truncated BPTT is left to the caller: run a piece of the sequence, and pass its `final` as the next piece's
 * `initial`.
 */
#include <string.h>

#include "core/gemm.h"
#include "core/ops.h"
#include "core/ops_cpu.h"
#include "core/step.h"
#include "core/structure.h"

/* Inference keeps no reserve and works in chunks of this many rows of [T,B], which stay in the cache. */
enum { CHUNK_ROWS = 1024 };
/* Below this many multiplications per step, threads cost more than they save. */
enum { MIN_WORK = 1 << 14 };

/* Everything a slice needs, for `steps` time steps whose first (lowest) is t0. */
typedef struct job {
  sq_pool *pool;
  const sq_layer_run *run;
  const sq_layout *layout;
  int64_t t0, steps;
  real *state[SQ_MAX_STATES];     /* [steps+1,B,W_k] */
  real *gates, *aux;              /* [steps,B,G], [steps,B,A] */
  real *y;                        /* row t0 */
  real *packed[SQ_MAX_PRODUCTS];  /* a dense product's weights; what a structure has prepared */
  real *scratch[SQ_MAX_PRODUCTS]; /* [B, scratch] of a structure */
  /* backward */
  real *grads[SQ_MAX_PRODUCTS]; /* [B, params] of a structure: each sequence's sum over time */
  real *dgates, *daux;
  real *dstate[SQ_MAX_STATES]; /* [B,W_k] */
} job;

static int64_t packed_size(const sq_layout *layout, const sq_product *p) {
  if (p->structure) return sq_align_elements(p->structure->prepared(layout, p));
  const int64_t forward = FN(sq_gemm_packed_size)(p->rows, p->cols);
  const int64_t backward = FN(sq_gemm_packed_size)(p->cols, p->rows);
  return sq_align_elements(forward > backward ? forward : backward);
}

/* What the rows of a structured product need, `width` elements each. */
static int64_t rows_size(int64_t batch, int64_t width) { return sq_align_elements(batch * width); }

/* Everything the products of a layout borrow. */
static int64_t products_size(const sq_layout *layout, int64_t batch, int training) {
  int64_t size = 0;
  for (int i = 0; i < layout->products; i++) {
    const sq_product *p = &layout->product[i];
    size += packed_size(layout, p);
    if (p->structure == NULL) continue;
    size += rows_size(batch, p->structure->scratch(layout, p));
    if (training) size += rows_size(batch, p->structure->params(layout, p));
  }
  return size;
}

int64_t FN(sq_layer_workspace)(const sq_layout *layout, int64_t seq_len, int64_t batch, int training) {
  int64_t size = SQ_ALIGN_ELEMENTS; /* to align the start */
  size += products_size(layout, batch, training);
  if (!training) return size + sq_chunk_size(layout, CHUNK_ROWS, seq_len, batch);
  size +=
      sq_align_elements(seq_len * batch * layout->gates) + sq_align_elements(seq_len * batch * layout->aux);
  for (int k = 0; k < layout->states; k++) size += sq_align_elements(batch * layout->state_width[k]);
  return size;
}

static real *align_up(void *pointer) {
  const uintptr_t mask = SQ_ALIGN_ELEMENTS * sizeof(real) - 1;
  return (real *)(((uintptr_t)pointer + mask) & ~mask);
}

static const real *weight(const job *j, const sq_product *p) {
  return (const real *)j->run->params + j->layout->param[p->param].offset + p->row * p->cols;
}

static void prepare(const job *j, const sq_product *p, real *prepared) {
#if SEQGPU_REAL_BITS == 64
  p->structure->prepare_f64(j->layout, p, weight(j, p), prepared);
#else
  p->structure->prepare_f32(j->layout, p, weight(j, p), prepared);
#endif
}

/* Room for the rows of a structured product from `at` on; returns the first free element. */
static real *place_rows(job *j, int i, real *at, int backward) {
  const sq_product *p = &j->layout->product[i];
  const int64_t B = j->run->batch;
  j->scratch[i] = at;
  at += rows_size(B, p->structure->scratch(j->layout, p));
  if (!backward) return at;
  const int64_t size = rows_size(B, p->structure->params(j->layout, p));
  j->grads[i] = at;
  memset(at, 0, (size_t)size * sizeof(real));
  return at + size;
}

/* Lays the packed weights out from `at` and packs them; returns the first free element. */
static real *pack_weights(job *j, real *at, int backward) {
  for (int i = 0; i < j->layout->products; i++) {
    const sq_product *p = &j->layout->product[i];
    j->packed[i] = at;
    at += packed_size(j->layout, p);
    if (p->structure) {
      prepare(j, p, j->packed[i]);
      at = place_rows(j, i, at, backward);
    } else if (backward) {
      FN(sq_gemm_pack)(0, p->cols, p->rows, weight(j, p), p->cols, j->packed[i]);
    } else {
      FN(sq_gemm_pack)(1, p->rows, p->cols, weight(j, p), p->cols, j->packed[i]);
    }
  }
  return at;
}

static void reserve_pointers(job *j, real *reserve, int64_t steps) {
  const sq_reserve_map map = sq_reserve_layout(j->layout, steps, j->run->batch);
  for (int k = 0; k < j->layout->states; k++) j->state[k] = reserve + map.state[k];
  j->gates = reserve + map.gates;
  j->aux = reserve + map.aux;
}

/* Slice `part` of `parts` of the batch. */
static void slice(int64_t batch, int part, int parts, int64_t *first, int64_t *count) {
  *first = batch * part / parts;
  *count = batch * (part + 1) / parts - *first;
}

static int slices(const sq_exec *exec, const job *j) {
  int64_t work = 0;
  for (int i = 0; i < j->layout->products; i++)
    work += j->layout->product[i].rows * j->layout->product[i].cols;
  const int threads = exec->pool ? sq_pool_threads(exec->pool) : 1;
  if (work * j->run->batch < MIN_WORK) return 1;
  return j->run->batch < threads ? (int)j->run->batch : threads;
}

/* The step of rows first..first+count at local time t (0 is t0). */
static FN(sq_step) step_at(const job *j, int64_t t, int64_t first, int64_t count) {
  const sq_layout *l = j->layout;
  const int64_t B = j->run->batch, row = t * B + first;
  const int reverse = j->run->reverse;
  FN(sq_step) s = {.layout = l, .batch = count, .t = j->t0 + t, .params = j->run->params};
  s.lengths = j->run->lengths ? j->run->lengths + first : NULL;
  s.gates = j->gates + row * l->gates;
  s.aux = j->aux + row * l->aux;
  for (int k = 0; k < l->states; k++) {
    const int64_t w = l->state_width[k];
    s.prev[k] = j->state[k] + (sq_slot_prev(reverse, t) * B + first) * w;
    s.next[k] = j->state[k] + (sq_slot_next(reverse, t) * B + first) * w;
  }
  return s;
}

static void forward_rows(const sq_structure *structure, const FN(sq_rows) * rows) {
#if SEQGPU_REAL_BITS == 64
  structure->forward_f64(rows);
#else
  structure->forward_f32(rows);
#endif
}

static void backward_rows(const sq_structure *structure, const FN(sq_rows) * rows) {
#if SEQGPU_REAL_BITS == 64
  structure->backward_f64(rows);
#else
  structure->backward_f32(rows);
#endif
}

/* The rows of a structured product at one step. */
static FN(sq_rows) rows_at(const job *j, int i, const FN(sq_step) * s, int64_t first) {
  const sq_product *p = &j->layout->product[i];
  FN(sq_rows) r = {.layout = j->layout, .product = p, .rows = s->batch, .params = weight(j, p)};
  r.prepared = j->packed[i];
  r.from = FN(sq_step_operand)(s, p->from, &r.ld_from);
  r.scratch = j->scratch[i] + first * p->structure->scratch(j->layout, p);
  if (j->grads[i]) r.grads = j->grads[i] + first * p->structure->params(j->layout, p);
  return r;
}

static void forward_products(const job *j, const FN(sq_step) * s, int stage, int64_t first, void *scratch) {
  const sq_layout *l = j->layout;
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    if (p->stage != stage) continue;
    const int to_gates = p->to.buffer == SQ_GATES;
    real *c = (to_gates ? s->gates : s->aux) + p->to.column;
    const int64_t ldc = to_gates ? l->gates : l->aux;
    if (p->structure) {
      FN(sq_rows) r = rows_at(j, i, s, first);
      r.to = c;
      r.ld_to = ldc;
      r.accumulate = to_gates;
      forward_rows(p->structure, &r);
      continue;
    }
    int64_t lda;
    const real *a = FN(sq_step_operand)(s, p->from, &lda);
    FN(sq_gemm_run_packed)(scratch, s->batch, p->rows, p->cols, a, lda, j->packed[i], to_gates, c, ldc);
  }
}

typedef void pointwise(const FN(sq_step) *, int stage);

static pointwise *forward_of(const sq_cell *cell) {
#if SEQGPU_REAL_BITS == 64
  return cell->forward_f64;
#else
  return cell->forward_f32;
#endif
}

static pointwise *backward_of(const sq_cell *cell) {
#if SEQGPU_REAL_BITS == 64
  return cell->backward_f64;
#else
  return cell->backward_f32;
#endif
}

static void forward_slice(void *arg, int part, int parts) {
  const job *j = arg;
  pointwise *step = forward_of(j->layout->cell);
  void *scratch = sq_pool_scratch(j->pool, part);
  int64_t first, count;
  slice(j->run->batch, part, parts, &first, &count);
  for (int64_t i = 0; i < j->steps; i++) {
    const int64_t t = j->run->reverse ? j->steps - 1 - i : i;
    FN(sq_step) s = step_at(j, t, first, count);
    s.ldy = j->run->ldy;
    s.y = j->y + (t * j->run->batch + first) * s.ldy;
    for (int stage = 0; stage < j->layout->stages; stage++) {
      forward_products(j, &s, stage, first, scratch);
      step(&s, stage);
    }
  }
}

/* gates = x W_ih^T + b for the steps of the job. */
static void project_input(sq_exec *exec, const job *j) {
  const sq_layer_run *run = j->run;
  const sq_layout *l = j->layout;
  const int64_t I = l->config.input_size, rows = j->steps * run->batch;
  const real *params = run->params;
  const real *x = (const real *)run->x + j->t0 * run->batch * run->ldx;
  const real *w = params + l->param[0].offset;
  if (l->bias >= 0) {
    const sq_bias_args bias = {rows, l->biased, params + l->param[l->bias].offset, j->gates, l->gates};
    FN(sq_cpu_bias)(exec, &bias);
    FN(sq_gemm)(exec->pool, 0, 1, rows, l->biased, I, x, run->ldx, w, I, 1, j->gates, l->gates);
  }
  if (l->biased < l->gates) FN(sq_gemm)
  (exec->pool, 0, 1, rows, l->gates - l->biased, I, x, run->ldx, w + l->biased * I, I, 0,
   j->gates + l->biased, l->gates);
}

static void copy_or_zero(real *to, const void *from, int64_t count) {
  if (from)
    memcpy(to, from, (size_t)count * sizeof(real));
  else
    memset(to, 0, (size_t)count * sizeof(real));
}

/* State k before the first step: the caller's, the layer's own, or zeros. */
static void enter(sq_exec *exec, const job *j, int k, real *to) {
  const sq_layer_run *run = j->run;
  const sq_layout *l = j->layout;
  const int64_t width = l->state_width[k];
  if (run->initial[k] || l->initial[k] < 0) {
    copy_or_zero(to, run->initial[k], run->batch * width);
    return;
  }
  const real *own = (const real *)run->params + l->param[l->initial[k]].offset;
  const sq_bias_args each_row = {run->batch, width, own, to, width};
  FN(sq_cpu_bias)(exec, &each_row);
}

int FN(sq_layer_forward)(sq_exec *exec, const sq_layer_run *run) {
  const sq_layout *l = run->layout;
  const int64_t T = run->seq_len, B = run->batch;
  job j = {.pool = exec->pool, .run = run, .layout = l};
  real *after = pack_weights(&j, align_up(run->workspace), 0);
  const int64_t chunk = run->reserve ? T : sq_chunk_steps(CHUNK_ROWS, T, B);
  reserve_pointers(&j, run->reserve ? run->reserve : after, chunk);
  const int parts = slices(exec, &j);
  int64_t last = 0; /* the slot that holds the newest state */
  for (int64_t done = 0; done == 0 || done < T; done += j.steps) {
    j.steps = T - done < chunk ? T - done : chunk;
    j.t0 = run->reverse ? T - done - j.steps : done;
    const int64_t slot = run->reverse ? j.steps : 0;
    for (int k = 0; k < l->states; k++) {
      const int64_t size = B * l->state_width[k];
      real *to = j.state[k] + slot * size;
      if (!done)
        enter(exec, &j, k, to);
      else if (last != slot)
        copy_or_zero(to, j.state[k] + last * size, size);
    }
    last = run->reverse ? 0 : j.steps;
    if (T == 0 || B == 0) break; /* there may be no y */
    j.y = (real *)run->y + j.t0 * B * run->ldy;
    project_input(exec, &j);
    sq_pool_run(exec->pool, parts, forward_slice, &j);
  }
  for (int k = 0; k < l->states; k++)
    if (run->final[k])
      memcpy(run->final[k], j.state[k] + last * B * l->state_width[k],
             (size_t)(B * l->state_width[k]) * sizeof(real));
  return 0;
}

/* A stage's products transposed: from the gradients at the results to those at the operands. */
static void backward_products(const job *j, const FN(sq_step) * s, int stage, int64_t first, void *scratch) {
  const sq_layout *l = j->layout;
  for (int i = l->products - 1; i >= 0; i--) {
    const sq_product *p = &l->product[i];
    if (p->stage != stage) continue;
    const int from_gates = p->to.buffer == SQ_GATES, to_aux = p->from.buffer == SQ_AUX;
    const real *d = (from_gates ? s->dgates : s->daux) + p->to.column;
    real *out = (to_aux ? s->daux : s->dstate[p->from.state]) + p->from.column;
    const int64_t ld = to_aux ? l->aux : l->state_width[p->from.state];
    const int64_t ldd = from_gates ? l->gates : l->aux;
    if (p->structure) {
      FN(sq_rows) r = rows_at(j, i, s, first);
      r.dto = d;
      r.ld_to = ldd;
      r.dfrom = out;
      backward_rows(p->structure, &r);
      continue;
    }
    FN(sq_gemm_run_packed)(scratch, s->batch, p->cols, p->rows, d, ldd, j->packed[i], !to_aux, out, ld);
  }
}

static void backward_slice(void *arg, int part, int parts) {
  const job *j = arg;
  const sq_layout *l = j->layout;
  const sq_layer_run *run = j->run;
  pointwise *step = backward_of(l->cell);
  void *scratch = sq_pool_scratch(j->pool, part);
  int64_t first, count;
  slice(run->batch, part, parts, &first, &count);
  for (int64_t i = 0; i < j->steps; i++) {
    const int64_t t = run->reverse ? i : j->steps - 1 - i, row = t * run->batch + first;
    FN(sq_step) s = step_at(j, t, first, count);
    s.ldy = run->ldy;
    s.dy = run->dy ? (const real *)run->dy + row * run->ldy : NULL;
    s.dgates = j->dgates + row * l->gates;
    s.daux = j->daux + row * l->aux;
    for (int k = 0; k < l->states; k++) s.dstate[k] = j->dstate[k] + first * l->state_width[k];
    for (int stage = l->stages - 1; stage >= 0; stage--) {
      step(&s, stage);
      backward_products(j, &s, stage, first, scratch);
    }
  }
}

/* Address and row stride of a place over the whole sequence, [T*B, width]: its gradient or its value; NULL
 * for SQ_NONE. */
static const real *whole(const job *j, sq_place place, int gradient, int64_t *ld) {
  const sq_layout *l = j->layout;
  if (place.buffer == SQ_NONE) {
    *ld = 0;
    return NULL;
  }
  if (place.buffer == SQ_GATES || place.buffer == SQ_AUX) {
    const int gates = place.buffer == SQ_GATES;
    *ld = gates ? l->gates : l->aux;
    const real *value = gates ? j->gates : j->aux, *grad = gates ? j->dgates : j->daux;
    return (gradient ? grad : value) + place.column;
  }
  *ld = l->state_width[place.state];
  const int reverse = j->run->reverse;
  const int64_t slot = place.buffer == SQ_STATE ? sq_slot_next(reverse, 0) : sq_slot_prev(reverse, 0);
  return j->state[place.state] + slot * j->run->batch * *ld + place.column;
}

/* dW of every product and of every sum, after the recurrence. */
static void parameter_gradients(sq_exec *exec, const job *j) {
  const sq_layout *l = j->layout;
  const int64_t rows = j->steps * j->run->batch, I = l->config.input_size;
  real *dparams = j->run->dparams;
  FN(sq_gemm)
  (exec->pool, 1, 0, l->gates, I, rows, j->dgates, l->gates, j->run->x, j->run->ldx, 1,
   dparams + l->param[0].offset, I);
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    real *dparam = dparams + l->param[p->param].offset + p->row * p->cols;
    if (p->structure) { /* each sequence has a sum over time of its own */
      const int64_t n = p->structure->params(l, p);
      const sq_reduce_args r = {.rows = j->run->batch, .cols = n, .a = j->grads[i], .lda = n, .out = dparam};
      FN(sq_cpu_reduce)(exec, &r);
      continue;
    }
    int64_t ld_to, ld_from;
    const real *to = whole(j, p->to, 1, &ld_to), *from = whole(j, p->from, 0, &ld_from);
    FN(sq_gemm)
    (exec->pool, 1, 0, p->rows, p->cols, rows, to, ld_to, from, ld_from, 1, dparam, p->cols);
  }
  for (int i = 0; i < l->sums; i++) {
    const sq_sum *u = &l->sum[i];
    sq_reduce_args r = {.rows = rows, .cols = u->width, .out = dparams + l->param[u->param].offset};
    r.a = whole(j, u->to, 1, &r.lda);
    r.b = whole(j, u->from, 0, &r.ldb);
    FN(sq_cpu_reduce)(exec, &r);
  }
  for (int k = 0; k < l->states; k++) {
    if (j->run->initial[k] || l->initial[k] < 0) continue;
    const int64_t width = l->state_width[k];
    const sq_reduce_args r = {.rows = j->run->batch,
                              .cols = width,
                              .a = j->dstate[k],
                              .lda = width,
                              .out = dparams + l->param[l->initial[k]].offset};
    FN(sq_cpu_reduce)(exec, &r);
  }
}

int FN(sq_layer_backward)(sq_exec *exec, const sq_layer_run *run) {
  const sq_layout *l = run->layout;
  const int64_t T = run->seq_len, B = run->batch, I = l->config.input_size;
  job j = {.pool = exec->pool, .run = run, .layout = l, .steps = T};
  reserve_pointers(&j, run->reserve, T);
  real *at = pack_weights(&j, align_up(run->workspace), 1);
  j.dgates = at;
  j.daux = at + sq_align_elements(T * B * l->gates);
  at = j.daux + sq_align_elements(T * B * l->aux);
  for (int k = 0; k < l->states; k++) {
    j.dstate[k] = at;
    at += sq_align_elements(B * l->state_width[k]);
    copy_or_zero(j.dstate[k], run->dfinal[k], B * l->state_width[k]);
  }
  sq_pool_run(exec->pool, slices(exec, &j), backward_slice, &j);
  if (run->dx) FN(sq_gemm)
  (exec->pool, 0, 0, T * B, I, l->gates, j.dgates, l->gates, (const real *)run->params + l->param[0].offset,
   I, run->dx_accumulate, run->dx, run->ldx);
  if (run->dparams) parameter_gradients(exec, &j);
  for (int k = 0; k < l->states; k++)
    if (run->dinitial[k])
      memcpy(run->dinitial[k], j.dstate[k], (size_t)(B * l->state_width[k]) * sizeof(real));
  return 0;
}
