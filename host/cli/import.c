/* import.c - `seqgpu import`: networks of other programs' files as a checkpoint of ours. */
#include <stdlib.h>
#include <string.h>

#include "host/cli/exchange.h"
#include "host/cli/json.h"

typedef struct import_options {
  common_options common;
  const char *to, *network;
  char format[ARGS_WORD], activation[ARGS_WORD];
  int list, formats, force;
} import_options;

#define FIELD(name) offsetof(import_options, name)

static const arg_spec specs[] = {
    ROW_TEXT("to", FIELD(to), "FILE", "the checkpoint to write, .safetensors"),
    ROW_FLAG("force", ARG_NOT_KEPT, FIELD(force), "replace a checkpoint that is there already"),
    ROW_WORD("format", ARG_NOT_KEPT, FIELD(format), "F", "what the file is, see --formats; auto = look"),
    ROW_TEXT("network", FIELD(network), "NAME", "only this network of the file"),
    ROW_CHOICE("activation", ARG_NOT_KEPT, FIELD(activation), "auto|tanh|relu|sigmoid|identity", "G",
               "of an rnn, where the file does not say"),
    ROW_FLAG("list", ARG_NOT_KEPT, FIELD(list), "only say what is in the file"),
    ROW_FLAG("formats", ARG_NOT_KEPT, FIELD(formats), "list the formats"),
    ROW_END,
};
static const arg_command help = {
    "seqgpu import FILE --to MODEL.safetensors [options]; seqgpu import FILE --list",
    "Reads recurrent networks from a file of another program.", specs};

/* ---------------------------------------------------------------- what is in the file */

static void print_network(const seqgpu_import *import, int index, int json) {
  seqgpu_import_info info;
  if (seqgpu_import_get(import, index, &info) != SEQGPU_OK) return;
  const seqgpu_rnn_desc d = seqgpu_import_desc(import, index);
  if (json) {
    json_text(stdout, index ? ", {\"name\": " : "{\"name\": ", info.name);
    json_text(stdout, ", \"cell\": ", d.cell);
    printf(", \"input_size\": %lld, \"hidden_size\": %lld, \"num_layers\": %lld, \"bidirectional\": %s, "
           "\"elements\": %lld, \"states\": %d, \"head_rows\": %lld}",
           (long long)d.input_size, (long long)d.hidden_size, (long long)d.num_layers,
           d.bidirectional ? "true" : "false", (long long)info.elements, info.state_count,
           (long long)info.head_rows);
    return;
  }
  cli_show(stdout, info.name[0] ? info.name : "(no name)", 60);
  printf(": %s, %lld -> %lld, %lld layer%s%s, %lld parameters", d.cell, (long long)d.input_size,
         (long long)d.hidden_size, (long long)d.num_layers, d.num_layers == 1 ? "" : "s",
         d.bidirectional ? ", two directions" : "", (long long)info.elements);
  if (info.state_count > 0) printf(", initial states");
  if (info.head_rows > 0) printf(", read-out of %lld", (long long)info.head_rows);
  printf("\n");
}

static void print_file(const seqgpu_import *import, int json) {
  if (json) json_text(stdout, "{\"format\": ", seqgpu_import_format(import));
  printf(json ? ", \"networks\": [" : "");
  for (int i = 0; i < seqgpu_import_count(import); i++) print_network(import, i, json);
  printf(json ? "], \"left\": [" : "");
  for (int i = 0; i < seqgpu_import_left_count(import); i++) {
    if (json) {
      json_text(stdout, i ? ", " : "", seqgpu_import_left(import, i));
      continue;
    }
    printf("left: ");
    cli_show(stdout, seqgpu_import_left(import, i), 200);
    printf("\n");
  }
  printf(json ? "]}\n" : "");
}

static int print_formats(void) {
  seqgpu_format_info f;
  for (int i = 0; seqgpu_format_get(i, &f) == SEQGPU_OK; i++)
    printf("%-10s %-12s %s\n", f.name,
           !f.can_write  ? "read"
           : !f.can_read ? "write"
                         : "read, write",
           f.about);
  return CLI_OK;
}

/* ---------------------------------------------------------------- the checkpoint */

enum { TEXT = 512 };

/* The metadata that describe the networks, in memory of their own. */
typedef struct descriptions {
  seqgpu_meta *meta;
  char (*keys)[TEXT], (*texts)[TEXT];
  int count;
} descriptions;

static void set_activation(seqgpu_rnn_desc *desc, const char *name) {
  static const char *const names[] = {"tanh", "relu", "sigmoid", "identity"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) desc->activation = (seqgpu_activation)i;
}

static seqgpu_status describe(seqgpu_context *ctx, const seqgpu_import *import, int index, const char *prefix,
                              const char *activation, descriptions *out) {
  seqgpu_plan *plan;
  seqgpu_rnn_desc desc = seqgpu_import_desc(import, index);
  desc.seq_len = desc.batch = desc.inference = 1;
  if (strcmp(desc.cell, "rnn") == 0) set_activation(&desc, activation);
  LIB_TRY(seqgpu_plan_create(ctx, &desc, NULL, &plan));
  const int at = out->count++;
  snprintf(out->keys[at], TEXT, "network.%s", prefix);
  out->meta[at] = (seqgpu_meta){out->keys[at], out->texts[at]};
  const seqgpu_status status = seqgpu_describe_network(ctx, plan, out->texts[at], TEXT);
  seqgpu_plan_destroy(plan);
  return status;
}

/* A network without a name is "rnn", as in the checkpoints of training. */
static seqgpu_status add_network(seqgpu_context *ctx, const seqgpu_import *import, int index,
                                 const char *activation, seqgpu_params *params, descriptions *out) {
  seqgpu_import_info info;
  LIB_TRY(seqgpu_import_get(import, index, &info));
  const char *prefix = info.name[0] ? info.name : "rnn";
  LIB_TRY(seqgpu_import_add(import, index, params, prefix));
  return describe(ctx, import, index, prefix, activation, out);
}

static seqgpu_status save(seqgpu_context *ctx, const seqgpu_import *import, const import_options *o, int only,
                          descriptions *d) {
  seqgpu_params *params;
  LIB_TRY(seqgpu_params_create(ctx, 0, &params));
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; i < seqgpu_import_count(import) && status == SEQGPU_OK; i++)
    if (only < 0 || i == only) status = add_network(ctx, import, i, o->activation, params, d);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_save_weights(params, o->to, d->meta, d->count);
  seqgpu_params_destroy(params);
  return status;
}

static int write_checkpoint(seqgpu_context *ctx, const seqgpu_import *import, const import_options *o) {
  const size_t count = (size_t)seqgpu_import_count(import);
  int only;
  CLI_TRY(exchange_choose(import, o->network, 0, &only));
  descriptions d = {malloc(count * sizeof *d.meta + 1), malloc(count * TEXT + 1), malloc(count * TEXT + 1),
                    0};
  int code = CLI_OK;
  if (d.meta == NULL || d.keys == NULL || d.texts == NULL)
    code = cli_error("out of memory");
  else if (save(ctx, import, o, only, &d) != SEQGPU_OK)
    code = cli_library_error(ctx);
  free(d.meta);
  free(d.keys);
  free(d.texts);
  return code;
}

static int run(seqgpu_context *ctx, const char *path, const import_options *o) {
  seqgpu_import *import;
  CLI_TRY(exchange_open(ctx, path, o->format, &import));
  int code = CLI_OK;
  if (!o->list) code = exchange_check_target(o->to, path, o->force);
  if (!o->list && code == CLI_OK) code = write_checkpoint(ctx, import, o);
  if (code == CLI_OK) print_file(import, o->common.json);
  seqgpu_import_close(import);
  return code;
}

static int import_file(int argc, char **argv) {
  import_options options = {.common = COMMON_DEFAULTS, .format = "auto", .activation = "auto"};
  seqgpu_context *ctx;
  const char *path = exchange_file(&argc, &argv);
  const int started = command_start(&help, argc, argv, &options, &ctx);
  if (started != ARGS_GO_ON) return started;
  int code;
  if (options.formats)
    code = print_formats();
  else if (path == NULL)
    code = cli_usage("import: the file to read is missing: seqgpu import FILE --to MODEL.safetensors");
  else if (!options.list && options.to == NULL)
    code = cli_usage("import: --to is missing; it names the checkpoint to write, and --list only looks");
  else
    code = run(ctx, path, &options);
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_import = {"import", "read networks from files of other programs", import_file};
