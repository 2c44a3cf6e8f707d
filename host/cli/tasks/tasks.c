/* tasks.c - the table of tasks, and the metrics (task.h). */
#include "host/cli/tasks/task.h"

#include <math.h>

extern const task task_adding, task_copy, task_temporal_order, task_mackey_glass, task_narma10, task_pixels;

const task *const tasks[] = {
    &task_adding, &task_copy, &task_temporal_order, &task_mackey_glass, &task_narma10, &task_pixels, NULL};

/* clang-format off: a table */
const arg_spec task_length_spec[] = {
    {"T", ARG_INT, ARG_KEEP_RUN, TASK_FIELD(model.rnn.seq_len), 1, 1000000, NULL, "T",
     "length of the sequences"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

double task_error_rate(const task_errors *e) { return e->wrong / e->count; }

double task_nrmse(const task_errors *e) {
  const double mean = e->target / e->count, variance = e->target2 / e->count - mean * mean;
  return sqrt(e->squares / e->count / variance);
}
