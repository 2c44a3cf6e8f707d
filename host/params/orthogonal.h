/* orthogonal.h - what an update does to matrices that stay orthogonal (orthogonal.c). */
#ifndef SQ_ORTHOGONAL_H
#define SQ_ORTHOGONAL_H

#include "host/params/params.h"

/* Before the gradients are clipped: leaves of them what turns the matrices. */
seqgpu_status sq_orthogonal_before_update(seqgpu_params *params);
/* After the optimiser's step: makes a turn of it. */
seqgpu_status sq_orthogonal_after_update(seqgpu_params *params);

#endif
