/* scenes.c - see scenes.h. */
#include "host/data/scenes.h"

#include "host/cli/cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "seqgpu/seqgpu.h"

static const char *const colour_names[SCENE_COLOURS] = {"red",    "green",  "blue", "yellow",
                                                        "purple", "orange", "cyan", "black"};
static const double colours[SCENE_COLOURS][SCENE_CHANNELS] = {
    {0.85, 0.12, 0.12}, {0.10, 0.60, 0.20}, {0.12, 0.22, 0.82}, {0.94, 0.84, 0.12},
    {0.55, 0.15, 0.65}, {0.94, 0.52, 0.08}, {0.20, 0.75, 0.85}, {0.10, 0.10, 0.10}};
static const char *const shape_names[SCENE_SHAPES + 1] = {"circle", "square", "triangle", "diamond",
                                                          "cross",  "ring",   "thing"};
static const char *const size_names[SCENE_SIZES] = {"small", "medium", "large"};
static const double radii[SCENE_SIZES] = {6. / 64, 9. / 64, 12. / 64};

const char scene_vocabulary[] = "a small medium large red green blue yellow purple orange cyan black circle "
                                "square triangle diamond cross "
                                "ring thing in above below left right of and\n";

/* ---------------------------------------------------------------- chance */

static const uint64_t SCENES = UINT64_C(15) << 60;

typedef struct chance {
  uint64_t seed, stream, index;
} chance;

static double uniform(chance *c, double least, double most) {
  return least + (most - least) * seqgpu_uniform(c->seed, c->stream, c->index++);
}

static int below(chance *c, int n) { return (int)uniform(c, 0, n); }

/* ---------------------------------------------------------------- making one */

static void choose_pair(chance *c, scene_kind kind, scene_shape *s) {
  do {
    s->colour = below(c, SCENE_COLOURS);
    s->shape = below(c, SCENE_SHAPES);
  } while (scene_held_out(s->colour, s->shape) != kind.unseen);
  if (!kind.apart) return;
  if (below(c, 2))
    s->colour = -1;
  else
    s->shape = SCENE_SHAPES;
}

static void choose_look(chance *c, scene_shape *s) {
  const double level = uniform(c, 0.2, 0.45);
  s->radius = radii[s->size] * uniform(c, 0.95, 1.05);
  for (int i = 0; i < SCENE_CHANNELS; i++)
    s->rgb[i] = s->colour < 0 ? level : colours[s->colour][i] + uniform(c, -0.06, 0.06);
}

/* How far one shape is from the first: clear of it in one direction, and near its middle in the other. */
static void choose_place(chance *c, scene *s, int k, int vertical) {
  scene_shape *is = &s->shape[k];
  const double away = s->shape[0].radius + is->radius + uniform(c, 1.5, 4.5) / 64,
               along = uniform(c, -4, 4) / 64;
  is->x = vertical ? along : s->sideways * away;
  is->y = vertical ? s->vertical * away : along;
}

/* Moves all shapes together, to where the picture has them whole, on one axis. */
static double choose_shift(chance *c, const scene *s, int down) {
  const double margin = 1. / 64;
  double least = 0, most = 0;
  for (int k = 0; k < s->count; k++) {
    const double middle = down ? s->shape[k].y : s->shape[k].x;
    least = fmin(least, middle - s->shape[k].radius);
    most = fmax(most, middle + s->shape[k].radius);
  }
  return uniform(c, margin - least, 1 - margin - most);
}

void scene_make(uint64_t seed, scene_kind kind, int64_t number, scene *out) {
  const uint64_t series = (uint64_t)(2 * kind.validation + kind.unseen);
  chance c = {seed, SCENES | series << 56 | (uint64_t)number, 0};
  *out = (scene){.count = 2 + below(&c, 2)};
  const int both = out->count == SCENE_MOST, vertical = both || below(&c, 2);
  if (vertical) out->vertical = 2 * below(&c, 2) - 1;
  if (both || !vertical) out->sideways = 2 * below(&c, 2) - 1;
  for (int k = 0; k < out->count; k++) {
    scene_shape *s = &out->shape[k];
    choose_pair(&c, kind, s);
    s->size = k == 0 ? 1 + below(&c, SCENE_SIZES - 1) : below(&c, out->shape[0].size);
    choose_look(&c, s);
    if (k > 0) choose_place(&c, out, k, vertical && k == 1);
  }
  const double x = choose_shift(&c, out, 0), y = choose_shift(&c, out, 1), light = uniform(&c, 0.86, 0.98);
  for (int k = 0; k < out->count; k++) {
    out->shape[k].x += x;
    out->shape[k].y += y;
  }
  for (int i = 0; i < SCENE_CHANNELS; i++) out->ground[i] = light + uniform(&c, -0.02, 0.02);
}

/* ---------------------------------------------------------------- saying what it is */

/* Appends words to a caption. */
CLI_FORMAT(2)
static void add_words(char out[SCENE_CAPTION], const char *format, ...) {
  const size_t at = strlen(out);
  va_list list;
  va_start(list, format);
  vsnprintf(out + at, SCENE_CAPTION - at, format, list);
  va_end(list);
}

static void add_shape(const scene *s, int k, char out[SCENE_CAPTION]) {
  const scene_shape *is = &s->shape[k];
  add_words(out, "a %s %s", size_names[is->size], shape_names[is->shape]);
  if (is->colour >= 0) add_words(out, " in %s", colour_names[is->colour]);
}

void scene_caption(const scene *s, char out[SCENE_CAPTION]) {
  int k = 0;
  out[0] = '\0';
  add_shape(s, k++, out);
  if (s->vertical) {
    add_words(out, s->vertical > 0 ? " above " : " below ");
    add_shape(s, k++, out);
  }
  if (!s->sideways) return;
  add_words(out, s->vertical ? " and %s of " : " %s of ", s->sideways > 0 ? "left" : "right");
  add_shape(s, k, out);
}

/* ---------------------------------------------------------------- drawing */

/* Whether a point belongs to a shape of radius 1 about (0,0). */
static int inside(int shape, double x, double y) {
  const double across = fabs(x), down = fabs(y), square = x * x + y * y;
  switch (shape) {
  case 0:
    return square <= 0.95 * 0.95;
  case 1:
    return across <= 0.82 && down <= 0.82;
  case 2:
    return y <= 0.8 && across <= (y + 0.95) / 1.75;
  case 3:
    return across + down <= 1;
  case 4:
    return across <= 0.95 && down <= 0.95 && (across <= 0.3 || down <= 0.3);
  case 5:
    return square <= 1 && square >= 0.55 * 0.55;
  default:
    return x * x + 3 * y * y <= 1;
  }
}

/* How much of a pixel a shape covers, of FINE x FINE points. */
static double cover(const scene_shape *s, double left, double top, double pixel) {
  enum { FINE = 3 };
  const double step = pixel / FINE / s->radius, x = (left - s->x) / s->radius + step / 2,
               y = (top - s->y) / s->radius + step / 2;
  int count = 0;
  for (int i = 0; i < FINE; i++)
    for (int j = 0; j < FINE; j++) count += inside(s->shape, x + j * step, y + i * step);
  return (double)count / (FINE * FINE);
}

/* Of a value from 0 to 1, as all of a scene's colours are. */
static unsigned char byte_of(double value) { return (unsigned char)(255 * value + 0.5); }

/* A scene has its shapes whole inside the picture (choose_shift). */
static void draw_shape(const scene *s, const scene_shape *is, int64_t side, unsigned char *pixel) {
  const double size = 1. / (double)side;
  const int64_t left = (int64_t)((is->x - is->radius) / size), right = (int64_t)((is->x + is->radius) / size),
                top = (int64_t)((is->y - is->radius) / size), bottom = (int64_t)((is->y + is->radius) / size);
  for (int64_t y = top; y <= bottom; y++)
    for (int64_t x = left; x <= right; x++) {
      const double much = cover(is, (double)x * size, (double)y * size, size);
      for (int i = 0; much > 0 && i < SCENE_CHANNELS; i++)
        pixel[(y * side + x) * SCENE_CHANNELS + i] = byte_of(much * is->rgb[i] + (1 - much) * s->ground[i]);
    }
}

void scene_draw(const scene *s, int64_t side, unsigned char *pixel) {
  unsigned char ground[SCENE_CHANNELS];
  for (int i = 0; i < SCENE_CHANNELS; i++) ground[i] = byte_of(s->ground[i]);
  for (int64_t i = 0; i < side * side; i++) memcpy(pixel + i * SCENE_CHANNELS, ground, sizeof ground);
  for (int k = 0; k < s->count; k++) draw_shape(s, &s->shape[k], side, pixel);
}
