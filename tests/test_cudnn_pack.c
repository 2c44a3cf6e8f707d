/* test_cudnn_pack.c - the kernels around cuDNN (kernels/cudnn/pack.cu) on the emulator, against plain loops.
 *
 * half and bfloat16 are looked at through their definitions: which number bits mean, and that a float becomes
 * the nearest one.
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

/* ---- half (IEEE 754 binary16) and bfloat16 ---- */

enum { NEGATIVE = 0x8000 };

/* Bits: a sign, an exponent and the mantissa.  The smallest number is 2^smallest. */
static const struct format {
  const char *name;
  int mantissa, smallest, infinite;
} formats[] = {[SQ_CUDNN_F32] = {.name = "float32"},
               [SQ_CUDNN_HALF] = {"half", 10, -24, 0x7C00},
               [SQ_CUDNN_BF16] = {"bfloat16", 7, -133, 0x7F80}};

/* The number of bits 0..infinite; infinity counts as the power of two that would follow, as in rounding. */
static double size_of_bits(sq_cudnn_type type, int bits) {
  const struct format *f = &formats[type];
  const int exponent = bits >> f->mantissa, one = 1 << f->mantissa, mantissa = bits & (one - 1);
  return exponent == 0 ? ldexp(mantissa, f->smallest) : ldexp(one + mantissa, exponent - 1 + f->smallest);
}

/* The bits of the nearest number, of two as near the even one. */
static uint16_t nearest(sq_cudnn_type type, float x) {
  int low = 0, high = formats[type].infinite; /* low <= |x| < high, bits of neighbours in the end */
  const int sign = signbit(x) ? NEGATIVE : 0;
  const double size = fabs((double)x);
  if (size >= size_of_bits(type, high)) return (uint16_t)(sign | high);
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    *(size_of_bits(type, middle) <= size ? &low : &high) = middle;
  }
  const double below = size - size_of_bits(type, low), above = size_of_bits(type, high) - size;
  const int to_low = below < above || (below == above && low % 2 == 0);
  return (uint16_t)(sign | (to_low ? low : high));
}

static float value_of(sq_cudnn_type type, uint16_t bits) {
  const int size = bits & 0x7FFF, infinite = formats[type].infinite;
  const float value = size > infinite ? NAN : size == infinite ? INFINITY : (float)size_of_bits(type, size);
  return bits & NEGATIVE ? -value : value;
}

/* Number i of a tensor of cuDNN's. */
static float theirs_at(sq_cudnn_type type, const void *tensor, int64_t i) {
  return type == SQ_CUDNN_F32 ? ((const float *)tensor)[i] : value_of(type, ((const uint16_t *)tensor)[i]);
}
static float rounded(sq_cudnn_type type, float x) {
  return type == SQ_CUDNN_F32 ? x : value_of(type, nearest(type, x));
}
static size_t bytes_of(sq_cudnn_type type, size_t count) {
  return count * (type == SQ_CUDNN_F32 ? sizeof(float) : sizeof(uint16_t));
}

static void fill_theirs(sq_cudnn_type type, void *tensor, int64_t count) {
  float *from = (float *)malloc((size_t)count * sizeof(float));
  check_fill_f32(from, count, -1, 1);
  for (int64_t i = 0; i < count; i++) {
    if (type == SQ_CUDNN_F32)
      ((float *)tensor)[i] = from[i];
    else
      ((uint16_t *)tensor)[i] = nearest(type, from[i]);
  }
  free(from);
}

/* Same bits, or both NaN. */
static int same(float a, float b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

/* ---- parameters ---- */

static void check_pack(sq_exec *exec, sq_cudnn_type type) {
  float *params = (float *)check_alloc("params", PARAMS * sizeof(float));
  void *weights = check_alloc("weights", bytes_of(type, WEIGHTS));
  float expected[WEIGHTS];
  int good = 1;
  check_fill_f32(params, PARAMS, -1, 1);
  fill_theirs(type, weights, WEIGHTS);
  for (int i = 0; i < WEIGHTS; i++) expected[i] = theirs_at(type, weights, i);
  for (int k = 0; k < blocks.count; k++)
    for (int64_t i = 0; i < blocks.block[k].count; i++)
      expected[blocks.block[k].theirs + i] =
          blocks.block[k].ours < 0 ? 0 : rounded(type, params[blocks.block[k].ours + i]);
  CHECK(sq_emulator_cudnn_pack(exec, type, &blocks, params, weights) == 0, "pack launches, %s",
        formats[type].name);
  for (int i = 0; i < WEIGHTS; i++) good &= same(theirs_at(type, weights, i), expected[i]);
  CHECK(good, "pack moves its blocks and nothing else, %s", formats[type].name);
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

static void check_unpack(sq_exec *exec, sq_cudnn_type type, float largest, float unscale) {
  float *params = (float *)check_alloc("params", PARAMS * sizeof(float));
  void *weights = check_alloc("weights", bytes_of(type, WEIGHTS));
  uint32_t *bits = (uint32_t *)check_alloc("largest", sizeof *bits);
  float expected[PARAMS];
  memcpy(bits, &largest, sizeof *bits);
  check_fill_f32(params, PARAMS, -1, 1);
  fill_theirs(type, weights, WEIGHTS);
  memcpy(expected, params, sizeof expected);
  for (int k = 0; k < blocks.count; k++)
    for (int64_t i = 0; i < blocks.block[k].count && blocks.block[k].ours >= 0; i++)
      expected[blocks.block[k].ours + i] += unscale * theirs_at(type, weights, blocks.block[k].theirs + i);
  CHECK(sq_emulator_cudnn_unpack(exec, type, &blocks, weights, bits, params) == 0, "unpack launches");
  CHECK(memcmp(params, expected, sizeof expected) == 0, "unpack adds to what is there, %s, largest %g",
        formats[type].name, (double)largest);
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

static moves open_moves(sq_exec *exec, sq_cudnn_type type, int ragged, int step, int scale) {
  moves v = {.ours = (float *)check_alloc("ours", ROWS * LD_OURS * sizeof(float)),
             .padding = (float *)check_alloc("padding", ROWS * WIDTH * sizeof(float)),
             .theirs = check_alloc("theirs", bytes_of(type, ROWS * LD_THEIRS)),
             .lengths = (int32_t *)check_alloc("lengths", sizeof host_lengths),
             .largest = (uint32_t *)check_alloc("largest", sizeof(uint32_t)),
             .unscale = scales[scale].unscale};
  copy_in(exec, v.lengths, host_lengths, sizeof host_lengths);
  memcpy(v.largest, &scales[scale].largest, sizeof *v.largest);
  check_fill_f32(v.ours, ROWS * LD_OURS, -1, 1);
  check_fill_f32(v.padding, ROWS * WIDTH, -1, 1);
  fill_theirs(type, v.theirs, ROWS * LD_THEIRS);
  v.m = (sq_cudnn_move){.type = type,
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
static void check_take(sq_exec *exec, sq_cudnn_type type, int ragged, int step, int from_nothing) {
  moves v = open_moves(exec, type, ragged, step, 3);
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
          from_nothing || pads(ragged, step, r) ? 0 : rounded(type, v.ours[r * LD_OURS + c] / v.unscale);
      good &= same(theirs_at(type, v.theirs, r * LD_THEIRS + c), expected);
    }
  CHECK(good, "take, %s, ragged %d, step %d, nothing %d", formats[type].name, ragged, step, from_nothing);
  close_moves(&v);
}

static void check_give(sq_exec *exec, sq_cudnn_type type, int ragged, int step, int accumulate) {
  moves v = open_moves(exec, type, ragged, step, 3);
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
          pads(ragged, step, r) ? padding : v.unscale * theirs_at(type, v.theirs, r * LD_THEIRS + c);
      expected[r * LD_OURS + c] = (accumulate ? expected[r * LD_OURS + c] : 0) + value;
    }
  CHECK(sq_emulator_cudnn_give(exec, &v.m) == 0, "give launches");
  CHECK(memcmp(v.ours, expected, sizeof expected) == 0, "give, %s, ragged %d, step %d, adding %d",
        formats[type].name, ragged, step, accumulate);
  close_moves(&v);
}

/* The largest number is the only one of its size, in any row; padding is larger. */
static void check_largest(sq_exec *exec, int ragged, int step) {
  for (int r = 0; r < ROWS; r++) {
    moves v = open_moves(exec, SQ_CUDNN_HALF, ragged, step, 0);
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

/* Every number of a short type as a float, and back; and floats between and around them. */
static void check_numbers(sq_exec *exec, sq_cudnn_type type) {
  enum { COUNT = 1 << 16 };
  const int infinite = formats[type].infinite;
  float *ours = (float *)check_alloc("ours", COUNT * sizeof(float));
  uint16_t *theirs = (uint16_t *)check_alloc("theirs", COUNT * sizeof(uint16_t));
  int values = 1, same_bits = 1, are_nearest = 1;
  sq_cudnn_move back = {
      .type = type, .outer = 1, .batch = 64, .width = COUNT / 64, .ld_src = COUNT / 64, .ld_dst = COUNT / 64};
  sq_cudnn_move to = back;
  back.src = to.dst = theirs;
  back.dst = ours;
  to.src = ours;
  for (int i = 0; i < COUNT; i++) theirs[i] = (uint16_t)i;
  CHECK(sq_emulator_cudnn_give(exec, &back) == 0, "give launches");
  for (int i = 0; i < COUNT; i++) values &= same(ours[i], value_of(type, (uint16_t)i) + 0.0f);
  CHECK(values, "every %s becomes its number", formats[type].name);
  CHECK(sq_emulator_cudnn_take(exec, &to) == 0, "take launches");
  for (int i = 0; i < COUNT; i++)
    same_bits &= isnan(ours[i]) ? isnan(value_of(type, theirs[i])) : i == NEGATIVE || theirs[i] == i;
  CHECK(same_bits, "and comes back, %s", formats[type].name);
  /* halfway to the next number, just beside that, and far outside */
  for (int i = 0; i < COUNT; i++) {
    const int size = i & 0x7FFF;
    const double middle = size < infinite ? (size_of_bits(type, size) + size_of_bits(type, size + 1)) / 2 : 0;
    const float exact = (float)middle, beside = nextafterf(exact, check_random() & 1 ? INFINITY : 0);
    ours[i] = check_random() % 3 ? beside : exact;
    if (size >= infinite) ours[i] = ldexpf((float)check_uniform(-2, 2), (int)check_below(254) - 126);
    if (size < infinite && i & NEGATIVE) ours[i] = -ours[i];
  }
  ours[infinite] = INFINITY;
  ours[infinite + 1] = -INFINITY;
  CHECK(sq_emulator_cudnn_take(exec, &to) == 0, "take launches");
  for (int i = 0; i < COUNT; i++) are_nearest &= theirs[i] == nearest(type, ours[i]);
  CHECK(are_nearest, "floats become the nearest %s, of two the even one", formats[type].name);
  check_free(ours);
  check_free(theirs);
}

/* All kernels that have them, in one type. */
static void check_type(sq_exec *exec, sq_cudnn_type type) {
  check_pack(exec, type);
  for (size_t i = 0; i < COUNT(scales); i++) check_unpack(exec, type, scales[i].largest, scales[i].unscale);
  for (int bits = 0; bits < 8; bits++) {
    check_take(exec, type, bits & 1, bits >> 1 & 1, bits >> 2);
    check_give(exec, type, bits & 1, bits >> 1 & 1, bits >> 2);
  }
}

int main(void) {
  sq_exec exec = {.pool = NULL};
  check_start();
  if (CHECK(sq_emulator_device.open(&exec, 0) == 0, "the emulator opens")) {
    for (int type = SQ_CUDNN_HALF; type <= SQ_CUDNN_BF16; type++) check_numbers(&exec, (sq_cudnn_type)type);
    for (int type = SQ_CUDNN_F32; type <= SQ_CUDNN_BF16; type++) check_type(&exec, (sq_cudnn_type)type);
    for (int bits = 0; bits < 4; bits++) check_largest(&exec, bits & 1, bits >> 1);
    sq_emulator_device.close(&exec);
  }
  return check_finish();
}
