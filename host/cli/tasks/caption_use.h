/* caption_use.h - `seqgpu caption`: pictures in, captions out. */
#ifndef CAPTION_USE_H
#define CAPTION_USE_H

#include "host/cli/tasks/caption_model.h"

/* `seqgpu caption` for an app that is open. */
int caption_use(app *a);
extern const arg_spec caption_use_specs[];

#endif
