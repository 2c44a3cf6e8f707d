/* caption_use.c - `seqgpu caption`: pictures in, a line of text each out (caption_model.h).
 *
 * A search keeps no attention of all patches: the weights of --svg come from one more run of the decoder over
 * each caption.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/network.h"
#include "host/cli/tasks/caption_use.h"
#include "host/cli/whole_file.h"
#include "host/data/caption_picture.h"

const arg_spec caption_use_specs[] = {
    CAPTION_SEARCH_ROWS,
    ROW_TEXT("svg", offsetof(caption_options, svg), "FILE",
             "also a picture of what each word of the captions looks at"),
    ROW_END,
};

/* ---------------------------------------------------------------- printing */

static const vocab_token *word_of(const caption_app *a, int64_t i, int64_t t) {
  return &a->words.tokens[a->answers.word[i * a->answers.most + t]];
}

static void print_words(const caption_app *a, int64_t i, int json) {
  for (int64_t t = 0; t < a->answers.length[i]; t++) {
    const vocab_token *w = word_of(a, i, t);
    if (t > 0) printf(json ? ", " : " ");
    if (json)
      json_string(stdout, w->text, w->length);
    else
      printf("%.*s", (int)w->length, w->text);
  }
}

static void print_one(const caption_app *a, int64_t i, const char *file) {
  if (!a->base.options->run.common.json) {
    print_words(a, i, 0);
    printf("\n");
    return;
  }
  printf("{\"file\": ");
  json_string(stdout, file, strlen(file));
  printf(", \"caption\": [");
  print_words(a, i, 1);
  printf("]");
  json_number(stdout, ", \"score\": ", 6, a->answers.score[i]);
  printf("}\n");
}

/* A file is a picture, or a number of scenes. */
static void print_all(const caption_app *a) {
  const arg_list *files = &a->base.options->files;
  int64_t i = 0;
  for (int k = 0; k < files->count; k++) {
    int64_t count = 1;
    int unseen;
    pictures_scenes(files->item[k], &count, &unseen);
    for (int64_t last = i + count; i < last; i++) print_one(a, i, files->item[k]);
  }
}

/* ---------------------------------------------------------------- the picture */

typedef struct maps {
  caption_map *map;
  float **weight;         /* [count] of each */
  sentences_piece *piece; /* [count,most] */
  int64_t count;
} maps;

/* Weights [T,P] of the words of caption i. */
static seqgpu_status read_weights(caption_app *a, const seqgpu_plan *decoder, int64_t i, float **out) {
  const caption_answers *s = &a->answers;
  const int32_t which = (int32_t)i;
  const int64_t T = s->length[i];
  picture_batch b;
  size_t room = 0;
  seqgpu_tensor *attention;
  int32_t *before = malloc((size_t)T * sizeof *before);
  if (before == NULL || !picture_set_batch(&a->val, &which, 1, &b)) {
    free(before);
    return cli_no_memory();
  }
  for (int64_t t = 0; t < T; t++) before[t] = t > 0 ? s->word[i * s->most + t - 1] : -1;
  b.words.target_len = T;
  b.words.before = before;
  seqgpu_status status = seqgpu_tape_clear(a->base.tape, 0);
  seqgpu_captioner_logits(a->model, a->base.tape, decoder, &b.words, &attention);
  free(before);
  if (status == SEQGPU_OK) status = seqgpu_tape_status(a->base.tape);
  return status == SEQGPU_OK ? app_read(attention, out, &room) : status;
}

static void set_map(const caption_app *a, int64_t i, maps *m) {
  const picture_form *f = &a->val.data.form;
  sentences_piece *word = m->piece + i * a->answers.most;
  for (int64_t t = 0; t < a->answers.length[i]; t++)
    word[t] = (sentences_piece){word_of(a, i, t)->text, (int32_t)word_of(a, i, t)->length};
  m->map[m->count++] =
      (caption_map){.side = f->side,
                    .pixel = f->side ? a->val.data.pixel + i * f->side * f->side * PICTURES_CHANNELS : NULL,
                    .rows = f->rows,
                    .columns = f->columns,
                    .word = word,
                    .words = a->answers.length[i],
                    .weight = m->weight[i]};
}

static seqgpu_status read_maps(caption_app *a, maps *m) {
  const caption_options *o = caption_options_of(&a->base);
  seqgpu_plan *decoder;
  seqgpu_status status =
      network_plan(a->base.ctx, &o->base.model, o->word_size, a->answers.most, 1, 0, &decoder);
  for (int64_t i = 0; status == SEQGPU_OK && i < a->val.data.count; i++) {
    if (a->answers.length[i] == 0) continue;
    status = read_weights(a, decoder, i, &m->weight[i]);
    if (status == SEQGPU_OK) set_map(a, i, m);
  }
  seqgpu_plan_destroy(decoder);
  return status;
}

static void write_svg(FILE *to, const void *self) {
  const maps *m = self;
  caption_picture(to, m->map, m->count);
}

static int draw(caption_app *a) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  const char *path = caption_options_of(&a->base)->svg;
  const size_t count = (size_t)a->val.data.count;
  int code;
  if (path == NULL) return CLI_OK;
  maps m = {calloc(count, sizeof *m.map), calloc(count, sizeof *m.weight),
            calloc(count, (size_t)a->answers.most * sizeof *m.piece), 0};
  if (!m.map || !m.weight || !m.piece)
    code = cli_error("out of memory");
  else if (read_maps(a, &m) != SEQGPU_OK)
    code = cli_library_error(a->base.ctx);
  else
    code = whole_file_make(path, write_svg, &m, &svg);
  for (size_t i = 0; m.weight && i < count; i++) free(m.weight[i]);
  free(m.map);
  free(m.weight);
  free(m.piece);
  return code;
}

/* ---------------------------------------------------------------- the command */

static seqgpu_status write_some(app *base, const int32_t *which, int64_t count) {
  caption_app *a = (caption_app *)base;
  picture_batch b;
  return picture_set_batch(&a->val, which, count, &b) ? caption_search(a, which, &b) : cli_no_memory();
}

int caption_use(app *base) {
  caption_app *a = (caption_app *)base;
  if (app_each_turn(base, &a->val.order, 0, NULL, write_some) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  CLI_TRY(draw(a));
  print_all(a);
  return CLI_OK;
}
