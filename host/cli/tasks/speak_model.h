/* speak_model.h - the application `speak`: text to speech (seqgpu/speaker.h).
 *
 *   speak.c         options, files, training and its metric
 *   speak_model.c   plans, parameters, memory, a batch on the tape
 *   speak_use.c     `seqgpu speak`: text in, a WAV file and a picture out
 */
#ifndef SPEAK_MODEL_H
#define SPEAK_MODEL_H

#include "host/cli/application.h"
#include "host/data/speech_set.h"
#include "seqgpu/speaker.h"

typedef struct speak_options {
  app_options base;
  char only[ARGS_WORD]; /* the speaker of folders who is learnt, "": all */
  int64_t hold_out, join, single_epochs, pause;
  int64_t mels, stack;
  double range;
  int64_t letter_size, voice_size, prenet_size, attention_size;
  double end_weight;
  /* of `seqgpu speak` */
  const char *text, *copy, *wav, *svg;
  char speaker[ARGS_WORD]; /* "": the one with the most recordings */
  double seconds;
  int64_t rounds;
} speak_options;

typedef struct speak_plans {
  seqgpu_plan *encoder, *listener, *decoder;
} speak_plans;

/* A text that is to be said. */
typedef struct speak_line {
  int32_t *letter; /* [letters] numbers of the model's */
  int32_t letters;
} speak_line;

/* What a batch is for the model: memory of the app, valid until the next one. */
typedef struct speak_batch {
  speech_batch heard;
  seqgpu_speaker_batch said;
  const int32_t *mask; /* [T,B,stack] 1: there is such a frame */
  const float *ends;   /* [T,B,1] 1: the last step */
} speak_batch;

/* What was counted of the ends of recordings, or of strings of them, in a validation. */
typedef struct speak_score {
  double count, right, distance; /* ends; found at their step; steps that they are off, together */
} speak_score;

typedef struct speak_app {
  app base;
  vocabulary letters, voices;
  speech_form form;
  speech_set train, val;            /* of use: in `val` what is copied */
  int32_t *train_voice, *val_voice; /* of each of their speakers; -1: not known */
  char *texts;                      /* of use: what is to be said, whole */
  speak_line *line;
  int64_t lines, longest_line;
  speak_plans plans, val_plans;
  seqgpu_speaker *model;
  seqgpu_tensor *beside[SEQGPU_SPEAKER_BESIDE]; /* of the last batch */
  float *before, *ends, *answer;                /* of a batch; the logits of the end on the host */
  int32_t *mask, *letter, *voice;
  size_t room_before, room_ends, room_answer, room_mask, room_letter, room_voice;
  double squares, values, ends_loss, steps; /* sums of the last validation */
  speak_score singles, strings;
} speak_app;

static inline const speak_options *speak_options_of(const app *a) {
  return (const speak_options *)a->options;
}

/* Whether something is to be said, and nothing is measured. */
static inline int speak_says(const app *a) { return a->options->use && a->options->val_data.count == 0; }

/* Plans for texts of so many letters, so many steps and sequences. */
seqgpu_status speak_plan(const speak_app *a, int64_t letters, int64_t steps, int64_t sequences, int training,
                         speak_plans *out);
void speak_destroy_plans(speak_plans *p);
/* 0, or CLI_FAILED after a sentence, if the model needs more memory than is free. */
int speak_check_memory(const speak_app *a, const speak_plans *p);
seqgpu_status speak_build_model(speak_app *a, const speak_plans *p);
/* Blocks of random numbers of an update, at most. */
uint64_t speak_random_blocks(const speak_app *a, const speak_plans *p);
/* The items which[count] of a set for the model; 0 when out of memory. */
int speak_make_batch(speak_app *a, speech_set *s, const int32_t *voice, const int32_t *which, int64_t count,
                     const speech_draw *draw, speak_batch *out);
/* The squared error of a batch and the loss of its ends, means or sums; NULL: the tape knows why. */
void speak_losses(speak_app *a, const speak_plans *p, const speak_batch *b, int mean, seqgpu_tensor **squares,
                  seqgpu_tensor **ends);

/* The step of a sequence, from 0, at which it is likelier than not that its end has come; `steps` if there is
 * none.  logit: step t at logit[t * stride]. */
int64_t speak_find_end(const float *logit, int64_t steps, int64_t stride);

#endif
