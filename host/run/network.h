/* network.h - one pass through a network of layers, for the files that walk through it: rnn.c and tangent.c,
 * layer after layer, and wavefront.c, layers side by side.
 */
#ifndef SQ_NETWORK_H
#define SQ_NETWORK_H

#include "host/plan/map.h"

typedef struct sq_net {
  seqgpu_context *ctx;
  const seqgpu_plan *plan;
  const seqgpu_rnn_run *run; /* the caller's, or completed */
  const sq_network_map *map; /* the plan's, or own */
  int training;
  size_t element_size;
  seqgpu_rnn_run completed; /* where the caller's struct is an older one, or a newer one */
  sq_network_map own;       /* of a run that the plan has no map of */
} sq_net;

/* Checks the arguments of a run and fills *n. */
seqgpu_status sq_net_prepare(sq_net *n, seqgpu_context *ctx, const seqgpu_plan *plan,
                             const seqgpu_rnn_run *run, size_t run_size);
/* EINVAL "run.NAME: is NULL" if it is. */
seqgpu_status sq_run_need(seqgpu_context *ctx, const char *name, const void *pointer);
/* The first of these checks: that there is a run, for a plan of this context.  *out is the caller's, or where
 * its size is another one, *completed. */
seqgpu_status sq_net_take_run(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                              size_t run_size, seqgpu_rnn_run *completed, const seqgpu_rnn_run **out);
/* EINVAL if the run brings no room for packed weights, or brings it to a plan that has none. */
enum { SQ_PACKED_ALIGNMENT = 8 };
seqgpu_status sq_run_need_packed(seqgpu_context *ctx, const seqgpu_rnn_run *run);
seqgpu_status sq_run_without_packed(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run);

/* Address of element `offset` in a buffer; NULL if either is "not there".  Then in the two buffers of the
 * map: what a run keeps (its reserve, in inference its workspace), and what it borrows (its workspace). */
static inline void *sq_net_at(const sq_net *n, const void *base, int64_t offset) {
  return base == NULL || offset < 0 ? NULL : (char *)(uintptr_t)base + (size_t)offset * n->element_size;
}
void *sq_net_kept(const sq_net *n, int64_t offset);
void *sq_net_borrowed(const sq_net *n, int64_t offset);

/* Everything of a layer and direction but y, dy and dx, which are 0.  Written in place: a copy would cost a
 * stream as much as some of its arithmetic. */
void sq_net_layer_run(const sq_net *n, int64_t layer, int64_t direction, sq_layer_run *out);

/* Where a layer writes y, and the gradient at its input: [T,B,Y], and [T,B,I] or NULL in layer 0. */
void *sq_net_output(const sq_net *n, int64_t layer);
void *sq_net_dx(const sq_net *n, int64_t layer);

/* State k of a layer and direction among the states of all of them, [L*N,B,W_k]; NULL for NULL. */
void *sq_net_state(const sq_net *n, int64_t layer, int64_t direction, int k, const void *states);

/* The caller's layout [B,T,width] of a batch_first plan to our [T,B,width] and back, and zeros at padded
 * steps. */
seqgpu_status sq_net_relayout(const sq_net *n, int to_time_major, int64_t width, const void *src, void *dst);

/* 1 if the output is the sum of two directions; then the second one's [T,B,Y] is added to the first one's. */
int sq_net_sums(const sq_net *n);
seqgpu_status sq_net_add(const sq_net *n, void *sum, const void *other);
/* Where a direction's columns begin in a [T,B,Y] buffer. */
int64_t sq_net_column(const sq_net *n, int64_t direction);

/* Tells run.ready that the gradient of a layer's parameters is final. */
seqgpu_status sq_net_tell(const sq_net *n, int64_t layer);

/* Dropout of a layer's output, or of the gradient there, in steps first .. first + steps - 1 of data [T,B,Y];
 * first is a multiple of 4, so that no Philox block of four numbers is cut. */
seqgpu_status sq_net_drop(const sq_net *n, int64_t layer, void *data, int64_t first, int64_t steps);

#endif
