/* cells.c - the table of cells: the rows of core/cells.def. */
#include "core/cells.h"

#include <string.h>

const sq_cell sq_cells[] = {
#define CELL(id, name, states, gates, options, about)                                                        \
  {name,                                                                                                     \
   about,                                                                                                    \
   states,                                                                                                   \
   gates,                                                                                                    \
   options,                                                                                                  \
   sq_##id##_layout,                                                                                         \
   sq_##id##_forward_f32,                                                                                    \
   sq_##id##_backward_f32,                                                                                   \
   sq_##id##_forward_f64,                                                                                    \
   sq_##id##_backward_f64},
#include "core/cells.def"
#undef CELL
};
const int sq_cell_count = (int)(sizeof sq_cells / sizeof sq_cells[0]);

const sq_cell *sq_cell_find(const char *name) {
  for (int i = 0; name != NULL && i < sq_cell_count; i++)
    if (strcmp(sq_cells[i].name, name) == 0) return &sq_cells[i];
  return NULL;
}
