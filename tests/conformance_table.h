/* conformance_table.h - the rows of test_conformance.c: cells with their options, and shapes with theirs. */
#ifndef CONFORMANCE_TABLE_H
#define CONFORMANCE_TABLE_H

#include "../host/include/seqgpu/ops.h"

typedef struct cell_row {
  const char *name;
  seqgpu_rnn_desc desc;
} cell_row;

/* A projection of 1 stands for about half of H. */
static const cell_row cell_rows[] = {
    {"rnn tanh", {.cell = "rnn"}},
    {"rnn relu", {.cell = "rnn", .activation = SEQGPU_RELU}},
    {"rnn sigmoid", {.cell = "rnn", .activation = SEQGPU_SIGMOID}},
    {"rnn identity", {.cell = "rnn", .activation = SEQGPU_IDENTITY}},
    {"lstm", {.cell = "lstm"}},
    {"lstm peephole", {.cell = "lstm", .peephole = 1}},
    {"lstm coupled", {.cell = "lstm", .coupled = 1}},
    {"lstm coupled peephole", {.cell = "lstm", .coupled = 1, .peephole = 1}},
    {"lstm projection", {.cell = "lstm", .projection_size = 1}},
    {"lstm projection peephole", {.cell = "lstm", .projection_size = 1, .peephole = 1}},
    {"lstm coupled projection", {.cell = "lstm", .coupled = 1, .projection_size = 1}},
    {"lstm0", {.cell = "lstm0"}},
    {"lstm0 peephole", {.cell = "lstm0", .peephole = 1}},
    {"lstm0 projection", {.cell = "lstm0", .projection_size = 1}},
    {"gru", {.cell = "gru"}},
    {"gru reset_after", {.cell = "gru", .reset_after = 1}},
};

typedef struct shape_row {
  const char *name;
  int cpu_only; /* too large for the emulator */
  int64_t T, B, I, H;
  const int32_t *lengths;
  seqgpu_rnn_desc desc;
} shape_row;

static const int32_t ragged[5] = {4, 0, 1, 3, 4};
static const int32_t nothing[2] = {0, 0};

static const shape_row shape_rows[] = {
    {"T = 1", 0, 1, 2, 3, 5, NULL, {.num_layers = 1}},
    {"B = 1", 0, 3, 1, 4, 5, NULL, {.num_layers = 1}},
    {"H = 1", 0, 2, 2, 3, 1, NULL, {.num_layers = 1}},
    {"H = 31", 0, 2, 3, 5, 31, NULL, {.num_layers = 1}},
    {"H = 33, I = 34", 0, 2, 5, 34, 33, NULL, {.num_layers = 1}},
    {"H = 64, B = 8", 0, 2, 8, 16, 64, NULL, {.num_layers = 1}},
    {"ragged", 0, 4, 5, 3, 6, ragged, {.num_layers = 1}},
    {"all lengths 0", 0, 3, 2, 3, 5, nothing, {.num_layers = 1}},
    {"bidirectional", 0, 3, 3, 4, 5, NULL, {.bidirectional = 1}},
    {"bidirectional sum", 0, 3, 3, 4, 5, NULL, {.bidirectional = 1, .merge = SEQGPU_SUM}},
    {"two layers, dropout", 0, 3, 3, 4, 7, NULL, {.num_layers = 2, .dropout = 0.4}},
    {"three layers, batch first", 0, 3, 2, 4, 5, NULL, {.num_layers = 3, .batch_first = 1}},
    {"ragged, two layers, sum",
     0,
     4,
     5,
     3,
     6,
     ragged,
     {.num_layers = 2, .bidirectional = 1, .merge = SEQGPU_SUM}},
    {"ragged, two layers, bidirectional, dropout, batch first",
     0,
     4,
     5,
     3,
     6,
     ragged,
     {.num_layers = 2, .bidirectional = 1, .dropout = 0.5, .batch_first = 1}},
    {"T = 40", 0, 40, 2, 3, 5, NULL, {.num_layers = 1}},
    {"inference", 0, 4, 3, 3, 6, NULL, {.inference = 1}},
    {"inference, ragged, three layers, bidirectional, batch first",
     0,
     4,
     5,
     3,
     6,
     ragged,
     {.num_layers = 3, .bidirectional = 1, .batch_first = 1, .inference = 1, .dropout = 0.5}},
    {"inference in chunks", 1, 12, 200, 2, 3, NULL, {.num_layers = 2, .bidirectional = 1, .inference = 1}},
    {"inference, B > chunk", 1, 3, 1100, 2, 3, NULL, {.bidirectional = 1, .inference = 1}},
    {"wide", 1, 3, 37, 130, 257, NULL, {.num_layers = 1}},
};

/* Cell and shape as one descriptor. */
static inline seqgpu_rnn_desc combine(const cell_row *cell, const shape_row *shape) {
  seqgpu_rnn_desc d = cell->desc;
  d.seq_len = shape->T;
  d.batch = shape->B;
  d.input_size = shape->I;
  d.hidden_size = shape->H;
  d.num_layers = shape->desc.num_layers;
  d.bidirectional = shape->desc.bidirectional;
  d.merge = shape->desc.merge;
  d.dropout = shape->desc.dropout;
  d.batch_first = shape->desc.batch_first;
  d.inference = shape->desc.inference;
  if (d.projection_size && d.hidden_size == 1) d.hidden_size = 2;
  if (d.projection_size) d.projection_size = (d.hidden_size + 1) / 2;
  return d;
}

#endif
