/* norm.h - layer and batch normalisation on this backend (norm.cu); the contract is core/norm.h's, with
 * device pointers and without `sums`.
 */
#ifndef SQ_KERNELS_NORM_H
#define SQ_KERNELS_NORM_H

#include "core/norm.h"
#include "core/ops.h"

int sq_gpu_norm_forward(sq_exec *exec, const sq_norm_rows_f32 *rows);
int sq_gpu_norm_backward(sq_exec *exec, const sq_norm_rows_f32 *rows);
int sq_gpu_norm_tangent(sq_exec *exec, const sq_norm_rows_f32 *rows);

/* All norms of the layout that have one of these stages, in order, backward from the last; tangents of a run in
 * training. */
int sq_gpu_norms_forward(sq_exec *exec, sq_norm_rows_f32 rows, int stage);
int sq_gpu_norms_backward(sq_exec *exec, sq_norm_rows_f32 rows, int stage);
int sq_gpu_norms_tangent(sq_exec *exec, sq_norm_rows_f32 rows, int stage);

/* The running statistics after a whole run. */
int sq_gpu_norm_update(sq_exec *exec, const sq_norm_rows_f32 *run, float *running);

#endif
