/** @file exchange.h
 * Recurrent networks from the files of other programs, and into them.
 *
 *   seqgpu_import_open(ctx, "amp.nam", NULL, &import);
 *   seqgpu_rnn_desc desc = seqgpu_import_desc(import, 0);     cell and sizes, from the file
 *   desc.seq_len = 64; desc.batch = 1;                        how it is to run
 *   seqgpu_plan_create(ctx, &desc, NULL, &plan);
 *   seqgpu_params_add_rnn(params, "amp", plan, NULL);
 *   seqgpu_import_load(import, 0, params, "amp");
 *   seqgpu_import_close(import);
 *
 * Whatever the order of gates in the file, parameters are in ours afterwards (host/doc/exchange.md has the
 * table of formats and what each of them can say).  Beside a network PREFIX.weight_ih_l0, ... may stand, in
 * params and in checkpoints,
 *   PREFIX.head.weight [O,Y], PREFIX.head.bias [O]      the linear read-out that the file has behind it
 *   PREFIX.initial.h, PREFIX.initial.c [L*N,W_k]        the states that a run begins with
 *
 * **Two biases.** PyTorch, Keras's GRU and ONNX add two biases, b_ih + b_hh, where this library has their
 * sum.  The outputs are the same.  Training is not: the gradient of either bias is the gradient g of the sum,
 * so that plain gradient descent on two biases moves their sum by 2 lr g, and on one bias by lr g.
 * seqgpu_params_split_biases trains two.
 */
#ifndef SEQGPU_EXCHANGE_H
#define SEQGPU_EXCHANGE_H

#include "params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- formats ---- */

/** What there is to know about a format of this build. */
typedef struct seqgpu_format_info {
  const char *name;  /**< "pytorch"; static memory */
  const char *about; /**< what it is, in one line; static memory */
  int can_read;      /**< 1: seqgpu_import_open takes it */
  int can_write;     /**< 1: seqgpu_export takes it */
} seqgpu_format_info;

/** The number of formats in this build. */
SEQGPU_API int seqgpu_format_count(void);

/** What seqgpu_format_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_format_get_(int index, seqgpu_format_info *out, size_t out_size);

/** Describes format `index`.  EINVAL, without a sentence since there is no context: the index is not in
 * 0 .. seqgpu_format_count() - 1, or out is NULL. */
static inline seqgpu_status seqgpu_format_get(int index, seqgpu_format_info *out) {
  return seqgpu_format_get_(index, out, sizeof(seqgpu_format_info));
}

/* ---- import ---- */

/** The networks of a file, in host memory; freed by seqgpu_import_close. */
typedef struct seqgpu_import seqgpu_import;

/** Reads a file.  All of it is checked: sizes against the file, before memory is asked for.
 * ctx: for memory and sentences; must outlive the import.  format: a name of seqgpu_format_get; NULL = by the
 * file's bytes and name.  out: receives the import, or NULL on failure.
 * Errors: SEQGPU_EINVAL (an argument, or no such format), SEQGPU_EIO, SEQGPU_EFORMAT (damaged, or of no
 * format that is known), SEQGPU_EUNSUPPORTED (the sentence names what this library does not have),
 * SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_import_open(seqgpu_context *ctx, const char *path, const char *format,
                                            seqgpu_import **out);

/** Frees the import with all texts it gave out.  NULL is allowed. */
SEQGPU_API void seqgpu_import_close(seqgpu_import *import);

/** The name of the format that the file was read as; "none" for NULL.  Static memory. */
SEQGPU_API const char *seqgpu_import_format(const seqgpu_import *import);

/** The number of recurrent networks in the file; 0 for NULL. */
SEQGPU_API int seqgpu_import_count(const seqgpu_import *import);

/** One network of a file. */
typedef struct seqgpu_import_info {
  const char *name;  /**< what the file calls it, "" where it has no name; valid until close */
  int64_t elements;  /**< numbers in its parameters */
  int state_count;   /**< states that the file says a run begins with; 0 = all begin at zero */
  int64_t head_rows; /**< O, rows of the linear read-out; 0 = the file has none that belongs to the network */
} seqgpu_import_info;

/** What seqgpu_import_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_import_get_(const seqgpu_import *import, int index, seqgpu_import_info *out,
                                            size_t out_size);

/** Describes network `index`.  EINVAL: the index is not in 0 .. seqgpu_import_count - 1, or out is NULL. */
static inline seqgpu_status seqgpu_import_get(const seqgpu_import *import, int index,
                                              seqgpu_import_info *out) {
  return seqgpu_import_get_(import, index, out, sizeof(seqgpu_import_info));
}

/** The index of the network with this name, -1 if there is none. */
SEQGPU_API int seqgpu_import_find(const seqgpu_import *import, const char *name);

/** Writes the descriptor into *out: what seqgpu_import_desc returns. */
SEQGPU_API void seqgpu_import_desc_(const seqgpu_import *import, int index, seqgpu_rnn_desc *out,
                                    size_t out_size);

/** The descriptor of network `index`, zeros for an index that is out of range.  `cell` is in static memory;
 * seq_len and batch are 0 where the file does not say, and may be set to anything.  PyTorch's RNN does not
 * say its
 * activation: it is tanh here, and may be set to what it was trained with. */
static inline seqgpu_rnn_desc seqgpu_import_desc(const seqgpu_import *import, int index) {
  seqgpu_rnn_desc desc;
  seqgpu_import_desc_(import, index, &desc, sizeof desc);
  return desc;
}

/** Copies a network's parameters into params, where seqgpu_params_add_rnn added a network of its descriptor
 * under `prefix`; its read-out and its initial states as well, where params have them under the names above.
 * All or nothing, unless the device fails.
 * Errors: SEQGPU_EINVAL (index, or params lack a tensor, or it has another shape), SEQGPU_ENONFINITE (a
 * number is NaN, or infinite in the context's type), SEQGPU_ENOMEM, SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_import_load(const seqgpu_import *import, int index, seqgpu_params *params,
                                            const char *prefix);

/** Adds a network to params under `prefix`, with its read-out and initial states where the file has them, and
 * loads it.
 * Errors: as for seqgpu_params_add_rnn and seqgpu_import_load; nothing is added then. */
SEQGPU_API seqgpu_status seqgpu_import_add(const seqgpu_import *import, int index, seqgpu_params *params,
                                           const char *prefix);

/** The states that a run begins with: state `state` (0 = h) of network `index` into device memory, as
 * seqgpu_rnn_run.initial wants it.
 * batch: B.  A state of the file that is that of one sequence is repeated for each.
 * device: [L*N,B,W_k] of the context's type; set to zeros where the file says nothing.
 * Errors: SEQGPU_EINVAL (an argument, or the file's state is of another batch), SEQGPU_EFORMAT (it is of
 * other layers), SEQGPU_ENONFINITE, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_import_state(const seqgpu_import *import, int index, int state, int64_t batch,
                                             void *device);

/** The number of things in the file that were not taken: layers, nodes, arrays; 0 for NULL. */
SEQGPU_API int seqgpu_import_left_count(const seqgpu_import *import);

/** One of them, in words; valid until close.  NULL: the index is out of range. */
SEQGPU_API const char *seqgpu_import_left(const seqgpu_import *import, int index);

/* ---- export ---- */

/** Writes a network of params to a file, replacing one that is there once the new one is complete.
 * prefix: as it was given to seqgpu_params_add_rnn; what the file calls the network, where the format has
 * names.
 * plan: of the network's descriptor; its seq_len and batch do not matter.
 * format: a name of seqgpu_format_get.  "seqgpu" is a checkpoint with weights only, which describes the
 * network: a reader needs no sizes from elsewhere.
 * A file of another kind that is there, and is not empty, is never replaced.
 * Errors: SEQGPU_EINVAL, SEQGPU_EUNSUPPORTED (the format cannot say what the network has; the sentence names
 * it), SEQGPU_EIO, SEQGPU_ENOMEM, SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_export(seqgpu_params *params, const char *prefix, const seqgpu_plan *plan,
                                       const char *path, const char *format);

/** The text that describes a plan's network in a checkpoint: saved as metadata "network.PREFIX" with
 * seqgpu_checkpoint_save, it lets seqgpu_import_open read the networks of any checkpoint.
 * text: receives it, with a final zero; 512 bytes are enough.
 * Errors: SEQGPU_EINVAL (an argument is NULL, or size is too small). */
SEQGPU_API seqgpu_status seqgpu_describe_network(seqgpu_context *ctx, const seqgpu_plan *plan, char *text,
                                                 size_t size);

#ifdef __cplusplus
}
#endif
#endif
