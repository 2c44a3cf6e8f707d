/* foreign.c - language models of other programs: their shape and their vocabulary (foreign.h). */
#include "host/cli/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/text.h"

static const arg_spec vocabulary_spec[] = {
    ROW_TEXT("vocabulary", offsetof(foreign_model, vocabulary), "FILE",
             "tokens in the order of their numbers, for a file that does not name them; %20 is a space"),
    ROW_END,
};

void foreign_join_specs(arg_spec table[ARGS_MAX], size_t shift) {
  arg_spec rows[ARGS_MAX] = {ROW_END}, one[2] = {ROW_END, ROW_END};
  charlm_join_specs(rows, shift + offsetof(foreign_model, config));
  for (int i = 0; rows[i].name[0]; i++) {
    if (rows[i].keep != ARG_KEEP_MODEL) continue;
    one[0] = rows[i];
    args_join(table, one, 0);
  }
  args_join(table, vocabulary_spec, shift);
}

int foreign_check(const foreign_model *model, const char *path, const charlm_config *stored) {
  arg_spec rows[ARGS_MAX] = {ROW_END};
  charlm_join_specs(rows, 0);
  if (model->vocabulary) return cli_error("--vocabulary: is given; %s has its own", path);
  for (int i = 0; rows[i].name[0]; i++) {
    char here[ARGS_VALUE], there[ARGS_VALUE], standard[ARGS_VALUE];
    args_format(&rows[i], &model->config, here);
    args_format(&rows[i], stored, there);
    args_format(&rows[i], &charlm_defaults, standard);
    if (rows[i].keep == ARG_KEEP_MODEL && strcmp(here, standard) != 0 && strcmp(here, there) != 0)
      return cli_error("--%s: is %s; %s was trained with %s", rows[i].name, here, path, there);
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- vocabularies */

/* All bytes as a line that vocab_read takes. */
static int all_bytes(vocabulary *out) {
  char line[256 * 4 + 1], *to = line;
  for (int i = 0; i < 256; i++) to += sprintf(to, i ? " %%%02X" : "%%%02X", i);
  return vocab_read(line, TOKEN_BYTES, out);
}

/* The text of a file as one line, with single spaces between its words. */
static char *one_line(const text_file *t) {
  char *line = malloc(t->size + 1), *to = line;
  for (size_t i = 0; line && i < t->size; i++) {
    const int blank = t->data[i] == 0 || strchr(" \t\r\n", t->data[i]) != NULL;
    if (!blank)
      *to++ = t->data[i];
    else if (to > line && to[-1] != ' ')
      *to++ = ' ';
  }
  if (line && to > line && to[-1] == ' ') to--;
  if (line) *to = 0;
  return line;
}

int foreign_vocabulary(const foreign_model *model, const char *path, vocabulary *out) {
  const token_kind kind = text_token_kind(model->config.tokens);
  text_file text;
  if (model->vocabulary == NULL && kind == TOKEN_BYTES) return all_bytes(out);
  if (model->vocabulary == NULL)
    return cli_error(
        "%s: is not a checkpoint of seqgpu train charlm; that of another program needs --cell, --hidden, "
        "--layers as they are, and --vocabulary FILE or --tokens bytes",
        path);
  CLI_TRY(text_read(model->vocabulary, &text));
  int code = text_check(&text, kind, model->vocabulary);
  char *line = one_line(&text);
  if (code == CLI_OK && line == NULL) code = cli_error("%s: out of memory", model->vocabulary);
  if (code == CLI_OK) code = vocab_read(line, kind, out);
  free(line);
  text_free(&text);
  return code;
}
