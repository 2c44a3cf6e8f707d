/* compose_use.h - `seqgpu compose`: new music, as a piano roll, a MIDI file, a picture. */
#ifndef COMPOSE_USE_H
#define COMPOSE_USE_H

#include "host/cli/tasks/compose_app.h"

/* `seqgpu compose` for an app that is open. */
int compose_use(app *a);
extern const arg_spec compose_use_specs[];

#endif
