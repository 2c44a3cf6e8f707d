/* charlm_file.c - checkpoints of the language model: what stands in the metadata beside the tensors (charlm.h).
 *
 *   format       "seqgpu charlm 1"
 *   cell ... lr-decay-after   the options, one key a row of the table (config.h)
 *   vocabulary   the tokens in the order of their numbers (vocab.h)
 *   step, epoch, data_size, data_hash   where training stands, and on which text
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/charlm.h"

const char charlm_format[] = "seqgpu charlm 1";

seqgpu_status charlm_save(const charlm *m, const vocabulary *v, const config_cursor *cursor, int64_t epoch,
                          const char *path) {
  arg_spec specs[ARGS_MAX] = {{.name = NULL}};
  config_meta meta;
  char epochs[24];
  charlm_join_specs(specs, 0);
  config_write(&meta, charlm_format, specs, &m->config, cursor);
  snprintf(epochs, sizeof epochs, "%" PRId64, epoch);
  char *tokens = vocab_write(v);
  if (tokens == NULL) return SEQGPU_ENOMEM;
  config_add(&meta, "epoch", epochs);
  config_add(&meta, "vocabulary", tokens);
  const seqgpu_status status = seqgpu_checkpoint_save(m->params, path, meta.meta, meta.count);
  free(tokens);
  return status;
}

int charlm_open(seqgpu_context *ctx, const char *path, seqgpu_checkpoint **file, charlm_config *config,
                config_cursor *cursor, int *is_charlm) {
  if (seqgpu_checkpoint_open(ctx, path, file) != SEQGPU_OK) return cli_library_error(ctx);
  arg_spec specs[ARGS_MAX] = {{.name = NULL}};
  charlm_join_specs(specs, 0);
  *is_charlm = config_is_of(*file, charlm_format);
  const int code = *is_charlm ? config_read(*file, path, specs, config, cursor) : CLI_OK;
  if (code == CLI_OK) return CLI_OK;
  seqgpu_checkpoint_close(*file);
  *file = NULL;
  return code;
}

int charlm_open_vocab(const seqgpu_checkpoint *file, const charlm_config *config, vocabulary *out) {
  const char *line = seqgpu_checkpoint_meta(file, "vocabulary");
  if (line == NULL) return cli_error("the checkpoint has no vocabulary");
  return vocab_read(line, text_token_kind(config->tokens), out);
}

int charlm_load(seqgpu_context *ctx, const char *path, int64_t T, int64_t B, int training, charlm *m,
                vocabulary *v, config_cursor *cursor) {
  seqgpu_checkpoint *file;
  charlm_config config = charlm_defaults;
  int is_charlm;
  *m = (charlm){.ctx = ctx};
  *v = (vocabulary){.unknown = -1};
  CLI_TRY(charlm_open(ctx, path, &file, &config, cursor, &is_charlm));
  int code = is_charlm ? CLI_OK : cli_error("%s: is not a model of seqgpu train charlm", path);
  if (code == CLI_OK) code = charlm_open_vocab(file, &config, v);
  if (code == CLI_OK) code = charlm_create(ctx, &config, v->size, T, B, training, m);
  if (code == CLI_OK && seqgpu_checkpoint_load(file, m->params, 0) != SEQGPU_OK)
    code = cli_library_error(ctx);
  seqgpu_checkpoint_close(file);
  if (code == CLI_OK) return CLI_OK;
  charlm_destroy(m);
  vocab_free(v);
  return code;
}
