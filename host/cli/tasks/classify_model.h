/* classify_model.h - the application `classify`: a class for each sentence (seqgpu/classifier.h).
 *
 *   classify.c         options, files, training and its metric
 *   classify_model.c   plans, parameters, answers
 *   classify_use.c     `seqgpu classify`: sentences in, classes out; what they attend to, as a page
 */
#ifndef CLASSIFY_MODEL_H
#define CLASSIFY_MODEL_H

#include "host/cli/application_words.h"
#include "seqgpu/classifier.h"

typedef struct classify_options {
  app_options base;
  int64_t word_size, attention_size, min_count;
  double word_dropout;
  seqgpu_classifier_pool pool;
  int one_direction;
  const char *html; /* of `seqgpu classify` */
} classify_options;

typedef struct classify_app {
  app base;
  vocabulary words, classes;
  labelled_set train, val; /* labels: of sentences; of use what the model says */
  seqgpu_plan *plan, *val_plan;
  seqgpu_classifier *model;
  seqgpu_tensor *logits, *attention; /* of the last batch: [B,classes]; [T,B], or NULL */
  float *answer;                     /* the logits on the host, with `room` elements */
  int32_t *target;                   /* [B] of the last batch, with `target_room` elements */
  size_t room, target_room;
  float *chance, *weight; /* of use: [sentences], [words] */
  double loss_sum, loss_count, counted, right;
  int64_t *confusion; /* [classes,classes] of the last validation: those that are, those that are answered */
} classify_app;

static inline const classify_options *classify_options_of(const app *a) {
  return (const classify_options *)a->options;
}

/* A plan for the largest batch of a set. */
seqgpu_status classify_plan_set(classify_app *a, const labelled_set *s, int training, seqgpu_plan **out);
/* The parameters, for the network of a plan; 0 if there is memory for them, or an exit code. */
seqgpu_status classify_build_model(classify_app *a, const seqgpu_plan *plan);
int classify_check_memory(const classify_app *a, const seqgpu_plan *plan);
/* The logits of a batch on the tape, and copied to a->answer. */
seqgpu_status classify_forward(classify_app *a, const seqgpu_plan *plan, const seqgpu_tagger_batch *batch);
seqgpu_status classify_read_answer(classify_app *a);

#endif
