/* test_ops_softmax.c - softmax, losses and what has a softmax inside: cross-entropy, squared error, binary
 * cross-entropy, attention.
 *
 * Masked rows and padded source steps, logits that overflow exp, minus infinity, NaN.
 */
#include "tests/ops_cases.h"

/* A loss [2]: what it must be, and [1], how many rows count. */
static void check_loss(const char *op, tensor loss, double want, double count, const char *what) {
  check_error(fabs(loss.d[0] - want) / (1 + fabs(want)), 1e-12, "%s_forward, %s, loss", op, what);
  CHECK(loss.d[1] == count && (double)loss.f[1] == count, "%s_forward, %s, unmasked rows", op, what);
  check_bits(32);
  check_error(fabs((double)loss.f[0] - loss.d[0]) / (1 + fabs(loss.d[0])), SINGLE, "%s_forward, %s, loss", op,
              what);
  check_bits(64);
}

/* --- cross-entropy --- */

static double xent_scalar(void *context) {
  xent_case *c = context;
  sq_cpu_ops_f64.xent_forward(&serial, &c->args[0]);
  return c->loss.d[0] * c->dloss.d[0];
}

/* tlogits . gradient, whose own gradient is the curvature's product. */
static double xent_along(void *context) {
  xent_case *c = context;
  sq_cpu_ops_f64.xent_forward(&serial, &c->args[0]);
  sq_cpu_ops_f64.xent_backward(&serial, &c->args[0]);
  return weighted_sum(c->tlogits, c->dlogits);
}

/* H t against differences of the gradient, and t . H t >= 0. */
static void test_curvature(xent_case *c, const char *what) {
  tensor product = tensor_new("product", c->dlogits.n);
  for (int k = 0; k < 2; k++) {
    sq_xent_args args = c->args[k];
    args.dlogits = at(product, both[k]);
    ops(both[k])->xent_curvature(&serial, &args);
  }
  check_single(product, name("xent_curvature, %s, product", what));
  check_slope(xent_along, c, c->logits, product, name("xent_curvature, %s", what));
  CHECK(weighted_sum(c->tlogits, product) >= 0, "xent_curvature, %s, is not negative", what);
  tensor_free(product);
}

static double naive_lse(int64_t n, const double *z) {
  double sum = exp(z[0]);
  for (int64_t v = 1; v < n; v++) sum += exp(z[v]);
  return log(sum);
}

static void test_xent(int64_t rows, int64_t classes, int mean) {
  xent_case c = xent_new(rows, classes, mean);
  xent_run(&c);
  double sum = 0, count = 0, worst = 0;
  int masked_rows_are_zero = 1;
  for (int64_t r = 0; r < rows; r++) {
    const int32_t target = c.targets[r];
    const double lse = naive_lse(classes, c.logits.d + r * classes);
    worst = check_worse(worst, fabs(lse - c.lse.d[r]));
    if (target >= 0) {
      sum += lse - c.logits.d[r * classes + target];
      count += 1;
      continue;
    }
    masked_rows_are_zero &= c.row_loss.d[r] == 0;
    for (int64_t v = 0; v < classes; v++) masked_rows_are_zero &= c.dlogits.d[r * classes + v] == 0;
  }
  const double want = 1.5 * sum / (mean && count > 0 ? count : 1);
  char what[80];
  snprintf(what, sizeof what, "%ldx%ld %s", (long)rows, (long)classes, mean ? "mean" : "sum");
  check_error(worst, 1e-12, "xent_forward, %s, log-sum-exp", what);
  check_loss("xent", c.loss, want, count, what);
  CHECK(masked_rows_are_zero, "xent_forward, %s, masked rows", what);
  check_single(c.lse, name("xent_forward, %s, lse", what));
  check_single(c.dlogits, name("xent_backward, %s, gradient", what));
  check_slope(xent_scalar, &c, c.logits, c.dlogits, name("xent_backward, %s", what));
  if (classes > 1) test_curvature(&c, what); /* of one class it is 0 */
  xent_free(&c);
}

static void test_xent_edges(void) {
  xent_case c = xent_new(3, 50, 1);
  for (int r = 0; r < 3; r++) c.targets[r] = r;
  for (int64_t i = 0; i < 50; i++) tensor_set(c.logits, i, 1e4 * check_uniform(-1, 1)); /* exp overflows */
  tensor_set(c.logits, 50 + 7, -(double)INFINITY); /* a forbidden class */
  xent_run(&c);
  CHECK(isfinite(c.loss.d[0]) && isfinite(c.loss.f[0]), "xent_forward, of logits of 1e4");
  CHECK(c.dlogits.f[50 + 7] == 0 && isfinite(c.lse.f[1]), "xent_forward, of a logit of minus infinity");
  tensor_set(c.logits, 100, NAN);
  xent_run(&c);
  CHECK(isnan(c.loss.d[0]) && isnan(c.loss.f[0]) && isnan(c.row_loss.f[2]), "xent_forward, of NaN");
  c.targets[2] = 50;
  xent_run(&c);
  CHECK(c.loss.d[1] == 2 && !isnan(c.loss.d[0]) && c.dlogits.d[101] == 0,
        "xent_forward, masks a target beyond the classes");
  for (int r = 0; r < 3; r++) c.targets[r] = -1;
  xent_run(&c);
  CHECK(c.loss.d[0] == 0 && c.loss.d[1] == 0 && c.dlogits.d[0] == 0, "xent_forward, with every row masked");
  xent_free(&c);
  c = xent_new(4, 10, 0);
  for (int r = 0; r < 4; r++) c.targets[r] = r;
  c.args[0].dloss = NULL;
  tensor_set(c.dloss, 0, 1);
  xent_run(&c);
  check_single(c.dlogits, "xent_backward, without dloss is dloss = 1");
  double sum = 0;
  for (int v = 0; v < 10; v++) sum += c.dlogits.d[v];
  check_error(fabs(sum), 1e-14, "xent_backward, gradient of a row sums to 0");
  xent_free(&c);
}

/* -sum_v w log p over the wanted probabilities w, in plain words. */
static void test_smoothing(int64_t rows, int64_t classes, double smoothing) {
  xent_case c = xent_new(rows, classes, 0);
  c.args[0].smoothing = c.args[1].smoothing = smoothing;
  xent_run(&c);
  double worst = 0, sums = 0;
  for (int64_t r = 0; r < rows; r++) {
    const double lse = naive_lse(classes, c.logits.d + r * classes);
    double want = 0, sum = 0;
    for (int64_t v = 0; v < classes; v++) {
      const double w = smoothing / (double)classes + (v == c.targets[r] ? 1 - smoothing : 0);
      want += w * (lse - c.logits.d[r * classes + v]);
      sum += c.dlogits.d[r * classes + v];
    }
    worst = check_worse(worst, fabs(c.row_loss.d[r] - (c.targets[r] < 0 ? 0 : want)));
    sums = check_worse(sums, fabs(sum));
  }
  char what[80];
  snprintf(what, sizeof what, "smoothing %g, %ldx%ld", smoothing, (long)rows, (long)classes);
  check_error(worst, 1e-12, "xent_forward, %s", what);
  check_error(sums, 1e-13, "xent_backward, %s, gradient of a row sums to 0", what);
  check_single(c.row_loss, name("xent_forward, %s, row loss", what));
  if (classes > 1) check_single(c.dlogits, name("xent_backward, %s, gradient", what));
  check_slope(xent_scalar, &c, c.logits, c.dlogits, name("xent_backward, %s", what));
  xent_free(&c);
}

static void test_xents(void) {
  static const int64_t rows[] = {0, 1, 31, 33}, classes[] = {1, 2, 31, 33, 1000};
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 5; j++) {
      test_xent(rows[i], classes[j], 0);
      test_xent(rows[i], classes[j], 1);
    }
  }
  test_xent_edges();
  test_smoothing(31, 5, 0.1);
  test_smoothing(3, 1000, 0.3);
  test_smoothing(4, 1, 1);
}

/* --- squared error --- */

static double mse_scalar(void *context) {
  mse_case *c = context;
  sq_cpu_ops_f64.mse_forward(&serial, &c->args[0]);
  return c->loss.d[0] * c->dloss.d[0];
}

/* Masked rows become NaN: nothing of them may be read. */
static void test_mse(int64_t rows, int64_t dim, int mean) {
  mse_case c = mse_new(rows, dim, mean);
  double sum = 0, count = 0;
  for (int64_t i = 0; i < rows * dim; i++) {
    const double error = c.x.d[i] - c.targets.d[i];
    if (c.mask[i / dim]) sum += error * error;
    if (!c.mask[i / dim]) c.x.d[i] = c.x.f[i] = NAN;
  }
  for (int64_t r = 0; r < rows; r++) count += c.mask[r] != 0;
  mse_run(&c);
  int masked_rows_are_zero = 1;
  for (int64_t i = 0; i < rows * dim; i++)
    masked_rows_are_zero &= c.mask[i / dim] != 0 || (c.row_loss.d[i / dim] == 0 && c.dx.d[i] == 0);
  const double want = 1.5 * sum / (mean && count > 0 ? count * (double)dim : 1);
  char what[80];
  snprintf(what, sizeof what, "%ldx%ld %s", (long)rows, (long)dim, mean ? "mean" : "sum");
  check_loss("mse", c.loss, want, count, what);
  CHECK(masked_rows_are_zero, "mse_forward, %s, masked rows", what);
  check_single(c.row_loss, name("mse_forward, %s, row loss", what));
  check_single(c.dx, name("mse_backward, %s, gradient", what));
  check_slope(mse_scalar, &c, c.x, c.dx, name("mse_backward, %s", what));
  mse_free(&c);
}

static void test_mses(void) {
  static const int64_t rows[] = {0, 1, 31, 33}, dims[] = {1, 2, 31, 33};
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) {
      test_mse(rows[i], dims[j], 0);
      test_mse(rows[i], dims[j], 1);
    }
  }
  mse_case c = mse_new(3, 2, 1); /* without a mask, and dloss = 1 */
  c.args[0].mask = c.args[1].mask = NULL;
  c.args[0].dloss = NULL;
  tensor_set(c.dloss, 0, 1);
  tensor_set(c.x, 3, NAN);
  mse_run(&c);
  CHECK(isnan(c.loss.d[0]) && isnan(c.loss.f[0]) && isnan(c.row_loss.f[1]), "mse_forward, of NaN");
  CHECK(c.dx.d[0] == 2 * (c.x.d[0] - c.targets.d[0]) * 1.5 / 6, "mse_backward, without dloss is dloss = 1");
  mse_free(&c);
}

/* --- binary cross-entropy --- */

static double bce_scalar(void *context) {
  bce_case *c = context;
  sq_cpu_ops_f64.bce_forward(&serial, &c->args[0]);
  return c->loss.d[0] * c->dloss.d[0];
}

static double bce_along(void *context) {
  bce_case *c = context;
  sq_cpu_ops_f64.bce_forward(&serial, &c->args[0]);
  sq_cpu_ops_f64.bce_backward(&serial, &c->args[0]);
  return weighted_sum(c->tlogits, c->dlogits);
}

static void test_bce_curvature(bce_case *c, const char *what) {
  tensor product = tensor_new("product", c->dlogits.n);
  for (int k = 0; k < 2; k++) {
    sq_bce_args args = c->args[k];
    args.dlogits = at(product, both[k]);
    ops(both[k])->bce_curvature(&serial, &args);
  }
  check_single(product, name("bce_curvature, %s, product", what));
  check_slope(bce_along, c, c->logits, product, name("bce_curvature, %s", what));
  tensor_free(product);
}

/* Masked rows become NaN: nothing of them may be read. */
static void test_bce(int64_t steps, int64_t batch, int64_t dim, int mean) {
  bce_case c = bce_new(steps, batch, dim, mean);
  double sum = 0, count = 0;
  for (int64_t r = 0; r < steps * batch; r++) {
    const int inside = r / batch < c.lengths[r % batch];
    count += inside;
    for (int64_t i = r * dim; i < (r + 1) * dim; i++) {
      const double p = 1 / (1 + exp(-c.logits.d[i])), y = c.targets.d[i];
      if (inside) sum -= y * log(p) + (1 - y) * log(1 - p);
      if (!inside) c.logits.d[i] = c.logits.f[i] = NAN;
    }
  }
  bce_run(&c);
  int masked_rows_are_zero = 1;
  for (int64_t r = 0; r < steps * batch; r++)
    for (int64_t d = 0; d < dim && r / batch >= c.lengths[r % batch]; d++)
      masked_rows_are_zero &= c.row_loss.d[r] == 0 && c.dlogits.d[r * dim + d] == 0;
  char what[80];
  snprintf(what, sizeof what, "%ldx%ldx%ld %s", (long)steps, (long)batch, (long)dim, mean ? "mean" : "sum");
  check_loss("bce", c.loss, 1.5 * sum / (mean && count > 0 ? count : 1), count, what);
  CHECK(masked_rows_are_zero, "bce_forward, %s, masked rows", what);
  check_single(c.row_loss, name("bce_forward, %s, row loss", what));
  check_single(c.dlogits, name("bce_backward, %s, gradient", what));
  check_slope(bce_scalar, &c, c.logits, c.dlogits, name("bce_backward, %s", what));
  if (count > 0) test_bce_curvature(&c, what);
  bce_free(&c);
}

/* Sure rows keep the digits of a tiny loss and of its gradient; logits of 1e4; NaN. */
static void test_bce_edges(void) {
  bce_case c = bce_new(4, 1, 2, 0);
  c.args[0].lengths = c.args[1].lengths = NULL;
  c.args[0].dloss = NULL;
  c.args[1].dloss = NULL;
  const double z[8] = {30, -40, -60, 20, 1e4, -1e4, 2, 3}, y[8] = {1, 0, 0, 1, 0, 0, 1, 0};
  for (int i = 0; i < 8; i++) tensor_set(c.logits, i, z[i]);
  for (int i = 0; i < 8; i++) tensor_set(c.targets, i, y[i]);
  tensor_set(c.logits, 7, NAN);
  bce_run(&c);
  const double first = log1p(exp(-30)) + log1p(exp(-40));
  check_error(fabs(c.row_loss.d[0] / first - 1), EXACT, "bce_forward, a sure row");
  check_error(fabs(c.dlogits.d[0] / (-1.5 * exp(-30) / (1 + exp(-30))) - 1), EXACT,
              "bce_backward, a sure row");
  check_bits(32);
  check_error(fabs((double)c.row_loss.f[0] / first - 1), 1e-6, "bce_forward, a sure row");
  check_error(fabs((double)c.dlogits.f[0] / (-1.5 * exp(-30)) - 1), 1e-6, "bce_backward, a sure row");
  check_bits(64);
  CHECK(c.row_loss.d[2] == 1e4 && c.row_loss.f[2] == 1e4f, "bce_forward, of a logit of 1e4");
  CHECK(isnan(c.row_loss.d[3]) && isnan(c.loss.f[0]) && isnan(c.dlogits.f[7]), "bce_forward, of NaN");
  bce_free(&c);
}

static void test_bces(void) {
  static const int64_t steps[] = {0, 1, 7}, dims[] = {1, 31, 33, 600};
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 4; j++) {
      test_bce(steps[i], 3, dims[j], 0);
      test_bce(steps[i], 3, dims[j], 1);
    }
  }
  test_bce_edges();
}

/* --- softmax --- */

static double softmax_scalar(void *context) {
  softmax_case *c = context;
  sq_cpu_ops_f64.softmax_forward(&serial, &c->args[0]);
  return weighted_sum(c->dy, c->y);
}

/* What lengths hide becomes NaN: nothing of it may be read. */
static void softmax_poison(const softmax_case *c) {
  const sq_softmax_args *a = &c->args[0];
  for (int64_t i = 0; i < c->x.n; i++) {
    if (i % a->cols < c->lengths[i / a->cols % a->batch]) continue;
    c->x.d[i] = c->x.f[i] = NAN;
    c->dy.d[i] = c->dy.f[i] = NAN;
  }
}

/* The largest difference from exp(x) / sum exp(x), and from 0 beyond a row's length. */
static double softmax_worst(const softmax_case *c) {
  const sq_softmax_args *a = &c->args[0];
  double worst = 0;
  for (int64_t r = 0; r < a->rows; r++) {
    const int64_t n = c->lengths[r % a->batch];
    const double *x = c->x.d + r * a->cols, *y = c->y.d + r * a->cols, *dx = c->dx.d + r * a->cols;
    double sum = 0;
    for (int64_t v = 0; v < n; v++) sum += exp(x[v]);
    for (int64_t v = 0; v < a->cols; v++) {
      worst = check_worse(worst, fabs(y[v] - (v < n ? exp(x[v]) / sum : 0)));
      if (v >= n) worst = check_worse(worst, fabs(dx[v]));
    }
  }
  return worst;
}

/* A gradient that adds, and what the padding of a sum that adds keeps. */
static void test_softmax_accumulates(softmax_case *c, const char *what) {
  sq_softmax_args again = c->args[0];
  double worst = 0;
  tensor dx = tensor_new("dx", c->dx.n);
  tensor_fill(dx, 2, 2);
  again.dx = dx.d;
  again.accumulate = 1;
  sq_cpu_ops_f64.softmax_backward(&serial, &again);
  for (int64_t i = 0; i < dx.n; i++) worst = check_worse(worst, fabs(dx.d[i] - 2 - c->dx.d[i]));
  check_error(worst, 1e-14, "%s, accumulate", what);
  tensor_free(dx);
}

static void test_softmax(int64_t steps, int64_t batch, int64_t cols) {
  softmax_case c = softmax_new(steps, batch, cols);
  char what[80];
  snprintf(what, sizeof what, "softmax, %ldx%ldx%ld", (long)steps, (long)batch, (long)cols);
  softmax_poison(&c);
  softmax_run(&c);
  check_error(softmax_worst(&c), 1e-14, "%s", what);
  check_single(c.y, name("%s, y", what));
  if (cols > 2) check_single(c.dx, name("%s, dx", what)); /* of one number it is 0 */
  for (int64_t i = 0; i < c.x.n; i++)                     /* differences ask for every number */
    if (isnan(c.x.d[i])) c.x.d[i] = c.dy.d[i] = 0;
  check_slope(softmax_scalar, &c, c.x, c.dx, name("%s", what));
  test_softmax_accumulates(&c, what);
  softmax_free(&c);
}

/* Logits of 1e4 and of minus infinity, an offset, NaN, nothing but minus infinity, in place. */
static void test_softmax_edges(void) {
  softmax_case c = softmax_new(5, 1, 70);
  for (int k = 0; k < 2; k++) c.args[k].lengths = NULL, c.args[k].batch = 0; /* which is for lengths alone */
  for (int64_t v = 0; v < 70; v++) {
    tensor_set(c.x, v, v == 66 ? 1e4 : -1e4);
    tensor_set(c.x, 70 + v, v < 2 ? 3000 : -(double)INFINITY);
    tensor_set(c.x, 210 + v, -(double)INFINITY);
  }
  tensor_set(c.x, 140 + 69, NAN);
  softmax_run(&c);
  CHECK(c.y.d[66] == 1 && c.y.f[66] == 1 && c.y.d[0] == 0 && c.y.f[0] == 0, "softmax, of logits of 1e4");
  CHECK(c.y.d[71] == 0.5 && c.y.f[70] == 0.5f && c.y.d[72] == 0,
        "softmax, of two, the rest at minus infinity");
  CHECK(isnan(c.y.d[140]) && isnan(c.y.f[209]) && isnan(c.dx.f[140]), "softmax, of NaN");
  CHECK(isnan(c.y.d[210]) && isnan(c.y.f[279]), "softmax, of nothing but minus infinity");
  CHECK(!isnan(c.y.d[280]) && !isnan(c.dx.f[280]), "softmax, a NaN stays in its row");
  tensor in_place = tensor_new("in place", c.x.n);
  memcpy(in_place.f, c.x.f, (size_t)c.x.n * sizeof(float));
  sq_softmax_args same = c.args[1];
  same.x = same.y = in_place.f;
  sq_cpu_ops_f32.softmax_forward(&serial, &same);
  CHECK(memcmp(in_place.f, c.y.f, 140 * sizeof(float)) == 0, "softmax, in place");
  tensor_free(in_place);
  softmax_free(&c);
}

static void test_softmaxes(void) {
  static const int64_t steps[] = {0, 1, 7}, cols[] = {1, 31, 33, 64, 600};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 5; j++) test_softmax(steps[i], 3, cols[j]);
  test_softmax_edges();
}

/* --- attention --- */

static double attention_scalar(void *context) {
  const attention_case *c = context;
  sq_cpu_ops_f64.attention_forward(&serial, &c->args[0]);
  return weighted_sum(c->dcontext, c->context);
}

static int64_t attention_length(const attention_case *c, int64_t b) {
  return c->args[0].lengths ? c->lengths[b] : c->args[0].source_len;
}

/* exp(e[s,b]), not normalised */
static double plain_attention(const attention_case *c, int64_t s, int64_t b) {
  const sq_attention_args *a = &c->args[0];
  double e = 0;
  for (int64_t d = 0; d < a->dim; d++) {
    const double q = c->query.d[b * a->dim + d], k = c->keys.d[(s * a->batch + b) * a->dim + d];
    e += a->v ? c->v.d[d] * tanh(q + k) : q * k;
  }
  return exp(e);
}

static void plain_attentions(const attention_case *c, tensor weights, tensor context) {
  const sq_attention_args *a = &c->args[0];
  tensor_fill(context, 0, 0);
  for (int64_t b = 0; b < a->batch; b++) {
    double sum = 0;
    for (int64_t s = 0; s < attention_length(c, b); s++) sum += plain_attention(c, s, b);
    for (int64_t s = 0; s < a->source_len; s++) {
      const double w = s < attention_length(c, b) ? plain_attention(c, s, b) / sum : 0;
      weights.d[s * a->batch + b] = w;
      for (int64_t j = 0; j < a->value_dim && w != 0; j++)
        context.d[b * a->value_dim + j] += w * c->values.d[(s * a->batch + b) * a->value_dim + j];
    }
  }
}

/* Keys and values of padded source steps become NaN: they must not be read. */
static void poison_padding(const attention_case *c) {
  const sq_attention_args *a = &c->args[0];
  for (int64_t r = 0; r < a->source_len * a->batch; r++) {
    if (r / a->batch < attention_length(c, r % a->batch)) continue;
    for (int64_t d = 0; d < a->dim; d++) c->keys.d[r * a->dim + d] = c->keys.f[r * a->dim + d] = NAN;
    for (int64_t j = 0; j < a->value_dim; j++)
      c->values.d[r * a->value_dim + j] = c->values.f[r * a->value_dim + j] = NAN;
  }
}

/* dcontext . tcontext = the gradients of each operand times its tangent; each operand may stand still. */
static void test_attention_tangent(attention_case *c, const char *what) {
  for (int still = 0; still < 5; still++) { /* the last time none does */
    const int moves[] = {still != 0, still != 1, still != 2, still != 3 && c->args[0].v};
    for (int k = 0; k < 2; k++) {
      sq_attention_args args = c->args[k];
      const void **operands[] = {&args.tquery, &args.tkeys, &args.tvalues, &args.tv};
      for (int i = 0; i < 4; i++)
        if (!moves[i]) *operands[i] = NULL;
      ops(both[k])->attention_tangent(&serial, &args);
    }
    const tensor gradients[] = {c->dquery, c->dkeys, c->dvalues, c->dv};
    const tensor tangents[] = {c->tquery, c->tkeys, c->tvalues, c->tv};
    double wanted = 0, terms = 0;
    for (int i = 0; i < 4; i++)
      for (int64_t j = 0; j < gradients[i].n; j++) {
        const double term = moves[i] ? gradients[i].d[j] * tangents[i].d[j] : 0;
        wanted += term;
        terms += fabs(term);
      }
    check_error(fabs(weighted_sum(c->dcontext, c->tcontext) - wanted) / (terms + 1e-300), EXACT,
                "attention, %s, tangent %d against the gradients", what, still);
    check_single(c->tcontext, name("attention, %s, tangent %d", what, still));
  }
}

static void test_attention(attention_case c) {
  const int64_t source = c.args[0].source_len, batch = c.args[0].batch, dim = c.args[0].dim,
                value_dim = c.args[0].value_dim;
  const int ragged = c.args[0].lengths != NULL, adds = c.args[0].v != NULL;
  tensor weights = tensor_new("weights", c.weights.n), context = tensor_new("context", c.context.n);
  tensor once = tensor_new("once", c.dkeys.n);
  poison_padding(&c);
  for (int k = 0; k < 2; k++) {
    ops(both[k])->attention_forward(&serial, &c.args[k]);
    ops(both[k])->attention_backward(&serial, &c.args[k]);
  }
  plain_attentions(&c, weights, context);
  char what[80];
  snprintf(what, sizeof what, "attention, S=%ld B=%ld D=%ld E=%ld%s%s", (long)source, (long)batch, (long)dim,
           (long)value_dim, ragged ? " ragged" : "", adds ? "" : " product");
  check_error(check_norm_f64(c.weights.d, weights.d, weights.n), EXACT, "%s, weights", what);
  check_error(check_norm_f64(c.context.d, context.d, context.n), EXACT, "%s, context", what);
  const tensor outputs[] = {c.weights, c.context, c.dquery, c.dkeys, c.dvalues, c.dv};
  const char *const names[] = {"weights", "context", "dquery", "dkeys", "dvalues", "dv"};
  /* With one source step the weight is 1 and these gradients are exactly 0 up to rounding. */
  for (int i = 0; i < (adds ? 6 : 5); i++)
    if (source > 1 || i < 2 || i == 4) check_single(outputs[i], name("%s, %s", what, names[i]));
  test_attention_tangent(&c, what + strlen("attention, "));
  check_slope(attention_scalar, &c, c.query, c.dquery, name("%s, query", what));
  check_slope(attention_scalar, &c, c.keys, c.dkeys, name("%s, keys", what));
  check_slope(attention_scalar, &c, c.values, c.dvalues, name("%s, values", what));
  if (adds) check_slope(attention_scalar, &c, c.v, c.dv, name("%s, v", what));
  memcpy(once.d, c.dkeys.d, (size_t)once.n * sizeof(double));
  sq_cpu_ops_f64.attention_backward(&serial, &c.args[0]);
  for (int64_t i = 0; i < once.n; i++) once.d[i] *= 2;
  check_error(check_norm_f64(c.dkeys.d, once.d, once.n), EXACT, "%s, dkeys accumulate", what);
  TENSORS_FREE(&weights, &context, &once);
  attention_free(&c);
}

static void test_attention_nan(void) {
  attention_case c = attention_new(4, 3, 5, 2, 0);
  c.keys.d[(2 * 3 + 1) * 5 + 3] = c.keys.f[(2 * 3 + 1) * 5 + 3] = NAN; /* sequence 1 */
  for (int k = 0; k < 2; k++) {
    ops(both[k])->attention_forward(&serial, &c.args[k]);
    check_bits(both[k]);
    CHECK(isnan(get(c.context, both[k], 2)) && !isnan(get(c.context, both[k], 0)),
          "attention, a NaN stays in its sequence");
  }
  check_bits(64);
  attention_free(&c);
}

static void test_attentions(void) {
  static const int64_t size[][5] = {{1, 1, 1, 1, 0},    {7, 3, 5, 4, 0},    {7, 3, 5, 4, 1},
                                    {31, 2, 33, 31, 1}, {33, 1, 64, 65, 0}, {5, 33, 100, 1, 1},
                                    {3, 0, 4, 4, 0}};
  for (int i = 0; i < 7; i++) {
    const int64_t *n = size[i];
    test_attention(attention_new(n[0], n[1], n[2], n[3], (int)n[4]));
    test_attention(attention_product_new(n[0], n[1], n[2], n[3], (int)n[4]));
  }
  test_attention_nan();
}

int main(void) {
  check_start();
  check_bits(64);
  test_xents();
  test_mses();
  test_bces();
  test_softmaxes();
  test_attentions();
  return check_finish();
}
