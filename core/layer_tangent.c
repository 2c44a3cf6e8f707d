/* layer_tangent.c - the tangent pass over a layer on the CPU: a Jacobian-vector product (layer.h).
 *
 * Backward is a linear program, from gradients at results to gradients at operands.  The tangent pass is its
 * transpose, in the order of forward.  Where backward adds W^T d(to) to the gradient at `from`, and d(to)^T
 * from to that of W, here, with t before what is a tangent,
 *
 *   tgates = tx W_ih^T + x tW_ih^T;   t(to) += from tW^T of every product      one GEMM each
 *   for t: t(to) += tparam * from of every sum;  for each stage:
 *     its products      t(to) += t(from) W^T
 *     its norms         (norm.h)
 *     its pointwise step
 *   around the stages, the masks that forward drew (masks.h)
 *
 * The transpose of a pointwise step needs no code of the cell's own.  Unit j's results depend on unit j's
 * operands alone (sq_result), so backward of a gradient that is 1 at one result of every unit, and 0
 * elsewhere, leaves the derivatives of that result with respect to all operands, and
 *
 *   t(result)_j = sum over the operands of unit j of derivative * t(operand)
 *
 * So a Jacobian-vector product agrees with backward to rounding, whatever the cell.  It costs one backward of
 * the pointwise step for each result.  Norms, whose results depend on operands of other units, stand between
 * products and pointwise steps and have tangents of their own.
 *
 * Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994, has the tangent pass
 * of a recurrent network (his operator R).
 */
#include <string.h>

#include "core/gemm.h"
#include "core/layer_tangent.h"
#include "core/ops.h"

typedef FN(sq_tangent_pass) pass;

/* A step as the run computed it, whose d... are derivatives, and the same step's tangents. */
typedef struct step_pair {
  FN(sq_step) value, tangent;
} step_pair;

/* ---- the whole sequence at once ---- */

/* to += from w^T, for all rows of the run. */
static void add_product(const pass *p, const real *from, int64_t ld_from, const real *w, int64_t rows,
                        int64_t cols, real *to, int64_t ld_to) {
  FN(sq_gemm)
  (p->j.pool, 0, 1, p->j.steps * p->j.run->batch, rows, cols, from, ld_from, w, cols, 1, to, ld_to);
}

/* What does not depend on the recurrence: the tangents of x and of the dense weights. */
static void tangents_outside(const pass *p) {
  const FN(sq_job) *j = &p->j;
  const sq_layout *l = j->layout;
  const int64_t rows = j->steps * j->run->batch, I = l->config.input_size;
  const real *w = (const real *)j->run->params + l->param[0].offset;
  memset(j->dgates, 0, (size_t)(rows * l->gates) * sizeof(real));
  memset(j->daux, 0, (size_t)(rows * l->aux) * sizeof(real));
  int64_t ld_input;
  real *input = FN(sq_job_whole)(j, l->input, 1, &ld_input);
  if (p->of->x) add_product(p, p->of->x, j->run->ldx, w, l->gates, I, input, ld_input);
  if (p->of->params == NULL) return;
  const real *tw = (const real *)p->of->params + l->param[0].offset;
  add_product(p, j->run->x, j->run->ldx, tw, l->gates, I, input, ld_input);
  for (int i = 0; i < l->products; i++) {
    const sq_product *product = &l->product[i];
    if (product->structure) continue; /* step by step */
    int64_t ld_to, ld_from;
    real *to = FN(sq_job_whole)(j, product->to, 1, &ld_to);
    const real *from = FN(sq_job_whole)(j, product->from, 0, &ld_from);
    const real *tweight = FN(sq_job_weight)(j, product, p->of->params);
    add_product(p, from, ld_from, tweight, product->rows, product->cols, to, ld_to);
  }
}

/* ---- products and sums of one step ---- */

/* Where a product or a sum adds its tangents, and the row stride there. */
static real *target(const step_pair *s, sq_place to, int64_t *ld) {
  const int gates = to.buffer == SQ_GATES;
  *ld = gates ? s->value.layout->gates : s->value.layout->aux;
  return (gates ? s->tangent.gates : s->tangent.aux) + to.column;
}

SQ_CLONES static void add(int64_t n, const real *restrict a, real *restrict to) {
  for (int64_t j = 0; j < n; j++) to[j] += a[j];
}

SQ_CLONES static void add_products(int64_t n, const real *restrict a, const real *restrict b,
                                   real *restrict to) {
  for (int64_t j = 0; j < n; j++) to[j] += a[j] * b[j];
}

/* The tangents of biases and of diagonal weights. */
static void tangents_of_sums(const pass *p, const step_pair *s) {
  const sq_layout *l = p->j.layout;
  for (int i = 0; i < l->sums; i++) {
    const sq_sum *u = &l->sum[i];
    const real *tparam = (const real *)p->of->params + l->param[u->param].offset + u->row, *from = NULL;
    int64_t ld_from = 0, ld_to;
    real *to = target(s, u->to, &ld_to);
    if (u->from.buffer != SQ_NONE) from = FN(sq_step_operand)(&s->value, u->from, &ld_from);
    for (int64_t b = 0; b < s->value.batch; b++) {
      if (from)
        add_products(u->width, tparam, from + b * ld_from, to + b * ld_to);
      else
        add(u->width, tparam, to + b * ld_to);
    }
  }
}

/* A structured product whose parameters move as well. */
static void tangent_of_structure(const pass *p, int i, const step_pair *s, int64_t first) {
  const sq_product *product = &p->j.layout->product[i];
  FN(sq_rows) r = FN(sq_job_rows)(&p->j, i, &s->value, first);
  r.tparams = FN(sq_job_weight)(&p->j, product, p->of->params);
  r.tfrom = FN(sq_step_operand)(&s->tangent, product->from, &r.ld_from);
  r.to = target(s, product->to, &r.ld_to);
#if SEQGPU_REAL_BITS == 64
  product->structure->tangent_f64(&r);
#else
  product->structure->tangent_f32(&r);
#endif
}

static void tangents_of_products(const pass *p, const step_pair *s, int stage, int64_t first, void *scratch) {
  const sq_layout *l = p->j.layout;
  for (int i = 0; i < l->products; i++) {
    if (l->product[i].stage != stage) continue;
    if (l->product[i].structure && p->of->params)
      tangent_of_structure(p, i, s, first);
    else
      FN(sq_job_product)(&p->j, i, &s->tangent, first, 1, scratch);
  }
}

/* ---- the pointwise step ---- */

/* Leaves the derivatives of a result in the d... of the step. */
static void differentiate(const step_pair *s, const sq_result *r) {
  const FN(sq_step) *v = &s->value;
  const sq_layout *l = v->layout;
  memset(v->dgates, 0, (size_t)(v->batch * l->gates) * sizeof(real));
  memset(v->daux, 0, (size_t)(v->batch * l->aux) * sizeof(real));
  for (int k = 0; k < l->states; k++)
    memset(v->dstate[k], 0, (size_t)(v->batch * l->state_width[k]) * sizeof(real));
  const int state = r->to.buffer == SQ_STATE;
  const int64_t ld = state ? l->state_width[r->to.state] : l->aux;
  real *one = (state ? v->dstate[r->to.state] : v->daux) + r->to.column;
  for (int64_t b = 0; b < v->batch; b++)
    for (int64_t j = 0; j < r->units; j++) one[b * ld + j] = 1;
  for (int i = 0; i <= r->back; i++) FN(sq_backward_of)(l->cell)(v, r->stage - i);
}

/* to += derivative * tangent over the blocks of a row's columns, from the first one on; the result itself is
 * none of its operands. */
static void add_blocks(int64_t units, int64_t first, int64_t width, const real *derivative,
                       const real *tangent, real *to) {
  for (int64_t c = first; c + units <= width; c += units)
    if (tangent + c != to) add_products(units, derivative + c, tangent + c, to);
}

/* Row b of a result's tangent.  At a masked step the states pass on. */
static void tangent_row(const step_pair *s, const sq_result *r, int64_t b) {
  const FN(sq_step) *v = &s->value, *t = &s->tangent;
  const sq_layout *l = v->layout;
  const int state = r->to.buffer == SQ_STATE, valid = FN(sq_step_valid)(v, b);
  const int64_t width = state ? l->state_width[r->to.state] : l->aux, at = b * width + r->to.column;
  real *to = (state ? t->next[r->to.state] : t->aux) + at;
  FN(sq_job_copy_or_zero)(to, state && !valid ? t->prev[r->to.state] + at : NULL, r->units);
  if (!valid) return;
  add_blocks(r->units, r->first_gate, l->gates, v->dgates + b * l->gates, t->gates + b * l->gates, to);
  add_blocks(r->units, r->first_aux, l->aux, v->daux + b * l->aux, t->aux + b * l->aux, to);
  for (int k = 0; k < l->states; k++) {
    const int64_t w = l->state_width[k];
    add_blocks(r->units, 0, w, v->dstate[k] + b * w, t->prev[k] + b * w, to);
  }
}

static void tangents_of_results(const step_pair *s, int stage) {
  const sq_layout *l = s->value.layout;
  for (int i = 0; i < l->results; i++) {
    if (l->result[i].stage != stage) continue;
    differentiate(s, &l->result[i]);
    for (int64_t b = 0; b < s->value.batch; b++) tangent_row(s, &l->result[i], b);
  }
}

/* ty: the states one behind the other, as far as y is wide. */
static void show(const step_pair *s) {
  const FN(sq_step) *t = &s->tangent;
  const sq_layout *l = t->layout;
  for (int64_t b = 0; b < t->batch; b++) {
    real *ty = t->y + b * t->ldy;
    int64_t shown = 0;
    for (int k = 0; k < l->states && shown < l->output; k++) {
      const int64_t w = l->state_width[k];
      FN(sq_job_copy_or_zero)(ty + shown, FN(sq_step_valid)(t, b) ? t->next[k] + b * w : NULL, w);
      shown += w;
    }
  }
}

/* ---- the pass ---- */

static step_pair pair_at(const pass *p, int64_t t, int turn, int64_t first, int64_t count) {
  const FN(sq_job) *j = &p->j;
  const sq_layout *l = j->layout;
  const int64_t row = t * j->run->batch + first;
  FN(sq_step) value = FN(sq_job_step)(j, t, first, count), tangent = value;
  value.dgates = p->dgates + first * l->gates;
  value.daux = p->daux + first * l->aux;
  tangent.gates = j->dgates + row * l->gates;
  tangent.aux = j->daux + row * l->aux;
  for (int k = 0; k < l->states; k++) {
    const int64_t at = first * l->state_width[k];
    value.dstate[k] = p->dstate[k] + at;
    tangent.prev[k] = p->tstate[turn][k] + at;
    tangent.next[k] = p->tstate[!turn][k] + at;
  }
  tangent.ldy = j->run->ldy;
  if (p->of->y) tangent.y = (real *)p->of->y + row * tangent.ldy;
  return (step_pair){value, tangent};
}

static void tangent_slice(void *arg, int part, int parts) {
  const pass *p = arg;
  const FN(sq_job) *j = &p->j;
  void *scratch = sq_pool_scratch(j->pool, part);
  const int enters = sq_masks_enters(j->layout), leaves = sq_masks_leaves(j->layout);
  int64_t first, count;
  FN(sq_job_slice)(j, part, parts, &first, &count);
  for (int64_t i = 0; i < j->steps; i++) {
    const step_pair s = pair_at(p, j->run->reverse ? j->steps - 1 - i : i, (int)(i % 2), first, count);
    if (enters) FN(sq_masks_enter_tangent)(&s.tangent);
    if (p->of->params) tangents_of_sums(p, &s);
    for (int stage = 0; stage < j->layout->stages; stage++) {
      tangents_of_products(p, &s, stage, first, scratch);
      FN(sq_job_norms_tangent)(j, &s.value, &s.tangent, stage);
      tangents_of_results(&s, stage);
    }
    if (leaves) FN(sq_masks_leave_tangent)(&s.tangent);
    if (s.tangent.y) show(&s);
  }
}

real *FN(sq_tangent_place)(pass *p, real *at) {
  const sq_layout *l = p->j.layout;
  const int64_t B = p->j.run->batch;
  at = FN(sq_job_place_gates)(l, B, at, &p->dgates, &p->daux);
  at = FN(sq_job_place_states)(l, B, at, p->dstate);
  for (int turn = 0; turn < 2; turn++) at = FN(sq_job_place_states)(l, B, at, p->tstate[turn]);
  p->j.sums = at;
  return at + FN(sq_job_sums_size)(l);
}

void FN(sq_tangent_steps)(pass *p) { sq_pool_run(p->j.pool, FN(sq_job_slices)(&p->j), tangent_slice, p); }

int FN(sq_layer_tangent)(sq_exec *exec, const sq_layer_tangent *of) {
  const sq_layer_run *run = &of->run;
  const sq_layout *l = run->layout;
  const int64_t T = run->seq_len, B = run->batch;
  pass p = {
      .j = {.pool = exec->pool, .run = run, .layout = l, .steps = T, .key = {run->seed, run->first_block}},
      .of = of};
  FN(sq_job_reserve)(&p.j, run->reserve, T);
  real *at = FN(sq_job_pack)(&p.j, FN(sq_job_workspace)(run), 0);
  at = FN(sq_job_place_gates)(l, T * B, at, &p.j.dgates, &p.j.daux);
  FN(sq_tangent_place)(&p, at);
  for (int k = 0; k < l->states; k++) FN(sq_job_enter)(&p.j, k, of->initial[k], of->params, p.tstate[0][k]);
  tangents_outside(&p);
  FN(sq_job_norms_tangent)(&p.j, NULL, NULL, SQ_BEFORE_STEPS);
  FN(sq_tangent_steps)(&p);
  for (int k = 0; k < l->states; k++)
    if (of->final[k])
      memcpy(of->final[k], p.tstate[T % 2][k], (size_t)(B * l->state_width[k]) * sizeof(real));
  return 0;
}
