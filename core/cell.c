/* cell.c - the table of cells and the building blocks of their layouts. */
#include "cell.h"

#include <string.h>

#define CELL(id, name, gates, about)                                                                         \
  const char *sq_##id##_layout(const sq_config *config, sq_layout *layout);                                  \
  void sq_##id##_forward_f32(const struct sq_step_f32 *step, int stage);                                     \
  void sq_##id##_backward_f32(const struct sq_step_f32 *step, int stage);                                    \
  void sq_##id##_forward_f64(const struct sq_step_f64 *step, int stage);                                     \
  void sq_##id##_backward_f64(const struct sq_step_f64 *step, int stage);
#include "cells.def"
#undef CELL

const sq_cell sq_cells[] = {
#define CELL(id, name, gates, about)                                                                         \
  {name,                                                                                                     \
   about,                                                                                                    \
   gates,                                                                                                    \
   sq_##id##_layout,                                                                                         \
   sq_##id##_forward_f32,                                                                                    \
   sq_##id##_backward_f32,                                                                                   \
   sq_##id##_forward_f64,                                                                                    \
   sq_##id##_backward_f64},
#include "cells.def"
#undef CELL
};
const int sq_cell_count = (int)(sizeof sq_cells / sizeof sq_cells[0]);

const sq_cell *sq_cell_find(const char *name) {
  for (int i = 0; name != NULL && i < sq_cell_count; i++)
    if (strcmp(sq_cells[i].name, name) == 0) return &sq_cells[i];
  return NULL;
}

const char *sq_layout_resolve(const sq_cell *cell, const sq_config *config, sq_layout *layout) {
  memset(layout, 0, sizeof *layout);
  layout->cell = cell;
  layout->config = *config;
  return cell->layout(config, layout);
}

int sq_layout_param(const sq_layout *layout, const char *name) {
  for (int i = 0; i < layout->params; i++)
    if (strcmp(layout->param[i].name, name) == 0) return i;
  return -1;
}

int64_t sq_layout_gate(const sq_layout *layout, char name) {
  int64_t block = 0;
  for (const char *g = layout->cell->gates; *g; g++) {
    if (*g == ',' || (layout->config.coupled && *g == 'f')) continue; /* f = 1 - i is not stored */
    if (*g == name) return block;
    block++;
  }
  return -1;
}

int sq_layout_add_param(sq_layout *layout, const char *name, int64_t rows, int64_t cols) {
  const int index = layout->params++;
  layout->param[index] = (sq_param){name, rows, cols, layout->param_count};
  layout->param_count += rows * cols;
  return index;
}

void sq_layout_add_product(sq_layout *layout, sq_product product) {
  layout->product[layout->products++] = product;
}

void sq_layout_add_sum(sq_layout *layout, sq_sum sum) { layout->sum[layout->sums++] = sum; }
