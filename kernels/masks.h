/* masks.h - zoneout and recurrent dropout around the step of a cell (masks.cu), on this backend; the contract
 * is that of core/masks.h and of the functions of the same names in core/step.h.
 *
 * A run of a layer is replayed as a graph, whose launches have fixed arguments; what changes from run to run,
 * seed and first block, lies in the workspace (`key`) and is written there before the graph begins.
 */
#ifndef SQ_KERNELS_MASKS_H
#define SQ_KERNELS_MASKS_H

#include "core/ops.h"
#include "core/step.h"
#include "kernels/backend.h"

/* Elements of a key in the workspace. */
enum { SQ_MASKS_KEY_ELEMENTS = 16 };

/* key[0] = seed, key[1] = first block */
int sq_masks_key(sq_exec *exec, uint64_t seed, uint64_t first_block, uint64_t *key);

int sq_masks_enter(sq_exec *exec, const sq_step_f32 *s);
int sq_masks_leave(sq_exec *exec, const sq_step_f32 *s);
int sq_masks_arrive(sq_exec *exec, sq_step_f32 *s, float *const held[SQ_MAX_STATES]);
int sq_masks_depart(sq_exec *exec, const sq_step_f32 *s, float *const held[SQ_MAX_STATES]);
int sq_masks_enter_tangent(sq_exec *exec, const sq_step_f32 *s);
int sq_masks_leave_tangent(sq_exec *exec, const sq_step_f32 *s);

#endif
