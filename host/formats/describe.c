/* describe.c - a descriptor as a line of text, and back (describe.h). */
#include "host/formats/describe.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context/decimal.h"

typedef enum kind { KIND_SIZE, KIND_FLAG, KIND_ACTIVATION, KIND_SHARE } kind;

/* A field of the descriptor: its own name, and the key under which the program keeps it. */
typedef struct field {
  const char *name, *key;
  kind kind;
  size_t at;
} field;

#define FIELD(name, key, kind)                                                                               \
  { #name, key, kind, offsetof(seqgpu_rnn_desc, name) }
static const field fields[] = {
    FIELD(input_size, NULL, KIND_SIZE),     FIELD(hidden_size, "hidden", KIND_SIZE),
    FIELD(num_layers, "layers", KIND_SIZE), FIELD(bidirectional, NULL, KIND_FLAG),
    FIELD(reverse, NULL, KIND_FLAG),        FIELD(merge, NULL, KIND_FLAG),
    FIELD(batch_first, NULL, KIND_FLAG),
#define OPTION(BIT, field, kind, least, most, refusal, key, ...) FIELD(field, key, KIND_##kind),
#include "core/options.def"
#undef OPTION
};
enum { FIELDS = sizeof fields / sizeof fields[0], WORD = 64 };

_Static_assert(sizeof(seqgpu_activation) == sizeof(int) && sizeof(seqgpu_merge) == sizeof(int),
               "fields that are enums are read and written as int");

static const char *const activations[] = {"tanh", "relu", "sigmoid", "identity"};
enum { ACTIVATIONS = sizeof activations / sizeof activations[0] };

/* ---------------------------------------------------------------- writing */

/* The field as text; 0 where it has the value 0, which is left out. */
static int show(const field *f, const seqgpu_rnn_desc *desc, char out[WORD]) {
  const char *at = (const char *)desc + f->at;
  const int number = f->kind == KIND_SIZE || f->kind == KIND_SHARE ? 0 : *(const int *)at;
  if (f->kind == KIND_SIZE) {
    snprintf(out, WORD, "%lld", (long long)*(const int64_t *)at);
    return *(const int64_t *)at != 0;
  }
  if (f->kind == KIND_SHARE) {
    sq_decimal_write(*(const double *)at, out);
    return *(const double *)at != 0;
  }
  if (f->kind == KIND_ACTIVATION) /* one of them: it is a plan's */
    snprintf(out, WORD, "%s", activations[number]);
  else
    snprintf(out, WORD, "%d", number);
  return number != 0;
}

seqgpu_status sq_describe(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, char *text, size_t size) {
  char word[WORD];
  int used = snprintf(text, size, "cell=%s", desc->cell);
  for (int i = 0; i < FIELDS && (size_t)used < size; i++)
    if (show(&fields[i], desc, word))
      used += snprintf(text + used, size - (size_t)used, " %s=%s", fields[i].name, word);
  if ((size_t)used < size) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "describe: text has %zu bytes; the description needs more, 512 are enough", size);
}

/* ---------------------------------------------------------------- reading */

/* A whole number from 0 to `most`; a larger one than there are comes as the largest. */
static int whole(const char *text, int64_t most, int64_t *out) {
  char *end;
  if (text[0] < '0' || text[0] > '9') return 0;
  *out = strtoll(text, &end, 10);
  return *end == 0 && *out <= most;
}

static int set(const field *f, const char *text, seqgpu_rnn_desc *desc) {
  char *at = (char *)desc + f->at;
  int64_t value = 0;
  if (f->kind == KIND_SIZE) return whole(text, INT32_MAX, (int64_t *)at);
  if (f->kind == KIND_SHARE) return sq_decimal_read(text, (double *)at);
  if (f->kind == KIND_ACTIVATION) {
    while (value < ACTIVATIONS && strcmp(activations[value], text) != 0) value++;
    if (value == ACTIVATIONS) return 0;
  } else if (!whole(text, 1, &value)) {
    return 0;
  }
  *(int *)at = (int)value;
  return 1;
}

static seqgpu_status set_cell(seqgpu_context *ctx, const char *path, const char *name,
                              seqgpu_rnn_desc *desc) {
  seqgpu_cell_info cell;
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++)
    if (strcmp(cell.name, name) == 0) return desc->cell = cell.name, SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                 "%s: its metadata name the cell \"%.40s\", which this library lacks", path, name);
}

static seqgpu_status read_word(seqgpu_context *ctx, const char *path, char *word, seqgpu_rnn_desc *desc) {
  char *value = strchr(word, '=');
  if (value == NULL)
    return sq_fail(ctx, SEQGPU_EFORMAT, "%s: its metadata have \"%.60s\" where FIELD=VALUE must be", path,
                   word);
  *value++ = 0;
  if (strcmp(word, "cell") == 0) return set_cell(ctx, path, value, desc);
  for (int i = 0; i < FIELDS; i++) {
    if (strcmp(fields[i].name, word) != 0) continue;
    if (set(&fields[i], value, desc)) return SEQGPU_OK;
    return sq_fail(ctx, SEQGPU_EFORMAT, "%s: its metadata say %.40s=%.40s, which is no value of that field",
                   path, word, value);
  }
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                 "%s: its metadata have the field \"%.40s\"; it needs a newer library", path, word);
}

seqgpu_status sq_describe_read(seqgpu_context *ctx, const char *path, const char *text,
                               seqgpu_rnn_desc *desc) {
  char word[128];
  *desc = (seqgpu_rnn_desc){.cell = NULL};
  for (const char *end; *text; text = *end ? end + 1 : end) {
    end = text + strcspn(text, " ");
    if ((size_t)(end - text) >= sizeof word)
      return sq_fail(ctx, SEQGPU_EFORMAT, "%s: its metadata have a word of %zu bytes", path,
                     (size_t)(end - text));
    snprintf(word, sizeof word, "%.*s", (int)(end - text), text);
    SQ_TRY(read_word(ctx, path, word, desc));
  }
  if (desc->cell) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EFORMAT, "%s: its metadata describe a network without a cell", path);
}

seqgpu_status sq_describe_read_config(seqgpu_context *ctx, const char *path, const seqgpu_checkpoint *file,
                                      seqgpu_rnn_desc *desc) {
  const char *cell = seqgpu_checkpoint_meta(file, "cell");
  *desc = (seqgpu_rnn_desc){.cell = NULL};
  if (cell == NULL) return sq_fail(ctx, SEQGPU_EFORMAT, "%s: its metadata name no cell", path);
  SQ_TRY(set_cell(ctx, path, cell, desc));
  for (int i = 0; i < FIELDS; i++) {
    const char *value = fields[i].key ? seqgpu_checkpoint_meta(file, fields[i].key) : NULL;
    if (value && !set(&fields[i], value, desc))
      return sq_fail(ctx, SEQGPU_EFORMAT, "%s: its metadata say \"%s\" is \"%.40s\", which is no value of it",
                     path, fields[i].key, value);
  }
  return SEQGPU_OK;
}
