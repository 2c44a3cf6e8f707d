/* tape.c - the life of a tape: steps, leaves, errors, the walk backward, and reading.
 *
 * Tensors form a list, newest first, which is an order in which every tensor comes before its inputs: backward is one
 * walk along it.  A tensor is passed by unless a gradient has reached it.
 */
#include "host/tape/tape.h"

#include <stdio.h>
#include <string.h>

#include "host/params/params.h"

#define ROW(name, memory)                                                                                    \
  [SQ_TAPE_##name] = {#name, SQ_TAPE_##memory, sq_tape_##name##_forward, sq_tape_##name##_backward},
const sq_tape_op sq_tape_ops[] = {SQ_TAPE_OPS(ROW)};
#undef ROW

/* --- the tape --- */

seqgpu_status seqgpu_tape_create(seqgpu_context *ctx, uint64_t seed, seqgpu_tape **out) {
  if (out != NULL) *out = NULL;
  if (ctx == NULL) return SEQGPU_EINVAL;
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "seqgpu_tape_create: out is NULL");
  if (ctx->ops == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "seqgpu_tape_create: the context has no device; its creation failed");
  seqgpu_tape *tape = sq_host_alloc(ctx, sizeof *tape);
  if (tape == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "out of memory for a tape");
  tape->ctx = ctx;
  tape->seed = seed;
  tape->training = 1;
  tape->device = (sq_arena){.ctx = ctx, .on_device = 1};
  tape->host = (sq_arena){.ctx = ctx};
  *out = tape;
  return SEQGPU_OK;
}

void seqgpu_tape_destroy(seqgpu_tape *tape) {
  if (tape == NULL) return;
  sq_arena_free(&tape->device);
  sq_arena_free(&tape->host);
  seqgpu_free(tape->ctx, tape->scratch);
  sq_host_free(tape->ctx, tape);
}

/* Keeps the first error of the step, in the tape and as the context's last one. */
static seqgpu_status record(seqgpu_tape *tape, seqgpu_status status, const char *sentence) {
  if (tape->status != SEQGPU_OK) return tape->status;
  tape->status = status;
  snprintf(tape->error, sizeof tape->error, "%.*s", SQ_ERROR_SIZE - 1, sentence);
  return sq_fail(tape->ctx, status, "%s", tape->error);
}

/* The same for a call whose sentence is in the context; `who` failed because of it. */
static seqgpu_status record_failed(seqgpu_tape *tape, seqgpu_status status, const char *who) {
  if (status == SEQGPU_OK) return SEQGPU_OK;
  char sentence[SQ_ERROR_SIZE + 64];
  snprintf(sentence, sizeof sentence, "%s: %s", who, tape->ctx->error);
  return record(tape, status, sentence);
}

seqgpu_tensor *sq_tape_fail(seqgpu_tape *tape, seqgpu_status status, const char *format, ...) {
  char sentence[SQ_ERROR_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  record(tape, status, sentence);
  return NULL;
}

seqgpu_status seqgpu_tape_clear(seqgpu_tape *tape, int training) {
  if (tape == NULL) return SEQGPU_EINVAL;
  tape->newest = NULL;
  tape->training = training != 0;
  tape->status = SEQGPU_OK;
  tape->error[0] = '\0';
  seqgpu_status status = sq_arena_reset(&tape->host);
  if (status == SEQGPU_OK) status = sq_arena_reset(&tape->device);
  return record_failed(tape, status, "clear");
}

seqgpu_status seqgpu_tape_status(const seqgpu_tape *tape) { return tape ? tape->status : SEQGPU_EINVAL; }
const char *seqgpu_tape_error(const seqgpu_tape *tape) { return tape ? tape->error : "tape is NULL"; }

uint64_t seqgpu_tape_counter(const seqgpu_tape *tape) { return tape ? tape->counter : 0; }
void seqgpu_tape_set_counter(seqgpu_tape *tape, uint64_t counter) {
  if (tape != NULL) tape->counter = counter;
}

size_t seqgpu_tape_memory(const seqgpu_tape *tape) {
  if (tape == NULL) return 0;
  return sizeof *tape + tape->device.total + tape->host.total + tape->scratch_size;
}

seqgpu_status sq_tape_alloc(seqgpu_tape *tape, int64_t elements, void **out) {
  return sq_arena_alloc(&tape->device, (size_t)elements * tape->ctx->element_size, out);
}

seqgpu_status sq_tape_scratch(seqgpu_tape *tape, size_t bytes, void **out) {
  if (bytes > tape->scratch_size) {
    if (tape->scratch != NULL) SQ_TRY(seqgpu_synchronize(tape->ctx)); /* it may still be in use */
    seqgpu_free(tape->ctx, tape->scratch);
    tape->scratch = NULL;
    tape->scratch_size = 0;
    SQ_TRY(seqgpu_malloc(tape->ctx, bytes, &tape->scratch));
    tape->scratch_size = bytes;
  }
  *out = tape->scratch;
  return SEQGPU_OK;
}

/* --- tensors --- */

const char *sq_shape_text(sq_shape shape, char text[SQ_SHAPE_TEXT]) {
  size_t at = 0;
  for (int i = 0; i < shape.rank && at < SQ_SHAPE_TEXT; i++)
    at += (size_t)snprintf(text + at, SQ_SHAPE_TEXT - at, "%s%lld", i ? "," : "[", (long long)shape.dim[i]);
  if (at < SQ_SHAPE_TEXT) snprintf(text + at, SQ_SHAPE_TEXT - at, "]");
  return text;
}

/* Elements of a shape; 0, recorded, if it is not one of a tensor. */
static int64_t shape_elements(seqgpu_tape *tape, const char *who, sq_shape shape) {
  int64_t elements = 1;
  for (int i = 0; i < shape.rank; i++) {
    if (shape.dim[i] < 1) {
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: dimension %d of shape is %lld; it must be at least 1", who, i,
                   (long long)shape.dim[i]);
      return 0;
    }
    if (!sq_mul_size(elements, shape.dim[i], &elements)) {
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: a tensor %s has too many elements; the limit is 2^46", who,
                   SQ_SHAPE(shape));
      return 0;
    }
  }
  return elements;
}

seqgpu_tensor *sq_tape_tensor(seqgpu_tape *tape, const char *who, sq_element element, sq_shape shape) {
  const int64_t elements = shape_elements(tape, who, shape);
  if (elements == 0) return NULL;
  void *memory = NULL;
  const seqgpu_status status = sq_arena_alloc(&tape->host, sizeof(seqgpu_tensor), &memory);
  if (record_failed(tape, status, who) != SEQGPU_OK) return NULL;
  seqgpu_tensor *t = memory;
  *t = (seqgpu_tensor){
      .tape = tape, .older = tape->newest, .shape = shape, .elements = elements, .element = element};
  tape->newest = t;
  return t;
}

static int fits(sq_element wanted, sq_element given) {
  return given == wanted || (wanted == SQ_INDEXED && (given == SQ_REALS || given == SQ_IDS));
}

int sq_tape_accepts(seqgpu_tape *tape, sq_tape_op_id op, int count, const sq_tape_arg *args) {
  static const char *const kinds[] = {"reals", "ids", "lengths", "reals or ids"};
  if (tape == NULL || tape->status != SEQGPU_OK) return 0;
  const char *who = sq_tape_ops[op].name;
  for (int i = 0; i < count; i++) {
    const seqgpu_tensor *t = args[i].tensor;
    if (t == NULL && args[i].optional) continue;
    if (t == NULL)
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s is NULL", who, args[i].name);
    else if (t->tape != tape)
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s belongs to another tape", who, args[i].name);
    else if (!fits(args[i].element, t->element))
      sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s is a tensor of %s; it must be one of %s", who, args[i].name,
                   kinds[t->element], kinds[args[i].element]);
  }
  return tape->status == SEQGPU_OK;
}

static seqgpu_status compute(seqgpu_tensor *y) {
  if (y->op->memory == SQ_TAPE_OWN) SQ_TRY(sq_tape_alloc(y->tape, y->elements, &y->value));
  return y->op->forward(y);
}

seqgpu_tensor *sq_tape_apply(seqgpu_tape *tape, sq_tape_op_id op, sq_shape shape, int count,
                             const sq_tape_arg *args, sq_tape_attr attr) {
  const char *who = sq_tape_ops[op].name;
  const sq_element element = sq_tape_ops[op].memory == SQ_TAPE_PLACED ? args[0].tensor->element : SQ_REALS;
  seqgpu_tensor *y = sq_tape_tensor(tape, who, element, shape);
  if (y == NULL) return NULL;
  y->op = &sq_tape_ops[op];
  y->attr = attr;
  for (int i = 0; i < count; i++) {
    y->input[i] = args[i].tensor;
    if (tape->training && y->input[i] != NULL && y->input[i]->needs_grad) y->needs_grad = 1;
  }
  return record_failed(tape, compute(y), who) == SEQGPU_OK ? y : NULL;
}

/* --- leaves --- */

/* The tape has no error and the arguments are a shape and a pointer called `name`. */
static int leaf_accepts(seqgpu_tape *tape, const char *who, int rank, const int64_t *shape, const char *name,
                        const void *pointer) {
  if (tape == NULL || tape->status != SEQGPU_OK) return 0;
  if (rank < 1 || rank > SEQGPU_TAPE_RANK)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: rank is %d; it must be 1 to %d", who, rank, SEQGPU_TAPE_RANK);
  else if (shape == NULL || pointer == NULL)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: %s is NULL", who, shape == NULL ? "shape" : name);
  return tape->status == SEQGPU_OK;
}

static seqgpu_tensor *leaf(seqgpu_tape *tape, const char *who, sq_element element, int rank,
                           const int64_t *shape) {
  sq_shape s = {.rank = rank};
  memcpy(s.dim, shape, (size_t)rank * sizeof *shape);
  return sq_tape_tensor(tape, who, element, s);
}

static seqgpu_tensor *copied(seqgpu_tape *tape, const char *who, seqgpu_tensor *t, const void *host) {
  if (t == NULL) return NULL;
  const size_t size = t->element == SQ_REALS ? tape->ctx->element_size : sizeof(int32_t);
  const size_t bytes = (size_t)t->elements * size;
  seqgpu_status status = sq_arena_alloc(&tape->device, bytes, &t->value);
  if (status == SEQGPU_OK) status = seqgpu_copy_in(tape->ctx, t->value, host, bytes);
  return record_failed(tape, status, who) == SEQGPU_OK ? t : NULL;
}

seqgpu_tensor *seqgpu_tape_input(seqgpu_tape *tape, int rank, const int64_t *shape, const void *host) {
  if (!leaf_accepts(tape, "input", rank, shape, "host", host)) return NULL;
  return copied(tape, "input", leaf(tape, "input", SQ_REALS, rank, shape), host);
}

seqgpu_tensor *seqgpu_tape_ids(seqgpu_tape *tape, int rank, const int64_t *shape, const int32_t *host) {
  if (!leaf_accepts(tape, "ids", rank, shape, "host", host)) return NULL;
  return copied(tape, "ids", leaf(tape, "ids", SQ_IDS, rank, shape), host);
}

seqgpu_tensor *seqgpu_tape_lengths(seqgpu_tape *tape, int64_t batch, const int32_t *host) {
  if (!leaf_accepts(tape, "lengths", 1, &batch, "host", host)) return NULL;
  seqgpu_tensor *t = leaf(tape, "lengths", SQ_LENGTHS, 1, &batch);
  if (t == NULL) return NULL;
  t->lowest = t->highest = host[0];
  for (int64_t b = 0; b < batch; b++) {
    if (host[b] < 0)
      return sq_tape_fail(tape, SEQGPU_EINVAL, "lengths: number %lld is %d; it must be at least 0",
                          (long long)b, (int)host[b]);
    t->lowest = host[b] < t->lowest ? host[b] : t->lowest;
    t->highest = host[b] > t->highest ? host[b] : t->highest;
  }
  return copied(tape, "lengths", t, host);
}

static seqgpu_tensor *wrapped(seqgpu_tensor *t, const void *value, void *grad) {
  if (t == NULL) return NULL;
  t->value = (void *)value; /* never written: no operator works in place */
  t->grad = grad;
  t->needs_grad = grad != NULL;
  t->wrapped = t->written = 1;
  return t;
}

seqgpu_tensor *seqgpu_tape_wrap(seqgpu_tape *tape, int rank, const int64_t *shape, const void *value,
                                void *grad) {
  if (!leaf_accepts(tape, "wrap", rank, shape, "value", value)) return NULL;
  return wrapped(leaf(tape, "wrap", SQ_REALS, rank, shape), value, grad);
}

seqgpu_tensor *seqgpu_tape_wrap_ids(seqgpu_tape *tape, int rank, const int64_t *shape,
                                    const int32_t *device) {
  if (!leaf_accepts(tape, "wrap_ids", rank, shape, "device", device)) return NULL;
  return wrapped(leaf(tape, "wrap_ids", SQ_IDS, rank, shape), device, NULL);
}

seqgpu_tensor *seqgpu_tape_param_(seqgpu_tape *tape, const seqgpu_param *param, size_t size) {
  if (tape == NULL || tape->status != SEQGPU_OK) return NULL;
  if (param == NULL) return sq_tape_fail(tape, SEQGPU_EINVAL, "param: param is NULL");
  seqgpu_param p;
  const seqgpu_status status = sq_struct_in(tape->ctx, "param", &p, sizeof p, param, size);
  if (record_failed(tape, status, "param") != SEQGPU_OK) return NULL;
  if (p.value == NULL) return sq_tape_fail(tape, SEQGPU_EINVAL, "param: its value is NULL");
  return seqgpu_tape_wrap(tape, 2, (int64_t[]){p.rows, p.cols}, p.value, p.grad);
}

/* --- backward --- */

static void *grad_pointer(const seqgpu_tensor *t) {
  char *grad = t->base != NULL ? t->base->grad : t->grad;
  return grad + (size_t)t->base_offset * t->tape->ctx->element_size;
}

static seqgpu_status grad_memory(seqgpu_tensor *o) {
  return o->grad != NULL ? SEQGPU_OK : sq_tape_alloc(o->tape, o->elements, &o->grad);
}

seqgpu_status sq_grad_open(seqgpu_tensor *x, void **at, int *accumulate) {
  *at = NULL;
  *accumulate = 0;
  if (x == NULL || !x->needs_grad) return SEQGPU_OK;
  seqgpu_tensor *o = sq_owner(x);
  SQ_TRY(grad_memory(o));
  if (!o->written && x->elements < o->elements) { /* a part must not leave the rest undefined */
    SQ_TRY(seqgpu_zero(x->tape->ctx, o->grad, (size_t)o->elements * x->tape->ctx->element_size));
    o->written = 1;
  }
  *accumulate = o->written;
  *at = grad_pointer(x);
  o->written = x->reached = 1;
  return SEQGPU_OK;
}

seqgpu_status sq_grad_to_add(seqgpu_tensor *x, void **at) {
  int accumulate;
  SQ_TRY(sq_grad_open(x, at, &accumulate));
  if (*at == NULL || accumulate) return SEQGPU_OK;
  return seqgpu_zero(x->tape->ctx, *at, (size_t)x->elements * x->tape->ctx->element_size);
}

seqgpu_status sq_grad_to_set(seqgpu_tensor *x, void **at) {
  int accumulate;
  SQ_TRY(sq_grad_open(x, at, &accumulate));
  return accumulate ? sq_tape_alloc(x->tape, x->elements, at) : SEQGPU_OK;
}

seqgpu_status sq_grad_join(seqgpu_tensor *x, void *at) {
  if (x == NULL || !x->needs_grad || at == NULL || at == grad_pointer(x)) return SEQGPU_OK;
  const sq_map_args add = {
      .kind = SQ_MAP_SCALE, .count = x->elements, .alpha = 1, .a = at, .y = grad_pointer(x), .accumulate = 1};
  return SQ_RUN(x->tape->ctx, map, &add);
}

static seqgpu_status start_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss) {
  for (seqgpu_tensor *t = tape->newest; t != NULL; t = t->older) {
    t->reached = 0;
    t->written = t->wrapped;
  }
  const float one_f32 = 1;
  const double one_f64 = 1;
  const void *one = tape->ctx->dtype == SEQGPU_DTYPE_F64 ? (const void *)&one_f64 : (const void *)&one_f32;
  void *at;
  SQ_TRY(sq_grad_to_set(loss, &at));
  const size_t bytes = (size_t)loss->elements * tape->ctx->element_size;
  SQ_TRY(seqgpu_copy_in(tape->ctx, at, dloss ? dloss : one, bytes));
  return sq_grad_join(loss, at);
}

static seqgpu_status backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss) {
  SQ_TRY(start_backward(tape, loss, dloss));
  for (seqgpu_tensor *t = loss; t != NULL; t = t->older)
    if (t->reached && t->op != NULL) SQ_TRY(t->op->backward(t));
  return SEQGPU_OK;
}

/* What `who`, a walk back from loss, needs: no failure so far, training, and a gradient to bring. */
static seqgpu_status check_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss,
                                    const char *who) {
  if (tape->status != SEQGPU_OK) return sq_fail(tape->ctx, tape->status, "%s", tape->error);
  if (loss == NULL || loss->tape != tape)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: loss %s", who, loss ? "belongs to another tape" : "is NULL");
  else if (!tape->training)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: the tape was cleared with training = 0; it must be 1", who);
  else if (!loss->needs_grad)
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "%s: nothing that loss was computed from has a gradient buffer; wrap something with "
                 "seqgpu_tape_wrap or seqgpu_tape_param",
                 who);
  else if (dloss == NULL && loss->elements != 1)
    sq_tape_fail(tape, SEQGPU_EINVAL, "%s: loss is %s and has no dloss; it must be one element", who,
                 SQ_SHAPE(loss->shape));
  return tape->status;
}

seqgpu_status seqgpu_tape_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss) {
  if (tape == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_backward(tape, loss, dloss, "backward"));
  return record_failed(tape, backward(tape, loss, dloss), "backward");
}

/* --- one update --- */

static seqgpu_status update(seqgpu_tape *tape, seqgpu_tensor *loss, seqgpu_params *params,
                            const seqgpu_optimizer *optimizer, size_t size, double *value) {
  SQ_TRY(seqgpu_params_zero_grad(params));
  SQ_TRY(backward(tape, loss, NULL));
  SQ_TRY(seqgpu_params_update_(params, optimizer, size));
  return value ? seqgpu_tensor_number(loss, value) : SEQGPU_OK;
}

seqgpu_status seqgpu_tape_update_(seqgpu_tape *tape, seqgpu_tensor *loss, seqgpu_params *params,
                                  const seqgpu_optimizer *optimizer, size_t size, double *value) {
  if (tape == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_backward(tape, loss, NULL, "update"));
  if (params == NULL || params->ctx != tape->ctx)
    sq_tape_fail(tape, SEQGPU_EINVAL, "update: params %s", params ? "belongs to another context" : "is NULL");
  if (tape->status != SEQGPU_OK) return tape->status;
  return record_failed(tape, update(tape, loss, params, optimizer, size, value), "update");
}

/* --- reading --- */

seqgpu_status seqgpu_tensor_read(const seqgpu_tensor *tensor, void *host) {
  if (tensor == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = tensor->tape->ctx;
  if (host == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "seqgpu_tensor_read: host is NULL");
  const size_t size = tensor->element == SQ_REALS ? ctx->element_size : sizeof(int32_t);
  return seqgpu_copy_out(ctx, host, tensor->value, (size_t)tensor->elements * size);
}

seqgpu_status seqgpu_tensor_number(const seqgpu_tensor *tensor, double *out) {
  if (tensor == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = tensor->tape->ctx;
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "seqgpu_tensor_number: out is NULL");
  if (tensor->elements != 1 || tensor->element != SQ_REALS)
    return sq_fail(ctx, SEQGPU_EINVAL, "seqgpu_tensor_number: tensor is %s; it must be one real number",
                   SQ_SHAPE(tensor->shape));
  float f32;
  if (ctx->dtype == SEQGPU_DTYPE_F64) return seqgpu_copy_out(ctx, out, tensor->value, sizeof *out);
  SQ_TRY(seqgpu_copy_out(ctx, &f32, tensor->value, sizeof f32));
  *out = (double)f32;
  return SEQGPU_OK;
}

int seqgpu_tensor_shape(const seqgpu_tensor *tensor, int64_t *shape) {
  if (tensor == NULL) return 0;
  if (shape != NULL) memcpy(shape, tensor->shape.dim, sizeof tensor->shape.dim);
  return tensor->shape.rank;
}

int64_t seqgpu_tensor_elements(const seqgpu_tensor *tensor) { return tensor ? tensor->elements : 0; }
const void *seqgpu_tensor_value(const seqgpu_tensor *tensor) { return tensor ? tensor->value : NULL; }

const void *seqgpu_tensor_grad(const seqgpu_tensor *tensor) {
  if (tensor == NULL) return NULL;
  const seqgpu_tensor *o = tensor->base != NULL ? tensor->base : tensor;
  return o->written && o->grad != NULL ? grad_pointer(tensor) : NULL;
}
