/* test_music.c - music: piano rolls by many small texts, the walk of bench/paper/ through them, whose windows
 * together are every step of every piece once, in order, after the step before it; the same of the batches of
 * host/data/roll_set.c; MIDI files byte by byte.
 */
#define _XOPEN_SOURCE 700

#include "bench/paper/music_walk.h"
#include "host/cli/memory.h"
#include "host/data/midi.h"
#include "host/data/roll_picture.h"
#include "host/data/roll_set.h"
#include "tests/said.h"

/* ---------------------------------------------------------------- piano rolls */

typedef struct roll_row {
  const char *text;
  const char *keys; /* the keys of each step, a bar after each piece */
  const char *sentence;
} roll_row;

#define WANTED " must be keys from 0 to 87 with commas between, or - for none"
static const roll_row texts[] = {
    {"0,87 - 5\n7\n", "0 87 ; ; 5 ; | 7 ; | ", NULL},
    {"\n 1\t2 \r\n\r\n \n3", "1 ; 2 ; | 3 ; | ", NULL},
    {"12,12,3", "3 12 ; | ", NULL},
    {"", "", "t: has no piece; it must have at least one line of steps"},
    {" \n\t\r\n", "", "t: has no piece; it must have at least one line of steps"},
    {"1 88", "", "t: line 1, step 2: \"88\"" WANTED},
    {"1\n\n2 3,,4 5\n", "", "t: line 3, step 2: \"3,,4\"" WANTED},
    {"1, 2", "", "t: line 1, step 1: \"1,\"" WANTED},
    {",1", "", "t: line 1, step 1: \",1\"" WANTED},
    {"-1", "", "t: line 1, step 1: \"-1\"" WANTED},
    {"1 --", "", "t: line 1, step 2: \"--\"" WANTED},
    {"1.5", "", "t: line 1, step 1: \"1.5\"" WANTED},
    {"0001", "", "t: line 1, step 1: \"0001\"" WANTED},
    {"99999999999999999999999999", "", "t: line 1, step 1: \"999999999999999999999999\"" WANTED},
};

static void write_keys(const rolls *r, char *out, size_t size) {
  size_t used = 0;
  for (int64_t p = 0; p < r->pieces; p++) {
    for (int64_t s = r->start[p]; s < r->start[p + 1]; s++) {
      for (int k = 0; k < ROLLS_KEYS; k++)
        if (r->on[s * ROLLS_KEYS + k]) used += (size_t)snprintf(out + used, size - used, "%d ", k);
      used += (size_t)snprintf(out + used, size - used, "; ");
    }
    used += (size_t)snprintf(out + used, size - used, "| ");
  }
}

static void check_rolls(void) {
  for (size_t i = 0; i < COUNT(texts); i++) {
    char *text = said_copy(texts[i].text, strlen(texts[i].text) + 1), keys[200] = "";
    rolls r = ROLLS_NONE;
    said_listen();
    const int code = rolls_parse("t", text, &r);
    const int ok = said_answer(code, texts[i].sentence);
    if (code == 0) write_keys(&r, keys, sizeof keys);
    check_record(ok && strcmp(keys, texts[i].keys) == 0, code ? said : keys, "piano rolls, row %zu", i);
    if (code == 0) rolls_free(&r);
    free(text);
  }
  rolls r = ROLLS_NONE;
  said_listen();
  CHECK(said_answer(rolls_read("/nowhere/x", &r), "/nowhere/x: cannot open: No such file or directory"),
        "piano rolls, no file");
}

/* Two texts are one set of pieces, which written out is read again. */
static void check_more_rolls(void) {
  static const unsigned char silence[2 * ROLLS_KEYS];
  char keys[100] = "";
  rolls r = ROLLS_NONE, again = ROLLS_NONE;
  memory_stream m;
  if (rolls_parse("a", "0,87 - 5\n7\n", &r) != 0 || rolls_parse("b", "\n9 9", &r) != 0 || !memory_open(&m))
    exit(EXIT_FAILURE);
  write_keys(&r, keys, sizeof keys);
  CHECK(strcmp(keys, "0 87 ; ; 5 ; | 7 ; | 9 ; 9 ; | ") == 0 && r.pieces == 3 && r.steps == 6,
        "piano rolls of two files");
  CHECK(r.bytes == 15 && r.hash == hash_bytes(HASH_START, "0,87 - 5\n7\n\n9 9", 15), "their hash and size");
  for (int64_t p = 0; p < r.pieces; p++)
    rolls_write(m.to, r.on + r.start[p] * ROLLS_KEYS, r.start[p + 1] - r.start[p]);
  rolls_write(m.to, silence, 2);
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(strcmp(m.data, "0,87 - 5\n7\n9 9\n- -\n") == 0, "piano rolls as a text");
  CHECK(rolls_parse("c", m.data, &again) == 0 && again.steps == 8, "which is read again");
  memory_free(&m);
  rolls_free(&again);
  rolls_free(&r);
}

/* ---------------------------------------------------------------- the walk */

enum { PIECES = 7, STREAMS = 3, WINDOW = 4, UNITS = 2 };

/* Pieces of 1, 4, 7, 10, ... steps; step number s of all sounds the one key s, which tells it from others. */
static void make_pieces(rolls *r) {
  static int64_t start[PIECES + 1];
  static unsigned char on[100 * ROLLS_KEYS];
  memset(on, 0, sizeof on);
  for (int p = 0; p < PIECES; p++) start[p + 1] = start[p] + 1 + 3 * p;
  for (int64_t s = 0; s < start[PIECES]; s++) on[s * ROLLS_KEYS + s] = 1;
  *r = (rolls){.pieces = PIECES, .steps = start[PIECES], .start = start, .on = on};
}

/* The key of a row, -1 for silence. */
static int64_t key_of(const float *row) {
  for (int64_t k = 0; k < ROLLS_KEYS; k++)
    if (row[k] > 0) return k;
  return -1;
}

static int begins(const rolls *r, int64_t step) {
  for (int64_t p = 0; p < r->pieces; p++)
    if (r->start[p] == step) return 1;
  return 0;
}

/* Looks at stream b of a batch; counts its steps in seen.  The state has the step that came last: 0, or one
 * more than its number. */
static int follow(walk *w, int64_t b, int seen[ROLLS_KEYS]) {
  int ok = w->length[b] >= 1 && w->length[b] <= w->steps;
  for (int64_t t = 0; t < w->steps; t++) {
    const int64_t place = (t * w->active + b) * ROLLS_KEYS;
    const int64_t before = key_of(w->x + place), now = key_of(w->target + place);
    float *state = w->state + b * UNITS;
    if (t >= w->length[b]) {
      ok &= before < 0 && now < 0;
      continue;
    }
    if (now < 0) return 0;
    seen[now]++;
    ok &= before == (begins(w->r, now) ? -1 : now - 1);
    ok &= (int64_t)state[1] == before + 1;
    state[1] = (float)(now + 1);
  }
  return ok;
}

static void check_walk(uint64_t seed, int64_t streams) {
  rolls r;
  walk w;
  int seen[ROLLS_KEYS] = {0}, ok = 1, once = 1, batches = 0;
  int64_t steps = 0;
  make_pieces(&r);
  CHECK(walk_open(&w, &r, streams, WINDOW, UNITS) == 0, "room for a walk");
  walk_start(&w, seed);
  while (walk_next(&w)) {
    int64_t count = 0, longest = 0;
    for (int64_t b = 0; b < w.active; b++) {
      ok &= follow(&w, b, seen);
      count += w.length[b];
      if (w.length[b] > longest) longest = w.length[b];
    }
    ok &= count == w.count && longest == w.steps && w.steps <= WINDOW && w.active <= streams;
    steps += count;
    batches++;
  }
  for (int64_t s = 0; s < r.steps; s++) once &= seen[s] == 1;
  CHECK(ok, "a walk of %lld streams, seed %llu: each step after the one before it, with its state",
        (long long)streams, (unsigned long long)seed);
  CHECK(once && steps == r.steps, "a walk of %lld streams, seed %llu: every step once", (long long)streams,
        (unsigned long long)seed);
  CHECK(!walk_next(&w) && batches > 0, "a walk ends");
  walk_close(&w);
}

/* The order is that of the pieces for seed 0, and another for other seeds. */
static void check_order(void) {
  rolls r;
  walk w;
  make_pieces(&r);
  walk_open(&w, &r, 1, 100, UNITS);
  int64_t order[3][PIECES] = {{0}};
  for (uint64_t seed = 0; seed < 3; seed++) {
    walk_start(&w, seed);
    for (int p = 0; walk_next(&w) && p < PIECES; p++) order[seed][p] = w.length[0];
  }
  int in_order = 1;
  for (int p = 0; p < PIECES; p++) in_order &= order[0][p] == 1 + 3 * p;
  CHECK(in_order, "seed 0: the pieces as they stand");
  CHECK(memcmp(order[1], order[0], sizeof order[0]) != 0 && memcmp(order[1], order[2], sizeof order[0]) != 0,
        "each seed has its order");
  walk_close(&w);
}

/* ---------------------------------------------------------------- batches */

/* Every step comes once in an epoch, after the step before it, moved by what the step itself is moved. */
static void check_batches(int64_t window, int64_t transpose) {
  roll_set set = {.music = ROLLS_NONE};
  int seen[100] = {0}, right = 1, moved = 0;
  make_pieces(&set.music);
  if (roll_set_open(&set, window, STREAMS, 1) != 0) exit(EXIT_FAILURE);
  for (int64_t u = 0; u < set.order.batches; u++) {
    int64_t count, steps = 0;
    step_batch b;
    const int32_t *which = buckets_batch(&set.order, u, &count);
    if (!roll_set_batch(&set, which, count, (roll_shift){transpose, 1, u}, &b)) exit(EXIT_FAILURE);
    for (int64_t i = 0; i < count; i++) {
      const int64_t first = set.start[which[i]], up = key_of(b.x + i * ROLLS_KEYS) - first;
      moved += up != 0;
      right &= llabs((long long)up) <= transpose && (window == 0 || b.lengths[i] <= window);
      for (int64_t t = 0; t < b.seq_len; t++) {
        const int64_t row = (t * count + i) * ROLLS_KEYS, step = first + t;
        const int inside = t < b.lengths[i], starts = t == 0 && begins(&set.music, step);
        right &= key_of(b.x + row) == (inside ? step + up : -1);
        right &= key_of(b.before + row) == (inside && !starts ? step - 1 + up : -1);
        if (inside) seen[step]++;
        steps += inside;
      }
    }
    right &= b.steps == steps;
  }
  for (int64_t s = 0; s < set.music.steps; s++) right &= seen[s] == 1;
  CHECK(right && (moved > 0) == (transpose > 0), "batches of parts of %lld steps, moved by at most %lld",
        (long long)window, (long long)transpose);
  set.music = (rolls)ROLLS_NONE; /* it is no memory of malloc */
  roll_set_close(&set);
}

static void check_entropy(void) {
  roll_set set = {.music = ROLLS_NONE};
  if (rolls_parse("t", "5 5,7 7 5\n", &set.music) != 0 || roll_set_open(&set, 2, 1, 1) != 0)
    exit(EXIT_FAILURE);
  const double wanted = -0.75 * log(0.75) - 0.25 * log(0.25) + log(2);
  CHECK(fabs(roll_set_entropy(&set) - wanted) < 1e-12 && set.parts == 2, "the loss of knowing how often");
  roll_set_close(&set);
}

/* Keys that always or never sound cost nothing; a part that is silent is not moved. */
static void check_limits(void) {
  static const int32_t both[] = {0, 1};
  int64_t start[] = {0, INT32_MAX, 2 * (int64_t)INT32_MAX}, longer[] = {0, (int64_t)INT32_MAX + 1};
  roll_set set = {.music = ROLLS_NONE};
  step_batch b;
  CHECK(roll_set_open(&set, 0, 1, 1) == 0, "no music");
  if (rolls_parse("t", "5 5\n- -\n", &set.music) != 0 || roll_set_open(&set, 0, 2, 1) != 0)
    exit(EXIT_FAILURE);
  int up = 0, right = 1;
  for (int64_t step = 0; step < 20; step++) {
    if (!roll_set_batch(&set, both, 2, (roll_shift){3, 1, step}, &b)) exit(EXIT_FAILURE);
    up += key_of(b.x) != 5;
    right &= key_of(b.x) >= 2 && key_of(b.x) <= 8 && key_of(b.x + ROLLS_KEYS) == -1;
  }
  CHECK(right && up > 0, "silence is not moved");
  roll_set_close(&set);
  if (rolls_parse("t", "5 5\n", &set.music) != 0) exit(EXIT_FAILURE);
  CHECK(roll_set_entropy(&set) == 0, "keys that always or never sound");
  roll_set_close(&set);
  set.music = (rolls){.pieces = 1, .start = longer};
  said_listen();
  CHECK(said_answer(roll_set_open(&set, 1, 1, 1), "a piece of music is too long"), "2^31 steps");
  set.music = (rolls){.pieces = 2, .start = start};
  said_listen();
  CHECK(said_answer(roll_set_open(&set, 1, 1, 1), "there are too many pieces of music"), "2^32 parts");
}

/* ---------------------------------------------------------------- files */

/* Two steps of key 0, silence, and a step of keys 0 and 87, 100 steps a minute. */
static void check_midi(void) {
  static const unsigned char wanted[] = {
      'M',  'T', 'h', 'd', 0,    0,    0,  6,    0,    0,    0,  1,    0,    24,  'M', 'T',  'r',  'k',  0,
      0,    0,   35,  0,   0xff, 0x51, 3,  0x09, 0x27, 0xc0, 0,  0x90, 21,   64,  48,  0x80, 21,   64,   24,
      0x90, 21,  64,  0,   0x90, 108,  64, 24,   0x80, 21,   64, 0,    0x80, 108, 64,  0,    0xff, 0x2f, 0};
  unsigned char on[4 * ROLLS_KEYS] = {0};
  memory_stream m;
  on[0] = on[ROLLS_KEYS] = on[3 * ROLLS_KEYS] = on[3 * ROLLS_KEYS + 87] = 1;
  if (!memory_open(&m)) exit(EXIT_FAILURE);
  midi_write(m.to, on, 4, 100);
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(m.size == sizeof wanted && memcmp(m.data, wanted, sizeof wanted) == 0, "a MIDI file, byte by byte");
  memory_free(&m);
  /* 200 steps of silence and a note: 4,800 ticks take two bytes */
  static unsigned char late[201 * ROLLS_KEYS];
  late[200 * ROLLS_KEYS + 39] = 1;
  if (!memory_open(&m)) exit(EXIT_FAILURE);
  midi_write(m.to, late, 201, 100);
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(m.size > 34 && memcmp(m.data + 29, "\xa5\x40\x90\x3c\x40", 5) == 0, "a MIDI file, a long silence");
  memory_free(&m);
  if (!memory_open(&m)) exit(EXIT_FAILURE);
  midi_write(m.to, late, 0, 100);
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(m.size == 33 && m.data[21] == 11 && memcmp(m.data + 29, "\0\xff\x2f\0", 4) == 0,
        "a MIDI file of no steps");
  memory_free(&m);
}

/* How often a text has another. */
static int times(const char *text, const char *piece) {
  int n = 0;
  for (const char *at = text; (at = strstr(at, piece)) != NULL; at++) n++;
  return n;
}

static void check_picture(void) {
  unsigned char on[4 * ROLLS_KEYS] = {0};
  memory_stream m;
  on[39] = on[ROLLS_KEYS + 39] = on[2 * ROLLS_KEYS + 39] = on[3 * ROLLS_KEYS + 43] = 1;
  if (!memory_open(&m)) exit(EXIT_FAILURE);
  roll_picture(m.to, on, 4, 1);
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(strncmp(m.data, "<svg xmlns=", 11) == 0 && times(m.data, ">C4</text>") == 1 &&
            times(m.data, "#8a93a3") == 1 && times(m.data, "#1f6feb") == 2,
        "a picture: a note that is given, two that are not");
  memory_free(&m);
  /* of silence an octave is shown; of many steps few have their numbers, and notes no gaps between them */
  static unsigned char many[2000 * ROLLS_KEYS];
  static const struct {
    int64_t steps;
    int numbers;
    const char *number, *note;
  } wide[] = {{0, 1, ">0</text>", "width=\"48\""},         {50, 6, ">50</text>", "width=\"548\""},
              {250, 26, ">250</text>", "width=\"3.6\""},   {500, 26, ">500</text>", "width=\"1.4\""},
              {1000, 21, ">1000</text>", "width=\"1.1\""}, {2000, 21, ">2000</text>", "width=\"0.6\""}};
  for (size_t i = 0; i < COUNT(wide); i++) {
    if (wide[i].steps > 100) many[39] = 1;
    if (!memory_open(&m)) exit(EXIT_FAILURE);
    roll_picture(m.to, many, wide[i].steps, 0);
    if (!memory_close(&m)) exit(EXIT_FAILURE);
    CHECK(times(m.data, ">C4</text>") == 1 && strstr(m.data, wide[i].number) && strstr(m.data, wide[i].note),
          "a picture of %d steps", (int)wide[i].steps);
    CHECK(times(m.data, "text-anchor=\"middle\"") == wide[i].numbers, "numbers of %d steps: %d",
          (int)wide[i].steps, times(m.data, "text-anchor=\"middle\""));
    memory_free(&m);
  }
}

int main(void) {
  check_start();
  check_rolls();
  check_more_rolls();
  for (uint64_t seed = 0; seed < 3; seed++)
    for (int64_t streams = 1; streams <= PIECES + 1; streams += 2) check_walk(seed, streams);
  check_order();
  check_batches(0, 0);
  check_batches(4, 0);
  check_batches(3, 2);
  check_entropy();
  check_limits();
  check_midi();
  check_picture();
  return check_finish();
}
