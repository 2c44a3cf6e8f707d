/* ops.h - the operator table: every primitive a backend has, and the arguments it takes.
 *
 * One struct per operator, one table row per operator (SQ_OPS), one table per backend and precision:
 *   sq_cpu_ops_f32, sq_cpu_ops_f64   core/          the reference
 *   sq_cuda_ops                      kernels/       the same names in CUDA
 *   sq_emulator_ops                  kernels/       compiled for the SIMT emulator (tests only)
 *
 * Pointers are to `real` of the table's precision unless another type is named, in the backend's memory.
 * Parameter gradients accumulate (+=), activation gradients overwrite (=) unless `accumulate` is set.
 * An operator checks nothing: the API above has checked sizes and pointers.  It returns 0, or the backend's
 * own error number (a CUDA error), which the backend puts into words.
 *
 * Letters: R = rows, D = columns, V = classes or vocabulary.
 */
#ifndef SQ_OPS_H
#define SQ_OPS_H

#include "core/cell.h"
#include "core/layer.h"
#include "core/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where an operator runs. */
typedef struct sq_exec {
  sq_pool *pool; /* CPU: worker threads, may be NULL */
  void *stream;  /* GPU: the caller's stream */
  void *device;  /* GPU: handles and scratch of the context, owned by the backend */
} sq_exec;

/* C[m,n] (+)= op(A)[m,k] op(B)[k,n], row-major.  `math` is an sq_math: the least exact products that a GPU
 * may use. */
typedef struct sq_gemm_args {
  int trans_a, trans_b, accumulate;
  int64_t m, n, k;
  const void *a;
  int64_t lda;
  const void *b;
  int64_t ldb;
  void *c;
  int64_t ldc;
  int math;
} sq_gemm_args;

/* y[r,:] = bias[:]  (rows of a matrix that a GEMM then accumulates onto), R x D, row stride ld. */
typedef struct sq_bias_args {
  int64_t rows, cols;
  const void *bias;
  void *y;
  int64_t ld;
} sq_bias_args;

/* out[j] += sum_r a[r,j] * b[r,j]   (b NULL: * 1): time and batch reductions, in a fixed order. */
typedef struct sq_reduce_args {
  int64_t rows, cols;
  const void *a;
  int64_t lda;
  const void *b;
  int64_t ldb;
  void *out;
} sq_reduce_args;

/* y[r,:] = table[ids[r],:];  an id outside 0..V-1 gives zeros and no gradient.
 * Backward: dtable[ids[r],:] += dy[r,:], summed in the order of r (deterministic). */
typedef struct sq_embedding_args {
  int64_t rows, dim, vocab;
  const int32_t *ids; /* [R] */
  const void *table;  /* [V,D] forward */
  void *y;            /* [R,D] forward */
  const void *dy;     /* [R,D] backward */
  void *dtable;       /* [V,D] backward, += */
} sq_embedding_args;

/* Log-softmax and cross-entropy, masked: rows with target < 0 do not count.
 *   loss_r = -log p[r,target_r],  p[r,v] = exp(logits[r,v]) / sum exp(logits[r,:])
 *   lse_r = log sum exp(logits[r,:])
 *   loss = scale * sum_r loss_r / (mean ? number of unmasked rows (at least 1) : 1)
 * smoothing (Szegedy et al. 2016): of the probability wanted, so much is spread over all V classes:
 *   loss_r = sum_v -w log p[r,v], w = smoothing / V, and 1 - smoothing more at the target
 * Backward, without smoothing: dlogits[r,v] = (p[r,v] - [v = target_r]) * dloss * scale / (that number or
 * 1), 0 if masked.  All of it to a few units in the last place of the logits' distances, whatever offset
 * they share and however sure the row is: lse_r only keeps exp in its range, and what it has lost by
 * rounding does not matter. Curvature: dlogits = H tlogits, where H is the matrix of second derivatives,
 * positive semi-definite:
 *   dlogits[r,v] = p[r,v] (tlogits[r,v] - sum_u p[r,u] tlogits[r,u]) * dloss * scale / (that number or 1),
 *                  0 if masked. */
typedef struct sq_xent_args {
  int64_t rows, classes;
  int mean;
  double scale;
  const void *logits;     /* [R,V] */
  const int32_t *targets; /* [R] */
  void *lse;              /* [R] forward: out; backward: in */
  void *row_loss;         /* [R] out, 0 where masked */
  void *loss;             /* [2] out: loss, and the number of unmasked rows; backward: [1] is read */
  const void *dloss;      /* [1] backward, NULL = 1 */
  void *dlogits;          /* [R,V] backward, = */
  const void *tlogits;    /* [R,V] curvature */
  double smoothing;       /* 0 to 1 */
} sq_xent_args;

/* Squared error, masked by rows:
 *   loss_r = sum_d (x[r,d] - target[r,d])^2;   rows with mask[r] = 0 are masked and not read
 *   loss = scale * sum_r loss_r / (mean ? D times the number of unmasked rows (at least 1) : 1)
 * Backward: dx[r,d] = 2 (x[r,d] - target[r,d]) * dloss * scale / (that number or 1), 0 if masked. */
typedef struct sq_mse_args {
  int64_t rows, dim; /* R, D */
  int mean;
  double scale;
  const void *x;       /* [R,D] */
  const void *targets; /* [R,D] */
  const int32_t *mask; /* [R], NULL = every row counts */
  void *row_loss;      /* [R] out, 0 where masked */
  void *loss;          /* [2] out: loss, and the number of unmasked rows; backward: [1] is read */
  const void *dloss;   /* [1] backward, NULL = 1 */
  void *dx;            /* [R,D] backward, = */
} sq_mse_args;

/* Binary cross-entropy of logits, element by element, masked by lengths: row r = t B + b with t >=
 * lengths[b] is masked and not read.
 *   loss_r = sum_d -(y log s(z) + (1-y) log s(-z)),  z = logits[r,d], y = targets[r,d], s = 1 / (1 + exp(-z))
 *   loss = scale * sum_r loss_r / (mean ? number of unmasked rows (at least 1) : 1)
 * Backward: dlogits = (s(z) - y) * dloss * scale / (that number or 1), 0 if masked.
 * Curvature: dlogits = s(z) s(-z) tlogits * dloss * scale / (that number or 1), 0 if masked. */
typedef struct sq_bce_args {
  int64_t rows, dim, batch; /* R = T B, D, B */
  int mean;
  double scale;
  const void *logits;     /* [R,D] */
  const void *targets;    /* [R,D], from 0 to 1 */
  const int32_t *lengths; /* [B], NULL = every row counts */
  void *row_loss;         /* [R] out, 0 where masked */
  void *loss;             /* [2] out: loss, and the number of unmasked rows; backward: [1] is read */
  const void *dloss;      /* [1] backward, NULL = 1 */
  void *dlogits;          /* [R,D] backward, = */
  const void *tlogits;    /* [R,D] curvature */
} sq_bce_args;

/* Connectionist temporal classification (Graves et al. 2006; core/ctc.c): the labels of a sequence are
 * known, and not when they come.  P = the probability of the labels, over all paths that become them once
 * repeats and then blanks are taken out.
 *   loss_b = -log P, SQ_CTC_IMPOSSIBLE where P = 0: fewer steps than labels and repeats, or a label that is no
 *            class, or is blank.  Such a sequence has no gradient and does not count
 *   loss = scale * sum_b loss_b / (mean ? number of sequences that count (at least 1) : 1)
 * Backward: dlogits = (softmax - occupancy of the class) * dloss * scale / (that number or 1), 0 beyond a
 * length. It needs what forward leaves in normal, row_loss and occupancy; without occupancy there is no
 * backward. */
#define SQ_CTC_IMPOSSIBLE (-1.0f)
typedef struct sq_ctc_args {
  int64_t seq_len, batch, classes, label_len; /* T, B, K, L */
  int64_t blank;                              /* a class */
  int mean;
  double scale;
  const void *logits;           /* [T,B,K] */
  const int32_t *lengths;       /* [B], NULL = T */
  const int32_t *labels;        /* [L,B] */
  const int32_t *label_lengths; /* [B], NULL = L */
  void *normal;                 /* [T,B,2] forward: out; backward: in */
  void *occupancy;              /* [T,B,2L+1] or NULL, forward: out; backward: in */
  void *scratch;                /* [2,B,2L+1] forward */
  void *row_loss;               /* [B] forward: out; backward: in */
  void *loss;        /* [2] out: loss, and the number of sequences that count; backward: [1] is read */
  const void *dloss; /* [1] backward, NULL = 1 */
  void *dlogits;     /* [T,B,K] backward, = */
} sq_ctc_args;

/* The loss of pen strokes (Graves 2013; core/mixture.c): a mixture of M Gaussians of two dimensions for the next
 * point, and a Bernoulli for the end of the stroke, masked by lengths as binary cross-entropy is.
 *   a row of params: e, then M each of p, mx, my, sx, sy, r; a row of points: x, y, end (0 or 1)
 *   loss_r = -log sum_j softmax(p)_j N(x, y | mx, my, exp sx, exp sy, tanh r) - log P(end or not), of logit e
 *   loss = scale * sum_r loss_r / (mean ? number of unmasked rows (at least 1) : 1)
 * Backward: dparams, 0 if masked. */
typedef struct sq_mixture_args {
  int64_t rows, batch, mixtures; /* R = T B, B, M */
  int mean;
  double scale;
  const void *params;     /* [R,1+6M] */
  const void *points;     /* [R,3] */
  const int32_t *lengths; /* [B], NULL = every row counts */
  void *row_loss;         /* [R] out, 0 where masked */
  void *loss;             /* [2] out: loss, and the number of unmasked rows; backward: [1] is read */
  const void *dloss;      /* [1] backward, NULL = 1 */
  void *dparams;          /* [R,1+6M] backward, = */
} sq_mixture_args;

/* y = x * m / (1-p), m = 1 with probability 1-p (inverted dropout). Number g draws word g%4 of Philox block
 * offset + g/4 under `seed`: kept if word >= p * 2^32. Its backward is the same operator on dy. p = 1 gives
 * zeros.  Element i of x has number g = i; where x is a part of a larger tensor, of each row of which,
 * `pitch` long, it has `row` elements from `first` on, the number that it has there: g = i/row pitch + first
 * + i%row. */
typedef struct sq_dropout_args {
  int64_t count;
  double p;
  uint64_t seed, offset;
  const void *x;
  void *y; /* may be x */
  int accumulate;
  int64_t row, pitch, first; /* row 0: x is whole */
} sq_dropout_args;

/* Element-wise maps. */
typedef enum sq_map_kind {
  SQ_MAP_ACTIVATION,      /* y = g(a) */
  SQ_MAP_ACTIVATION_GRAD, /* y = b * g'(a), a being the *output* of g, b the gradient at the output */
  SQ_MAP_SCALE,           /* y = alpha * a */
  SQ_MAP_ADD,             /* y = a + b */
  SQ_MAP_MUL,             /* y = a * b */
  SQ_MAP_TOWARDS          /* y = b + alpha (a - b): where a = b, it stays */
} sq_map_kind;
typedef struct sq_map_args {
  sq_map_kind kind;
  sq_activation activation;
  int64_t count;
  double alpha;
  const void *a, *b;
  void *y; /* may be a or b */
  int accumulate;
} sq_map_args;

/* dst[r, 0..cols) (+)= src[r, 0..cols): strided copy, for slices and concatenation. */
typedef struct sq_copy_args {
  int64_t rows, cols;
  const void *src;
  int64_t ld_src;
  void *dst;
  int64_t ld_dst;
  int accumulate;
} sq_copy_args;

/* dst[j,i,:] = src[i,j,:] for src [outer, inner, width]: batch-major to time-major and back.  With lengths,
 * the rows of padded steps are neither read nor kept: dst is 0 there. `time_axis` says which axis of src is
 * time (0 or 1); `swap` 0 only masks and copies. */
typedef struct sq_relayout_args {
  int64_t outer, inner, width;
  int swap, time_axis;
  const int32_t *lengths; /* [batch] or NULL */
  const void *src;
  void *dst;
  int accumulate;
} sq_relayout_args;

/* Softmax of rows, of the first n_r = lengths[r % batch] elements of each:
 *   y[r,v] = exp(x[r,v]) / sum_{u < n_r} exp(x[r,u]);   0 for v >= n_r, where x is not read
 * Backward: dx[r,v] = y[r,v] (dy[r,v] - sum_u y[r,u] dy[r,u]), 0 for v >= n_r, where dy is not read.  The
 * tangent is the same operator, tx for dy and ty for dx: the Jacobian is symmetric. */
typedef struct sq_softmax_args {
  int64_t rows, cols, batch;
  const int32_t *lengths; /* [batch], or NULL = cols */
  const void *x;          /* [R,V] forward */
  void *y;                /* [R,V] forward: out, may be x; backward: in */
  const void *dy;         /* [R,V] backward */
  void *dx;               /* [R,V] backward, may be dy */
  int accumulate;
} sq_softmax_args;

/* Attention of one decoder step, additive (Bahdanau, Cho, Bengio 2015, eq. 6 and appendix A.1.2), or, where v
 * is NULL, multiplicative (Luong, Pham, Manning 2015, eq. 8, "dot"):
 *   e[s,b] = v . tanh(query[b] + keys[s,b]),   or   query[b] . keys[s,b]
 *   a[:,b] = softmax of e[:,b] over s < lengths[b]
 *   context[b] = sum_s a[s,b] values[s,b]
 * Backward overwrites dquery; dkeys, dvalues and dv accumulate (every decoder step adds to them).
 * Tangent: how context moves when query, keys, values and v do; NULL: it does not. */
typedef struct sq_attention_args {
  int64_t source_len, batch, dim, value_dim; /* S, B, D, E */
  const int32_t *lengths;                    /* [B], 1..S, or NULL */
  const void *query;                         /* [B,D] */
  const void *keys;                          /* [S,B,D] */
  const void *values;                        /* [S,B,E] */
  const void *v;                             /* [D], or NULL, and so dv and tv */
  void *weights;                             /* [S,B] a; forward: out, backward: in */
  void *context;                             /* [B,E] forward: out */
  const void *dcontext;                      /* [B,E] */
  void *scratch;                             /* [S,B] backward and tangent: de, te */
  void *dquery;                              /* [B,D] = */
  void *dkeys, *dvalues, *dv;                /* += */
  const void *tquery, *tkeys, *tvalues, *tv; /* tangent */
  void *tcontext;                            /* tangent, = */
} sq_attention_args;

/* The Gaussian window over characters (Graves 2013, equations 46 to 51; core/window.c), for T steps:
 *   a row of params: K each of a, b, k;  u = 1 ... U counts the characters
 *   kappa_t = kappa_{t-1} + exp(k_t)
 *   phi[t,b,u] = sum_j exp(a_tj - exp(b_tj) (kappa_tj - u)^2)     also of u = lengths[b] + 1; 0 beyond
 *   context[t,b] = sum_u phi[t,b,u] values[u,b], u <= lengths[b]
 * Backward overwrites dparams and dbefore; dvalues accumulates.  Tangent: how kappa and context move when
 * params, before and values do; NULL: it does not. */
typedef struct sq_window_args {
  int64_t seq_len, batch, source_len, gaussians, value_dim; /* T, B, U, K, C */
  const int32_t *lengths;                                   /* [B], 0..U, or NULL */
  const void *params;                                       /* [T,B,3K] */
  const void *before;                                       /* [B,K] kappa_0, NULL = 0 */
  const void *values;                                       /* [U,B,C] */
  void *kappa;                                              /* [T,B,K] forward: out, then in */
  void *phi;                                                /* [T,B,U+1] forward: out, then in */
  void *context;                                            /* [T,B,C] forward: out */
  const void *dcontext;                                     /* [T,B,C], NULL = 0 */
  const void *dlast;                                        /* [B,K] at kappa_T, NULL = 0 */
  void *scratch;                                            /* [T,B,U+1] backward and tangent */
  void *dparams, *dbefore;                                  /* = */
  void *dvalues;                                            /* +=, NULL: not wanted */
  const void *tparams, *tbefore, *tvalues;                  /* tangent */
  void *tkappa, *tcontext;                                  /* tangent, = */
} sq_window_args;

/* One vector of a sequence, of its steps t < lengths[b]; 0 where there is none.
 *   SQ_POOLING_MEAN   the mean
 *   SQ_POOLING_MAX    the largest number, element by element; NaN if there is one.  at: which step it is of
 *   SQ_POOLING_LAST   the last step
 *   SQ_POOLING_AT     the step that `at` says, element by element
 * Backward: dx = dy handed back to the steps that y came from, 0 elsewhere. */
typedef enum sq_pooling_kind {
  SQ_POOLING_MEAN,
  SQ_POOLING_MAX,
  SQ_POOLING_LAST,
  SQ_POOLING_AT
} sq_pooling_kind;
typedef struct sq_pooling_args {
  sq_pooling_kind kind;
  int64_t seq_len, batch, dim; /* T, B, D */
  const int32_t *lengths;      /* [B] or NULL */
  const void *x;               /* [T,B,D] forward */
  void *y;                     /* [B,D] forward */
  int32_t *at;    /* [B,D] SQ_POOLING_MAX forward: out, -1 of no step; backward and SQ_POOLING_AT: in */
  const void *dy; /* [B,D] backward */
  void *dx;       /* [T,B,D] backward */
  int accumulate;
} sq_pooling_args;

/* A list of tensors that one launch walks. The arrays are in host memory and copied by the callee. */
typedef struct sq_tensor_list {
  int64_t count;
  void *const *data;    /* [count] */
  const int64_t *sizes; /* [count] elements */
} sq_tensor_list;

/* Gradient norm and clipping, one fused pass without a host round trip.
 *   norm = sqrt(sum of squares over all tensors), in a fixed order
 *   SQ_CLIP_NORM (Pascanu 2013):  scale = min(1, threshold / norm)
 *   SQ_CLIP_AUTO (Mikolov's advice in the lecture): threshold = factor * running average of the norm over
 *     earlier updates; average += (min(norm, 10 * average) - average) / min(updates, window); first update:
 *     no clip
 *   SQ_CLIP_VALUE:  g = min(max(g, -threshold), threshold)
 * state [8], device: [0] norm, [1] scale applied, [2] running average, [3] updates seen, [4] 1 if norm is
 * finite; zero it before the first call. A non-finite norm gives scale 0 and leaves the average as it was. */
typedef enum sq_clip_kind { SQ_CLIP_NONE, SQ_CLIP_NORM, SQ_CLIP_AUTO, SQ_CLIP_VALUE } sq_clip_kind;
typedef struct sq_clip_args {
  sq_clip_kind kind;
  double threshold;     /* SQ_CLIP_AUTO: the factor */
  double window;        /* SQ_CLIP_AUTO: updates the average remembers */
  sq_tensor_list grads; /* scaled in place */
  void *state;          /* [8] */
} sq_clip_args;

/* Noise on gradients (Neelakantan et al. 2015): x[i] += scale z, of standard deviation sigma
 * (core/noise.h).  The tensors are one long vector, whose element i draws Philox block i of `stream` under
 * `seed`: wherever it is cut into tensors, every backend adds the same numbers. */
typedef struct sq_noise_args {
  double sigma;
  uint64_t seed, stream;
  sq_tensor_list tensors;
} sq_noise_args;

/* One optimiser update of all tensors; g is the gradient + weight_decay * p.
 *   SQ_SGD       p -= lr g
 *   SQ_MOMENTUM  m = mu m + g;  p -= lr m          (nesterov: p -= lr (g + mu' m), mu' = momentum_next)
 *   SQ_RMSPROP   v = rho v + (1-rho) g^2;  p -= lr g / (sqrt(v) + eps)
 *   SQ_ADAM      m, v with b1, b2;  p -= lr * m/(1-b1^k) / (sqrt(v/(1-b2^k)) + eps)
 * decoupled (Loshchilov & Hutter 2019): g is the gradient alone, and first p *= 1 - lr weight_decay.
 * lr_factor multiplies lr, tensor by tensor.
 * If clip_state is given and says that the norm was not finite ([4] == 0 after at least one clip), nothing
 * changes. */
typedef enum sq_optimizer_kind { SQ_SGD, SQ_MOMENTUM, SQ_RMSPROP, SQ_ADAM } sq_optimizer_kind;
typedef struct sq_optimizer_args {
  sq_optimizer_kind kind;
  double lr, momentum /* mu or b1 */, decay /* rho or b2 */, eps, weight_decay;
  int nesterov;
  int64_t update;                              /* k, from 1 */
  sq_tensor_list params, grads, first, second; /* first: m; second: v; data NULL where the kind has none */
  const void *clip_state;
  int decoupled;
  double momentum_next;    /* mu of the next update; 0 = momentum */
  const double *lr_factor; /* [count] in host memory; NULL = 1 */
} sq_optimizer_args;

/* Pascanu's regulariser (Pascanu, Mikolov, Bengio 2013, section 3.3); core/omega.c has the equations.  Of a
 * layer h_t = g(W h_{t-1} + ...), first the error signal of one step t, row by row (of other cells,
 * sq_layer_signals):
 *   d = dy[b] + the signal from the step after: next[b], or dfinal[b] where t is the sequence's last step
 *   v[b] = d * g'(h[b]),   norm2[b] = |d|^2;   both 0 where t >= lengths[b] */
typedef struct sq_signal_args {
  int64_t batch, dim; /* B, H */
  int64_t t, seq_len;
  int reverse;            /* the last step is t = 0 */
  const int32_t *lengths; /* [B] or NULL */
  sq_activation activation;
  const void *h; /* [B,H] after step t */
  const void *dy;
  int64_t ld_dy;      /* row stride; dy NULL = 0 */
  const void *next;   /* [B,H]; not read where t is the last step */
  const void *dfinal; /* [B,H] or NULL */
  void *v;            /* [B,H] */
  void *norm2;        /* [B] */
} sq_signal_args;

/* Then, from u = v W of all steps, the regulariser and what it wants of W: dW += v^T u once u is scaled.
 *   active rows: norm2 >= 1e-20;   A = their number
 *   SQ_OMEGA_NORMS     q = |u| / sqrt(norm2)     omega = sum (q - 1)^2 / batch
 *   SQ_OMEGA_SQUARES   q = |u|^2 / norm2         omega = sum (q - 1)^2 / A       (0 if A = 0)
 *   forward:  slope[r] = d(q-1)^2 / d(|u|^2 / 2), 0 where the row is not active or u = 0;  omega = value, A
 *   backward: u[r,:] *= alpha slope[r] / (batch or A) */
typedef enum sq_omega_form { SQ_OMEGA_NORMS, SQ_OMEGA_SQUARES } sq_omega_form;
typedef struct sq_omega_args {
  sq_omega_form form;
  int64_t rows, dim, batch; /* R = T*B, H, B */
  double alpha;
  const void *norm2; /* [R] */
  void *u;           /* [R,H] */
  void *slope;       /* [R] forward: out; backward: in */
  void *row;         /* [R] out, (q-1)^2; -1 where the row is not active */
  void *omega;       /* [2] forward: out; backward: in */
} sq_omega_args;

/* The table: X(name, argument type). */
#define SQ_OPS(X)                                                                                            \
  X(gemm, sq_gemm_args)                                                                                      \
  X(bias, sq_bias_args)                                                                                      \
  X(reduce, sq_reduce_args)                                                                                  \
  X(embedding_forward, sq_embedding_args)                                                                    \
  X(embedding_backward, sq_embedding_args)                                                                   \
  X(xent_forward, sq_xent_args)                                                                              \
  X(xent_backward, sq_xent_args)                                                                             \
  X(xent_curvature, sq_xent_args)                                                                            \
  X(mse_forward, sq_mse_args)                                                                                \
  X(mse_backward, sq_mse_args)                                                                               \
  X(bce_forward, sq_bce_args)                                                                                \
  X(bce_backward, sq_bce_args)                                                                               \
  X(bce_curvature, sq_bce_args)                                                                              \
  X(ctc_forward, sq_ctc_args)                                                                                \
  X(ctc_backward, sq_ctc_args)                                                                               \
  X(mixture_forward, sq_mixture_args)                                                                        \
  X(mixture_backward, sq_mixture_args)                                                                       \
  X(dropout, sq_dropout_args)                                                                                \
  X(map, sq_map_args)                                                                                        \
  X(copy, sq_copy_args)                                                                                      \
  X(relayout, sq_relayout_args)                                                                              \
  X(softmax_forward, sq_softmax_args)                                                                        \
  X(softmax_backward, sq_softmax_args)                                                                       \
  X(attention_forward, sq_attention_args)                                                                    \
  X(attention_backward, sq_attention_args)                                                                   \
  X(attention_tangent, sq_attention_args)                                                                    \
  X(pooling_forward, sq_pooling_args)                                                                        \
  X(pooling_backward, sq_pooling_args)                                                                       \
  X(window_forward, sq_window_args)                                                                          \
  X(window_backward, sq_window_args)                                                                         \
  X(window_tangent, sq_window_args)                                                                          \
  X(clip, sq_clip_args)                                                                                      \
  X(noise, sq_noise_args)                                                                                    \
  X(optimizer, sq_optimizer_args)                                                                            \
  X(omega_signal, sq_signal_args)                                                                            \
  X(omega_forward, sq_omega_args)                                                                            \
  X(omega_backward, sq_omega_args)

typedef struct sq_ops {
#define SQ_OP_MEMBER(name, args) int (*name)(sq_exec * exec, const args *a);
  SQ_OPS(SQ_OP_MEMBER)
#undef SQ_OP_MEMBER
} sq_ops;

extern const sq_ops sq_cpu_ops_f32, sq_cpu_ops_f64;

#ifdef __cplusplus
}
#endif
#endif
