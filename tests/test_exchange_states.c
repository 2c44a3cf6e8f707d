/* test_exchange_states.c - initial states and read-outs of files (host/formats/exchange.c, transfer.c): what
 * fits the network, what does not and must not be written beyond its memory, and parameters that are there
 * already; and networks that other programs' formats have no words for.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <sys/stat.h>
#include <unistd.h>

#include "host/checkpoint/element.h"
#include "host/formats/arrays.h"
#include "host/formats/foreign.h"
#include "tests/failing.h"
#include "tests/onnx_made.h"
#include "tests/refused.h"

static char file[128]; /* of this run */
static seqgpu_context *ctx;

/* A parameter beside those of a network "a". */
typedef struct more {
  const char *name;
  int64_t rows, cols;
} more;
enum { MOST = 4 };

/* A file with a network "a" and more. */
static seqgpu_status write_network(const seqgpu_rnn_desc *desc, const more list[MOST]) {
  char text[512];
  const seqgpu_meta meta = {"network.a", text};
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_status status = seqgpu_plan_create(ctx, desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_describe_network(ctx, plan, text, sizeof text);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(params, "a", plan, NULL);
  for (int i = 0; i < MOST && list[i].name && status == SEQGPU_OK; i++)
    status = seqgpu_params_add(params, list[i].name, list[i].rows, list[i].cols, "zeros", 0, NULL);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_save_weights(params, file, &meta, 1);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  return status;
}

static seqgpu_import *open_network(const seqgpu_rnn_desc *desc, const more list[MOST]) {
  seqgpu_import *import = NULL;
  const int ok =
      write_network(desc, list) == SEQGPU_OK && seqgpu_import_open(ctx, file, NULL, &import) == SEQGPU_OK;
  check_record(ok && seqgpu_import_count(import) == 1, seqgpu_last_error(ctx), "a file with %s",
               list[0].name ? list[0].name : "a network");
  unlink(file);
  return import;
}

static const seqgpu_rnn_desc two_units = {
    .cell = "rnn", .input_size = 1, .hidden_size = 2, .seq_len = 1, .batch = 1};
static const seqgpu_rnn_desc projected = {
    .cell = "lstm", .input_size = 1, .hidden_size = 3, .projection_size = 2, .seq_len = 1, .batch = 1};

/* ---------------------------------------------------------------- sizes */

static void test_sizes(void) {
  static const struct {
    more state;
    int64_t batch;
    const char *word; /* NULL: it fits */
    seqgpu_status status;
  } rows[] = {
      {{"a.initial.h", 1, 2}, 3, NULL, SEQGPU_OK},
      {{"a.initial.h", 1, 6}, 3, NULL, SEQGPU_OK},
      {{"a.initial.h", 1, 6}, 2, "is of 3 sequences", SEQGPU_EINVAL},
      {{"a.initial.h", 1, 3}, 1, "is of 1 sequences", SEQGPU_EINVAL},
      {{"a.initial.h", 2, 2}, 1, "has 2 rows; the network has 1 layers and directions", SEQGPU_EFORMAT},
      {{"a.initial.h", 1000, 2}, 1, "has 1000 rows", SEQGPU_EFORMAT},
      {{"a.initial.x", 1, 2}, 2, NULL, SEQGPU_OK}, /* there is no such state: zeros */
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const more list[MOST] = {rows[i].state};
    seqgpu_import *import = open_network(&two_units, list);
    double *state = check_alloc("state", (size_t)rows[i].batch * 2 * sizeof *state);
    forget_error(ctx);
    const seqgpu_status status = seqgpu_import_state(import, 0, 0, rows[i].batch, state);
    if (rows[i].word)
      refused(ctx, status, rows[i].status, rows[i].word, "a state of another size");
    else
      CHECK(status == SEQGPU_OK && isfinite(state[0]) && isfinite(state[rows[i].batch * 2 - 1]),
            "%s [%d,%d] for %d sequences", rows[i].state.name, (int)rows[i].state.rows,
            (int)rows[i].state.cols, (int)rows[i].batch);
    CHECK(check_free(state), "nothing is written beyond the state");
    seqgpu_import_close(import);
  }
}

/* A state of two sequences, each with its own numbers. */
static void test_sequences(void) {
  sq_pb_out model = made_model(ctx, "X x 3,2,1;F W 1,1,1;F R 1,1,1;T h 11 1,2,1 raw 3,4;RNN x,W,R,-,-,h > y");
  double state[2] = {0};
  seqgpu_import *import = NULL;
  FILE *to = fopen(file, "wb");
  fwrite(model.data, 1, model.size, to);
  fclose(to);
  CHECK(seqgpu_import_open(ctx, file, "onnx", &import) == SEQGPU_OK &&
            seqgpu_import_state(import, 0, 0, 2, state) == SEQGPU_OK && state[0] == 3 && state[1] == 4,
        "a state of two sequences");
  seqgpu_import_close(import);
  sq_host_free(ctx, model.data);
  unlink(file);
}

/* Numbers that float32 does not have. */
static void test_wide_numbers(void) {
  sq_pb_out model =
      made_model(ctx, "X x 3,2,1;F W 1,1,1;F R 1,1,1;T h 11 1,2,1 raw 1e300,1;RNN x,W,R,-,-,h > y");
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *narrow = NULL;
  seqgpu_import *import = NULL;
  float state[2];
  FILE *to = fopen(file, "wb");
  fwrite(model.data, 1, model.size, to);
  fclose(to);
  CHECK(seqgpu_context_create(&options, &narrow) == SEQGPU_OK &&
            seqgpu_import_open(narrow, file, "onnx", &import) == SEQGPU_OK,
        "a state of float64 for float32");
  REFUSED(narrow, ENONFINITE, "\"h\" has a number that is infinite",
          seqgpu_import_state(import, 0, 0, 2, state));
  seqgpu_import_close(import);
  seqgpu_context_destroy(narrow);
  sq_host_free(ctx, model.data);
  unlink(file);
}

/* ---------------------------------------------------------------- into parameters */

/* States of one sequence become parameters, others do not. */
static void test_added(void) {
  static const struct {
    const seqgpu_rnn_desc *desc;
    more list[MOST];
    int added; /* of the list */
  } rows[] = {
      {&two_units, {{"a.initial.h", 1, 2}}, 1},
      {&two_units, {{"a.initial.h", 2, 2}}, 0},
      {&two_units, {{"a.initial.h", 1, 4}}, 0},
      {&projected, {{"a.initial.h", 1, 2}, {"a.initial.c", 1, 3}}, 2},
      {&projected, {{"a.initial.h", 1, 3}, {"a.initial.c", 1, 2}}, 0},
      {&two_units, {{"a.head.weight", 3, 2}, {"a.head.bias", 3, 1}}, 2},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    seqgpu_import *import = open_network(rows[i].desc, rows[i].list);
    seqgpu_params *params = NULL;
    seqgpu_param found;
    int added = 0;
    CHECK(seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
              seqgpu_import_add(import, 0, params, "a") == SEQGPU_OK,
          "row %zu is added", i);
    for (int k = 0; k < MOST && rows[i].list[k].name; k++)
      added += seqgpu_params_find(params, rows[i].list[k].name, &found) == SEQGPU_OK;
    CHECK(added == rows[i].added, "row %zu: %d more are added", i, rows[i].added);
    seqgpu_params_destroy(params);
    seqgpu_import_close(import);
  }
}

/* Where a name is there already nothing is added. */
static void test_there(void) {
  const more list[MOST] = {{"a.head.weight", 3, 2}, {"a.head.bias", 3, 1}, {"a.initial.h", 1, 2}};
  seqgpu_import *import = open_network(&two_units, list);
  for (int i = 0; i < 3; i++) {
    seqgpu_params *params = NULL;
    CHECK(seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
              seqgpu_params_add(params, list[i].name, 1, 1, "zeros", 0, NULL) == SEQGPU_OK,
          "%s is there", list[i].name);
    REFUSED(ctx, EINVAL, list[i].name, seqgpu_import_add(import, 0, params, "a"));
    CHECK(seqgpu_params_count(params) == 1, "and nothing else is added");
    seqgpu_params_destroy(params);
  }
  seqgpu_import_close(import);
}

/* A state whose name is too long behind that of the network. */
static void test_long_name(void) {
  const more list[MOST] = {{"a.initial.sssssssssssssssssssssssssssssssssssssssssssssssss", 1, 2}};
  char prefix[101];
  seqgpu_import *import = open_network(&two_units, list);
  seqgpu_params *params = NULL;
  memset(prefix, 'p', sizeof prefix - 1);
  prefix[sizeof prefix - 1] = 0;
  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &params));
  REFUSED(ctx, EINVAL, "pppp", seqgpu_import_add(import, 0, params, prefix));
  CHECK(seqgpu_params_count(params) == 0, "nothing is added");
  seqgpu_params_destroy(params);
  seqgpu_import_close(import);
}

static seqgpu_status open_and_add(seqgpu_context *c) {
  seqgpu_import *import = NULL;
  seqgpu_params *params = NULL;
  seqgpu_status status = seqgpu_import_open(c, file, NULL, &import);
  if (status == SEQGPU_OK) status = seqgpu_params_create(c, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_import_add(import, 0, params, "a");
  seqgpu_params_destroy(params);
  seqgpu_import_close(import);
  return status;
}

static void test_memory(void) {
  const more list[MOST] = {{"a.head.weight", 3, 2}, {"a.head.bias", 3, 1}, {"a.initial.h", 1, 2}};
  double *value;
  sq_foreign_net net = {.state_count = 0};
  CHECK(write_network(&two_units, list) == SEQGPU_OK, "a file with everything");
  failing_each("cpu", open_and_add, 0);
  unlink(file);
  REFUSED(ctx, ENOMEM, "out of memory",
          sq_foreign_add_state(ctx, &net, "h", (int64_t)1 << 40, (int64_t)1 << 40, &value));
  sq_foreign_free_net(ctx, &net);
}

/* ---------------------------------------------------------------- out of them */

static seqgpu_params *params_of(const seqgpu_plan *plan, const more list[MOST]) {
  seqgpu_params *params = NULL;
  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &params));
  ACCEPTED(ctx, seqgpu_params_add_rnn(params, "a", plan, NULL));
  for (int i = 0; i < MOST && list[i].name; i++)
    ACCEPTED(ctx, seqgpu_params_add(params, list[i].name, list[i].rows, list[i].cols, "zeros", 0, NULL));
  return params;
}

/* What a format of other programs cannot say. */
static void test_unsaid(void) {
  seqgpu_rnn_desc zoned = two_units, amp = two_units;
  zoned.zoneout_hidden = 0.5;
  amp.cell = "lstm";
  const struct {
    const seqgpu_rnn_desc *desc;
    const char *format, *word;
    more list[MOST];
  } rows[] = {
      {&zoned,
       "pytorch",
       "zoneout_hidden is 0.5; it must be 0, format pytorch has no such cell",
       {{.name = NULL}}},
      {&amp, "nam", "its read-out must be [1,hidden_size]", {{"a.head.weight", 1, 3}, {"a.head.bias", 1, 1}}},
      {&amp, "nam", "its read-out must be [1,hidden_size]", {{"a.head.weight", 2, 2}, {"a.head.bias", 2, 1}}},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    seqgpu_plan *plan = NULL;
    ACCEPTED(ctx, seqgpu_plan_create(ctx, rows[i].desc, NULL, &plan));
    seqgpu_params *params = params_of(plan, rows[i].list);
    REFUSED(ctx, EUNSUPPORTED, rows[i].word, seqgpu_export(params, "a", plan, file, rows[i].format));
    CHECK(access(file, F_OK) != 0, "no file is made");
    seqgpu_params_destroy(params);
    seqgpu_plan_destroy(plan);
  }
}

/* An empty file is of every format; another one stays. */
static void test_replaced(void) {
  static const more none[MOST] = {{.name = NULL}};
  seqgpu_plan *plan = NULL;
  struct stat about;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &two_units, NULL, &plan));
  seqgpu_params *params = params_of(plan, none);
  FILE *to = fopen(file, "wb");
  fclose(to);
  ACCEPTED(ctx, seqgpu_export(params, "a", plan, file, "pytorch"));
  CHECK(stat(file, &about) == 0 && about.st_size > 100, "an empty file is replaced");
  REFUSED(ctx, EINVAL, "is there", seqgpu_export(params, "a", plan, file, "rtneural"));
  unlink(file);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- lists of arrays */

static void test_lists(void) {
  sq_array list[] = {{.name = "a"}, {.name = "ba"}, {.name = "bb"}, {.name = "bc"}};
  const sq_arrays three = {.count = 3, .list = list}, none = {.count = 0, .list = list};
  CHECK(sq_arrays_first(&three, "b") == &list[1] && sq_arrays_first(&three, "a") == &list[0] &&
            sq_arrays_first(&three, "bb") == &list[2],
        "the first of a beginning");
  CHECK(sq_arrays_first(&three, "c") == NULL && sq_arrays_first(&three, "aa") == NULL &&
            sq_arrays_first(&none, "a") == NULL,
        "none begins so");
  CHECK(sq_arrays_next(&three, &list[1], "b") == &list[2] && sq_arrays_next(&three, &list[0], "a") == NULL &&
            sq_arrays_next(&three, &list[2], "b") == NULL,
        "the next, as far as the list goes");
}

/* Bytes of no type are 0 or not, as truth values are. */
static void test_no_type(void) {
  const unsigned char bytes[] = {0, 7};
  const sq_st_dtype none = (sq_st_dtype)(SQ_ST_DTYPES + 1);
  CHECK(sq_st_element(bytes, none, 0) == 0 && sq_st_element(bytes, none, 1) == 1 &&
            sq_st_element(bytes, SQ_ST_BOOL, 1) == 1,
        "elements of no type");
}

/* A file that is larger than any of its format is not read. */
static void test_large(void) {
  seqgpu_import *import = NULL;
  FILE *to = fopen(file, "wb");
  CHECK(to && ftruncate(fileno(to), (64 << 20)) == 0, "a file of 64 MiB");
  if (to) fclose(to);
  REFUSED(ctx, EUNSUPPORTED, "it must have at most", seqgpu_import_open(ctx, file, "nam", &import));
  unlink(file);
}

/* Layers of Keras whose names and numbers of arrays are unusual. */
static void test_keras(void) {
  enum { BESIDE = 70, NAMES = 40 };
  static const double zeros[4];
  static char names[BESIDE][NAMES];
  static const char *const kernels[] = {"xforward_r/kernel", "xforward_r/recurrent_kernel",
                                        "xbackward_r/kernel", "xbackward_r/recurrent_kernel"};
  seqgpu_npy_array arrays[BESIDE + 4];
  for (int beside = 0; beside <= BESIDE; beside += BESIDE) {
    seqgpu_import *import = NULL;
    for (int i = 0; i < beside; i++) snprintf(names[i], NAMES, "xbackward_r/a%02d", i);
    for (int i = 0; i < beside + 4; i++) {
      arrays[i] = (seqgpu_npy_array){.name = i < 4 ? kernels[i] : names[i - 4],
                                     .dtype = SEQGPU_DTYPE_F64,
                                     .rank = 2,
                                     .shape = {1, 1},
                                     .values = zeros};
    }
    char npz[160];
    snprintf(npz, sizeof npz, "%s.npz", file);
    ACCEPTED(ctx, seqgpu_npy_write(ctx, npz, arrays, beside + 4));
    ACCEPTED(ctx, seqgpu_import_open(ctx, npz, "keras", &import));
    const int two = seqgpu_import_count(import) == 2;
    CHECK(two == (beside > 0) && seqgpu_import_find(import, two ? "xforward_r" : "x") >= 0,
          "a backward layer behind %d other arrays: %d networks", beside, seqgpu_import_count(import));
    seqgpu_import_close(import);
    unlink(npz);
  }
}

int main(void) {
  check_start();
  snprintf(file, sizeof file, "/tmp/seqgpu-states-%ld", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  test_sizes();
  test_sequences();
  test_wide_numbers();
  test_added();
  test_there();
  test_long_name();
  test_memory();
  test_unsaid();
  test_replaced();
  test_lists();
  test_no_type();
  test_large();
  test_keras();
  seqgpu_context_destroy(ctx);
  return check_finish();
}
