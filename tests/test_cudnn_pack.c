/* test_cudnn_pack.c - the kernels around cuDNN (kernels/cudnn/pack.cu) on the emulator, against plain loops.
 *
 * half is looked at through its definition: which number bits mean, and that a float becomes the nearest one.
 */
#define SEQGPU_EMULATE /* the emulator's names of kernels/cudnn/pack.h */
#include "kernels/cudnn/pack.h"
#include "kernels/device.h"
#include "tests/check.h"

enum { PARAMS = 900, WEIGHTS = 2000, DIRECTIONS = 2, BATCH = 5, WIDTH = 37 };

static const sq_cudnn_blocks blocks = {
    .count = 5, .block = {{0, 1000, 700}, {700, 0, 1}, {-1, 40, 33}, {701, 80, 64}, {800, 1900, 100}}};

static void copy_in(sq_exec *exec, void *device, const void *host, size_t bytes) {
  CHECK(sq_emulator_device.copy_in(exec, device, host, bytes) == 0, "copy in %zu bytes", bytes);
}

/* ---- half (IEEE 754 binary16) ---- */

enum { INFINITE_HALF = 0x7C00, NEGATIVE = 0x8000 };

/* The number of 0..0x7C00; infinity counts as the power of two that would follow, as it does in rounding. */
static double half_size(int bits) {
  const int exponent = bits >> 10, mantissa = bits & 1023;
  return exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
}

/* The nearest half, of two as near the even one. */
static uint16_t nearest_half(float x) {
  int low = 0,
      high = INFINITE_HALF; /* half_size(low) <= |x| < half_size(high), bits of neighbours in the end */
  const int sign = signbit(x) ? NEGATIVE : 0;
  const double size = fabs((double)x);
  if (size >= half_size(high)) return (uint16_t)(sign | high);
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    *(half_size(middle) <= size ? &low : &high) = middle;
  }
  const double below = size - half_size(low), above = half_size(high) - size;
  const int to_low = below < above || (below == above && low % 2 == 0);
  return (uint16_t)(sign | (to_low ? low : high));
}

static float value_of_half(uint16_t bits) {
  const int size = bits & 0x7FFF;
  const float value = size > INFINITE_HALF ? NAN : size == INFINITE_HALF ? INFINITY : (float)half_size(size);
  return bits & NEGATIVE ? -value : value;
}

/* Number i of a tensor of cuDNN's, and its bits. */
static float theirs_at(int half, const void *tensor, int64_t i) {
  return half ? value_of_half(((const uint16_t *)tensor)[i]) : ((const float *)tensor)[i];
}
static float rounded(int half, float x) { return half ? value_of_half(nearest_half(x)) : x; }
static size_t size_of(int half) { return half ? sizeof(uint16_t) : sizeof(float); }

static void fill_theirs(int half, void *tensor, int64_t count) {
  float *from = (float *)malloc((size_t)count * sizeof(float));
  check_fill_f32(from, count, -1, 1);
  for (int64_t i = 0; i < count; i++) {
    if (half)
      ((uint16_t *)tensor)[i] = nearest_half(from[i]);
    else
      ((float *)tensor)[i] = from[i];
  }
  free(from);
}

/* Same bits, or both NaN. */
static int same(float a, float b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

/* ---- parameters ---- */

static void check_pack(sq_exec *exec, int half) {
  float *params = (float *)check_alloc("params", PARAMS * sizeof(float));
  void *weights = check_alloc("weights", WEIGHTS * size_of(half));
  float expected[WEIGHTS];
  int good = 1;
  check_fill_f32(params, PARAMS, -1, 1);
  fill_theirs(half, weights, WEIGHTS);
  for (int i = 0; i < WEIGHTS; i++) expected[i] = theirs_at(half, weights, i);
  for (int k = 0; k < blocks.count; k++)
    for (int64_t i = 0; i < blocks.block[k].count; i++)
      expected[blocks.block[k].theirs + i] =
          blocks.block[k].ours < 0 ? 0 : rounded(half, params[blocks.block[k].ours + i]);
  CHECK(sq_emulator_cudnn_pack(exec, half, &blocks, params, weights) == 0, "pack launches, half %d", half);
  for (int i = 0; i < WEIGHTS; i++) good &= same(theirs_at(half, weights, i), expected[i]);
  CHECK(good, "pack moves its blocks and nothing else, half %d", half);
  check_free(params);
  check_free(weights);
}

/* The bits of a largest number, and 1 / scale. */
static const struct {
  float largest, unscale;
} scales[] = {{0, 1},
              {1, 1},
              {1.999f, 1},
              {0.75f, 0.5f},
              {6e-7f, 0x1p-21f},
              {1000, 512},
              {0x1p-126f, 0x1p-126f},
              {0x1p-140f, 0x1p-126f},
              {0x1p127f, 0x1p126f}};

static void check_unpack(sq_exec *exec, int half, float largest, float unscale) {
  float *params = (float *)check_alloc("params", PARAMS * sizeof(float));
  void *weights = check_alloc("weights", WEIGHTS * size_of(half));
  uint32_t *bits = (uint32_t *)check_alloc("largest", sizeof *bits);
  float expected[PARAMS];
  memcpy(bits, &largest, sizeof *bits);
  check_fill_f32(params, PARAMS, -1, 1);
  fill_theirs(half, weights, WEIGHTS);
  memcpy(expected, params, sizeof expected);
  for (int k = 0; k < blocks.count; k++)
    for (int64_t i = 0; i < blocks.block[k].count && blocks.block[k].ours >= 0; i++)
      expected[blocks.block[k].ours + i] += unscale * theirs_at(half, weights, blocks.block[k].theirs + i);
  CHECK(sq_emulator_cudnn_unpack(exec, half, &blocks, weights, bits, params) == 0, "unpack launches");
  CHECK(memcmp(params, expected, sizeof expected) == 0, "unpack adds to what is there, half %d, largest %g",
        half, (double)largest);
  check_free(params);
  check_free(weights);
  check_free(bits);
}

/* ---- tensors ---- */

enum { LD_OURS = WIDTH + 3, LD_THEIRS = 2 * WIDTH, ROWS = DIRECTIONS * BATCH };

static const int32_t host_lengths[BATCH] = {2, 0, 1, 0, 9};

/* Whether row (t,b) is padding: of steps, or of states. */
static int pads(int ragged, int step, int row) {
  return ragged && row / BATCH * step >= host_lengths[row % BATCH];
}

/* A move between the rows of `ours` and those of `theirs`, or one of rows that lie together. */
typedef struct moves {
  sq_cudnn_move m;
  float *ours, *padding;
  void *theirs;
  int32_t *lengths;
  uint32_t *largest;
  float unscale;
} moves;

static moves open_moves(sq_exec *exec, int half, int ragged, int step, int scale) {
  moves v = {.ours = (float *)check_alloc("ours", ROWS * LD_OURS * sizeof(float)),
             .padding = (float *)check_alloc("padding", ROWS * WIDTH * sizeof(float)),
             .theirs = check_alloc("theirs", ROWS * LD_THEIRS * size_of(half)),
             .lengths = (int32_t *)check_alloc("lengths", sizeof host_lengths),
             .largest = (uint32_t *)check_alloc("largest", sizeof(uint32_t)),
             .unscale = scales[scale].unscale};
  copy_in(exec, v.lengths, host_lengths, sizeof host_lengths);
  memcpy(v.largest, &scales[scale].largest, sizeof *v.largest);
  check_fill_f32(v.ours, ROWS * LD_OURS, -1, 1);
  check_fill_f32(v.padding, ROWS * WIDTH, -1, 1);
  fill_theirs(half, v.theirs, ROWS * LD_THEIRS);
  v.m = (sq_cudnn_move){.half = half,
                        .outer = DIRECTIONS,
                        .batch = BATCH,
                        .width = WIDTH,
                        .lengths = ragged ? v.lengths : NULL,
                        .step = step,
                        .largest = v.largest};
  return v;
}

static void close_moves(moves *v) {
  check_free(v->ours);
  check_free(v->padding);
  check_free(v->theirs);
  check_free(v->lengths);
  check_free(v->largest);
}

/* Padding of `ours` is NaN: it may not be looked at. */
static void check_take(sq_exec *exec, int half, int ragged, int step, int from_nothing) {
  moves v = open_moves(exec, half, ragged, step, 3);
  int good = 1;
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < LD_OURS && pads(ragged, step, r); c++) v.ours[r * LD_OURS + c] = NAN;
  v.m.src = from_nothing ? NULL : v.ours;
  v.m.ld_src = LD_OURS;
  v.m.dst = v.theirs;
  v.m.ld_dst = LD_THEIRS;
  CHECK(sq_emulator_cudnn_take(exec, &v.m) == 0, "take launches");
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < WIDTH; c++) {
      const float expected =
          from_nothing || pads(ragged, step, r) ? 0 : rounded(half, v.ours[r * LD_OURS + c] / v.unscale);
      good &= same(theirs_at(half, v.theirs, r * LD_THEIRS + c), expected);
    }
  CHECK(good, "take, half %d, ragged %d, step %d, nothing %d", half, ragged, step, from_nothing);
  close_moves(&v);
}

static void check_give(sq_exec *exec, int half, int ragged, int step, int accumulate) {
  moves v = open_moves(exec, half, ragged, step, 3);
  float expected[ROWS * LD_OURS];
  memcpy(expected, v.ours, sizeof expected);
  v.m.src = v.theirs;
  v.m.ld_src = LD_THEIRS;
  v.m.dst = v.ours;
  v.m.ld_dst = LD_OURS;
  v.m.accumulate = accumulate;
  v.m.padding = step ? NULL : v.padding;
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < WIDTH; c++) {
      const float padding = v.m.padding ? v.padding[r * WIDTH + c] : 0;
      const float value =
          pads(ragged, step, r) ? padding : v.unscale * theirs_at(half, v.theirs, r * LD_THEIRS + c);
      expected[r * LD_OURS + c] = (accumulate ? expected[r * LD_OURS + c] : 0) + value;
    }
  CHECK(sq_emulator_cudnn_give(exec, &v.m) == 0, "give launches");
  CHECK(memcmp(v.ours, expected, sizeof expected) == 0, "give, half %d, ragged %d, step %d, adding %d", half,
        ragged, step, accumulate);
  close_moves(&v);
}

/* The largest number is the only one of its size, in any row; padding is larger. */
static void check_largest(sq_exec *exec, int ragged, int step) {
  for (int r = 0; r < ROWS; r++) {
    moves v = open_moves(exec, 1, ragged, step, 0);
    float largest = 2.5f, found;
    for (int other = 0; other < ROWS; other++)
      for (int c = 0; c < WIDTH && pads(ragged, step, other); c++) v.ours[other * LD_OURS + c] = 9;
    if (!pads(ragged, step, r)) v.ours[r * LD_OURS + (int)check_below(WIDTH)] = -largest;
    v.ours[r * LD_OURS + WIDTH] = 7; /* between two rows */
    v.m.src = v.ours;
    v.m.ld_src = LD_OURS;
    if (pads(ragged, step, r)) *v.largest = 0x40200000; /* 2.5, found before */
    CHECK(sq_emulator_cudnn_largest(exec, &v.m, v.largest) == 0, "largest launches");
    memcpy(&found, v.largest, sizeof found);
    CHECK(found == largest, "the largest number, in row %d, ragged %d, step %d: %g", r, ragged, step,
          (double)found);
    close_moves(&v);
  }
}

/* Every half as a float, and back; and floats between and around them. */
static void check_halves(sq_exec *exec) {
  enum { COUNT = 1 << 16 };
  float *ours = (float *)check_alloc("ours", COUNT * sizeof(float));
  uint16_t *theirs = (uint16_t *)check_alloc("theirs", COUNT * sizeof(uint16_t));
  int values = 1, same_bits = 1, nearest = 1;
  sq_cudnn_move back = {
      .half = 1, .outer = 1, .batch = 64, .width = COUNT / 64, .ld_src = COUNT / 64, .ld_dst = COUNT / 64};
  sq_cudnn_move to = back;
  back.src = to.dst = theirs;
  back.dst = ours;
  to.src = ours;
  for (int i = 0; i < COUNT; i++) theirs[i] = (uint16_t)i;
  CHECK(sq_emulator_cudnn_give(exec, &back) == 0, "give launches");
  for (int i = 0; i < COUNT; i++) values &= same(ours[i], value_of_half((uint16_t)i) + 0.0f);
  CHECK(values, "every half becomes its number");
  CHECK(sq_emulator_cudnn_take(exec, &to) == 0, "take launches");
  for (int i = 0; i < COUNT; i++)
    same_bits &= isnan(ours[i]) ? isnan(value_of_half(theirs[i])) : i == NEGATIVE || theirs[i] == i;
  CHECK(same_bits, "and comes back");
  /* halfway to the next half, just beside that, and far outside */
  for (int i = 0; i < COUNT; i++) {
    const int size = i & 0x7FFF;
    const double middle = size < INFINITE_HALF ? (half_size(size) + half_size(size + 1)) / 2 : 0;
    const float exact = (float)middle, beside = nextafterf(exact, check_random() & 1 ? INFINITY : 0);
    ours[i] = check_random() % 3 ? beside : exact;
    if (size >= INFINITE_HALF) ours[i] = ldexpf((float)check_uniform(-2, 2), (int)check_below(254) - 126);
    if (size < INFINITE_HALF && i & NEGATIVE) ours[i] = -ours[i];
  }
  ours[INFINITE_HALF] = INFINITY;
  ours[INFINITE_HALF + 1] = -INFINITY;
  CHECK(sq_emulator_cudnn_take(exec, &to) == 0, "take launches");
  for (int i = 0; i < COUNT; i++) nearest &= theirs[i] == nearest_half(ours[i]);
  CHECK(nearest, "floats become the nearest half, of two the even one");
  check_free(ours);
  check_free(theirs);
}

/* All kernels that have them, in both types. */
static void check_type(sq_exec *exec, int half) {
  check_pack(exec, half);
  for (size_t i = 0; i < COUNT(scales); i++) check_unpack(exec, half, scales[i].largest, scales[i].unscale);
  for (int bits = 0; bits < 8; bits++) {
    check_take(exec, half, bits & 1, bits >> 1 & 1, bits >> 2);
    check_give(exec, half, bits & 1, bits >> 1 & 1, bits >> 2);
  }
}

int main(void) {
  sq_exec exec = {.pool = NULL};
  check_start();
  if (CHECK(sq_emulator_device.open(&exec, 0) == 0, "the emulator opens")) {
    check_halves(&exec);
    for (int half = 0; half <= 1; half++) check_type(&exec, half);
    for (int bits = 0; bits < 4; bits++) check_largest(&exec, bits & 1, bits >> 1);
    sq_emulator_device.close(&exec);
  }
  return check_finish();
}
