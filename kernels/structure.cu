/* structure.cu - the table of structured products on this backend, from core/structures.def. */
#include "kernels/structure.h"

#include <string.h>

#include "kernels/structures.h"

static const sq_structured_launchers rows[] = {
#define STRUCTURE(id)                                                                                        \
  {#id,                                                                                                      \
   SQ_GPU(id##_rows_prepare),                                                                                \
   SQ_GPU(id##_rows_forward),                                                                                \
   SQ_GPU(id##_rows_backward),                                                                               \
   SQ_GPU(id##_rows_tangent),                                                                                \
   SQ_GPU(id##_rows_shared)},
#include "core/structures.def"
#undef STRUCTURE
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const sq_structured_launchers *sq_structured(const sq_product &product) {
  const sq_structured_launchers *row = rows;
  while (strcmp(row->name, product.structure->name) != 0) row++; /* a structure is a row of structures.def */
  return row;
}
