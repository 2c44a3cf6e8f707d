/* test_omega.c - Pascanu's regulariser in a network (seqgpu_rnn_desc.omega): what backward adds to the
 * gradients, against differences of the regulariser with error signals, states and gates held constant, all
 * of it in plain loops (omega_plain.h).
 *
 * Each layer and direction has a regulariser of its own.  The gradients at the layers below the last come
 * from a network of the layers above alone, without regulariser, which other tests compare with plain
 * loops.
 */
#include "tests/omega_plain.h"

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
    {.name = "its leak",
     .cell = {.cell = "leaky", .leak = 0.3},
     .activation = SEQGPU_ACTIVATION_SIGMOID,
     .ragged = 1,
     .with_final = 1},
    {.name = "norms", .cell = {.cell = "lstm"}},
    {.name = "squares", .cell = {.cell = "lstm"}, .form = SEQGPU_OMEGA_SQUARES, .ragged = 1, .with_final = 1},
    {.name = "reverse, ragged", .cell = {.cell = "lstm"}, .reverse = 1, .ragged = 1, .with_final = 1},
    {.name = "two layers", .cell = {.cell = "lstm"}, .layers = 2, .with_final = 1, .batch_first = 1},
    {.name = "two directions, summed",
     .cell = {.cell = "lstm"},
     .bidirectional = 1,
     .merge = SEQGPU_MERGE_SUM,
     .form = SEQGPU_OMEGA_SQUARES,
     .ragged = 1},
    {.name = "two layers of two directions", .cell = {.cell = "lstm"}, .layers = 2, .bidirectional = 1},
    {.name = "peephole", .cell = {.cell = "lstm", .peephole = 1}, .ragged = 1, .with_final = 1},
    {.name = "peephole, two directions", .cell = {.cell = "lstm", .peephole = 1}, .bidirectional = 1},
    {.name = "coupled", .cell = {.cell = "lstm", .coupled = 1, .peephole = 1}, .with_final = 1},
    {.name = "no input gate", .cell = {.cell = "lstm", .no_input_gate = 1, .peephole = 1}},
    {.name = "no forget gate", .cell = {.cell = "lstm", .no_forget_gate = 1}, .ragged = 1},
    {.name = "no output gate", .cell = {.cell = "lstm", .no_output_gate = 1, .no_output_activation = 1}},
    {.name = "no input activation", .cell = {.cell = "lstm", .no_input_activation = 1}, .reverse = 1},
    {.name = "gates that see one another",
     .cell = {.cell = "lstm", .full_gate_recurrence = 1, .peephole = 1},
     .ragged = 1,
     .with_final = 1},
    {.name = "projection", .cell = {.cell = "lstm", .projection_size = 3}, .with_final = 1, .ragged = 1},
    {.name = "projection and peephole, reverse",
     .cell = {.cell = "lstm", .projection_size = 2, .peephole = 1},
     .reverse = 1,
     .form = SEQGPU_OMEGA_SQUARES},
    {.name = "norms", .cell = {.cell = "lstm0"}, .with_final = 1},
    {.name = "peephole, two layers", .cell = {.cell = "lstm0", .peephole = 1}, .layers = 2, .ragged = 1},
    {.name = "norms", .cell = {.cell = "gru"}, .with_final = 1},
    {.name = "squares, ragged", .cell = {.cell = "gru"}, .form = SEQGPU_OMEGA_SQUARES, .ragged = 1},
    {.name = "reverse, ragged", .cell = {.cell = "gru"}, .reverse = 1, .ragged = 1, .with_final = 1},
    {.name = "two layers of two directions", .cell = {.cell = "gru"}, .layers = 2, .bidirectional = 1},
    {.name = "reset after", .cell = {.cell = "gru", .reset_after = 1}, .with_final = 1},
    {.name = "reset after, ragged",
     .cell = {.cell = "gru", .reset_after = 1},
     .form = SEQGPU_OMEGA_SQUARES,
     .ragged = 1,
     .reverse = 1},
    {.name = "reset after, two layers of two directions",
     .cell = {.cell = "gru", .reset_after = 1},
     .layers = 2,
     .bidirectional = 1},
};

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
  double param[MOST], x[T * B * 2 * H], dy[T * B * 2 * H], dfinal[STATES][4 * B * Q];
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

static seqgpu_rnn_desc desc_of(const setting *s, int64_t layers, int64_t inputs, double alpha) {
  seqgpu_rnn_desc d = s->cell;
  d.cell = cell_of(s);
  d.input_size = inputs;
  d.hidden_size = H;
  d.num_layers = layers;
  d.seq_len = T;
  d.batch = B;
  d.bidirectional = s->bidirectional;
  d.reverse = s->reverse;
  d.merge = s->merge;
  d.activation = s->activation;
  d.batch_first = s->batch_first;
  d.omega = alpha;
  d.omega_form = s->form;
  return d;
}

static seqgpu_status run_network(seqgpu_context *ctx, const setting *s, double alpha, const char *algorithm,
                                 network *n) {
  const seqgpu_rnn_desc desc = desc_of(s, n->layers, n->inputs, alpha);
  const seqgpu_plan_options options = {.algorithm = algorithm};
  double shuffled[T * B * 2 * H];
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  void *lengths = NULL, *omega = NULL, *dfinal[STATES] = {NULL};
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, &options, &plan);
  if (status != SEQGPU_OK) return status;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  n->params = sizes.param_elements;
  n->width = sizes.output_width;
  status = seqgpu_run_allocate(ctx, plan, &run);
  if (status == SEQGPU_OK) status = seqgpu_malloc(ctx, sizeof some_lengths, &lengths);
  for (int k = 0; k < STATES && status == SEQGPU_OK; k++)
    if (sizes.state[k] > 0) status = seqgpu_malloc(ctx, sizes.state[k], &dfinal[k]);
  if (status == SEQGPU_OK && sizes.omega > 0) status = seqgpu_malloc(ctx, sizes.omega, &omega);
  if (status == SEQGPU_OK) {
    put(ctx, run.params, n->param, n->params);
    exchange(s->batch_first, 1, n->inputs, n->x, shuffled);
    put(ctx, run.x, shuffled, T * B * n->inputs);
    exchange(s->batch_first, 1, n->width, n->dy, shuffled);
    put(ctx, run.dy, shuffled, T * B * n->width);
    for (int k = 0; k < STATES; k++) {
      if (dfinal[k] == NULL) continue;
      put(ctx, dfinal[k], n->dfinal[k],
          (int64_t)(sizes.state[k] / seqgpu_dtype_size(seqgpu_context_dtype(ctx))));
      run.initial[k] = NULL;
      if (s->with_final) run.dfinal[k] = run.dinitial[k] = dfinal[k]; /* one memory for both */
    }
    seqgpu_copy_in(ctx, lengths, some_lengths, sizeof some_lengths);
    if (s->ragged) run.lengths = lengths;
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
  for (int k = 0; k < STATES; k++) seqgpu_free(ctx, dfinal[k]);
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  return status;
}

/* ---------------------------------------------------------------- both */

static const double no_params[MOST]; /* their places alone are looked at */

/* Elements of a layer and direction that reads so many. */
static int64_t part(const setting *s, int64_t inputs) { return weights_of(s, inputs, no_params).count; }

/* The gradient that the regularisers of one layer add, and their values, from what goes in and out of it.
 * */
static void expect_layer(const setting *s, const network *n, int64_t layer, const double *param, double *want,
                         double *value) {
  const int directions = 1 + s->bidirectional;
  for (int k = 0; k < directions; k++) {
    static plain p;
    double dy[T * B * H];
    const int concat = s->bidirectional && s->merge == SEQGPU_MERGE_CONCAT;
    const int64_t out = width_of(s, 0), mine = k * part(s, n->inputs);
    for (int64_t r = 0; r < T * B; r++)
      memcpy(dy + r * out, n->dy + r * n->width + (concat ? k * out : 0), (size_t)out * sizeof *dy);
    p = (plain){.s = s, .reverse = s->reverse || k == 1, .inputs = n->inputs, .x = n->x, .dy = dy};
    p.param = param + mine;
    for (int i = 0; i < STATES && s->with_final; i++)
      p.dfinal[i] = n->dfinal[i] + (layer * directions + k) * B * width_of(s, i);
    run_plain(&p);
    slope_of_omega(&p, want + mine);
    value[2 * k] = omega_of(&p, p.param, &value[2 * k + 1]);
  }
}

/* What differs between the gradients with and without regulariser, and the values. */
static void expect(seqgpu_context *oracle, const setting *s, const network *whole, double *want,
                   double *value) {
  const int64_t directions = 1 + s->bidirectional, below = directions * part(s, I);
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
  for (int k = 0; k < STATES; k++) {
    const int64_t states = directions * B * width_of(s, k);
    memcpy(second.dfinal[k], whole->dfinal[k] + states, (size_t)states * sizeof *second.dfinal[k]);
  }
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
  check_fill_f64(n->dfinal[0], STATES * 4 * B * Q, -1, 1);
  double *const list[] = {n->param, n->x, n->dy, n->dfinal[0]};
  const int64_t counts[] = {MOST, T * B * I, T * B * 2 * H, STATES * 4 * B * Q};
  for (int k = 0; k < 4; k++)
    for (int64_t i = 0; i < counts[k]; i++) list[k][i] = (double)(float)list[k][i];
}

static double largest(const double *x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = check_worse(most, fabs(x[i]));
  return most;
}

/* As `device` does it by one algorithm, against plain loops. */
static void test_setting(seqgpu_context *ctx, seqgpu_context *oracle, const setting *s,
                         const char *algorithm) {
  static network with, without;
  static double want[MOST], got[MOST];
  double value[8] = {0}, worst = 0;
  const double alpha = 0.8;
  const int wide = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  do { /* a draw of relus may be dead, and differences of nothing are noise */
    draw(s, &with);
    without = with;
    if (run_network(ctx, s, alpha, algorithm, &with) != SEQGPU_OK ||
        run_network(ctx, s, 0, algorithm, &without) != SEQGPU_OK) {
      check_record(0, seqgpu_last_error(ctx), "%s omega, %s, by %s", cell_of(s), s->name, algorithm);
      return;
    }
    expect(oracle, s, &with, want, value);
  } while (largest(want, with.params) < 1e-6);
  for (int64_t i = 0; i < with.params; i++) {
    want[i] *= alpha;
    got[i] = with.dparam[i] - without.dparam[i];
  }
  check_error(check_norm_f64(got, want, with.params), wide ? 1e-7 : 5e-4, "%s omega, %s: its gradient, by %s",
              cell_of(s), s->name, algorithm);
  const int64_t parts = with.layers * (1 + s->bidirectional);
  for (int64_t i = 0; i < 2 * parts; i++)
    worst = check_worse(worst, fabs(with.omega[i] - value[i]) / fmax(1, value[i]));
  check_error(worst, wide ? 1e-12 : 1e-4, "%s omega, %s: its value, by %s", cell_of(s), s->name, algorithm);
  CHECK(memcmp(with.dx, without.dx, sizeof with.dx) == 0, "%s omega, %s: nothing else changes, by %s",
        cell_of(s), s->name, algorithm);
}

/* A leaky network that leaks nothing is a vanilla one, whose regulariser is computed in another way. */
static void test_vanilla(seqgpu_context *ctx, const setting *s) {
  static network own, general;
  setting leaky = *s;
  leaky.cell.cell = "leaky";
  draw(s, &own);
  general = own;
  CHECK(run_network(ctx, s, 2, "step", &own) == SEQGPU_OK &&
            run_network(ctx, &leaky, 2, "step", &general) == SEQGPU_OK,
        "rnn omega, %s: in both ways", s->name);
  const int wide = seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64;
  check_error(check_norm_f64(general.dparam, own.dparam, own.params), wide ? 1e-13 : 1e-5,
              "rnn omega, %s: its gradient in both ways", s->name);
  check_error(check_norm_f64(general.omega, own.omega, own.layers * (1 + s->bidirectional) * 2),
              wide ? 1e-13 : 1e-5, "rnn omega, %s: its value in both ways", s->name);
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
    if (is(s, "rnn") && strcmp(device, "cpu") == 0) test_vanilla(ctx, s);
    const seqgpu_rnn_desc desc = desc_of(s, s->layers, I, 1);
    int ran = 0;
    for (int k = 0; k < seqgpu_algorithm_count(ctx); k++) {
      seqgpu_algorithm_info info;
      if (seqgpu_algorithm_get(ctx, &desc, k, &info) != SEQGPU_OK || info.why_not[0] || info.by_name)
        continue;
      ran++;
      test_setting(ctx, oracle, s, info.name);
    }
    CHECK(ran > 0, "%s omega, %s: an algorithm", cell_of(s), s->name);
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

/* What stands between the recurrent weights and the states. */
static void test_options(seqgpu_context *ctx) {
  static const struct {
    const char *name;
    seqgpu_rnn_desc desc;
  } options[] = {{"zoneout_hidden", {.zoneout_hidden = 0.1}},
                 {"recurrent_dropout", {.recurrent_dropout = 0.1}},
                 {"layer_norm", {.layer_norm = 1}},
                 {"batch_norm_input", {.batch_norm_input = 1}},
                 {"batch_norm_steps", {.batch_norm_steps = 2}},
                 {"zoneout_hidden", {.cell = "gru", .zoneout_hidden = 0.1}},
                 {"zoneout_cell", {.cell = "lstm", .zoneout_cell = 0.1}},
                 {"recurrent_dropout", {.cell = "lstm0", .recurrent_dropout = 0.1}},
                 {"update_dropout", {.cell = "lstm", .update_dropout = 0.1}},
                 {"layer_norm", {.cell = "gru", .layer_norm = 1}}};
  for (size_t i = 0; i < COUNT(options); i++) {
    seqgpu_plan *plan;
    seqgpu_rnn_desc desc = options[i].desc;
    if (desc.cell == NULL) desc.cell = "rnn";
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
    int has = 0;
    for (size_t k = 0; k < COUNT(settings); k++) has |= strcmp(cell.name, cell_of(&settings[k])) == 0;
    if (has)
      CHECK(plan_of(ctx, cell.name, 2, 0, 0) == SEQGPU_OK, "omega of cell %s", cell.name);
    else
      CHECK(plan_of(ctx, cell.name, 2, 0, 0) == SEQGPU_EINVAL &&
                strstr(seqgpu_last_error(ctx), "only rnn, leaky, lstm, lstm0 and gru"),
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
