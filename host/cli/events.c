/* events.c - writing event files (events.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/events.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/cli/cli.h"

struct events {
  FILE *file;
  char path[]; /* of the file */
};

/* ---------------------------------------------------------------- protocol buffers */

/* A message that is being built; `failed` when out of memory. */
typedef struct message {
  unsigned char *data;
  size_t size, room;
  int failed;
} message;

static void put(message *m, const void *data, size_t size) {
  if (size == 0 || m->failed) return;
  if (m->data == NULL || m->size + size > m->room) {
    const size_t room = 2 * (m->size + size);
    unsigned char *larger = realloc(m->data, room);
    if (larger == NULL) {
      m->failed = 1;
      return;
    }
    m->data = larger;
    m->room = room;
  }
  memcpy(m->data + m->size, data, size);
  m->size += size;
}

static void put_varint(message *m, uint64_t value) {
  do {
    const unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    put(m, &byte, 1);
    value >>= 7;
  } while (value);
}

/* The least significant bytes of a number first. */
static void put_fixed(message *m, uint64_t bits, int bytes) {
  for (int i = 0; i < bytes; i++) put(m, &(unsigned char){(unsigned char)(bits >> 8 * i)}, 1);
}

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void put_key(message *m, unsigned field, unsigned wire) { put_varint(m, field << 3 | wire); }

static void put_bytes(message *m, unsigned field, const void *data, size_t size) {
  put_key(m, field, BYTES);
  put_varint(m, size);
  put(m, data, size);
}

static void put_string(message *m, unsigned field, const char *text) {
  put_bytes(m, field, text, strlen(text));
}

static void put_integer(message *m, unsigned field, int64_t value) {
  put_key(m, field, VARINT);
  put_varint(m, (uint64_t)value);
}

/* Takes the inner message with its memory. */
static void put_message(message *m, unsigned field, message *inner) {
  put_bytes(m, field, inner->data, inner->size);
  m->failed |= inner->failed;
  free(inner->data);
  *inner = (message){.data = NULL};
}

/* ---------------------------------------------------------------- records */

/* CRC-32C (Castagnoli), bit by bit: records are short. */
static uint32_t crc32c(const unsigned char *data, size_t size) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

static uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8; }

/* Frames an event, takes its memory, and writes it. */
static int write_record(events *e, message *event) {
  message record = {.data = NULL};
  put_fixed(&record, event->size, 8);
  if (!record.failed) put_fixed(&record, masked(crc32c(record.data, 8)), 4);
  put(&record, event->data, event->size);
  put_fixed(&record, masked(crc32c(event->data, event->size)), 4);
  int code = CLI_OK;
  if (record.failed || event->failed)
    code = cli_error("%s: out of memory", e->path);
  else if (fwrite(record.data, 1, record.size, e->file) != record.size || fflush(e->file) != 0)
    code = cli_error("%s: cannot write: %s", e->path, strerror(errno));
  free(record.data);
  free(event->data);
  return code;
}

static message begin_event(int64_t step) {
  struct timespec now;
  uint64_t bits;
  clock_gettime(CLOCK_REALTIME, &now);
  const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
  message event = {.data = NULL};
  memcpy(&bits, &seconds, sizeof bits);
  put_key(&event, 1, FIXED64);
  put_fixed(&event, bits, 8);
  put_integer(&event, 2, step);
  return event;
}

/* ---------------------------------------------------------------- the file */

/* events.out.tfevents.SECONDS.HOST.PROCESS, as TensorBoard looks for it. */
static int open_file(const char *folder, events *e, size_t size) {
  char host[64] = "host";
  gethostname(host, sizeof host - 1);
  snprintf(e->path, size, "%s/events.out.tfevents.%lld.%s.%ld", folder, (long long)time(NULL), host,
           (long)getpid());
  e->file = fopen(e->path, "wbx");
  if (e->file == NULL) return cli_error("%s: cannot create: %s", e->path, strerror(errno));
  message version = begin_event(0);
  put_string(&version, 3, "brain.Event:2");
  return write_record(e, &version);
}

int events_open(const char *folder, events **out) {
  const size_t size = strlen(folder) + 160;
  *out = NULL;
  if (mkdir(folder, 0777) != 0 && errno != EEXIST)
    return cli_error("%s: cannot create the folder: %s", folder, strerror(errno));
  events *e = calloc(1, sizeof *e + size);
  if (e == NULL) return cli_error("%s: out of memory", folder);
  const int code = open_file(folder, e, size);
  if (code == CLI_OK)
    *out = e;
  else
    events_abandon(e);
  return code;
}

int events_add(events *e, int64_t step, const events_scalar *values, int count) {
  message event = begin_event(step), summary = {.data = NULL};
  for (int i = 0; i < count; i++) {
    if (isnan(values[i].value)) continue;
    const float number = (float)values[i].value;
    uint32_t bits;
    message value = {.data = NULL};
    memcpy(&bits, &number, sizeof bits);
    put_string(&value, 1, values[i].tag);
    put_key(&value, 2, FIXED32);
    put_fixed(&value, bits, 4);
    put_message(&summary, 1, &value);
  }
  put_message(&event, 5, &summary);
  return write_record(e, &event);
}

int events_add_text(events *e, int64_t step, const char *tag, const char *text, size_t size) {
  enum { STRINGS = 7 }; /* DataType of a tensor of strings */
  message event = begin_event(step), summary = {.data = NULL}, value = {.data = NULL},
          tensor = {.data = NULL}, metadata = {.data = NULL}, plugin = {.data = NULL};
  put_string(&value, 1, tag);
  put_integer(&tensor, 1, STRINGS);
  put_bytes(&tensor, 2, NULL, 0); /* no dimensions: one text */
  put_bytes(&tensor, 8, text, size);
  put_message(&value, 8, &tensor);
  put_string(&plugin, 1, "text");
  put_message(&metadata, 1, &plugin);
  put_message(&value, 9, &metadata);
  put_message(&summary, 1, &value);
  put_message(&event, 5, &summary);
  return write_record(e, &event);
}

void events_close(events *e) {
  if (e == NULL) return;
  if (e->file) fclose(e->file);
  free(e);
}

void events_abandon(events *e) {
  if (e && e->file) unlink(e->path);
  events_close(e);
}
