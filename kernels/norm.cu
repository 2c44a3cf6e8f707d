/* norm.cu - layer and batch normalisation (core/norm.h has equations and papers, core/norm.c the same on the
 * CPU).
 *
 *   x^ = (a - mean) / sqrt(variance + 1e-5)        to (+)= gain x^ (+ bias)
 *   g = gain d      da = (g - sum(g)/n - x^ sum(g x^)/n) / sqrt(variance + 1e-5)
 *   t(to) += gain (ta - sum(ta)/n - x^ sum(ta x^)/n) / sqrt(variance + 1e-5)
 *
 * Over units: one warp per row up to NORM_WARP_WIDTH numbers, else one block of 256 threads; three passes
 * over the row forward, two backward and for tangents, all but the first from the cache.  16 to 24 bytes per
 * number: limited
 * by memory.
 * Over a batch: one block per 32 columns and time step, whose 8 rows of threads take every eighth sequence;
 * three passes over the columns forward (one in inference), two backward.
 * Sums: in fixed trees, through shuffles or 1 KB of shared memory.
 */
#include "kernels/norm.h"

#include "kernels/simt.h"

namespace {

enum { NORM_WARPS = 4, NORM_THREADS = 256, NORM_WARP_WIDTH = 1024 };
enum norm_pass { FORWARD, BACKWARD, TANGENT };

/* The rows of a norm as a kernel takes them: number j of row i is at i * ld + j. */
struct norm_shape {
  int64_t steps, batch, t, width;
  const int32_t *lengths;
  const float *gain, *bias;
  const float *a;
  float *hat, *to;
  int64_t ld_a, A, ld_to; /* A: of hat and scale */
  int adds;
  float *scale; /* over units: 1/sigma of row i at i * A */
  /* over a batch, mean [width] then variance [width]: of the run, a step's at step * stats_step */
  float *stats;
  int64_t stats_step;
  int one; /* the same for all steps */
  /* backward */
  const float *d; /* stride ld_d */
  float *da;      /* stride ld_da, where it is added if `sums` */
  float *moved;   /* NULL, or where d is to be moved first: columns of daux, stride A */
  int64_t ld_d, ld_da;
  int sums;
  /* for tangents, d is that of a, and da that of the result, which `before` is added to */
  const float *before;
  int64_t ld_before;
};

norm_shape norm_shape_of(const sq_norm_rows_f32 *r) {
  const sq_layout *l = r->layout;
  const sq_norm &from = *r->norm;
  norm_shape n = {};
  n.steps = r->steps;
  n.batch = r->batch;
  n.t = r->t;
  n.width = from.width;
  n.lengths = r->lengths;
  n.gain = r->params + l->param[from.gain].offset + from.row;
  n.bias = from.bias < 0 ? NULL : r->params + l->param[from.bias].offset;
  n.A = l->aux;
  n.hat = r->aux + from.hat;
  n.to = (from.to.buffer == SQ_GATES ? r->gates : r->aux) + from.to.column;
  n.ld_to = from.to.buffer == SQ_GATES ? l->gates : l->aux;
  n.adds = from.adds;
  n.a = (from.from.buffer == SQ_GATES ? r->gates : r->aux) + from.from.column;
  n.ld_a = from.from.buffer == SQ_GATES ? l->gates : l->aux;
  if (from.from.buffer == SQ_STATE) {
    const int64_t candidate = l->masks.candidate[from.from.state];
    n.a = candidate < 0 ? r->state : r->aux + candidate;
    n.ld_a = candidate < 0 ? from.width : l->aux;
  }
  n.scale = r->aux + from.scale;
  n.stats = r->stats == NULL ? NULL : r->stats + from.stats;
  n.stats_step = l->stats;
  n.one = from.over == SQ_OVER_RUN;
  return n;
}

/* And where the gradients are. */
norm_shape norm_back_shape_of(const sq_norm_rows_f32 *r) {
  const sq_layout *l = r->layout;
  const sq_norm &from = *r->norm;
  norm_shape n = norm_shape_of(r);
  n.d = (from.to.buffer == SQ_GATES ? r->dgates : r->daux) + from.to.column;
  n.ld_d = n.ld_to;
  n.da = r->daux + from.hat;
  n.ld_da = l->aux;
  if (from.from.buffer == SQ_STATE) {
    n.da = r->dstate;
    n.ld_da = from.width;
    n.sums = 1;
  } else if (from.from.buffer == SQ_GATES) {
    n.moved = r->daux + from.hat;
    n.da = r->dgates + from.from.column;
    n.ld_da = l->gates;
  }
  return n;
}

/* And where the tangents are. */
norm_shape norm_tangent_shape_of(const sq_norm_rows_f32 *r) {
  const sq_layout *l = r->layout;
  const sq_norm &from = *r->norm;
  const bool in_gates = from.from.buffer == SQ_GATES, in_state = from.from.buffer == SQ_STATE;
  norm_shape n = norm_shape_of(r);
  n.d = in_state ? r->dstate : (in_gates ? r->dgates : r->daux) + from.from.column;
  n.ld_d = in_state ? from.width : in_gates ? l->gates : l->aux;
  n.da = (from.to.buffer == SQ_GATES ? r->dgates : r->daux) + from.to.column;
  n.ld_da = n.ld_to;
  n.before = in_gates ? r->daux + from.hat : n.da; /* where the sums expect it */
  n.ld_before = in_gates ? l->aux : n.ld_da;
  return n;
}

/* ---- over the units ---- */

template <int threads> __device__ __forceinline__ float row_sum(float v) {
  return threads == SQ_WARP ? sq_warp_sum(v) : sq_block_sum(v);
}

__device__ __forceinline__ void norm_put(const norm_shape &n, int64_t i, int64_t j, float hat) {
  float *to = n.to + i * n.ld_to + j;
  const float before = n.adds ? *to : n.bias != NULL ? n.bias[j] : 0.0f;
  n.hat[i * n.A + j] = hat;
  *to = before + n.gain[j] * hat;
}

/* Row i by `threads` threads. */
template <int threads> __device__ __forceinline__ void units_row(const norm_shape &n, int64_t i) {
  const float *a = n.a + i * n.ld_a;
  float sum = 0.0f, square = 0.0f;
  for (int64_t j = threadIdx.x; j < n.width; j += threads) sum += a[j];
  const float mean = row_sum<threads>(sum) / (float)n.width;
  for (int64_t j = threadIdx.x; j < n.width; j += threads) square += (a[j] - mean) * (a[j] - mean);
  const float variance = row_sum<threads>(square) / (float)n.width;
  const float scale = 1.0f / sqrtf(variance + (float)SQ_NORM_EPSILON);
  for (int64_t j = threadIdx.x; j < n.width; j += threads) norm_put(n, i, j, (a[j] - mean) * scale);
  if (threadIdx.x == 0) n.scale[i * n.A] = scale;
}

template <int threads> __device__ __forceinline__ void units_back_row(const norm_shape &n, int64_t i) {
  const float *d = n.d + i * n.ld_d, *hat = n.hat + i * n.A;
  float *da = n.da + i * n.ld_da;
  float sum = 0.0f, along = 0.0f;
  for (int64_t j = threadIdx.x; j < n.width; j += threads) {
    const float g = n.gain[j] * d[j];
    if (n.moved != NULL) n.moved[i * n.A + j] = d[j];
    sum += g;
    along += g * hat[j];
  }
  const float mean = row_sum<threads>(sum) / (float)n.width, slope = row_sum<threads>(along) / (float)n.width;
  const float scale = n.scale[i * n.A];
  for (int64_t j = threadIdx.x; j < n.width; j += threads) {
    const float value = scale * (n.gain[j] * d[j] - mean - hat[j] * slope);
    da[j] = n.sums ? da[j] + value : value;
  }
}

template <int threads> __device__ __forceinline__ void units_tangent_row(const norm_shape &n, int64_t i) {
  const float *ta = n.d + i * n.ld_d, *hat = n.hat + i * n.A, *before = n.before + i * n.ld_before;
  float *to = n.da + i * n.ld_da;
  float sum = 0.0f, along = 0.0f;
  for (int64_t j = threadIdx.x; j < n.width; j += threads) {
    sum += ta[j];
    along += ta[j] * hat[j];
  }
  const float mean = row_sum<threads>(sum) / (float)n.width, slope = row_sum<threads>(along) / (float)n.width;
  const float scale = n.scale[i * n.A];
  for (int64_t j = threadIdx.x; j < n.width; j += threads)
    to[j] = before[j] + scale * n.gain[j] * (ta[j] - mean - hat[j] * slope);
}

template <norm_pass pass, int threads>
__device__ __forceinline__ void units_row_of(const norm_shape &n, int64_t i) {
  if (pass == FORWARD) units_row<threads>(n, i);
  if (pass == BACKWARD) units_back_row<threads>(n, i);
  if (pass == TANGENT) units_tangent_row<threads>(n, i);
}

template <norm_pass pass> __global__ void norm_units_warp_kernel(norm_shape n) {
  for (int64_t i = (int64_t)blockIdx.x * NORM_WARPS + threadIdx.y; i < n.steps * n.batch;
       i += (int64_t)gridDim.x * NORM_WARPS)
    units_row_of<pass, SQ_WARP>(n, i);
}

template <norm_pass pass>
__global__ void __launch_bounds__(NORM_THREADS) norm_units_block_kernel(norm_shape n) {
  for (int64_t i = blockIdx.x; i < n.steps * n.batch; i += gridDim.x) units_row_of<pass, NORM_THREADS>(n, i);
}

template <norm_pass pass> int launch_units(sq_exec *exec, const norm_shape &n) {
  const int64_t rows = n.steps * n.batch;
  if (n.width > NORM_WARP_WIDTH)
    return SQ_LAUNCH(exec, norm_units_block_kernel<pass>, sq_blocks(rows, 1), NORM_THREADS, 0, n);
  return SQ_LAUNCH(exec, norm_units_warp_kernel<pass>, sq_blocks(rows, NORM_WARPS), dim3(SQ_WARP, NORM_WARPS),
                   0, n);
}

/* ---- over a batch ---- */

/* The rows of one mean: those of a step, or all; this block's. */
struct norm_group {
  int64_t first, rows;
  float *mean, *variance;
};

__device__ __forceinline__ norm_group group_of(const norm_shape &n, int64_t step) {
  norm_group g = {step * n.batch, n.one ? n.steps * n.batch : n.batch, n.stats + step * n.stats_step, NULL};
  g.variance = g.mean + n.width;
  return g;
}

__device__ __forceinline__ bool norm_valid(const norm_shape &n, int64_t i) {
  return n.lengths == NULL || n.t + i / n.batch < n.lengths[i % n.batch];
}

/* The valid rows of a group, in every thread of the block. */
__device__ __forceinline__ float count_valid(const norm_shape &n, const norm_group &g) {
  if (n.lengths == NULL) return (float)g.rows;
  float count = 0.0f;
  for (int64_t i = g.first + threadIdx.y; i < g.first + g.rows; i += SQ_TILE_ROWS)
    count += norm_valid(n, i) ? 1.0f : 0.0f;
  return sq_column_sum(count);
}

/* A sum over the valid rows of the group of f(row), for column j. */
template <class F>
__device__ __forceinline__ float group_sum(const norm_shape &n, const norm_group &g, bool inside,
                                           const F &f) {
  float sum = 0.0f;
  for (int64_t i = g.first + threadIdx.y; inside && i < g.first + g.rows; i += SQ_TILE_ROWS)
    if (norm_valid(n, i)) sum += f(i);
  return sq_column_sum(sum);
}

/* The statistics of column j, and x^. */
__device__ __forceinline__ void group_column(const norm_shape &n, const norm_group &g, float count,
                                             int64_t j) {
  const bool inside = j < n.width;
  const float *a = n.a + j;
  const float share = count > 0.0f ? 1.0f / count : 0.0f;
  const float mean = group_sum(n, g, inside, [&](int64_t i) { return a[i * n.ld_a]; }) * share;
  const float variance = group_sum(n, g, inside,
                                   [&](int64_t i) {
                                     const float away = a[i * n.ld_a] - mean;
                                     return away * away;
                                   }) *
                         share;
  if (!inside) return;
  const float sigma = sqrtf(variance + (float)SQ_NORM_EPSILON);
  for (int64_t i = g.first + threadIdx.y; i < g.first + g.rows; i += SQ_TILE_ROWS)
    norm_put(n, i, j, norm_valid(n, i) ? (a[i * n.ld_a] - mean) / sigma : 0.0f);
  if (threadIdx.y != 0) return;
  g.mean[j] = mean;
  g.variance[j] = variance;
}

/* Backward and tangent of column j, by the same symmetric matrix: what a gradient or a tangent d becomes. */
template <norm_pass pass>
__device__ __forceinline__ void group_moved_column(const norm_shape &n, const norm_group &g, float count,
                                                   int64_t j) {
  const bool inside = j < n.width;
  const float *d = n.d + j, *hat = n.hat + j;
  const float share = count > 0.0f ? 1.0f / count : 0.0f;
  const float mean = group_sum(n, g, inside, [&](int64_t i) { return d[i * n.ld_d]; }) * share;
  const float slope =
      group_sum(n, g, inside, [&](int64_t i) { return d[i * n.ld_d] * hat[i * n.A]; }) * share;
  if (!inside) return;
  const float scale = n.gain[j] / sqrtf(g.variance[j] + (float)SQ_NORM_EPSILON);
  for (int64_t i = g.first + threadIdx.y; i < g.first + g.rows; i += SQ_TILE_ROWS) {
    const float value = norm_valid(n, i) ? scale * (d[i * n.ld_d] - mean - hat[i * n.A] * slope) : 0.0f;
    float *out = n.da + i * n.ld_da + j;
    if (pass == TANGENT)
      *out = n.before[i * n.ld_before + j] + value;
    else
      *out = n.sums ? *out + value : value;
  }
}

template <norm_pass pass> __global__ void norm_batch_kernel(norm_shape n, int64_t groups) {
  for (int64_t step = blockIdx.y; step < groups; step += gridDim.y) {
    const norm_group g = group_of(n, step);
    const float count = count_valid(n, g);
    for (int64_t tile = blockIdx.x; tile * SQ_TILE_COLS < n.width; tile += gridDim.x) {
      const int64_t j = tile * SQ_TILE_COLS + threadIdx.x;
      if (pass == FORWARD) group_column(n, g, count, j);
      if (pass != FORWARD) group_moved_column<pass>(n, g, count, j);
    }
  }
}

/* Running statistics: rows of two parameters. */
struct norm_running {
  const float *mean, *variance; /* of slot 0 */
  int64_t stride, last;         /* between slots; the last slot */
  int64_t seq_len;
  int reverse;
};

__device__ __forceinline__ int64_t running_at(const norm_running &r, int64_t t) {
  const int64_t since = r.reverse ? r.seq_len - 1 - t : t;
  return (since < r.last ? since : r.last) * r.stride;
}

__global__ void norm_running_kernel(norm_shape n, norm_running r) {
  SQ_FOR_ROWS(i, n.steps * n.batch) {
    const bool valid = norm_valid(n, i);
    const int64_t slot = running_at(r, n.t + i / n.batch);
    SQ_FOR_COLS(j, n.width) {
      const float sigma = sqrtf(r.variance[slot + j] + (float)SQ_NORM_EPSILON);
      norm_put(n, i, j, valid ? (n.a[i * n.ld_a + j] - r.mean[slot + j]) / sigma : 0.0f);
    }
  }
}

/* One block per 32 columns and time step with a slot of its own; mean, variance: of slot 0 in what is
 * written. */
__global__ void norm_update_kernel(norm_shape n, norm_running r, int64_t groups, float *mean,
                                   float *variance) {
  for (int64_t step = blockIdx.y; step < groups; step += gridDim.y) {
    const norm_group g = group_of(n, step);
    const float count = count_valid(n, g);
    const int64_t since = r.reverse ? r.seq_len - 1 - step : step, t = n.one ? 0 : step;
    if (count == 0.0f || (!n.one && since > r.last)) continue;
    const int64_t slot = n.one ? 0 : running_at(r, t);
    for (int64_t j = (int64_t)blockIdx.x * SQ_TILE_COLS + threadIdx.x; j < n.width && threadIdx.y == 0;
         j += (int64_t)gridDim.x * SQ_TILE_COLS) {
      const float rate = (float)SQ_NORM_RATE;
      mean[slot + j] = (1.0f - rate) * r.mean[slot + j] + rate * g.mean[j];
      variance[slot + j] = (1.0f - rate) * r.variance[slot + j] + rate * g.variance[j];
    }
  }
}

norm_running running_of(const sq_norm_rows_f32 *r) {
  const sq_param &mean = r->layout->param[r->norm->mean], &variance = r->layout->param[r->norm->variance];
  norm_running n = {};
  n.mean = r->params + mean.offset + r->norm->row;
  n.variance = r->params + variance.offset + r->norm->row;
  n.stride = mean.cols;
  n.last = mean.rows - 1;
  n.seq_len = r->seq_len;
  n.reverse = r->reverse;
  return n;
}

dim3 groups_grid(const norm_shape &n, int64_t groups) {
  return dim3(sq_blocks(n.width, SQ_TILE_COLS), sq_blocks(groups, 1));
}

int64_t groups_of(const norm_shape &n) { return n.one ? 1 : n.steps; }

} // namespace

int sq_gpu_norm_forward(sq_exec *exec, const sq_norm_rows_f32 *r) {
  const norm_shape n = norm_shape_of(r);
  if (r->norm->over == SQ_OVER_UNITS) return launch_units<FORWARD>(exec, n);
  if (r->stats == NULL)
    return SQ_LAUNCH(exec, norm_running_kernel, sq_matrix_grid(n.steps * n.batch, n.width), sq_matrix_block(),
                     0, n, running_of(r));
  return SQ_LAUNCH(exec, norm_batch_kernel<FORWARD>, groups_grid(n, groups_of(n)), sq_matrix_block(), 0, n,
                   groups_of(n));
}

int sq_gpu_norm_backward(sq_exec *exec, const sq_norm_rows_f32 *r) {
  const norm_shape n = norm_back_shape_of(r);
  if (r->norm->over == SQ_OVER_UNITS) return launch_units<BACKWARD>(exec, n);
  return SQ_LAUNCH(exec, norm_batch_kernel<BACKWARD>, groups_grid(n, groups_of(n)), sq_matrix_block(), 0, n,
                   groups_of(n));
}

int sq_gpu_norm_tangent(sq_exec *exec, const sq_norm_rows_f32 *r) {
  const norm_shape n = norm_tangent_shape_of(r);
  if (r->norm->over == SQ_OVER_UNITS) return launch_units<TANGENT>(exec, n);
  return SQ_LAUNCH(exec, norm_batch_kernel<TANGENT>, groups_grid(n, groups_of(n)), sq_matrix_block(), 0, n,
                   groups_of(n));
}

int sq_gpu_norms_forward(sq_exec *exec, sq_norm_rows_f32 rows, int stage) {
  int error = 0;
  for (int i = 0; i < rows.layout->norms && error == 0; i++) {
    rows.norm = &rows.layout->norm[i];
    if (rows.norm->stage == stage) error = sq_gpu_norm_forward(exec, &rows);
  }
  return error;
}

int sq_gpu_norms_backward(sq_exec *exec, sq_norm_rows_f32 rows, int stage) {
  int error = 0;
  for (int i = rows.layout->norms - 1; i >= 0 && error == 0; i--) {
    rows.norm = &rows.layout->norm[i];
    if (rows.norm->stage == stage) error = sq_gpu_norm_backward(exec, &rows);
  }
  return error;
}

int sq_gpu_norms_tangent(sq_exec *exec, sq_norm_rows_f32 rows, int stage) {
  int error = 0;
  for (int i = 0; i < rows.layout->norms && error == 0; i++) {
    rows.norm = &rows.layout->norm[i];
    if (rows.norm->stage == stage) error = sq_gpu_norm_tangent(exec, &rows);
  }
  return error;
}

int sq_gpu_norm_update(sq_exec *exec, const sq_norm_rows_f32 *run, float *running) {
  int error = 0;
  for (int i = 0; i < run->layout->norms && error == 0; i++) {
    sq_norm_rows_f32 r = *run;
    r.norm = &run->layout->norm[i];
    if (r.norm->over == SQ_OVER_UNITS) continue;
    const norm_shape n = norm_shape_of(&r);
    const norm_running from = running_of(&r);
    error = SQ_LAUNCH(exec, norm_update_kernel, groups_grid(n, groups_of(n)), sq_matrix_block(), 0, n, from,
                      groups_of(n), running + (from.mean - r.params), running + (from.variance - r.params));
  }
  return error;
}
