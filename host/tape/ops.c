/* ops.c - the tape's operators on rows and elements.
 *
 * Each is a forward, a backward, a tangent, and a builder that checks its arguments and finds the shape
 * (host/tape/tape.h).
 * Letters: y is the operator's tensor, dy its gradient, ty its tangent; a row is one vector along
 * the last dimension.
 */
#include "host/context/sizes.h"
#include "host/tape/grad.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

/* dx (+)= what the map says of args->a and args->b; the map fills in its gradient's memory and size. */
static seqgpu_status map_to_grad(seqgpu_tensor *x, sq_map_args args) {
  SQ_TRY(sq_grad_open(x, &args.y, &args.accumulate));
  if (args.y == NULL) return SEQGPU_OK;
  args.count = x->elements;
  return SQ_RUN(x->tape->ctx, map, &args);
}

/* ty (+)= what the map says of args->a and args->b. */
static seqgpu_status map_to_tangent(seqgpu_tensor *y, sq_map_args args) {
  args.count = y->elements;
  args.y = y->tangent;
  return SQ_RUN(y->tape->ctx, map, &args);
}

/* --- embedding: y[r] = table[ids[r]],  dtable[ids[r]] += dy[r] --- */

enum { EMBEDDING_TABLE, EMBEDDING_IDS };

static sq_embedding_args embedding_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *table = y->input[EMBEDDING_TABLE], *ids = y->input[EMBEDDING_IDS];
  return (sq_embedding_args){
      .rows = ids->elements, .dim = table->shape.dim[1], .vocab = table->shape.dim[0], .ids = ids->value};
}

static seqgpu_status look_up(seqgpu_tensor *y, const void *table, void *out) {
  sq_embedding_args args = embedding_args(y);
  args.table = table;
  args.y = out;
  return SQ_RUN(y->tape->ctx, embedding_forward, &args);
}

static seqgpu_status embedding_forward(seqgpu_tensor *y) {
  return look_up(y, y->input[EMBEDDING_TABLE]->value, y->value);
}

static seqgpu_status embedding_tangent(seqgpu_tensor *y) {
  return look_up(y, sq_tangent_of(y->input[EMBEDDING_TABLE]), y->tangent);
}

static seqgpu_status embedding_backward(seqgpu_tensor *y) {
  sq_embedding_args args = embedding_args(y);
  args.dy = y->grad;
  SQ_TRY(sq_grad_to_add(y->input[EMBEDDING_TABLE], &args.dtable));
  return args.dtable ? SQ_RUN(y->tape->ctx, embedding_backward, &args) : SEQGPU_OK;
}

static const sq_tape_op embedding_op = {"embedding",        SQ_TAPE_OWN,       embedding_forward,
                                        embedding_backward, embedding_tangent, NULL};

seqgpu_tensor *seqgpu_tape_embedding(seqgpu_tape *tape, seqgpu_tensor *table, seqgpu_tensor *ids) {
  const sq_tape_arg args[] = {{"table", table, SQ_REALS, 0}, {"ids", ids, SQ_IDS, 0}};
  if (!sq_tape_accepts(tape, &embedding_op, 2, args)) return NULL;
  if (table->shape.rank != 2)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "embedding: table is %s; it must be [vocabulary,width]",
                        SQ_SHAPE(table->shape));
  if (ids->shape.rank >= SEQGPU_TAPE_RANK)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "embedding: ids is %s; its rank must be at most %d",
                        SQ_SHAPE(ids->shape), SEQGPU_TAPE_RANK - 1);
  sq_shape shape = ids->shape;
  shape.dim[shape.rank++] = sq_last_dim(table);
  return sq_tape_apply(tape, &embedding_op, shape, 2, args, (sq_tape_attr){0});
}

/* --- linear: y = x W^T + b,  dx = dy W,  dW = dy^T x,  db = sum of dy's rows --- */

enum { LINEAR_X, LINEAR_W, LINEAR_B };

/* out (+)= x w^T */
static seqgpu_status linear_product(seqgpu_tensor *y, const void *x, const void *w, int accumulate,
                                    void *out) {
  const int64_t in = sq_last_dim(y->input[LINEAR_X]);
  const sq_gemm_args product = {.trans_b = 1,
                                .accumulate = accumulate,
                                .m = sq_rows(y),
                                .n = sq_last_dim(y),
                                .k = in,
                                .a = x,
                                .lda = in,
                                .b = w,
                                .ldb = in,
                                .c = out,
                                .ldc = sq_last_dim(y)};
  return SQ_RUN(y->tape->ctx, gemm, &product);
}

/* Every row of out = b. */
static seqgpu_status linear_bias(seqgpu_tensor *y, const void *b, void *out) {
  const sq_bias_args bias = {
      .rows = sq_rows(y), .cols = sq_last_dim(y), .bias = b, .y = out, .ld = sq_last_dim(y)};
  return SQ_RUN(y->tape->ctx, bias, &bias);
}

static seqgpu_status linear_forward(seqgpu_tensor *y) {
  const seqgpu_tensor *b = y->input[LINEAR_B];
  if (b != NULL) SQ_TRY(linear_bias(y, b->value, y->value));
  return linear_product(y, y->input[LINEAR_X]->value, y->input[LINEAR_W]->value, b != NULL, y->value);
}

/* ty = tx W^T + x tW^T + tb */
static seqgpu_status linear_tangent(seqgpu_tensor *y) {
  const seqgpu_tensor *x = y->input[LINEAR_X], *w = y->input[LINEAR_W];
  const void *tx = sq_tangent_of(x), *tw = sq_tangent_of(w), *tb = sq_tangent_of(y->input[LINEAR_B]);
  if (tb) SQ_TRY(linear_bias(y, tb, y->tangent));
  if (tx) SQ_TRY(linear_product(y, tx, w->value, tb != NULL, y->tangent));
  return tw ? linear_product(y, x->value, tw, tb || tx, y->tangent) : SEQGPU_OK;
}

static seqgpu_status linear_backward(seqgpu_tensor *y) {
  seqgpu_tensor *x = y->input[LINEAR_X], *w = y->input[LINEAR_W];
  const int64_t rows = sq_rows(x), in = sq_last_dim(x), out = sq_last_dim(y);
  sq_gemm_args dx = {.m = rows, .n = in, .k = out, .ldc = in};
  dx.a = y->grad, dx.lda = out, dx.b = w->value, dx.ldb = in;
  SQ_TRY(sq_grad_open(x, &dx.c, &dx.accumulate));
  if (dx.c) SQ_TRY(SQ_RUN(y->tape->ctx, gemm, &dx));

  sq_gemm_args dw = {.trans_a = 1, .m = out, .n = in, .k = rows, .ldc = in};
  dw.a = y->grad, dw.lda = out, dw.b = x->value, dw.ldb = in;
  SQ_TRY(sq_grad_open(w, &dw.c, &dw.accumulate));
  if (dw.c) SQ_TRY(SQ_RUN(y->tape->ctx, gemm, &dw));

  sq_reduce_args db = {.rows = rows, .cols = out, .a = y->grad, .lda = out};
  SQ_TRY(sq_grad_to_add(y->input[LINEAR_B], &db.out));
  return db.out ? SQ_RUN(y->tape->ctx, reduce, &db) : SEQGPU_OK;
}

static const sq_tape_op linear_op = {"linear",        SQ_TAPE_OWN,    linear_forward,
                                     linear_backward, linear_tangent, NULL};

seqgpu_tensor *seqgpu_tape_linear(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *w, seqgpu_tensor *b) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}, {"w", w, SQ_REALS, 0}, {"b", b, SQ_REALS, 1}};
  if (!sq_tape_accepts(tape, &linear_op, 3, args)) return NULL;
  if (w->shape.rank != 2 || sq_last_dim(w) != sq_last_dim(x))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "linear: w is %s but x is %s; w must be [out,%lld]",
                        SQ_SHAPE(w->shape), SQ_SHAPE(x->shape), (long long)sq_last_dim(x));
  if (b != NULL && b->elements != w->shape.dim[0])
    return sq_tape_fail(tape, SEQGPU_EINVAL, "linear: b is %s but w is %s; b must have %lld elements",
                        SQ_SHAPE(b->shape), SQ_SHAPE(w->shape), (long long)w->shape.dim[0]);
  sq_shape shape = x->shape;
  shape.dim[shape.rank - 1] = w->shape.dim[0];
  return sq_tape_apply(tape, &linear_op, shape, 3, args, (sq_tape_attr){0});
}

/* --- add, mul: y = a + b, y = a b;  da = dy, da = dy b --- */

static seqgpu_status element_wise_forward(seqgpu_tensor *y, sq_map_kind kind) {
  const sq_map_args args = {
      .kind = kind, .count = y->elements, .a = y->input[0]->value, .b = y->input[1]->value, .y = y->value};
  return SQ_RUN(y->tape->ctx, map, &args);
}

static seqgpu_status add_forward(seqgpu_tensor *y) { return element_wise_forward(y, SQ_MAP_ADD); }

static seqgpu_status add_backward(seqgpu_tensor *y) {
  const sq_map_args copy = {.kind = SQ_MAP_SCALE, .alpha = 1, .a = y->grad};
  SQ_TRY(map_to_grad(y->input[0], copy));
  return map_to_grad(y->input[1], copy);
}

static seqgpu_status add_tangent(seqgpu_tensor *y) {
  const void *ta = sq_tangent_of(y->input[0]), *tb = sq_tangent_of(y->input[1]);
  if (ta && tb) return map_to_tangent(y, (sq_map_args){.kind = SQ_MAP_ADD, .a = ta, .b = tb});
  return map_to_tangent(y, (sq_map_args){.kind = SQ_MAP_SCALE, .alpha = 1, .a = ta ? ta : tb});
}

static seqgpu_status mul_forward(seqgpu_tensor *y) { return element_wise_forward(y, SQ_MAP_MUL); }

static seqgpu_status mul_backward(seqgpu_tensor *y) {
  seqgpu_tensor *a = y->input[0], *b = y->input[1];
  SQ_TRY(map_to_grad(a, (sq_map_args){.kind = SQ_MAP_MUL, .a = y->grad, .b = b->value}));
  return map_to_grad(b, (sq_map_args){.kind = SQ_MAP_MUL, .a = y->grad, .b = a->value});
}

static seqgpu_status mul_tangent(seqgpu_tensor *y) {
  const seqgpu_tensor *a = y->input[0], *b = y->input[1];
  const void *ta = sq_tangent_of(a), *tb = sq_tangent_of(b);
  if (ta) SQ_TRY(map_to_tangent(y, (sq_map_args){.kind = SQ_MAP_MUL, .a = ta, .b = b->value}));
  if (tb == NULL) return SEQGPU_OK;
  return map_to_tangent(y,
                        (sq_map_args){.kind = SQ_MAP_MUL, .a = a->value, .b = tb, .accumulate = ta != NULL});
}

static seqgpu_status add_curvature(seqgpu_tensor *y) {
  for (int i = 0; i < 2; i++) y->input[i]->weight += y->weight;
  return SEQGPU_OK;
}

static const sq_tape_op add_op = {"add", SQ_TAPE_OWN, add_forward, add_backward, add_tangent, add_curvature};
static const sq_tape_op mul_op = {"mul", SQ_TAPE_OWN, mul_forward, mul_backward, mul_tangent, NULL};

static seqgpu_tensor *element_wise(seqgpu_tape *tape, const sq_tape_op *op, seqgpu_tensor *a,
                                   seqgpu_tensor *b) {
  const sq_tape_arg args[] = {{"a", a, SQ_REALS, 0}, {"b", b, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, op, 2, args)) return NULL;
  if (!sq_same_shape(a->shape, b->shape))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "%s: a is %s but b is %s; they must have the same shape",
                        op->name, SQ_SHAPE(a->shape), SQ_SHAPE(b->shape));
  return sq_tape_apply(tape, op, a->shape, 2, args, (sq_tape_attr){0});
}

seqgpu_tensor *seqgpu_tape_add(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b) {
  return element_wise(tape, &add_op, a, b);
}

seqgpu_tensor *seqgpu_tape_mul(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b) {
  return element_wise(tape, &mul_op, a, b);
}

/* --- scale: y = alpha x,  dx = alpha dy --- */

static seqgpu_status scale_forward(seqgpu_tensor *y) {
  const sq_map_args args = {.kind = SQ_MAP_SCALE,
                            .count = y->elements,
                            .alpha = y->attr.alpha,
                            .a = y->input[0]->value,
                            .y = y->value};
  return SQ_RUN(y->tape->ctx, map, &args);
}

static seqgpu_status scale_backward(seqgpu_tensor *y) {
  return map_to_grad(y->input[0], (sq_map_args){.kind = SQ_MAP_SCALE, .alpha = y->attr.alpha, .a = y->grad});
}

static seqgpu_status scale_tangent(seqgpu_tensor *y) {
  const void *tx = sq_tangent_of(y->input[0]);
  return map_to_tangent(y, (sq_map_args){.kind = SQ_MAP_SCALE, .alpha = y->attr.alpha, .a = tx});
}

static seqgpu_status scale_curvature(seqgpu_tensor *y) {
  y->input[0]->weight += y->attr.alpha * y->weight;
  return SEQGPU_OK;
}

static const sq_tape_op scale_op = {"scale",        SQ_TAPE_OWN,   scale_forward,
                                    scale_backward, scale_tangent, scale_curvature};

seqgpu_tensor *seqgpu_tape_scale(seqgpu_tape *tape, seqgpu_tensor *x, double alpha) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &scale_op, 1, args)) return NULL;
  return sq_tape_apply(tape, &scale_op, x->shape, 1, args, (sq_tape_attr){.alpha = alpha});
}

/* --- activation: y = g(x),  dx = dy g'(x), g' from y --- */

static seqgpu_status activation_forward(seqgpu_tensor *y) {
  const sq_map_args args = {.kind = SQ_MAP_ACTIVATION,
                            .activation = y->attr.activation,
                            .count = y->elements,
                            .a = y->input[0]->value,
                            .y = y->value};
  return SQ_RUN(y->tape->ctx, map, &args);
}

static seqgpu_status activation_backward(seqgpu_tensor *y) {
  return map_to_grad(y->input[0], (sq_map_args){.kind = SQ_MAP_ACTIVATION_GRAD,
                                                .activation = y->attr.activation,
                                                .a = y->value,
                                                .b = y->grad});
}

static seqgpu_status activation_tangent(seqgpu_tensor *y) {
  return map_to_tangent(y, (sq_map_args){.kind = SQ_MAP_ACTIVATION_GRAD,
                                         .activation = y->attr.activation,
                                         .a = y->value,
                                         .b = sq_tangent_of(y->input[0])});
}

static const sq_tape_op activation_op = {"activation",        SQ_TAPE_OWN,        activation_forward,
                                         activation_backward, activation_tangent, NULL};

seqgpu_tensor *seqgpu_tape_activation(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_activation activation) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &activation_op, 1, args)) return NULL;
  if ((unsigned)activation > (unsigned)SEQGPU_ACTIVATION_IDENTITY)
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "activation: activation is %d; it must be 0 (tanh) to %d (identity)", (int)activation,
                        (int)SEQGPU_ACTIVATION_IDENTITY);
  const sq_tape_attr attr = {.activation = (sq_activation)activation};
  return sq_tape_apply(tape, &activation_op, x->shape, 1, args, attr);
}

/* Whether a range of the n rows or columns of x is one; else the tape fails. */
static int range_within(seqgpu_tape *tape, const char *what, int64_t first, int64_t count, int64_t n) {
  if (first >= 0 && count >= 1 && first <= n && count <= n - first) return 1;
  sq_tape_fail(tape, SEQGPU_EINVAL, "%s: first is %lld and count %lld; they must lie within the %lld %s of x",
               what, (long long)first, (long long)count, (long long)n, what);
  return 0;
}

/* --- concat: y[r] = (a[r], b[r]),  da and db the parts of dy --- */

/* `memory` of x from a column on. */
static void *column_of(const seqgpu_tensor *x, const void *memory, int64_t column) {
  return (char *)memory + (size_t)column * x->tape->ctx->element_size;
}

/* Memory of `whole`, from a column on, to that of `part`, which has so many columns. */
static seqgpu_status take_columns(const seqgpu_tensor *whole, int64_t first, const seqgpu_tensor *part,
                                  const void *from, void *to, int accumulate) {
  const sq_copy_args args = {.rows = sq_rows(part),
                             .cols = sq_last_dim(part),
                             .src = column_of(whole, from, first),
                             .ld_src = sq_last_dim(whole),
                             .dst = to,
                             .ld_dst = sq_last_dim(part),
                             .accumulate = accumulate};
  return SQ_RUN(whole->tape->ctx, copy, &args);
}

/* The other way. */
static seqgpu_status put_columns(const seqgpu_tensor *whole, int64_t first, const seqgpu_tensor *part,
                                 const void *from, void *to, int accumulate) {
  const sq_copy_args args = {.rows = sq_rows(part),
                             .cols = sq_last_dim(part),
                             .src = from,
                             .ld_src = sq_last_dim(part),
                             .dst = column_of(whole, to, first),
                             .ld_dst = sq_last_dim(whole),
                             .accumulate = accumulate};
  return SQ_RUN(whole->tape->ctx, copy, &args);
}

/* The column of y where an input begins. */
static int64_t first_of(const seqgpu_tensor *y, int input) {
  return input == 0 ? 0 : sq_last_dim(y->input[0]);
}
static seqgpu_status concat_forward(seqgpu_tensor *y) {
  for (int i = 0; i < 2; i++)
    SQ_TRY(put_columns(y, first_of(y, i), y->input[i], y->input[i]->value, y->value, 0));
  return SEQGPU_OK;
}
static seqgpu_status concat_tangent(seqgpu_tensor *y) {
  SQ_TRY(seqgpu_zero(y->tape->ctx, y->tangent, (size_t)y->elements * y->tape->ctx->element_size));
  for (int i = 0; i < 2; i++) {
    const void *tx = sq_tangent_of(y->input[i]);
    if (tx) SQ_TRY(put_columns(y, first_of(y, i), y->input[i], tx, y->tangent, 0));
  }
  return SEQGPU_OK;
}
static seqgpu_status concat_backward(seqgpu_tensor *y) {
  for (int i = 0; i < 2; i++) {
    void *dx;
    int accumulate = 0;
    SQ_TRY(sq_grad_open(y->input[i], &dx, &accumulate));
    if (dx) SQ_TRY(take_columns(y, first_of(y, i), y->input[i], y->grad, dx, accumulate));
  }
  return SEQGPU_OK;
}
static const sq_tape_op concat_op = {"concat",        SQ_TAPE_OWN,    concat_forward,
                                     concat_backward, concat_tangent, NULL};

seqgpu_tensor *seqgpu_tape_concat(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b) {
  const sq_tape_arg args[] = {{"a", a, SQ_REALS, 0}, {"b", b, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &concat_op, 2, args)) return NULL;
  if (a->shape.rank != b->shape.rank || !sq_same_dims(a->shape.dim, b->shape.dim, a->shape.rank - 1))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "concat: a is %s but b is %s; all but the last dimension must agree",
                        SQ_SHAPE(a->shape), SQ_SHAPE(b->shape));
  sq_shape shape = a->shape;
  shape.dim[shape.rank - 1] += sq_last_dim(b);
  return sq_tape_apply(tape, &concat_op, shape, 2, args, (sq_tape_attr){0});
}

/* --- columns: y[r,j] = x[r,first + j],  dx[r,first + j] = dy[r,j], 0 elsewhere --- */

static seqgpu_status columns_forward(seqgpu_tensor *y) {
  return take_columns(y->input[0], y->attr.first, y, y->input[0]->value, y->value, 0);
}
static seqgpu_status columns_tangent(seqgpu_tensor *y) {
  return take_columns(y->input[0], y->attr.first, y, sq_tangent_of(y->input[0]), y->tangent, 0);
}
static seqgpu_status columns_backward(seqgpu_tensor *y) {
  seqgpu_tensor *x = y->input[0];
  seqgpu_context *ctx = y->tape->ctx;
  void *dx;
  int accumulate = 0;
  SQ_TRY(sq_grad_open(x, &dx, &accumulate));
  if (dx == NULL) return SEQGPU_OK;
  if (!accumulate) SQ_TRY(seqgpu_zero(ctx, dx, (size_t)x->elements * ctx->element_size));
  return put_columns(x, y->attr.first, y, y->grad, dx, accumulate);
}
static const sq_tape_op columns_op = {"columns",        SQ_TAPE_OWN,     columns_forward,
                                      columns_backward, columns_tangent, NULL};

seqgpu_tensor *seqgpu_tape_columns(seqgpu_tape *tape, seqgpu_tensor *x, int64_t first, int64_t count) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &columns_op, 1, args)) return NULL;
  sq_shape shape = x->shape;
  if (!range_within(tape, "columns", first, count, sq_last_dim(x))) return NULL;
  shape.dim[shape.rank - 1] = count;
  return sq_tape_apply(tape, &columns_op, shape, 1, args, (sq_tape_attr){.first = first});
}

/* --- rows, reshape: views; whoever has a gradient for one leaves it in the memory of its base --- */

static seqgpu_status view(seqgpu_tensor *y, int64_t offset) {
  seqgpu_tensor *x = y->input[0];
  const size_t size = y->element == SQ_REALS ? y->tape->ctx->element_size : sizeof(int32_t);
  y->value = (char *)x->value + (size_t)offset * size;
  y->base = x->base != NULL ? x->base : x;
  y->base_offset = x->base_offset + offset;
  return SEQGPU_OK;
}

/* The gradient is in place already; only the fact that it has come is passed on. */
static seqgpu_status view_backward(seqgpu_tensor *y) {
  y->input[0]->reached = 1;
  return SEQGPU_OK;
}

/* So is the tangent. */
static seqgpu_status view_tangent(seqgpu_tensor *y) {
  (void)y;
  return SEQGPU_OK;
}

static seqgpu_status rows_forward(seqgpu_tensor *y) {
  return view(y, y->attr.first * (y->elements / y->shape.dim[0]));
}
static seqgpu_status rows_backward(seqgpu_tensor *y) { return view_backward(y); }

static seqgpu_status reshape_forward(seqgpu_tensor *y) { return view(y, 0); }

static seqgpu_status reshape_backward(seqgpu_tensor *y) { return view_backward(y); }

static const sq_tape_op rows_op = {"rows", SQ_TAPE_PLACED, rows_forward, rows_backward, view_tangent, NULL};
static const sq_tape_op reshape_op = {"reshape",        SQ_TAPE_PLACED, reshape_forward,
                                      reshape_backward, view_tangent,   NULL};

seqgpu_tensor *seqgpu_tape_rows(seqgpu_tape *tape, seqgpu_tensor *x, int64_t first, int64_t count) {
  const sq_tape_arg args[] = {{"x", x, SQ_INDEXED, 0}};
  if (!sq_tape_accepts(tape, &rows_op, 1, args)) return NULL;
  if (!range_within(tape, "rows", first, count, x->shape.dim[0])) return NULL;
  sq_shape shape = x->shape;
  shape.dim[0] = count;
  return sq_tape_apply(tape, &rows_op, shape, 1, args, (sq_tape_attr){.first = first});
}

seqgpu_tensor *seqgpu_tape_reshape(seqgpu_tape *tape, seqgpu_tensor *x, int rank, const int64_t *shape) {
  const sq_tape_arg args[] = {{"x", x, SQ_INDEXED, 0}};
  if (!sq_tape_accepts(tape, &reshape_op, 1, args)) return NULL;
  if (rank < 1 || rank > SEQGPU_TAPE_RANK || shape == NULL)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "reshape: rank is %d and shape %s; rank must be 1 to %d", rank,
                        shape ? "given" : "NULL", SEQGPU_TAPE_RANK);
  sq_shape wanted = {.rank = rank};
  int64_t count = 1;
  int possible = 1;
  for (int i = 0; i < rank; i++) {
    wanted.dim[i] = shape[i];
    possible = possible && shape[i] > 0 && sq_mul_size(count, shape[i], &count);
  }
  if (!possible || count != x->elements)
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "reshape: shape is %s but x is %s; it must have the same %lld elements",
                        SQ_SHAPE(wanted), SQ_SHAPE(x->shape), (long long)x->elements);
  return sq_tape_apply(tape, &reshape_op, wanted, 1, args, (sq_tape_attr){0});
}

/* --- dropout: y = x m / (1-p),  dx = dy m / (1-p), the mask m drawn again --- */

static sq_dropout_args dropout_args(const seqgpu_tensor *y) {
  return (sq_dropout_args){.count = y->elements,
                           .p = y->attr.dropout.p,
                           .seed = y->tape->seed,
                           .offset = y->attr.dropout.offset,
                           .row = y->attr.dropout.row,
                           .pitch = y->attr.dropout.pitch,
                           .first = y->attr.dropout.first};
}

static seqgpu_status dropout_forward(seqgpu_tensor *y) {
  sq_dropout_args args = dropout_args(y);
  args.x = y->input[0]->value;
  args.y = y->value;
  return SQ_RUN(y->tape->ctx, dropout, &args);
}

static seqgpu_status dropout_backward(seqgpu_tensor *y) {
  sq_dropout_args args = dropout_args(y);
  args.x = y->grad;
  SQ_TRY(sq_grad_open(y->input[0], &args.y, &args.accumulate));
  return args.y ? SQ_RUN(y->tape->ctx, dropout, &args) : SEQGPU_OK;
}

static seqgpu_status dropout_tangent(seqgpu_tensor *y) {
  sq_dropout_args args = dropout_args(y);
  args.x = sq_tangent_of(y->input[0]);
  args.y = y->tangent;
  return SQ_RUN(y->tape->ctx, dropout, &args);
}

static const sq_tape_op dropout_op = {"dropout",        SQ_TAPE_OWN,     dropout_forward,
                                      dropout_backward, dropout_tangent, NULL};

/* The rows of x, [.., B, F], among those of the whole batch; 0, after a sentence, where they are not. */
static int find_part(seqgpu_tape *tape, const seqgpu_tensor *x, sq_tape_attr *attr, int64_t *elements) {
  const int rank = x->shape.rank;
  const int64_t width = sq_last_dim(x), batch = rank > 1 ? x->shape.dim[rank - 2] : 0;
  *elements = x->elements;
  if (tape->whole == 0) return 1;
  if (rank < 2 || batch > tape->whole - tape->first) {
    sq_tape_fail(
        tape, SEQGPU_EINVAL,
        "dropout: x is %s; its last dimension but one must be sequences of a part that begins with number "
        "%lld of %lld",
        SQ_SHAPE(x->shape), (long long)tape->first, (long long)tape->whole);
    return 0;
  }
  attr->dropout.row = batch * width;
  attr->dropout.pitch = tape->whole * width;
  attr->dropout.first = tape->first * width;
  *elements = x->elements / batch * tape->whole;
  return 1;
}

seqgpu_tensor *seqgpu_tape_dropout(seqgpu_tape *tape, seqgpu_tensor *x, double p) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, &dropout_op, 1, args)) return NULL;
  if (!(p >= 0 && p <= 1)) return sq_tape_fail(tape, SEQGPU_EINVAL, "dropout: p is %g; it must be 0 to 1", p);
  if (!tape->training || p == 0) return x;
  sq_tape_attr attr = {.dropout = {.p = p, .offset = tape->counter}};
  int64_t elements;
  if (!find_part(tape, x, &attr, &elements)) return NULL;
  tape->counter += (uint64_t)(elements + 3) / 4; /* four elements per Philox block */
  return sq_tape_apply(tape, &dropout_op, x->shape, 1, args, attr);
}
