/* test_bits.c - a hash of what the library computes on fixed seeds: outputs and gradients of every cell,
 * every optimiser, initialiser and operator of the tape.
 *
 *   test_bits_product | grep '^hash'    before and after a change that must not touch the arithmetic, on one
 *                                       machine
 *   test_bits emulator | grep '^hash'   the same for the kernels, with small shapes alone
 *
 * The hashes themselves are printed and not kept: another processor, compiler or math library rounds
 * otherwise.  What is checked is that a run with another number of threads gives the same bits.
 */
#include <string.h>

#include "seqgpu/seqgpu.h"
#include "tests/check.h"
#include "tests/shapes.h"

static const char *device = "cpu";
static seqgpu_context *ctx;
static uint64_t stream; /* of the random numbers; each tensor takes the next one */

static void must(seqgpu_status status, const char *what) {
  if (status == SEQGPU_OK) return;
  printf("FAIL %s: %s\n", what, seqgpu_last_error(ctx));
  exit(EXIT_FAILURE);
}

static uint64_t mix_device(uint64_t hash, const void *memory, int64_t elements) {
  const size_t size = (size_t)elements * seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  void *host = malloc(size + 1);
  must(seqgpu_copy_out(ctx, host, memory, size), "copy_out");
  hash = check_hash(hash, host, size);
  free(host);
  return hash;
}

/* ---------------------------------------------------------------- tensors */

/* Random elements in +-scale in the context's type, in memory of its own. */
static void *draw(int64_t elements, double scale) {
  const size_t width = seqgpu_dtype_size(seqgpu_context_dtype(ctx)), size = (size_t)elements * width;
  char *host = malloc(size + 1);
  for (int64_t i = 0; i < elements; i++) {
    const double v = scale * (2 * seqgpu_uniform(7, stream, (uint64_t)i) - 1);
    if (width == sizeof v)
      memcpy(host + i * 8, &v, sizeof v);
    else
      memcpy(host + i * 4, &(float){(float)v}, sizeof(float));
  }
  stream++;
  void *memory;
  must(seqgpu_malloc(ctx, size, &memory), "malloc");
  must(seqgpu_copy_in(ctx, memory, host, size), "copy_in");
  free(host);
  return memory;
}

/* ---------------------------------------------------------------- cells */

typedef struct cell_run {
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  void *memory[24];
  int count;
} cell_run;

static void *keep(cell_run *r, int64_t elements, double scale) {
  return r->memory[r->count++] = draw(elements, scale);
}

static uint64_t hash_network(const seqgpu_rnn_desc *desc, const int32_t *lengths) {
  cell_run r = {.count = 0};
  must(seqgpu_plan_create(ctx, desc, NULL, &r.plan), desc->cell);
  const int64_t rows = desc->seq_len * desc->batch, Y = seqgpu_plan_get_sizes(r.plan).output_width;
  const int64_t blocks =
      seqgpu_plan_get_desc(r.plan).num_layers * (desc->bidirectional ? 2 : 1) * desc->batch;
  const int64_t params = seqgpu_plan_get_sizes(r.plan).param_elements;
  const int64_t reals = (int64_t)seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  r.run = (seqgpu_rnn_run){
      .seq_len = desc->seq_len, .batch = desc->batch, .lengths = lengths, .seed = 5, .offset = 3};
  r.run.params = keep(&r, params, 0.4);
  r.run.x = keep(&r, rows * desc->input_size, 1);
  r.run.y = keep(&r, rows * Y, 0);
  r.run.workspace = keep(&r, (int64_t)seqgpu_plan_get_sizes(r.plan).workspace / reals + 1, 0);
  if (!desc->inference)
    r.run.reserve = keep(&r, (int64_t)seqgpu_plan_get_sizes(r.plan).reserve / reals + 1, 0);
  r.run.dy = keep(&r, rows * Y, 1);
  void *dx = r.run.dx = keep(&r, rows * desc->input_size, 0);
  void *dparams = r.run.dparams = keep(&r, params, 0.1);
  for (int k = 0; k < seqgpu_plan_get_sizes(r.plan).state_count; k++) {
    const int64_t size = blocks * seqgpu_plan_get_sizes(r.plan).state_width[k];
    r.run.initial[k] = keep(&r, size, 0.5);
    r.run.final[k] = keep(&r, size, 0);
    r.run.dfinal[k] = keep(&r, size, 1);
    r.run.dinitial[k] = keep(&r, size, 0);
  }
  must(seqgpu_rnn_forward(ctx, r.plan, &r.run), desc->cell);
  if (!desc->inference) must(seqgpu_rnn_backward(ctx, r.plan, &r.run), desc->cell);
  uint64_t hash = mix_device(CHECK_HASH_START, r.run.y, rows * Y);
  hash = mix_device(mix_device(hash, dx, rows * desc->input_size), dparams, params);
  for (int k = 0; k < seqgpu_plan_get_sizes(r.plan).state_count; k++) {
    const int64_t size = blocks * seqgpu_plan_get_sizes(r.plan).state_width[k];
    hash = mix_device(mix_device(hash, r.run.final[k], size), r.run.dinitial[k], size);
  }
  for (int i = 0; i < r.count; i++) seqgpu_free(ctx, r.memory[i]);
  seqgpu_plan_destroy(r.plan);
  return hash;
}

/* Small, with every option of a network; large, for blocked products and several threads; inference. */
static uint64_t hash_cell(const cell_row *row) {
  static const int32_t lengths[] = {5, 3, 0, 1};
  const shape_row small = {
      "", {5, 4, 3, 6}, lengths, {.num_layers = 3, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}};
  const shape_row large = {"", {9, 70, 33, 48}, NULL, {.num_layers = 2}};
  const shape_row apart = {"", {40, 66, 5, 16}, NULL, {.num_layers = 3, .inference = 1}};
  const shape_row *const shapes[] = {&small, &large, &apart};
  uint64_t hash = CHECK_HASH_START;
  for (int i = 0; i < (strcmp(device, "cpu") == 0 ? 3 : 1); i++) {
    const seqgpu_rnn_desc desc = combine(row, shapes[i]);
    const uint64_t one = hash_network(&desc, shapes[i]->lengths);
    hash = check_hash(hash, &one, sizeof one);
  }
  return hash;
}

/* ---------------------------------------------------------------- parameters */

static uint64_t mix_values(uint64_t hash, const seqgpu_params *p) {
  for (int i = 0; i < seqgpu_params_count(p); i++) {
    seqgpu_param t;
    must(seqgpu_params_get(p, i, &t), "params_get");
    hash = mix_device(hash, t.value, t.rows * t.cols);
  }
  return hash;
}

static uint64_t hash_initialisers(void) {
  static const char *const names[] = {"zeros",      "constant", "uniform", "normal",    "xavier",
                                      "orthogonal", "identity", "sparse",  "reservoir", "np"};
  static const char *const schemes[] = {"pytorch", "irnn", "np", "careful", "orthogonal"};
  seqgpu_params *p;
  must(seqgpu_params_create(ctx, 11, &p), "params_create");
  for (int i = 0; i < 10; i++) must(seqgpu_params_add(p, names[i], 24, 24, names[i], 0.9, NULL), names[i]);
  for (int i = 0; i < 5; i++) {
    seqgpu_plan *plan;
    const seqgpu_rnn_desc desc = {
        .cell = "gru", .input_size = 5, .hidden_size = 20, .seq_len = 1, .batch = 1, .num_layers = 2};
    must(seqgpu_plan_create(ctx, &desc, NULL, &plan), "plan");
    char prefix[32];
    snprintf(prefix, sizeof prefix, "net_%s", schemes[i]);
    must(seqgpu_params_add_rnn(p, prefix, plan, NULL), prefix);
    must(seqgpu_params_init_rnn(p, prefix, plan, schemes[i], 0), prefix);
    must(seqgpu_params_set_gate_bias(p, prefix, plan, NULL, 0.5 + i), prefix);
    seqgpu_plan_destroy(plan);
  }
  const uint64_t hash = mix_values(CHECK_HASH_START, p);
  seqgpu_params_destroy(p);
  return hash;
}

static uint64_t hash_optimizer(const seqgpu_optimizer *o) {
  seqgpu_params *p;
  seqgpu_plan *plan;
  seqgpu_param block, w, turned;
  const seqgpu_rnn_desc desc = {.cell = "urnn", .input_size = 5, .hidden_size = 8, .seq_len = 1, .batch = 1};
  must(seqgpu_plan_create(ctx, &desc, NULL, &plan), "plan");
  must(seqgpu_params_create(ctx, 12, &p), "params_create");
  must(seqgpu_params_add_rnn(p, "net", plan, &block), "add_rnn");
  must(seqgpu_params_add(p, "w", 70, 30, "xavier", 1, &w), "add");
  must(seqgpu_params_add(p, "turned", 12, 12, "xavier", 1, &turned), "add");
  must(seqgpu_params_orthogonal(p, "turned"), "orthogonal");
  const seqgpu_param *const list[] = {&block, &w, &turned};
  uint64_t hash = CHECK_HASH_START;
  for (int update = 0; update < 4; update++) {
    for (int i = 0; i < 3; i++) {
      const int64_t elements = list[i]->rows * list[i]->cols;
      void *grad = draw(elements, update == 2 ? 40 : 1);
      must(seqgpu_copy(ctx, list[i]->grad, grad,
                       (size_t)elements * seqgpu_dtype_size(seqgpu_context_dtype(ctx))),
           "copy");
      seqgpu_free(ctx, grad);
    }
    must(seqgpu_params_update(p, o), "update");
    double norm, scale;
    must(seqgpu_params_grad_norm(p, &norm, &scale), "grad_norm");
    hash = mix_values(check_hash(check_hash(hash, &norm, sizeof norm), &scale, sizeof scale), p);
  }
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
  return hash;
}

/* ---------------------------------------------------------------- the tape, and echo state networks */

static uint64_t hash_tape(void) {
  enum { T = 6, B = 5, V = 9, D = 8 };
  seqgpu_params *p;
  seqgpu_tape *tape;
  seqgpu_plan *plan;
  seqgpu_param table, block, w, b, v;
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = D,
                                .hidden_size = D,
                                .seq_len = T,
                                .batch = B,
                                .dropout = 0.2,
                                .num_layers = 2};
  must(seqgpu_plan_create(ctx, &desc, NULL, &plan), "plan");
  must(seqgpu_params_create(ctx, 13, &p), "params_create");
  must(seqgpu_tape_create(ctx, 14, &tape), "tape_create");
  must(seqgpu_params_add(p, "table", V, D, "normal", 1, &table), "add");
  must(seqgpu_params_add_rnn(p, "net", plan, &block), "add_rnn");
  must(seqgpu_params_add(p, "w", V, 2 * D, "xavier", 1, &w), "add");
  must(seqgpu_params_add(p, "b", V, 1, "uniform", 1, &b), "add");
  must(seqgpu_params_add(p, "v", D, 1, "uniform", 1, &v), "add");
  int32_t ids[T * B], next[B], lengths[B];
  for (int i = 0; i < T * B; i++) ids[i] = i * 7 % V;
  for (int i = 0; i < B; i++) next[i] = i == 2 ? -1 : i, lengths[i] = 1 + i;
  seqgpu_tape_clear(tape, 1);
  seqgpu_tensor *len = seqgpu_tape_lengths(tape, B, lengths);
  seqgpu_tensor *x = seqgpu_tape_embedding(tape, seqgpu_tape_param(tape, &table),
                                           seqgpu_tape_ids(tape, 2, (int64_t[]){T, B}, ids));
  seqgpu_tensor *y = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &block), x, NULL, len);
  seqgpu_tensor *h = seqgpu_tape_reshape(tape, seqgpu_tape_rows(tape, y, T - 1, 1), 2, (int64_t[]){B, D});
  seqgpu_tensor *q = seqgpu_tape_activation(tape, seqgpu_tape_scale(tape, h, 1.5), SEQGPU_ACTIVATION_SIGMOID);
  seqgpu_tensor *a = seqgpu_tape_attention(tape, q, y, y, seqgpu_tape_param(tape, &v), len);
  seqgpu_tensor *m = seqgpu_tape_mul(tape, seqgpu_tape_add(tape, a, h), seqgpu_tape_dropout(tape, q, 0.25));
  seqgpu_tensor *z = seqgpu_tape_linear(tape, seqgpu_tape_concat(tape, m, a), seqgpu_tape_param(tape, &w),
                                        seqgpu_tape_param(tape, &b));
  seqgpu_tensor *e = seqgpu_tape_cross_entropy(tape, z, seqgpu_tape_ids(tape, 1, (int64_t[]){B}, next), 1, 1);
  void *target = draw(B * D, 1);
  seqgpu_tensor *s = seqgpu_tape_squared_error(
      tape, m, seqgpu_tape_wrap(tape, 2, (int64_t[]){B, D}, target, NULL), NULL, 1, 0.5);
  seqgpu_tensor *loss = seqgpu_tape_add(tape, e, s);
  must(seqgpu_params_zero_grad(p), "zero_grad");
  must(seqgpu_tape_backward(tape, loss, NULL), seqgpu_tape_error(tape));
  uint64_t hash = mix_device(CHECK_HASH_START, seqgpu_tensor_value(loss), 1);
  for (int i = 0; i < seqgpu_params_count(p); i++) {
    seqgpu_param t;
    must(seqgpu_params_get(p, i, &t), "params_get");
    hash = mix_device(hash, t.grad, t.rows * t.cols);
  }
  seqgpu_free(ctx, target);
  seqgpu_tape_destroy(tape);
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
  return hash;
}

static uint64_t hash_esn(seqgpu_ridge_method method) {
  enum { T = 300, AHEAD = 20 };
  double series[T], alone[AHEAD];
  seqgpu_params *p;
  seqgpu_esn *esn;
  const seqgpu_esn_desc desc = {.output_size = 1,
                                .hidden_size = 30,
                                .feedback = 1,
                                .leak = 0.5,
                                .bias_scale = 0.2,
                                .noise = 1e-4,
                                .squares = 1,
                                .method = method};
  for (int t = 0; t < T; t++) series[t] = sin(0.3 * t) * cos(0.07 * t);
  must(seqgpu_params_create(ctx, 15, &p), "params_create");
  must(seqgpu_esn_create(p, "esn", &desc, &esn), "esn_create");
  must(seqgpu_esn_train(esn, T, NULL, series, 50), "esn_train");
  must(seqgpu_esn_solve(esn, 1e-6), "esn_solve");
  must(seqgpu_esn_run(esn, AHEAD, NULL, NULL, alone), "esn_run");
  const uint64_t hash = mix_values(check_hash(CHECK_HASH_START, alone, sizeof alone), p);
  seqgpu_esn_destroy(esn);
  seqgpu_params_destroy(p);
  return hash;
}

/* ---------------------------------------------------------------- all of them */

enum { MOST = 128 };
typedef struct hash_list {
  int count;
  char name[MOST][64];
  uint64_t hash[MOST];
} hash_list;

static void note(hash_list *list, uint64_t hash, const char *what, const char *name, int number) {
  snprintf(list->name[list->count], sizeof list->name[0], "%s %s %d", what, name, number);
  list->hash[list->count++] = hash;
}

static void hash_all(seqgpu_dtype dtype, int threads, hash_list *list) {
  const seqgpu_context_options options = {.device = device, .dtype = dtype, .threads = threads};
  must(seqgpu_context_create(&options, &ctx), "context");
  list->count = 0;
  stream = 100;
  for (size_t i = 0; i < COUNT(cell_rows); i++)
    note(list, hash_cell(&cell_rows[i]), "cell", cell_rows[i].name, 0);
  for (int kind = SEQGPU_OPTIMIZER_SGD; kind <= SEQGPU_OPTIMIZER_ADAM; kind++)
    for (int clip = SEQGPU_CLIP_NONE; clip <= SEQGPU_CLIP_VALUE; clip++) {
      const seqgpu_optimizer o = {.kind = (seqgpu_optimizer_kind)kind,
                                  .lr = 0.01,
                                  .weight_decay = 0.02 * clip,
                                  .nesterov = kind == SEQGPU_OPTIMIZER_MOMENTUM && clip & 1,
                                  .clip = (seqgpu_clip_kind)clip,
                                  .clip_threshold = clip == SEQGPU_CLIP_AUTO ? 0 : 0.7};
      note(list, hash_optimizer(&o), "optimizer", "clip", kind * 10 + clip);
    }
  note(list, hash_initialisers(), "initialisers", "all", 0);
  note(list, hash_tape(), "tape", "all", 0);
  note(list, hash_esn(SEQGPU_RIDGE_QR), "esn", "qr", 0);
  note(list, hash_esn(SEQGPU_RIDGE_CHOLESKY), "esn", "cholesky", 0);
  const seqgpu_optimizer others[] = {
      {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.01, .weight_decay = 0.1, .decoupled = 1},
      {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.01, .nesterov = 1, .momentum_next = 0.7},
      {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.01, .noise = 0.3}};
  for (size_t i = 0; i < COUNT(others); i++)
    note(list, hash_optimizer(&others[i]), "optimizer", "others", (int)i);
  seqgpu_context_destroy(ctx);
}

int main(int argc, char **argv) {
  static hash_list first, two;
  check_start();
  if (argc > 1) device = argv[1];
  for (int bits = 32; bits <= (strcmp(device, "cpu") == 0 ? 64 : 32); bits += 32) {
    const seqgpu_dtype dtype = bits == 64 ? SEQGPU_DTYPE_F64 : SEQGPU_DTYPE_F32;
    hash_all(dtype, 1, &first);
    hash_all(dtype, 2, &two);
    for (int i = 0; i < first.count; i++) {
      printf("hash f%d %016llx  %s\n", bits, (unsigned long long)first.hash[i], first.name[i]);
      CHECK(first.hash[i] == two.hash[i], "f%d %s: two threads have the same bits", bits, first.name[i]);
    }
  }
  return check_finish();
}
