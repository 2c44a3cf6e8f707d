/* speak_use.h - `seqgpu speak`: text in, a WAV file and a picture out. */
#ifndef SPEAK_USE_H
#define SPEAK_USE_H

#include "host/cli/tasks/speak_model.h"

/* What is to be said, by numbers of letters; 0, or an exit code after a sentence. */
int speak_open_lines(speak_app *a);
/* `seqgpu speak` for an app that is open. */
int speak_use(app *a);
extern const arg_spec speak_use_specs[];

#endif
