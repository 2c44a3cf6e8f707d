/* finite.c - where the first number stands that is infinite or NaN: in a buffer (seqgpu_check_finite), or
 * in what a run of a network has read and written (seqgpu_rnn_check_finite).
 *
 * It is what to ask after a loss or a norm that is not finite: nothing is looked at before, so nothing is
 * paid for it.  A run is searched in the order in which it was computed: inputs, the layers from the first
 * to the last, in each the earliest step, y; then the gradients at y, at the inputs (there the step that
 * backward came to first) and of the parameters.
 */
#include "host/run/finite.h"

#include <math.h>

#include "host/plan/layers.h"
#include "host/run/network.h"
#include "seqgpu/ops.h"

/* ---------------------------------------------------------------- a buffer */

static double element_of(const seqgpu_context *ctx, const void *host, int64_t i) {
  return ctx->dtype == SEQGPU_DTYPE_F64 ? ((const double *)host)[i] : (double)((const float *)host)[i];
}

enum { PIECE = 1 << 16 };

seqgpu_status sq_first_not_finite(seqgpu_context *ctx, const void *device, int64_t count, int64_t *index,
                                  double *value) {
  *index = -1;
  if (device == NULL || count == 0) return SEQGPU_OK;
  void *host = sq_host_alloc(ctx, (size_t)(count < PIECE ? count : PIECE) * ctx->element_size);
  if (host == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "check_finite: out of memory for a host copy");
  seqgpu_status status = SEQGPU_OK;
  for (int64_t first = 0; status == SEQGPU_OK && *index < 0 && first < count; first += PIECE) {
    const int64_t n = count - first < PIECE ? count - first : PIECE;
    status = seqgpu_copy_out(ctx, host, (const char *)device + (size_t)first * ctx->element_size,
                             (size_t)n * ctx->element_size);
    for (int64_t i = 0; status == SEQGPU_OK && *index < 0 && i < n; i++) {
      *value = element_of(ctx, host, i);
      if (!isfinite(*value)) *index = first + i;
    }
  }
  sq_host_free(ctx, host);
  return status;
}

seqgpu_status seqgpu_check_finite(seqgpu_context *ctx, const char *name, const void *x, int64_t count) {
  int64_t index;
  double value;
  SQ_TRY(sq_usable(ctx));
  if (count < 0 || (count > 0 && x == NULL))
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "check_finite: count is %lld and x is %s; there must be so many elements",
                   (long long)count, x ? "given" : "NULL");
  SQ_TRY(sq_first_not_finite(ctx, x, count, &index, &value));
  if (index < 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_ENONFINITE, "%.60s: element %lld of %lld is %g", name ? name : "x",
                 (long long)index, (long long)count, value);
}

/* ---------------------------------------------------------------- a run */

/* Where the search is; lengths [B] in host memory, or NULL. */
typedef struct search {
  sq_net net;
  int32_t *lengths;
} search;

static int is_padded(const search *s, int64_t t, int64_t b) { return s->lengths && t >= s->lengths[b]; }

/* [T,B,width] of the caller's, of which it names the first step, or for a gradient the last. */
static seqgpu_status check_steps(const search *s, const char *name, const void *device, int64_t width,
                                 int from_last) {
  const seqgpu_rnn_run *run = s->net.run;
  const int64_t T = run->seq_len, B = run->batch, rows = T * B;
  const int major = s->net.plan->desc.batch_first;
  seqgpu_context *ctx = s->net.ctx;
  int64_t any;
  double unused;
  SQ_TRY(sq_first_not_finite(ctx, device, rows * width, &any, &unused));
  if (any < 0) return SEQGPU_OK;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t t = from_last ? T - 1 - i / B : i / B, b = i % B, row = major ? b * T + t : t * B + b;
    int64_t index;
    double value;
    if (is_padded(s, t, b)) continue;
    SQ_TRY(sq_first_not_finite(ctx, (const char *)device + (size_t)(row * width) * ctx->element_size, width,
                               &index, &value));
    if (index >= 0)
      return sq_fail(ctx, SEQGPU_ENONFINITE, "rnn: %s is %g at step %lld of sequence %lld, element %lld",
                     name, value, (long long)t, (long long)b, (long long)index);
  }
  return SEQGPU_OK;
}

/* The parameters, or their gradients, by their names. */
static seqgpu_status check_params(const search *s, const char *what, const void *device) {
  seqgpu_context *ctx = s->net.ctx;
  for (int i = 0; device && i < seqgpu_plan_param_count(s->net.plan); i++) {
    seqgpu_param_info p;
    int64_t index;
    double value;
    SQ_TRY(seqgpu_plan_param_get(ctx, s->net.plan, i, &p));
    SQ_TRY(sq_first_not_finite(ctx, sq_net_at(&s->net, device, p.offset), p.rows * p.cols, &index, &value));
    if (index >= 0)
      return sq_fail(ctx, SEQGPU_ENONFINITE, "rnn: %s%s is %g at [%lld,%lld]", what, p.name, value,
                     (long long)(index / p.cols), (long long)(index % p.cols));
  }
  return SEQGPU_OK;
}

static seqgpu_status check_states(const search *s, const char *name, const void *const *states) {
  const seqgpu_plan *plan = s->net.plan;
  for (int k = 0; k < plan->first.states; k++) {
    const int64_t width = plan->first.state_width[k], layer = s->net.run->batch * width;
    int64_t index;
    double value;
    SQ_TRY(
        sq_first_not_finite(s->net.ctx, states[k], plan->layers * plan->directions * layer, &index, &value));
    if (index >= 0)
      return sq_fail(
          s->net.ctx, SEQGPU_ENONFINITE, "rnn: %s[%d] is %g in row %lld of sequence %lld, unit %lld", name, k,
          value, (long long)(index / layer), (long long)(index % layer / width), (long long)(index % width));
  }
  return SEQGPU_OK;
}

/* A number of a part; `order` is smaller the earlier it was computed. */
typedef struct finding {
  const char *part;
  int64_t order, t, b, unit;
  double value;
} finding;

/* The earliest of part i of a layer and direction, whose numbers are in host[T,B,width]. */
static void search_part(const search *s, int64_t layer, int i, int reverse, const void *host, int64_t width,
                        finding *first) {
  const sq_part *part = &sq_plan_layout(s->net.plan, layer)->part[i];
  const int64_t T = s->net.run->seq_len, B = s->net.run->batch;
  for (int64_t k = 0; k < T * B * width; k++) {
    const int64_t t = k / width / B, b = k / width % B;
    const int64_t order =
        2 * (reverse ? T - 1 - t : t) + (part->place.buffer == SQ_STATE); /* gates come first */
    const double value = element_of(s->net.ctx, host, k);
    if (isfinite(value) || is_padded(s, t, b) || order >= first->order) continue;
    *first = (finding){part->name, order, t, b, k % width, value};
  }
}

/* The parts of a layer and direction, out of its reserve. */
static seqgpu_status check_layer(const search *s, const seqgpu_rnn_run *run, int64_t layer,
                                 int64_t direction) {
  const sq_net *n = &s->net;
  const sq_layout *l = sq_plan_layout(n->plan, layer);
  finding first = {.order = INT64_MAX};
  for (int i = 0; i < l->parts; i++) {
    int64_t width;
    SQ_TRY(
        seqgpu_rnn_inspect(n->ctx, n->plan, run, (int)layer, (int)direction, l->part[i].name, NULL, &width));
    void *host = sq_host_alloc(n->ctx, (size_t)(run->seq_len * run->batch * width) * n->element_size + 1);
    if (host == NULL) return sq_fail(n->ctx, SEQGPU_ENOMEM, "check_finite: out of memory for a host copy");
    const seqgpu_status status =
        seqgpu_rnn_inspect(n->ctx, n->plan, run, (int)layer, (int)direction, l->part[i].name, host, NULL);
    if (status == SEQGPU_OK)
      search_part(s, layer, i, direction == 1 || n->plan->desc.reverse, host, width, &first);
    sq_host_free(n->ctx, host);
    SQ_TRY(status);
  }
  if (first.part == NULL) return SEQGPU_OK;
  return sq_fail(n->ctx, SEQGPU_ENONFINITE,
                 "rnn: part %s of layer %lld, direction %lld is %g at step %lld of sequence %lld, unit %lld",
                 first.part, (long long)layer, (long long)direction, first.value, (long long)first.t,
                 (long long)first.b, (long long)first.unit);
}

static seqgpu_status check_forward(const search *s) {
  const seqgpu_rnn_run *run = s->net.run;
  const seqgpu_plan *plan = s->net.plan;
  int carried = 0; /* the initial states may be the final ones by now */
  for (int k = 0; k < plan->first.states; k++)
    carried |= run->initial[k] != NULL && run->initial[k] == run->final[k];
  SQ_TRY(check_steps(s, "x", run->x, plan->desc.input_size, 0));
  SQ_TRY(check_params(s, "", run->params));
  if (!carried) SQ_TRY(check_states(s, "initial", run->initial));
  if (run->reserve && plan->algorithm->reserve == NULL)
    for (int64_t i = 0; i < plan->layers * plan->directions; i++)
      SQ_TRY(check_layer(s, run, i / plan->directions, i % plan->directions));
  SQ_TRY(check_steps(s, "y", run->y, plan->output_width, 0));
  return check_states(s, "final", (const void *const *)run->final);
}

/* Where dfinal and dinitial share their memory, it holds the latter. */
static seqgpu_status check_backward(const search *s) {
  const seqgpu_rnn_run *run = s->net.run;
  const int from_last = !s->net.plan->desc.reverse;
  SQ_TRY(check_steps(s, "dy", run->dy, s->net.plan->output_width, from_last));
  SQ_TRY(check_states(s, "dfinal", run->dfinal));
  SQ_TRY(check_steps(s, "dx", run->dx, s->net.plan->desc.input_size, from_last));
  SQ_TRY(check_params(s, "the gradient of ", run->dparams));
  return check_states(s, "dinitial", (const void *const *)run->dinitial);
}

static seqgpu_status fetch_lengths(search *s) {
  const seqgpu_rnn_run *run = s->net.run;
  if (run->lengths == NULL || run->batch == 0) return SEQGPU_OK;
  s->lengths = sq_host_alloc(s->net.ctx, (size_t)run->batch * sizeof *s->lengths);
  if (s->lengths == NULL)
    return sq_fail(s->net.ctx, SEQGPU_ENOMEM, "check_finite: out of memory for lengths");
  return seqgpu_copy_out(s->net.ctx, s->lengths, run->lengths, (size_t)run->batch * sizeof *s->lengths);
}

seqgpu_status seqgpu_rnn_check_finite_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                       const seqgpu_rnn_run *run, size_t run_size) {
  search s = {.lengths = NULL};
  SQ_TRY(sq_net_prepare(&s.net, ctx, plan, run, run_size));
  seqgpu_status status = fetch_lengths(&s);
  if (status == SEQGPU_OK) status = check_forward(&s);
  if (status == SEQGPU_OK) status = check_backward(&s);
  sq_host_free(ctx, s.lengths);
  return status;
}
