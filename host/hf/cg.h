/* cg.h - conjugate gradients that stop early, and keep what they passed (cg.c).  Float64, host memory. */
#ifndef SQ_HF_CG_H
#define SQ_HF_CG_H

#include "host/context/context.h"

/* Iterates that are kept: the last one, and those after ceil(1.3^j) iterations; 1.3^40 is 36,119. */
enum { SQ_CG_KEPT = 42, SQ_CG_MOST = 36000 };

typedef struct sq_cg {
  seqgpu_context *ctx; /* whose allocator gives the memory */
  int64_t n;
  /* out = A v, where A is symmetric and positive definite */
  seqgpu_status (*product)(void *self, const double *v, double *out);
  void *self;
  const double *b;    /* [n] the right-hand side */
  const double *diag; /* [n] the preconditioner, positive; NULL: 1 */
  int most;           /* iterations, at most SQ_CG_MOST */
  double progress;    /* relative, of one product */
  /* found */
  double *x; /* [n] in: where to start; out: the last iterate */
  int iterations, kept_count;
  int kept_at[SQ_CG_KEPT];  /* after how many iterations */
  double *kept[SQ_CG_KEPT]; /* [n] each, in order */
  /* memory of this file */
  double *r, *z, *d, *ad; /* [n] */
  double *value;          /* [most + 1] the quadratic's after each product */
} sq_cg;

/* Allocates what needs n and most, zeroed.  ENOMEM: nothing is allocated. */
seqgpu_status sq_cg_open(sq_cg *cg);
void sq_cg_close(sq_cg *cg);

/* Minimises x .  A x / 2 - b . x, until the quadratic has fallen over the last k = max(10, i / 10) of i
 * iterations by less than k progress of its value. */
seqgpu_status sq_cg_run(sq_cg *cg);

#endif
