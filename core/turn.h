/* turn.h - tables of cosines and sines, rounded so that a long run of turns neither grows nor shrinks.
 *
 * The float32 numbers nearest to cos w and sin w have a modulus of 1 only to some 3e-8, and over the factors
 * of a Fourier transform these errors do not cancel: e^{i pi/4} is too short by 1.7e-8, and so are its mirror
 * images.  A unitary network that multiplied by such tables in every step lost 6e-8 to 2e-7 of its norm per
 * step.  Here a factor is rounded with a view to those before it: of the two neighbours of either part, the
 * pair is taken with which the sum of all errors of the length comes nearest to 0, and, with a sixteenth of
 * the weight, that of the angle.  So a part may be off by a unit in the last place in place of a half, but
 * the mean error of any run of the table is next to nothing.
 *
 * In float64 nothing is to be done: tables are not known better than they are stored.
 */
#ifndef SQ_TURN_H
#define SQ_TURN_H

#include <math.h>

#include "core/real.h"

/* What the factors so far are wrong by, in sum: too long, and too far to the left. */
typedef struct sq_turn_errors {
  double length, angle;
} sq_turn_errors;

/* x rounded to nearest, and to the other side. */
SQ_INLINE void FN(sq_round_both)(double x, real to[2]) {
  to[0] = to[1] = (real)x;
#if SEQGPU_REAL_BITS == 32
  if ((double)to[0] != x) to[1] = nextafterf(to[0], (double)to[0] < x ? INFINITY : -INFINITY);
#endif
}

/* Rounds c + i s, a cosine and a sine. */
SQ_INLINE void FN(sq_round_turn)(double c, double s, sq_turn_errors *errors, real *re, real *im) {
  const double weight = 1.0 / 16;
  double least = INFINITY;
  real x[2], y[2];
  sq_turn_errors best = *errors;
  FN(sq_round_both)(c, x);
  FN(sq_round_both)(s, y);
  for (int i = 0; i < 4; i++) {
    const double dc = (double)x[i % 2] - c, ds = (double)y[i / 2] - s;
    const sq_turn_errors sum = {errors->length + (c * dc + s * ds), errors->angle + (c * ds - s * dc)};
    const double size = sum.length * sum.length + weight * sum.angle * (weight * sum.angle);
    if (!(size < least)) continue;
    least = size;
    best = sum;
    *re = x[i % 2];
    *im = y[i / 2];
  }
  *errors = best;
}

#endif
