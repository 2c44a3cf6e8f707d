/* task_learner.h - a task of task.h as a learner: batches from its generator, and a network on the tape.
 *
 * Update number k learns the sequences k B .. k B + B-1; every sequence starts from zero states.
 * Letters: T = steps, B = batch, S = scored steps, I = inputs, O = outputs.
 */
#ifndef TASK_LEARNER_H
#define TASK_LEARNER_H

#include "host/cli/learner.h"
#include "host/cli/run.h"
#include "host/cli/tasks/task.h"

typedef struct task_options {
  run_options run;
  task_config config;
} task_options;

typedef struct task_learner {
  const task_spec *task;
  task_options *options;
  task_source source;
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_param rnn, weight, bias;
  seqgpu_plan *plan, *eval_plan;
  seqgpu_tape *tape;
  seqgpu_tensor *loss, *output; /* of the last batch: [1], [S,B,O] */
  float *x, *target, *answer;   /* host: [T,B,I], [S,B,O], [S,B,O] */
  int32_t *label;               /* host: [S,B] */
  int64_t shard;                /* of the last gradients */
  seqgpu_hessian_free *hessian; /* NULL: learnt by first-order updates */
  int64_t first;                /* of the batch of a Hessian-free update: its first sequence */
  char *failed;                 /* [B] sequences with a wrong answer */
  task_errors errors;           /* of the last validation */
} task_learner;

/* The format that checkpoints of tasks name. */
extern const char task_format[];

/* Appends the rows of training a task to the table of a command whose options begin with a task_options. */
void task_join_specs(arg_spec table[ARGS_MAX], const task_spec *task);
/* Appends those of them that say which sequences there are. */
void task_join_data_specs(arg_spec table[ARGS_MAX], const task_spec *task);

/* What a checkpoint says of the task becomes the default of what the command line says; how it was trained
 * does not.  0, or an exit code after a sentence. */
int task_read_options(const task_spec *task, const seqgpu_checkpoint *file, const char *path,
                      task_options *out);

/* Opens device, checkpoint and data of a command, and makes the network.  `l` has its task and options.  For
 * training it joins the processes of the run.
 * 0, or an exit code after a sentence; task_learner_close is to be called in any case. */
int task_learner_open(run_command *command, task_learner *l, int training, run_start *start);
void task_learner_close(task_learner *l);
/* What the training loop runs. */
learner task_as_learner(task_learner *l);

/* Sequences that go through the network side by side: of a shard. */
int64_t task_learner_batch(const task_learner *l);
/* Sequences per validation. */
int64_t task_learner_validations(const task_learner *l);

/* Writes the sequences first .. first+count-1 side by side into the host's buffers. */
void task_learner_draw(task_learner *l, int validation, int64_t first, int64_t count);
/* Whether scored step r / B of sequence r % B counts. */
int task_learner_counts(const task_learner *l, int64_t r);
/* Loss and outputs of the B sequences in the host's buffers. */
seqgpu_status task_learner_forward(task_learner *l, int64_t B, int training);
/* Loss and metric over a validation; `self` is a task_learner (learner.h). */
seqgpu_status task_learner_validate(void *self, const volatile sig_atomic_t *stop, double *loss,
                                    double *metric);
/* The class with the largest of the outputs. */
int64_t task_learner_class(const float *answer, int64_t classes);

#endif
