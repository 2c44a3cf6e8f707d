/* params_init.c - initial values: of one tensor by name, of a recurrent network by scheme (seqgpu/model.h).
 *
 * A scheme is a row of a table: an initialiser each for W_ih and W_hh.  It goes by the names of the parameters and so serves
 * every cell that has them; a weight of several gates is drawn gate by gate, because orthogonality or a spectral
 * radius are properties of the [H,H] matrix that one gate's recurrence repeats.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/initialise.h"
#include "host/params/params.h"
#include "host/plan/plan.h"

/* Random streams of initial values start here, away from stream 0 of the dropout masks. */
#define INIT_STREAM ((uint64_t)1 << 32)

int sq_starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

/* ---------------------------------------------------------------- one tensor */

sq_rng sq_params_next_rng(seqgpu_params *p) {
  return (sq_rng){.seed = p->seed, .stream = INIT_STREAM + (uint64_t)p->draws++};
}

static void *row(const seqgpu_params *p, const sq_tensor *t, void *host, int64_t index) {
  return (char *)host + (size_t)(index * t->cols) * p->ctx->element_size;
}

/* Draws block after block; 0, or -1 when there is no memory for the work. */
static int fill(const seqgpu_params *p, const sq_tensor *t, const sq_drawing *d, sq_rng *rng, void *host) {
  const int64_t step = d->block_rows ? d->block_rows : t->rows;
  int failed = 0;
  for (int64_t r = 0; r < t->rows && !failed; r += step) {
    if (p->ctx->dtype == SEQGPU_DTYPE_F64)
      failed = d->init->fill_f64(rng, step, t->cols, d->scale, row(p, t, host, r));
    else
      failed = d->init->fill_f32(rng, step, t->cols, d->scale, row(p, t, host, r));
  }
  return failed;
}

static void add_shift(const seqgpu_params *p, const sq_tensor *t, const sq_drawing *d, void *host) {
  for (int64_t i = d->first * t->cols; i < d->last * t->cols; i++) {
    if (p->ctx->dtype == SEQGPU_DTYPE_F64)
      ((double *)host)[i] += d->shift;
    else
      ((float *)host)[i] += (float)d->shift;
  }
}

static seqgpu_status check_square(seqgpu_params *p, const char *name, int64_t rows, int64_t cols,
                                  const sq_drawing *d) {
  const int64_t height = d->block_rows ? d->block_rows : rows;
  if (!d->init->square || (height == cols && height <= INT32_MAX)) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "init: \"%s\" is for square matrices, and \"%.60s\" is [%lld, %lld]",
                 d->init->name, name, (long long)height, (long long)cols);
}

seqgpu_status sq_params_draw(seqgpu_params *p, const sq_tensor *t, const sq_drawing *d) {
  SQ_TRY(check_square(p, t->name, t->rows, t->cols, d));
  const size_t bytes = (size_t)sq_tensor_count(t) * p->ctx->element_size;
  void *host = sq_host_alloc(p->ctx, bytes ? bytes : 1);
  if (host == NULL) return sq_fail(p->ctx, SEQGPU_ENOMEM, "params: out of memory");
  sq_rng rng = sq_params_next_rng(p);
  seqgpu_status status;
  if (fill(p, t, d, &rng, host)) {
    status = sq_fail(p->ctx, SEQGPU_ENOMEM, "init: out of memory for \"%s\"", d->init->name);
  } else {
    add_shift(p, t, d, host);
    status = seqgpu_copy_in(p->ctx, sq_params_address(p, t, p->blocks[t->block].value), host, bytes);
  }
  sq_host_free(p->ctx, host);
  return status;
}

seqgpu_status sq_params_drawing(seqgpu_params *p, const char *init, double scale, sq_drawing *out) {
  *out = (sq_drawing){.init = sq_initialiser_find(init ? init : ""), .scale = scale};
  if (out->init == NULL)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "init: \"%.40s\" is not an initialiser", init ? init : "(NULL)");
  if (!isfinite(scale)) return sq_fail(p->ctx, SEQGPU_EINVAL, "scale: is not finite");
  return SEQGPU_OK;
}

static seqgpu_status find_tensor(seqgpu_params *p, const char *name, const sq_tensor **out) {
  *out = name ? sq_params_tensor(p, name) : NULL;
  if (*out) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "name: there is no tensor \"%.60s\"", name ? name : "(NULL)");
}

seqgpu_status seqgpu_params_init(seqgpu_params *p, const char *name, const char *init, double scale) {
  if (p == NULL) return SEQGPU_EINVAL;
  sq_drawing drawing;
  const sq_tensor *t;
  SQ_TRY(sq_params_drawing(p, init, scale, &drawing));
  SQ_TRY(find_tensor(p, name, &t));
  return sq_params_draw(p, t, &drawing);
}

/* ---------------------------------------------------------------- gates
 * A gate's columns in `gates` are its rows in weight_ih, weight_hh and bias. */

/* Open, they keep the old state: forget gate and update gate. */
static const char *const keeping_gates[] = {"f", "u"};

sq_drawing sq_params_standard_drawing(const seqgpu_plan *plan, int index, const seqgpu_param_info *info) {
  const sq_param *own = sq_plan_param(plan, index);
  if (own->init) return (sq_drawing){.init = sq_initialiser_find(own->init), .scale = own->init_scale};
  sq_drawing d = {.init = sq_initialiser_find("uniform"), .scale = 1 / sqrt((double)plan->desc.hidden_size)};
  const sq_part *forget = sq_layout_gate(&plan->first, "f");
  if (forget == NULL || !sq_starts_with(info->name, "bias_l")) return d;
  d.first = forget->place.column;
  d.last = d.first + forget->width;
  d.shift = 1;
  return d;
}

/* ---------------------------------------------------------------- names of a network's parameters */

seqgpu_status sq_params_full_name(seqgpu_params *p, const char *prefix, const seqgpu_param_info *info,
                                  char out[SQ_NAME_SIZE]) {
  const char *const dot = prefix && prefix[0] ? "." : "";
  const int length = snprintf(out, SQ_NAME_SIZE, "%s%s%s", prefix ? prefix : "", dot, info->name);
  if (length >= 0 && length < SQ_NAME_SIZE) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "prefix: \"%.40s...\" makes names longer than %d bytes", prefix,
                 SQ_NAME_SIZE - 1);
}

/* Parameter `index` of the plan and the tensor that seqgpu_params_add_rnn made of it. */
static seqgpu_status find_recurrent(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan, int index,
                                    seqgpu_param_info *info, const sq_tensor **out) {
  char name[SQ_NAME_SIZE];
  SQ_TRY(seqgpu_plan_param_get(p->ctx, plan, index, info));
  SQ_TRY(sq_params_full_name(p, prefix, info, name));
  SQ_TRY(find_tensor(p, name, out));
  if ((*out)->rows == info->rows && (*out)->cols == info->cols) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "plan: its %s is [%lld, %lld], and \"%.60s\" is [%lld, %lld]",
                 info->name, (long long)info->rows, (long long)info->cols, name, (long long)(*out)->rows,
                 (long long)(*out)->cols);
}

/* ---------------------------------------------------------------- schemes */

/* A scale of 0 stands for 1/sqrt(hidden_size). */
typedef struct scheme {
  const char *name;
  const char *recurrent; /* each gate's weight_hh */
  double recurrent_scale;
  const char *input; /* each gate's weight_ih */
  double input_scale;
  const char *bias;
} scheme;

static const scheme schemes[] = {
    {"pytorch", "uniform", 0, "uniform", 0, "uniform"},    /* what seqgpu_params_add_rnn does */
    {"irnn", "identity", 1, "normal", 0.001, "zeros"},     /* Le, Jaitly, Hinton 2015 */
    {"np", "np", 1, "xavier", 1, "zeros"},                 /* Talathi, Vartak 2015 */
    {"careful", "sparse", 1.1, "normal", 0.1, "zeros"},    /* Sutskever, Martens, Dahl, Hinton 2013 */
    {"orthogonal", "orthogonal", 1, "xavier", 1, "zeros"}, /* Saxe, McClelland, Ganguli 2013 */
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

/* NULL, and a sentence that lists them all, if there is no such scheme. */
static const scheme *find_scheme(seqgpu_params *p, const char *name) {
  char list[160] = "";
  for (int i = 0; i < SCHEMES; i++) {
    if (name && strcmp(name, schemes[i].name) == 0) return &schemes[i];
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", schemes[i].name);
  }
  sq_fail(p->ctx, SEQGPU_EINVAL, "scheme: \"%.40s\" is none of %s", name ? name : "(NULL)", list);
  return NULL;
}

/* How the scheme draws a parameter of the plan; 0 if it leaves it alone. */
static int scheme_drawing(const scheme *s, const seqgpu_plan *plan, int index, const seqgpu_param_info *info,
                          double scale, sq_drawing *out) {
  const int64_t H = plan->desc.hidden_size;
  if (sq_plan_param(plan, index)->init) return 0; /* the cell knows better */
  *out = sq_params_standard_drawing(plan, index, info);
  if (sq_starts_with(info->name, "bias_")) {
    out->init = sq_initialiser_find(s->bias);
    return 1;
  }
  const int recurrent = sq_starts_with(info->name, "weight_hh_");
  if (!recurrent && !sq_starts_with(info->name, "weight_ih_")) return 0;
  const double given = recurrent ? (scale != 0 ? scale : s->recurrent_scale) : s->input_scale;
  out->init = sq_initialiser_find(recurrent ? s->recurrent : s->input);
  if (given != 0) out->scale = given;
  out->block_rows = info->rows % H == 0 ? H : 0;
  return 1;
}

/* Everything that can be wrong is found before anything is drawn. */
static seqgpu_status check_scheme(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                  const scheme *s, double scale) {
  int recurrent = 0;
  if (plan == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "plan: is NULL");
  if (!isfinite(scale)) return sq_fail(p->ctx, SEQGPU_EINVAL, "scale: is not finite");
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    const sq_tensor *t;
    sq_drawing drawing;
    SQ_TRY(find_recurrent(p, prefix, plan, i, &info, &t));
    if (!scheme_drawing(s, plan, i, &info, scale, &drawing)) continue;
    SQ_TRY(check_square(p, t->name, t->rows, t->cols, &drawing));
    recurrent += sq_starts_with(info.name, "weight_hh_");
  }
  if (recurrent) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "scheme: \"%s\" draws weight_hh, which cell \"%s\" has not", s->name,
                 plan->desc.cell);
}

seqgpu_status seqgpu_params_init_rnn(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                     const char *name, double scale) {
  if (p == NULL) return SEQGPU_EINVAL;
  const scheme *s = find_scheme(p, name);
  if (s == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_scheme(p, prefix, plan, s, scale));
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    const sq_tensor *t;
    sq_drawing drawing;
    SQ_TRY(find_recurrent(p, prefix, plan, i, &info, &t));
    if (scheme_drawing(s, plan, i, &info, scale, &drawing)) SQ_TRY(sq_params_draw(p, t, &drawing));
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- biases of gates */

/* Overwrites a gate's rows of a bias. */
static seqgpu_status set_rows(seqgpu_params *p, const sq_tensor *t, const sq_part *gate, double value) {
  sq_tensor part = *t;
  part.rows = gate->width;
  part.offset += gate->place.column * t->cols;
  const sq_drawing drawing = {.init = sq_initialiser_find("constant"), .scale = value};
  return sq_params_draw(p, &part, &drawing);
}

seqgpu_status seqgpu_params_set_gate_bias(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                          const char *gate, double value) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (plan == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "plan: is NULL");
  if (!isfinite(value)) return sq_fail(p->ctx, SEQGPU_EINVAL, "value: is not finite");
  const sq_part *found = gate ? sq_layout_gate(&plan->first, gate) : NULL;
  for (int i = 0; i < 2 && gate == NULL && found == NULL; i++)
    found = sq_layout_gate(&plan->first, keeping_gates[i]);
  if (found == NULL || plan->first.bias < 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "gate: cell \"%s\" has no gate %.20s with a bias of its own",
                   plan->desc.cell, gate ? gate : "f or u");
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    const sq_tensor *t;
    SQ_TRY(find_recurrent(p, prefix, plan, i, &info, &t));
    if (sq_starts_with(info.name, "bias_l")) SQ_TRY(set_rows(p, t, found, value));
  }
  return SEQGPU_OK;
}
