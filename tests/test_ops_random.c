/* test_ops_random.c - what draws random numbers: Philox, dropout, noise, the initialisers. */
#include "tests/tensors.h"

#include "core/initialise.h"
#include "core/noise.h"
#include "core/philox.h"

/* --- Philox --- */

static int block_is(sq_philox_block b, uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3) {
  return b.word[0] == w0 && b.word[1] == w1 && b.word[2] == w2 && b.word[3] == w3;
}

/* kat_vectors of the Random123 distribution, philox4x32-10. */
static void test_philox(void) {
  CHECK(block_is(sq_philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8), "philox of zeros");
  CHECK(
      block_is(sq_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd),
      "philox of ones");
  CHECK(block_is(sq_philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), 0xd16cfe09,
                 0x94fdcceb, 0x5001e420, 0x24126ea1),
        "philox of the digits of pi");
  CHECK(sq_philox_uniform(0) > 0 && sq_philox_uniform(UINT32_MAX) < 1, "uniform numbers are inside (0, 1)");
  sq_rng rng = {check_random(), 0, 0};
  const sq_philox_block second = sq_philox(rng.seed, 0, 1);
  for (int i = 0; i < 4; i++) sq_rng_u32(&rng);
  CHECK(sq_rng_u32(&rng) == second.word[0] && rng.drawn == 5, "a generator walks through the blocks");
  long count[7] = {0};
  for (int i = 0; i < 70000; i++) count[sq_rng_below(&rng, 7)]++;
  double chi2 = 0;
  for (int i = 0; i < 7; i++) chi2 += (double)(count[i] - 10000) * (double)(count[i] - 10000) / 10000;
  CHECK(chi2 < 40, "integers below 7 are uniform (chi2 = %.1f, 6 degrees of freedom)", chi2);
  CHECK(sq_rng_below(&rng, 1) == 0, "integers below 1");
}

/* --- dropout --- */

static void dropout(int bits, sq_exec *exec, tensor x, tensor y, double p, uint64_t seed, int accumulate) {
  const sq_dropout_args args = {.count = x.n,
                                .p = p,
                                .seed = seed,
                                .offset = 77,
                                .x = at(x, bits),
                                .y = at(y, bits),
                                .accumulate = accumulate};
  ops(bits)->dropout(exec, &args);
}

static void test_dropout(int64_t n, double p) {
  const uint64_t seed = check_random();
  tensor x = tensor_random("x", n, 1, 2), y = tensor_new("y", n);
  for (int k = 0; k < 2; k++) dropout(both[k], &serial, x, y, p, seed, 0);
  int right = 1;
  double kept = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint64_t block = 77 + (uint64_t)i / 4;
    const int keep = (double)sq_philox(seed, 0, block).word[i % 4] >= p * 4294967296.0;
    right &= keep ? fabs(y.d[i] - x.d[i] / (1 - p)) <= 1e-15 * fabs(y.d[i]) : y.d[i] == 0;
    right &= (y.d[i] != 0) == (y.f[i] != 0);
    kept += keep;
  }
  char what[60];
  snprintf(what, sizeof what, "dropout, p=%g of %ld", p, (long)n);
  CHECK(right, "%s, every element by its own word", what);
  const double deviation = sqrt((double)n * p * (1 - p));
  CHECK(fabs(kept - (1 - p) * (double)n) <= 5 * deviation, "%s, kept %g", what, kept);
  check_single(y, what);
  tensor twice = tensor_new("twice", n);
  for (int64_t i = 0; i < n; i++) tensor_set(twice, i, y.d[i]);
  dropout(64, &serial, x, twice, p, seed, 1);
  right = 1;
  for (int64_t i = 0; i < n; i++) right &= fabs(twice.d[i] - 2 * y.d[i]) <= 1e-6;
  CHECK(right, "%s, accumulate", what);
  dropout(64, &serial, x, x, p, seed, 0);
  CHECK(memcmp(x.d, y.d, (size_t)n * sizeof(double)) == 0, "%s, in place", what);
  TENSORS_FREE(&x, &y, &twice);
}

/* Rows that are parts of longer ones have their numbers. */
static void test_dropout_part(int64_t rows, int64_t row, int64_t pitch, int64_t first) {
  const uint64_t seed = check_random();
  tensor x = tensor_random("x", rows * row, 1, 2), y = tensor_new("y", rows * row);
  int right = 1;
  for (int k = 0; k < 2; k++) {
    const sq_dropout_args args = {.count = rows * row,
                                  .p = 0.3,
                                  .seed = seed,
                                  .offset = 77,
                                  .x = at(x, both[k]),
                                  .y = at(y, both[k]),
                                  .row = row,
                                  .pitch = pitch,
                                  .first = first};
    ops(both[k])->dropout(&serial, &args);
  }
  for (int64_t i = 0; i < x.n; i++) {
    const uint64_t number = (uint64_t)(i / row * pitch + first + i % row);
    const uint32_t word = sq_philox(seed, 0, 77 + number / 4).word[number % 4];
    const int keep = (double)word >= 0.3 * 4294967296.0;
    right &= (y.d[i] != 0) == keep && (y.f[i] != 0) == keep;
  }
  CHECK(right, "dropout of a part, %ld of %ld from %ld on, by the numbers of the whole", (long)row,
        (long)pitch, (long)first);
  TENSORS_FREE(&x, &y);
}

static void test_dropouts(void) {
  test_dropout_part(7, 5, 20, 10);
  test_dropout_part(3, 300, 1203, 2);
  test_dropout_part(2, 8, 8, 0);
  static const int64_t sizes[] = {0, 1, 3, 31, 33, 257, 40000};
  for (int i = 0; i < 7; i++) {
    test_dropout(sizes[i], 0);
    test_dropout(sizes[i], 0.3);
    test_dropout(sizes[i], 1 - 0x1p-40); /* p 2^32 rounds up to 2^32 */
  }
  tensor x = tensor_random("x", 1000, 1, 2), y = tensor_new("y", 1000);
  x.d[5] = x.f[5] = NAN;
  for (int k = 0; k < 2; k++) dropout(both[k], &serial, x, y, 1, 3, 0);
  int zeros = 1;
  for (int i = 0; i < 1000; i++) zeros &= y.d[i] == 0 && y.f[i] == 0;
  CHECK(zeros, "dropout, p=1 gives zeros, of NaN too");
  tensor_fill(x, 1, 1);
  dropout(64, &serial, x, y, 0.25, check_random(), 0);
  double mean = 0;
  for (int i = 0; i < 1000; i++) mean += y.d[i] / 1000;
  CHECK(fabs(mean - 1) < 5 * sqrt(0.25 / 0.75 / 1000), "dropout, keeps the mean (%.3f)", mean);
  TENSORS_FREE(&x, &y);
}

/* --- noise --- */

static void noise(int bits, double sigma, uint64_t seed, uint64_t stream, int count, tensor list[]) {
  void *data[3];
  int64_t sizes[3];
  for (int i = 0; i < count; i++) {
    data[i] = at(list[i], bits);
    sizes[i] = list[i].n;
  }
  const sq_noise_args a = {sigma, seed, stream, {count, data, sizes}};
  ops(bits)->noise(&serial, &a);
}

/* The numbers themselves: their moments, and that they are the sums of bytes that noise.h says. */
static void test_noise_numbers(void) {
  enum { N = 200000 };
  const uint64_t seed = check_random(), stream = check_random();
  double sum[4] = {0};
  int right = 1;
  for (uint64_t i = 0; i < N; i++) {
    const int z = sq_noise_number(seed, stream, i);
    const sq_philox_block block = sq_philox(seed, stream, i);
    int bytes = -16 * 255 / 2;
    for (int k = 0; k < 16; k++) bytes += (int)(block.word[k / 4] >> k % 4 * 8 & 255);
    right &= z == bytes;
    for (int k = 0; k < 4; k++) sum[k] += pow(z, k + 1) / N;
  }
  const double variance = 16 * 65535.0 / 12;
  CHECK(right, "noise, sums of 16 bytes");
  CHECK(fabs(sum[0]) < 5 * sqrt(variance / N), "noise, mean 0 (%.3f)", sum[0]);
  CHECK(fabs(sum[1] / variance - 1) < 5 * sqrt(2.0 / N), "noise, variance (%.4f)", sum[1] / variance);
  /* The mean of z^k has the variance (E z^2k - (E z^k)^2) / N: for a normal z 2, 15 and 96 N-ths. */
  CHECK(fabs(sum[2] / pow(variance, 1.5)) < 5 * sqrt(15.0 / N), "noise, no skew");
  CHECK(fabs(sum[3] / (variance * variance) - 2.925) < 5 * sqrt(96.0 / N), "noise, kurtosis (%.3f)",
        sum[3] / (variance * variance));
}

/* Where the vector is cut does not matter; both precisions add the same numbers: float32 holds them. */
static void test_noises(void) {
  const uint64_t seed = check_random();
  const double sigmas[] = {0.1, 1, 3.7e-5};
  for (size_t s = 0; s < COUNT(sigmas); s++) {
    tensor one = tensor_random("one", 700, 0, 0),
           three[3] = {tensor_random("a", 1, 0, 0), tensor_random("b", 300, 0, 0),
                       tensor_random("c", 399, 0, 0)};
    for (int k = 0; k < 2; k++) {
      noise(both[k], sigmas[s], seed, 9, 1, &one);
      noise(both[k], sigmas[s], seed, 9, 3, three);
    }
    int alike = 1, exact = 1;
    double square = 0;
    for (int64_t i = 0; i < 700; i++) {
      const tensor t = three[i < 1 ? 0 : i < 301 ? 1 : 2];
      const int64_t j = i < 1 ? i : i < 301 ? i - 1 : i - 301;
      alike &= t.d[j] == one.d[i] && t.f[j] == one.f[i];
      exact &= (double)one.f[i] == one.d[i];
      square += one.d[i] * one.d[i] / 700;
    }
    CHECK(alike, "noise, sigma %g, however the vector is cut", sigmas[s]);
    CHECK(exact, "noise, sigma %g, the same numbers in both precisions", sigmas[s]);
    CHECK(fabs(sqrt(square) / sigmas[s] - 1) < 5 * sqrt(0.5 / 700), "noise, sigma %g is %g", sigmas[s],
          sqrt(square));
    TENSORS_FREE(&one, &three[0], &three[1], &three[2]);
  }
}

/* --- initialisers --- */

/* |W W^T - I| (or W^T W, the smaller one), largest element */
static double orthogonality_error(int64_t rows, int64_t cols, double gain) {
  sq_rng rng = {check_random(), 0, 0};
  tensor w = tensor_new("w", rows * cols);
  sq_initialise_orthogonal_f64(&rng, rows, cols, gain, w.d);
  const int tall = rows > cols;
  const int64_t count = tall ? cols : rows, n = tall ? rows : cols;
  double worst = 0;
  for (int64_t i = 0; i < count; i++) {
    for (int64_t j = 0; j < count; j++) {
      double dot = 0;
      for (int64_t k = 0; k < n; k++)
        dot += tall ? w.d[k * cols + i] * w.d[k * cols + j] : w.d[i * cols + k] * w.d[j * cols + k];
      const double error = fabs(dot / (gain * gain) - (i == j));
      worst = check_worse(error, worst);
    }
  }
  tensor_free(w);
  return worst;
}

static void test_orthogonal(void) {
  static const int64_t shapes[][2] = {{0, 0}, {0, 4},   {1, 1},   {1, 7},   {7, 1},    {5, 3},
                                      {3, 5}, {31, 33}, {33, 31}, {64, 64}, {200, 50}, {128, 128}};
  for (size_t i = 0; i < COUNT(shapes); i++)
    check_error(orthogonality_error(shapes[i][0], shapes[i][1], 1.4), 1e-13, "orthogonal %ldx%ld",
                (long)shapes[i][0], (long)shapes[i][1]);
  int positive = 0;
  for (int i = 0; i < 200; i++) {
    double w[9];
    sq_rng rng = {check_random(), 0, 0};
    sq_initialise_orthogonal_f64(&rng, 3, 3, 1, w);
    positive += w[0] > 0;
  }
  CHECK(positive > 60 && positive < 140, "orthogonal has both signs (%d of 200)", positive);
}

/* Mean and standard deviation of what a named initialiser draws. */
static void moments_of(const char *which, double value, int64_t rows, int64_t cols, double out[3]) {
  sq_rng rng = {check_random(), 0, 0};
  tensor w = tensor_new("w", rows * cols);
  sq_initialiser_find(which)->fill_f64(&rng, rows, cols, value, w.d);
  double sum = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < w.n; i++) {
    sum += w.d[i];
    squares += w.d[i] * w.d[i];
    largest = check_worse(largest, fabs(w.d[i]));
  }
  out[0] = sum / (double)w.n;
  out[1] = sqrt(squares / (double)w.n);
  out[2] = largest;
  tensor_free(w);
}

static void test_distributions(void) {
  double s[3];
  moments_of("uniform", 0.5, 200, 200, s);
  CHECK(fabs(s[0]) < 5 * 0.5 / sqrt(3 * 40000.0) && s[2] < 0.5 && s[2] > 0.499, "uniform: range");
  CHECK(fabs(s[1] - 0.5 / sqrt(3)) < 0.005, "uniform: deviation %.4f", s[1]);
  moments_of("normal", 2, 200, 200, s);
  CHECK(fabs(s[0]) < 0.05 && fabs(s[1] - 2) < 0.04, "normal: mean %.4f, deviation %.4f", s[0], s[1]);
  CHECK(s[2] > 6 && s[2] < 12, "normal: largest of 40000 is %.1f", s[2]);
  moments_of("xavier", 1, 100, 50, s);
  CHECK(s[2] < 0.2 && s[2] > 0.199, "xavier: limit sqrt(6/150) = 0.2");
}

static void test_fixed_values(void) {
  double w[12];
  sq_rng rng = {1, 0, 0};
  sq_initialiser_find("identity")->fill_f64(&rng, 3, 4, 0.5, w);
  int right = 1;
  for (int i = 0; i < 12; i++) right &= w[i] == (i / 4 == i % 4 ? 0.5 : 0);
  CHECK(right, "identity 3x4");
  sq_initialiser_find("constant")->fill_f64(&rng, 3, 4, 40, w);
  CHECK(w[0] == 40 && w[11] == 40, "constant");
  sq_initialiser_find("zeros")->fill_f64(&rng, 3, 4, 1, w);
  CHECK(w[0] == 0 && w[11] == 0 && rng.drawn == 0, "zeros");
  CHECK(sq_initialiser_find("nonesuch") == NULL && sq_initialiser_find(NULL) == NULL,
        "an unknown initialiser");
}

static void test_initialisers(void) {
  test_orthogonal();
  test_distributions();
  test_fixed_values();
  for (int i = 0; i < sq_initialiser_count; i++) {
    const sq_initialiser *init = &sq_initialisers[i];
    sq_rng first = {check_random(), 3, 0}, second = first;
    const int64_t rows = 33, cols = init->square ? 33 : 7;
    tensor w = tensor_new("w", rows * cols);
    const int failed = init->fill_f64(&first, rows, cols, init->value, w.d) |
                       init->fill_f32(&second, rows, cols, init->value, w.f);
    int same = !failed && first.drawn == second.drawn;
    for (int64_t j = 0; j < w.n; j++) same &= w.f[j] == (float)w.d[j];
    CHECK(same, "%s: float32 is float64 rounded", init->name);
    CHECK(init->fill_f64(&first, 0, init->square ? 0 : 5, init->value, w.d) == 0, "%s of 0 rows", init->name);
    tensor_free(w);
  }
}

int main(void) {
  check_start();
  test_philox();
  check_bits(64);
  test_dropouts();
  test_noise_numbers();
  test_noises();
  check_at("%s", "");
  test_initialisers();
  return check_finish();
}
