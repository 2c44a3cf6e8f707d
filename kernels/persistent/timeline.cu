/* timeline.cu - see timeline.h: memory for the marks, and the line that is made of them.
 *
 *   {"kind": "timeline", "algorithm": "persistent-cta", "layout": "lstm", "pass": "forward", "math": "bf16",
 *    "hidden": 512, "batch": 64, "ctas": 8, "steps": 64, "stage": 0,
 *    "product": 900, "pointwise": 210, "announce": 40, "exchange": 700, "step": 1900,
 *    "each_product": [...], "each_pointwise": [...], "each_announce": [...], "each_exchange": [...], "each_step": [...]}
 *
 * a line for each stage: medians, in clocks, of what each phase took; `step` from one beginning to the next.  Then all
 * that are kept, in order, for a few steps that wait long do not show in a median.
 */
#include "kernels/persistent/timeline.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernels/device.h"
#include "kernels/persistent/cut.h"

namespace {

typedef unsigned long long clocks;

const char *const phase_names[TIMELINE_MARKS] = {"step", "product", "pointwise", "announce", "exchange"};
const char *const layout_names[RECURRENCE_CELLS] = {"rnn",         "leaky",     "lstm",
                                                    "three gates", "gru after", "gru before"};
const char *const math_names[] = {"f32", "tf32", "bf16"};
const char *const algorithm_names[] = {
#define ALGORITHM_NAME(id, name) name,
    SQ_PERSISTENT_ALGORITHMS(ALGORITHM_NAME)
#undef ALGORITHM_NAME
};

const char *file_to_write(void) { return SQ_HAS_TIMELINE ? getenv("SEQGPU_TIMELINE") : NULL; }

const sq_device &device(void) { return SQ_GPU(device); }

int ascending(const void *a, const void *b) {
  const clocks x = *static_cast<const clocks *>(a), y = *static_cast<const clocks *>(b);
  return (x > y) - (x < y);
}

clocks median(clocks *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return count > 0 ? values[count / 2] : 0;
}

/* What phase `which` of a stage took in each step that is there; for the first mark, the time from one step to the
 * next.  Returns how many.  Once more steps have run than are kept, the oldest is not the first. */
int took(const timeline_memory &m, int stage, int which, int64_t steps, clocks value[TIMELINE_STEPS]) {
  int count = 0;
  const int64_t kept = steps < TIMELINE_STEPS ? steps : (int64_t)TIMELINE_STEPS;
  for (int64_t t = steps - kept; t < steps; t++) {
    const clocks *now = m.clock[t % TIMELINE_STEPS][stage];
    if (which > 0)
      value[count++] = now[which] - now[which - 1];
    else if (t + 1 < steps)
      value[count++] = m.clock[(t + 1) % TIMELINE_STEPS][stage][0] - now[0];
  }
  return count;
}

void print_phase(FILE *f, const timeline_memory &m, int stage, int which, int64_t steps, bool each) {
  clocks value[TIMELINE_STEPS];
  const int count = took(m, stage, which, steps, value);
  if (!each) {
    fprintf(f, ", \"%s\": %llu", phase_names[which], median(value, count));
    return;
  }
  fprintf(f, ", \"each_%s\": [", phase_names[which]);
  for (int i = 0; i < count; i++) fprintf(f, "%s%llu", i > 0 ? ", " : "", value[i]);
  fprintf(f, "]");
}

void print(FILE *f, const timeline_memory &m, const sq_cut_question &q, const recurrence_shape &n,
           int64_t steps, int stage) {
  fprintf(f,
          "{\"kind\": \"timeline\", \"algorithm\": \"%s\", \"layout\": \"%s\", \"pass\": \"%s\", \"math\": "
          "\"%s\", "
          "\"hidden\": %lld, \"batch\": %lld, \"ctas\": %d, \"steps\": %lld, \"stage\": %d",
          algorithm_names[q.which], layout_names[q.cell], q.backward ? "backward" : "forward",
          math_names[q.math], (long long)q.hidden, (long long)q.batch, n.ctas, (long long)steps, stage);
  for (int each = 0; each < 2; each++)
    for (int k = 1; k <= TIMELINE_MARKS; k++) print_phase(f, m, stage, k % TIMELINE_MARKS, steps, each == 1);
  fprintf(f, "}\n");
}

} // namespace

timeline_memory *sq_timeline_begin(sq_exec *exec) {
  void *memory = NULL;
  if (file_to_write() == NULL || device().allocate(exec, sizeof(timeline_memory), &memory) != 0) return NULL;
  if (device().zero(exec, memory, sizeof(timeline_memory)) == 0)
    return static_cast<timeline_memory *>(memory);
  device().release(exec, memory);
  return NULL;
}

void sq_timeline_end(sq_exec *exec, timeline_memory *memory, const sq_cut_question &q,
                     const recurrence_shape &n, int64_t steps) {
  if (memory == NULL) return;
  timeline_memory m;
  const int error = device().copy_out(exec, &m, memory, sizeof m);
  FILE *f = error == 0 ? fopen(file_to_write(), "a") : NULL;
  for (int stage = 0; f != NULL && stage < TIMELINE_STAGES; stage++)
    if (n.stage[stage].rows > 0) print(f, m, q, n, steps, stage);
  if (f != NULL) fclose(f);
  device().release(exec, memory);
}
