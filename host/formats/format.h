/* format.h - the seam between this library and the files of other programs.
 *
 * A format is one file, host/formats/NAME.c, and one row of sq_formats[] (formats.c).  Whatever the file
 * looks like, what comes out of it, and what goes into it, is the same: recurrent networks, each a descriptor
 * and its parameters in host memory under our own names and in our own order of gates ("weight_ih_l0",
 * "bias_l0", "bias_rec_l0", "weight_hh_l1_reverse": what seqgpu_plan_param_get lists for that descriptor, no
 * more and no less).  So a format knows nothing of plans, devices or checkpoints, and they know nothing of
 * formats.
 *
 * Readers take files from strangers: sizes are checked against the file before memory is asked for, sums
 * against overflow, and every refusal is a sentence with the name of what is wrong.
 */
#ifndef SQ_FORMAT_H
#define SQ_FORMAT_H

#include <string.h>

#include "host/files/read.h"
#include "seqgpu/rnn.h"

/* One parameter: row-major [rows, cols], in host memory of the context's allocator. */
typedef struct sq_foreign_tensor {
  char name[64];
  int64_t rows, cols; /* cols = 1 for a vector */
  double *value;      /* [rows, cols] */
} sq_foreign_tensor;

/* One recurrent network of a file. */
typedef struct sq_foreign_net {
  char name[128];       /* what the file calls it: a prefix, the name of a node; "" where it has no name */
  seqgpu_rnn_desc desc; /* cell in static memory; seq_len and batch are 0 where the file does not say */
  int tensor_count;
  sq_foreign_tensor *tensors;
  int state_count;           /* states that the file says a run begins with; 0 = zeros */
  sq_foreign_tensor *states; /* named as seqgpu_plan_part_get names them, [L N, B W_k]; NULL = zeros */
  /* A linear read-out of y that belongs to the network, "weight" [O, Y] and "bias" [O]; 0 or 2 tensors. */
  int head_count;
  sq_foreign_tensor *head;
} sq_foreign_net;

/* What a file holds. */
typedef struct sq_foreign {
  int net_count;
  sq_foreign_net *nets;
  int tensor_count; /* parameters of all networks together */
  int left_count;   /* what is in the file and was not taken: one sentence or name for each */
  char **left;
} sq_foreign;

enum { SQ_FORMAT_HEAD = 1 << 16 };

typedef struct sq_format {
  const char *name;  /* "onnx": a value of --format */
  const char *about; /* one line for --help */
  /* Whether a file is of this format, by its name and its bytes: all of a small file; of a larger one its
   * first SQ_FORMAT_HEAD and, right behind them, its last (where a zip file has its directory). */
  int (*recognises)(const unsigned char *head, size_t size, const char *path);
  /* Fills *out, which is all zeros; what it holds after a failure is freed by the caller.
   * EFORMAT: damaged; EUNSUPPORTED: a sentence that names what this library does not have; EIO, ENOMEM. */
  seqgpu_status (*read)(seqgpu_context *ctx, const char *path, sq_foreign *out);
  /* The same of all bytes of a file; NULL: there is more to it than bytes in a row. */
  seqgpu_status (*parse)(seqgpu_context *ctx, const char *path, sq_bytes bytes, sq_foreign *out);
  /* Writes a whole file in place of path. */
  seqgpu_status (*write)(seqgpu_context *ctx, const char *path, const sq_foreign_net *net);
} sq_format;

/* Whether the bytes that a format recognises files by contain a text. */
static inline int sq_head_contains(const unsigned char *head, size_t size, const char *text) {
  const size_t length = strlen(text);
  for (size_t i = 0; i + length <= size; i++)
    if (head[i] == (unsigned char)text[0] && memcmp(head + i, text, length) == 0) return 1;
  return 0;
}

extern const sq_format sq_format_seqgpu;   /* seqgpu.c */
extern const sq_format sq_format_keras;    /* keras.c */
extern const sq_format sq_format_pytorch;  /* pytorch.c */
extern const sq_format sq_format_rtneural; /* rtneural.c */
extern const sq_format sq_format_nam;      /* nam.c */
extern const sq_format sq_format_onnx;     /* onnx.c */

#endif
