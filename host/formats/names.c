/* names.c - a network's parameters in a list of arrays, under our names or PyTorch's (names.h).
 *
 * Where we have one bias PyTorch has two, bias_ih and bias_hh, of which ours is the sum.  A GRU that resets
 * after the product keeps the candidate's part of bias_hh apart, as bias_rec [H]: it is multiplied by the
 * reset gate.
 */
#include "host/formats/names.h"

#include <stdio.h>
#include <string.h>

#include "host/formats/foreign.h"
#include "host/params/params.h"
#include "host/plan/layers.h"

enum { NAME = 512 };

/* The arrays that one bias of ours is made of; own is under our name. */
typedef struct pair {
  sq_array *own, *ih, *hh;
  char own_name[NAME], ih_name[NAME], hh_name[NAME];
} pair;

/* "bias_l0" or "bias_rec_l0": the arrays for "_l0". */
static pair find_pair(const sq_arrays *a, const char *prefix, const char *name) {
  pair p;
  const char *suffix = strstr(name, "_l");
  snprintf(p.own_name, NAME, "%s%s", prefix, name);
  snprintf(p.ih_name, NAME, "%sbias_ih%s", prefix, suffix);
  snprintf(p.hh_name, NAME, "%sbias_hh%s", prefix, suffix);
  p.own = sq_arrays_find(a, p.own_name);
  p.ih = sq_arrays_find(a, p.ih_name);
  p.hh = sq_arrays_find(a, p.hh_name);
  return p;
}

/* Of a pair that is no bias of our own. */
static int is_missing(const pair *p) { return p->ih == NULL && p->hh == NULL; }

/* ---------------------------------------------------------------- shapes */

static seqgpu_status fit(const sq_arrays *a, const char *prefix, const seqgpu_param_info *info, int bare) {
  char name[NAME];
  snprintf(name, sizeof name, "%s%s", prefix, info->name);
  if (!sq_starts_with(info->name, "bias_"))
    return sq_arrays_fit(a, sq_arrays_find(a, name), name, info->rows, info->cols);
  const pair p = find_pair(a, prefix, info->name);
  if (p.own) return sq_arrays_fit(a, p.own, p.own_name, info->rows, 1);
  if (bare && is_missing(&p)) return SEQGPU_OK;
  const int64_t rows = sq_starts_with(info->name, "bias_rec_") ? 3 * info->rows : info->rows;
  SQ_TRY(sq_arrays_fit(a, p.ih, p.ih_name, rows, 1));
  return sq_arrays_fit(a, p.hh, p.hh_name, rows, 1);
}

static seqgpu_status fit_all(const sq_arrays *a, const char *prefix, const seqgpu_plan *plan, int bare) {
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    const seqgpu_param_info info = sq_plan_param_info(plan, i);
    SQ_TRY(fit(a, prefix, &info, bare));
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- numbers */

/* bias [n] = bias_ih + bias_hh, but the last r of bias_hh are rec [r]. */
static seqgpu_status take_pair(const sq_arrays *a, const pair *p, int64_t n, double *bias, int64_t r,
                               double *rec) {
  double *other = sq_host_alloc(a->ctx, (size_t)n * sizeof *other);
  if (other == NULL) return sq_fail(a->ctx, SEQGPU_ENOMEM, "%s: out of memory", a->path);
  seqgpu_status status = sq_arrays_take(a, p->ih, bias);
  if (status == SEQGPU_OK) status = sq_arrays_take(a, p->hh, other);
  for (int64_t i = 0; status == SEQGPU_OK && i < n - r; i++) bias[i] += other[i];
  if (status == SEQGPU_OK && r > 0) memcpy(rec, other + n - r, (size_t)r * sizeof *rec);
  sq_host_free(a->ctx, other);
  return status;
}

static seqgpu_status take_bias(const sq_arrays *a, const char *prefix, sq_foreign_net *net,
                               sq_foreign_tensor *t) {
  char rec_name[NAME];
  const pair p = find_pair(a, prefix, t->name);
  if (p.own) return sq_arrays_take(a, p.own, t->value);
  if (is_missing(&p) || sq_starts_with(t->name, "bias_rec_"))
    return SEQGPU_OK; /* the latter comes with its bias */
  snprintf(rec_name, sizeof rec_name, "bias_rec%s", strstr(t->name, "_l"));
  const sq_foreign_tensor *rec = sq_foreign_find(net->tensors, net->tensor_count, rec_name);
  return take_pair(a, &p, t->rows, t->value, rec ? rec->rows : 0, rec ? rec->value : NULL);
}

static seqgpu_status take_all(const sq_arrays *a, const char *prefix, sq_foreign_net *net) {
  char name[NAME];
  for (int i = 0; i < net->tensor_count; i++) {
    sq_foreign_tensor *t = &net->tensors[i];
    snprintf(name, sizeof name, "%s%s", prefix, t->name);
    if (sq_starts_with(t->name, "bias_"))
      SQ_TRY(take_bias(a, prefix, net, t));
    else
      SQ_TRY(sq_arrays_take(a, sq_arrays_find(a, name), t->value));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_names_take(const sq_arrays *a, const char *prefix, const char *name,
                            const seqgpu_rnn_desc *desc, int bare, sq_foreign *to, sq_foreign_net **net) {
  seqgpu_plan *plan;
  SQ_TRY(sq_foreign_plan(a->ctx, a->path, name, desc, &plan));
  const seqgpu_status status = fit_all(a, prefix, plan, bare);
  seqgpu_plan_destroy(plan);
  SQ_TRY(status);
  SQ_TRY(sq_foreign_add(a->ctx, to, a->path, name, desc, net));
  return take_all(a, prefix, *net);
}
