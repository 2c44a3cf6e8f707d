/* hf_tasks.c - addition and exclusive or over long gaps (hf_tasks.h).
 *
 * Hochreiter & Schmidhuber, Neural Computation 9, 1997, experiment 4 ("adding"); Martens & Sutskever, ICML
 * 2011, sections 4.1 and 4.2, who add the exclusive or.  The first marked number is one of the first ten, the
 * second another one of the first half, and the answer is wanted at the last step.  Deviation: all sequences
 * have T steps, where theirs have T to 1.1 T.
 */
#include "bench/paper/hf_tasks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seqgpu/ops.h"

const hf_task hf_addition = {"addition", "Addition", 1, 1.0 / 24};
const hf_task hf_xor = {"xor", "Exclusive or", 2, 0.6931471805599453};

int hf_data_open(hf_data *d, const hf_task *task, int64_t steps, int64_t count) {
  *d = (hf_data){.task = task, .steps = steps, .count = count};
  d->x = calloc((size_t)(steps * count * HF_INPUTS), sizeof *d->x);
  d->target = calloc((size_t)count, sizeof *d->target);
  d->class = calloc((size_t)count, sizeof *d->class);
  if (d->x && d->target && d->class) return 0;
  hf_data_close(d);
  fprintf(stderr, "out of memory\n");
  return 1;
}

void hf_data_close(hf_data *d) {
  free(d->x);
  free(d->target);
  free(d->class);
  *d = (hf_data){.task = d->task};
}

/* A whole number below n, number `place` of a sequence's own stream. */
static int64_t below(uint64_t seed, int64_t sequence, int64_t place, int64_t n) {
  const int64_t k = (int64_t)(seqgpu_uniform(seed, (uint64_t)sequence, (uint64_t)place) * (double)n);
  return k < n ? k : n - 1;
}

/* One sequence; its first random numbers say where the marks are. */
static void draw_one(hf_data *d, uint64_t seed, int64_t b) {
  const int64_t T = d->steps, B = d->count, half = T / 2, early = half < 10 ? half : 10;
  const int64_t first = below(seed, b, 0, early);
  int64_t second = below(seed, b, 1, half - 1);
  second += second >= first;
  float marked[2] = {0, 0};
  for (int64_t t = 0; t < T; t++) {
    float *x = d->x + (t * B + b) * HF_INPUTS;
    const double number = seqgpu_uniform(seed, (uint64_t)b, (uint64_t)(2 + t));
    x[0] = (float)(d->task->outputs == 1 ? number : number < 0.5);
    x[1] = t == first || t == second;
    if (t == first) marked[0] = x[0];
    if (t == second) marked[1] = x[0];
  }
  d->target[b] = (marked[0] + marked[1]) / 2;
  d->class[b] = marked[0] != marked[1];
}

void hf_data_draw(hf_data *d, uint64_t seed) {
  for (int64_t b = 0; b < d->count; b++) draw_one(d, seed, b);
}

double hf_data_errors(const hf_data *d, const float *y) {
  int64_t wrong = 0;
  for (int64_t b = 0; b < d->count; b++) {
    if (d->task->outputs == 1)
      wrong += !(fabsf(y[b] - d->target[b]) <= 0.04f);
    else
      wrong += !((y[2 * b + 1] > y[2 * b]) == d->class[b]);
  }
  return (double)wrong / (double)d->count;
}
