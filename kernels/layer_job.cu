/* layer_job.cu - see layer_job.h: the cells' launchers, and what is done in one time step. */
#include "kernels/layer_job.h"

#include <string.h>

#include "kernels/cells.h"
#include "kernels/masks.h"
#include "kernels/norm.h"
#include "kernels/structure.h"

static const sq_cell_launchers cells[] = {
#define CELL(id, name, states, gates, options, about) {name, SQ_GPU(id##_forward), SQ_GPU(id##_backward)},
#include "core/cells.def"
#undef CELL
};

const sq_cell_launchers *sq_launchers_of(const sq_layout *l) {
  const sq_cell_launchers *c = cells;
  while (strcmp(c->name, l->cell->name) != 0) c++; /* a layout's cell is a row of cells.def */
  return c;
}

int64_t sq_layer_key_size(const sq_layout *l) {
  return sq_masks_blocks(l, 1, 1) > 0 ? SQ_MASKS_KEY_ELEMENTS : 0;
}

void sq_layer_place_key(const sq_layer_run *run, sq_layer_job *j) {
  const sq_layout *l = run->layout;
  j->enters = sq_masks_enters(l);
  j->leaves = sq_masks_leaves(l);
  if (run->reserve == NULL || sq_layer_key_size(l) == 0) return;
  const float *frame = static_cast<const float *>(run->workspace);
  j->key = reinterpret_cast<const uint64_t *>(frame + sq_job_workspace(l, run->seq_len, run->batch, 1));
}

int sq_layer_write_key(sq_exec *exec, const sq_layer_run *run) {
  sq_layer_job j = {};
  sq_layer_place_key(run, &j);
  return j.key == NULL ? 0 : sq_masks_key(exec, run->seed, run->first_block, const_cast<uint64_t *>(j.key));
}

sq_step_f32 sq_layer_step(const sq_layer_job &j, int64_t t) {
  const sq_layout *l = j.layout;
  const int64_t B = j.run->batch;
  sq_step_f32 s = {};
  s.layout = l;
  s.batch = B;
  s.t = j.t0 + t;
  s.lengths = j.run->lengths;
  s.params = static_cast<const float *>(j.run->params);
  s.gates = j.gates + t * B * l->gates;
  s.aux = j.aux + t * B * l->aux;
  for (int k = 0; k < l->states; k++) {
    s.prev[k] = j.state[k] + sq_slot_prev(j.run->reverse, t) * B * l->state_width[k];
    s.next[k] = j.state[k] + sq_slot_next(j.run->reverse, t) * B * l->state_width[k];
  }
  s.ldy = j.run->ldy;
  s.masks = sq_masks_at(j.key, sq_masks_width(l), sq_layer_whole(j.run), s.t, 0);
  return s;
}

sq_step_f32 sq_layer_step_back(const sq_layer_job &j, int64_t t) {
  const sq_layout *l = j.layout;
  sq_step_f32 s = sq_layer_step(j, t);
  if (j.run->dy != NULL) s.dy = static_cast<const float *>(j.run->dy) + t * s.batch * s.ldy;
  s.dgates = j.dgates + t * s.batch * l->gates;
  s.daux = j.daux + t * s.batch * l->aux;
  for (int k = 0; k < l->states; k++) s.dstate[k] = j.dstate[k];
  return s;
}

sq_matrix sq_layer_place(const sq_step_f32 &s, const sq_place &p, bool gradient) {
  const sq_layout *l = s.layout;
  if (p.buffer == SQ_GATES) return {(gradient ? s.dgates : s.gates) + p.column, l->gates};
  if (p.buffer == SQ_AUX) return {(gradient ? s.daux : s.aux) + p.column, l->aux};
  const float *state = p.buffer == SQ_STATE ? s.next[p.state] : s.prev[p.state];
  return {(gradient ? s.dstate[p.state] : state) + p.column, l->state_width[p.state]};
}

sq_norm_rows_f32 sq_layer_norm_rows(const sq_layer_job &j, const sq_step_f32 &s) {
  sq_norm_rows_f32 r = sq_job_norm_rows(j);
  r.steps = 1;
  r.t = s.t;
  r.gates = s.gates;
  r.aux = s.aux;
  r.state = s.next[SQ_NORM_STATE];
  if (j.stats != NULL) r.stats = j.stats + (s.t - j.t0) * s.layout->stats;
  r.dgates = s.dgates;
  r.daux = s.daux;
  r.dstate = s.dstate[SQ_NORM_STATE];
  return r;
}

/* ---- products ---- */

sq_rows_f32 sq_layer_rows(const sq_layer_job &j, const sq_step_f32 &s, int i) {
  const sq_product &p = j.layout->product[i];
  sq_rows_f32 r = {};
  r.layout = j.layout;
  r.product = &p;
  r.rows = s.batch;
  r.params = sq_job_weight(j, p);
  r.prepared = j.prepared[i];
  r.grads = j.grads[i];
  const sq_matrix from = sq_layer_place(s, p.from, false);
  r.from = from.data;
  r.ld_from = from.ld;
  return r;
}

int sq_layer_product(sq_exec *exec, const sq_layer_job &j, const sq_step_f32 &s, int i, bool adds) {
  const sq_product &p = j.layout->product[i];
  const sq_matrix to = sq_layer_place(s, p.to, false);
  const int accumulate = adds || p.to.buffer == SQ_GATES;
  if (p.structure == NULL)
    return sq_job_gemm(exec, j.run->math, 0, 1, s.batch, p.rows, p.cols, sq_layer_place(s, p.from, false),
                       {sq_job_weight(j, p), p.cols}, accumulate, to);
  sq_rows_f32 r = sq_layer_rows(j, s, i);
  r.to = const_cast<float *>(to.data);
  r.ld_to = to.ld;
  r.accumulate = accumulate;
  return sq_structured(p)->forward(exec, &r);
}

static int structured_back(sq_exec *exec, const sq_layer_job &j, const sq_step_f32 &s, int i) {
  const sq_product &p = j.layout->product[i];
  const sq_matrix to = sq_layer_place(s, p.to, true);
  sq_rows_f32 r = sq_layer_rows(j, s, i);
  r.dto = to.data;
  r.ld_to = to.ld;
  r.dfrom = const_cast<float *>(sq_layer_place(s, p.from, true).data);
  return sq_structured(p)->backward(exec, &r);
}

/* d(from) (+)= d(to) W: a gradient at aux is overwritten unless the product adds, one at a state is added
 * to. */
static int products_back(sq_exec *exec, const sq_layer_job &j, const sq_step_f32 &s, int stage) {
  int error = 0;
  for (int i = j.layout->products - 1; i >= 0 && error == 0; i--) {
    const sq_product &p = j.layout->product[i];
    if (p.stage != stage) continue;
    error = p.structure != NULL
                ? structured_back(exec, j, s, i)
                : sq_job_gemm(exec, j.run->math, 0, 0, s.batch, p.cols, p.rows, sq_layer_place(s, p.to, true),
                              {sq_job_weight(j, p), p.cols}, p.from.buffer != SQ_AUX || p.adds,
                              sq_layer_place(s, p.from, true));
  }
  return error;
}

int sq_layer_stages_back(sq_exec *exec, const sq_layer_job &j, const sq_step_f32 &s) {
  int error = 0;
  for (int stage = j.layout->stages - 1; stage >= 0 && error == 0; stage--) {
    error = j.cell->backward(exec, &s, stage);
    if (error == 0) error = sq_gpu_norms_backward(exec, sq_layer_norm_rows(j, s), stage);
    if (error == 0) error = products_back(exec, j, s, stage);
  }
  return error;
}
