/* test_flow.c - what `seqgpu inspect --gradient-flow` measures, of every cell with its options (cells.h).
 *
 * In float64: J_t v and J_t^T u against central differences of a step that the library runs by itself; norms
 * of gradients and largest singular values against products of explicit Jacobians, whose singular values the
 * rotations of Jacobi find; gradients against one backward over the whole sequence.  Then what is known: the
 * path of an LSTM is the product of its forget gates, and of version 0 exactly 1; the gradient of a linear
 * RNN grows by its spectral radius, in float32 as well and far beyond its numbers; a uRNN keeps its norm.
 */
#include "host/cli/flow_look.h"
#include "tests/cells.h"

enum { T = 6, H = 4, I = 3, L = 2, S_MOST = 64 };
#define STEP 1e-5

/* ---------------------------------------------------------------- a drawn network */

typedef struct subject {
  seqgpu_context *ctx;
  seqgpu_rnn_desc desc;
  seqgpu_params *params;
  seqgpu_param block;
  double *x;
  flow f;
} subject;

static void require(seqgpu_context *ctx, seqgpu_status status, const char *what) {
  if (status != SEQGPU_OK)
    check_record(0, seqgpu_last_error(ctx), "%s gives %s", what, seqgpu_status_name(status));
}

static seqgpu_context *open_context(seqgpu_dtype dtype) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = dtype};
  seqgpu_context *ctx;
  require(NULL, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  return ctx;
}

/* Weights by the scheme, the same in both types; the inputs have this scale. */
static int subject_open(subject *s, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, int64_t steps,
                        const char *scheme, double scale, double input_scale) {
  seqgpu_plan *plan;
  *s = (subject){.ctx = ctx, .desc = *desc};
  s->desc.seq_len = s->desc.batch = 1;
  require(ctx, seqgpu_plan_create(ctx, &s->desc, NULL, &plan), "seqgpu_plan_create");
  require(ctx, seqgpu_params_create(ctx, 7, &s->params), "seqgpu_params_create");
  require(ctx, seqgpu_params_add_rnn(s->params, "rnn", plan, &s->block), "seqgpu_params_add_rnn");
  if (scheme) require(ctx, seqgpu_params_init_rnn(s->params, "rnn", plan, scheme, scale), scheme);
  seqgpu_plan_destroy(plan);
  s->x = malloc((size_t)(steps * desc->input_size) * sizeof *s->x);
  for (int64_t i = 0; i < steps * desc->input_size; i++)
    s->x[i] = input_scale * (2 * seqgpu_uniform(3, 1, (uint64_t)i) - 1);
  const seqgpu_status status = flow_open(ctx, &s->desc, s->block.value, steps, s->x, &s->f);
  require(ctx, status, "flow_open");
  return status == SEQGPU_OK;
}

static void subject_close(subject *s) {
  if (s->f.ctx) flow_close(&s->f);
  seqgpu_params_destroy(s->params);
  free(s->x);
}

/* Sets all elements of a parameter of float32. */
static void set_param(subject *s, const char *name, float value) {
  seqgpu_param p;
  require(s->ctx, seqgpu_params_find(s->params, name, &p), name);
  for (int64_t i = 0; i < p.rows * p.cols; i++) ((float *)p.value)[i] = value;
}

/* ---------------------------------------------------------------- the library's own runs */

/* States [S] after the steps first .. last (from 1), from `state` before them; float64.  With gradient [S] at
 * the end also the one at the beginning, which replaces it. */
static void run_steps(const subject *s, int64_t first, int64_t last, double *state, double *gradient) {
  const flow *f = &s->f;
  seqgpu_rnn_desc desc = s->desc;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  desc.seq_len = last - first + 1;
  require(s->ctx, seqgpu_plan_create(s->ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  require(s->ctx, seqgpu_run_allocate(s->ctx, plan, &run), "seqgpu_run_allocate");
  run.params = s->block.value;
  run.x = s->x + (first - 1) * desc.input_size;
  double *value[FLOW_STATES] = {NULL}, *slope[FLOW_STATES] = {NULL};
  for (int k = 0; k < f->K; k++) {
    const size_t size = (size_t)(f->L * f->state_width[k]) * sizeof(double);
    value[k] = malloc(size);
    slope[k] = malloc(size);
    for (int64_t i = 0; i < f->L * f->state_width[k]; i++) {
      const int64_t at = i / f->state_width[k] * f->W + f->state_first[k] + i % f->state_width[k];
      value[k][i] = state[at];
      slope[k][i] = gradient ? gradient[at] : 0;
    }
    run.initial[k] = run.final[k] = value[k];
    run.dfinal[k] = run.dinitial[k] = slope[k];
  }
  run.dy = NULL;
  require(s->ctx, seqgpu_rnn_forward(s->ctx, plan, &run), "seqgpu_rnn_forward");
  if (gradient) require(s->ctx, seqgpu_rnn_backward(s->ctx, plan, &run), "seqgpu_rnn_backward");
  for (int k = 0; k < f->K; k++)
    for (int64_t i = 0; i < f->L * f->state_width[k]; i++) {
      const int64_t at = i / f->state_width[k] * f->W + f->state_first[k] + i % f->state_width[k];
      state[at] = value[k][i];
      if (gradient) gradient[at] = slope[k][i];
    }
  for (int k = 0; k < f->K; k++) {
    run.initial[k] = run.final[k] = NULL; /* not its own */
    free(value[k]);
    free(slope[k]);
  }
  seqgpu_run_release(s->ctx, &run);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- explicit Jacobians */

typedef double matrix[S_MOST][S_MOST];

/* J_t [S,S] by products with unit vectors. */
static void jacobian(subject *s, int64_t t, matrix out) {
  const int64_t S = s->f.S;
  static double in[S_MOST * S_MOST];
  int64_t step[S_MOST];
  memset(in, 0, sizeof in);
  for (int64_t j = 0; j < S; j++) {
    in[j * S + j] = 1;
    step[j] = t;
  }
  require(s->ctx, flow_step(&s->f, 0, S, step, in, in), "flow_step");
  for (int64_t i = 0; i < S; i++)
    for (int64_t j = 0; j < S; j++) out[i][j] = in[j * S + i];
}

static void check_jacobian(subject *s, int64_t t, matrix J, const char *name) {
  const int64_t S = s->f.S;
  static matrix D;
  double worst = 0, most = 0, difference = 0;
  for (int64_t j = 0; j < S; j++) {
    double moved[4][S_MOST];
    static const double place[] = {1, -1, 2, -2};
    for (int k = 0; k < 4; k++) {
      memcpy(moved[k], s->f.state + (t - 2) * S, (size_t)S * sizeof(double));
      moved[k][j] += place[k] * STEP;
      run_steps(s, t, t, moved[k], NULL);
    }
    for (int64_t i = 0; i < S; i++)
      D[i][j] = (8 * (moved[0][i] - moved[1][i]) - (moved[2][i] - moved[3][i])) / (12 * STEP);
  }
  double back[S_MOST], u[S_MOST] = {0};
  for (int64_t i = 0; i < S; i++) u[i] = check_uniform(-1, 1);
  require(s->ctx, flow_step(&s->f, 1, 1, &t, u, back), "flow_step");
  for (int64_t j = 0; j < S; j++) {
    double sum = 0;
    for (int64_t i = 0; i < S; i++) {
      worst = check_worse(worst, fabs(J[i][j] - D[i][j]));
      most = check_worse(most, fabs(D[i][j]));
      sum += u[i] * J[i][j];
    }
    difference = check_worse(difference, fabs(sum - back[j]));
  }
  check_error(worst / most, 1e-6, "%s: J v of step %d against differences", name, (int)t);
  check_error(difference / most, 1e-12, "%s: J^T u of step %d", name, (int)t);
}

static void multiply(int64_t n, matrix a, matrix b, matrix out) {
  static matrix sum;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      sum[i][j] = 0;
      for (int64_t k = 0; k < n; k++) sum[i][j] += a[i][k] * b[k][j];
    }
  memcpy(out, sum, sizeof sum);
}

/* One rotation of Jacobi, which makes g[p][q] of a symmetric matrix 0. */
static void rotate(int64_t n, matrix g, int64_t p, int64_t q) {
  if (fabs(g[p][q]) < 1e-300) return;
  const double theta = (g[q][q] - g[p][p]) / (2 * g[p][q]);
  const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1),
               s = t * c;
  for (int64_t k = 0; k < n; k++) {
    const double a = g[k][p], b = g[k][q];
    g[k][p] = c * a - s * b;
    g[k][q] = s * a + c * b;
  }
  for (int64_t k = 0; k < n; k++) {
    const double a = g[p][k], b = g[q][k];
    g[p][k] = c * a - s * b;
    g[q][k] = s * a + c * b;
  }
}

/* The largest singular value of a block of P. */
static double largest_of(const flow *f, matrix P, flow_block b) {
  const int64_t n = f->state_width[b.state], first = b.layer * f->W + f->state_first[b.state];
  static matrix g;
  double most = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      g[i][j] = 0;
      for (int64_t k = 0; k < n; k++) g[i][j] += P[first + k][first + i] * P[first + k][first + j];
    }
  for (int sweep = 0; sweep < 30; sweep++)
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) rotate(n, g, p, q);
  for (int64_t i = 0; i < n; i++) most = check_worse(most, g[i][i]);
  return sqrt(most);
}

/* ---------------------------------------------------------------- every cell */

/* At least the value that was found, and no more than a hundredth above it. */
static double singular_error(const flow *f, matrix P, flow_block b, double found) {
  const double wanted = largest_of(f, P, b);
  return wanted == 0 ? pow(10, found) : fabs(pow(10, found) / wanted - 1);
}

static void check_singular(subject *s, matrix J[T + 1], matrix P[T + 1], const char *name) {
  const flow *f = &s->f;
  int64_t from[T - 1], to[T - 1], last[T - 1];
  double steps[T - 1], products[T - 1], worst[2] = {0, 0};
  int iterations = 0;
  for (int i = 0; i < T - 1; i++) {
    from[i] = i + 1;
    to[i] = i + 2;
    last[i] = T;
  }
  for (int64_t l = 0; l < f->L; l++)
    for (int k = 0; k < f->K; k++) {
      const flow_block b = {l, k};
      require(s->ctx, flow_singular(&s->f, b, T - 1, from, to, steps, &iterations), "flow_singular");
      require(s->ctx, flow_singular(&s->f, b, T - 1, from, last, products, &iterations), "flow_singular");
      for (int i = 0; i < T - 1; i++) {
        worst[0] = check_worse(worst[0], singular_error(f, J[i + 2], b, steps[i]));
        worst[1] = check_worse(worst[1], singular_error(f, P[i + 1], b, products[i]));
      }
    }
  check_error(worst[0], 0.01, "%s: singular values of steps against dense ones", name);
  check_error(worst[1], 0.01, "%s: singular values of products against dense ones", name);
  CHECK(iterations >= 1 && iterations <= FLOW_MOST, "%s: iterations", name);
}

/* |g^T P_t| block by block. */
static void check_gradient(subject *s, matrix P[T + 1], const char *name) {
  const flow *f = &s->f;
  double g[S_MOST] = {0}, got[T * L * FLOW_STATES], worst = 0;
  for (int64_t i = 0; i < f->S; i++) g[i] = check_uniform(-1, 1);
  require(s->ctx, flow_gradient(&s->f, g, got), "flow_gradient");
  for (int64_t t = 1; t <= T; t++)
    for (int64_t l = 0; l < f->L; l++)
      for (int k = 0; k < f->K; k++) {
        double squares = 0;
        for (int64_t j = 0; j < f->state_width[k]; j++) {
          double sum = 0;
          for (int64_t i = 0; i < f->S; i++) sum += g[i] * P[t][i][l * f->W + f->state_first[k] + j];
          squares += sum * sum;
        }
        worst = check_worse(worst, fabs(pow(10, got[((t - 1) * f->L + l) * f->K + k]) / sqrt(squares) - 1));
      }
  check_error(worst, 1e-10, "%s: norms of gradients against products of Jacobians", name);
  double state[S_MOST], off = 0;
  memcpy(state, f->state, (size_t)f->S * sizeof(double));
  run_steps(s, 2, T, state, g);
  for (int64_t l = 0; l < f->L; l++)
    for (int k = 0; k < f->K; k++) {
      double squares = 0;
      for (int64_t j = 0; j < f->state_width[k]; j++) squares += pow(g[l * f->W + f->state_first[k] + j], 2);
      off = check_worse(off, fabs(pow(10, got[l * f->K + k]) / sqrt(squares) - 1));
    }
  check_error(off, 1e-10, "%s: against a backward of the whole sequence", name);
  for (int64_t i = 0; i < f->S; i++) off = check_worse(off, fabs(state[i] - f->state[(T - 1) * f->S + i]));
  check_error(off, 1e-10, "%s: states of the last step", name);
}

static void check_cell(seqgpu_context *ctx, const cell_row *row) {
  static matrix J[T + 1], P[T + 1];
  subject s;
  seqgpu_rnn_desc desc = row->desc;
  desc.input_size = I;
  desc.hidden_size = H;
  desc.num_layers = L;
  if (row->projects) desc.projection_size = H / 2;
  if (subject_open(&s, ctx, &desc, T, NULL, 0, 1)) {
    memset(P, 0, sizeof P);
    for (int64_t i = 0; i < s.f.S; i++) P[T][i][i] = 1;
    for (int64_t t = T; t > 1; t--) {
      jacobian(&s, t, J[t]);
      multiply(s.f.S, P[t], J[t], P[t - 1]);
    }
    check_jacobian(&s, 2, J[2], row->name);
    check_jacobian(&s, T, J[T], row->name);
    check_gradient(&s, P, row->name);
    check_singular(&s, J, P, row->name);
  }
  subject_close(&s);
}

static void check_cells(seqgpu_context *ctx) {
  for (size_t i = 0; i < COUNT(cell_rows); i++)
    if (!is_noisy(&cell_rows[i].desc) && !is_batch_normed(&cell_rows[i].desc)) check_cell(ctx, &cell_rows[i]);
}

/* Zoneout that keeps all of h: from step to step nothing changes, and neither does anything that is added to it. */
static void check_kept(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "rnn", .input_size = I, .hidden_size = H, .zoneout_hidden = 1};
  const int64_t from = 1, to = 3;
  subject s;
  double norm = NAN; /* its logarithm */
  int iterations;
  if (subject_open(&s, ctx, &desc, T, NULL, 0, 1))
    CHECK(flow_singular(&s.f, (flow_block){0, 0}, 1, &from, &to, &norm, &iterations) == SEQGPU_OK &&
              fabs(norm) < 1e-12,
          "the Jacobian of states that are all kept: %.15g, wanted 1", exp(norm));
  subject_close(&s);
}

/* ---------------------------------------------------------------- the path of c */

enum { LONG = 200 };

static void check_path_of_lstm0(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "lstm0", .input_size = I, .hidden_size = H, .num_layers = L};
  double most[LONG], least[LONG];
  int exact = 1;
  subject s;
  if (subject_open(&s, ctx, &desc, LONG, NULL, 0, 1))
    for (int64_t l = 0; l < L; l++) {
      require(ctx, flow_path(&s.f, l, most, least), "flow_path");
      for (int t = 0; t < LONG; t++) exact &= most[t] == 0 && least[t] == 0;
    }
  CHECK(exact, "the path of an LSTM of version 0 is exactly 1");
  subject_close(&s);
}

/* The product of the forget gates that the library shows. */
static void check_path_of_lstm(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = I, .hidden_size = H, .num_layers = L};
  double most[T], least[T], gate[T * H], product[H], worst = 0;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  subject s;
  if (!subject_open(&s, ctx, &desc, T, NULL, 0, 1)) return;
  seqgpu_rnn_desc whole = s.desc;
  whole.seq_len = T;
  require(ctx, seqgpu_plan_create(ctx, &whole, NULL, &plan), "seqgpu_plan_create");
  require(ctx, seqgpu_run_allocate(ctx, plan, &run), "seqgpu_run_allocate");
  run.params = s.block.value;
  run.x = s.x;
  require(ctx, seqgpu_rnn_forward(ctx, plan, &run), "seqgpu_rnn_forward");
  for (int l = 0; l < L; l++) {
    require(ctx, seqgpu_rnn_inspect(ctx, plan, &run, l, 0, "f", gate, NULL), "seqgpu_rnn_inspect");
    require(ctx, flow_path(&s.f, l, most, least), "flow_path");
    for (int j = 0; j < H; j++) product[j] = 1;
    for (int t = T; t >= 1; t--) {
      double high = 0, low = 1;
      for (int j = 0; j < H; j++) {
        high = check_worse(high, product[j]);
        low = fmin(low, product[j]);
        product[j] *= gate[(t - 1) * H + j];
      }
      worst = check_worse(worst, fmax(fabs(most[t - 1] - log10(high)), fabs(least[t - 1] - log10(low))));
    }
  }
  check_error(worst, 1e-12, "the path of an LSTM is the product of its forget gates");
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  subject_close(&s);
}

static void check_gates(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = I, .hidden_size = H};
  seqgpu_plan *plan;
  subject s;
  if (!subject_open(&s, ctx, &desc, T, NULL, 0, 1)) return;
  flow_close(&s.f);
  require(ctx, seqgpu_plan_create(ctx, &s.desc, NULL, &plan), "seqgpu_plan_create");
  require(ctx, seqgpu_params_set_gate_bias(s.params, "rnn", plan, "f", 20), "f");
  require(ctx, seqgpu_params_set_gate_bias(s.params, "rnn", plan, "o", -20), "o");
  require(ctx, flow_open(ctx, &s.desc, s.block.value, T, s.x, &s.f), "flow_open");
  CHECK(s.f.gates == 3, "i, f and o are gates");
  for (int g = 0; g < s.f.gates; g++) {
    const flow_gate *gate = &s.f.gate[g];
    const double high = gate->name[0] == 'f', low = gate->name[0] == 'o';
    CHECK(fabs(gate->low - low) < 1e-12 && fabs(gate->high - high) < 1e-12, "saturation of gate %s",
          gate->name);
  }
  seqgpu_plan_destroy(plan);
  subject_close(&s);
}

/* ---------------------------------------------------------------- what theory says */

/* The rate of an RNN at rest is its spectral radius, even where norms leave the numbers of float32. */
static void check_radius(seqgpu_context *ctx, double radius) {
  const seqgpu_rnn_desc desc = {.cell = "rnn", .input_size = I, .hidden_size = 32};
  double *gradient;
  flow_look look;
  subject s;
  if (!subject_open(&s, ctx, &desc, 600, "careful", radius, 0)) return;
  gradient = calloc((size_t)s.f.S, sizeof *gradient);
  for (int64_t i = 0; i < s.f.S; i++) gradient[i] = seqgpu_uniform(5, 1, (uint64_t)i) - 0.5;
  require(ctx, flow_look_at(&s.f, "rnn", gradient, &look), "flow_look_at");
  const flow_state *state = &look.layer[0].state[0];
  check_error(fabs(look.layer[0].radius / radius - 1), 1e-5, "radius %g of the weights", radius);
  check_error(fabs(log(state->gradient_factor) / log(radius) - 1), 0.1, "radius %g: slope of the gradient",
              radius);
  check_error(fabs(log(state->product_factor) / log(radius) - 1), 0.1, "radius %g: slope of the products",
              radius);
  CHECK(fabs(state->gradient[0] - 599 * log10(radius)) < 3, "radius %g: a norm of 10^%.0f is not lost",
        radius, state->gradient[0]);
  flow_look_free(&look);
  free(gradient);
  subject_close(&s);
}

/* Without a bias in modReLU a step of a uRNN is unitary. */
static void check_urnn(seqgpu_context *ctx) {
  enum { STEPS = 1000 };
  const seqgpu_rnn_desc desc = {.cell = "urnn", .input_size = I, .hidden_size = 32};
  static double norm[STEPS];
  double gradient[64], worst = 0;
  subject s;
  if (!subject_open(&s, ctx, &desc, STEPS, NULL, 0, 1)) return;
  flow_close(&s.f);
  set_param(&s, "rnn.bias_mod_l0", 0);
  require(ctx, flow_open(ctx, &s.desc, s.block.value, STEPS, s.x, &s.f), "flow_open");
  for (int i = 0; i < 64; i++) gradient[i] = seqgpu_uniform(5, 2, (uint64_t)i) - 0.5;
  require(ctx, flow_gradient(&s.f, gradient, norm), "flow_gradient");
  for (int t = 0; t < STEPS; t++) worst = check_worse(worst, fabs(pow(10, norm[t] - norm[STEPS - 1]) - 1));
  check_error(worst, 1e-4, "the norm of a uRNN's gradient over 1,000 steps");
  subject_close(&s);
}

/* Norms far beyond the numbers of either type. */
static void check_far(seqgpu_context *ctx) {
  enum { STEPS = 400 };
  const seqgpu_rnn_desc desc = {
      .cell = "rnn", .input_size = I, .hidden_size = H, .activation = SEQGPU_ACTIVATION_IDENTITY};
  double norm[STEPS], worst = 0;
  const double gradient[H] = {1, 0, 0, 0};
  subject s;
  if (!subject_open(&s, ctx, &desc, STEPS, "irnn", 0x1p-10, 0)) return;
  require(ctx, flow_gradient(&s.f, gradient, norm), "flow_gradient");
  for (int t = 1; t <= STEPS; t++)
    worst = check_worse(worst, fabs(norm[t - 1] - (t - STEPS) * 10 * log10(2)));
  check_error(worst, 1e-9, "a norm of 2^-3990");
  subject_close(&s);
}

static void check_float32(seqgpu_context *narrow, seqgpu_context *wide) {
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = I, .hidden_size = H, .num_layers = L};
  double norm[2][T * L * 2], gradient[L * 2 * H], worst = 0;
  seqgpu_context *const ctx[] = {narrow, wide};
  for (int i = 0; i < L * 2 * H; i++) gradient[i] = check_uniform(-1, 1);
  for (int i = 0; i < 2; i++) {
    subject s;
    if (subject_open(&s, ctx[i], &desc, T, NULL, 0, 1))
      require(ctx[i], flow_gradient(&s.f, gradient, norm[i]), "");
    subject_close(&s);
  }
  for (int i = 0; i < T * L * 2; i++) worst = check_worse(worst, fabs(pow(10, norm[0][i] - norm[1][i]) - 1));
  check_error(worst, 1e-5, "gradients in float32 and in float64");
}

/* ---------------------------------------------------------------- rates, and the spectral radius */

static void check_factor(void) {
  const int64_t t[] = {1, 2, 3, 4, 5};
  const double line[] = {-8, -6.5, -5, -3.5, -2}, holes[] = {-8, -INFINITY, -5, NAN, -2},
               none[] = {1, NAN, NAN, NAN, NAN};
  check_error(fabs(flow_factor(5, t, line) / pow(10, -1.5) - 1), 1e-12, "the slope of a line");
  check_error(fabs(flow_factor(5, t, holes) / pow(10, -1.5) - 1), 1e-12, "of what is finite");
  CHECK(isnan(flow_factor(5, t, none)) && isnan(flow_factor(0, t, line)), "of fewer than two there is none");
}

static void check_spectral_radius(seqgpu_context *ctx) {
  const double turning[] = {0, 1, -4, 0}, nilpotent[] = {0, 1, 0, 0}, broken[] = {NAN};
  double radius = -1;
  CHECK(seqgpu_spectral_radius(ctx, 2, turning, &radius) == SEQGPU_OK && fabs(radius - 2) < 1e-9,
        "a complex pair");
  CHECK(seqgpu_spectral_radius(ctx, 2, nilpotent, &radius) == SEQGPU_OK && radius == 0, "a nilpotent matrix");
  CHECK(seqgpu_spectral_radius(ctx, 0, NULL, &radius) == SEQGPU_OK && radius == 0, "an empty matrix");
  CHECK(seqgpu_spectral_radius(ctx, 1, broken, &radius) == SEQGPU_OK && isnan(radius),
        "a matrix that is not finite");
  CHECK(seqgpu_spectral_radius(ctx, -1, turning, &radius) == SEQGPU_EINVAL &&
            seqgpu_spectral_radius(ctx, 2, NULL, &radius) == SEQGPU_EINVAL &&
            seqgpu_spectral_radius(ctx, 2, turning, NULL) == SEQGPU_EINVAL &&
            seqgpu_spectral_radius(NULL, 2, turning, &radius) == SEQGPU_EINVAL,
        "arguments that are wrong");
}

int main(void) {
  check_start();
  check_factor();
  seqgpu_context *wide = open_context(SEQGPU_DTYPE_F64), *narrow = open_context(SEQGPU_DTYPE_F32);
  check_at("f64");
  check_cells(wide);
  check_kept(wide);
  check_path_of_lstm0(wide);
  check_path_of_lstm(wide);
  check_gates(wide);
  check_spectral_radius(wide);
  check_at("f32");
  check_path_of_lstm0(narrow);
  check_gates(narrow);
  check_radius(narrow, 0.5);
  check_radius(narrow, 0.9);
  check_radius(narrow, 1.5);
  check_urnn(narrow);
  check_far(narrow);
  check_float32(narrow, wide);
  seqgpu_context_destroy(wide);
  seqgpu_context_destroy(narrow);
  return check_finish();
}
