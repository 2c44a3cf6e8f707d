/* clip_set.c - see clip_set.h. */
#include "host/data/clip_set.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/data/grow.h"
#include "host/data/one_array.h"
#include "seqgpu/npy.h"
#include "seqgpu/ops.h"

const char *const clip_direction[CLIP_DIRECTIONS] = {"right", "up-right",  "up",   "up-left",
                                                     "left",  "down-left", "down", "down-right"};
static const int along_x[CLIP_DIRECTIONS] = {1, 1, 0, -1, -1, -1, 0, 1},
                 along_y[CLIP_DIRECTIONS] = {0, -1, -1, -1, 0, 1, 1, 1};

/* Streams of random numbers: what an update draws, what is the same in all validations, lengths. */
static const uint64_t MOVES = UINT64_C(13) << 60, FIXED = UINT64_C(15) << 60,
                      LENGTHS = UINT64_C(15) << 60 | 1;

enum { MOST_FRAMES = 1 << 20 }; /* of a file */

int clip_form_check(const clip_form *f) {
  if (f->side % f->shrink != 0)
    return cli_usage("--shrink: is %lld; it must divide --side, which is %lld", (long long)f->shrink,
                     (long long)f->side);
  if (f->longest >= f->shortest) return CLI_OK;
  return cli_usage("--longest-clip: is %lld; it must be at least --shortest-clip, which is %lld",
                   (long long)f->longest, (long long)f->shortest);
}

/* ---------------------------------------------------------------- clips of images */

/* The image moves over the frame: the least of both rooms. */
static int64_t room_of(const labelled_images *m, const clip_form *f) {
  const int64_t h = m->images.size[1], w = m->images.size[2];
  return f->side - (h > w ? h : w);
}

static int check_room(const labelled_images *m, const char *path, const clip_form *f) {
  if (room_of(m, f) >= f->longest - 1) return CLI_OK;
  return cli_error("%s: has images of %lld x %lld; to move for %lld frames they need --side %lld", path,
                   (long long)m->images.size[1], (long long)m->images.size[2], (long long)f->longest,
                   (long long)(f->side - room_of(m, f) + f->longest - 1));
}

int clip_set_open(clip_set *s, const char *path, const clip_form *form, int training, int64_t batch,
                  int64_t seed) {
  const uint64_t of_lengths = training ? (uint64_t)seed : 0;
  s->form = *form;
  s->count = s->images.count;
  if (s->count == 0) return CLI_OK;
  CLI_TRY(check_room(&s->images, path, form));
  s->length = malloc((size_t)s->count * sizeof *s->length);
  if (s->length == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < s->count; i++) {
    const double u = seqgpu_uniform(of_lengths, LENGTHS, (uint64_t)i);
    s->length[i] = (int32_t)(form->shortest + (int64_t)(u * (double)(form->longest - form->shortest + 1)));
    if (s->length[i] > s->longest) s->longest = s->length[i];
  }
  return buckets_create(s->count, s->length, batch, seed, &s->order);
}

void clip_set_close(clip_set *s) {
  labelled_images_free(&s->images);
  buckets_free(&s->order);
  free(s->pixel);
  free(s->start);
  free(s->length);
  free(s->x);
  free(s->ends);
  free(s->label);
  free(s->motion);
  *s = (clip_set){.count = 0};
}

/* ---------------------------------------------------------------- clips of files */

/* Adds pixels [side,side] to what is read of them [read,read], which is 0, each by that factor. */
static void shrink(const double *frame, const clip_form *f, double factor, float *out) {
  const int64_t k = f->shrink, read = f->side / k;
  for (int64_t y = 0; y < f->side; y++)
    for (int64_t x = 0; x < f->side; x++)
      out[y / k * read + x / k] += (float)(factor * frame[y * f->side + x] / (double)(k * k));
}

static int check_array(const seqgpu_npy_info *info, const char *path, const clip_form *f) {
  if (info->rank == 3 && info->shape[0] >= 1 && info->shape[0] <= MOST_FRAMES && info->shape[1] == f->side &&
      info->shape[2] == f->side)
    return CLI_OK;
  return cli_error("%s: must be an array [frames,%lld,%lld], of 1 to %d frames", path, (long long)f->side,
                   (long long)f->side, MOST_FRAMES);
}

static int check_values(const double *value, int64_t count, double most, const char *path) {
  for (int64_t i = 0; i < count; i++)
    if (!(value[i] >= 0 && value[i] <= most))
      return cli_error("%s: has a pixel of %g; it must be from 0 to %g", path, value[i], most);
  return CLI_OK;
}

/* Room for one more clip, of so many frames. */
static int make_clip(clip_set *s, int64_t frames) {
  const int64_t read = s->form.side / s->form.shrink;
  const int64_t first = s->count > 0 ? s->start[s->count - 1] + s->length[s->count - 1] : 0;
  const size_t clips = (size_t)s->count + 1, before = (size_t)(first * read * read),
               more = (size_t)(frames * read * read);
  void *pixel = s->pixel, *start = s->start, *length = s->length;
  const int ok = grow(&pixel, &s->room_pixel, before + more, sizeof *s->pixel) &&
                 grow(&start, &s->room_start, clips, sizeof *s->start) &&
                 grow(&length, &s->room_length, clips, sizeof *s->length);
  s->pixel = pixel;
  s->start = start;
  s->length = length;
  if (!ok) return cli_error("out of memory");
  memset(s->pixel + before, 0, more * sizeof *s->pixel);
  s->start[s->count] = first;
  s->length[s->count++] = (int32_t)frames;
  if (frames > s->longest) s->longest = frames;
  return CLI_OK;
}

/* An array of bytes is what a picture has. */
static int add_array(clip_set *s, const seqgpu_npy_info *info, const char *path, const double *value) {
  const int bytes = info->dtype[1] == 'u' || info->dtype[1] == 'i';
  const int64_t read = s->form.side / s->form.shrink, pixels = s->form.side * s->form.side;
  CLI_TRY(check_values(value, info->elements, bytes ? 255 : 1, path));
  CLI_TRY(make_clip(s, info->shape[0]));
  float *out = s->pixel + s->start[s->count - 1] * read * read;
  for (int64_t t = 0; t < info->shape[0]; t++)
    shrink(value + t * pixels, &s->form, bytes ? 1.0 / 255 : 1, out + t * read * read);
  return CLI_OK;
}

static int read_array(clip_set *s, seqgpu_context *ctx, const seqgpu_npy *file, const seqgpu_npy_info *info,
                      const char *path) {
  CLI_TRY(check_array(info, path, &s->form));
  double *value = one_array_read(ctx, path, file, info);
  if (value == NULL) return CLI_FAILED;
  const int code = add_array(s, info, path, value);
  free(value);
  return code;
}

int clip_set_read(clip_set *s, seqgpu_context *ctx, const char *path, const clip_form *form) {
  seqgpu_npy *file;
  seqgpu_npy_info info;
  s->form = *form;
  CLI_TRY(one_array_open(ctx, path, &file, &info));
  const int code = read_array(s, ctx, file, &info, path);
  seqgpu_npy_close(file);
  return code;
}

int clip_set_read_all(clip_set *s, int64_t batch) {
  return buckets_create(s->count, s->length, batch, 0, &s->order);
}

/* ---------------------------------------------------------------- how an image moves */

/* In frame t its upper left corner stands at (x + t dx, y + t dy). */
typedef struct path {
  int32_t direction;
  int64_t x, y, dx, dy;
} path;

enum { DIRECTION, SPEED, BEGIN_X, BEGIN_Y, DRAWS };

/* 0 to count-1, from draw k of clip `which`, which is the i-th of its batch. */
static int64_t choose(const clip_draw *draw, int32_t which, int64_t i, int k, int64_t count) {
  const double u =
      draw ? seqgpu_uniform((uint64_t)draw->seed, MOVES | (uint64_t)draw->step, (uint64_t)(i * DRAWS + k))
           : seqgpu_uniform(0, FIXED, (uint64_t)which * DRAWS + (uint64_t)k);
  return (int64_t)(u * (double)count);
}

/* Where it begins along an axis: it goes `way` pixels (negative: backwards) within `room`. */
static int64_t begin(const clip_draw *draw, int32_t which, int64_t i, int k, int64_t way, int64_t room) {
  return choose(draw, which, i, k, room - (way < 0 ? -way : way) + 1) - (way < 0 ? way : 0);
}

static path path_of(const clip_set *s, int32_t which, int64_t i, const clip_draw *draw) {
  const idx_file *images = &s->images.images;
  const int64_t moves = s->length[which] - 1, room = room_of(&s->images, &s->form),
                fits = room / moves < s->form.speed ? room / moves : s->form.speed,
                speed = 1 + choose(draw, which, i, SPEED, fits);
  const int32_t d = (int32_t)choose(draw, which, i, DIRECTION, CLIP_DIRECTIONS);
  const int64_t dx = speed * along_x[d], dy = speed * along_y[d];
  return (path){d, begin(draw, which, i, BEGIN_X, moves * dx, s->form.side - images->size[2]),
                begin(draw, which, i, BEGIN_Y, moves * dy, s->form.side - images->size[1]), dx, dy};
}

/* Frame t of a clip, added to [side/shrink,side/shrink], which is 0. */
static void draw_frame(const clip_set *s, int32_t which, const path *p, int64_t t, int64_t k, float *out) {
  const idx_file *images = &s->images.images;
  const int64_t read = s->form.side / k, width = images->size[2];
  const unsigned char *image = images->data + which * images->item;
  for (int64_t i = 0; i < images->item; i++) {
    const int64_t y = p->y + t * p->dy + i / width, x = p->x + t * p->dx + i % width;
    out[y / k * read + x / k] += (float)image[i] / (float)(255 * k * k);
  }
}

/* ---------------------------------------------------------------- batches */

static int64_t frames_of(const clip_set *s, const int32_t *which, int64_t count) {
  int64_t frames = 0;
  for (int64_t i = 0; i < count; i++) frames += s->length[which[i]];
  return frames;
}

/* Room for a batch, whose sizes are known then; 0 when out of memory. */
static int make_room(clip_set *s, const int32_t *which, clip_batch *b) {
  const int64_t read = s->form.side / s->form.shrink;
  const buckets_part part = buckets_part_of(&s->order, which, b->batch);
  b->first = part.first;
  b->frames = frames_of(s, which, b->batch);
  b->share = (double)b->batch / (double)part.whole * (double)frames_of(s, part.batch, part.whole) /
             (double)b->frames;
  b->seq_len = buckets_longest(&part, s->length);
  const size_t frames = (size_t)(b->seq_len * b->batch), elements = frames * (size_t)(read * read);
  void *x = s->x, *ends = s->ends, *label = s->label, *motion = s->motion;
  const int ok = grow(&x, &s->room_x, elements, sizeof *s->x) &&
                 grow(&ends, &s->room_ends, (size_t)b->batch, sizeof *s->ends) &&
                 grow(&label, &s->room_label, frames, sizeof *s->label) &&
                 grow(&motion, &s->room_motion, (size_t)b->batch, sizeof *s->motion);
  s->x = x;
  s->ends = ends;
  s->label = label;
  s->motion = motion;
  if (!ok) return 0;
  memset(s->x, 0, elements * sizeof *s->x);
  memset(s->label, 0xff, frames * sizeof *s->label);
  return 1;
}

/* Clip `which` as number i of the batch. */
static void fill_clip(clip_set *s, int32_t which, int64_t i, const clip_draw *draw, const clip_batch *b) {
  const int64_t read = s->form.side / s->form.shrink, pixels = read * read, batch = b->batch;
  s->ends[i] = s->length[which];
  s->motion[i] = -1;
  if (s->pixel) {
    for (int64_t t = 0; t < s->length[which]; t++)
      memcpy(s->x + (t * batch + i) * pixels, s->pixel + (s->start[which] + t) * pixels,
             (size_t)pixels * sizeof *s->x);
    return;
  }
  const path p = path_of(s, which, b->first + i, draw);
  s->motion[i] = p.direction;
  for (int64_t t = 0; t < s->length[which]; t++) {
    draw_frame(s, which, &p, t, s->form.shrink, s->x + (t * batch + i) * pixels);
    s->label[t * batch + i] = s->images.labels.data[which];
  }
}

int clip_set_batch(clip_set *s, const int32_t *which, int64_t count, const clip_draw *draw, clip_batch *out) {
  *out = (clip_batch){.batch = count};
  if (!make_room(s, which, out)) return 0;
  for (int64_t i = 0; i < count; i++) fill_clip(s, which[i], i, draw, out);
  out->lengths = s->ends;
  out->x = s->x;
  out->label = s->label;
  out->motion = s->motion;
  return 1;
}

seqgpu_status clip_set_write(const clip_set *s, seqgpu_context *ctx, int32_t which, const char *file) {
  const int64_t side = s->form.side;
  const path p = path_of(s, which, 0, NULL);
  float *frame = calloc((size_t)(s->length[which] * side * side), sizeof *frame);
  if (frame == NULL) return cli_no_memory();
  for (int64_t t = 0; t < s->length[which]; t++) draw_frame(s, which, &p, t, 1, frame + t * side * side);
  const seqgpu_npy_array array = {
      .dtype = SEQGPU_DTYPE_F32, .rank = 3, .shape = {s->length[which], side, side}, .values = frame};
  const seqgpu_status status = seqgpu_npy_write(ctx, file, &array, 1);
  free(frame);
  return status;
}
