/* tag_use.h - `seqgpu tag`: sentences in, tags out. */
#ifndef TAG_USE_H
#define TAG_USE_H

#include "host/cli/tasks/tag_model.h"

/* `seqgpu tag` for an app that is open. */
int tag_use(app *a);
extern const arg_spec tag_use_specs[];

#endif
