/* trainer.h - the training loop, whatever is learnt: updates, reports, validations, checkpoints, Ctrl-C.
 *
 * A task brings a learner: data, loss and metric behind five functions.  The number of the update is all that
 * the loop keeps of the data, and the learner finds its place by it, so a run that is resumed anywhere makes the same
 * bits as one that was never stopped.
 */
#ifndef TRAINER_H
#define TRAINER_H

#include <signal.h>

#include "host/cli/config.h"
#include "host/cli/progress.h"

/* Options of any run; nothing of them is kept in checkpoints. */
typedef struct run_options {
  const char *checkpoint, *resume, *init_from, *log;
  char device[ARGS_WORD];
  int64_t steps, checkpoint_every, log_every, eval_every, threads;
  double epochs, minutes, stop_at, stop_at_metric;
  int json, dry_run;
} run_options;

extern const arg_spec run_specs[];
/* --epochs, for data that has them. */
extern const arg_spec run_epoch_specs[];
extern const run_options run_defaults;

typedef struct learner {
  void *self;
  seqgpu_params *params;
  const seqgpu_plan *plan;
  int64_t epoch_updates; /* updates of an epoch, 0 = data without end */
  int64_t tokens;        /* time steps of an update, over all sequences */
  char about[120];       /* "65 tokens in the vocabulary, 446 updates an epoch" */
  double baseline;       /* loss of the best answer that does not look at the input, NaN = not known */
  const char *metric;    /* its name in the log; less is better */
  double metric_of_loss; /* the metric is so many times the loss; 0: only a validation can tell */
  /* Adds the gradients of update number `step`. */
  seqgpu_status (*gradients)(void *self, int64_t step);
  /* The loss of that update; waits for the device. */
  seqgpu_status (*loss)(void *self, double *loss);
  /* NULL: there is nothing to validate on.  SEQGPU_ESTOPPED when *stop becomes nonzero. */
  seqgpu_status (*validate)(void *self, const volatile sig_atomic_t *stop, double *loss, double *metric);
  seqgpu_status (*save)(void *self, const config_cursor *cursor, const char *path);
} learner;

typedef struct trainer {
  const run_options *options;
  const model_config *config;
  seqgpu_context *ctx;
  seqgpu_checkpoint *start; /* of --resume or --init-from */
  config_cursor cursor;
  learner learner;
  int64_t last_step;                  /* of the run, 0 = no limit but time */
  int64_t saved, validated, reported; /* the steps of the last ones, -1 = none */
  int reached;                        /* the goal of --stop-at or --stop-at-metric */
  double start_time;
  seqgpu_optimizer optimizer;
  double loss_sum, last_loss; /* since the last report; the mean of that report */
  int64_t loss_count;
  double val_loss, val_metric, grad_norm;
  progress shown;
} trainer;

/* A command line `seqgpu train TASK ...` on its way to a trainer. */
typedef struct train_command {
  arg_spec specs[ARGS_MAX]; /* of `options` */
  unsigned char given[ARGS_MAX];
  run_options *run;
  void *options, *stored; /* two structs of `size` bytes, of which `run` is a part; the second is free */
  size_t size;
  const char *format; /* of its checkpoints */
} train_command;

/* What single rows cannot say about each other, in any task. */
int train_check(const train_command *c, const model_config *config);
/* Opens the device, and the checkpoint of --resume or --init-from if there is one, whose options are merged into those
 * of the command. */
int train_open(train_command *c, trainer *t);

/* Loads the weights of t->start, if it is there, and closes it; t->learner is there. */
int trainer_load(trainer *t);
/* Trains until the end, a signal, or an error; saves.  An exit code. */
int trainer_run(trainer *t);
/* Frees what the trainer itself holds: the start and the context. */
void trainer_destroy(trainer *t);

#endif
