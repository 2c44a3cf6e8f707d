/* test_esn_links.c - reservoirs that run by their links alone (host/esn/reservoir.c), against the plan that they
 * stand in for.
 *
 * Both precisions, with and without a leak, few and many inputs, one and three sequences:
 *   plan      states as close to the plan's as rounding allows
 *   cut       step by step has the bits of a run at once
 *   weights   they are looked at in each call: with a link too many it is the plan that runs; NaN is a link
 *   memory    each request may fail
 *   tanh      what float64 has instead of libm's: within 6e-16 of it, relatively, on and between all scales
 */
#define SEQGPU_REAL_BITS 64 /* whose tanh it is */
#include "core/quick.h"
#include "core/sparse.h"
#include "host/esn/reservoir.h"
#include "tests/check.h"
#include "tests/failing.h"

enum { H = 80, LINKS = 10, T = 9 };

/* A reservoir and two runs of it on the same weights and inputs: by its plan, and by its links. */
typedef struct pair {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run[2];
  seqgpu_plan_sizes sizes;
  sq_reservoir reservoir;
} pair;

enum { PLAN, BY_LINKS };

static size_t element(const pair *p) { return p->ctx->element_size; }

static double get(const pair *p, const void *buffer, int64_t i) {
  return p->ctx->dtype == SEQGPU_DTYPE_F64 ? ((const double *)buffer)[i] : (double)((const float *)buffer)[i];
}

static void set(const pair *p, const void *buffer, int64_t i, double value) {
  void *to = (void *)(uintptr_t)buffer;
  if (p->ctx->dtype == SEQGPU_DTYPE_F64)
    ((double *)to)[i] = value;
  else
    ((float *)to)[i] = (float)value;
}

static void fill(const pair *p, const void *buffer, size_t bytes, double scale) {
  for (int64_t i = 0; i < (int64_t)(bytes / element(p)); i++) set(p, buffer, i, check_uniform(-scale, scale));
}

/* Element [j,k] of W_hh in the flat parameters. */
static int64_t place_of(const pair *p, int64_t j, int64_t k) {
  const sq_layout *l = &p->plan->first;
  return l->param[l->product[0].param].offset + j * H + k;
}

/* All weights are drawn; in each row of W_hh all but LINKS become 0. */
static void draw(const pair *p) {
  fill(p, p->run[PLAN].params, p->sizes.params, 0.5);
  for (int64_t j = 0; j < H; j++) {
    const int64_t from = (int64_t)check_uniform(0, H);
    for (int64_t k = LINKS; k < H; k++) set(p, p->run[PLAN].params, place_of(p, j, (from + k * 7) % H), 0);
  }
}

static pair open_pair(seqgpu_context *ctx, double leak, int64_t I, int64_t B) {
  const seqgpu_rnn_desc desc = {.cell = leak == 1 ? "rnn" : "leaky",
                                .leak = leak == 1 ? 0 : leak,
                                .input_size = I,
                                .hidden_size = H,
                                .seq_len = T,
                                .batch = B,
                                .inference = 1};
  const seqgpu_plan_options options = {.algorithm = "step"};
  pair p = {.ctx = ctx};
  CHECK(seqgpu_plan_create(ctx, &desc, &options, &p.plan) == SEQGPU_OK, "a plan");
  p.sizes = seqgpu_plan_get_sizes(p.plan);
  for (int i = 0; i < 2; i++) CHECK(seqgpu_run_allocate(ctx, p.plan, &p.run[i]) == SEQGPU_OK, "a run");
  p.run[BY_LINKS].params = p.run[PLAN].params;
  p.run[BY_LINKS].x = p.run[PLAN].x;
  CHECK(sq_reservoir_open(ctx, p.plan, LINKS, &p.reservoir) == SEQGPU_OK, "a reservoir");
  draw(&p);
  fill(&p, p.run[PLAN].x, p.sizes.x, 1);
  return p;
}

static void close_pair(pair *p) {
  sq_reservoir_release(p->ctx, &p->reservoir);
  for (int i = 0; i < 2; i++) seqgpu_run_release(p->ctx, &p->run[i]);
  seqgpu_plan_destroy(p->plan);
}

/* Both runs from a state of zeros; 1 if the second one went by the links. */
static int run_both(pair *p) {
  for (int i = 0; i < 2; i++) memset(p->run[i].final[0], 0, p->sizes.state[0]);
  sq_reservoir_begin(p->ctx, &p->reservoir, p->run[PLAN].params);
  CHECK(seqgpu_rnn_forward(p->ctx, p->plan, &p->run[PLAN]) == SEQGPU_OK &&
            sq_reservoir_run(p->ctx, &p->reservoir, &p->run[BY_LINKS]) == SEQGPU_OK,
        "both run");
  return p->reservoir.sparse;
}

/* |y - y of the plan| / |y of the plan|. */
static double difference(const pair *p) {
  double error = 0, size = 0;
  for (int64_t i = 0; i < (int64_t)(p->sizes.y / element(p)); i++) {
    const double ref = get(p, p->run[PLAN].y, i), other = get(p, p->run[BY_LINKS].y, i) - ref;
    error += other * other;
    size += ref * ref;
  }
  return sqrt(error / size);
}

static int same(const void *a, const void *b, size_t size) { return memcmp(a, b, size) == 0; }

/* Step by step, from zeros, against the run at once in the pair. */
static int cut_is_same(pair *p, int64_t I, int64_t B) {
  seqgpu_rnn_run step = p->run[BY_LINKS];
  char y[3 * H * sizeof(double)];
  int equal = 1;
  memset(p->run[PLAN].final[0], 0, p->sizes.state[0]);
  step.seq_len = 1;
  step.y = y;
  step.initial[0] = step.final[0] = p->run[PLAN].final[0];
  for (int64_t t = 0; t < T; t++) {
    const size_t width = (size_t)(B * H) * element(p);
    step.x = (const char *)p->run[PLAN].x + (size_t)(t * B * I) * element(p);
    sq_reservoir_begin(p->ctx, &p->reservoir, step.params);
    sq_reservoir_run(p->ctx, &p->reservoir, &step);
    equal &= same(y, (const char *)p->run[BY_LINKS].y + (size_t)t * width, width);
  }
  return equal && same(step.final[0], p->run[BY_LINKS].final[0], p->sizes.state[0]);
}

static void check_case(seqgpu_context *ctx, double leak, int64_t I, int64_t B, double limit) {
  pair p = open_pair(ctx, leak, I, B);
  CHECK(run_both(&p), "leak %g, I = %d, B = %d: it runs by its links", leak, (int)I, (int)B);
  check_error(difference(&p), limit, "leak %g, I = %d, B = %d: like the plan", leak, (int)I, (int)B);
  CHECK(cut_is_same(&p, I, B), "leak %g, I = %d, B = %d: step by step", leak, (int)I, (int)B);
  close_pair(&p);
}

static void check_weights(seqgpu_context *ctx) {
  pair p = open_pair(ctx, 1, 3, 1);
  int64_t zero = 0;
  while (get(&p, p.run[PLAN].params, place_of(&p, 5, zero)) != 0) zero++;
  set(&p, p.run[PLAN].params, place_of(&p, 5, zero), 0.25);
  CHECK(!run_both(&p) && same(p.run[PLAN].y, p.run[BY_LINKS].y, p.sizes.y),
        "with a link too many the plan runs");
  set(&p, p.run[PLAN].params, place_of(&p, 5, zero), 0);
  CHECK(run_both(&p), "and without it the links again");
  const double before = get(&p, p.run[BY_LINKS].y, (T - 1) * H);
  draw(&p);
  CHECK(run_both(&p) && get(&p, p.run[BY_LINKS].y, (T - 1) * H) != before, "new weights are seen");
  zero = 0;
  while (get(&p, p.run[PLAN].params, place_of(&p, 5, zero)) == 0) zero++;
  set(&p, p.run[PLAN].params, place_of(&p, 5, zero), (double)NAN);
  run_both(&p);
  CHECK(isnan(get(&p, p.run[BY_LINKS].y, 5)) && !isnan(get(&p, p.run[BY_LINKS].y, 6)), "NaN is a link");
  close_pair(&p);
}

static void check_many(seqgpu_context *ctx) {
  pair p = open_pair(ctx, 1, 3, 1);
  sq_reservoir many;
  CHECK(sq_reservoir_open(ctx, p.plan, H / 8 + 1, &many) == SEQGPU_OK && many.links.most == 0,
        "many links are left to the plan");
  sq_reservoir_release(ctx, &many);
  close_pair(&p);
}

/* An echo state network that runs by its links. */
static seqgpu_status use_network(seqgpu_context *ctx) {
  const seqgpu_esn_desc desc = {.input_size = 1, .output_size = 1, .hidden_size = H, .links = LINKS};
  seqgpu_params *params = NULL;
  seqgpu_esn *esn = NULL;
  double u[T], y[T];
  check_fill_f64(u, T, -1, 1);
  seqgpu_status status = seqgpu_params_create(ctx, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_esn_create(params, "esn", &desc, &esn);
  if (status == SEQGPU_OK) status = seqgpu_esn_run(esn, T, u, NULL, y);
  seqgpu_esn_destroy(esn);
  seqgpu_params_destroy(params);
  return status;
}

/* Numbers of all sizes, and as many where tanh bends, beside a tanh of more digits: libm's own in double is off by up to two
 * units in the last place, which is most of what is allowed. */
static void check_tanh(void) {
  double worst = 0, at = 0;
  for (int i = 0; i < 400000; i++) {
    const double x = i % 2 ? check_uniform(-3, 3) : ldexp(check_uniform(-1, 1), (int)check_below(80) - 70);
    const long double ref = tanhl((long double)x), off = fabsl((long double)sq_tanh_quick(x) - ref);
    const double error = ref == 0 ? 0 : (double)(off / fabsl(ref));
    if (isnan(worst) || error <= worst) continue;
    worst = error;
    at = x;
  }
  check_error(worst, 6e-16, "tanh without libm, worst at %a", at);
  CHECK(isnan(sq_tanh_quick((double)NAN)), "tanh of NaN");
  CHECK(sq_tanh_quick((double)INFINITY) == 1 && sq_tanh_quick(-1e300) == -1, "tanh far out");
  CHECK(sq_tanh_quick(0) == 0 && !signbit(sq_tanh_quick(0.0)) && signbit(sq_tanh_quick(-0.0)),
        "tanh of 0 and -0");
}

int main(void) {
  static const struct {
    seqgpu_dtype dtype;
    const char *name;
    double limit;
  } all[] = {{SEQGPU_DTYPE_F64, "cpu f64", 1e-14}, {SEQGPU_DTYPE_F32, "cpu f32", 2e-6}};
  check_start();
  check_tanh();
  for (size_t i = 0; i < COUNT(all); i++) {
    const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = all[i].dtype};
    seqgpu_context *ctx = NULL;
    check_at("%s", all[i].name);
    if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) continue;
    for (int64_t I = 1; I <= 13; I += 6)
      for (int64_t B = 1; B <= 3; B += 2) {
        check_case(ctx, 1, I, B, all[i].limit);
        check_case(ctx, 0.3, I, B, all[i].limit);
      }
    check_weights(ctx);
    check_many(ctx);
    seqgpu_context_destroy(ctx);
  }
  CHECK(failing_each("cpu", use_network, 0) > 15, "it does ask for memory");
  return check_finish();
}
