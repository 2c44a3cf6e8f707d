/* attention.c - additive and multiplicative attention of one decoder step.
 * Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015.
 * Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015.
 *
 *   e[s,b] = v . tanh(query[b] + keys[s,b])        A.1.2; query = W_a s_{i-1} and keys = U_a h_j are given
 *   e[s,b] = query[b] . keys[s,b]                  where v is NULL: Luong's eq. 8, "dot"; or "general",
 *                                                  keys being W_a h_s
 *   a[:,b] = softmax of e[:,b] over s < length_b   eq. 6
 *   context[b] = sum_s a[s,b] values[s,b]          eq. 5
 *
 * Backward, with g = dcontext and th = tanh(query + keys) computed again:
 *   dvalues[s,b] += a[s,b] g[b]
 *   de[s,b] = a[s,b] (g[b].values[s,b] - sum_k a[k,b] g[b].values[k,b])
 *   dp = de v (1 - th^2):  dkeys += dp,  dquery[b] = sum_s dp,  dv += sum_{s,b} de th
 *   without v:  dkeys[s,b] += de query[b],  dquery[b] = sum_s de keys[s,b]
 *
 * Tangent, with a t before what moves:
 *   te[s,b] = tv . th + v . ((1 - th^2) (tquery[b] + tkeys[s,b]))
 *   without v: te[s,b] = tquery[b] . keys[s,b] + query[b] . tkeys[s,b]
 *   tcontext[b] = sum_s a[s,b] ((te[s,b] - sum_k a[k,b] te[k,b]) values[s,b] + tvalues[s,b])
 *
 * Padded source steps have weight 0, and their keys and values are not read.
 */
#include "core/lengths.h"
#include "core/ops_cpu.h"
#include "core/softmax.h"

/* v . tanh(q + k), or q . k without v */
SQ_INLINE real score(int64_t n, const real *v, const real *q, const real *k) {
  real lane[SQ_LANES] = {0};
  if (v == NULL) return FN(sq_dot_lanes)(SQ_LANES, n, q, k);
  for (int64_t i = 0; i < n; i += SQ_LANES) {
    const int64_t width = sq_min(SQ_LANES, n - i);
    for (int64_t j = 0; j < width; j++) lane[j] += v[i + j] * FN(sq_tanh)(q[i + j] + k[i + j]);
  }
  return FN(sq_fold_sum)(SQ_LANES, lane);
}

/* e, where the weights will be; r = s * B + b. */
SQ_CLONES static void scores(const void *arg, int64_t first, int64_t last) {
  const sq_attention_args *a = arg;
  real *weights = a->weights;
  for (int64_t r = first; r < last; r++) {
    const int64_t s = r / a->batch, b = r % a->batch;
    weights[r] =
        s >= sq_length_within(a->lengths, b, a->source_len)
            ? 0
            : score(a->dim, a->v, (const real *)a->query + b * a->dim, (const real *)a->keys + r * a->dim);
  }
}

SQ_CLONES static void contexts(const void *arg, int64_t first, int64_t last) {
  const sq_attention_args *a = arg;
  for (int64_t b = first; b < last; b++) {
    const int64_t length = sq_length_within(a->lengths, b, a->source_len);
    real *weight = (real *)a->weights + b;
    real *context = (real *)a->context + b * a->value_dim;
    FN(sq_softmax)(1, length, a->batch, weight, weight);
    for (int64_t j = 0; j < a->value_dim; j++) context[j] = 0;
    for (int64_t s = 0; s < length; s++) {
      const real w = weight[s * a->batch];
      const real *value = (const real *)a->values + (s * a->batch + b) * a->value_dim;
      for (int64_t j = 0; j < a->value_dim; j++) context[j] += w * value[j];
    }
  }
}

int FN(sq_cpu_attention_forward)(sq_exec *exec, const sq_attention_args *a) {
  sq_split(exec, a->source_len * a->batch, 1, 8 * a->dim, scores, a);
  sq_split(exec, a->batch, 1, a->source_len * a->value_dim, contexts, a);
  return 0;
}

/* dvalues, and de [S,B] at the beginning of scratch. */
SQ_CLONES static void score_gradients(const void *arg, int64_t first, int64_t last) {
  const sq_attention_args *a = arg;
  for (int64_t b = first; b < last; b++) {
    const int64_t length = sq_length_within(a->lengths, b, a->source_len);
    const real *weight = (const real *)a->weights + b, *g = (const real *)a->dcontext + b * a->value_dim;
    real *de = (real *)a->scratch + b;
    for (int64_t s = 0; s < length; s++) {
      const int64_t row = (s * a->batch + b) * a->value_dim;
      const real w = weight[s * a->batch];
      real *dvalue = (real *)a->dvalues + row;
      for (int64_t j = 0; j < a->value_dim; j++) dvalue[j] += w * g[j];
      de[s * a->batch] = FN(sq_dot_lanes)(SQ_LANES, a->value_dim, g, (const real *)a->values + row);
    }
    FN(sq_softmax_slope)(1, length, a->batch, weight, de, 0, de);
  }
}

/* What de of a pair (s,b) brings to n columns, at most SQ_LANES: an additive score, then a product. */
SQ_INLINE void additive_slopes(int64_t n, real de, const real *v, const real *query, const real *key,
                               real *dkey, real *dq, real *dv) {
  for (int64_t j = 0; j < n; j++) {
    const real th = FN(sq_tanh)(query[j] + key[j]);
    const real dp = de * v[j] * (1 - th * th);
    dkey[j] += dp;
    dq[j] += dp;
    dv[j] += de * th;
  }
}
SQ_INLINE void product_slopes(int64_t n, real de, const real *query, const real *key, real *dkey, real *dq) {
  for (int64_t j = 0; j < n; j++) {
    dkey[j] += de * query[j];
    dq[j] += de * key[j];
  }
}

/* Columns column..end-1 of dkeys, dquery and dv, at most SQ_LANES; adds: there is a v, a constant at the
 * call. */
SQ_INLINE void key_gradients(const sq_attention_args *a, int adds, int64_t column, int64_t end) {
  const int64_t n = end - column;
  const real *v = adds ? (const real *)a->v + column : NULL;
  real dv[SQ_LANES] = {0};
  for (int64_t b = 0; b < a->batch; b++) {
    const int64_t length = sq_length_within(a->lengths, b, a->source_len);
    const real *query = (const real *)a->query + b * a->dim + column;
    real dq[SQ_LANES] = {0}, dv_b[SQ_LANES] = {0};
    for (int64_t s = 0; s < length; s++) {
      const int64_t row = s * a->batch + b;
      const real de = ((const real *)a->scratch)[row];
      const real *key = (const real *)a->keys + row * a->dim + column;
      real *dkey = (real *)a->dkeys + row * a->dim + column;
      if (adds)
        additive_slopes(n, de, v, query, key, dkey, dq, dv_b);
      else
        product_slopes(n, de, query, key, dkey, dq);
    }
    real *dquery = (real *)a->dquery + b * a->dim + column;
    for (int64_t j = 0; j < n; j++) dquery[j] = dq[j];
    for (int64_t j = 0; j < n; j++) dv[j] += dv_b[j];
  }
  for (int64_t j = 0; adds && j < n; j++) ((real *)a->dv)[column + j] += dv[j];
}

SQ_CLONES static void additive_gradients(const void *arg, int64_t column, int64_t end) {
  key_gradients(arg, 1, column, end);
}
SQ_CLONES static void product_gradients(const void *arg, int64_t column, int64_t end) {
  key_gradients(arg, 0, column, end);
}

int FN(sq_cpu_attention_backward)(sq_exec *exec, const sq_attention_args *a) {
  sq_split(exec, a->batch, 1, 2 * a->source_len * a->value_dim, score_gradients, a);
  sq_split(exec, a->dim, SQ_LANES, 8 * a->source_len * a->batch,
           a->v ? additive_gradients : product_gradients, a);
  return 0;
}

/* Row `row` of width n of a tangent; NULL if it is 0. */
static const real *tangent_row(const void *tangent, int64_t row, int64_t n) {
  return tangent ? (const real *)tangent + row * n : NULL;
}

/* How an additive score moves, and a product. */
SQ_INLINE real additive_tangent(int64_t n, const real *v, const real *q, const real *k, const real *tv,
                                const real *tq, const real *tk) {
  real te = 0;
  for (int64_t j = 0; j < n; j++) {
    const real th = FN(sq_tanh)(q[j] + k[j]), moved = (tq ? tq[j] : 0) + (tk ? tk[j] : 0);
    te += (tv ? tv[j] * th : 0) + v[j] * (1 - th * th) * moved;
  }
  return te;
}
SQ_INLINE real product_tangent(int64_t n, const real *q, const real *k, const real *tq, const real *tk) {
  return (tq ? FN(sq_dot_lanes)(SQ_LANES, n, tq, k) : 0) + (tk ? FN(sq_dot_lanes)(SQ_LANES, n, q, tk) : 0);
}

/* te [S,B] in scratch. */
SQ_CLONES static void score_tangents(const void *arg, int64_t first, int64_t last) {
  const sq_attention_args *a = arg;
  const int64_t D = a->dim;
  const real *v = a->v, *tv = a->tv;
  for (int64_t r = first; r < last; r++) {
    const int64_t s = r / a->batch, b = r % a->batch;
    const real *q = (const real *)a->query + b * D, *k = (const real *)a->keys + r * D;
    const real *tq = tangent_row(a->tquery, b, D), *tk = tangent_row(a->tkeys, r, D);
    if (s >= sq_length_within(a->lengths, b, a->source_len)) continue;
    ((real *)a->scratch)[r] = v ? additive_tangent(D, v, q, k, tv, tq, tk) : product_tangent(D, q, k, tq, tk);
  }
}

SQ_CLONES static void context_tangents(const void *arg, int64_t first, int64_t last) {
  const sq_attention_args *a = arg;
  const int64_t B = a->batch, E = a->value_dim;
  for (int64_t b = first; b < last; b++) {
    const int64_t length = sq_length_within(a->lengths, b, a->source_len);
    const real *weight = (const real *)a->weights + b;
    real *tcontext = (real *)a->tcontext + b * E, *te = (real *)a->scratch + b;
    FN(sq_softmax_slope)(1, length, B, weight, te, 0, te);
    for (int64_t j = 0; j < E; j++) tcontext[j] = 0;
    for (int64_t s = 0; s < length; s++) {
      const real w = weight[s * B], tw = te[s * B];
      const real *value = (const real *)a->values + (s * B + b) * E;
      const real *tvalue = tangent_row(a->tvalues, s * B + b, E);
      for (int64_t j = 0; j < E; j++) tcontext[j] += tw * value[j] + (tvalue ? w * tvalue[j] : 0);
    }
  }
}

int FN(sq_cpu_attention_tangent)(sq_exec *exec, const sq_attention_args *a) {
  sq_split(exec, a->source_len * a->batch, 1, 8 * a->dim, score_tangents, a);
  sq_split(exec, a->batch, 1, a->source_len * a->value_dim, context_tangents, a);
  return 0;
}
