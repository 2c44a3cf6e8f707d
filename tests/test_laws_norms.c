/* test_laws_norms.c - laws of layer and batch normalisation (core/norm.h): what leaves no trace, what
 * statistics are of, and how training and inference belong together.
 */
#include "tests/laws.h"

/* --- tools --- */

/* A parameter of layer 0, forward direction, in the values of a tensor; NULL if there is none. */
static double *parameter(const net *n, int tensor, const char *name, seqgpu_param_info *info) {
  char full[64];
  snprintf(full, sizeof full, "%s_l0", name);
  for (int i = 0; seqgpu_plan_param_get(n->ctx, n->plan, i, info) == SEQGPU_OK; i++)
    if (strcmp(info->name, full) == 0) return n->value[tensor] + info->offset;
  return NULL;
}

/* Forward in training; returns what the run leaves in memory of its own for running statistics, which held
 * -7. */
static double *running_after(net *n) {
  const int64_t count = n->count[NET_PARAMS];
  double *out = (double *)malloc((size_t)count * sizeof *out);
  void *device = net_alloc(n->ctx, "running", net_bytes(n, count));
  for (int64_t i = 0; i < count; i++) out[i] = -7;
  net_upload(n->ctx, device, out, count);
  n->run.running = device;
  net_forward(n);
  net_download(n->ctx, out, device, count);
  n->run.running = NULL;
  net_free(n->ctx, "running", device, net_bytes(n, count));
  return out;
}

/* Whether element i of the parameters is a running statistic. */
static int is_statistic(const net *n, int64_t i) {
  seqgpu_param_info p;
  for (int k = 0; seqgpu_plan_param_get(n->ctx, n->plan, k, &p) == SEQGPU_OK; k++)
    if (i >= p.offset && i < p.offset + p.rows * p.cols) return strncmp(p.name, "running_", 8) == 0;
  return 0;
}

/* --- layer normalisation --- */

/* Pre-activations that are all the same normalise to 0, whatever they are: then h is what the biases make of
 * it. */
static double law_constant_rows(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f64, cell, 4, 3, NONE, NULL), b = twin(&a, c->f64, NULL);
  const char *const weights[] = {"weight_ih", "weight_hh"};
  seqgpu_param_info p;
  for (int i = 0; i < 2; i++) {
    double *w = parameter(&a, NET_PARAMS, weights[i], &p);
    for (int64_t j = 0; j < p.rows * p.cols; j++) w[j] = w[j % p.cols];
    memset(parameter(&b, NET_PARAMS, weights[i], &p), 0, (size_t)(p.rows * p.cols) * sizeof *w);
  }
  net_forward(&a);
  net_forward(&b);
  return differ_at_end(&a, &b, NET_Y, NET_QT);
}

/* Weights in another unit: far from the epsilon, which has one. */
static double law_scale(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f64, cell, 4, 3, NONE, NULL), b = twin(&a, c->f64, NULL);
  const char *const weights[] = {"weight_ih", "weight_hh"};
  seqgpu_param_info p;
  for (int i = 0; i < 2; i++) {
    double *one = parameter(&a, NET_PARAMS, weights[i], &p),
           *other = parameter(&b, NET_PARAMS, weights[i], &p);
    for (int64_t j = 0; j < p.rows * p.cols; j++) {
      other[j] = 2e6 * one[j];
      one[j] *= 1e6;
    }
  }
  memset(a.value[NET_H0], 0, (size_t)a.count[NET_H0] * sizeof(double));
  memset(b.value[NET_H0], 0, (size_t)b.count[NET_H0] * sizeof(double));
  net_forward(&a);
  net_forward(&b);
  return differ_at_end(&a, &b, NET_Y, NET_Y) * 1e-3; /* what is left of 1e-5 / 1e12 at small variances */
}

/* --- batch normalisation --- */

/* Inference with the statistics of a run is that run. */
static double law_inference_with_its_statistics(const contexts *c, const cell_row *cell) {
  cell_row long_enough = *cell;
  if (cell->desc.batch_norm_steps > 0) long_enough.desc.batch_norm_steps = 4;
  net a = fresh(c->f64, &long_enough, 4, 11, DEEP, ragged_slices);
  double *running = running_after(&a);
  net b = twin(&a, c->f64, ragged_slices);
  b.run.reserve = NULL;
  for (int64_t i = 0; i < a.count[NET_PARAMS]; i++)
    if (is_statistic(&a, i)) b.value[NET_PARAMS][i] = (running[i] - 0.9 * a.value[NET_PARAMS][i]) / 0.1;
  free(running);
  net_forward(&b);
  return differ_at_end(&a, &b, NET_Y, NET_QT) * 1e-2; /* of a difference divided by 0.1 */
}

/* Mean and variance of column j of W_ih x over the valid sequences of steps first..last. */
static void statistics_of(const net *n, const int32_t *lengths, const double *w, int64_t j, int64_t first,
                          int64_t last, double *mean, double *variance) {
  const int64_t B = n->desc.batch, I = n->desc.input_size;
  double sum = 0, squares = 0, count = 0;
  for (int64_t row = first * B; row < (last + 1) * B; row++) {
    double a = 0;
    if (row / B >= lengths[row % B]) continue;
    for (int64_t i = 0; i < I; i++) a += w[j * I + i] * n->value[NET_X][row * I + i];
    sum += a;
    squares += a * a;
    count++;
  }
  *mean = sum / count;
  *variance = squares / count - *mean * *mean;
}

/* What the input contributes: a tenth of the run's own mean and variance, nine tenths of the old, without
 * padding; for steps that no sequence has, and all else, nothing is written. */
static double law_running(const contexts *c, const cell_row *cell) {
  const int32_t lengths[4] = {4, 0, 3, 4}; /* no fifth step */
  net n = fresh(c->f64, cell, 5, 4, NONE, lengths);
  double *running = running_after(&n), worst = 0, mean, variance;
  seqgpu_param_info w, m, v;
  const double *weight = parameter(&n, NET_PARAMS, "weight_ih", &w);
  const double *old_mean = parameter(&n, NET_PARAMS, "running_mean_ih", &m);
  const double *old_variance = parameter(&n, NET_PARAMS, "running_var_ih", &v);
  for (int64_t step = 0; step < m.rows; step++)
    for (int64_t j = 0; j < m.cols; j++) {
      const int64_t at = step * m.cols + j, last = cell->desc.batch_norm_input ? 4 : step;
      const int unseen = step > 3;
      statistics_of(&n, lengths, weight, j, unseen ? 0 : step, unseen ? 0 : last, &mean, &variance);
      const double new_mean = unseen ? -7 : 0.9 * old_mean[at] + 0.1 * mean;
      const double new_variance = unseen ? -7 : 0.9 * old_variance[at] + 0.1 * variance;
      worst = check_worse(fabs(running[m.offset + at] - new_mean), worst);
      worst = check_worse(fabs(running[v.offset + at] - new_variance), worst);
    }
  for (int64_t i = 0; i < n.count[NET_PARAMS]; i++)
    if (!is_statistic(&n, i)) worst = check_worse(fabs(running[i] + 7), worst);
  free(running);
  net_close(&n);
  return worst;
}

/* In the memory of the parameters, as everybody does it, and in float32 on any device: as in float64. */
static double law_running_in_place(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f64, cell, 4, 11, DEEP, ragged_slices), b = twin(&a, c->f32, ragged_slices);
  double *running = running_after(&a),
         *now = (double *)check_alloc("now", (size_t)b.count[NET_PARAMS] * sizeof *now);
  b.run.running = b.device[NET_PARAMS];
  net_forward(&b);
  net_download(b.ctx, now, b.device[NET_PARAMS], b.count[NET_PARAMS]);
  double worst = 0;
  for (int64_t i = 0; i < a.count[NET_PARAMS]; i++) {
    const double wanted = running[i] == -7 ? a.value[NET_PARAMS][i] : running[i];
    worst = check_worse(fabs(now[i] - wanted), worst);
  }
  free(running);
  check_free(now);
  net_close(&a);
  net_close(&b);
  return check_worse(0, worst - 1e-5);
}

/* Steps beyond the last with statistics share those. */
static double law_last_statistics(const contexts *c, const cell_row *cell) {
  const seqgpu_rnn_desc reversed = {.bidirectional = 1, .inference = 1};
  cell_row few = *cell, many = *cell;
  few.desc.batch_norm_steps = 3;
  many.desc.batch_norm_steps = 6;
  net a = fresh(c->f32, &few, 6, 4, reversed, NULL), b = opened(c->f32, &many, 6, 4, reversed, NULL);
  seqgpu_param_info p, q;
  for (int i = NET_X; i < NET_Y; i++)
    if (i != NET_PARAMS) copy(b.value[i], a.value[i], a.count[i]);
  for (int k = 0; seqgpu_plan_param_get(a.ctx, a.plan, k, &p) == SEQGPU_OK; k++) {
    net_require(b.ctx, seqgpu_plan_param_get(b.ctx, b.plan, k, &q), "seqgpu_plan_param_get");
    for (int64_t row = 0; row < q.rows; row++) {
      const int64_t from = row < p.rows ? row : p.rows - 1;
      copy(b.value[NET_PARAMS] + q.offset + row * q.cols, a.value[NET_PARAMS] + p.offset + from * p.cols,
           p.cols);
    }
  }
  net_forward(&a);
  net_forward(&b);
  return differ_at_end(&a, &b, NET_Y, NET_QT);
}

/* --- the table --- */

static int layer_normed(const cell_row *cell) { return cell->desc.layer_norm; }
static int batch_normed(const cell_row *cell) { return is_batch_normed(&cell->desc); }
static int quiet_batches(const cell_row *cell) { return batch_normed(cell) && quiet(cell); }
static int by_steps(const cell_row *cell) { return cell->desc.batch_norm_steps > 0 && quiet(cell); }

static const law_row laws[] = {
    {"constant rows leave the biases", law_constant_rows, layer_normed, EXACT, 0},
    {"the scale of the weights", law_scale, layer_normed, EXACT, 0},
    {"inference with its own statistics", law_inference_with_its_statistics, quiet_batches, EXACT, 0},
    {"running statistics of the input", law_running, batch_normed, EXACT, 0},
    {"running statistics in place", law_running_in_place, batch_normed, 0, 1},
    {"steps beyond the statistics", law_last_statistics, by_steps, 0, 1},
};

int main(void) { return laws_main(laws, COUNT(laws)); }
