/* fuzz_config.c - the metadata of checkpoints as the program reads them: options, cursor, vocabulary, names
 * of texts.  The first byte chooses the task and whether the run is resumed, then each line is KEY=VALUE. */
#define _GNU_SOURCE
#include "host/context/json.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/fuzz_tasks.h"

enum { FORM = SQ_JSON_CHARACTER, PREFIX = 8 };

/* A string of JSON. */
static char *put_string(char *to, const char *text, size_t size) {
  *to++ = '"';
  for (size_t taken; size > 0; text += taken, size -= taken) {
    char form[SQ_JSON_CHARACTER];
    const size_t length = sq_json_character(text, size, form, &taken);
    memcpy(to, form, length);
    to += length;
  }
  *to++ = '"';
  return to;
}

/* "KEY=VALUE" as two strings; a line without a value gets an empty one. */
static char *put_line(char *to, const char *line, size_t size) {
  const char *equals = memchr(line, '=', size);
  const size_t key = equals ? (size_t)(equals - line) : size;
  to = put_string(to, line, key);
  *to++ = ':';
  return put_string(to, equals ? equals + 1 : line, equals ? size - key - 1 : 0);
}

/* A checkpoint without tensors whose metadata are the lines of a text. */
static const char *make_file(const char *text) {
  const size_t room = strlen(text) * (FORM + 6) + 64;
  char *bytes = malloc(room), *to = bytes + PREFIX;
  fuzz_require(bytes != NULL);
  to += sprintf(to, "{\"__metadata__\":{");
  for (const char *line = text; *line;) {
    const size_t size = strcspn(line, "\n");
    if (line > text) *to++ = ',';
    to = put_line(to, line, size);
    line += size + (line[size] == '\n');
  }
  to += sprintf(to, "}}");
  const uint64_t header = (uint64_t)(to - bytes - PREFIX);
  memcpy(bytes, &header, sizeof header);
  const char *path = fuzz_file(0, (const uint8_t *)bytes, (size_t)(to - bytes));
  free(bytes);
  return path;
}

static void plan(seqgpu_context *ctx, const model_config *c) {
  seqgpu_plan *plan;
  if (fuzz_said(ctx, network_plan(ctx, c, 3, c->rnn.seq_len, c->rnn.batch, 1, &plan)))
    seqgpu_plan_destroy(plan);
}

static void read_language(const seqgpu_checkpoint *file, const charlm_config *config) {
  arg_list texts;
  char *memory;
  vocabulary v;
  if (charlm_open_texts(file, &texts, &memory) == 0)
    for (int i = 0; i < texts.count; i++) fuzz_require(strlen(texts.item[i]) > 0);
  free(memory);
  if (charlm_open_vocab(file, config, &v) == 0) vocab_free(&v);
}

static void read_options(seqgpu_context *ctx, const seqgpu_checkpoint *file, const task_spec *task,
                         int resume) {
  arg_spec specs[ARGS_MAX];
  unsigned char given[ARGS_MAX] = {0};
  fuzz_options options, stored;
  config_cursor cursor = {.step = 0};
  double value;
  int64_t step;
  fuzz_join(task, specs);
  fuzz_defaults(task, &options);
  stored = options;
  config_read_measure(file, "fuzz", &step, &value);
  if (config_read(file, "fuzz", specs, &stored, &cursor) != 0) return;
  fuzz_require(cursor.step >= 0 && cursor.step <= CONFIG_MOST_STEPS && cursor.data_size >= 0);
  fuzz_require(config_merge(specs, given, &options, &stored, "fuzz", resume) == 0);
  model_config *model = fuzz_model(task, &options);
  if (config_check(model) != 0) return;
  config_learning_rate(model, cursor.step);
  plan(ctx, model);
  if (task == NULL) read_language(file, &options.charlm);
}

FUZZ_TARGET(config) {
  seqgpu_context *ctx = fuzz_context();
  const unsigned choice = fuzz_byte(&data, &size);
  char *text = fuzz_string(data, size);
  seqgpu_checkpoint *file;
  if (fuzz_said(ctx, seqgpu_checkpoint_open(ctx, make_file(text), &file)))
    read_options(ctx, file, fuzz_task(choice & 0x7f), (int)(choice >> 7));
  seqgpu_checkpoint_close(file);
  free(text);
  return 0;
}
