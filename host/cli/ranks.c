/* ranks.c - the processes of a run (ranks.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/ranks.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/cli/signals.h"

/* ---------------------------------------------------------------- options */

#define FIELD(name) offsetof(ranks_options, name)
enum { WORLD = 4096 };

const arg_spec ranks_specs[] = {
    ROW_GROUP("Several processes"),
    ROW_TEXT(
        "ranks-file", FIELD(file), "FILE",
        "where processes on GPUs meet that were started by hand, for NCCL; all see it, and it is removed"),
    ROW_INT("rank", ARG_NOT_KEPT, FIELD(rank), 0, WORLD - 1, "R",
            "the number of this process of --ranks-file, from 0"),
    ROW_INT("world", ARG_NOT_KEPT, FIELD(world), 1, WORLD, "N", "how many processes meet at --ranks-file"),
    ROW_REAL("comm-timeout", ARG_NOT_KEPT, FIELD(timeout), 0.1, 1e6, "S",
             "seconds that processes wait for each other before they give up"),
    ROW_FLAG("overlap", ARG_NOT_KEPT, FIELD(overlap),
             "gradients are summed over the processes, by a thread of each, while others are still computed"),
    ROW_FLAG("share-moments", ARG_NOT_KEPT, FIELD(share_moments),
             "each process keeps a part of the optimiser's moments alone, and updates that part"),
    ROW_END,
};

int ranks_check(const ranks_options *o, const arg_spec *specs, const unsigned char *given) {
  static const char *const names[] = {"rank", "world"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const int is_given = given[args_find(specs, names[i])];
    if (is_given && o->file == NULL) return cli_usage("--%s: has no effect without --ranks-file", names[i]);
    if (!is_given && o->file != NULL) return cli_usage("--ranks-file: needs --%s", names[i]);
  }
  if (o->file == NULL) return CLI_OK;
  if (o->rank >= o->world)
    return cli_usage("--rank: is %lld; it must be from 0 to %lld, one less than --world", (long long)o->rank,
                     (long long)o->world - 1);
  int rank, size;
  ranks_launched(&rank, &size);
  return size > 1 ? cli_usage("--ranks-file: mpirun has started the processes, and counts them") : CLI_OK;
}

/* ---------------------------------------------------------------- life */

/* The variables of Open MPI's mpirun, and of MPICH's. */
void ranks_launched(int *rank, int *size) {
  static const char *const names[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                         {"PMI_RANK", "PMI_SIZE"}};
  *rank = 0;
  *size = 1;
  for (size_t i = 0; i < sizeof names / sizeof names[0] && *size <= 1; i++) {
    const char *r = getenv(names[i][0]), *n = getenv(names[i][1]);
    if (r == NULL || n == NULL) continue;
    *rank = atoi(r);
    *size = atoi(n);
  }
}

static seqgpu_status join(seqgpu_context *ctx, const ranks_options *o, seqgpu_comm **out) {
  if (o->file) return seqgpu_comm_create_file(ctx, o->file, (int)o->rank, (int)o->world, o->timeout, out);
  LIB_TRY(seqgpu_comm_create_mpi(ctx, NULL, out));
  return seqgpu_comm_set_limit(*out, o->timeout);
}

int ranks_open(seqgpu_context *ctx, const ranks_options *o, ranks *out) {
  ranks_launched(&out->rank, &out->size);
  if (out->size <= 1 && o->file == NULL) {
    *out = (ranks){.size = 1};
    return CLI_OK;
  }
  if (join(ctx, o, &out->comm) != SEQGPU_OK) return cli_library_error(ctx);
  out->rank = seqgpu_comm_rank(out->comm);
  out->size = seqgpu_comm_size(out->comm);
  return CLI_OK;
}

enum { LEAVING = 2 }; /* seconds */

/* One that fails alone ends without MPI's end, upon which mpirun ends the others.  Where all fail alike each
 * waits for the others' sentences. */
void ranks_close(ranks *r, int code) {
  if (r->comm == NULL) return;
  if (code != CLI_OK) seqgpu_comm_set_limit(r->comm, LEAVING);
  seqgpu_comm_destroy(r->comm);
  r->comm = NULL;
}

/* ---------------------------------------------------------------- shards */

/* Whether the shards are shared out evenly, each process having a branch of the tree over all of them; one
 * process has all of it. */
static int fits(int64_t shards, int64_t size) {
  const int64_t each = shards / size;
  return size == 1 || (each > 0 && shards % size == 0 && (each & (each - 1)) == 0);
}

int ranks_share(const ranks *r, model_config *config, int given, int resume) {
  const long long was = config->shards, N = r->size;
  if (was > 0 && !fits(was, N) && (given || !resume))
    return cli_usage("--shards: is %lld; with %lld processes it must be %lld, %lld, %lld, ...", was, N, N,
                     2 * N, 4 * N);
  if (was == 0 || !fits(was, N)) config->shards = N;
  if (was > 0 && config->shards != was && r->rank == 0)
    cli_note(
        "the run began with %lld shards and goes on with %lld, one for each process: losses are no longer "
        "the same bits",
        was, N);
  const long long S = config->shards, B = config->rnn.batch;
  if (B % S != 0)
    return cli_usage("--batch: is %lld; it must be a multiple of %lld, the number of shards", B, S);
  if (S > 1 && (config->rnn.batch_norm_input || config->rnn.batch_norm_steps))
    return cli_usage("--batch-norm-%s: needs whole batches, and there are %lld shards",
                     config->rnn.batch_norm_input ? "input" : "steps", S);
  return CLI_OK;
}

int64_t ranks_shards(const ranks *r, const model_config *config) { return config->shards / r->size; }

int64_t ranks_first_shard(const ranks *r, const model_config *config) {
  return r->rank * ranks_shards(r, config);
}

/* ---------------------------------------------------------------- agreeing */

int ranks_begin(const ranks *r, seqgpu_context *ctx, seqgpu_params *params, config_cursor *cursor) {
  if (r->comm == NULL) return CLI_OK;
  config_cursor first = *cursor;
  double others = 0;
  seqgpu_status status = seqgpu_comm_broadcast(r->comm, &first, sizeof first, 0);
  if (status == SEQGPU_OK) {
    others = first.data_hash != cursor->data_hash || first.data_size != cursor->data_size ||
             first.train_size != cursor->train_size || first.val_hash != cursor->val_hash;
    status = seqgpu_comm_sum(r->comm, &others, 1);
  }
  if (status == SEQGPU_OK && others > 0) {
    if (r->rank == 0)
      cli_error("%.0f of %d processes have other data than process 0; all need the same files", others,
                r->size);
    return CLI_FAILED;
  }
  *cursor = first;
  if (status == SEQGPU_OK) status = seqgpu_comm_broadcast_params(r->comm, params, 0);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(ctx);
}

seqgpu_status ranks_follow(const ranks *r, double *numbers, int64_t count) {
  if (r->comm == NULL) return SEQGPU_OK;
  return seqgpu_comm_broadcast(r->comm, numbers, (size_t)count * sizeof *numbers, 0);
}

seqgpu_status ranks_agree(const ranks *r, int *signal, int *over) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  enum { SIGNALS = sizeof signals / sizeof signals[0] };
  double raised[SIGNALS + 1] = {0};
  *signal = *signals_stop();
  if (r->comm == NULL) return SEQGPU_OK;
  for (int i = 0; i < SIGNALS; i++) raised[i] = *signal == signals[i];
  raised[SIGNALS] = r->rank == 0 && *over;
  LIB_TRY(seqgpu_comm_sum(r->comm, raised, SIGNALS + 1));
  *signal = 0;
  for (int i = SIGNALS - 1; i >= 0; i--)
    if (raised[i] > 0) *signal = signals[i];
  *over = raised[SIGNALS] > 0;
  return SEQGPU_OK;
}
