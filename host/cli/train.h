/* train.h - the tasks of `seqgpu train TASK`. */
#ifndef TRAIN_H
#define TRAIN_H

#include "host/cli/tasks/task.h"
#include "host/cli/trainer.h"

/* argv[0] is the first argument after the task's name. */
int train_charlm(int argc, char **argv);
/* A task of the table of task.h. */
int train_task(const task *row, int argc, char **argv);

#endif
