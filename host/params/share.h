/* share.h - moments that processes share out: each has those of a slice of every block, and updates its
 * values (share.c). */
#ifndef SQ_SHARE_H
#define SQ_SHARE_H

#include "host/params/params.h"

/* Shares out the moments of all blocks there are among `size` processes, of which this is number `rank`, and
 * gives up those of the others.  `gather` brings the values of all slices to all after each update. */
seqgpu_status sq_share_moments(seqgpu_params *params, int rank, int size, sq_params_gather *gather,
                               void *about);

/* Moments of a block that are whole become the slice of this process, and room for whole ones is made in
 * their place, of which the slice is copied. */
seqgpu_status sq_share_cut(seqgpu_params *params);
seqgpu_status sq_share_make_whole(seqgpu_params *params);

/* SEQGPU_EINVAL if the moments are shared out, and the call needs them whole. */
seqgpu_status sq_share_check_whole(const seqgpu_params *params, const char *call);

/* The elements of a block whose moments are here, first .. end - 1. */
static inline int64_t sq_share_first(const seqgpu_params *p, const sq_param_block *b) {
  return b->is_cut ? b->edges[p->share.rank] : 0;
}
static inline int64_t sq_share_end(const seqgpu_params *p, const sq_param_block *b) {
  return b->is_cut ? b->edges[p->share.rank + 1] : b->elements;
}

#endif
