/* pair_model.h - what the applications share that write a sequence for a sequence (seqgpu/translator.h): `spell`,
 * `translate`.  Each has a reader, a metric and a way to print; the rest is here.
 *
 *   pair_task.c    vocabularies, training, loss
 *   pair_model.c   plans, parameters, answers
 */
#ifndef PAIR_MODEL_H
#define PAIR_MODEL_H

#include "host/cli/application.h"
#include "host/data/pair_set.h"

typedef struct pair_options {
  app_options base;
  seqgpu_attention attention;
  int64_t word_size, attention_size; /* 0: without attention, if it would be additive */
  int64_t min_count, longest;        /* 0: of any length */
  double smoothing;
  int one_direction, backwards, stress;
  /* of how answers are found */
  int64_t beam;
  double length_norm;
  int copy;
  const char *svg; /* of `seqgpu translate` */
} pair_options;

#define PAIR_FIELD(name) offsetof(pair_options, name)

/* Rows of both. */
#define PAIR_NETWORK_ROWS                                                                                    \
  ROW_GROUP("Network"),                                                                                      \
      ROW_INT("word-size", ARG_KEEP_MODEL, PAIR_FIELD(word_size), 1, 1000000, "N",                           \
              "elements of the vectors of what is read and written"),                                        \
      ROW_ENUM("attention", ARG_KEEP_MODEL, PAIR_FIELD(attention), "additive|general|dot|none", "A",         \
               "how what is written is compared with what was read: by units of a layer, by a product "      \
               "with a matrix between them, by the product alone, not at all"),                              \
      ROW_INT("attention-size", ARG_KEEP_MODEL, PAIR_FIELD(attention_size), 0, 1000000, "N",                 \
              "units of additive attention, 0 = without attention"),                                         \
      ROW_FLAG("one-direction", ARG_KEEP_MODEL, PAIR_FIELD(one_direction), "read from left to right only"),  \
      ROW_FLAG("backwards", ARG_KEEP_MODEL, PAIR_FIELD(backwards), "read from the end to the beginning"),    \
      ROW_GROUP("Learning"),                                                                                 \
      ROW_REAL("smoothing", ARG_KEEP_FREE, PAIR_FIELD(smoothing), 0, 1, "P",                                 \
               "of the probability that is wanted, how much is spread over all answers")
#define PAIR_SEARCH_ROWS                                                                                     \
  ROW_INT("beam", ARG_NOT_KEPT, PAIR_FIELD(beam), 1, 1000, "K",                                              \
          "beginnings of an answer that are gone on with, 1 = the likeliest next one alone"),                \
      ROW_REAL("length-norm", ARG_NOT_KEPT, PAIR_FIELD(length_norm), 0, 10, "A",                             \
               "answers compare by log probability / length^A")

/* Plans of both networks. */
typedef struct pair_plans {
  seqgpu_plan *encoder, *decoder;
} pair_plans;

/* The answers to all sources of a set: that to source i from start[i] on, length[i] of at most start[i+1]-start[i]
 * words. */
typedef struct pair_answers {
  int64_t *start;
  int32_t *word, *attended; /* attended: the word of the source; nothing without attention */
  int32_t *length;
  double *score;
} pair_answers;

/* That of each application begins with this. */
typedef struct pair_app {
  app base;
  vocabulary source, target;
  pair_set train, val;
  pair_plans plans, val_plans;
  seqgpu_plan *step; /* of a search */
  seqgpu_translator *model;
  pair_answers answers; /* of val */
  double loss_sum, steps;
} pair_app;

static inline const pair_options *pair_options_of(const app *a) { return (const pair_options *)a->options; }
/* Whether the model looks back at what it has read. */
static inline int pair_attends(const pair_options *o) {
  return o->attention == SEQGPU_ATTENTION_ADDITIVE ? o->attention_size > 0
                                                   : o->attention != SEQGPU_ATTENTION_NONE;
}
/* Answers are wanted, and nothing else is known. */
static inline int pair_uses(const app *a) { return a->options->use && a->options->val_data.count == 0; }

seqgpu_status pair_plan_set(pair_app *a, const pair_set *s, int training, pair_plans *out);
/* The plan of a search in val. */
seqgpu_status pair_plan_search(pair_app *a);
seqgpu_status pair_build_model(pair_app *a, const pair_plans *p);
/* 0 if there is memory for the model, or an exit code. */
int pair_check_memory(const pair_app *a, const pair_plans *p);
/* The logits of a batch, on the tape. */
seqgpu_tensor *pair_logits(const pair_app *a, const pair_plans *p, const pair_batch *b);
/* Answers to the sources which[count] of val, of a batch that has them. */
seqgpu_status pair_search(pair_app *a, const int32_t *which, const pair_batch *b);

#endif
