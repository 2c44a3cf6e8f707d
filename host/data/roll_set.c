/* roll_set.c - see roll_set.h. */
#include "host/data/roll_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

/* The stream of random numbers that says how far each part of an update is transposed. */
static const uint64_t SHIFTS = UINT64_C(10) << 60;

/* ---------------------------------------------------------------- parts */

static int64_t parts_of(int64_t steps, int64_t window) {
  return window > 0 ? (steps + window - 1) / window : 1;
}

static void cut(roll_set *s, int64_t window) {
  s->parts = 0;
  for (int64_t p = 0; p < s->music.pieces; p++) {
    const int64_t first = s->music.start[p], steps = s->music.start[p + 1] - first,
                  parts = parts_of(steps, window);
    for (int64_t i = 0; i < parts; i++, s->parts++) {
      const int64_t from = steps * i / parts, length = steps * (i + 1) / parts - from;
      s->start[s->parts] = first + from;
      s->length[s->parts] = (int32_t)length;
      s->begins[s->parts] = i == 0;
      if (length > s->longest) s->longest = length;
    }
  }
}

int roll_set_open(roll_set *s, int64_t window, int64_t batch, int64_t seed) {
  const rolls *r = &s->music;
  int64_t parts = 0;
  if (r->pieces == 0) return CLI_OK;
  for (int64_t p = 0; p < r->pieces; p++) {
    if (r->start[p + 1] - r->start[p] > INT32_MAX) return cli_error("a piece of music is too long");
    parts += parts_of(r->start[p + 1] - r->start[p], window);
  }
  if (parts > INT32_MAX) return cli_error("there are too many pieces of music");
  s->start = malloc((size_t)parts * sizeof *s->start);
  s->length = malloc((size_t)parts * sizeof *s->length);
  s->begins = malloc((size_t)parts);
  if (!s->start || !s->length || !s->begins) return cli_error("out of memory");
  cut(s, window);
  return buckets_create(parts, s->length, batch, seed, &s->order);
}

void roll_set_close(roll_set *s) {
  rolls_free(&s->music);
  buckets_free(&s->order);
  free(s->start);
  free(s->length);
  free(s->begins);
  step_room_free(&s->room);
  *s = (roll_set){.music = ROLLS_NONE};
}

/* ---------------------------------------------------------------- batches */

/* The lowest and the highest key of a part, with the step before it; 0 if all is silence. */
static int range_of(const roll_set *s, int32_t part, int *low, int *high) {
  const int64_t first = s->start[part] - !s->begins[part], last = s->start[part] + s->length[part];
  *low = ROLLS_KEYS;
  *high = -1;
  for (int64_t t = first; t < last; t++)
    for (int k = 0; k < ROLLS_KEYS; k++) {
      if (!s->music.on[t * ROLLS_KEYS + k]) continue;
      if (k < *low) *low = k;
      if (k > *high) *high = k;
    }
  return *high >= 0;
}

/* How many keys up the i-th part of a batch is moved. */
static int draw_shift(const roll_set *s, int32_t part, int64_t i, roll_shift shift) {
  int low, high;
  if (shift.most == 0 || !range_of(s, part, &low, &high)) return 0;
  const int64_t least = low < shift.most ? -low : -shift.most,
                most = ROLLS_KEYS - 1 - high < shift.most ? ROLLS_KEYS - 1 - high : shift.most;
  const double u = seqgpu_uniform((uint64_t)shift.seed, SHIFTS | (uint64_t)shift.step, (uint64_t)i);
  return (int)(least + (int64_t)(u * (double)(most - least + 1)));
}

static void fill_part(const roll_set *s, int32_t part, int64_t i, int shift, const step_batch *b) {
  float *before = b->before + i * ROLLS_KEYS, *x = b->x + i * ROLLS_KEYS;
  const unsigned char *on = s->music.on + s->start[part] * ROLLS_KEYS;
  for (int64_t t = 0; t < s->length[part]; t++, on += ROLLS_KEYS) {
    rolls_row(on, shift, x + t * b->batch * ROLLS_KEYS);
    if (t > 0 || !s->begins[part]) rolls_row(on - ROLLS_KEYS, shift, before + t * b->batch * ROLLS_KEYS);
  }
}

int roll_set_batch(roll_set *s, const int32_t *which, int64_t count, roll_shift shift, step_batch *out) {
  if (!step_batch_begin(&s->room, &s->order, ROLLS_KEYS, which, count, out)) return 0;
  for (int64_t i = 0; i < count; i++)
    fill_part(s, which[i], i, draw_shift(s, which[i], out->first + i, shift), out);
  return 1;
}

/* ---------------------------------------------------------------- knowing nothing */

double roll_set_entropy(const roll_set *s) {
  const rolls *r = &s->music;
  int64_t count[ROLLS_KEYS] = {0};
  double sum = 0;
  for (int64_t t = 0; t < r->steps; t++)
    for (int k = 0; k < ROLLS_KEYS; k++) count[k] += r->on[t * ROLLS_KEYS + k];
  for (int k = 0; k < ROLLS_KEYS; k++) {
    const double p = (double)count[k] / (double)r->steps;
    if (p > 0 && p < 1) sum -= p * log(p) + (1 - p) * log(1 - p);
  }
  return sum;
}
