/* groups.c - learning rates of their own, and frozen tensors (seqgpu/params.h). */
#include <float.h>

#include "host/params/store.h"

static int is_of(const seqgpu_params *p, const sq_tensor *t, const char *prefix) {
  return p->blocks[t->block].grad != NULL && !t->fixed && sq_starts_with(t->name, prefix);
}

seqgpu_status seqgpu_params_set_lr(seqgpu_params *p, const char *prefix, double factor) {
  if (p == NULL) return SEQGPU_EINVAL;
  const char *start = prefix ? prefix : "";
  int found = 0;
  if (!(factor >= 0 && factor <= (double)FLT_MAX))
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params_set_lr: factor is %g; it must be from 0 to %g", factor,
                   (double)FLT_MAX);
  for (int i = 0; i < p->tensor_count; i++) found += is_of(p, p->tensors[i], start);
  if (found == 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL,
                   "params_set_lr: prefix is \"%.60s\"; the name of a trained tensor must begin with it",
                   start);
  SQ_TRY(sq_params_room_for_any_pieces(p));
  for (int i = 0; i < p->tensor_count; i++)
    if (is_of(p, p->tensors[i], start)) p->tensors[i]->lr = factor;
  return SEQGPU_OK;
}
