/* train.h - the tasks of `seqgpu train TASK` and of `seqgpu eval`; argv[0] is the first argument after the
 * task's name. */
#ifndef TRAIN_H
#define TRAIN_H

#include "host/cli/tasks/task.h"

/* The language model: train_charlm.c. */
int train_charlm(int argc, char **argv);
/* A task of the table in task.h: train_task.c. */
int train_task(const task_spec *task, int argc, char **argv);
/* `seqgpu eval` for a checkpoint of such a task, all of its arguments: eval_task.c. */
int eval_task(const task_spec *task, int argc, char **argv);

#endif
