/* structure.cu - the table of structured products on this backend, from core/structures.def. */
#include "kernels/structure.h"

#include <stdio.h>
#include <string.h>

#include "kernels/device.h"
#include "kernels/structures.h"

static const sq_structured_launchers rows[] = {
#define STRUCTURE(id)                                                                                        \
  {#id, SQ_GPU(id##_rows_prepare), SQ_GPU(id##_rows_forward), SQ_GPU(id##_rows_backward),                    \
   SQ_GPU(id##_rows_shared)},
#include "core/structures.def"
#undef STRUCTURE
    {NULL, NULL, NULL, NULL, NULL},
};

const sq_structured_launchers *sq_structured(const sq_product &product) {
  const sq_structured_launchers *row = rows;
  while (strcmp(row->name, product.structure->name) != 0) row++; /* a structure is a row of structures.def */
  return row;
}

/* The step plan runs everything but rows that do not fit into a block. */
extern "C" const char *SQ_GPU(layer_refuses)(sq_exec *exec, const sq_problem *p, char *text, size_t size) {
  size_t most = 0;
  for (int i = 0; i < p->layout->products; i++) {
    const sq_product &product = p->layout->product[i];
    const size_t bytes =
        product.structure != NULL ? sq_structured(product)->shared(&product, p->training) : 0;
    if (bytes > most) most = bytes;
  }
  sq_gpu_limits limits;
  if (most == 0) return NULL;
  if (sq_gpu_limits_of(exec, &limits) != 0) return "device: it does not say how much shared memory it has";
  if (most <= limits.shared_bytes) return NULL;
  snprintf(text, size, "hidden_size: %lld needs %lld bytes of shared memory a block, the device has %lld",
           (long long)p->layout->config.hidden_size, (long long)most, (long long)limits.shared_bytes);
  return text;
}
