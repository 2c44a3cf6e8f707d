/* tape_cases.h - the table of computations that the tests of the tape run: every operator, alone and sharing
 * its inputs with others, and whole small models. */
#ifndef TAPE_CASES_H
#define TAPE_CASES_H

#include "tests/tape_world.h"

/* ---------------------------------------------------------------- operators */

static seqgpu_tensor *embedding(world *w) {
  seqgpu_tensor *ids = seqgpu_tape_ids(w->tape, 2, DIM(2, 3), (int32_t[]){1, 4, 1, 7, 0, -1});
  return seqgpu_tape_embedding(w->tape, w->leaf[0], ids);
}
static seqgpu_tensor *linear(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], w->leaf[1], w->leaf[2]);
}
static seqgpu_tensor *linear_no_bias(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], w->leaf[1], NULL);
}
static seqgpu_tensor *linear_shared(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], w->leaf[0], NULL);
}
static seqgpu_tensor *add(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *add_shared(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], w->leaf[0]); }
static seqgpu_tensor *mul(world *w) { return seqgpu_tape_mul(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *mul_shared(world *w) { return seqgpu_tape_mul(w->tape, w->leaf[0], w->leaf[0]); }
static seqgpu_tensor *scale(world *w) { return seqgpu_tape_scale(w->tape, w->leaf[0], -1.7); }
static seqgpu_tensor *act_tanh(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_ACTIVATION_TANH);
}
static seqgpu_tensor *act_relu(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_ACTIVATION_RELU);
}
static seqgpu_tensor *act_sigmoid(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_ACTIVATION_SIGMOID);
}
static seqgpu_tensor *act_identity(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_ACTIVATION_IDENTITY);
}
/* Of all and of ragged rows; the softmax of a product reads what another one has written. */
static seqgpu_tensor *softmax(world *w) {
  seqgpu_tensor *lengths = seqgpu_tape_lengths(w->tape, 3, (int32_t[]){5, 2, 3});
  seqgpu_tensor *y = seqgpu_tape_softmax(w->tape, w->leaf[0], NULL);
  seqgpu_tensor *some = seqgpu_tape_softmax(w->tape, seqgpu_tape_mul(w->tape, y, w->leaf[0]), lengths);
  return seqgpu_tape_concat(w->tape, y, some);
}
static seqgpu_tensor *concat(world *w) { return seqgpu_tape_concat(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *dropout(world *w) { return seqgpu_tape_dropout(w->tape, w->leaf[0], 0.4); }

/* Overlapping rows, a reshape of rows and the whole: four gradients meet in one memory. */
static seqgpu_tensor *views(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *h = seqgpu_tape_activation(t, w->leaf[0], SEQGPU_ACTIVATION_TANH); /* [4,2,3] */
  seqgpu_tensor *a = seqgpu_tape_rows(t, h, 1, 2), *b = seqgpu_tape_rows(t, h, 2, 2);
  seqgpu_tensor *flat = seqgpu_tape_reshape(t, seqgpu_tape_rows(t, h, 0, 2), 1, DIM(12));
  seqgpu_tensor *back = seqgpu_tape_reshape(t, seqgpu_tape_mul(t, flat, flat), 3, DIM(2, 2, 3));
  seqgpu_tensor *part = seqgpu_tape_mul(t, seqgpu_tape_add(t, a, back), b);
  return seqgpu_tape_mul(t, seqgpu_tape_concat(t, part, a),
                         seqgpu_tape_rows(t, seqgpu_tape_concat(t, h, h), 2, 2));
}

/* Overlapping columns and the whole, whose gradients meet; and some of b, whose others have none. */
static seqgpu_tensor *columns(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *h = seqgpu_tape_activation(t, w->leaf[0], SEQGPU_ACTIVATION_TANH); /* [2,3,5] */
  seqgpu_tensor *a = seqgpu_tape_columns(t, h, 0, 3), *b = seqgpu_tape_columns(t, h, 2, 3);
  seqgpu_tensor *of_b = seqgpu_tape_columns(t, w->leaf[1], 1, 2);
  return seqgpu_tape_concat(t, seqgpu_tape_concat(t, seqgpu_tape_mul(t, a, b), h),
                            seqgpu_tape_mul(t, of_b, of_b));
}

/* One operator after another reads h, of every kind: some add, some overwrite, some can do both. */
static seqgpu_tensor *shared_use(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *h = seqgpu_tape_scale(t, w->leaf[0], 0.8); /* [3,2,4] */
  seqgpu_tensor *targets = seqgpu_tape_ids(t, 2, DIM(3, 2), (int32_t[]){0, 1, 3, -1, 2, 2});
  seqgpu_tensor *loss = seqgpu_tape_cross_entropy(t, h, targets, 1, 1.0);
  loss = seqgpu_tape_add(t, loss, seqgpu_tape_cross_entropy(t, h, targets, 0, 0.3));
  seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[0], w->leaf[1], h, NULL, NULL);
  seqgpu_tensor *y2 = seqgpu_tape_rnn(t, w->plan[0], w->leaf[1], y, NULL, NULL);
  loss = seqgpu_tape_add(t, loss, seqgpu_tape_cross_entropy(t, seqgpu_tape_add(t, y, y2), targets, 1, 2.0));
  seqgpu_tensor *mixed = seqgpu_tape_mul(t, seqgpu_tape_dropout(t, h, 0.3), seqgpu_tape_add(t, h, y));
  return seqgpu_tape_add(t, loss, seqgpu_tape_cross_entropy(t, mixed, targets, 1, 1.0));
}

static seqgpu_tensor *lengths_4231(world *w) {
  return seqgpu_tape_lengths(w->tape, 4, (int32_t[]){4, 2, 3, 1});
}

/* y, then each final state, as one vector. */
static seqgpu_tensor *with_finals(world *w, seqgpu_tensor *y) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *all = seqgpu_tape_reshape(t, y, 1, DIM(seqgpu_tensor_elements(y)));
  for (int k = 0; k < seqgpu_plan_get_sizes(w->plan[0]).state_count; k++) {
    seqgpu_tensor *s = seqgpu_tape_rnn_final(t, y, k);
    all = seqgpu_tape_concat(t, all, seqgpu_tape_reshape(t, s, 1, DIM(seqgpu_tensor_elements(s))));
  }
  return all;
}
static seqgpu_tensor *rnn_full(world *w) {
  seqgpu_tensor *initial[2] = {w->leaf[2], w->leaf[3]};
  return with_finals(w,
                     seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], initial, lengths_4231(w)));
}
static seqgpu_tensor *rnn_plain(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], NULL, NULL);
}
/* Only h at the end: no gradient reaches y itself. */
static seqgpu_tensor *rnn_only_final(world *w) { return seqgpu_tape_rnn_final(w->tape, rnn_plain(w), 0); }
/* The same tensor as h and c, twice, and [B,W] for [1,B,W]. */
static seqgpu_tensor *rnn_shared_state(world *w) {
  seqgpu_tensor *initial[2] = {w->leaf[2], w->leaf[2]};
  seqgpu_tensor *y = seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], w->leaf[1], initial, NULL);
  initial[1] = NULL;
  return with_finals(w, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], y, initial, NULL));
}
/* Steps of one, states handed on, against the cost of one long call. */
static seqgpu_tensor *rnn_steps(world *w) {
  seqgpu_tensor *state[2] = {NULL, NULL}, *y = NULL;
  for (int64_t t = 0; t < 4; t++) {
    y = seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[0], seqgpu_tape_rows(w->tape, w->leaf[1], t, 1), state,
                        NULL);
    for (int k = 0; k < 2; k++) state[k] = seqgpu_tape_rnn_final(w->tape, y, k);
  }
  return with_finals(w, y);
}

static seqgpu_tensor *attention(world *w) {
  return seqgpu_tape_attention(w->tape, w->leaf[0], w->leaf[1], w->leaf[2], w->leaf[3], lengths_4231(w));
}
/* A product in the place of v: "general" of the keys, then "dot", the values being the keys. */
static seqgpu_tensor *attention_product(world *w) {
  seqgpu_tensor *h = rounded(w, seqgpu_tape_activation(w->tape, w->leaf[1], SEQGPU_ACTIVATION_TANH));
  seqgpu_tensor *keys = rounded(w, seqgpu_tape_linear(w->tape, h, w->leaf[2], NULL));
  seqgpu_tensor *c = rounded(w, seqgpu_tape_attention(w->tape, w->leaf[0], keys, h, NULL, lengths_4231(w)));
  return seqgpu_tape_attention(w->tape, c, h, h, NULL, NULL);
}
/* The keys are the queries of four steps, and the values. */
static seqgpu_tensor *attention_own(world *w) {
  seqgpu_tensor *h = rounded(w, seqgpu_tape_activation(w->tape, w->leaf[0], SEQGPU_ACTIVATION_TANH));
  return seqgpu_tape_attention(w->tape, h, h, h, w->leaf[1], NULL);
}
/* Keys that are also the values. */
static seqgpu_tensor *attention_shared(world *w) {
  seqgpu_tensor *h = rounded(w, seqgpu_tape_activation(w->tape, w->leaf[1], SEQGPU_ACTIVATION_TANH));
  seqgpu_tensor *c = rounded(w, seqgpu_tape_attention(w->tape, w->leaf[0], h, h, w->leaf[2], NULL));
  return seqgpu_tape_attention(w->tape, c, h, h, w->leaf[2], lengths_4231(w));
}
/* A query that is a view of the keys; values without gradient. */
static seqgpu_tensor *attention_self(world *w) {
  static const double f64[6] = {0.5, -1, 0.25, 2, -0.75, 1};
  static const float f32[6] = {0.5f, -1, 0.25f, 2, -0.75f, 1};
  const void *numbers =
      seqgpu_context_dtype(w->ctx) == SEQGPU_DTYPE_F64 ? (const void *)f64 : (const void *)f32;
  seqgpu_tensor *row = seqgpu_tape_rows(w->tape, w->leaf[0], 1, 1);
  seqgpu_tensor *query = seqgpu_tape_reshape(w->tape, row, 2, DIM(2, 3));
  seqgpu_tensor *values = seqgpu_tape_input(w->tape, 3, DIM(3, 2, 1), numbers);
  return seqgpu_tape_attention(w->tape, query, w->leaf[0], values, w->leaf[1], NULL);
}

/* [4,4,3] numbers that keep the steps of an element 2 or more apart, so that no difference moves a maximum. */
static seqgpu_tensor *steps_apart(world *w) {
  double f64[48];
  float f32[48];
  for (int i = 0; i < 48; i++) f32[i] = (float)(f64[i] = 3 * ((i / 12 + i % 12) % 4));
  const int wide = seqgpu_context_dtype(w->ctx) == SEQGPU_DTYPE_F64;
  return seqgpu_tape_input(w->tape, 3, DIM(4, 4, 3), wide ? (const void *)f64 : (const void *)f32);
}

/* Every kind of pooling of h and of a product that is made of it. */
static seqgpu_tensor *pooling(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *h = seqgpu_tape_scale(t, w->leaf[0], 0.4), *h2 = seqgpu_tape_mul(t, h, h);
  seqgpu_tensor *apart = seqgpu_tape_add(t, h, steps_apart(w));
  seqgpu_tensor *mean = seqgpu_tape_pooling(t, h2, lengths_4231(w), SEQGPU_POOLING_MEAN);
  seqgpu_tensor *max = seqgpu_tape_pooling(t, apart, lengths_4231(w), SEQGPU_POOLING_MAX);
  seqgpu_tensor *last = seqgpu_tape_pooling(t, h, lengths_4231(w), SEQGPU_POOLING_LAST);
  seqgpu_tensor *all = seqgpu_tape_concat(t, seqgpu_tape_concat(t, mean, max), last);
  return seqgpu_tape_concat(t, all, seqgpu_tape_pooling(t, apart, NULL, SEQGPU_POOLING_MAX));
}

static seqgpu_tensor *cross_entropy(world *w, int mean) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 2, DIM(2, 3), (int32_t[]){0, 3, -1, 1, 4, -5});
  return seqgpu_tape_cross_entropy(w->tape, w->leaf[0], targets, mean, 1.5);
}
static seqgpu_tensor *cross_entropy_mean(world *w) { return cross_entropy(w, 1); }
static seqgpu_tensor *cross_entropy_sum(world *w) { return cross_entropy(w, 0); }

/* A mean with a mask and a sum without one. */
static seqgpu_tensor *squared_error(world *w) {
  double f64[30];
  float f32[30];
  for (int i = 0; i < 30; i++) f32[i] = (float)(f64[i] = 0.25 * (i * 7 % 11) - 1);
  const void *numbers =
      seqgpu_context_dtype(w->ctx) == SEQGPU_DTYPE_F64 ? (const void *)f64 : (const void *)f32;
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *targets = seqgpu_tape_input(t, 3, DIM(2, 3, 5), numbers);
  seqgpu_tensor *mask = seqgpu_tape_ids(t, 2, DIM(2, 3), (int32_t[]){1, 0, 1, 2, 0, 1});
  seqgpu_tensor *masked = seqgpu_tape_squared_error(t, w->leaf[0], targets, mask, 1, 1.5);
  return seqgpu_tape_add(t, masked, seqgpu_tape_squared_error(t, w->leaf[0], targets, NULL, 0, 0.1));
}

static seqgpu_tensor *cross_entropy_smoothed(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 2, DIM(2, 3), (int32_t[]){0, 3, -1, 1, 4, -5});
  return seqgpu_tape_smoothed_cross_entropy(w->tape, w->leaf[0], targets, 1, 1.5, 0.2);
}

/* Ragged pairs, of which the last is impossible; without lengths; one of whose labels are all the same. */
static seqgpu_tensor *ctc(world *w) {
  seqgpu_tape *t = w->tape;
  const int32_t labels[8] = {1, 3, 3, 1, 2, 0, 3, 1}, same[4] = {2, 2, 2, 2};
  seqgpu_tensor *lengths = seqgpu_tape_lengths(t, 4, (int32_t[]){5, 3, 4, 2});
  seqgpu_tensor *label_lengths = seqgpu_tape_lengths(t, 4, (int32_t[]){2, 1, 2, 2});
  seqgpu_tensor *pairs = seqgpu_tape_ctc(t, w->leaf[0], lengths, seqgpu_tape_ids(t, 2, DIM(2, 4), labels),
                                         label_lengths, 0, 1, 1.5);
  seqgpu_tensor *full =
      seqgpu_tape_ctc(t, w->leaf[0], NULL, seqgpu_tape_ids(t, 2, DIM(1, 4), same), NULL, 3, 0, 0.3);
  return seqgpu_tape_add(t, pairs, full);
}

/* Constant numbers from 0 to 1 in the context's element type. */
static seqgpu_tensor *fractions(world *w, int rank, const int64_t *shape) {
  enum { MOST = 64 };
  double f64[MOST];
  float f32[MOST];
  for (int i = 0; i < MOST; i++) f32[i] = (float)(f64[i] = 0.125 * (i * 5 % 9));
  const int wide = seqgpu_context_dtype(w->ctx) == SEQGPU_DTYPE_F64;
  return seqgpu_tape_input(w->tape, rank, shape, wide ? (const void *)f64 : (const void *)f32);
}

/* A mean over a ragged batch and a sum over all steps. */
static seqgpu_tensor *binary_cross_entropy(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *targets = fractions(w, 3, DIM(4, 4, 3));
  seqgpu_tensor *mean = seqgpu_tape_binary_cross_entropy(t, w->leaf[0], targets, lengths_4231(w), 1, 1.5);
  return seqgpu_tape_add(t, mean, seqgpu_tape_binary_cross_entropy(t, w->leaf[0], targets, NULL, 0, 0.1));
}

/* A mean over a ragged batch and a sum over all steps, of two Gaussians. */
static seqgpu_tensor *mixture_density(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *points = fractions(w, 3, DIM(4, 4, 3));
  seqgpu_tensor *mean = seqgpu_tape_mixture_density(t, w->leaf[0], points, lengths_4231(w), 1, 1.5);
  return seqgpu_tape_add(t, mean, seqgpu_tape_mixture_density(t, w->leaf[0], points, NULL, 0, 0.1));
}

/* ---------------------------------------------------------------- models */

/* Two bidirectional LSTM layers with dropout over a ragged batch; the last states of the upper layer are
 * classified. */
static seqgpu_tensor *classifier(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *ids =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 2, 3, 4, 0, 1, 9, 3, 9, 0, 9, 1, 9, 9, 9});
  seqgpu_tensor *x = seqgpu_tape_dropout(t, seqgpu_tape_embedding(t, w->leaf[0], ids), 0.2);
  seqgpu_tensor *y = seqgpu_tape_rnn(t, w->plan[0], w->leaf[1], x, NULL, lengths_4231(w));
  seqgpu_tensor *h = seqgpu_tape_rnn_final(t, y, 0); /* [2 layers * 2, 4, 3] */
  seqgpu_tensor *forward = seqgpu_tape_reshape(t, seqgpu_tape_rows(t, h, 2, 1), 2, DIM(4, 3));
  seqgpu_tensor *reverse = seqgpu_tape_reshape(t, seqgpu_tape_rows(t, h, 3, 1), 2, DIM(4, 3));
  seqgpu_tensor *top = seqgpu_tape_dropout(t, seqgpu_tape_concat(t, forward, reverse), 0.5);
  seqgpu_tensor *targets = seqgpu_tape_ids(t, 1, DIM(4), (int32_t[]){0, 2, 1, 2});
  return seqgpu_tape_cross_entropy(t, seqgpu_tape_linear(t, top, w->leaf[2], w->leaf[3]), targets, 1, 1.0);
}

/* Leaves of the encoder-decoder. */
enum { ED_EMBEDDING, ED_ENCODER, ED_DECODER, ED_INIT, ED_KEYS, ED_QUERY, ED_V, ED_OUT, ED_OUT_BIAS };

/* Four steps at once, and what they end with; the position is looked at, too. */
static seqgpu_tensor *window_and_position(world *w, seqgpu_tensor *context) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *position = seqgpu_tape_window_position(t, context);
  return seqgpu_tape_concat(t, seqgpu_tape_reshape(t, context, 1, DIM(seqgpu_tensor_elements(context))),
                            seqgpu_tape_reshape(t, position, 1, DIM(seqgpu_tensor_elements(position))));
}
static seqgpu_tensor *window(world *w) {
  return window_and_position(w, seqgpu_tape_window(w->tape, w->leaf[0], w->leaf[1], w->leaf[2],
                                                   seqgpu_tape_lengths(w->tape, 4, (int32_t[]){3, 2, 0, 1})));
}
/* Steps of one: each moves on from where the last one stood, and its params read what that one showed. */
static seqgpu_tensor *window_steps(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *context = NULL, *position = NULL;
  for (int64_t s = 0; s < 3; s++) {
    seqgpu_tensor *params = seqgpu_tape_rows(t, w->leaf[0], s, 1);
    if (context) params = seqgpu_tape_add(t, params, seqgpu_tape_linear(t, context, w->leaf[2], NULL));
    context = seqgpu_tape_window(t, params, position, w->leaf[1], NULL);
    position = seqgpu_tape_window_position(t, context);
  }
  return window_and_position(w, context);
}
/* Only the position at the end: no gradient reaches the contexts, nor the characters. */
static seqgpu_tensor *window_only_position(world *w) {
  return seqgpu_tape_window_position(w->tape,
                                     seqgpu_tape_window(w->tape, w->leaf[0], NULL, w->leaf[1], NULL));
}

/* Bidirectional GRU encoder, attention decoder of three steps, teacher forcing; S = 4, B = 4, widths of 3. */
static seqgpu_tensor *encoder_decoder(world *w) {
  seqgpu_tape *t = w->tape;
  seqgpu_tensor *const *p = w->leaf;
  seqgpu_tensor *source =
      seqgpu_tape_ids(t, 2, DIM(4, 4), (int32_t[]){0, 1, 2, 3, 3, 0, 1, 0, 1, 0, 2, 0, 2, 0, 0, 0});
  seqgpu_tensor *wanted =
      seqgpu_tape_ids(t, 2, DIM(3, 4), (int32_t[]){2, 1, 0, 3, 1, 0, -1, 2, 0, -1, -1, 1});
  seqgpu_tensor *fed = seqgpu_tape_ids(t, 2, DIM(3, 4), (int32_t[]){0, 0, 0, 0, 2, 1, 0, 3, 1, 0, 9, 2});
  seqgpu_tensor *lengths = lengths_4231(w);
  seqgpu_tensor *x = seqgpu_tape_embedding(t, p[ED_EMBEDDING], source);
  seqgpu_tensor *h = seqgpu_tape_rnn(t, w->plan[0], p[ED_ENCODER], x, NULL, lengths); /* [4,4,6] */
  seqgpu_tensor *values = rounded(w, h), *keys = rounded(w, seqgpu_tape_linear(t, values, p[ED_KEYS], NULL));
  seqgpu_tensor *last =
      seqgpu_tape_reshape(t, seqgpu_tape_rows(t, seqgpu_tape_rnn_final(t, h, 0), 1, 1), 2, DIM(4, 3));
  seqgpu_tensor *state = rounded(
      w, seqgpu_tape_activation(t, seqgpu_tape_linear(t, last, p[ED_INIT], NULL), SEQGPU_ACTIVATION_TANH));
  seqgpu_tensor *loss = NULL;
  for (int64_t step = 0; step < 3; step++) {
    seqgpu_tensor *query = rounded(w, seqgpu_tape_linear(t, state, p[ED_QUERY], NULL));
    seqgpu_tensor *context = rounded(w, seqgpu_tape_attention(t, query, keys, values, p[ED_V], lengths));
    seqgpu_tensor *previous = seqgpu_tape_embedding(t, p[ED_EMBEDDING], seqgpu_tape_rows(t, fed, step, 1));
    seqgpu_tensor *input = seqgpu_tape_concat(t, previous, seqgpu_tape_reshape(t, context, 3, DIM(1, 4, 6)));
    seqgpu_tensor *y = rounded(w, seqgpu_tape_rnn(t, w->plan[1], p[ED_DECODER], input, &state, NULL));
    state = seqgpu_tape_reshape(t, y, 2, DIM(4, 3));
    seqgpu_tensor *logits = rounded(w, seqgpu_tape_linear(t, y, p[ED_OUT], p[ED_OUT_BIAS]));
    seqgpu_tensor *cost = seqgpu_tape_cross_entropy(t, logits, seqgpu_tape_rows(t, wanted, step, 1), 0, 0.25);
    loss = loss ? seqgpu_tape_add(t, loss, cost) : cost;
  }
  return loss;
}

/* ---------------------------------------------------------------- the table */

static const seqgpu_rnn_desc
    lstm = {.cell = "lstm", .input_size = 3, .hidden_size = 3, .seq_len = 4, .batch = 4},
    lstm_step = {.cell = "lstm", .input_size = 3, .hidden_size = 3, .seq_len = 1, .batch = 4},
    gru_first =
        {.cell = "gru", .input_size = 2, .hidden_size = 3, .seq_len = 5, .batch = 6, .batch_first = 1},
    rnn_square = {.cell = "rnn", .input_size = 4, .hidden_size = 4, .seq_len = 3, .batch = 2},
    bi_lstm = {.cell = "lstm",
               .input_size = 2,
               .hidden_size = 3,
               .num_layers = 2,
               .seq_len = 4,
               .batch = 4,
               .bidirectional = 1,
               .dropout = 0.3},
    bi_gru = {.cell = "gru", .input_size = 3, .hidden_size = 3, .seq_len = 4, .batch = 4, .bidirectional = 1},
    decoder_gru = {.cell = "gru", .input_size = 9, .hidden_size = 3, .seq_len = 1, .batch = 4};

static const test_case cases[] = {
    {"embedding", embedding, {{5, 3}}, {0}},
    {"linear", linear, {{2, 3, 4}, {5, 4}, {5, 1}}, {0}},
    {"linear without bias", linear_no_bias, {{3, 4}, {2, 4}}, {0}},
    {"linear, x = w", linear_shared, {{3, 4}}, {0}},
    {"add", add, {{2, 3, 2, 2}, {2, 3, 2, 2}}, {0}},
    {"add, a = b", add_shared, {{5}}, {0}},
    {"mul", mul, {{4, 3}, {4, 3}}, {0}},
    {"mul, a = b", mul_shared, {{4, 3}}, {0}},
    {"scale", scale, {{4, 3}}, {0}},
    {"activation tanh", act_tanh, {{4, 5}}, {0}},
    {"activation relu", act_relu, {{4, 5}}, {0}},
    {"activation sigmoid", act_sigmoid, {{4, 5}}, {0}},
    {"activation identity", act_identity, {{4, 5}}, {0}},
    {"softmax", softmax, {{2, 3, 5}}, {0}},
    {"concat", concat, {{2, 3, 4}, {2, 3, 1}}, {0}},
    {"columns", columns, {{2, 3, 5}, {2, 3, 4}}, {0}},
    {"rows and reshape", views, {{4, 2, 3}}, {0}},
    {"dropout", dropout, {{7, 5}}, {0}},
    {"cross entropy, mean", cross_entropy_mean, {{2, 3, 5}}, {0}},
    {"cross entropy, sum", cross_entropy_sum, {{2, 3, 5}}, {0}},
    {"squared error", squared_error, {{2, 3, 5}}, {0}},
    {"cross entropy, smoothed", cross_entropy_smoothed, {{2, 3, 5}}, {0}},
    {"pooling", pooling, {{4, 4, 3}}, {0}},
    {"ctc", ctc, {{5, 4, 4}}, {0}},
    {"mixture density", mixture_density, {{4, 4, 13}}, {0}},
    {"binary cross entropy", binary_cross_entropy, {{4, 4, 3}}, {0}},
    {"attention", attention, {{4, 3}, {4, 4, 3}, {4, 4, 2}, {3}}, {0}},
    {"attention, whole sequence", attention, {{3, 4, 3}, {4, 4, 3}, {4, 4, 2}, {3}}, {0}},
    {"attention, multiplicative", attention_product, {{4, 3}, {4, 4, 3}, {3, 3}}, {0}},
    {"attention, multiplicative, whole sequence", attention_product, {{3, 4, 3}, {4, 4, 3}, {3, 3}}, {0}},
    {"attention, keys ask", attention_own, {{4, 4, 3}, {3}}, {0}},
    {"attention, keys = values", attention_shared, {{4, 3}, {4, 4, 3}, {3, 1}}, {0}},
    {"attention, query in keys", attention_self, {{3, 2, 3}, {3}}, {0}},
    {"window", window, {{4, 4, 6}, {4, 2}, {3, 4, 5}}, {0}},
    {"window in steps of one", window_steps, {{3, 2, 6}, {4, 2, 3}, {6, 3}}, {0}},
    {"window, only the position", window_only_position, {{3, 2, 6}, {4, 2, 3}}, {0}},
    {"rnn lstm, states, lengths", rnn_full, {{PLAN_0}, {4, 4, 3}, {1, 4, 3}, {1, 4, 3}}, {&lstm}},
    {"rnn gru batch first, T and B below the plan's", rnn_plain, {{PLAN_0}, {3, 2, 2}}, {&gru_first}},
    {"rnn lstm 2 layers, bidirectional, dropout",
     rnn_full,
     {{PLAN_0}, {4, 4, 2}, {4, 4, 3}, {4, 4, 3}},
     {&bi_lstm}},
    {"rnn, only the final state", rnn_only_final, {{PLAN_0}, {4, 4, 3}}, {&lstm}},
    {"rnn, one tensor as h and c", rnn_shared_state, {{PLAN_0}, {4, 4, 3}, {4, 3}}, {&lstm}},
    {"rnn in steps of one", rnn_steps, {{PLAN_0}, {4, 4, 3}}, {&lstm_step}},
    {"one tensor used by many", shared_use, {{3, 2, 4}, {PLAN_0}}, {&rnn_square}},
    {"classifier", classifier, {{5, 2}, {PLAN_0}, {3, 6}, {3, 1}}, {&bi_lstm}},
    {"encoder-decoder",
     encoder_decoder,
     {{4, 3}, {PLAN_0}, {PLAN_1}, {3, 3}, {3, 6}, {3, 3}, {3, 1}, {4, 3}, {4, 1}},
     {&bi_gru, &decoder_gru}},
};
enum { CASES = (int)COUNT(cases) };

static inline const test_case *find_case(const char *name) {
  for (int i = 0; i < CASES; i++)
    if (strcmp(cases[i].name, name) == 0) return &cases[i];
  return NULL;
}

#endif
