/* stroke_set.c - see stroke_set.h. */
#include "host/data/stroke_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

enum { POINT = STROKES_POINT };

int stroke_set_open(stroke_set *s, double deviation, int64_t batch, int64_t seed) {
  const strokes *k = &s->ink;
  if (k->drawings == 0) return CLI_OK;
  if (k->drawings > INT32_MAX) return cli_error("there are too many drawings");
  s->length = malloc((size_t)k->drawings * sizeof *s->length);
  if (s->length == NULL) return cli_error("out of memory");
  for (int64_t d = 0; d < k->drawings; d++) {
    const int64_t length = k->start[d + 1] - k->start[d];
    if (length > INT32_MAX) return cli_error("a drawing is too long");
    s->length[d] = (int32_t)length;
    if (length > s->longest) s->longest = length;
  }
  for (int64_t i = 0; i < k->points * POINT; i++)
    if (i % POINT < 2) k->point[i] = (float)((double)k->point[i] / deviation);
  return buckets_create(k->drawings, s->length, batch, seed, &s->order);
}

void stroke_set_close(stroke_set *s) {
  strokes_free(&s->ink);
  buckets_free(&s->order);
  free(s->length);
  step_room_free(&s->room);
  *s = (stroke_set){.ink = STROKES_NONE};
}

/* ---------------------------------------------------------------- batches */

static void fill_drawing(const stroke_set *s, int32_t drawing, int64_t i, const step_batch *b) {
  const int64_t step = b->batch * POINT;
  float *before = b->before + i * POINT, *x = b->x + i * POINT;
  const float *point = s->ink.point + s->ink.start[drawing] * POINT;
  for (int64_t t = 0; t < s->length[drawing]; t++, point += POINT) {
    memcpy(x + t * step, point, POINT * sizeof *x);
    if (t > 0) memcpy(before + t * step, point - POINT, POINT * sizeof *x);
  }
}

int stroke_set_batch(stroke_set *s, const int32_t *which, int64_t count, step_batch *out) {
  if (!step_batch_begin(&s->room, &s->order, POINT, which, count, out)) return 0;
  for (int64_t i = 0; i < count; i++) fill_drawing(s, which[i], i, out);
  return 1;
}

/* ---------------------------------------------------------------- knowing nothing */

double stroke_set_entropy(const stroke_set *s) {
  const double n = (double)s->ink.points, log_2pi = 1.8378770664093454836;
  double x = 0, y = 0, xx = 0, xy = 0, yy = 0, ends = 0;
  for (int64_t i = 0; i < s->ink.points; i++) {
    const float *point = s->ink.point + i * POINT;
    const double a = (double)point[0], b = (double)point[1];
    x += a / n, y += b / n, ends += (double)point[2] / n;
    xx += a * a / n, xy += a * b / n, yy += b * b / n;
  }
  const double area = (xx - x * x) * (yy - y * y) - (xy - x * y) * (xy - x * y),
               lifting = ends > 0 && ends < 1 ? -ends * log(ends) - (1 - ends) * log(1 - ends) : 0;
  return area > 0 ? 1 + log_2pi + log(area) / 2 + lifting : (double)NAN;
}
