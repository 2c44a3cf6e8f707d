/* griffin_lim.h - sound from the power in bands of mel.h, of which the phases are not known.
 *
 * The powers P(k) of a frame's frequencies are those, none below 0, whose sums over the bands are nearest to
 * what is given (Lee and Seung 2001, equation 4, with the bands fixed):
 *   P(k) <- P(k) (H' p)(k) / (H' H P)(k)
 * The phases are found by Griffin and Lim 1984, section III: from frames s_i the signal whose transform is
 * nearest to theirs, and from it frames with the magnitudes that are wanted:
 *   x(n) = sum_i w(n - start_i) s_i(n - start_i) / sum_i w(n - start_i)^2        equation 6
 *   S_i(k) <- sqrt(P_i(k)) X_i(k) / |X_i(k)|                                     equation 11
 * They begin as tones that go on from frame to frame, with phases pi k^2 / K that keep all of them from
 * being loud at once (Schroeder 1970).  Nothing is drawn: the same powers give the same sound.
 */
#ifndef GRIFFIN_LIM_H
#define GRIFFIN_LIM_H

#include "host/data/mel.h"

/* Samples of so many frames, at least one. */
int64_t griffin_lim_samples(const mel *m, int64_t frames);

/* Fills x [griffin_lim_samples]; its loudest sample is 0.9, or all are 0.
 * m: opened, and never warped.  power [frames,bands], none below 0, in any unit.  0, or CLI_FAILED after a
 * sentence: out of memory. */
int griffin_lim(mel *m, const float *power, int64_t frames, int64_t iterations, float *x);

#endif
