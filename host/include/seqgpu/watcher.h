/** @file watcher.h
 * A watcher of video: what each frame shows, and what happens in a clip.
 *
 *   u_q      = relu(W_p patch_q + b_p)    of each square patch q of a frame    (LeCun et al. 1989)
 *   x_t      = largest u of each cell of patches, all cells side by side       [T,B,I]
 *   h        = network over dropout x                                          [T,B,Y]
 *   frames_t = W_f dropout h_t + b_f                                           [T,B,K]
 *   clip     = W_c dropout s + b_c,  s = h where each direction ends           [B,D]
 *
 * Patches stand at every place of a frame, cells of pool x pool of them side by side; what is left over at
 * the right and at the bottom belongs to no cell.
 *
 *   seqgpu_watcher_create(params, &desc, plan, &watcher);
 *   seqgpu_tensor *clip, *frames = seqgpu_watcher_logits(watcher, tape, plan, T, B, lengths, pixels, &clip);
 *   seqgpu_tensor *loss = seqgpu_tape_cross_entropy(tape, frames, shown, 1, 1.0);
 *   loss = seqgpu_tape_add(tape, loss, seqgpu_tape_cross_entropy(tape, clip, happens, 1, 1.0));
 *
 * The plans are the caller's: one that trains, and others of the same network that only run.  Any cell, any
 * options, one direction or two; their input_size is that of seqgpu_watcher_features.
 *
 * Letters: T = frames, B = clips, I = features of a frame, Y = output width of the plan, K and D = classes of
 * frames and of clips.
 */
#ifndef SEQGPU_WATCHER_H
#define SEQGPU_WATCHER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a watcher; they need no defaults. */
typedef struct seqgpu_watcher_desc {
  int64_t height;        /**< of a frame, at least 1 */
  int64_t width;         /**< likewise */
  int64_t patch;         /**< side of a patch, at most height and width */
  int64_t pool;          /**< side of a cell, in places of patches: at least 1, and one cell must fit */
  int64_t maps;          /**< elements of u, at least 1 */
  int64_t frame_classes; /**< K, at least 1 */
  int64_t clip_classes;  /**< D, at least 1 */
  double dropout;        /**< probability of dropping an element of x, of h and of s, in training; 0 to 1 */
} seqgpu_watcher_desc;

/** A watcher; freed by seqgpu_watcher_destroy. */
typedef struct seqgpu_watcher seqgpu_watcher;

/** What seqgpu_watcher_features calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_watcher_features_(seqgpu_context *ctx, const seqgpu_watcher_desc *desc,
                                                  size_t size, int64_t *out);

/** How many features a frame has, input_size of the plans: maps times the cells of a frame.
 * ctx: receives the sentence of an error.
 * Errors: SEQGPU_EINVAL (a pointer is NULL; a size out of its range). */
static inline seqgpu_status seqgpu_watcher_features(seqgpu_context *ctx, const seqgpu_watcher_desc *desc,
                                                    int64_t *out) {
  return seqgpu_watcher_features_(ctx, desc, sizeof(seqgpu_watcher_desc), out);
}

/** What seqgpu_watcher_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_watcher_create_(seqgpu_params *params, const seqgpu_watcher_desc *desc,
                                                size_t size, const seqgpu_plan *plan, seqgpu_watcher **out);

/** Creates a watcher, adds its weights to params and draws them: patch.weight [maps, patch*patch],
 * patch.bias, the network "rnn", frame.weight [K, Y], frame.bias, clip.weight [D, .] and clip.bias.
 * params: must outlive the watcher.  plan: is only looked at.
 * out: receives the watcher, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose input_size does not fit), SEQGPU_ENOMEM;
 * weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_watcher_create(seqgpu_params *params, const seqgpu_watcher_desc *desc,
                                                  const seqgpu_plan *plan, seqgpu_watcher **out) {
  return seqgpu_watcher_create_(params, desc, sizeof(seqgpu_watcher_desc), plan, out);
}

/** Frees the watcher; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_watcher_destroy(seqgpu_watcher *watcher);

/** The logits [T,B,K] of the frames of B clips side by side, on a tape.
 * plan: of the network that the watcher was created with, for at least T steps of B clips.
 * lengths [B]: frames of each clip, 1 to T, or NULL: all have T.
 * pixels [T,B,height,width]: in the context's element type; behind the end of a clip anything finite.
 * Both in host memory that may be freed after the call.
 * clip: receives the logits [B,D] of the clips, or NULL on failure; may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
SEQGPU_API seqgpu_tensor *seqgpu_watcher_logits(const seqgpu_watcher *watcher, seqgpu_tape *tape,
                                                const seqgpu_plan *plan, int64_t T, int64_t B,
                                                const int32_t *lengths, const void *pixels,
                                                seqgpu_tensor **clip);

#ifdef __cplusplus
}
#endif
#endif
