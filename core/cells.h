/* cells.h - the table of cells, and the prototypes of every cell, generated from core/cells.def.
 *
 * A cell's own file includes this, so a definition that drifts from its prototype does not compile; so does a
 * cell that borrows another's pointwise step (mrnn.c borrows rnn.c's).  What the functions promise is said in
 * core/cell.h (layouts) and core/step.h (pointwise steps).
 */
#ifndef SQ_CELLS_H
#define SQ_CELLS_H

#include "core/cell.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The table of core/cells.def, in its order; sq_cell_find returns NULL for an unknown name. */
extern const sq_cell sq_cells[];
extern const int sq_cell_count;
const sq_cell *sq_cell_find(const char *name);

#define CELL(id, ...)                                                                                        \
  const char *sq_##id##_layout(const sq_config *config, sq_layout *layout);                                  \
  void sq_##id##_forward_f32(const struct sq_step_f32 *step, int stage);                                     \
  void sq_##id##_backward_f32(const struct sq_step_f32 *step, int stage);                                    \
  void sq_##id##_forward_f64(const struct sq_step_f64 *step, int stage);                                     \
  void sq_##id##_backward_f64(const struct sq_step_f64 *step, int stage);
#include "core/cells.def"
#undef CELL

#ifdef __cplusplus
}
#endif
#endif
