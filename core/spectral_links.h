/* spectral_links.h - the spectral radius of a large matrix with few links in each row.
 *
 * Matrices are dense and row-major, in double precision; entry [i,j] is the weight of the link from unit j to
 * unit i.  Every function returns 0, or -1 if there is no memory for its work.
 */
#ifndef SQ_SPECTRAL_LINKS_H
#define SQ_SPECTRAL_LINKS_H

#include <stdint.h>

/* The radius of a [n,n] to about 1e-8, with at most `links` elements in each row that are not 0; n from 65 on.
 * NaN where its way fails, as with a nilpotent matrix: then ask spectral.h. */
int sq_spectral_radius_links(int64_t n, int64_t links, const double *a, double *radius);

#endif
