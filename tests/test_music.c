/* test_music.c - the music of bench/paper/: piano rolls by many small texts, and the walk through them, whose
 * windows together are every step of every piece once, in order, after the step before it.
 */
#define _XOPEN_SOURCE 700

#include "bench/paper/music_walk.h"
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
    rolls r;
    said_listen();
    const int code = rolls_parse("t", text, &r);
    const int ok = said_answer(code, texts[i].sentence);
    if (code == 0) write_keys(&r, keys, sizeof keys);
    check_record(ok && strcmp(keys, texts[i].keys) == 0, code ? said : keys, "piano rolls, row %zu", i);
    if (code == 0) rolls_free(&r);
    free(text);
  }
  rolls r;
  said_listen();
  CHECK(said_answer(rolls_read("/nowhere/x", &r), "/nowhere/x: cannot open: No such file or directory"),
        "piano rolls, no file");
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

int main(void) {
  check_start();
  check_rolls();
  for (uint64_t seed = 0; seed < 3; seed++)
    for (int64_t streams = 1; streams <= PIECES + 1; streams += 2) check_walk(seed, streams);
  check_order();
  return check_finish();
}
