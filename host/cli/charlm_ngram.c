/* charlm_ngram.c - n-grams beside a language model, and both together (charlm_ngram.h). */
#include "host/cli/charlm_ngram.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- the text of training */

static int read_text(const seqgpu_checkpoint *file, const char *path, const vocabulary *v,
                     charlm_training *out) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  charlm_config config = charlm_defaults;
  config_cursor cursor;
  arg_list names;
  char *memory;
  text_file text;
  charlm_join_specs(specs, 0);
  CLI_TRY(config_read(file, path, specs, &config, &cursor));
  CLI_TRY(charlm_open_texts(file, &names, &memory));
  int code = names.count > 0 ? text_load(&names, v->kind, &text)
                             : cli_error("--ngram: %s does not say what it was trained on", path);
  if (code == CLI_OK) {
    if (cursor.data_hash != text.hash || cursor.data_size != (int64_t)text.size)
      code = cli_error("%s: is not the text that %s was trained on, and n-grams are counted in that",
                       names.item[0], path);
    else
      code = vocab_encode(v, &text, names.item[0], &out->ids, &out->count, NULL);
    out->val_count = charlm_val_count(&config, out->count);
    text_free(&text);
  }
  free(memory);
  return code;
}

int charlm_training_open(seqgpu_context *ctx, const char *path, const vocabulary *v, charlm_training *out) {
  seqgpu_checkpoint *file;
  *out = (charlm_training){.ids = NULL};
  if (seqgpu_checkpoint_open(ctx, path, &file) != SEQGPU_OK) return cli_library_error(ctx);
  const int code = config_is_of(file, charlm_format)
                       ? read_text(file, path, v, out)
                       : cli_error("--ngram: %s does not say what it was trained on", path);
  seqgpu_checkpoint_close(file);
  return code;
}

/* ---------------------------------------------------------------- losses */

void charlm_ngram_losses(const kneser_ney *ngrams, const int32_t *ids, int64_t count, float *each) {
  for (int64_t i = 1; i < count; i++)
    each[i - 1] = (float)-log(kneser_ney_probability(ngrams, ids, i, ids[i]));
}

double charlm_mean(const float *each, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)each[i];
  return sum / (double)count;
}

double charlm_mixed(const float *model, const float *ngrams, int64_t count, double share) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum -= log((1 - share) * exp(-(double)model[i]) + share * exp(-(double)ngrams[i]));
  return sum / (double)count;
}

/* How the logarithm of the probability rises with the share; it falls as the share grows. */
static double slope(const float *model, const float *ngrams, int64_t count, double share) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const double p = exp(-(double)model[i]), q = exp(-(double)ngrams[i]), both = (1 - share) * p + share * q;
    if (both > 0) sum += (q - p) / both;
  }
  return sum;
}

double charlm_best_share(const float *model, const float *ngrams, int64_t count) {
  double low = 0, high = 1;
  while (high - low > 1e-6) {
    const double middle = (low + high) / 2;
    if (slope(model, ngrams, count, middle) > 0)
      low = middle;
    else
      high = middle;
  }
  return (low + high) / 2;
}
