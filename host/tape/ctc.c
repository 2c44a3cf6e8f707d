/* ctc.c - connectionist temporal classification on the tape (core/ctc.c).
 *
 * In training forward leaves how probable each state is at each step, so that backward and tangent are one
 * pass over the logits.
 */
#include "host/tape/grad.h"
#include "host/tape/losses.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

enum { CTC_LOGITS, CTC_LENGTHS, CTC_LABELS, CTC_LABEL_LENGTHS, CTC_INPUTS };

static const int32_t *ints_of(const seqgpu_tensor *t) { return t ? t->value : NULL; }

static sq_ctc_args ctc_args(const seqgpu_tensor *y) {
  const seqgpu_tensor *logits = y->input[CTC_LOGITS], *labels = y->input[CTC_LABELS];
  return (sq_ctc_args){.seq_len = logits->shape.dim[0],
                       .batch = logits->shape.dim[1],
                       .classes = logits->shape.dim[2],
                       .label_len = labels->shape.dim[0],
                       .blank = y->attr.loss.blank,
                       .mean = y->attr.loss.mean,
                       .scale = y->attr.loss.scale,
                       .logits = logits->value,
                       .lengths = ints_of(y->input[CTC_LENGTHS]),
                       .labels = labels->value,
                       .label_lengths = ints_of(y->input[CTC_LABEL_LENGTHS]),
                       .normal = y->attr.loss.lse,
                       .occupancy = y->attr.loss.occupancy,
                       .row_loss = y->attr.loss.row_loss,
                       .loss = y->value};
}

static seqgpu_status ctc_forward(seqgpu_tensor *y) {
  const seqgpu_tensor *logits = y->input[CTC_LOGITS];
  const int64_t batch = logits->shape.dim[1], states = 2 * y->input[CTC_LABELS]->shape.dim[0] + 1;
  SQ_TRY(sq_loss_memory(y, batch));
  SQ_TRY(sq_tape_alloc(y->tape, 2 * sq_rows(logits), &y->attr.loss.lse));
  if (y->tape->training) SQ_TRY(sq_tape_alloc(y->tape, sq_rows(logits) * states, &y->attr.loss.occupancy));
  sq_ctc_args args = ctc_args(y);
  SQ_TRY(sq_tape_scratch(y->tape, (size_t)(2 * batch * states) * y->tape->ctx->element_size, &args.scratch));
  return SQ_RUN(y->tape->ctx, ctc_forward, &args);
}

static seqgpu_status ctc_backward(seqgpu_tensor *y) {
  sq_ctc_args args = ctc_args(y);
  args.dloss = y->grad;
  SQ_TRY(sq_grad_to_set(y->input[CTC_LOGITS], &args.dlogits));
  if (args.dlogits == NULL) return SEQGPU_OK;
  SQ_TRY(SQ_RUN(y->tape->ctx, ctc_backward, &args));
  return sq_grad_join(y->input[CTC_LOGITS], args.dlogits);
}

static seqgpu_status ctc_tangent(seqgpu_tensor *y) {
  sq_ctc_args args = ctc_args(y);
  SQ_TRY(sq_loss_scratch(y, &args.dlogits));
  SQ_TRY(SQ_RUN(y->tape->ctx, ctc_backward, &args));
  return sq_loss_along(y, args.dlogits);
}

static const sq_tape_op ctc_op = {"ctc", SQ_TAPE_LOSS, ctc_forward, ctc_backward, ctc_tangent, NULL};

/* Labels and blank; what the lengths hide may be anything below the number of classes. */
static int accepts_labels(seqgpu_tape *tape, const seqgpu_tensor *logits, const seqgpu_tensor *labels,
                          const seqgpu_tensor *label_lengths, int64_t blank) {
  const int64_t batch = logits->shape.dim[1], classes = logits->shape.dim[2];
  if (labels->shape.rank != 2 || labels->shape.dim[1] != batch)
    sq_tape_fail(tape, SEQGPU_EINVAL, "ctc: labels is %s but logits is %s; labels must be [labels,%lld]",
                 SQ_SHAPE(labels->shape), SQ_SHAPE(logits->shape), (long long)batch);
  else if (labels->highest >= classes)
    sq_tape_fail(tape, SEQGPU_EINVAL, "ctc: labels hold %d; logits has %lld classes", (int)labels->highest,
                 (long long)classes);
  else if (blank < 0 || blank >= classes)
    sq_tape_fail(tape, SEQGPU_EINVAL, "ctc: blank is %lld; it must be from 0 to %lld, a class",
                 (long long)blank, (long long)classes - 1);
  else if (label_lengths != NULL &&
           (label_lengths->elements != batch || label_lengths->highest > labels->shape.dim[0]))
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "ctc: there are %lld label_lengths of at most %d; there must be %lld of at most %lld",
                 (long long)label_lengths->elements, (int)label_lengths->highest, (long long)batch,
                 (long long)labels->shape.dim[0]);
  return tape->status == SEQGPU_OK;
}

seqgpu_tensor *seqgpu_tape_ctc(seqgpu_tape *tape, seqgpu_tensor *logits, seqgpu_tensor *lengths,
                               seqgpu_tensor *labels, seqgpu_tensor *label_lengths, int64_t blank, int mean,
                               double scale) {
  const sq_tape_arg args[CTC_INPUTS] = {
      [CTC_LOGITS] = {"logits", logits, SQ_REALS, 0},
      [CTC_LENGTHS] = {"lengths", lengths, SQ_LENGTHS, 1},
      [CTC_LABELS] = {"labels", labels, SQ_IDS, 0},
      [CTC_LABEL_LENGTHS] = {"label_lengths", label_lengths, SQ_LENGTHS, 1}};
  if (!sq_tape_accepts(tape, &ctc_op, CTC_INPUTS, args)) return NULL;
  if (!sq_tape_fits_lengths(tape, ctc_op.name, "logits", logits, lengths)) return NULL;
  if (!accepts_labels(tape, logits, labels, label_lengths, blank)) return NULL;
  const sq_tape_attr attr = {.loss = {.mean = mean != 0, .scale = scale, .blank = blank}};
  return sq_tape_apply(tape, &ctc_op, (sq_shape){1, {1}}, CTC_INPUTS, args, attr);
}
