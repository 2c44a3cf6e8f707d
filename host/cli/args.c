/* args.c - parsing, explaining and storing options by their table (args.h). */
#include "host/cli/args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

enum { CHOICES = 512 };

void args_join(arg_spec table[ARGS_MAX], const arg_spec *rows, size_t shift) {
  int n = 0;
  while (table[n].name) n++;
  for (; rows->name && n < ARGS_MAX - 1; rows++, n++) {
    table[n] = *rows;
    table[n].offset += shift;
  }
  table[n] = (arg_spec){.name = NULL};
}

int args_find(const arg_spec *specs, const char *name) {
  for (int i = 0; specs[i].name; i++)
    if (strcmp(specs[i].name, name) == 0) return i;
  return -1;
}

/* ---------------------------------------------------------------- values */

/* Position of text in "a|b|c", -1 if it is not there. */
static int choice_of(const char *choices, const char *text) {
  const size_t length = strlen(text);
  int i = 0;
  for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL, i++)
    if (length > 0 && strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == 0)) return i;
  return -1;
}

/* What a row offers: its choices, or the cells of this build as "rnn|lstm|...". */
static const char *choices_of(const arg_spec *spec, char cells[CHOICES]) {
  if (spec->kind != ARG_CELL) return spec->choices;
  cells[0] = 0;
  seqgpu_cell_info cell;
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    const size_t used = strlen(cells);
    snprintf(cells + used, CHOICES - used, "%s%s", i ? "|" : "", cell.name);
  }
  return cells;
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
  char cells[CHOICES];
  const char *choices = choices_of(spec, cells);
  if (choices && choice_of(choices, text) < 0)
    return cli_usage("%s%s: \"%.40s\" is none of %s", where, spec->name, text, choices);
  if (strlen(text) >= ARGS_WORD) return cli_usage("%s%s: \"%.40s\" is too long", where, spec->name, text);
  strcpy(field, text);
  return CLI_OK;
}

static int set_enum(const arg_spec *spec, const char *text, void *field, const char *where) {
  const int choice = choice_of(spec->choices, text);
  if (choice < 0) return cli_usage("%s%s: \"%.40s\" is none of %s", where, spec->name, text, spec->choices);
  *(int *)field = choice;
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
  case ARG_ENUM:
    return set_enum(spec, text, field, where);
  case ARG_CHOICE:
  case ARG_CELL:
  case ARG_WORD:
    return set_word(spec, text, field, where);
  case ARG_TEXT:
    *(const char **)field = text;
    return CLI_OK;
  }
  return CLI_USAGE;
}

static void format_enum(const arg_spec *spec, int choice, char out[ARGS_VALUE]) {
  const char *c = spec->choices;
  for (int i = 0; i < choice; i++) c = strchr(c, '|') + 1;
  snprintf(out, ARGS_VALUE, "%.*s", (int)strcspn(c, "|"), c);
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
  case ARG_ENUM:
    format_enum(spec, *(const int *)field, out);
    return;
  case ARG_CHOICE:
  case ARG_CELL:
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
  char cells[CHOICES];
  const char *choices = choices_of(spec, cells);
  if (choices) printf(": %s", choices);
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
