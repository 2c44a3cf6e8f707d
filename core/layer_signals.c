/* layer_signals.c - the error signals of a layer on the CPU, and what a function of their images wants of the
 * recurrent weights (layer.h; core/omega.c has the equations).
 *
 * Signals: the cell's own step backward, one step at a time.  d_t is what reaches the states after step t,
 * u_t what the step hands to the states before it.
 *
 * Gradients: with states and gates constant, <d, J u> for J = ds_t/ds_{t-1} is a chain of products and of
 * diagonal maps, in which each weight stands once.  Its derivative is what backward leaves at the result of
 * that weight's product, times what the tangent pass along u leaves at its operand:
 *
 *   dW += d(to)^T t(from)    of every product;    dp += sum d(to) * t(from)    of every diagonal weight
 *
 * Where the operand is the old state, t(from) is u_t itself, and all steps are one product.  Only layouts
 * with another operand (the GRU's r h, a peephole's c_t, what is projected) need tangents, step by step.
 */
#include <string.h>

#include "core/layer_tangent.h"
#include "core/ops.h"
#include "core/ops_cpu.h"

#include "core/gemm.h"

typedef struct signals {
  FN(sq_job) j;
  const sq_layer_signals *of;
  int64_t width; /* S */
} signals;

static signals signals_of(sq_exec *exec, const sq_layer_signals *of) {
  const sq_layer_run *run = &of->run;
  return (signals){.j = {.pool = exec->pool, .run = run, .layout = run->layout, .steps = run->seq_len},
                   .of = of,
                   .width = sq_signals_width(run->layout)};
}

/* ---- signals ---- */

/* |d_t|^2 of a sequence, before the step backward; y is the states one behind the other, as far as it is
 * wide. */
static double norm2_of(const FN(sq_step) * s, int64_t b) {
  const sq_layout *l = s->layout;
  const real *dy = s->dy ? s->dy + b * s->ldy : NULL;
  double sum = 0;
  for (int64_t k = 0, column = 0; k < l->states; k++)
    for (int64_t j = 0; j < l->state_width[k]; j++, column++) {
      real d = s->dstate[k][b * l->state_width[k] + j];
      if (dy && column < l->output) d += dy[column];
      sum += (double)d * (double)d;
    }
  return sum;
}

/* u_t of the rows of a step, after it. */
static void keep_images(const signals *g, const FN(sq_step) * s, int64_t row) {
  const sq_layout *l = s->layout;
  real *u = (real *)g->of->u + row * g->width;
  for (int k = 0; k < l->states; k++) {
    const int64_t w = l->state_width[k];
    for (int64_t b = 0; b < s->batch; b++)
      FN(sq_job_copy_or_zero)(u + b * g->width, FN(sq_step_valid)(s, b) ? s->dstate[k] + b * w : NULL, w);
    u += w;
  }
}

static void signals_slice(void *arg, int part, int parts) {
  const signals *g = arg;
  const FN(sq_job) *j = &g->j;
  void *scratch = sq_pool_scratch(j->pool, part);
  int64_t first, count;
  FN(sq_job_slice)(j, part, parts, &first, &count);
  for (int64_t i = 0; i < j->steps; i++) {
    const int64_t t = j->run->reverse ? i : j->steps - 1 - i, row = t * j->run->batch + first;
    const FN(sq_step) s = FN(sq_job_step_back)(j, t, first, count);
    real *norm2 = (real *)g->of->norm2 + row;
    for (int64_t b = 0; b < count; b++) norm2[b] = FN(sq_step_valid)(&s, b) ? (real)norm2_of(&s, b) : 0;
    FN(sq_job_stages_back)(j, &s, first, scratch);
    keep_images(g, &s, row);
  }
}

int FN(sq_layer_signals)(sq_exec *exec, const sq_layer_signals *of) {
  signals g = signals_of(exec, of);
  FN(sq_job_begin_back)(&g.j);
  sq_pool_run(exec->pool, FN(sq_job_slices)(&g.j), signals_slice, &g);
  return 0;
}

/* ---- gradients ---- */

/* Rows of the run: all, where the operands are the old states; or those of a step, of which the tangents are
 * known. */
typedef struct stretch {
  const signals *g;
  const FN(sq_tangent_pass) * tangents; /* NULL: old states */
  int64_t first, rows;
} stretch;

/* Whether an operand is the business of the stretch. */
static int belongs(const stretch *s, sq_place from) {
  return from.buffer != SQ_NONE && (from.buffer == SQ_STATE_PREV) == (s->tangents == NULL);
}

/* Gradients at the result of a product or sum. */
static const real *results(const stretch *s, sq_place to, int64_t *ld) {
  const real *whole = FN(sq_job_whole)(&s->g->j, to, 1, ld);
  return whole + s->first * *ld;
}

/* Derivatives of its operand along u. */
static const real *operands(const stretch *s, sq_place from, int64_t *ld) {
  const sq_layout *l = s->g->j.layout;
  if (from.buffer == SQ_AUX) return FN(sq_job_whole)(&s->tangents->j, from, 1, ld);
  if (from.buffer == SQ_STATE) {
    *ld = l->state_width[from.state];
    return s->tangents->tstate[1][from.state] + from.column;
  }
  const real *u = s->g->of->u;
  for (int k = 0; k < from.state; k++) u += l->state_width[k];
  *ld = s->g->width;
  return u + from.column;
}

static void add_gradients(sq_exec *exec, const stretch *s) {
  const sq_layout *l = s->g->j.layout;
  real *dparams = s->g->of->run.dparams;
  int64_t ld_to, ld_from;
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    if (!belongs(s, p->from)) continue;
    const real *to = results(s, p->to, &ld_to), *from = operands(s, p->from, &ld_from);
    FN(sq_gemm)
    (exec->pool, 1, 0, p->rows, p->cols, s->rows, to, ld_to, from, ld_from, 1,
     dparams + l->param[p->param].offset + p->row * p->cols, p->cols);
  }
  for (int i = 0; i < l->sums; i++) {
    const sq_sum *u = &l->sum[i];
    if (!belongs(s, u->from)) continue;
    sq_reduce_args r = {
        .rows = s->rows, .cols = u->width, .out = dparams + l->param[u->param].offset + u->row};
    r.a = results(s, u->to, &r.lda);
    r.b = operands(s, u->from, &r.ldb);
    FN(sq_cpu_reduce)(exec, &r);
  }
}

/* Whether a weight's operand is something else than an old state. */
static int needs_tangents(const sq_layout *l) {
  int needs = 0;
  for (int i = 0; i < l->products; i++) needs |= l->product[i].from.buffer != SQ_STATE_PREV;
  for (int i = 0; i < l->sums; i++)
    needs |= l->sum[i].from.buffer != SQ_STATE_PREV && l->sum[i].from.buffer != SQ_NONE;
  return needs;
}

/* The tangents of step t along u_t: a job of that step alone. */
static void tangents_of_step(const signals *g, int64_t t, FN(sq_tangent_pass) * p) {
  const sq_layout *l = g->j.layout;
  const int64_t B = g->j.run->batch;
  const real *u = (const real *)g->of->u + t * B * g->width;
  p->j.t0 = t;
  p->j.gates = g->j.gates + t * B * l->gates;
  p->j.aux = g->j.aux + t * B * l->aux;
  FN(sq_job_place_gates)(l, B, g->of->step, &p->j.dgates, &p->j.daux);
  memset(g->of->step, 0, (size_t)sq_gates_size(l, B) * sizeof(real));
  for (int k = 0; k < l->states; k++) {
    const int64_t w = l->state_width[k];
    p->j.state[k] = g->j.state[k] + t * B * w;
    for (int64_t b = 0; b < B; b++)
      memcpy(p->tstate[0][k] + b * w, u + b * g->width, (size_t)w * sizeof(real));
    u += w;
  }
  FN(sq_tangent_steps)(p);
}

int FN(sq_layer_signal_gradients)(sq_exec *exec, const sq_layer_signals *of) {
  signals g = signals_of(exec, of);
  const sq_layer_tangent none = {.run = of->run};
  const int64_t T = of->run.seq_len, B = of->run.batch;
  FN(sq_job_reserve)(&g.j, of->run.reserve, T);
  real *at = FN(sq_job_pack)(&g.j, FN(sq_job_workspace)(&of->run), 0);
  at = FN(sq_job_place_gates)(of->run.layout, T * B, at, &g.j.dgates, &g.j.daux);
  add_gradients(exec, &(stretch){.g = &g, .rows = T * B});
  if (!needs_tangents(of->run.layout)) return 0;
  FN(sq_tangent_pass) p = {.j = g.j, .of = &none};
  p.j.steps = 1;
  FN(sq_tangent_place)(&p, at);
  for (int64_t t = 0; t < T; t++) {
    tangents_of_step(&g, t, &p);
    add_gradients(exec, &(stretch){.g = &g, .tangents = &p, .first = t * B, .rows = B});
  }
  return 0;
}
