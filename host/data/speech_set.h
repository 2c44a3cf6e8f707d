/* speech_set.h - recordings of speech as log-mel features, in batches: what a model that writes down learns
 * from.
 *
 *   a step reads `stack` frames of mel.h one after another, each band less a mean and divided by a deviation
 *   labels are the letters of the text, numbered from 1: 0 is the blank of CTC
 *
 * Recordings of one speaker may be joined to a string of them, whose text is theirs in a row: in training
 * as many as an update draws, for validation those that follow from the set alone.
 */
#ifndef SPEECH_SET_H
#define SPEECH_SET_H

#include "host/cli/vocab.h"
#include "host/data/buckets.h"
#include "host/data/mel.h"
#include "host/data/recordings.h"

enum {
  SPEECH_PARTS = 16,   /* recordings of a string, at most */
  SPEECH_SECONDS = 6,  /* of a string, at most; a single recording may be longer */
  SPEECH_SHORTEST = 3, /* recordings of a string of validation ... */
  SPEECH_LONGEST = 7
};

/* What a model reads. */
typedef struct speech_form {
  int64_t rate, bands, stack;
  double range;  /* decibels below a recording's loudest band that are heard, 0: levels are absolute */
  int centred;   /* 1: the mean is each recording's own, 0: the training set's */
  int64_t pause; /* samples of silence behind each recording of an item */
  double mean[MEL_MOST_BANDS], deviation[MEL_MOST_BANDS];
} speech_form;

typedef struct speech_item {
  int32_t part[SPEECH_PARTS];
  float gain[SPEECH_PARTS]; /* of each, 0: it is heard as loud as it is */
  int32_t parts;
} speech_item;

typedef struct speech_set {
  recordings said; /* filled by a reader; none: the set is empty, and may be opened all the same */
  const speech_form *form;
  mel mel;
  int32_t shortest_string, longest_string; /* recordings of a string of validation, set before it is opened;
                                              0: SPEECH_SHORTEST, SPEECH_LONGEST */
  int64_t items, singles, longest; /* recordings and strings; of the former; steps of any batch, at most */
  speech_item *item;               /* [items] strings behind the single recordings */
  int32_t *length;                 /* [items] steps */
  int32_t *label;                  /* of all recordings, -1: a letter that the model has not */
  int64_t *label_start;            /* [recordings+1] */
  int32_t *by_speaker;             /* [recordings] those of one speaker one after another */
  int32_t *speaker_start;          /* [speakers+1] */
  buckets order;
  float *joined, *frame, *x; /* of a batch */
  int32_t *ends, *heard, *labels, *label_ends;
  size_t room_joined, room_frame, room_x, room_ends, room_heard, room_labels, room_label_ends;
} speech_set;

/* How an update changes what it learns from; speed and pitch: by which part, at most; level: of each
 * recording of a string, by how many decibels. */
typedef struct speech_draw {
  int64_t seed, step, join; /* join: 1 to SPEECH_PARTS recordings */
  double speed, pitch, level;
} speech_draw;

typedef struct speech_batch {
  int64_t seq_len, batch, label_len; /* T, B, L */
  int64_t first;                     /* the number of the first sequence in the whole batch */
  int64_t steps;                     /* of all together, without padding */
  double share;                      /* of the whole batch's steps, over that of its frames; 1: it is whole */
  const int32_t *lengths;            /* [B] */
  const int32_t *frames;             /* [B] in so many steps, of which the last may have room for more */
  const float *x;                    /* [T,B,stack*bands], 0 behind the end of a recording */
  const int32_t *label;              /* [L,B] */
  const int32_t *label_lengths;      /* [B] */
} speech_batch;

/* The letters of all texts; 0, or CLI_FAILED after a sentence. */
int speech_letters(const recordings *said, vocabulary *out);
/* Means and deviations over all frames of what was read; 0, or CLI_FAILED after a sentence. */
int speech_form_find(const recordings *said, speech_form *form);

/* Numbers what was read; form: must outlive the set.  draw: what updates may draw, NULL for validation,
 * where a string of shortest_string to longest_string recordings is added for each recording whose speaker
 * is known, unless these are 1.  0, or CLI_FAILED after a sentence; speech_set_close is to be called in any
 * case. */
int speech_set_open(speech_set *s, const speech_form *form, const vocabulary *letters,
                    const speech_draw *draw, int64_t batch, int64_t seed);
void speech_set_close(speech_set *s);

/* The items which[count] side by side: as they are, or, where there is a draw, of single recordings,
 * strings that begin with them, at a drawn speed and pitch.  Valid until the next call.  0 when out of
 * memory. */
int speech_set_batch(speech_set *s, const int32_t *which, int64_t count, const speech_draw *draw,
                     speech_batch *out);
/* The labels of an item, in out, which has room for speech_set_most_labels; how many there are. */
int64_t speech_set_labels(const speech_set *s, const speech_item *item, int32_t *out);
int64_t speech_set_most_labels(const speech_set *s);

/* The frames [*frames,bands] of an item as they were before means were taken: valid until the next call;
 * NULL when out of memory. */
const float *speech_set_frames(speech_set *s, const speech_item *item, int64_t *frames);

/* Back from what a model reads, or makes, x [frames,bands], to features as speech_set_frames has them ... */
void speech_form_features(const speech_form *form, const float *x, int64_t frames, float *out);
/* ... and from these to the power of each band, relative to the loudest where levels are. */
void speech_form_powers(const speech_form *form, const float *frame, int64_t frames, float *out);

#endif
