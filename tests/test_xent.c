/* test_xent.c - cross-entropy and its gradient keep the digits of float32, row by row and element by element:
 * where the logits of a row share an offset, where a row is sure of its target, and with many classes.
 *
 * The oracle has the same float32 logits and computes in double precision.  A result may be wrong by some
 * units of 2^-24 of itself, and by as many more as the logits lie apart: exp makes an error relative to its
 * result of the rounding of z - max.
 */
#include "seqgpu/seqgpu.h"
#include "tests/net.h"

static const double UNIT = 0x1p-24, UNITS = 8;
static const double LEAST = 1e-37; /* exp may give 0 for less */

/* ---------------------------------------------------------------- rows */

/* Logits and target of a row, whose offset is added afterwards. */
typedef struct kind {
  const char *name;
  void (*draw)(int64_t classes, double *z, int32_t *target);
} kind;

static void draw_any(int64_t classes, double *z, int32_t *target) {
  check_fill_f64(z, classes, -4, 4);
  *target = (int32_t)check_below(classes);
}

static void draw_neighbours(int64_t classes, double *z, int32_t *target) {
  for (int64_t v = 0; v < classes; v++) z[v] = v == 0;
  *target = 0;
}

static void draw_equal(int64_t classes, double *z, int32_t *target) {
  memset(z, 0, (size_t)classes * sizeof *z);
  *target = (int32_t)check_below(classes);
}

/* Every class as likely as the others but one. */
static void draw_nearly_equal(int64_t classes, double *z, int32_t *target) {
  for (int64_t v = 0; v < classes; v++) z[v] = -3;
  z[check_below(classes)] = 0;
  *target = (int32_t)check_below(classes);
}

static void draw_sure(int64_t classes, double *z, int32_t *target) {
  draw_any(classes, z, target);
  z[*target] = 30;
}

static void draw_wrong(int64_t classes, double *z, int32_t *target) {
  draw_any(classes, z, target);
  z[(*target + 1) % classes] = 30;
}

static void draw_forbidden(int64_t classes, double *z, int32_t *target) {
  draw_any(classes, z, target);
  z[(*target + 1) % classes] = -(double)INFINITY;
}

static void draw_masked(int64_t classes, double *z, int32_t *target) {
  draw_any(classes, z, target);
  *target = -1;
}

static const kind kinds[] = {{"any", draw_any},
                             {"1 above 0", draw_neighbours},
                             {"equal", draw_equal},
                             {"all but one equal", draw_nearly_equal},
                             {"sure", draw_sure},
                             {"sure and wrong", draw_wrong},
                             {"a class forbidden", draw_forbidden},
                             {"masked", draw_masked}};
enum { ROWS = COUNT(kinds) };

/* ---------------------------------------------------------------- what a row must give */

typedef struct answer {
  double loss, apart; /* apart: log-sum-exp above the smallest finite logit */
} answer;

/* Fills the gradient; sums leave out their largest term where it would swallow the others. */
static answer answer_of(int64_t classes, const double *z, int32_t target, double *gradient) {
  int64_t largest = 0;
  double least = INFINITY, above = 0, others = 0;
  for (int64_t v = 0; v < classes; v++) {
    if (z[v] > z[largest]) largest = v;
    if (isfinite(z[v]) && z[v] < least) least = z[v];
  }
  for (int64_t v = 0; v < classes; v++) {
    gradient[v] = exp(z[v] - z[largest]);
    above += v == largest ? 0 : gradient[v];
    others += v == target ? 0 : gradient[v];
  }
  for (int64_t v = 0; v < classes; v++) gradient[v] = target < 0 ? 0 : gradient[v] / (1 + above);
  const answer a = {target < 0 ? 0 : z[largest] - z[target] + log1p(above),
                    z[largest] - least + log1p(above)};
  if (target >= 0) gradient[target] = -others / (1 + above);
  return a;
}

/* How many units `out` is wrong by, beyond what the logits' distances explain. */
static double units(double out, double want, double apart) {
  if (fabs(want) < LEAST) return out == want || (want != 0 && fabs(out) <= LEAST) ? 0 : INFINITY;
  return fabs(out - want) / fabs(want) / UNIT - apart;
}

/* ---------------------------------------------------------------- a batch of one row of each kind */

typedef struct batch {
  int64_t classes;
  double *z, *loss, *gradient, *in_place; /* loss [ROWS+1]: the sum behind the rows' */
  int32_t target[ROWS];
} batch;

static batch batch_of(int64_t classes, double offset) {
  const size_t size = (size_t)(ROWS * classes) * sizeof(double);
  batch b = {.classes = classes, .z = malloc(size), .gradient = malloc(size), .in_place = malloc(size)};
  b.loss = malloc((ROWS + 1) * sizeof *b.loss);
  for (int r = 0; r < ROWS; r++) {
    double *z = b.z + r * classes;
    kinds[r].draw(classes, z, &b.target[r]);
    for (int64_t v = 0; v < classes; v++) z[v] = (double)(float)(z[v] + offset);
  }
  return b;
}

static void batch_free(batch *b) {
  free(b->z);
  free(b->loss);
  free(b->gradient);
  free(b->in_place);
}

static void compute(seqgpu_context *ctx, batch *b) {
  const size_t rows = ROWS * sizeof(float), all = rows * (size_t)b->classes;
  void *z = net_alloc(ctx, "logits", all), *dz = net_alloc(ctx, "dlogits", all);
  void *lse = net_alloc(ctx, "lse", rows), *row_loss = net_alloc(ctx, "row_loss", rows);
  void *loss = net_alloc(ctx, "loss", 2 * sizeof(float));
  int32_t *target = net_alloc(ctx, "targets", sizeof b->target);
  double sum[2];
  net_upload(ctx, z, b->z, ROWS * b->classes);
  net_require(ctx, seqgpu_copy_in(ctx, target, b->target, sizeof b->target), "seqgpu_copy_in");
  net_require(ctx, seqgpu_cross_entropy_forward(ctx, ROWS, b->classes, 0, 1, z, target, lse, row_loss, loss),
              "seqgpu_cross_entropy_forward");
  net_require(ctx, seqgpu_cross_entropy_backward(ctx, ROWS, b->classes, 0, 1, z, target, lse, loss, dz),
              "seqgpu_cross_entropy_backward");
  net_download(ctx, b->loss, row_loss, ROWS);
  net_require(ctx, seqgpu_cross_entropy_backward(ctx, ROWS, b->classes, 0, 1, z, target, lse, loss, z),
              "seqgpu_cross_entropy_backward, in place");
  net_download(ctx, b->gradient, dz, ROWS * b->classes);
  net_download(ctx, b->in_place, z, ROWS * b->classes);
  net_download(ctx, sum, loss, 2);
  b->loss[ROWS] = sum[0];
  net_free(ctx, "logits", z, all);
  net_free(ctx, "dlogits", dz, all);
  net_free(ctx, "lse", lse, rows);
  net_free(ctx, "row_loss", row_loss, rows);
  net_free(ctx, "loss", loss, 2 * sizeof(float));
  net_free(ctx, "targets", target, sizeof b->target);
}

static void check_batch(seqgpu_context *ctx, int64_t classes, double offset) {
  batch b = batch_of(classes, offset);
  double *want = malloc((size_t)classes * sizeof *want), sum = 0, apart = 0;
  compute(ctx, &b);
  for (int r = 0; r < ROWS; r++) {
    double worst = -INFINITY;
    const answer a = answer_of(classes, b.z + r * classes, b.target[r], want);
    for (int64_t v = 0; v < classes; v++)
      worst = check_worse(units(b.gradient[r * classes + v], want[v], a.apart), worst);
    check_error(units(b.loss[r], a.loss, a.apart), UNITS, "xent_forward, %lld classes at %g, %s: units",
                (long long)classes, offset, kinds[r].name);
    check_error(worst, UNITS, "xent_backward, %lld classes at %g, %s: units", (long long)classes, offset,
                kinds[r].name);
    sum += a.loss;
    apart = check_worse(a.apart, apart);
  }
  check_error(units(b.loss[ROWS], sum, apart), UNITS, "xent_forward, %lld classes at %g, the sum: units",
              (long long)classes, offset);
  CHECK(memcmp(b.gradient, b.in_place, (size_t)(ROWS * classes) * sizeof(double)) == 0,
        "xent_backward, %lld classes at %g, in the memory of the logits", (long long)classes, offset);
  free(want);
  batch_free(&b);
}

/* Of the targets {0, V, -1, V + 5} of V = 3 classes two are none.  A GPU masks their rows and counts them,
 * once; the CPU refuses them. */
static void check_strays(seqgpu_context *ctx, int on_cpu) {
  enum { V = 3, R = 4 };
  const int32_t target[R] = {0, V, -1, V + 5};
  const double equal[R * V] = {0};
  double loss[2] = {0};
  int64_t strays[2] = {-1, -1};
  void *z = net_alloc(ctx, "logits", R * V * sizeof(float)), *lse = net_alloc(ctx, "lse", R * sizeof(float));
  void *row_loss = net_alloc(ctx, "row_loss", R * sizeof(float)),
       *out = net_alloc(ctx, "loss", 2 * sizeof(float));
  int32_t *ids = net_alloc(ctx, "targets", sizeof target);
  net_upload(ctx, z, equal, R * V);
  net_require(ctx, seqgpu_copy_in(ctx, ids, target, sizeof target), "seqgpu_copy_in");
  const seqgpu_status status = seqgpu_cross_entropy_forward(ctx, R, V, 1, 1, z, ids, lse, row_loss, out);
  for (int i = 0; i < 2; i++)
    net_require(ctx, seqgpu_context_stray_targets(ctx, &strays[i]), "stray_targets");
  if (on_cpu) {
    CHECK(status == SEQGPU_EINVAL && strays[0] == 0, "xent_forward, targets beyond the classes are refused");
  } else {
    net_download(ctx, loss, out, 2);
    CHECK(status == SEQGPU_OK && strays[0] == 2 && strays[1] == 0,
          "xent_forward, targets beyond the classes are counted once: %lld, then %lld", (long long)strays[0],
          (long long)strays[1]);
    CHECK(loss[1] == 1 && fabs(loss[0] - log(V)) < 1e-6, "xent_forward, their rows are masked: %g of %g rows",
          loss[0], loss[1]);
  }
  CHECK(seqgpu_context_stray_targets(ctx, NULL) == SEQGPU_EINVAL, "xent_forward, no place for the count");
  net_free(ctx, "logits", z, R * V * sizeof(float));
  net_free(ctx, "lse", lse, R * sizeof(float));
  net_free(ctx, "row_loss", row_loss, R * sizeof(float));
  net_free(ctx, "loss", out, 2 * sizeof(float));
  net_free(ctx, "targets", ids, sizeof target);
}

static void check_device(const char *device) {
  static const int64_t classes[] = {3, 1000, 65537};
  static const double offsets[] = {0, 1e2, 1e4, 1e6, -1e2, -1e4, -1e6};
  const seqgpu_context_options options = {.device = device};
  seqgpu_context *ctx = NULL;
  check_at("%s f32", device);
  const int opens = seqgpu_context_create(&options, &ctx) == SEQGPU_OK;
  if (!opens) check_skip(seqgpu_last_error(ctx), "xent_forward, the digits of float32");
  for (size_t i = 0; i < COUNT(classes) && opens; i++)
    for (size_t k = 0; k < COUNT(offsets); k++)
      if (classes[i] <= 1000 || k % 3 == 0 || !check_is_slow(device))
        check_batch(ctx, classes[i], offsets[k]);
  if (opens) check_strays(ctx, strcmp(device, "cpu") == 0);
  seqgpu_context_destroy(ctx);
}

int main(void) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  check_start();
  for (size_t i = 0; i < COUNT(devices); i++)
    if (check_is_for(devices[i])) check_device(devices[i]);
  return check_finish();
}
