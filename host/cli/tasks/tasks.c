/* tasks.c - the table of tasks (task.h). */
#include <string.h>

#include "host/cli/tasks/task.h"

const task_spec *const task_specs[] = {&task_adding,
                                       &task_multiplication,
                                       &task_xor,
                                       &task_copy,
                                       &task_memory_5bit,
                                       &task_memory_20bit,
                                       &task_temporal_order,
                                       &task_permutation,
                                       &task_embedded_reber,
                                       &task_continual_reber,
                                       &task_mackey_glass,
                                       &task_narma10,
                                       &task_pixels,
                                       NULL};

const task_spec *task_find(const char *name) {
  for (int i = 0; task_specs[i]; i++)
    if (strcmp(task_specs[i]->name, name) == 0) return task_specs[i];
  return NULL;
}
