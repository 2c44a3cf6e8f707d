/* args_table.h - options as a table: one row per option.  The same row parses the option, explains it in
 * --help and in the man page, completes it in a shell, and writes it to the metadata of a checkpoint and
 * reads it from there.
 */
#ifndef ARGS_TABLE_H
#define ARGS_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
  ARGS_WORD = 32,
  ARGS_LINE = 256,
  ARGS_MAX = 160,
  ARGS_VALUE = ARGS_LINE,
  ARGS_LIST = 64,
  ARGS_CHOICES = 512
};

/* The values of an option that may be given more than once, in their order. */
typedef struct arg_list {
  const char *item[ARGS_LIST];
  int count;
} arg_list;

/* The type of the field in the options struct. */
typedef enum arg_kind {
  ARG_FLAG,   /* int, set to 1 */
  ARG_INT,    /* int64_t from min to max */
  ARG_REAL,   /* double from min to max */
  ARG_CHOICE, /* char[ARGS_WORD], one of choices "a|b|c" */
  ARG_ENUM,   /* an enum of the library: the position in choices */
  ARG_CELL,   /* char[ARGS_WORD], a cell of the library */
  ARG_WORD,   /* char[ARGS_WORD], checked by the command */
  ARG_LINE,   /* char[ARGS_LINE], checked by the command */
  ARG_TEXT,   /* const char *, as given */
  ARG_TEXTS,  /* arg_list; may be given more than once */
  ARG_GROUP   /* no option: the heading of the rows from here on */
} arg_kind;

/* Whether an option is kept in a checkpoint, and what may differ when training continues from one. */
typedef enum arg_keep {
  ARG_NOT_KEPT,
  ARG_KEEP_MODEL, /* the shape of the model: must be the same wherever the checkpoint is used */
  ARG_KEEP_RUN,   /* must be the same to resume */
  ARG_KEEP_FREE   /* a resumed run may change it */
} arg_keep;

typedef struct arg_spec {
  char name[ARGS_WORD]; /* without the dashes; args_join makes "factor-size" of "factor_size" */
  arg_kind kind;
  arg_keep keep;
  size_t offset; /* of the field */
  double min, max;
  const char *choices;
  const char *value; /* what --help calls the value */
  const char *help;
  const char *key; /* its name in metadata, and a second one on the command line; NULL = the name */
  int required;
} arg_spec;

/* ---- rows ----
 * `at` is the field's offset; a table ends with ROW_END. */
#define ROW_FLAG(name_, keep_, at, help_)                                                                    \
  { .name = name_, .kind = ARG_FLAG, .keep = keep_, .offset = at, .help = help_ }
#define ROW_INT(name_, keep_, at, min_, max_, value_, help_)                                                 \
  ROW_RANGE(ARG_INT, name_, keep_, at, min_, max_, value_, help_)
#define ROW_REAL(name_, keep_, at, min_, max_, value_, help_)                                                \
  ROW_RANGE(ARG_REAL, name_, keep_, at, min_, max_, value_, help_)
#define ROW_CHOICE(name_, keep_, at, choices_, value_, help_)                                                \
  {                                                                                                          \
    .name = name_, .kind = ARG_CHOICE, .keep = keep_, .offset = at, .choices = choices_, .value = value_,    \
    .help = help_                                                                                            \
  }
/* `choices_` in the order of the enum. */
#define ROW_ENUM(name_, keep_, at, choices_, value_, help_)                                                  \
  {                                                                                                          \
    .name = name_, .kind = ARG_ENUM, .keep = keep_, .offset = at, .choices = choices_, .value = value_,      \
    .help = help_                                                                                            \
  }
#define ROW_CELL(name_, keep_, at, help_)                                                                    \
  { .name = name_, .kind = ARG_CELL, .keep = keep_, .offset = at, .value = "CELL", .help = help_ }
#define ROW_WORD(name_, keep_, at, value_, help_)                                                            \
  { .name = name_, .kind = ARG_WORD, .keep = keep_, .offset = at, .value = value_, .help = help_ }
#define ROW_LINE(name_, keep_, at, value_, help_)                                                            \
  { .name = name_, .kind = ARG_LINE, .keep = keep_, .offset = at, .value = value_, .help = help_ }
/* "Network": the heading under which --help shows the rows that follow.  Rows of several tables may share
 * one. */
#define ROW_GROUP(name_)                                                                                     \
  { .name = name_, .kind = ARG_GROUP }
/* Files and texts are never kept.  The help of a required one says what it must name: "the model". */
#define ROW_TEXT(name_, at, value_, help_)                                                                   \
  { .name = name_, .kind = ARG_TEXT, .offset = at, .value = value_, .help = help_ }
#define ROW_REQUIRED_FILE(name_, at, help_)                                                                  \
  { .name = name_, .kind = ARG_TEXT, .offset = at, .value = "FILE", .help = help_, .required = 1 }
#define ROW_REQUIRED_FILES(name_, at, help_)                                                                 \
  { .name = name_, .kind = ARG_TEXTS, .offset = at, .value = "FILE", .help = help_, .required = 1 }
#define ROW_TEXTS(name_, at, value_, help_)                                                                  \
  { .name = name_, .kind = ARG_TEXTS, .offset = at, .value = value_, .help = help_ }
#define ROW_END                                                                                              \
  { .name = "" }

#define ROW_RANGE(kind_, name_, keep_, at, min_, max_, value_, help_)                                        \
  {                                                                                                          \
    .name = name_, .kind = kind_, .keep = keep_, .offset = at, .min = min_, .max = max_, .value = value_,    \
    .help = help_                                                                                            \
  }

/* ---- tables ---- */

/* Appends rows to a table, both ended by ROW_END; the fields of the rows lie `shift` bytes further on. */
void args_join(arg_spec table[ARGS_MAX], const arg_spec *rows, size_t shift);
/* Takes a row out. */
void args_drop(arg_spec table[ARGS_MAX], const char *name);

/* Index of the row with that name or key, -1 if there is none. */
int args_find(const arg_spec *specs, const char *name);

/* The heading of row `index`, "" without one. */
const char *args_group(const arg_spec *specs, int index);

/* What a row offers, as "a|b|c": its choices, or the cells of this build; NULL where any value may be
 * right. */
const char *args_choices(const arg_spec *spec, char cells[ARGS_CHOICES]);

/* What the option is called in metadata. */
const char *args_key(const arg_spec *spec);

/* Sets one field from text; 0, or CLI_USAGE after a sentence that begins with `who`. */
int args_set(const arg_spec *spec, const char *text, void *options, const char *who);

/* The field as text, from which args_set restores the same bits. */
void args_format(const arg_spec *spec, const void *options, char out[ARGS_VALUE]);

#endif
