/* cells.h - every cell with its options: the rows that the gradient, conformance and law tests walk. */
#ifndef CELLS_H
#define CELLS_H

#include <string.h>

#include "seqgpu/seqgpu.h"
#include "tests/check.h"

typedef struct cell_row {
  const char *name;
  seqgpu_rnn_desc desc;
  /* 2: with one unit it could only change a sign, or has nothing to project; 3: of two, a norm leaves only the
   * sign, or one is projected away */
  int64_t least_hidden;
  int projects; /* h is projected onto half of the units: see combine in shapes.h */
} cell_row;

/* name, cell and options, least H, projects */
static const cell_row cell_rows[] = {
    {"rnn tanh", {.cell = "rnn"}, 1, 0},
    {"rnn relu", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_RELU}, 1, 0},
    {"rnn sigmoid", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_SIGMOID}, 1, 0},
    {"rnn identity", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_IDENTITY}, 1, 0},
    {"leaky", {.cell = "leaky", .leak = 0.3}, 1, 0},
    {"leaky relu", {.cell = "leaky", .leak = 0.7, .activation = SEQGPU_ACTIVATION_RELU}, 1, 0},
    {"leaky sigmoid", {.cell = "leaky", .leak = 0.3, .activation = SEQGPU_ACTIVATION_SIGMOID}, 1, 0},
    {"leaky identity", {.cell = "leaky", .leak = 0.3, .activation = SEQGPU_ACTIVATION_IDENTITY}, 1, 0},
    {"leaky, no leak", {.cell = "leaky"}, 1, 0},
    {"lstm", {.cell = "lstm"}, 1, 0},
    {"lstm peephole", {.cell = "lstm", .peephole = 1}, 1, 0},
    {"lstm coupled", {.cell = "lstm", .coupled = 1}, 1, 0},
    {"lstm coupled peephole", {.cell = "lstm", .coupled = 1, .peephole = 1}, 1, 0},
    {"lstm projection", {.cell = "lstm"}, 2, 1},
    {"lstm projection peephole", {.cell = "lstm", .peephole = 1}, 2, 1},
    {"lstm coupled projection peephole", {.cell = "lstm", .coupled = 1, .peephole = 1}, 2, 1},
    {"lstm0", {.cell = "lstm0"}, 1, 0},
    {"lstm0 peephole", {.cell = "lstm0", .peephole = 1}, 1, 0},
    {"lstm0 projection", {.cell = "lstm0"}, 2, 1},
    {"lstm0 projection peephole", {.cell = "lstm0", .peephole = 1}, 2, 1},
    {"gru", {.cell = "gru"}, 1, 0},
    {"gru reset_after", {.cell = "gru", .reset_after = 1}, 1, 0},
    {"scrn", {.cell = "scrn", .leak = 0.3}, 1, 0},
    {"scrn, the paper's leak, three context units", {.cell = "scrn", .context_size = 3}, 1, 0},
    {"scrn, a learnt leak", {.cell = "scrn", .leak = 0.3, .learn_leak = 1}, 1, 0},
    {"mrnn", {.cell = "mrnn"}, 1, 0},
    {"mrnn, two factors", {.cell = "mrnn", .factor_size = 2}, 1, 0},
    {"mlstm", {.cell = "mlstm"}, 1, 0},
    {"mlstm, seven factors", {.cell = "mlstm", .factor_size = 7}, 1, 0},
    {"householder", {.cell = "householder"}, 2, 0},
    {"householder sigmoid, one reflection",
     {.cell = "householder", .activation = SEQGPU_ACTIVATION_SIGMOID, .reflections = 1},
     2,
     0},
    {"urnn", {.cell = "urnn"}, 2, 0},
    {"lstm no_input_gate peephole", {.cell = "lstm", .no_input_gate = 1, .peephole = 1}, 1, 0},
    {"lstm no_forget_gate peephole", {.cell = "lstm", .no_forget_gate = 1, .peephole = 1}, 1, 0},
    {"lstm no_output_gate projection peephole", {.cell = "lstm", .no_output_gate = 1, .peephole = 1}, 2, 1},
    {"lstm no_input_activation no_output_activation",
     {.cell = "lstm", .no_input_activation = 1, .no_output_activation = 1},
     1,
     0},
    {"lstm coupled no_output_gate no_input_activation",
     {.cell = "lstm", .coupled = 1, .no_output_gate = 1, .no_input_activation = 1},
     1,
     0},
    {"rnn zoneout_hidden recurrent_dropout",
     {.cell = "rnn", .zoneout_hidden = 0.3, .recurrent_dropout = 0.4},
     1,
     0},
    {"lstm zoneout_cell zoneout_hidden peephole",
     {.cell = "lstm", .zoneout_cell = 0.5, .zoneout_hidden = 0.2, .peephole = 1},
     1,
     0},
    {"lstm recurrent_dropout", {.cell = "lstm", .recurrent_dropout = 0.3}, 1, 0},
    {"lstm zoneout_cell update_dropout recurrent_dropout projection coupled",
     {.cell = "lstm", .zoneout_cell = 0.2, .update_dropout = 0.3, .recurrent_dropout = 0.3, .coupled = 1},
     2,
     1},
    {"lstm0 update_dropout", {.cell = "lstm0", .update_dropout = 0.4}, 1, 0},
    {"gru zoneout_hidden update_dropout recurrent_dropout",
     {.cell = "gru", .zoneout_hidden = 0.2, .update_dropout = 0.3, .recurrent_dropout = 0.3},
     1,
     0},
    {"gru reset_after recurrent_dropout update_dropout",
     {.cell = "gru", .reset_after = 1, .recurrent_dropout = 0.4, .update_dropout = 0.2},
     1,
     0},
    {"rnn layer_norm", {.cell = "rnn", .layer_norm = 1}, 3, 0},
    {"lstm layer_norm peephole", {.cell = "lstm", .layer_norm = 1, .peephole = 1}, 3, 0},
    {"lstm layer_norm zoneout_cell projection coupled",
     {.cell = "lstm", .layer_norm = 1, .zoneout_cell = 0.3, .coupled = 1},
     3,
     1},
    {"gru layer_norm", {.cell = "gru", .layer_norm = 1}, 3, 0},
    {"gru reset_after layer_norm recurrent_dropout",
     {.cell = "gru", .reset_after = 1, .layer_norm = 1, .recurrent_dropout = 0.3},
     3,
     0},
    {"rnn batch_norm_input", {.cell = "rnn", .batch_norm_input = 1}, 1, 0},
    {"rnn batch_norm_steps", {.cell = "rnn", .batch_norm_steps = 3}, 2, 0},
    {"lstm batch_norm_input", {.cell = "lstm", .batch_norm_input = 1}, 1, 0},
    {"lstm batch_norm_steps peephole", {.cell = "lstm", .batch_norm_steps = 3, .peephole = 1}, 2, 0},
    {"lstm0 batch_norm_steps zoneout_cell projection",
     {.cell = "lstm0", .batch_norm_steps = 2, .zoneout_cell = 0.3},
     3,
     1},
    {"gru batch_norm_steps", {.cell = "gru", .batch_norm_steps = 3}, 2, 0},
    {"gru reset_after batch_norm_steps update_dropout",
     {.cell = "gru", .reset_after = 1, .batch_norm_steps = 9, .update_dropout = 0.3},
     2,
     0},
    {"lstm full_gate_recurrence peephole", {.cell = "lstm", .full_gate_recurrence = 1, .peephole = 1}, 1, 0},
    {"lstm full_gate_recurrence coupled projection zoneout_cell",
     {.cell = "lstm", .full_gate_recurrence = 1, .coupled = 1, .zoneout_cell = 0.3},
     2,
     1},
    {"lstm full_gate_recurrence no_output_gate",
     {.cell = "lstm", .full_gate_recurrence = 1, .no_output_gate = 1},
     1,
     0},
};

/* In training a mean is over the sequences of the batch. */
static inline int is_batch_normed(const seqgpu_rnn_desc *d) {
  return d->batch_norm_input || d->batch_norm_steps > 0;
}

static inline int is_normed(const seqgpu_rnn_desc *d) { return d->layer_norm || is_batch_normed(d); }

/* Draws inside its recurrence, in training. */
static inline int is_noisy(const seqgpu_rnn_desc *d) {
  return d->zoneout_hidden > 0 || d->zoneout_cell > 0 || d->recurrent_dropout > 0 || d->update_dropout > 0;
}

/* An LSTM that lacks more than its forget gate, or whose gates see one another. */
static inline int is_rare_lstm(const seqgpu_rnn_desc *d) {
  return d->no_input_gate || d->no_output_gate || d->no_input_activation || d->no_output_activation ||
         d->full_gate_recurrence;
}

/* Whether the persistent kernels have the cell's step (kernels/persistent/cells.h). */
static inline int is_persistent(const cell_row *row) {
  static const char *const names[] = {"rnn", "leaky", "lstm", "lstm0", "gru"};
  if (is_rare_lstm(&row->desc) || is_noisy(&row->desc) || is_normed(&row->desc)) return 0;
  for (size_t i = 0; i < COUNT(names); i++)
    if (strcmp(row->desc.cell, names[i]) == 0) return !row->projects;
  return 0;
}

#endif
