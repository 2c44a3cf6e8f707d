/* test_api.c - contexts, plans and memory that are used wrongly, and memory that runs out. */
#include <limits.h>
#include <stddef.h>

#include "seqgpu/seqgpu.h"
#include "tests/breaking.h"
#include "tests/refused.h"

/* --- contexts --- */

static const struct {
  const char *name, *word;
  seqgpu_status status;
  seqgpu_context_options options;
} context_rows[] = {
    {"unknown device", "device", SEQGPU_EINVAL, {.device = "abacus"}},
    {"empty device", "device", SEQGPU_EINVAL, {.device = ""}},
    {"device -1", "device_index", SEQGPU_EINVAL, {.device = "cpu", .device_index = -1}},
    {"second CPU", "device_index", SEQGPU_EINVAL, {.device = "cpu", .device_index = 1}},
    {"-1 threads", "threads", SEQGPU_EINVAL, {.device = "cpu", .threads = -1}},
    {"1025 threads", "threads", SEQGPU_EINVAL, {.device = "cpu", .threads = 1025}},
    {"INT_MAX threads", "threads", SEQGPU_EINVAL, {.device = "cpu", .threads = INT_MAX}},
    {"dtype 2", "dtype", SEQGPU_EINVAL, {.device = "cpu", .dtype = (seqgpu_dtype)2}},
};

/* A context whose creation failed tells why, refuses everything else, and can be destroyed. */
static void check_failed_context(const char *name, const char *word, seqgpu_status expected,
                                 const seqgpu_context_options *options) {
  seqgpu_context *ctx = NULL;
  seqgpu_plan *plan = NULL;
  void *memory = NULL;
  const seqgpu_rnn_desc desc = {.cell = "gru", .input_size = 1, .hidden_size = 1, .seq_len = 1, .batch = 1};
  char text[32] = "x";
  const seqgpu_status status = seqgpu_context_create(options, &ctx);
  refused(ctx, status, expected, word, name);
  CHECK(ctx != NULL, "%s: there is a context to ask", name);
  REFUSED(ctx, EINVAL, "ctx", seqgpu_plan_create(ctx, &desc, NULL, &plan));
  REFUSED(ctx, EINVAL, "ctx", seqgpu_malloc(ctx, 1, &memory));
  REFUSED(ctx, EINVAL, "ctx", seqgpu_synchronize(ctx));
  REFUSED(ctx, EINVAL, "ctx", seqgpu_dropout(ctx, 0, 0, 0, 0, NULL, NULL));
  seqgpu_free(ctx, NULL);
  seqgpu_context_describe(ctx, text, sizeof text);
  seqgpu_context_destroy(ctx);
}

/* Where there is a device that is not a CPU, it has no float64. */
static void check_f64_device(const char *device) {
  const seqgpu_context_options f32 = {.device = device}, f64 = {.device = device, .dtype = SEQGPU_DTYPE_F64};
  char name[64];
  seqgpu_context *ctx = NULL;
  snprintf(name, sizeof name, "float64 on %s", device);
  if (seqgpu_context_create(&f32, &ctx) == SEQGPU_OK)
    check_failed_context(name, "dtype", SEQGPU_EUNSUPPORTED, &f64);
  else
    check_skip(seqgpu_last_error(ctx), "%s", name);
  seqgpu_context_destroy(ctx);
}

/* Each status by its name, and what is none. */
static void check_statuses(void) {
#define STATUS(name, number, text)                                                                           \
  CHECK(SEQGPU_##name == number && strcmp(seqgpu_status_name(SEQGPU_##name), #name) == 0 &&                  \
            strcmp(seqgpu_status_text(SEQGPU_##name), text) == 0,                                            \
        "status %s", #name);
  SEQGPU_STATUS_LIST(STATUS)
#undef STATUS
  CHECK(strcmp(seqgpu_status_name((seqgpu_status)999), "unknown status") == 0 &&
            strcmp(seqgpu_status_text((seqgpu_status)999), "unknown status") == 0,
        "a status that is none");
}

static void *refuse_all(size_t size, void *user) {
  (void)size;
  (void)user;
  return NULL;
}

/* No context, and one whose creation failed: questions have answers, and calls are refused. */
static void check_no_context(void) {
  const seqgpu_context_options wrong = {.device = "abacus"};
  char text[64] = "untouched", *const before = text;
  seqgpu_context *ctx = NULL;
  CHECK(seqgpu_context_dtype(NULL) == SEQGPU_DTYPE_F32 && strcmp(seqgpu_context_device(NULL), "none") == 0 &&
            strcmp(seqgpu_last_error(NULL), "") == 0,
        "no context: its type, its device, its error");
  seqgpu_context_describe(NULL, before, 0);
  CHECK(strcmp(text, "untouched") == 0, "no room for a description");
  seqgpu_context_describe(NULL, text, sizeof text);
  CHECK(text[0] == 0, "no context has none");
  seqgpu_free(NULL, text);
  seqgpu_context_create(&wrong, &ctx);
  CHECK(strcmp(seqgpu_context_device(ctx), "none") == 0, "a context that failed has no device");
  seqgpu_context_describe(ctx, text, sizeof text);
  CHECK(text[0] == 0, "and no description");
  seqgpu_context_describe(ctx, NULL, 9);
  seqgpu_free(ctx, text); /* it has none of its memory */
  REFUSED(ctx, EINVAL, "its creation failed", seqgpu_synchronize(ctx));
  REFUSED(ctx, EINVAL, "its creation failed", seqgpu_context_set_stream(ctx, NULL));
  seqgpu_context_destroy(ctx);
}

static void check_contexts(void) {
  const seqgpu_allocator half = {NULL, NULL, NULL}, other_half = {refuse_all, NULL, NULL};
  const seqgpu_context_options no_functions = {.device = "cpu", .allocator = &half};
  seqgpu_context *ctx = NULL;
  for (size_t i = 0; i < COUNT(context_rows); i++)
    check_failed_context(context_rows[i].name, context_rows[i].word, context_rows[i].status,
                         &context_rows[i].options);
  if (check_is_for("emulator")) check_f64_device("emulator");
  if (check_is_for("cuda")) check_f64_device("cuda");
  REFUSED(NULL, EINVAL, "", seqgpu_context_create(NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_context_create(&no_functions, &ctx));
  const seqgpu_context_options no_release = {.device = "cpu", .allocator = &other_half};
  REFUSED(NULL, EINVAL, "", seqgpu_context_create(&no_release, &ctx));
  seqgpu_context_destroy(ctx);
  seqgpu_context_destroy(NULL);
  ACCEPTED(ctx, seqgpu_context_create(NULL, &ctx));
  seqgpu_context_destroy(ctx);
}

/* --- descriptors: one field of a good one changed --- */

typedef enum field_type { INT64, INT, DOUBLE, TEXT } field_type;
typedef struct desc_row {
  const char *cell, *word; /* the word is the field's name */
  size_t offset;
  field_type type;
  double number;
  const char *text;
  seqgpu_status status;
} desc_row;

#define FIELD(cell, type, field, number)                                                                     \
  { cell, #field, offsetof(seqgpu_rnn_desc, field), type, number, NULL, SEQGPU_EINVAL }
#define NAMED(cell, field, text)                                                                             \
  { cell, #field, offsetof(seqgpu_rnn_desc, field), TEXT, 0, text, SEQGPU_EINVAL }
#define TOO_LARGE(field, number)                                                                             \
  { "lstm", #field, offsetof(seqgpu_rnn_desc, field), INT64, number, NULL, SEQGPU_ENOMEM }

static const desc_row desc_rows[] = {
    NAMED("lstm", cell, NULL),
    NAMED("lstm", cell, ""),
    NAMED("lstm", cell, "lstm "),
    FIELD("lstm", INT64, input_size, 0),
    FIELD("lstm", INT64, input_size, -1),
    FIELD("lstm", INT64, input_size, 0x1p62),
    FIELD("lstm", INT64, hidden_size, 0),
    FIELD("lstm", INT64, hidden_size, -7),
    FIELD("lstm", INT64, hidden_size, 0x1p31),
    FIELD("lstm", INT64, hidden_size, -0x1p63),
    TOO_LARGE(hidden_size, 0x1p30),
    FIELD("lstm", INT64, num_layers, -1),
    FIELD("lstm", INT64, num_layers, 1025),
    FIELD("lstm", INT64, num_layers, 0x1p62),
    FIELD("lstm", INT64, seq_len, 0),
    FIELD("lstm", INT64, seq_len, -1),
    FIELD("lstm", INT64, seq_len, 0x1p40),
    FIELD("lstm", INT64, batch, 0),
    FIELD("lstm", INT64, batch, -1),
    FIELD("lstm", INT64, batch, 0x1p62),
    FIELD("lstm", INT, bidirectional, 2),
    FIELD("lstm", INT, bidirectional, -1),
    FIELD("lstm", INT, reverse, 2),
    FIELD("lstm", INT, reverse, -1),
    FIELD("lstm", INT, merge, 2),
    FIELD("rnn", INT, activation, 4),
    FIELD("rnn", INT, activation, -1),
    FIELD("lstm", INT64, projection_size, -1),
    FIELD("lstm", INT64, projection_size, 4),
    FIELD("lstm", INT64, projection_size, 0x1p62),
    FIELD("lstm", INT, peephole, 2),
    FIELD("lstm", INT, coupled, -1),
    FIELD("lstm", INT, no_input_gate, 2),
    FIELD("lstm", INT, no_forget_gate, -1),
    FIELD("lstm", INT, no_output_gate, 2),
    FIELD("lstm", INT, no_input_activation, 2),
    FIELD("lstm", INT, no_output_activation, 2),
    FIELD("lstm", INT, full_gate_recurrence, 2),
    FIELD("rnn", INT, layer_norm, 2),
    FIELD("lstm", INT, batch_norm_input, -1),
    FIELD("gru", INT64, batch_norm_steps, -1),
    FIELD("gru", INT64, batch_norm_steps, 0x1p40),
    FIELD("lstm", DOUBLE, zoneout_hidden, -0.1),
    FIELD("lstm", DOUBLE, zoneout_cell, 1.1),
    FIELD("gru", DOUBLE, recurrent_dropout, 1),
    FIELD("gru", DOUBLE, update_dropout, (double)NAN),
    FIELD("gru", INT, reset_after, 2),
    FIELD("scrn", INT64, context_size, -1),
    FIELD("mrnn", INT64, factor_size, -1),
    FIELD("scrn", INT, learn_leak, 2),
    FIELD("leaky", DOUBLE, leak, -0.1),
    FIELD("leaky", DOUBLE, leak, 1.001),
    FIELD("leaky", DOUBLE, leak, (double)NAN),
    FIELD("lstm", DOUBLE, dropout, -0.001),
    FIELD("lstm", DOUBLE, dropout, 1),
    FIELD("lstm", DOUBLE, dropout, (double)NAN),
    FIELD("lstm", DOUBLE, dropout, (double)INFINITY),
    FIELD("lstm", INT, batch_first, 2),
    FIELD("lstm", INT, inference, -1),
    FIELD("lstm", INT, tangents, 2),
    FIELD("lstm", INT64, whole_batch, -1),
    FIELD("lstm", INT64, whole_batch, 1),
    FIELD("lstm", INT, math, 3),
    FIELD("lstm", INT, math, -1),
    /* options that a cell does not have */
    FIELD("rnn", INT64, projection_size, 2),
    FIELD("rnn", INT, peephole, 1),
    FIELD("rnn", INT, coupled, 1),
    FIELD("rnn", INT, reset_after, 1),
    FIELD("rnn", DOUBLE, leak, 0.5),
    FIELD("gru", INT64, context_size, 2),
    FIELD("scrn", INT64, factor_size, 2),
    FIELD("mlstm", INT64, context_size, 2),
    FIELD("mlstm", INT, peephole, 1),
    FIELD("leaky", INT, learn_leak, 1),
    FIELD("lstm", INT, activation, SEQGPU_ACTIVATION_RELU),
    FIELD("lstm", INT, reset_after, 1),
    FIELD("lstm0", INT, coupled, 1),
    FIELD("lstm0", INT, activation, SEQGPU_ACTIVATION_SIGMOID),
    FIELD("lstm0", INT, reset_after, 1),
    FIELD("gru", INT, activation, SEQGPU_ACTIVATION_RELU),
    FIELD("gru", INT64, projection_size, 2),
    FIELD("gru", INT, peephole, 1),
    FIELD("gru", INT, coupled, 1),
    FIELD("lstm0", INT, no_forget_gate, 1),
    FIELD("scrn", DOUBLE, zoneout_hidden, 0.1),
    FIELD("lstm0", INT, full_gate_recurrence, 1),
    FIELD("leaky", INT, layer_norm, 1),
    FIELD("mlstm", INT, batch_norm_input, 1),
    FIELD("urnn", INT64, batch_norm_steps, 3),
    FIELD("gru", DOUBLE, zoneout_cell, 0.1),
    FIELD("urnn", DOUBLE, recurrent_dropout, 0.1),
    FIELD("rnn", DOUBLE, update_dropout, 0.1),
    FIELD("mlstm", INT, no_input_gate, 1),
    FIELD("gru", INT, no_output_gate, 1),
    FIELD("rnn", INT, no_input_activation, 1),
    FIELD("lstm0", INT, no_output_activation, 1),
};

/* Writes the row's value into its field. */
static void set_field(seqgpu_rnn_desc *desc, const desc_row *row) {
  char *field = (char *)desc + row->offset;
  const int64_t wide = row->type == DOUBLE ? 0 : (int64_t)row->number;
  const int narrow = row->type == INT ? (int)row->number : 0;
  if (row->type == INT64) memcpy(field, &wide, sizeof wide);
  if (row->type == INT) memcpy(field, &narrow, sizeof narrow);
  if (row->type == DOUBLE) memcpy(field, &row->number, sizeof row->number);
  if (row->type == TEXT) memcpy(field, &row->text, sizeof row->text);
}

static void check_descriptors(seqgpu_context *ctx) {
  for (size_t i = 0; i < COUNT(desc_rows); i++) {
    const desc_row *row = &desc_rows[i];
    seqgpu_rnn_desc desc = good_desc(row->cell);
    char name[96];
    seqgpu_plan *plan = (seqgpu_plan *)&desc;
    set_field(&desc, row);
    forget_error(ctx);
    snprintf(name, sizeof name, "%s with %s = %g %s", row->cell, row->word, row->number,
             row->text ? row->text : "");
    const seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
    refused(ctx, status, row->status, row->word, name);
    CHECK(plan == NULL, "%s: no plan", name);
  }
  const seqgpu_rnn_desc desc = good_desc("lstm");
  seqgpu_plan *plan = NULL;
  REFUSED(ctx, EINVAL, "algorithm",
          seqgpu_plan_create(ctx, &desc, &(seqgpu_plan_options){.algorithm = "fastest"}, &plan));
  REFUSED(ctx, EINVAL, "algorithm",
          seqgpu_plan_create(ctx, &desc, &(seqgpu_plan_options){.algorithm = ""}, &plan));
  REFUSED(ctx, EINVAL, "mode",
          seqgpu_plan_create(ctx, &desc, &(seqgpu_plan_options){.mode = (seqgpu_plan_mode)2}, &plan));
  REFUSED(ctx, EINVAL, "mode",
          seqgpu_plan_create(ctx, &desc, &(seqgpu_plan_options){.mode = (seqgpu_plan_mode)-1}, &plan));
  seqgpu_rnn_desc both = desc;
  both.bidirectional = both.reverse = 1;
  REFUSED(ctx, EINVAL, "reverse", seqgpu_plan_create(ctx, &both, NULL, &plan));
  REFUSED(ctx, EINVAL, "desc", seqgpu_plan_create(ctx, NULL, NULL, &plan));
  REFUSED(ctx, EINVAL, "out", seqgpu_plan_create(ctx, &desc, NULL, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_plan_create(NULL, &desc, NULL, &plan));
}

/* --- questions --- */

static void check_questions(seqgpu_context *ctx) {
  seqgpu_param_info info;
  seqgpu_plan *plan = NULL;
  char cell[8] = "lstm", version[32], text[8];
  seqgpu_rnn_desc desc = good_desc(cell);
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan));
  memset(cell, 'x', sizeof cell - 1);
  CHECK(strcmp(seqgpu_plan_get_desc(plan).cell, "lstm") == 0,
        "a plan keeps no pointer to the caller's cell name");
  CHECK(seqgpu_plan_get_desc(plan).num_layers == 1, "num_layers 0 is 1");
  CHECK(strcmp(seqgpu_plan_algorithm(plan), "cpu/step") == 0, "name of the plan");
  CHECK(seqgpu_plan_get_sizes(plan).state_width[0] == 4 && seqgpu_plan_get_sizes(plan).state_width[1] == 4,
        "states of an lstm");
  seqgpu_part_info part;
  ACCEPTED(ctx, seqgpu_plan_part_get(ctx, plan, 0, &part));
  CHECK(strcmp(part.name, "h") == 0 && part.width == 4 && seqgpu_plan_part_count(NULL) == 0,
        "parts by index");
  REFUSED(ctx, EINVAL, "index", seqgpu_plan_part_get(ctx, plan, -1, &part));
  REFUSED(ctx, EINVAL, "index", seqgpu_plan_part_get(ctx, plan, seqgpu_plan_part_count(plan), &part));
  REFUSED(ctx, EINVAL, "plan", seqgpu_plan_part_get(ctx, NULL, 0, &part));
  REFUSED(ctx, EINVAL, "out", seqgpu_plan_part_get(ctx, plan, 0, NULL));
  seqgpu_cut_info cut;
  REFUSED(ctx, EUNSUPPORTED, "cpu/step does not cut", seqgpu_plan_cut_get(ctx, plan, 0, &cut));
  REFUSED(ctx, EINVAL, "backward", seqgpu_plan_cut_get(ctx, plan, 2, &cut));
  REFUSED(ctx, EINVAL, "plan", seqgpu_plan_cut_get(ctx, NULL, 0, &cut));
  REFUSED(ctx, EINVAL, "out", seqgpu_plan_cut_get(ctx, plan, 0, NULL));
  CHECK(seqgpu_plan_get_sizes(plan).state_width[2] == 0 && seqgpu_plan_get_sizes(plan).state[2] == 0,
        "no third state");
  CHECK(seqgpu_plan_get_sizes(plan).param_elements == 16 * (3 + 4 + 1), "parameters of an lstm");
  const int params = seqgpu_plan_param_count(plan);
  REFUSED(ctx, EINVAL, "index", seqgpu_plan_param_get(ctx, plan, -1, &info));
  REFUSED(ctx, EINVAL, "index", seqgpu_plan_param_get(ctx, plan, params, &info));
  REFUSED(ctx, EINVAL, "out", seqgpu_plan_param_get(ctx, plan, 0, NULL));
  REFUSED(ctx, EINVAL, "plan", seqgpu_plan_param_get(ctx, NULL, 0, &info));
  REFUSED(NULL, EINVAL, "", seqgpu_plan_param_get(NULL, plan, -1, &info));
  CHECK(seqgpu_plan_algorithm(NULL) && seqgpu_plan_get_desc(NULL).cell == NULL,
        "a NULL plan has a name, and no descriptor");
  CHECK(seqgpu_plan_get_sizes(NULL).output_width == 0 && seqgpu_plan_get_sizes(NULL).param_elements == 0 &&
            seqgpu_plan_get_sizes(NULL).workspace == 0 && seqgpu_plan_get_sizes(NULL).reserve == 0 &&
            seqgpu_plan_get_sizes(NULL).state_count == 0 && seqgpu_plan_get_sizes(NULL).state_width[0] == 0 &&
            seqgpu_plan_param_count(NULL) == 0 && seqgpu_plan_get_sizes(NULL).random_blocks == 0,
        "a NULL plan needs nothing");
  seqgpu_plan_destroy(plan);
  seqgpu_plan_destroy(NULL);
  snprintf(version, sizeof version, "%d.%d.%d", SEQGPU_VERSION_MAJOR, SEQGPU_VERSION_MINOR,
           SEQGPU_VERSION_PATCH);
  CHECK(strcmp(seqgpu_version(), version) == 0, "version");
  CHECK(strcmp(seqgpu_status_name(SEQGPU_EFORMAT), "EFORMAT") == 0, "status name");
  CHECK(strcmp(seqgpu_status_name((seqgpu_status)99), "unknown status") == 0, "unknown status has a name");
  CHECK(strcmp(seqgpu_status_text((seqgpu_status)-1), "unknown status") == 0, "unknown status has a text");
  seqgpu_cell_info first;
  CHECK(seqgpu_cell_get(0, &first) == SEQGPU_OK && strcmp(first.name, "rnn") == 0 && first.about,
        "first cell");
  CHECK(seqgpu_cell_get(-1, &first) == SEQGPU_EINVAL && seqgpu_cell_get(0, NULL) == SEQGPU_EINVAL &&
            seqgpu_cell_get(seqgpu_cell_count(), &first) == SEQGPU_EINVAL,
        "no such cell");
  CHECK(strcmp(seqgpu_last_error(NULL), "") == 0, "no context, no sentence");
  seqgpu_context_describe(ctx, text, sizeof text);
  CHECK(strlen(text) == sizeof text - 1, "a description is cut to the size given");
  seqgpu_context_describe(ctx, NULL, 0);
}

/* --- memory --- */

static void check_memory(seqgpu_context *ctx) {
  void *memory = NULL, *empty = NULL;
  char host[4] = {1, 2, 3, 4};
  ACCEPTED(ctx, seqgpu_malloc(ctx, 100, &memory));
  ACCEPTED(ctx, seqgpu_malloc(ctx, 0, &empty));
  CHECK((uintptr_t)memory % 64 == 0 && empty != NULL, "memory is aligned, of no bytes too");
  REFUSED(ctx, EINVAL, "out", seqgpu_malloc(ctx, 1, NULL));
  REFUSED(ctx, EINVAL, "destination", seqgpu_copy_in(ctx, NULL, host, 4));
  REFUSED(ctx, EINVAL, "source", seqgpu_copy_in(ctx, memory, NULL, 4));
  REFUSED(ctx, EINVAL, "destination", seqgpu_copy_out(ctx, NULL, memory, 4));
  REFUSED(ctx, EINVAL, "source", seqgpu_copy_out(ctx, host, NULL, 4));
  REFUSED(ctx, EINVAL, "destination", seqgpu_copy(ctx, NULL, memory, 4));
  REFUSED(ctx, EINVAL, "source", seqgpu_copy(ctx, memory, NULL, 4));
  REFUSED(ctx, EINVAL, "pointer", seqgpu_zero(ctx, NULL, 4));
  REFUSED(NULL, EINVAL, "", seqgpu_malloc(NULL, 1, &empty));
  REFUSED(NULL, EINVAL, "", seqgpu_copy_in(NULL, memory, host, 4));
  REFUSED(NULL, EINVAL, "", seqgpu_copy_out(NULL, host, memory, 4));
  REFUSED(NULL, EINVAL, "", seqgpu_copy(NULL, memory, host, 4));
  REFUSED(NULL, EINVAL, "", seqgpu_zero(NULL, memory, 4));
  REFUSED(NULL, EINVAL, "", seqgpu_synchronize(NULL));
  ACCEPTED(ctx, seqgpu_copy(ctx, NULL, NULL, 0));
  ACCEPTED(ctx, seqgpu_zero(ctx, NULL, 0));
  void *none = host;
  REFUSED(ctx, ENOMEM, "memory", seqgpu_malloc(ctx, SIZE_MAX, &none));
  CHECK(none == NULL, "out of memory leaves NULL");
  seqgpu_free(ctx, memory);
  seqgpu_free(ctx, empty);
  seqgpu_free(ctx, NULL);
  seqgpu_free(NULL, NULL);
}

/* --- memory that is refused --- */

/* Everything that allocates, until the first failure. */
static seqgpu_status scenario(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = good_desc("lstm");
  seqgpu_optimizer optimizer = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1, .clip = SEQGPU_CLIP_NORM};
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  void *workspace = NULL, *reserve = NULL;
  float out[5 * 2 * 4];
  int64_t width;
  seqgpu_status s = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (s == SEQGPU_OK) s = seqgpu_malloc(ctx, seqgpu_plan_get_sizes(plan).workspace, &workspace);
  if (s == SEQGPU_OK) s = seqgpu_malloc(ctx, seqgpu_plan_get_sizes(plan).reserve, &reserve);
  const seqgpu_rnn_run run = good_run(workspace, reserve);
  if (s == SEQGPU_OK) s = seqgpu_rnn_forward(ctx, plan, &run);
  if (s == SEQGPU_OK) s = seqgpu_rnn_backward(ctx, plan, &run);
  if (s == SEQGPU_OK) s = seqgpu_rnn_inspect(ctx, plan, &run, 0, 0, "c", out, &width);
  seqgpu_rnn_run made = {.memory = NULL};
  if (s == SEQGPU_OK) s = seqgpu_run_allocate(ctx, plan, &made);
  if (s == SEQGPU_OK) s = seqgpu_params_create(ctx, 1, &params);
  if (s == SEQGPU_OK) s = seqgpu_params_add(params, "embedding", 3, 4, "orthogonal", 1, NULL);
  if (s == SEQGPU_OK) s = seqgpu_params_add_rnn(params, "rnn", plan, NULL);
  if (s == SEQGPU_OK) s = seqgpu_params_add_state(params, "state", 2, 4, NULL);
  if (s == SEQGPU_OK) s = seqgpu_params_update(params, &optimizer);
  seqgpu_params_destroy(params);
  seqgpu_run_release(ctx, &made);
  seqgpu_free(ctx, workspace);
  seqgpu_free(ctx, reserve);
  seqgpu_plan_destroy(plan);
  return s;
}

int main(void) {
  const seqgpu_context_options f32 = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx = NULL;
  check_start();
  ACCEPTED(ctx, seqgpu_context_create(&f32, &ctx));
  CHECK(strcmp(seqgpu_last_error(ctx), "") == 0, "a new context has no error");
  check_statuses();
  check_contexts();
  check_no_context();
  check_descriptors(ctx);
  check_questions(ctx);
  check_memory(ctx);
  CHECK(failing_each("cpu", scenario, 0) > 20, "it does ask for memory");
  breaking_each("a run, parameters and an update", SEQGPU_DTYPE_F32, scenario);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
