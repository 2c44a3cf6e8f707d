/* ranks.h - the processes of a run, each with a part of every batch, which make the same updates: `mpirun -n
 * 4 seqgpu train ...` starts four; or they are started by hand, each with its number, and meet at a file.
 *
 * Process 0 reports, saves and decides when the run is over.  The others stay silent but for their own
 * failures.  Whatever all have to decide alike is agreed upon here; with one process nothing here costs
 * anything.
 */
#ifndef RANKS_H
#define RANKS_H

#include "host/cli/config.h"

/* Options of a run that several processes may share. */
typedef struct ranks_options {
  const char *file; /* where they meet; NULL: mpirun starts them, or there is one */
  int64_t rank, world;
  double timeout; /* seconds */
  int overlap, share_moments;
} ranks_options;

extern const arg_spec ranks_specs[];

typedef struct ranks {
  seqgpu_comm *comm; /* NULL: one process */
  int rank, size;    /* size 0 before it is opened: nothing has been started */
} ranks;

/* What mpirun says of this process, before MPI is started: its number, and how many there are; 0 of 1 without
 * it. */
void ranks_launched(int *rank, int *size);
/* What single rows of the options cannot say; given[i] is 1 for each row of specs that was given.  0, or
 * CLI_USAGE after a sentence. */
int ranks_check(const ranks_options *o, const arg_spec *specs, const unsigned char *given);
/* Joins the others, if there are any; process 0 may let them wait as long as the options say, and they it.
 * 0, or an exit code after a sentence. */
int ranks_open(seqgpu_context *ctx, const ranks_options *o, ranks *out);
/* Leaves them: with them if all have come to their end, with the same code or not; without them after a while
 * if others are busy with something else. */
void ranks_close(ranks *r, int code);

/* Settles config->shards: 0 means one for each process; of a resumed run, whose number does not fit the
 * processes, one for each as well, with a note.  0, or CLI_USAGE after a sentence. */
int ranks_share(const ranks *r, model_config *config, int given, int resume);
/* Shards of this process: the first, and how many. */
int64_t ranks_first_shard(const ranks *r, const model_config *config);
int64_t ranks_shards(const ranks *r, const model_config *config);

/* All processes begin alike: with the params and the cursor of process 0, and data of the same hash. */
int ranks_begin(const ranks *r, seqgpu_context *ctx, seqgpu_params *params, config_cursor *cursor);

/* The numbers of process 0 to all. */
seqgpu_status ranks_follow(const ranks *r, double *numbers, int64_t count);
/* A signal that any process has got, 0 if none has; `over` becomes that of process 0. */
seqgpu_status ranks_agree(const ranks *r, int *signal, int *over);

#endif
