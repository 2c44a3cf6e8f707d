/* processes.c - communicators among the processes that were started (seqgpu/comm.h, world.h).
 *
 *   comm_processes          sums, bytes and params from one to all, averages of shards
 *   comm_processes late     the last process does not come: the others are told so, in time
 */
#include <time.h>
#include <unistd.h>

#include "seqgpu/seqgpu.h"
#include "tests/comm/world.h"

enum { MOST = 16 }; /* processes */

static double seconds(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---------------------------------------------------------------- sums */

/* The same tree by recursion: the left branch has the largest power of two below n. */
static double sum_f64(const double *x, int n, int64_t stride) {
  int left = 1;
  if (n == 1) return x[0];
  while (2 * left < n) left *= 2;
  return sum_f64(x, left, stride) + sum_f64(x + left * stride, n - left, stride);
}

static float sum_f32(const float *x, int n, int64_t stride) {
  int left = 1;
  if (n == 1) return x[0];
  while (2 * left < n) left *= 2;
  return sum_f32(x, left, stride) + sum_f32(x + left * stride, n - left, stride);
}

/* Every process draws the numbers of all, and gives its own. */
static void check_sum(seqgpu_comm *comm, int64_t count) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm);
  const size_t size = (size_t)count * sizeof(double);
  double *all = calloc((size_t)N, size), *mine = check_alloc("sums", size);
  int64_t wrong = 0;
  check_fill_f64(all, N * count, -1, 1);
  memcpy(mine, all + rank * count, size);
  const seqgpu_status status = seqgpu_comm_sum(comm, mine, count);
  for (int64_t i = 0; i < count; i++) wrong += mine[i] != sum_f64(all + i, N, count);
  CHECK(status == SEQGPU_OK && wrong == 0, "sum of %lld float64, in order", (long long)count);
  check_free(mine);
  free(all);
}

static void check_all_reduce(seqgpu_context *ctx, seqgpu_comm *comm, int64_t count) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm);
  const size_t size = (size_t)count * sizeof(float);
  float *all = calloc((size_t)N, size), *mine = calloc(1, size);
  void *device;
  int64_t wrong = 0;
  check_fill_f32(all, N * count, -1, 1);
  seqgpu_malloc(ctx, size, &device);
  seqgpu_copy_in(ctx, device, all + rank * count, size);
  const seqgpu_status status = seqgpu_comm_all_reduce(comm, device, count);
  seqgpu_copy_out(ctx, mine, device, size);
  for (int64_t i = 0; i < count; i++) wrong += mine[i] != sum_f32(all + i, N, count);
  CHECK(status == SEQGPU_OK && wrong == 0, "all-reduce of %lld float32 on %s, in order", (long long)count,
        seqgpu_context_device(ctx));
  seqgpu_free(ctx, device);
  free(all);
  free(mine);
}

/* ---------------------------------------------------------------- from one to all */

static void check_broadcast(seqgpu_comm *comm, size_t size) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm);
  unsigned char *data = check_alloc("bytes", size);
  int wrong = 0;
  for (int root = 0; root < N; root++) {
    for (size_t i = 0; i < size; i++) data[i] = rank == root ? (unsigned char)(i * 7 + (size_t)root) : 0;
    wrong += seqgpu_comm_broadcast(comm, data, size, root) != SEQGPU_OK;
    for (size_t i = 0; i < size; i++) wrong += data[i] != (unsigned char)(i * 7 + (size_t)root);
  }
  CHECK(wrong == 0, "%zu bytes from each process to all", size);
  check_free(data);
}

static seqgpu_params *make_params(seqgpu_context *ctx, uint64_t seed, int64_t cols) {
  seqgpu_params *params;
  seqgpu_params_create(ctx, seed, &params);
  seqgpu_params_add(params, "a", 3, cols, "normal", 1, NULL);
  seqgpu_params_add_state(params, "s", 2, 2, NULL);
  seqgpu_params_add(params, "b", 5, 1, "normal", 1, NULL);
  return params;
}

static void update(seqgpu_context *ctx, seqgpu_params *params, double gradient) {
  const seqgpu_optimizer adam = {
      .kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1, .clip = SEQGPU_CLIP_AUTO, .clip_threshold = 0.9};
  for (int i = 0; i < seqgpu_params_count(params); i++) {
    seqgpu_param p;
    float values[64];
    seqgpu_params_get(params, i, &p);
    for (int k = 0; k < 64; k++) values[k] = (float)(gradient * (k % 5 - 1.5));
    if (p.grad) seqgpu_copy_in(ctx, p.grad, values, (size_t)(p.rows * p.cols) * sizeof(float));
  }
  seqgpu_params_update(params, &adam);
}

/* How many processes have other values than the first. */
static double others_differ(seqgpu_context *ctx, seqgpu_comm *comm, seqgpu_params *params) {
  double differ = 0;
  for (int i = 0; i < seqgpu_params_count(params); i++) {
    seqgpu_param p;
    float mine[64], first[64];
    seqgpu_params_get(params, i, &p);
    const size_t size = (size_t)(p.rows * p.cols) * sizeof(float);
    seqgpu_copy_out(ctx, mine, p.value, size);
    memcpy(first, mine, size);
    seqgpu_comm_broadcast(comm, first, size, 0);
    differ += memcmp(mine, first, size) != 0;
  }
  seqgpu_comm_sum(comm, &differ, 1);
  return differ;
}

/* All have drawn other values; the last has trained and averaged, and the others not. */
static void check_broadcast_params(seqgpu_context *ctx, seqgpu_comm *comm) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm), root = N - 1;
  seqgpu_params *params = make_params(ctx, (uint64_t)rank + 1, 4);
  for (int k = 0; k < 3 && rank == root; k++) update(ctx, params, 1 + k);
  if (rank == root) seqgpu_params_average(params);
  CHECK(N == 1 || others_differ(ctx, comm, params) > 0, "params differ before");
  CHECK(seqgpu_comm_broadcast_params(comm, params, root) == SEQGPU_OK, "params of process %d to all", root);
  CHECK(others_differ(ctx, comm, params) == 0, "the same values everywhere");
  update(ctx, params, 0.5);
  CHECK(others_differ(ctx, comm, params) == 0, "the same moments, clipping and count of updates");
  seqgpu_params_average(params);
  CHECK(seqgpu_params_averaged(params) == 2, "the averages have been counted");
  seqgpu_params_use_average(params, 1);
  CHECK(others_differ(ctx, comm, params) == 0, "the same averages");
  CHECK(seqgpu_comm_broadcast_params(comm, params, 0) == SEQGPU_EINVAL, "refused: averages are in use");
  seqgpu_params_destroy(params);
  params = make_params(ctx, 1, rank == root && N > 1 ? 5 : 4);
  CHECK(seqgpu_comm_broadcast_params(comm, params, 0) == (N > 1 ? SEQGPU_EINVAL : SEQGPU_OK),
        "refused in every process: the tensors of one differ");
  seqgpu_params_destroy(params);
}

/* ---------------------------------------------------------------- shards */

/* Processes with 1, 2, 3, ... shards of other weights; the last has none, if there are several. */
static void check_shards(seqgpu_context *ctx, seqgpu_comm *comm) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm);
  seqgpu_params *params;
  seqgpu_param a;
  seqgpu_shards *shards;
  seqgpu_params_create(ctx, 1, &params);
  seqgpu_params_add(params, "a", 1, 3, "zeros", 0, &a);
  CHECK(seqgpu_shards_create(params, comm, &shards) == SEQGPU_OK, "shards");
  double weights = 0, sum[3] = {0}, losses = 0, loss;
  for (int r = 0; r < N; r++)
    for (int k = 0; k <= r && (r < N - 1 || N == 1); k++) {
      const double w = (double)check_below(5), l = check_uniform(0, 2);
      float g[3];
      check_fill_f32(g, 3, -1, 1);
      if (w == 0) g[1] = (float)NAN;
      weights += w;
      losses += w * l;
      for (int i = 0; i < 3; i++) sum[i] += w == 0 ? 0 : w * (double)g[i];
      if (r != rank) continue;
      seqgpu_copy_in(ctx, a.grad, g, sizeof g);
      seqgpu_shards_add(shards, w, w == 0 ? (double)NAN : l);
    }
  float g[3];
  const seqgpu_status status = seqgpu_shards_average(shards, &loss);
  seqgpu_copy_out(ctx, g, a.grad, sizeof g);
  double error = weights > 0 ? fabs(loss - losses / weights) : fabs(loss);
  for (int i = 0; i < 3; i++)
    error = check_worse(error, fabs((double)g[i] - (weights > 0 ? sum[i] / weights : 0)));
  CHECK(status == SEQGPU_OK, "average of shards");
  check_error(error, 1e-6, "weighted average of unequal shards, one process without any");
  CHECK(seqgpu_shards_average(shards, &loss) == SEQGPU_OK && loss == 0, "average of no shards at all");
  seqgpu_copy_out(ctx, g, a.grad, sizeof g);
  CHECK(g[0] == 0 && g[1] == 0 && g[2] == 0, "its gradients are 0");
  seqgpu_shards_destroy(shards);
  seqgpu_params_destroy(params);
}

/* ---------------------------------------------------------------- moments that are shared out */

/* Large enough for several slices; `b` has a learning rate of its own, `f` is frozen, `w` stays orthogonal,
 * and the network's biases are sums of two. */
static seqgpu_params *make_large(seqgpu_context *ctx, const seqgpu_plan *plan) {
  seqgpu_params *params;
  seqgpu_params_create(ctx, 7, &params);
  seqgpu_params_add(params, "a", 100, 301, "normal", 1, NULL);
  seqgpu_params_add_rnn(params, "gru", plan, NULL);
  seqgpu_params_split_biases(params, "gru");
  seqgpu_params_add(params, "b", 20001, 1, "normal", 1, NULL);
  seqgpu_params_add(params, "f", 3, 3, "normal", 1, NULL);
  seqgpu_params_add(params, "w", 12, 12, "zeros", 0, NULL);
  seqgpu_params_orthogonal(params, "w");
  seqgpu_params_set_lr(params, "b", 0.5);
  seqgpu_params_set_lr(params, "gru.weight_hh", 2);
  seqgpu_params_set_lr(params, "f", 0);
  return params;
}

/* The same gradients everywhere, and one update; 1 if it succeeds. */
static int update_large(seqgpu_context *ctx, seqgpu_params *params, seqgpu_optimizer_kind kind, int step) {
  const seqgpu_optimizer optimizer = {.kind = kind,
                                      .lr = 0.01,
                                      .clip = SEQGPU_CLIP_NORM,
                                      .clip_threshold = 0.9,
                                      .noise = 0.1,
                                      .weight_decay = 1e-3};
  for (int i = 0; i < seqgpu_params_count(params); i++) {
    seqgpu_param p;
    seqgpu_params_get(params, i, &p);
    const int64_t count = p.grad ? p.rows * p.cols : 0;
    float *g = malloc((size_t)count * sizeof *g + 1);
    for (int64_t k = 0; k < count; k++)
      g[k] = (float)seqgpu_uniform(3, (uint64_t)(step * 100 + i), (uint64_t)k) - 0.5F;
    if (count > 0) seqgpu_copy_in(ctx, p.grad, g, (size_t)count * sizeof *g);
    free(g);
  }
  return seqgpu_params_update(params, &optimizer) == SEQGPU_OK;
}

/* Tensors in which the two differ. */
static int values_differ(seqgpu_context *ctx, const seqgpu_params *a, const seqgpu_params *b) {
  int differ = 0;
  for (int i = 0; i < seqgpu_params_count(a); i++) {
    seqgpu_param p, q;
    seqgpu_params_get(a, i, &p);
    seqgpu_params_get(b, i, &q);
    const size_t size = (size_t)(p.rows * p.cols) * sizeof(float);
    char *x = malloc(2 * size);
    seqgpu_copy_out(ctx, x, p.value, size);
    seqgpu_copy_out(ctx, x + size, q.value, size);
    differ += memcmp(x, x + size, size) != 0;
    free(x);
  }
  return differ;
}

static int files_differ(const char *a, const char *b) {
  FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
  int differ = f == NULL || g == NULL, x = 0, y = 0;
  while (!differ && x != EOF) {
    x = getc(f);
    y = getc(g);
    differ = x != y;
  }
  if (f) fclose(f);
  if (g) fclose(g);
  return differ;
}

/* A checkpoint of shared out moments is the file of whole ones, and another run goes on with it. */
static void check_shared_file(seqgpu_context *ctx, seqgpu_comm *comm, seqgpu_params *whole,
                              seqgpu_params *shared, const seqgpu_plan *plan) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm), root = N - 1;
  char one[64], many[64];
  seqgpu_checkpoint *file = NULL;
  snprintf(one, sizeof one, "whole-%d.st", (int)(check_counts.seed % 100000));
  snprintf(many, sizeof many, "shared-%d.st", (int)(check_counts.seed % 100000));
  CHECK(N == 1 || seqgpu_checkpoint_save(shared, many, NULL, 0) == SEQGPU_EINVAL,
        "refused: moments are shared out");
  CHECK(N == 1 || seqgpu_comm_broadcast_params(comm, shared, 0) == SEQGPU_EINVAL, "nor given to all");
  CHECK(N == 1 || seqgpu_comm_share_moments(comm, shared) == SEQGPU_EINVAL, "nor shared out once more");
  for (int k = 0; k < 2; k++)
    CHECK(seqgpu_comm_collect_moments(comm, shared, root) == SEQGPU_OK, "moments to process %d", root);
  if (rank == root) {
    CHECK(seqgpu_checkpoint_save(whole, one, NULL, 0) == SEQGPU_OK &&
              seqgpu_checkpoint_save(shared, many, NULL, 0) == SEQGPU_OK && !files_differ(one, many),
          "the same checkpoint");
  }
  double failed = rank == root && check_counts.failed > 0;
  seqgpu_comm_sum(comm, &failed, 1); /* the file is there */
  seqgpu_params *resumed = make_large(ctx, plan);
  if (seqgpu_checkpoint_open(ctx, many, &file) == SEQGPU_OK)
    CHECK(seqgpu_checkpoint_load(file, resumed, 1) == SEQGPU_OK, "loaded by every process");
  seqgpu_checkpoint_close(file);
  CHECK(seqgpu_comm_share_moments(comm, resumed) == SEQGPU_OK, "shared out again");
  int differ = 0;
  for (int step = 0; step < 2; step++) {
    differ += !update_large(ctx, whole, SEQGPU_OPTIMIZER_ADAM, 20 + step);
    differ += !update_large(ctx, shared, SEQGPU_OPTIMIZER_ADAM, 20 + step);
    differ += !update_large(ctx, resumed, SEQGPU_OPTIMIZER_ADAM, 20 + step);
    differ += values_differ(ctx, whole, shared) + values_differ(ctx, whole, resumed);
  }
  CHECK(differ == 0, "the run goes on, and from the file as well");
  seqgpu_comm_barrier(comm);
  if (rank == root) CHECK(remove(one) == 0 && remove(many) == 0, "files");
  seqgpu_params_destroy(resumed);
}

static void check_share(seqgpu_context *ctx, seqgpu_comm *comm) {
  const seqgpu_rnn_desc desc = {.cell = "gru",
                                .reset_after = 1,
                                .input_size = 30,
                                .hidden_size = 40,
                                .num_layers = 2,
                                .seq_len = 1,
                                .batch = 1};
  static const seqgpu_optimizer_kind kinds[] = {SEQGPU_OPTIMIZER_SGD, SEQGPU_OPTIMIZER_MOMENTUM,
                                                SEQGPU_OPTIMIZER_RMSPROP, SEQGPU_OPTIMIZER_ADAM};
  seqgpu_plan *plan;
  int differ = 0;
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK, "a plan");
  seqgpu_params *whole = make_large(ctx, plan), *shared = make_large(ctx, plan);
  CHECK(seqgpu_comm_share_moments(comm, shared) == SEQGPU_OK, "moments are shared out");
  for (int step = 0; step < 8; step++) {
    differ +=
        !update_large(ctx, whole, kinds[step / 2], step) + !update_large(ctx, shared, kinds[step / 2], step);
    differ += values_differ(ctx, whole, shared);
  }
  CHECK(differ == 0, "every optimiser: the same values as with whole moments");
  check_shared_file(ctx, comm, whole, shared, plan);
  CHECK(seqgpu_comm_share_moments(comm, NULL) == SEQGPU_EINVAL &&
            seqgpu_comm_collect_moments(comm, NULL, 0) == SEQGPU_EINVAL &&
            seqgpu_comm_collect_moments(comm, shared, -1) == SEQGPU_EINVAL,
        "refused");
  seqgpu_params_destroy(whole);
  seqgpu_params_destroy(shared);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- a process that does not come */

static int late(seqgpu_context *ctx, seqgpu_comm *comm) {
  const int N = seqgpu_comm_size(comm), rank = seqgpu_comm_rank(comm);
  double one = 1;
  seqgpu_comm_set_limit(comm, 1);
  if (rank == N - 1) {
    sleep(4);
    _exit(0);
  }
  const double start = seconds();
  const seqgpu_status first = seqgpu_comm_sum(comm, &one, 1);
  const double waited = seconds() - start;
  CHECK(first == SEQGPU_EPEER, "a process that does not come is a status");
  CHECK(strstr(seqgpu_last_error(ctx), "one of them has ended or hangs") != NULL, "a sentence: %s",
        seqgpu_last_error(ctx));
  CHECK(waited >= 1 && waited < 3, "after the limit");
  CHECK(seqgpu_comm_barrier(comm) == SEQGPU_EPEER && seconds() - start < 3, "further calls fail at once");
  seqgpu_comm_destroy(comm);
  CHECK(seconds() - start < 3, "the destruction does not wait");
  seqgpu_context_destroy(ctx);
  return check_finish();
}

#ifdef SEQGPU_WITH_EMULATOR
/* A device over MPI: by way of the host. */
static void check_second(int N) {
  seqgpu_context *ctx = world_context("emulator", SEQGPU_DTYPE_F32);
  seqgpu_comm *comm;
  CHECK(seqgpu_comm_create_mpi(ctx, NULL, &comm) == SEQGPU_OK, "a second communicator, on the emulator");
  check_at("%d processes, emulator", N);
  check_all_reduce(ctx, comm, 5000);
  check_broadcast_params(ctx, comm);
  check_shards(ctx, comm);
  check_share(ctx, comm);
  seqgpu_comm_destroy(comm);
  seqgpu_context_destroy(ctx);
  check_at("%d processes", N);
}
#endif

int main(int argc, char **argv) {
  seqgpu_context *ctx = world_context(world_device(), SEQGPU_DTYPE_F32);
  seqgpu_comm *comm = world_join(ctx);
  const int N = seqgpu_comm_size(comm);
  if (argc > 1 && strcmp(argv[1], "late") == 0) return late(ctx, comm);
  check_at("%d processes", N);
  CHECK(N <= MOST && seqgpu_comm_rank(comm) < N, "rank %d", seqgpu_comm_rank(comm));
  CHECK(seqgpu_comm_barrier(comm) == SEQGPU_OK, "barrier");
  static const int64_t counts[] = {0, 1, 7, 128, 1000, 4099, (1 << 21) + 12345};
  for (size_t i = 0; i < COUNT(counts); i++) check_sum(comm, counts[i]);
  static const int64_t lengths[] = {1, 1023, 70001};
  for (size_t i = 0; i < COUNT(lengths); i++) check_all_reduce(ctx, comm, lengths[i]);
  static const size_t sizes[] = {0, 1, 4097, (1 << 24) + 3};
  for (size_t i = 0; i < COUNT(sizes); i++) check_broadcast(comm, sizes[i]);
  check_broadcast_params(ctx, comm);
  check_shards(ctx, comm);
  check_share(ctx, comm);
#ifdef SEQGPU_WITH_EMULATOR
  if (world_file() == NULL) check_second(N);
#endif
  return world_finish(ctx, comm);
}
