/* tape_ops.c - the tape's operators on rows and elements.
 *
 * Each is a builder (which checks and finds the shape), a forward and a backward; see tape_internal.h.  Letters:
 * y is the operator's tensor, dy its gradient, R the rows of a matrix when leading dimensions are taken as one.
 */
#include "host/tape/tape.h"

static int64_t rows_of(const seqgpu_tensor *t) { return t->elements / sq_last_dim(t); }

/* dx (+)= what the map says of args->a and args->b; the map fills in its gradient's memory and size. */
static seqgpu_status map_to_grad(seqgpu_tensor *x, sq_map_args args) {
  SQ_TRY(sq_grad_open(x, &args.y, &args.accumulate));
  if (args.y == NULL) return SEQGPU_OK;
  args.count = x->elements;
  return SQ_RUN(x->tape->ctx, map, &args);
}

/* --- embedding: y[r] = table[ids[r]],  dtable[ids[r]] += dy[r] --- */

enum { EMBEDDING_TABLE, EMBEDDING_IDS };

seqgpu_tensor *seqgpu_tape_embedding(seqgpu_tape *tape, seqgpu_tensor *table, seqgpu_tensor *ids) {
  const sq_tape_arg args[] = {{"table", table, SQ_REALS, 0}, {"ids", ids, SQ_IDS, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_embedding, 2, args)) return NULL;
  if (table->shape.rank != 2)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "embedding: table is %s; it must be [vocabulary,width]",
                        SQ_SHAPE(table->shape));
  if (ids->shape.rank >= SEQGPU_TAPE_RANK)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "embedding: ids is %s; its rank must be at most %d",
                        SQ_SHAPE(ids->shape), SEQGPU_TAPE_RANK - 1);
  sq_shape shape = ids->shape;
  shape.dim[shape.rank++] = sq_last_dim(table);
  return sq_tape_apply(tape, SQ_TAPE_embedding, shape, 2, args, (sq_tape_attr){0});
}

static sq_embedding_args embedding_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *table = y->input[EMBEDDING_TABLE], *ids = y->input[EMBEDDING_IDS];
  return (sq_embedding_args){
      .rows = ids->elements, .dim = table->shape.dim[1], .vocab = table->shape.dim[0], .ids = ids->value};
}

seqgpu_status sq_tape_embedding_forward(seqgpu_tensor *y) {
  sq_embedding_args args = embedding_args(y);
  args.table = y->input[EMBEDDING_TABLE]->value;
  args.y = y->value;
  return SQ_RUN(y->tape->ctx, embedding_forward, &args);
}

seqgpu_status sq_tape_embedding_backward(seqgpu_tensor *y) {
  sq_embedding_args args = embedding_args(y);
  args.dy = y->grad;
  SQ_TRY(sq_grad_to_add(y->input[EMBEDDING_TABLE], &args.dtable));
  return args.dtable ? SQ_RUN(y->tape->ctx, embedding_backward, &args) : SEQGPU_OK;
}

/* --- linear: y = x W^T + b,  dx = dy W,  dW = dy^T x,  db = sum of dy's rows --- */

enum { LINEAR_X, LINEAR_W, LINEAR_B };

seqgpu_tensor *seqgpu_tape_linear(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *w, seqgpu_tensor *b) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}, {"w", w, SQ_REALS, 0}, {"b", b, SQ_REALS, 1}};
  if (!sq_tape_accepts(tape, SQ_TAPE_linear, 3, args)) return NULL;
  if (w->shape.rank != 2 || sq_last_dim(w) != sq_last_dim(x))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "linear: w is %s but x is %s; w must be [out,%lld]",
                        SQ_SHAPE(w->shape), SQ_SHAPE(x->shape), (long long)sq_last_dim(x));
  if (b != NULL && b->elements != w->shape.dim[0])
    return sq_tape_fail(tape, SEQGPU_EINVAL, "linear: b is %s but w is %s; b must have %lld elements",
                        SQ_SHAPE(b->shape), SQ_SHAPE(w->shape), (long long)w->shape.dim[0]);
  sq_shape shape = x->shape;
  shape.dim[shape.rank - 1] = w->shape.dim[0];
  return sq_tape_apply(tape, SQ_TAPE_linear, shape, 3, args, (sq_tape_attr){0});
}

seqgpu_status sq_tape_linear_forward(seqgpu_tensor *y) {
  const seqgpu_tensor *x = y->input[LINEAR_X], *w = y->input[LINEAR_W], *b = y->input[LINEAR_B];
  const int64_t rows = rows_of(x), in = sq_last_dim(x), out = sq_last_dim(y);
  if (b != NULL) {
    const sq_bias_args bias = {.rows = rows, .cols = out, .bias = b->value, .y = y->value, .ld = out};
    SQ_TRY(SQ_RUN(y->tape->ctx, bias, &bias));
  }
  const sq_gemm_args product = {.trans_b = 1,
                                .accumulate = b != NULL,
                                .m = rows,
                                .n = out,
                                .k = in,
                                .a = x->value,
                                .lda = in,
                                .b = w->value,
                                .ldb = in,
                                .c = y->value,
                                .ldc = out};
  return SQ_RUN(y->tape->ctx, gemm, &product);
}

seqgpu_status sq_tape_linear_backward(seqgpu_tensor *y) {
  seqgpu_tensor *x = y->input[LINEAR_X], *w = y->input[LINEAR_W];
  const int64_t rows = rows_of(x), in = sq_last_dim(x), out = sq_last_dim(y);
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

/* --- add, mul: y = a + b, y = a b;  da = dy, da = dy b --- */

static seqgpu_tensor *element_wise(seqgpu_tape *tape, sq_tape_op_id op, seqgpu_tensor *a, seqgpu_tensor *b) {
  const sq_tape_arg args[] = {{"a", a, SQ_REALS, 0}, {"b", b, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, op, 2, args)) return NULL;
  if (!sq_same_shape(a->shape, b->shape))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "%s: a is %s but b is %s; they must have the same shape",
                        sq_tape_ops[op].name, SQ_SHAPE(a->shape), SQ_SHAPE(b->shape));
  return sq_tape_apply(tape, op, a->shape, 2, args, (sq_tape_attr){0});
}

static seqgpu_status element_wise_forward(seqgpu_tensor *y, sq_map_kind kind) {
  const sq_map_args args = {
      .kind = kind, .count = y->elements, .a = y->input[0]->value, .b = y->input[1]->value, .y = y->value};
  return SQ_RUN(y->tape->ctx, map, &args);
}

seqgpu_tensor *seqgpu_tape_add(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b) {
  return element_wise(tape, SQ_TAPE_add, a, b);
}

seqgpu_status sq_tape_add_forward(seqgpu_tensor *y) { return element_wise_forward(y, SQ_MAP_ADD); }

seqgpu_status sq_tape_add_backward(seqgpu_tensor *y) {
  const sq_map_args copy = {.kind = SQ_MAP_SCALE, .alpha = 1, .a = y->grad};
  SQ_TRY(map_to_grad(y->input[0], copy));
  return map_to_grad(y->input[1], copy);
}

seqgpu_tensor *seqgpu_tape_mul(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b) {
  return element_wise(tape, SQ_TAPE_mul, a, b);
}

seqgpu_status sq_tape_mul_forward(seqgpu_tensor *y) { return element_wise_forward(y, SQ_MAP_MUL); }

seqgpu_status sq_tape_mul_backward(seqgpu_tensor *y) {
  seqgpu_tensor *a = y->input[0], *b = y->input[1];
  SQ_TRY(map_to_grad(a, (sq_map_args){.kind = SQ_MAP_MUL, .a = y->grad, .b = b->value}));
  return map_to_grad(b, (sq_map_args){.kind = SQ_MAP_MUL, .a = y->grad, .b = a->value});
}

/* --- scale: y = alpha x,  dx = alpha dy --- */

seqgpu_tensor *seqgpu_tape_scale(seqgpu_tape *tape, seqgpu_tensor *x, double alpha) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_scale, 1, args)) return NULL;
  return sq_tape_apply(tape, SQ_TAPE_scale, x->shape, 1, args, (sq_tape_attr){.alpha = alpha});
}

seqgpu_status sq_tape_scale_forward(seqgpu_tensor *y) {
  const sq_map_args args = {.kind = SQ_MAP_SCALE,
                            .count = y->elements,
                            .alpha = y->attr.alpha,
                            .a = y->input[0]->value,
                            .y = y->value};
  return SQ_RUN(y->tape->ctx, map, &args);
}

seqgpu_status sq_tape_scale_backward(seqgpu_tensor *y) {
  return map_to_grad(y->input[0], (sq_map_args){.kind = SQ_MAP_SCALE, .alpha = y->attr.alpha, .a = y->grad});
}

/* --- activation: y = g(x),  dx = dy g'(x), g' from y --- */

seqgpu_tensor *seqgpu_tape_activation(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_activation activation) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_activation, 1, args)) return NULL;
  if ((unsigned)activation > (unsigned)SEQGPU_ACTIVATION_IDENTITY)
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "activation: activation is %d; it must be 0 (tanh) to %d (identity)", (int)activation,
                        (int)SEQGPU_ACTIVATION_IDENTITY);
  const sq_tape_attr attr = {.activation = (sq_activation)activation};
  return sq_tape_apply(tape, SQ_TAPE_activation, x->shape, 1, args, attr);
}

seqgpu_status sq_tape_activation_forward(seqgpu_tensor *y) {
  const sq_map_args args = {.kind = SQ_MAP_ACTIVATION,
                            .activation = y->attr.activation,
                            .count = y->elements,
                            .a = y->input[0]->value,
                            .y = y->value};
  return SQ_RUN(y->tape->ctx, map, &args);
}

seqgpu_status sq_tape_activation_backward(seqgpu_tensor *y) {
  return map_to_grad(y->input[0], (sq_map_args){.kind = SQ_MAP_ACTIVATION_GRAD,
                                                .activation = y->attr.activation,
                                                .a = y->value,
                                                .b = y->grad});
}

/* --- concat: y[r] = (a[r], b[r]),  da and db the parts of dy --- */

seqgpu_tensor *seqgpu_tape_concat(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b) {
  const sq_tape_arg args[] = {{"a", a, SQ_REALS, 0}, {"b", b, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_concat, 2, args)) return NULL;
  if (a->shape.rank != b->shape.rank || !sq_same_dims(a->shape.dim, b->shape.dim, a->shape.rank - 1))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "concat: a is %s but b is %s; all but the last dimension must agree",
                        SQ_SHAPE(a->shape), SQ_SHAPE(b->shape));
  sq_shape shape = a->shape;
  shape.dim[shape.rank - 1] += sq_last_dim(b);
  return sq_tape_apply(tape, SQ_TAPE_concat, shape, 2, args, (sq_tape_attr){0});
}

/* `memory` of y at the first column of its input. */
static void *part_of(const seqgpu_tensor *y, void *memory, int input) {
  const size_t column = input == 0 ? 0 : (size_t)sq_last_dim(y->input[0]);
  return (char *)memory + column * y->tape->ctx->element_size;
}

seqgpu_status sq_tape_concat_forward(seqgpu_tensor *y) {
  for (int i = 0; i < 2; i++) {
    const int64_t cols = sq_last_dim(y->input[i]);
    const sq_copy_args args = {.rows = rows_of(y),
                               .cols = cols,
                               .src = y->input[i]->value,
                               .ld_src = cols,
                               .dst = part_of(y, y->value, i),
                               .ld_dst = sq_last_dim(y)};
    SQ_TRY(SQ_RUN(y->tape->ctx, copy, &args));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_tape_concat_backward(seqgpu_tensor *y) {
  for (int i = 0; i < 2; i++) {
    const int64_t cols = sq_last_dim(y->input[i]);
    sq_copy_args args = {.rows = rows_of(y),
                         .cols = cols,
                         .src = part_of(y, y->grad, i),
                         .ld_src = sq_last_dim(y),
                         .ld_dst = cols};
    SQ_TRY(sq_grad_open(y->input[i], &args.dst, &args.accumulate));
    if (args.dst) SQ_TRY(SQ_RUN(y->tape->ctx, copy, &args));
  }
  return SEQGPU_OK;
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

/* The gradient is there already; only the news is passed on. */
static seqgpu_status view_backward(seqgpu_tensor *y) {
  y->input[0]->reached = 1;
  return SEQGPU_OK;
}

seqgpu_tensor *seqgpu_tape_rows(seqgpu_tape *tape, seqgpu_tensor *x, int64_t first, int64_t count) {
  const sq_tape_arg args[] = {{"x", x, SQ_INDEXED, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_rows, 1, args)) return NULL;
  const int64_t n = x->shape.dim[0];
  if (first < 0 || count < 1 || first > n || count > n - first)
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "rows: first is %lld and count %lld; they must lie within the %lld rows of x",
                        (long long)first, (long long)count, (long long)n);
  sq_shape shape = x->shape;
  shape.dim[0] = count;
  return sq_tape_apply(tape, SQ_TAPE_rows, shape, 1, args, (sq_tape_attr){.first_row = first});
}

seqgpu_status sq_tape_rows_forward(seqgpu_tensor *y) {
  return view(y, y->attr.first_row * (y->elements / y->shape.dim[0]));
}
seqgpu_status sq_tape_rows_backward(seqgpu_tensor *y) { return view_backward(y); }

seqgpu_tensor *seqgpu_tape_reshape(seqgpu_tape *tape, seqgpu_tensor *x, int rank, const int64_t *shape) {
  const sq_tape_arg args[] = {{"x", x, SQ_INDEXED, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_reshape, 1, args)) return NULL;
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
                        "reshape: shape is %s but x is %s; it must have the same %lld numbers",
                        SQ_SHAPE(wanted), SQ_SHAPE(x->shape), (long long)x->elements);
  return sq_tape_apply(tape, SQ_TAPE_reshape, wanted, 1, args, (sq_tape_attr){0});
}

seqgpu_status sq_tape_reshape_forward(seqgpu_tensor *y) { return view(y, 0); }
seqgpu_status sq_tape_reshape_backward(seqgpu_tensor *y) { return view_backward(y); }

/* --- dropout: y = x m / (1-p),  dx = dy m / (1-p), the mask m drawn again --- */

seqgpu_tensor *seqgpu_tape_dropout(seqgpu_tape *tape, seqgpu_tensor *x, double p) {
  const sq_tape_arg args[] = {{"x", x, SQ_REALS, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_dropout, 1, args)) return NULL;
  if (!(p >= 0 && p <= 1)) return sq_tape_fail(tape, SEQGPU_EINVAL, "dropout: p is %g; it must be 0 to 1", p);
  if (!tape->training || p == 0) return x;
  const sq_tape_attr attr = {.dropout = {.p = p, .offset = tape->counter}};
  tape->counter += (uint64_t)(x->elements + 3) / 4; /* four numbers a block */
  return sq_tape_apply(tape, SQ_TAPE_dropout, x->shape, 1, args, attr);
}

static sq_dropout_args dropout_args(const seqgpu_tensor *y) {
  return (sq_dropout_args){
      .count = y->elements, .p = y->attr.dropout.p, .seed = y->tape->seed, .offset = y->attr.dropout.offset};
}

seqgpu_status sq_tape_dropout_forward(seqgpu_tensor *y) {
  sq_dropout_args args = dropout_args(y);
  args.x = y->input[0]->value;
  args.y = y->value;
  return SQ_RUN(y->tape->ctx, dropout, &args);
}

seqgpu_status sq_tape_dropout_backward(seqgpu_tensor *y) {
  sq_dropout_args args = dropout_args(y);
  args.x = y->grad;
  SQ_TRY(sq_grad_open(y->input[0], &args.y, &args.accumulate));
  return args.y ? SQ_RUN(y->tape->ctx, dropout, &args) : SEQGPU_OK;
}

/* --- cross entropy; its value is loss[0] of sq_xent_args --- */

enum { XENT_LOGITS, XENT_TARGETS };

seqgpu_tensor *seqgpu_tape_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits, seqgpu_tensor *targets,
                                         int mean, double scale) {
  const sq_tape_arg args[] = {{"logits", logits, SQ_REALS, 0}, {"targets", targets, SQ_IDS, 0}};
  if (!sq_tape_accepts(tape, SQ_TAPE_cross_entropy, 2, args)) return NULL;
  const sq_shape l = logits->shape, t = targets->shape;
  if (t.rank != l.rank - 1 || !sq_same_dims(t.dim, l.dim, t.rank))
    return sq_tape_fail(
        tape, SEQGPU_EINVAL,
        "cross_entropy: logits is %s but targets is %s; targets must be logits without the last "
        "dimension",
        SQ_SHAPE(l), SQ_SHAPE(t));
  const sq_tape_attr attr = {.loss = {.mean = mean != 0, .scale = scale}};
  return sq_tape_apply(tape, SQ_TAPE_cross_entropy, (sq_shape){1, {1}}, 2, args, attr);
}

static sq_xent_args xent_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *logits = y->input[XENT_LOGITS];
  return (sq_xent_args){.rows = rows_of(logits),
                        .classes = sq_last_dim(logits),
                        .mean = y->attr.loss.mean,
                        .scale = y->attr.loss.scale,
                        .logits = logits->value,
                        .targets = y->input[XENT_TARGETS]->value,
                        .lse = y->attr.loss.lse,
                        .row_loss = y->attr.loss.row_loss,
                        .loss = y->value};
}

seqgpu_status sq_tape_cross_entropy_forward(seqgpu_tensor *y) {
  const int64_t rows = rows_of(y->input[XENT_LOGITS]);
  SQ_TRY(sq_tape_alloc(y->tape, rows, &y->attr.loss.lse));
  SQ_TRY(sq_tape_alloc(y->tape, rows, &y->attr.loss.row_loss));
  SQ_TRY(sq_tape_alloc(y->tape, 2, &y->value)); /* the operator counts the rows beside the loss */
  const sq_xent_args args = xent_args(y);
  return SQ_RUN(y->tape->ctx, xent_forward, &args);
}

seqgpu_status sq_tape_cross_entropy_backward(seqgpu_tensor *y) {
  seqgpu_tensor *logits = y->input[XENT_LOGITS];
  sq_xent_args args = xent_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(logits, &args.dlogits));
  if (args.dlogits == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(y->tape->ctx, xent_backward, &args));
  return sq_grad_join(logits, args.dlogits);
}

/* --- squared error; its value is loss[0] of sq_mse_args --- */

enum { MSE_X, MSE_TARGETS, MSE_MASK };

seqgpu_tensor *seqgpu_tape_squared_error(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *targets,
                                         seqgpu_tensor *mask, int mean, double scale) {
  const sq_tape_arg args[] = {
      {"x", x, SQ_REALS, 0}, {"targets", targets, SQ_REALS, 0}, {"mask", mask, SQ_IDS, 1}};
  if (!sq_tape_accepts(tape, SQ_TAPE_squared_error, 3, args)) return NULL;
  const sq_shape s = x->shape, t = targets->shape;
  if (!sq_same_shape(s, t))
    return sq_tape_fail(tape, SEQGPU_EINVAL, "squared_error: x is %s but targets is %s", SQ_SHAPE(s),
                        SQ_SHAPE(t));
  if (targets->needs_grad)
    return sq_tape_fail(tape, SEQGPU_EINVAL, "squared_error: targets must be constant, no gradient passes");
  if (mask && (mask->shape.rank != s.rank - 1 || !sq_same_dims(mask->shape.dim, s.dim, s.rank - 1)))
    return sq_tape_fail(tape, SEQGPU_EINVAL,
                        "squared_error: x is %s but mask is %s; mask must be x without the last dimension",
                        SQ_SHAPE(s), SQ_SHAPE(mask->shape));
  const sq_tape_attr attr = {.loss = {.mean = mean != 0, .scale = scale}};
  return sq_tape_apply(tape, SQ_TAPE_squared_error, (sq_shape){1, {1}}, 3, args, attr);
}

static sq_mse_args mse_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *x = y->input[MSE_X], *mask = y->input[MSE_MASK];
  return (sq_mse_args){.rows = rows_of(x),
                       .dim = sq_last_dim(x),
                       .mean = y->attr.loss.mean,
                       .scale = y->attr.loss.scale,
                       .x = x->value,
                       .targets = y->input[MSE_TARGETS]->value,
                       .mask = mask ? mask->value : NULL,
                       .row_loss = y->attr.loss.row_loss,
                       .loss = y->value};
}

seqgpu_status sq_tape_squared_error_forward(seqgpu_tensor *y) {
  SQ_TRY(sq_tape_alloc(y->tape, rows_of(y->input[MSE_X]), &y->attr.loss.row_loss));
  SQ_TRY(sq_tape_alloc(y->tape, 2, &y->value)); /* the operator counts the rows beside the loss */
  const sq_mse_args args = mse_args(y);
  return SQ_RUN(y->tape->ctx, mse_forward, &args);
}

seqgpu_status sq_tape_squared_error_backward(seqgpu_tensor *y) {
  seqgpu_tensor *x = y->input[MSE_X];
  sq_mse_args args = mse_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(x, &args.dx));
  if (args.dx == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(y->tape->ctx, mse_backward, &args));
  return sq_grad_join(x, args.dx);
}
