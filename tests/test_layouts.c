/* test_layouts.c - host/doc/cells.md says of every cell what the library says: its parameters, in their
 * order. */
#include "seqgpu/seqgpu.h"
#include "tests/check.h"

/* Sizes that cannot be mistaken for one another, and what the document calls them. */
enum { I = 11, H = 28, P = 5, K = 6, F = 7, C = 9, S = 13 };
static const struct {
  int64_t value;
  const char *name;
} sizes[] = {{I, "I"},       {H, "H"},       {P, "P"},           {K, "K"},      {F, "F"},
             {C, "C"},       {S, "S"},       {2 * H, "2H"},      {3 * H, "3H"}, {4 * H, "4H"},
             {H + C, "H+C"}, {H + F, "H+F"}, {4 * H + F, "4H+F"}};

static const struct {
  const char *name; /* as in the first column */
  seqgpu_rnn_desc desc;
} rows[] = {{"rnn", {.cell = "rnn"}},
            {"rnn, layer_norm", {.cell = "rnn", .layer_norm = 1}},
            {"rnn, batch_norm_steps", {.cell = "rnn", .batch_norm_steps = S}},
            {"leaky", {.cell = "leaky"}},
            {"lstm", {.cell = "lstm"}},
            {"lstm, peephole", {.cell = "lstm", .peephole = 1}},
            {"lstm, coupled", {.cell = "lstm", .coupled = 1}},
            {"lstm, projection_size", {.cell = "lstm", .projection_size = P}},
            {"lstm, no_input_gate", {.cell = "lstm", .no_input_gate = 1}},
            {"lstm, no_forget_gate", {.cell = "lstm", .no_forget_gate = 1}},
            {"lstm, no_output_gate", {.cell = "lstm", .no_output_gate = 1}},
            {"lstm, no_input_activation", {.cell = "lstm", .no_input_activation = 1}},
            {"lstm, no_output_activation", {.cell = "lstm", .no_output_activation = 1}},
            {"lstm, full_gate_recurrence", {.cell = "lstm", .full_gate_recurrence = 1}},
            {"lstm, layer_norm", {.cell = "lstm", .layer_norm = 1}},
            {"lstm, batch_norm_input", {.cell = "lstm", .batch_norm_input = 1}},
            {"lstm, batch_norm_steps", {.cell = "lstm", .batch_norm_steps = S}},
            {"lstm0", {.cell = "lstm0"}},
            {"lstm0, peephole", {.cell = "lstm0", .peephole = 1}},
            {"gru", {.cell = "gru"}},
            {"gru, reset_after", {.cell = "gru", .reset_after = 1}},
            {"gru, layer_norm", {.cell = "gru", .layer_norm = 1}},
            {"scrn", {.cell = "scrn", .context_size = C}},
            {"scrn, learn_leak", {.cell = "scrn", .context_size = C, .learn_leak = 1}},
            {"mrnn", {.cell = "mrnn", .factor_size = F}},
            {"mlstm", {.cell = "mlstm", .factor_size = F}},
            {"householder", {.cell = "householder", .reflections = K}},
            {"urnn", {.cell = "urnn"}}};

static void add_size(char *text, size_t room, int64_t size) {
  for (size_t i = 0; i < COUNT(sizes); i++)
    if (sizes[i].value == size) {
      snprintf(text, room, "%s", sizes[i].name);
      return;
    }
  snprintf(text, room, "%d", (int)size);
}

/* "weight_ih [4H,I], bias [4H]" of the plan, without the layer in the names. */
static void describe(seqgpu_context *ctx, const seqgpu_plan *plan, char *text, size_t room) {
  size_t used = 0;
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info p;
    char height[16], width[16];
    seqgpu_plan_param_get(ctx, plan, i, &p);
    add_size(height, sizeof height, p.rows);
    add_size(width, sizeof width, p.cols);
    used +=
        (size_t)snprintf(text + used, room - used, "%s%.*s [%s%s%s]", i ? ", " : "", (int)strlen(p.name) - 3,
                         p.name, height, p.cols == 1 ? "" : ",", p.cols == 1 ? "" : width);
  }
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = calloc(1, 1 << 16);
  if (file && text && fread(text, 1, (1 << 16) - 1, file) == 0) *text = 0;
  if (file) fclose(file);
  return text;
}

int main(void) {
  seqgpu_context *ctx;
  check_start();
  char *document = read_file("../host/doc/cells.md");
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) {
    free(document);
    return check_finish();
  }
  for (size_t i = 0; i < COUNT(rows); i++) {
    seqgpu_rnn_desc desc = rows[i].desc;
    seqgpu_plan *plan = NULL;
    char params[512] = "", line[600];
    desc.input_size = I, desc.hidden_size = H, desc.seq_len = desc.batch = 1;
    if (!CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK, "layout of %s", rows[i].name))
      continue;
    describe(ctx, plan, params, sizeof params);
    snprintf(line, sizeof line, "| %s | %s |", rows[i].name, params);
    CHECK(strstr(document, line) != NULL, "host/doc/cells.md has the line: %s", line);
    seqgpu_plan_destroy(plan);
  }
  for (int i = 0; i < seqgpu_cell_count(); i++) {
    seqgpu_cell_info info;
    char name[64];
    seqgpu_cell_get(i, &info);
    snprintf(name, sizeof name, "\n| %s |", info.name);
    CHECK(strstr(document, name) != NULL, "host/doc/cells.md has cell %s", info.name);
  }
  seqgpu_context_destroy(ctx);
  free(document);
  return check_finish();
}
