/* folder.h - the files of a folder and of those in it, in memory: what a run begins with, and leaves. */
#ifndef FAULTS_FOLDER_H
#define FAULTS_FOLDER_H

#include <stddef.h>

typedef struct folder_file {
  char *name; /* "model.st", "tb/events" */
  char *data;
  size_t size;
} folder_file;

typedef struct folder {
  folder_file *files;
  int count;
} folder;

/* What is below `path`; nothing where there is no such folder. */
folder folder_read(const char *path);
/* Makes `path` with exactly these files. */
void folder_write(const folder *f, const char *path);
void folder_remove(const char *path);
void folder_free(folder *f);
/* NULL if there is none of that name. */
const folder_file *folder_find(const folder *f, const char *name);
int folder_same(const folder_file *a, const folder_file *b);

/* A whole file in memory, with a zero behind it. */
folder_file folder_read_file(const char *path);

#endif
