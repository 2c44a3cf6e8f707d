/* fuzz.h - what the fuzz targets share.  A target is one function on bytes:
 *
 *   #include "tests/fuzz/fuzz.h"
 *   FUZZ_TARGET(name) {                                   data [size]
 *     fuzz_said(ctx, some_reader(ctx, data, size));       a failure must have a sentence
 *     return 0;
 *   }
 *
 * in fuzz_NAME.c.  Whatever the bytes are, the reader returns, says why where it fails, frees what it took
 * and writes no file.  What holds besides, that what was read can be written and read again, say, goes into
 * fuzz_require.  Each is linked with libFuzzer, and all of them into test_fuzz (fuzz.cmake).
 *
 * Memory is what a target asks for, and libFuzzer's limits and the sanitizers' see to it that it is bounded.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context/context.h"
#include "seqgpu/seqgpu.h"

#ifdef FUZZ_LIBFUZZER
#define FUZZ_TARGET(name)                                                                                    \
  int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);                                              \
  int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
#else
/* It enters the list of replay.c before main begins. */
typedef int fuzz_run(const uint8_t *data, size_t size);
void fuzz_enter(const char *name, fuzz_run *run);
#define FUZZ_TARGET(name)                                                                                    \
  static int run_##name(const uint8_t *data, size_t size);                                                   \
  __attribute__((constructor)) static void enter_##name(void) { fuzz_enter(#name, run_##name); }             \
  static int run_##name(const uint8_t *data, size_t size)
#endif

/* Ends the process where something does not hold. */
#define fuzz_require(condition)                                                                              \
  do {                                                                                                       \
    if (!(condition)) __builtin_trap();                                                                      \
  } while (0)

/* The context of all runs of a target: float64 on the CPU, which keeps what was read. */
static inline seqgpu_context *fuzz_context(void) {
  static seqgpu_context *ctx;
  const seqgpu_context_options options = {.device = "cpu", .dtype = SEQGPU_DTYPE_F64, .threads = 1};
  if (ctx == NULL) fuzz_require(seqgpu_context_create(&options, &ctx) == SEQGPU_OK);
  ctx->error[0] = 0;
  return ctx;
}

/* Whether a call succeeded; a failure must have left a sentence. */
static inline int fuzz_said(const seqgpu_context *ctx, seqgpu_status status) {
  fuzz_require(status == SEQGPU_OK || ctx->error[0] != 0);
  return status == SEQGPU_OK;
}

/* Takes a byte off the front, 0 where there is none: choices of the target. */
static inline unsigned fuzz_byte(const uint8_t **data, size_t *size) {
  if (*size == 0) return 0;
  --*size;
  return *(*data)++;
}

/* A copy in memory of its size alone, so that the sanitizers see every step too far; malloc's. */
static inline char *fuzz_copy(const uint8_t *data, size_t size) {
  char *copy = (char *)malloc(size + !size);
  fuzz_require(copy != NULL);
  if (size > 0) memcpy(copy, data, size);
  return copy;
}

/* The same with a zero behind it, up to the first zero in it. */
static inline char *fuzz_string(const uint8_t *data, size_t size) {
  const uint8_t *zero = size > 0 ? (const uint8_t *)memchr(data, 0, size) : NULL;
  const size_t length = zero ? (size_t)(zero - data) : size;
  char *copy = (char *)malloc(length + 1);
  fuzz_require(copy != NULL);
  if (length > 0) memcpy(copy, data, length);
  copy[length] = 0;
  return copy;
}

/* What a target prints goes nowhere. */
static inline FILE *fuzz_sink(void) {
  static FILE *sink;
  if (sink == NULL) fuzz_require((sink = fopen("/dev/null", "w")) != NULL);
  return sink;
}

#endif
