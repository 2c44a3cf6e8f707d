/* metrics.c - the metrics of tasks (metrics.h). */
#include "host/cli/tasks/metrics.h"

#include <math.h>

double task_error_rate(const task_errors *e) { return e->wrong / e->count; }

double task_wrong_sequences(const task_errors *e) { return e->failed / e->sequences; }

double task_right_steps(const task_errors *e) { return e->right_steps / e->sequences; }

double task_nrmse(const task_errors *e) {
  const double mean = e->target / e->count, variance = e->target2 / e->count - mean * mean;
  return sqrt(e->squares / e->count / variance);
}
