/* draw_use.h - `seqgpu draw`: new drawings, as text and as a sheet. */
#ifndef DRAW_USE_H
#define DRAW_USE_H

#include "host/cli/tasks/draw_model.h"

/* The numbers of --bias; 0, or an exit code after a sentence. */
int draw_read_biases(draw_app *a);
/* `seqgpu draw` for an app that is open. */
int draw_use(app *a);
extern const arg_spec draw_use_specs[];

#endif
