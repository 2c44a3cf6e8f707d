/* net.h - a recurrent network under test: one plan and all tensors of a run, seen from outside in float64.
 *
 *   net n;
 *   net_open(&n, ctx, &desc, lengths);     plan; guarded, poisoned buffers for every tensor of the run
 *   net_fill(&n);                          random inputs; net_copy_inputs gives two networks the same ones
 *   net_forward(&n); net_backward(&n);     the outputs are in n.value afterwards
 *   net_close(&n);                         looks at the guards
 *
 * The run has the descriptor's T and B.  `value` is host memory in float64 whatever the context computes in.
 * A call that fails is a failed check, so tests only compare numbers.
 */
#ifndef NET_H
#define NET_H

#include "tests/conditioned.h"

typedef enum net_tensor {
  NET_X,
  NET_PARAMS,
  NET_H0,
  NET_C0,
  NET_Q0,
  NET_DY,
  NET_DHT,
  NET_DCT,
  NET_DQT, /* in */
  NET_Y,
  NET_HT,
  NET_CT,
  NET_QT,
  NET_DX,
  NET_DH0,
  NET_DC0,
  NET_DQ0,
  NET_DPARAMS, /* out */
  NET_TENSORS
} net_tensor;
enum { NET_STATES = NET_DY - NET_H0 };

static const char *const net_names[NET_TENSORS] = {"x",   "params", "h0",  "c0",  "q0",  "dy",
                                                   "dhT", "dcT",    "dqT", "y",   "hT",  "cT",
                                                   "qT",  "dx",     "dh0", "dc0", "dq0", "dparams"};

typedef struct net {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_desc desc; /* the plan's, num_layers filled in */
  int states;
  int64_t count[NET_TENSORS]; /* elements; 0: the cell has no such tensor */
  double *value[NET_TENSORS];
  void *device[NET_TENSORS];
  int32_t *lengths; /* device, or NULL */
  void *reserve, *workspace;
  seqgpu_rnn_run run;
} net;

/* --- device memory with guards: on a host device check.h's, else guards that are read back --- */

static inline int net_on_host(const seqgpu_context *ctx) {
  return strcmp(seqgpu_context_device(ctx), "cuda") != 0;
}

/* Whether it succeeded; a call that fails is a failed check. */
static inline int net_require(seqgpu_context *ctx, seqgpu_status status, const char *what) {
  if (status == SEQGPU_OK) return 1;
  check_record(0, seqgpu_last_error(ctx), "%s gives %s", what, seqgpu_status_name(status));
  return 0;
}

/* A poisoned buffer of device memory; `name` must outlive it. */
static inline void *net_alloc(seqgpu_context *ctx, const char *name, size_t bytes) {
  if (net_on_host(ctx)) return check_alloc(name, bytes);
  enum { GUARD = 256 };
  void *base = NULL;
  unsigned char *host = (unsigned char *)malloc(bytes + 2 * GUARD);
  memset(host, 0xff, bytes + 2 * GUARD);
  for (size_t i = 0; i < GUARD; i++) host[i] = host[GUARD + bytes + i] = check_guard_byte(i);
  net_require(ctx, seqgpu_malloc(ctx, bytes + 2 * GUARD, &base), "seqgpu_malloc");
  net_require(ctx, seqgpu_copy_in(ctx, base, host, bytes + 2 * GUARD), "seqgpu_copy_in");
  free(host);
  return (char *)base + GUARD;
}

static inline void net_free(seqgpu_context *ctx, const char *name, void *buffer, size_t bytes) {
  enum { GUARD = 256 };
  if (buffer == NULL) return;
  if (net_on_host(ctx)) {
    check_free(buffer);
    return;
  }
  unsigned char *host = (unsigned char *)malloc(bytes + 2 * GUARD);
  char *base = (char *)buffer - GUARD;
  net_require(ctx, seqgpu_copy_out(ctx, host, base, bytes + 2 * GUARD), "seqgpu_copy_out");
  int whole = 1;
  for (size_t i = 0; i < GUARD; i++)
    whole &= host[i] == check_guard_byte(i) && host[GUARD + bytes + i] == check_guard_byte(i);
  if (!whole) check_record(0, "bytes around the buffer were overwritten", "guard of %s", name);
  free(host);
  seqgpu_free(ctx, base);
}

/* n elements from float64 into the context's type, and back. */
static inline void net_upload(seqgpu_context *ctx, void *device, const double *from, int64_t n) {
  float *narrow = NULL;
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  if (size == sizeof(float)) {
    narrow = (float *)malloc((size_t)n * sizeof(float) + 1);
    for (int64_t i = 0; i < n; i++) narrow[i] = (float)from[i];
  }
  const void *host = narrow ? (const void *)narrow : from;
  net_require(ctx, seqgpu_copy_in(ctx, device, host, (size_t)n * size), "seqgpu_copy_in");
  free(narrow);
}

/* Bytes from the device; NaN where that fails. */
static inline void net_copy_out(seqgpu_context *ctx, void *to, const void *device, size_t bytes) {
  if (!net_require(ctx, seqgpu_copy_out(ctx, to, device, bytes), "seqgpu_copy_out")) memset(to, 0xff, bytes);
}

static inline void net_download(seqgpu_context *ctx, double *to, const void *device, int64_t n) {
  const size_t bytes = (size_t)n * seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  if (seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64) {
    net_copy_out(ctx, to, device, bytes);
    return;
  }
  float *narrow = (float *)malloc(bytes + 1);
  net_copy_out(ctx, narrow, device, bytes);
  for (int64_t i = 0; i < n; i++) to[i] = (double)narrow[i];
  free(narrow);
}

/* --- life --- */

static inline size_t net_bytes(const net *n, int64_t count) {
  return (size_t)count * seqgpu_dtype_size(seqgpu_context_dtype(n->ctx));
}

static inline void net_sizes(net *n) {
  const seqgpu_rnn_desc *d = &n->desc;
  const int64_t rows = d->seq_len * d->batch;
  const int64_t layers = d->num_layers * (d->bidirectional ? 2 : 1) * d->batch;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(n->plan);
  const int64_t h = layers * sizes.state_width[0], c = layers * sizes.state_width[1],
                q = layers * sizes.state_width[2];
  const int64_t x = rows * d->input_size, y = rows * sizes.output_width, params = sizes.param_elements;
  const int64_t count[NET_TENSORS] = {x, params, h, c, q, y, h, c, q, y, h, c, q, x, h, c, q, params};
  memcpy(n->count, count, sizeof count);
}

/* Aims the run at the buffers. */
static inline void net_aim(net *n) {
  void **at = n->device;
  n->run = (seqgpu_rnn_run){.seq_len = n->desc.seq_len,
                            .batch = n->desc.batch,
                            .lengths = n->lengths,
                            .params = at[NET_PARAMS],
                            .x = at[NET_X],
                            .initial = {at[NET_H0], at[NET_C0], at[NET_Q0]},
                            .y = at[NET_Y],
                            .final = {at[NET_HT], at[NET_CT], at[NET_QT]},
                            .reserve = n->reserve,
                            .workspace = n->workspace,
                            .seed = 11,
                            .offset = 1000,
                            .dy = at[NET_DY],
                            .dfinal = {at[NET_DHT], at[NET_DCT], at[NET_DQT]},
                            .dx = at[NET_DX],
                            .dinitial = {at[NET_DH0], at[NET_DC0], at[NET_DQ0]},
                            .dparams = at[NET_DPARAMS]};
}

/* 1 if there is a plan with these options (NULL: the defaults); else a failed check. */
static inline int net_open_with(net *n, seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                                const seqgpu_plan_options *options, const int32_t *lengths) {
  memset(n, 0, sizeof *n);
  n->ctx = ctx;
  const seqgpu_status status = seqgpu_plan_create(ctx, desc, options, &n->plan);
  net_require(ctx, status, "seqgpu_plan_create");
  if (status != SEQGPU_OK) return 0;
  n->desc = seqgpu_plan_get_desc(n->plan);
  n->states = seqgpu_plan_get_sizes(n->plan).state_count;
  net_sizes(n);
  for (int i = 0; i < NET_TENSORS; i++) {
    if (n->count[i] == 0) continue;
    n->value[i] = (double *)calloc((size_t)n->count[i], sizeof(double));
    n->device[i] = net_alloc(ctx, net_names[i], net_bytes(n, n->count[i]));
  }
  if (!desc->inference) n->reserve = net_alloc(ctx, "reserve", seqgpu_plan_get_sizes(n->plan).reserve);
  n->workspace = net_alloc(ctx, "workspace", seqgpu_plan_get_sizes(n->plan).workspace);
  if (lengths) {
    const size_t bytes = (size_t)desc->batch * sizeof *lengths;
    n->lengths = (int32_t *)net_alloc(ctx, "lengths", bytes);
    net_require(ctx, seqgpu_copy_in(ctx, n->lengths, lengths, bytes), "seqgpu_copy_in");
  }
  net_aim(n);
  return 1;
}

/* The same by an algorithm of this name, and by the planner's choice. */
static inline int net_open_as(net *n, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm,
                              const int32_t *lengths) {
  const seqgpu_plan_options options = {.algorithm = algorithm};
  return net_open_with(n, ctx, desc, &options, lengths);
}

static inline int net_open(net *n, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const int32_t *lengths) {
  return net_open_with(n, ctx, desc, NULL, lengths);
}

static inline void net_close(net *n) {
  if (n->plan == NULL) return;
  for (int i = 0; i < NET_TENSORS; i++) {
    net_free(n->ctx, net_names[i], n->device[i], net_bytes(n, n->count[i]));
    free(n->value[i]);
  }
  if (n->reserve) net_free(n->ctx, "reserve", n->reserve, seqgpu_plan_get_sizes(n->plan).reserve);
  net_free(n->ctx, "workspace", n->workspace, seqgpu_plan_get_sizes(n->plan).workspace);
  if (n->lengths) net_free(n->ctx, "lengths", n->lengths, (size_t)n->desc.batch * sizeof *n->lengths);
  seqgpu_plan_destroy(n->plan);
  n->plan = NULL;
}

/* --- inputs --- */

/* Parameters for a relu that keep every pre-activation a far from its kink, at any depth and length: |b| in
 * 2..3, and rows of W_ih and W_hh with absolute sums of at most 0.15, the former also times what a sum of
 * directions and dropout can do to the input.  By induction |h| <= 3 / (1 - 0.3) < 4.3 and |a| >= 2 - 0.3 *
 * 4.3 > 0.7.  Every third unit is dead. */
static inline void net_fill_relu(net *n) {
  const double gain = (n->desc.merge == SEQGPU_MERGE_SUM ? 2 : 1) / (1 - n->desc.dropout);
  seqgpu_param_info p;
  for (int i = 0; i < seqgpu_plan_param_count(n->plan); i++) {
    net_require(n->ctx, seqgpu_plan_param_get(n->ctx, n->plan, i, &p), "seqgpu_plan_param_get");
    double *at = n->value[NET_PARAMS] + p.offset;
    const double width = (double)p.cols * (strncmp(p.name, "weight_ih", 9) ? 1 : gain);
    const int bias = strncmp(p.name, "bias", 4) == 0;
    for (int64_t j = 0; j < p.rows * p.cols; j++)
      at[j] = bias ? check_uniform(2, 3) * (j % 3 == 2 ? -1 : 1)
                   : check_uniform(0.05, 0.15) / width * (check_random() & 1 ? 1 : -1);
  }
}

/* Numbers of at least `low` and either sign. */
static inline void net_fill_away(double *at, int64_t count, double low, double high) {
  for (int64_t j = 0; j < count; j++) at[j] = check_uniform(low, high) * (check_random() & 1 ? 1 : -1);
}

/* Parameters that are not just numbers around 0.  Vectors of reflections: away from 0, where their direction
 * would hang on the last bits.  Thresholds of modReLU, whose kink is at |z| = -b: far below, or above 0, so
 * that it is not met, and small, since b z / |z| hangs on the last bits of a small z; every second unit is
 * dead, since a unitary network that forgets nothing adds up all roundings.  Its input: strong, for the same
 * small z.  A permutation.  Variances. */
static inline void net_fill_special(net *n) {
  seqgpu_param_info p;
  const int complex_units = strcmp(n->desc.cell, "urnn") == 0;
  for (int i = 0; i < seqgpu_plan_param_count(n->plan); i++) {
    net_require(n->ctx, seqgpu_plan_param_get(n->ctx, n->plan, i, &p), "seqgpu_plan_param_get");
    double *at = n->value[NET_PARAMS] + p.offset;
    const int64_t count = p.rows * p.cols;
    if (strncmp(p.name, "vectors", 7) == 0 || strncmp(p.name, "reflections", 11) == 0)
      net_fill_away(at, count, 0.5, 1);
    for (int64_t j = 0; strncmp(p.name, "bias_mod", 8) == 0 && j < count; j++)
      at[j] = j % 2 ? -1000 : check_uniform(0.001, 0.003);
    for (int64_t j = 0; strncmp(p.name, "weight_ih", 9) == 0 && complex_units && j < count; j++) at[j] *= 3;
    for (int64_t j = 0; strncmp(p.name, "running_var", 11) == 0 && j < count; j++)
      at[j] = check_uniform(0.5, 1.5);
    for (int64_t j = 0; strncmp(p.name, "permutation", 11) == 0 && j < count; j++) { /* Fisher & Yates */
      const int64_t place = check_below(j + 1);
      at[j] = at[place];
      at[place] = (double)j;
    }
  }
}

/* Everything in +-1, weights in +-1.5 / sqrt(hidden_size): gates neither dead nor linear.  A single unit,
 * which has no others to hide behind, gets no weights that could saturate it: 1 - h^2 has lost its digits
 * there. */
static inline void net_fill(net *n) {
  for (int i = 0; i < NET_Y; i++) check_fill_f64(n->value[i], n->count[i], -1, 1);
  const double scale = 1.5 / sqrt(fmax(3, (double)n->desc.hidden_size));
  check_fill_f64(n->value[NET_PARAMS], n->count[NET_PARAMS], -scale, scale);
  if (n->desc.activation == SEQGPU_ACTIVATION_RELU) net_fill_relu(n);
  net_fill_special(n);
  if (n->desc.activation == SEQGPU_ACTIVATION_IDENTITY) /* nothing bounds the state */
    for (int64_t i = 0; i < n->count[NET_PARAMS]; i++) n->value[NET_PARAMS][i] *= 0.5;
}

/* Both in float32's numbers, so that precisions can be compared: inputs rounded once. */
static inline void net_round_inputs(net *n) {
  for (int i = 0; i < NET_Y; i++)
    for (int64_t j = 0; j < n->count[i]; j++) n->value[i][j] = (double)(float)n->value[i][j];
}

static inline void net_copy_inputs(net *to, const net *from) {
  for (int i = 0; i < NET_Y; i++)
    if (from->count[i]) memcpy(to->value[i], from->value[i], (size_t)from->count[i] * sizeof(double));
}

/* Padded steps of x and dy become NaN: they may not be looked at. */
static inline void net_poison_padding(net *n, const int32_t *lengths) {
  static const int tensors[2] = {NET_X, NET_DY};
  const int64_t T = n->desc.seq_len, B = n->desc.batch;
  for (int64_t i = 0; lengths && i < 2 * T * B; i++) {
    const int tensor = tensors[i % 2];
    const int64_t row = i / 2, width = n->count[tensor] / (T * B);
    const int64_t t = n->desc.batch_first ? row % T : row / B, b = n->desc.batch_first ? row / T : row % B;
    for (int64_t j = 0; t >= lengths[b] && j < width; j++) n->value[tensor][row * width + j] = (double)NAN;
  }
}

/* --- runs --- */

static inline void net_poison(net *n, int tensor) {
  const size_t bytes = net_bytes(n, n->count[tensor]);
  if (bytes == 0) return;
  void *host = malloc(bytes);
  memset(host, 0xff, bytes);
  net_require(n->ctx, seqgpu_copy_in(n->ctx, n->device[tensor], host, bytes), "seqgpu_copy_in");
  free(host);
}

static inline void net_upload_inputs(net *n) {
  for (int i = NET_X; i < NET_Y; i++) net_upload(n->ctx, n->device[i], n->value[i], n->count[i]);
}

static inline seqgpu_status net_forward(net *n) {
  net_upload_inputs(n);
  for (int i = NET_Y; i <= NET_QT; i++) net_poison(n, i);
  const seqgpu_status status = seqgpu_rnn_forward(n->ctx, n->plan, &n->run);
  net_require(n->ctx, status, "seqgpu_rnn_forward");
  for (int i = NET_Y; i <= NET_QT; i++) net_download(n->ctx, n->value[i], n->device[i], n->count[i]);
  return status;
}

/* Parameter gradients accumulate onto what n->value[NET_DPARAMS] holds: zeros after net_open. */
static inline seqgpu_status net_backward(net *n) {
  net_upload_inputs(n);
  for (int i = NET_DX; i <= NET_DC0; i++) net_poison(n, i);
  net_upload(n->ctx, n->device[NET_DPARAMS], n->value[NET_DPARAMS], n->count[NET_DPARAMS]);
  const seqgpu_status status = seqgpu_rnn_backward(n->ctx, n->plan, &n->run);
  net_require(n->ctx, status, "seqgpu_rnn_backward");
  for (int i = NET_DX; i < NET_TENSORS; i++) net_download(n->ctx, n->value[i], n->device[i], n->count[i]);
  return status;
}

/* --- comparison --- */

/* All outputs the same bits. */
static inline int net_same_bits(const net *a, const net *b) {
  int same = 1;
  for (int i = NET_Y; i < NET_TENSORS; i++)
    same &= a->count[i] == 0 || memcmp(a->value[i], b->value[i], (size_t)a->count[i] * sizeof(double)) == 0;
  return same;
}

/* Tensors first..last, each parameter and each parameter's gradient one of its own.  Parameters that are
 * fixed are left out: a permutation cannot be moved a little. */
static inline void net_list(const net *n, int first, int last, tensor_list *list) {
  list->count = 0;
  for (int i = first; i <= last; i++) {
    const int in = i == NET_PARAMS, parameters = in || i == NET_DPARAMS;
    if (!parameters) list_add(list, net_names[i], n->value[i], n->count[i]);
    for (int k = 0; parameters && k < seqgpu_plan_param_count(n->plan); k++) {
      seqgpu_param_info p;
      char name[64];
      net_require(n->ctx, seqgpu_plan_param_get(n->ctx, n->plan, k, &p), "seqgpu_plan_param_get");
      snprintf(name, sizeof name, "%.40s%s", p.name, in ? "" : " (gradient)");
      if (!(in && p.fixed)) list_add(list, name, n->value[i] + p.offset, p.rows * p.cols);
    }
  }
}

/* Worst |out - ref| / |ref| of tensors first..last; *where (64 bytes) names it. */
static inline double net_error(const net *out, const net *ref, int first, int last, char *where) {
  tensor_list ours, theirs;
  net_list(out, first, last, &ours);
  net_list(ref, first, last, &theirs);
  double *wanted = list_copy(&theirs);
  const double error = list_error(&ours, wanted, where);
  free(wanted);
  return error;
}

/* The checks from here on are of this context, or of this network's plan. */
static inline void check_on(const seqgpu_context *ctx) {
  check_at("%s %s", seqgpu_context_device(ctx),
           seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64 ? "f64" : "f32");
}
static inline void check_on_plan(const net *n) {
  const int wide = seqgpu_context_dtype(n->ctx) == SEQGPU_DTYPE_F64;
  check_at("%s %s", seqgpu_plan_algorithm(n->plan), wide ? "f64" : arithmetic[n->desc.math].name);
}

/* One check: error <= tolerance, the tensor named when it fails. */
__attribute__((format(printf, 4, 5))) static inline int net_check(double error, double tolerance,
                                                                  const char *where, const char *name, ...) {
  char why[160], full[200];
  va_list names;
  va_start(names, name);
  vsnprintf(full, sizeof full, name, names);
  va_end(names);
  snprintf(why, sizeof why, "%s: error %.3g, allowed %.3g", where, error, tolerance);
  return check_record(error <= tolerance, why, "%s", full);
}

/* --- the reference --- */

static inline void net_draw(void *self) {
  net_fill((net *)self);
  net_round_inputs((net *)self);
}

static inline void net_run(void *self) {
  net *n = (net *)self;
  net_forward(n);
  if (n->desc.inference) return;
  if (n->count[NET_DPARAMS]) memset(n->value[NET_DPARAMS], 0, (size_t)n->count[NET_DPARAMS] * sizeof(double));
  net_backward(n);
}

/* The reference of a network that computes as exactly as `math`, a row of arithmetic[]: inputs drawn,
 * well-conditioned, in float32's numbers; forward and backward by the oracle.  0, a failed check and nothing
 * to close if there is none. */
static inline int net_reference(net *ref, seqgpu_context *oracle, const seqgpu_rnn_desc *desc,
                                const int32_t *lengths, int math) {
  problem p = {net_draw, net_run, ref, {0}, {0}};
  if (!net_open(ref, oracle, desc, lengths)) return 0;
  net_list(ref, NET_X, NET_DQT, &p.in);
  net_list(ref, NET_Y, desc->inference ? NET_QT : NET_DPARAMS, &p.out);
  if (problem_draw(&p, math, desc->cell)) return 1;
  net_close(ref);
  return 0;
}

/* The smallest |z| of a complex cell, whose gradient turns too fast near 0 for differences of STEP; for other
 * cells something large. */
static inline double net_least_modulus(net *n) {
  const int64_t count = n->desc.seq_len * n->desc.batch * n->desc.hidden_size;
  double least = 1, *re = (double *)malloc((size_t)(2 * count) * sizeof *re), *im = re + count;
  for (int layer = 0; strcmp(n->desc.cell, "urnn") == 0 && layer < n->desc.num_layers; layer++)
    for (int d = 0; d <= n->desc.bidirectional; d++) {
      int64_t width;
      net_require(n->ctx, seqgpu_rnn_inspect(n->ctx, n->plan, &n->run, layer, d, "re", re, &width), "re");
      net_require(n->ctx, seqgpu_rnn_inspect(n->ctx, n->plan, &n->run, layer, d, "im", im, &width), "im");
      for (int64_t i = 0; i < count; i++) {
        const double r = hypot(re[i], im[i]);
        if (r > 0 && r < least) least = r; /* 0: a padded step */
      }
    }
  free(re);
  return least;
}

/* A context that must open. */
static inline seqgpu_context *net_context(const char *device, seqgpu_dtype dtype, int threads) {
  const seqgpu_context_options options = {.device = device, .dtype = dtype, .threads = threads};
  seqgpu_context *ctx = NULL;
  const seqgpu_status status = seqgpu_context_create(&options, &ctx);
  net_require(ctx, status, "seqgpu_context_create");
  return ctx;
}

#endif
