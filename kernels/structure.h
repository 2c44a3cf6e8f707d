/* structure.h - the launchers of structured products, one row each of core/structures.def.
 *
 * The contract is core/structure.h's, with device pointers, but there is no scratch: a launcher works in
 * shared memory.  Everything is enqueued on exec->stream.
 */
#ifndef SQ_KERNELS_STRUCTURE_H
#define SQ_KERNELS_STRUCTURE_H

#include "core/ops.h"
#include "core/structure.h"

/* core/structure.h's rows as a kernel takes them, without what lies in host memory. */
struct sq_device_rows {
  int64_t rows;
  const float *from;
  int64_t ld_from;
  float *to;
  int64_t ld_to;
  int accumulate;
  const float *dto;
  float *dfrom, *grads;
  const float *tfrom;
};

static inline sq_device_rows sq_device_rows_of(const sq_rows_f32 *a) {
  return {a->rows, a->from, a->ld_from, a->to, a->ld_to, a->accumulate, a->dto, a->dfrom, a->grads, a->tfrom};
}

typedef struct sq_structured_launchers {
  const char *name;
  int (*prepare)(sq_exec *exec, const sq_layout *layout, const sq_product *product, const float *params,
                 float *prepared);
  int (*forward)(sq_exec *exec, const sq_rows_f32 *rows);
  int (*backward)(sq_exec *exec, const sq_rows_f32 *rows);
  int (*tangent)(sq_exec *exec, const sq_rows_f32 *rows);    /* of a plan for training */
  size_t (*shared)(const sq_product *product, int backward); /* bytes of shared memory per block */
} sq_structured_launchers;

/* The row of a product's structure (structure.cu). */
const sq_structured_launchers *sq_structured(const sq_product &product);

#endif
