/* transfer.c - networks between files and parameters on a device (transfer.h). */
#include "host/formats/transfer.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/formats/foreign.h"
#include "host/params/split.h"
#include "host/params/store.h"
#include "host/plan/plan.h"

/* What stands beside a network PREFIX: PREFIX.head.weight, PREFIX.initial.h. */
static const char head_room[] = "head.", state_room[] = "initial.";

static seqgpu_status full_name(seqgpu_params *p, const char *prefix, const char *room, const char *name,
                               char out[SQ_NAME_SIZE]) {
  char below[96];
  snprintf(below, sizeof below, "%s%s", room, name);
  return sq_params_full_name(p, prefix, below, out);
}

/* ---------------------------------------------------------------- numbers */

seqgpu_status sq_transfer_check(seqgpu_context *ctx, const char *name, const double *host, int64_t elements) {
  const double largest = ctx->dtype == SEQGPU_DTYPE_F64 ? DBL_MAX : FLT_MAX;
  for (int64_t i = 0; i < elements; i++)
    if (!(fabs(host[i]) <= largest)) /* a NaN as well */
      return sq_fail(ctx, SEQGPU_ENONFINITE, "import: \"%.80s\" has a number that is infinite or NaN", name);
  return SEQGPU_OK;
}

seqgpu_status sq_transfer_copy_in(seqgpu_context *ctx, const double *host, int64_t elements, void *device) {
  const size_t size = (size_t)elements * ctx->element_size;
  if (ctx->dtype == SEQGPU_DTYPE_F64) {
    SQ_TRY(seqgpu_copy_in(ctx, device, host, size));
    return seqgpu_synchronize(ctx);
  }
  float *narrow = sq_host_alloc(ctx, size);
  if (narrow == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "import: out of memory");
  for (int64_t i = 0; i < elements; i++) narrow[i] = (float)host[i];
  seqgpu_status status = seqgpu_copy_in(ctx, device, narrow, size);
  if (status == SEQGPU_OK) status = seqgpu_synchronize(ctx); /* page-locked memory is freed next */
  sq_host_free(ctx, narrow);
  return status;
}

static seqgpu_status copy_out(const seqgpu_params *p, const sq_tensor *t, double *host) {
  seqgpu_context *ctx = p->ctx;
  const int64_t elements = sq_tensor_elements(t);
  void *device = sq_params_address(p, t, p->blocks[t->block].value);
  if (ctx->dtype == SEQGPU_DTYPE_F64) return seqgpu_copy_out(ctx, host, device, (size_t)elements * 8);
  float *narrow = sq_host_alloc(ctx, (size_t)elements * sizeof *narrow);
  if (narrow == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "export: out of memory");
  const seqgpu_status status = seqgpu_copy_out(ctx, narrow, device, (size_t)elements * sizeof *narrow);
  for (int64_t i = 0; status == SEQGPU_OK && i < elements; i++) host[i] = narrow[i];
  sq_host_free(ctx, narrow);
  return status;
}

/* ---------------------------------------------------------------- into parameters */

/* Initial states are those of one sequence, [L N, W]. */
static int one_sequence(const sq_foreign_net *net, const sq_foreign_tensor *state) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int64_t h = d->projection_size ? d->projection_size : d->hidden_size;
  return state->rows == d->num_layers * (d->bidirectional ? 2 : 1) &&
         state->cols == (strcmp(state->name, "h") == 0 ? h : d->hidden_size);
}

/* Adds a tensor of a room: a parameter, or the initial state of one sequence; others are passed over. */
static seqgpu_status add(seqgpu_params *p, const char *prefix, const sq_foreign_net *net,
                         const sq_foreign_tensor *t, int is_state) {
  char name[SQ_NAME_SIZE];
  if (is_state && !one_sequence(net, t)) return SEQGPU_OK;
  SQ_TRY(full_name(p, prefix, is_state ? state_room : head_room, t->name, name));
  return is_state ? seqgpu_params_add_state(p, name, t->rows, t->cols, NULL)
                  : seqgpu_params_add(p, name, t->rows, t->cols, "zeros", 0, NULL);
}

seqgpu_status sq_transfer_add(seqgpu_params *p, const char *prefix, const sq_foreign_net *net) {
  seqgpu_plan *plan;
  SQ_TRY(sq_foreign_plan(p->ctx, "import", net->name, &net->desc, &plan));
  const sq_params_mark before = sq_params_now(p);
  seqgpu_status status = seqgpu_params_add_rnn(p, prefix, plan, NULL);
  seqgpu_plan_destroy(plan);
  for (int i = 0; status == SEQGPU_OK && i < net->head_count; i++)
    status = add(p, prefix, net, &net->head[i], 0);
  for (int i = 0; status == SEQGPU_OK && i < net->state_count; i++)
    status = add(p, prefix, net, &net->states[i], 1);
  return status == SEQGPU_OK ? status : sq_params_undo(p, before, status);
}

/* Visits the tensors of a room: with `copy` they are copied, else only looked at, so that nothing is copied
 * where a later one would be refused.  Those of a room that may be
 * missing in the parameters are passed over. */
static seqgpu_status visit(seqgpu_params *p, const char *prefix, const char *room, int optional,
                           const sq_foreign_tensor *list, int count, int copy) {
  char name[SQ_NAME_SIZE];
  for (int i = 0; i < count; i++) {
    const sq_foreign_tensor *t = &list[i];
    SQ_TRY(full_name(p, prefix, room, t->name, name));
    const sq_tensor *ours = sq_params_tensor(p, name);
    if (ours == NULL && optional) continue;
    if (ours == NULL)
      return sq_fail(
          p->ctx, SEQGPU_EINVAL,
          "import: params have no \"%s\"; seqgpu_params_add_rnn adds it with the descriptor of the file",
          name);
    if (ours->rows != t->rows || ours->cols != t->cols)
      return sq_fail(p->ctx, SEQGPU_EINVAL, "import: \"%s\" is [%lld,%lld]; in the file it is [%lld,%lld]",
                     name, (long long)ours->rows, (long long)ours->cols, (long long)t->rows,
                     (long long)t->cols);
    void *device = sq_params_address(p, ours, p->blocks[ours->block].value);
    const int64_t elements = t->rows * t->cols;
    SQ_TRY(copy ? sq_transfer_copy_in(p->ctx, t->value, elements, device)
                : sq_transfer_check(p->ctx, name, t->value, elements));
  }
  return SEQGPU_OK;
}

static seqgpu_status visit_all(seqgpu_params *p, const char *prefix, const sq_foreign_net *net, int copy) {
  SQ_TRY(visit(p, prefix, "", 0, net->tensors, net->tensor_count, copy));
  SQ_TRY(visit(p, prefix, head_room, 1, net->head, net->head_count, copy));
  return visit(p, prefix, state_room, 1, net->states, net->state_count, copy);
}

seqgpu_status sq_transfer_load(seqgpu_params *p, const char *prefix, const sq_foreign_net *net) {
  SQ_TRY(visit_all(p, prefix, net, 0));
  SQ_TRY(visit_all(p, prefix, net, 1));
  return sq_split_take_sums(p);
}

/* ---------------------------------------------------------------- out of parameters */

static const sq_tensor *find(const seqgpu_params *p, const char *prefix, const char *room, const char *name) {
  char full[SQ_NAME_SIZE + 96];
  snprintf(full, sizeof full, "%s%s%s%s", prefix ? prefix : "", prefix && prefix[0] ? "." : "", room, name);
  return sq_params_tensor(p, full);
}

static seqgpu_status take_tensor(const seqgpu_params *p, const char *prefix, sq_foreign_tensor *t) {
  const sq_tensor *ours = find(p, prefix, "", t->name);
  if (ours && ours->rows == t->rows && ours->cols == t->cols) return copy_out(p, ours, t->value);
  return sq_fail(p->ctx, SEQGPU_EINVAL,
                 "export: params have no \"%.60s\" [%lld,%lld] under prefix \"%.60s\"; the plan has it",
                 t->name, (long long)t->rows, (long long)t->cols, prefix ? prefix : "");
}

static seqgpu_status take_head(const seqgpu_params *p, const char *prefix, sq_foreign_net *net) {
  const sq_tensor *weight = find(p, prefix, head_room, "weight"), *bias = find(p, prefix, head_room, "bias");
  double *to_weight, *to_bias;
  if (weight == NULL || bias == NULL || bias->rows != weight->rows || bias->cols != 1) return SEQGPU_OK;
  SQ_TRY(sq_foreign_add_head(p->ctx, net, weight->rows, weight->cols, &to_weight, &to_bias));
  SQ_TRY(copy_out(p, weight, to_weight));
  return copy_out(p, bias, to_bias);
}

void sq_transfer_state_name(const seqgpu_plan *plan, int state, char out[SQ_STATE_NAME]) {
  const char *name = plan->first.cell->states; /* "h,c" */
  for (int k = 0; k < state; k++) name = strchr(name, ',') + 1;
  snprintf(out, SQ_STATE_NAME, "%.*s", (int)strcspn(name, ","), name);
}

static seqgpu_status take_states(const seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                 sq_foreign_net *net) {
  char name[SQ_STATE_NAME];
  double *value;
  for (int k = 0; k < plan->first.states; k++) {
    sq_transfer_state_name(plan, k, name);
    const sq_tensor *ours = find(p, prefix, state_room, name);
    if (ours == NULL || ours->cols != plan->first.state_width[k]) continue;
    SQ_TRY(sq_foreign_add_state(p->ctx, net, name, ours->rows, ours->cols, &value));
    SQ_TRY(copy_out(p, ours, value));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_transfer_take(const seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                               sq_foreign *to) {
  sq_foreign_net *net;
  const seqgpu_rnn_desc desc = seqgpu_plan_get_desc(plan);
  SQ_TRY(sq_foreign_add(p->ctx, to, "export", prefix ? prefix : "", &desc, &net));
  for (int i = 0; i < net->tensor_count; i++) SQ_TRY(take_tensor(p, prefix, &net->tensors[i]));
  SQ_TRY(take_head(p, prefix, net));
  return take_states(p, prefix, plan, net);
}
