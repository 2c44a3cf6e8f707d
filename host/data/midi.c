/* midi.c - see midi.h.
 *
 *   "MThd" 6  format 0, 1 track, 24 ticks a quarter note
 *   "MTrk" size  events: ticks since the last one, as a number of 7 bits a byte, and what happens
 *     ff 51 03 t t t    a quarter note takes t microseconds
 *     90 key 64, 80 key 40    a key is struck, a key is let go
 *     ff 2f 00          the end
 */
#include "host/data/midi.h"

#include "host/data/rolls.h"

enum { TICKS = 24, STRUCK = 0x90, LET_GO = 0x80, HARD = 64, SOFT = 64 };

/* A track that is counted first, where `to` is NULL, and then written. */
typedef struct track {
  FILE *to;
  int64_t size, idle; /* bytes; steps since the last event */
} track;

static void put(track *t, int byte) {
  if (t->to) fputc(byte, t->to);
  t->size++;
}

/* The highest digits first, every byte but the last with its high bit. */
static void put_delay(track *t, uint64_t ticks) {
  int digits = 1;
  while (ticks >> (7 * digits)) digits++;
  while (digits-- > 0) put(t, (int)(ticks >> (7 * digits) & 127) | (digits > 0 ? 128 : 0));
}

static void put_event(track *t, int kind, int key, int velocity) {
  put_delay(t, (uint64_t)t->idle * TICKS);
  t->idle = 0;
  put(t, kind);
  put(t, ROLLS_LOWEST + key);
  put(t, velocity);
}

/* What changes from one step to the next; NULL is silence. */
static void put_changes(track *t, const unsigned char *before, const unsigned char *on) {
  for (int k = 0; k < ROLLS_KEYS; k++)
    if (before && before[k] && !(on && on[k])) put_event(t, LET_GO, k, SOFT);
  for (int k = 0; k < ROLLS_KEYS; k++)
    if (on && on[k] && !(before && before[k])) put_event(t, STRUCK, k, HARD);
}

static void put_track(track *t, const unsigned char *on, int64_t steps, int64_t tempo) {
  const uint64_t microseconds = UINT64_C(60000000) / (uint64_t)tempo;
  const int begin[] = {0, 0xff, 0x51, 3}, end[] = {0xff, 0x2f, 0};
  for (int i = 0; i < 4; i++) put(t, begin[i]);
  for (int i = 2; i >= 0; i--) put(t, (int)(microseconds >> (8 * i) & 255));
  for (int64_t s = 0; s < steps; s++, t->idle++)
    put_changes(t, s > 0 ? on + (s - 1) * ROLLS_KEYS : NULL, on + s * ROLLS_KEYS);
  put_changes(t, steps > 0 ? on + (steps - 1) * ROLLS_KEYS : NULL, NULL);
  put_delay(t, (uint64_t)t->idle * TICKS);
  for (int i = 0; i < 3; i++) put(t, end[i]);
}

void midi_write(FILE *to, const unsigned char *on, int64_t steps, int64_t tempo) {
  static const unsigned char head[] = {'M', 'T', 'h', 'd', 0,     0,   0,   6,   0,
                                       0,   0,   1,   0,   TICKS, 'M', 'T', 'r', 'k'};
  track counted = {NULL, 0, 0}, written = {to, 0, 0};
  put_track(&counted, on, steps, tempo);
  fwrite(head, 1, sizeof head, to);
  for (int i = 3; i >= 0; i--) fputc((int)(counted.size >> (8 * i) & 255), to);
  put_track(&written, on, steps, tempo);
}
