/* frames_use.h - `seqgpu frames`: clips in, labels out. */
#ifndef FRAMES_USE_H
#define FRAMES_USE_H

#include "host/cli/tasks/frames_model.h"

/* `seqgpu frames` for an app that is open. */
int frames_use(app *a);
extern const arg_spec frames_use_specs[];

#endif
