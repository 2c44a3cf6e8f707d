/* charlm_file.c - writing and reading checkpoints of the language model (charlm_file.h). */
#include "host/cli/charlm_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char charlm_format[] = "seqgpu charlm 1";

/* From malloc, NULL when out of memory. */
static char *join_lines(const arg_list *list) {
  size_t size = 1;
  for (int i = 0; i < list->count; i++) size += strlen(list->item[i]) + 1;
  char *text = calloc(size, 1);
  for (int i = 0; text && i < list->count; i++) {
    if (i > 0) strcat(text, "\n");
    strcat(text, list->item[i]);
  }
  return text;
}

int charlm_open_texts(const seqgpu_checkpoint *file, arg_list *out, char **memory) {
  const char *text = seqgpu_checkpoint_meta(file, "text");
  out->count = 0;
  *memory = malloc(text ? strlen(text) + 1 : 1);
  if (*memory == NULL) return cli_error("out of memory");
  if (text == NULL) return CLI_OK;
  strcpy(*memory, text);
  for (char *line = strtok(*memory, "\n"); line && out->count < ARGS_LIST; line = strtok(NULL, "\n"))
    out->item[out->count++] = line;
  return CLI_OK;
}

seqgpu_status charlm_save(const charlm *m, const vocabulary *v, const config_cursor *cursor, int64_t epoch,
                          const arg_list *texts, const char *path) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_meta meta;
  char epochs[24];
  charlm_join_specs(specs, 0);
  config_write(&meta, charlm_format, specs, &m->config, cursor);
  snprintf(epochs, sizeof epochs, "%" PRId64, epoch);
  char *tokens = vocab_write(v);
  char *names = join_lines(texts);
  if (tokens == NULL || names == NULL) {
    free(tokens);
    free(names);
    return cli_no_memory();
  }
  config_add(&meta, "epoch", epochs);
  config_add(&meta, "vocabulary", tokens);
  config_add(&meta, "text", names);
  const seqgpu_status status = seqgpu_checkpoint_save(m->params, path, meta.meta, meta.count);
  free(tokens);
  free(names);
  return status;
}

/* Config and vocabulary, from the file or, where it does not say them, from the command line. */
static int read_meta(const seqgpu_checkpoint *file, const char *path, const foreign_model *foreign,
                     charlm_config *config, vocabulary *v) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_cursor unused;
  charlm_join_specs(specs, 0);
  if (foreign && !config_is_of(file, charlm_format)) {
    *config = foreign->config;
    return foreign_vocabulary(foreign, path, v);
  }
  if (!config_is_of(file, charlm_format))
    return cli_error("%s: is not a checkpoint of seqgpu train charlm", path);
  CLI_TRY(config_read(file, path, specs, config, &unused));
  if (foreign) CLI_TRY(foreign_check(foreign, path, config));
  return charlm_open_vocab(file, config, v);
}

int charlm_open_vocab(const seqgpu_checkpoint *file, const charlm_config *config, vocabulary *out) {
  const char *line = seqgpu_checkpoint_meta(file, "vocabulary");
  if (line == NULL) return cli_error("vocabulary: is missing from the checkpoint");
  return vocab_read(line, text_token_kind(config->tokens), out);
}

int charlm_load(seqgpu_context *ctx, const char *path, const how_options *how, const foreign_model *foreign,
                int64_t T, int64_t B, int training, charlm *m, vocabulary *v) {
  seqgpu_checkpoint *file;
  charlm_config config = charlm_defaults;
  *m = (charlm){.ctx = ctx};
  *v = (vocabulary){.unknown = -1};
  if (seqgpu_checkpoint_open(ctx, path, &file) != SEQGPU_OK) return cli_library_error(ctx);
  int code = read_meta(file, path, foreign, &config, v);
  config.model.how = *how;
  config.model.shards = 0;
  if (code == CLI_OK)
    code = charlm_create(ctx, &config, v->size, T, B, training, (weights_source){file, 0}, m);
  if (code == CLI_OK && seqgpu_checkpoint_load(file, m->params, 0) != SEQGPU_OK)
    code = cli_library_error(ctx);
  seqgpu_checkpoint_close(file);
  if (code == CLI_OK) return CLI_OK;
  charlm_destroy(m);
  vocab_free(v);
  return code;
}
