/* write_model.h - the application `write`: a text as pen strokes (seqgpu/writer.h).
 *
 *   write.c         options, files, training and its metric
 *   write_model.c   plans and parameters
 *   write_use.c     `seqgpu write`: texts in the model's hand
 */
#ifndef WRITE_MODEL_H
#define WRITE_MODEL_H

#include "host/cli/tasks/pen_data.h"
#include "host/cli/tasks/pen_point.h"
#include "seqgpu/writer.h"

typedef struct write_options {
  app_options base;
  pen_line_options lines;
  int64_t mixtures, gaussians, letter_size;
  /* of `seqgpu write` */
  const char *text, *svg;
  int64_t points, samples, write_seed;
  char bias[ARGS_LINE]; /* numbers with commas between */
} write_options;

/* The plans of the first layer, of one step, and of the others, if there are any. */
typedef struct write_plans {
  seqgpu_plan *first, *further;
} write_plans;

typedef struct write_app {
  app base;
  pen_data data; /* of use: in data.val.text what is to be written */
  double bias[PEN_BIASES];
  int64_t biases;
  write_plans plans, val_plans;
  seqgpu_writer *model;
  seqgpu_tensor **window; /* [points] what it showed at each step of the last batch */
  size_t room_window;
  float *weight; /* of one of them, on the host */
  size_t room_weight;
  double loss_sum, points, off; /* of the last validation; letters that the window is off, of all points */
} write_app;

static inline const write_options *write_options_of(const app *a) {
  return (const write_options *)a->options;
}

/* Whether texts are to be written, and nothing is measured. */
static inline int write_makes(const app *a) { return a->options->use && a->options->val_data.count == 0; }

/* Plans for drawings of so many points, so many side by side. */
seqgpu_status write_plan(const write_app *a, int64_t points, int64_t drawings, int training,
                         write_plans *out);
void write_destroy_plans(write_plans *p);
/* 0, or CLI_FAILED after a sentence, if the model needs more memory than is free. */
int write_check_memory(const write_app *a, const write_plans *p, int64_t points);
seqgpu_status write_build_model(write_app *a, const write_plans *p);
/* Blocks of random numbers of an update, at most, on drawings of so many points. */
uint64_t write_random_blocks(const write_app *a, int64_t points);

/* The letter of a text that a window weighs most, or the place after the last. */
static inline int64_t write_heaviest(const float *weight, int64_t letters) {
  int64_t best = 0;
  for (int64_t u = 1; u <= letters; u++)
    if (weight[u] > weight[best]) best = u;
  return best;
}

#endif
