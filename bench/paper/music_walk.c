/* music_walk.c - streams through the pieces of a piano roll (music_walk.h). */
#include "bench/paper/music_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seqgpu/ops.h"

int walk_open(walk *w, const rolls *r, int64_t streams, int64_t window, int64_t units) {
  const size_t B = (size_t)streams, cells = (size_t)window * B * ROLLS_KEYS;
  *w = (walk){.r = r, .streams = streams, .window = window, .units = units};
  w->order = malloc((size_t)r->pieces * sizeof *w->order);
  w->piece = malloc(B * sizeof *w->piece);
  w->at = malloc(B * sizeof *w->at);
  w->x = malloc(cells * sizeof *w->x);
  w->target = malloc(cells * sizeof *w->target);
  w->length = malloc(B * sizeof *w->length);
  w->state = malloc(B * (size_t)units * sizeof *w->state);
  if (w->order && w->piece && w->at && w->x && w->target && w->length && w->state) return 0;
  walk_close(w);
  fprintf(stderr, "out of memory\n");
  return 1;
}

void walk_close(walk *w) {
  free(w->order);
  free(w->piece);
  free(w->at);
  free(w->x);
  free(w->target);
  free(w->length);
  free(w->state);
  *w = (walk){0};
}

/* Fisher & Yates. */
static void shuffle(walk *w, uint64_t seed) {
  for (int64_t i = w->r->pieces - 1; i > 0; i--) {
    const int64_t k = (int64_t)(seqgpu_uniform(seed, 0, (uint64_t)i) * (double)(i + 1)), kept = w->order[i];
    w->order[i] = w->order[k];
    w->order[k] = kept;
  }
}

void walk_start(walk *w, uint64_t seed) {
  for (int64_t i = 0; i < w->r->pieces; i++) w->order[i] = i;
  if (seed) shuffle(w, seed);
  w->next = 0;
  w->active = w->streams;
  for (int64_t b = 0; b < w->streams; b++) w->piece[b] = -1;
}

/* Is stream b within a piece? */
static int goes_on(const walk *w, int64_t b) {
  return w->piece[b] >= 0 && w->at[b] < w->r->start[w->piece[b] + 1];
}

/* Gives stream b another piece; 0 if there is none. */
static int take_piece(walk *w, int64_t b) {
  if (w->next == w->r->pieces) return 0;
  w->piece[b] = w->order[w->next++];
  w->at[b] = w->r->start[w->piece[b]];
  memset(w->state + b * w->units, 0, (size_t)w->units * sizeof *w->state);
  return 1;
}

/* The last stream of the batch takes the place of stream b. */
static void leave(walk *w, int64_t b) {
  const int64_t last = --w->active;
  w->piece[b] = w->piece[last];
  w->at[b] = w->at[last];
  memmove(w->state + b * w->units, w->state + last * w->units, (size_t)w->units * sizeof *w->state);
}

/* Steps of the next window of stream b. */
static int64_t length_of(const walk *w, int64_t b) {
  const int64_t left = w->r->start[w->piece[b] + 1] - w->at[b];
  const int64_t windows = (left + w->window - 1) / w->window;
  return (left + windows - 1) / windows;
}

/* Writes what stream b reads and should say. */
static void fill(walk *w, int64_t b) {
  const size_t row = ROLLS_KEYS * sizeof *w->x;
  const int begins = w->at[b] == w->r->start[w->piece[b]];
  for (int64_t t = 0; t < w->steps; t++) {
    const int64_t place = (t * w->active + b) * ROLLS_KEYS;
    memset(w->x + place, 0, row);
    memset(w->target + place, 0, row);
    if (t >= w->length[b]) continue;
    const unsigned char *on = w->r->on + (w->at[b] + t) * ROLLS_KEYS;
    rolls_row(on, 0, w->target + place);
    if (t > 0 || !begins) rolls_row(on - ROLLS_KEYS, 0, w->x + place);
  }
  w->at[b] += w->length[b];
}

int walk_next(walk *w) {
  for (int64_t b = 0; b < w->active;)
    if (goes_on(w, b) || take_piece(w, b))
      b++;
    else
      leave(w, b);
  w->steps = w->count = 0;
  for (int64_t b = 0; b < w->active; b++) {
    w->length[b] = (int32_t)length_of(w, b);
    w->count += w->length[b];
    if (w->length[b] > w->steps) w->steps = w->length[b];
  }
  for (int64_t b = 0; b < w->active; b++) fill(w, b);
  return w->active > 0;
}
