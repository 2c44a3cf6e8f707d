/* tasks.c - the table of tasks, and their metrics (task.h). */
#include "host/cli/tasks/task.h"

#include <math.h>

const task_spec *const task_specs[] = {
    &task_adding, &task_copy, &task_temporal_order, &task_mackey_glass, &task_narma10, &task_pixels, NULL};

double task_error_rate(const task_errors *e) { return e->wrong / e->count; }

double task_nrmse(const task_errors *e) {
  const double mean = e->target / e->count, variance = e->target2 / e->count - mean * mean;
  return sqrt(e->squares / e->count / variance);
}
