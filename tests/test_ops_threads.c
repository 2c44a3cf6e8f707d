/* test_ops_threads.c - any number of threads gives the same bits: a digest of every operator's results, with
 * and without a pool, on inputs large enough that the work is split.
 */
#include "tests/ops_cases.h"

enum { OPERATORS = 64 };

typedef struct digest {
  const char *name[OPERATORS];
  uint64_t hash[OPERATORS];
  int count;
} digest;

static void digest_add(digest *d, const char *what, tensor t, int bits) {
  d->name[d->count] = what;
  d->hash[d->count++] = check_hash(CHECK_HASH_START, at(t, bits), (size_t)t.n * (size_t)bits / 8);
}

static void digest_rows(digest *d, sq_exec *exec, int bits) {
  const int64_t rows = 3001, cols = 67;
  tensor a = tensor_random("a", rows * cols, -1, 1), b = tensor_random("b", rows * cols, -1, 1);
  tensor y = tensor_random("y", rows * cols, 0, 0), out = tensor_random("out", cols, 0, 0);
  int32_t *ids = lengths_new(rows, 0, cols - 1);
  const sq_bias_args bias = {rows, cols, at(a, bits), at(y, bits), cols};
  ops(bits)->bias(exec, &bias);
  digest_add(d, "bias", y, bits);
  const sq_reduce_args reduce = {rows, cols, at(a, bits), cols, at(b, bits), cols, at(out, bits)};
  ops(bits)->reduce(exec, &reduce);
  digest_add(d, "reduce", out, bits);
  const sq_embedding_args embedding = {rows,        cols,        cols,        ids,
                                       at(b, bits), at(y, bits), at(a, bits), at(b, bits)};
  ops(bits)->embedding_forward(exec, &embedding);
  digest_add(d, "embedding_forward", y, bits);
  ops(bits)->embedding_backward(exec, &embedding);
  digest_add(d, "embedding_backward", b, bits);
  const sq_copy_args copy = {rows, cols - 1, at(a, bits), cols, at(y, bits), cols, 1};
  ops(bits)->copy(exec, &copy);
  digest_add(d, "copy", y, bits);
  const sq_relayout_args relayout = {rows, cols, 1, 1, 1, ids, at(a, bits), at(y, bits), 0};
  ops(bits)->relayout(exec, &relayout);
  digest_add(d, "relayout", y, bits);
  TENSORS_FREE(&a, &b, &y, &out);
  check_free(ids);
}

static void digest_ctc(digest *d, sq_exec *exec, int bits) {
  enum { T = 80, B = 6, K = 40, L = 30, S = 2 * L + 1 };
  tensor logits = tensor_random("logits", T * B * K, -3, 3), normal = tensor_new("normal", 2 * T * B);
  tensor occupancy = tensor_new("occupancy", T * B * S), scratch = tensor_new("scratch", 2 * B * S);
  tensor each = tensor_new("row_loss", B), loss = tensor_new("loss", 2);
  int32_t *labels = lengths_new(L * B, 1, K - 1), *lengths = lengths_new(B, T / 2, T);
  int32_t *label_lengths = lengths_new(B, 0, L);
  const sq_ctc_args a = {.seq_len = T,
                         .batch = B,
                         .classes = K,
                         .label_len = L,
                         .mean = 1,
                         .scale = 1,
                         .logits = at(logits, bits),
                         .lengths = lengths,
                         .labels = labels,
                         .label_lengths = label_lengths,
                         .normal = at(normal, bits),
                         .occupancy = at(occupancy, bits),
                         .scratch = at(scratch, bits),
                         .row_loss = at(each, bits),
                         .loss = at(loss, bits),
                         .dlogits = at(logits, bits)};
  ops(bits)->ctc_forward(exec, &a);
  digest_add(d, "ctc_forward", loss, bits);
  ops(bits)->ctc_backward(exec, &a);
  digest_add(d, "ctc_backward", logits, bits);
  TENSORS_FREE(&logits, &normal, &occupancy, &scratch, &each, &loss);
  check_free(labels);
  check_free(lengths);
  check_free(label_lengths);
}

static void digest_losses(digest *d, sq_exec *exec, int bits) {
  xent_case c = xent_new(1501, 131, 1);
  ops(bits)->xent_forward(exec, &c.args[bits == 32]);
  digest_add(d, "xent_forward", c.loss, bits);
  ops(bits)->xent_backward(exec, &c.args[bits == 32]);
  digest_add(d, "xent_backward", c.dlogits, bits);
  ops(bits)->xent_curvature(exec, &c.args[bits == 32]);
  digest_add(d, "xent_curvature", c.dlogits, bits);
  xent_free(&c);
  mse_case e = mse_new(1501, 131, 1);
  ops(bits)->mse_forward(exec, &e.args[bits == 32]);
  digest_add(d, "mse_forward", e.loss, bits);
  ops(bits)->mse_backward(exec, &e.args[bits == 32]);
  digest_add(d, "mse_backward", e.dx, bits);
  mse_free(&e);
  bce_case b = bce_new(301, 5, 131, 1);
  ops(bits)->bce_forward(exec, &b.args[bits == 32]);
  digest_add(d, "bce_forward", b.loss, bits);
  ops(bits)->bce_backward(exec, &b.args[bits == 32]);
  digest_add(d, "bce_backward", b.dlogits, bits);
  ops(bits)->bce_curvature(exec, &b.args[bits == 32]);
  digest_add(d, "bce_curvature", b.dlogits, bits);
  bce_free(&b);
  digest_ctc(d, exec, bits);
  for (int kind = 0; kind < 3; kind++) {
    const int64_t T = 61, B = 7, D = 131;
    tensor x = tensor_random("x", T * B * D, -1, 1), y = tensor_new("y", B * D);
    int32_t *chosen = lengths_new(B * D, 0, 0), *lengths = lengths_new(B, 0, T);
    const sq_pooling_args p = {(sq_pooling_kind)kind, T,      B,           D,           lengths, at(x, bits),
                               at(y, bits),           chosen, at(y, bits), at(x, bits), 0};
    ops(bits)->pooling_forward(exec, &p);
    digest_add(d, "pooling, forward", y, bits);
    ops(bits)->pooling_backward(exec, &p);
    digest_add(d, "pooling, backward", x, bits);
    TENSORS_FREE(&x, &y);
    check_free(chosen);
    check_free(lengths);
  }
  softmax_case m = softmax_new(301, 5, 131);
  ops(bits)->softmax_forward(exec, &m.args[bits == 32]);
  digest_add(d, "softmax, forward", m.y, bits);
  ops(bits)->softmax_backward(exec, &m.args[bits == 32]);
  digest_add(d, "softmax, backward", m.dx, bits);
  softmax_free(&m);
  attention_case t = attention_new(37, 29, 131, 67, 1);
  ops(bits)->attention_forward(exec, &t.args[bits == 32]);
  digest_add(d, "attention, forward", t.context, bits);
  ops(bits)->attention_backward(exec, &t.args[bits == 32]);
  digest_add(d, "attention, dquery", t.dquery, bits);
  digest_add(d, "attention, dkeys", t.dkeys, bits);
  digest_add(d, "attention, dvalues", t.dvalues, bits);
  digest_add(d, "attention, dv", t.dv, bits);
  ops(bits)->attention_tangent(exec, &t.args[bits == 32]);
  digest_add(d, "attention, tangent", t.tcontext, bits);
  attention_free(&t);
  attention_case p = attention_product_new(37, 29, 131, 67, 1);
  ops(bits)->attention_forward(exec, &p.args[bits == 32]);
  digest_add(d, "attention, product, forward", p.context, bits);
  ops(bits)->attention_backward(exec, &p.args[bits == 32]);
  digest_add(d, "attention, product, dquery", p.dquery, bits);
  digest_add(d, "attention, product, dkeys", p.dkeys, bits);
  ops(bits)->attention_tangent(exec, &p.args[bits == 32]);
  digest_add(d, "attention, product, tangent", p.tcontext, bits);
  attention_free(&p);
}

static void digest_elements(digest *d, sq_exec *exec, int bits) {
  const int64_t n = 200003;
  tensor x = tensor_random("x", n, -1, 1), y = tensor_new("y", n), state = tensor_random("state", 8, 0, 0);
  tensor m = tensor_random("m", n, 0, 0), v = tensor_random("v", n, 0, 0);
  const sq_dropout_args dropout = {
      .count = n, .p = 0.3, .seed = 5, .offset = 77, .x = at(x, bits), .y = at(y, bits)};
  ops(bits)->dropout(exec, &dropout);
  digest_add(d, "dropout", y, bits);
  const sq_map_args map = {SQ_MAP_ACTIVATION, SQ_SIGMOID, n, 0, at(x, bits), NULL, at(y, bits), 0};
  ops(bits)->map(exec, &map);
  digest_add(d, "map", y, bits);
  void *xs[1] = {at(x, bits)}, *ys[1] = {at(y, bits)}, *ms[1] = {at(m, bits)}, *vs[1] = {at(v, bits)};
  const sq_clip_args clip = {SQ_CLIP_NORM, 1, 0, {1, ys, &n}, at(state, bits)};
  ops(bits)->clip(exec, &clip);
  digest_add(d, "clip, gradients", y, bits);
  digest_add(d, "clip, state", state, bits);
  const sq_optimizer_args adam = {.kind = SQ_ADAM,
                                  .lr = 0.1,
                                  .momentum = 0.9,
                                  .decay = 0.99,
                                  .eps = 1e-8,
                                  .update = 1,
                                  .params = {1, xs, &n},
                                  .grads = {1, ys, &n},
                                  .first = {1, ms, &n},
                                  .second = {1, vs, &n},
                                  .clip_state = at(state, bits)};
  ops(bits)->optimizer(exec, &adam);
  digest_add(d, "adam", x, bits);
  const sq_noise_args noise = {0.3, 5, 7, {1, xs, &n}};
  ops(bits)->noise(exec, &noise);
  digest_add(d, "noise", x, bits);
  const sq_map_args towards = {SQ_MAP_TOWARDS, SQ_TANH, n, 0.3, at(x, bits), at(y, bits), at(y, bits), 0};
  ops(bits)->map(exec, &towards);
  digest_add(d, "map, towards", y, bits);
  TENSORS_FREE(&x, &y, &state, &m, &v);
}

static void digest_omega(digest *d, sq_exec *exec, int bits) {
  const int64_t rows = 3001, cols = 67;
  tensor h = tensor_random("h", rows * cols, -0.9, 0.9), u = tensor_random("u", rows * cols, -1, 1);
  tensor v = tensor_new("v", rows * cols), norm2 = tensor_new("norm2", rows),
         slope = tensor_new("slope", rows);
  tensor row = tensor_new("row", rows), omega = tensor_new("omega", 2);
  const sq_signal_args signal = {.batch = rows,
                                 .dim = cols,
                                 .seq_len = 2,
                                 .h = at(h, bits),
                                 .next = at(u, bits),
                                 .v = at(v, bits),
                                 .norm2 = at(norm2, bits)};
  ops(bits)->omega_signal(exec, &signal);
  digest_add(d, "omega_signal", v, bits);
  const sq_omega_args a = {
      SQ_OMEGA_SQUARES, rows,          cols,           rows, 1, at(norm2, bits), at(u, bits),
      at(slope, bits),  at(row, bits), at(omega, bits)};
  ops(bits)->omega_forward(exec, &a);
  digest_add(d, "omega_forward", omega, bits);
  ops(bits)->omega_backward(exec, &a);
  digest_add(d, "omega_backward", u, bits);
  TENSORS_FREE(&h, &u, &v, &norm2, &slope, &row, &omega);
}

static digest digest_all(int threads, int bits) {
  sq_exec exec = {.pool = threads > 0 ? sq_pool_create(threads) : NULL};
  digest d = {.count = 0};
  check_counts.random = check_counts.seed; /* the same inputs every time */
  digest_rows(&d, &exec, bits);
  digest_losses(&d, &exec, bits);
  digest_elements(&d, &exec, bits);
  digest_omega(&d, &exec, bits);
  sq_pool_destroy(exec.pool);
  return d;
}

static void test_threads(int bits) {
  const digest want = digest_all(0, bits);
  check_bits(bits);
  for (int threads = 1; threads <= 3; threads++) {
    const digest d = digest_all(threads, bits);
    for (int i = 0; i < d.count; i++) CHECK(d.hash[i] == want.hash[i], "%s, %d threads", d.name[i], threads);
  }
}

int main(void) {
  check_start();
  test_threads(64);
  test_threads(32);
  return check_finish();
}
