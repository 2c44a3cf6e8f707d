/* open.h - functions of a library that is opened where it is first used, and not linked: a program that was
 * linked with it would not start where it is missing. */
#ifndef SQ_OPEN_H
#define SQ_OPEN_H

typedef struct sq_opened {
  void *handle;        /* NULL: it cannot be opened, and dlerror() says why */
  const char *missing; /* the first name that it does not have */
} sq_opened;

/* Opens it by its name, as the loader finds it; `everywhere`: its names are for other libraries too. */
sq_opened sq_open_library(const char *name, int everywhere);
/* The address of `name`, NULL where it is missing. */
void *sq_open_find(sq_opened *library, const char *name);
/* The same for a function, into a pointer to one: ISO C has no cast from an object to a function. */
void sq_open_function(sq_opened *library, const char *name, void *out);

#endif
