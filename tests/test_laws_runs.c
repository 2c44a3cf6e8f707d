/* test_laws_runs.c - laws of how a network is run: threads, seeds, plans for inference and for larger runs,
 * memory that is shared or absent, what inspect sees.
 */
#include "tests/laws.h"

/* Any number of threads gives the same bits.  Large enough that the work is split. */
static double differ_by_threads(const contexts *c, const cell_row *cell, double omega) {
  const shape_row shape = {.size = {5, 7, 40, 65}, .desc = {.num_layers = 2, .dropout = 0.3, .omega = omega}};
  const seqgpu_rnn_desc desc = combine(cell, &shape);
  net a;
  net_open(&a, c->f32, &desc, NULL);
  net_fill(&a);
  net b = twin(&a, c->f32_threads, NULL);
  return differ_when_run(&a, &b, NET_Y, NET_DPARAMS);
}

static double law_threads(const contexts *c, const cell_row *cell) { return differ_by_threads(c, cell, 0); }

static double law_threads_omega(const contexts *c, const cell_row *cell) {
  return differ_by_threads(c, cell, 0.5);
}

/* Cells and options that Pascanu's regulariser is defined for. */
static int regularised(const cell_row *cell) {
  static const char *const cells[] = {"rnn", "leaky", "lstm", "lstm0", "gru"};
  int has = 0;
  for (size_t i = 0; i < COUNT(cells); i++) has |= strcmp(cell->desc.cell, cells[i]) == 0;
  return has && quiet(cell) && !is_normed(&cell->desc);
}

/* Same seed and offset, same bits; another offset, another mask; without reserve, none at all. */
static double law_seed(const contexts *c, const cell_row *cell) {
  const seqgpu_rnn_desc dropped = {.num_layers = 2, .dropout = 0.5};
  net a = fresh(c->f32, cell, 4, 3, dropped, NULL);
  if (cell->desc.activation == SEQGPU_ACTIVATION_RELU) /* no dead units: a mask must show */
    for (int64_t i = 0; i < a.count[NET_PARAMS]; i++) a.value[NET_PARAMS][i] = fabs(a.value[NET_PARAMS][i]);
  net b = twin(&a, c->f32, NULL);
  run(&a);
  run(&b);
  double worst = differ_in(&a, &b, NET_Y, NET_DPARAMS);
  b.run.offset += seqgpu_plan_get_sizes(b.plan).random_blocks;
  net_forward(&b);
  if (differ_in(&a, &b, NET_Y, NET_Y) == 0) worst = 1;
  b.run.offset = a.run.offset;
  b.run.seed++;
  net_forward(&b);
  if (differ_in(&a, &b, NET_Y, NET_Y) == 0) worst = 1;
  b.run.reserve = NULL;
  net_forward(&b);
  net plain = fresh(c->f32, cell, 4, 3, (seqgpu_rnn_desc){.num_layers = 2}, NULL);
  net_copy_inputs(&plain, &b);
  if (is_noisy(&cell->desc) || is_batch_normed(&cell->desc)) plain.run.reserve = NULL;
  net_forward(&plain);
  worst = check_worse(differ_in(&plain, &b, NET_Y, NET_QT), worst);
  net_close(&plain);
  net_close(&a);
  net_close(&b);
  return worst;
}

/* A plan for inference computes what training computes, in chunks or not. */
static double law_inference(const contexts *c, const cell_row *cell) {
  seqgpu_rnn_desc options = {.num_layers = 3, .bidirectional = 1};
  net a = fresh(c->f32, cell, 9, 150, options, NULL);
  options.inference = 1;
  net b = opened(c->f32, cell, 9, 150, options, NULL);
  net_copy_inputs(&b, &a);
  net_forward(&a);
  net_forward(&b);
  return differ_at_end(&a, &b, NET_Y, NET_QT);
}

/* A plan serves any smaller run with the memory it asked for, and the buffers of the smaller run. */
static double law_smaller_run(const contexts *c, const cell_row *cell) {
  static const int64_t sizes[][4] = {
      {6, 4, 4, 3}, {9, 600, 9, 512}, {9, 1500, 8, 700}}; /* plan T,B; run T,B */
  int32_t lengths[1500];
  double worst = 0;
  for (size_t k = 0; k < COUNT(sizes); k++) {
    seqgpu_rnn_desc options = BOTH_WAYS;
    for (int i = 0; i < 1500; i++) lengths[i] = (int32_t)check_below(sizes[k][2] + 1);
    options.inference = k > 0;
    options.omega = regularised(cell) ? 0.5 : 0;
    net plan = opened(c->f32, cell, sizes[k][0], sizes[k][1], options, lengths);
    net a = fresh(c->f32, cell, sizes[k][2], sizes[k][3], options, lengths), b = twin(&a, c->f32, lengths);
    seqgpu_plan *own = b.plan;
    void *workspace = b.run.workspace, *reserve = b.run.reserve;
    b.plan = plan.plan;
    b.run.workspace = plan.workspace;
    b.run.reserve = plan.reserve;
    run(&a);
    run(&b);
    worst = check_worse(differ_in(&a, &b, NET_Y, options.inference ? NET_QT : NET_DPARAMS), worst);
    b.plan = own;
    b.run.workspace = workspace;
    b.run.reserve = reserve;
    net_close(&a);
    net_close(&b);
    net_close(&plan);
  }
  return worst;
}

/* The second backward adds to dparams and replaces everything else. */
static double law_accumulate(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f64, cell, 3, 2, DEEP, NULL), b = twin(&a, c->f64, NULL);
  run(&a);
  run(&b);
  net_backward(&b);
  for (int64_t i = 0; i < b.count[NET_DPARAMS]; i++) b.value[NET_DPARAMS][i] *= 0.5;
  return differ_at_end(&a, &b, NET_Y, NET_DPARAMS);
}

/* Final states may be written over the initial ones, and the gradients at these over those at the final ones. */
static double law_in_place(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f32, cell, 4, 3, DEEP, NULL), b = twin(&a, c->f32, NULL);
  run(&a);
  for (int i = 0; i < NET_STATES; i++) {
    b.run.final[i] = b.device[NET_H0 + i];
    b.run.dinitial[i] = b.device[NET_DHT + i];
  }
  net_forward(&b);
  for (int i = 0; i < NET_STATES; i++)
    net_download(b.ctx, b.value[NET_HT + i], b.device[NET_H0 + i], b.count[NET_H0 + i]);
  net_backward(&b);
  for (int i = 0; i < NET_STATES; i++)
    net_download(b.ctx, b.value[NET_DH0 + i], b.device[NET_DHT + i], b.count[NET_DH0 + i]);
  return differ_at_end(&a, &b, NET_Y, NET_DPARAMS);
}

/* NULL is zeros where it is read, and "not wanted" where it would be written. */
static double law_null(const contexts *c, const cell_row *cell) {
  static const int zero[] = {NET_H0, NET_C0, NET_Q0, NET_DHT, NET_DCT, NET_DQT};
  net a = fresh(c->f32, cell, 4, 3, DEEP, NULL);
  for (size_t z = 0; z < COUNT(zero); z++)
    for (int64_t i = 0; i < a.count[zero[z]]; i++) a.value[zero[z]][i] = 0;
  net b = twin(&a, c->f32, NULL);
  run(&a);
  for (int s = 0; s < NET_STATES; s++)
    b.run.initial[s] = b.run.dfinal[s] = b.run.final[s] = b.run.dinitial[s] = NULL;
  run(&b);
  double worst = differ_in(&a, &b, NET_Y, NET_Y);
  worst = check_worse(differ_in(&a, &b, NET_DX, NET_DX),
                      check_worse(differ_in(&a, &b, NET_DPARAMS, NET_DPARAMS), worst));
  b.run.dparams = NULL;
  net_backward(&b);
  worst = check_worse(differ_in(&a, &b, NET_DX, NET_DX), worst);
  b.run.dparams = b.device[NET_DPARAMS];
  b.run.dx = NULL;
  memset(b.value[NET_DPARAMS], 0, (size_t)b.count[NET_DPARAMS] * sizeof(double));
  net_backward(&b);
  worst = check_worse(differ_in(&a, &b, NET_DPARAMS, NET_DPARAMS), worst);
  b.run.dx = b.device[NET_DX];
  b.run.dy = NULL; /* no gradient at all comes in */
  memset(b.value[NET_DPARAMS], 0, (size_t)b.count[NET_DPARAMS] * sizeof(double));
  net_backward(&b);
  for (int64_t i = 0; i < b.count[NET_DX]; i++) worst = check_worse(fabs(b.value[NET_DX][i]), worst);
  for (int64_t i = 0; i < b.count[NET_DPARAMS]; i++)
    worst = check_worse(fabs(b.value[NET_DPARAMS][i]), worst);
  net_close(&a);
  net_close(&b);
  return worst;
}

/* A network that runs backwards is the second half of one that runs both ways. */
static double law_reverse(const contexts *c, const cell_row *cell) {
  const int32_t lengths[3] = {4, 1, 3};
  net both = fresh(c->f32, cell, 4, 3, BOTH_WAYS, lengths);
  net half = opened_as(c->f32, cell, seqgpu_plan_algorithm(both.plan), 4, 3, (seqgpu_rnn_desc){.reverse = 1},
                       lengths);
  const int64_t rows = 4 * 3, out = row_width(&half, NET_Y);
  half.run.offset += seqgpu_plan_get_sizes(half.plan).random_blocks; /* those of the first direction */
  copy(half.value[NET_X], both.value[NET_X], half.count[NET_X]);
  for (int i = NET_PARAMS; i <= NET_DQT;
       i++) /* the halves of y lie side by side, all others one after another */
    if (i != NET_DY) copy(half.value[i], both.value[i] + half.count[i], half.count[i]);
  for (int64_t r = 0; r < rows; r++) {
    copy(half.value[NET_DY] + r * out, both.value[NET_DY] + (2 * r + 1) * out, out);
    memset(both.value[NET_DY] + 2 * r * out, 0, (size_t)out * sizeof(double)); /* dx is of both directions */
  }
  for (int i = NET_DHT; i <= NET_DQT; i++)
    if (half.count[i]) memset(both.value[i], 0, (size_t)half.count[i] * sizeof(double));
  run(&both);
  run(&half);
  double worst = differ(half.value[NET_DX], both.value[NET_DX], half.count[NET_DX]);
  for (int i = NET_HT; i <= NET_DPARAMS; i++)
    if (i != NET_DX)
      worst = check_worse(differ(half.value[i], both.value[i] + half.count[i], half.count[i]), worst);
  for (int64_t r = 0; r < rows; r++)
    worst =
        check_worse(differ(half.value[NET_Y] + r * out, both.value[NET_Y] + (2 * r + 1) * out, out), worst);
  net_close(&both);
  net_close(&half);
  return worst;
}

/* One part of the second direction, [T,B,*], or NULL if the cell has none of that name. */
static double *inspected(const net *n, const char *part) {
  int64_t width = 0;
  if (seqgpu_rnn_inspect(n->ctx, n->plan, &n->run, 0, 1, part, NULL, &width) != SEQGPU_OK) return NULL;
  double *out =
      (double *)check_alloc(part, (size_t)(n->desc.seq_len * n->desc.batch * width) * sizeof(double));
  net_require(n->ctx, seqgpu_rnn_inspect(n->ctx, n->plan, &n->run, 0, 1, part, out, &width),
              "seqgpu_rnn_inspect");
  return out;
}

/* All that the plan lists can be looked at; there is an h, and with an output gate there is a c to let
 * out. */
static int has_parts(const net *n, const double *h, const double *o, const double *c) {
  seqgpu_part_info part;
  for (int k = 0; seqgpu_plan_part_get(n->ctx, n->plan, k, &part) == SEQGPU_OK; k++) {
    double *values = inspected(n, part.name);
    if (values == NULL) return 0;
    check_free(values);
  }
  return h != NULL && (o == NULL || c != NULL);
}

/* What is seen inside satisfies the cell's last equation: h = y; h = o tanh(c); h = (1-u) c + u h_before. */
static double law_inspect(const contexts *c, const cell_row *cell) {
  const int64_t T = 4, B = 2;
  net n = fresh(c->f64, cell, T, B, BOTH_WAYS, NULL);
  net_forward(&n);
  double *h = inspected(&n, "h"), *cs = inspected(&n, "c"), *o = inspected(&n, "o"), *u = inspected(&n, "u");
  const int64_t width = state_width(&n, NET_H0), rows = T * B;
  const int64_t out =
      seqgpu_plan_get_sizes(n.plan).output_width / 2; /* of one direction; h comes first in it */
  double worst = CHECK(has_parts(&n, h, o, cs), "%s, has its parts", cell->name) ? 0 : 1;
  for (int64_t i = 0; worst == 0 && i < rows * width; i++) {
    const int64_t row = i / width, j = i % width;
    double e = fabs(n.value[NET_Y][row * 2 * out + out + j] - h[i]);
    const int bounded = !cell->desc.no_output_activation;
    if (o && !cell->projects && !is_normed(&cell->desc))
      e = check_worse(fabs(o[i] * (bounded ? tanh(cs[i]) : cs[i]) - h[i]), e);
    const double before =
        row / B == T - 1 ? n.value[NET_H0][(B + row % B) * width + j] : h[u ? i + B * width : i];
    if (u) e = check_worse(fabs((1 - u[i]) * cs[i] + u[i] * before - h[i]), e);
    worst = check_worse(e, worst);
  }
  double *parts[] = {h, cs, o, u};
  for (size_t i = 0; i < COUNT(parts); i++) check_free(parts[i]);
  net_close(&n);
  return worst;
}

/* What goes through the tanh of an LSTM may be a normalised c. */
static int shows_output(const cell_row *cell) { return quiet(cell) && !is_normed(&cell->desc); }

/* The uRNN begins at a state that it learns, and not at zero. */
static int begins_at_zero(const cell_row *cell) { return strcmp(cell->desc.cell, "urnn") != 0; }

static const law_row laws[] = {
    {"1 and 3 threads, same bits", law_threads, every, 0, 0},
    {"with a regulariser, 1 and 3 threads, same bits", law_threads_omega, regularised, 0, 0},
    {"same seed, same bits", law_seed, every, 0, 1},
    {"inference is training forward", law_inference, apart, 0, 0},
    {"a smaller run of a plan", law_smaller_run, quiet, 0, 0},
    {"parameter gradients accumulate", law_accumulate, every, EXACT, 0},
    {"states over states, gradients over gradients", law_in_place, every, 0, 1},
    {"NULL is zeros, or not wanted", law_null, begins_at_zero, 0, 1},
    {"reverse is the second half of both ways", law_reverse, every, 0, 1},
    {"inspect", law_inspect, shows_output, EXACT, 0},
};

int main(void) { return laws_main(laws, COUNT(laws)); }
