/* args_table.c - finding, setting and writing options by their table (args_table.h). */
#include "host/cli/args_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

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

void args_drop(arg_spec table[ARGS_MAX], const char *name) {
  for (int i = args_find(table, name); i >= 0 && table[i].name[0]; i++) table[i] = table[i + 1];
}

const char *args_key(const arg_spec *spec) { return spec->key ? spec->key : spec->name; }

int args_find(const arg_spec *specs, const char *name) {
  for (int i = 0; specs[i].name[0]; i++)
    if (specs[i].kind != ARG_GROUP && strcmp(specs[i].name, name) == 0) return i;
  for (int i = 0; specs[i].name[0]; i++)
    if (specs[i].kind != ARG_GROUP && strcmp(args_key(&specs[i]), name) == 0) return i;
  return -1;
}

const char *args_group(const arg_spec *specs, int index) {
  while (index >= 0 && specs[index].kind != ARG_GROUP) index--;
  return index >= 0 ? specs[index].name : "";
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

const char *args_choices(const arg_spec *spec, char cells[ARGS_CHOICES]) {
  if (spec->kind != ARG_CELL) return spec->choices;
  cells[0] = 0;
  seqgpu_cell_info cell;
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    const size_t used = strlen(cells);
    snprintf(cells + used, ARGS_CHOICES - used, "%s%s", i ? "|" : "", cell.name);
  }
  return cells;
}

static int set_int(const arg_spec *spec, const char *text, void *field, const char *who) {
  char *end;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (end == text || *end) return cli_usage("%s: is \"%.40s\"; it must be a whole number", who, text);
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
  const int room = spec->kind == ARG_LINE ? ARGS_LINE : ARGS_WORD;
  char cells[ARGS_CHOICES];
  const char *choices = args_choices(spec, cells);
  if (choices && choice_of(choices, text) < 0)
    return cli_usage("%s: is \"%.40s\"; it must be one of %s", who, text, choices);
  if (strlen(text) >= (size_t)room)
    return cli_usage("%s: is \"%.40s\"; it must be shorter than %d characters", who, text, room);
  strcpy(field, text);
  return CLI_OK;
}

static int set_enum(const arg_spec *spec, const char *text, void *field, const char *who) {
  const int choice = choice_of(spec->choices, text);
  if (choice < 0) return cli_usage("%s: is \"%.40s\"; it must be one of %s", who, text, spec->choices);
  *(int *)field = choice;
  return CLI_OK;
}

static int add_text(const char *text, arg_list *list, const char *who) {
  if (list->count == ARGS_LIST)
    return cli_usage("%s: is given more than %d times; it must be given at most so often", who, ARGS_LIST);
  list->item[list->count++] = text;
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
  case ARG_LINE:
    return set_word(spec, text, field, who);
  case ARG_TEXT:
    *(const char **)field = text;
    return CLI_OK;
  case ARG_TEXTS:
    return add_text(text, field, who);
  case ARG_GROUP:
    break;
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
  case ARG_LINE:
    snprintf(out, ARGS_VALUE, "%s", (const char *)field);
    return;
  case ARG_TEXT:
    snprintf(out, ARGS_VALUE, "%s", text ? text : "");
    return;
  case ARG_TEXTS:
  case ARG_GROUP:
    out[0] = 0;
    return;
  }
}
