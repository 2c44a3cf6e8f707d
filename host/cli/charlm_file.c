/* charlm_file.c - checkpoints of the language model: what stands in the metadata beside the tensors (charlm.h).
 *
 *   format       "seqgpu charlm 1"
 *   cell ... lr-decay-after   the options, one key a row of charlm_specs
 *   vocabulary   the tokens in the order of their numbers (vocab.h)
 *   step, epoch, text_size, text_hash   where training stands, and on which text
 *
 * Nothing of when, where or how long: two runs that do the same make the same file, byte for byte.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "charlm.h"

static const char format_name[] = "seqgpu charlm 1";
enum { OTHER_KEYS = 6 };

seqgpu_status charlm_save(const charlm *m, const vocabulary *v, const charlm_progress *progress,
                          int64_t epoch, const char *path) {
  char values[ARGS_MAX][ARGS_VALUE];
  seqgpu_meta meta[ARGS_MAX + OTHER_KEYS];
  int n = 0;
  for (const arg_spec *spec = charlm_specs; spec->name; spec++, n++) {
    args_format(spec, &m->config, values[n]);
    meta[n] = (seqgpu_meta){spec->name, values[n]};
  }
  char step[24], epochs[24], size[24], hash[24];
  snprintf(step, sizeof step, "%" PRId64, progress->step);
  snprintf(epochs, sizeof epochs, "%" PRId64, epoch);
  snprintf(size, sizeof size, "%" PRId64, progress->text_size);
  snprintf(hash, sizeof hash, "%016" PRIx64, progress->text_hash);
  char *tokens = vocab_write(v);
  if (tokens == NULL) return SEQGPU_ENOMEM;
  const seqgpu_meta others[OTHER_KEYS] = {
      {"format", format_name}, {"step", step},      {"epoch", epochs},
      {"text_size", size},     {"text_hash", hash}, {"vocabulary", tokens},
  };
  memcpy(meta + n, others, sizeof others);
  const seqgpu_status status = seqgpu_checkpoint_save(m->params, path, meta, n + OTHER_KEYS);
  free(tokens);
  return status;
}

static int read_progress(const seqgpu_checkpoint *file, const char *path, charlm_progress *out) {
  const char *step = seqgpu_checkpoint_meta(file, "step"), *size = seqgpu_checkpoint_meta(file, "text_size");
  const char *hash = seqgpu_checkpoint_meta(file, "text_hash");
  if (step == NULL || size == NULL || hash == NULL || sscanf(step, "%" SCNd64, &out->step) != 1 ||
      sscanf(size, "%" SCNd64, &out->text_size) != 1 || sscanf(hash, "%" SCNx64, &out->text_hash) != 1 ||
      out->step < 0)
    return cli_error("%s: the checkpoint does not say where training stood", path);
  return CLI_OK;
}

static int read_config(const seqgpu_checkpoint *file, const char *path, charlm_config *out) {
  char where[160];
  snprintf(where, sizeof where, "%.150s: ", path);
  for (const arg_spec *spec = charlm_specs; spec->name; spec++) {
    const char *value = seqgpu_checkpoint_meta(file, spec->name);
    if (value == NULL) return cli_error("%s: the checkpoint has no \"%s\"", path, spec->name);
    if (args_set(spec, value, out, where)) return CLI_FAILED;
  }
  return CLI_OK;
}

int charlm_open(seqgpu_context *ctx, const char *path, seqgpu_checkpoint **file, charlm_config *config,
                charlm_progress *progress, int *is_charlm) {
  if (seqgpu_checkpoint_open(ctx, path, file) != SEQGPU_OK) return cli_library_error(ctx);
  const char *format = seqgpu_checkpoint_meta(*file, "format");
  *is_charlm = format && strcmp(format, format_name) == 0;
  int code = CLI_OK;
  if (*is_charlm) code = read_config(*file, path, config);
  if (*is_charlm && code == CLI_OK) code = read_progress(*file, path, progress);
  if (code) {
    seqgpu_checkpoint_close(*file);
    *file = NULL;
  }
  return code;
}

int charlm_open_vocab(const seqgpu_checkpoint *file, const charlm_config *config, vocabulary *out) {
  const char *line = seqgpu_checkpoint_meta(file, "vocabulary");
  if (line == NULL) return cli_error("the checkpoint has no vocabulary");
  return vocab_read(line, text_token_kind(config->tokens), out);
}

int charlm_load(seqgpu_context *ctx, const char *path, int64_t T, int64_t B, int training, charlm *m,
                vocabulary *v, charlm_progress *progress) {
  seqgpu_checkpoint *file;
  charlm_config config = charlm_defaults;
  int is_charlm;
  *m = (charlm){.ctx = ctx};
  *v = (vocabulary){.unknown = -1};
  CLI_TRY(charlm_open(ctx, path, &file, &config, progress, &is_charlm));
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
