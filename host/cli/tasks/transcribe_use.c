/* transcribe_use.c - `seqgpu transcribe`: recordings in, a line of text each out (transcribe_model.h).
 *
 * Recordings are read in batches of near lengths, and printed in the order in which they were named.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/tasks/transcribe_use.h"
#include "host/cli/whole_file.h"
#include "host/data/speech_picture.h"

#define FIELD(name) offsetof(transcribe_options, name)

const arg_spec transcribe_eval_specs[] = {
    TRANSCRIBE_BEAM(ARG_NOT_KEPT),
    ROW_END,
};

const arg_spec transcribe_use_specs[] = {
    TRANSCRIBE_BEAM(ARG_NOT_KEPT),
    ROW_TEXT("svg", FIELD(svg), "FILE",
             "also a picture of the first: its features, and how probable each letter is at each step"),
    ROW_END,
};

/* ---------------------------------------------------------------- reading */

static seqgpu_status read_some(app *base, const int32_t *which, int64_t count) {
  transcribe_app *a = (transcribe_app *)base;
  speech_batch b;
  if (!speech_set_batch(&a->val, which, count, NULL, &b)) return cli_no_memory();
  LIB_TRY(transcribe_forward(a, a->val_plan, &b));
  LIB_TRY(transcribe_read_answer(a));
  for (int64_t i = 0; i < count; i++) {
    transcribe_line *l = &a->line[which[i]];
    LIB_TRY(transcribe_read_labels(a, &b, i, &l->count, &l->log_probability));
    l->label = malloc((size_t)(l->count + 1) * sizeof *l->label);
    if (l->label == NULL) return cli_no_memory();
    memcpy(l->label, a->read, (size_t)l->count * sizeof *l->label);
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- printing */

static const vocab_token *letter_of(const transcribe_app *a, int32_t label) {
  return &a->letters.tokens[label - 1];
}

static void print_line(const transcribe_app *a, const transcribe_line *l) {
  for (int64_t i = 0; i < l->count; i++) {
    const vocab_token *t = letter_of(a, l->label[i]);
    printf("%.*s", (int)t->length, t->text);
  }
  printf("\n");
}

/* The letters of a line, from malloc; NULL when out of memory. */
static char *letters_of(const transcribe_app *a, const transcribe_line *l, size_t *size) {
  *size = 0;
  for (int64_t i = 0; i < l->count; i++) *size += letter_of(a, l->label[i])->length;
  char *text = malloc(*size + 1), *at = text;
  for (int64_t i = 0; text && i < l->count; i++) {
    const vocab_token *t = letter_of(a, l->label[i]);
    memcpy(at, t->text, t->length);
    at += t->length;
  }
  return text;
}

static int print_json(const transcribe_app *a, const char *file, const transcribe_line *l) {
  size_t size;
  char *text = letters_of(a, l, &size);
  if (text == NULL) return cli_error("out of memory");
  printf("{\"file\": ");
  json_string(stdout, file, strlen(file));
  printf(", \"text\": ");
  json_string(stdout, text, size);
  if (transcribe_options_of(&a->base)->beam > 0)
    json_number(stdout, ", \"log_probability\": ", 6, l->log_probability);
  printf("}\n");
  free(text);
  return CLI_OK;
}

/* ---------------------------------------------------------------- the picture */

static const char *label_text(const void *self, int64_t label, int *size) {
  const vocab_token *t = letter_of(self, (int32_t)label);
  *size = (int)t->length;
  return t->text;
}

static void write_svg(FILE *to, const void *self) { speech_picture(to, self); }

/* Of the first recording, which is read once more, alone. */
static int draw(transcribe_app *a) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  const char *path = transcribe_options_of(&a->base)->svg;
  const int32_t first = 0;
  speech_batch b;
  int64_t frames;
  if (path == NULL) return CLI_OK;
  if (seqgpu_tape_clear(a->base.tape, 0) != SEQGPU_OK) return cli_library_error(a->base.ctx);
  if (!speech_set_batch(&a->val, &first, 1, NULL, &b)) return cli_error("out of memory");
  if (transcribe_forward(a, a->val_plan, &b) != SEQGPU_OK || transcribe_read_answer(a) != SEQGPU_OK)
    return cli_library_error(a->base.ctx);
  const float *frame = speech_set_frames(&a->val, &a->val.item[0], &frames);
  if (frame == NULL) return cli_error("out of memory");
  const speech_sheet sheet = {.frames = frames,
                              .bands = a->form.bands,
                              .frame = frame,
                              .steps = b.seq_len,
                              .stack = a->form.stack,
                              .labels = a->letters.size + 1,
                              .logits = a->answer,
                              .stride = a->letters.size + 1,
                              .text = label_text,
                              .self = a};
  return whole_file_make(path, write_svg, &sheet, &svg);
}

/* ---------------------------------------------------------------- the command */

int transcribe_use(app *base) {
  transcribe_app *a = (transcribe_app *)base;
  const app_options *o = base->options;
  a->line = calloc((size_t)a->val.items, sizeof *a->line);
  if (a->line == NULL) return cli_error("out of memory");
  if (app_each_turn(base, &a->val.order, 0, NULL, read_some) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  CLI_TRY(draw(a));
  for (int64_t i = 0; i < a->val.items; i++) {
    if (o->run.common.json)
      CLI_TRY(print_json(a, o->files.item[i], &a->line[i]));
    else
      print_line(a, &a->line[i]);
  }
  return CLI_OK;
}
