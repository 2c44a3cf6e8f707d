/* layer.cu - the algorithm `step`: one layer, one direction, a whole sequence, for every cell.
 *
 * Forward                                     Backward (t in the opposite order)
 *   gates = x W_ih^T + b     one GEMM           for t: for each stage, last first:
 *   for t: for each stage:                          pointwise step       -> dgates, daux, dstate
 *     its recurrent products  one GEMM each         its products transposed -> dstate, daux
 *     its pointwise step      one launch        dx = dgates W_ih;  dW = d(to)^T from: one GEMM each;  sums
 *   around the stages of a step, the masks of a layer that has any (masks.h); between products and pointwise
 *   step, its norms (norm.h)
 *
 * The cell is data (core/cell.h) and a pair of launchers (cells.h).  Everything
 * that a run enqueues is replayed as one CUDA graph when the same arguments come again (graph.cu).
 * Limits: a step is at least two dependent launches and reads all recurrent weights.  Weights that fit on the
 * chip are the business of the persistent algorithms.
 *
 * The third pass, of tangents, is layer_tangent.cu's, and what error signals lose or gain layer_signals.cu's.
 */
#include "kernels/layer.h"

#include <stdio.h>
#include <string.h>

#include "kernels/layer_job.h"
#include "kernels/layer_tangent.h"
#include "kernels/masks.h"
#include "kernels/norm.h"
#include "kernels/structure.h"

namespace {

/* Inference works in chunks of this many rows of [T,B]: enough for the GEMM over their input. */
#ifdef SEQGPU_EMULATE
const int64_t CHUNK_ROWS = 8; /* so that small tests have several chunks */
#else
const int64_t CHUNK_ROWS = 4096;
#endif

/* What backward holds of states with zoneout, behind the key of the masks. */
int64_t held_size(const sq_layout *l, int64_t batch) {
  int64_t size = 0;
  for (int k = 0; k < l->states; k++)
    if (l->masks.zone[k] > 0) size += sq_align_elements(batch * l->state_width[k]);
  return size;
}

/* Points a job at its masks. */
void place_masks(const sq_layer_run *run, sq_layer_job *j) {
  const sq_layout *l = run->layout;
  sq_layer_place_key(run, j);
  if (j->key == NULL) return;
  float *at = static_cast<float *>(run->workspace) + sq_job_workspace(l, run->seq_len, run->batch, 1) +
              sq_layer_key_size(l);
  for (int k = 0; k < l->states; k++) {
    j->held[k] = at;
    if (l->masks.zone[k] > 0) at += sq_align_elements(run->batch * l->state_width[k]);
  }
}

/* ---- one time step ---- */

int forward_step(sq_exec *exec, const sq_layer_job &j, int64_t t) {
  const sq_layout *l = j.layout;
  sq_step_f32 s = sq_layer_step(j, t);
  s.y = static_cast<float *>(j.run->y) + s.t * s.batch * s.ldy;
  int error = j.enters ? sq_masks_enter(exec, &s) : 0;
  for (int stage = 0; stage < l->stages && error == 0; stage++) {
    for (int i = 0; i < l->products && error == 0; i++)
      if (l->product[i].stage == stage) error = sq_layer_product(exec, j, s, i, false);
    if (error == 0) error = sq_gpu_norms_forward(exec, sq_layer_norm_rows(j, s), stage);
    if (error == 0) error = j.cell->forward(exec, &s, stage);
  }
  return error == 0 && j.leaves ? sq_masks_leave(exec, &s) : error;
}

int backward_step(sq_exec *exec, const sq_layer_job &j, int64_t t) {
  sq_step_f32 s = sq_layer_step_back(j, t);
  int error = j.leaves ? sq_masks_arrive(exec, &s, j.held) : 0;
  if (error == 0) error = sq_layer_stages_back(exec, j, s);
  return error == 0 && (j.enters || j.leaves) ? sq_masks_depart(exec, &s, j.held) : error;
}

/* ---- the whole sequence, in chunks ---- */

int forward_chunk(sq_exec *exec, const sq_layer_job &j) {
  int error = sq_job_project_input(exec, j);
  for (int64_t i = 0; i < j.steps && error == 0; i++)
    error = forward_step(exec, j, j.run->reverse ? j.steps - 1 - i : i);
  return error;
}

/* The states before the job's first step: from the slot where the chunk before ended, or the caller's. */
int enter_chunk(sq_exec *exec, const sq_layer_job &j, int64_t done, int64_t last) {
  int error = 0;
  for (int k = 0; k < j.layout->states && error == 0; k++) {
    const int64_t size = j.run->batch * j.layout->state_width[k];
    float *to = j.state[k] + (j.run->reverse ? j.steps : 0) * size;
    const float *from = j.state[k] + last * size;
    if (done == 0)
      error = sq_job_enter(exec, j, k, j.run->initial[k], j.run->params, to);
    else if (from != to)
      error = sq_gpu_copy(exec, to, from, size);
  }
  return error;
}

int enqueue_forward(sq_exec *exec, const void *argument) {
  const sq_layer_run *run = static_cast<const sq_layer_run *>(argument);
  sq_layer_job j = {};
  j.run = run;
  j.layout = run->layout;
  j.cell = sq_launchers_of(run->layout);
  place_masks(run, &j);
  const int64_t T = run->seq_len,
                chunk = run->reserve != NULL ? T : sq_chunk_steps(CHUNK_ROWS, T, run->batch);
  float *workspace = static_cast<float *>(run->workspace);
  int error = sq_job_prepare_products(exec, &j, workspace, 0);
  workspace += sq_job_products_size(j.layout, run->batch, 0);
  sq_job_place(&j, run->reserve != NULL ? static_cast<float *>(run->reserve) : workspace, chunk);
  if (error != 0) return error;
  int64_t done = 0, last = 0; /* last: the slot that holds the newest state */
  do {
    j.steps = T - done < chunk ? T - done : chunk;
    j.t0 = run->reverse ? T - done - j.steps : done;
    error = enter_chunk(exec, j, done, last);
    if (error == 0 && T > 0) error = forward_chunk(exec, j);
    last = run->reverse ? 0 : j.steps;
    done += j.steps;
  } while (done < T && error == 0);
  if (error == 0 && j.stats != NULL && run->running != NULL && T > 0) {
    const sq_norm_rows_f32 all = sq_job_norm_rows(j);
    error = sq_gpu_norm_update(exec, &all, static_cast<float *>(run->running));
  }
  return error != 0 ? error : sq_job_leave(exec, j, last);
}

int enqueue_backward(sq_exec *exec, const void *argument) {
  const sq_layer_run *run = static_cast<const sq_layer_run *>(argument);
  sq_layer_job j = {};
  j.cell = sq_launchers_of(run->layout);
  place_masks(run, &j);
  int error = sq_job_begin_backward(exec, run, &j);
  for (int64_t i = 0; i < j.steps && error == 0; i++)
    error = backward_step(exec, j, run->reverse ? i : j.steps - 1 - i);
  return error != 0 ? error : sq_job_end_backward(exec, j);
}

} // namespace

/* Everything runs, except rows of structured products that do not fit into a block. */
extern "C" const char *SQ_GPU(layer_refuses)(sq_exec *exec, const sq_problem *p, char *text, size_t size) {
  size_t most = 0;
  for (int i = 0; i < p->layout->products; i++) {
    const sq_product &product = p->layout->product[i];
    const size_t bytes =
        product.structure != NULL ? sq_structured(product)->shared(&product, p->training) : 0;
    if (bytes > most) most = bytes;
  }
  sq_gpu_limits limits;
  if (most == 0) return NULL;
  if (sq_gpu_limits_of(exec, &limits) != 0) return sq_no_answer;
  if (most <= limits.shared_bytes) return NULL;
  snprintf(text, size, "hidden_size: %lld needs %lld bytes of shared memory per block; the device has %lld",
           (long long)p->layout->config.hidden_size, (long long)most, (long long)limits.shared_bytes);
  return text;
}

extern "C" int64_t SQ_GPU(layer_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch, int training) {
  if (!training)
    return sq_job_products_size(l, batch, training) + sq_chunk_size(l, CHUNK_ROWS, seq_len, batch);
  const int64_t held = held_size(l, batch), tangents = sq_tangent_room(l, batch);
  return sq_job_workspace(l, seq_len, batch, training) + sq_layer_key_size(l) +
         (held > tangents ? held : tangents);
}

extern "C" int SQ_GPU(layer_forward)(sq_exec *exec, const sq_layer_run *run) {
  const int error = sq_layer_write_key(exec, run);
  return error != 0 ? error : sq_job_replay(exec, run, enqueue_forward);
}

extern "C" int SQ_GPU(layer_backward)(sq_exec *exec, const sq_layer_run *run) {
  const int error = sq_layer_write_key(exec, run);
  return error != 0 ? error : sq_job_replay(exec, run, enqueue_backward);
}
