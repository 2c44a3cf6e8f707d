/* layer_input.c - see layer_input.h. */
#include "core/layer_input.h"

#include <string.h>

#include "core/gemm.h"
#include "core/ops_cpu.h"

int64_t FN(sq_input_size)(const sq_layout *layout, int64_t rows) {
  const int64_t search = FN(sq_alike_size)(rows, layout->config.input_size);
  return search > 0 ? search + FN(sq_alike_table_size)(rows, layout->gates) : 0;
}

static int64_t job_rows(const FN(sq_job) * j) { return j->steps * j->run->batch; }

/* The inputs of the job's steps, with what a search has found among them. */
static void look_at(FN(sq_job) * j, int search) {
  const sq_layer_run *run = j->run;
  const int64_t rows = job_rows(j), I = j->layout->config.input_size;
  FN(sq_inputs) *in = &j->inputs;
  in->first = j->t0 * run->batch;
  in->of_kind = in->memory + FN(sq_alike_size)(rows, I);
  const real *x = (const real *)run->x + in->first * run->ldx;
  if (search && FN(sq_alike_find)(rows, I, x, run->ldx, in->memory, &in->found)) return;
  in->found = (FN(sq_alike)){.rows = rows, .kinds = rows, .x = x, .ldx = run->ldx};
}

/* ---- forward ------------------------------------------------------------------------------------------- */

/* to = x W_ih^T for these columns of the gates, x one of each kind; with a bias, + b. */
static void multiply_input(sq_exec *exec, const FN(sq_job) * j, int64_t first, int64_t count,
                           const real *bias, real *to, int64_t ld) {
  const FN(sq_alike) *x = &j->inputs.found;
  const int64_t I = j->layout->config.input_size;
  const real *w = (const real *)j->run->params + j->layout->param[0].offset + first * I;
  if (bias)
    FN(sq_gemm_biased)(exec->pool, x->kinds, count, I, x->x, x->ldx, w, I, bias + first, to + first, ld);
  else
    FN(sq_gemm)(exec->pool, 0, 1, x->kinds, count, I, x->x, x->ldx, w, I, 0, to + first, ld);
}

static const real *bias_of(const FN(sq_job) * j) {
  const sq_layout *l = j->layout;
  return l->bias < 0 ? NULL : (const real *)j->run->params + l->param[l->bias].offset;
}

static int normalised(const sq_layout *l) { return l->input.buffer == SQ_AUX; }

static void forward_normalised(sq_exec *exec, const FN(sq_job) * j) {
  const sq_layout *l = j->layout;
  const FN(sq_alike) *x = &j->inputs.found;
  real *to = j->aux + l->input.column, *of_kind = x->kind ? j->inputs.of_kind : to;
  const sq_bias_args bias = {job_rows(j), l->biased, bias_of(j), j->gates, l->gates};
  if (bias.bias) FN(sq_cpu_bias)(exec, &bias);
  multiply_input(exec, j, 0, l->gates, NULL, of_kind, x->kind ? l->gates : l->aux);
  if (x->kind) FN(sq_alike_spread)(x, 0, x->rows, l->gates, of_kind, to, l->aux);
  FN(sq_job_norms_forward)(j, NULL, SQ_BEFORE_STEPS);
}

void FN(sq_input_forward)(sq_exec *exec, FN(sq_job) * j) {
  const sq_layout *l = j->layout;
  const int64_t G = l->gates, biased = l->bias >= 0 ? l->biased : 0;
  look_at(j, 1);
  if (normalised(l)) {
    forward_normalised(exec, j);
    return;
  }
  real *to = j->inputs.found.kind ? j->inputs.of_kind : j->gates;
  multiply_input(exec, j, 0, biased, bias_of(j), to, G);
  multiply_input(exec, j, biased, G - biased, NULL, to, G);
}

void FN(sq_input_step)(const FN(sq_job) * j, const FN(sq_step) * s, int64_t t, int64_t first) {
  const sq_layout *l = j->layout;
  const FN(sq_inputs) *in = &j->inputs;
  if (in->found.kind && !normalised(l)) FN(sq_alike_spread)
  (&in->found, t * j->run->batch + first, s->batch, l->gates, in->of_kind, s->gates, l->gates);
}

/* ---- backward ------------------------------------------------------------------------------------------ */

void FN(sq_input_begin_back)(FN(sq_job) * j) {
  look_at(j, j->run->dparams || j->run->dx_summed);
  if (j->inputs.found.kind)
    memset(j->inputs.of_kind, 0, (size_t)(j->inputs.found.kinds * j->layout->gates) * sizeof(real));
}

/* dx = d W_ih of so many rows. */
static void multiply_back(sq_exec *exec, const FN(sq_job) * j, int64_t rows, const real *d, int64_t ld,
                          int add, real *to, int64_t ld_to) {
  const sq_layout *l = j->layout;
  const int64_t I = l->config.input_size;
  const real *w = (const real *)j->run->params + l->param[0].offset;
  FN(sq_gemm)(exec->pool, 0, 0, rows, I, l->gates, d, ld, w, I, add, to, ld_to);
}

/* dW_ih += d^T x */
static void add_weights(sq_exec *exec, const FN(sq_job) * j, int64_t rows, const real *d, int64_t ld,
                        const real *x, int64_t ldx) {
  const int64_t G = j->layout->gates, I = j->layout->config.input_size;
  real *dparams = j->run->dparams;
  if (dparams)
    FN(sq_gemm)(exec->pool, 1, 0, G, I, rows, d, ld, x, ldx, 1, dparams + j->layout->param[0].offset, I);
}

/* The products of the sums, when they have come to their end. */
static void backward_of_kinds(sq_exec *exec, const FN(sq_job) * j) {
  const sq_layer_run *run = j->run;
  const FN(sq_inputs) *in = &j->inputs;
  const FN(sq_alike) *x = &in->found;
  const int64_t G = j->layout->gates, I = j->layout->config.input_size;
  add_weights(exec, j, x->kinds, in->of_kind, G, x->x, x->ldx);
  if (run->dx == NULL || !run->dx_summed) return;
  real *dx_of_kind = in->memory + (x->x - in->memory); /* the inputs are not needed any more */
  multiply_back(exec, j, x->kinds, in->of_kind, G, 0, dx_of_kind, I);
  FN(sq_alike_give)(x, I, dx_of_kind, run->dx_accumulate, run->dx, run->ldx);
}

void FN(sq_input_backward)(sq_exec *exec, const FN(sq_job) * j, int last) {
  const sq_layer_run *run = j->run;
  const FN(sq_alike) *x = &j->inputs.found;
  const int64_t rows = job_rows(j), first = j->t0 * run->batch;
  int64_t ld;
  const real *d = FN(sq_job_whole)(j, j->layout->input, 1, &ld);
  if (run->dx && !(x->kind && run->dx_summed))
    multiply_back(exec, j, rows, d, ld, run->dx_accumulate, (real *)run->dx + first * run->ldx, run->ldx);
  if (x->kind == NULL) {
    add_weights(exec, j, rows, d, ld, x->x + first * x->ldx, x->ldx);
    return;
  }
  FN(sq_alike_add)(exec, x, first, rows, j->layout->gates, d, ld, j->inputs.of_kind);
  if (last) backward_of_kinds(exec, j);
}
