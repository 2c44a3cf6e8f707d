/* write_use.h - `seqgpu write`: texts in the model's hand. */
#ifndef WRITE_USE_H
#define WRITE_USE_H

#include "host/cli/tasks/write_model.h"

/* Reads --text and --input; 0, or an exit code after a sentence. */
int write_read_texts(write_app *a);
/* `seqgpu write` for an app that is open. */
int write_use(app *a);
extern const arg_spec write_use_specs[];

#endif
