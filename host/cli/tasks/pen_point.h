/* pen_point.h - what models of pen strokes share that draw and that write: where the pen is put next.
 *
 * With bias b (Graves 2013, section 5.4) the deviations of the Gaussians are exp(s - b) and their weights the
 * softmax of p (1 + b): at 0 as the model has learnt them, the larger the likelier is what is drawn.
 */
#ifndef PEN_POINT_H
#define PEN_POINT_H

#include "host/cli/application.h"
#include "host/data/strokes.h"

/* Random numbers of a point; the most biases of a sheet. */
enum { PEN_DRAWS = 4, PEN_BIASES = 32 };

#define PEN_BIAS_ROW(at)                                                                                     \
  ROW_LINE("bias", ARG_NOT_KEPT, at, "B,...",                                                                \
           "0 = as the model has learnt it, larger = neater and less varied")

/* The point that a row of y [1+6M] (seqgpu_tape_mixture_density) gives, by numbers u from 0 to 1. */
void pen_point(const float *y, int64_t M, double bias, const double u[PEN_DRAWS], float point[STROKES_POINT]);

/* The numbers of --bias, with commas between; 0, or an exit code after a sentence. */
int pen_read_biases(const char *text, double bias[PEN_BIASES], int64_t *count);

/* The deviation that the model's offsets are divided by, from a->file; 0, or an exit code after a sentence.
 * */
int pen_stored_deviation(const app *a, double *out);
/* The same for a checkpoint; its text is NULL when out of memory. */
app_text pen_deviation_text(double deviation);

#endif
