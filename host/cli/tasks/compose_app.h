/* compose_app.h - the application `compose`: polyphonic music, a step after what was before (seqgpu/composer.h).
 *
 *   compose.c       options, files, training and its metric
 *   compose_use.c   `seqgpu compose`: new music, as a piano roll, a MIDI file, a picture
 */
#ifndef COMPOSE_APP_H
#define COMPOSE_APP_H

#include "host/cli/application.h"
#include "host/data/roll_set.h"
#include "seqgpu/composer.h"

typedef struct compose_options {
  app_options base;
  int64_t window, transpose;
  double input_dropout;
  /* of `seqgpu compose` */
  int64_t begin, steps, draw_seed, tempo;
  double temperature;
  const char *midi, *svg;
} compose_options;

typedef struct compose_app {
  app base;
  roll_set train, val; /* of use: in `val` what the new piece begins with */
  seqgpu_plan *plan, *val_plan;
  seqgpu_composer *model;
  seqgpu_tensor *logits; /* [T,B,88] of the last batch */
  float *answer;         /* the logits on the host, with `room` elements */
  size_t room;
  double loss_sum, steps, right, wrong, missed; /* of the last validation; of its keys */
} compose_app;

static inline const compose_options *compose_options_of(const app *a) {
  return (const compose_options *)a->options;
}

#endif
