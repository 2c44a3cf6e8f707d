/* contenders.c - opens, checks and runs what bench_rnn times (contenders.h). */
#include "bench/rnn/contenders.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/options.h"

/* ---------------------------------------------------------------- opening */

typedef struct contender_list {
  rnn_contender *contenders;
  int count;
  const rnn_problem *problem;
  rnn_device *device;
  const char *without;
  char chosen[RNN_NAME]; /* the algorithm that the planner takes */
  int unknown;           /* algorithms that the device does not have */
} contender_list;

static int on_cuda(const contender_list *l) {
  return strcmp(seqgpu_context_device(l->device->ctx), "cuda") == 0;
}

static int is_cudnn(const char *name) { return strncmp(name, "cuda/cudnn", 10) == 0; }

/* A plan that runs the problem by this algorithm; NULL: the one that the planner chooses. */
static seqgpu_status plan_of(const contender_list *l, const char *name, seqgpu_plan **out) {
  const seqgpu_plan_options options = {.algorithm = name};
  return seqgpu_plan_create(l->device->ctx, &l->problem->desc, &options, out);
}

static void find_chosen(contender_list *l) {
  seqgpu_plan *plan = NULL;
  if (plan_of(l, NULL, &plan) == SEQGPU_OK)
    snprintf(l->chosen, sizeof l->chosen, "%s", seqgpu_plan_algorithm(plan));
  seqgpu_plan_destroy(plan);
}

static int is_unwanted(const contender_list *l, const char *name) {
  return l->without && bench_listed(l->without, name);
}

static int already_there(const contender_list *l, const char *name) {
  for (int i = 0; i < l->count; i++)
    if (strcmp(l->contenders[i].name, name) == 0) return 1;
  return 0;
}

/* Microseconds of the whole problem by the planner's model; 0 if the device has no such algorithm. */
static double model_us(const contender_list *l, const char *name) {
  seqgpu_algorithm_info info = {.estimate_us = 0};
  for (int i = 0; i < seqgpu_algorithm_count(l->device->ctx); i++)
    if (seqgpu_algorithm_get(l->device->ctx, &l->problem->desc, i, &info) == SEQGPU_OK &&
        strcmp(info.name, name) == 0)
      return info.estimate_us;
  return 0;
}

/* name NULL: the planner's choice.  An algorithm that does not fit is named on stdout; that is no error. */
static void add_algorithm(contender_list *l, const char *name) {
  seqgpu_plan *plan = NULL;
  if (name && is_unwanted(l, name)) return;
  const seqgpu_status status = plan_of(l, name, &plan);
  if (status != SEQGPU_OK) {
    printf("skip %s: %s\n", name ? name : "auto", seqgpu_last_error(l->device->ctx));
    l->unknown += status != SEQGPU_EUNSUPPORTED;
    return;
  }
  const char *found = seqgpu_plan_algorithm(plan);
  if (l->count == RNN_MAX_CONTENDERS || already_there(l, found) || is_unwanted(l, found)) {
    seqgpu_plan_destroy(plan);
    return;
  }
  rnn_contender *contender = &l->contenders[l->count++];
  *contender = (rnn_contender){.plan = plan};
  snprintf(contender->name, sizeof contender->name, "%s", found);
  contender->is_cudnn = is_cudnn(contender->name);
  contender->model_us = model_us(l, contender->name);
  contender->is_chosen = strcmp(contender->name, l->chosen) == 0;
}

/* Every word of a comma-separated list; "auto" is the planner's choice. */
static void add_listed_algorithms(contender_list *l, const char *list) {
  char name[RNN_NAME];
  while (bench_next_word(&list, name, (int)sizeof name))
    add_algorithm(l, strcmp(name, "auto") == 0 ? NULL : name);
}

/* Every algorithm of the device that is cuDNN's, or every one that is not. */
static void add_all_algorithms(contender_list *l, int cudnn) {
  seqgpu_context *ctx = l->device->ctx;
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    seqgpu_algorithm_info info;
    if (seqgpu_algorithm_get(ctx, &l->problem->desc, i, &info) != SEQGPU_OK) continue;
    if (is_cudnn(info.name) != cudnn) continue;
    if (info.why_not[0])
      printf("skip %s: %s\n", info.name, info.why_not);
    else
      add_algorithm(l, info.name);
  }
}

static bench_shape peer_shape(const rnn_problem *p, int64_t seq_len) {
  return (bench_shape){p->row.cell,   seq_len,    p->row.batch, p->desc.input_size,
                       p->row.hidden, p->threads, p->training};
}

/* The peers of bench/peers/ know one layer, one direction, float32 and full lengths, on the CPU, and cells
 * without options. */
static const char *peer_refuses(const rnn_problem *p) {
  if (p->desc.num_layers > 1 || p->desc.bidirectional) return "it has one layer and one direction only";
  if (p->lengths) return "it has full lengths only";
  if (p->with) return "it has no options of cells";
  return NULL;
}

static void add_peer(contender_list *l, const bench_peer *peer) {
  const rnn_problem *p = l->problem;
  const char *why = is_unwanted(l, peer->name) ? "--without names it" : peer_refuses(p);
  const bench_shape shape = peer_shape(p, p->row.seq_len);
  const rnn_device *d = l->device;
  /* on the CPU device memory is host memory: the peer reads and writes the same buffers */
  const bench_data data = {d->x[0], d->params, d->dy[0], d->y[0], d->dx[0], d->dparams};
  void *state = why ? NULL : peer->open(&shape, &data, &why);
  if (state == NULL) {
    printf("skip %s: %s\n", peer->name, why);
    return;
  }
  if (l->count == RNN_MAX_CONTENDERS) {
    peer->close(state);
    return;
  }
  l->contenders[l->count] = (rnn_contender){.peer = peer, .state = state};
  snprintf(l->contenders[l->count++].name, RNN_NAME, "%s", peer->name);
}

/* What the most demanding plans ask for: they share the buffers. */
static void find_largest(const contender_list *l, size_t *workspace, size_t *reserve) {
  *workspace = *reserve = 0;
  for (int i = 0; i < l->count; i++) {
    const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(l->contenders[i].plan);
    if (sizes.workspace > *workspace) *workspace = sizes.workspace;
    if (sizes.reserve > *reserve) *reserve = sizes.reserve;
  }
}

int rnn_contenders_open(rnn_contender *contenders, const rnn_problem *p, rnn_device *device,
                        const rnn_options *o) {
  contender_list l = {.contenders = contenders, .problem = p, .device = device, .without = o->without};
  find_chosen(&l);
  const char *algorithms = o->algorithms ? o->algorithms : on_cuda(&l) ? "all" : "auto";
  if (strcmp(algorithms, "all") == 0)
    add_all_algorithms(&l, 0);
  else
    add_listed_algorithms(&l, algorithms);
  if (on_cuda(&l) && bench_listed(o->peers, "cudnn")) add_all_algorithms(&l, 1);
  if (l.unknown)
    fprintf(stderr, "bench_rnn: --algorithms is %s; each must be an algorithm of this device\n", algorithms);
  if (l.unknown || l.count == 0) return l.unknown ? -1 : 0;
  size_t workspace, reserve;
  find_largest(&l, &workspace, &reserve);
  if (!rnn_device_buffers(device, p, workspace, reserve)) return -1;
  for (int i = 0; bench_peers[i] && !on_cuda(&l); i++)
    if (bench_listed(o->peers, bench_peers[i]->name) || bench_listed(o->peers, "cpu"))
      add_peer(&l, bench_peers[i]);
  return l.count;
}

void rnn_contenders_close(rnn_contender *contenders, int count) {
  for (int i = 0; i < count; i++) {
    seqgpu_plan_destroy(contenders[i].plan);
    if (contenders[i].peer) contenders[i].peer->close(contenders[i].state);
  }
}

/* ---------------------------------------------------------------- running */

static seqgpu_rnn_run run_of(const rnn_problem *p, const rnn_device *d, int set) {
  return (seqgpu_rnn_run){.seq_len = p->row.seq_len,
                          .batch = p->row.batch,
                          .lengths = d->lengths,
                          .host_lengths = p->lengths,
                          .params = d->params,
                          .x = d->x[set],
                          .y = d->y[set],
                          .reserve = d->reserve,
                          .workspace = d->workspace,
                          .dy = d->dy[set],
                          .dx = d->dx[set],
                          .dparams = d->dparams};
}

static int failed(const rnn_contender *contender, const rnn_device *d, const char *what) {
  fprintf(stderr, "bench_rnn: %s: %s: %s\n", contender->name, what, seqgpu_last_error(d->ctx));
  return 0;
}

static int run_plan(const rnn_contender *contender, const rnn_problem *p, const rnn_device *d,
                    const seqgpu_rnn_run *run, void (*between)(void *), void *argument) {
  if (seqgpu_rnn_forward(d->ctx, contender->plan, run) != SEQGPU_OK) return failed(contender, d, "forward");
  if (between) between(argument);
  if (!p->training) return 1;
  return seqgpu_rnn_backward(d->ctx, contender->plan, run) == SEQGPU_OK ? 1
                                                                        : failed(contender, d, "backward");
}

int rnn_contender_prepare(rnn_contender *contender, const rnn_problem *p, const rnn_device *d) {
  if (contender->peer) return contender->peer->prepare(contender->state) == 0;
  if (!p->training) return 1;
  return seqgpu_zero(d->ctx, d->dparams, (size_t)p->param_elements * sizeof(float)) == SEQGPU_OK;
}

int rnn_contender_run(rnn_contender *contender, const rnn_problem *p, const rnn_device *d, int set,
                      void (*between)(void *), void *argument) {
  if (contender->peer) return contender->peer->run(contender->state) == 0;
  const seqgpu_rnn_run run = run_of(p, d, set);
  return run_plan(contender, p, d, &run, between, argument);
}

/* ---------------------------------------------------------------- checking */

/* Every output becomes NaN; the gradients of parameters become zero, since runs add to them. */
static int poison_outputs(const rnn_problem *p, const rnn_device *d) {
  if (!rnn_poison(d, d->y[0], p->y_count)) return 0;
  if (!p->training) return 1;
  return rnn_poison(d, d->dx[0], p->x_count) &&
         seqgpu_zero(d->ctx, d->dparams, (size_t)p->param_elements * sizeof(float)) == SEQGPU_OK;
}

/* A copy of a float32 tensor in host memory; NULL without memory or after an error of the device. */
static float *fetch(const rnn_device *d, const void *from, int64_t count) {
  float *out = malloc((size_t)count * sizeof *out);
  if (out && seqgpu_copy_out(d->ctx, out, from, (size_t)count * sizeof *out) == SEQGPU_OK) return out;
  free(out);
  return NULL;
}

/* Compares the checked part of the device's outputs with float64. */
static double compare(const rnn_problem *p, const rnn_device *d) {
  const int64_t rows = p->check.seq_len * p->row.batch;
  float *y = fetch(d, d->y[0], rows * p->out), *dx = NULL, *dparams = NULL;
  if (p->training) dx = fetch(d, d->dx[0], rows * p->desc.input_size);
  if (p->training) dparams = fetch(d, d->dparams, p->param_elements);
  const int whole = y && (!p->training || (dx && dparams));
  const double error = whole ? rnn_check_error(p, y, dx, dparams) : (double)INFINITY;
  free(y);
  free(dx);
  free(dparams);
  return error;
}

static int run_checked_part(rnn_contender *contender, const rnn_problem *p, const rnn_device *d) {
  seqgpu_rnn_run run = run_of(p, d, 0);
  run.seq_len = p->check.seq_len;
  run.lengths = d->check_lengths;
  run.host_lengths = p->check.lengths;
  run.dy = d->check_dy;
  if (contender->plan) return run_plan(contender, p, d, &run, NULL, NULL);
  const char *why = NULL;
  const bench_shape shape = peer_shape(p, run.seq_len);
  const bench_data data = {run.x, run.params, run.dy, run.y, run.dx, run.dparams};
  void *state = contender->peer->open(&shape, &data, &why);
  const int good = state && contender->peer->prepare(state) == 0 && contender->peer->run(state) == 0 &&
                   contender->peer->fetch(state) == 0;
  if (state) contender->peer->close(state);
  return good;
}

/* The run that is going to be timed must write every element of its outputs. */
static int whole_is_finite(rnn_contender *contender, const rnn_problem *p, const rnn_device *d) {
  if (!poison_outputs(p, d) || !rnn_contender_prepare(contender, p, d) ||
      !rnn_contender_run(contender, p, d, 0, NULL, NULL))
    return 0;
  int64_t bad = rnn_count_not_finite(d, d->y[0], p->y_count);
  if (p->training) bad += rnn_count_not_finite(d, d->dx[0], p->x_count);
  if (p->training) bad += rnn_count_not_finite(d, d->dparams, p->param_elements);
  return bad == 0;
}

double rnn_contender_check(rnn_contender *contender, const rnn_problem *p, const rnn_device *d) {
  if (!poison_outputs(p, d) || !run_checked_part(contender, p, d)) return (double)INFINITY;
  const double error = compare(p, d);
  return whole_is_finite(contender, p, d) ? error : (double)INFINITY;
}
