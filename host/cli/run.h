/* run.h - one run of `seqgpu train TASK`: its options, and what it starts from. */
#ifndef RUN_H
#define RUN_H

#include "host/cli/command.h"
#include "host/cli/config.h"
#include "host/cli/ranks.h"

/* Options of any run; none of them is kept in checkpoints. */
typedef struct run_options {
  common_options common;
  const char *checkpoint, *resume, *init_from, *log, *tensorboard;
  int64_t steps, checkpoint_every, log_every, eval_every, keep, patience;
  int64_t sample_every; /* for learners that have samples */
  ranks_options ranks;  /* for learners whose batches come in shards */
  double epochs, minutes, stop_at, stop_at_metric, checkpoint_minutes;
  int dry_run, force, keep_best;
} run_options;

extern const run_options run_defaults;
/* Appends the rows of the options to the table of a command whose options hold a run_options at `shift`;
 * --epochs only for data that has epochs. */
void run_join_specs(arg_spec table[ARGS_MAX], size_t shift, int has_epochs);

/* The same for those of a run that several processes may share; another one is refused to more than one. */
void run_join_together(arg_spec table[ARGS_MAX], size_t shift);

/* A command line `seqgpu train TASK ...` on its way to a run. */
typedef struct run_command {
  arg_spec specs[ARGS_MAX]; /* of `options` */
  unsigned char given[ARGS_MAX];
  run_options *run;
  void *options, *stored; /* two structs of `size` bytes, of which `run` is a part; the second is free */
  size_t size;
  const char *format; /* of its checkpoints */
} run_command;

/* What a run starts from. */
typedef struct run_start {
  seqgpu_context *ctx;
  seqgpu_checkpoint *file; /* of --resume or --init-from, NULL without them */
  config_cursor cursor;
  ranks ranks;
} run_start;

/* Checks what single rows cannot, for any task; 0, or CLI_USAGE after a sentence. */
int run_check(const run_command *c, const model_config *config);
/* Opens the device, and the checkpoint of --resume or --init-from if there is one, whose options are merged
 * into those of the command. */
int run_open(run_command *c, run_start *out);
/* The same for a command that trains: joins the other processes, if there are any, and settles what each has
 * of a batch.  All but process 0 neither print nor save. */
int run_open_together(run_command *c, model_config *config, run_start *out);
/* Loads the weights of start->file (with `resume` also moments and states) and closes it, if there is one. */
int run_load(run_start *start, seqgpu_params *params, int resume);
/* `code` is the exit code of the command so far. */
void run_close(run_start *start, int code);

#endif
