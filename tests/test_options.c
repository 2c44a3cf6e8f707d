/* test_options.c - options of cells that not every algorithm and no other program's file has: "step" runs
 * them, and the others refuse them by a sentence that names the option.
 */
#include "tests/refused.h"

/* An option, and which algorithms have it besides "step": those whose names begin with one of these. */
typedef struct option_row {
  const char *name;
  seqgpu_rnn_desc desc;
  const char *others[2];
} option_row;

static const option_row options[] = {
    {"no_input_gate", {.cell = "lstm", .no_input_gate = 1}, {"stream"}},
    {"no_forget_gate", {.cell = "lstm", .no_forget_gate = 1}, {"stream", "persistent"}},
    {"no_output_gate", {.cell = "lstm", .no_output_gate = 1}, {"stream"}},
    {"no_input_activation", {.cell = "lstm", .no_input_activation = 1}, {"stream"}},
    {"no_output_activation", {.cell = "lstm", .no_output_activation = 1}, {"stream"}},
    {"full_gate_recurrence", {.cell = "lstm", .full_gate_recurrence = 1}, {"stream"}},
    {"zoneout_hidden", {.cell = "gru", .reset_after = 1, .zoneout_hidden = 0.1}, {NULL}},
    {"zoneout_cell", {.cell = "lstm", .zoneout_cell = 0.1}, {NULL}},
    {"recurrent_dropout", {.cell = "rnn", .recurrent_dropout = 0.1}, {NULL}},
    {"update_dropout", {.cell = "lstm", .update_dropout = 0.1}, {NULL}},
    {"layer_norm", {.cell = "rnn", .layer_norm = 1}, {NULL}},
    {"batch_norm_input", {.cell = "gru", .reset_after = 1, .batch_norm_input = 1}, {NULL}},
    {"batch_norm_steps", {.cell = "lstm", .batch_norm_steps = 4}, {NULL}},
};

static int begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* Whether the algorithm "device/id" has the option. */
static int has_option(const char *id, const option_row *row) {
  if (strcmp(id, "step") == 0) return 1;
  for (size_t i = 0; i < COUNT(row->others); i++)
    if (row->others[i] && begins(id, row->others[i])) return 1;
  return 0;
}

/* Algorithms that are of another cell altogether. */
static int is_of_another_cell(const char *id) { return strcmp(id, "fused") == 0 || strcmp(id, "cufft") == 0; }

static void check_algorithms(seqgpu_context *ctx, const option_row *row, int inference) {
  seqgpu_algorithm_info info;
  seqgpu_rnn_desc desc = row->desc;
  desc.input_size = 3, desc.hidden_size = 8, desc.seq_len = 2, desc.batch = 2, desc.inference = inference;
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    if (seqgpu_algorithm_get(ctx, &desc, i, &info) != SEQGPU_OK) {
      check_record(0, seqgpu_last_error(ctx), "%s, asking algorithm %d", row->name, i);
      continue;
    }
    const char *id = strchr(info.name, '/') + 1;
    if (is_of_another_cell(id) || (begins(id, "stream") && !inference)) continue;
    if (has_option(id, row))
      check_record(info.why_not[0] == 0, info.why_not, "%s has %s%s", info.name, row->name,
                   inference ? ", inference" : "");
    else
      check_record(strstr(info.why_not, row->name) != NULL, info.why_not, "%s refuses %s%s", info.name,
                   row->name, inference ? ", inference" : "");
  }
}

/* A file of another program would be another network. */
static void check_exports(seqgpu_context *ctx, const option_row *row) {
  if (strstr(row->name, "dropout")) return; /* the weights are those of a network without */
  static const char *const formats[] = {"pytorch", "keras", "rtneural", "nam", "onnx"};
  seqgpu_rnn_desc desc = row->desc;
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  desc.input_size = 1, desc.hidden_size = 2, desc.seq_len = desc.batch = 1;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan));
  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &params));
  ACCEPTED(ctx, seqgpu_params_add_rnn(params, "a", plan, NULL));
  for (size_t i = 0; i < COUNT(formats); i++)
    REFUSED(ctx, EUNSUPPORTED, row->name, seqgpu_export(params, "a", plan, "options.file", formats[i]));
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
}

static void check_norms(seqgpu_context *ctx) {
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_desc desc = good_desc("gru");
  desc.layer_norm = desc.batch_norm_input = 1;
  REFUSED(ctx, EINVAL, "layer_norm", seqgpu_plan_create(ctx, &desc, NULL, &plan));
  desc.layer_norm = 0, desc.batch_norm_steps = 2;
  REFUSED(ctx, EINVAL, "batch_norm_input", seqgpu_plan_create(ctx, &desc, NULL, &plan));
}

static void check_lstm(seqgpu_context *ctx) {
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_desc desc = good_desc("lstm");
  desc.full_gate_recurrence = desc.layer_norm = 1;
  REFUSED(ctx, EINVAL, "full_gate_recurrence", seqgpu_plan_create(ctx, &desc, NULL, &plan));
  desc.layer_norm = 0, desc.no_input_gate = desc.no_forget_gate = desc.no_output_gate = 1;
  REFUSED(ctx, EINVAL, "full_gate_recurrence", seqgpu_plan_create(ctx, &desc, NULL, &plan));
  desc = good_desc("lstm");
  desc.coupled = desc.no_input_gate = 1;
  REFUSED(ctx, EINVAL, "coupled", seqgpu_plan_create(ctx, &desc, NULL, &plan));
  desc.no_input_gate = 0, desc.no_forget_gate = 1;
  REFUSED(ctx, EINVAL, "coupled", seqgpu_plan_create(ctx, &desc, NULL, &plan));
}

int main(void) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  check_start();
  for (size_t d = 0; d < COUNT(devices); d++) {
    const seqgpu_context_options where = {.device = devices[d]};
    seqgpu_context *ctx = NULL;
    check_at("%s f32", devices[d]);
    if (!check_is_for(devices[d]) || seqgpu_context_create(&where, &ctx) != SEQGPU_OK) {
      check_skip("this build or machine has no such device", "options of cells");
      seqgpu_context_destroy(ctx);
      continue;
    }
    for (size_t i = 0; i < COUNT(options); i++)
      for (int inference = 0; inference < 2; inference++) check_algorithms(ctx, &options[i], inference);
    for (size_t i = 0; d == 0 && i < COUNT(options); i++) check_exports(ctx, &options[i]);
    if (d == 0) check_lstm(ctx);
    if (d == 0) check_norms(ctx);
    seqgpu_context_destroy(ctx);
  }
  return check_finish();
}
