/* tasks.c - the table of tasks (task.h). */
#include "host/cli/tasks/task.h"

const task_spec *const task_specs[] = {
    &task_adding, &task_copy, &task_temporal_order, &task_mackey_glass, &task_narma10, &task_pixels, NULL};
