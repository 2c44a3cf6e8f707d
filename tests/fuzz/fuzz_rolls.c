/* fuzz_rolls.c - piano rolls; the first byte says how long a part of a piece may be. */
#include "host/cli/memory.h"
#include "host/data/midi.h"
#include "host/data/roll_picture.h"
#include "host/data/roll_set.h"
#include "tests/fuzz/fuzz.h"

/* Every part is batched, and each step of a part is what was read. */
static void batch_all(roll_set *s) {
  for (int32_t i = 0; i < s->parts; i++) {
    step_batch b;
    if (!roll_set_batch(s, &i, 1, (roll_shift){.most = 0}, &b)) continue;
    fuzz_require(b.seq_len == s->length[i] && b.steps == b.lengths[0]);
    for (int64_t t = 0; t < b.seq_len * ROLLS_KEYS; t++)
      fuzz_require(b.x[t] == (float)s->music.on[s->start[i] * ROLLS_KEYS + t]);
  }
}

/* Written as a text it is read again. */
static void write_all(const rolls *r) {
  rolls again = ROLLS_NONE;
  memory_stream text, other;
  if (!memory_open(&text)) return;
  for (int64_t p = 0; p < r->pieces; p++)
    rolls_write(text.to, r->on + r->start[p] * ROLLS_KEYS, r->start[p + 1] - r->start[p]);
  if (memory_close(&text) && rolls_parse("fuzz", text.data, &again) == 0) {
    fuzz_require(again.pieces == r->pieces && again.steps == r->steps);
    fuzz_require(memcmp(again.on, r->on, (size_t)r->steps * ROLLS_KEYS) == 0);
  }
  rolls_free(&again);
  memory_free(&text);
  if (!memory_open(&other)) return;
  midi_write(other.to, r->on, r->steps, 4);
  roll_picture(other.to, r->on, r->steps, r->steps / 2);
  memory_close(&other);
  memory_free(&other);
}

FUZZ_TARGET(rolls) {
  const int64_t window = fuzz_byte(&data, &size) % 5;
  char *text = fuzz_string(data, size);
  roll_set s = {.music = ROLLS_NONE};
  if (rolls_parse("fuzz", text, &s.music) == 0 && roll_set_open(&s, window, 3, 1) == 0) {
    fuzz_require(s.music.start[0] == 0 && s.music.start[s.music.pieces] == s.music.steps);
    batch_all(&s);
    write_all(&s.music);
  }
  roll_set_close(&s);
  free(text);
  return 0;
}
