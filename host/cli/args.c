/* args.c - parsing, explaining and storing options by their table (args.h). */
#include "args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int args_find(const arg_spec *specs, const char *name) {
  for (int i = 0; specs[i].name; i++)
    if (strcmp(specs[i].name, name) == 0) return i;
  return -1;
}

/* ---------------------------------------------------------------- values */

static int is_choice(const char *choices, const char *text) {
  const size_t length = strlen(text);
  for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
    if (length > 0 && strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == 0)) return 1;
  return 0;
}

static int set_int(const arg_spec *spec, const char *text, void *field, const char *where) {
  char *end;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno == EINVAL)
    return cli_usage("%s%s: \"%.40s\" is not a whole number", where, spec->name, text);
  if (errno == ERANGE || (double)value < spec->min || (double)value > spec->max)
    return cli_usage("%s%s: %.40s is out of range, it must be from %.0f to %.0f", where, spec->name, text,
                     spec->min, spec->max);
  *(int64_t *)field = value;
  return CLI_OK;
}

static int set_real(const arg_spec *spec, const char *text, void *field, const char *where) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value))
    return cli_usage("%s%s: \"%.40s\" is not a number", where, spec->name, text);
  if (value < spec->min || value > spec->max)
    return cli_usage("%s%s: %.40s is out of range, it must be from %g to %g", where, spec->name, text,
                     spec->min, spec->max);
  *(double *)field = value;
  return CLI_OK;
}

static int set_word(const arg_spec *spec, const char *text, void *field, const char *where) {
  if (spec->kind == ARG_CHOICE && !is_choice(spec->choices, text))
    return cli_usage("%s%s: \"%.40s\" is none of %s", where, spec->name, text, spec->choices);
  if (strlen(text) >= ARGS_WORD) return cli_usage("%s%s: \"%.40s\" is too long", where, spec->name, text);
  strcpy(field, text);
  return CLI_OK;
}

int args_set(const arg_spec *spec, const char *text, void *options, const char *where) {
  void *field = (char *)options + spec->offset;
  switch (spec->kind) {
  case ARG_FLAG:
    *(int *)field = strcmp(text, "0") != 0;
    return CLI_OK;
  case ARG_INT:
    return set_int(spec, text, field, where);
  case ARG_REAL:
    return set_real(spec, text, field, where);
  case ARG_CHOICE:
  case ARG_WORD:
    return set_word(spec, text, field, where);
  case ARG_TEXT:
    *(const char **)field = text;
    return CLI_OK;
  }
  return CLI_USAGE;
}

void args_format(const arg_spec *spec, const void *options, char out[ARGS_VALUE]) {
  const void *field = (const char *)options + spec->offset;
  const char *text = spec->kind == ARG_TEXT ? *(const char *const *)field : NULL;
  switch (spec->kind) {
  case ARG_FLAG:
    snprintf(out, ARGS_VALUE, "%d", *(const int *)field);
    return;
  case ARG_INT:
    snprintf(out, ARGS_VALUE, "%lld", (long long)*(const int64_t *)field);
    return;
  case ARG_REAL:
    snprintf(out, ARGS_VALUE, "%.15g", *(const double *)field);
    if (strtod(out, NULL) != *(const double *)field)
      snprintf(out, ARGS_VALUE, "%.17g", *(const double *)field);
    return;
  case ARG_CHOICE:
  case ARG_WORD:
    snprintf(out, ARGS_VALUE, "%s", (const char *)field);
    return;
  case ARG_TEXT:
    snprintf(out, ARGS_VALUE, "%s", text ? text : "");
    return;
  }
}

/* ---------------------------------------------------------------- help */

static void print_option(const arg_spec *spec, const void *options) {
  char left[64], value[ARGS_VALUE] = "";
  snprintf(left, sizeof left, "--%s%s%s", spec->name, spec->kind == ARG_FLAG ? "" : " ",
           spec->kind == ARG_FLAG ? "" : spec->value);
  if (spec->kind != ARG_FLAG) args_format(spec, options, value);
  printf("  %-26s %s", left, spec->help);
  if (spec->choices) printf(": %s", spec->choices);
  if (value[0]) printf(" [%s]", value);
  printf("\n");
}

static int print_help(const arg_command *command, const void *options) {
  printf("usage: %s\n\n%s\n\n", command->usage, command->about);
  for (const arg_spec *spec = command->specs; spec->name; spec++) print_option(spec, options);
  printf("  %-26s %s\n", "--help", "this text");
  return CLI_OK;
}

/* ---------------------------------------------------------------- parsing */

/* Parses argv[*at] (and the value after it) and moves *at on. */
static int parse_one(const arg_command *command, int argc, char **argv, int *at, void *options,
                     unsigned char *given) {
  const char *arg = argv[(*at)++];
  if (strncmp(arg, "--", 2) != 0 || arg[2] == 0)
    return cli_usage("\"%.60s\" is not an option; see %.*s --help", arg, (int)strcspn(command->usage, "-["),
                     command->usage);
  char name[ARGS_WORD];
  const char *equals = strchr(arg, '=');
  const size_t length = equals ? (size_t)(equals - arg) - 2 : strlen(arg + 2);
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), arg + 2);
  const int index = args_find(command->specs, name);
  if (index < 0) return cli_usage("--%.60s is not an option; see --help", name);
  const arg_spec *spec = &command->specs[index];
  given[index] = 1;
  if (spec->kind == ARG_FLAG && equals) return cli_usage("--%s takes no value", name);
  if (spec->kind == ARG_FLAG) return args_set(spec, "1", options, "--");
  const char *value = equals ? equals + 1 : *at < argc ? argv[(*at)++] : NULL;
  if (value == NULL) return cli_usage("--%s needs a value, %s", name, spec->value);
  return args_set(spec, value, options, "--");
}

int args_parse(const arg_command *command, int argc, char **argv, void *options, unsigned char *given) {
  memset(given, 0, ARGS_MAX);
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help(command, options);
  for (int at = 0; at < argc;) CLI_TRY(parse_one(command, argc, argv, &at, options, given));
  return ARGS_GO_ON;
}
