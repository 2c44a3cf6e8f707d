/* transcriber.c - a transcriber on the tape (seqgpu/transcriber.h has the equations). */
#include "seqgpu/transcriber.h"

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/record.h"

struct seqgpu_transcriber {
  seqgpu_context *ctx;
  seqgpu_transcriber_desc desc;
  seqgpu_param network, weight, bias;
};

enum { MOST = 1 << 30 }; /* of anything that is counted */

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_transcriber_desc *d,
                                const seqgpu_plan *plan) {
  const int64_t reads = seqgpu_plan_get_desc(plan).input_size;
  SQ_TRY(sq_check_range(ctx, "transcriber: features", d->features, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "transcriber: classes", d->classes, 2, MOST));
  if (!(d->dropout >= 0 && d->dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "transcriber: dropout is %g; it must be from 0 to 1", d->dropout);
  if (reads == d->features) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "transcriber: the plan has input_size %lld; it must be %lld",
                 (long long)reads, (long long)d->features);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_transcriber *m, const seqgpu_plan *plan) {
  const int64_t Y = seqgpu_plan_get_sizes(plan).output_width;
  SQ_TRY(seqgpu_params_add_rnn(p, "rnn", plan, &m->network));
  SQ_TRY(seqgpu_params_add(p, "output.weight", m->desc.classes, Y, "xavier", 1, &m->weight));
  return seqgpu_params_add(p, "output.bias", m->desc.classes, 1, "zeros", 0, &m->bias);
}

seqgpu_status seqgpu_transcriber_create_(seqgpu_params *params, const seqgpu_transcriber_desc *desc,
                                         size_t size, const seqgpu_plan *plan, seqgpu_transcriber **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || plan == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "transcriber: %s is NULL", !out ? "out" : !desc ? "desc" : "plan");
  seqgpu_transcriber_desc given;
  SQ_TRY(sq_struct_in(ctx, "transcriber_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, plan));
  seqgpu_transcriber *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "transcriber: out of memory");
  *m = (seqgpu_transcriber){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, plan);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_transcriber_destroy(m);
  return status;
}

void seqgpu_transcriber_destroy(seqgpu_transcriber *m) {
  if (m) sq_host_free(m->ctx, m);
}

seqgpu_tensor *seqgpu_transcriber_logits(const seqgpu_transcriber *m, seqgpu_tape *t, const seqgpu_plan *plan,
                                         int64_t T, int64_t B, const int32_t *lengths, const void *x) {
  if (t == NULL) return NULL;
  if (m == NULL || plan == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "transcriber: %s is NULL", m ? "plan" : "transcriber");
  const int64_t shape[] = {T, B, m->desc.features};
  seqgpu_tensor *y =
      seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &m->network), seqgpu_tape_input(t, 3, shape, x), NULL,
                      lengths ? seqgpu_tape_lengths(t, B, lengths) : NULL);
  return seqgpu_tape_linear(t, seqgpu_tape_dropout(t, y, m->desc.dropout), seqgpu_tape_param(t, &m->weight),
                            seqgpu_tape_param(t, &m->bias));
}
