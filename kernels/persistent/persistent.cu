/* persistent.cu - the persistent algorithms seen from the host: when they fit, what they should cost, and the
 * launches.  How the work is cut is in cut.cu; the kernels are in kernel.h.
 *
 * Forward:  gates = x W_ih^T (one GEMM per run), then one launch for all runs (grid: for as many sequences as
 * fit), which adds the bias.
 * Backward: one launch, then dx, dW and sums (one GEMM or reduction each), as in the algorithm `step`.
 *
 * The runs of a launch are the directions of a layer over a whole sequence, or layers of a stack, each over a
 * stretch of its own (host/run/wavefront.c).
 * Refused: an LSTM with projection, because its h has fewer elements than the cell has units, so the owner of
 * a unit owns no element of h; sizes whose weights do not fit; and whatever the device lacks.
 */
#include "kernels/persistent/algorithms.h"

#include <limits.h>
#include <stdio.h>

#include "kernels/job.h"
#include "kernels/persistent/cut.h"
#include "kernels/persistent/timeline.h"
#include "kernels/rounded.h"

namespace {

int at_most(int64_t n, int64_t most) { return (int)(n < most ? n : most); }

/* ---- refusals ---- */

enum { LARGEST_UNIT_TILE = 8 }; /* of all products */

const char *no_room(const sq_cut_question &q, const sq_cut &a, char *text, size_t size) {
  static const char *const places[] = {"block", "block of a cluster", "block of the grid"};
  const sq_reach reach = sq_persistent_algorithms[q.which].reach;
  if (reach == SQ_ONE_CLUSTER && a.least_bytes == 0 && q.hidden <= LARGEST_UNIT_TILE)
    return "hidden_size: one block holds all units, as with persistent-cta; a cluster has two at least";
  if (sq_persistent_algorithms[q.which].split && q.hidden <= (q.math == SQ_MATH_F32 ? 4 : 16))
    return "hidden_size: the depth of so few units has no second part, and a cluster of two at least divides "
           "it";
  if (a.least_bytes == 0) { /* no cut could even be tried */
    snprintf(text, size,
             "no cut of %lld units in %d runs side by side has its blocks on %d processors at the same time",
             (long long)q.hidden, q.abreast, q.limits.processors);
    return text;
  }
  snprintf(text, size, "%s: %llu bytes of shared memory needed in a %s at least, the device has %llu",
           q.backward ? "backward" : "forward", (unsigned long long)a.least_bytes, places[reach],
           (unsigned long long)q.limits.shared_bytes);
  return text;
}

const char *pass_refuses(sq_exec *exec, sq_persistent which, const sq_problem *p, int backward, char *text,
                         size_t size) {
  const sq_reach reach = sq_persistent_algorithms[which].reach;
  sq_cut_question q;
  const int error = sq_cut_ask(exec, which, p->layout, p->batch, p->directions, p->math, backward, &q);
  if (error != 0) return sq_no_answer;
  if ((reach == SQ_ONE_CLUSTER || sq_persistent_algorithms[which].grouped) && q.limits.cluster_max < 2)
    return "device: it has no thread-block clusters; sm_90 or later is needed";
  const int most = sq_cut_most_units(which, q.cell, q.limits.cluster_max);
  if (most > 0 && q.hidden > most) {
    snprintf(text, size, "hidden_size: %lld; the registers of a %s hold the weights of %d units of this cell",
             (long long)q.hidden, reach == SQ_ONE_CLUSTER ? "cluster" : "block", most);
    return text;
  }
  const sq_cut a = sq_cut_choose(exec, q);
  if (a.error != 0) return sq_no_answer;
  if (a.microseconds < 0) return no_room(q, a, text, size);
  const int needed = reach == SQ_WHOLE_GRID ? a.shape.ctas * a.shape.at_once * q.abreast : 1;
  int there = 0;
  if (sq_cut_resident(exec, q, a.shape, &there) != 0) return sq_no_answer;
  if (reach == SQ_WHOLE_GRID) there *= a.shape.cluster;
  if (there >= needed) return NULL;
  snprintf(
      text, size,
      "%s: %d %s with %u bytes of shared memory per block must be on the device at the same time, %d can be",
      backward ? "backward" : "forward", needed, reach == SQ_ONE_CLUSTER ? "cluster" : "blocks",
      a.shape.bytes, there);
  return text;
}

/* What the steps of cells.h have. */
const unsigned KNOWN_OPTIONS = SQ_OPTION_ACTIVATION | SQ_OPTION_LEAK | SQ_OPTION_RESET_AFTER |
                               SQ_OPTION_PEEPHOLE | SQ_OPTION_COUPLED | SQ_OPTION_NO_FORGET_GATE;

const char *refuses(sq_exec *exec, sq_persistent which, const sq_problem *p, char *text, size_t size) {
  if (p->layout->config.projection_size != 0)
    return "projection_size: must be 0, because one block owns both a unit and its element of h";
  if (sq_cut_cell(p->layout) < 0) return "cell: no persistent algorithm has its pointwise step";
  const char *option = sq_option_beyond(&p->layout->config, KNOWN_OPTIONS);
  if (option != NULL) return option;
  const int64_t H = p->layout->config.hidden_size,
                widest = p->layout->gates > 2 * H ? p->layout->gates : 2 * H;
  if (p->batch > RECURRENCE_STEP_MOST / widest) {
    snprintf(text, size,
             "batch: %lld; with %lld units at most %lld, so that a step has no more than 2^31 numbers",
             (long long)p->batch, (long long)H, (long long)(RECURRENCE_STEP_MOST / widest));
    return text;
  }
  if (p->seq_len > INT_MAX) return "seq_len: must be below 2^31, because the kernels count steps in 32 bits";
  if (p->directions > RECURRENCE_RUNS) {
    snprintf(text, size, "%d runs side by side: a launch takes %d", p->directions, RECURRENCE_RUNS);
    return text;
  }
  const char *why = pass_refuses(exec, which, p, 0, text, size);
  return why != NULL || !p->training ? why : pass_refuses(exec, which, p, 1, text, size);
}

/* Of one pass, without the GEMMs that all algorithms share. */
double pass_estimate(sq_exec *exec, sq_persistent which, const sq_problem *p, int backward) {
  sq_cut_question q;
  const int error = sq_cut_ask(exec, which, p->layout, p->batch, p->directions, p->math, backward, &q);
  if (error != 0) return NAN;
  if (q.cell < 0) return HUGE_VAL;
  const sq_cut a = sq_cut_choose(exec, q);
  if (a.error != 0) return NAN;
  return a.microseconds < 0 ? HUGE_VAL : a.launch + a.microseconds * (double)p->seq_len;
}

double estimate(sq_exec *exec, sq_persistent which, const sq_problem *p) {
  const double forward = pass_estimate(exec, which, p, 0);
  return p->training ? forward + pass_estimate(exec, which, p, 1) : forward;
}

/* ---- memory ---- */

enum { FLAGS = 4096 }; /* of one direction: more than any device has processors */

/* Elements of the two operands in global memory, in the pass that has more of them: at most 4 blocks, units padded to 16,
 * in each part of the depth if that is split, and slices of 8 sequences or more, each padded to a multiple of 8. */
int64_t exchange_elements(sq_persistent which, int64_t hidden, int64_t batch) {
  int64_t most = 0;
  for (int backward = 0; backward < 2; backward++) {
    const sq_persistent pass = sq_persistent_algorithms[which].pass[backward];
    const sq_persistent_info &kernels = sq_persistent_algorithms[pass];
    const int64_t parts = kernels.split ? PORTABLE_CLUSTER : 1;
    const int64_t units = sq_ceil_div(hidden, 16) * 16 + 16 * (parts - 1);
    const int64_t elements = 2 * 4 * units * (2 * batch + 16) << kernels.packets;
    if (elements > most) most = elements;
  }
  return most;
}

int64_t workspace(sq_persistent which, const sq_layout *l, int64_t seq_len, int64_t batch, int training,
                  sq_math math) {
  int64_t size = sq_align_elements(seq_len * batch * l->gates);
  if (training) size += sq_align_elements(seq_len * batch * l->aux);
  if (sq_persistent_algorithms[which].reach == SQ_WHOLE_GRID)
    size += FLAGS + exchange_elements(which, l->config.hidden_size, batch);
  return math == SQ_MATH_BF16 ? size + sq_rounded_size(l, seq_len * batch, training) : size;
}

/* A vector of the layer by name, on the device; NULL if the layout has none. */
const float *vector_of(const sq_layer_run *run, const char *name) {
  const int index = sq_layout_param(run->layout, name);
  return index < 0 ? NULL : static_cast<const float *>(run->params) + run->layout->param[index].offset;
}

/* The part of a run's buffers that a stretch works on. */
void place_stretch(const sq_stretch &s, sq_persistent which, int backward, sq_job *job, recurrence_run *r) {
  const sq_layer_run *run = &s.run;
  const sq_layout *l = run->layout;
  float *at = static_cast<float *>(run->workspace);
  const int64_t before = s.first * run->batch;
  *job = {};
  job->run = run;
  job->layout = l;
  job->t0 = s.first;
  job->steps = s.steps;
  if (sq_persistent_algorithms[which].reach == SQ_WHOLE_GRID) {
    r->flags = reinterpret_cast<uint32_t *>(at);
    r->exchange = reinterpret_cast<uint4 *>(at + FLAGS);
    at += FLAGS + exchange_elements(which, l->config.hidden_size, run->batch);
  }
  if (run->math == SQ_MATH_BF16) {
    job->rounded = at;
    at += sq_rounded_size(l, run->seq_len * run->batch, run->reserve != NULL);
  }
  if (run->reserve == NULL) {
    job->gates = at;
    return;
  }
  sq_job_place(job, static_cast<float *>(run->reserve), run->seq_len);
  job->gates += before * l->gates;
  job->aux += before * l->aux;
  for (int k = 0; k < l->states; k++) job->state[k] += before * l->state_width[k];
  if (!backward) return;
  job->dgates = at + before * l->gates;
  job->daux = at + sq_align_elements(run->seq_len * run->batch * l->gates) + before * l->aux;
}

void describe_stretch(const sq_stretch &s, int backward, const sq_job &job, recurrence_run *r) {
  const sq_layer_run *run = &s.run;
  const sq_layout *l = run->layout;
  const int64_t before = s.first * run->batch * run->ldy;
  r->seq_len = s.steps;
  r->first = s.first;
  r->batch = run->batch;
  r->reverse = run->reverse;
  const int64_t hidden = run->batch * l->config.hidden_size,
                way = (run->reverse != 0) != (backward != 0) ? -1 : 1;
  r->stride = {way, way * hidden, way * run->batch * run->ldy};
  r->before = run->reverse ? hidden : 0; /* sq_slot_prev and sq_slot_next */
  r->after = run->reverse ? 0 : hidden;
  const int cell = sq_cut_cell(l);
  const bool plain = cell == RECURRENCE_RNN || cell == RECURRENCE_LEAKY;
  r->option = plain ? (int)l->config.activation : l->config.coupled;
  r->leak = (float)l->config.leak;
  r->lengths = run->lengths;
  r->weights = vector_of(run, "weight_hh");
  r->bias = vector_of(run, "bias");
  r->vectors[0] = vector_of(run, l->config.peephole ? "peephole_i" : "bias_rec");
  r->vectors[1] = vector_of(run, "peephole_f");
  r->vectors[2] = vector_of(run, "peephole_o");
  r->gates = job.gates;
  r->aux = job.aux;
  r->dgates = job.dgates;
  r->daux = job.daux;
  r->y = run->y != NULL ? static_cast<float *>(run->y) + before : NULL;
  r->dy = run->dy != NULL ? static_cast<const float *>(run->dy) + before : NULL;
  r->ldy = run->ldy;
  for (int k = 0; k < l->states; k++) {
    r->state[k] = job.state[k];
    r->enter[k] = static_cast<const float *>(backward ? run->dfinal[k] : run->initial[k]);
    r->leave[k] = static_cast<float *>(backward ? run->dinitial[k] : run->final[k]);
  }
}

/* ---- the launch ---- */

/* One launch: the slices from shape.first on. */
int launch_slices(sq_exec *exec, const sq_cut_question &q, int count, recurrence_args *args) {
  const recurrence_shape &n = args->shape;
  const sq_persistent_info &algorithm = sq_persistent_algorithms[q.which];
  const int64_t slices = at_most(n.slices - n.first, n.at_once);
  /* zeros: what announces an exchange, the flags or the packets; and the padding that a multicast takes along */
  const int64_t operand = ((int64_t)n.exchange_bytes << algorithm.packets) / (int64_t)sizeof(float);
  const int64_t operands = algorithm.packets || algorithm.grouped ? slices * 2 * operand : 0;
  int error = 0;
  for (int i = 0; i < count && error == 0; i++)
    if (algorithm.reach == SQ_WHOLE_GRID)
      error = sq_gpu_zero(exec, reinterpret_cast<float *>(args->run[i].flags), FLAGS + operands);
  if (error != 0) return error;
  const dim3 grid((unsigned)(n.ctas * slices), (unsigned)count);
  args->timeline = sq_timeline_begin(exec);
  error = sq_launch_as(exec, sq_cut_mode(q, n), "recurrence_main", sq_cut_kernel(q, n), grid,
                       (unsigned)n.threads, n.bytes, *args);
  sq_timeline_end(exec, args->timeline, q, n, args->run[0].seq_len);
  return error;
}

/* `count` of the runs in args->run, in the cut for `abreast` of them: the order of the sums does not depend
 * on `count`. */
int launch(sq_exec *exec, sq_persistent which, const sq_layer_run *run, int count, int abreast, int backward,
           recurrence_args *args) {
  sq_cut_question q;
  int error = sq_cut_ask(exec, which, run->layout, run->batch, abreast, run->math, backward, &q);
  if (error != 0 || run->batch == 0) return error;
  sq_cut a = sq_cut_choose(exec, q);
  if (a.error != 0) return a.error;
  if (a.microseconds < 0) /* refused before: a block without threads, which the device refuses as well */
    a.shape.ctas = a.shape.cluster = a.shape.slices = a.shape.at_once = 1;
  args->shape = a.shape;
  for (int first = 0; first < a.shape.slices && error == 0; first += a.shape.at_once) {
    args->shape.first = first;
    error = launch_slices(exec, q, count, args);
  }
  return error;
}

int wave_forward(sq_exec *exec, sq_persistent which, const sq_stretch *s, int count, int abreast) {
  const bool adds_bias = sq_persistent_algorithms[sq_persistent_algorithms[which].pass[0]].adds_bias != 0;
  recurrence_args args = {};
  int error = 0;
  for (int i = 0; i < count && error == 0; i++) {
    sq_job job;
    place_stretch(s[i], which, 0, &job, &args.run[i]);
    describe_stretch(s[i], 0, job, &args.run[i]);
    error = adds_bias ? sq_job_multiply_input(exec, job) : sq_job_project_input(exec, job);
  }
  return error != 0 ? error : launch(exec, which, &s->run, count, abreast, 0, &args);
}

/* The recurrences of backward; jobs[count] have their buffers afterwards. */
int backward_recurrences(sq_exec *exec, sq_persistent which, const sq_stretch *s, int count, int abreast,
                         sq_job *jobs) {
  recurrence_args args = {};
  for (int i = 0; i < count; i++) {
    place_stretch(s[i], which, 1, &jobs[i], &args.run[i]);
    describe_stretch(s[i], 1, jobs[i], &args.run[i]);
  }
  return launch(exec, which, &s->run, count, abreast, 1, &args);
}

int wave_backward(sq_exec *exec, sq_persistent which, const sq_stretch *s, int count, int abreast) {
  sq_job jobs[RECURRENCE_RUNS];
  int error = backward_recurrences(exec, which, s, count, abreast, jobs);
  for (int i = 0; i < count && error == 0; i++) {
    sq_layer_run part = s[i].run; /* dx of the stretch */
    if (part.dx == NULL) continue;
    part.dx = static_cast<float *>(part.dx) + s[i].first * part.batch * part.ldx;
    part.dparams = NULL;
    jobs[i].run = &part;
    error = sq_job_gradients(exec, jobs[i]);
  }
  return error;
}

sq_stretch whole(const sq_layer_run &run) { return {run, 0, run.seq_len}; }

int wave_gradients(sq_exec *exec, sq_persistent which, const sq_layer_run *run) {
  sq_stretch s = whole(*run);
  recurrence_run unused = {};
  sq_job job;
  s.run.dx = NULL;
  place_stretch(s, which, 1, &job, &unused);
  return sq_job_gradients(exec, job);
}

int forward(sq_exec *exec, sq_persistent which, const sq_layer_run *runs, int count) {
  sq_stretch s[RECURRENCE_RUNS] = {};
  for (int i = 0; i < count; i++) s[i] = whole(runs[i]);
  return wave_forward(exec, which, s, count, count);
}

int backward(sq_exec *exec, sq_persistent which, const sq_layer_run *runs, int count) {
  sq_stretch s[RECURRENCE_RUNS] = {};
  sq_job jobs[RECURRENCE_RUNS];
  for (int i = 0; i < count; i++) s[i] = whole(runs[i]);
  int error = backward_recurrences(exec, which, s, count, count, jobs);
  for (int i = 0; i < count && error == 0; i++) error = sq_job_gradients(exec, jobs[i]);
  return error;
}

} // namespace

#define PERSISTENT_ALGORITHM(id, name)                                                                       \
  extern "C" const char *SQ_GPU(id##_refuses)(sq_exec * exec, const sq_problem *p, char *text,               \
                                              size_t size) {                                                 \
    return refuses(exec, SQ_PERSISTENT_##id, p, text, size);                                                 \
  }                                                                                                          \
  extern "C" double SQ_GPU(id##_estimate)(sq_exec * exec, const sq_problem *p) {                             \
    return estimate(exec, SQ_PERSISTENT_##id, p);                                                            \
  }                                                                                                          \
  extern "C" int64_t SQ_GPU(id##_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch,              \
                                            int training, sq_math math) {                                    \
    return workspace(SQ_PERSISTENT_##id, l, seq_len, batch, training, math);                                 \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_forward)(sq_exec * exec, const sq_layer_run *runs, int count) {                 \
    return forward(exec, SQ_PERSISTENT_##id, runs, count);                                                   \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_backward)(sq_exec * exec, const sq_layer_run *runs, int count) {                \
    return backward(exec, SQ_PERSISTENT_##id, runs, count);                                                  \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_wave_forward)(sq_exec * exec, const sq_stretch *s, int count, int abreast) {    \
    return wave_forward(exec, SQ_PERSISTENT_##id, s, count, abreast);                                        \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_wave_backward)(sq_exec * exec, const sq_stretch *s, int count, int abreast) {   \
    return wave_backward(exec, SQ_PERSISTENT_##id, s, count, abreast);                                       \
  }                                                                                                          \
  extern "C" int SQ_GPU(id##_wave_gradients)(sq_exec * exec, const sq_layer_run *run) {                      \
    return wave_gradients(exec, SQ_PERSISTENT_##id, run);                                                    \
  }
SQ_PERSISTENT_ALGORITHMS(PERSISTENT_ALGORITHM)
