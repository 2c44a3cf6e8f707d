/* alike.c - see alike.h. */
#include "core/alike.h"

#include <string.h>

#include "core/layer_map.h"
#include "core/ops_cpu.h"

enum {
  ROWS_MIN = 64, /* fewer are multiplied sooner than compared, */
  COLS_MIN = 16, /* and so are short ones */
  SHARE = 4,     /* rows of a kind, on average, at least */
  KINDS_MAX = 512,
  SLOTS_MAX = 2 * KINDS_MAX,
  FIRST_LOOK = 64, /* rows that may all differ before every other one must not */
  COLUMN_TILE = 128
};

/* ---- the search ---------------------------------------------------------------------------------------- */

static int64_t kinds_max(int64_t rows) { return sq_min(rows / SHARE, KINDS_MAX); }

/* A power of two, at most half of which is ever taken. */
static int64_t slots_for(int64_t kinds) {
  int64_t slots = 2;
  while (slots < 2 * kinds) slots *= 2;
  return slots;
}

static int64_t integers_size(int64_t count) {
  return sq_align_elements((count * (int64_t)sizeof(int32_t) + (int64_t)sizeof(real) - 1) /
                           (int64_t)sizeof(real));
}

int64_t FN(sq_alike_size)(int64_t rows, int64_t cols) {
  if (rows < ROWS_MIN || cols < COLS_MIN) return 0;
  return integers_size(rows) + FN(sq_alike_table_size)(rows, cols);
}

int64_t FN(sq_alike_table_size)(int64_t rows, int64_t cols) {
  return sq_align_elements(kinds_max(rows) * cols);
}

/* Of all bits of a row, sixteen words at a time. */
SQ_INLINE uint64_t hash_of(int64_t cols, const real *x) {
  typedef uint32_t words __attribute__((vector_size(64)));
  const uint64_t odd = 0x9E3779B97F4A7C15u; /* 2^64 over the golden ratio */
  const int64_t bytes = cols * (int64_t)sizeof(real), lanes = sizeof(words) / sizeof(uint32_t);
  words h = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, next;
  for (int64_t at = 0; at < bytes; at += (int64_t)sizeof next) {
    if (bytes - at < (int64_t)sizeof next) {
      memset(&next, 0, sizeof next);
      memcpy(&next, (const char *)x + at, (size_t)(bytes - at));
    } else {
      memcpy(&next, (const char *)x + at, sizeof next);
    }
    h = (h ^ next) * (uint32_t)odd;
    h ^= h >> 15;
  }
  uint64_t hash = 0;
  for (int64_t i = 0; i < lanes; i++) hash = (hash ^ h[i]) * odd;
  return hash ^ hash >> 32;
}

/* The slot of a row's kind, or the free one where it will be. */
SQ_CLONES static int64_t slot_of(const int32_t *slot, int64_t slots, const real *kinds, int64_t cols,
                                 const real *row) {
  int64_t i = (int64_t)(hash_of(cols, row) & (uint64_t)(slots - 1));
  while (slot[i] && memcmp(kinds + (slot[i] - 1) * cols, row, (size_t)cols * sizeof(real)) != 0)
    i = (i + 1) & (slots - 1);
  return i;
}

int FN(sq_alike_find)(int64_t rows, int64_t cols, const real *x, int64_t ldx, real *memory,
                      FN(sq_alike) * found) {
  const int64_t most = kinds_max(rows), slots = slots_for(most);
  if (FN(sq_alike_size)(rows, cols) == 0) return 0;
  int32_t slot[SLOTS_MAX]; /* 1 + the kind, or 0 */
  memset(slot, 0, (size_t)slots * sizeof *slot);
  int32_t *kind = (void *)memory;
  real *kinds = memory + integers_size(rows);
  int32_t count = 0;
  for (int64_t r = 0; r < rows; r++) {
    const real *row = x + r * ldx;
    const int64_t i = slot_of(slot, slots, kinds, cols, row);
    if (slot[i] == 0) {
      if (count == most || count > FIRST_LOOK + r / 2) return 0;
      memcpy(kinds + count * cols, row, (size_t)cols * sizeof(real));
      slot[i] = ++count;
    }
    kind[r] = slot[i] - 1;
  }
  *found = (FN(sq_alike)){rows, count, kind, kinds, cols};
  return 1;
}

/* ---- what is done with it ------------------------------------------------------------------------------ */

void FN(sq_alike_spread)(const FN(sq_alike) * a, int64_t first, int64_t rows, int64_t cols,
                         const real *of_kind, real *y, int64_t ld) {
  const int32_t *kind = a->kind + first;
  for (int64_t r = 0; r < rows; r++)
    memcpy(y + r * ld, of_kind + kind[r] * cols, (size_t)cols * sizeof(real));
}

typedef struct {
  const int32_t *kind;
  int64_t rows, cols, ld;
  const real *y;
  real *of_kind;
} addition;

SQ_CLONES static void add_columns(const void *arg, int64_t first, int64_t last) {
  const addition *a = arg;
  for (int64_t r = 0; r < a->rows; r++) {
    const real *restrict from = a->y + r * a->ld;
    real *restrict to = a->of_kind + a->kind[r] * a->cols;
    for (int64_t j = first; j < last; j++) to[j] += from[j];
  }
}

void FN(sq_alike_add)(struct sq_exec *exec, const FN(sq_alike) * a, int64_t first, int64_t rows, int64_t cols,
                      const real *y, int64_t ld, real *of_kind) {
  const addition all = {a->kind + first, rows, cols, ld, y, of_kind};
  sq_split(exec, cols, COLUMN_TILE, rows, add_columns, &all);
}

void FN(sq_alike_give)(const FN(sq_alike) * a, int64_t cols, const real *of_kind, int add, real *y,
                       int64_t ld) {
  int64_t seen = 0;
  for (int64_t r = 0; r < a->rows; r++, y += ld) {
    if (!add) memset(y, 0, (size_t)cols * sizeof(real));
    if (a->kind[r] < seen) continue;
    for (int64_t j = 0; j < cols; j++) y[j] += of_kind[seen * cols + j];
    seen++;
  }
}
