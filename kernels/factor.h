/* factor.h - stage 0 of multiplicative cells (core/factor.h has equations, paper and layout). */
#ifndef SQ_KERNELS_FACTOR_H
#define SQ_KERNELS_FACTOR_H

#include "kernels/step.h"

extern "C" int SQ_GPU(factor_forward)(sq_exec *exec, const sq_step *s);
extern "C" int SQ_GPU(factor_backward)(sq_exec *exec, const sq_step *s);

#endif
