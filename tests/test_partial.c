/* test_partial.c - parts of checkpoints: weights alone, tensors by name, and loading some of them
 * (seqgpu/checkpoint.h). */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <unistd.h>

#include "tests/check.h"
#include "tests/refused.h"

static seqgpu_context *ctx;

/* A GRU called "encoder", an LSTM called "decoder" of so many units, and an embedding. */
static seqgpu_params *make(uint64_t seed, int64_t units) {
  seqgpu_params *params = NULL;
  const seqgpu_rnn_desc encoder = {
      .cell = "gru", .reset_after = 1, .input_size = 2, .hidden_size = 3, .seq_len = 1, .batch = 1};
  const seqgpu_rnn_desc decoder = {
      .cell = "lstm", .input_size = 2, .hidden_size = units, .seq_len = 1, .batch = 1};
  seqgpu_plan *first = NULL, *second = NULL;
  CHECK(seqgpu_params_create(ctx, seed, &params) == SEQGPU_OK &&
            seqgpu_plan_create(ctx, &encoder, NULL, &first) == SEQGPU_OK &&
            seqgpu_plan_create(ctx, &decoder, NULL, &second) == SEQGPU_OK &&
            seqgpu_params_add_rnn(params, "encoder", first, NULL) == SEQGPU_OK &&
            seqgpu_params_add_rnn(params, "decoder", second, NULL) == SEQGPU_OK &&
            seqgpu_params_add(params, "embedding.weight", 4, 2, "normal", 1, NULL) == SEQGPU_OK,
        "a model of two networks");
  seqgpu_plan_destroy(first);
  seqgpu_plan_destroy(second);
  return params;
}

/* How many tensors of a and b have the same bits: of those whose names begin with `prefix`, and of the
 * others. */
static void compare(const seqgpu_params *a, const seqgpu_params *b, const char *prefix, int *same,
                    int *others) {
  seqgpu_param x, y;
  *same = *others = 0;
  for (int i = 0; i < seqgpu_params_count(a); i++) {
    if (seqgpu_params_get(a, i, &x) != SEQGPU_OK || seqgpu_params_find(b, x.name, &y) != SEQGPU_OK) continue;
    const int equal =
        x.rows == y.rows && memcmp(x.value, y.value, (size_t)(x.rows * x.cols) * sizeof(float)) == 0;
    *(strncmp(x.name, prefix, strlen(prefix)) == 0 ? same : others) += equal;
  }
}

static void test_names(seqgpu_checkpoint *file) {
  seqgpu_tensor_info info;
  int found = 1, optimizer = 0;
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(file); i++) {
    found &= seqgpu_checkpoint_tensor_get(file, i, &info) == SEQGPU_OK &&
             seqgpu_checkpoint_find(file, info.name) == i;
    optimizer += strncmp(info.name, "optimizer.", 10) == 0;
  }
  CHECK(found && seqgpu_checkpoint_find(file, "decoder.weight_hh_l0") >= 0,
        "every tensor is found by its name");
  CHECK(seqgpu_checkpoint_find(file, "decoder.weight_hh_l") == -1 &&
            seqgpu_checkpoint_find(file, NULL) == -1 && seqgpu_checkpoint_find(NULL, "a") == -1,
        "and no other name");
  CHECK(optimizer == 0, "weights alone have nothing of the optimiser");
}

static void test_some(seqgpu_checkpoint *file, const seqgpu_params *saved) {
  seqgpu_params *params = make(2, 5); /* its decoder is another one */
  int loaded = -1, same, others;
  ACCEPTED(ctx, seqgpu_checkpoint_load_some(file, params, "encoder.", &loaded));
  compare(saved, params, "encoder.", &same, &others);
  CHECK(loaded == 4 && same == 4 && others == 0, "the encoder alone is loaded: its 4 tensors");
  loaded = -1;
  REFUSED(ctx, EFORMAT, "decoder.weight_ih_l0", seqgpu_checkpoint_load_some(file, params, NULL, &loaded));
  compare(saved, params, "embedding.", &same, &others);
  CHECK(loaded == 0 && same == 0, "what does not fit is refused, and nothing is loaded");
  CHECK(seqgpu_params_add(params, "encoder.new", 1, 1, "constant", 7, NULL) == SEQGPU_OK,
        "a tensor that is not in the file");
  ACCEPTED(ctx, seqgpu_checkpoint_load_some(file, params, "e", &loaded));
  seqgpu_param fresh;
  CHECK(loaded == 5 && seqgpu_params_find(params, "encoder.new", &fresh) == SEQGPU_OK &&
            *(float *)fresh.value == 7,
        "keeps its value");
  ACCEPTED(ctx, seqgpu_checkpoint_load_some(file, params, "nothing", &loaded));
  CHECK(loaded == 0, "no name begins so");
  REFUSED(ctx, EINVAL, "params is NULL", seqgpu_checkpoint_load_some(file, NULL, "", &loaded));
  seqgpu_params_destroy(params);
}

int main(void) {
  check_start();
  char path[64];
  snprintf(path, sizeof path, "/tmp/seqgpu-partial-%ld.safetensors", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  seqgpu_params *saved = make(1, 3), *all = make(3, 3);
  seqgpu_checkpoint *file = NULL;
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  CHECK(seqgpu_params_update(saved, &adam) == SEQGPU_OK, "moments that weights alone leave out");
  const seqgpu_meta meta = {"made_by", "test"};
  const seqgpu_status status = seqgpu_checkpoint_save_weights(saved, path, &meta, 1);
  if (status == SEQGPU_EUNSUPPORTED) {
    check_skip(seqgpu_last_error(ctx), "parts of checkpoints");
  } else if (CHECK(status == SEQGPU_OK && seqgpu_checkpoint_open(ctx, path, &file) == SEQGPU_OK,
                   "weights alone")) {
    int same, others;
    test_names(file);
    test_some(file, saved);
    ACCEPTED(ctx, seqgpu_checkpoint_load(file, all, 0));
    compare(saved, all, "", &same, &others);
    CHECK(same == seqgpu_params_count(saved), "all of them are loaded");
    REFUSED(ctx, EFORMAT, "resume", seqgpu_checkpoint_load(file, all, 1));
    CHECK(strcmp(seqgpu_checkpoint_meta(file, "made_by"), "test") == 0, "with metadata");
  }
  seqgpu_checkpoint_close(file);
  seqgpu_params_destroy(saved);
  seqgpu_params_destroy(all);
  seqgpu_context_destroy(ctx);
  unlink(path);
  return check_finish();
}
