/* draw_model.h - the application `draw`: pen strokes, a point after what was before (seqgpu/drawer.h).
 *
 *   draw.c         options, files, training and its metric
 *   draw_model.c   plans and parameters
 *   draw_use.c     `seqgpu draw`: new drawings, as text and as a sheet
 */
#ifndef DRAW_MODEL_H
#define DRAW_MODEL_H

#include "host/cli/application.h"
#include "host/cli/tasks/pen_point.h"
#include "host/data/stroke_set.h"
#include "seqgpu/drawer.h"

typedef struct draw_options {
  app_options base;
  int64_t mixtures;
  /* of `seqgpu draw` */
  int64_t begin, points, samples, draw_seed;
  char bias[ARGS_LINE]; /* numbers with commas between */
  const char *svg;
} draw_options;

/* The plans of the first layer and of the others; `further` is NULL where there is one layer. */
typedef struct draw_plans {
  seqgpu_plan *first, *further;
} draw_plans;

typedef struct draw_app {
  app base;
  stroke_set train, val; /* of use: in `val` what the drawings begin with */
  double deviation;      /* that offsets are divided by */
  double bias[PEN_BIASES];
  int64_t biases;
  draw_plans plans, val_plans;
  seqgpu_drawer *model;
  double loss_sum, points; /* of the last validation */
} draw_app;

static inline const draw_options *draw_options_of(const app *a) { return (const draw_options *)a->options; }

/* Whether drawings are to be made, and nothing is measured. */
static inline int draw_makes(const app *a) { return a->options->use && a->options->val_data.count == 0; }

/* Plans for so many points of so many drawings. */
seqgpu_status draw_plan(const draw_app *a, int64_t points, int64_t drawings, int training, draw_plans *out);
void draw_destroy_plans(draw_plans *p);
/* 0, or CLI_FAILED after a sentence, if the model needs more memory than is free. */
int draw_check_memory(const draw_app *a, const draw_plans *p);
seqgpu_status draw_build_model(draw_app *a, const draw_plans *p);
/* Blocks of random numbers of an update, at most. */
uint64_t draw_random_blocks(const draw_app *a);

#endif
