/* test_soft_blocks.c - backward of a persistent grid on processors with so little shared memory that the gradients
 * at the gates arrive block by block: the kernels that nvcc made, which test_persistent asks the emulator for. */
#include "tests/net.h"
#include "tests/shapes.h"
#include "tests/soft/controls.h"

static seqgpu_context *oracle, *device;

/* The narrowest layer whose operand arrives in blocks; 0 if there is none. */
static int64_t narrowest(const char *algorithm, seqgpu_rnn_desc desc) {
  const seqgpu_plan_options options = {.algorithm = algorithm};
  for (int64_t hidden = 21; hidden < 120; hidden += 8) {
    seqgpu_plan *plan = NULL;
    seqgpu_cut_info cut = {0};
    desc.hidden_size = hidden;
    if (seqgpu_plan_create(device, &desc, &options, &plan) != SEQGPU_OK) break;
    net_require(device, seqgpu_plan_cut_get(device, plan, 1, &cut), "seqgpu_plan_cut_get");
    seqgpu_plan_destroy(plan);
    if (cut.blocks[0] > 1) return hidden;
  }
  return 0;
}

/* A GRU resets after the product: the other one has two products, whose operands arrive at once. */
static void check_blocks(const char *algorithm, const char *cell, int math) {
  static const int32_t lengths[21] = {4, 4, 1, 3, 0, 4, 2, 4, 4, 4, 1, 4, 4, 3, 4, 4, 2, 4, 4, 4, 4};
  seqgpu_rnn_desc desc = {.cell = cell, .seq_len = 4, .batch = 21, .input_size = 3};
  desc.reset_after = strcmp(cell, "gru") == 0;
  seqgpu_rnn_desc asked = desc;
  asked.math = (seqgpu_math)math;
  net ref, out;
  char where[64];
  check_at("cuda/%s %s", algorithm, arithmetic[math].name);
  desc.hidden_size = asked.hidden_size = narrowest(algorithm, asked);
  CHECK(desc.hidden_size > 0, "%s, backward, operands arrive in blocks from some %d units on", cell,
        (int)desc.hidden_size);
  if (desc.hidden_size == 0 || !net_reference(&ref, oracle, &desc, lengths, math)) return;
  if (net_open_as(&out, device, &asked, algorithm, lengths)) {
    net_copy_inputs(&out, &ref);
    net_poison_padding(&out, lengths);
    net_run(&out);
    net_check(net_error(&out, &ref, NET_Y, NET_DPARAMS, where), arithmetic[math].limit, where,
              "%s, operands in blocks", cell);
    net_close(&out);
  }
  net_close(&ref);
}

int main(void) {
  static const char *const algorithms[] = {"persistent-grid-flags", "persistent-grid-packets"};
  check_start();
  CHECK(soft_set_device("4 SMs, 16 KB"), "a device with little shared memory");
  oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  device = net_context("cuda", SEQGPU_DTYPE_F32, 1);
  for (size_t a = 0; a < COUNT(algorithms); a++)
    for (int math = SEQGPU_MATH_F32; math <= SEQGPU_MATH_BF16; math++) {
      check_blocks(algorithms[a], "lstm", math);
      check_blocks(algorithms[a], "gru", math);
    }
  seqgpu_context_destroy(device);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
