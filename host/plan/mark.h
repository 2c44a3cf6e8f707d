/* mark.h - a number that tells the networks of plans apart, so that memory filled for one is not read by
 * another. */
#ifndef SQ_PLAN_MARK_H
#define SQ_PLAN_MARK_H

#include "host/plan/plan.h"

/* FNV-1a: Fowler, Noll and Vo's hash of bytes. */
#define SQ_MARK_START UINT64_C(0xCBF29CE484222325)
uint64_t sq_mark_bytes(uint64_t hash, const void *data, size_t size);

/* Of everything that says how weights are packed: the same for plans that differ in seq_len and
 * batch alone. */
uint64_t sq_plan_packed_mark(const seqgpu_plan *plan);

/* And of what else says what lies where in a reserve. */
uint64_t sq_plan_mark(const seqgpu_plan *plan);

#endif
