/* world.h - a test program of which several processes are started: all make the same checks, the first one
 * prints them, and says how many failed elsewhere.
 *
 * mpirun starts them, and they are on the CPU; or tests/test_nccl.sh, by hand, and they are on the emulator,
 * number SEQGPU_TEST_RANK of SEQGPU_TEST_WORLD, and meet at the file SEQGPU_TEST_RANKS_FILE. */
#ifndef TEST_COMM_WORLD_H
#define TEST_COMM_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "seqgpu/comm.h"
#include "tests/check.h"

static inline const char *world_file(void) { return getenv("SEQGPU_TEST_RANKS_FILE"); }
static inline const char *world_device(void) { return world_file() ? "emulator" : "cpu"; }

static inline seqgpu_status world_connect(seqgpu_context *ctx, seqgpu_comm **out) {
  const char *rank = getenv("SEQGPU_TEST_RANK"), *size = getenv("SEQGPU_TEST_WORLD");
  if (world_file() == NULL || rank == NULL || size == NULL) return seqgpu_comm_create_mpi(ctx, NULL, out);
  return seqgpu_comm_create_file(ctx, world_file(), atoi(rank), atoi(size), 20, out);
}

static inline seqgpu_context *world_context(const char *device, seqgpu_dtype dtype) {
  seqgpu_context *ctx;
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) return ctx;
  fprintf(stderr, "%s\n", seqgpu_last_error(ctx));
  exit(1);
}

/* Joins the others, which then draw from one seed; what fails elsewhere stands on stderr. */
static inline seqgpu_comm *world_join(seqgpu_context *ctx) {
  seqgpu_comm *comm;
  if (world_connect(ctx, &comm) != SEQGPU_OK) {
    fprintf(stderr, "%s\n", seqgpu_last_error(ctx));
    exit(1);
  }
  if (seqgpu_comm_rank(comm) > 0 && freopen("/dev/null", "w", stdout) == NULL) exit(1);
  check_start();
  seqgpu_comm_broadcast(comm, &check_counts.seed, sizeof check_counts.seed, 0);
  check_counts.random = check_counts.seed;
  return comm;
}

/* The last call of main. */
static inline int world_finish(seqgpu_context *ctx, seqgpu_comm *comm) {
  double failed = seqgpu_comm_rank(comm) > 0 ? (double)check_counts.failed : 0;
  CHECK(seqgpu_comm_sum(comm, &failed, 1) == SEQGPU_OK && failed == 0, "nothing failed in other processes");
  seqgpu_comm_destroy(comm);
  seqgpu_context_destroy(ctx);
  return check_finish();
}

#endif
