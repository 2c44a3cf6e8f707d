/* split.c - biases that are the sum of two trained ones, as in PyTorch (seqgpu/params.h).
 *
 * Networks run on one bias; PyTorch trains two, bias_ih and bias_hh.  The two are tensors of their own here,
 * in a block of their own, and the network's bias b, which no update touches any more, is their sum:
 *   before an update   d bias_ih = db                 d bias_hh = db
 *   after it           b = bias_ih + bias_hh
 * So clipping, moments and weight decay see what PyTorch's see.  Of a GRU that resets after the product, the
 * candidate's part of b is that of bias_ih alone, and bias_rec, of which the same holds, is that of bias_hh.
 */
#include "host/params/split.h"

#include <stdio.h>

#include "host/params/store.h"

/* ---------------------------------------------------------------- memory */

/* Which memory of a tensor: its value, or its gradient. */
typedef enum memory { VALUE, GRADIENT } memory;

static char *address(const seqgpu_params *p, const sq_tensor *t, memory which) {
  const sq_param_block *block = &p->blocks[t->block];
  return sq_params_address(p, t, which == VALUE ? block->value : block->grad);
}

static seqgpu_status copy(seqgpu_params *p, void *to, const void *from, int64_t elements) {
  return seqgpu_copy(p->ctx, to, from, (size_t)elements * p->ctx->element_size);
}

/* The first `shared` elements of both parts belong to the sum; the rest of bias_ih to b alone, of bias_hh to
 * rec. */
static int64_t shared_of(const sq_tensor *sum) { return sum->rows - (sum->rec ? sum->rec->rows : 0); }

/* ---------------------------------------------------------------- updates */

static seqgpu_status give_gradient(seqgpu_params *p, const sq_tensor *sum) {
  const int64_t shared = shared_of(sum);
  char *hh = address(p, sum->part[1], GRADIENT);
  SQ_TRY(copy(p, address(p, sum->part[0], GRADIENT), address(p, sum, GRADIENT), sum->rows));
  SQ_TRY(copy(p, hh, address(p, sum, GRADIENT), shared));
  if (sum->rec == NULL) return SEQGPU_OK;
  return copy(p, hh + (size_t)shared * p->ctx->element_size, address(p, sum->rec, GRADIENT), sum->rec->rows);
}

static seqgpu_status add_up(seqgpu_params *p, const sq_tensor *sum) {
  const int64_t shared = shared_of(sum);
  const char *ih = address(p, sum->part[0], VALUE), *hh = address(p, sum->part[1], VALUE);
  const sq_map_args add = {
      .kind = SQ_MAP_ADD, .count = shared, .a = ih, .b = hh, .y = address(p, sum, VALUE)};
  SQ_TRY(copy(p, address(p, sum, VALUE), ih, sum->rows));
  SQ_TRY(SQ_RUN(p->ctx, map, &add));
  if (sum->rec == NULL) return SEQGPU_OK;
  return copy(p, address(p, sum->rec, VALUE), hh + (size_t)shared * p->ctx->element_size, sum->rec->rows);
}

static seqgpu_status take_sum(seqgpu_params *p, const sq_tensor *sum) {
  const int64_t shared = shared_of(sum);
  char *hh = address(p, sum->part[1], VALUE);
  SQ_TRY(copy(p, address(p, sum->part[0], VALUE), address(p, sum, VALUE), sum->rows));
  SQ_TRY(seqgpu_zero(p->ctx, hh, (size_t)shared * p->ctx->element_size));
  if (sum->rec == NULL) return SEQGPU_OK;
  return copy(p, hh + (size_t)shared * p->ctx->element_size, address(p, sum->rec, VALUE), sum->rec->rows);
}

static seqgpu_status each(seqgpu_params *p, seqgpu_status (*what)(seqgpu_params *, const sq_tensor *)) {
  for (int i = 0; i < p->tensor_count; i++)
    if (p->tensors[i]->part[0]) SQ_TRY(what(p, p->tensors[i]));
  return SEQGPU_OK;
}

seqgpu_status sq_split_before_update(seqgpu_params *p) { return each(p, give_gradient); }
seqgpu_status sq_split_add_up(seqgpu_params *p) { return each(p, add_up); }
seqgpu_status sq_split_take_sums(seqgpu_params *p) { return each(p, take_sum); }

/* ---------------------------------------------------------------- splitting */

/* "rnn.bias_l0" with "ih" becomes "rnn.bias_ih_l0".  0: that is too long for a name. */
static int part_name(const char *sum, const char *kind, char out[SQ_NAME_SIZE]) {
  const char *suffix = strrchr(sum, '_'); /* "_l0", or "_reverse" of "_l0_reverse" */
  while (strncmp(suffix, "_l", 2) != 0) suffix--;
  const int length = snprintf(out, SQ_NAME_SIZE, "%.*s_%s%s", (int)(suffix - sum), sum, kind, suffix);
  return length < SQ_NAME_SIZE;
}

/* The parts of one sum; what was added is the caller's to undo. */
static seqgpu_status split(seqgpu_params *p, sq_tensor *sum) {
  static const char *const kinds[] = {"ih", "hh"};
  char name[SQ_NAME_SIZE];
  sq_tensor part = {.rows = sum->rows, .cols = 1, .block = p->block_count, .form = SQ_FORM_VECTOR};
  if (!part_name(sum->name, "rec", name))
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: \"%.60s\" is too long a name to be split", sum->name);
  if (sum->form == SQ_FORM_GRU_BIAS) sum->rec = sq_params_tensor(p, name);
  SQ_TRY(sq_params_add_block(p, 2 * sum->rows, 1));
  for (int i = 0; i < 2; i++) {
    (void)part_name(sum->name, kinds[i], name); /* shorter than with "rec" */
    part.offset = i * sum->rows;
    SQ_TRY(sq_params_add_tensor(p, name, &part));
    sum->part[i] = p->tensors[p->tensor_count - 1];
  }
  sum->fixed = 1;
  if (sum->rec) sum->rec->fixed = 1;
  SQ_TRY(sq_params_room_for_pieces(p));
  return take_sum(p, sum);
}

/* A sum as it was. */
static void unsplit(sq_tensor *sum) {
  if (sum->rec) sum->rec->fixed = 0;
  sum->fixed = 0;
  sum->part[0] = sum->part[1] = sum->rec = NULL;
}

static int is_of(const sq_tensor *t, const char *prefix) {
  const size_t length = prefix ? strlen(prefix) : 0;
  const int bias = t->form == SQ_FORM_BIAS || t->form == SQ_FORM_GRU_BIAS;
  return bias && strncmp(t->name, prefix ? prefix : "", length) == 0 &&
         sq_starts_with(t->name + length, length ? ".bias_l" : "bias_l");
}

seqgpu_status seqgpu_params_split_biases(seqgpu_params *p, const char *prefix) {
  if (p == NULL) return SEQGPU_EINVAL;
  const sq_params_mark before = sq_params_now(p);
  int found = 0;
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; i < before.tensors && status == SEQGPU_OK; i++) {
    if (!is_of(p->tensors[i], prefix)) continue;
    found++;
    if (p->tensors[i]->part[0])
      status = sq_fail(p->ctx, SEQGPU_EINVAL, "params: \"%.60s\" is split already", p->tensors[i]->name);
    else
      status = split(p, p->tensors[i]);
  }
  if (found == 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL,
                   "params: under \"%.60s\" there is no network whose biases are two in PyTorch",
                   prefix ? prefix : "");
  if (status == SEQGPU_OK) return status;
  for (int i = 0; i < before.tensors; i++)
    if (p->tensors[i]->part[0] && p->tensors[i]->part[0]->block >= before.blocks) unsplit(p->tensors[i]);
  return sq_params_undo(p, before, status);
}
