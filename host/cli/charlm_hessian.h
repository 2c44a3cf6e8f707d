/* charlm_hessian.h - Hessian-free updates of the language model (seqgpu/hessian_free.h).
 *
 * An update learns a piece of all streams, as a first-order one does.  The states before the piece are
 * constants: nothing is differentiated beyond the border, and all losses of the update begin with them.  When
 * the parameters have moved, the piece is read once more, and the next one begins with the states behind it.
 */
#ifndef CHARLM_HESSIAN_H
#define CHARLM_HESSIAN_H

#include "host/cli/charlm.h"
#include "seqgpu/hessian_free.h"

typedef struct charlm_hessian {
  const charlm_pass *pass;
  seqgpu_hessian_free *optimizer; /* NULL: there are first-order updates */
  int64_t T;                      /* steps of the piece under way */
  int32_t *ids, *some_ids; /* host: [T+1,B], which are read and, one later, predicted; columns of them */
  float *state[CHARLM_STATES], *some_states; /* host: [L,B,W] before the piece; columns of them */
} charlm_hessian;

/* The optimiser of a model, where its config asks for one: after all its parameters and the pass that trains,
 * before a checkpoint is loaded. */
seqgpu_status charlm_hessian_create(const charlm_pass *p, charlm_hessian *out);
void charlm_hessian_destroy(charlm_hessian *h);

/* One update by a piece of T steps, ids [T+1,B] on the device, from the states of the pass; they are carried
 * on.  step: of the dropout masks while the states are carried on. */
seqgpu_status charlm_hessian_update(charlm_hessian *h, int64_t T, const int32_t *ids, uint64_t step,
                                    seqgpu_hessian_free_report *report);

#endif
