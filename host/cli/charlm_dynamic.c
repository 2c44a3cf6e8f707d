/* charlm_dynamic.c - a language model that learns what it is measured on (charlm_dynamic.h). */
#include "host/cli/charlm_dynamic.h"

#include <stdlib.h>

int charlm_dynamic_prepare(charlm *m) {
  seqgpu_rnn_desc *rnn = &m->config.model.rnn;
  if (rnn->zoneout_hidden > 0 || rnn->zoneout_cell > 0 || rnn->batch_norm_input || rnn->batch_norm_steps > 0)
    return cli_error(
        "--dynamic: a model with zoneout or batch normalisation cannot learn as it is evaluated");
  rnn->dropout = rnn->recurrent_dropout = rnn->update_dropout = m->config.embedding_dropout = 0;
  rnn->omega = 0;
  m->config.model.shards = 0;
  return CLI_OK;
}

seqgpu_status charlm_dynamic_learn(const charlm_pass *p, int64_t T, const int32_t *ids,
                                   const int32_t *targets, double lr) {
  const seqgpu_optimizer sgd = {.kind = SEQGPU_OPTIMIZER_SGD, .lr = lr};
  LIB_TRY(seqgpu_params_zero_grad(p->model->params));
  LIB_TRY(charlm_backward(p, T, ids, targets, 0));
  return seqgpu_params_update(p->model->params, &sgd);
}

/* ---------------------------------------------------------------- the weights */

typedef enum copy_kind { COPY_NONE, COPY_OUT, COPY_IN } copy_kind;

/* Copies all trained tensors to kept, or from there, or only counts their elements. */
static seqgpu_status copy_weights(const charlm *m, copy_kind kind, float *kept, size_t *elements) {
  *elements = 0;
  for (int i = 0; i < seqgpu_params_count(m->params); i++) {
    seqgpu_param w;
    LIB_TRY(seqgpu_params_get(m->params, i, &w));
    if (w.grad == NULL) continue;
    const size_t count = (size_t)w.rows * (size_t)w.cols, size = count * sizeof *kept;
    if (kind == COPY_IN) LIB_TRY(seqgpu_copy_in(m->ctx, w.value, kept + *elements, size));
    if (kind == COPY_OUT) LIB_TRY(seqgpu_copy_out(m->ctx, kept + *elements, w.value, size));
    *elements += count;
  }
  return SEQGPU_OK;
}

seqgpu_status charlm_dynamic_keep(const charlm *m, float **kept) {
  size_t elements;
  LIB_TRY(copy_weights(m, COPY_NONE, NULL, &elements));
  *kept = malloc(elements * sizeof **kept);
  return *kept ? copy_weights(m, COPY_OUT, *kept, &elements) : cli_no_memory();
}

seqgpu_status charlm_dynamic_restore(const charlm *m, float *kept) {
  size_t elements;
  return copy_weights(m, COPY_IN, kept, &elements);
}
