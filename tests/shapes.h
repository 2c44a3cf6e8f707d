/* shapes.h - every shape on which networks are tested, in one table, and who runs it.
 *
 * A test walks the rows that carry its mark, or takes one by name:
 *
 *   const shape_row *shape;
 *   for (int s = 0; (shape = shape_at(FOR_CONFORMANCE, s)) != NULL; s++)
 *     if (fits(cell, shape)) check_row(cell, shape);
 *
 * A shape that only one check needs stands in that check.
 */
#ifndef SHAPES_H
#define SHAPES_H

#include "tests/cells.h"

/* A shape and the options that do not belong to the cell. */
typedef struct shape_row {
  const char *name;
  int64_t size[4]; /* T, B, I, H */
  const int32_t *lengths;
  seqgpu_rnn_desc desc;
} shape_row;

static const int32_t ragged[5] = {4, 0, 1, 3, 4};
static const int32_t ragged_three[3] = {5, 2, 4};
static const int32_t ragged_seven[7] = {3, 0, 4, 1, 2, 4, 3};
static const int32_t ragged_slices[11] = {4, 4, 4, 3, 4, 4,
                                          1, 0, 1, 1, 0}; /* slices end at different steps */
static const int32_t ragged_long[5] = {10, 0, 3, 8, 4};
static const int32_t nothing[2] = {0, 0};

/* Who runs a row.  LARGE: neither on the emulator nor on the software device, whose threads are too slow for
 * it; TILES: not on the emulator. */
enum {
  FOR_CONFORMANCE = 1,
  FOR_CONFORMANCE_LARGE = 2,
  FOR_CUDNN = 4,
  FOR_CUDNN_LARGE = 8,
  FOR_GRADIENTS = 16, /* tiny: each element is moved in turn */
  FOR_PERSISTENT = 32,
  FOR_PERSISTENT_ROUNDED = 64, /* also with TF32 and bfloat16 products */
  FOR_REPEAT = 128,
  FOR_WAVEFRONT = 256,
  FOR_CONFORMANCE_TILES = 512,
  BY_NAME = 0
};

static const struct {
  unsigned tests;
  shape_row shape;
} shape_table[] = {
    {FOR_CONFORMANCE | FOR_CUDNN, {"T = 1", {1, 2, 3, 5}, NULL, {0}}},
    {FOR_CONFORMANCE | FOR_CUDNN, {"B = 1", {3, 1, 4, 5}, NULL, {0}}},
    {FOR_CONFORMANCE | FOR_CUDNN, {"H = 1", {2, 2, 3, 1}, NULL, {0}}},
    {FOR_CONFORMANCE, {"H = 2", {2, 2, 3, 2}, NULL, {0}}},
    {FOR_CONFORMANCE, {"H = 31", {2, 3, 5, 31}, NULL, {0}}},
    {FOR_CONFORMANCE, {"H = 33, I = 34", {2, 5, 34, 33}, NULL, {0}}},
    {FOR_CUDNN, {"H = 33, I = 34, T = 5", {5, 5, 34, 33}, NULL, {0}}},
    {FOR_CONFORMANCE, {"H = 64, B = 8", {2, 8, 16, 64}, NULL, {0}}},
    {FOR_CONFORMANCE_TILES, {"H = 72", {2, 3, 4, 72}, NULL, {0}}},
    {FOR_CONFORMANCE, {"T = 40", {40, 3, 3, 8}, NULL, {0}}},
    {FOR_CONFORMANCE | FOR_CUDNN, {"ragged", {4, 5, 3, 6}, ragged, {0}}},
    {FOR_CONFORMANCE | FOR_CUDNN, {"all lengths 0", {3, 2, 3, 5}, nothing, {0}}},
    {FOR_CONFORMANCE | FOR_CUDNN, {"bidirectional", {3, 3, 4, 5}, NULL, {.bidirectional = 1}}},
    {FOR_CONFORMANCE,
     {"ragged, reverse, two layers, dropout, batch first",
      {4, 5, 3, 6},
      ragged,
      {.num_layers = 2, .reverse = 1, .dropout = 0.4, .batch_first = 1}}},
    {FOR_CONFORMANCE, {"inference, reverse", {4, 3, 3, 6}, NULL, {.reverse = 1, .inference = 1}}},
    {FOR_CONFORMANCE | FOR_CUDNN,
     {"sum", {3, 3, 4, 5}, NULL, {.bidirectional = 1, .merge = SEQGPU_MERGE_SUM}}},
    {FOR_CONFORMANCE | FOR_CUDNN,
     {"two layers, dropout", {3, 3, 4, 7}, NULL, {.num_layers = 2, .dropout = 0.4}}},
    {FOR_CONFORMANCE | FOR_CUDNN,
     {"three layers, bidirectional, batch first",
      {3, 2, 4, 5},
      NULL,
      {.num_layers = 3, .bidirectional = 1, .batch_first = 1}}},
    {FOR_CONFORMANCE | FOR_CUDNN,
     {"ragged, two layers, sum",
      {4, 5, 3, 6},
      ragged,
      {.num_layers = 2, .bidirectional = 1, .merge = SEQGPU_MERGE_SUM}}},
    {FOR_CONFORMANCE | FOR_CUDNN,
     {"ragged, two layers, bidirectional, dropout, batch first",
      {4, 5, 3, 6},
      ragged,
      {.num_layers = 2, .bidirectional = 1, .dropout = 0.5, .batch_first = 1}}},
    {FOR_CONFORMANCE | FOR_CUDNN, {"inference", {4, 3, 3, 6}, NULL, {.inference = 1}}},
    {FOR_CUDNN,
     {"inference, ragged, three layers, bidirectional",
      {4, 5, 3, 6},
      ragged,
      {.num_layers = 3, .bidirectional = 1, .inference = 1}}},
    {FOR_CONFORMANCE,
     {"inference, ragged, three layers, bidirectional, batch first",
      {4, 5, 3, 6},
      ragged,
      {.num_layers = 3, .bidirectional = 1, .batch_first = 1, .inference = 1, .dropout = 0.5}}},

    /* Streams (core/stream_kernel.c): one to four sequences, rows and columns that leave some over. */
    {FOR_CONFORMANCE_LARGE, {"inference, B = 1, I = 34, H = 33", {3, 1, 34, 33}, NULL, {.inference = 1}}},
    {FOR_CONFORMANCE_LARGE, {"inference, B = 2, I = 1, H = 70", {3, 2, 1, 70}, NULL, {.inference = 1}}},
    {FOR_CONFORMANCE_LARGE,
     {"inference, ragged, B = 3, I = 17, H = 40", {5, 3, 17, 40}, ragged_three, {.inference = 1}}},
    {FOR_CONFORMANCE_LARGE,
     {"inference, B = 4, I = 40, H = 19, bidirectional",
      {3, 4, 40, 19},
      NULL,
      {.num_layers = 2, .bidirectional = 1, .inference = 1}}},

    /* The CPU's inference works in chunks of about 1024 rows of [T,B]. */
    {FOR_CONFORMANCE_LARGE,
     {"inference in chunks", {12, 200, 2, 3}, NULL, {.num_layers = 2, .bidirectional = 1, .inference = 1}}},
    {FOR_CONFORMANCE_LARGE,
     {"inference, B > chunk", {3, 1100, 2, 3}, NULL, {.bidirectional = 1, .inference = 1}}},
    {FOR_CONFORMANCE_TILES, {"several tiles", {2, 33, 20, 130}, NULL, {0}}},
    {FOR_CONFORMANCE_LARGE, {"wide", {2, 37, 130, 257}, NULL, {0}}},
    {FOR_CUDNN_LARGE, {"T = 40, H = 64, B = 8", {40, 8, 16, 64}, NULL, {0}}},
    {FOR_CUDNN_LARGE, {"H = 256, B = 16", {20, 16, 256, 256}, NULL, {0}}},

    /* For products that round their operands, whose limits are only a few roundings: tensors of so many
     * elements that their norm does not depend on the luck of one. */
    {BY_NAME,
     {"rounded products",
      {4, 5, 7, 18},
      ragged,
      {.num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}}},
    {BY_NAME, {"ragged batches", {4, 11, 3, 5}, ragged_slices, {.num_layers = 2, .bidirectional = 1}}},
    {BY_NAME, {"rounded products, batches", {4, 11, 7, 18}, ragged_slices, {0}}},
    {BY_NAME, {"long rows", {2, 3, 2, 260}, NULL, {0}}},
    {BY_NAME, {"rounded products, one layer", {4, 5, 7, 18}, NULL, {0}}},

    {FOR_GRADIENTS, {"one layer", {4, 2, 3, 4}, NULL, {0}}},
    {FOR_GRADIENTS, {"I = H", {3, 2, 3, 3}, NULL, {0}}},
    {FOR_GRADIENTS, {"tiny, bidirectional", {4, 2, 2, 3}, NULL, {.bidirectional = 1}}},
    {FOR_GRADIENTS, {"tiny, sum", {4, 2, 2, 3}, NULL, {.bidirectional = 1, .merge = SEQGPU_MERGE_SUM}}},
    {FOR_GRADIENTS, {"tiny, two layers, dropout", {3, 2, 2, 4}, NULL, {.num_layers = 2, .dropout = 0.4}}},
    {FOR_GRADIENTS,
     {"tiny, three layers, bidirectional", {3, 2, 2, 2}, NULL, {.num_layers = 3, .bidirectional = 1}}},
    {FOR_GRADIENTS, {"tiny, ragged", {4, 5, 2, 3}, ragged, {0}}},
    {FOR_GRADIENTS,
     {"tiny, ragged, two layers, bidirectional, dropout",
      {4, 5, 2, 2},
      ragged,
      {.num_layers = 2, .bidirectional = 1, .dropout = 0.5}}},
    {FOR_GRADIENTS,
     {"tiny, ragged, two layers, sum, batch first",
      {4, 5, 2, 2},
      ragged,
      {.num_layers = 2, .bidirectional = 1, .merge = SEQGPU_MERGE_SUM, .batch_first = 1}}},
    {FOR_GRADIENTS, {"tiny, batch first", {3, 2, 3, 4}, NULL, {.batch_first = 1}}},
    {FOR_GRADIENTS, {"tiny, T = 1", {1, 3, 2, 4}, NULL, {0}}},
    {FOR_GRADIENTS, {"tiny, B = 1", {4, 1, 3, 4}, NULL, {0}}},
    {FOR_GRADIENTS, {"H = 1, bidirectional", {4, 3, 2, 1}, NULL, {.bidirectional = 1}}},
    {FOR_GRADIENTS, {"H = 2, bidirectional", {4, 3, 2, 2}, NULL, {.bidirectional = 1}}},
    {FOR_GRADIENTS, {"I = 1", {4, 2, 1, 3}, NULL, {0}}},

    {FOR_PERSISTENT, {"one of each", {1, 1, 1, 1}, NULL, {0}}},
    {FOR_PERSISTENT | FOR_PERSISTENT_ROUNDED, {"H = 37", {3, 5, 4, 37}, NULL, {0}}},
    {FOR_PERSISTENT, {"B = 11, ragged", {4, 11, 3, 18}, ragged_slices, {0}}},
    {FOR_PERSISTENT | FOR_PERSISTENT_ROUNDED,
     {"ragged, bidirectional", {4, 7, 3, 20}, ragged_seven, {.bidirectional = 1}}},
    {FOR_PERSISTENT,
     {"inference, ragged, bidirectional", {4, 7, 3, 21}, ragged_seven, {.bidirectional = 1, .inference = 1}}},

    {FOR_REPEAT, {"H = 20", {5, 3, 7, 20}, NULL, {0}}},
    {FOR_REPEAT,
     {"ragged, bidirectional, two layers",
      {5, 3, 6, 16},
      ragged_three,
      {.num_layers = 2, .bidirectional = 1}}},

    {FOR_WAVEFRONT, {"three layers", {10, 5, 4, 10}, NULL, {.num_layers = 3}}},
    {FOR_WAVEFRONT,
     {"three layers, ragged, dropout, batch first",
      {10, 5, 3, 9},
      ragged_long,
      {.num_layers = 3, .dropout = 0.4, .batch_first = 1}}},
    {FOR_WAVEFRONT,
     {"four layers, inference, ragged", {10, 5, 3, 6}, ragged_long, {.num_layers = 4, .inference = 1}}},
    {FOR_WAVEFRONT, {"two layers, dropout, T = 9", {9, 3, 3, 7}, NULL, {.num_layers = 2, .dropout = 0.4}}},
};

enum { SHAPE_ROWS = COUNT(shape_table) };

/* Of the rows that carry the mark, the one with this index from 0; NULL past the last. */
static inline const shape_row *shape_at(unsigned mark, int index) {
  for (int i = 0; i < SHAPE_ROWS; i++)
    if ((shape_table[i].tests & mark) && index-- == 0) return &shape_table[i].shape;
  return NULL;
}

static inline int shape_count(unsigned mark) {
  int count = 0;
  for (int i = 0; i < SHAPE_ROWS; i++) count += (shape_table[i].tests & mark) != 0;
  return count;
}

/* The row of that name, which must be there. */
static inline const shape_row *shape_named(const char *name) {
  for (int i = 0; i < SHAPE_ROWS; i++)
    if (strcmp(shape_table[i].shape.name, name) == 0) return &shape_table[i].shape;
  printf("FAIL shapes.h: there is no shape \"%s\"\n", name);
  exit(EXIT_FAILURE);
}

/* Whether the cell has a network of that shape; a smaller H than the cell takes is left to another row.  Of
 * two sequences, a mean over the batch and a variance leave only the sign: their gradients are rounding
 * errors. */
static inline int fits(const cell_row *cell, const shape_row *shape) {
  const int64_t least_batch = is_batch_normed(&cell->desc) && !shape->desc.inference ? 3 : 1;
  return shape->size[3] >= cell->least_hidden && shape->size[1] >= least_batch;
}

/* And whether float32 has a chance: what a mean and a variance leave of few sequences hangs on the last bits
 * of their inputs.  Each step must have four, or none. */
static inline int fits_float(const cell_row *cell, const shape_row *shape) {
  const int in_batches = is_batch_normed(&cell->desc) && !shape->desc.inference;
  for (int64_t t = 0; in_batches && t < shape->size[0]; t++) {
    int64_t there = 0;
    for (int64_t b = 0; b < shape->size[1]; b++) there += shape->lengths == NULL || t < shape->lengths[b];
    if (there > 0 && there < 4) return 0;
  }
  return fits(cell, shape);
}

/* Cell and shape as one descriptor; a cell that projects does so onto half of its units, rounded up. */
static inline seqgpu_rnn_desc combine(const cell_row *cell, const shape_row *shape) {
  seqgpu_rnn_desc d = cell->desc;
  d.num_layers = shape->desc.num_layers;
  d.bidirectional = shape->desc.bidirectional;
  d.reverse = shape->desc.reverse;
  d.merge = shape->desc.merge;
  d.dropout = shape->desc.dropout;
  d.batch_first = shape->desc.batch_first;
  d.inference = shape->desc.inference;
  d.omega = shape->desc.omega;
  d.whole_batch = shape->desc.whole_batch;
  d.seq_len = shape->size[0];
  d.batch = shape->size[1];
  d.input_size = shape->size[2];
  d.hidden_size = shape->size[3];
  if (cell->projects) d.projection_size = (d.hidden_size + 1) / 2;
  return d;
}

#endif
