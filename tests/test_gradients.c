/* test_gradients.c - every gradient of every cell against finite differences, in float64 on the CPU.
 *
 * The loss is sum(dy * y) + sum(dhT * hT) + sum(dcT * cT) with random dy, dhT, dcT: its gradient is what
 * seqgpu_rnn_backward computes.  Each number of x, h0, c0 and of the parameters is moved in turn:
 *
 *   dL/dv = (8 (L(v+s) - L(v-s)) - (L(v+2s) - L(v-2s))) / 12s      error s^4 f^(5) / 30 + rounding of L / s
 *
 * Inputs are drawn until no gradient is what is left of terms that cancel (conditioned.h), for which the
 * differences would be too coarse.  Where a gradient differs from them, so may the differences of half the
 * step: then the function turns too fast at that point (a normalisation by a small variance does), and
 * another is drawn.  A row of the table is a cell with its options, a column is a shape with its options; all
 * pairs are run.
 */
#include "tests/net.h"
#include "tests/shapes.h"

#define STEP 2e-4

static double dot(const net *n, int a, int b) {
  double sum = 0;
  for (int64_t i = 0; i < n->count[a]; i++) sum += n->value[a][i] * n->value[b][i];
  return sum;
}

/* The loss with number i of a tensor moved. */
static double loss_at(net *n, int tensor, int64_t i, double move) {
  const double was = n->value[tensor][i];
  n->value[tensor][i] = was + move;
  const seqgpu_status status = net_forward(n);
  n->value[tensor][i] = was;
  if (status != SEQGPU_OK) return (double)NAN;
  return dot(n, NET_DY, NET_Y) + dot(n, NET_DHT, NET_HT) + dot(n, NET_DCT, NET_CT) + dot(n, NET_DQT, NET_QT);
}

static double slope(net *n, int tensor, int64_t i, double step) {
  const double near = loss_at(n, tensor, i, step) - loss_at(n, tensor, i, -step);
  const double far = loss_at(n, tensor, i, 2 * step) - loss_at(n, tensor, i, -2 * step);
  return (8 * near - far) / (12 * step);
}

/* 1 if this number is a parameter that is not trained. */
static int is_fixed(const net *n, int tensor, int64_t i) {
  seqgpu_param_info p;
  for (int k = 0; tensor == NET_PARAMS && k < seqgpu_plan_param_count(n->plan); k++)
    if (seqgpu_plan_param_get(n->ctx, n->plan, k, &p) == SEQGPU_OK && p.fixed && i >= p.offset &&
        i < p.offset + p.rows * p.cols)
      return 1;
  return 0;
}

/* The analytic gradients, at a point where differences can be taken. */
static int smooth_reference(net *n, seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                            const int32_t *lengths) {
  for (int draw = 0; draw < 100; draw++) {
    if (!net_reference(n, ctx, desc, lengths, DIFFERENCES)) return 0;
    if (net_least_modulus(n) > 0.1) return 1;
    net_close(n);
  }
  return check_record(0, "no draw has all |z| away from 0", "%s", desc->cell);
}

/* All gradients by differences of a step, at the inputs of another network. */
static net differences(const net *at, const int32_t *lengths, double step) {
  static const int pairs[][2] = {
      {NET_X, NET_DX}, {NET_PARAMS, NET_DPARAMS}, {NET_H0, NET_DH0}, {NET_C0, NET_DC0}, {NET_Q0, NET_DQ0}};
  net n;
  net_open(&n, at->ctx, &at->desc, lengths);
  net_copy_inputs(&n, at);
  for (size_t p = 0; p < COUNT(pairs); p++)
    for (int64_t i = 0; i < n.count[pairs[p][0]]; i++)
      if (!is_fixed(&n, pairs[p][0], i)) n.value[pairs[p][1]][i] = slope(&n, pairs[p][0], i, step);
  return n;
}

/* Draws once; 0 if differences say nothing there. */
static int check_point(seqgpu_context *ctx, const cell_row *cell, const shape_row *shape) {
  const seqgpu_rnn_desc desc = combine(cell, shape);
  const double limit = arithmetic[DIFFERENCES].limit;
  char where[64];
  net analytic;
  int smooth = 1;
  if (!smooth_reference(&analytic, ctx, &desc, shape->lengths)) return 1;
  net numeric = differences(&analytic, shape->lengths, STEP);
  const double error = net_error(&analytic, &numeric, NET_DX, NET_DPARAMS, where);
  if (error > limit) {
    net half = differences(&analytic, shape->lengths, STEP / 2);
    smooth = net_error(&half, &numeric, NET_DX, NET_DPARAMS, NULL) < limit / 2;
    net_close(&half);
  }
  if (smooth) net_check(error, limit, where, "%s, %s, gradients", cell->name, shape->name);
  net_close(&numeric);
  net_close(&analytic);
  return smooth;
}

static void check_pair(seqgpu_context *ctx, const cell_row *cell, const shape_row *shape) {
  for (int draw = 0; draw < 20; draw++)
    if (check_point(ctx, cell, shape)) return;
  check_record(0, "the differences of two steps agree at no draw", "%s, %s, gradients", cell->name,
               shape->name);
}

int main(void) {
  check_start();
  check_at("cpu f64");
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  const shape_row *shape;
  for (size_t c = 0; c < COUNT(cell_rows); c++)
    for (int s = 0; (shape = shape_at(FOR_GRADIENTS, s)) != NULL; s++)
      if (fits(&cell_rows[c], shape)) check_pair(ctx, &cell_rows[c], shape);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
