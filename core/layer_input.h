/* layer_input.h - a layer's products with its inputs on the CPU, the ones outside the recurrence: x W_ih^T before the
 * steps, dx and dW_ih behind them.
 *
 * Inputs that are alike, as those of letters are, are multiplied by W_ih once (alike.h), and so are the sums of their
 * dgates: a character model has one GEMM in six less.  Each step then takes its rows from those of the kinds.
 * Forward has the same bits either way.
 */
#ifndef SQ_LAYER_INPUT_H
#define SQ_LAYER_INPUT_H

#include "core/layer_job.h"
#include "core/ops.h"

/* Elements of memory for the inputs of so many rows of [T,B]. */
int64_t FN(sq_input_size)(const sq_layout *layout, int64_t rows);

/* Forward, for the steps of the job, whose memory j->inputs.memory is: gates = x W_ih^T + b; or where that is
 * normalised, aux = x W_ih^T, and gates = its norm + b.  Where inputs are alike, sq_input_step then brings the gates
 * of a step's rows first..first+count, t as in sq_job_step. */
void FN(sq_input_forward)(sq_exec *exec, FN(sq_job) * j);
void FN(sq_input_step)(const FN(sq_job) * j, const FN(sq_step) * s, int64_t t, int64_t first);

/* Backward: once before all steps, when the job's are all of the run; then for the steps of the job, whose dgates there
 * are, dx and dW_ih; `last` for the last of all. */
void FN(sq_input_begin_back)(FN(sq_job) * j);
void FN(sq_input_backward)(sq_exec *exec, const FN(sq_job) * j, int last);

#endif
