/* spectral_draw.h - random recurrent matrices with a given spectral radius, in float64.
 *
 * Matrices are dense and row-major, in double precision; entry [i,j] is the weight of the link from unit j to
 * unit i.  Every function returns 0, or -1 if there is no memory for its work.
 */
#ifndef SQ_SPECTRAL_DRAW_H
#define SQ_SPECTRAL_DRAW_H

#include "core/philox.h"

typedef enum sq_link_weight { SQ_LINK_UNIFORM, SQ_LINK_NORMAL } sq_link_weight; /* in +-1; N(0,1) */

/* min(links, n) incoming links for each unit, from different units drawn at random, the rest 0; then scaled
 * to the spectral radius. */
int sq_draw_links(sq_rng *rng, int64_t n, int64_t links, sq_link_weight kind, double radius, double *weight);

/* (A + I) / lambda_max(A + I), A = R R^T / n, R standard normal; times scale.  Positive definite, largest
 * eigenvalue 1, all others below: the np-RNN of Talathi & Vartak 2015. */
int sq_draw_normalised_positive(sq_rng *rng, int64_t n, double scale, double *weight);

#endif
