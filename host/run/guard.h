/* guard.h - memory of a run that cannot be right: too small, shared by two tensors, or a reserve of another
 * run. */
#ifndef SQ_RUN_GUARD_H
#define SQ_RUN_GUARD_H

#include "host/run/network.h"

/* EINVAL if the caller said how large the workspace or the reserve is, and that is too small for this run. */
seqgpu_status sq_guard_sizes(const sq_net *n);

/* The same, and EINVAL if what forward or backward writes overlaps anything else that it uses; in inference
 * only the commonest cases are looked for. */
seqgpu_status sq_guard_forward(const sq_net *n);
seqgpu_status sq_guard_backward(const sq_net *n);

/* In host memory the reserve begins with a stamp, which says what run filled it.  Before a forward it is
 * removed, and after one that succeeded it is set; then a reader of the reserve may ask for it.  EINVAL: the
 * reserve is not of this run.  On a GPU it could be neither written nor read without enqueuing a copy and
 * waiting for it. */
void sq_stamp_remove(const sq_net *n);
void sq_stamp_set(const sq_net *n);
seqgpu_status sq_stamp_check(const sq_net *n);

#endif
