/* application_speech.h - what applications share that learn from recordings of speech: their files, and what
 * a model hears of them, in its checkpoints.
 */
#ifndef APPLICATION_SPEECH_H
#define APPLICATION_SPEECH_H

#include "host/cli/application.h"
#include "host/data/speech_set.h"
#include "host/data/word_set.h"

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
