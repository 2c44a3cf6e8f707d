/* translate_map.h - what the words of translations attend to, as a picture. */
#ifndef TRANSLATE_MAP_H
#define TRANSLATE_MAP_H

#include "host/cli/tasks/pair_task.h"

/* Of an app that has answered val, whose answers are these words.  Nothing where path is NULL.  0, or an exit code
 * after a sentence. */
int translate_map(pair_app *a, const sentences *answers, const char *path);

#endif
