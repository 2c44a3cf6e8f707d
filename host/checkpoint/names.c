/* names.c - what the tensors of a model are called in a file (names.h). */
#include "host/checkpoint/names.h"

#include <stdio.h>
#include <string.h>

#include "host/params/store.h"

const char sq_counters_name[] = "optimizer.counters", sq_clip_name[] = "optimizer.clip_state",
           sq_averaged_name[] = "optimizer.averaged";
const char *const sq_memory_prefix[] = {"", "optimizer.first.", "optimizer.second.", "optimizer.raw."};

void *sq_memory_of(const seqgpu_params *p, const sq_tensor *t, sq_memory which) {
  const sq_param_block *block = &p->blocks[t->block];
  const int averaged = p->averaged > 0 && block->average != NULL;
  void *const memory[] = {[SQ_MEMORY_VALUE] = averaged ? block->average : block->value,
                          [SQ_MEMORY_FIRST] = block->first,
                          [SQ_MEMORY_SECOND] = block->second,
                          [SQ_MEMORY_RAW] = p->in_use ? block->raw : block->value};
  return sq_params_address(p, t, memory[which]);
}

int sq_is_trained(const seqgpu_params *p, const sq_tensor *t) { return p->blocks[t->block].grad != NULL; }

int sq_is_sum(const seqgpu_params *p, const sq_tensor *t) {
  if (t->form != SQ_FORM_GRU_REC) return t->part[0] != NULL;
  for (int i = 0; i < p->tensor_count; i++)
    if (p->tensors[i]->rec == t) return 1;
  return 0;
}

sq_st_dtype sq_context_dtype(const seqgpu_context *ctx) {
  return ctx->dtype == SEQGPU_DTYPE_F64 ? SQ_ST_F64 : SQ_ST_F32;
}

void sq_bias_name(const char *name, const char *kind, char out[SQ_FILE_NAME]) {
  const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name, *layer = strstr(last, "_l");
  snprintf(out, SQ_FILE_NAME, "%.*s%s%s", (int)(last - name), name, kind, layer ? layer : "");
}
