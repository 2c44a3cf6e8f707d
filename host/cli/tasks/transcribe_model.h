/* transcribe_model.h - the application `transcribe`: speech to text (seqgpu/transcriber.h).
 *
 *   transcribe.c         options, files, training and its metric
 *   transcribe_model.c   what the model writes, plan, parameters, memory
 *   transcribe_use.c     `seqgpu transcribe`: recordings in, text out
 */
#ifndef TRANSCRIBE_MODEL_H
#define TRANSCRIBE_MODEL_H

#include "host/cli/application.h"
#include "host/data/speech_set.h"
#include "seqgpu/transcriber.h"

typedef struct transcribe_options {
  app_options base;
  char speaker[ARGS_WORD]; /* that is held out, "": nobody */
  int64_t hold_out, join, single_epochs;
  double speed, pitch, level;
  int64_t mels, stack;
  double range;
  int centre;
  int64_t beam;
  const char *svg; /* of `seqgpu transcribe` */
} transcribe_options;

/* How labels are found, in training, in `eval` and in use. */
#define TRANSCRIBE_BEAM(keep)                                                                                \
  ROW_INT("beam", keep, offsetof(transcribe_options, beam), 0, 100000, "N",                                  \
          "beginnings that prefix beam search keeps, 0 = the best path alone")

/* What was counted of recordings, or of strings of them. */
typedef struct transcribe_score {
  double count, wrong, labels, edits;
} transcribe_score;

/* What was written down of one recording. */
typedef struct transcribe_line {
  int32_t *label;
  int64_t count;
  double log_probability;
} transcribe_line;

typedef struct transcribe_app {
  app base;
  vocabulary letters;
  speech_form form;
  speech_set train, val; /* of use: in `val` the files */
  seqgpu_plan *plan, *val_plan;
  seqgpu_transcriber *model;
  seqgpu_tensor *logits; /* of the last batch, [T,B,letters+1] */
  float *answer;         /* the same on the host, with `room` elements */
  size_t room;
  int32_t *read, *wanted; /* labels of one sequence: what the model reads [longest], what is said */
  int64_t *row;           /* for edit_distance, to what is said */
  transcribe_line *line;  /* of use: [items] */
  double loss_sum, loss_count;
  transcribe_score singles, strings; /* of the last validation */
} transcribe_app;

static inline const transcribe_options *transcribe_options_of(const app *a) {
  return (const transcribe_options *)a->options;
}

/* A plan for the batches of a set. */
seqgpu_status transcribe_plan(const transcribe_app *a, const speech_set *s, int training, seqgpu_plan **out);
/* 0, or CLI_FAILED after a sentence, if the model needs more memory than is free. */
int transcribe_check_memory(const transcribe_app *a, const seqgpu_plan *plan);
seqgpu_status transcribe_build_model(transcribe_app *a, const seqgpu_plan *plan);
/* The logits of a batch on the tape, and a copy of them in a->answer. */
seqgpu_status transcribe_forward(transcribe_app *a, const seqgpu_plan *plan, const speech_batch *b);
seqgpu_status transcribe_read_answer(transcribe_app *a);
/* What the model reads in sequence i of a batch, in a->read: *count labels, and the logarithm of their
 * probability (0 without a beam). */
seqgpu_status transcribe_read_labels(transcribe_app *a, const speech_batch *b, int64_t i, int64_t *count,
                                     double *log_probability);

#endif
