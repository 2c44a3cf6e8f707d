/* sides.c - the competitors of bench_rnn: plans of ours, cuDNN (which is a plan), and peer libraries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rnn/rnn.h"

/* ---------------------------------------------------------------- opening */

typedef struct side_list {
  rnn_side *sides;
  int count;
  const rnn_problem *problem;
  rnn_device *device;
  const rnn_options *options;
  char chosen[RNN_NAME]; /* what the planner takes */
  int unknown;           /* plans that the device does not have */
} side_list;

static int on_cuda(const side_list *l) { return strcmp(seqgpu_context_device(l->device->ctx), "cuda") == 0; }

static int is_cudnn(const char *name) { return strncmp(name, "cuda/cudnn", 10) == 0; }

static seqgpu_status plan_of(const side_list *l, const char *name, seqgpu_plan **out) {
  const seqgpu_plan_options options = {.algorithm = name};
  return seqgpu_plan_create(l->device->ctx, &l->problem->desc, &options, out);
}

static void find_chosen(side_list *l) {
  seqgpu_plan *plan = NULL;
  if (plan_of(l, NULL, &plan) == SEQGPU_OK)
    snprintf(l->chosen, sizeof l->chosen, "%s", seqgpu_plan_algorithm(plan));
  seqgpu_plan_destroy(plan);
}

static int already_there(const side_list *l, const char *name) {
  for (int i = 0; i < l->count; i++)
    if (strcmp(l->sides[i].name, name) == 0) return 1;
  return 0;
}

/* name NULL: the planner's choice.  A plan that does not fit is said on stdout, not an error. */
static void add_plan(side_list *l, const char *name) {
  seqgpu_plan *plan = NULL;
  const seqgpu_status status = plan_of(l, name, &plan);
  if (status != SEQGPU_OK) {
    printf("skip %s: %s\n", name ? name : "auto", seqgpu_last_error(l->device->ctx));
    l->unknown += status != SEQGPU_EUNSUPPORTED;
    return;
  }
  if (l->count == RNN_MAX_SIDES || already_there(l, seqgpu_plan_algorithm(plan))) {
    seqgpu_plan_destroy(plan);
    return;
  }
  rnn_side *side = &l->sides[l->count++];
  *side = (rnn_side){.plan = plan};
  snprintf(side->name, sizeof side->name, "%s", seqgpu_plan_algorithm(plan));
  side->is_cudnn = is_cudnn(side->name);
  side->is_chosen = strcmp(side->name, l->chosen) == 0;
}

/* Every word of a comma-separated list; "auto" is the planner's choice. */
static void add_listed_plans(side_list *l, const char *list) {
  char name[RNN_NAME];
  for (const char *at = list; *at;) {
    const size_t n = strcspn(at, ",");
    snprintf(name, sizeof name, "%.*s", (int)(n < RNN_NAME ? n : RNN_NAME - 1), at);
    add_plan(l, strcmp(name, "auto") == 0 ? NULL : name);
    at += n + (at[n] == ',');
  }
}

/* Every candidate of the device that is cuDNN's, or every one that is not. */
static void add_all_plans(side_list *l, int cudnn) {
  seqgpu_context *ctx = l->device->ctx;
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    seqgpu_algorithm_info info;
    if (seqgpu_algorithm_get(ctx, &l->problem->desc, i, &info) != SEQGPU_OK) continue;
    if (is_cudnn(info.name) != cudnn) continue;
    if (info.why_not[0])
      printf("skip %s: %s\n", info.name, info.why_not);
    else
      add_plan(l, info.name);
  }
}

static bench_shape peer_shape(const rnn_problem *p, int64_t seq_len) {
  return (bench_shape){p->row.cell,   seq_len,    p->row.batch, p->desc.input_size,
                       p->row.hidden, p->threads, p->training};
}

/* The peers of peers/ know one layer, one direction, float32 and full lengths, on the CPU. */
static const char *peer_refuses(const rnn_problem *p) {
  if (p->desc.num_layers > 1 || p->desc.bidirectional) return "one layer and one direction only";
  if (p->lengths) return "full lengths only";
  return NULL;
}

static void add_peer(side_list *l, const bench_peer *peer) {
  const rnn_problem *p = l->problem;
  const char *why = peer_refuses(p);
  const bench_shape shape = peer_shape(p, p->row.seq_len);
  const rnn_device *d = l->device;
  /* on the CPU device memory is host memory: the peer reads and writes the same buffers */
  const bench_data data = {d->x[0], d->params, d->dy[0], d->y[0], d->dx[0], d->dparams};
  void *state = why ? NULL : peer->open(&shape, &data, &why);
  if (state == NULL) {
    printf("skip %s: %s\n", peer->name, why);
    return;
  }
  if (l->count == RNN_MAX_SIDES) {
    peer->close(state);
    return;
  }
  l->sides[l->count] = (rnn_side){.peer = peer, .state = state};
  snprintf(l->sides[l->count++].name, RNN_NAME, "%s", peer->name);
}

/* The largest workspace and reserve of all plans, which share them. */
static void find_largest(const side_list *l, size_t *workspace, size_t *reserve) {
  *workspace = *reserve = 0;
  for (int i = 0; i < l->count; i++) {
    const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(l->sides[i].plan);
    if (sizes.workspace > *workspace) *workspace = sizes.workspace;
    if (sizes.reserve > *reserve) *reserve = sizes.reserve;
  }
}

int rnn_sides_open(rnn_side *sides, const rnn_problem *p, rnn_device *device, const rnn_options *o) {
  side_list l = {.sides = sides, .problem = p, .device = device, .options = o};
  find_chosen(&l);
  const char *plans = o->plans ? o->plans : on_cuda(&l) ? "all" : "auto";
  if (strcmp(plans, "all") == 0)
    add_all_plans(&l, 0);
  else
    add_listed_plans(&l, plans);
  if (on_cuda(&l) && rnn_listed(o->peers, "cudnn")) add_all_plans(&l, 1);
  if (l.unknown) fprintf(stderr, "bench_rnn: a plan of --plans %s cannot be made\n", plans);
  if (l.unknown || l.count == 0) return l.unknown ? -1 : 0;
  size_t workspace, reserve;
  find_largest(&l, &workspace, &reserve);
  if (!rnn_device_buffers(device, p, workspace, reserve)) return -1;
  for (int i = 0; bench_peers[i] && !on_cuda(&l); i++)
    if (rnn_listed(o->peers, bench_peers[i]->name) || rnn_listed(o->peers, "cpu"))
      add_peer(&l, bench_peers[i]);
  return l.count;
}

void rnn_sides_close(rnn_side *sides, int count) {
  for (int i = 0; i < count; i++) {
    seqgpu_plan_destroy(sides[i].plan);
    if (sides[i].peer) sides[i].peer->close(sides[i].state);
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

static int failed(const rnn_side *side, const rnn_device *d, const char *what) {
  fprintf(stderr, "bench_rnn: %s: %s: %s\n", side->name, what, seqgpu_last_error(d->ctx));
  return 0;
}

static int run_plan(const rnn_side *side, const rnn_problem *p, const rnn_device *d,
                    const seqgpu_rnn_run *run, void (*between)(void *), void *argument) {
  if (seqgpu_rnn_forward(d->ctx, side->plan, run) != SEQGPU_OK) return failed(side, d, "forward");
  if (between) between(argument);
  if (!p->training) return 1;
  return seqgpu_rnn_backward(d->ctx, side->plan, run) == SEQGPU_OK ? 1 : failed(side, d, "backward");
}

int rnn_side_prepare(rnn_side *side, const rnn_problem *p, const rnn_device *d) {
  if (side->peer) return side->peer->prepare(side->state) == 0;
  if (!p->training) return 1;
  return seqgpu_zero(d->ctx, d->dparams, (size_t)p->param_count * sizeof(float)) == SEQGPU_OK;
}

int rnn_side_run(rnn_side *side, const rnn_problem *p, const rnn_device *d, int set, void (*between)(void *),
                 void *argument) {
  if (side->peer) return side->peer->run(side->state) == 0;
  const seqgpu_rnn_run run = run_of(p, d, set);
  return run_plan(side, p, d, &run, between, argument);
}

/* ---------------------------------------------------------------- checking */

/* Every output NaN, gradients of parameters zero: they accumulate. */
static int poison_outputs(const rnn_problem *p, const rnn_device *d) {
  if (!rnn_poison(d, d->y[0], p->y_count)) return 0;
  if (!p->training) return 1;
  return rnn_poison(d, d->dx[0], p->x_count) &&
         seqgpu_zero(d->ctx, d->dparams, (size_t)p->param_count * sizeof(float)) == SEQGPU_OK;
}

/* A float32 tensor of the device on the host. */
static float *fetch(const rnn_device *d, const void *from, int64_t count) {
  float *out = malloc((size_t)count * sizeof *out);
  if (out && seqgpu_copy_out(d->ctx, out, from, (size_t)count * sizeof *out) == SEQGPU_OK) return out;
  free(out);
  return NULL;
}

/* The checked part of the device's outputs against float64. */
static double compare(const rnn_problem *p, const rnn_device *d) {
  const int64_t rows = p->check.seq_len * p->row.batch;
  float *y = fetch(d, d->y[0], rows * p->out), *dx = NULL, *dparams = NULL;
  if (p->training) dx = fetch(d, d->dx[0], rows * p->desc.input_size);
  if (p->training) dparams = fetch(d, d->dparams, p->param_count);
  const int whole = y && (!p->training || (dx && dparams));
  const double error = whole ? rnn_check_error(p, y, dx, dparams) : (double)INFINITY;
  free(y);
  free(dx);
  free(dparams);
  return error;
}

static int run_checked_part(rnn_side *side, const rnn_problem *p, const rnn_device *d) {
  seqgpu_rnn_run run = run_of(p, d, 0);
  run.seq_len = p->check.seq_len;
  run.lengths = d->check_lengths;
  run.host_lengths = p->check.lengths;
  run.dy = d->check_dy;
  if (side->plan) return run_plan(side, p, d, &run, NULL, NULL);
  const char *why = NULL;
  const bench_shape shape = peer_shape(p, run.seq_len);
  const bench_data data = {run.x, run.params, run.dy, run.y, run.dx, run.dparams};
  void *state = side->peer->open(&shape, &data, &why);
  const int good = state && side->peer->prepare(state) == 0 && side->peer->run(state) == 0 &&
                   side->peer->fetch(state) == 0;
  if (state) side->peer->close(state);
  return good;
}

/* The run that is going to be timed: every number of its outputs must have been written. */
static int whole_is_finite(rnn_side *side, const rnn_problem *p, const rnn_device *d) {
  if (!poison_outputs(p, d) || !rnn_side_prepare(side, p, d) || !rnn_side_run(side, p, d, 0, NULL, NULL))
    return 0;
  int64_t bad = rnn_count_not_finite(d, d->y[0], p->y_count);
  if (p->training) bad += rnn_count_not_finite(d, d->dx[0], p->x_count);
  if (p->training) bad += rnn_count_not_finite(d, d->dparams, p->param_count);
  return bad == 0;
}

double rnn_side_check(rnn_side *side, const rnn_problem *p, const rnn_device *d) {
  if (!poison_outputs(p, d) || !run_checked_part(side, p, d)) return (double)INFINITY;
  const double error = compare(p, d);
  return whole_is_finite(side, p, d) ? error : (double)INFINITY;
}
