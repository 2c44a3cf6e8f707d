/* spectral.h - the spectral radius of any matrix, in float64.
 *
 * Matrices are dense and row-major, in double precision; entry [i,j] is the weight of the link from unit j to
 * unit i.  Every function returns 0, or -1 if there is no memory for its work.
 */
#ifndef SQ_SPECTRAL_H
#define SQ_SPECTRAL_H

#include <stdint.h>

/* The largest absolute value of the eigenvalues of a [n,n]; 0 for n = 0; NaN if a is not finite. */
int sq_spectral_radius(int64_t n, const double *a, double *radius);

#endif
