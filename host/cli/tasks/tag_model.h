/* tag_model.h - the application `tag`: a part of speech for each word of a sentence (seqgpu/tagger.h).
 *
 *   tag.c         options, files, training and its metric
 *   tag_model.c   sentences as numbers, plans, parameters, answers
 *   tag_use.c     `seqgpu tag`: sentences in, tags out
 */
#ifndef TAG_MODEL_H
#define TAG_MODEL_H

#include "host/cli/application_words.h"

typedef struct tag_options {
  app_options base;
  int64_t word_size, letter_size, letter_hidden, min_count; /* letter_size 0: words have no letters */
  double word_dropout, rare_dropout;
  int one_direction, small_letters;
  int conllu; /* of `seqgpu tag` */
} tag_options;

/* Sentences of training, or of validation or use. */
typedef struct tag_set {
  labelled_set data;               /* labels: of words; of use what the model says */
  seqgpu_plan *letters, *sentence; /* for its largest batch; letters NULL: without */
} tag_set;

typedef struct tag_app {
  app base;
  vocabulary words, letters, tags;
  tag_set train, val;
  seqgpu_tagger *model;
  seqgpu_tensor *logits; /* of the last batch, [T,B,tags] */
  float *answer;         /* the same on the host, with `room` elements */
  size_t room;
  float *chance;   /* of use: [words] probability of each word's tag */
  int32_t *target; /* [T,B] of the last batch, with `target_room` elements */
  size_t target_room;
  double loss_sum, loss_count, counted, right, unknown,
      unknown_right; /* words of the last validation: all, those that are <unk> */
} tag_app;

static inline const tag_options *tag_options_of(const app *a) { return (const tag_options *)a->options; }

/* Numbers the sentences of a set, which may have none; `files` are for sentences about them.  0, or an exit
 * code; tag_close_set is to be called in any case. */
int tag_open_set(tag_app *a, const arg_list *files, tag_set *s);
void tag_close_set(tag_set *s);
/* Plans for the largest batch of a set. */
seqgpu_status tag_plan_set(tag_app *a, tag_set *s, int training);
/* The parameters, for the networks of a set's plans; 0 if there is memory for them, or an exit code. */
seqgpu_status tag_build_model(tag_app *a, const tag_set *s);
int tag_check_memory(const tag_app *a, const tag_set *s);
/* The sentences which[count] as numbers, and then their logits.  SEQGPU_ENOMEM without a sentence of the tape
 * is the program's own. */
seqgpu_status tag_batch(tag_set *s, const int32_t *which, int64_t count, seqgpu_tagger_batch *out);
seqgpu_status tag_forward(tag_app *a, const tag_set *s, const seqgpu_tagger_batch *batch);
/* Copies the logits of the last batch to a->answer. */
seqgpu_status tag_read_answer(tag_app *a);
#endif
