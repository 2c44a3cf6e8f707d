/* test_comm.c - what of seqgpu/comm.h needs no other process: wrong calls, a build or a process without MPI,
 * and batches that come in shards. */
#include "seqgpu/comm.h"

#include "tests/failing.h"
#include "tests/refused.h"

/* As large as any MPI_Comm; it is not looked at before MPI is started. */
static const void *const no_communicator[1];

static void check_refusals(seqgpu_context *ctx) {
  seqgpu_comm *comm = NULL;
  seqgpu_shards *shards = NULL;
  seqgpu_params *params;
  forget_error(ctx);
  const seqgpu_status status = seqgpu_comm_create_mpi(ctx, no_communicator, &comm);
  const char *sentence = seqgpu_last_error(ctx);
  CHECK(comm == NULL && (status == SEQGPU_EINVAL || status == SEQGPU_EUNSUPPORTED) && strstr(sentence, "MPI"),
        "MPI is not there, or not started: a sentence");
  printf("# %s\n", sentence);
  REFUSED(ctx, EINVAL, "out", seqgpu_comm_create_mpi(ctx, NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_create_mpi(NULL, NULL, &comm));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_set_limit(NULL, 1));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_barrier(NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_sum(NULL, (double[]){1}, 1));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_all_reduce(NULL, &params, 1));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_broadcast(NULL, &params, 1, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_broadcast_params(NULL, NULL, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_share_moments(NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_collect_moments(NULL, NULL, 0));
  CHECK(seqgpu_comm_rank(NULL) == 0 && seqgpu_comm_size(NULL) == 1, "no communicator: one process");
  seqgpu_comm_destroy(NULL);

  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &params));
  REFUSED(ctx, EINVAL, "no trained tensor", seqgpu_shards_create(params, NULL, &shards));
  ACCEPTED(ctx, seqgpu_params_add(params, "a", 2, 2, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "out", seqgpu_shards_create(params, NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_shards_create(NULL, NULL, &shards));
  ACCEPTED(ctx, seqgpu_shards_create(params, NULL, &shards));
  REFUSED(ctx, EINVAL, "weight", seqgpu_shards_add(shards, -1, 0));
  REFUSED(ctx, EINVAL, "weight", seqgpu_shards_add(shards, (double)NAN, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_shards_add(NULL, 1, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_shards_average(NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_shards_last(NULL, 1, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_shards_overlap(NULL, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_shards_ready(NULL, NULL, 0));
  REFUSED(ctx, EINVAL, "bytes", seqgpu_shards_overlap(shards, -1));
  ACCEPTED(ctx, seqgpu_shards_overlap(shards, 0)); /* one process: nothing to begin early */
  REFUSED(ctx, EINVAL, "weight", seqgpu_shards_last(shards, -1, 0));
  ACCEPTED(ctx, seqgpu_shards_last(shards, 1, 0));
  REFUSED(ctx, EINVAL, "has been announced", seqgpu_shards_add(shards, 1, 0));
  REFUSED(ctx, EINVAL, "average comes first", seqgpu_shards_overlap(shards, 0));
  ACCEPTED(ctx, seqgpu_shards_average(shards, NULL));
  ACCEPTED(ctx, seqgpu_params_add(params, "b", 1, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "since they were made", seqgpu_shards_add(shards, 1, 0));
  seqgpu_shards_destroy(shards);
  seqgpu_shards_destroy(NULL);
  seqgpu_params_destroy(params);
}

/* The tree over shards first..first+count-1 by recursion, in float32. */
static float tree(const float *x, int count) {
  int left = 1;
  if (count == 1) return x[0];
  while (2 * left < count) left *= 2;
  return tree(x, left) + tree(x + left, count - left);
}

/* `count` shards on a device: the sum is that of the tree, to the bit, whether the last one is announced or
 * not. */
static int sums_as_tree(seqgpu_context *ctx, seqgpu_params *params, seqgpu_shards *shards, int count,
                        int announces) {
  seqgpu_param a;
  float g[32], weighted[32], out, weights = 0;
  double loss = 0;
  seqgpu_params_find(params, "a", &a);
  for (int k = 0; k < count; k++) {
    const double w = (double)(1 + check_below(9));
    g[k] = (float)check_uniform(-1, 1);
    weighted[k] = (float)w * g[k];
    weights += (float)w;
    seqgpu_copy_in(ctx, a.grad, &g[k], sizeof g[k]);
    const int is_last = announces && k == count - 1;
    const seqgpu_status status = is_last ? seqgpu_shards_last(shards, w, 2) : seqgpu_shards_add(shards, w, 2);
    if (status != SEQGPU_OK) return 0;
  }
  if (seqgpu_shards_average(shards, &loss) != SEQGPU_OK || fabs(loss - 2) > 1e-15) return 0;
  seqgpu_copy_out(ctx, &out, a.grad, sizeof out);
  if (count == 1 && announces) return out == g[0]; /* nothing to add to it */
  return out == tree(weighted, count) * (float)(1 / (double)weights);
}

static void check_tree(seqgpu_context *ctx) {
  seqgpu_params *params;
  seqgpu_shards *shards;
  int wrong = 0;
  seqgpu_params_create(ctx, 1, &params);
  seqgpu_params_add(params, "a", 1, 1, "zeros", 0, NULL);
  seqgpu_shards_create(params, NULL, &shards);
  for (int count = 1; count <= 32; count++)
    wrong += !sums_as_tree(ctx, params, shards, count, 0) + !sums_as_tree(ctx, params, shards, count, 1);
  CHECK(wrong == 0, "1 to 32 shards are added in pairs, pairs of pairs, ... on %s",
        seqgpu_context_device(ctx));
  seqgpu_shards_destroy(shards);
  seqgpu_params_destroy(params);
}

/* Three shards, whose memory may be refused. */
static seqgpu_status three_shards(seqgpu_context *ctx) {
  seqgpu_params *params = NULL;
  seqgpu_shards *shards = NULL;
  seqgpu_status status = seqgpu_params_create(ctx, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_params_add(params, "a", 4, 4, "normal", 1, NULL);
  if (status == SEQGPU_OK) status = seqgpu_shards_create(params, NULL, &shards);
  for (int k = 0; k < 3 && status == SEQGPU_OK; k++) status = seqgpu_shards_add(shards, 1, 1);
  if (status == SEQGPU_OK) status = seqgpu_shards_average(shards, NULL);
  seqgpu_shards_destroy(shards);
  seqgpu_params_destroy(params);
  return status;
}

int main(void) {
  check_start();
  static const char *const devices[] = {
      "cpu",
#ifdef SEQGPU_WITH_EMULATOR
      "emulator",
#endif
  };
  for (size_t i = 0; i < COUNT(devices); i++) {
    seqgpu_context *ctx;
    const seqgpu_context_options options = {.device = devices[i], .threads = 1};
    if (CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "%s", devices[i])) {
      if (i == 0) check_refusals(ctx);
      check_tree(ctx);
    }
    seqgpu_context_destroy(ctx);
  }
  CHECK(failing_each("cpu", three_shards, 0) > 5, "it does ask for memory");
  return check_finish();
}
