/* questions.cu - see questions.h. */
#include "kernels/persistent/questions.h"

#include "kernels/backend.h"
#include "kernels/persistent/cut.h"

namespace {

sq_cut_numbers numbers_of(const recurrence_shape &n) {
  sq_cut_numbers out = {};
  out.ctas = n.ctas;
  out.cluster = n.cluster;
  out.slices = n.slices;
  out.launches = (int)sq_ceil_div(n.slices, n.at_once);
  out.units = n.units;
  out.columns = n.columns;
  out.width = n.width;
  for (int s = 0; s < RECURRENCE_STAGES; s++) {
    out.parts[s] = n.stage[s].parts;
    out.blocks[s] = n.stage[s].blocks;
  }
  out.threads = n.threads;
  out.shared_size = (int)n.bytes;
  return out;
}

int cut_of(sq_exec *exec, sq_persistent which, const sq_problem *p, int backward, sq_cut_numbers *out) {
  sq_cut_question q;
  const int error = sq_cut_ask(exec, which, p->layout, p->batch, p->directions, p->math, backward, &q);
  if (error != 0 || q.cell < 0) return 1;
  const sq_cut a = sq_cut_choose(exec, q);
  if (a.microseconds < 0) return 1;
  *out = numbers_of(a.shape);
  if (sq_cut_resident(exec, q, a.shape, &out->resident) != 0) return 1;
  out->step_us = a.microseconds;
  out->product_us = a.terms.product;
  out->pointwise_us = a.terms.pointwise;
  out->exchange_us = a.terms.exchange;
  return 0;
}

} // namespace

#define CUT_OF(id, name)                                                                                     \
  extern "C" int SQ_GPU(id##_cut)(sq_exec * exec, const sq_problem *p, int backward, sq_cut_numbers *out) {  \
    return cut_of(exec, SQ_PERSISTENT_##id, p, backward, out);                                               \
  }
SQ_PERSISTENT_ALGORITHMS(CUT_OF)
