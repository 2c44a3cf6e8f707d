/* checkpoint_fails.h - part of test_checkpoint.c: states of an optimiser that cannot be, shapes that do not
 * fit, files that change while they are open, disks that are full, memory and devices that fail.
 */
#ifndef CHECKPOINT_FAILS_H
#define CHECKPOINT_FAILS_H

/* ---------------------------------------------------------------- what does not fit */

/* A matrix "w" [2,2], written with another shape. */
static void test_shapes(seqgpu_context *ctx) {
  static const char *const shapes[] = {"[2,3]", "[3,2]", "[4]", "[2,2,1]", "[]"};
  static const int64_t elements[] = {6, 6, 4, 4, 1};
  const float data[6] = {1, 2, 3, 4, 5, 6};
  char header[160], word[80];
  seqgpu_params *p = tiny_params(ctx), *row;
  seqgpu_param w;
  for (size_t i = 0; i < COUNT(shapes); i++) {
    const int64_t bytes = 4 * elements[i];
    snprintf(header, sizeof header, "{\"w\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[0,%d]}}",
             shapes[i], (int)bytes);
    snprintf(word, sizeof word, "tensor \"w\" is %s; for this model it must be [2,2]", shapes[i]);
    write_raw(at("shape"), header, data, bytes);
    const seqgpu_status status = load(ctx, at("shape"), p, 0);
    CHECK(status == SEQGPU_EFORMAT && strstr(seqgpu_last_error(ctx), word), "w as %s: %s", shapes[i],
          seqgpu_last_error(ctx));
  }
  seqgpu_params_create(ctx, 1, &row);
  seqgpu_params_add(row, "w", 1, 3, "zeros", 0, &w);
  write_raw(at("shape"), "{" TENSOR("w", "F32", "[4]", 0, 16) "}", data, 16);
  CHECK(load(ctx, at("shape"), row, 0) == SEQGPU_EFORMAT, "a list of 4 is no row of 3");
  write_raw(at("shape"), "{" TENSOR("w", "F32", "[3]", 0, 12) "}", data, 12);
  CHECK(load(ctx, at("shape"), row, 0) == SEQGPU_OK && ((float *)w.value)[2] == 3, "a list of 3 is");
  seqgpu_params_destroy(p);
  seqgpu_params_destroy(row);
}

/* Updates, seed, draws, has first, has second. */
static const struct {
  const char *name, *header;
  int64_t counters[5];
  const char *word;
} counter_rows[] = {
#define COUNTERS(dtype, shape, end) "{" TENSOR("optimizer.counters", dtype, shape, 0, end) "}"
    {"as floats", COUNTERS("F64", "[5]", 40), {0}, "is not a list of 5 counters"},
    {"as a matrix", COUNTERS("I64", "[5,1]", 40), {0}, "is not a list of 5 counters"},
    {"four of them", COUNTERS("I64", "[4]", 32), {0}, "is not a list of 5 counters"},
    {"updates below 0", COUNTERS("I64", "[5]", 40), {-1, 0, 0, 0, 0}, "has impossible counters"},
    {"updates without end", COUNTERS("I64", "[5]", 40), {INT64_MAX, 0, 0, 0, 0}, "has impossible counters"},
    {"draws below 0", COUNTERS("I64", "[5]", 40), {0, 0, -1, 0, 0}, "has impossible counters"},
    {"draws without end", COUNTERS("I64", "[5]", 40), {0, 0, INT64_MAX, 0, 0}, "has impossible counters"},
    {"half a moment", COUNTERS("I64", "[5]", 40), {0, 0, 0, 2, 0}, "has impossible counters"},
    {"and no clip state", COUNTERS("I64", "[5]", 40), {3, 0, 0, 1, 1}, "clip_state\" is not in the file"},
};

static void test_counters(seqgpu_context *ctx) {
  seqgpu_params *p = tiny_params(ctx);
  for (size_t i = 0; i < COUNT(counter_rows); i++) {
    const int64_t bytes = strstr(counter_rows[i].header, "[4]") ? 32 : 40;
    write_raw(at("counters"), counter_rows[i].header, counter_rows[i].counters, bytes);
    const seqgpu_status status = load(ctx, at("counters"), p, 1);
    CHECK(status == SEQGPU_EFORMAT && strstr(seqgpu_last_error(ctx), counter_rows[i].word),
          "counters, %s: %s", counter_rows[i].name, seqgpu_last_error(ctx));
  }
  seqgpu_params_destroy(p);
}

/* How many values are in the averages. */
static const struct {
  const char *header;
  int64_t averaged;
  const char *word;
} averaged_rows[] = {
#define AVERAGED(dtype, shape, end)                                                                          \
  "{" TENSOR("optimizer.counters", "I64", "[5]", 0, 40) "," TENSOR("optimizer.averaged", dtype, shape, 40,   \
                                                                   end) "}"
    {AVERAGED("F64", "[1]", 48), 1, "is not a counter"},
    {AVERAGED("I64", "[2]", 56), 1, "is not a counter"},
    {AVERAGED("I64", "[1]", 48), 0, "is an impossible counter"},
    {AVERAGED("I64", "[1]", 48), -1, "is an impossible counter"},
    {AVERAGED("I64", "[1]", 48), INT64_MAX, "is an impossible counter"},
    {AVERAGED("I64", "[1]", 48), 3, "clip_state\" is not in the file"},
};

static void test_averaged(seqgpu_context *ctx) {
  seqgpu_params *p = tiny_params(ctx);
  for (size_t i = 0; i < COUNT(averaged_rows); i++) {
    const int64_t data[7] = {1, 0, 0, 0, 0, averaged_rows[i].averaged, 1};
    write_raw(at("averaged"), averaged_rows[i].header, data,
              strstr(averaged_rows[i].header, "[2]") ? 56 : 48);
    const seqgpu_status status = load(ctx, at("averaged"), p, 1);
    CHECK(status == SEQGPU_EFORMAT && strstr(seqgpu_last_error(ctx), averaged_rows[i].word), "averages: %s",
          seqgpu_last_error(ctx));
  }
  seqgpu_params_destroy(p);
}

/* NaN where two biases are added up, and where the second one's last third stands alone. */
static void test_bias_numbers(seqgpu_context *ctx) {
  float data[15] = {0};
  const seqgpu_rnn_desc gru = {
      .cell = "gru", .input_size = 2, .hidden_size = 1, .seq_len = 1, .batch = 1, .reset_after = 1};
  seqgpu_plan *plan;
  seqgpu_params *p;
  int loaded = 9;
  seqgpu_checkpoint *c;
  seqgpu_plan_create(ctx, &gru, NULL, &plan);
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  for (int place = 0; place < 2; place++) { /* torch_gru begins with bias_hh */
    data[place * 2] = (float)NAN;
    write_raw(at("torch"), torch_gru, data, sizeof data);
    CHECK(load(ctx, at("torch"), p, 0) == SEQGPU_ENONFINITE &&
              strstr(seqgpu_last_error(ctx), "bias_hh_l0\" has a number that is not finite"),
          "NaN in bias_hh, element %d: %s", place * 2, seqgpu_last_error(ctx));
    data[place * 2] = 0;
  }
  write_raw(at("torch"), torch_gru, data, sizeof data);
  seqgpu_checkpoint_open(ctx, at("torch"), &c);
  CHECK(seqgpu_checkpoint_load_some(c, p, "rnn.", &loaded) == SEQGPU_OK && loaded == 4,
        "a part of a model, both biases of a GRU with it: %d tensors", loaded);
  seqgpu_checkpoint_close(c);
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
}

static void test_names(seqgpu_context *ctx) {
  char long_key[300];
  memset(long_key, 'k', sizeof long_key - 1);
  long_key[sizeof long_key - 1] = 0;
  const seqgpu_meta metas[] = {{"\xff", "v"}, {long_key, "v"}, {NULL, "v"}};
  static const char *const words[] = {"is not valid UTF-8", "is too long for a name", "meta[0] has a key"};
  seqgpu_params *p = tiny_params(ctx);
  for (size_t i = 0; i < COUNT(metas); i++)
    CHECK(seqgpu_checkpoint_save(p, at("n"), &metas[i], 1) == SEQGPU_EINVAL &&
              strstr(seqgpu_last_error(ctx), words[i]),
          "metadata: %s", seqgpu_last_error(ctx));
  CHECK(seqgpu_checkpoint_save(p, at("n"), metas, -1) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "meta_count is -1 and meta given") &&
            seqgpu_checkpoint_save(p, NULL, NULL, 0) == SEQGPU_EINVAL,
        "fewer than no metadata, and no path");
  seqgpu_params_add(p, "\xc3(", 1, 1, "zeros", 0, NULL);
  CHECK(seqgpu_checkpoint_save(p, at("n"), NULL, 0) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "tensor: ") &&
            strstr(seqgpu_last_error(ctx), "is not valid UTF-8"),
        "a tensor's name: %s", seqgpu_last_error(ctx));
  CHECK(access(at("n"), F_OK) != 0, "what was refused left no file");
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- files that change */

static void test_changed_files(seqgpu_context *ctx) {
  unsigned char bytes[4096];
  double numbers[4];
  seqgpu_checkpoint *c;
  seqgpu_params *p = tiny_params(ctx);
  seqgpu_checkpoint_save(p, at("shrinks"), NULL, 0);
  const int64_t n = read_file(at("shrinks"), bytes, sizeof bytes);
  seqgpu_checkpoint_open(ctx, at("shrinks"), &c);
  const int w = seqgpu_checkpoint_find(c, "w");
  CHECK(truncate(at("shrinks"), n - 1) == 0, "an open file becomes shorter");
  CHECK(seqgpu_checkpoint_read(c, w, numbers) == SEQGPU_EFORMAT &&
            seqgpu_checkpoint_verify(c, w) == SEQGPU_EFORMAT &&
            strstr(seqgpu_last_error(ctx), "is truncated") &&
            seqgpu_checkpoint_load(c, p, 1) == SEQGPU_EFORMAT,
        "reading, verifying and loading say so");
  CHECK(seqgpu_checkpoint_meta(c, NULL) == NULL && seqgpu_checkpoint_find(c, NULL) == -1 &&
            seqgpu_checkpoint_tensor_get(c, 99, &(seqgpu_tensor_info){.rank = 0}) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_read(c, 99, numbers) == SEQGPU_EINVAL,
        "no key, no name, no such tensor");
  seqgpu_checkpoint_close(c);
  const char *key = strstr((const char *)bytes + 8, "\"w\"");
  write_file(at("shrinks"), bytes, n);
  poke(at("shrinks"), key + 1 - (const char *)bytes, 'v'); /* another name, of the same length */
  CHECK(seqgpu_checkpoint_open(ctx, at("shrinks"), &c) == SEQGPU_OK &&
            seqgpu_checkpoint_attach(c, p, 0) == SEQGPU_EFORMAT &&
            strstr(seqgpu_last_error(ctx), "its header is not what was written"),
        "a model is not attached to a header that is damaged");
  seqgpu_checkpoint_close(c);
  seqgpu_params_destroy(p);
}

/* The disk is full at every eighth byte of the file. */
static void test_full_disk(seqgpu_context *ctx) {
  seqgpu_params *p = tiny_params(ctx);
  seqgpu_checkpoint_save(p, at("full"), NULL, 0);
  const int files = count_files();
  unsigned char bytes[4096];
  const int64_t n = read_file(at("full"), bytes, sizeof bytes);
  int refused = 1;
  for (int64_t room = 0; room < n; room += 8)
    refused &= save_with_limit(p, at("full"), (rlim_t)room) == SEQGPU_EIO;
  CHECK(refused && save_with_limit(p, at("full"), (rlim_t)n) == SEQGPU_OK && count_files() == files,
        "a disk that is full after any part of %lld bytes is EIO, and leaves no file", (long long)n);
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- memory and devices */

/* A network saved and resumed, and weights of another precision into it; at("halves") is there. */
static seqgpu_status save_and_resume(seqgpu_context *ctx) {
  const seqgpu_rnn_desc gru = {
      .cell = "gru", .input_size = 2, .hidden_size = 1, .seq_len = 1, .batch = 1, .reset_after = 1};
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  const seqgpu_optimizer momentum = {.kind = SEQGPU_OPTIMIZER_MOMENTUM, .lr = 0.1};
  seqgpu_params *p = NULL, *other = NULL, *tiny = NULL;
  seqgpu_plan *plan = NULL;
  seqgpu_checkpoint *c = NULL, *halves = NULL;
  seqgpu_status status = seqgpu_plan_create(ctx, &gru, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &p);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_update(p, &momentum);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_save(p, at("memory"), NULL, 0);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &other);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(other, "rnn", plan, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_update(other, &adam);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_open(ctx, at("memory"), &c);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_verify(c, 0);
  double counters[5];
  if (status == SEQGPU_OK)
    status = seqgpu_checkpoint_read(c, seqgpu_checkpoint_find(c, "optimizer.counters"), counters);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_load(c, other, 1);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_open(ctx, at("halves"), &halves);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &tiny);
  if (status == SEQGPU_OK) status = seqgpu_params_add(tiny, "w", 2, 2, "normal", 1, NULL);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_load(halves, tiny, 0);
  seqgpu_checkpoint_close(c);
  seqgpu_checkpoint_close(halves);
  seqgpu_params_destroy(p);
  seqgpu_params_destroy(other);
  seqgpu_params_destroy(tiny);
  seqgpu_plan_destroy(plan);
  return status;
}

static void test_fails(seqgpu_context *ctx) {
  const uint16_t halves[4] = {0x3c00, 0, 0, 0xc000};
  test_shapes(ctx);
  test_counters(ctx);
  test_averaged(ctx);
  test_bias_numbers(ctx);
  test_names(ctx);
  test_changed_files(ctx);
  test_full_disk(ctx);
  write_raw(at("halves"), "{" TENSOR("w", "F16", "[2,2]", 0, 8) "}", halves, sizeof halves);
  write_raw(at("memory"), "{}", "", 0); /* so that each save replaces a file */
  const int files = count_files();
  failing_each("cpu", save_and_resume, 0);
  breaking_each("checkpoint", SEQGPU_DTYPE_F32, save_and_resume);
  breaking_each("checkpoint f64", SEQGPU_DTYPE_F64, save_and_resume);
  CHECK(count_files() == files, "and no file is left behind");
}

#endif
