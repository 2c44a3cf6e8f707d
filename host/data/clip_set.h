/* clip_set.h - clips of images that move, in batches (after Srivastava, Mansimov, Salakhutdinov 2015): what a
 * model that watches learns from; and clips out of files.
 *
 *   a clip has one image, which moves along a straight line by `speed` pixels a frame, along each axis that
 *   it moves along, and is never cut by the border of the frame; the label of its frames is that of the
 *   image, the label of the clip is the direction
 *
 * How many frames there are follows from the number of the image; where the image begins, its direction and
 * its speed an update draws, and for validation they follow from that number, too.
 */
#ifndef CLIP_SET_H
#define CLIP_SET_H

#include "host/data/buckets.h"
#include "host/data/labelled_images.h"
#include "seqgpu/base.h"

enum { CLIP_DIRECTIONS = 8 };
/* Counter-clockwise, from "right". */
extern const char *const clip_direction[CLIP_DIRECTIONS];

/* What a clip is, and what a model reads of it. */
typedef struct clip_form {
  int64_t side;              /* of a frame, in pixels */
  int64_t shrink;            /* the model reads means of so many pixels squared; divides side */
  int64_t shortest, longest; /* frames, at least 2 */
  int64_t speed;             /* pixels a frame, at most; as far as there is room */
} clip_form;

typedef struct clip_set {
  labelled_images images; /* filled by a reader; or none, and clips of files */
  float *pixel;           /* of files: [frames of all clips, read, read], where read = side / shrink */
  int64_t *start;         /* [count] the first frame of each */
  int64_t count, longest; /* clips; frames of any, at most */
  int32_t *length;        /* [count] frames */
  clip_form form;
  buckets order;
  float *x; /* of a batch, as the next three */
  int32_t *ends, *label, *motion;
  size_t room_x, room_ends, room_label, room_motion, room_pixel, room_start, room_length;
} clip_set;

typedef struct clip_batch {
  int64_t seq_len, batch; /* T, B */
  int64_t first;          /* the number of the first clip in the whole batch */
  int64_t frames;         /* of all together, without padding */
  double share;           /* of the whole batch's clips, divided by that of its frames; 1 where it is whole */
  const int32_t *lengths; /* [B] */
  const float *x;         /* [T,B,read,read] from 0 to 1; 0 behind the end of a clip */
  const int32_t *label;   /* [T,B], -1 behind the end; of files -1 */
  const int32_t *motion;  /* [B] the direction; of files -1 */
} clip_batch;

/* What an update draws from. */
typedef struct clip_draw {
  int64_t seed, step;
} clip_draw;

/* 0, or an exit code after a sentence that begins with the option it is about. */
int clip_form_check(const clip_form *form);

/* Clips of the images that were read, from the file of that name, one of each.  training: 0 for those of
 * validation.  0, or an exit code after a sentence; clip_set_close is to be called in any case. */
int clip_set_open(clip_set *s, const char *path, const clip_form *form, int training, int64_t batch,
                  int64_t seed);
/* Adds the clip [frames,side,side] of a .npy file: bytes 0 to 255, or numbers 0 to 1.  Once all are there,
 * clip_set_read_all says so.  The same. */
int clip_set_read(clip_set *s, seqgpu_context *ctx, const char *path, const clip_form *form);
int clip_set_read_all(clip_set *s, int64_t batch);
void clip_set_close(clip_set *s);

/* The clips which[count] side by side, as the update draws them; NULL: as they are validated.  Valid until
 * the next call.  0 when out of memory. */
int clip_set_batch(clip_set *s, const int32_t *which, int64_t count, const clip_draw *draw, clip_batch *out);
/* Writes clip `which` of the images, as it is validated, to a .npy file that clip_set_read reads. */
seqgpu_status clip_set_write(const clip_set *s, seqgpu_context *ctx, int32_t which, const char *path);

#endif
