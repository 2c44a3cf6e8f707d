/* test_urnn.c - what must hold of the unitary evolution RNN beyond what every cell's tests ask: its
 * transform, its matrix, its norms, its fixed permutation, and its own plans at the sizes they are made for.
 */
#include "core/fft.h"
#include "seqgpu/seqgpu.h"
#include "tests/net.h"
#include "tests/simt/simt_controls.h"

#define TWO_PI 6.283185307179586

/* --- Fourier transforms --- */

/* |transform - sum| / |sum| of a random vector, both ways. */
static double transform_error(int64_t n, int single) {
  const int64_t tables = sq_fft_tables(n), total = tables + sq_fft_scratch(n);
  double *x = malloc((size_t)(8 * n) * sizeof *x), *y = x + 2 * n, *wanted = x + 4 * n, error = 0;
  double *wide = malloc((size_t)total * sizeof *wide + 1);
  float *narrow = malloc((size_t)total * sizeof *narrow + 1), *z = malloc((size_t)(2 * n) * sizeof *z);
  sq_fft_prepare_f64(n, wide);
  sq_fft_prepare_f32(n, narrow);
  for (int inverse = 0; inverse < 2; inverse++) {
    check_fill_f64(x, 2 * n, -1, 1);
    for (int64_t f = 0; f < n; f++) { /* forward from natural order to places, inverse from places */
      const int64_t to = inverse ? f : sq_fft_place(n, f);
      wanted[to] = wanted[n + to] = 0;
      for (int64_t j = 0; j < n; j++) {
        const int64_t from = inverse ? sq_fft_place(n, j) : j;
        const double angle = (inverse ? TWO_PI : -TWO_PI) * (double)(f * j % n) / (double)n;
        wanted[to] += x[from] * cos(angle) - x[n + from] * sin(angle);
        wanted[n + to] += x[from] * sin(angle) + x[n + from] * cos(angle);
      }
    }
    memcpy(y, x, (size_t)(2 * n) * sizeof *y);
    for (int64_t j = 0; j < 2 * n; j++) z[j] = (float)x[j];
    if (single)
      (inverse ? sq_fft_inverse_f32 : sq_fft_forward_f32)(n, narrow, z, z + n, narrow + tables);
    else
      (inverse ? sq_fft_inverse_f64 : sq_fft_forward_f64)(n, wide, y, y + n, wide + tables);
    for (int64_t j = 0; j < 2 * n && single; j++) y[j] = (double)z[j];
    error = check_worse(check_norm_f64(y, wanted, 2 * n), error);
  }
  free(x);
  free(z);
  free(wide);
  free(narrow);
  return error;
}

static void check_transforms(void) {
  static const int64_t more[] = {64, 100, 127, 128, 129, 257, 1000, 1024};
  double wide = 0, narrow = 0;
  for (int64_t i = 1; i <= 40 + (int64_t)COUNT(more); i++) {
    const int64_t n = i <= 40 ? i : more[i - 41];
    wide = check_worse(transform_error(n, 0), wide);
    narrow = check_worse(transform_error(n, 1), narrow);
  }
  check_error(wide, 1e-12, "the transform is the sum, float64");
  check_error(narrow, 2e-6, "the transform is the sum, float32");
}

/* --- networks --- */

static seqgpu_rnn_desc described(int64_t T, int64_t B, int64_t n) {
  return (seqgpu_rnn_desc){.cell = "urnn", .input_size = 3, .hidden_size = n, .seq_len = T, .batch = B};
}

static double *parameter(net *n, int tensor, const char *name, seqgpu_param_info *info) {
  for (int i = 0; i < seqgpu_plan_param_count(n->plan); i++)
    if (seqgpu_plan_param_get(n->ctx, n->plan, i, info) == SEQGPU_OK && strcmp(info->name, name) == 0)
      return n->value[tensor] + info->offset;
  return NULL;
}

/* No input and b = 0: a step applies the matrix alone. */
static void make_linear(net *n) {
  seqgpu_param_info p;
  memset(n->value[NET_X], 0, (size_t)n->count[NET_X] * sizeof(double));
  memset(parameter(n, NET_PARAMS, "bias_mod_l0", &p), 0, (size_t)n->desc.hidden_size * sizeof(double));
}

static int open_linear(net *n, seqgpu_context *ctx, int64_t T, int64_t B, int64_t size,
                       const char *algorithm) {
  seqgpu_rnn_desc desc = described(T, B, size);
  if (!net_open_as(n, ctx, &desc, algorithm, NULL)) return 0;
  net_fill(n);
  make_linear(n);
  return 1;
}

/* --- the matrix --- */

typedef struct complex_number {
  double re, im;
} complex_number;

static complex_number times(complex_number a, complex_number b) {
  return (complex_number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static void by_phases(int64_t n, const double *w, complex_number *z) {
  for (int64_t j = 0; j < n; j++) z[j] = times(z[j], (complex_number){cos(w[j]), sin(w[j])});
}

static void by_reflection(int64_t n, const double *v, complex_number *z) {
  complex_number along = {0, 0};
  double square = 0;
  for (int64_t j = 0; j < n; j++) {
    const complex_number p = times((complex_number){v[j], -v[n + j]}, z[j]);
    along = (complex_number){along.re + p.re, along.im + p.im};
    square += v[j] * v[j] + v[n + j] * v[n + j];
  }
  for (int64_t j = 0; j < n; j++) {
    const complex_number p = times((complex_number){v[j], v[n + j]}, along);
    z[j] = (complex_number){z[j].re - 2 * p.re / square, z[j].im - 2 * p.im / square};
  }
}

static void by_fourier(int64_t n, double sign, complex_number *z) {
  complex_number *y = calloc((size_t)n, sizeof *y);
  for (int64_t f = 0; f < n; f++)
    for (int64_t j = 0; j < n; j++) {
      const double angle = sign * TWO_PI * (double)(f * j % n) / (double)n;
      const complex_number p = times(z[j], (complex_number){cos(angle), sin(angle)});
      y[f] = (complex_number){y[f].re + p.re / sqrt((double)n), y[f].im + p.im / sqrt((double)n)};
    }
  memcpy(z, y, (size_t)n * sizeof *z);
  free(y);
}

static void by_permutation(int64_t n, const double *p, complex_number *z) {
  complex_number *y = malloc((size_t)n * sizeof *y);
  for (int64_t j = 0; j < n; j++) y[j] = z[(int64_t)p[j]];
  memcpy(z, y, (size_t)n * sizeof *z);
  free(y);
}

/* D3 R2 F^-1 D2 P R1 F D1 z, factor by factor as the paper has them. */
static void by_factors(net *m, complex_number *z) {
  const int64_t n = m->desc.hidden_size;
  seqgpu_param_info p;
  const double *w = parameter(m, NET_PARAMS, "phases_l0", &p),
               *v = parameter(m, NET_PARAMS, "reflections_l0", &p);
  by_phases(n, w, z);
  by_fourier(n, -1, z);
  by_reflection(n, v, z);
  by_permutation(n, parameter(m, NET_PARAMS, "permutation_l0", &p), z);
  by_phases(n, w + n, z);
  by_fourier(n, 1, z);
  by_reflection(n, v + 2 * n, z);
  by_phases(n, w + 2 * n, z);
}

/* The batch is the columns of the unit matrix, then i times them: what comes out is W as a dense matrix. */
static void check_dense(seqgpu_context *ctx, int64_t n, const char *plan, double tolerance) {
  net m;
  if (!open_linear(&m, ctx, 1, 2 * n, n, plan)) return;
  memset(m.value[NET_H0], 0, (size_t)m.count[NET_H0] * sizeof(double));
  for (int64_t b = 0; b < 2 * n; b++) m.value[NET_H0][b * 2 * n + b] = 1;
  net_round_inputs(&m);
  net_forward(&m);
  double *wanted = malloc((size_t)m.count[NET_HT] * sizeof *wanted);
  complex_number *z = calloc((size_t)n, sizeof *z);
  for (int64_t b = 0; b < 2 * n; b++) {
    memset(z, 0, (size_t)n * sizeof *z);
    z[b % n] = b < n ? (complex_number){1, 0} : (complex_number){0, 1};
    by_factors(&m, z);
    for (int64_t j = 0; j < n; j++) {
      wanted[b * 2 * n + j] = z[j].re;
      wanted[b * 2 * n + n + j] = z[j].im;
    }
  }
  check_on_plan(&m);
  check_error(check_norm_f64(m.value[NET_HT], wanted, m.count[NET_HT]), tolerance,
              "urnn, n = %lld, the dense matrix is its factors", (long long)n);
  free(z);
  free(wanted);
  net_close(&m);
}

/* --- norms --- */

static double norm_of(const double *v, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += v[i] * v[i];
  return sqrt(sum);
}

/* |after| / |before| - 1, the worst of the batch. */
static double norm_error(const net *n, int before, int after) {
  const int64_t width = 2 * n->desc.hidden_size;
  double worst = 0;
  for (int64_t b = 0; b < n->desc.batch; b++)
    worst = check_worse(
        fabs(norm_of(n->value[after] + b * width, width) / norm_of(n->value[before] + b * width, width) - 1),
        worst);
  return worst;
}

static void check_norm(seqgpu_context *ctx, int64_t n, const char *plan) {
  net m;
  if (!open_linear(&m, ctx, 1, 3, n, plan)) return;
  net_forward(&m);
  check_on_plan(&m);
  check_error(norm_error(&m, NET_H0, NET_HT), 1e-6, "urnn, n = %lld, |W h| = |h|", (long long)n);
  net_close(&m);
}

/* What rounding does to the norm in a step, 1,000 steps must not do a thousand times.  Small networks do not
 * treat all states alike, so of several; cuFFT has factors of its own. */
static void check_drift(seqgpu_context *ctx, int64_t n, const char *plan) {
  const int theirs = strcmp(seqgpu_context_device(ctx), "cuda") == 0 && plan && strcmp(plan, "cufft") == 0;
  net m;
  if (!open_linear(&m, ctx, 1000, 3, n, plan)) return;
  net_forward(&m);
  check_on_plan(&m);
  check_error(norm_error(&m, NET_H0, NET_HT),
              theirs   ? 1e-3
              : n < 64 ? 1e-4
                       : 4e-5,
              "urnn, n = %lld, |h| after 1,000 steps", (long long)n);
  net_close(&m);
}

/* Only the last state has a gradient of its own. */
static void check_long_gradient(seqgpu_context *ctx, double tolerance) {
  net m;
  if (!open_linear(&m, ctx, 1000, 2, 32, NULL)) return;
  memset(m.value[NET_DY], 0, (size_t)m.count[NET_DY] * sizeof(double));
  net_forward(&m);
  net_backward(&m);
  check_on_plan(&m);
  check_error(norm_error(&m, NET_DHT, NET_DH0), tolerance, "urnn, |dL/dh0| = |dL/dhT| over 1,000 steps");
  net_close(&m);
}

/* float32 beside float64 over 1,500 steps. */
static void check_long_error(seqgpu_context *ctx, seqgpu_context *oracle, int64_t n) {
  net m, ref;
  char where[64];
  if (!open_linear(&m, ctx, 1500, 2, n, NULL) || !open_linear(&ref, oracle, 1500, 2, n, NULL)) return;
  memset(m.value[NET_DY], 0, (size_t)m.count[NET_DY] * sizeof(double));
  net_round_inputs(&m);
  net_copy_inputs(&ref, &m);
  net_run(&m);
  net_run(&ref);
  const double error = net_error(&m, &ref, NET_Y, NET_DPARAMS, where);
  check_on_plan(&m);
  net_check(error, 8e-5, where, "urnn, n = %lld, 1,500 steps and their gradients", (long long)n);
  net_close(&m);
  net_close(&ref);
}

/* modReLU at z = 0 and about it, b of both signs: h and all gradients are finite. */
static void check_zero(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = described(3, 2, 6);
  net m;
  if (!net_open(&m, ctx, &desc, NULL)) return;
  net_fill(&m);
  seqgpu_param_info p;
  double *b = parameter(&m, NET_PARAMS, "bias_mod_l0", &p);
  for (int64_t j = 0; j < p.rows; j++) b[j] = j % 2 ? 0.5 : -0.5;
  for (int64_t i = 0; i < m.count[NET_X]; i++) m.value[NET_X][i] = i % 3 ? 0 : 1e-20;
  for (int64_t i = 0; i < m.count[NET_H0]; i++) m.value[NET_H0][i] = i % 4 ? 0 : 1e-20;
  net_forward(&m);
  net_backward(&m);
  int finite = 1;
  for (int t = NET_Y; t < NET_TENSORS; t++)
    for (int64_t i = 0; i < m.count[t]; i++) finite &= isfinite(m.value[t][i]) != 0;
  check_on(ctx);
  CHECK(finite, "urnn, all finite where z is 0 or nearly so");
  net_close(&m);
}

/* --- parameters --- */

/* Trained elements of a network with a linear layer on top. */
static int64_t trained(seqgpu_context *ctx, int64_t inputs, int64_t n, int64_t outputs) {
  seqgpu_rnn_desc desc = described(2, 2, n);
  desc.input_size = inputs;
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  net_require(ctx, seqgpu_params_create(ctx, 1, &params), "seqgpu_params_create");
  net_require(ctx, seqgpu_params_add_rnn(params, "rnn", plan, NULL), "seqgpu_params_add_rnn");
  const int64_t width = seqgpu_plan_get_sizes(plan).output_width;
  net_require(ctx, seqgpu_params_add(params, "weight", outputs, width, "xavier", 1, NULL), "weight");
  net_require(ctx, seqgpu_params_add(params, "bias", outputs, 1, "zeros", 0, NULL), "bias");
  const int64_t total = seqgpu_params_elements(params);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  return total;
}

static int is_permutation(const double *p, int64_t n) {
  int64_t found = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) found += p[j] == (double)i;
  return found == n;
}

/* Updates with weight decay, all rules: they change everything that is trained, and not the permutation. */
static void check_fixed(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = described(2, 2, 9);
  desc.num_layers = 2;
  desc.bidirectional = 1;
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  net_require(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan), "seqgpu_plan_create");
  net_require(ctx, seqgpu_params_create(ctx, check_random(), &params), "seqgpu_params_create");
  net_require(ctx, seqgpu_params_add_rnn(params, "rnn", plan, NULL), "seqgpu_params_add_rnn");
  int drawn = 1, kept = 1, moved = 1, fixed = 0;
  for (int kind = SEQGPU_OPTIMIZER_SGD; kind <= SEQGPU_OPTIMIZER_ADAM; kind++)
    for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
      seqgpu_param_info info;
      seqgpu_param p;
      net_require(ctx, seqgpu_plan_param_get(ctx, plan, i, &info), "seqgpu_plan_param_get");
      net_require(ctx, seqgpu_params_get(params, i, &p), "seqgpu_params_get");
      const int64_t n = info.rows * info.cols;
      double *before = malloc((size_t)(2 * n) * sizeof *before), *after = before + n;
      net_download(ctx, before, p.value, n);
      const seqgpu_optimizer rule = {.kind = (seqgpu_optimizer_kind)kind, .lr = 0.1, .weight_decay = 0.1};
      net_require(ctx, seqgpu_params_update(params, &rule), "seqgpu_params_update");
      net_download(ctx, after, p.value, n);
      const int same = memcmp(before, after, (size_t)n * sizeof *after) == 0;
      if (info.fixed) {
        fixed++;
        drawn &= is_permutation(after, n);
        kept &= same;
      } else {
        moved &= !same;
      }
      free(before);
    }
  check_on(ctx);
  CHECK(fixed == 4 * 4, "urnn, each layer and direction has one fixed parameter");
  CHECK(drawn, "urnn, the permutation is drawn as a permutation");
  CHECK(kept, "urnn, no update changes the permutation");
  CHECK(moved, "urnn, updates change everything else");
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

/* Numbers that are no permutation stand for the identity, whatever they are. */
static void check_no_permutation(seqgpu_context *ctx, const char *plan) {
  static const double spoilt[] = {(double)NAN, 1e30, -1e30,
                                  -1,          16,   3}; /* the last: twice, if it is not there */
  for (size_t i = 0; i < COUNT(spoilt); i++) {
    net a, b;
    seqgpu_param_info p;
    if (!open_linear(&a, ctx, 2, 2, 16, plan) || !open_linear(&b, ctx, 2, 2, 16, plan)) return;
    double *mine = parameter(&a, NET_PARAMS, "permutation_l0", &p);
    for (int64_t j = 0; j < 16; j++) mine[j] = (double)j;
    net_copy_inputs(&b, &a);
    parameter(&b, NET_PARAMS, "permutation_l0", &p)[7] = spoilt[i];
    net_forward(&a);
    net_backward(&a);
    net_forward(&b);
    net_backward(&b);
    double worst = 0;
    for (int t = NET_Y; t < NET_TENSORS; t++)
      for (int64_t j = 0; j < a.count[t]; j++)
        worst = check_worse(fabs(a.value[t][j] - b.value[t][j]), worst);
    check_on_plan(&a);
    check_error(worst, 0, "urnn, a permutation with %g is the identity", spoilt[i]);
    net_close(&a);
    net_close(&b);
  }
}

/* --- plans --- */

static const int32_t ragged[3] = {3, 0, 4};

typedef struct plan_row {
  const char *name;
  const int32_t *lengths;
  int own_state; /* start from h0 */
  seqgpu_rnn_desc desc;
} plan_row;

static const plan_row plan_rows[] = {
    {"plain", NULL, 0, {0}},
    {"own first state", NULL, 1, {0}},
    {"ragged, both ways", ragged, 1, {.bidirectional = 1}},
    {"two layers", NULL, 0, {.num_layers = 2}},
    {"inference", ragged, 1, {.inference = 1, .bidirectional = 1}},
};

/* All powers of two that fused takes, and 5.  The emulator's threads are fibers: few steps, and few rows of the
 * larger sizes. */
static const int64_t plan_sizes[] = {4, 5, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

static void drop_first_state(net *n, int own) {
  if (own) n->run.initial[0] = NULL;
}

typedef struct trial {
  net ref;
  int own;
} trial;

static void trial_run(void *self) {
  trial *t = (trial *)self;
  drop_first_state(&t->ref, t->own);
  net_run(&t->ref);
}
static void trial_draw(void *self) { net_draw(&((trial *)self)->ref); }

/* Forward by one plan, backward by another, which finds the reserve of the first. */
static void check_plans(seqgpu_context *ctx, seqgpu_context *oracle, const char *first, const char *second,
                        const plan_row *row, int64_t size) {
  seqgpu_rnn_desc desc = row->desc;
  const seqgpu_rnn_desc base = described(size > 64 ? 2 : 4, 3, size);
  desc.cell = base.cell;
  desc.input_size = base.input_size;
  desc.hidden_size = size;
  desc.seq_len = base.seq_len;
  desc.batch = base.batch;
  int32_t lengths[3];
  for (int b = 0; b < 3; b++) lengths[b] = ragged[b] < desc.seq_len ? ragged[b] : (int32_t)desc.seq_len;
  const int32_t *given = row->lengths ? lengths : NULL;
  trial t = {.own = row->own_state};
  problem p = {trial_draw, trial_run, &t, {0}, {0}};
  const int last = desc.inference ? NET_QT : NET_DPARAMS;
  if (!net_open(&t.ref, oracle, &desc, given)) return;
  for (int i = 0; i < NET_Y; i++) list_add(&p.in, net_names[i], t.ref.value[i], t.ref.count[i]);
  net_list(&t.ref, NET_Y, last, &p.out);
  if (!problem_draw(&p, SEQGPU_MATH_F32, row->name)) return;
  net a, b;
  char where[64];
  if (!net_open_as(&a, ctx, &desc, first, given)) return;
  if (!net_open_as(&b, ctx, &desc, second, given)) return;
  net_copy_inputs(&a, &t.ref);
  net_copy_inputs(&b, &t.ref);
  drop_first_state(&a, row->own_state);
  drop_first_state(&b, row->own_state);
  net_forward(&a);
  double error = net_error(&a, &t.ref, NET_Y, NET_QT, where);
  if (!desc.inference) {
    b.run.reserve = a.run.reserve;
    net_backward(&b);
    char there[64];
    const double back = net_error(&b, &t.ref, NET_DX, NET_DPARAMS, there);
    if (!(back <= error)) memcpy(where, there, sizeof where);
    error = check_worse(back, error);
  }
  check_on_plan(&a);
  net_check(error, 1e-5, where, "urnn, backward by %s, n = %lld, %s", seqgpu_plan_algorithm(b.plan),
            (long long)size, row->name);
  net_close(&a);
  net_close(&b);
  net_close(&t.ref);
}

static void check_refusal(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm,
                          const char *words) {
  seqgpu_plan *plan = NULL;
  const seqgpu_plan_options options = {.algorithm = algorithm};
  const seqgpu_status status = seqgpu_plan_create(ctx, desc, &options, &plan);
  CHECK(status == SEQGPU_EUNSUPPORTED && strstr(seqgpu_last_error(ctx), words), "%s refuses n = %lld, %s",
        algorithm, (long long)desc->hidden_size, words);
  seqgpu_plan_destroy(plan);
}

/* --- operations --- */

#ifdef SEQGPU_WITH_EMULATOR

/* Operations per step of one sequence, as the emulator counts them: [0] forward, [1] backward. */
static int count_step(seqgpu_context *emulator, int64_t n, double out[2]) {
  uint64_t at[3];
  out[0] = out[1] = 0;
  for (int64_t T = 1; T <= 2; T++) {
    seqgpu_rnn_desc desc = described(T, 1, n);
    net m;
    if (!net_open_as(&m, emulator, &desc, "fused", NULL)) return 0;
    net_fill(&m);
    at[0] = sq_simt_operations();
    net_forward(&m);
    at[1] = sq_simt_operations();
    net_backward(&m);
    at[2] = sq_simt_operations();
    for (int i = 0; i < 2; i++) out[i] += (T == 2 ? 1 : -1) * (double)(at[i + 1] - at[i]);
    net_close(&m);
  }
  return 1;
}

/* Of a transform of one number, as kernels/urnn/fused.cu says; up to n = 128 the emulated kernel keeps powers. */
static double said_of_transform(int stages) {
  return (stages <= 7 ? 8.5 : 11.5) * floor((stages - 1) / 2.0) + (stages % 2 == 0 ? 4 : 2);
}

static void check_operations(void) {
  seqgpu_context *emulator = net_context("emulator", SEQGPU_DTYPE_F32, 1);
  check_at("emulator/fused f32");
  for (int stages = 7; stages <= 10; stages++) { /* below, threads without numbers count as well */
    const double n = (double)(1 << stages), transform = said_of_transform(stages);
    const double said[2] = {2 * transform + 62, 4 * transform + 155};
    double counted[2];
    if (!count_step(emulator, 1 << stages, counted)) break;
    for (int i = 0; i < 2; i++) {
      const double ratio = counted[i] / n / said[i];
      CHECK(ratio > 0.99 && ratio < 1.01,
            "urnn, n = %.0f, %s does %.0f operations a step, %.3f of what is said", n,
            i ? "backward" : "forward", counted[i], ratio);
    }
  }
  seqgpu_context_destroy(emulator);
}

#else

static void check_operations(void) {
  check_skip("this build has no emulator, which counts them", "operations of the fused kernel");
}

#endif

/* Sizes for which float32 tables rounded to nearest lose up to 2e-7 of the norm in a step. */
static const struct drift_row {
  int64_t n;
  const char *plan;
} drift_rows[] = {{20, "step"}, {20, "cufft"}, {97, "step"}, {100, "cufft"}, {128, "step"}, {128, "fused"}};

static void check_device(const char *device, seqgpu_context *oracle) {
  static const char *const plans[] = {"step", "fused", "cufft"};
  const seqgpu_context_options options = {.device = device};
  seqgpu_context *ctx = NULL;
  check_at("%s f32", device);
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    check_skip(seqgpu_last_error(ctx), "plans");
    seqgpu_context_destroy(ctx);
    return;
  }
  for (size_t s = 0; s < COUNT(plan_sizes); s++)
    for (size_t r = 0; r < COUNT(plan_rows); r++)
      for (size_t i = 0; i < COUNT(plans); i++) {
        const int64_t n = plan_sizes[s];
        const size_t next = n == 5 ? 2 - i : (i + 1) % 3; /* no fused for 5 */
        if ((n == 5 && i == 1) || (n > 64 && r > 0)) continue;
        if (n > 512 && strcmp(device, "emulator") == 0) continue;
        check_plans(ctx, oracle, plans[i], plans[i], &plan_rows[r], n);
        if (!plan_rows[r].desc.inference) check_plans(ctx, oracle, plans[i], plans[next], &plan_rows[r], n);
      }
  for (size_t i = 0; i < COUNT(plans); i++) {
    check_dense(ctx, 16, plans[i], 2e-6);
    check_norm(ctx, 64, plans[i]);
    check_no_permutation(ctx, plans[i]);
  }
  for (size_t i = 0; i < COUNT(drift_rows); i++) check_drift(ctx, drift_rows[i].n, drift_rows[i].plan);
  seqgpu_rnn_desc desc = described(2, 2, 12);
  check_refusal(ctx, &desc, "fused", "powers of two");
  desc.hidden_size = 8192;
  check_refusal(ctx, &desc, "fused", "powers of two");
  check_refusal(ctx, &desc, "step", "shared memory");
  desc.cell = "rnn";
  check_refusal(ctx, &desc, "fused", "urnn");
  seqgpu_context_destroy(ctx);
}

int main(void) {
  static const int64_t sizes[] = {2, 3, 7, 8, 12, 16, 33}, drift_sizes[] = {20, 97, 100, 128};
  check_start();
  seqgpu_context *f64 = net_context("cpu", SEQGPU_DTYPE_F64, 1),
                 *f32 = net_context("cpu", SEQGPU_DTYPE_F32, 1);
  check_transforms();
  for (size_t i = 0; i < COUNT(sizes); i++) check_dense(f64, sizes[i], NULL, 1e-12);
  for (int64_t n = 2; n <= 512; n = n * 3 / 2 + 1) check_norm(f32, n, NULL);
  for (int64_t n = 2; n <= 4096; n *= 2) check_norm(f32, n, NULL);
  for (size_t i = 0; i < COUNT(drift_sizes); i++) check_drift(f32, drift_sizes[i], NULL);
  check_long_error(f32, f64, 100);
  check_long_gradient(f64, 1e-12);
  check_long_gradient(f32, 1e-4);
  check_zero(f32);
  CHECK(trained(f32, 10, 128, 9) == 6153, "copying memory: 128 units have the paper's 6,153 numbers");
  CHECK(trained(f32, 2, 512, 1) == 8193, "adding: 512 units have the paper's 8,193 numbers");
  check_fixed(f32);
  check_fixed(f64);
  check_no_permutation(f32, NULL);
  if (check_is_for("emulator")) check_device("emulator", f64);
  check_operations();
  if (check_is_for("cuda")) check_device("cuda", f64);
  seqgpu_context_destroy(f64);
  seqgpu_context_destroy(f32);
  return check_finish();
}
