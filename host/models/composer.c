/* composer.c - a model of polyphonic music on the tape (seqgpu/composer.h has the equations). */
#include "seqgpu/composer.h"

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/record.h"

struct seqgpu_composer {
  seqgpu_context *ctx;
  seqgpu_composer_desc desc;
  seqgpu_param network, weight, bias;
};

enum { MOST = 1 << 30 }; /* of anything that is counted */

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_composer_desc *d, const seqgpu_plan *plan) {
  const int64_t reads = seqgpu_plan_get_desc(plan).input_size;
  SQ_TRY(sq_check_range(ctx, "composer: keys", d->keys, 1, MOST));
  if (!(d->dropout >= 0 && d->dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "composer: dropout is %g; it must be from 0 to 1", d->dropout);
  if (!(d->input_dropout >= 0 && d->input_dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "composer: input_dropout is %g; it must be from 0 to 1",
                   d->input_dropout);
  if (seqgpu_plan_get_desc(plan).bidirectional)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "composer: the plan reads in both directions; it must not know what comes");
  if (reads == d->keys) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "composer: the plan has input_size %lld; it must be %lld",
                 (long long)reads, (long long)d->keys);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_composer *m, const seqgpu_plan *plan) {
  const int64_t Y = seqgpu_plan_get_sizes(plan).output_width;
  SQ_TRY(seqgpu_params_add_rnn(p, "rnn", plan, &m->network));
  SQ_TRY(seqgpu_params_add(p, "output.weight", m->desc.keys, Y, "xavier", 1, &m->weight));
  return seqgpu_params_add(p, "output.bias", m->desc.keys, 1, "zeros", 0, &m->bias);
}

seqgpu_status seqgpu_composer_create_(seqgpu_params *params, const seqgpu_composer_desc *desc, size_t size,
                                      const seqgpu_plan *plan, seqgpu_composer **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || plan == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "composer: %s is NULL", !out ? "out" : !desc ? "desc" : "plan");
  seqgpu_composer_desc given;
  SQ_TRY(sq_struct_in(ctx, "composer_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, plan));
  seqgpu_composer *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "composer: out of memory");
  *m = (seqgpu_composer){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, plan);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_composer_destroy(m);
  return status;
}

void seqgpu_composer_destroy(seqgpu_composer *m) {
  if (m) sq_host_free(m->ctx, m);
}

seqgpu_tensor *seqgpu_composer_logits(const seqgpu_composer *m, seqgpu_tape *t, const seqgpu_plan *plan,
                                      int64_t T, int64_t B, const int32_t *lengths, const void *before,
                                      seqgpu_tensor *const *initial, seqgpu_tensor **h) {
  if (h) *h = NULL;
  if (t == NULL) return NULL;
  if (m == NULL || plan == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "composer: %s is NULL", m ? "plan" : "composer");
  const int64_t shape[] = {T, B, m->desc.keys};
  seqgpu_tensor *x = seqgpu_tape_dropout(t, seqgpu_tape_input(t, 3, shape, before), m->desc.input_dropout);
  seqgpu_tensor *read = lengths ? seqgpu_tape_lengths(t, B, lengths) : NULL;
  seqgpu_tensor *y = seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &m->network), x, initial, read);
  if (h) *h = y;
  return seqgpu_tape_linear(t, seqgpu_tape_dropout(t, y, m->desc.dropout), seqgpu_tape_param(t, &m->weight),
                            seqgpu_tape_param(t, &m->bias));
}
