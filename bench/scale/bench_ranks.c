/* bench_ranks.c - what it costs to train by several processes (seqgpu/comm.h), measured.
 *
 *   bench_ranks                       one process: what the communicator costs it
 *   mpirun -n 2 bench_ranks           two, each with a batch of its own
 *
 * Kinds of update take turns, so that what else the machine does meets all of them alike:
 *
 *   threads  process 0 has the batches of all, and the threads of all, while the others wait
 *   alone    forward, backward, update, without the others
 *   after    the gradients are summed over the processes after backward
 *   early    in buckets, while backward goes on (seqgpu_shards_overlap)
 *   shared   the same, and the moments are shared out (seqgpu_comm_share_moments)
 *
 * Times are those of process 0 by the clock, each from a barrier on; `of alone` is the median over the rounds
 * of a kind's time divided by that of `alone` in the same round, `speed of threads` that of the time of
 * `threads` divided by the kind's.  bench/scale/ranks.sh runs it by one process, by two, and on a slow link.
 */
#include <stdio.h>
#include <string.h>

#include "bench/common/json.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/scale/network.h"

static const char USAGE[] = "usage: bench_ranks [options]\n"
                            "  --model NAME           small, medium, large or huge; default medium\n"
                            "  --layers L, --hidden H  other sizes than the model's\n"
                            "  --batch B              sequences of an update in each process, default 32\n"
                            "  --steps T              of a sequence, default 50\n"
                            "  --threads N            of each process, default 1\n"
                            "  --rounds N             updates of each kind, default 11\n"
                            "  --bucket KIB           of early sums, default 1024\n" BENCH_HELP_JSON;

enum { MOST_ROUNDS = 1001 };
typedef enum kind { ALONE, AFTER, EARLY, SHARED, THREADS, KINDS } kind; /* the first has started MPI */
static const char *const kind_names[KINDS] = {"alone", "after", "early", "shared", "threads"};

typedef struct ranks_options {
  const char *model, *json;
  int batch, steps, threads, rounds, bucket, layers, hidden;
} ranks_options;

/* A network of this process, as an update of one kind needs it. */
typedef struct learner {
  scale_network net;
  seqgpu_comm *comm;
  seqgpu_shards *shards; /* NULL: alone */
} learner;

/* ---------------------------------------------------------------- an update */

static seqgpu_status update(learner *l) {
  scale_network *n = &l->net;
  double loss = 0;
  seqgpu_status status = seqgpu_params_zero_grad(n->params);
  seqgpu_tensor *y = scale_loss(n);
  if (status == SEQGPU_OK) status = y ? seqgpu_tensor_number(y, &loss) : seqgpu_tape_status(n->tape);
  if (status == SEQGPU_OK && l->shards) {
    status = seqgpu_shards_last(l->shards, (double)(n->steps * n->batch), loss);
    seqgpu_tape_set_ready(n->tape, seqgpu_shards_ready, l->shards);
  }
  if (status == SEQGPU_OK) status = seqgpu_tape_backward(n->tape, y, NULL);
  if (status == SEQGPU_OK && l->shards) status = seqgpu_shards_average(l->shards, &loss);
  if (status == SEQGPU_OK) status = seqgpu_params_update(n->params, &scale_optimizer);
  if (status == SEQGPU_OK) status = seqgpu_synchronize(n->ctx);
  return status == SEQGPU_OK ? seqgpu_tape_clear(n->tape, 1) : status;
}

/* All begin together. */
static seqgpu_status timed(learner *l, seqgpu_comm *all, double *seconds) {
  seqgpu_status status = seqgpu_comm_barrier(all);
  const double start = bench_now();
  if (status == SEQGPU_OK && l->net.x) status = update(l);
  *seconds = bench_now() - start;
  return status;
}

/* Its context is not the communicator's. */
static seqgpu_status open_threads(const ranks_options *o, const scale_model *m, seqgpu_comm *all,
                                  learner *l) {
  const int size = seqgpu_comm_size(all), runs = seqgpu_comm_rank(all) == 0;
  const seqgpu_context_options device = {.device = "cpu", .threads = runs ? size * o->threads : 1};
  return scale_build(m, &device, o->steps, (int64_t)size * o->batch, runs, &l->net);
}

static seqgpu_status open_kind(const ranks_options *o, const scale_model *m, kind k, learner *l) {
  const seqgpu_context_options device = {.device = "cpu", .threads = o->threads};
  seqgpu_status status = scale_build(m, &device, o->steps, o->batch, 1, &l->net);
  if (status == SEQGPU_OK) status = seqgpu_comm_create_mpi(l->net.ctx, NULL, &l->comm);
  if (status == SEQGPU_OK) status = seqgpu_comm_set_limit(l->comm, 600);
  if (k != ALONE && status == SEQGPU_OK) status = seqgpu_shards_create(l->net.params, l->comm, &l->shards);
  if (k >= EARLY && status == SEQGPU_OK) status = seqgpu_shards_overlap(l->shards, (int64_t)o->bucket * 1024);
  if (k == SHARED && status == SEQGPU_OK) status = seqgpu_comm_share_moments(l->comm, l->net.params);
  return status;
}

static void close(learner *l) {
  seqgpu_shards_destroy(l->shards);
  scale_network net = l->net;
  net.ctx = NULL; /* the communicator's, which is next */
  scale_destroy(&net);
  seqgpu_comm_destroy(l->comm);
  seqgpu_context_destroy(l->net.ctx);
}

/* ---------------------------------------------------------------- a model */

typedef struct result {
  double seconds, of_alone, of_threads; /* medians */
} result;

static seqgpu_status measure(learner l[KINDS], int rounds, result out[KINDS]) {
  static double time[KINDS][MOST_ROUNDS], alone[KINDS][MOST_ROUNDS], threads[KINDS][MOST_ROUNDS];
  seqgpu_status status = SEQGPU_OK;
  for (int i = -1; i < rounds && status == SEQGPU_OK; i++) { /* the first time allocates */
    const int at = i < 0 ? 0 : i;
    for (int k = 0; k < KINDS && status == SEQGPU_OK; k++) status = timed(&l[k], l[ALONE].comm, &time[k][at]);
    bench_rest();
    for (int k = 0; k < KINDS; k++) {
      alone[k][at] = time[k][at] / time[ALONE][at];
      threads[k][at] = time[THREADS][at] / time[k][at]; /* of one speed to the other */
    }
  }
  for (int k = 0; k < KINDS && status == SEQGPU_OK; k++)
    out[k] = (result){bench_statistics(time[k], rounds).median, bench_statistics(alone[k], rounds).median,
                      bench_statistics(threads[k], rounds).median};
  return status;
}

static void print(const ranks_options *o, const scale_model *m, int size, const result r[KINDS], FILE *json,
                  const bench_origin *origin) {
  const double tokens = (double)o->batch * (double)o->steps * size;
  printf("%s, commit %s, %s\n", origin->device, origin->commit, origin->date);
  printf("\n%s: LSTM, %lld x %lld; %d process%s, %d thread%s each, batch %d each\n\n", m->name,
         (long long)m->layers, (long long)m->hidden, size, size > 1 ? "es" : "", o->threads,
         o->threads > 1 ? "s" : "", o->batch);
  printf("| kind | update, ms | tokens/s | time of alone | speed of threads |\n|---|---:|---:|---:|---:|\n");
  for (int k = 0; k < KINDS; k++) {
    printf("| %s | %.2f | %.0f | %.4f | %.4f |\n", kind_names[k], 1e3 * r[k].seconds, tokens / r[k].seconds,
           r[k].of_alone, r[k].of_threads);
    if (json == NULL) continue;
    bench_json_begin(json, "ranks");
    bench_json_text(json, "model", m->name);
    bench_json_text(json, "kind", kind_names[k]);
    bench_json_integer(json, "processes", size);
    bench_json_integer(json, "threads", o->threads);
    bench_json_integer(json, "batch", o->batch);
    bench_json_integer(json, "seq_len", o->steps);
    bench_json_number(json, "update_s", r[k].seconds);
    bench_json_number(json, "tokens_per_s", tokens / r[k].seconds);
    bench_json_number(json, "of_alone", r[k].of_alone);
    bench_json_number(json, "of_threads", r[k].of_threads);
    bench_json_end(json, origin);
  }
}

static int bench_one(const ranks_options *o, const scale_model *m, const bench_origin *origin) {
  learner l[KINDS] = {{.comm = NULL}};
  result r[KINDS];
  seqgpu_status status = SEQGPU_OK;
  for (int k = 0; k < THREADS && status == SEQGPU_OK; k++) status = open_kind(o, m, (kind)k, &l[k]);
  if (status == SEQGPU_OK) status = open_threads(o, m, l[ALONE].comm, &l[THREADS]);
  if (status == SEQGPU_OK) status = measure(l, o->rounds, r);
  for (int k = 0; k < KINDS && status != SEQGPU_OK; k++)
    if (seqgpu_last_error(l[k].net.ctx)[0])
      fprintf(stderr, "bench_ranks: %s: %s\n", kind_names[k], seqgpu_last_error(l[k].net.ctx));
  const int rank = seqgpu_comm_rank(l[0].comm), size = seqgpu_comm_size(l[0].comm);
  FILE *json = o->json && rank == 0 ? fopen(o->json, "a") : NULL;
  if (status == SEQGPU_OK && rank == 0) print(o, m, size, r, json, origin);
  if (json) fclose(json);
  for (int k = KINDS - 1; k >= 0; k--) close(&l[k]); /* the first has started MPI, and ends it */
  return status == SEQGPU_OK ? BENCH_OK : BENCH_FAILED;
}

int main(int argc, char **argv) {
  ranks_options o = {.model = "medium", .batch = 32, .steps = 50, .threads = 1, .rounds = 11, .bucket = 1024};
  const bench_option table[] = {bench_option_text("--model", &o.model),
                                bench_option_int("--layers", &o.layers, 0, 64),
                                bench_option_int("--hidden", &o.hidden, 0, 65536),
                                bench_option_int("--batch", &o.batch, 1, 100000),
                                bench_option_int("--steps", &o.steps, 1, 100000),
                                bench_option_int("--rounds", &o.rounds, 1, MOST_ROUNDS),
                                bench_option_int("--bucket", &o.bucket, 1, 16384),
                                BENCH_THREADS(&o.threads),
                                BENCH_JSON(&o.json)};
  const int code = bench_parse("bench_ranks", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  const bench_origin origin = bench_origin_of(NULL);
  for (int i = 0; i < SCALE_MODELS; i++)
    if (strcmp(o.model, scale_models[i].name) == 0) {
      scale_model m = scale_models[i];
      if (o.layers) m.layers = o.layers;
      if (o.hidden) m.hidden = o.hidden;
      return bench_one(&o, &m, &origin);
    }
  fprintf(stderr, "bench_ranks: --model %s: must be small, medium, large or huge\n", o.model);
  return BENCH_USAGE;
}
