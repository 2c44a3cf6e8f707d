/* unitary.h - where the elements of the structured product "unitary" lie, for the CPU and for the kernels.
 *
 *   W = D3 R2 F^-1 D2 P R1 F D1 of n complex numbers; core/unitary.c has the equations.
 *
 * theta, the layer's parameters that begin with the product's `param`:
 *   phases [3,n]           w of D1, D2, D3
 *   reflections [2,2n]     v1, v2, each Re then Im
 *   permutation [n]        (P z)_j = z at permutation[j]
 *
 * Between F and F^-1 a number lies at the *place* of its frequency (core/fft.h), and so do the factors there:
 * what is called "placed" below is in that order, and everything else in natural order.
 */
#ifndef SQ_UNITARY_H
#define SQ_UNITARY_H

#include "core/fft.h"

enum { SQ_THETA_PHASES = 0, SQ_THETA_V1 = 3, SQ_THETA_V2 = 5, SQ_THETA_PERMUTATION = 7, SQ_THETA_PARTS = 8 };

/* `prepared` is SQ_UNITARY_PARTS parts [n], then 2 / |v1|^2 and 2 / |v2|^2, then the tables of the
 * transform. */
enum {
  SQ_UNITARY_COS1, /* of D1 */
  SQ_UNITARY_SIN1,
  /* of D2, placed, divided by n, as the transforms are not scaled, and by what tables are too long */
  SQ_UNITARY_COS2,
  SQ_UNITARY_SIN2,
  SQ_UNITARY_COS3, /* of D3 */
  SQ_UNITARY_SIN3,
  SQ_UNITARY_V1_RE, /* v1, placed */
  SQ_UNITARY_V1_IM,
  SQ_UNITARY_PV1_RE, /* P v1, placed */
  SQ_UNITARY_PV1_IM,
  SQ_UNITARY_ORDER, /* the frequency at a place */
  SQ_UNITARY_FROM,  /* P, placed: the place that a place is filled from */
  SQ_UNITARY_PARTS
};

/* Indices are stored as numbers of the build's precision; float32 holds them exactly up to here. */
enum { SQ_UNITARY_MOST = 1 << 24 };

/* Room for the two scales, so that the tables begin at a multiple of it. */
enum { SQ_UNITARY_SCALES = 16 };

static inline int64_t sq_unitary_tables(int64_t n) { return SQ_UNITARY_PARTS * n + SQ_UNITARY_SCALES; }

#endif
