/* keras_orders.h - a layer's weights as Keras orders them (keras_orders.c): in its own files and in
 * RTNeural's. */
#ifndef SQ_KERAS_ORDERS_H
#define SQ_KERAS_ORDERS_H

#include "host/formats/format.h"

/* Gates of a cell that Keras has: 1, 3 or 4. */
int64_t sq_keras_gates(const char *cell);
/* The cell with so many gates, NULL if there is none. */
const char *sq_keras_cell(int64_t gates);

/* NULL, or why a network cannot be a stack of Keras's layers. */
const char *sq_keras_unfit(const seqgpu_rnn_desc *desc);

/* kernel [I, G H], recurrent [H, G H], and bias [G H] (of a GRU with reset_after [2, G H]; NULL = zeros) into
 * a layer of the network, and back.  I is the width of that layer's input. */
void sq_keras_take(const sq_foreign_net *net, int layer, int direction, const double *kernel,
                   const double *recurrent, const double *bias);
void sq_keras_give(const sq_foreign_net *net, int layer, int direction, double *kernel, double *recurrent,
                   double *bias);

/* A kernel [I, G H] as the layers CuDNNLSTM and CuDNNGRU keep it, into the order of the others: in the block
 * of each gate the matrix stands transposed.  A recurrent kernel is one with I = H. */
void sq_keras_from_cudnn(int64_t gates, int64_t H, int64_t I, const double *theirs, double *kernel);

/* The width of a layer's input, and the numbers of its bias. */
int64_t sq_keras_input(const seqgpu_rnn_desc *desc, int layer);
int64_t sq_keras_biases(const seqgpu_rnn_desc *desc);

#endif
