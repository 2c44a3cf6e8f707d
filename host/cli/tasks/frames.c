/* frames.c - the application `frames`: its row of the table, its files, its loss and its metric (frames_model.h).
 *
 * It learns from images that move (clip_set.h): the label of a frame is that of the image, the label of a
 * clip the direction.  The loss is the mean cross-entropy of the frames and that of the clips, added; the
 * metric is the share of frames that are wrong.
 */
#include "host/cli/tasks/frames_model.h"
#include "host/cli/tasks/frames_use.h"

#include <math.h>
#include <stdlib.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/cli/task_learner.h"

#define FIELD(name) offsetof(frames_options, name)

/* ---------------------------------------------------------------- data */

/* Images, and then their labels; none of either: no clips. */
static int read_files(const arg_list *files, const char *option, clip_set *out) {
  if (files->count == 0) return CLI_OK;
  if (files->count != 2)
    return cli_usage("%s: is given %d times; it must be given twice, for the images and for their labels",
                     option, files->count);
  return labelled_images_read(files->item[0], files->item[1], &out->images);
}

static int read_clips(frames_app *a) {
  const app_options *o = a->base.options;
  if (o->files.count == 0) return cli_usage("no clip is named; seqgpu frames --help says how");
  for (int i = 0; i < o->files.count; i++)
    CLI_TRY(clip_set_read(&a->val, a->base.ctx, o->files.item[i], &frames_options_of(&a->base)->clip));
  return CLI_OK;
}

static int read_data(app *base) {
  frames_app *a = (frames_app *)base;
  const app_options *o = base->options;
  CLI_TRY(clip_form_check(&frames_options_of(base)->clip));
  if (o->use && o->val_data.count == 0) return read_clips(a);
  CLI_TRY(read_files(&o->data, "--data", &a->train));
  CLI_TRY(read_files(&o->val_data, o->use ? "--data" : "--val-data", &a->val));
  const labelled_images *learnt = &a->train.images, *val = &a->val.images;
  base->data_hash = learnt->images.hash ^ learnt->labels.hash;
  base->data_size = learnt->count * learnt->images.item;
  base->train_size = learnt->count;
  base->val_hash = val->count > 0 ? val->images.hash ^ val->labels.hash : 0;
  return CLI_OK;
}

static int open_set(frames_app *a, clip_set *s, const arg_list *files, int training) {
  const frames_options *o = frames_options_of(&a->base);
  const model_config *c = &o->base.model;
  CLI_TRY(clip_set_open(s, files->item[0], &o->clip, training, c->rnn.batch, c->seed));
  return labelled_images_check(&s->images, files->item[1], a->classes);
}

static int open_data(app *base) {
  frames_app *a = (frames_app *)base;
  const app_options *o = base->options;
  CLI_TRY(frames_open_classes(a));
  if (o->files.count > 0) return clip_set_read_all(&a->val, o->model.rnn.batch);
  CLI_TRY(open_set(a, &a->train, &o->data, 1));
  CLI_TRY(open_set(a, &a->val, &o->val_data, 0));
  const int64_t number = frames_options_of(base)->clip_number;
  if (number <= a->val.count || frames_options_of(base)->save_clip == NULL) return CLI_OK;
  return cli_error("%s: has %lld images; there is no clip %lld", o->val_data.item[0], (long long)a->val.count,
                   (long long)number);
}

/* ---------------------------------------------------------------- the model */

static void describe_run(frames_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  const clip_form *f = &frames_options_of(base)->clip;
  base->plan = base->training ? a->plan : a->val_plan;
  base->validates = a->val.images.count > 0;
  if (!base->training) return;
  base->baseline = log((double)a->classes) + log(CLIP_DIRECTIONS);
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = a->train.count * (f->shortest + f->longest) / 2 / updates;
  base->random_blocks = app_random_blocks(a->plan);
  snprintf(base->about, sizeof base->about, "%lld images, %lld classes, %lld updates per epoch",
           (long long)a->train.count, (long long)a->classes, (long long)updates);
}

static int build(app *base) {
  frames_app *a = (frames_app *)base;
  seqgpu_plan **first = base->training ? &a->plan : &a->val_plan;
  seqgpu_status status = frames_plan(a, base->training ? &a->train : &a->val, base->training, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(frames_check_memory(a, *first));
  if (base->training && a->val.count > 0) status = frames_plan(a, &a->val, 0, &a->val_plan);
  if (status == SEQGPU_OK) status = frames_build_model(a, *first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The losses of a batch on the tape, of its frames and of its clips: sums over them, or means; 0 if the tape
 * knows what has failed. */
static int batch_losses(frames_app *a, const seqgpu_plan *plan, const clip_batch *b, int mean,
                        seqgpu_tensor *out[2]) {
  seqgpu_tape *t = a->base.tape;
  const int64_t shape[] = {b->seq_len, b->batch};
  if (frames_forward(a, plan, b) != SEQGPU_OK) return 0;
  out[0] = seqgpu_tape_cross_entropy(t, a->frame_logits, seqgpu_tape_ids(t, 2, shape, b->label), mean, 1);
  out[1] = seqgpu_tape_cross_entropy(t, a->clip_logits, seqgpu_tape_ids(t, 1, &b->batch, b->motion), mean, 1);
  return seqgpu_tape_status(t) == SEQGPU_OK;
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  frames_app *a = (frames_app *)base;
  const clip_draw draw = {base->options->model.seed, step};
  clip_batch b;
  seqgpu_tensor *of[2];
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  if (!clip_set_batch(&a->train, which, count, &draw, &b) || !batch_losses(a, a->plan, &b, 1, of))
    return NULL;
  base->counted = of[0];
  return seqgpu_tape_add(base->tape, of[0], seqgpu_tape_scale(base->tape, of[1], b.share));
}

/* ---------------------------------------------------------------- the metric */

static void count_row(frames_score *score, const float *row, int64_t classes, int32_t is) {
  score->count++;
  score->right += task_learner_class(row, classes) == is;
}

static void judge(frames_app *a, const clip_batch *b) {
  for (int64_t r = 0; r < b->seq_len * b->batch; r++)
    if (r / b->batch < b->lengths[r % b->batch])
      count_row(&a->frame_score, a->frame_answer + r * a->classes, a->classes, b->label[r]);
  for (int64_t i = 0; i < b->batch; i++)
    count_row(&a->clip_score, a->clip_answer + i * CLIP_DIRECTIONS, CLIP_DIRECTIONS, b->motion[i]);
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  frames_app *a = (frames_app *)base;
  clip_batch b;
  seqgpu_tensor *of[2];
  if (!clip_set_batch(&a->val, which, count, NULL, &b)) return cli_no_memory();
  if (!batch_losses(a, a->val_plan, &b, 0, of)) return seqgpu_tape_status(base->tape);
  for (int k = 0; k < 2; k++) {
    double sum;
    LIB_TRY(seqgpu_tensor_number(of[k], &sum));
    a->loss_sum[k] += sum;
  }
  LIB_TRY(frames_read_answers(a));
  judge(a, &b);
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  frames_app *a = (frames_app *)base;
  const frames_options *o = frames_options_of(base);
  a->loss_sum[0] = a->loss_sum[1] = 0;
  a->frame_score = a->clip_score = (frames_score){0};
  if (o->save_clip) LIB_TRY(clip_set_write(&a->val, base->ctx, (int32_t)o->clip_number - 1, o->save_clip));
  LIB_TRY(app_each_turn(base, &a->val.order, 1, stop, validate_batch));
  *mean = a->loss_sum[0] / a->frame_score.count + a->loss_sum[1] / a->clip_score.count;
  *metric = 1 - a->frame_score.right / a->frame_score.count;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const frames_app *a = (const frames_app *)base;
  const frames_score frames = a->frame_score, clips = a->clip_score;
  if (!json) {
    printf("; %.0f frames, accuracy %.2f %%; %.0f clips, accuracy of their directions %.2f %%", frames.count,
           100 * frames.right / frames.count, clips.count, 100 * clips.right / clips.count);
    return;
  }
  json_number(stdout, ", \"frames\": ", 9, frames.count);
  json_number(stdout, ", \"accuracy\": ", 6, frames.right / frames.count);
  json_number(stdout, ", \"clips\": ", 9, clips.count);
  json_number(stdout, ", \"direction_accuracy\": ", 6, clips.right / clips.count);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  return frames_describe_classes((const frames_app *)base, texts);
}

static void close(app *base) {
  frames_app *a = (frames_app *)base;
  free(a->label);
  free(a->motion);
  free(a->chance);
  free(a->motion_chance);
  seqgpu_watcher_destroy(a->model);
  seqgpu_plan_destroy(a->plan);
  seqgpu_plan_destroy(a->val_plan);
  clip_set_close(&a->train);
  clip_set_close(&a->val);
  free(a->frame_answer);
  free(a->clip_answer);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_INT("side", ARG_KEEP_MODEL, FIELD(clip.side), 1, 1024, "N", "pixels of a frame's side"),
    ROW_INT("shortest-clip", ARG_KEEP_MODEL, FIELD(clip.shortest), 2, 1000, "N",
            "frames of a clip, at least"),
    ROW_INT("longest-clip", ARG_KEEP_MODEL, FIELD(clip.longest), 2, 1000, "N", "frames of a clip, at most"),
    ROW_INT("moves", ARG_KEEP_MODEL, FIELD(clip.speed), 1, 1000, "N",
            "pixels that an image moves from frame to frame, at most"),
    ROW_GROUP("Network"),
    ROW_INT("shrink", ARG_KEEP_MODEL, FIELD(clip.shrink), 1, 1024, "N",
            "side of the squares of pixels whose means are read"),
    ROW_INT("patch", ARG_KEEP_MODEL, FIELD(patch), 1, 1024, "N", "side of a patch of these"),
    ROW_INT("patch-pool", ARG_KEEP_MODEL, FIELD(pool), 1, 1024, "N",
            "side of the cells of patches whose largest value is taken"),
    ROW_INT("maps", ARG_KEEP_MODEL, FIELD(maps), 1, 1000000, "N", "values of a patch"),
    ROW_END,
};

static const arg_spec eval_options[] = {
    ROW_TEXT("save-clip", FIELD(save_clip), "FILE", "also a clip as .npy, for seqgpu frames"),
    ROW_INT("clip", ARG_NOT_KEPT, FIELD(clip_number), 1, 1e9, "N", "which clip that is, from 1"),
    ROW_END,
};

static const frames_options start = {
    .base = {.model = APPLICATION_MODEL(2e-3, .hidden_size = 128, .batch = 32, .dropout = 0.2)},
    .clip = {.side = 40, .shrink = 2, .shortest = 5, .longest = 10, .speed = 2},
    .patch = 5,
    .pool = 2,
    .maps = 16,
    .clip_number = 1};

static int run(int argc, char **argv) { return application_use(&application_frames, argc, argv); }

const command_spec command_frames = {"frames", "say what clips show with a model of train frames", run};

const application application_frames = {
    .name = "frames",
    .about = "what each frame of a clip shows, and its motion",
    .data = "the IDX file of images, and once more the one of their labels, also compressed by gzip",
    .network = "a convolution over each frame, layers over its largest values, and two linear layers: the "
               "class of each frame, the direction of the clip",
    .metric = "error_rate",
    .options = options,
    .eval_options = eval_options,
    .use_options = frames_use_specs,
    .use_about =
        "Says what each frame of a clip shows, and where it moves, with a model of seqgpu train\n"
        "frames. A clip is an array [frames,side,side] in a .npy file: bytes, or numbers from 0 to 1.",
    .files = " FILE...",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(frames_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = frames_use,
    .describe = describe,
    .close = close,
};
