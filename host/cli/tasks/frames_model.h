/* frames_model.h - the application `frames`: what each frame of a clip shows, and how it moves (seqgpu/watcher.h).
 *
 *   frames.c         options, files, training and its metric
 *   frames_model.c   what the model reads, plan, parameters, memory
 *   frames_use.c     `seqgpu frames`: clips in, labels out
 */
#ifndef FRAMES_MODEL_H
#define FRAMES_MODEL_H

#include "host/cli/application.h"
#include "host/data/clip_set.h"
#include "seqgpu/watcher.h"

typedef struct frames_options {
  app_options base;
  clip_form clip;
  int64_t patch, pool, maps;
  const char *save_clip; /* of `seqgpu eval`, as the next one */
  int64_t clip_number;   /* from 1 */
  const char *svg;       /* of `seqgpu frames` */
} frames_options;

/* Frames or clips that were counted, and those that were answered right. */
typedef struct frames_score {
  double count, right;
} frames_score;

typedef struct frames_app {
  app base;
  int64_t classes;     /* of frames */
  clip_set train, val; /* of use: in `val` the files */
  seqgpu_plan *plan, *val_plan;
  seqgpu_watcher *model;
  seqgpu_tensor *frame_logits, *clip_logits; /* of the last batch, [T,B,classes] and [B,CLIP_DIRECTIONS] */
  float *frame_answer, *clip_answer;         /* the same on the host */
  size_t frame_room, clip_room;
  int32_t *label, *motion;              /* of use, what the model says: [frames of all clips], [clips] */
  float *chance, *motion_chance;        /* the probability of each */
  double loss_sum[2];                   /* of the last validation: of frames, of clips */
  frames_score frame_score, clip_score; /* of the last validation */
} frames_app;

static inline const frames_options *frames_options_of(const app *a) {
  return (const frames_options *)a->options;
}

/* How many classes a->train has, or those of the checkpoint; 0, or an exit code after a sentence. */
int frames_open_classes(frames_app *a);
/* The same as a text of a checkpoint; 0 when out of memory. */
int frames_describe_classes(const frames_app *a, app_text *text);
/* A plan for the batches of a set. */
seqgpu_status frames_plan(const frames_app *a, const clip_set *s, int training, seqgpu_plan **out);
/* 0, or CLI_FAILED after a sentence, if the model needs more memory than is free. */
int frames_check_memory(const frames_app *a, const seqgpu_plan *plan);
seqgpu_status frames_build_model(frames_app *a, const seqgpu_plan *plan);
/* The logits of a batch on the tape, and copies of them on the host. */
seqgpu_status frames_forward(frames_app *a, const seqgpu_plan *plan, const clip_batch *b);
seqgpu_status frames_read_answers(frames_app *a);

#endif
