/* caption_model.h - the application `caption`: what is in a picture, in words (seqgpu/captioner.h).
 *
 *   caption.c         options, files, training and its metric
 *   caption_model.c   plans, parameters, memory, answers
 *   caption_use.c     `seqgpu caption`: pictures in, captions out
 */
#ifndef CAPTION_MODEL_H
#define CAPTION_MODEL_H

#include "host/cli/application.h"
#include "host/data/bleu.h"
#include "host/data/picture_set.h"

/* What is looked at together: all numbers of a patch of pixels, or none with its colours. */
typedef enum caption_colours { CAPTION_COLOURS_TOGETHER, CAPTION_COLOURS_ASIDE } caption_colours;

typedef struct caption_options {
  app_options base;
  int64_t side, patch; /* of pictures of pixels */
  int64_t min_count, apart_epochs;
  int64_t features, patch_layers, word_size, attention_size; /* 0: without attention */
  caption_colours colours;
  int64_t beam;
  double length_norm;
  const char *svg; /* of `seqgpu caption` */
} caption_options;

/* How captions are found, in `eval` and in use. */
#define CAPTION_SEARCH_ROWS                                                                                  \
  ROW_INT("beam", ARG_NOT_KEPT, offsetof(caption_options, beam), 1, 1000, "K",                               \
          "beginnings of a caption that are gone on with, 1 = the likeliest next word alone"),               \
      ROW_REAL("length-norm", ARG_NOT_KEPT, offsetof(caption_options, length_norm), 0, 10, "A",              \
               "captions compare by log probability / length^A")

/* The captions that were written, of at most `most` words each. */
typedef struct caption_answers {
  int64_t most;
  int32_t *word;   /* [count,most] */
  int32_t *length; /* [count] */
  double *score;   /* [count] */
} caption_answers;

typedef struct caption_app {
  app base;
  vocabulary words;
  picture_set train, val; /* of use: in `val` the files */
  seqgpu_plan *plan, *val_plan, *step;
  seqgpu_captioner *model;
  caption_answers answers; /* to val */
  sentences_piece *piece;  /* [most] words of one */
  double loss_sum, steps, exact;
  bleu score; /* of the last validation */
} caption_app;

static inline const caption_options *caption_options_of(const app *a) {
  return (const caption_options *)a->options;
}

/* What a picture is to the model, by the options or the checkpoint; 0, or an exit code after a sentence. */
int caption_open_form(const caption_app *a, picture_form *out);
/* The same for a checkpoint, from malloc; NULL when out of memory. */
char *caption_describe_form(const picture_form *form);
/* A plan of the decoder for the batches of a set, with so many steps. */
seqgpu_status caption_plan(const caption_app *a, const picture_set *s, int64_t steps, int training,
                           seqgpu_plan **out);
/* That of a search in val. */
seqgpu_status caption_plan_search(caption_app *a);
seqgpu_status caption_build_model(caption_app *a, const seqgpu_plan *plan);
/* 0 if there is memory for the model, or an exit code. */
int caption_check_memory(const caption_app *a, const seqgpu_plan *plan);
/* Captions of the pictures which[count] of val, of a batch that has them. */
seqgpu_status caption_search(caption_app *a, const int32_t *which, const picture_batch *b);

#endif
