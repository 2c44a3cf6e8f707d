/* exchange_hostile.h - damaged copies of the files that test_exchange.c imports: cut off anywhere, bits
 * flipped, numbers replaced.  Each is refused with a sentence or read; nothing crashes, leaks or takes much
 * memory (the sanitizers look, and the allocator counts).
 */
#ifndef EXCHANGE_HOSTILE_H
#define EXCHANGE_HOSTILE_H

#include "seqgpu/seqgpu.h"
#include <sys/stat.h>

#include "tests/check.h"

enum { HOSTILE_MOST = 1 << 16 };

/* Opens a copy of bytes; what has been read is thrown away.  1: it behaved. */
static inline int hostile_try(seqgpu_context *ctx, const char *path, const unsigned char *bytes,
                              size_t size) {
  seqgpu_import *import = NULL;
  FILE *file = fopen(path, "wb");
  fwrite(bytes, 1, size, file);
  fclose(file);
  const seqgpu_status status = seqgpu_import_open(ctx, path, NULL, &import);
  const int said = status == SEQGPU_OK || (import == NULL && strlen(seqgpu_last_error(ctx)) > 10);
  seqgpu_import_close(import);
  return said;
}

/* A megabyte that says it has H units, with one row of weights of that size and all the others empty: sizes are
 * compared with every row before memory for H^2 numbers is asked for. */
static inline void hostile_sizes(seqgpu_context *ctx, const char *folder) {
  enum { H = 4000 };
  char path[160];
  seqgpu_import *import = NULL;
  snprintf(path, sizeof path, "%s/sizes.json", folder);
  FILE *file = fopen(path, "w");
  fprintf(file, "{\"in_shape\":[1],\"layers\":[{\"type\":\"lstm\",\"shape\":[%d],\"weights\":[[[0", H);
  for (int i = 1; i < 4 * H; i++) fputs(",0", file);
  fputs("]],[[0", file);
  for (int i = 1; i < 4 * H; i++) fputs(",0", file);
  fputs("]", file);
  for (int i = 1; i < H; i++) fputs(",[]", file);
  fputs("],[0]]}]}", file);
  fclose(file);
  CHECK(seqgpu_import_open(ctx, path, NULL, &import) == SEQGPU_EFORMAT &&
            strstr(seqgpu_last_error(ctx), "not of its shape") != NULL,
        "a file that claims more numbers than it has");
  remove(path);
}

/* What a context has asked for. */
static inline void *hostile_count(size_t bytes, void *user) {
  *(size_t *)user += bytes;
  return malloc(bytes);
}

static inline void hostile_release(void *pointer, void *user) {
  (void)user;
  free(pointer);
}

/* Opens a model of `count` layers of a kind; the bytes that were asked for in all. */
static inline size_t hostile_memory(const char *path, const char *layer, int count, seqgpu_status expected) {
  size_t total = 0;
  const seqgpu_allocator allocator = {hostile_count, hostile_release, &total};
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .allocator = &allocator};
  seqgpu_context *ctx = NULL;
  seqgpu_import *import = NULL;
  FILE *file = fopen(path, "w");
  fputs("{\"in_shape\":[1],\"layers\":[", file);
  for (int i = 0; i < count; i++) fprintf(file, "%s%s", i ? "," : "", layer);
  fputs("]}", file);
  fclose(file);
  CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context that counts");
  total = 0;
  const seqgpu_status status = seqgpu_import_open(ctx, path, NULL, &import);
  CHECK(status == expected, "a file of %d %s: %s", count, layer, seqgpu_status_name(expected));
  seqgpu_import_close(import);
  seqgpu_context_destroy(ctx);
  remove(path);
  return total;
}

/* Four times as many take about four times the memory, each list that grew counted at every size it had, and
 * so as much time. */
static inline void hostile_many(const char *folder) {
  enum { FEW = 1000, MANY = 4 * FEW };
  static const char *const layers[] = {
      "{\"type\":\"x\"}",
      "{\"type\":\"lstm\",\"shape\":[1],\"weights\":[[[0,0,0,0]],[[0,0,0,0]],[0,0,0,0]]},{\"type\":\"x\"}"};
  char path[160];
  snprintf(path, sizeof path, "%s/many.json", folder);
  for (size_t i = 0; i < COUNT(layers); i++) {
    const size_t few = hostile_memory(path, layers[i], FEW, SEQGPU_OK);
    const size_t many = hostile_memory(path, layers[i], MANY, SEQGPU_OK);
    CHECK(few > 0 && many < 6 * few, "memory follows the number of %s: %zu bytes, %zu", layers[i], few, many);
  }
  hostile_memory(path, layers[1], (1 << 14) / 3 + 1, SEQGPU_EUNSUPPORTED);
}

static inline void hostile_file(seqgpu_context *ctx, const char *goldens, const char *name,
                                const char *folder) {
  static unsigned char good[HOSTILE_MOST], bad[HOSTILE_MOST];
  char path[160];
  snprintf(path, sizeof path, "%s/%s", goldens, name);
  FILE *file = fopen(path, "rb");
  const size_t size = file ? fread(good, 1, sizeof good, file) : 0;
  if (file) fclose(file);
  snprintf(path, sizeof path, "%s/hostile-%s", folder, name);
  int cut = 1, flipped = 1, replaced = 1;
  for (size_t n = 0; n < size; n += 1 + size / 100) cut &= hostile_try(ctx, path, good, n);
  for (int i = 0; i < 200; i++) {
    memcpy(bad, good, size);
    const size_t at = (size_t)check_below((int64_t)size);
    bad[at] = (unsigned char)(bad[at] ^ 1u << check_below(8));
    flipped &= hostile_try(ctx, path, bad, size);
  }
  for (int i = 0; i < 100; i++) { /* another digit, or the largest byte, in several places */
    memcpy(bad, good, size);
    for (int k = 0; k < 4; k++) {
      const size_t at = (size_t)check_below((int64_t)size);
      bad[at] = bad[at] >= '0' && bad[at] <= '9' ? (unsigned char)('0' + check_below(10)) : 0xff;
    }
    replaced &= hostile_try(ctx, path, bad, size);
  }
  remove(path);
  CHECK(size > 0 && cut, "%s, cut off, is refused with a sentence or read", name);
  CHECK(flipped, "%s, a bit flipped, is refused with a sentence or read", name);
  CHECK(replaced, "%s, bytes replaced, is refused with a sentence or read", name);
}

#endif
