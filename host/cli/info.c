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

/* The plan that an ordinary network would get; "-" if none. */
static void plan_name(seqgpu_context *ctx, const char *cell, char out[64]) {
  const seqgpu_rnn_desc desc = ordinary(cell);
  seqgpu_plan *plan;
  const int ok = seqgpu_plan_create(ctx, &desc, &plan) == SEQGPU_OK;
  snprintf(out, 64, "%s", ok ? seqgpu_plan_name(plan) : "-");
  if (ok) seqgpu_plan_destroy(plan);
}

static void print_text(seqgpu_context *ctx, const char *device) {
  const char *about, *name;
  char plan[64];
  printf("seqgpu %s\ndevice: %s, %s\n\n%-11s %-18s equations\n", seqgpu_version(), seqgpu_context_device(ctx),
         device, "cell", "plan (H=128)");
  for (int i = 0; (name = seqgpu_cell_name(i, &about)) != NULL; i++) {
    plan_name(ctx, name, plan);
    printf("%-11s %-18s %s\n", name, plan, about);
  }
}

/* Every plan of the device, and whether an ordinary lstm could take it. */
static void print_plans(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = ordinary("lstm");
  seqgpu_plan_candidate_info plan;
  printf("\n%-30s for an lstm, H=128, B=50, T=50\n", "plan");
  for (int i = 0; seqgpu_plan_candidate(ctx, &desc, i, &plan) == SEQGPU_OK; i++)
    printf("%-30s %s\n", plan.name, plan.why_not[0] ? plan.why_not : "fits");
}

static void put_string(const char *before, const char *text) {
  printf("%s", before);
  cli_json_string(stdout, text, strlen(text));
}

static void print_json(seqgpu_context *ctx, const char *device) {
  const char *about, *name;
  char plan[64];
  put_string("{\"version\": ", seqgpu_version());
  put_string(", \"device\": ", seqgpu_context_device(ctx));
  put_string(", \"about\": ", device);
  printf(", \"cells\": [");
  for (int i = 0; (name = seqgpu_cell_name(i, &about)) != NULL; i++) {
    plan_name(ctx, name, plan);
    put_string(i ? ", {\"name\": " : "{\"name\": ", name);
    put_string(", \"plan\": ", plan);
    put_string(", \"about\": ", about);
    printf("}");
  }
  printf("]}\n");
}

int command_info(int argc, char **argv) {
  static const arg_command command = {"seqgpu info [options]", "Version, device, libraries, cells and plans.",
                                      specs};
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
    print_plans(ctx);
  }
  seqgpu_context_destroy(ctx);
  return CLI_OK;
}
