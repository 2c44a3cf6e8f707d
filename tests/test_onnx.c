/* test_onnx.c - ONNX model files: what the reader makes of them, run, against what ONNX Runtime computes.
 *
 *   test_onnx            the files and vectors of goldens/onnx (goldens/make_onnx.py), stacks and what is left
 *   test_onnx FOLDER     the files and vectors of another folder (onnx_vectors.py)
 */
#include "tests/foreign.h"
#include "tests/goldens.h"
#include "tests/refused.h"

#define GOLDEN_FOLDER "goldens/onnx" /* ctest runs in tests/ */

enum { PATH_SIZE = 512 };

static const double tolerance = 1e-6;

/* ---------------------------------------------------------------- a case: a file, run and compared */

static sq_foreign opened(seqgpu_context *ctx, const char *folder, const char *name) {
  char path[PATH_SIZE];
  sq_foreign f = {0};
  snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
  const seqgpu_status status = sq_format_onnx.read(ctx, path, &f);
  check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "%s, is read", name);
  return f;
}

static void load_state(net *n, const char *name, const char *state, int tensor) {
  const golden *g = look_for(name, state);
  if (g && CHECK(g->count == n->count[tensor], "%s, %s fits", name, state))
    memcpy(n->value[tensor], g->data, (size_t)g->count * sizeof *g->data);
}

static void compare(const net *n, const char *name, const char *what, int tensor) {
  const golden *g = look_for(name, what);
  if (g == NULL) return;
  if (!CHECK(g->count == n->count[tensor], "%s, %s has %lld numbers", name, what, (long long)g->count))
    return;
  check_error(check_norm_f64(n->value[tensor], g->data, g->count), tolerance, "%s, %s", name, what);
}

/* The file's one network on the case's x. */
static void run_case(seqgpu_context *ctx, const char *folder, const char *name, const golden *x) {
  sq_foreign f = opened(ctx, folder, name);
  int32_t lengths[64];
  const golden *given = look_for(name, "lengths");
  for (int64_t b = 0; given && b < given->count; b++) lengths[b] = (int32_t)given->data[b];
  if (CHECK(f.net_count == 1, "%s, is one network", name)) {
    const int batch_first = f.nets[0].desc.batch_first;
    seqgpu_rnn_desc desc = f.nets[0].desc;
    net n;
    desc.seq_len = x->dims[batch_first];
    desc.batch = x->dims[1 - batch_first];
    desc.inference = 1;
    if (CHECK(x->dims[2] == desc.input_size, "%s, reads x", name) &&
        net_open(&n, ctx, &desc, given ? lengths : NULL)) {
      memcpy(n.value[NET_X], x->data, (size_t)x->count * sizeof *x->data);
      load_state(&n, name, "h0", NET_H0);
      load_state(&n, name, "c0", NET_C0);
      if (foreign_load(&f.nets[0], &n)) net_forward(&n);
      compare(&n, name, "y", NET_Y);
      compare(&n, name, "hn", NET_HT);
      compare(&n, name, "cn", NET_CT);
      net_close(&n);
    }
  }
  sq_foreign_free(ctx, &f);
}

static int run_cases(seqgpu_context *ctx, const char *folder) {
  char path[PATH_SIZE], name[NAME_MAX_LENGTH];
  int cases = 0;
  snprintf(path, sizeof path, "%s/vectors.bin", folder);
  if (!CHECK(read_goldens(path), "vectors, %s is read", path)) return 0;
  for (int i = 0; i < golden_count; i++) {
    const char *slash = strrchr(goldens[i].name, '/');
    if (slash == NULL || strcmp(slash, "/x") != 0) continue;
    snprintf(name, sizeof name, "%.*s", (int)(slash - goldens[i].name), goldens[i].name);
    run_case(ctx, folder, name, &goldens[i]);
    cases++;
  }
  free_goldens();
  return cases;
}

/* ---------------------------------------------------------------- what is in a file */

static void check_stacks(seqgpu_context *ctx) {
  sq_foreign f = opened(ctx, GOLDEN_FOLDER, "lstm_stack");
  CHECK(f.net_count == 1 && f.nets[0].desc.num_layers == 3,
        "three nodes with Squeeze between are three layers");
  CHECK(f.net_count == 1 && strcmp(f.nets[0].name, "lstm_0") == 0, "a network is called like its first node");
  CHECK(f.net_count == 1 && f.nets[0].desc.seq_len == 3 && f.nets[0].desc.batch == 2,
        "T and B of x are known");
  CHECK(f.left_count == 1 && foreign_left(&f, "Softmax \"soft\""),
        "other nodes are named as left, but not those that only give y its form");
  sq_foreign_free(ctx, &f);
  f = opened(ctx, GOLDEN_FOLDER, "gru_stack");
  CHECK(f.net_count == 1 && f.nets[0].desc.num_layers == 2 && f.nets[0].desc.bidirectional,
        "two nodes with Transpose and Reshape between are two layers");
  CHECK(f.net_count == 1 && f.nets[0].state_count == 1 && f.nets[0].states[0].rows == 4,
        "constant initial states are the network's");
  sq_foreign_free(ctx, &f);
  f = opened(ctx, GOLDEN_FOLDER, "gru_constant");
  CHECK(f.left_count == 0, "Constant and Identity nodes of weights are not left");
  sq_foreign_free(ctx, &f);
}

static void check_recognised(void) {
  static const unsigned char model[] = {8, 8, 18, 3, 'a', 'b', 'c'}, text[] = "8: not a model";
  static const unsigned char large[] = {8, 8, 58, 0xff, 0xff, 0x7f};
  CHECK(sq_format_onnx.recognises(text, sizeof text, "m.ONNX"), "a name with .onnx is recognised");
  CHECK(sq_format_onnx.recognises(model, sizeof model, "m"), "the first fields of a model are recognised");
  CHECK(sq_format_onnx.recognises(large, sizeof large, "m"), "a graph that goes on is recognised");
  CHECK(!sq_format_onnx.recognises(text, sizeof text, "m"), "text is not recognised");
  CHECK(!sq_format_onnx.recognises(model, 1, "onnx"), "one byte is not recognised");
}

int main(int argc, char **argv) {
  check_start();
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  const int cases = run_cases(ctx, argc > 1 ? argv[1] : GOLDEN_FOLDER);
  CHECK(cases > 0, "%d files were run", cases);
  if (argc == 1) {
    check_recognised();
    check_stacks(ctx);
  }
  seqgpu_context_destroy(ctx);
  return check_finish();
}
