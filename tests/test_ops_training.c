/* test_ops_training.c - what follows the gradients: clipping and the optimisers.
 *
 * Lists of tensors of several sizes, 0 among them, against the recurrences written down again; a gradient
 * that is not finite must leave the parameters alone.
 */
#include "tests/tensors.h"

/* --- clip --- */

enum { TENSORS = 4 };
static const int64_t clip_sizes[TENSORS] = {33, 0, 1, 5000};

typedef struct clip_case {
  tensor g[TENSORS], state;
  void *data[2][TENSORS];
  sq_clip_args args[2];
} clip_case;

static void clip_new(clip_case *c, sq_clip_kind kind, double threshold, double window) {
  for (int i = 0; i < TENSORS; i++) c->g[i] = tensor_random("gradient", clip_sizes[i], -1, 1);
  c->state = tensor_random("clip state", 8, 0, 0);
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < TENSORS; i++) c->data[k][i] = at(c->g[i], both[k]);
    c->args[k] =
        (sq_clip_args){kind, threshold, window, {TENSORS, c->data[k], clip_sizes}, at(c->state, both[k])};
  }
}

static void clip_free(clip_case *c) {
  for (int i = 0; i < TENSORS; i++) tensor_free(c->g[i]);
  TENSORS_FREE(&c->state);
}

static void clip_run(clip_case *c) {
  for (int k = 0; k < 2; k++) ops(both[k])->clip(&serial, &c->args[k]);
}

static double clip_norm(const clip_case *c) {
  double sum = 0;
  for (int i = 0; i < TENSORS; i++)
    for (int64_t j = 0; j < clip_sizes[i]; j++) sum += c->g[i].d[j] * c->g[i].d[j];
  return sqrt(sum);
}

static void test_clip_norm(double threshold) {
  clip_case c;
  clip_new(&c, SQ_CLIP_NORM, threshold, 0);
  const double norm = clip_norm(&c), scale = fmin(1, threshold / norm), first = c.g[3].d[7];
  clip_run(&c);
  const char *what = name("clip, norm at %g", threshold);
  check_error(fabs(c.state.d[0] - norm) / norm, EXACT, "%s, norm", what);
  check_error(fabs(c.state.d[1] - scale), EXACT, "%s, scale", what);
  check_error(fabs(c.g[3].d[7] - first * scale), EXACT, "%s, element", what);
  check_error(fabs(clip_norm(&c) - fmin(norm, threshold)), 1e-10, "%s, norm afterwards", what);
  CHECK(c.state.d[3] == 1 && c.state.d[4] == 1, "%s, counted, finite", what);
  check_single(c.state, name("clip, norm at %g: state", threshold));
  check_single(c.g[3], name("clip, norm at %g: gradients", threshold));
  clip_free(&c);
}

static void test_clip_value(void) {
  clip_case c;
  clip_new(&c, SQ_CLIP_VALUE, 0.25, 0);
  tensor before = tensor_new("before", clip_sizes[3]);
  memcpy(before.d, c.g[3].d, (size_t)before.n * sizeof(double));
  const double norm = clip_norm(&c);
  clip_run(&c);
  int right = 1;
  for (int64_t i = 0; i < before.n; i++) right &= c.g[3].d[i] == fmin(fmax(before.d[i], -0.25), 0.25);
  CHECK(right, "clip, value");
  CHECK(fabs(c.state.d[0] - norm) < 1e-10 && c.state.d[1] == 1, "clip, value: norm before, scale 1");
  check_single(c.g[3], "clip, value");
  tensor_free(before);
  clip_free(&c);
}

static void test_clip_none(void) {
  clip_case c;
  clip_new(&c, SQ_CLIP_NONE, 0.1, 0);
  const double norm = clip_norm(&c), first = c.g[0].d[3];
  clip_run(&c);
  CHECK(c.g[0].d[3] == first && c.state.d[1] == 1 && fabs(c.state.d[0] - norm) < 1e-10,
        "clip, none only measures");
  clip_free(&c);
}

/* Eight updates, sizes jumping about, one of them not finite; the recurrence written down again. */
static void test_clip_auto(void) {
  const double factor = 1.5, window = 4, sizes[8] = {1, 3, 100, 1, NAN, 0.5, 2, 1};
  clip_case c;
  clip_new(&c, SQ_CLIP_AUTO, factor, window);
  double average = 0, updates = 0;
  for (int u = 0; u < 8; u++) {
    for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], -1, 1);
    for (int i = 0; i < TENSORS; i++)
      for (int64_t j = 0; j < clip_sizes[i]; j++) tensor_set(c.g[i], j, c.g[i].d[j] * sizes[u]);
    const double norm = clip_norm(&c), kept = c.state.d[2];
    clip_run(&c);
    if (isnan(norm)) {
      CHECK(c.state.d[1] == 0 && c.state.d[4] == 0 && c.state.d[2] == kept, "clip, auto refuses a NaN");
      continue;
    }
    updates++;
    const double scale = updates == 1 ? 1 : fmin(1, factor * average / norm);
    average = updates == 1 ? norm : average + (fmin(norm, 10 * average) - average) / fmin(updates, window);
    check_error(fabs(c.state.d[1] - scale), 1e-12, "clip, auto update %d: scale", u);
    check_error(fabs(c.state.d[2] - average) / average, 1e-12, "clip, auto update %d: average", u);
    check_single(c.state, name("clip, auto update %d: state", u));
  }
  clip_free(&c);
  clip_new(&c, SQ_CLIP_AUTO, factor, window);
  for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], 0, 0);
  clip_run(&c);
  for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], -1, 1);
  clip_run(&c);
  CHECK(c.state.d[1] == 1 && c.state.d[2] > 0, "clip, auto starts again after a gradient of zeros");
  clip_free(&c);
}

static void test_clip_not_finite(sq_clip_kind kind, double value) {
  clip_case c;
  clip_new(&c, kind, 1, 10);
  c.g[3].d[4321] = value;
  c.g[3].f[4321] = (float)value;
  clip_run(&c);
  int right = 1;
  for (int k = 0; k < 2; k++) {
    const double at_place = get(c.g[3], both[k], 4321), beside = get(c.g[3], both[k], 1);
    right &=
        get(c.state, both[k], 1) == 0 && get(c.state, both[k], 4) == 0 && !isfinite(get(c.state, both[k], 0));
    right &= kind == SQ_CLIP_NONE ? !isfinite(at_place) && beside != 0 : at_place == 0 && beside == 0;
  }
  CHECK(right, "clip, kind %d of %g", (int)kind, value);
  clip_free(&c);
}

static void test_clips(void) {
  test_clip_norm(1);
  test_clip_norm(1e6);
  test_clip_value();
  test_clip_none();
  test_clip_auto();
  for (int kind = SQ_CLIP_NONE; kind <= SQ_CLIP_VALUE; kind++) {
    test_clip_not_finite((sq_clip_kind)kind, NAN);
    test_clip_not_finite((sq_clip_kind)kind, -(double)INFINITY);
  }
  clip_case c;
  clip_new(&c, SQ_CLIP_NORM, 1, 0);
  for (int i = 0; i < TENSORS; i++) tensor_fill(c.g[i], 1e30, 1e30);
  clip_run(&c);
  CHECK(c.state.f[4] == 1 && c.g[0].f[0] > 0, "clip, of gradients whose squares overflow float32");
  for (int k = 0; k < 2; k++) c.args[k].grads.count = 0;
  clip_run(&c);
  CHECK(c.state.d[0] == 0 && c.state.d[1] == 1 && c.state.d[4] == 1, "clip, of no tensors");
  clip_free(&c);
}

/* --- optimisers --- */

typedef struct moments {
  double p, m, v;
} moments;

/* One parameter, as the papers have it. */
static void plain_update(const sq_optimizer_args *o, double gradient, moments *s) {
  const double g = o->decoupled ? gradient : gradient + o->weight_decay * s->p;
  if (o->decoupled) s->p -= o->lr * o->weight_decay * s->p;
  if (o->kind == SQ_SGD) s->p -= o->lr * g;
  if (o->kind == SQ_MOMENTUM) {
    s->m = o->momentum * s->m + g;
    s->p -= o->lr * (o->nesterov ? g + o->momentum * s->m : s->m);
  }
  if (o->kind == SQ_RMSPROP) {
    s->v = o->decay * s->v + (1 - o->decay) * g * g;
    s->p -= o->lr * g / (sqrt(s->v) + o->eps);
  }
  if (o->kind == SQ_ADAM) {
    s->m = o->momentum * s->m + (1 - o->momentum) * g;
    s->v = o->decay * s->v + (1 - o->decay) * g * g;
    const double m = s->m / (1 - pow(o->momentum, (double)o->update));
    const double v = s->v / (1 - pow(o->decay, (double)o->update));
    s->p -= o->lr * m / (sqrt(v) + o->eps);
  }
}

static const char *const optimizer_names[] = {"sgd", "momentum", "rmsprop", "adam"};

/* Tensors of several sizes, 0 among them, for five updates. */
static void test_optimizer(sq_optimizer_kind kind, int nesterov, int decoupled, double weight_decay) {
  tensor p[TENSORS], g[TENSORS], m[TENSORS], v[TENSORS], want[TENSORS];
  void *data[2][4][TENSORS];
  moments *plain[TENSORS];
  const int has_m = kind == SQ_MOMENTUM || kind == SQ_ADAM, has_v = kind == SQ_RMSPROP || kind == SQ_ADAM;
  for (int i = 0; i < TENSORS; i++) {
    const int64_t n = clip_sizes[i];
    p[i] = tensor_random("p", n, 0.5, 1.5);
    g[i] = tensor_new("g", n);
    m[i] = tensor_random("m", n, 0, 0);
    v[i] = tensor_random("v", n, 0, 0);
    want[i] = tensor_new("want", n);
    plain[i] = check_alloc("plain", (size_t)n * sizeof(moments));
    for (int64_t j = 0; j < n; j++) plain[i][j] = (moments){p[i].d[j], 0, 0};
    for (int k = 0; k < 2; k++) {
      data[k][0][i] = at(p[i], both[k]);
      data[k][1][i] = at(g[i], both[k]);
      data[k][2][i] = at(m[i], both[k]);
      data[k][3][i] = at(v[i], both[k]);
    }
  }
  for (int64_t update = 1; update <= 5; update++) {
    for (int i = 0; i < TENSORS; i++) tensor_fill(g[i], -1, 1);
    for (int k = 0; k < 2; k++) {
      const sq_optimizer_args args = {kind,
                                      0.01,
                                      0.9,
                                      0.95,
                                      1e-3,
                                      weight_decay,
                                      nesterov,
                                      update,
                                      {TENSORS, data[k][0], clip_sizes},
                                      {TENSORS, data[k][1], clip_sizes},
                                      {has_m ? TENSORS : 0, has_m ? data[k][2] : NULL, clip_sizes},
                                      {has_v ? TENSORS : 0, has_v ? data[k][3] : NULL, clip_sizes},
                                      NULL,
                                      decoupled,
                                      0,
                                      NULL};
      ops(both[k])->optimizer(&serial, &args);
      for (int i = 0; k == 0 && i < TENSORS; i++)
        for (int64_t j = 0; j < clip_sizes[i]; j++) plain_update(&args, g[i].d[j], &plain[i][j]);
    }
  }
  for (int i = 0; i < TENSORS; i++) {
    for (int64_t j = 0; j < clip_sizes[i]; j++) want[i].d[j] = plain[i][j].p;
    const char *what =
        name("%s%s%s,%s %ld parameters", optimizer_names[kind], nesterov ? " nesterov" : "",
             decoupled ? " decoupled" : "", weight_decay > 0 ? " weight decay" : "", (long)clip_sizes[i]);
    check_error(check_norm_f64(p[i].d, want[i].d, p[i].n), EXACT, "%s", what);
    check_single(p[i], what);
    TENSORS_FREE(&p[i], &g[i], &m[i], &v[i], &want[i]);
    check_free(plain[i]);
  }
}

/* Nesterov's momentum as Sutskever et al. 2013 write it, with mu of its own in each update:
 *   v' = mu v - lr grad f(x + mu v);   x' = x + v'
 * Ours keeps p = x + mu v, where the gradient is taken, and m = -v / lr. */
static void test_looking_ahead(void) {
  enum { UPDATES = 6 };
  static const double mu[UPDATES + 1] = {0.5, 0.5, 0.75, 0.9, 0.9, 0.5, 0.6};
  const double lr = 0.1;
  const int64_t size = 1;
  tensor p = tensor_random("p", 1, 1, 1), g = tensor_new("g", 1), m = tensor_random("m", 1, 0, 0);
  void *params[1] = {p.d}, *grads[1] = {g.d}, *first[1] = {m.d};
  double x = 1, v = 0, worst = 0;
  for (int i = 0; i < UPDATES; i++) {
    worst = check_worse(worst, fabs(p.d[0] - (x + mu[i] * v)));
    g.d[0] = sin(p.d[0]);
    const sq_optimizer_args args = {.kind = SQ_MOMENTUM,
                                    .lr = lr,
                                    .momentum = mu[i],
                                    .momentum_next = mu[i + 1],
                                    .nesterov = 1,
                                    .update = i + 1,
                                    .params = {1, params, &size},
                                    .grads = {1, grads, &size},
                                    .first = {1, first, &size}};
    ops(64)->optimizer(&serial, &args);
    v = mu[i] * v - lr * sin(x + mu[i] * v);
    x += v;
  }
  check_error(worst, 1e-14, "momentum nesterov, a schedule of momenta");
  TENSORS_FREE(&p, &g, &m);
}

/* A factor of a tensor's learning rate is a learning rate of its own, of its decoupled decay too. */
static void test_factors(void) {
  static const double factor[2] = {0.25, 3};
  const int64_t sizes[2] = {5, 7};
  for (int kind = SQ_SGD; kind <= SQ_ADAM; kind++) {
    tensor t[2][4], alone[2][4]; /* p, g, m, v */
    void *data[4][2];
    for (int i = 0; i < 2; i++)
      for (int k = 0; k < 4; k++) {
        t[i][k] = tensor_random("t", sizes[i], 0.5, 1);
        alone[i][k] = tensor_new("alone", sizes[i]);
        for (int64_t j = 0; j < sizes[i]; j++) tensor_set(alone[i][k], j, t[i][k].d[j]);
        data[k][i] = t[i][k].d;
      }
    sq_optimizer_args args = {.kind = (sq_optimizer_kind)kind,
                              .lr = 0.125,
                              .momentum = 0.9,
                              .decay = 0.95,
                              .eps = 1e-3,
                              .weight_decay = 0.5,
                              .decoupled = 1,
                              .update = 2,
                              .params = {2, data[0], sizes},
                              .grads = {2, data[1], sizes},
                              .first = {2, data[2], sizes},
                              .second = {2, data[3], sizes},
                              .lr_factor = factor};
    ops(64)->optimizer(&serial, &args);
    double worst = 0;
    for (int i = 0; i < 2; i++) {
      void *one[4] = {alone[i][0].d, alone[i][1].d, alone[i][2].d, alone[i][3].d};
      args.lr = 0.125 * factor[i];
      args.lr_factor = NULL;
      args.params = (sq_tensor_list){1, &one[0], &sizes[i]};
      args.grads = (sq_tensor_list){1, &one[1], &sizes[i]};
      args.first = (sq_tensor_list){1, &one[2], &sizes[i]};
      args.second = (sq_tensor_list){1, &one[3], &sizes[i]};
      ops(64)->optimizer(&serial, &args);
      worst = check_worse(worst, check_norm_f64(t[i][0].d, alone[i][0].d, sizes[i]));
      TENSORS_FREE(&t[i][0], &t[i][1], &t[i][2], &t[i][3], &alone[i][0], &alone[i][1], &alone[i][2],
                   &alone[i][3]);
    }
    CHECK(worst == 0, "%s, a factor of the learning rate", optimizer_names[kind]);
  }
}

/* p += after one SGD update under this clip state */
static int sgd_moves(double norm, double finite, int bits) {
  tensor p = tensor_random("p", 1, 1, 1), g = tensor_random("g", 1, 1, 1);
  tensor state = tensor_random("state", 8, 0, 0);
  tensor_set(state, 0, norm);
  tensor_set(state, 4, finite);
  void *params[1] = {at(p, bits)}, *grads[1] = {at(g, bits)};
  const int64_t size = 1;
  const sq_optimizer_args args = {.kind = SQ_SGD,
                                  .lr = 0.5,
                                  .update = 1,
                                  .params = {1, params, &size},
                                  .grads = {1, grads, &size},
                                  .clip_state = at(state, bits)};
  ops(bits)->optimizer(&serial, &args);
  const int moved = get(p, bits, 0) == 0.5;
  TENSORS_FREE(&p, &g, &state);
  return moved;
}

static void test_optimizers(void) {
  for (int kind = SQ_SGD; kind <= SQ_ADAM; kind++) {
    test_optimizer((sq_optimizer_kind)kind, 0, 0, 0);
    test_optimizer((sq_optimizer_kind)kind, 0, 0, 0.1);
    test_optimizer((sq_optimizer_kind)kind, 0, 1, 0.1);
  }
  test_optimizer(SQ_MOMENTUM, 1, 0, 0.1);
  test_looking_ahead();
  test_factors();
  for (int k = 0; k < 2; k++) {
    check_bits(both[k]);
    CHECK(sgd_moves(0, 0, both[k]), "sgd, before the first clip");
    CHECK(sgd_moves(3, 1, both[k]), "sgd, after a finite norm");
    CHECK(!sgd_moves(NAN, 0, both[k]), "sgd, after a NaN");
    CHECK(!sgd_moves((double)INFINITY, 0, both[k]), "sgd, after an infinite norm");
  }
}

int main(void) {
  check_start();
  check_bits(64);
  test_clips();
  test_optimizers();
  return check_finish();
}
