/* tape.c - the life of a tape: steps, leaves, the walk backward, and reading (seqgpu/tape.h).
 *
 * Backward is one walk along the list of tensors, newest first, which passes by every tensor that no gradient
 * has reached.
 */
#include <string.h>

#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/grad.h"
#include "host/tape/ready.h"
#include "host/tape/record.h"

/* --- the tape --- */

seqgpu_status seqgpu_tape_create(seqgpu_context *ctx, uint64_t seed, seqgpu_tape **out) {
  if (out != NULL) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "tape_create: out is NULL");
  seqgpu_tape *tape = sq_host_alloc(ctx, sizeof *tape);
  if (tape == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "tape_create: out of memory");
  tape->ctx = ctx;
  tape->seed = seed;
  tape->training = 1;
  tape->device = tape->aside = (sq_arena){.ctx = ctx, .on_device = 1};
  for (int i = 0; i < 2; i++) tape->host[i] = (sq_arena){.ctx = ctx};
  *out = tape;
  return SEQGPU_OK;
}

void seqgpu_tape_destroy(seqgpu_tape *tape) {
  if (tape == NULL) return;
  sq_arena_free(&tape->device);
  sq_arena_free(&tape->aside);
  for (int i = 0; i < 2; i++) sq_arena_free(&tape->host[i]);
  seqgpu_free(tape->ctx, tape->scratch);
  sq_host_free(tape->ctx, tape);
}

seqgpu_status seqgpu_tape_clear(seqgpu_tape *tape, int training) {
  if (tape == NULL) return SEQGPU_EINVAL;
  tape->newest = tape->moved = NULL;
  seqgpu_tape_set_ready(tape, NULL, NULL);
  tape->training = training != 0;
  tape->status = SEQGPU_OK;
  tape->error[0] = '\0';
  const sq_arena *last = &tape->host[tape->step++ % 2];
  sq_arena *next = &tape->host[tape->step % 2];
  seqgpu_status status = sq_arena_reset(next);
  sq_arena_begin_like(next, last);
  if (status == SEQGPU_OK) status = sq_arena_reset(&tape->device);
  return sq_tape_check(tape, status, "clear");
}

seqgpu_status seqgpu_tape_status(const seqgpu_tape *tape) { return tape ? tape->status : SEQGPU_EINVAL; }
const char *seqgpu_tape_error(const seqgpu_tape *tape) { return tape ? tape->error : "tape is NULL"; }

uint64_t seqgpu_tape_counter(const seqgpu_tape *tape) { return tape ? tape->counter : 0; }
void seqgpu_tape_set_counter(seqgpu_tape *tape, uint64_t counter) {
  if (tape != NULL) tape->counter = counter;
}

seqgpu_status seqgpu_tape_set_part(seqgpu_tape *tape, int64_t first, int64_t whole) {
  if (tape == NULL) return SEQGPU_EINVAL;
  if (first < 0 || whole < 0 || first > whole)
    return sq_fail(tape->ctx, SEQGPU_EINVAL,
                   "tape_set_part: first is %lld and whole %lld; first must be from 0 to whole",
                   (long long)first, (long long)whole);
  tape->first = first;
  tape->whole = whole;
  return SEQGPU_OK;
}

size_t seqgpu_tape_memory(const seqgpu_tape *tape) {
  if (tape == NULL) return 0;
  return sizeof *tape + tape->device.total + tape->aside.total + tape->host[0].total + tape->host[1].total +
         tape->scratch_size;
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
  return sq_tape_check(tape, status, who) == SEQGPU_OK ? t : NULL;
}

seqgpu_tensor *seqgpu_tape_input(seqgpu_tape *tape, int rank, const int64_t *shape, const void *host) {
  if (!leaf_accepts(tape, "input", rank, shape, "host", host)) return NULL;
  return copied(tape, "input", leaf(tape, "input", SQ_REALS, rank, shape), host);
}

seqgpu_tensor *seqgpu_tape_ids(seqgpu_tape *tape, int rank, const int64_t *shape, const int32_t *host) {
  if (!leaf_accepts(tape, "ids", rank, shape, "host", host)) return NULL;
  seqgpu_tensor *t = leaf(tape, "ids", SQ_IDS, rank, shape);
  for (int64_t i = 0; t && i < t->elements; i++) t->highest = host[i] > t->highest ? host[i] : t->highest;
  return copied(tape, "ids", t, host);
}

seqgpu_tensor *seqgpu_tape_lengths(seqgpu_tape *tape, int64_t batch, const int32_t *host) {
  if (!leaf_accepts(tape, "lengths", 1, &batch, "host", host)) return NULL;
  seqgpu_tensor *t = leaf(tape, "lengths", SQ_LENGTHS, 1, &batch);
  if (t == NULL) return NULL;
  t->lowest = t->highest = host[0];
  for (int64_t b = 0; b < batch; b++) {
    if (host[b] < 0)
      return sq_tape_fail(tape, SEQGPU_EINVAL, "lengths: element %lld is %d; it must be at least 0",
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
  if (sq_tape_check(tape, status, "param") != SEQGPU_OK) return NULL;
  if (p.value == NULL) return sq_tape_fail(tape, SEQGPU_EINVAL, "param: its value is NULL");
  return seqgpu_tape_wrap(tape, 2, (int64_t[]){p.rows, p.cols}, p.value, p.grad);
}

/* --- backward --- */

void seqgpu_tape_set_ready(seqgpu_tape *tape, seqgpu_gradient_ready *ready, void *about) {
  if (tape == NULL) return;
  tape->ready = ready;
  tape->ready_about = about;
}

static seqgpu_status start_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss) {
  SQ_TRY(sq_grad_start(tape));
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
  sq_ready_prepare(loss);
  for (seqgpu_tensor *t = loss; t != NULL; t = t->older) {
    if (t->reached && t->op != NULL) SQ_TRY(t->op->backward(t));
    SQ_TRY(sq_ready_tell(t));
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_tape_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss) {
  if (tape == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_grad_check(tape, loss, dloss, "backward"));
  return sq_tape_check(tape, backward(tape, loss, dloss), "backward");
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
  SQ_TRY(sq_grad_check(tape, loss, NULL, "update"));
  if (params == NULL || params->ctx != tape->ctx)
    sq_tape_fail(tape, SEQGPU_EINVAL, "update: params %s", params ? "belongs to another context" : "is NULL");
  if (tape->status != SEQGPU_OK) return tape->status;
  SQ_TRY(sq_tape_check(tape, update(tape, loss, params, optimizer, size, value), "update"));
  return seqgpu_tape_clear(tape, 1);
}

/* --- reading --- */

static seqgpu_status check_reading(const seqgpu_tensor *tensor, const char *who) {
  if (tensor == NULL) return SEQGPU_EINVAL;
  if (!sq_is_stale(tensor)) return SEQGPU_OK;
  return sq_fail(tensor->tape->ctx, SEQGPU_EINVAL,
                 "%s: tensor was made before the tape was cleared, and is no more", who);
}

seqgpu_status seqgpu_tensor_read(const seqgpu_tensor *tensor, void *host) {
  SQ_TRY(check_reading(tensor, "tensor_read"));
  seqgpu_context *ctx = tensor->tape->ctx;
  if (host == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "tensor_read: host is NULL");
  const size_t size = tensor->element == SQ_REALS ? ctx->element_size : sizeof(int32_t);
  return seqgpu_copy_out(ctx, host, tensor->value, (size_t)tensor->elements * size);
}

seqgpu_status seqgpu_tensor_number(const seqgpu_tensor *tensor, double *out) {
  SQ_TRY(check_reading(tensor, "tensor_number"));
  seqgpu_context *ctx = tensor->tape->ctx;
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "tensor_number: out is NULL");
  if (tensor->elements != 1 || tensor->element != SQ_REALS)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "tensor_number: tensor is %s; it must be one element of the context's element type",
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
const void *seqgpu_tensor_value(const seqgpu_tensor *tensor) {
  return tensor && !sq_is_stale(tensor) ? tensor->value : NULL;
}

const void *seqgpu_tensor_grad(const seqgpu_tensor *tensor) {
  if (tensor == NULL || sq_is_stale(tensor)) return NULL;
  const seqgpu_tensor *o = tensor->base != NULL ? tensor->base : tensor;
  return o->written && o->grad != NULL ? sq_grad_address(tensor) : NULL;
}
