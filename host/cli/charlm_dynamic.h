/* charlm_dynamic.h - dynamic evaluation: a language model that goes on learning from the text on which it is
 * measured, each piece of it after it was predicted.
 *
 *   theta <- theta - lr dL/dtheta,    L the mean loss of the piece that was just read
 *
 * Mikolov, Karafiat, Burget, Cernocky, Khudanpur 2010 (dynamic models); Krause, Kahembwe, Murray, Renals 2018,
 * equation 5 without its decay towards the weights of training.
 */
#ifndef CHARLM_DYNAMIC_H
#define CHARLM_DYNAMIC_H

#include "host/cli/charlm.h"

/* Lets a model be evaluated so: a pass of training that drops nothing.  0, or CLI_FAILED after a sentence if
 * its layers do not compute the same in training; to be called before the pass is created. */
int charlm_dynamic_prepare(charlm *m);

/* One update by the piece of T steps that p has just run forward; waits for nothing. */
seqgpu_status charlm_dynamic_learn(const charlm_pass *p, int64_t T, const int32_t *ids,
                                   const int32_t *targets, double lr);

/* The weights of a model into new host memory, so that what was learnt can be undone; free() releases it. */
seqgpu_status charlm_dynamic_keep(const charlm *m, float **kept);
seqgpu_status charlm_dynamic_restore(const charlm *m, float *kept);

#endif
