/* args.c - parsing, explaining and storing options by their table (args.h). */
#include "host/cli/args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

enum { CHOICES = 512 };

/* ---------------------------------------------------------------- tables */

void args_join(arg_spec table[ARGS_MAX], const arg_spec *rows, size_t shift) {
  int n = 0;
  while (table[n].name[0]) n++;
  for (; rows->name[0] && n < ARGS_MAX - 1; rows++, n++) {
    table[n] = *rows;
    table[n].offset += shift;
    for (char *c = table[n].name; *c; c++)
      if (*c == '_') *c = '-';
  }
  table[n] = (arg_spec)ROW_END;
}

const char *args_key(const arg_spec *spec) { return spec->key ? spec->key : spec->name; }

int args_find(const arg_spec *specs, const char *name) {
  for (int i = 0; specs[i].name[0]; i++)
    if (strcmp(specs[i].name, name) == 0) return i;
  for (int i = 0; specs[i].name[0]; i++)
    if (strcmp(args_key(&specs[i]), name) == 0) return i;
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

static int set_int(const arg_spec *spec, const char *text, void *field, const char *who) {
  char *end;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno == EINVAL)
    return cli_usage("%s: is \"%.40s\"; it must be a whole number", who, text);
  if (errno == ERANGE || (double)value < spec->min || (double)value > spec->max)
    return cli_usage("%s: is %.40s; it must be from %.0f to %.0f", who, text, spec->min, spec->max);
  *(int64_t *)field = value;
  return CLI_OK;
}

static int set_real(const arg_spec *spec, const char *text, void *field, const char *who) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value))
    return cli_usage("%s: is \"%.40s\"; it must be a number", who, text);
  if (value < spec->min || value > spec->max)
    return cli_usage("%s: is %.40s; it must be from %g to %g", who, text, spec->min, spec->max);
  *(double *)field = value;
  return CLI_OK;
}

static int set_word(const arg_spec *spec, const char *text, void *field, const char *who) {
  char cells[CHOICES];
  const char *choices = choices_of(spec, cells);
  if (choices && choice_of(choices, text) < 0)
    return cli_usage("%s: is \"%.40s\"; it must be one of %s", who, text, choices);
  if (strlen(text) >= ARGS_WORD)
    return cli_usage("%s: is \"%.40s\"; it must be shorter than %d characters", who, text, ARGS_WORD);
  strcpy(field, text);
  return CLI_OK;
}

static int set_enum(const arg_spec *spec, const char *text, void *field, const char *who) {
  const int choice = choice_of(spec->choices, text);
  if (choice < 0) return cli_usage("%s: is \"%.40s\"; it must be one of %s", who, text, spec->choices);
  *(int *)field = choice;
  return CLI_OK;
}

int args_set(const arg_spec *spec, const char *text, void *options, const char *who) {
  void *field = (char *)options + spec->offset;
  switch (spec->kind) {
  case ARG_FLAG:
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
      return cli_usage("%s: is \"%.40s\"; it must be 0 or 1", who, text);
    *(int *)field = text[0] == '1';
    return CLI_OK;
  case ARG_INT:
    return set_int(spec, text, field, who);
  case ARG_REAL:
    return set_real(spec, text, field, who);
  case ARG_ENUM:
    return set_enum(spec, text, field, who);
  case ARG_CHOICE:
  case ARG_CELL:
  case ARG_WORD:
    return set_word(spec, text, field, who);
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
  char left[64], value[ARGS_VALUE] = "", cells[CHOICES];
  snprintf(left, sizeof left, "--%s%s%s", spec->name, spec->value ? " " : "", spec->value ? spec->value : "");
  if (spec->kind != ARG_FLAG) args_format(spec, options, value);
  printf("  %-26s %s", left, spec->help);
  const char *choices = choices_of(spec, cells);
  if (choices) printf(": %s", choices);
  if (spec->required) printf(" (required)");
  if (value[0]) printf(" [%s]", value);
  printf("\n");
}

static int print_help(const arg_command *command, const void *options) {
  printf("usage: %s\n\n%s\n\n", command->usage, command->about);
  for (const arg_spec *spec = command->specs; spec->name[0]; spec++) print_option(spec, options);
  printf("  %-26s %s\n", "--help", "print this text");
  return CLI_OK;
}

/* ---------------------------------------------------------------- parsing */

/* Length of "seqgpu train temporal-order" at the beginning of a usage. */
static int name_length(const char *usage) {
  int n = 0;
  while (usage[n] && !(usage[n] == ' ' && strchr("-[", usage[n + 1]))) n++;
  return n;
}

/* Parses argv[*at], and the value that follows it, and moves *at past them. */
static int parse_one(const arg_command *command, int argc, char **argv, int *at, void *options,
                     unsigned char *given) {
  const char *arg = argv[(*at)++];
  if (strncmp(arg, "--", 2) != 0 || arg[2] == 0)
    return cli_usage("\"%.60s\": is not an option; see %.*s --help", arg, name_length(command->usage),
                     command->usage);
  char name[ARGS_WORD], who[ARGS_WORD + 2];
  const char *equals = strchr(arg, '=');
  const size_t length = equals ? (size_t)(equals - arg) - 2 : strlen(arg + 2);
  snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), arg + 2);
  const int index = args_find(command->specs, name);
  if (index < 0) return cli_usage("--%s: is not an option; see --help", name);
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

int args_parse(const arg_command *command, int argc, char **argv, void *options,
               unsigned char given[ARGS_MAX]) {
  memset(given, 0, ARGS_MAX);
  for (int i = 0; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help(command, options);
  for (int at = 0; at < argc;) CLI_TRY(parse_one(command, argc, argv, &at, options, given));
  CLI_TRY(check_required(command->specs, given));
  return ARGS_GO_ON;
}
