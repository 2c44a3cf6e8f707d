/* fuzz_vocabulary.c - vocabularies as they stand in checkpoints and in files of other programs; the first
 * byte says which, and of which tokens. */
#define _GNU_SOURCE
#include "host/cli/foreign.h"
#include "tests/fuzz/fuzz_file.h"

static int read_file(const uint8_t *data, size_t size, token_kind kind, vocabulary *out) {
  static const char *const names[] = {"bytes", "utf8", "words"};
  foreign_model model = FOREIGN_DEFAULTS;
  snprintf(model.config.tokens, sizeof model.config.tokens, "%s", names[kind]);
  model.vocabulary = fuzz_file(0, data, size);
  return foreign_vocabulary(&model, "fuzz", out);
}

static int read_line(const uint8_t *data, size_t size, token_kind kind, vocabulary *out) {
  char *line = fuzz_string(data, size);
  const int code = vocab_read(line, kind, out);
  free(line);
  return code;
}

static void use(const vocabulary *v) {
  char *text = vocab_write(v);
  int32_t *ids;
  int64_t count;
  fuzz_require(text != NULL);
  const text_file t = text_of(text);
  if (vocab_encode(v, &t, "fuzz", &ids, &count, NULL) == 0)
    for (int64_t i = 0; i < count; i++) vocab_print(v, i > 0 ? ids[i - 1] : -1, ids[i], fuzz_sink());
  free(ids);
  free(text);
}

FUZZ_TARGET(vocabulary) {
  const unsigned choice = fuzz_byte(&data, &size);
  const token_kind kind = (token_kind)(choice % 3);
  vocabulary v;
  const int status = choice & 0x80 ? read_file(data, size, kind, &v) : read_line(data, size, kind, &v);
  if (status != 0) return 0;
  use(&v);
  vocab_free(&v);
  return 0;
}
