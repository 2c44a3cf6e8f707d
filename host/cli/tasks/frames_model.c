/* frames_model.c - what the model of `frames` reads and says, its plan and its parameters (frames_model.h). */
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/hessian.h"
#include "host/cli/network.h"
#include "host/cli/tasks/frames_model.h"

static const char classes_key[] = "classes";

enum { MOST_CLASSES = 256, DIGITS = 4 };

int frames_open_classes(frames_app *a) {
  if (a->base.file == NULL) {
    a->classes = labelled_images_classes(&a->train.images);
    return CLI_OK;
  }
  const char *text = seqgpu_checkpoint_meta(a->base.file, classes_key);
  const size_t length = text ? strlen(text) : 0;
  if (length > 0 && length < DIGITS && strspn(text, "0123456789") == length) a->classes = atoi(text);
  if (a->classes >= 1 && a->classes <= MOST_CLASSES) return CLI_OK;
  return cli_error("%s: %s must be in its metadata, a number from 1 to %d", a->base.path, classes_key,
                   MOST_CLASSES);
}

int frames_describe_classes(const frames_app *a, app_text *text) {
  *text = (app_text){classes_key, malloc(DIGITS)};
  if (text->text) snprintf(text->text, DIGITS, "%d", (int)a->classes);
  return text->text != NULL;
}

/* ---------------------------------------------------------------- plan and parameters */

static seqgpu_watcher_desc desc_of(const frames_app *a) {
  const frames_options *o = frames_options_of(&a->base);
  return (seqgpu_watcher_desc){.height = o->clip.side / o->clip.shrink,
                               .width = o->clip.side / o->clip.shrink,
                               .patch = o->patch,
                               .pool = o->pool,
                               .maps = o->maps,
                               .frame_classes = a->classes,
                               .clip_classes = CLIP_DIRECTIONS,
                               .dropout = o->base.model.rnn.dropout};
}

seqgpu_status frames_plan(const frames_app *a, const clip_set *s, int training, seqgpu_plan **out) {
  const seqgpu_watcher_desc desc = desc_of(a);
  int64_t features;
  LIB_TRY(seqgpu_watcher_features(a->base.ctx, &desc, &features));
  return app_plan(&a->base, &a->base.options->model, features, s->longest, &s->order, training, out);
}

int frames_check_memory(const frames_app *a, const seqgpu_plan *plan) {
  const model_config *c = &a->base.options->model;
  const seqgpu_watcher_desc d = desc_of(a);
  const double Y = (double)seqgpu_plan_get_sizes(plan).output_width,
               I = (double)seqgpu_plan_get_desc(plan).input_size,
               out = (double)(a->classes + CLIP_DIRECTIONS), patch = (double)(d.patch * d.patch),
               places = (double)(d.pool * d.pool) * I / (double)d.maps;
  const network_rest rest = {.params = (double)d.maps * (patch + 1) + out * (Y + 1),
                             .per_step =
                                 2 * places * patch + 4 * places * (double)d.maps + 6 * I + 4 * Y + 4 * out,
                             .averaged = learning_may_average(&c->learning),
                             .hessian = hessian_is_asked(c)};
  return network_check_memory(a->base.ctx, plan, rest);
}

seqgpu_status frames_build_model(frames_app *a, const seqgpu_plan *plan) {
  const seqgpu_watcher_desc desc = desc_of(a);
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_watcher_create(a->base.params, &desc, plan, &a->model));
  return network_draw_params(&a->base.options->model, a->base.params, "rnn", plan);
}

/* ---------------------------------------------------------------- answers */

seqgpu_status frames_forward(frames_app *a, const seqgpu_plan *plan, const clip_batch *b) {
  a->frame_logits = seqgpu_watcher_logits(a->model, a->base.tape, plan, b->seq_len, b->batch, b->lengths,
                                          b->x, &a->clip_logits);
  return seqgpu_tape_status(a->base.tape);
}

seqgpu_status frames_read_answers(frames_app *a) {
  LIB_TRY(app_read(a->frame_logits, &a->frame_answer, &a->frame_room));
  return app_read(a->clip_logits, &a->clip_answer, &a->clip_room);
}
