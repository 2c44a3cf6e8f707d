/* command.c - what all commands have in common: device, threads, JSON or text (command.h). */
#include "host/cli/command.h"

#define FIELD(name) offsetof(common_options, name)

const arg_spec common_specs[] = {
    ROW_GROUP("Device and output"),
    ROW_CHOICE("device", ARG_NOT_KEPT, FIELD(device), "auto|cpu|cuda", "D", "where to compute"),
    ROW_INT("threads", ARG_NOT_KEPT, FIELD(threads), 0, 1024, "N", "CPU threads, 0 = all processors"),
    ROW_FLAG("quiet", ARG_NOT_KEPT, FIELD(quiet), "print only what was asked for, and errors"),
    ROW_FLAG("json", ARG_NOT_KEPT, FIELD(json), "print JSON instead of text"),
    ROW_END,
};

static int start(const arg_command *help, arg_spec specs[ARGS_MAX], int argc, char **argv, void *options,
                 unsigned char given[ARGS_MAX], seqgpu_context **ctx) {
  args_join(specs, common_specs, 0);
  const arg_command command = {help->usage, help->about, specs};
  *ctx = NULL;
  const int parsed = args_parse(&command, argc, argv, options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  const common_options *common = options;
  CLI_TRY(cli_open(common->device, common->threads, ctx));
  return ARGS_GO_ON;
}

int command_start(const arg_command *help, int argc, char **argv, void *options, seqgpu_context **ctx) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  unsigned char given[ARGS_MAX];
  args_join(specs, help->specs, 0);
  return start(help, specs, argc, argv, options, given, ctx);
}

int command_start_network(const arg_command *help, int argc, char **argv, void *options,
                          unsigned char given[ARGS_MAX], seqgpu_context **ctx) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  args_join(specs, help->specs, 0);
  args_join(specs, how_specs, offsetof(network_options, how));
  return start(help, specs, argc, argv, options, given, ctx);
}
