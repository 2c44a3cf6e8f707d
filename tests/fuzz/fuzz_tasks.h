/* fuzz_tasks.h - the tables of options of everything that can be trained, and the structs that they fill. */
#ifndef FUZZ_TASKS_H
#define FUZZ_TASKS_H

#include "host/cli/charlm_file.h"
#include "host/cli/task_learner.h"
#include "tests/fuzz/fuzz.h"

/* One task's: a language model's, or that of a row of task_specs. */
typedef struct fuzz_options {
  run_options run;
  charlm_config charlm;
  task_options task;
} fuzz_options;

static inline int fuzz_task_count(void) {
  int count = 0;
  while (task_specs[count]) count++;
  return count;
}

/* The row of task_specs that a byte chooses; NULL, a language model, for 0 however many tasks there are. */
static inline const task_spec *fuzz_task(unsigned choice) {
  const unsigned index = choice % (unsigned)(fuzz_task_count() + 1);
  return index > 0 ? task_specs[index - 1] : NULL;
}

static inline void fuzz_defaults(const task_spec *task, fuzz_options *out) {
  *out = (fuzz_options){.run = run_defaults, .charlm = charlm_defaults};
  if (task) out->task = (task_options){.run = run_defaults, .config = *task->start};
}

static inline model_config *fuzz_model(const task_spec *task, fuzz_options *o) {
  return task ? &o->task.config.model : &o->charlm.model;
}

static inline void fuzz_join(const task_spec *task, arg_spec table[ARGS_MAX]) {
  table[0] = (arg_spec)ROW_END;
  if (task) {
    task_join_specs(table, task);
    for (int i = 0; table[i].name[0]; i++) table[i].offset += offsetof(fuzz_options, task);
    return;
  }
  charlm_join_specs(table, offsetof(fuzz_options, charlm));
  run_join_specs(table, offsetof(fuzz_options, run), 1);
}

#endif
