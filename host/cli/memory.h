/* memory.h - a stream that writes to memory (memory.c). */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdio.h>

typedef struct memory_stream {
  FILE *to;
  char *data; /* what was written, as of the last fflush or memory_close, and a zero behind it */
  size_t size, room;
} memory_stream;

/* Opens one, which must stay where it is; 0: out of memory, and there is nothing to free. */
int memory_open(memory_stream *m);
/* Ends writing; 0: out of memory, or an earlier write failed, and some of the text is not there. */
int memory_close(memory_stream *m);
void memory_free(memory_stream *m);

#endif
