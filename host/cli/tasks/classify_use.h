/* classify_use.h - `seqgpu classify`: sentences in, classes out; what they attend to, as a page. */
#ifndef CLASSIFY_USE_H
#define CLASSIFY_USE_H

#include "host/cli/tasks/classify_model.h"

/* `seqgpu classify` for an app that is open. */
int classify_use(app *a);
extern const arg_spec classify_use_specs[];

#endif
