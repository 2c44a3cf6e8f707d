/* share.c - moments that processes share out (share.h): stage 1 of ZeRO, Rajbhandari, Rasley, Ruwase, He, SC
 * 2020.
 *
 *   gradients   averaged, and whole in every process: clipping sees the norm that it would see without
 *   moments     a slice of every block in each process
 *   values      each process updates its slice, and all get all slices
 *
 * The update of an element knows no other element, so results are those of a process that has all.  To the
 * bit, too: a slice begins a multiple of the optimiser's stride behind the beginning of what is updated in
 * one go (core/optimizer.c).
 */
#include "host/params/share.h"

enum { STRIDE = 4096 }; /* elements */

/* ---------------------------------------------------------------- slices */

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* Where the piece of block i begins that is updated in one go and has element `at`. */
static int64_t piece_of(const seqgpu_params *p, int i, int64_t at) {
  int64_t first = 0;
  for (int k = 0; k < p->tensor_count; k++) {
    const sq_tensor *t = p->tensors[k];
    const int64_t end = t->offset + sq_tensor_elements(t);
    if (t->block != i || (t->lr == 1 && !t->fixed)) continue;
    if (t->offset <= at) first = later(first, t->offset);
    if (end <= at) first = later(first, end);
  }
  return first;
}

/* Slices of nearly one size, each from edges[rank] to edges[rank + 1]. */
static seqgpu_status find_edges(seqgpu_params *p, int i) {
  sq_param_block *b = &p->blocks[i];
  const int64_t N = p->share.size;
  b->edges = sq_host_alloc(p->ctx, (size_t)(N + 1) * sizeof *b->edges);
  if (b->edges == NULL) return sq_fail(p->ctx, SEQGPU_ENOMEM, "params: out of memory");
  for (int64_t r = 1; r < N; r++) {
    const int64_t at = b->elements / N * r + b->elements % N * r / N, first = piece_of(p, i, at);
    b->edges[r] = later(b->edges[r - 1], first + (at - first) / STRIDE * STRIDE);
  }
  b->edges[N] = b->elements;
  return SEQGPU_OK;
}

/* A moment moves to new memory of its elements from `first` on, of which `count` from `from` on are kept. */
static seqgpu_status move(seqgpu_params *p, void **moment, int64_t was, int64_t first, int64_t elements,
                          int64_t from, int64_t count) {
  const size_t size = p->ctx->element_size;
  void *to;
  if (*moment == NULL) return SEQGPU_OK;
  SQ_TRY(seqgpu_malloc(p->ctx, (size_t)elements * size, &to));
  const seqgpu_status status =
      seqgpu_copy(p->ctx, (char *)to + (size_t)(from - first) * size,
                  (const char *)*moment + (size_t)(from - was) * size, (size_t)count * size);
  seqgpu_free(p->ctx, status == SEQGPU_OK ? *moment : to);
  if (status == SEQGPU_OK) *moment = to;
  return status;
}

static seqgpu_status cut_block(seqgpu_params *p, sq_param_block *b) {
  const int64_t first = b->edges[p->share.rank], count = b->edges[p->share.rank + 1] - first;
  SQ_TRY(move(p, &b->first, 0, first, count, first, count));
  SQ_TRY(move(p, &b->second, 0, first, count, first, count));
  b->is_cut = 1;
  return SEQGPU_OK;
}

seqgpu_status sq_share_cut(seqgpu_params *p) {
  for (int i = 0; i < p->block_count; i++) {
    sq_param_block *b = &p->blocks[i];
    if (b->edges && !b->is_cut) SQ_TRY(cut_block(p, b));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_share_make_whole(seqgpu_params *p) {
  for (int i = 0; i < p->block_count; i++) {
    sq_param_block *b = &p->blocks[i];
    if (!b->is_cut) continue;
    const int64_t first = sq_share_first(p, b), count = sq_share_end(p, b) - first;
    SQ_TRY(move(p, &b->first, first, 0, b->elements, first, count));
    SQ_TRY(move(p, &b->second, first, 0, b->elements, first, count));
    b->is_cut = 0;
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- sharing */

seqgpu_status sq_share_moments(seqgpu_params *p, int rank, int size, sq_params_gather *gather, void *about) {
  SQ_TRY(sq_share_check_whole(p, "comm_share_moments"));
  p->share = (sq_params_share){rank, size, gather, about};
  for (int i = 0; i < p->block_count; i++) {
    sq_param_block *b = &p->blocks[i];
    sq_host_free(p->ctx, b->edges);
    b->edges = NULL;
    if (b->grad) SQ_TRY(find_edges(p, i));
  }
  return sq_share_cut(p);
}

seqgpu_status sq_share_check_whole(const seqgpu_params *p, const char *call) {
  for (int i = 0; i < p->block_count; i++)
    if (p->blocks[i].is_cut && (p->blocks[i].first || p->blocks[i].second))
      return sq_fail(
          p->ctx, SEQGPU_EINVAL,
          "%s: the moments are shared out among processes; seqgpu_comm_collect_moments must come first",
          call);
  return SEQGPU_OK;
}
