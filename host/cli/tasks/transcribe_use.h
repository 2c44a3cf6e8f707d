/* transcribe_use.h - `seqgpu transcribe`: recordings in, text out. */
#ifndef TRANSCRIBE_USE_H
#define TRANSCRIBE_USE_H

#include "host/cli/tasks/transcribe_model.h"

/* `seqgpu transcribe` for an app that is open. */
int transcribe_use(app *a);
extern const arg_spec transcribe_use_specs[];
extern const arg_spec transcribe_eval_specs[];

#endif
