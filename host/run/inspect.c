/* inspect.c - looking inside the cells of a run (seqgpu_rnn_inspect): a state or a gate of a layer, out of
 * its reserve. */
#include <string.h>

#include "host/run/guard.h"

/* Where a part lies in the reserve of one layer and direction: rows of `stride` elements, `width` of them its
 * own. */
typedef struct place {
  int64_t offset, stride, width;
} place;

/* Finds a part by its name; 0 if the cell has no such part. */
static int find_part(const sq_layer_run *s, const char *name, place *out) {
  const sq_layout *l = s->layout;
  const sq_reserve_map map = sq_reserve_layout(l, s->seq_len, s->batch);
  for (int i = 0; i < l->parts; i++) {
    const sq_part *p = &l->part[i];
    if (strcmp(name, p->name) != 0) continue;
    const int k = p->place.state;
    if (p->place.buffer == SQ_STATE)
      *out = (place){map.state[k] + sq_slot_next(s->reverse, 0) * s->batch * l->state_width[k],
                     l->state_width[k], p->width};
    else if (p->place.buffer == SQ_GATES)
      *out = (place){map.gates, l->gates, p->width};
    else
      *out = (place){map.aux, l->aux, p->width};
    out->offset += p->place.column;
    return 1;
  }
  return 0;
}

static seqgpu_status no_part(seqgpu_context *ctx, const seqgpu_plan *plan, const char *name) {
  char names[SQ_MAX_PARTS * 10] = "";
  for (int i = 0; i < plan->first.parts; i++) {
    if (i > 0) strcat(names, ", ");
    strcat(names, plan->first.part[i].name);
  }
  return sq_fail(ctx, SEQGPU_EINVAL, "inspect: part is \"%.20s\"; cell %s has %s", name ? name : "(NULL)",
                 plan->first.cell->name, names);
}

/* Copies the rows of a part from the device into dense rows out[rows,width]. */
static seqgpu_status copy_part(const sq_net *n, const void *reserve, const place *p, int64_t rows,
                               char *out) {
  const size_t element = n->element_size, width = (size_t)p->width * element,
               stride = (size_t)p->stride * element;
  char *block = sq_host_alloc(n->ctx, (size_t)rows * stride);
  if (block == NULL) return sq_fail(n->ctx, SEQGPU_ENOMEM, "inspect: out of memory for a host copy");
  const size_t size = (size_t)(rows - 1) * stride + width;
  const seqgpu_status status = seqgpu_copy_out(n->ctx, block, sq_net_at(n, reserve, p->offset), size);
  for (size_t r = 0; status == SEQGPU_OK && r < (size_t)rows; r++)
    memcpy(out + r * width, block + r * stride, width);
  sq_host_free(n->ctx, block);
  return status;
}

seqgpu_status seqgpu_rnn_inspect_(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                                  size_t run_size, int layer, int direction, const char *part, void *out,
                                  int64_t *width) {
  sq_net n;
  SQ_TRY(sq_net_prepare(&n, ctx, plan, run, run_size));
  SQ_TRY(sq_run_need(ctx, "reserve", n.run->reserve));
  SQ_TRY(sq_guard_sizes(&n));
  SQ_TRY(sq_stamp_check(&n));
  SQ_TRY(sq_check_range(ctx, "inspect: layer", layer, 0, plan->layers - 1));
  SQ_TRY(sq_check_range(ctx, "inspect: direction", direction, 0, plan->directions - 1));
  if (plan->algorithm->reserve)
    return sq_fail(
        ctx, SEQGPU_EUNSUPPORTED,
        "inspect: \"%s\" keeps its reserve in a form of its own; look inside with algorithm \"step\"",
        plan->algorithm->name);
  sq_layer_run s;
  sq_net_layer_run(&n, layer, direction, &s);
  place p;
  if (part == NULL || !find_part(&s, part, &p)) return no_part(ctx, plan, part);
  if (width) *width = p.width;
  const int64_t rows = n.run->seq_len * n.run->batch;
  return out == NULL || rows == 0 ? SEQGPU_OK : copy_part(&n, s.reserve, &p, rows, out);
}
