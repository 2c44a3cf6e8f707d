/* draw_use.c - `seqgpu draw`: drawings made by the model, after what they begin with (draw_model.h).
 *
 * Drawings in one column of the sheet come from the same random numbers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/carried.h"
#include "host/cli/json.h"
#include "host/cli/tasks/draw_use.h"
#include "host/cli/whole_file.h"
#include "host/data/stroke_picture.h"

#define FIELD(name) offsetof(draw_options, name)

/* The stream of random numbers that says where the pen goes. */
static const uint64_t POINTS = UINT64_C(12) << 60;

enum { MOST_POINTS = 1000000, MOST_SAMPLES = 1000, POINT = STROKES_POINT };

const arg_spec draw_use_specs[] = {
    ROW_INT("begin", ARG_NOT_KEPT, FIELD(begin), 0, MOST_POINTS, "N",
            "points of --input that the drawings begin with, 0 = all"),
    ROW_INT("points", ARG_NOT_KEPT, FIELD(points), 1, MOST_POINTS, "N", "points to make of each drawing"),
    ROW_INT("samples", ARG_NOT_KEPT, FIELD(samples), 1, MOST_SAMPLES, "N", "drawings for each bias"),
    PEN_BIAS_ROW(FIELD(bias)),
    ROW_INT("seed", ARG_NOT_KEPT, FIELD(draw_seed), 0, 9e15, "N", "seed of the random choices"),
    ROW_TEXT("svg", FIELD(svg), "FILE", "also a picture of all drawings, a row for each bias"),
    ROW_END,
};

int draw_read_biases(draw_app *a) {
  return pen_read_biases(draw_options_of(&a->base)->bias, a->bias, &a->biases);
}

/* ---------------------------------------------------------------- a sheet */

/* Drawings that are being made. */
typedef struct sheet {
  draw_app *a;
  int64_t drawings, given, points; /* of all; of --input; of each drawing */
  float *point;                    /* [drawings,points,3], offsets as the model reads them */
  float *before, *y;               /* [drawings,3] of a step; [drawings,1+6M] */
  carried memory[SEQGPU_DRAWER_LAYERS];
} sheet;

static int64_t mixtures_of(const sheet *s) { return draw_options_of(&s->a->base)->mixtures; }
static float *point_of(const sheet *s, int64_t drawing, int64_t i) {
  return s->point + (drawing * s->points + i) * POINT;
}

/* What says where point i of each drawing is, after the one before it. */
static seqgpu_status read_step(sheet *s, int64_t i) {
  draw_app *a = s->a;
  seqgpu_tape *t = a->base.tape;
  const int64_t layers = a->base.options->model.rnn.num_layers;
  const int states = seqgpu_plan_get_sizes(a->val_plans.first).state_count;
  seqgpu_tensor *h[SEQGPU_DRAWER_LAYERS], *initial[SEQGPU_DRAWER_LAYERS * SEQGPU_MAX_STATES];
  for (int64_t d = 0; i > 0 && d < s->drawings; d++)
    memcpy(s->before + d * POINT, point_of(s, d, i - 1), POINT * sizeof *s->before);
  LIB_TRY(seqgpu_tape_clear(t, 0));
  for (int64_t n = 0; n < layers; n++) carried_give(&s->memory[n], t, states, initial + n * states);
  const seqgpu_tensor *y = seqgpu_drawer_mixtures(a->model, t, a->val_plans.first, a->val_plans.further, 1,
                                                  s->drawings, NULL, s->before, initial, h);
  LIB_TRY(seqgpu_tape_status(t));
  for (int64_t n = 0; n < layers; n++) LIB_TRY(carried_keep(&s->memory[n], t, h[n], states));
  return seqgpu_tensor_read(y, s->y);
}

static void draw_step(const sheet *s, int64_t i) {
  const draw_options *o = draw_options_of(&s->a->base);
  const int64_t M = mixtures_of(s);
  for (int64_t d = 0; d < s->drawings; d++) {
    const int64_t column = d % o->samples;
    double u[PEN_DRAWS] = {0};
    for (int k = 0; k < PEN_DRAWS; k++)
      u[k] = seqgpu_uniform((uint64_t)o->draw_seed, POINTS | (uint64_t)i, (uint64_t)(column * PEN_DRAWS + k));
    pen_point(s->y + d * (1 + 6 * M), M, s->a->bias[d / o->samples], u, point_of(s, d, i));
  }
}

/* Numbers that a sheet, and a file of drawings, can have. */
static int all_fit(const sheet *s) {
  for (int64_t i = 0; i < s->drawings * s->points * POINT; i++)
    if (!(fabs((double)s->point[i]) * s->a->deviation <= STROKES_MOST)) return 0;
  return 1;
}

static int make(sheet *s) {
  const float *first = s->a->val.ink.point;
  for (int64_t i = 0; i < s->points; i++) {
    if (read_step(s, i) != SEQGPU_OK) return cli_library_error(s->a->base.ctx);
    if (i >= s->given) draw_step(s, i);
    for (int64_t d = 0; i < s->given && d < s->drawings; d++)
      memcpy(point_of(s, d, i), first + i * POINT, POINT * sizeof *first);
  }
  return all_fit(s) ? CLI_OK : cli_error("%s: draws beyond all bounds", s->a->base.path);
}

/* ---------------------------------------------------------------- what it is written to */

/* In the units of the data. */
static void scale_back(sheet *s) {
  for (int64_t i = 0; i < s->drawings * s->points * POINT; i++)
    if (i % POINT < 2) s->point[i] = (float)((double)s->point[i] * s->a->deviation);
}

static void print_json(const sheet *s, int64_t drawing) {
  json_number(stdout, "{\"bias\": ", 9, s->a->bias[drawing / draw_options_of(&s->a->base)->samples]);
  printf(", \"given\": %lld, \"points\": [", (long long)s->given);
  for (int64_t i = 0; i < s->points; i++) {
    const float *point = point_of(s, drawing, i);
    printf("%s[%.2f, %.2f, %d]", i > 0 ? ", " : "", (double)point[0], (double)point[1], point[2] > 0);
  }
  printf("]}\n");
}

static void write_svg(FILE *to, const void *self) {
  const sheet *s = self;
  const draw_options *o = draw_options_of(&s->a->base);
  char label[PEN_BIASES][STROKE_LABEL];
  for (int64_t r = 0; r < s->a->biases; r++) snprintf(label[r], sizeof label[r], "bias %.4g", s->a->bias[r]);
  stroke_picture(to, &(stroke_sheet){.rows = s->a->biases,
                                     .columns = o->samples,
                                     .points = s->points,
                                     .given = s->given,
                                     .point = s->point,
                                     .label = label});
}

/* ---------------------------------------------------------------- the command */

static int make_and_write(sheet *s) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  CLI_TRY(make(s));
  CLI_TRY(whole_file_make(draw_options_of(&s->a->base)->svg, write_svg, s, &svg));
  scale_back(s);
  for (int64_t d = 0; d < s->drawings; d++) {
    if (s->a->base.options->run.common.json)
      print_json(s, d);
    else
      strokes_write(stdout, point_of(s, d, 0), s->points);
  }
  return CLI_OK;
}

int draw_use(app *base) {
  draw_app *a = (draw_app *)base;
  const draw_options *o = draw_options_of(base);
  const strokes *first = &a->val.ink;
  const int64_t there = first->drawings > 0 ? first->start[1] : 0,
                given = o->begin > 0 && o->begin < there ? o->begin : there;
  sheet s = {.a = a, .drawings = a->biases * o->samples, .given = given, .points = given + o->points};
  const size_t drawings = (size_t)s.drawings;
  if (o->begin > there)
    return cli_usage("--begin: is %lld; %s", (long long)o->begin,
                     there ? "the first drawing of --input has fewer points" : "there is no --input");
  s.point = calloc(drawings * (size_t)s.points, POINT * sizeof *s.point);
  s.before = calloc(drawings, POINT * sizeof *s.before);
  s.y = calloc(drawings, (size_t)(1 + 6 * o->mixtures) * sizeof *s.y);
  const int code = s.point && s.before && s.y ? make_and_write(&s) : cli_error("out of memory");
  for (int n = 0; n < SEQGPU_DRAWER_LAYERS; n++) carried_free(&s.memory[n]);
  free(s.point);
  free(s.before);
  free(s.y);
  return code;
}
