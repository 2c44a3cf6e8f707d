/* structure.cu - the table of structured products on this backend, from core/structures.def. */
#include "structure.h"

#include <string.h>

#define STRUCTURE(id)                                                                                        \
  extern "C" int SQ_GPU(id##_rows_prepare)(sq_exec * exec, const sq_layout *layout,                          \
                                           const sq_product *product, const float *params, float *prepared); \
  extern "C" int SQ_GPU(id##_rows_forward)(sq_exec * exec, const sq_rows_f32 *rows);                         \
  extern "C" int SQ_GPU(id##_rows_backward)(sq_exec * exec, const sq_rows_f32 *rows);
#include "../core/structures.def"
#undef STRUCTURE

static const sq_structured_launchers rows[] = {
#define STRUCTURE(id) {#id, SQ_GPU(id##_rows_prepare), SQ_GPU(id##_rows_forward), SQ_GPU(id##_rows_backward)},
#include "../core/structures.def"
#undef STRUCTURE
    {NULL, NULL, NULL, NULL},
};

const sq_structured_launchers *sq_structured(const sq_product &product) {
  const sq_structured_launchers *row = rows;
  while (strcmp(row->name, product.structure->name) != 0) row++; /* a structure is a row of structures.def */
  return row;
}
