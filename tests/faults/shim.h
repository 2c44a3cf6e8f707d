/* shim.h - what the files of the shim share: which call is to fail, and the C library's own functions. */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/faults/kinds.h"

/* Counts a call of `function`, which was made from `caller`; 1 if it is to fail, and then errno is set,
 * unless it is to do half (fault_halves). */
int fault_hits(fault_class of, const char *function, const void *caller);
/* Whether the kind of this process lets calls do half of what they are asked for. */
int fault_halves(void);
/* The program's own files that are open, for the report. */
void fault_note_open(int fd, const void *caller);
void fault_note_close(int fd);

#define FAULT_HITS(of) fault_hits(of, __func__, __builtin_return_address(0))

/* `real` is the function behind ours, of the type of `name`. */
#define REAL(name)                                                                                           \
  static __typeof__(name) *real;                                                                             \
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

/* read, write and so on with the faults of a class, for the streams. */
ssize_t fault_read(fault_class of, int fd, void *to, size_t size, const char *function, const void *caller);
ssize_t fault_write(int fd, const void *from, size_t size, const char *function, const void *caller);

/* The standard streams become streams of ours (shim_streams.c). */
void fault_take_streams(void);

#endif
