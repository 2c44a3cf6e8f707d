/* memory.c - a stream that writes to memory (memory.h).
 *
 * open_memstream of the GNU C library loses what it has no memory for and does not tell: neither ferror nor
 * fclose knows.  This one fails as a file does on a full disk.
 */
#define _GNU_SOURCE /* fopencookie */

#include "host/cli/memory.h"

#include <stdlib.h>
#include <string.h>

static ssize_t append(void *self, const char *text, size_t size) {
  memory_stream *m = self;
  if (m->size + size >= m->room) {
    const size_t room = 2 * (m->size + size) + 1;
    char *larger = realloc(m->data, room);
    if (larger == NULL) return 0;
    m->data = larger;
    m->room = room;
  }
  memcpy(m->data + m->size, text, size);
  m->size += size;
  m->data[m->size] = 0;
  return (ssize_t)size;
}

int memory_open(memory_stream *m) {
  *m = (memory_stream){.data = calloc(1, 1), .room = 1};
  if (m->data) m->to = fopencookie(m, "w", (cookie_io_functions_t){.write = append});
  if (m->to == NULL) memory_free(m);
  return m->to != NULL;
}

int memory_close(memory_stream *m) {
  const int whole = fflush(m->to) == 0 && !ferror(m->to);
  fclose(m->to);
  m->to = NULL;
  return whole;
}

void memory_free(memory_stream *m) {
  if (m->to) fclose(m->to);
  free(m->data);
  *m = (memory_stream){.data = NULL};
}
