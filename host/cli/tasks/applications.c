/* applications.c - the table of applications (host/cli/application.h). */
#include <string.h>

#include "host/cli/application.h"

const application *const applications[] = {&application_tag,
                                           &application_classify,
                                           &application_compose,
                                           &application_draw,
                                           &application_frames,
                                           &application_spell,
                                           &application_translate,
                                           &application_caption,
                                           &application_transcribe,
                                           &application_speak,
                                           &application_write,
                                           &application_read,
                                           NULL};

const application *application_find(const char *name) {
  for (int i = 0; applications[i]; i++)
    if (strcmp(applications[i]->name, name) == 0) return applications[i];
  return NULL;
}
