/* drawer.c - a model of pen strokes on the tape (seqgpu/drawer.h has the equations). */
#include "seqgpu/drawer.h"

#include <stdio.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/record.h"

enum { POINT = 3, MOST_LAYERS = SEQGPU_DRAWER_LAYERS, MOST_MIXTURES = 1 << 24 };

struct seqgpu_drawer {
  seqgpu_context *ctx;
  seqgpu_drawer_desc desc;
  seqgpu_param layer[MOST_LAYERS], weight, bias;
};

/* ---------------------------------------------------------------- creating */

static seqgpu_status check_plan(seqgpu_context *ctx, const char *name, const seqgpu_plan *plan,
                                int64_t input) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  if (d.bidirectional)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "drawer: plan %s reads in both directions; it must not know what comes", name);
  if (d.num_layers > 1)
    return sq_fail(ctx, SEQGPU_EINVAL, "drawer: plan %s has num_layers %d; it must be 1", name,
                   (int)d.num_layers);
  if (d.input_size == input) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "drawer: plan %s has input_size %lld; it must be %lld", name,
                 (long long)d.input_size, (long long)input);
}

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_drawer_desc *d, const seqgpu_plan *first,
                                const seqgpu_plan *further) {
  const int64_t Y = seqgpu_plan_get_sizes(first).output_width;
  SQ_TRY(sq_check_range(ctx, "drawer: layers", d->layers, 1, MOST_LAYERS));
  SQ_TRY(sq_check_range(ctx, "drawer: mixtures", d->mixtures, 1, MOST_MIXTURES));
  if (!(d->dropout >= 0 && d->dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "drawer: dropout is %g; it must be from 0 to 1", d->dropout);
  SQ_TRY(check_plan(ctx, "first", first, POINT));
  if (d->layers == 1) return SEQGPU_OK;
  if (further == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "drawer: further is NULL; there are %lld layers",
                   (long long)d->layers);
  SQ_TRY(check_plan(ctx, "further", further, POINT + Y));
  if (seqgpu_plan_get_sizes(further).output_width == Y) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "drawer: the outputs of plan further have %lld elements, those of first %lld",
                 (long long)seqgpu_plan_get_sizes(further).output_width, (long long)Y);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_drawer *m, const seqgpu_plan *first,
                                 const seqgpu_plan *further) {
  const int64_t N = m->desc.layers, rows = 1 + 6 * m->desc.mixtures;
  for (int64_t n = 0; n < N; n++) {
    char name[32];
    snprintf(name, sizeof name, "layer%d", (int)n + 1);
    SQ_TRY(seqgpu_params_add_rnn(p, name, n ? further : first, &m->layer[n]));
  }
  SQ_TRY(seqgpu_params_add(p, "output.weight", rows, N * seqgpu_plan_get_sizes(first).output_width, "xavier",
                           1, &m->weight));
  return seqgpu_params_add(p, "output.bias", rows, 1, "zeros", 0, &m->bias);
}

seqgpu_status seqgpu_drawer_create_(seqgpu_params *params, const seqgpu_drawer_desc *desc, size_t size,
                                    const seqgpu_plan *first, const seqgpu_plan *further,
                                    seqgpu_drawer **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || first == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "drawer: %s is NULL", !out ? "out" : !desc ? "desc" : "first");
  seqgpu_drawer_desc given;
  SQ_TRY(sq_struct_in(ctx, "drawer_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, first, further));
  seqgpu_drawer *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "drawer: out of memory");
  *m = (seqgpu_drawer){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, first, further);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_drawer_destroy(m);
  return status;
}

void seqgpu_drawer_destroy(seqgpu_drawer *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- on the tape */

seqgpu_tensor *seqgpu_drawer_mixtures(const seqgpu_drawer *m, seqgpu_tape *t, const seqgpu_plan *first,
                                      const seqgpu_plan *further, int64_t T, int64_t B,
                                      const int32_t *lengths, const void *before,
                                      seqgpu_tensor *const *initial, seqgpu_tensor **h) {
  const int64_t shape[] = {T, B, POINT};
  if (h && m) memset(h, 0, (size_t)m->desc.layers * sizeof(seqgpu_tensor *));
  if (t == NULL) return NULL;
  if (m == NULL || first == NULL || (further == NULL && m->desc.layers > 1))
    return sq_tape_fail(t, SEQGPU_EINVAL, "drawer: %s is NULL", !m ? "drawer" : !first ? "first" : "further");
  const int states = seqgpu_plan_get_sizes(first).state_count;
  seqgpu_tensor *x = seqgpu_tape_input(t, 3, shape, before), *above = NULL, *all = NULL;
  seqgpu_tensor *read = lengths ? seqgpu_tape_lengths(t, B, lengths) : NULL;
  for (int64_t n = 0; n < m->desc.layers; n++) {
    seqgpu_tensor *y =
        seqgpu_tape_rnn(t, n ? further : first, seqgpu_tape_param(t, &m->layer[n]),
                        n ? seqgpu_tape_concat(t, above, x) : x, initial ? initial + n * states : NULL, read);
    if (h) h[n] = y;
    above = seqgpu_tape_dropout(t, y, m->desc.dropout);
    all = n ? seqgpu_tape_concat(t, all, above) : above;
  }
  return seqgpu_tape_linear(t, all, seqgpu_tape_param(t, &m->weight), seqgpu_tape_param(t, &m->bias));
}
