/* keras_orders.c - a layer's weights as Keras orders them (keras_orders.h).
 *
 *   ours                      Keras's
 *   weight_ih [G H, I]        kernel [I, G H], transposed
 *   weight_hh [G H, H]        recurrent_kernel [H, G H], transposed
 *   bias [G H]                bias [G H]; of a GRU with reset_after [2, G H]: b_ih, and b_hh,
 *                             whose last third is bias_rec
 *   LSTM: i,f,g,o             i,f,c,o: the same order
 *   GRU:  r,u,c               z,r,h: z is our u, which keeps the old state in both
 */
#include "host/formats/keras_orders.h"

#include <string.h>

#include "host/formats/foreign.h"

static const struct {
  const char *cell;
  int gates;
  int theirs[4]; /* where gate g of ours is with them */
} cells[] = {{"rnn", 1, {0}}, {"gru", 3, {1, 0, 2}}, {"lstm", 4, {0, 1, 2, 3}}};
enum { CELLS = sizeof cells / sizeof cells[0] };

static int row_of(const char *cell) {
  for (int i = 0; i < CELLS; i++)
    if (strcmp(cells[i].cell, cell) == 0) return i;
  return -1;
}

int64_t sq_keras_gates(const char *cell) { return cells[row_of(cell)].gates; }

const char *sq_keras_cell(int64_t gates) {
  for (int i = 0; i < CELLS; i++)
    if (cells[i].gates == gates) return cells[i].cell;
  return NULL;
}

const char *sq_keras_unfit(const seqgpu_rnn_desc *d) {
  if (row_of(d->cell) < 0) return "there is no such layer";
  if (d->reverse) return "weights do not say that a layer runs backwards (reverse)";
  if (d->peephole || d->coupled || d->projection_size)
    return "an LSTM there has no peepholes, coupled gates or projection";
  return NULL;
}

int64_t sq_keras_input(const seqgpu_rnn_desc *d, int layer) {
  if (layer == 0) return d->input_size;
  return d->bidirectional && d->merge == SEQGPU_MERGE_CONCAT ? 2 * d->hidden_size : d->hidden_size;
}

int64_t sq_keras_biases(const seqgpu_rnn_desc *d) {
  return sq_keras_gates(d->cell) * d->hidden_size * (d->reset_after ? 2 : 1);
}

/* ours [G H, n] and theirs [n, G H], whichever way. */
static void turn(const int *theirs, int64_t gates, int64_t H, int64_t n, double *ours, double *keras,
                 int take) {
  for (int64_t row = 0; row < gates * H; row++)
    for (int64_t i = 0; i < n; i++) {
      double *a = &ours[row * n + i], *b = &keras[i * gates * H + theirs[row / H] * H + row % H];
      *(take ? a : b) = take ? *b : *a;
    }
}

/* The block [I, H] of a gate holds W^T [H, I], row by row. */
void sq_keras_from_cudnn(int64_t gates, int64_t H, int64_t I, const double *theirs, double *kernel) {
  for (int64_t g = 0; g < gates; g++)
    for (int64_t i = 0; i < I; i++)
      for (int64_t h = 0; h < H; h++) {
        const int64_t flat = i + h * I;
        kernel[i * gates * H + g * H + h] = theirs[flat / H * gates * H + g * H + flat % H];
      }
}

void sq_keras_take(const sq_foreign_net *net, int layer, int direction, const double *kernel,
                   const double *recurrent, const double *bias) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int row = row_of(d->cell), *theirs = cells[row].theirs;
  const int64_t gates = cells[row].gates, H = d->hidden_size, I = sq_keras_input(d, layer);
  turn(theirs, gates, H, I, sq_foreign_param(net, "weight_ih", layer, direction), (double *)kernel, 1);
  turn(theirs, gates, H, H, sq_foreign_param(net, "weight_hh", layer, direction), (double *)recurrent, 1);
  double *ours = sq_foreign_param(net, "bias", layer, direction);
  double *rec = sq_foreign_param(net, "bias_rec", layer, direction);
  for (int64_t i = 0; bias && i < gates * H; i++) {
    const int64_t at = theirs[i / H] * H + i % H;
    ours[i] = bias[at];
    if (rec && i < 2 * H) ours[i] += bias[gates * H + at];
    if (rec && i >= 2 * H) rec[i - 2 * H] = bias[gates * H + at];
  }
}

void sq_keras_give(const sq_foreign_net *net, int layer, int direction, double *kernel, double *recurrent,
                   double *bias) {
  const seqgpu_rnn_desc *d = &net->desc;
  const int row = row_of(d->cell), *theirs = cells[row].theirs;
  const int64_t gates = cells[row].gates, H = d->hidden_size, I = sq_keras_input(d, layer);
  turn(theirs, gates, H, I, sq_foreign_param(net, "weight_ih", layer, direction), kernel, 0);
  turn(theirs, gates, H, H, sq_foreign_param(net, "weight_hh", layer, direction), recurrent, 0);
  const double *ours = sq_foreign_param(net, "bias", layer, direction);
  const double *rec = sq_foreign_param(net, "bias_rec", layer, direction);
  for (int64_t i = 0; i < gates * H; i++) {
    const int64_t at = theirs[i / H] * H + i % H;
    bias[at] = ours[i];
    if (rec) bias[gates * H + at] = i < 2 * H ? 0 : rec[i - 2 * H];
  }
}
