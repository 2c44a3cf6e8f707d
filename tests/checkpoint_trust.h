/* checkpoint_trust.h - part of test_checkpoint.c: files of other programs, checksums, numbers that are none,
 * and models whose sizes come from a file.
 */
#ifndef CHECKPOINT_TRUST_H
#define CHECKPOINT_TRUST_H

/* ---------------------------------------------------------------- checksums */

/* CRC-32 by its definition, bit by bit. */
static uint32_t crc_by_definition(uint32_t sum, const void *data, size_t size) {
  const unsigned char *bytes = data;
  sum = ~sum;
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) {
      const uint32_t in = (sum ^ (uint32_t)(bytes[i] >> bit)) & 1;
      sum = (sum >> 1) ^ (in ? 0xedb88320u : 0);
    }
  return ~sum;
}

static uint32_t crc_text(uint32_t sum, const char *text) {
  return crc_by_definition(sum, text, strlen(text) + 1);
}

/* What checksum.h says a header's sum is, from what the API tells of a file. */
static uint32_t crc_of_header(const seqgpu_checkpoint *c, const seqgpu_meta *sorted, int meta_count) {
  uint32_t sum = 0;
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(c); i++) {
    seqgpu_tensor_info t;
    seqgpu_checkpoint_tensor_get(c, i, &t);
    const int64_t rank = t.rank;
    sum = crc_text(crc_text(sum, t.name), t.dtype);
    sum = crc_by_definition(crc_by_definition(sum, &rank, 8), t.shape, 8 * (size_t)t.rank);
  }
  for (int i = 0; i < meta_count; i++) sum = crc_text(crc_text(sum, sorted[i].key), sorted[i].value);
  return sum;
}

/* The bytes of a tensor [64] floats, as they stand at the end of a file. */
static void test_sums(seqgpu_context *ctx) {
  static unsigned char bytes[1 << 16];
  const seqgpu_meta meta[] = {{"b", "2"}, {"a", "1"}}, sorted[] = {{"a", "1"}, {"b", "2"}};
  const seqgpu_meta reserved[] = {{"seqgpu.crc32", ""}};
  seqgpu_params *p;
  seqgpu_checkpoint *c;
  CHECK(crc_by_definition(0, "123456789", 9) == 0xcbf43926u, "the check value of CRC-32");
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "w", 9, 7, "normal", 1, NULL); /* no multiple of 8 bytes */
  CHECK(seqgpu_checkpoint_save(p, at("sums"), meta, 2) == SEQGPU_OK, "a file with checksums");
  const int64_t n = read_file(at("sums"), bytes, sizeof bytes);
  bytes[n] = 0;
  seqgpu_checkpoint_open(ctx, at("sums"), &c);
  char expected[64];
  const unsigned long of_header = crc_of_header(c, sorted, 2);
  const unsigned long of_w = crc_by_definition(0, bytes + n - 9 * 7 * 4, 9 * 7 * 4);
  const char *sums = strstr((const char *)bytes + 8, "\"seqgpu.crc32\":\"");
  snprintf(expected, sizeof expected, "\"seqgpu.crc32\":\"%08lx ", of_header);
  CHECK(sums && strncmp(sums, expected, strlen(expected)) == 0, "the first one is that of the header");
  snprintf(expected, sizeof expected, " %08lx\"", of_w);
  CHECK(sums && strstr(sums, expected) == strchr(sums, ',') - strlen(expected),
        "the last one is that of \"w\"");
  CHECK(seqgpu_checkpoint_has_checksums(c) && seqgpu_checkpoint_meta_count(c) == 2 &&
            seqgpu_checkpoint_meta(c, "seqgpu.crc32") == NULL,
        "they are no metadata of the user's");
  int verified = seqgpu_checkpoint_verify(c, SEQGPU_CHECKPOINT_HEADER) == SEQGPU_OK;
  for (int i = 0; i < 3; i++) verified &= seqgpu_checkpoint_verify(c, i) == SEQGPU_OK;
  CHECK(verified, "the file is verified");
  CHECK(seqgpu_checkpoint_verify(c, 3) == SEQGPU_EINVAL && seqgpu_checkpoint_verify(c, -2) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_verify(NULL, 0) == SEQGPU_EINVAL && !seqgpu_checkpoint_has_checksums(NULL),
        "no such tensor, no such file");
  seqgpu_checkpoint_close(c);
  CHECK(seqgpu_checkpoint_save(p, at("n"), reserved, 1) == SEQGPU_EINVAL,
        "the key of the checksums is reserved");
  seqgpu_params_destroy(p);
}

/* Without checksums a file is read; with a list of the wrong length it is not. */
static void test_other_sums(seqgpu_context *ctx) {
  static const char *const lists[] = {"", "00000000", "00000000 0000000", "00000000 00000000 00000000", "x"};
  const float data[4] = {1, 2, 3, 4};
  char header[300];
  seqgpu_params *p = tiny_params(ctx);
  write_raw(at("bare"), "{" TENSOR("w", "F32", "[2,2]", 0, 16) "}", data, sizeof data);
  CHECK(load(ctx, at("bare"), p, 0) == SEQGPU_OK, "a file without checksums is read");
  for (size_t i = 0; i < COUNT(lists); i++) {
    snprintf(header, sizeof header,
             "{\"__metadata__\":{\"seqgpu.crc32\":\"%s\"}," TENSOR("w", "F32", "[2,2]", 0, 16) "}", lists[i]);
    write_raw(at("bare"), header, data, sizeof data);
    CHECK(load(ctx, at("bare"), p, 0) == SEQGPU_EFORMAT && strstr(seqgpu_last_error(ctx), "seqgpu.crc32"),
          "\"%s\" are no checksums of one tensor", lists[i]);
  }
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- element types */

static const struct {
  const char *dtype;
  int64_t size;
  uint64_t bits[4];
  double values[4];
} element_rows[] = {
    {"F16", 2, {0x3c00, 0xc000, 0x7bff, 0x0001}, {1, -2, 65504, 0x1p-24}},
    {"F16", 2, {0x7c00, 0xfc00, 0x7e00, 0x03ff}, {INFINITY, -INFINITY, NAN, 1023 * 0x1p-24}},
    {"BF16", 2, {0x3f80, 0xc000, 0x7f7f, 0x0001}, {1, -2, 255 * 0x1p120, 0x1p-133}},
    {"BF16", 2, {0x7f80, 0xff80, 0x7fc0, 0x8000}, {INFINITY, -INFINITY, NAN, -0.0}},
    {"F8_E5M2", 1, {0x3c, 0x7b, 0x01, 0x7c}, {1, 57344, 0x1p-16, INFINITY}},
    {"F8_E4M3", 1, {0x38, 0x7e, 0x01, 0x7f}, {1, 448, 0x1p-9, NAN}},
    {"F8_E8M0", 1, {127, 0, 254, 255}, {1, 0x1p-127, 0x1p127, NAN}},
    {"I8", 1, {1, 0x80, 0xff, 0x7f}, {1, -128, -1, 127}},
    {"I16", 2, {1, 0x8000, 0xffff, 0x7fff}, {1, -32768, -1, 32767}},
    {"U8", 1, {1, 0x80, 0xff, 0}, {1, 128, 255, 0}},
    {"U16", 2, {1, 0x8000, 0xffff, 0}, {1, 32768, 65535, 0}},
    {"U32", 4, {1, 0x80000000, 0xffffffff, 0}, {1, 2147483648, 4294967295, 0}},
    {"U64", 8, {1, UINT64_C(1) << 63, UINT64_C(1) << 40, 0}, {1, 0x1p63, 0x1p40, 0}},
    {"BOOL", 1, {1, 0, 2, 0}, {1, 0, 1, 0}},
};

static int same_number(double a, double b) {
  return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b));
}

static void test_element_types(seqgpu_context *ctx) {
  for (size_t r = 0; r < COUNT(element_rows); r++) {
    unsigned char data[32];
    char header[200];
    double values[4] = {0};
    seqgpu_checkpoint *c;
    seqgpu_tensor_info info = {.rank = 0};
    const int64_t size = element_rows[r].size;
    for (int i = 0; i < 4; i++) memcpy(data + i * size, &element_rows[r].bits[i], (size_t)size);
    snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[4],\"data_offsets\":[0,%d]}}",
             element_rows[r].dtype, (int)(4 * size));
    write_raw(at("types"), header, data, 4 * size);
    CHECK(seqgpu_checkpoint_open(ctx, at("types"), &c) == SEQGPU_OK, "%s is listed", element_rows[r].dtype);
    seqgpu_checkpoint_tensor_get(c, 0, &info);
    int same =
        seqgpu_checkpoint_read(c, 0, values) == SEQGPU_OK && strcmp(info.dtype, element_rows[r].dtype) == 0;
    for (int i = 0; i < 4; i++) same &= same_number(values[i], element_rows[r].values[i]);
    CHECK(same, "%s has its values: %g %g %g %g", element_rows[r].dtype, values[0], values[1], values[2],
          values[3]);
    seqgpu_checkpoint_close(c);
  }
}

/* One matrix [2,2] of a type, loaded as "w"; its last element. */
static seqgpu_status load_as(seqgpu_context *ctx, const char *dtype, const void *data, int64_t bytes,
                             float *last) {
  char header[200];
  seqgpu_params *p = tiny_params(ctx);
  seqgpu_param w;
  snprintf(header, sizeof header, "{\"w\":{\"dtype\":\"%s\",\"shape\":[2,2],\"data_offsets\":[0,%d]}}", dtype,
           (int)bytes);
  write_raw(at("w"), header, data, bytes);
  seqgpu_params_find(p, "w", &w);
  const float before = ((float *)w.value)[3];
  const seqgpu_status status = load(ctx, at("w"), p, 0);
  *last = ((float *)w.value)[3];
  if (status != SEQGPU_OK) CHECK(*last == before, "%s: nothing was loaded", dtype);
  seqgpu_params_destroy(p);
  return status;
}

static void test_loaded_types(seqgpu_context *ctx) {
  const uint16_t half[4] = {0x3c00, 0, 0, 0xc000}, brain[4] = {0x3f80, 0, 0, 0xc000},
                 infinite[4] = {0, 0x7c00, 0, 0};
  const double large[4] = {0, 0, 0, 1e300}, nan[4] = {0, 0, (double)NAN, 0};
  const unsigned char small[4] = {1, 2, 3, 4};
  float last;
  CHECK(load_as(ctx, "F16", half, 8, &last) == SEQGPU_OK && last == -2, "halves are widened");
  CHECK(load_as(ctx, "BF16", brain, 8, &last) == SEQGPU_OK && last == -2, "bfloat16 is widened");
  CHECK(load_as(ctx, "U8", small, 4, &last) == SEQGPU_EFORMAT &&
            strstr(seqgpu_last_error(ctx), "is of type U8"),
        "bytes are no weights");
  CHECK(load_as(ctx, "F64", nan, 32, &last) == SEQGPU_ENONFINITE && strstr(seqgpu_last_error(ctx), "\"w\"") &&
            strstr(seqgpu_last_error(ctx), "element 2"),
        "NaN is no weight");
  CHECK(load_as(ctx, "F16", infinite, 8, &last) == SEQGPU_ENONFINITE, "nor is infinity");
  CHECK(load_as(ctx, "F64", large, 32, &last) == SEQGPU_ENONFINITE, "nor what is infinite as a float");
}

/* Other programs' JSON has no word for NaN. */
static void test_export(seqgpu_context *ctx) {
  const seqgpu_rnn_desc lstm = {.cell = "lstm", .input_size = 1, .hidden_size = 1, .seq_len = 1, .batch = 1};
  const float nan = (float)NAN;
  seqgpu_plan *plan;
  seqgpu_params *p;
  seqgpu_param weight;
  seqgpu_plan_create(ctx, &lstm, NULL, &plan);
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  seqgpu_params_find(p, "rnn.weight_hh_l0", &weight);
  seqgpu_copy_in(ctx, (float *)weight.value + 2, &nan, sizeof nan);
  CHECK(seqgpu_export(p, "rnn", plan, at("nan.json"), "rtneural") == SEQGPU_ENONFINITE &&
            strstr(seqgpu_last_error(ctx), "\"weight_hh_l0\" has a number that is not finite, at element 2"),
        "NaN is not exported: %s", seqgpu_last_error(ctx));
  CHECK(access(at("nan.json"), F_OK) != 0, "and leaves no file");
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- biases */

#define WEIGHTS                                                                                              \
  TENSOR("rnn.weight_ih_l0", "F32", "[3,2]", 0, 24) "," TENSOR("rnn.weight_hh_l0", "F32", "[3,1]", 24, 36)

static const struct {
  const char *name, *header;
  int64_t bytes;
  int reset_after;
  const char *refusal; /* words, or NULL */
} bias_rows[] = {
    {"without biases", "{" WEIGHTS "}", 36, 1, NULL},
    {"without biases, resetting before", "{" WEIGHTS "}", 36, 0, "rnn.bias_l0\" is not in the file"},
    {"with one bias of two", "{" WEIGHTS "," TENSOR("rnn.bias_ih_l0", "F32", "[3]", 36, 48) "}", 48, 1,
     "rnn.bias_hh_l0\" is not in the file"},
    {"with the other bias of two", "{" WEIGHTS "," TENSOR("rnn.bias_hh_l0", "F32", "[3]", 36, 48) "}", 48, 1,
     "rnn.bias_ih_l0\" is not in the file"},
    {"of both forms at once",
     "{" WEIGHTS
     "," TENSOR("rnn.bias_l0", "F32", "[3]", 36, 48) "," TENSOR("rnn.bias_hh_l0", "F32", "[3]", 48, 60) "}",
     60, 1, "rnn.bias_ih_l0\" is not in the file"},
    {"of the other form", "{" WEIGHTS "," TENSOR("rnn.bias_l0", "F32", "[3]", 36, 48) "}", 48, 1,
     "resets before the product; this model resets after it (reset_after)"},
    {"of PyTorch's form",
     "{" WEIGHTS "," TENSOR("rnn.bias_ih_l0", "F32", "[3]", 36, 48) "," TENSOR("rnn.bias_hh_l0", "F32", "[3]",
                                                                               48, 60) "}",
     60, 0, "resets after the product (reset_after), and this model resets before it"},
};

static void test_biases(seqgpu_context *ctx) {
  float data[15];
  for (int i = 0; i < 15; i++) data[i] = (float)(i + 1);
  for (size_t r = 0; r < COUNT(bias_rows); r++) {
    const seqgpu_rnn_desc gru = {.cell = "gru",
                                 .input_size = 2,
                                 .hidden_size = 1,
                                 .seq_len = 1,
                                 .batch = 1,
                                 .reset_after = bias_rows[r].reset_after};
    seqgpu_plan *plan;
    seqgpu_params *p;
    seqgpu_param bias, rec;
    seqgpu_plan_create(ctx, &gru, NULL, &plan);
    seqgpu_params_create(ctx, 1, &p);
    seqgpu_params_add_rnn(p, "rnn", plan, NULL);
    write_raw(at("gru"), bias_rows[r].header, data, bias_rows[r].bytes);
    const seqgpu_status status = load(ctx, at("gru"), p, 0);
    if (bias_rows[r].refusal) {
      CHECK(status == SEQGPU_EFORMAT && strstr(seqgpu_last_error(ctx), bias_rows[r].refusal), "a GRU %s: %s",
            bias_rows[r].name, seqgpu_last_error(ctx));
    } else {
      seqgpu_params_find(p, "rnn.bias_l0", &bias);
      seqgpu_params_find(p, "rnn.bias_rec_l0", &rec);
      const float *b = bias.value, *c = rec.value;
      CHECK(status == SEQGPU_OK && b[0] == 0 && b[1] == 0 && b[2] == 0 && c[0] == 0, "a GRU %s has zeros",
            bias_rows[r].name);
    }
    seqgpu_params_destroy(p);
    seqgpu_plan_destroy(plan);
  }
}

static void test_linear_bias(seqgpu_context *ctx) {
  const float data[4] = {1, 2, 3, 4};
  seqgpu_params *p;
  seqgpu_param bias;
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_add(p, "out.weight", 2, 2, "normal", 1, NULL);
  seqgpu_params_add(p, "out.bias", 2, 1, "normal", 1, &bias);
  write_raw(at("linear"), "{" TENSOR("out.weight", "F32", "[2,2]", 0, 16) "}", data, 16);
  CHECK(load(ctx, at("linear"), p, 0) == SEQGPU_OK && ((float *)bias.value)[1] == 0,
        "a linear layer without a bias");
  write_raw(at("linear"), "{" TENSOR("other.weight", "F32", "[2,2]", 0, 16) "}", data, 16);
  CHECK(load(ctx, at("linear"), p, 0) == SEQGPU_EFORMAT, "but not without a weight");
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- models whose sizes come from a file */

static size_t asked; /* bytes, of an allocator that counts */

static void *count_allocate(size_t size, void *user) {
  (void)user;
  asked += size;
  return size < (size_t)1 << 30 ? aligned_alloc(64, (size + 63) / 64 * 64) : NULL;
}

static void count_release(void *pointer, void *user) {
  (void)user;
  free(pointer);
}

/* A model of 2^46 elements, and a network of gigabytes, are refused before memory is asked for. */
static void test_attached_sizes(void) {
  const seqgpu_allocator allocator = {count_allocate, count_release, NULL};
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .allocator = &allocator};
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = 1 << 20,
                                .hidden_size = 1 << 20,
                                .seq_len = 1,
                                .batch = 1,
                                .num_layers = 2};
  const float data[4] = {1, 2, 3, 4};
  seqgpu_context *ctx;
  seqgpu_params *p;
  seqgpu_plan *plan;
  seqgpu_checkpoint *c;
  write_raw(at("small"), "{" TENSOR("w", "F32", "[2,2]", 0, 16) "}", data, 16);
  seqgpu_context_create(&options, &ctx);
  asked = 0;
  CHECK(seqgpu_checkpoint_open(ctx, at("small"), &c) == SEQGPU_OK, "a small file");
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  seqgpu_params_create(ctx, 1, &p);
  CHECK(seqgpu_checkpoint_attach(c, p, 0) == SEQGPU_OK, "is attached to a model");
  CHECK(seqgpu_params_add(p, "w", 1 << 23, 1 << 23, "zeros", 0, NULL) == SEQGPU_EFORMAT &&
            strstr(seqgpu_last_error(ctx), "must be [8388608,8388608]"),
        "2^46 elements: %s", seqgpu_last_error(ctx));
  CHECK(seqgpu_params_add_rnn(p, "rnn", plan, NULL) == SEQGPU_EFORMAT &&
            strstr(seqgpu_last_error(ctx), "rnn.weight_ih_l0\" is not in the file"),
        "layers of 2^20 units: %s", seqgpu_last_error(ctx));
  CHECK(seqgpu_params_count(p) == 0 && asked < (size_t)16 << 20, "%zu bytes were asked for", asked);
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(plan);
  seqgpu_checkpoint_close(c);
  seqgpu_context_destroy(ctx);
}

/* Attached parameters are not drawn; once loaded they are those of any other load, and later draws are the
 * same. */
static void test_attached_draws(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = small((seqgpu_rnn_desc){.cell = "gru", .reset_after = 1});
  seqgpu_params *saved = make_params(ctx, &desc, 1), *plain = make_params(ctx, &desc, 2), *attached;
  seqgpu_plan *plan;
  seqgpu_checkpoint *c;
  seqgpu_param weight, state;
  seqgpu_checkpoint_save(saved, at("a"), NULL, 0);
  seqgpu_checkpoint_open(ctx, at("a"), &c);
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  seqgpu_params_create(ctx, 2, &attached);
  CHECK(seqgpu_checkpoint_attach(c, attached, 0) == SEQGPU_OK, "a model is attached");
  seqgpu_params_add(attached, "in.weight", 3, 1, "normal", 1, &weight);
  seqgpu_params_add_rnn(attached, "rnn", plan, NULL);
  seqgpu_params_add(attached, "out.bias", 4, 1, "normal", 1, NULL);
  CHECK(((float *)weight.value)[0] == 0, "nothing is drawn");
  seqgpu_params_add_state(attached, "state.h", 2, 3, &state);
  seqgpu_params_init(attached, "state.h", "normal", 1);
  CHECK(((float *)state.value)[0] != 0, "but what is not loaded");
  CHECK(seqgpu_params_add(attached, "more", 1, 1, "zeros", 0, NULL) == SEQGPU_EFORMAT,
        "a tensor that is not there");
  CHECK(seqgpu_checkpoint_load(c, attached, 0) == SEQGPU_OK &&
            seqgpu_checkpoint_load(c, plain, 0) == SEQGPU_OK && same_params(attached, plain, sizeof(float)),
        "loaded, they are the same");
  seqgpu_params_init(attached, "in.weight", "normal", 1);
  seqgpu_params_init(plain, "in.weight", "normal", 1);
  CHECK(same_params(attached, plain, sizeof(float)), "and draw the same from there on");
  CHECK(seqgpu_checkpoint_attach(NULL, plain, 0) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_attach(c, NULL, 0) == SEQGPU_EINVAL,
        "attach: a checkpoint or params NULL");
  seqgpu_checkpoint_close(c);
  seqgpu_plan_destroy(plan);
  seqgpu_params_destroy(saved);
  seqgpu_params_destroy(plain);
  seqgpu_params_destroy(attached);
}

static void test_trust(seqgpu_context *ctx) {
  test_sums(ctx);
  test_other_sums(ctx);
  test_element_types(ctx);
  test_loaded_types(ctx);
  test_export(ctx);
  test_biases(ctx);
  test_linear_bias(ctx);
  test_attached_sizes();
  test_attached_draws(ctx);
}

#endif
