/* checkpoint_hostile.h - part of test_checkpoint.c: files that are cut short, damaged, or made to do harm.
 * Whatever is in a file, opening it gives a status and a sentence; the sanitizers look for anything worse.
 */
#ifndef CHECKPOINT_HOSTILE_H
#define CHECKPOINT_HOSTILE_H

/* Opens a file and, if that works, uses all of it. */
static seqgpu_status use_file(seqgpu_context *ctx, const char *path, seqgpu_params *p) {
  seqgpu_checkpoint *c;
  const seqgpu_status status = seqgpu_checkpoint_open(ctx, path, &c);
  if (status != SEQGPU_OK) return status;
  seqgpu_checkpoint_load(c, p, 1);
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(c); i++) {
    seqgpu_tensor_info info;
    seqgpu_checkpoint_tensor_get(c, i, &info);
    double *numbers = malloc((size_t)info.elements * sizeof *numbers + 1);
    seqgpu_checkpoint_read(c, i, numbers);
    free(numbers);
  }
  seqgpu_checkpoint_close(c);
  return SEQGPU_OK;
}

static seqgpu_params *tiny_params(seqgpu_context *ctx) {
  seqgpu_params *p;
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "w", 2, 2, "normal", 1, NULL);
  return p;
}

static void poke(const char *path, int64_t place, int byte) {
  const unsigned char one = (unsigned char)byte;
  const int fd = open(path, O_WRONLY);
  if (pwrite(fd, &one, 1, place) != 1) CHECK(0, "byte %lld can be written", (long long)place);
  close(fd);
}

/* Whether a damaged file is refused, to open or to load; only one without checksums cannot be. */
static int flip_is_noticed(seqgpu_context *ctx, const char *path, seqgpu_params *p) {
  seqgpu_checkpoint *c;
  const seqgpu_status opened = seqgpu_checkpoint_open(ctx, path, &c);
  if (opened != SEQGPU_OK) return opened == SEQGPU_EFORMAT || opened == SEQGPU_EUNSUPPORTED;
  int wrong = seqgpu_checkpoint_verify(c, SEQGPU_CHECKPOINT_HEADER) == SEQGPU_EFORMAT;
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(c); i++)
    wrong |= seqgpu_checkpoint_verify(c, i) == SEQGPU_EFORMAT;
  const int refused = seqgpu_checkpoint_load(c, p, 1) == SEQGPU_EFORMAT,
            bare = !seqgpu_checkpoint_has_checksums(c);
  seqgpu_checkpoint_close(c);
  return bare || (wrong && refused);
}

static void test_damage(seqgpu_context *ctx) {
  unsigned char bytes[4096];
  const seqgpu_meta meta = {"key", "value"};
  seqgpu_params *p = tiny_params(ctx);
  train(ctx, p, SEQGPU_OPTIMIZER_SGD, 1);
  seqgpu_checkpoint_save(p, at("whole"), &meta, 1);
  const int64_t n = read_file(at("whole"), bytes, sizeof bytes);
  const int64_t header = (int64_t)bytes[0] + 256 * (int64_t)bytes[1] + 8;
  CHECK(n > header && header % 8 == 0, "a file of %lld bytes, its header aligned", (long long)n);
  int refused = 1, noticed = 1, named = 1;
  for (int64_t k = 0; k < n; k++) {
    write_file(at("cut"), bytes, k);
    const seqgpu_status status = use_file(ctx, at("cut"), p);
    refused &= status == SEQGPU_EFORMAT && seqgpu_last_error(ctx)[0] != 0;
  }
  CHECK(refused, "cut at any of its bytes, the file is refused");
  write_file(at("cut"), bytes, n);
  for (int64_t k = 0; k < n; k++)
    for (int bit = 0; bit < 8; bit++) {
      poke(at("cut"), k, bytes[k] ^ 1 << bit);
      noticed &= flip_is_noticed(ctx, at("cut"), p);
      named &= k < header || strstr(seqgpu_last_error(ctx), "is damaged") != NULL;
      poke(at("cut"), k, bytes[k]);
    }
  CHECK(noticed, "with any of its bits flipped, it is refused, or the checksums themselves are gone");
  CHECK(named, "a flipped bit of the data names the tensor");
  write_file(at("cut"), bytes, n);
  FILE *longer = fopen(at("cut"), "ab");
  fputc(0, longer);
  fclose(longer);
  CHECK(use_file(ctx, at("cut"), p) == SEQGPU_EFORMAT, "a byte too many is refused");
  seqgpu_params_destroy(p);
}

#define TENSOR(name, dtype, shape, from, to)                                                                 \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static const struct {
  const char *name, *header;
  int64_t bytes;
  seqgpu_status status;
  const char *words; /* of the sentence */
} hostile_rows[] = {
    {"no tensors", "{}", 0, SEQGPU_OK, ""},
    {"one tensor", "{" TENSOR("a", "F32", "[2,1]", 0, 8) "}", 8, SEQGPU_OK, ""},
    {"order of the file is free",
     "{" TENSOR("a", "F32", "[1]", 8, 12) "," TENSOR("b", "F64", "[1]", 0, 8) "}", 12, SEQGPU_OK, ""},
    {"a scalar and an empty tensor",
     "{" TENSOR("a", "I64", "[]", 0, 8) "," TENSOR("b", "F32", "[0,3]", 8, 8) "}", 8, SEQGPU_OK, ""},
    {"white space at the end", "{} \n\r\t  ", 0, SEQGPU_OK, ""},
    {"white space everywhere",
     "{ \"a\"\n:\t{ \"shape\" : [ 1 , 1 ] , \"data_offsets\":[ 0 , 4 ] , \"dtype\" : \"F32\" } } ", 4,
     SEQGPU_OK, ""},
    {"white space at the start", " {}", 0, SEQGPU_EFORMAT, ""},
    {"text after the end", "{} x", 0, SEQGPU_EFORMAT, "after its header"},
    {"a comma at the end", "{" TENSOR("a", "F32", "[1]", 0, 4) ",}", 4, SEQGPU_EFORMAT, ""},
    {"no comma", "{" TENSOR("a", "F32", "[]", 0, 4) TENSOR("b", "F32", "[]", 4, 8) "}", 8, SEQGPU_EFORMAT,
     "comma"},
    {"escapes", "{\"__metadata__\":{\"\\ud83c\\udfb5\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}}", 0, SEQGPU_OK,
     ""},
    {"an escape of no digits", "{\"__metadata__\":{\"a\":\"\\uzzzz\"}}", 0, SEQGPU_EFORMAT, "escape"},
    {"an escape of two digits", "{\"__metadata__\":{\"a\":\"\\u41\"}}", 0, SEQGPU_EFORMAT, "escape"},
    {"an escape of half a pair", "{\"__metadata__\":{\"a\":\"\\ud83c\"}}", 0, SEQGPU_EFORMAT, "escape"},
    {"an escape of the wrong half", "{\"__metadata__\":{\"a\":\"\\udfb5\\ud83c\"}}", 0, SEQGPU_EFORMAT,
     "escape"},
    {"half a pair and a letter", "{\"__metadata__\":{\"a\":\"\\ud83c\\u0041\"}}", 0, SEQGPU_EFORMAT,
     "escape"},
    {"an escape that the header's end cuts", "{\"__metadata__\":{\"a\":\"\\u41", 0, SEQGPU_EFORMAT, "escape"},
    {"half a pair at the header's end", "{\"__metadata__\":{\"a\":\"\\ud83c", 0, SEQGPU_EFORMAT, "escape"},
    {"half a pair and another escape", "{\"__metadata__\":{\"a\":\"\\ud83c\\nabcd\"}}", 0, SEQGPU_EFORMAT,
     "escape"},
    {"half a pair and a character above", "{\"__metadata__\":{\"a\":\"\\ud83c\\uffee\"}}", 0, SEQGPU_EFORMAT,
     "escape"},
    {"an escape beyond F", "{\"__metadata__\":{\"a\":\"\\u00G0\"}}", 0, SEQGPU_EFORMAT, "escape"},
    {"escapes in capitals, and above the pairs", "{\"__metadata__\":{\"a\":\"\\u00E9\\uFFEE\"}}", 0,
     SEQGPU_OK, ""},
    {"a number at the header's end", "{\"a\":{\"shape\":[1", 0, SEQGPU_EFORMAT, "a comma or the end"},
    {"checksums twice", "{\"__metadata__\":{\"seqgpu.crc32\":\"\",\"seqgpu.crc32\":\"\"}}", 0, SEQGPU_EFORMAT,
     "\"seqgpu.crc32\" appears twice"},
    {"an unknown escape", "{\"__metadata__\":{\"a\":\"\\x41\"}}", 0, SEQGPU_EFORMAT, "escape"},
    {"a hidden zero", "{\"__metadata__\":{\"a\":\"b\\u0000c\"}}", 0, SEQGPU_EFORMAT, "escape"},
    {"escaped name", "{" TENSOR("\\u00e9\\n", "I32", "[1]", 0, 4) "}", 4, SEQGPU_OK, ""},
    {"nothing", "", 0, SEQGPU_EFORMAT, ""},
    {"not JSON", "hello", 0, SEQGPU_EFORMAT, ""},
    {"an array", "[]", 0, SEQGPU_EFORMAT, ""},
    {"a number", "5", 0, SEQGPU_EFORMAT, ""},
    {"two objects", "{}{}", 0, SEQGPU_EFORMAT, ""},
    {"open object", "{\"a\":", 0, SEQGPU_EFORMAT, ""},
    {"open string", "{\"a", 0, SEQGPU_EFORMAT, ""},
    {"open escape", "{\"a\\", 0, SEQGPU_EFORMAT, ""},
    {"no metadata object", "{\"__metadata__\":[]}", 0, SEQGPU_EFORMAT, ""},
    {"metadata value is a number", "{\"__metadata__\":{\"a\":1}}", 0, SEQGPU_EFORMAT, ""},
    {"metadata key twice", "{\"__metadata__\":{\"a\":\"\",\"b\":\"\",\"a\":\"\"}}", 0, SEQGPU_EFORMAT,
     "key \"a\" appears twice"},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, SEQGPU_EFORMAT, ""},
    {"name twice", "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("a", "F32", "[1]", 4, 8) "}", 8,
     SEQGPU_EFORMAT, "\"a\" appears twice"},
    {"name twice by escapes",
     "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("\\u0061", "F32", "[1]", 4, 8) "}", 8, SEQGPU_EFORMAT,
     ""},
    {"name with a zero", "{" TENSOR("a\\u0000b", "F32", "[1]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"name with a raw newline", "{" TENSOR("a\nb", "F32", "[1]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"name not UTF-8", "{" TENSOR("\xc0\x80", "F32", "[1]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"empty name", "{" TENSOR("", "F32", "[1]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"unknown type", "{" TENSOR("a", "F31", "[1]", 0, 4) "}", 4, SEQGPU_EUNSUPPORTED, "of type F31"},
    {"type is a number", "{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, SEQGPU_EFORMAT, ""},
    {"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, SEQGPU_EFORMAT, ""},
    {"field twice", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1]}}", 4, SEQGPU_EFORMAT,
     "two shapes"},
    {"one field more", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
     SEQGPU_EFORMAT, ""},
    {"tensor is a string", "{\"a\":\"b\"}", 0, SEQGPU_EFORMAT, ""},
    {"nine dimensions", "{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"negative size", "{" TENSOR("a", "F32", "[-1]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"half a size", "{" TENSOR("a", "F32", "[1.0]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"size in exponents", "{" TENSOR("a", "F32", "[1e0]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"size with a zero before", "{" TENSOR("a", "F32", "[01]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"size null", "{" TENSOR("a", "F32", "[null]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"size is text", "{" TENSOR("a", "F32", "[\"1\"]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"product overflows", "{" TENSOR("a", "F32", "[4294967296,4294967296,2]", 0, 0) "}", 0, SEQGPU_EFORMAT,
     ""},
    {"huge but empty", "{" TENSOR("a", "F32", "[0,999999999999999]", 0, 0) "}", 0, SEQGPU_EFORMAT, ""},
    {"number of 20 digits", "{" TENSOR("a", "F32", "[18446744073709551617]", 0, 4) "}", 4, SEQGPU_EFORMAT,
     ""},
    {"offsets smaller than shape", "{" TENSOR("a", "F32", "[2]", 0, 4) "}", 4, SEQGPU_EFORMAT, ""},
    {"offsets backwards", "{" TENSOR("a", "F32", "[1]", 4, 0) "}", 4, SEQGPU_EFORMAT, ""},
    {"one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, SEQGPU_EFORMAT,
     "one data_offset instead of two"},
    {"three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4, SEQGPU_EFORMAT,
     ""},
    {"beyond the file", "{" TENSOR("a", "F32", "[2]", 0, 8) "}", 4, SEQGPU_EFORMAT, ""},
    {"hole at the start", "{" TENSOR("a", "F32", "[1]", 4, 8) "}", 8, SEQGPU_EFORMAT, ""},
    {"hole in the middle", "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("b", "F32", "[1]", 8, 12) "}", 12,
     SEQGPU_EFORMAT, ""},
    {"overlap", "{" TENSOR("a", "F32", "[2]", 0, 8) "," TENSOR("b", "F32", "[1]", 4, 8) "}", 8,
     SEQGPU_EFORMAT, ""},
    {"the same place twice", "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("b", "F32", "[1]", 0, 4) "}", 4,
     SEQGPU_EFORMAT, ""},
    {"bytes after the end", "{" TENSOR("a", "F32", "[1]", 0, 4) "}", 5, SEQGPU_EFORMAT, ""},
};

/* Work in proportion to the file: anything else shows as a test that does not end. */
static void test_many_entries(seqgpu_context *ctx) {
  enum { ENTRIES = 100000 };
  FILE *file = fopen(at("h"), "w+b");
  uint64_t length = 0;
  fwrite(&length, 8, 1, file);
  fputs("{\"__metadata__\":{", file);
  for (int i = 0; i < ENTRIES; i++) fprintf(file, "%s\"key%d\":\"%d\"", i ? "," : "", i, i);
  fputs("}", file);
  for (int i = 0; i < ENTRIES; i++)
    fprintf(file, ",\"t%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i);
  fputs("}", file);
  length = (uint64_t)ftell(file) - 8;
  rewind(file);
  fwrite(&length, 8, 1, file);
  fclose(file);
  seqgpu_checkpoint *c;
  CHECK(seqgpu_checkpoint_open(ctx, at("h"), &c) == SEQGPU_OK, "100,000 keys and 100,000 tensors");
  int right = seqgpu_checkpoint_meta_count(c) == ENTRIES && seqgpu_checkpoint_tensor_count(c) == ENTRIES;
  for (int i = 0; i < seqgpu_checkpoint_meta_count(c); i++) {
    seqgpu_meta entry;
    seqgpu_checkpoint_meta_get(c, i, &entry);
    right &= atoi(entry.value) == i && strcmp(seqgpu_checkpoint_meta(c, entry.key), entry.value) == 0;
  }
  CHECK(right, "each key has its value, by place and by name");
  seqgpu_checkpoint_close(c);
}

static void test_long_headers(seqgpu_context *ctx, seqgpu_params *p) {
  enum { SIZE = 3000000 };
  char *text = malloc(SIZE + 1);
  memset(text, '[', SIZE);
  text[SIZE] = 0;
  write_raw(at("h"), text, "", 0);
  CHECK(use_file(ctx, at("h"), p) == SEQGPU_EFORMAT, "three million brackets");
  memset(text, ' ', SIZE);
  memcpy(text, "{\"a\":[", 6);
  for (int i = 6; i + 1 < SIZE; i += 2) memcpy(text + i, "1,", 2);
  write_raw(at("h"), text, "", 0);
  CHECK(use_file(ctx, at("h"), p) == SEQGPU_EFORMAT, "a list of a million numbers");
  memset(text, 'x', 300);
  memcpy(text, "{\"", 2);
  strcpy(text + 300, "\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}");
  write_raw(at("h"), text, "1234", 4);
  CHECK(use_file(ctx, at("h"), p) == SEQGPU_EFORMAT, "a name of 298 bytes");
  free(text);
  test_many_entries(ctx);
  const uint64_t lengths[] = {100000001, 99999999, UINT64_MAX, (uint64_t)1 << 63, 1};
  for (size_t i = 0; i < COUNT(lengths); i++) {
    write_file(at("h"), &lengths[i], 8);
    CHECK(use_file(ctx, at("h"), p) == SEQGPU_EFORMAT, "a header that claims %llu bytes",
          (unsigned long long)lengths[i]);
  }
}

static void test_strange_files(seqgpu_context *ctx, seqgpu_params *p) {
  CHECK(use_file(ctx, at("nobody"), p) == SEQGPU_EIO, "no such file");
  CHECK(use_file(ctx, folder, p) == SEQGPU_EIO, "a folder");
  CHECK(use_file(ctx, "/dev/zero", p) == SEQGPU_EIO, "a device");
  mkfifo(at("pipe"), 0600);
  CHECK(use_file(ctx, at("pipe"), p) == SEQGPU_EIO, "a pipe that nobody writes to");
  seqgpu_checkpoint *c;
  CHECK(seqgpu_checkpoint_open(ctx, NULL, &c) == SEQGPU_EINVAL && c == NULL, "path NULL");
  CHECK(seqgpu_checkpoint_open(ctx, "x", NULL) == SEQGPU_EINVAL, "out NULL");
  CHECK(seqgpu_checkpoint_load(NULL, p, 0) == SEQGPU_EINVAL, "checkpoint NULL");
  seqgpu_checkpoint_close(NULL);
  CHECK(seqgpu_checkpoint_tensor_count(NULL) == 0 && seqgpu_checkpoint_meta(NULL, "a") == NULL,
        "questions about NULL");
  CHECK(seqgpu_checkpoint_open(NULL, "x", &c) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_open(ctx, "", &c) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "path is empty") != NULL,
        "no context, and an empty path");
  seqgpu_tensor_info info;
  double number;
  CHECK(seqgpu_checkpoint_tensor_get(NULL, 0, &info) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_read(NULL, 0, &number) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_attach(NULL, NULL, 0) == SEQGPU_EINVAL,
        "no checkpoint at all");
}

static void test_hostile(seqgpu_context *ctx) {
  seqgpu_params *p = tiny_params(ctx);
  const char zeros[64] = {0};
  for (size_t i = 0; i < COUNT(hostile_rows); i++) {
    write_raw(at("h"), hostile_rows[i].header, zeros, hostile_rows[i].bytes);
    const seqgpu_status status = use_file(ctx, at("h"), p);
    const char *words = hostile_rows[i].words;
    CHECK(status == hostile_rows[i].status && strstr(seqgpu_last_error(ctx), words), "header: %s",
          hostile_rows[i].name);
  }
  test_long_headers(ctx, p);
  test_strange_files(ctx, p);
  seqgpu_params_destroy(p);
  test_damage(ctx);
}

#endif
