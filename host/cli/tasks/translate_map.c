/* translate_map.c - see translate_map.h.
 *
 * A search keeps where each word attends most, and no more: the whole weights come from one more run of the
 * decoder over each answer.
 */
#include "host/cli/tasks/translate_map.h"

#include <stdlib.h>

#include "host/cli/network.h"
#include "host/cli/whole_file.h"
#include "host/data/attention_picture.h"

typedef struct maps {
  attention_map *map;
  float **weight; /* [count] of each */
  int64_t count;
} maps;

/* Each row from its end: the source was read so. */
static void turn_rows(float *row, int64_t T, int64_t S) {
  for (int64_t t = 0; t < T; t++, row += S)
    for (int64_t k = 0; k < S / 2; k++) {
      const float first = row[k];
      row[k] = row[S - 1 - k];
      row[S - 1 - k] = first;
    }
}

/* Weights [T,S] of the words of answer i, in the order of the source; NULL where there is nothing to show. */
static seqgpu_status read_weights(pair_app *a, const seqgpu_plan *decoder, int64_t i, float **out) {
  const pair_answers *s = &a->answers;
  const int32_t which = (int32_t)i;
  const int64_t T = s->length[i], S = a->val.source.length[i];
  pair_batch b;
  size_t room = 0;
  seqgpu_tensor *attention;
  *out = NULL;
  if (T == 0 || S == 0) return SEQGPU_OK;
  int32_t *before = malloc((size_t)T * sizeof *before);
  if (before == NULL || !pair_set_batch(&a->val, &which, 1, &b)) {
    free(before);
    return cli_no_memory();
  }
  for (int64_t t = 0; t < T; t++) before[t] = t > 0 ? s->word[s->start[i] + t - 1] : -1;
  b.words.target_len = T;
  b.words.before = before;
  seqgpu_status status = seqgpu_tape_clear(a->base.tape, 0);
  seqgpu_translator_logits(a->model, a->base.tape, a->val_plans.encoder, decoder, &b.words, &attention);
  free(before);
  if (status == SEQGPU_OK) status = seqgpu_tape_status(a->base.tape);
  if (status == SEQGPU_OK) status = app_read(attention, out, &room);
  if (status == SEQGPU_OK && *out && a->val.backwards) turn_rows(*out, T, S);
  return status;
}

/* A plan for the longest answer, by itself. */
static seqgpu_status plan_answers(const pair_app *a, seqgpu_plan **out) {
  const pair_options *o = pair_options_of(&a->base);
  int64_t longest = 1;
  for (int64_t i = 0; i < a->val.text.source.count; i++)
    if (a->answers.length[i] > longest) longest = a->answers.length[i];
  return network_plan(a->base.ctx, &o->base.model, o->word_size, longest, 1, 0, out);
}

static seqgpu_status read_maps(pair_app *a, const sentences *answers, maps *m) {
  const sentences *source = &a->val.text.source;
  seqgpu_plan *decoder;
  seqgpu_status status = plan_answers(a, &decoder);
  for (int64_t i = 0; status == SEQGPU_OK && i < source->count; i++) {
    status = read_weights(a, decoder, i, &m->weight[i]);
    if (m->weight[i] == NULL) continue;
    m->map[m->count++] = (attention_map){.source = source->word + source->start[i],
                                         .target = answers->word + answers->start[i],
                                         .sources = pairs_length(source, i),
                                         .targets = pairs_length(answers, i),
                                         .weight = m->weight[i]};
  }
  seqgpu_plan_destroy(decoder);
  return status;
}

static void write_svg(FILE *to, const void *self) {
  const maps *m = self;
  attention_picture(to, m->map, m->count);
}

int translate_map(pair_app *a, const sentences *answers, const char *path) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  const int64_t count = a->val.text.source.count;
  int code;
  if (path == NULL) return CLI_OK;
  maps m = {calloc((size_t)count + 1, sizeof *m.map), calloc((size_t)count + 1, sizeof *m.weight), 0};
  if (!m.map || !m.weight)
    code = cli_error("out of memory");
  else if (read_maps(a, answers, &m) != SEQGPU_OK)
    code = cli_library_error(a->base.ctx);
  else
    code = whole_file_make(path, write_svg, &m, &svg);
  for (int64_t i = 0; m.weight && i < count; i++) free(m.weight[i]);
  free(m.map);
  free(m.weight);
  return code;
}
