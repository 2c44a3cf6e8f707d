/* test_cudnn_pack.c - the kernels around cuDNN (kernels/cudnn_pack.cu) on the emulator, against plain loops. */
#define SEQGPU_EMULATE /* the emulator's names of kernels/cudnn_plans.h */
#include "../kernels/cudnn_plans.h"
#include "check.h"

enum { PARAMS = 900, WEIGHTS = 2000, DIRECTIONS = 2, BATCH = 5, WIDTH = 37 };

static const sq_cudnn_blocks blocks = {
    .count = 5, .block = {{0, 1000, 700}, {700, 0, 1}, {-1, 40, 33}, {701, 80, 64}, {800, 1900, 100}}};

static void copy_in(sq_exec *exec, void *device, const void *host, size_t bytes) {
  CHECK(sq_emulator_device.copy_in(exec, device, host, bytes) == 0, "copy in %zu bytes", bytes);
}

static void check_pack(sq_exec *exec) {
  float *params = (float *)check_alloc("params", PARAMS * sizeof(float));
  float *weights = (float *)check_alloc("weights", WEIGHTS * sizeof(float));
  float expected[WEIGHTS];
  check_fill_f32(params, PARAMS, -1, 1);
  for (int i = 0; i < WEIGHTS; i++) expected[i] = weights[i] = 7;
  for (int k = 0; k < blocks.count; k++)
    for (int64_t i = 0; i < blocks.block[k].count; i++)
      expected[blocks.block[k].theirs + i] = blocks.block[k].ours < 0 ? 0 : params[blocks.block[k].ours + i];
  CHECK(sq_emulator_cudnn_pack(exec, &blocks, params, weights) == 0, "pack launches");
  CHECK(memcmp(weights, expected, sizeof expected) == 0, "pack moves its blocks and nothing else");
  check_free(params);
  check_free(weights);
}

static void check_unpack(sq_exec *exec) {
  float *params = (float *)check_alloc("params", PARAMS * sizeof(float));
  float *weights = (float *)check_alloc("weights", WEIGHTS * sizeof(float));
  float expected[PARAMS];
  check_fill_f32(params, PARAMS, -1, 1);
  check_fill_f32(weights, WEIGHTS, -1, 1);
  memcpy(expected, params, sizeof expected);
  for (int k = 0; k < blocks.count; k++)
    for (int64_t i = 0; i < blocks.block[k].count && blocks.block[k].ours >= 0; i++)
      expected[blocks.block[k].ours + i] += weights[blocks.block[k].theirs + i];
  CHECK(sq_emulator_cudnn_unpack(exec, &blocks, weights, params) == 0, "unpack launches");
  CHECK(memcmp(params, expected, sizeof expected) == 0, "unpack adds to what is there");
  check_free(params);
  check_free(weights);
}

static void check_empty(sq_exec *exec, int with_source) {
  enum { COUNT = DIRECTIONS * BATCH * WIDTH };
  const int32_t host[BATCH] = {3, 0, 1, 0, 9};
  int32_t *lengths = (int32_t *)check_alloc("lengths", sizeof host);
  float *from = (float *)check_alloc("from", COUNT * sizeof(float));
  float *out = (float *)check_alloc("out", COUNT * sizeof(float)), expected[COUNT];
  copy_in(exec, lengths, host, sizeof host);
  check_fill_f32(from, COUNT, -1, 1);
  check_fill_f32(out, COUNT, -1, 1);
  for (int i = 0; i < COUNT; i++)
    expected[i] = host[i / WIDTH % BATCH] > 0 ? out[i] : with_source ? from[i] : 0;
  const int error =
      sq_emulator_cudnn_empty(exec, DIRECTIONS, BATCH, WIDTH, lengths, with_source ? from : NULL, out);
  CHECK(error == 0 && memcmp(out, expected, sizeof expected) == 0, "sequences without steps, %s",
        with_source ? "from a state" : "to zero");
  check_free(lengths);
  check_free(from);
  check_free(out);
}

int main(void) {
  sq_exec exec = {.pool = NULL};
  check_start();
  if (CHECK(sq_emulator_device.open(&exec, 0) == 0, "the emulator opens")) {
    check_pack(&exec);
    check_unpack(&exec);
    check_empty(&exec, 0);
    check_empty(&exec, 1);
    sq_emulator_device.close(&exec);
  }
  return check_finish();
}
