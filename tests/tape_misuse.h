/* tape_misuse.h - part of test_tape_rules.c: calls of the tape with one wrong argument, and what it says. */
#ifndef TAPE_MISUSE_H
#define TAPE_MISUSE_H

#include "tests/tape_cases.h"

typedef struct misuse {
  const char *name;
  seqgpu_tensor *(*build)(world *w);
  const char *sentence; /* a part of what the tape says */
} misuse;

static seqgpu_tensor *bad_null(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], NULL); }
static seqgpu_tensor *bad_shapes(world *w) { return seqgpu_tape_add(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *bad_linear(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[1], w->leaf[0], NULL);
}
static seqgpu_tensor *bad_bias(world *w) {
  return seqgpu_tape_linear(w->tape, w->leaf[0], seqgpu_tape_rows(w->tape, w->leaf[0], 0, 2), w->leaf[1]);
}
static seqgpu_tensor *bad_concat(world *w) { return seqgpu_tape_concat(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *bad_rows(world *w) { return seqgpu_tape_rows(w->tape, w->leaf[0], 2, INT64_MAX); }
static seqgpu_tensor *bad_reshape(world *w) {
  return seqgpu_tape_reshape(w->tape, w->leaf[0], 2, DIM(INT64_MAX, INT64_MAX));
}
static seqgpu_tensor *bad_rank(world *w) {
  return seqgpu_tape_reshape(w->tape, w->leaf[0], 5, DIM(1, 1, 1, 1, 12));
}
static seqgpu_tensor *bad_size(world *w) {
  return seqgpu_tape_wrap(w->tape, 3, DIM(1 << 30, 1 << 30, 1 << 30), w->value[0], NULL);
}
static seqgpu_tensor *bad_dimension(world *w) {
  return seqgpu_tape_wrap(w->tape, 2, DIM(3, 0), w->value[0], NULL);
}
static seqgpu_tensor *bad_host(world *w) { return seqgpu_tape_input(w->tape, 1, DIM(3), NULL); }
static seqgpu_tensor *bad_param(world *w) {
  const seqgpu_param empty = {.rows = 1, .cols = 1};
  return seqgpu_tape_param(w->tape, &empty);
}
static seqgpu_tensor *bad_dropout(world *w) { return seqgpu_tape_dropout(w->tape, w->leaf[0], NAN); }
static seqgpu_tensor *bad_activation(world *w) {
  return seqgpu_tape_activation(w->tape, w->leaf[0], (seqgpu_activation)9);
}
static seqgpu_tensor *bad_kind(world *w) { return seqgpu_tape_embedding(w->tape, w->leaf[0], w->leaf[1]); }
static seqgpu_tensor *bad_targets(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 1, DIM(4), (int32_t[]){0, 1, 2, 3});
  return seqgpu_tape_cross_entropy(w->tape, w->leaf[0], targets, 1, 1);
}
static seqgpu_tensor *bad_squares(world *w) {
  return seqgpu_tape_squared_error(w->tape, w->leaf[0], w->leaf[1], NULL, 1, 1);
}
static seqgpu_tensor *bad_constant(world *w) {
  return seqgpu_tape_squared_error(w->tape, w->leaf[0], w->leaf[0], NULL, 1, 1);
}
static seqgpu_tensor *bad_mask(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_wrap(w->tape, 2, DIM(3, 4), w->value[0], NULL);
  seqgpu_tensor *mask = seqgpu_tape_ids(w->tape, 1, DIM(4), (int32_t[]){0, 1, 1, 1});
  return seqgpu_tape_squared_error(w->tape, w->leaf[0], targets, mask, 1, 1);
}
static seqgpu_tensor *binary_of(world *w, seqgpu_tensor *targets, seqgpu_tensor *lengths) {
  return seqgpu_tape_binary_cross_entropy(w->tape, w->leaf[3], targets, lengths, 1, 1);
}
static seqgpu_tensor *bad_binary(world *w) { return binary_of(w, w->leaf[0], NULL); }
static seqgpu_tensor *bad_binary_constant(world *w) { return binary_of(w, w->leaf[3], NULL); }
static seqgpu_tensor *bad_binary_lengths(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_wrap(w->tape, 3, DIM(4, 4, 3), w->value[3], NULL);
  return binary_of(w, targets, seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 5, 2, 3}));
}
static seqgpu_tensor *bad_binary_rank(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_wrap(w->tape, 2, DIM(3, 4), w->value[0], NULL);
  return seqgpu_tape_binary_cross_entropy(w->tape, w->leaf[0], targets,
                                          seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1}), 1, 1);
}
static seqgpu_tensor *bad_pooling(world *w) {
  return seqgpu_tape_pooling(w->tape, w->leaf[3], NULL, (seqgpu_pooling)3);
}
static seqgpu_tensor *bad_pooling_rank(world *w) {
  return seqgpu_tape_pooling(w->tape, w->leaf[0], NULL, SEQGPU_POOLING_MAX);
}
static seqgpu_tensor *bad_pooling_lengths(world *w) {
  return seqgpu_tape_pooling(w->tape, w->leaf[3], seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1}),
                             SEQGPU_POOLING_LAST);
}
/* Logits [4,4,3]. */
static seqgpu_tensor *ctc_of(world *w, seqgpu_tensor *labels, seqgpu_tensor *label_lengths, int64_t blank) {
  return seqgpu_tape_ctc(w->tape, w->leaf[3], NULL, labels, label_lengths, blank, 1, 1);
}
static seqgpu_tensor *ctc_labels(world *w, int32_t label) {
  return seqgpu_tape_ids(w->tape, 2, DIM(1, 4), (int32_t[]){1, 2, label, 1});
}
static seqgpu_tensor *bad_ctc_labels(world *w) {
  return ctc_of(w, seqgpu_tape_ids(w->tape, 2, DIM(4, 1), (int32_t[]){1, 2, 1, 1}), NULL, 0);
}
static seqgpu_tensor *bad_ctc_class(world *w) { return ctc_of(w, ctc_labels(w, 3), NULL, 0); }
static seqgpu_tensor *bad_ctc_blank(world *w) { return ctc_of(w, ctc_labels(w, 1), NULL, 3); }
static seqgpu_tensor *bad_ctc_long(world *w) {
  return ctc_of(w, ctc_labels(w, 1), seqgpu_tape_lengths(w->tape, 4, (int32_t[]){0, 1, 2, 1}), 0);
}
static seqgpu_tensor *bad_ctc_rank(world *w) {
  return seqgpu_tape_ctc(w->tape, w->leaf[0], NULL, ctc_labels(w, 1), NULL, 0, 1, 1);
}
static seqgpu_tensor *bad_smoothing(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 1, DIM(3), (int32_t[]){0, 1, 2});
  return seqgpu_tape_smoothed_cross_entropy(w->tape, w->leaf[0], targets, 1, 1, 1.5);
}
static seqgpu_tensor *bad_less_smoothing(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 1, DIM(3), (int32_t[]){0, 1, 2});
  return seqgpu_tape_smoothed_cross_entropy(w->tape, w->leaf[0], targets, 1, 1, -0.5);
}
static seqgpu_tensor *bad_targets_rank(world *w) {
  seqgpu_tensor *targets = seqgpu_tape_ids(w->tape, 2, DIM(3, 1), (int32_t[]){0, 1, 2});
  return seqgpu_tape_cross_entropy(w->tape, w->leaf[0], targets, 1, 1);
}
static seqgpu_tensor *mixture_of(world *w, int64_t width, int64_t coordinates, const int32_t *lengths) {
  seqgpu_tensor *params = seqgpu_tape_wrap(w->tape, 3, DIM(2, 1, width), w->value[5], NULL);
  seqgpu_tensor *points = seqgpu_tape_wrap(w->tape, 3, DIM(2, 1, coordinates), w->value[5], NULL);
  return seqgpu_tape_mixture_density(w->tape, params, points,
                                     lengths ? seqgpu_tape_lengths(w->tape, 1, lengths) : NULL, 1, 1);
}
static seqgpu_tensor *bad_mixture(world *w) { return mixture_of(w, 12, 3, NULL); }
static seqgpu_tensor *bad_mixture_none(world *w) { return mixture_of(w, 1, 3, NULL); }
static seqgpu_tensor *bad_mixture_points(world *w) { return mixture_of(w, 13, 2, NULL); }
static seqgpu_tensor *bad_mixture_long(world *w) { return mixture_of(w, 13, 3, (int32_t[]){3}); }
static seqgpu_tensor *bad_mixture_constant(world *w) {
  seqgpu_tensor *params = seqgpu_tape_wrap(w->tape, 2, DIM(4, 7), w->value[5], NULL);
  return seqgpu_tape_mixture_density(w->tape, params, w->leaf[4], NULL, 1, 1);
}
static seqgpu_tensor *bad_loss_each(world *w) { return seqgpu_tape_loss_each(w->tape, w->leaf[0]); }
static seqgpu_tensor *bad_loss_count(world *w) {
  return seqgpu_tape_loss_count(w->tape, seqgpu_tape_scale(w->tape, w->leaf[0], 2));
}
static seqgpu_tensor *bad_length(world *w) { return seqgpu_tape_lengths(w->tape, 2, (int32_t[]){1, -1}); }
static seqgpu_tensor *bad_final(world *w) { return seqgpu_tape_rnn_final(w->tape, w->leaf[0], 0); }
static seqgpu_tensor *bad_softmax(world *w) {
  return seqgpu_tape_softmax(w->tape, w->leaf[0], seqgpu_tape_lengths(w->tape, 3, (int32_t[]){1, 5, 2}));
}
static seqgpu_tensor *bad_softmax_count(world *w) {
  return seqgpu_tape_softmax(w->tape, w->leaf[3], seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1}));
}
static seqgpu_tensor *bad_softmax_rank(world *w) {
  seqgpu_tensor *flat = seqgpu_tape_reshape(w->tape, w->leaf[0], 1, DIM(12));
  return seqgpu_tape_softmax(w->tape, flat, seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1}));
}
static seqgpu_tensor *bad_weights(world *w) { return seqgpu_tape_attention_weights(w->tape, w->leaf[0]); }
static seqgpu_tensor *bad_attention(world *w) {
  return seqgpu_tape_attention(w->tape, w->leaf[0], w->leaf[3], w->leaf[3], w->leaf[1], NULL);
}
static seqgpu_tensor *bad_source_length(world *w) {
  return seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[3], w->leaf[1],
                               seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 1, 0, 1}));
}
static seqgpu_tensor *bad_plan(world *w) {
  return seqgpu_tape_rnn(w->tape, NULL, w->leaf[2], w->leaf[3], NULL, NULL);
}
static seqgpu_tensor *bad_input(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[0], NULL, NULL);
}
static seqgpu_tensor *bad_params(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[1], w->leaf[3], NULL, NULL);
}
static seqgpu_tensor *bad_state(world *w) {
  seqgpu_tensor *initial[2] = {NULL, w->leaf[0]};
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], initial, NULL);
}
static seqgpu_tensor *bad_long(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[5], NULL, NULL);
}
static seqgpu_tensor *bad_rnn_lengths(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], NULL,
                         seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 1, 5, 1}));
}
static seqgpu_tensor *bad_mode(world *w) {
  return seqgpu_tape_rnn(w->tape, w->plan[1], w->leaf[2], w->leaf[3], NULL, NULL);
}

#define BAD(name, call)                                                                                      \
  static seqgpu_tensor *bad_##name(world *w) { return call; }
BAD(table, seqgpu_tape_embedding(w->tape, w->leaf[3], seqgpu_tape_ids(w->tape, 1, DIM(1), (int32_t[]){0})))
BAD(ids,
    seqgpu_tape_embedding(w->tape, w->leaf[0], seqgpu_tape_ids(w->tape, 4, DIM(1, 1, 1, 1), (int32_t[]){0})))
BAD(linear_rank, seqgpu_tape_linear(w->tape, w->leaf[4], w->leaf[3], NULL))
BAD(concat_rows, seqgpu_tape_concat(w->tape, w->leaf[0], w->leaf[4]))
BAD(columns, seqgpu_tape_columns(w->tape, w->leaf[0], 2, INT64_MAX))
BAD(columns_before, seqgpu_tape_columns(w->tape, w->leaf[0], -1, 1))
BAD(columns_none, seqgpu_tape_columns(w->tape, w->leaf[0], 0, 0))
BAD(columns_null, seqgpu_tape_columns(w->tape, NULL, 0, 1))
BAD(rows_before, seqgpu_tape_rows(w->tape, w->leaf[0], -1, 1))
BAD(rows_none, seqgpu_tape_rows(w->tape, w->leaf[0], 0, 0))
BAD(rows_behind, seqgpu_tape_rows(w->tape, w->leaf[0], 4, 1))
BAD(reshape_null, seqgpu_tape_reshape(w->tape, w->leaf[0], 1, NULL))
BAD(reshape_rank, seqgpu_tape_reshape(w->tape, w->leaf[0], 0, DIM(12)))
BAD(reshape_zero, seqgpu_tape_reshape(w->tape, w->leaf[0], 2, DIM(0, 12)))
BAD(reshape_less, seqgpu_tape_reshape(w->tape, w->leaf[0], 1, DIM(11)))
BAD(rank_none, seqgpu_tape_wrap(w->tape, 0, DIM(1), w->value[0], NULL))
BAD(rank_many, seqgpu_tape_input(w->tape, 5, DIM(1, 1, 1, 1, 1), w->host[0]))
BAD(shape, seqgpu_tape_input(w->tape, 1, NULL, w->host[0]))
BAD(host_ids, seqgpu_tape_ids(w->tape, 1, DIM(1), NULL))
BAD(device_ids, seqgpu_tape_wrap_ids(w->tape, 1, DIM(1), NULL))
BAD(host_lengths, seqgpu_tape_lengths(w->tape, 1, NULL))
BAD(many_lengths, seqgpu_tape_lengths(w->tape, 0, (int32_t[]){1}))
BAD(no_param, seqgpu_tape_param(w->tape, NULL))
BAD(small_param, seqgpu_tape_param_(w->tape, &(seqgpu_param){.rows = 1}, 0))
BAD(class, seqgpu_tape_cross_entropy(w->tape, w->leaf[0],
                                     seqgpu_tape_ids(w->tape, 1, DIM(3), (int32_t[]){0, 4, 1}), 1, 1))
BAD(target_rows, seqgpu_tape_cross_entropy(w->tape, w->leaf[0],
                                           seqgpu_tape_ids(w->tape, 1, DIM(2), (int32_t[]){0, 1}), 1, 1))
BAD(squared_null, seqgpu_tape_squared_error(w->tape, NULL, w->leaf[0], NULL, 1, 1))
BAD(lengths_count, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], NULL,
                                   seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1})))
BAD(rank_of_x, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[4], NULL, NULL))
BAD(rnn_null, seqgpu_tape_rnn(w->tape, w->plan[0], NULL, w->leaf[3], NULL, NULL))
BAD(scale_null, seqgpu_tape_scale(w->tape, NULL, 1))
BAD(final_null, seqgpu_tape_rnn_final(w->tape, NULL, 0))
BAD(final_below,
    seqgpu_tape_rnn_final(w->tape, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], NULL, NULL),
                          -1))
BAD(final_behind,
    seqgpu_tape_rnn_final(w->tape, seqgpu_tape_rnn(w->tape, w->plan[0], w->leaf[2], w->leaf[3], NULL, NULL),
                          2))
BAD(weights_null, seqgpu_tape_attention_weights(w->tape, NULL))
BAD(window_null, seqgpu_tape_window(w->tape, NULL, NULL, w->leaf[3], NULL))
BAD(window_params, seqgpu_tape_window(w->tape, w->leaf[0], NULL, w->leaf[3], NULL))
BAD(window_thirds,
    seqgpu_tape_window(w->tape, seqgpu_tape_concat(w->tape, w->leaf[3], w->leaf[3]), NULL, w->leaf[0], NULL))
BAD(window_values,
    seqgpu_tape_window(w->tape, w->leaf[3], NULL, seqgpu_tape_rows(w->tape, w->leaf[4], 0, 1), NULL))
BAD(window_before, seqgpu_tape_window(w->tape, w->leaf[3], w->leaf[0], w->leaf[3], NULL))
BAD(window_count, seqgpu_tape_window(w->tape, w->leaf[3], NULL, w->leaf[3],
                                     seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1})))
BAD(window_long, seqgpu_tape_window(w->tape, w->leaf[3], NULL, w->leaf[3],
                                    seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 5, 1, 1})))
BAD(window_weights, seqgpu_tape_window_weights(w->tape, w->leaf[0]))
BAD(window_position, seqgpu_tape_window_position(w->tape, w->leaf[0]))
BAD(softmax_null, seqgpu_tape_softmax(w->tape, NULL, NULL))
BAD(attention_null, seqgpu_tape_attention(w->tape, NULL, w->leaf[3], w->leaf[3], w->leaf[1], NULL))
BAD(keys, seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[0], w->leaf[3], w->leaf[1], NULL))
BAD(query, seqgpu_tape_attention(w->tape, seqgpu_tape_concat(w->tape, w->leaf[3], w->leaf[3]), w->leaf[3],
                                 w->leaf[3], w->leaf[1], NULL))
BAD(values, seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[4], w->leaf[1], NULL))
BAD(other_values, seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[5], w->leaf[1], NULL))
BAD(v, seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[3], w->leaf[0], NULL))
BAD(source_count, seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[3], w->leaf[1],
                                        seqgpu_tape_lengths(w->tape, 1, (int32_t[]){1})))
BAD(source_long, seqgpu_tape_attention(w->tape, w->leaf[4], w->leaf[3], w->leaf[3], w->leaf[1],
                                       seqgpu_tape_lengths(w->tape, 4, (int32_t[]){1, 5, 1, 1})))
#undef BAD
/* x [4,4,3] into a plan that is not for it. */
static seqgpu_tensor *run_of(world *w, const seqgpu_rnn_desc *desc) {
  seqgpu_plan *plan = NULL;
  net_require(w->ctx, seqgpu_plan_create(w->ctx, desc, NULL, &plan), "seqgpu_plan_create");
  const int64_t elements = seqgpu_plan_get_sizes(plan).param_elements;
  seqgpu_tensor *params = seqgpu_tape_wrap(w->tape, 1, DIM(elements), w->value[2], NULL);
  seqgpu_tensor *y = seqgpu_tape_rnn(w->tape, plan, params, w->leaf[3], NULL, NULL);
  seqgpu_plan_destroy(plan);
  return y;
}
static seqgpu_tensor *bad_first(world *w) {
  return run_of(
      w, &(seqgpu_rnn_desc){
             .cell = "rnn", .input_size = 4, .hidden_size = 1, .seq_len = 9, .batch = 1, .batch_first = 1});
}
static seqgpu_tensor *bad_batch(world *w) {
  return run_of(
      w, &(seqgpu_rnn_desc){.cell = "rnn", .input_size = 3, .hidden_size = 1, .seq_len = 9, .batch = 1});
}

static const seqgpu_rnn_desc frozen = {
    .cell = "lstm", .input_size = 3, .hidden_size = 3, .seq_len = 4, .batch = 4, .inference = 1};

/* Leaves: [3,4], [3], LSTM parameters, [4,4,3], [4,3], [5,4,3]. */
static const test_case misuse_world = {
    "misuse", NULL, {{3, 4}, {3}, {PLAN_0}, {4, 4, 3}, {4, 3}, {5, 4, 3}}, {&lstm, &frozen}};

/* --- tangents and Gauss-Newton products --- */

static seqgpu_tensor *bad_move(world *w, seqgpu_tensor *y, seqgpu_tensor *leaf, const void *direction) {
  seqgpu_tape_tangent(w->tape, y, 1, &leaf, &direction);
  return NULL;
}
static seqgpu_tensor *bad_curve(world *w, int count, seqgpu_tensor *const *damped, const double *strength) {
  const void *direction = w->value[0];
  seqgpu_tensor *loss = seqgpu_tape_squared_error(
      w->tape, w->leaf[0], seqgpu_tape_wrap(w->tape, 2, DIM(3, 4), w->value[0], NULL), NULL, 1, 1);
  seqgpu_tape_tangent(w->tape, loss, 1, &w->leaf[0], &direction);
  seqgpu_tape_gauss_newton(w->tape, loss, count, damped, strength);
  return NULL;
}
static seqgpu_tensor *bad_moved(world *w) { return bad_move(w, NULL, w->leaf[0], w->value[0]); }
static seqgpu_tensor *bad_leaf(world *w) {
  return bad_move(w, seqgpu_tape_scale(w->tape, w->leaf[0], 2), NULL, w->value[0]);
}
static seqgpu_tensor *bad_direction(world *w) {
  return bad_move(w, seqgpu_tape_scale(w->tape, w->leaf[0], 2), w->leaf[0], NULL);
}
static seqgpu_tensor *bad_no_leaves(world *w) {
  seqgpu_tape_tangent(w->tape, seqgpu_tape_scale(w->tape, w->leaf[0], 2), 1, NULL, NULL);
  return NULL;
}
static seqgpu_tensor *bad_no_directions(world *w) {
  seqgpu_tape_tangent(w->tape, seqgpu_tape_scale(w->tape, w->leaf[0], 2), 1, &w->leaf[0], NULL);
  return NULL;
}
static seqgpu_tensor *bad_damped_count(world *w) { return bad_curve(w, -1, NULL, NULL); }
static seqgpu_tensor *bad_no_damped(world *w) { return bad_curve(w, 1, NULL, NULL); }
static seqgpu_tensor *bad_no_strength(world *w) { return bad_curve(w, 1, &w->leaf[0], NULL); }
static seqgpu_tensor *bad_damped_null(world *w) {
  return bad_curve(w, 1, (seqgpu_tensor *[]){NULL}, (double[]){1});
}
static seqgpu_tensor *bad_damped_ids(world *w) {
  return bad_curve(w, 1, (seqgpu_tensor *[]){seqgpu_tape_ids(w->tape, 1, DIM(1), (int32_t[]){0})},
                   (double[]){1});
}

static const misuse misuses[] = {
    {"NULL", bad_null, "add: b is NULL"},
    {"add", bad_shapes, "add: a is [3,4] but b is [3]"},
    {"linear", bad_linear, "linear: w is [3,4] but x is [3]; w must be [out,3]"},
    {"linear bias", bad_bias, "linear: b is [3] but w is [2,4]; b must have 2 elements"},
    {"concat", bad_concat, "concat: a is [3,4] but b is [3]"},
    {"rows", bad_rows, "within the 3 rows"},
    {"reshape", bad_reshape, "reshape: shape is"},
    {"rank", bad_rank, "rank must be 1 to 4"},
    {"size", bad_size, "limit is 2^46"},
    {"dimension", bad_dimension, "dimension 1 of shape is 0"},
    {"host", bad_host, "input: host is NULL"},
    {"param", bad_param, "param: its value is NULL"},
    {"dropout", bad_dropout, "dropout: p is"},
    {"activation", bad_activation, "activation is 9"},
    {"kind", bad_kind, "embedding: ids holds reals"},
    {"targets", bad_targets, "cross_entropy: logits is [3,4] but targets is [4]"},
    {"squared error", bad_squares, "squared_error: x is [3,4] but targets is [3]"},
    {"squared error of a parameter", bad_constant, "squared_error: targets wants a gradient"},
    {"squared error mask", bad_mask, "squared_error: x is [3,4] but mask is [4]"},
    {"binary cross-entropy", bad_binary, "binary_cross_entropy: logits is [4,4,3] but targets is [3,4]"},
    {"binary cross-entropy of a parameter", bad_binary_constant,
     "binary_cross_entropy: targets wants a gradient"},
    {"binary cross-entropy, too long", bad_binary_lengths,
     "there are 4 lengths of at most 5; there must be 4 of at most 4"},
    {"binary cross-entropy, lengths of nothing", bad_binary_rank,
     "binary_cross_entropy: logits is [3,4]; it must be [time,batch,width]"},
    {"pooling", bad_pooling, "pooling: pooling is 3; it must be 0 (mean) to 2 (last)"},
    {"pooling of two dimensions", bad_pooling_rank, "pooling: x is [3,4]; it must be [time,batch,width]"},
    {"pooling, lengths of others", bad_pooling_lengths,
     "pooling: there are 1 lengths of at most 1; there must be 4"},
    {"ctc labels", bad_ctc_labels, "ctc: labels is [4,1] but logits is [4,4,3]; labels must be [labels,4]"},
    {"ctc, a class too many", bad_ctc_class, "ctc: labels hold 3; logits has 3 classes"},
    {"ctc blank", bad_ctc_blank, "ctc: blank is 3; it must be from 0 to 2"},
    {"ctc, too many labels", bad_ctc_long,
     "ctc: there are 4 label_lengths of at most 2; there must be 4 of at most 1"},
    {"ctc of two dimensions", bad_ctc_rank, "ctc: logits is [3,4]; it must be [time,batch,width]"},
    {"smoothing below 0", bad_less_smoothing, "cross_entropy: smoothing is -0.5; it must be from 0 to 1"},
    {"targets of another rank", bad_targets_rank, "targets must be logits without the last dimension"},
    {"smoothing", bad_smoothing, "cross_entropy: smoothing is 1.5; it must be from 0 to 1"},
    {"mixture density", bad_mixture, "params is [2,1,12]; its last dimension must be 1 + 6 M, M at least 1"},
    {"mixture density of nothing", bad_mixture_none, "mixture_density: params is [2,1,1]"},
    {"mixture density, points", bad_mixture_points,
     "params is [2,1,13] but points is [2,1,2]; points must be params with a last dimension of 3"},
    {"mixture density, too long", bad_mixture_long,
     "there are 1 lengths of at most 3; there must be 1 of at most 2"},
    {"mixture density of a parameter", bad_mixture_constant, "mixture_density: points wants a gradient"},
    {"loss_each", bad_loss_each, "loss_each: loss comes from outside; it must come from a loss over rows"},
    {"loss_count", bad_loss_count, "loss_count: loss comes from scale; it must come from a loss over rows"},
    {"length", bad_length, "lengths: element 1 is -1"},
    {"final", bad_final, "was not returned by seqgpu_tape_rnn"},
    {"softmax, long rows", bad_softmax,
     "softmax: there are 3 lengths of at most 5; there must be 3 of at most 4"},
    {"softmax, lengths of others", bad_softmax_count,
     "softmax: there are 1 lengths of at most 1; there must be 4 of at most 3"},
    {"softmax of one dimension", bad_softmax_rank,
     "softmax: x is [12]; with lengths it must be [...,batch,width]"},
    {"softmax of nothing", bad_softmax_null, "softmax: x is NULL"},
    {"weights", bad_weights, "was not returned by seqgpu_tape_attention"},
    {"attention", bad_attention, "attention: query is [3,4] but keys is [4,4,3]"},
    {"attention lengths", bad_source_length, "lengths are 0 to 1; they must be 1 to 4"},
    {"rnn plan", bad_plan, "rnn: plan is NULL"},
    {"rnn x", bad_input, "input_size 3"},
    {"rnn params", bad_params, "rnn: params is [3]"},
    {"rnn state", bad_state, "initial[1] is [3,4]; it must be [1,4,3]"},
    {"rnn too long", bad_long, "seq_len 4"},
    {"rnn lengths", bad_rnn_lengths, "at most 5"},
    {"rnn for inference", bad_mode, "inference = 1"},
    {"embedding of three dimensions", bad_table, "embedding: table is [4,4,3]; it must be"},
    {"ids of four dimensions", bad_ids, "embedding: ids is [1,1,1,1]; its rank must be at most 3"},
    {"linear of three dimensions", bad_linear_rank, "linear: w is [4,4,3] but x is [4,3]"},
    {"concat of other rows", bad_concat_rows, "concat: a is [3,4] but b is [4,3]"},
    {"columns behind the last", bad_columns,
     "columns: first is 2 and count 9223372036854775807; they must lie within the 4 columns of x"},
    {"columns before the first", bad_columns_before, "columns: first is -1"},
    {"no columns", bad_columns_none, "columns: first is 0 and count 0"},
    {"columns of NULL", bad_columns_null, "columns: x is NULL"},
    {"rows before the first", bad_rows_before, "rows: first is -1"},
    {"no rows", bad_rows_none, "rows: first is 0 and count 0"},
    {"rows behind the last", bad_rows_behind, "rows: first is 4"},
    {"reshape without a shape", bad_reshape_null, "shape NULL"},
    {"reshape to no dimensions", bad_reshape_rank, "reshape: rank is 0"},
    {"reshape to no elements", bad_reshape_zero, "reshape: shape is [0,12]"},
    {"reshape to fewer", bad_reshape_less, "reshape: shape is [11] but x is [3,4]"},
    {"no dimensions", bad_rank_none, "wrap: rank is 0; it must be 1 to 4"},
    {"five dimensions", bad_rank_many, "input: rank is 5; it must be 1 to 4"},
    {"no shape", bad_shape, "input: shape is NULL"},
    {"no ids", bad_host_ids, "ids: host is NULL"},
    {"no ids on the device", bad_device_ids, "wrap_ids: device is NULL"},
    {"no lengths", bad_host_lengths, "lengths: host is NULL"},
    {"lengths of nobody", bad_many_lengths, "lengths: dimension 0 of shape is 0"},
    {"no parameter", bad_no_param, "param: param is NULL"},
    {"a parameter of size 0", bad_small_param, "param: its size is 0"},
    {"a class too many", bad_class, "cross_entropy: targets hold 4; logits has 4 classes"},
    {"targets of other rows", bad_target_rows, "cross_entropy: logits is [3,4] but targets is [2]"},
    {"squared error of nothing", bad_squared_null, "squared_error: x is NULL"},
    {"rnn, lengths of others", bad_lengths_count, "rnn: there are 1 lengths of at most 1; there must be 4"},
    {"rnn, x of two dimensions", bad_rank_of_x, "rnn: x is [4,3]; it must be [time,batch,input]"},
    {"rnn, no params", bad_rnn_null, "rnn: params is NULL"},
    {"rnn, x of another input", bad_first, "it must be [batch,time,input] with input_size 4"},
    {"rnn, more sequences", bad_batch, "seq_len 9 and batch 1"},
    {"scale of nothing", bad_scale_null, "scale: x is NULL"},
    {"final of nothing", bad_final_null, "rnn_final: y is NULL"},
    {"final state -1", bad_final_below, "rnn_final: state is -1; it must be from 0 to 1"},
    {"final state 2", bad_final_behind, "rnn_final: state is 2; it must be from 0 to 1"},
    {"weights of nothing", bad_weights_null, "context is NULL"},
    {"window of nothing", bad_window_null, "window: params is NULL"},
    {"window, params", bad_window_params, "window: params is [3,4]; it must be [steps,batch,3 K]"},
    {"window, values of rank 2", bad_window_thirds,
     "window: values is [3,4]; it must be [characters,4,width]"},
    {"window, values", bad_window_values, "window: values is [1,3]; it must be [characters,4,width]"},
    {"window, before", bad_window_before, "window: before is [3,4]; it must be [4,1]"},
    {"window, lengths of others", bad_window_count,
     "window: there are 1 lengths of at most 1; there must be 4 of at most 4"},
    {"window, too long", bad_window_long, "of at most 5; there must be 4 of at most 4"},
    {"weights of no window", bad_window_weights,
     "window_weights: context was not returned by seqgpu_tape_window"},
    {"position of no window", bad_window_position, "window_position: context was not returned by"},
    {"attention of nothing", bad_attention_null, "attention: query is NULL"},
    {"attention, keys", bad_keys, "attention: keys is [3,4]; it must be"},
    {"attention, query", bad_query,
     "attention: query is [4,4,6] but keys is [4,4,3]; query must be [4,3] or [steps,4,3]"},
    {"attention, values", bad_values, "attention: values is [4,3] but keys is [4,4,3]"},
    {"attention, values of others", bad_other_values, "attention: values is [5,4,3] but keys is [4,4,3]"},
    {"attention, v", bad_v, "attention: v is [3,4] but keys is [4,4,3]; v must have 3"},
    {"attention, lengths of others", bad_source_count, "attention: there are 1 lengths; there must be 4"},
    {"attention, too long", bad_source_long, "lengths are 1 to 5; they must be 1 to 4"},
    {"a tangent of nothing", bad_moved, "tangent: y is NULL"},
    {"a tangent, no leaf", bad_leaf, "tangent: leaf[0] is NULL"},
    {"a tangent, no direction", bad_direction, "tangent: direction[0] is NULL"},
    {"a tangent, no leaves", bad_no_leaves, "tangent: leaf is NULL"},
    {"a tangent, no directions", bad_no_directions, "tangent: direction is NULL"},
    {"curvature of -1 tensors", bad_damped_count, "gauss_newton: count is -1"},
    {"curvature, nothing damped", bad_no_damped, "gauss_newton: damped is NULL"},
    {"curvature, no strengths", bad_no_strength, "gauss_newton: strength is NULL"},
    {"curvature, one that is NULL", bad_damped_null, "gauss_newton: damped[0] is NULL"},
    {"curvature, integers", bad_damped_ids, "gauss_newton: damped[0] holds integers"},
};

#endif
