/* layer_job.c - what the passes over a layer have in common; see layer_job.h. */
#include "core/layer_job.h"

#include <string.h>

#include "core/gemm.h"
#include "core/norm.h"
#include "core/ops.h"
#include "core/ops_cpu.h"

/* Below this many multiplications per step, threads cost more than they save. */
enum { MIN_WORK = 1 << 14 };

/* ---- memory ---- */

static int64_t packed_size(const sq_layout *layout, const sq_product *p) {
  if (p->structure) return sq_align_elements(p->structure->prepared(layout, p));
  const int64_t forward = FN(sq_gemm_packed_size)(p->rows, p->cols);
  const int64_t backward = FN(sq_gemm_packed_size)(p->cols, p->rows);
  return sq_align_elements(forward > backward ? forward : backward);
}

/* What the rows of a structured product need, `width` elements each. */
static int64_t rows_size(int64_t batch, int64_t width) { return sq_align_elements(batch * width); }

int64_t FN(sq_job_products_size)(const sq_layout *layout, int64_t batch, int training) {
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

int64_t FN(sq_job_states_size)(const sq_layout *layout, int64_t rows) {
  int64_t size = 0;
  for (int k = 0; k < layout->states; k++) size += sq_align_elements(rows * layout->state_width[k]);
  return size;
}

int64_t FN(sq_job_sums_size)(const sq_layout *layout) {
  return sq_align_elements(2 * sq_norm_widest(layout));
}

real *FN(sq_job_workspace)(const sq_layer_run *run) {
  const uintptr_t mask = SQ_ALIGN_ELEMENTS * sizeof(real) - 1;
  return (real *)(((uintptr_t)run->workspace + mask) & ~mask);
}

const real *FN(sq_job_weight)(const FN(sq_job) * j, const sq_product *p, const void *params) {
  return (const real *)params + j->layout->param[p->param].offset + p->row * p->cols;
}

static void prepare(const FN(sq_job) * j, const sq_product *p, real *prepared) {
  const real *theta = FN(sq_job_weight)(j, p, j->run->params);
#if SEQGPU_REAL_BITS == 64
  p->structure->prepare_f64(j->layout, p, theta, prepared);
#else
  p->structure->prepare_f32(j->layout, p, theta, prepared);
#endif
}

/* Room for the rows of a structured product. */
static real *place_rows(FN(sq_job) * j, int i, real *at, int backward) {
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

real *FN(sq_job_pack)(FN(sq_job) * j, real *at, int backward) {
  for (int i = 0; i < j->layout->products; i++) {
    const sq_product *p = &j->layout->product[i];
    const real *w = FN(sq_job_weight)(j, p, j->run->params);
    j->packed[i] = at;
    at += packed_size(j->layout, p);
    if (p->structure) {
      prepare(j, p, j->packed[i]);
      at = place_rows(j, i, at, backward);
    } else if (backward) {
      FN(sq_gemm_pack)(0, p->cols, p->rows, w, p->cols, j->packed[i]);
    } else {
      FN(sq_gemm_pack)(1, p->rows, p->cols, w, p->cols, j->packed[i]);
    }
  }
  return at;
}

real *FN(sq_job_place_gates)(const sq_layout *layout, int64_t rows, real *at, real **gates, real **aux) {
  *gates = at;
  *aux = at + sq_align_elements(rows * layout->gates);
  return at + sq_gates_size(layout, rows);
}

real *FN(sq_job_place_states)(const sq_layout *layout, int64_t rows, real *at, real *state[SQ_MAX_STATES]) {
  for (int k = 0; k < layout->states; k++) {
    state[k] = at;
    at += sq_align_elements(rows * layout->state_width[k]);
  }
  return at;
}

void FN(sq_job_reserve)(FN(sq_job) * j, real *reserve, int64_t steps) {
  const sq_reserve_map map = sq_reserve_layout(j->layout, steps, j->run->batch);
  for (int k = 0; k < j->layout->states; k++) j->state[k] = reserve + map.state[k];
  j->gates = reserve + map.gates;
  j->aux = reserve + map.aux;
  j->stats = j->run->reserve && j->layout->stats ? reserve + map.stats : NULL;
}

void FN(sq_job_copy_or_zero)(real *to, const void *from, int64_t count) {
  if (from)
    memcpy(to, from, (size_t)count * sizeof(real));
  else
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): every state has a place in the reserve */
    memset(to, 0, (size_t)count * sizeof(real));
}

void FN(sq_job_enter)(const FN(sq_job) * j, int k, const void *given, const real *params, real *to) {
  const sq_layout *l = j->layout;
  const int64_t width = l->state_width[k];
  if (j->run->initial[k] || l->initial[k] < 0 || params == NULL) {
    FN(sq_job_copy_or_zero)(to, given, j->run->batch * width);
    return;
  }
  sq_exec exec = {.pool = j->pool};
  const sq_bias_args each_row = {j->run->batch, width, params + l->param[l->initial[k]].offset, to, width};
  FN(sq_cpu_bias)(&exec, &each_row);
}

/* ---- a step ---- */

int FN(sq_job_slices)(const FN(sq_job) * j) {
  int64_t work = 0;
  for (int i = 0; i < j->layout->products; i++)
    work += j->layout->product[i].rows * j->layout->product[i].cols;
  const int threads = j->pool ? sq_pool_threads(j->pool) : 1;
  if (j->stats) return 1; /* a mean over the batch is one thread's */
  if (work * j->run->batch < MIN_WORK) return 1;
  return j->run->batch < threads ? (int)j->run->batch : threads;
}

void FN(sq_job_slice)(const FN(sq_job) * j, int part, int parts, int64_t *first, int64_t *count) {
  *first = j->run->batch * part / parts;
  *count = j->run->batch * (part + 1) / parts - *first;
}

FN(sq_step) FN(sq_job_step)(const FN(sq_job) * j, int64_t t, int64_t first, int64_t count) {
  const sq_layout *l = j->layout;
  const int64_t B = j->run->batch, row = t * B + first;
  const int reverse = j->run->reverse;
  FN(sq_step) s = {.layout = l, .batch = count, .t = j->t0 + t, .params = j->run->params};
  const uint64_t *key = j->run->reserve ? j->key : NULL;
  s.masks = sq_masks_at(key, sq_masks_width(l), sq_layer_whole(j->run), s.t, first);
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

FN(sq_rows) FN(sq_job_rows)(const FN(sq_job) * j, int i, const FN(sq_step) * s, int64_t first) {
  const sq_product *p = &j->layout->product[i];
  FN(sq_rows) r = {.layout = j->layout, .product = p, .rows = s->batch};
  r.params = FN(sq_job_weight)(j, p, j->run->params);
  r.prepared = j->packed[i];
  r.from = FN(sq_step_operand)(s, p->from, &r.ld_from);
  r.scratch = j->scratch[i] + first * p->structure->scratch(j->layout, p);
  if (j->grads[i]) r.grads = j->grads[i] + first * p->structure->params(j->layout, p);
  return r;
}

void FN(sq_job_product)(const FN(sq_job) * j, int i, const FN(sq_step) * s, int64_t first, int add,
                        void *scratch) {
  const sq_product *p = &j->layout->product[i];
  const int to_gates = p->to.buffer == SQ_GATES, accumulate = to_gates || add;
  real *c = (to_gates ? s->gates : s->aux) + p->to.column;
  const int64_t ldc = to_gates ? j->layout->gates : j->layout->aux;
  if (p->structure) {
    FN(sq_rows) r = FN(sq_job_rows)(j, i, s, first);
    r.to = c;
    r.ld_to = ldc;
    r.accumulate = accumulate;
    forward_rows(p->structure, &r);
    return;
  }
  int64_t lda;
  const real *a = FN(sq_step_operand)(s, p->from, &lda);
  FN(sq_gemm_run_packed)(scratch, s->batch, p->rows, p->cols, a, lda, j->packed[i], accumulate, c, ldc);
}

/* ---- norms ---- */

/* The tensors of a step for its norms; s NULL: those of all steps of the job. */
static FN(sq_norm_rows) norm_rows(const FN(sq_job) * j, const FN(sq_step) * s) {
  const sq_layer_run *run = j->run;
  FN(sq_norm_rows) r = {.layout = j->layout, .seq_len = run->seq_len, .reverse = run->reverse};
  r.params = run->params;
  r.sums = j->sums;
  r.steps = s ? 1 : j->steps;
  r.batch = s ? s->batch : run->batch;
  r.t = s ? s->t : j->t0;
  r.lengths = s ? s->lengths : run->lengths;
  r.gates = s ? s->gates : j->gates;
  r.aux = s ? s->aux : j->aux;
  r.dgates = s ? s->dgates : j->dgates;
  r.daux = s ? s->daux : j->daux;
  if (j->stats) r.stats = j->stats + (r.t - j->t0) * j->layout->stats;
  if (s == NULL) return r;
  r.state = s->next[SQ_NORM_STATE];
  r.dstate = s->dstate[SQ_NORM_STATE];
  return r;
}

void FN(sq_job_norms_forward)(const FN(sq_job) * j, const FN(sq_step) * s, int stage) {
  for (int i = 0; i < j->layout->norms; i++) {
    if (j->layout->norm[i].stage != stage) continue;
    FN(sq_norm_rows) r = norm_rows(j, s);
    r.norm = &j->layout->norm[i];
    FN(sq_norm_forward)(&r);
  }
}

void FN(sq_job_norms_backward)(const FN(sq_job) * j, const FN(sq_step) * s, int stage) {
  for (int i = j->layout->norms - 1; i >= 0; i--) {
    if (j->layout->norm[i].stage != stage) continue;
    FN(sq_norm_rows) r = norm_rows(j, s);
    r.norm = &j->layout->norm[i];
    FN(sq_norm_backward)(&r);
  }
}

void FN(sq_job_norms_tangent)(const FN(sq_job) * j, const FN(sq_step) * s, const FN(sq_step) * t, int stage) {
  for (int i = 0; i < j->layout->norms; i++) {
    if (j->layout->norm[i].stage != stage) continue;
    FN(sq_norm_rows) r = norm_rows(j, s);
    r.norm = &j->layout->norm[i];
    if (t) {
      r.dgates = t->gates;
      r.daux = t->aux;
      r.dstate = t->next[SQ_NORM_STATE];
    }
    FN(sq_norm_tangent)(&r);
  }
}

void FN(sq_job_norms_update)(const FN(sq_job) * j, real *running) {
  if (j->stats == NULL) return;
  const FN(sq_norm_rows) all = norm_rows(j, NULL);
  FN(sq_norm_update)(&all, running);
}

real *FN(sq_job_whole)(const FN(sq_job) * j, sq_place place, int gradient, int64_t *ld) {
  const sq_layout *l = j->layout;
  if (place.buffer == SQ_NONE) {
    *ld = 0;
    return NULL;
  }
  if (place.buffer == SQ_GATES || place.buffer == SQ_AUX) {
    const int gates = place.buffer == SQ_GATES;
    *ld = gates ? l->gates : l->aux;
    real *value = gates ? j->gates : j->aux, *grad = gates ? j->dgates : j->daux;
    return (gradient ? grad : value) + place.column;
  }
  *ld = l->state_width[place.state];
  const int reverse = j->run->reverse;
  const int64_t slot = place.buffer == SQ_STATE ? sq_slot_next(reverse, 0) : sq_slot_prev(reverse, 0);
  return j->state[place.state] + slot * j->run->batch * *ld + place.column;
}
