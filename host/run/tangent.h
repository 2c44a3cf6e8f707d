/* tangent.h - how the outputs of a run move when what it reads moves (tangent.c). */
#ifndef SQ_RUN_TANGENT_H
#define SQ_RUN_TANGENT_H

#include "host/context/context.h"
#include "seqgpu/rnn.h"

/* Tangents in device memory, each of the shape and layout of the run's own; NULL: it does not move, or is not
 * wanted.  y may be NULL only where the run has no steps. */
typedef struct sq_rnn_tangents {
  const void *x, *params, *initial[SEQGPU_MAX_STATES];
  void *y, *final[SEQGPU_MAX_STATES];
} sq_rnn_tangents;

/* A Jacobian-vector product of the run's last forward, whose reserve, seq_len, batch, lengths, seed and
 * offset must be unchanged, as for seqgpu_rnn_backward.  EUNSUPPORTED: the plan's algorithm has no tangent
 * pass. */
seqgpu_status sq_rnn_tangent(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run,
                             const sq_rnn_tangents *tangents);

#endif
