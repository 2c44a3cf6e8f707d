/* info.c - `seqgpu info`: what this build and this machine can do. */
#include <string.h>

#include "host/cli/args.h"
#include "host/cli/cli.h"

typedef struct info_options {
  char device[ARGS_WORD];
  int64_t threads;
  int json;
} info_options;

#define FIELD(name) offsetof(info_options, name)

/* clang-format off: a table */
static const arg_spec specs[] = {
    {"device", ARG_CHOICE, ARG_NOT_KEPT, FIELD(device), 0, 0, "auto|cpu|cuda", "D", "which device"},
    {"threads", ARG_INT, ARG_NOT_KEPT, FIELD(threads), 0, 1024, NULL, "N", "CPU threads, 0 = all"},
    {"json", ARG_FLAG, ARG_NOT_KEPT, FIELD(json), 0, 0, NULL, NULL, "one JSON object"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

/* A network of ordinary size, for which plans are shown. */
static seqgpu_rnn_desc ordinary(const char *cell) {
  return (seqgpu_rnn_desc){.cell = cell, .input_size = 128, .hidden_size = 128, .seq_len = 50, .batch = 50};
}

/* The algorithm that would run an ordinary network; "-" if none. */
static void algorithm_of(seqgpu_context *ctx, const char *cell, char out[64]) {
  const seqgpu_rnn_desc desc = ordinary(cell);
  seqgpu_plan *plan;
  const int ok = seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK;
  snprintf(out, 64, "%s", ok ? seqgpu_plan_algorithm(plan) : "-");
  if (ok) seqgpu_plan_destroy(plan);
}

static void print_text(seqgpu_context *ctx, const char *device) {
  seqgpu_cell_info cell;
  char algorithm[64];
  printf("seqgpu %s\ndevice: %s, %s\n\n%-11s %-18s equations\n", seqgpu_version(), seqgpu_context_device(ctx),
         device, "cell", "algorithm (H=128)");
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    algorithm_of(ctx, cell.name, algorithm);
    printf("%-11s %-18s %s\n", cell.name, algorithm, cell.about);
  }
}

/* Every algorithm of the device, and whether it could run an ordinary lstm. */
static void print_algorithms(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = ordinary("lstm");
  seqgpu_algorithm_info one;
  printf("\n%-30s for an lstm, H=128, B=50, T=50\n", "algorithm");
  for (int i = 0; seqgpu_algorithm_get(ctx, &desc, i, &one) == SEQGPU_OK; i++)
    printf("%-30s %s\n", one.name, one.why_not[0] ? one.why_not : "fits");
}

static void put_string(const char *before, const char *text) {
  printf("%s", before);
  cli_json_string(stdout, text, strlen(text));
}

static void print_json(seqgpu_context *ctx, const char *device) {
  seqgpu_cell_info cell;
  char algorithm[64];
  put_string("{\"version\": ", seqgpu_version());
  put_string(", \"device\": ", seqgpu_context_device(ctx));
  put_string(", \"about\": ", device);
  printf(", \"cells\": [");
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    algorithm_of(ctx, cell.name, algorithm);
    put_string(i ? ", {\"name\": " : "{\"name\": ", cell.name);
    put_string(", \"algorithm\": ", algorithm);
    put_string(", \"about\": ", cell.about);
    printf("}");
  }
  printf("]}\n");
}

int command_info(int argc, char **argv) {
  static const arg_command command = {"seqgpu info [options]",
                                      "Version, device, libraries, cells and algorithms.", specs};
  info_options options = {.device = "auto"};
  unsigned char given[ARGS_MAX];
  const int parsed = args_parse(&command, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  seqgpu_context *ctx;
  CLI_TRY(cli_open(options.device, options.threads, &ctx));
  char device[256];
  seqgpu_context_describe(ctx, device, sizeof device);
  if (options.json) {
    print_json(ctx, device);
  } else {
    print_text(ctx, device);
    print_algorithms(ctx);
  }
  seqgpu_context_destroy(ctx);
  return CLI_OK;
}
