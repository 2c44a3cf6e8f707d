/* check.h - the whole test harness: header only, C or C++.
 *
 *   int main(void) {
 *     check_start();                                    prints "seed N", fresh unless SEQGPU_TEST_SEED is set
 *     check_at("cpu f64");                              where the next checks run: it begins their names
 *     CHECK(a == b, "sum, %d rows", rows);                 prints "pass NAME" or "FAIL NAME: a == b is false"
 *     check_error(check_norm_f32(out, ref, n), 1e-5, "lstm forward %s", plan);
 *     check_skip("no GPU here", "cuda");
 *     return check_finish();                               prints "N passed, N failed, N skipped"
 *   }
 *
 * Buffers under test come from check_alloc: every byte 0xff (NaN in float and double, -1 in an int), guard
 * zones around them that also read as NaN, looked at by check_free and closed to reads under
 * AddressSanitizer. All files of one test program share one count.  One thread at a time.
 */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECK_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CHECK_ASAN 1
#endif
#ifdef CHECK_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct check_counts {
  long passed, failed, skipped;
  uint64_t seed, random; /* random: state of the generator */
  char place[96];        /* see check_at */
};
/* Weak: defined by every file that includes this, merged by the linker. */
__attribute__((weak)) struct check_counts check_counts;

/* Rows of a table. */
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* --- random numbers: splitmix64 (Vigna), not the generator under test --- */

static inline uint64_t check_random(void) {
  uint64_t z = check_counts.random += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/* In [low, high). */
static inline double check_uniform(double low, double high) {
  return low + (high - low) * ((double)(check_random() >> 11) * 0x1p-53);
}

/* In 0..n-1. */
static inline int64_t check_below(int64_t n) { return (int64_t)(check_random() % (uint64_t)n); }

static inline void check_fill_f64(double *p, int64_t n, double low, double high) {
  for (int64_t i = 0; i < n; i++) p[i] = check_uniform(low, high);
}

static inline void check_fill_f32(float *p, int64_t n, double low, double high) {
  for (int64_t i = 0; i < n; i++) p[i] = (float)check_uniform(low, high);
}

/* --- errors --- */

/* The larger of two errors, where a NaN is larger than anything. */
static inline double check_worse(double a, double b) { return isnan(a) || a > b ? a : b; }

/* --- recording --- */

static inline void check_start(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char *given = getenv("SEQGPU_TEST_SEED");
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  check_counts.seed = given ? strtoull(given, NULL, 0)
                            : ((uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec) % 1000000007u;
  check_counts.random = check_counts.seed;
  printf("seed %llu\n", (unsigned long long)check_counts.seed);
}

/* Last call of main: the exit code. */
static inline int check_finish(void) {
  printf("%ld passed, %ld failed, %ld skipped\n", check_counts.passed, check_counts.failed,
         check_counts.skipped);
  return check_counts.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Where the checks from here on run: device, algorithm if one is meant, and arithmetic, as "cpu f64" or
 * "cuda/step tf32".  Their names begin with it, and tests/table.sh reads it; "" is nowhere in particular. */
__attribute__((format(printf, 1, 2))) static inline void check_at(const char *place, ...) {
  va_list values;
  va_start(values, place);
  vsnprintf(check_counts.place, sizeof check_counts.place, place, values);
  va_end(values);
}

/* The first words of a line: its verdict, and where the check ran. */
static inline void check_begin(const char *verdict) {
  printf("%s %s%s", verdict, check_counts.place, check_counts.place[0] ? ": " : "");
}

/* One line and one count; why is printed unless ok.  Returns ok. */
__attribute__((format(printf, 3, 0))) static inline int check_vrecord(int ok, const char *why,
                                                                      const char *name, va_list names) {
  check_begin(ok ? "pass" : "FAIL");
  vprintf(name, names);
  if (ok)
    printf("\n");
  else
    printf(": %s\n", why);
  *(ok ? &check_counts.passed : &check_counts.failed) += 1;
  return ok;
}

__attribute__((format(printf, 3, 4))) static inline int check_record(int ok, const char *why,
                                                                     const char *name, ...) {
  va_list names;
  va_start(names, name);
  check_vrecord(ok, why, name, names);
  va_end(names);
  return ok;
}

static inline int check_known(int ok) { return ok; }

/* A condition, then the name of the check in printf's manner; its value is 1 or 0, as analysers see: they
 * look into no function with `...`. */
#define CHECK(condition, ...)                                                                                \
  check_known((condition) ? (check_record(1, "", __VA_ARGS__), 1)                                            \
                          : (check_record(0, #condition " is false", __VA_ARGS__), 0))

/* error <= tolerance; a NaN never passes. */
__attribute__((format(printf, 3, 4))) static inline int check_error(double error, double tolerance,
                                                                    const char *name, ...) {
  char why[80];
  snprintf(why, sizeof why, "error %.3g, allowed %.3g", error, tolerance);
  va_list names;
  va_start(names, name);
  const int ok = check_vrecord(error <= tolerance, why, name, names);
  va_end(names);
  return ok;
}

__attribute__((format(printf, 2, 3))) static inline void check_skip(const char *why, const char *name, ...) {
  va_list names;
  va_start(names, name);
  check_begin("skip");
  vprintf(name, names);
  printf(": %s\n", why);
  va_end(names);
  check_counts.skipped++;
}

/* Whether this program is for that device.  Where nvcc is, the tests are built twice: the programs with the
 * sanitizers leave `cuda` to those on the software device, which take nothing else. */
static inline int check_is_for(const char *device) {
#if defined(SEQGPU_TEST_SOFT)
  return strcmp(device, "cuda") == 0;
#elif defined(SEQGPU_TEST_CUDA_ELSEWHERE)
  return strcmp(device, "cuda") != 0;
#else
  (void)device;
  return 1;
#endif
}

/* Whether its threads are interpreted or emulated: too slow for large shapes. */
static inline int check_is_slow(const char *device) {
#if defined(SEQGPU_TEST_SOFT)
  if (strcmp(device, "cuda") == 0) return 1;
#endif
  return strcmp(device, "emulator") == 0;
}

/* --- errors: |out - ref| / |ref| over a tensor, |out| where ref is all zeros; NaN if anything is --- */

typedef struct check_distance {
  double difference2, reference2; /* sums of squares */
} check_distance;

static inline void check_distance_add(check_distance *d, double out, double ref) {
  d->difference2 += (out - ref) * (out - ref);
  d->reference2 += ref * ref;
}

static inline double check_distance_error(check_distance d) {
  return d.reference2 == 0 ? sqrt(d.difference2) : sqrt(d.difference2) / sqrt(d.reference2);
}

static inline double check_norm_f64(const double *out, const double *ref, int64_t n) {
  check_distance d = {0, 0};
  for (int64_t i = 0; i < n; i++) check_distance_add(&d, out[i], ref[i]);
  return check_distance_error(d);
}

/* A float32 result against the float64 reference. */
static inline double check_norm_f32(const float *out, const double *ref, int64_t n) {
  check_distance d = {0, 0};
  for (int64_t i = 0; i < n; i++) check_distance_add(&d, (double)out[i], ref[i]);
  return check_distance_error(d);
}

/* --- FNV-1a, 64 bits: whether two runs have the same bits --- */

static const uint64_t CHECK_HASH_START = 0xcbf29ce484222325u;

static inline uint64_t check_hash(uint64_t hash, const void *data, size_t size) {
  const unsigned char *byte = (const unsigned char *)data;
  for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 0x100000001b3u;
  return hash;
}

/* --- guarded memory --- */

enum { CHECK_GUARD = 64 }; /* bytes on each side; buffers are aligned to it */

typedef struct check_header {
  void *base;
  size_t bytes;
  const char *name;
} check_header;

/* The guards read as NaN in float and double, and differ from the 0xff of an unwritten buffer. */
static inline unsigned char check_guard_byte(size_t offset) {
  static const unsigned char pattern[4] = {0xC3, 0xA5, 0xFF, 0xFF};
  return pattern[offset % 4];
}

/* [header][guard][buffer][guard].  Never NULL: a test without memory ends here. `name` must outlive it. */
static inline void *check_alloc(const char *name, size_t bytes) {
  char *base = (char *)malloc(sizeof(check_header) + 3 * CHECK_GUARD + bytes);
  if (base == NULL) {
    printf("FAIL %s: no memory for %zu bytes\n", name, bytes);
    exit(EXIT_FAILURE);
  }
  uintptr_t start = (uintptr_t)base + sizeof(check_header) + CHECK_GUARD;
  start += (CHECK_GUARD - start % CHECK_GUARD) % CHECK_GUARD;
  char *buffer = base + (start - (uintptr_t)base);
  char *front = buffer - CHECK_GUARD;
  const check_header header = {base, bytes, name};
  memcpy(front - sizeof header, &header, sizeof header);
  for (size_t i = 0; i < CHECK_GUARD; i++) {
    front[i] = (char)check_guard_byte(i);
    buffer[bytes + i] = (char)check_guard_byte(i);
  }
  memset(buffer, 0xff, bytes);
  ASAN_POISON_MEMORY_REGION(front, CHECK_GUARD);
  ASAN_POISON_MEMORY_REGION(buffer + bytes, CHECK_GUARD);
  return buffer;
}

/* Fills a buffer with 0xff again, before the next run of what writes it. */
static inline void check_poison(void *buffer) {
  check_header header;
  memcpy(&header, (char *)buffer - CHECK_GUARD - sizeof header, sizeof header);
  memset(buffer, 0xff, header.bytes);
}

/* Frees a buffer of check_alloc; a damaged guard is a failure of its own. Returns 1 if they were whole. */
static inline int check_free(void *pointer) {
  if (pointer == NULL) return 1;
  char *buffer = (char *)pointer;
  check_header header;
  memcpy(&header, buffer - CHECK_GUARD - sizeof header, sizeof header);
  ASAN_UNPOISON_MEMORY_REGION(buffer - CHECK_GUARD, CHECK_GUARD);
  ASAN_UNPOISON_MEMORY_REGION(buffer + header.bytes, CHECK_GUARD);
  const char *front = buffer - CHECK_GUARD;
  int before = 1, after = 1;
  for (size_t i = 0; i < CHECK_GUARD; i++) {
    before &= (unsigned char)front[i] == check_guard_byte(i);
    after &= (unsigned char)buffer[header.bytes + i] == check_guard_byte(i);
  }
  if (!before) check_record(0, "bytes before the buffer were overwritten", "guard of %s", header.name);
  if (!after) check_record(0, "bytes after the buffer were overwritten", "guard of %s", header.name);
  free(header.base);
  return before && after;
}

#endif
