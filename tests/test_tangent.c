/* test_tangent.c - Jacobian-vector products: of every operator of the tape and of whole models
 * (tape_cases.h), and of every cell with its options in every shape (cells.h, shapes.h).
 *
 * All leaves move at once, in a random direction v.  In float64 on the CPU, J v is
 *   - compared with differences along v, where y(s) = y(leaves + s v):
 *       (8 (y(s) - y(-s)) - (y(2s) - y(-2s))) / 12s
 *   - the adjoint of backward:  u . J v = J^T u . v  for a random u
 *   - the sum of what each leaf brings that moves alone
 * and float32 on every device is compared with it.  Leaves and v are drawn until they determine J v well
 * (conditioned.h), and until they are no place where differences of two steps disagree.
 */
#include "host/tape/tensor.h"
#include "tests/shapes.h"
#include "tests/tape_cases.h"

#define STEP      2e-4
#define TOLERANCE 1e-7
#define ADJOINT   1e-12

/* ---------------------------------------------------------------- one Jacobian-vector product */

/* A case at work: a direction for each leaf, and J v [count]. */
typedef struct trial {
  world w;
  const test_case *c;
  net *n;     /* of a cell: draws the leaves; else NULL */
  int smooth; /* only where differences can be taken */
  double *v[LEAVES];
  void *direction[LEAVES]; /* v on the device */
  int64_t count;
  double *jv, ones[ONES];
} trial;

/* Leaves of a cell: parameters, x, and the states. */
static const int net_leaves[] = {NET_PARAMS, NET_X, NET_H0, NET_C0, NET_Q0};

static void draw_cell(trial *t) {
  do {
    net_fill(t->n);
    net_round_inputs(t->n);
    net_forward(t->n);
  } while (t->smooth && net_least_modulus(t->n) < 0.1);
  for (int i = 0; i < t->w.leaves; i++)
    memcpy(t->w.host[i], t->n->value[net_leaves[i]], (size_t)t->w.count[i] * sizeof(double));
}

static void trial_draw(void *self) {
  trial *t = self;
  if (t->n)
    draw_cell(t);
  else
    world_draw(&t->w, t->c);
  for (int i = 0; i < t->w.leaves; i++) dy_draw(t->v[i], t->w.count[i]);
}

/* J v, where the leaves from first to last move, into `out` unless that is NULL. */
static seqgpu_status product(trial *t, int first, int last, double *out) {
  world *w = &t->w;
  seqgpu_tensor *y = world_build(w, t->c, 1);
  for (int i = first; i <= last; i++) net_upload(w->ctx, t->direction[i], t->v[i], w->count[i]);
  const seqgpu_status status = seqgpu_tape_tangent(w->tape, y, last - first + 1, w->leaf + first,
                                                   (const void *const *)(t->direction + first));
  if (status != SEQGPU_OK || out == NULL) return status;
  const void *tangent = seqgpu_tensor_tangent(y);
  memset(out, 0, (size_t)t->count * sizeof *out);
  if (tangent) net_download(w->ctx, out, tangent, t->count);
  return status;
}

static void trial_run(void *self) {
  trial *t = self;
  net_require(t->w.ctx, product(t, 0, t->w.leaves - 1, t->jv), t->c->name);
}

static const char *algorithm; /* of all plans; NULL: any */

static void trial_open(trial *t, seqgpu_context *ctx, const test_case *c, net *n) {
  *t = (trial){.c = c, .n = n};
  world_open_by(&t->w, ctx, c, algorithm);
  for (int i = 0; i < t->w.leaves; i++) {
    const size_t bytes = (size_t)t->w.count[i] * sizeof(double);
    t->v[i] = malloc(bytes);
    net_require(ctx, seqgpu_malloc(ctx, bytes, &t->direction[i]), "seqgpu_malloc");
  }
  t->count = seqgpu_tensor_elements(world_build(&t->w, c, 1));
  net_require(ctx, seqgpu_tape_status(t->w.tape), c->name);
  t->jv = calloc((size_t)t->count + 1, sizeof(double));
}

static void trial_close(trial *t) {
  for (int i = 0; i < t->w.leaves; i++) {
    free(t->v[i]);
    seqgpu_free(t->w.ctx, t->direction[i]);
  }
  free(t->jv);
  world_close(&t->w);
}

/* The reference: a draw for which J v is well-conditioned. */
static int trial_reference(trial *t, seqgpu_context *oracle, const test_case *c, net *n, int math) {
  problem p = {trial_draw, trial_run, t, {0}, {0}};
  trial_open(t, oracle, c, n);
  t->smooth = 1;
  for (int i = 0; i < ONES; i++) t->ones[i] = 1;
  t->w.ones = t->ones;
  world_build(&t->w, c, 1); /* counts the ones */
  for (int i = 0; i < t->w.leaves; i++) {
    list_add(&p.in, "leaf", t->w.host[i], t->w.count[i]);
    list_add(&p.in, "v", t->v[i], t->w.count[i]);
  }
  list_add(&p.in, "ones", t->ones, t->w.ones_used);
  list_add(&p.out, "J v", t->jv, t->count);
  return problem_draw(&p, math, c->name);
}

/* ---------------------------------------------------------------- what holds of it */

/* sum += weight * y(leaves + step v) */
static void add_moved(trial *t, double step, double weight, double *sum) {
  for (int i = 0; i < t->w.leaves; i++)
    for (int64_t j = 0; j < t->w.count[i]; j++) t->w.host[i][j] += step * t->v[i][j];
  double *y = world_read(&t->w, world_build(&t->w, t->c, 1));
  for (int64_t i = 0; i < t->count; i++) sum[i] += weight * y[i];
  free(y);
  for (int i = 0; i < t->w.leaves; i++)
    for (int64_t j = 0; j < t->w.count[i]; j++) t->w.host[i][j] -= step * t->v[i][j];
}

static double *differences(trial *t, double step) {
  static const double place[] = {1, -1, 2, -2}, weight[] = {8, -8, -1, 1};
  double *slope = calloc((size_t)t->count + 1, sizeof *slope);
  for (int i = 0; i < 4; i++) add_moved(t, place[i] * step, weight[i] / (12 * step), slope);
  return slope;
}

/* 0 where J v differs from the differences, and these from those of half the step: the function turns too
 * fast there, as a normalisation by a small variance does. */
static int check_differences(trial *t, const char *name) {
  double *slope = differences(t, STEP);
  const double error = check_norm_f64(t->jv, slope, t->count);
  int smooth = 1;
  if (error > TOLERANCE) {
    double *half = differences(t, STEP / 2);
    smooth = check_norm_f64(half, slope, t->count) < TOLERANCE / 2;
    free(half);
  }
  if (smooth) check_error(error, TOLERANCE, "%s, J v against differences", name);
  free(slope);
  return smooth;
}

/* Where the leaves go on: u . J v against J^T u . v, relative to the terms of the first sum. */
static void check_adjoint(trial *t, const char *name) {
  world *w = &t->w;
  seqgpu_tensor *y = world_build(w, t->c, 1);
  double *u = random_dy(y), forward = 0, back = 0, terms = 0;
  world_backward(w, y, u);
  for (int64_t i = 0; i < t->count; i++) {
    forward += u[i] * t->jv[i];
    terms += fabs(u[i] * t->jv[i]);
  }
  for (int i = 0; i < w->leaves; i++)
    for (int64_t j = 0; j < w->count[i]; j++) {
      back += w->host_grad[i][j] * t->v[i][j];
      terms += fabs(w->host_grad[i][j] * t->v[i][j]);
    }
  check_error(fabs(forward - back) / (terms + 1e-300), ADJOINT, "%s, u . J v = J^T u . v", name);
  free(u);
}

static void check_alone(trial *t, const char *name) {
  double *sum = calloc((size_t)t->count + 1, sizeof *sum), *one = calloc((size_t)t->count + 1, sizeof *one);
  for (int i = 0; i < t->w.leaves; i++) {
    net_require(t->w.ctx, product(t, i, i, one), name);
    for (int64_t j = 0; j < t->count; j++) sum[j] += one[j];
  }
  check_error(check_norm_f64(sum, t->jv, t->count), ADJOINT, "%s, J v is the sum of its leaves'", name);
  free(sum);
  free(one);
}

/* The same leaves and directions on another context. */
static seqgpu_status repeat(const trial *reference, trial *t, seqgpu_context *ctx) {
  trial_open(t, ctx, reference->c, NULL);
  for (int i = 0; i < t->w.leaves; i++) {
    memcpy(t->w.host[i], reference->w.host[i], (size_t)t->w.count[i] * sizeof(double));
    memcpy(t->v[i], reference->v[i], (size_t)t->w.count[i] * sizeof(double));
  }
  return product(t, 0, t->w.leaves - 1, t->jv);
}

/* Contexts: the CPU's float64, and in float32 every device that this program is for; NULL: not there. */
static seqgpu_context *oracle, *others[3];
enum { OTHERS = sizeof others / sizeof *others };

static void check_other(const trial *reference, seqgpu_context *other, const char *name) {
  trial t;
  const seqgpu_status status = repeat(reference, &t, other);
  check_on(other);
  net_require(other, status, name);
  if (status == SEQGPU_OK)
    check_error(check_norm_f64(t.jv, reference->jv, t.count), arithmetic[MODELS].limit, "%s, J v", name);
  check_at("cpu f64");
  trial_close(&t);
}

/* 0 where a draw is none for differences. */
static int check_draw(const test_case *c, net *n, const char *name) {
  trial t;
  const int drawn = trial_reference(&t, oracle, c, n, MODELS); /* else it has failed */
  int good = drawn;
  if (good && check_is_for("cpu")) good = check_differences(&t, name);
  if (good && check_is_for("cpu")) {
    check_adjoint(&t, name);
    check_alone(&t, name);
  }
  for (int i = 0; i < OTHERS && good; i++)
    if (others[i]) check_other(&t, others[i], name);
  trial_close(&t);
  return good || !drawn;
}

static void check_case(const test_case *c, net *n, const char *name) {
  check_at("cpu f64");
  for (int draw = 0; draw < 20; draw++)
    if (check_draw(c, n, name)) return;
  check_record(0, "the differences of two steps agree at no draw", "%s, J v", name);
}

/* ---------------------------------------------------------------- cells */

static const int32_t *cell_lengths; /* of the shape that is built */

static seqgpu_tensor *cell_run(world *w) {
  const int64_t batch = seqgpu_plan_get_desc(w->plan[0]).batch;
  seqgpu_tensor *initial[3] = {w->leaf[2], w->leaves > 3 ? w->leaf[3] : NULL,
                               w->leaves > 4 ? w->leaf[4] : NULL};
  seqgpu_tensor *lengths = cell_lengths ? seqgpu_tape_lengths(w->tape, batch, cell_lengths) : NULL;
  return with_finals(w, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], initial, lengths));
}

/* A cell in a shape as a case of the table; the net draws its leaves. */
typedef struct cell_case {
  char name[160];
  seqgpu_rnn_desc desc;
  net n;
  test_case c;
} cell_case;

static int cell_open(cell_case *k, seqgpu_context *ctx, const cell_row *cell, const shape_row *shape) {
  snprintf(k->name, sizeof k->name, "%s, %s", cell->name, shape->name);
  k->desc = combine(cell, shape);
  if (!net_open(&k->n, ctx, &k->desc, shape->lengths)) return 0;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(k->n.plan);
  const int64_t layers = k->n.desc.num_layers * (k->n.desc.bidirectional ? 2 : 1);
  const int64_t rows[] = {k->desc.seq_len, k->desc.batch};
  k->c = (test_case){k->name, cell_run, {{PLAN_0}}, {&k->desc}};
  const int64_t x[] = {rows[k->desc.batch_first], rows[!k->desc.batch_first], k->desc.input_size};
  memcpy(k->c.shape[1], x, sizeof x);
  for (int i = 0; i < sizes.state_count; i++) {
    const int64_t state[] = {layers, k->desc.batch, sizes.state_width[i]};
    memcpy(k->c.shape[2 + i], state, sizeof state);
  }
  cell_lengths = shape->lengths;
  return 1;
}

static void check_cell(const cell_row *cell, const shape_row *shape) {
  cell_case k;
  if (!cell_open(&k, oracle, cell, shape)) return;
  check_case(&k.c, &k.n, k.name);
  net_close(&k.n);
}

/* Any number of threads gives the same bits.  Large enough that the work is split. */
static void check_threads(const cell_row *cell) {
  const shape_row shape = {"1 and 3 threads", {5, 7, 40, 65}, NULL, {.num_layers = 2, .dropout = 0.3}};
  seqgpu_context *single = others[0], *threads = net_context("cpu", SEQGPU_DTYPE_F32, 3);
  cell_case k;
  trial a, b;
  if (!cell_open(&k, single, cell, &shape)) return;
  trial_open(&a, single, &k.c, &k.n);
  trial_draw(&a);
  const seqgpu_status status = product(&a, 0, a.w.leaves - 1, a.jv);
  check_on(single);
  CHECK(status == SEQGPU_OK && repeat(&a, &b, threads) == SEQGPU_OK &&
            memcmp(a.jv, b.jv, (size_t)a.count * sizeof *a.jv) == 0,
        "%s, same bits of J v", k.name);
  trial_close(&b);
  trial_close(&a);
  net_close(&k.n);
  seqgpu_context_destroy(threads);
}

static void check_cell_everywhere(const cell_row *cell) {
  /* to normalise them, a GPU takes a block of threads */
  static const shape_row long_rows = {"long rows, one step", {1, 1, 1, 260}, NULL, {0}};
  const shape_row *shape;
  for (int s = 0; (shape = shape_at(FOR_GRADIENTS, s)) != NULL; s++)
    if (fits(cell, shape)) check_cell(cell, shape);
  if (cell->desc.layer_norm && strcmp(cell->desc.cell, "lstm") == 0) check_cell(cell, &long_rows);
  if (others[0]) check_threads(cell);
}

/* ---------------------------------------------------------------- memory */

/* Another direction on the same tape takes no more memory. */
static void check_memory(void) {
  trial t;
  trial_open(&t, oracle, find_case("encoder-decoder"), NULL);
  trial_draw(&t);
  trial_run(&t);
  const size_t memory = seqgpu_tape_memory(t.w.tape);
  seqgpu_status status = SEQGPU_OK;
  seqgpu_tensor *y = t.w.tape->newest;
  for (int i = 0; i < 50 && status == SEQGPU_OK; i++)
    status = seqgpu_tape_tangent(t.w.tape, y, t.w.leaves, t.w.leaf, (const void *const *)t.direction);
  check_at("cpu f64");
  CHECK(status == SEQGPU_OK && seqgpu_tape_memory(t.w.tape) == memory,
        "fifty directions take the memory of one");
  trial_close(&t);
}

/* ---------------------------------------------------------------- devices */

/* The urnn's algorithms on a GPU, and the one that a plan takes by itself, leave what `step` can read. */
static void check_urnn(const char *by) {
  static const int32_t lengths[] = {4, 2, 3};
  static const shape_row shape = {"two layers, ragged, bidirectional",
                                  {4, 3, 5, 8},
                                  lengths,
                                  {.num_layers = 2, .bidirectional = 1, .dropout = 0.3}};
  static const cell_row urnn = {"urnn", {.cell = "urnn"}, 0, 0};
  cell_case k;
  trial t;
  char name[200];
  algorithm = NULL;
  if (!cell_open(&k, oracle, &urnn, &shape)) return;
  snprintf(name, sizeof name, "%s, by %s", k.name, by ? by : "no name");
  if (trial_reference(&t, oracle, &k.c, &k.n, MODELS)) {
    algorithm = by;
    for (int i = 1; i < OTHERS; i++)
      if (others[i]) check_other(&t, others[i], name);
  }
  trial_close(&t);
  net_close(&k.n);
}

/* What the pass of `step` has no room for, though forward and backward run. */
static void check_too_large(seqgpu_context *ctx) {
  static const seqgpu_rnn_desc desc = {
      .cell = "urnn", .input_size = 1, .hidden_size = 8192, .seq_len = 1, .batch = 1};
  static const test_case c = {"urnn", cell_run, {{PLAN_0}, {1, 1, 1}, {1, 1, 16384}}, {&desc}};
  trial t;
  cell_lengths = NULL;
  algorithm = "cufft";
  trial_open(&t, ctx, &c, NULL);
  const seqgpu_status status = product(&t, 0, t.w.leaves - 1, t.jv);
  check_on(ctx);
  CHECK(status == SEQGPU_EUNSUPPORTED && strstr(seqgpu_tape_error(t.w.tape), "bytes of shared memory"),
        "urnn of 8192 units, J v is refused");
  trial_close(&t);
}

/* Algorithms without tangents say so where a plan is to have them. */
static void check_plans(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 3, .hidden_size = 4, .seq_len = 4, .batch = 4, .tangents = 1};
  seqgpu_algorithm_info info;
  seqgpu_plan *plan = NULL;
  check_on(ctx);
  for (int i = 0; seqgpu_algorithm_get(ctx, &desc, i, &info) == SEQGPU_OK; i++) {
    if (strstr(info.name, "/cudnn") == NULL && strstr(info.name, "/stream") == NULL) continue;
    const seqgpu_plan_options options = {.algorithm = info.name};
    CHECK(strstr(info.why_not, "tangents: are asked for") &&
              seqgpu_plan_create(ctx, &desc, &options, &plan) == SEQGPU_EUNSUPPORTED,
          "%s has no tangents", info.name);
  }
  desc.inference = 1;
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "tangents is 1"),
        "tangents of inference are refused");
}

static void check_too_large_a_plan(seqgpu_context *ctx) {
  static const seqgpu_rnn_desc desc = {
      .cell = "urnn", .input_size = 1, .hidden_size = 8192, .seq_len = 1, .batch = 1, .tangents = 1};
  seqgpu_plan *plan = NULL;
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_EUNSUPPORTED &&
            strstr(seqgpu_last_error(ctx), "bytes of shared memory"),
        "a plan with tangents of 8192 units of a urnn is refused");
}

static void open_others(void) {
  static const char *const devices[OTHERS] = {"cpu", "emulator", "cuda"};
  for (int d = 0; d < OTHERS; d++) {
    if (!check_is_for(devices[d])) continue;
    const seqgpu_context_options options = {.device = devices[d], .threads = 2};
    if (seqgpu_context_create(&options, &others[d]) != SEQGPU_OK) {
      check_at("%s f32", devices[d]);
      check_skip(seqgpu_last_error(others[d]), "J v");
      seqgpu_context_destroy(others[d]);
      others[d] = NULL;
    }
  }
}

int main(void) {
  check_start();
  char name[80];
  oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  open_others();
  for (int i = 0; i < CASES; i++) {
    snprintf(name, sizeof name, "tape %s", cases[i].name);
    check_case(&cases[i], NULL, name);
  }
  if (others[0]) check_memory();
  algorithm = "step"; /* which has tangents of every cell */
  for (size_t c = 0; c < COUNT(cell_rows); c++) check_cell_everywhere(&cell_rows[c]);
  check_urnn("fused");
  check_urnn("cufft");
  check_urnn(NULL);
  for (int i = 0; i < OTHERS; i++) {
    if (others[i]) check_plans(others[i]);
    if (i == 0 || others[i] == NULL) continue;
    check_too_large(others[i]);
    check_too_large_a_plan(others[i]);
  }
  for (int i = 0; i < OTHERS; i++) seqgpu_context_destroy(others[i]);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
