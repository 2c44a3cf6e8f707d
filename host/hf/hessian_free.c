/* hessian_free.c - Hessian-free optimisation: an optimiser's life, and one update (seqgpu/hessian_free.h).
 *
 * Martens 2010; Martens & Sutskever 2011.  Where these leave a choice: rho, the choice of an iterate and the
 * line search all look at the gradient's batch; lambda is that of an update until its step is made; a step
 * that is not made leaves the solution for the next update's start all the same.  Running statistics of batch
 * normalisation move once, at the end.
 */
#include "host/hf/hessian_free.h"

#include <math.h>

#include "core/dot.h"
#include "host/context/defaults.h"
#include "host/context/structs.h"
#include "host/params/store.h"

/* Of the line search: what share of the slope must be gained, by how much a step is shortened, how often. */
static const double GAIN = 0.01, SHORTER = 0.8;
enum { TRIALS = 60 };

/* Of lambda. */
static const double LESS = 0.25, MORE = 0.75, FACTOR = 1.5;

/* ---------------------------------------------------------------- settings */

static seqgpu_status check_share(seqgpu_context *ctx, const char *field, double value) {
  if (value > 0 && value <= 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "hessian_free: %s is %g; it must be above 0 and at most 1", field,
                 value);
}

static seqgpu_status check_number(seqgpu_context *ctx, const char *field, double value) {
  if (value >= 0 && isfinite(value)) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "hessian_free: %s is %g; it must be at least 0 and finite", field,
                 value);
}

/* Takes the caller's options, and completes them. */
static seqgpu_status take_options(seqgpu_context *ctx, const seqgpu_hessian_free_options *theirs, size_t size,
                                  seqgpu_hessian_free_options *o) {
  *o = (seqgpu_hessian_free_options){0};
  if (theirs) SQ_TRY(sq_struct_in(ctx, "options", o, sizeof *o, theirs, size));
  o->lambda = sq_or_default(o->lambda, 0.1);
  o->iterations = o->iterations ? o->iterations : 250;
  o->progress = sq_or_default(o->progress, 0.0005);
  o->decay = sq_or_default(o->decay, 0.95);
  o->exponent = sq_or_default(o->exponent, 0.75);
  SQ_TRY(check_number(ctx, "lambda", o->lambda));
  SQ_TRY(check_number(ctx, "structural", o->structural));
  SQ_TRY(check_number(ctx, "progress", o->progress));
  SQ_TRY(check_share(ctx, "decay", o->decay));
  SQ_TRY(check_share(ctx, "exponent", o->exponent));
  SQ_TRY(sq_check_range(ctx, "hessian_free: iterations", o->iterations, 1, SQ_CG_MOST));
  SQ_TRY(sq_check_range(ctx, "hessian_free: cold", o->cold, 0, 1));
  return sq_check_range(ctx, "hessian_free: cases", o->cases, 0, INT32_MAX);
}

/* Tensors that an update of seqgpu_params_update treats in a way of their own. */
static seqgpu_status check_tensors(const seqgpu_params *p) {
  for (int i = 0; i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    if (t->scratch || t->part[0])
      return sq_fail(p->ctx, SEQGPU_EUNSUPPORTED,
                     "hessian_free: \"%.60s\" %s; no Hessian-free update can keep it so", t->name,
                     t->scratch ? "is to stay orthogonal" : "is the sum of two biases");
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- life */

/* The two tensors that checkpoints save. */
static seqgpu_status add_state(seqgpu_hessian_free *hf) {
  const sq_params_mark before = sq_params_now(hf->params);
  seqgpu_param step, state;
  seqgpu_status status = seqgpu_params_add_state(hf->params, "hessian_free.step", 1, hf->vectors.n, &step);
  if (status == SEQGPU_OK) status = seqgpu_params_add_state(hf->params, "hessian_free.state", 1, 2, &state);
  if (status != SEQGPU_OK) return sq_params_undo(hf->params, before, status);
  hf->step = step.value;
  hf->state = state.value;
  return SEQGPU_OK;
}

static seqgpu_status open_memory(seqgpu_hessian_free *hf) {
  const int64_t n = hf->vectors.n;
  double **const vectors[] = {&hf->theta, &hf->g, &hf->diag, &hf->trial, &hf->chosen};
  hf->vectors.staging = sq_host_alloc(hf->ctx, (size_t)n * hf->ctx->element_size);
  int there = hf->vectors.staging != NULL;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    there &= (*vectors[i] = sq_host_alloc(hf->ctx, (size_t)n * sizeof(double))) != NULL;
  if (!there)
    return sq_fail(hf->ctx, SEQGPU_ENOMEM, "hessian_free: out of memory for vectors of %lld numbers",
                   (long long)n);
  SQ_TRY(sq_cg_open(&hf->cg));
  SQ_TRY(seqgpu_malloc(hf->ctx, (size_t)n * hf->ctx->element_size, &hf->direction));
  SQ_TRY(seqgpu_tape_create(hf->ctx, hf->options.seed, &hf->tape));
  SQ_TRY(seqgpu_tape_create(hf->ctx, hf->options.seed, &hf->curved));
  hf->tape->steady = hf->curved->steady = 1;
  return SEQGPU_OK;
}

static seqgpu_status damped_product(void *self, const double *v, double *out) {
  seqgpu_hessian_free *hf = self;
  return sq_hf_product(hf, hf->lambda, v, out);
}

/* Fills *hf, whose options are checked. */
static seqgpu_status open_optimizer(seqgpu_hessian_free *hf, seqgpu_params *params) {
  hf->ctx = params->ctx;
  hf->params = params;
  hf->vectors = (sq_vectors){.params = params, .n = sq_vector_elements(params)};
  hf->cg = (sq_cg){.ctx = hf->ctx,
                   .n = hf->vectors.n,
                   .product = damped_product,
                   .self = hf,
                   .most = hf->options.iterations,
                   .progress = hf->options.progress};
  if (hf->vectors.n == 0)
    return sq_fail(hf->ctx, SEQGPU_EINVAL, "hessian_free: params has no trained tensor");
  SQ_TRY(check_tensors(params));
  SQ_TRY(open_memory(hf));
  return add_state(hf);
}

seqgpu_status seqgpu_hessian_free_create_(seqgpu_params *params, const seqgpu_hessian_free_options *options,
                                          size_t size, seqgpu_hessian_free **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_usable(params->ctx));
  if (out == NULL) return sq_fail(params->ctx, SEQGPU_EINVAL, "hessian_free: out is NULL");
  seqgpu_hessian_free_options complete;
  SQ_TRY(take_options(params->ctx, options, size, &complete));
  seqgpu_hessian_free *hf = sq_host_alloc(params->ctx, sizeof *hf);
  if (hf == NULL) return sq_fail(params->ctx, SEQGPU_ENOMEM, "hessian_free: out of memory");
  hf->options = complete;
  const seqgpu_status status = open_optimizer(hf, params);
  if (status == SEQGPU_OK)
    *out = hf;
  else
    seqgpu_hessian_free_destroy(hf);
  return status;
}

void seqgpu_hessian_free_destroy(seqgpu_hessian_free *hf) {
  if (hf == NULL) return;
  seqgpu_tape_destroy(hf->tape);
  seqgpu_tape_destroy(hf->curved);
  seqgpu_free(hf->ctx, hf->direction);
  sq_cg_close(&hf->cg);
  void *const memory[] = {hf->vectors.staging, hf->theta,  hf->g,    hf->diag,
                          hf->trial,           hf->chosen, hf->leaf, hf->place};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) sq_host_free(hf->ctx, memory[i]);
  sq_host_free(hf->ctx, hf);
}

/* ---------------------------------------------------------------- the state between updates */

static seqgpu_status load_state(seqgpu_hessian_free *hf) {
  double wide[2];
  float narrow[2];
  if (hf->ctx->dtype == SEQGPU_DTYPE_F64) {
    SQ_TRY(seqgpu_copy_out(hf->ctx, wide, hf->state, sizeof wide));
  } else {
    SQ_TRY(seqgpu_copy_out(hf->ctx, narrow, hf->state, sizeof narrow));
    for (int i = 0; i < 2; i++) wide[i] = (double)narrow[i];
  }
  hf->lambda = wide[0] > 0 ? wide[0] : hf->options.lambda; /* 0: there was no update yet */
  hf->updates = wide[1];
  SQ_TRY(sq_vector_from_device(&hf->vectors, hf->step, hf->cg.x));
  const double share = hf->options.cold ? 0 : hf->options.decay;
  for (int64_t i = 0; i < hf->vectors.n; i++) hf->cg.x[i] *= share;
  return SEQGPU_OK;
}

static seqgpu_status save_state(seqgpu_hessian_free *hf, double lambda) {
  const double wide[2] = {lambda, hf->updates + 1};
  const float narrow[2] = {(float)wide[0], (float)wide[1]};
  const int f64 = hf->ctx->dtype == SEQGPU_DTYPE_F64;
  SQ_TRY(sq_vector_to_device(&hf->vectors, hf->cg.x, hf->step));
  return seqgpu_copy_in(hf->ctx, hf->state, f64 ? (const void *)wide : narrow,
                        f64 ? sizeof wide : sizeof narrow);
}

/* ---------------------------------------------------------------- one update */

/* Preconditioner: (lambda + mean of g^2)^exponent over single cases. */
static seqgpu_status precondition(seqgpu_hessian_free *hf) {
  const int64_t n = hf->vectors.n, cases = hf->options.cases;
  hf->cg.diag = cases ? hf->diag : NULL;
  if (cases == 0) return SEQGPU_OK;
  memset(hf->diag, 0, (size_t)n * sizeof(double));
  for (int64_t c = 0; c < cases; c++) {
    double loss;
    SQ_TRY(sq_hf_gradient(hf, SEQGPU_HESSIAN_FREE_CASE, c, &loss, hf->trial));
    for (int64_t i = 0; i < n; i++) hf->diag[i] += hf->trial[i] * hf->trial[i];
  }
  for (int64_t i = 0; i < n; i++)
    hf->diag[i] = pow(hf->lambda + hf->diag[i] / (double)cases, hf->options.exponent);
  return SEQGPU_OK;
}

static seqgpu_status solve(seqgpu_hessian_free *hf) {
  SQ_TRY(precondition(hf));
  SQ_TRY(sq_hf_curve(hf));
  for (int64_t i = 0; i < hf->vectors.n; i++) hf->chosen[i] = -hf->g[i]; /* until it is chosen */
  hf->cg.b = hf->chosen;
  return sq_cg_run(&hf->cg);
}

/* The loss at theta + rate d. */
static seqgpu_status loss_at(seqgpu_hessian_free *hf, double rate, const double *d, double *loss) {
  for (int64_t i = 0; i < hf->vectors.n; i++) hf->trial[i] = hf->theta[i] + rate * d[i];
  SQ_TRY(sq_vector_write(&hf->vectors, hf->trial));
  return sq_hf_loss(hf, loss);
}

/* The last iterate, or earlier ones while the loss falls, into `chosen`. */
static seqgpu_status choose(seqgpu_hessian_free *hf, double *loss, int *iterations) {
  const sq_cg *cg = &hf->cg;
  int best = cg->kept_count - 1;
  SQ_TRY(loss_at(hf, 1, cg->kept[best], loss));
  while (best > 0) {
    double earlier;
    SQ_TRY(loss_at(hf, 1, cg->kept[best - 1], &earlier));
    if (!(earlier < *loss)) break;
    *loss = earlier;
    best--;
  }
  memcpy(hf->chosen, cg->kept[best], (size_t)hf->vectors.n * sizeof(double));
  *iterations = cg->kept_at[best];
  return SEQGPU_OK;
}

/* The loss's fall as a share of what the quadratic without damping says. */
static seqgpu_status trust(seqgpu_hessian_free *hf, double fall, double *ratio) {
  SQ_TRY(sq_vector_write(&hf->vectors, hf->theta));
  SQ_TRY(sq_hf_product(hf, 0, hf->chosen, hf->trial));
  const double q =
      sq_dot(hf->vectors.n, hf->g, hf->chosen) + 0.5 * sq_dot(hf->vectors.n, hf->chosen, hf->trial);
  *ratio = q < 0 ? fall / -q : fall > 0 ? 1 : 0;
  return SEQGPU_OK;
}

/* How far to go, and the loss there; rate 0 if no step is short enough. */
static seqgpu_status search_line(seqgpu_hessian_free *hf, double loss, double *rate, double *new_loss) {
  const double slope = sq_dot(hf->vectors.n, hf->g, hf->chosen);
  *rate = 1;
  for (int i = 0; i < TRIALS; i++) {
    if (*new_loss <= loss + GAIN * *rate * slope && *new_loss <= loss) return SEQGPU_OK;
    *rate *= SHORTER;
    SQ_TRY(loss_at(hf, *rate, hf->chosen, new_loss));
  }
  *rate = 0;
  *new_loss = loss;
  return SEQGPU_OK;
}

static seqgpu_status update(seqgpu_hessian_free *hf, seqgpu_hessian_free_report *r) {
  SQ_TRY(load_state(hf));
  r->lambda = hf->lambda;
  SQ_TRY(sq_hf_gradient(hf, SEQGPU_HESSIAN_FREE_GRADIENT, 0, &r->loss, hf->g));
  SQ_TRY(solve(hf));
  SQ_TRY(choose(hf, &r->new_loss, &r->chosen));
  SQ_TRY(trust(hf, r->loss - r->new_loss, &r->ratio));
  SQ_TRY(search_line(hf, r->loss, &r->rate, &r->new_loss));
  for (int64_t i = 0; i < hf->vectors.n; i++) hf->trial[i] = hf->theta[i] + r->rate * hf->chosen[i];
  SQ_TRY(sq_vector_write(&hf->vectors, hf->trial));
  SQ_TRY(sq_hf_move_statistics(hf));
  r->iterations = hf->cg.iterations;
  r->gradient_norm = sqrt(sq_dot(hf->vectors.n, hf->g, hf->g));
  r->step_norm = r->rate * sqrt(sq_dot(hf->vectors.n, hf->chosen, hf->chosen));
  const double lambda = r->ratio < LESS   ? hf->lambda * FACTOR
                        : r->ratio > MORE ? hf->lambda / FACTOR
                                          : hf->lambda;
  return save_state(hf, lambda);
}

seqgpu_status seqgpu_hessian_free_update_(seqgpu_hessian_free *hf, seqgpu_hessian_free_build *build,
                                          void *user, seqgpu_hessian_free_report *report,
                                          size_t report_size) {
  if (hf == NULL) return SEQGPU_EINVAL;
  if (build == NULL) return sq_fail(hf->ctx, SEQGPU_EINVAL, "hessian_free: build is NULL");
  SQ_TRY(check_tensors(hf->params));
  if (sq_vector_elements(hf->params) != hf->vectors.n)
    return sq_fail(
        hf->ctx, SEQGPU_EINVAL,
        "hessian_free: params has %lld trained numbers; it had %lld when the optimiser was created",
        (long long)sq_vector_elements(hf->params), (long long)hf->vectors.n);
  seqgpu_hessian_free_report done = {0};
  hf->build = build;
  hf->user = user;
  SQ_TRY(sq_vector_read(&hf->vectors, SQ_VECTOR_VALUES, hf->theta));
  const seqgpu_status status = update(hf, &done);
  if (status != SEQGPU_OK) {
    sq_vector_write(&hf->vectors, hf->theta); /* on a device that has failed this fails, too */
    return status;
  }
  if (report) sq_struct_out(report, report_size, &done, sizeof done);
  return SEQGPU_OK;
}
