/* application_speech.h - what applications share that learn from recordings of speech: their files, and what
 * a model hears of them, in its checkpoints.
 */
#ifndef APPLICATION_SPEECH_H
#define APPLICATION_SPEECH_H

#include "host/cli/application.h"
#include "host/data/speech_set.h"
#include "host/data/word_set.h"

/* Rows of their options, of which the struct has a field of the same name. */
#define SPEECH_HOLD_OUT                                                                                      \
  ROW_INT("hold-out", ARG_KEEP_MODEL, FIELD(hold_out), 0, 1000000000, "N",                                   \
          "recordings of a folder whose number is below N are validated on, and never learnt")
#define SPEECH_SINGLE_EPOCHS                                                                                 \
  ROW_INT("single-epochs", ARG_KEEP_RUN, FIELD(single_epochs), 0, 1000000, "N",                              \
          "epochs of single recordings, before strings")
#define SPEECH_MELS                                                                                          \
  ROW_INT("mels", ARG_KEEP_MODEL, FIELD(mels), 1, MEL_MOST_BANDS, "N", "bands of a frame of 10 ms")
#define SPEECH_RANGE                                                                                         \
  ROW_REAL("range", ARG_KEEP_MODEL, FIELD(range), 0, 200, "DB",                                              \
           "decibels below a recording's loudest band that are heard, 0 = absolute levels")

/* Reads --data into `learnt`, and adds --val-data to `held_out`, or, where there is none, what the folders of
 * --data hold out; says what was read.  choice: who is held out; its take_held_out is not looked at.  Both
 * hold what was read before, if anything.  0, or an exit code after a sentence, as the next three. */
int app_read_speech(app *a, recordings_choice choice, recordings *learnt, recordings *held_out);
/* The letters of `learnt`, or of the checkpoint. */
int app_open_letters(const app *a, const recordings *learnt, vocabulary *out);
/* Completes what the options say of a form, by what was learnt or by the checkpoint; and checks the rates. */
int app_open_form(const app *a, const recordings *learnt, const recordings *held_out, speech_form *form);

/* The form's texts for a checkpoint; 0 when out of memory. */
enum { APP_FORM_TEXTS = 3 };
int app_describe_form(const speech_form *form, app_text texts[APP_FORM_TEXTS]);

#endif
