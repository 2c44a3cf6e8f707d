/* algorithm.h - the functions that every algorithm of a layer offers on a device, declared for a backend and
 * an identifier.  They are the members of sq_algorithm (host/plan/plan.h) of the same names:
 *
 *   refuses     NULL, or why it cannot run the problem on this device, written into text[size] if need be;
 *               sq_no_answer if the device failed
 *   estimate    microseconds of a forward pass; for a problem in training, of forward and backward; NaN if
 *               the device failed
 *   workspace   elements that one run needs
 *   forward, backward   the directions of one layer, side by side
 */
#ifndef SQ_ALGORITHM_H
#define SQ_ALGORITHM_H

#include "core/layer.h"
#include "core/ops.h"

#define SQ_ALGORITHM_DECLARE(backend, id)                                                                    \
  const char *sq_##backend##_##id##_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);    \
  double sq_##backend##_##id##_estimate(sq_exec *exec, const sq_problem *p);                                 \
  int64_t sq_##backend##_##id##_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch,           \
                                          int training, sq_math math);                                       \
  int sq_##backend##_##id##_forward(sq_exec *exec, const sq_layer_run *runs, int count);                     \
  int sq_##backend##_##id##_backward(sq_exec *exec, const sq_layer_run *runs, int count);

#endif
