/* frames_use.c - `seqgpu frames`: clips in, the labels of their frames and their directions out (frames.h).
 *
 * Clips are read in batches of near lengths, and printed in the order in which they were named.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/cli/task_learner.h"
#include "host/cli/tasks/frames.h"
#include "host/cli/whole_file.h"
#include "host/data/clip_picture.h"

#define FIELD(name) offsetof(frames_options, name)

const arg_spec frames_use_specs[] = {
    ROW_TEXT("svg", FIELD(svg), "FILE", "also a picture of all clips, with the labels of their frames"),
    ROW_END,
};

/* ---------------------------------------------------------------- watching */

/* The answer for clip i of a batch, of which there are `frames`. */
static seqgpu_status keep_answer(const frames_app *a, int64_t i, int64_t batch, int64_t frames,
                                 frames_answer *out) {
  const float *clip = a->clip_answer + i * CLIP_DIRECTIONS;
  out->motion = (int32_t)task_learner_class(clip, CLIP_DIRECTIONS);
  out->motion_chance = app_probability(clip, CLIP_DIRECTIONS, out->motion);
  out->label = malloc((size_t)frames * sizeof *out->label);
  out->chance = malloc((size_t)frames * sizeof *out->chance);
  if (out->label == NULL || out->chance == NULL) return cli_no_memory();
  for (int64_t t = 0; t < frames; t++) {
    const float *row = a->frame_answer + (t * batch + i) * a->classes;
    out->label[t] = (int32_t)task_learner_class(row, a->classes);
    out->chance[t] = app_probability(row, a->classes, out->label[t]);
  }
  return SEQGPU_OK;
}

static seqgpu_status watch_some(app *base, const int32_t *which, int64_t count) {
  frames_app *a = (frames_app *)base;
  clip_batch b;
  if (!clip_set_batch(&a->val, which, count, NULL, &b)) return cli_no_memory();
  LIB_TRY(frames_forward(a, a->val_plan, &b));
  LIB_TRY(frames_read_answers(a));
  for (int64_t i = 0; i < count; i++) LIB_TRY(keep_answer(a, i, count, b.lengths[i], &a->said[which[i]]));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- printing */

static void print_line(const frames_app *a, int64_t clip) {
  const frames_answer *said = &a->said[clip];
  for (int64_t t = 0; t < a->val.length[clip]; t++) printf("%d ", (int)said->label[t]);
  printf("%s %.4f\n", clip_direction[said->motion], (double)said->motion_chance);
}

static void print_json(const frames_app *a, int64_t clip) {
  const frames_answer *said = &a->said[clip];
  const char *file = a->base.options->files.item[clip];
  printf("{\"file\": ");
  json_string(stdout, file, strlen(file));
  printf(", \"direction\": \"%s\"", clip_direction[said->motion]);
  json_number(stdout, ", \"probability\": ", 6, (double)said->motion_chance);
  for (int64_t t = 0; t < a->val.length[clip]; t++)
    printf("%s%d", t > 0 ? ", " : ", \"frames\": [", (int)said->label[t]);
  for (int64_t t = 0; t < a->val.length[clip]; t++)
    json_number(stdout, t > 0 ? ", " : "], \"probabilities\": [", 6, (double)said->chance[t]);
  printf("]}\n");
}

/* ---------------------------------------------------------------- the picture */

static void draw_all(FILE *to, const void *self) {
  const frames_app *a = self;
  const clip_set *s = &a->val;
  const int64_t read = s->form.side / s->form.shrink;
  clip_picture_begin(to, s->longest, s->count);
  for (int64_t i = 0; i < s->count; i++)
    clip_picture_row(to, read, i, s->length[i], s->pixel + s->start[i] * read * read, a->said[i].label,
                     clip_direction[a->said[i].motion]);
  clip_picture_end(to);
}

/* ---------------------------------------------------------------- the command */

int frames_use(app *base) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  frames_app *a = (frames_app *)base;
  a->said = calloc((size_t)a->val.count, sizeof *a->said);
  if (a->said == NULL) return cli_error("out of memory");
  if (app_each_turn(base, &a->val.order, 1, NULL, watch_some) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  CLI_TRY(whole_file_make(frames_options_of(base)->svg, draw_all, a, &svg));
  for (int64_t i = 0; i < a->val.count; i++) {
    if (base->options->run.common.json)
      print_json(a, i);
    else
      print_line(a, i);
  }
  return CLI_OK;
}
