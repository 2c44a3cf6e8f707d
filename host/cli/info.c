/* info.c - `seqgpu info`: what this build and this machine can do. */
#include "host/cli/command.h"
#include "host/cli/json.h"

static const arg_spec specs[] = {ROW_END};
static const arg_command help = {"seqgpu info [options]",
                                 "Prints version, device, libraries, cells and algorithms.", specs};

/* A network of ordinary size, for which algorithms are shown. */
static seqgpu_rnn_desc ordinary(const char *cell) {
  return (seqgpu_rnn_desc){.cell = cell, .input_size = 128, .hidden_size = 128, .seq_len = 50, .batch = 50};
}

/* The algorithm that an ordinary network would get; "-" if none. */
static int algorithm_of(seqgpu_context *ctx, const char *cell, char out[64]) {
  const seqgpu_rnn_desc desc = ordinary(cell);
  seqgpu_plan *plan;
  const seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status != SEQGPU_OK && status != SEQGPU_EUNSUPPORTED) return cli_library_error(ctx);
  snprintf(out, 64, "%s", status == SEQGPU_OK ? seqgpu_plan_algorithm(plan) : "-");
  if (status == SEQGPU_OK) seqgpu_plan_destroy(plan);
  return CLI_OK;
}

static int print_text(seqgpu_context *ctx, const char *device) {
  seqgpu_cell_info cell;
  char algorithm[64];
  printf("seqgpu %s\ndevice: %s, %s\n\n%-11s %-18s equations\n", seqgpu_version(), seqgpu_context_device(ctx),
         device, "cell", "algorithm (H=128)");
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    CLI_TRY(algorithm_of(ctx, cell.name, algorithm));
    printf("%-11s %-18s %s\n", cell.name, algorithm, cell.about);
  }
  return CLI_OK;
}

/* Every algorithm of the device, and whether an ordinary lstm could run with it. */
static int print_algorithms(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = ordinary("lstm");
  seqgpu_algorithm_info info;
  printf("\n%-30s for an lstm, H=128, B=50, T=50\n", "algorithm");
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    if (seqgpu_algorithm_get(ctx, &desc, i, &info) != SEQGPU_OK) return cli_library_error(ctx);
    printf("%-30s %s\n", info.name, info.why_not[0] ? info.why_not : "fits");
  }
  return CLI_OK;
}

static int print_json(seqgpu_context *ctx, const char *device) {
  seqgpu_cell_info cell;
  char algorithm[64];
  json_text(stdout, "{\"version\": ", seqgpu_version());
  json_text(stdout, ", \"device\": ", seqgpu_context_device(ctx));
  json_text(stdout, ", \"about\": ", device);
  printf(", \"cells\": [");
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    CLI_TRY(algorithm_of(ctx, cell.name, algorithm));
    json_text(stdout, i ? ", {\"name\": " : "{\"name\": ", cell.name);
    json_text(stdout, ", \"algorithm\": ", algorithm);
    json_text(stdout, ", \"about\": ", cell.about);
    printf("}");
  }
  printf("]}\n");
  return CLI_OK;
}

static int info(int argc, char **argv) {
  common_options options = COMMON_DEFAULTS;
  seqgpu_context *ctx;
  const int started = command_start(&help, argc, argv, &options, &ctx);
  if (started != ARGS_GO_ON) return started;
  char device[256];
  seqgpu_context_describe(ctx, device, sizeof device);
  int code = options.json ? print_json(ctx, device) : print_text(ctx, device);
  if (code == CLI_OK && !options.json) code = print_algorithms(ctx);
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_info = {"info", "print version, device, cells and algorithms", info};
