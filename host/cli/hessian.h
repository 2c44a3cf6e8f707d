/* hessian.h - `--optimizer hessian-free`: its options, and the optimiser that they ask for
 * (seqgpu/hessian_free.h).
 *
 * The optimiser's state is in the parameters, so it is made before a checkpoint is loaded, and a resumed run
 * goes on bit for bit.
 */
#ifndef HESSIAN_H
#define HESSIAN_H

#include "host/cli/learner.h"

/* 1 if the config asks for it. */
int hessian_is_asked(const model_config *c);
/* The optimiser of all trained parameters, where it is asked for; else NULL. */
seqgpu_status hessian_create(const model_config *c, seqgpu_params *params, seqgpu_hessian_free **out);
/* Refuses what does not go with it, once it is known what a run is; 0, or CLI_USAGE after a sentence. */
int hessian_check(const model_config *c, const ranks *r, const learner *l);

#endif
