/* reservoir.c - how the reservoir of an echo state network runs (reservoir.h). */
#include "host/esn/reservoir.h"

/* A link costs more than an element of a row that is read from end to end, so that there must be few. */
enum { FEW = 8 };

static void *take(seqgpu_context *ctx, int64_t count, size_t size, seqgpu_status *status) {
  void *memory = sq_host_alloc(ctx, (size_t)count * size);
  if (memory == NULL)
    *status = sq_fail(ctx, SEQGPU_ENOMEM, "esn: out of memory for %lld links", (long long)count);
  return memory;
}

seqgpu_status sq_reservoir_open(seqgpu_context *ctx, const seqgpu_plan *plan, int64_t links,
                                sq_reservoir *out) {
  const int64_t H = plan->desc.hidden_size;
  *out = (sq_reservoir){.plan = plan};
  if (ctx->backend != &sq_backend_cpu || links > H / FEW || !sq_sparse_applies(&plan->first))
    return SEQGPU_OK;
  seqgpu_status status = SEQGPU_OK;
  out->links.first = take(ctx, H + 1, sizeof *out->links.first, &status);
  out->links.from = take(ctx, H * links, sizeof *out->links.from, &status);
  out->links.weight = take(ctx, H * links, ctx->element_size, &status);
  out->workspace = take(ctx, sq_sparse_workspace(&plan->first, plan->desc.batch), ctx->element_size, &status);
  out->links.most = status == SEQGPU_OK ? H * links : 0;
  return status;
}

void sq_reservoir_release(seqgpu_context *ctx, sq_reservoir *r) {
  sq_host_free(ctx, r->links.first);
  sq_host_free(ctx, r->links.from);
  sq_host_free(ctx, r->links.weight);
  sq_host_free(ctx, r->workspace);
  *r = (sq_reservoir){.plan = NULL};
}

void sq_reservoir_begin(seqgpu_context *ctx, sq_reservoir *r, const void *params) {
  const sq_layout *l = &r->plan->first;
  if (r->links.most == 0)
    r->sparse = 0;
  else if (ctx->dtype == SEQGPU_DTYPE_F64)
    r->sparse = sq_sparse_collect_f64(l, params, &r->links);
  else
    r->sparse = sq_sparse_collect_f32(l, params, &r->links);
}

seqgpu_status sq_reservoir_run(seqgpu_context *ctx, const sq_reservoir *r, const seqgpu_rnn_run *run) {
  if (!r->sparse) return seqgpu_rnn_forward(ctx, r->plan, run);
  const sq_layer_run layer = {.layout = &r->plan->first,
                              .seq_len = run->seq_len,
                              .batch = run->batch,
                              .params = run->params,
                              .x = run->x,
                              .ldx = r->plan->desc.input_size,
                              .initial = {run->initial[0]},
                              .y = run->y,
                              .ldy = r->plan->output_width,
                              .final = {run->final[0]},
                              .workspace = r->workspace};
  if (ctx->dtype == SEQGPU_DTYPE_F64)
    sq_sparse_forward_f64(&layer, &r->links);
  else
    sq_sparse_forward_f32(&layer, &r->links);
  return SEQGPU_OK;
}
