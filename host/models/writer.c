/* writer.c - a model that writes a text by pen, on the tape (seqgpu/writer.h has the equations).
 *
 * The first layer reads what its own output has made the window show, so it takes one step after the other;
 * what stands above it is run once over all of them.
 */
#include "seqgpu/writer.h"

#include <stdio.h>
#include <string.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/record.h"

enum { POINT = 3, MOST_LAYERS = SEQGPU_WRITER_LAYERS, MOST = 1 << 24 };

/* Letters are drawn so far apart that the window can tell them.  At first a step goes exp(-2.5), a twelfth of
 * a letter, and the Gaussians reach over a few letters: about what a pen's steps and their beginning are. */
static const double LETTER_SCALE = 1, WINDOW_BIAS = -2.5;

struct seqgpu_writer {
  seqgpu_context *ctx;
  seqgpu_writer_desc desc;
  seqgpu_param letters, layer[MOST_LAYERS], window, window_bias, weight, bias;
};

/* ---------------------------------------------------------------- creating */

static seqgpu_status check_plan(seqgpu_context *ctx, const char *name, const seqgpu_plan *plan,
                                int64_t input) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  if (d.bidirectional)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "writer: plan %s reads in both directions; it must not know what comes", name);
  if (d.num_layers > 1)
    return sq_fail(ctx, SEQGPU_EINVAL, "writer: plan %s has num_layers %d; it must be 1", name,
                   (int)d.num_layers);
  if (d.input_size == input) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "writer: plan %s has input_size %lld; it must be %lld", name,
                 (long long)d.input_size, (long long)input);
}

static seqgpu_status check_sizes(seqgpu_context *ctx, const seqgpu_writer_desc *d) {
  SQ_TRY(sq_check_range(ctx, "writer: layers", d->layers, 1, MOST_LAYERS));
  SQ_TRY(sq_check_range(ctx, "writer: mixtures", d->mixtures, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "writer: gaussians", d->gaussians, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "writer: letters", d->letters, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "writer: letter_size", d->letter_size, 1, MOST));
  if (d->dropout >= 0 && d->dropout <= 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "writer: dropout is %g; it must be from 0 to 1", d->dropout);
}

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_writer_desc *d, const seqgpu_plan *first,
                                const seqgpu_plan *further) {
  const int64_t Y = seqgpu_plan_get_sizes(first).output_width;
  SQ_TRY(check_sizes(ctx, d));
  SQ_TRY(check_plan(ctx, "first", first, POINT + d->letter_size));
  if (d->layers == 1) return SEQGPU_OK;
  if (further == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "writer: further is NULL; there are %lld layers",
                   (long long)d->layers);
  SQ_TRY(check_plan(ctx, "further", further, Y + POINT + d->letter_size));
  if (seqgpu_plan_get_sizes(further).output_width == Y) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "writer: the outputs of plan further have %lld elements, those of first %lld",
                 (long long)seqgpu_plan_get_sizes(further).output_width, (long long)Y);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_writer *m, const seqgpu_plan *first,
                                 const seqgpu_plan *further) {
  const seqgpu_writer_desc *d = &m->desc;
  const int64_t Y = seqgpu_plan_get_sizes(first).output_width, rows = 1 + 6 * d->mixtures,
                windows = 3 * d->gaussians;
  SQ_TRY(seqgpu_params_add(p, "letters.weight", d->letters, d->letter_size, "normal", LETTER_SCALE,
                           &m->letters));
  for (int64_t n = 0; n < d->layers; n++) {
    char name[32];
    snprintf(name, sizeof name, "layer%d", (int)n + 1);
    SQ_TRY(seqgpu_params_add_rnn(p, name, n ? further : first, &m->layer[n]));
  }
  SQ_TRY(seqgpu_params_add(p, "window.weight", windows, Y, "xavier", 1, &m->window));
  SQ_TRY(seqgpu_params_add(p, "window.bias", windows, 1, "constant", WINDOW_BIAS, &m->window_bias));
  SQ_TRY(seqgpu_params_add(p, "output.weight", rows, d->layers * Y, "xavier", 1, &m->weight));
  return seqgpu_params_add(p, "output.bias", rows, 1, "zeros", 0, &m->bias);
}

seqgpu_status seqgpu_writer_create_(seqgpu_params *params, const seqgpu_writer_desc *desc, size_t size,
                                    const seqgpu_plan *first, const seqgpu_plan *further,
                                    seqgpu_writer **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || first == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "writer: %s is NULL", !out ? "out" : !desc ? "desc" : "first");
  seqgpu_writer_desc given;
  SQ_TRY(sq_struct_in(ctx, "writer_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, first, further));
  seqgpu_writer *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "writer: out of memory");
  *m = (seqgpu_writer){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, first, further);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_writer_destroy(m);
  return status;
}

void seqgpu_writer_destroy(seqgpu_writer *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- steps */

/* What the first layer's steps share. */
typedef struct steps {
  const seqgpu_writer *m;
  seqgpu_tape *t;
  const seqgpu_plan *plan;
  seqgpu_tensor *params, *window, *bias, *x, *letters, *lengths;
  seqgpu_tensor *state[SEQGPU_MAX_STATES], *w, *position; /* before the next step */
} steps;

/* w before the first point: [1,B,C] of zeros. */
static seqgpu_tensor *nothing_read(const seqgpu_writer *m, seqgpu_tape *t, int64_t B) {
  const int64_t shape[] = {1, B, m->desc.letter_size};
  const size_t size = (size_t)(B * m->desc.letter_size) * m->ctx->element_size;
  void *zeros = sq_host_alloc(m->ctx, size);
  if (zeros == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "writer: out of memory");
  memset(zeros, 0, size);
  seqgpu_tensor *w = seqgpu_tape_input(t, 3, shape, zeros);
  sq_host_free(m->ctx, zeros);
  return w;
}

static void begin(steps *s, const seqgpu_writer_batch *b) {
  const seqgpu_writer *m = s->m;
  const int64_t x[] = {b->points, b->batch, POINT}, text[] = {b->text_len, b->batch};
  const int states = seqgpu_plan_get_sizes(s->plan).state_count;
  s->params = seqgpu_tape_param(s->t, &m->layer[0]);
  s->window = seqgpu_tape_param(s->t, &m->window);
  s->bias = seqgpu_tape_param(s->t, &m->window_bias);
  s->x = seqgpu_tape_input(s->t, 3, x, b->before);
  s->letters = seqgpu_tape_embedding(s->t, seqgpu_tape_param(s->t, &m->letters),
                                     seqgpu_tape_ids(s->t, 2, text, b->text));
  s->lengths = b->text_lengths ? seqgpu_tape_lengths(s->t, b->batch, b->text_lengths) : NULL;
  for (int k = 0; k < states; k++) s->state[k] = b->initial ? b->initial[k] : NULL;
  s->w = b->window ? b->window : nothing_read(m, s->t, b->batch);
  s->position = b->position;
}

/* Step t: h [1,B,Y]; s->w is then what the window shows after it. */
static seqgpu_tensor *take(steps *s, int64_t t) {
  seqgpu_tensor *x = seqgpu_tape_concat(s->t, seqgpu_tape_rows(s->t, s->x, t, 1), s->w);
  seqgpu_tensor *h = seqgpu_tape_rnn(s->t, s->plan, s->params, x, s->state, NULL);
  const int states = seqgpu_plan_get_sizes(s->plan).state_count;
  for (int k = 0; k < states; k++) s->state[k] = seqgpu_tape_rnn_final(s->t, h, k);
  s->w = seqgpu_tape_window(s->t, seqgpu_tape_linear(s->t, h, s->window, s->bias), s->position, s->letters,
                            s->lengths);
  s->position = seqgpu_tape_window_position(s->t, s->w);
  return h;
}

/* Steps as one vector, joined in pairs of pairs: each element is copied as often as halving takes. */
static seqgpu_tensor *join(seqgpu_tape *t, seqgpu_tensor *const *step, int64_t count) {
  const int64_t half = count / 2, elements = seqgpu_tensor_elements(step[0]);
  if (count == 1) return seqgpu_tape_reshape(t, step[0], 1, &elements);
  return seqgpu_tape_concat(t, join(t, step, half), join(t, step + half, count - half));
}

/* The same as a tensor [T,B,width]. */
static seqgpu_tensor *stack(seqgpu_tape *t, seqgpu_tensor *const *step, const seqgpu_writer_batch *b,
                            int64_t width) {
  const int64_t shape[] = {b->points, b->batch, width};
  return seqgpu_tape_reshape(t, join(t, step, b->points), 3, shape);
}

/* ---------------------------------------------------------------- layers */

/* Takes all steps: `below` receives h^1 [T,B,Y], `w` what the window shows; last: h^1 of the last step. */
static void take_all(steps *s, const seqgpu_writer_batch *b, seqgpu_tensor **h, seqgpu_tensor **w,
                     seqgpu_tensor **below, seqgpu_tensor **shown) {
  begin(s, b);
  for (int64_t t = 0; t < b->points; t++) {
    h[t] = take(s, t);
    w[t] = s->w;
    if (w[t] == NULL || h[t] == NULL) return;
  }
  *below = stack(s->t, h, b, seqgpu_plan_get_sizes(s->plan).output_width);
  *shown = stack(s->t, w, b, s->m->desc.letter_size);
}

/* y, from what the first layer and the window give. */
static seqgpu_tensor *layers_above(const steps *s, const seqgpu_plan *further, const seqgpu_writer_batch *b,
                                   seqgpu_tensor *below, seqgpu_tensor *shown, seqgpu_tensor **h) {
  const seqgpu_writer *m = s->m;
  seqgpu_tape *t = s->t;
  const int states = seqgpu_plan_get_sizes(s->plan).state_count;
  seqgpu_tensor *above = seqgpu_tape_dropout(t, below, m->desc.dropout), *all = above,
                *read = m->desc.layers > 1 ? seqgpu_tape_concat(t, s->x, shown) : NULL,
                *lengths = b->lengths ? seqgpu_tape_lengths(t, b->batch, b->lengths) : NULL;
  for (int64_t n = 1; n < m->desc.layers; n++) {
    seqgpu_tensor *y =
        seqgpu_tape_rnn(t, further, seqgpu_tape_param(t, &m->layer[n]), seqgpu_tape_concat(t, above, read),
                        b->initial ? b->initial + n * states : NULL, lengths);
    if (h) h[n] = y;
    above = seqgpu_tape_dropout(t, y, m->desc.dropout);
    all = seqgpu_tape_concat(t, all, above);
  }
  return seqgpu_tape_linear(t, all, seqgpu_tape_param(t, &m->weight), seqgpu_tape_param(t, &m->bias));
}

static seqgpu_status check_batch(const seqgpu_writer *m, const seqgpu_writer_batch *b) {
  SQ_TRY(sq_check_range(m->ctx, "writer: points", b->points, 1, MOST));
  SQ_TRY(sq_check_range(m->ctx, "writer: batch", b->batch, 1, MOST));
  SQ_TRY(sq_check_range(m->ctx, "writer: text_len", b->text_len, 1, MOST));
  if (b->before != NULL && b->text != NULL) return SEQGPU_OK;
  return sq_fail(m->ctx, SEQGPU_EINVAL, "writer: %s is NULL", b->before ? "text" : "before");
}

seqgpu_tensor *seqgpu_writer_mixtures_(const seqgpu_writer *m, seqgpu_tape *t, const seqgpu_plan *first,
                                       const seqgpu_plan *further, const seqgpu_writer_batch *batch,
                                       size_t size, seqgpu_tensor **h, seqgpu_tensor **windows) {
  seqgpu_writer_batch b;
  if (t == NULL) return NULL;
  if (m == NULL || first == NULL || batch == NULL || (further == NULL && m->desc.layers > 1))
    return sq_tape_fail(t, SEQGPU_EINVAL, "writer: %s is NULL",
                        !m       ? "writer"
                        : !first ? "first"
                        : !batch ? "batch"
                                 : "further");
  if (h) memset(h, 0, (size_t)m->desc.layers * sizeof(seqgpu_tensor *));
  if (sq_tape_check(t, sq_struct_in(m->ctx, "writer_batch", &b, sizeof b, batch, size), "writer") !=
          SEQGPU_OK ||
      sq_tape_check(t, check_batch(m, &b), "writer") != SEQGPU_OK)
    return NULL;
  seqgpu_tensor **each = sq_host_alloc(m->ctx, 2 * (size_t)b.points * sizeof *each), *below = NULL,
                *shown = NULL;
  if (each == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "writer: out of memory");
  seqgpu_tensor **w = each + b.points;
  steps s = {.m = m, .t = t, .plan = first};
  take_all(&s, &b, each, w, &below, &shown);
  seqgpu_tensor *y = below && shown ? layers_above(&s, further, &b, below, shown, h) : NULL;
  if (y && h) h[0] = each[b.points - 1];
  if (y && windows) memcpy(windows, w, (size_t)b.points * sizeof *w);
  sq_host_free(m->ctx, each);
  return y;
}
