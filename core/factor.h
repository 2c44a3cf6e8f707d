/* factor.h - the factored recurrent product of multiplicative cells: a recurrent matrix of its own for every
 * input.
 *
 *   m_t = (W_fx x_t) * (W_fh h_{t-1})      F factors, * element by element
 *   gates += W_hf m_t                      = W_hf diag(W_fx x_t) W_fh h_{t-1}
 *
 * Sutskever, Martens, Hinton, "Generating text with recurrent neural networks", ICML 2011, eq. 5-7: the
 * tensor of a matrix for each input, in three factors.  F = config.factor_size, where 0 stands for H.
 *
 * A cell with N gates of its own (they come first and have a bias; the factors have none, as in the paper):
 *   weight_ih [N+F,I] = W of its gates over W_fx, bias [N], weight_fh [F,H], weight_hf [N,F]
 *   gates [B,N+F] = its own, then fx = W_fx x_t        aux [B,2F] = fh = W_fh h_{t-1}, m
 * Stage 0 computes fh and m, stage 1 W_hf m and the cell's own pointwise step.
 *
 * Backward, where e = W_hf^T d(gates) is the gradient at m:   d(fx) = e fh     d(fh) = e fx
 */
#ifndef SQ_FACTOR_H
#define SQ_FACTOR_H

#include "core/step.h"

/* A whole layout except states and output; N = `own`. */
void sq_factor_layout(sq_layout *layout, int64_t own);

/* Stage 0. */
void FN(sq_factor_forward)(const FN(sq_step) * s);
void FN(sq_factor_backward)(const FN(sq_step) * s);

#endif
