/* options.c - the command line as a table (options.h). */
#include "bench/common/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bench_option bench_option_text(const char *name, const char **to) {
  return (bench_option){.name = name, .kind = BENCH_TEXT, .to = (void *)to};
}

bench_option bench_option_int(const char *name, int *to, int low, int high) {
  return (bench_option){.name = name, .kind = BENCH_INT, .to = to, .low = low, .high = high};
}

bench_option bench_option_int64(const char *name, int64_t *to, int64_t low, int64_t high) {
  return (bench_option){.name = name, .kind = BENCH_INT64, .to = to, .low = low, .high = high};
}

bench_option bench_option_number(const char *name, double *to) {
  return (bench_option){.name = name, .kind = BENCH_NUMBER, .to = to};
}

bench_option bench_option_flag(const char *name, int *to, int value) {
  return (bench_option){.name = name, .kind = BENCH_FLAG, .to = to, .flag = value};
}

/* ---------------------------------------------------------------- one option */

static int set_integer(const char *program, const bench_option *option, const char *text) {
  char *end;
  const long long value = strtoll(text, &end, 10);
  if (*text == 0 || *end != 0 || value < option->low || value > option->high) {
    fprintf(stderr, "%s: %s is %s; it must be a whole number from %lld to %lld\n", program, option->name,
            text, (long long)option->low, (long long)option->high);
    return 0;
  }
  if (option->kind == BENCH_INT)
    *(int *)option->to = (int)value;
  else
    *(int64_t *)option->to = value;
  return 1;
}

static int set_number(const char *program, const bench_option *option, const char *text) {
  char *end;
  *(double *)option->to = strtod(text, &end);
  if (*text != 0 && *end == 0) return 1;
  fprintf(stderr, "%s: %s is %s; it must be a number\n", program, option->name, text);
  return 0;
}

static int set_value(const char *program, const bench_option *option, const char *text) {
  if (option->kind == BENCH_NUMBER) return set_number(program, option, text);
  if (option->kind != BENCH_TEXT) return set_integer(program, option, text);
  *(const char **)option->to = text;
  return 1;
}

/* The row of this name; for an argument without dashes the `place`-th row without dashes. */
static const bench_option *find(const bench_option *table, int count, const char *argument, int *place) {
  const int named = strncmp(argument, "--", 2) == 0;
  int skip = *place;
  for (int i = 0; i < count; i++) {
    if (named && strcmp(table[i].name, argument) == 0) return &table[i];
    if (named || table[i].name[0] == '-' || skip-- > 0) continue;
    (*place)++;
    return &table[i];
  }
  return NULL;
}

/* How many arguments were used: 1 or 2, or 0 after a sentence. */
static int take(const char *program, const bench_option *table, int count, char **argv, int *place) {
  const bench_option *option = find(table, count, argv[0], place);
  if (option == NULL) {
    fprintf(stderr, "%s: %s is not an option of this program\n", program, argv[0]);
    return 0;
  }
  if (option->kind == BENCH_FLAG) {
    *(int *)option->to = option->flag;
    return 1;
  }
  if (option->name[0] != '-') return set_value(program, option, argv[0]);
  if (argv[1] == NULL) {
    fprintf(stderr, "%s: %s has no value\n", program, option->name);
    return 0;
  }
  return set_value(program, option, argv[1]) ? 2 : 0;
}

/* ---------------------------------------------------------------- all of them */

int bench_parse(const char *program, const char *usage, const bench_option *table, int count, int argc,
                char **argv) {
  int place = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") != 0) continue;
    fputs(usage, stdout);
    return BENCH_OK;
  }
  for (int i = 1; i < argc;) {
    const int used = take(program, table, count, argv + i, &place);
    if (used == 0) {
      fputs(usage, stderr);
      return BENCH_USAGE;
    }
    i += used;
  }
  return BENCH_GO_ON;
}

int bench_listed(const char *list, const char *name) {
  char word[64];
  if (list == NULL) return 1;
  while (bench_next_word(&list, word, (int)sizeof word))
    if (strcmp(word, name) == 0) return 1;
  return 0;
}

int bench_next_word(const char **list, char *word, int room) {
  const char *at = *list;
  if (*at == 0) return 0;
  const int length = (int)strcspn(at, ",");
  snprintf(word, (size_t)room, "%.*s", length, at);
  *list = at + length + (at[length] == ',');
  return 1;
}
