/* args_help.c - options explained from their table (args_help.h). */
#include "host/cli/args_help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/args_complete.h"
#include "host/cli/cli.h"

enum { COLUMNS = 80, HELP_AT = 26 };

/* Behind the name come options, "[...]", or the "FILE" of a command. */
int args_name_length(const char *usage) {
  int n = 0;
  while (usage[n] && !(usage[n] == ' ' && !islower((unsigned char)usage[n + 1]))) n++;
  return n;
}

/* ---------------------------------------------------------------- text */

static int start_line(int indent) {
  printf("\n%*s", indent, "");
  return indent;
}

void args_print_wrapped(const char *text, int indent, int column) {
  int empty = 1; /* the line holds no word yet */
  while (*text) {
    if (*text == '\n') {
      column = start_line(indent);
      empty = 1;
      text++;
      continue;
    }
    const int length = (int)strcspn(text, " \n"), space = !empty;
    if (!empty && column + space + length > COLUMNS) {
      column = start_line(indent);
      empty = 1;
    }
    column += printf("%s%.*s", empty ? "" : " ", length, text);
    empty = empty && length == 0;
    text += length;
    if (*text == ' ') text++;
  }
  printf("\n");
}

/* "recurrent cell: rnn, lstm, gru [lstm]" */
static void explain(const arg_spec *spec, const void *options, char *out, size_t size) {
  char value[ARGS_VALUE] = "", cells[ARGS_CHOICES];
  if (spec->kind != ARG_FLAG) args_format(spec, options, value);
  size_t used = (size_t)snprintf(out, size, "%s", spec->help);
  const char *choices = args_choices(spec, cells), *before = ": ";
  for (const char *c = choices; c && *c && used < size; before = ", ") {
    const int length = (int)strcspn(c, "|");
    used += (size_t)snprintf(out + used, size - used, "%s%.*s", before, length, c);
    c += length + (c[length] == '|');
  }
  if (spec->required && used < size) used += (size_t)snprintf(out + used, size - used, " (required)");
  if (value[0] && used < size) snprintf(out + used, size - used, " [%s]", value);
}

static void print_option(const char *left, const char *help) {
  const int used = printf("  %s", left);
  if (used + 1 < HELP_AT)
    printf("%*s", HELP_AT - used, "");
  else
    start_line(HELP_AT);
  args_print_wrapped(help, HELP_AT, HELP_AT);
}

static void print_row(const arg_spec *spec, const void *options) {
  char left[80], help[1024];
  snprintf(left, sizeof left, "--%s%s%s", spec->name, spec->value ? " " : "", spec->value ? spec->value : "");
  explain(spec, options, help, sizeof help);
  print_option(left, help);
}

/* 1 if a row before this one has the same heading. */
static int is_later(const arg_spec *specs, int index) {
  for (int i = 0; i < index; i++)
    if (specs[i].kind != ARG_GROUP && strcmp(args_group(specs, i), args_group(specs, index)) == 0) return 1;
  return 0;
}

static void print_group(const arg_spec *specs, const char *group, const void *options) {
  printf("\n%s%s", group, group[0] ? ":\n" : "");
  for (int i = 0; specs[i].name[0]; i++)
    if (specs[i].kind != ARG_GROUP && strcmp(args_group(specs, i), group) == 0) print_row(&specs[i], options);
}

static void print_text(const arg_command *command, const void *options) {
  printf("usage: ");
  args_print_wrapped(command->usage, 7, 7);
  printf("\n");
  args_print_wrapped(command->about, 0, 0);
  for (int i = 0; command->specs[i].name[0]; i++)
    if (command->specs[i].kind != ARG_GROUP && !is_later(command->specs, i))
      print_group(command->specs, args_group(command->specs, i), options);
  printf("\n");
  print_option("--help", "print this text");
}

/* ---------------------------------------------------------------- rows */

static void print_rows(const arg_command *command, const void *options) {
  const arg_spec *specs = command->specs;
  for (int i = 0; specs[i].name[0]; i++) {
    char value[ARGS_VALUE] = "", cells[ARGS_CHOICES];
    if (specs[i].kind == ARG_GROUP) continue;
    if (specs[i].kind != ARG_FLAG) args_format(&specs[i], options, value);
    const char *choices = args_choices(&specs[i], cells);
    printf("%.*s\t%s\t%s\t%s\t%s\t%s\t%s\n", args_name_length(command->usage), command->usage,
           args_group(specs, i), specs[i].name, specs[i].value ? specs[i].value : "", choices ? choices : "",
           value, specs[i].help);
  }
}

/* ---------------------------------------------------------------- by name */

int args_help(const arg_command *command, const void *options, const char *format) {
  const int length = args_name_length(command->usage);
  if (strcmp(format, "text") == 0)
    print_text(command, options);
  else if (strcmp(format, "rows") == 0)
    print_rows(command, options);
  else if (!args_complete(command->usage, length, command->specs, format))
    return cli_usage("--help: is \"%.20s\"; it must be one of text, rows, bash, zsh, fish", format);
  return CLI_OK;
}
