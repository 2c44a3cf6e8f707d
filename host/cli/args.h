/* args.h - the command line as a table: one row an option, which is parsed, explained by --help, and written to and
 * read from the metadata of a checkpoint by the same row.
 */
#ifndef ARGS_H
#define ARGS_H

#include <stddef.h>
#include <stdint.h>

enum { ARGS_WORD = 32, ARGS_MAX = 64, ARGS_VALUE = 64 };

/* The type of the field in the options struct. */
typedef enum arg_kind {
  ARG_FLAG,   /* int, set to 1 */
  ARG_INT,    /* int64_t from min to max */
  ARG_REAL,   /* double from min to max */
  ARG_CHOICE, /* char[ARGS_WORD], one of choices "a|b|c" */
  ARG_ENUM,   /* an enum of the library: the position in choices */
  ARG_CELL,   /* char[ARGS_WORD], a cell of the library */
  ARG_WORD,   /* char[ARGS_WORD], checked by the command */
  ARG_TEXT    /* const char *, as given */
} arg_kind;

/* Whether an option is kept in a checkpoint, and what may differ when training goes on from one. */
typedef enum arg_keep {
  ARG_NOT_KEPT,
  ARG_KEEP_MODEL, /* the shape of the model: must be the same in any use of the checkpoint */
  ARG_KEEP_RUN,   /* must be the same to resume */
  ARG_KEEP_FREE   /* a resumed run may change it */
} arg_keep;

typedef struct arg_spec {
  const char *name; /* without the dashes */
  arg_kind kind;
  arg_keep keep;
  size_t offset; /* of the field */
  double min, max;
  const char *choices;
  const char *value; /* what --help calls the value */
  const char *help;
} arg_spec;

/* A command: its options end with a row without a name. */
typedef struct arg_command {
  const char *usage; /* "seqgpu eval --checkpoint FILE --text FILE [options]" */
  const char *about;
  const arg_spec *specs;
} arg_command;

enum { ARGS_GO_ON = -1 };

/* Fills *options, which holds the defaults; given[i] becomes 1 for each option that was there.  Returns ARGS_GO_ON, or
 * the exit code: 0 after --help, 2 after a sentence on what is wrong. */
int args_parse(const arg_command *command, int argc, char **argv, void *options, unsigned char *given);

/* Sets one field from text; 0, or CLI_USAGE after saying what is wrong. `where` begins the sentence. */
int args_set(const arg_spec *spec, const char *text, void *options, const char *where);

/* The field as text, such that args_set gives the same bits. */
void args_format(const arg_spec *spec, const void *options, char out[ARGS_VALUE]);

/* Appends the rows to a table that ends with a row without a name; their fields lie `shift` bytes further on. */
void args_join(arg_spec table[ARGS_MAX], const arg_spec *rows, size_t shift);

/* Index of a row, -1 if there is none. */
int args_find(const arg_spec *specs, const char *name);

#endif
