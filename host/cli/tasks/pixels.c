/* pixels.c - images as sequences, from IDX files: pixel by pixel (Le, Jaitly, Hinton 2015), in a fixed random
 * order (--permuted), or row by row (--rows).
 *
 * Pixels are scaled to 0..1; the class is asked for at the last step.  Each epoch visits all images in an
 * order of its own, which follows from the seed and the number of the epoch.
 */
#include <math.h>
#include <stdlib.h>

#include "host/cli/tasks/task.h"
#include "host/data/labelled_images.h"
#include "host/data/shuffle.h"

typedef struct pixels {
  labelled_images set[2]; /* training, validation; the second may share the files of the first */
  int owns_second;        /* or has its own */
  int32_t *place;         /* [pixels] the pixel that comes k-th */
  int32_t *order;         /* [count] of the images in epoch number ... */
  int64_t epoch;          /* ... this one */
} pixels;

/* The order's random numbers: streams of their own. */
enum { PIXEL_STREAM = 3, EPOCH_STREAM = 4 };

/* ---------------------------------------------------------------- files */

/* Validation images of their own, or the end of the training images. */
static int read_validation(pixels *p, const task_config *c) {
  labelled_images *train = &p->set[0], *val = &p->set[1];
  if (c->val_images == NULL) {
    *val = *train;
    val->count = (int64_t)((double)train->count * c->val_fraction);
    train->count -= val->count;
    val->first = train->count;
    return CLI_OK;
  }
  p->owns_second = 1;
  CLI_TRY(labelled_images_read(c->val_images, c->val_labels, val));
  if (val->images.size[1] == train->images.size[1] && val->images.size[2] == train->images.size[2])
    return CLI_OK;
  return cli_error("%s: has images of %lld x %lld; those of %s are %lld x %lld", c->val_images,
                   (long long)val->images.size[1], (long long)val->images.size[2], c->images,
                   (long long)train->images.size[1], (long long)train->images.size[2]);
}

/* ---------------------------------------------------------------- the source */

static int describe(task_source *s, const pixels *p) {
  const task_config *c = s->config;
  const idx_file *images = &p->set[0].images;
  const int64_t batch = c->model.rnn.batch;
  s->steps = c->rows ? images->size[1] : images->item;
  s->inputs = images->item / s->steps;
  s->scored = s->judged = 1;
  s->outputs = labelled_images_classes(&p->set[0]);
  s->train_size = p->set[0].count;
  s->val_size = p->set[1].count;
  s->baseline = log((double)s->outputs);
  s->data_size = images->size[0] * images->item;
  s->data_hash = images->hash ^ p->set[0].labels.hash;
  if (p->owns_second) s->val_hash = p->set[1].images.hash ^ p->set[1].labels.hash;
  if (s->train_size >= batch) return CLI_OK;
  return cli_error("%s: has %lld images to train on; --batch %lld needs as many", c->images,
                   (long long)s->train_size, (long long)batch);
}

static int make_orders(const task_source *s, pixels *p) {
  const int64_t item = p->set[0].images.item;
  p->place = malloc((size_t)item * sizeof *p->place);
  p->order = malloc((size_t)p->set[0].count * sizeof *p->order);
  if (p->place == NULL || p->order == NULL) return cli_error("out of memory");
  p->epoch = -1;
  for (int64_t i = 0; i < item; i++) p->place[i] = (int32_t)i;
  if (s->config->permuted)
    shuffle(p->place, item, (uint64_t)s->config->model.seed, (uint64_t)PIXEL_STREAM << 60);
  return CLI_OK;
}

static int open(task_source *s) {
  const task_config *c = s->config;
  if ((c->val_images == NULL) != (c->val_labels == NULL))
    return cli_usage("--val-images: goes with --val-labels; give both or neither");
  pixels *p = s->data = calloc(1, sizeof *p);
  if (p == NULL) return cli_error("out of memory");
  CLI_TRY(labelled_images_read(c->images, c->labels, &p->set[0]));
  CLI_TRY(read_validation(p, c));
  if (p->owns_second)
    CLI_TRY(labelled_images_check(&p->set[1], c->val_labels, labelled_images_classes(&p->set[0])));
  CLI_TRY(describe(s, p));
  return make_orders(s, p);
}

static void close(task_source *s) {
  pixels *p = s->data;
  if (p == NULL) return;
  for (int k = 0; k < 1 + p->owns_second; k++) labelled_images_free(&p->set[k]);
  free(p->place);
  free(p->order);
  free(p);
}

/* The image of training sequence `number`; an epoch is made of whole batches only. */
static int64_t image_of(const task_source *s, pixels *p, int64_t number) {
  const int64_t batch = s->config->model.rnn.batch, per_epoch = s->train_size / batch * batch;
  if (p->epoch != number / per_epoch) {
    p->epoch = number / per_epoch;
    shuffle(p->order, s->train_size, (uint64_t)s->config->model.seed,
            (uint64_t)EPOCH_STREAM << 60 | (uint64_t)p->epoch);
  }
  return p->order[number % per_epoch];
}

static void draw(const task_source *source, task_sequence *s) {
  pixels *p = source->data;
  const labelled_images *set = &p->set[s->validation];
  const int64_t i = set->first + (s->validation ? s->number : image_of(source, p, s->number));
  const unsigned char *image = set->images.data + i * set->images.item;
  for (int64_t k = 0; k < set->images.item; k++)
    task_input(s, k / source->inputs, k % source->inputs, image[p->place[k]] / 255.0);
  task_label(s, 0, set->labels.data[i]);
}

static const arg_spec options[] = {
    ROW_REQUIRED_FILE("images", TASK_FIELD(images), "the IDX file of the images"),
    ROW_REQUIRED_FILE("labels", TASK_FIELD(labels), "the IDX file of their labels"),
    ROW_TEXT("val-images", TASK_FIELD(val_images), "FILE",
             "images for validation; without them the last of --images"),
    ROW_TEXT("val-labels", TASK_FIELD(val_labels), "FILE", "labels of --val-images"),
    ROW_REAL("val-fraction", ARG_KEEP_RUN, TASK_FIELD(val_fraction), 0, 0.9, "F",
             "share of --images kept for validation without --val-images"),
    ROW_FLAG("permuted", ARG_KEEP_RUN, TASK_FIELD(permuted), "read the pixels in a fixed random order"),
    ROW_FLAG("rows", ARG_KEEP_RUN, TASK_FIELD(rows), "read a row per step instead of a pixel"),
    ROW_END,
};

static const task_config start = {.model = TASK_MODEL(0, 128), .val_fraction = 0.1};

const task_spec task_pixels = {
    .name = "pixels",
    .about = "the class of an image, read pixel by pixel or row by row: --images FILE --labels FILE",
    .usage = "--images FILE --labels FILE ",
    .loss = TASK_CLASSES,
    .metric = "error_rate",
    .error = task_error_rate,
    .options = options,
    .has_epochs = 1,
    .start = &start,
    .open = open,
    .draw = draw,
    .close = close,
};
