/* watcher.c - a watcher of video on the tape (seqgpu/watcher.h has the equations).
 *
 * A convolution is a linear layer over rows that are gathered, a patch each.  The rows lie place by place
 * within a cell, [pool*pool, T*B*cells, patch*patch], so that the largest of a cell is a pooling over the
 * first dimension, and the cells of a frame come out side by side.
 */
#include "seqgpu/watcher.h"

#include <string.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/models/final.h"
#include "host/params/params.h"
#include "host/tape/record.h"

struct seqgpu_watcher {
  seqgpu_context *ctx;
  seqgpu_watcher_desc desc;
  seqgpu_param patch, patch_bias, network, frame, frame_bias, clip, clip_bias;
};

enum { MOST = 1 << 30, SIDE = 1 << 14 }; /* of anything that is counted; of a side, in pixels */

/* Cells along a side. */
static int64_t cells_of(const seqgpu_watcher_desc *d, int64_t side) {
  return (side - d->patch + 1) / d->pool;
}
static int64_t cells_in(const seqgpu_watcher_desc *d) {
  return cells_of(d, d->height) * cells_of(d, d->width);
}

/* ---------------------------------------------------------------- weights */

static seqgpu_status check_sizes(seqgpu_context *ctx, const seqgpu_watcher_desc *d) {
  SQ_TRY(sq_check_range(ctx, "watcher: height", d->height, 1, SIDE));
  SQ_TRY(sq_check_range(ctx, "watcher: width", d->width, 1, SIDE));
  const int64_t side = d->height < d->width ? d->height : d->width;
  SQ_TRY(sq_check_range(ctx, "watcher: patch", d->patch, 1, side));
  SQ_TRY(sq_check_range(ctx, "watcher: pool", d->pool, 1, side - d->patch + 1));
  return sq_check_range(ctx, "watcher: maps", d->maps, 1, MOST / cells_in(d));
}

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_watcher_desc *d, const seqgpu_plan *plan) {
  const int64_t reads = seqgpu_plan_get_desc(plan).input_size;
  SQ_TRY(check_sizes(ctx, d));
  SQ_TRY(sq_check_range(ctx, "watcher: frame_classes", d->frame_classes, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "watcher: clip_classes", d->clip_classes, 1, MOST));
  if (!(d->dropout >= 0 && d->dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "watcher: dropout is %g; it must be from 0 to 1", d->dropout);
  if (reads == d->maps * cells_in(d)) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "watcher: the plan has input_size %lld; it must be %lld",
                 (long long)reads, (long long)(d->maps * cells_in(d)));
}

seqgpu_status seqgpu_watcher_features_(seqgpu_context *ctx, const seqgpu_watcher_desc *desc, size_t size,
                                       int64_t *out) {
  if (ctx == NULL) return SEQGPU_EINVAL;
  if (out == NULL || desc == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "watcher: %s is NULL", out ? "desc" : "out");
  seqgpu_watcher_desc given;
  SQ_TRY(sq_struct_in(ctx, "watcher_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_sizes(ctx, &given));
  *out = given.maps * cells_in(&given);
  return SEQGPU_OK;
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_watcher *m, const seqgpu_plan *plan) {
  const seqgpu_watcher_desc *d = &m->desc;
  const int64_t Y = seqgpu_plan_get_sizes(plan).output_width;
  SQ_TRY(seqgpu_params_add(p, "patch.weight", d->maps, d->patch * d->patch, "xavier", 1, &m->patch));
  SQ_TRY(seqgpu_params_add(p, "patch.bias", d->maps, 1, "zeros", 0, &m->patch_bias));
  SQ_TRY(seqgpu_params_add_rnn(p, "rnn", plan, &m->network));
  SQ_TRY(seqgpu_params_add(p, "frame.weight", d->frame_classes, Y, "xavier", 1, &m->frame));
  SQ_TRY(seqgpu_params_add(p, "frame.bias", d->frame_classes, 1, "zeros", 0, &m->frame_bias));
  SQ_TRY(seqgpu_params_add(p, "clip.weight", d->clip_classes, sq_final_size(plan), "xavier", 1, &m->clip));
  return seqgpu_params_add(p, "clip.bias", d->clip_classes, 1, "zeros", 0, &m->clip_bias);
}

seqgpu_status seqgpu_watcher_create_(seqgpu_params *params, const seqgpu_watcher_desc *desc, size_t size,
                                     const seqgpu_plan *plan, seqgpu_watcher **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || plan == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "watcher: %s is NULL", !out ? "out" : !desc ? "desc" : "plan");
  seqgpu_watcher_desc given;
  SQ_TRY(sq_struct_in(ctx, "watcher_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, plan));
  seqgpu_watcher *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "watcher: out of memory");
  *m = (seqgpu_watcher){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, plan);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_watcher_destroy(m);
  return status;
}

void seqgpu_watcher_destroy(seqgpu_watcher *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- patches */

/* The patch whose upper left corner is (y, x), out of a frame of elements of so many bytes. */
static char *copy_patch(const seqgpu_watcher_desc *d, const char *frame, int64_t y, int64_t x, size_t element,
                        char *out) {
  const size_t row = (size_t)d->patch * element;
  for (int64_t r = 0; r < d->patch; r++, out += row)
    memcpy(out, frame + (size_t)((y + r) * d->width + x) * element, row);
  return out;
}

/* Those that stand at place (dy, dx) of the cells of all frames. */
static char *copy_place(const seqgpu_watcher_desc *d, int64_t frames, const char *pixels, int64_t dy,
                        int64_t dx, size_t element, char *out) {
  const size_t frame = (size_t)(d->height * d->width) * element;
  for (int64_t i = 0; i < frames; i++, pixels += frame)
    for (int64_t cy = 0; cy < cells_of(d, d->height); cy++)
      for (int64_t cx = 0; cx < cells_of(d, d->width); cx++)
        out = copy_patch(d, pixels, cy * d->pool + dy, cx * d->pool + dx, element, out);
  return out;
}

/* All patches [pool*pool, frames*cells, patch*patch] on the tape. */
static seqgpu_tensor *patches(const seqgpu_watcher *m, seqgpu_tape *t, int64_t frames, const char *pixels) {
  const seqgpu_watcher_desc *d = &m->desc;
  const size_t element = seqgpu_dtype_size(seqgpu_context_dtype(m->ctx));
  const int64_t shape[] = {d->pool * d->pool, frames * cells_in(d), d->patch * d->patch};
  char *rows = sq_host_alloc(m->ctx, (size_t)(shape[0] * shape[1] * shape[2]) * element), *at = rows;
  if (rows == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "watcher: out of memory");
  for (int64_t place = 0; place < shape[0]; place++)
    at = copy_place(d, frames, pixels, place / d->pool, place % d->pool, element, at);
  seqgpu_tensor *x = seqgpu_tape_input(t, 3, shape, rows);
  sq_host_free(m->ctx, rows);
  return x;
}

/* ---------------------------------------------------------------- clips */

/* The features x [T,B,I] of the frames. */
static seqgpu_tensor *features(const seqgpu_watcher *m, seqgpu_tape *t, int64_t T, int64_t B,
                               const void *pixels) {
  const int64_t shape[] = {T, B, m->desc.maps * cells_in(&m->desc)};
  seqgpu_tensor *u = seqgpu_tape_linear(t, patches(m, t, T * B, pixels), seqgpu_tape_param(t, &m->patch),
                                        seqgpu_tape_param(t, &m->patch_bias));
  u = seqgpu_tape_activation(t, u, SEQGPU_ACTIVATION_RELU);
  return seqgpu_tape_reshape(t, seqgpu_tape_pooling(t, u, NULL, SEQGPU_POOLING_MAX), 3, shape);
}

/* 0 if these are no T frames of B clips; the tape keeps the reason. */
static int check_batch(const seqgpu_watcher *m, seqgpu_tape *t, int64_t T, int64_t B, const void *pixels) {
  const seqgpu_watcher_desc *d = &m->desc;
  const int64_t most = MOST / (d->height * d->width);
  if (pixels == NULL) {
    sq_tape_fail(t, SEQGPU_EINVAL, "watcher: pixels is NULL");
    return 0;
  }
  return sq_tape_check(t, sq_check_range(m->ctx, "watcher: T", T, 1, most), "watcher") == SEQGPU_OK &&
         sq_tape_check(t, sq_check_range(m->ctx, "watcher: B", B, 1, most / T), "watcher") == SEQGPU_OK;
}

seqgpu_tensor *seqgpu_watcher_logits(const seqgpu_watcher *m, seqgpu_tape *t, const seqgpu_plan *plan,
                                     int64_t T, int64_t B, const int32_t *lengths, const void *pixels,
                                     seqgpu_tensor **clip) {
  if (clip) *clip = NULL;
  if (t == NULL) return NULL;
  if (m == NULL || plan == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "watcher: %s is NULL", m ? "plan" : "watcher");
  if (!check_batch(m, t, T, B, pixels)) return NULL;
  const double p = m->desc.dropout;
  seqgpu_tensor *x = seqgpu_tape_dropout(t, features(m, t, T, B, pixels), p);
  seqgpu_tensor *h = seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &m->network), x, NULL,
                                     lengths ? seqgpu_tape_lengths(t, B, lengths) : NULL);
  seqgpu_tensor *frames = seqgpu_tape_linear(t, seqgpu_tape_dropout(t, h, p), seqgpu_tape_param(t, &m->frame),
                                             seqgpu_tape_param(t, &m->frame_bias));
  if (frames && clip)
    *clip = seqgpu_tape_linear(t, seqgpu_tape_dropout(t, sq_final_rows(t, plan, h, B), p),
                               seqgpu_tape_param(t, &m->clip), seqgpu_tape_param(t, &m->clip_bias));
  return frames;
}
