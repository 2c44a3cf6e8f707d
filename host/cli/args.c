/* args.c - parsing a command line by its table (args.h). */
#include "host/cli/args.h"

#include <stdio.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/suggest.h"

static int unknown_option(const arg_command *command, const char *name) {
  suggestion s = suggest_start(name);
  for (const arg_spec *spec = command->specs; spec->name[0]; spec++)
    if (spec->kind != ARG_GROUP) suggest_try(&s, spec->name);
  if (s.best) return cli_usage("--%s: is not an option; did you mean --%s?", name, s.best);
  return cli_usage("--%s: is not an option; see %.*s --help", name, args_name_length(command->usage),
                   command->usage);
}

/* Parses argv[*at], and the value that follows it, and moves *at past them. */
static int parse_one(const arg_command *command, int argc, char **argv, int *at, void *options,
                     unsigned char *given) {
  const char *arg = argv[(*at)++];
  if (strncmp(arg, "--", 2) != 0 || arg[2] == 0)
    return cli_usage("\"%.60s\": is not an option; see %.*s --help", arg, args_name_length(command->usage),
                     command->usage);
  char name[ARGS_WORD], who[ARGS_WORD + 2];
  const char *equals = strchr(arg, '=');
  const size_t length = equals ? (size_t)(equals - arg) - 2 : strlen(arg + 2);
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), arg + 2);
  const int index = args_find(command->specs, name);
  if (index < 0) return unknown_option(command, name);
  const arg_spec *spec = &command->specs[index];
  given[index] = 1;
  snprintf(who, sizeof who, "--%s", name);
  if (spec->kind == ARG_FLAG && equals) return cli_usage("%s: is given a value; it takes none", who);
  if (spec->kind == ARG_FLAG) return args_set(spec, "1", options, who);
  const char *value = equals ? equals + 1 : *at < argc ? argv[(*at)++] : NULL;
  if (value == NULL) return cli_usage("%s: has no value; it must be followed by %s", who, spec->value);
  return args_set(spec, value, options, who);
}

static int check_required(const arg_spec *specs, const unsigned char *given) {
  for (int i = 0; specs[i].name[0]; i++)
    if (specs[i].required && !given[i])
      return cli_usage("--%s: is missing; it must name %s", specs[i].name, specs[i].help);
  return CLI_OK;
}

/* 1 if an argument asks for help; *format is then what follows "--help=". */
static int asks_for_help(const char *arg, const char **format) {
  static const char with_format[] = "--help=";
  const int has_format = strncmp(arg, with_format, strlen(with_format)) == 0;
  *format = has_format ? arg + strlen(with_format) : "text";
  return has_format || strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

int args_parse(const arg_command *command, int argc, char **argv, void *options,
               unsigned char given[ARGS_MAX]) {
  const char *format;
  memset(given, 0, ARGS_MAX);
  for (int i = 0; i < argc; i++)
    if (asks_for_help(argv[i], &format)) return args_help(command, options, format);
  for (int at = 0; at < argc;) CLI_TRY(parse_one(command, argc, argv, &at, options, given));
  CLI_TRY(check_required(command->specs, given));
  return ARGS_GO_ON;
}

/* 1 if the value of this option is the next argument. */
static int value_follows(const arg_spec *specs, const char *arg) {
  const int index = strchr(arg, '=') ? -1 : args_find(specs, arg + 2);
  return index >= 0 && specs[index].kind != ARG_FLAG;
}

int args_take_files(const arg_spec *specs, int *argc, char **argv, arg_list *files) {
  int left = 0;
  for (int i = 0; i < *argc; i++) {
    char *arg = argv[i];
    if (arg[0] != '-') {
      if (files->count == ARGS_LIST)
        return cli_usage("\"%.60s\": is one file too many; at most %d can be named", arg, ARGS_LIST);
      files->item[files->count++] = arg;
      continue;
    }
    argv[left++] = arg;
    if (strncmp(arg, "--", 2) == 0 && value_follows(specs, arg) && i + 1 < *argc) argv[left++] = argv[++i];
  }
  *argc = left;
  return CLI_OK;
}

int args_ask_help(int argc, char **argv) {
  const char *format;
  for (int i = 0; i < argc; i++)
    if (asks_for_help(argv[i], &format)) return 1;
  return 0;
}

const char *args_peek(int argc, char **argv, const char *name) {
  const size_t length = strlen(name);
  for (int i = 0; i < argc; i++) {
    const char *arg = argv[i];
    if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, length) != 0) continue;
    if (arg[2 + length] == '=') return arg + 2 + length + 1;
    if (arg[2 + length] == 0) return i + 1 < argc ? argv[i + 1] : NULL;
  }
  return NULL;
}
