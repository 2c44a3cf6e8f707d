/* structures.h - the launchers of every structured product on this backend, generated from
 * core/structures.def; kernels/structure.h has their contract.
 */
#ifndef SQ_KERNELS_STRUCTURES_H
#define SQ_KERNELS_STRUCTURES_H

#include "kernels/backend.h"
#include "kernels/structure.h"

#define STRUCTURE(id)                                                                                        \
  extern "C" int SQ_GPU(id##_rows_prepare)(sq_exec * exec, const sq_layout *layout,                          \
                                           const sq_product *product, const float *params, float *prepared); \
  extern "C" int SQ_GPU(id##_rows_forward)(sq_exec * exec, const sq_rows_f32 *rows);                         \
  extern "C" int SQ_GPU(id##_rows_backward)(sq_exec * exec, const sq_rows_f32 *rows);                        \
  extern "C" int SQ_GPU(id##_rows_tangent)(sq_exec * exec, const sq_rows_f32 *rows);                         \
  extern "C" size_t SQ_GPU(id##_rows_shared)(const sq_product *product, int backward);
#include "core/structures.def"
#undef STRUCTURE

#endif
