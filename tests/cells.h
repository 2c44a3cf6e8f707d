/* cells.h - every cell with its options: the rows that the gradient, conformance and law tests walk. */
#ifndef CELLS_H
#define CELLS_H

#include <string.h>

#include "seqgpu/seqgpu.h"

typedef struct cell_row {
  const char *name;
  seqgpu_rnn_desc desc;
} cell_row;

/* A projection of 1 stands for about half of H. */
static const cell_row cell_rows[] = {
    {"rnn tanh", {.cell = "rnn"}},
    {"rnn relu", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_RELU}},
    {"rnn sigmoid", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_SIGMOID}},
    {"rnn identity", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_IDENTITY}},
    {"leaky", {.cell = "leaky", .leak = 0.3}},
    {"leaky relu", {.cell = "leaky", .leak = 0.7, .activation = SEQGPU_ACTIVATION_RELU}},
    {"leaky sigmoid", {.cell = "leaky", .leak = 0.3, .activation = SEQGPU_ACTIVATION_SIGMOID}},
    {"leaky identity", {.cell = "leaky", .leak = 0.3, .activation = SEQGPU_ACTIVATION_IDENTITY}},
    {"leaky, no leak", {.cell = "leaky"}},
    {"lstm", {.cell = "lstm"}},
    {"lstm peephole", {.cell = "lstm", .peephole = 1}},
    {"lstm coupled", {.cell = "lstm", .coupled = 1}},
    {"lstm coupled peephole", {.cell = "lstm", .coupled = 1, .peephole = 1}},
    {"lstm projection", {.cell = "lstm", .projection_size = 1}},
    {"lstm projection peephole", {.cell = "lstm", .projection_size = 1, .peephole = 1}},
    {"lstm coupled projection peephole", {.cell = "lstm", .coupled = 1, .projection_size = 1, .peephole = 1}},
    {"lstm0", {.cell = "lstm0"}},
    {"lstm0 peephole", {.cell = "lstm0", .peephole = 1}},
    {"lstm0 projection", {.cell = "lstm0", .projection_size = 1}},
    {"lstm0 projection peephole", {.cell = "lstm0", .projection_size = 1, .peephole = 1}},
    {"gru", {.cell = "gru"}},
    {"gru reset_after", {.cell = "gru", .reset_after = 1}},
    {"scrn", {.cell = "scrn", .leak = 0.3}},
    {"scrn, the paper's leak, three context units", {.cell = "scrn", .context_size = 3}},
    {"scrn, a learnt leak", {.cell = "scrn", .leak = 0.3, .learn_leak = 1}},
    {"mrnn", {.cell = "mrnn"}},
    {"mrnn, two factors", {.cell = "mrnn", .factor_size = 2}},
    {"mlstm", {.cell = "mlstm"}},
    {"mlstm, seven factors", {.cell = "mlstm", .factor_size = 7}},
    {"householder", {.cell = "householder"}},
    {"householder sigmoid, one reflection",
     {.cell = "householder", .activation = SEQGPU_ACTIVATION_SIGMOID, .reflections = 1}},
    {"urnn", {.cell = "urnn"}},
};

/* Whether the persistent kernels have the cell's step (kernels/persistent/cells.h). */
static inline int is_persistent(const cell_row *row) {
  static const char *const names[] = {"rnn", "leaky", "lstm", "lstm0", "gru"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(row->desc.cell, names[i]) == 0) return row->desc.projection_size == 0;
  return 0;
}

/* A shape and the options that are not the cell's. */
typedef struct shape_row {
  const char *name;
  int64_t size[4]; /* T, B, I, H */
  const int32_t *lengths;
  seqgpu_rnn_desc desc;
} shape_row;

/* Cell and shape as one descriptor. */
static inline seqgpu_rnn_desc combine(const cell_row *cell, const shape_row *shape) {
  seqgpu_rnn_desc d = cell->desc;
  d.num_layers = shape->desc.num_layers;
  d.bidirectional = shape->desc.bidirectional;
  d.merge = shape->desc.merge;
  d.dropout = shape->desc.dropout;
  d.batch_first = shape->desc.batch_first;
  d.inference = shape->desc.inference;
  d.seq_len = shape->size[0];
  d.batch = shape->size[1];
  d.input_size = shape->size[2];
  d.hidden_size = shape->size[3];
  /* a single number could only change its sign */
  const int reflects = strcmp(d.cell, "householder") == 0 || strcmp(d.cell, "urnn") == 0;
  if (d.hidden_size == 1 && (d.projection_size || reflects)) d.hidden_size = 2;
  if (cell->desc.projection_size) d.projection_size = (d.hidden_size + 1) / 2;
  return d;
}

#endif
