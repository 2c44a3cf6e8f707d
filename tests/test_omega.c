/* test_omega.c - Pascanu's regulariser in a network (seqgpu_rnn_desc.omega): what backward adds to the
 * gradients, against differences of the regulariser with error signals and states held constant, all of it
 * in plain loops.
 *
 * Each layer and direction has a regulariser of its own.  The gradients at the layers below the last come
 * from a network of the layers above alone, without regulariser, which other tests compare with plain
 * loops.
 */
#include "seqgpu/seqgpu.h"

#include "tests/check.h"

enum { T = 6, B = 3, I = 4, H = 5, MOST = 2 * (H * (2 * H) + H + H * H) * 2 };

/* One layer and direction, or a network of them, as the test has it. */
typedef struct setting {
  const char *name;
  seqgpu_activation activation;
  seqgpu_omega_form form;
  int64_t layers;
  int bidirectional, reverse, batch_first, ragged;
  int with_final; /* dfinal is given */
  seqgpu_merge merge;
} setting;

static const setting settings[] = {
    {.name = "tanh, norms"},
    {.name = "tanh, squares", .form = SEQGPU_OMEGA_SQUARES},
    {.name = "relu", .activation = SEQGPU_ACTIVATION_RELU, .form = SEQGPU_OMEGA_SQUARES},
    {.name = "sigmoid", .activation = SEQGPU_ACTIVATION_SIGMOID},
    {.name = "identity", .activation = SEQGPU_ACTIVATION_IDENTITY, .form = SEQGPU_OMEGA_SQUARES},
    {.name = "ragged", .ragged = 1, .with_final = 1, .form = SEQGPU_OMEGA_SQUARES},
    {.name = "reverse, ragged", .reverse = 1, .ragged = 1, .with_final = 1},
    {.name = "batch first", .batch_first = 1, .with_final = 1},
    {.name = "two directions", .bidirectional = 1, .ragged = 1},
    {.name = "two directions, summed",
     .bidirectional = 1,
     .merge = SEQGPU_MERGE_SUM,
     .form = SEQGPU_OMEGA_SQUARES},
    {.name = "two layers", .layers = 2, .with_final = 1, .form = SEQGPU_OMEGA_SQUARES},
    {.name = "two layers of two directions", .layers = 2, .bidirectional = 1, .ragged = 1},
};

static const int32_t some_lengths[B] = {4, 6, 1};

/* ---------------------------------------------------------------- in plain loops */

typedef struct plain {
  const setting *s;
  int reverse;
  int64_t inputs;                 /* of the layer */
  const double *wih, *bias, *whh; /* [H,inputs] [H] [H,H] */
  const double *x, *dy;           /* [T,B,inputs], [T,B,H] */
  const double *dfinal;           /* [B,H] or NULL */
  double h[T][B][H], d[T][B][H];  /* states, error signals; 0 at padded steps */
} plain;

static int64_t length_of(const setting *s, int64_t b) { return s->ragged ? some_lengths[b] : T; }

static double activate(seqgpu_activation g, double a) {
  if (g == SEQGPU_ACTIVATION_TANH) return tanh(a);
  if (g == SEQGPU_ACTIVATION_SIGMOID) return 1 / (1 + exp(-a));
  return g == SEQGPU_ACTIVATION_RELU && a < 0 ? 0 : a;
}

static double slope(seqgpu_activation g, double h) {
  if (g == SEQGPU_ACTIVATION_TANH) return 1 - h * h;
  if (g == SEQGPU_ACTIVATION_SIGMOID) return h * (1 - h);
  return g == SEQGPU_ACTIVATION_RELU ? h > 0 : 1;
}

/* Step number i of sequence b in the direction of the layer, -1 beyond its end. */
static int64_t step_of(const plain *p, int64_t b, int64_t i) {
  const int64_t length = length_of(p->s, b);
  return i >= length ? -1 : p->reverse ? length - 1 - i : i;
}

static void run_plain(plain *p) {
  memset(p->h, 0, sizeof p->h);
  memset(p->d, 0, sizeof p->d);
  for (int64_t b = 0; b < B; b++) {
    double before[H] = {0};
    for (int64_t i = 0; step_of(p, b, i) >= 0; i++) {
      const int64_t t = step_of(p, b, i);
      for (int j = 0; j < H; j++) {
        double a = p->bias[j];
        for (int64_t k = 0; k < p->inputs; k++)
          a += p->wih[j * p->inputs + k] * p->x[(t * B + b) * p->inputs + k];
        for (int k = 0; k < H; k++) a += p->whh[j * H + k] * before[k];
        p->h[t][b][j] = activate(p->s->activation, a);
      }
      memcpy(before, p->h[t][b], sizeof before);
    }
    double later[H] = {0};
    for (int j = 0; j < H; j++) later[j] = p->dfinal ? p->dfinal[b * H + j] : 0;
    for (int64_t i = length_of(p->s, b) - 1; i >= 0; i--) {
      const int64_t t = step_of(p, b, i);
      for (int j = 0; j < H; j++) p->d[t][b][j] = p->dy[(t * B + b) * H + j] + later[j];
      for (int k = 0; k < H; k++) {
        later[k] = 0;
        for (int j = 0; j < H; j++)
          later[k] += p->d[t][b][j] * slope(p->s->activation, p->h[t][b][j]) * p->whh[j * H + k];
      }
    }
  }
}

/* The regulariser as a function of the recurrent weights alone. */
static double omega_of(const plain *p, const double whh[H * H], double *active) {
  double sum = 0, count = 0;
  for (int64_t t = 0; t < T; t++)
    for (int64_t b = 0; b < B; b++) {
      double d2 = 0, u2 = 0;
      if (t >= length_of(p->s, b)) continue;
      for (int k = 0; k < H; k++) {
        double u = 0;
        for (int j = 0; j < H; j++)
          u += p->d[t][b][j] * slope(p->s->activation, p->h[t][b][j]) * whh[j * H + k];
        d2 += p->d[t][b][k] * p->d[t][b][k];
        u2 += u * u;
      }
      if (!(d2 >= 1e-20)) continue;
      const double ratio = p->s->form == SEQGPU_OMEGA_NORMS ? sqrt(u2 / d2) : u2 / d2;
      sum += (ratio - 1) * (ratio - 1);
      count++;
    }
  if (active) *active = count;
  return p->s->form == SEQGPU_OMEGA_NORMS ? sum / B : sum / (count > 1 ? count : 1);
}

static void slope_of_omega(const plain *p, double out[H * H]) {
  static const double weight[] = {1, -8, 0, 8, -1};
  const double step = 1e-3;
  double whh[H * H];
  memcpy(whh, p->whh, sizeof whh);
  for (int i = 0; i < H * H; i++) {
    out[i] = 0;
    for (int k = 0; k < 5; k++) {
      whh[i] = p->whh[i] + (k - 2) * step;
      out[i] += weight[k] * omega_of(p, whh, NULL) / (12 * step);
    }
    whh[i] = p->whh[i];
  }
}

/* ---------------------------------------------------------------- in the library */

/* Numbers in host memory as doubles, on a device of either type. */
static void put(seqgpu_context *ctx, const void *device, const double *in, int64_t n) {
  float single[4096];
  const int narrow = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F32;
  for (int64_t i = 0; narrow && i < n; i++) single[i] = (float)in[i];
  seqgpu_copy_in(ctx, (void *)(uintptr_t)device, narrow ? (const void *)single : (const void *)in,
                 (size_t)n * seqgpu_dtype_size(seqgpu_context_dtype(ctx)));
}

static void get(seqgpu_context *ctx, const void *device, double *out, int64_t n) {
  float single[4096];
  const int narrow = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F32;
  seqgpu_copy_out(ctx, narrow ? (void *)single : (void *)out, device,
                  (size_t)n * seqgpu_dtype_size(seqgpu_context_dtype(ctx)));
  for (int64_t i = 0; narrow && i < n; i++) out[i] = (double)single[i];
}

/* What goes into a network and what comes out of its backward; [T,B,*] in time-major order. */
typedef struct network {
  int64_t layers, inputs, width, params; /* width: Y */
  double param[MOST], x[T * B * 2 * H], dy[T * B * 2 * H], dfinal[4 * B * H];
  double dparam[MOST], dx[T * B * 2 * H], y[T * B * 2 * H], omega[8];
} network;

/* [T,B,W] and [B,T,W]. */
static void exchange(int swap, int to_batch_first, int64_t width, const double *from, double *to) {
  for (int64_t t = 0; t < T; t++)
    for (int64_t b = 0; b < B; b++) {
      const int64_t major = (t * B + b) * width, other = swap ? (b * T + t) * width : major;
      memcpy(to + (to_batch_first ? other : major), from + (to_batch_first ? major : other),
             (size_t)width * sizeof *to);
    }
}

static seqgpu_status run_network(seqgpu_context *ctx, const setting *s, double alpha, const char *algorithm,
                                 network *n) {
  const seqgpu_rnn_desc desc = {.cell = "rnn",
                                .input_size = n->inputs,
                                .hidden_size = H,
                                .num_layers = n->layers,
                                .seq_len = T,
                                .batch = B,
                                .bidirectional = s->bidirectional,
                                .reverse = s->reverse,
                                .merge = s->merge,
                                .activation = s->activation,
                                .batch_first = s->batch_first,
                                .omega = alpha,
                                .omega_form = s->form};
  const seqgpu_plan_options options = {.algorithm = algorithm};
  double shuffled[T * B * 2 * H];
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  void *lengths = NULL, *omega = NULL, *dfinal = NULL;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, &options, &plan);
  if (status != SEQGPU_OK) return status;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  n->params = sizes.param_elements;
  n->width = sizes.output_width;
  status = seqgpu_run_allocate(ctx, plan, &run);
  if (status == SEQGPU_OK) status = seqgpu_malloc(ctx, sizeof some_lengths, &lengths);
  if (status == SEQGPU_OK) status = seqgpu_malloc(ctx, sizes.state[0], &dfinal);
  if (status == SEQGPU_OK && sizes.omega > 0) status = seqgpu_malloc(ctx, sizes.omega, &omega);
  if (status == SEQGPU_OK) {
    put(ctx, run.params, n->param, n->params);
    exchange(s->batch_first, 1, n->inputs, n->x, shuffled);
    put(ctx, run.x, shuffled, T * B * n->inputs);
    exchange(s->batch_first, 1, n->width, n->dy, shuffled);
    put(ctx, run.dy, shuffled, T * B * n->width);
    put(ctx, dfinal, n->dfinal, (int64_t)(sizes.state[0] / seqgpu_dtype_size(seqgpu_context_dtype(ctx))));
    seqgpu_copy_in(ctx, lengths, some_lengths, sizeof some_lengths);
    if (s->ragged) run.lengths = lengths;
    if (s->with_final) run.dfinal[0] = run.dinitial[0] = dfinal; /* one memory for both */
    run.initial[0] = NULL;
    run.omega = omega;
    status = seqgpu_rnn_forward(ctx, plan, &run);
  }
  if (status == SEQGPU_OK) status = seqgpu_rnn_backward(ctx, plan, &run);
  if (status == SEQGPU_OK) {
    get(ctx, run.dparams, n->dparam, n->params);
    get(ctx, run.dx, shuffled, T * B * n->inputs);
    exchange(s->batch_first, 0, n->inputs, shuffled, n->dx);
    get(ctx, run.y, shuffled, T * B * n->width);
    exchange(s->batch_first, 0, n->width, shuffled, n->y);
    if (omega)
      get(ctx, omega, n->omega, (int64_t)(sizes.omega / seqgpu_dtype_size(seqgpu_context_dtype(ctx))));
  }
  seqgpu_free(ctx, lengths);
  seqgpu_free(ctx, omega);
  seqgpu_free(ctx, dfinal);
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  return status;
}

/* ---------------------------------------------------------------- both */

/* Elements of a layer and direction that reads so many. */
static int64_t part(int64_t inputs) { return H * inputs + H + H * H; }

/* The gradient that the regularisers of one layer add, and their values, from what goes in and out of it.
 * */
static void expect_layer(const setting *s, const network *n, int64_t layer, const double *param, double *want,
                         double *value) {
  const int directions = 1 + s->bidirectional;
  for (int k = 0; k < directions; k++) {
    static plain p;
    double dy[T * B * H];
    const int concat = s->bidirectional && s->merge == SEQGPU_MERGE_CONCAT;
    for (int64_t r = 0; r < T * B; r++)
      memcpy(dy + r * H, n->dy + r * n->width + (concat ? k * H : 0), H * sizeof *dy);
    p = (plain){.s = s, .reverse = s->reverse || k == 1, .inputs = n->inputs, .x = n->x, .dy = dy};
    p.wih = param + k * part(n->inputs);
    p.bias = p.wih + H * n->inputs;
    p.whh = p.bias + H;
    p.dfinal = s->with_final ? n->dfinal + (layer * directions + k) * B * H : NULL;
    run_plain(&p);
    slope_of_omega(&p, want + k * part(n->inputs) + H * n->inputs + H);
    value[2 * k] = omega_of(&p, p.whh, &value[2 * k + 1]);
  }
}

/* What differs between the gradients with and without regulariser, and the values. */
static void expect(seqgpu_context *oracle, const setting *s, const network *whole, double *want,
                   double *value) {
  const int64_t directions = 1 + s->bidirectional, below = directions * part(I);
  static network first, second;
  memset(want, 0, MOST * sizeof *want);
  if (whole->layers == 1) {
    expect_layer(s, whole, 0, whole->param, want, value);
    return;
  }
  first = second = *whole; /* layer 0 alone, and layer 1 alone */
  first.layers = second.layers = 1;
  run_network(oracle, s, 0, "step", &first);
  second.inputs = first.width;
  memcpy(second.x, first.y, sizeof second.x);
  memcpy(second.param, whole->param + below, sizeof second.param - (size_t)below * sizeof *second.param);
  memcpy(second.dfinal, whole->dfinal + directions * B * H,
         (size_t)(directions * B * H) * sizeof *second.dfinal);
  run_network(oracle, s, 0, "step", &second);
  memcpy(first.dy, second.dx, sizeof first.dy);
  second.layers = 1;
  expect_layer(s, &first, 0, whole->param, want, value);
  memcpy(second.dfinal, whole->dfinal, sizeof second.dfinal);
  expect_layer(s, &second, 1, whole->param + below, want + below, value + 2 * directions);
}

/* Weights that keep error signals alive, and for relu most units, too. */
static void draw(const setting *s, network *n) {
  memset(n, 0, sizeof *n);
  n->layers = s->layers ? s->layers : 1;
  n->inputs = I;
  check_fill_f64(n->param, MOST, -0.7, 0.7);
  check_fill_f64(n->x, T * B * I, s->activation == SEQGPU_ACTIVATION_RELU ? 0.2 : -1, 1);
  check_fill_f64(n->dy, T * B * 2 * H, -1, 1);
  check_fill_f64(n->dfinal, 4 * B * H, -1, 1);
  double *const list[] = {n->param, n->x, n->dy, n->dfinal};
  const int64_t counts[] = {MOST, T * B * I, T * B * 2 * H, 4 * B * H};
  for (int k = 0; k < 4; k++)
    for (int64_t i = 0; i < counts[k]; i++) list[k][i] = (double)(float)list[k][i];
}

static double largest(const double *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  return most;
}

/* As `device` does it by one algorithm, against plain loops. */
static void test_setting(seqgpu_context *ctx, seqgpu_context *oracle, const setting *s,
                         const char *algorithm) {
  static network with, without;
  static double want[MOST], got[MOST];
  double value[8], worst = 0;
  const double alpha = 0.8;
  const int wide = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  do { /* a draw of relus may be dead, and differences of nothing are noise */
    draw(s, &with);
    without = with;
    if (run_network(ctx, s, alpha, algorithm, &with) != SEQGPU_OK ||
        run_network(ctx, s, 0, algorithm, &without) != SEQGPU_OK) {
      check_record(0, seqgpu_last_error(ctx), "rnn omega, %s, by %s", s->name, algorithm);
      return;
    }
    expect(oracle, s, &with, want, value);
  } while (largest(want, with.params) < 1e-6);
  for (int64_t i = 0; i < with.params; i++) {
    want[i] *= alpha;
    got[i] = with.dparam[i] - without.dparam[i];
  }
  check_error(check_norm_f64(got, want, with.params), wide ? 1e-7 : 5e-4,
              "rnn omega, %s: its gradient, by %s", s->name, algorithm);
  const int64_t parts = with.layers * (1 + s->bidirectional);
  for (int64_t i = 0; i < 2 * parts; i++)
    worst = fmax(worst, fabs(with.omega[i] - value[i]) / fmax(1, value[i]));
  check_error(worst, wide ? 1e-12 : 1e-4, "rnn omega, %s: its value, by %s", s->name, algorithm);
  CHECK(memcmp(with.dx, without.dx, sizeof with.dx) == 0, "rnn omega, %s: nothing else changes, by %s",
        s->name, algorithm);
}

/* Every algorithm that keeps the states where the regulariser finds them. */
static void test_device(const char *device, seqgpu_dtype dtype) {
  const seqgpu_context_options options = {.device = device, .dtype = dtype, .threads = 1},
                               exact = {.device = "cpu", .dtype = SEQGPU_DTYPE_F64, .threads = 1};
  seqgpu_context *ctx, *oracle;
  if (!check_is_for(device)) return;
  check_at("%s %s", device, dtype == SEQGPU_DTYPE_F64 ? "f64" : "f32");
  seqgpu_context_create(&exact, &oracle);
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    check_skip("this build has no such device", "rnn omega");
    seqgpu_context_destroy(ctx);
    seqgpu_context_destroy(oracle);
    return;
  }
  for (size_t i = 0; i < COUNT(settings); i++) {
    const setting *s = &settings[i];
    const seqgpu_rnn_desc desc = {.cell = "rnn",
                                  .input_size = I,
                                  .hidden_size = H,
                                  .num_layers = s->layers,
                                  .seq_len = T,
                                  .batch = B,
                                  .bidirectional = s->bidirectional,
                                  .reverse = s->reverse,
                                  .activation = s->activation,
                                  .omega = 1};
    int ran = 0;
    for (int k = 0; k < seqgpu_algorithm_count(ctx); k++) {
      seqgpu_algorithm_info info;
      if (seqgpu_algorithm_get(ctx, &desc, k, &info) != SEQGPU_OK || info.why_not[0] || info.by_name)
        continue;
      if (ran++ < (check_is_slow(device) && i > 1 ? 1 : 100)) test_setting(ctx, oracle, s, info.name);
    }
    CHECK(ran > 0, "rnn omega, %s: an algorithm", s->name);
  }
  seqgpu_context_destroy(ctx);
  seqgpu_context_destroy(oracle);
}

/* ---------------------------------------------------------------- misuse */

static seqgpu_status plan_of(seqgpu_context *ctx, const char *cell, double omega, int form, int inference) {
  const seqgpu_rnn_desc desc = {.cell = cell,
                                .input_size = I,
                                .hidden_size = H,
                                .seq_len = T,
                                .batch = B,
                                .inference = inference,
                                .omega = omega,
                                .omega_form = (seqgpu_omega_form)form};
  seqgpu_plan *plan;
  const seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK)
    CHECK((seqgpu_plan_get_sizes(plan).omega > 0) == (omega > 0 && !inference), "cell %s, omega %g: its size",
          cell, omega);
  seqgpu_plan_destroy(plan);
  return status;
}

/* What stands between weight_hh and h. */
static void test_options(seqgpu_context *ctx) {
  static const struct {
    const char *name;
    seqgpu_rnn_desc desc;
  } options[] = {{"zoneout_hidden", {.zoneout_hidden = 0.1}},
                 {"recurrent_dropout", {.recurrent_dropout = 0.1}},
                 {"layer_norm", {.layer_norm = 1}},
                 {"batch_norm_input", {.batch_norm_input = 1}},
                 {"batch_norm_steps", {.batch_norm_steps = 2}}};
  for (size_t i = 0; i < COUNT(options); i++) {
    seqgpu_plan *plan;
    seqgpu_rnn_desc desc = options[i].desc;
    desc.cell = "rnn";
    desc.input_size = I;
    desc.hidden_size = H;
    desc.seq_len = T;
    desc.batch = B;
    CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK, "%s without omega", options[i].name);
    seqgpu_plan_destroy(plan);
    desc.omega = 2;
    CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_EINVAL &&
              strstr(seqgpu_last_error(ctx), "omega is 2") && strstr(seqgpu_last_error(ctx), options[i].name),
          "refused: omega with %s", options[i].name);
    seqgpu_plan_destroy(plan);
  }
}

static void test_misuse(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx;
  seqgpu_context_create(&options, &ctx);
  check_at("%s", "");
  for (int i = 0; i < seqgpu_cell_count(); i++) {
    seqgpu_cell_info cell;
    seqgpu_cell_get(i, &cell);
    if (strcmp(cell.name, "rnn") == 0) continue;
    CHECK(plan_of(ctx, cell.name, 2, 0, 0) == SEQGPU_EINVAL &&
              strstr(seqgpu_last_error(ctx), "only cell rnn"),
          "refused: omega of cell %s", cell.name);
  }
  CHECK(plan_of(ctx, "rnn", 2, 1, 0) == SEQGPU_OK && plan_of(ctx, "rnn", 0, 0, 0) == SEQGPU_OK,
        "omega of cell rnn");
  CHECK(plan_of(ctx, "rnn", 2, 0, 1) == SEQGPU_OK, "in inference there is none");
  CHECK(plan_of(ctx, "rnn", -1, 0, 0) == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "omega is -1"),
        "refused: omega -1");
  CHECK(plan_of(ctx, "rnn", (double)NAN, 0, 0) == SEQGPU_EINVAL &&
            plan_of(ctx, "rnn", (double)INFINITY, 0, 0) == SEQGPU_EINVAL,
        "refused: omega that is no number");
  CHECK(plan_of(ctx, "rnn", 1, 2, 0) == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "omega_form is 2"),
        "refused: an unknown form");
  test_options(ctx);
  seqgpu_context_destroy(ctx);
}

int main(void) {
  check_start();
  test_device("cpu", SEQGPU_DTYPE_F64);
  test_device("cpu", SEQGPU_DTYPE_F32);
  test_device("emulator", SEQGPU_DTYPE_F32);
  test_device("cuda", SEQGPU_DTYPE_F32);
  test_misuse();
  return check_finish();
}
