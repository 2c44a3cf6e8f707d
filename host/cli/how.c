/* how.c - options of how a network runs (how.h). */
#include "host/cli/how.h"

#define FIELD(name) offsetof(how_options, name)

_Static_assert(SEQGPU_MATH_F32 == 0 && SEQGPU_MATH_TF32 == 1 && SEQGPU_MATH_BF16 == 2, "the order of --math");

const arg_spec how_specs[] = {
    ROW_GROUP("Device and output"),
    ROW_ENUM("math", ARG_KEEP_FREE, FIELD(math), "f32|tf32|bf16", "M",
             "arithmetic of products on a GPU, tf32 and bf16 on tensor cores"),
    ROW_TEXT("plan", FIELD(plan), "NAME",
             "algorithm, one of those that seqgpu info lists, or how several begin"),
    ROW_TEXT("plan-cache", FIELD(cache), "FILE", "measure the algorithms, and keep what was fastest in FILE"),
    ROW_END,
};

seqgpu_plan_options how_to_plan(const how_options *how) {
  return (seqgpu_plan_options){.algorithm = how->plan,
                               .mode = how->cache ? SEQGPU_PLAN_MEASURE : SEQGPU_PLAN_ESTIMATE,
                               .cache = how->cache};
}
