/* trainer.h - the training loop of the language model, and all that it holds. */
#ifndef TRAINER_H
#define TRAINER_H

#include "charlm.h"
#include "progress.h"

typedef struct train_options {
  charlm_config config;
  const char *text, *checkpoint, *resume, *init_from, *log;
  char device[ARGS_WORD];
  int64_t steps, checkpoint_every, log_every, eval_every, threads;
  double epochs, minutes;
  int json, bidirectional;
} train_options;

typedef struct trainer {
  train_options *options;
  seqgpu_context *ctx;
  seqgpu_checkpoint *start; /* of --resume or --init-from */
  charlm_progress progress;
  vocabulary vocab;
  charlm model;
  charlm_pass pass, val_pass;
  charlm_streams train, val;
  int64_t pieces;    /* of an epoch */
  int64_t last_step; /* of the run, 0 = no limit but time */
  int64_t saved;     /* the step of the last checkpoint, -1 = none */
  double start_time;
  seqgpu_optimizer optimizer;
  double loss_sum, last_loss; /* since the last report; the mean of that report */
  int64_t loss_count;
  double val_loss, grad_norm;
  progress shown;
} trainer;

/* The library's optimiser for the options; 0, or CLI_USAGE after a sentence. */
int trainer_optimizer(const charlm_config *config, seqgpu_optimizer *out);
/* Tokens, model, buffers; t->options, ctx and start are there. */
int trainer_build(trainer *t, const text_file *text);
/* Trains until the end, a signal, or an error; saves.  An exit code. */
int trainer_run(trainer *t);
void trainer_destroy(trainer *t);

#endif
