/* frames_use.c - `seqgpu frames`: clips in, the labels of their frames and their directions out (frames_model.h).
 *
 * Clips are read in batches of near lengths, and printed in the order in which they were named.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/cli/task_learner.h"
#include "host/cli/tasks/frames_use.h"
#include "host/cli/whole_file.h"
#include "host/data/clip_picture.h"

#define FIELD(name) offsetof(frames_options, name)

const arg_spec frames_use_specs[] = {
    ROW_TEXT("svg", FIELD(svg), "FILE", "also a picture of all clips, with the labels of their frames"),
    ROW_END,
};

/* ---------------------------------------------------------------- watching */

/* The likeliest class of a row, and its probability. */
static void choose(const float *row, int64_t classes, int32_t *class, float *chance) {
  *class = (int32_t)task_learner_class(row, classes);
  *chance = app_probability(row, classes, *class);
}

/* Keeps the answers for clip number `clip`, which is the i-th of its batch. */
static void keep_answers(frames_app *a, int32_t clip, int64_t i, int64_t batch) {
  const int64_t first = a->val.start[clip];
  choose(a->clip_answer + i * CLIP_DIRECTIONS, CLIP_DIRECTIONS, &a->motion[clip], &a->motion_chance[clip]);
  for (int64_t t = 0; t < a->val.length[clip]; t++)
    choose(a->frame_answer + (t * batch + i) * a->classes, a->classes, &a->label[first + t],
           &a->chance[first + t]);
}

static seqgpu_status watch_some(app *base, const int32_t *which, int64_t count) {
  frames_app *a = (frames_app *)base;
  clip_batch b;
  if (!clip_set_batch(&a->val, which, count, NULL, &b)) return cli_no_memory();
  LIB_TRY(frames_forward(a, a->val_plan, &b));
  LIB_TRY(frames_read_answers(a));
  for (int64_t i = 0; i < count; i++) keep_answers(a, which[i], i, count);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- printing */

static void print_line(const frames_app *a, int64_t clip) {
  const int32_t *label = a->label + a->val.start[clip];
  for (int64_t t = 0; t < a->val.length[clip]; t++) printf("%d ", (int)label[t]);
  printf("%s %.4f\n", clip_direction[a->motion[clip]], (double)a->motion_chance[clip]);
}

static void print_json(const frames_app *a, int64_t clip) {
  const int64_t first = a->val.start[clip], frames = a->val.length[clip];
  const char *file = a->base.options->files.item[clip];
  printf("{\"file\": ");
  json_string(stdout, file, strlen(file));
  printf(", \"direction\": \"%s\"", clip_direction[a->motion[clip]]);
  json_number(stdout, ", \"probability\": ", 6, (double)a->motion_chance[clip]);
  for (int64_t t = 0; t < frames; t++)
    printf("%s%d", t > 0 ? ", " : ", \"frames\": [", (int)a->label[first + t]);
  for (int64_t t = 0; t < frames; t++)
    json_number(stdout, t > 0 ? ", " : "], \"probabilities\": [", 6, (double)a->chance[first + t]);
  printf("]}\n");
}

/* ---------------------------------------------------------------- the picture */

static void draw_all(FILE *to, const void *self) {
  const frames_app *a = self;
  const clip_set *s = &a->val;
  const int64_t read = s->form.side / s->form.shrink;
  clip_picture_begin(to, s->longest, s->count);
  for (int64_t i = 0; i < s->count; i++)
    clip_picture_row(to, read, i, s->length[i], s->pixel + s->start[i] * read * read, a->label + s->start[i],
                     clip_direction[a->motion[i]]);
  clip_picture_end(to);
}

/* ---------------------------------------------------------------- the command */

static int make_room(frames_app *a) {
  const clip_set *s = &a->val;
  const size_t clips = (size_t)s->count, frames = (size_t)(s->start[clips - 1] + s->length[clips - 1]);
  a->label = calloc(frames, sizeof *a->label);
  a->motion = calloc(clips, sizeof *a->motion);
  a->chance = calloc(frames, sizeof *a->chance);
  a->motion_chance = calloc(clips, sizeof *a->motion_chance);
  return a->label && a->motion && a->chance && a->motion_chance ? CLI_OK : cli_error("out of memory");
}

int frames_use(app *base) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  frames_app *a = (frames_app *)base;
  CLI_TRY(make_room(a));
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
