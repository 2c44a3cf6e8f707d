/* schemes.c - recurrent networks drawn again: by a named scheme, and the biases of gates (seqgpu/params.h).
 *
 * A scheme is a row of a table: an initialiser each for weight_ih, weight_hh and the biases.  It goes by the
 * names of the parameters and so serves every cell that has them.  A weight of several gates is drawn gate by
 * gate, because orthogonality and a spectral radius are properties of the [H,H] matrix that one gate's
 * recurrence repeats.
 */
#include <math.h>
#include <stdio.h>

#include "core/initialise.h"
#include "host/params/draw.h"
#include "host/params/store.h"
#include "host/plan/layers.h"

/* Parameter `index` of the plan and the tensor that seqgpu_params_add_rnn made of it. */
static seqgpu_status find_recurrent(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan, int index,
                                    seqgpu_param_info *info, sq_tensor **out) {
  char name[SQ_NAME_SIZE];
  *info = sq_plan_param_info(plan, index);
  SQ_TRY(sq_params_full_name(p, prefix, info->name, name));
  SQ_TRY(sq_params_find(p, name, out));
  if ((*out)->rows == info->rows && (*out)->cols == info->cols) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL,
                 "params: \"%.60s\" is [%lld,%lld]; for the plan's %s it must be [%lld,%lld]", name,
                 (long long)(*out)->rows, (long long)(*out)->cols, info->name, (long long)info->rows,
                 (long long)info->cols);
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
  sq_fail(p->ctx, SEQGPU_EINVAL, "params: scheme is \"%.40s\"; it must be one of %s", name ? name : "(NULL)",
          list);
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
  if (plan == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: plan is NULL");
  if (!isfinite(scale))
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: scale is %g; it must be finite", scale);
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    sq_tensor *t;
    sq_drawing drawing;
    SQ_TRY(find_recurrent(p, prefix, plan, i, &info, &t));
    if (!scheme_drawing(s, plan, i, &info, scale, &drawing)) continue;
    SQ_TRY(sq_params_check_drawing(p, t, &drawing));
    recurrent += sq_starts_with(info.name, "weight_hh_");
  }
  if (recurrent) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL,
                 "params: scheme \"%s\" draws weight_hh, which cell \"%s\" does not have", s->name,
                 plan->desc.cell);
}

seqgpu_status seqgpu_params_init_rnn(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                     const char *name, double scale) {
  if (p == NULL) return SEQGPU_EINVAL;
  const scheme *s = find_scheme(p, name);
  if (s == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_scheme(p, prefix, plan, s, scale));
  const sq_params_mark before = sq_params_now(p);
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    sq_tensor *t;
    sq_drawing drawing;
    status = find_recurrent(p, prefix, plan, i, &info, &t);
    if (status == SEQGPU_OK && scheme_drawing(s, plan, i, &info, scale, &drawing))
      status = sq_params_draw(p, t, &drawing);
  }
  return status == SEQGPU_OK ? status : sq_params_undo(p, before, status);
}

/* ---------------------------------------------------------------- biases of gates
 * A gate's columns in `gates` are its rows in weight_ih, weight_hh and bias. */

/* Open, they keep the old state: forget gate and update gate. */
static const char *const keeping_gates[] = {"f", "u"};

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
  if (plan == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: plan is NULL");
  if (!isfinite(value))
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: value is %g; it must be finite", value);
  const sq_part *found = gate ? sq_layout_gate(&plan->first, gate) : NULL;
  for (int i = 0; i < 2 && gate == NULL && found == NULL; i++)
    found = sq_layout_gate(&plan->first, keeping_gates[i]);
  if (found == NULL || plan->first.bias < 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL,
                   "params: there is no gate %.20s with a bias of its own in cell \"%s\"",
                   gate ? gate : "f or u", plan->desc.cell);
  const sq_params_mark before = sq_params_now(p);
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    sq_tensor *t;
    status = find_recurrent(p, prefix, plan, i, &info, &t);
    if (status == SEQGPU_OK && sq_starts_with(info.name, "bias_l")) status = set_rows(p, t, found, value);
  }
  return status == SEQGPU_OK ? status : sq_params_undo(p, before, status);
}
