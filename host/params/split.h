/* split.h - biases that are the sum of two trained ones (split.c). */
#ifndef SQ_SPLIT_H
#define SQ_SPLIT_H

#include "host/params/params.h"

/* Before an update: the gradient of each sum becomes that of both its parts. */
seqgpu_status sq_split_before_update(seqgpu_params *params);
/* After the parts have changed: the sums. */
seqgpu_status sq_split_add_up(seqgpu_params *params);
/* After the sums have been written: each becomes its first part, and the second is 0. */
seqgpu_status sq_split_take_sums(seqgpu_params *params);

#endif
