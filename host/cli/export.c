/* export.c - `seqgpu export`: a network of a checkpoint, or of any file that import reads, in
 * another format. */
#include <string.h>

#include "host/cli/exchange.h"

typedef struct export_options {
  common_options common;
  const char *to, *network, *name;
  char format[ARGS_WORD], from[ARGS_WORD];
  int force;
} export_options;

#define FIELD(name) offsetof(export_options, name)

static const arg_spec specs[] = {
    ROW_REQUIRED_FILE("to", FIELD(to), "the file to write"),
    ROW_FLAG("force", ARG_NOT_KEPT, FIELD(force), "replace a file that is there already"),
    ROW_WORD("format", ARG_NOT_KEPT, FIELD(format), "F", "of the file to write, see seqgpu import --formats"),
    ROW_TEXT("network", FIELD(network), "NAME", "which network, where there are several"),
    ROW_TEXT("name", FIELD(name), "NAME", "what the file is to call it; \"\" = names without a prefix"),
    ROW_WORD("from", ARG_NOT_KEPT, FIELD(from), "F", "what the model's file is; auto = look"),
    ROW_END,
};
static const arg_command help = {"seqgpu export MODEL --to FILE --format F [options]",
                                 "Writes a recurrent network for another program.", specs};

/* The network as parameters, under the name that the file is to use. */
static seqgpu_status write_network(seqgpu_context *ctx, const seqgpu_import *import, int index,
                                   const char *name, const export_options *o) {
  seqgpu_params *params;
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_desc desc = seqgpu_import_desc(import, index);
  desc.seq_len = desc.batch = desc.inference = 1;
  LIB_TRY(seqgpu_params_create(ctx, 0, &params));
  seqgpu_status status = seqgpu_import_add(import, index, params, name);
  if (status == SEQGPU_OK) status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_export(params, name, plan, o->to, o->format);
  seqgpu_plan_destroy(plan);
  seqgpu_params_destroy(params);
  return status;
}

static int run(seqgpu_context *ctx, const char *path, const export_options *o) {
  seqgpu_import *import;
  seqgpu_import_info info;
  int index = 0;
  CLI_TRY(exchange_open(ctx, path, o->from, &import));
  int code = exchange_choose(import, o->network, 1, &index);
  if (code == CLI_OK) code = exchange_check_target(o->to, path, o->force);
  if (code == CLI_OK && (seqgpu_import_get(import, index, &info) != SEQGPU_OK ||
                         write_network(ctx, import, index, o->name ? o->name : info.name, o) != SEQGPU_OK))
    code = cli_library_error(ctx);
  seqgpu_import_close(import);
  return code;
}

static int export_file(int argc, char **argv) {
  export_options options = {.common = COMMON_DEFAULTS, .from = "auto"};
  seqgpu_context *ctx;
  const char *path = exchange_file(&argc, &argv);
  const int started = command_start(&help, argc, argv, &options, &ctx);
  if (started != ARGS_GO_ON) return started;
  int code;
  if (path == NULL)
    code = cli_usage("export: the model is missing: seqgpu export MODEL --to FILE --format F");
  else if (options.format[0] == 0)
    code = cli_usage("export: --format is missing; see seqgpu import --formats");
  else
    code = run(ctx, path, &options);
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_export = {"export", "write a network for another program", export_file};
