/* questions.h - what may be asked about a persistent algorithm from outside: how it cuts a pass of a problem
 * (questions.cu). */
#ifndef SQ_PERSISTENT_QUESTIONS_H
#define SQ_PERSISTENT_QUESTIONS_H

#include "kernels/persistent/algorithms.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A cut in numbers; persistent.h says more of each. */
typedef struct sq_cut_numbers {
  int ctas, cluster, slices, launches;
  int units, columns, width, parts[2], threads;
  int shared_size; /* bytes of a block */
  int resident;    /* clusters, or blocks where they are in none, that fit on the device together */
  double step_us;  /* by the model: the sum of the next three */
  double product_us, pointwise_us, exchange_us;
  int blocks[2]; /* that an operand arrives in */
} sq_cut_numbers;

/* SQ_PERSISTENT_ALGORITHMS's identifier _cut: 0, or 1 where no cut fits or the device does not answer. */
#define SQ_CUT_DECLARE(id, name)                                                                             \
  int sq_cuda_##id##_cut(sq_exec *exec, const sq_problem *p, int backward, sq_cut_numbers *out);             \
  int sq_emulator_##id##_cut(sq_exec *exec, const sq_problem *p, int backward, sq_cut_numbers *out);
SQ_PERSISTENT_ALGORITHMS(SQ_CUT_DECLARE)
#undef SQ_CUT_DECLARE

#ifdef __cplusplus
}
#endif
#endif
