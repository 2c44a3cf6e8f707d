/* foreign.h - building what a format has read: networks with room for all their parameters (foreign.c). */
#ifndef SQ_FOREIGN_H
#define SQ_FOREIGN_H

#include "host/formats/format.h"

/* What `parse`, a member of sq_format, makes of a whole file.  EUNSUPPORTED: more than `most` bytes. */
seqgpu_status sq_foreign_read(seqgpu_context *ctx, const char *path, int64_t most,
                              seqgpu_status (*parse)(seqgpu_context *, const char *, sq_bytes, sq_foreign *),
                              sq_foreign *out);

/* Adds a network whose parameters are all there, and zero.  The caller has checked that the file has as many
 * numbers.  EFORMAT: a descriptor that no plan can run, with the reason; `path` is for that sentence;
 * EUNSUPPORTED: there are tens of thousands of parameters. */
seqgpu_status sq_foreign_add(seqgpu_context *ctx, sq_foreign *to, const char *path, const char *name,
                             const seqgpu_rnn_desc *desc, sq_foreign_net **net);

/* Adds a state [rows, cols] of zeros that a run of the network begins with. */
seqgpu_status sq_foreign_add_state(seqgpu_context *ctx, sq_foreign_net *net, const char *name, int64_t rows,
                                   int64_t cols, double **value);

/* Adds a read-out of zeros: [rows, width] and [rows]. */
seqgpu_status sq_foreign_add_head(seqgpu_context *ctx, sq_foreign_net *net, int64_t rows, int64_t width,
                                  double **weight, double **bias);

/* One of tensors [count] by its name, or NULL. */
sq_foreign_tensor *sq_foreign_find(sq_foreign_tensor *tensors, int count, const char *name);
/* A parameter of a layer: "weight_ih" of layer 1, direction 1 is "weight_ih_l1_reverse".  NULL: none. */
double *sq_foreign_param(const sq_foreign_net *net, const char *kind, int layer, int direction);

/* Notes something that the file has and nobody took; printf's manner. */
seqgpu_status sq_foreign_leave(seqgpu_context *ctx, sq_foreign *to, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void sq_foreign_free_net(seqgpu_context *ctx, sq_foreign_net *net);
void sq_foreign_free(seqgpu_context *ctx, sq_foreign *foreign);

/* A plan that is only asked questions: one step of one sequence.  path and name are for sentences.  EFORMAT:
 * the descriptor is none that could run. */
seqgpu_status sq_foreign_plan(seqgpu_context *ctx, const char *path, const char *name,
                              const seqgpu_rnn_desc *desc, seqgpu_plan **plan);

#endif
