/* goldens.h - reads a file of named tensors, "CASE/NAME", in the form of goldens/make_goldens.py. */
#ifndef GOLDENS_H
#define GOLDENS_H

#include "tests/check.h"

enum { GOLDENS_MAX = 1024, NAME_MAX_LENGTH = 96, GOLDEN_RANK = 8 };

typedef struct golden {
  char name[NAME_MAX_LENGTH];
  int rank;
  int64_t dims[GOLDEN_RANK];
  int64_t count; /* their product */
  double *data;
} golden;

static golden goldens[GOLDENS_MAX];
static int golden_count;

/* 1 if a whole record was read. */
static inline int read_record(FILE *file, golden *g) {
  uint32_t length, ndim;
  int64_t dim;
  if (fread(&length, sizeof length, 1, file) != 1 || length >= NAME_MAX_LENGTH) return 0;
  if (fread(g->name, 1, length, file) != length || fread(&ndim, sizeof ndim, 1, file) != 1 ||
      ndim > GOLDEN_RANK)
    return 0;
  g->name[length] = 0;
  g->count = 1;
  g->rank = (int)ndim;
  for (uint32_t i = 0; i < ndim; i++) {
    if (fread(&dim, sizeof dim, 1, file) != 1 || dim < 0 || dim > 1 << 20) return 0;
    g->dims[i] = dim;
    g->count *= dim;
  }
  g->data = (double *)malloc((size_t)g->count * sizeof(double));
  return g->data && fread(g->data, sizeof(double), (size_t)g->count, file) == (size_t)g->count;
}

static inline int read_goldens(const char *path) {
  char magic[8];
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  if (fread(magic, 1, 8, file) == 8 && memcmp(magic, "SQGOLD1\n", 8) == 0)
    while (golden_count < GOLDENS_MAX && read_record(file, &goldens[golden_count])) golden_count++;
  const int whole = fgetc(file) == EOF;
  fclose(file);
  return whole && golden_count > 0;
}

static inline void free_goldens(void) {
  for (int i = 0; i < GOLDENS_MAX; i++) free(goldens[i].data);
}

/* The tensor CASE/NAME, or NULL. */
static inline const golden *look_for(const char *test, const char *name) {
  char full[2 * NAME_MAX_LENGTH];
  snprintf(full, sizeof full, "%s/%s", test, name);
  for (int i = 0; i < golden_count; i++)
    if (strcmp(goldens[i].name, full) == 0) return &goldens[i];
  return NULL;
}

/* The tensor CASE/NAME of `count` elements; a failed check and NULL if there is none. */
static inline const double *find(const char *test, const char *name, int64_t count) {
  const golden *g = look_for(test, name);
  if (g && g->count == count) return g->data;
  check_record(0, "the file has no such tensor of that size", "goldens, %s/%s [%lld]", test, name,
               (long long)count);
  return NULL;
}

#endif
