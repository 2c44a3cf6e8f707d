/* structures.h - the prototypes of every structured product, generated from core/structures.def;
 * core/structure.h says what they do.
 */
#ifndef SQ_STRUCTURES_H
#define SQ_STRUCTURES_H

#include "core/structure.h"

#define STRUCTURE(id)                                                                                        \
  extern const sq_structure sq_##id##_structure;                                                             \
  void sq_##id##_rows_prepare_f32(const sq_layout *layout, const sq_product *product, const float *params,   \
                                  float *prepared);                                                          \
  void sq_##id##_rows_prepare_f64(const sq_layout *layout, const sq_product *product, const double *params,  \
                                  double *prepared);                                                         \
  void sq_##id##_rows_forward_f32(const struct sq_rows_f32 *rows);                                           \
  void sq_##id##_rows_forward_f64(const struct sq_rows_f64 *rows);                                           \
  void sq_##id##_rows_backward_f32(const struct sq_rows_f32 *rows);                                          \
  void sq_##id##_rows_backward_f64(const struct sq_rows_f64 *rows);                                          \
  void sq_##id##_rows_tangent_f32(const struct sq_rows_f32 *rows);                                           \
  void sq_##id##_rows_tangent_f64(const struct sq_rows_f64 *rows);
#include "core/structures.def"
#undef STRUCTURE

#endif
