/* test_ctc.c - connectionist temporal classification on the CPU, in float64 and float32.
 *
 *   every path of a tiny case, whose labels are read off it, against the recursion
 *   what PyTorch computed (goldens/make_losses.py), also with more than 256 labels
 *   laws: the gradient of a step sums to 0; an offset of a step's logits, and what lies beyond a length, change
 *   nothing; impossible pairs have no loss and no gradient and do not count; NaN stays in its sequence
 */
#include "tests/goldens.h"
#include "tests/tensors.h"

#ifndef SEQGPU_LOSSES
#define SEQGPU_LOSSES "goldens/losses.bin" /* ctest runs in tests/ */
#endif

typedef struct ctc_case {
  sq_ctc_args args[2];
  tensor logits, normal, occupancy, scratch, row_loss, loss, dlogits;
  int32_t *labels, *lengths, *label_lengths;
} ctc_case;

/* Labels are drawn from all classes but blank; lengths are full. */
static ctc_case ctc_new(int64_t steps, int64_t batch, int64_t classes, int64_t labels, int64_t blank) {
  const int64_t rows = steps * batch, states = 2 * labels + 1;
  ctc_case c = {.logits = tensor_random("logits", rows * classes, -2, 2),
                .normal = tensor_new("normal", 2 * rows),
                .occupancy = tensor_new("occupancy", rows * states),
                .scratch = tensor_new("scratch", 2 * batch * states),
                .row_loss = tensor_new("row_loss", batch),
                .loss = tensor_new("loss", 2),
                .dlogits = tensor_new("dlogits", rows * classes),
                .labels = lengths_new(labels * batch, 0, classes - 2),
                .lengths = lengths_new(batch, steps, steps),
                .label_lengths = lengths_new(batch, labels, labels)};
  for (int64_t i = 0; i < labels * batch; i++) c.labels[i] += c.labels[i] >= blank;
  for (int k = 0; k < 2; k++) {
    const int bits = both[k];
    c.args[k] = (sq_ctc_args){.seq_len = steps,
                              .batch = batch,
                              .classes = classes,
                              .label_len = labels,
                              .blank = blank,
                              .scale = 1,
                              .logits = at(c.logits, bits),
                              .lengths = c.lengths,
                              .labels = c.labels,
                              .label_lengths = c.label_lengths,
                              .normal = at(c.normal, bits),
                              .occupancy = at(c.occupancy, bits),
                              .scratch = at(c.scratch, bits),
                              .row_loss = at(c.row_loss, bits),
                              .loss = at(c.loss, bits),
                              .dlogits = at(c.dlogits, bits)};
  }
  return c;
}

static void ctc_run(ctc_case *c) {
  for (int k = 0; k < 2; k++) {
    ops(both[k])->ctc_forward(&serial, &c->args[k]);
    ops(both[k])->ctc_backward(&serial, &c->args[k]);
  }
}

static void ctc_free(ctc_case *c) {
  TENSORS_FREE(&c->logits, &c->normal, &c->occupancy, &c->scratch, &c->row_loss, &c->loss, &c->dlogits);
  check_free(c->labels);
  check_free(c->lengths);
  check_free(c->label_lengths);
}

static double ctc_scalar(void *context) {
  ctc_case *c = context;
  sq_cpu_ops_f64.ctc_forward(&serial, &c->args[0]);
  return c->loss.d[0];
}

/* --- every path --- */

enum { PATH_MAX = 8 };

/* Are these the labels of sequence b once repeats and blanks are taken out of the path? */
static int reads_as(const ctc_case *c, int64_t b, const int *path, int64_t steps) {
  const sq_ctc_args *a = &c->args[0];
  int64_t labels = 0;
  for (int64_t t = 0; t < steps; t++) {
    if (path[t] == a->blank || (t > 0 && path[t] == path[t - 1])) continue;
    if (labels >= c->label_lengths[b] || path[t] != c->labels[labels * a->batch + b]) return 0;
    labels++;
  }
  return labels == c->label_lengths[b];
}

/* P of sequence b, the sum of all its paths. */
static double by_paths(const ctc_case *c, int64_t b) {
  const sq_ctc_args *a = &c->args[0];
  const int64_t steps = c->lengths[b];
  int path[PATH_MAX] = {0};
  double total = 0;
  for (int64_t t = 0; t < steps;) {
    if (reads_as(c, b, path, steps)) {
      double p = 1;
      for (int64_t u = 0; u < steps; u++) {
        const double *z = c->logits.d + (u * a->batch + b) * a->classes;
        double sum = 0;
        for (int64_t k = 0; k < a->classes; k++) sum += exp(z[k]);
        p *= exp(z[path[u]]) / sum;
      }
      total += p;
    }
    for (t = 0; t < steps && ++path[t] == a->classes; t++)
      path[t] = 0; /* the next path; t = steps: no more */
  }
  return total;
}

static void test_paths(int64_t steps, int64_t classes, int64_t labels, int64_t blank) {
  enum { BATCH = 3 };
  ctc_case c = ctc_new(steps, BATCH, classes, labels, blank);
  c.lengths[1] = (int32_t)steps - 1;
  c.label_lengths[2] = (int32_t)labels / 2;
  c.args[0].mean = c.args[1].mean = 1;
  ctc_run(&c);
  double sum = 0, count = 0, worst = 0;
  for (int64_t b = 0; b < BATCH; b++) {
    const double p = by_paths(&c, b);
    const double error = fabs(c.row_loss.d[b] - (p > 0 ? -log(p) : SQ_CTC_IMPOSSIBLE));
    worst = check_worse(error, worst);
    sum += p > 0 ? -log(p) : 0;
    count += p > 0;
  }
  char what[80];
  snprintf(what, sizeof what, "ctc of %ld steps, %ld classes, %ld labels", (long)steps, (long)classes,
           (long)labels);
  check_error(worst, 1e-12, "%s, every path", what);
  check_error(fabs(c.loss.d[0] - sum / fmax(count, 1)), 1e-12, "%s, the mean", what);
  CHECK(c.loss.d[1] == count && (double)c.loss.f[1] == count, "%s, how many count", what);
  check_single(c.row_loss, name("%s, losses", what));
  if (count > 0) check_single(c.dlogits, name("%s, gradient", what));
  check_slope(ctc_scalar, &c, c.logits, c.dlogits, what);
  ctc_free(&c);
}

/* --- PyTorch --- */

static const double *golden_of(const char *test, const char *tensor_name) {
  const golden *g = look_for(test, tensor_name);
  CHECK(g != NULL, "golden %s/%s is there", test, tensor_name);
  return g ? g->data : NULL;
}

static void to_ints(int32_t *to, const double *from, int64_t count) {
  for (int64_t i = 0; from && i < count; i++) to[i] = (int32_t)from[i];
}

static void test_golden(const char *test, int64_t steps, int64_t batch, int64_t classes, int64_t labels) {
  const double *blank = golden_of(test, "blank"), *logits = golden_of(test, "logits");
  const double *each = golden_of(test, "each"), *dlogits = golden_of(test, "dlogits");
  if (!blank || !logits || !each || !dlogits) return;
  ctc_case c = ctc_new(steps, batch, classes, labels, (int64_t)blank[0]);
  to_ints(c.labels, golden_of(test, "labels"), labels * batch);
  to_ints(c.lengths, golden_of(test, "lengths"), batch);
  to_ints(c.label_lengths, golden_of(test, "label_lengths"), batch);
  for (int64_t i = 0; i < c.logits.n; i++) {
    c.logits.d[i] = logits[i];
    c.logits.f[i] = (float)logits[i];
  }
  ctc_run(&c);
  double worst[2] = {0, 0};
  for (int64_t b = 0; b < batch; b++) {
    for (int k = 0; k < 2; k++) {
      const double ours = get(c.row_loss, both[k], b);
      const double error = fabs((ours < 0 ? 0 : ours) - each[b]) / (1 + each[b]);
      worst[k] = check_worse(error, worst[k]);
    }
  }
  check_error(worst[0], 1e-12, "golden %s, losses", test);
  check_error(check_norm_f64(c.dlogits.d, dlogits, c.dlogits.n), 1e-11, "golden %s, gradient", test);
  check_bits(32);
  check_error(worst[1], 1e-6, "golden %s, losses", test);
  check_error(check_norm_f32(c.dlogits.f, dlogits, c.dlogits.n), 2e-5, "golden %s, gradient", test);
  check_bits(64);
  ctc_free(&c);
}

/* --- laws --- */

/* The largest sum of a step's gradient. */
static double step_sums(const ctc_case *c, int bits) {
  double worst = 0;
  for (int64_t r = 0; r < c->dlogits.n / c->args[0].classes; r++) {
    double sum = 0;
    for (int64_t k = 0; k < c->args[0].classes; k++) sum += get(c->dlogits, bits, r * c->args[0].classes + k);
    worst = check_worse(worst, fabs(sum));
  }
  return worst;
}

/* 2,000 steps and 600 labels. */
static void test_long(void) {
  ctc_case c = ctc_new(2000, 1, 12, 600, 11);
  ctc_run(&c);
  const double before = c.loss.d[0];
  check_error(step_sums(&c, 64), 1e-13, "ctc of 600 labels, the gradient of a step sums to 0");
  check_single(c.row_loss, "ctc of 600 labels, loss");
  check_bits(32);
  check_error(step_sums(&c, 32), 2e-6, "ctc of 600 labels, the gradient of a step sums to 0");
  check_error(check_norm_f32(c.dlogits.f, c.dlogits.d, c.dlogits.n), 1e-4, "ctc of 600 labels, gradient");
  check_bits(64);
  for (int64_t i = 0; i < c.logits.n; i++) c.logits.d[i] += 1000.0 * (double)(i / 12 % 3 - 1);
  ctc_run(&c);
  check_error(fabs(c.loss.d[0] / before - 1), 1e-12, "ctc, offsets of the logits of a step");
  ctc_free(&c);
}

/* NaN beyond the lengths, labels of no class beyond the label lengths. */
static void test_padding(void) {
  ctc_case c = ctc_new(6, 2, 4, 3, 0);
  c.lengths[1] = 4;
  c.label_lengths[1] = 2;
  c.labels[4] = 1;
  c.labels[1] = c.labels[3] = 2; /* b = 1: 2 2 needs three steps */
  c.labels[5] = 99;
  for (int64_t i = (4 * 2 + 1) * 4; i < (4 * 2 + 2) * 4; i++) tensor_set(c.logits, i, NAN);
  for (int64_t i = (5 * 2 + 1) * 4; i < (5 * 2 + 2) * 4; i++) tensor_set(c.logits, i, NAN);
  ctc_run(&c);
  int zero = 1;
  for (int64_t i = (4 * 2 + 1) * 4; i < (4 * 2 + 2) * 4; i++)
    zero &= c.dlogits.d[i] == 0 && c.dlogits.f[i] == 0;
  CHECK(zero && isfinite(c.loss.d[0]) && isfinite(c.loss.f[0]) && c.loss.d[1] == 2,
        "ctc, beyond the lengths");
  ctc_free(&c);
}

static int is_left_out(const ctc_case *c, int64_t b) {
  int zero = c->row_loss.d[b] == SQ_CTC_IMPOSSIBLE && (double)c->row_loss.f[b] == SQ_CTC_IMPOSSIBLE;
  const int64_t K = c->args[0].classes, B = c->args[0].batch;
  for (int64_t i = 0; i < c->dlogits.n; i++)
    zero &= i / K % B != b || (c->dlogits.d[i] == 0 && c->dlogits.f[i] == 0);
  return zero;
}

static void test_impossible(void) {
  ctc_case c = ctc_new(4, 6, 3, 3, 2);
  const int32_t labels[18] = {0, 0, 0, 0, 1, 1, 1, 0, 2, 5, 0, 0, 0, 1, 0, 1, 1, 1};
  memcpy(c.labels, labels, sizeof labels); /* 010, 001, 020, 051, 101, 101 */
  c.lengths[1] = 3;                        /* a repeat too many */
  c.lengths[4] = 0;
  c.lengths[5] = 0;
  c.label_lengths[5] = 0;
  ctc_run(&c);
  CHECK(is_left_out(&c, 1), "ctc, fewer steps than labels and repeats");
  CHECK(is_left_out(&c, 2), "ctc, blank as a label");
  CHECK(is_left_out(&c, 3), "ctc, a label that is no class");
  CHECK(is_left_out(&c, 4), "ctc, labels without a step");
  CHECK(c.row_loss.d[5] == 0 && c.loss.d[1] == 2 && (double)c.loss.f[1] == 2 && c.row_loss.d[0] > 0,
        "ctc, neither steps nor labels is sure, and counts");
  CHECK(c.loss.d[0] == c.row_loss.d[0], "ctc, the sum of those that count");
  tensor_set(c.logits, 1, -(double)INFINITY); /* b = 0, step 0, class 1: not needed */
  ctc_run(&c);
  CHECK(isfinite(c.row_loss.d[0]) && c.dlogits.d[1] == 0, "ctc, a logit of minus infinity");
  tensor_set(c.logits, 2, NAN);
  ctc_run(&c);
  CHECK(isnan(c.row_loss.d[0]) && isnan(c.row_loss.f[0]) && isnan(c.dlogits.f[0]) && c.row_loss.d[5] == 0,
        "ctc, a NaN stays in its sequence");
  ctc_free(&c);
}

/* The loss is the same bits without what backward needs. */
static void test_inference(void) {
  ctc_case c = ctc_new(9, 3, 5, 4, 1);
  ctc_run(&c);
  const double kept = c.loss.d[0];
  const float kept_single = c.loss.f[0];
  for (int k = 0; k < 2; k++) {
    c.args[k].occupancy = NULL;
    ops(both[k])->ctc_forward(&serial, &c.args[k]);
  }
  CHECK(c.loss.d[0] == kept && c.loss.f[0] == kept_single, "ctc, only the loss");
  ctc_free(&c);
}

int main(int argc, char **argv) {
  check_start();
  check_bits(64);
  test_paths(1, 2, 1, 0);
  test_paths(4, 3, 2, 2);
  test_paths(5, 3, 3, 1);
  test_paths(6, 4, 3, 0);
  const char *path = argc > 1 ? argv[1] : SEQGPU_LOSSES;
  if (!read_goldens(path)) check_record(0, path, "the goldens can be read");
  test_golden("ctc_ragged", 12, 5, 6, 4);
  test_golden("ctc_long", 640, 1, 4, 270);
  free_goldens();
  test_long();
  test_padding();
  test_impossible();
  test_inference();
  return check_finish();
}
