/* guard.c - memory of a run that cannot be right (guard.h): what would otherwise show as a wrong number, far
 * away. */
#include "host/run/guard.h"

#include <stdio.h>
#include <string.h>

#include "host/plan/layers.h"
#include "host/plan/mark.h"

/* ---------------------------------------------------------------- sizes */

static seqgpu_status check_told(const sq_net *n, const char *name, size_t told, int64_t elements) {
  const size_t need = (size_t)elements * n->element_size;
  if (told == 0 || told >= need) return SEQGPU_OK;
  return sq_fail(n->ctx, SEQGPU_EINVAL, "run: %s is %zu; a run of seq_len %lld and batch %lld needs %zu",
                 name, told, (long long)n->run->seq_len, (long long)n->run->batch, need);
}

seqgpu_status sq_guard_sizes(const sq_net *n) {
  SQ_TRY(check_told(n, "workspace_bytes", n->run->workspace_bytes, n->map->workspace_size));
  return n->training ? check_told(n, "reserve_bytes", n->run->reserve_bytes, n->map->reserve_size)
                     : SEQGPU_OK;
}

/* ---------------------------------------------------------------- overlaps */

/* A tensor of a run.  State -1: it is not one of a state. */
typedef struct span {
  const char *name;
  int state;
  const void *at;
  size_t size;
} span;

enum { MOST_SPANS = 9 + 4 * SQ_MAX_STATES };

typedef struct span_list {
  int count;
  span span[MOST_SPANS];
} span_list;

static void add(span_list *list, const char *name, int state, const void *at, size_t size) {
  if (at && size > 0) list->span[list->count++] = (span){name, state, at, size};
}

static int overlap(const span *a, const span *b) {
  const uintptr_t from = (uintptr_t)a->at, other = (uintptr_t)b->at;
  if (a->size == 0 || b->size == 0) return 0;
  return from < other + b->size && other < from + a->size;
}

/* "final[1]", in one of two places. */
static const char *name_of(const span *s, char text[32]) {
  if (s->state < 0) return s->name;
  snprintf(text, 32, "%s[%d]", s->name, s->state);
  return text;
}

static seqgpu_status refuse(const sq_net *n, const span *a, const span *b) {
  char first[32], second[32];
  return sq_fail(n->ctx, SEQGPU_EINVAL, "run: %s and %s overlap; each must have memory of its own",
                 name_of(a, first), name_of(b, second));
}

/* Final states may be in the place of the initial ones, the gradients at these in the place of those, and
 * running statistics in the parameters. */
static int is_carried(const span *written, const span *read) {
  const int running = strcmp(written->name, "running") == 0 && strcmp(read->name, "params") == 0;
  const int forward = strcmp(written->name, "final") == 0 && strcmp(read->name, "initial") == 0,
            backward = strcmp(written->name, "dinitial") == 0 && strcmp(read->name, "dfinal") == 0;
  return (forward || backward || running) && written->state == read->state && written->at == read->at;
}

static seqgpu_status check_overlaps(const sq_net *n, const span_list *written, const span_list *read) {
  for (int i = 0; i < written->count; i++) {
    const span *w = &written->span[i];
    for (int j = i + 1; j < written->count; j++)
      if (overlap(w, &written->span[j])) return refuse(n, w, &written->span[j]);
    for (int j = 0; j < read->count; j++)
      if (overlap(w, &read->span[j]) && !is_carried(w, &read->span[j])) return refuse(n, w, &read->span[j]);
  }
  return SEQGPU_OK;
}

static size_t bytes(const sq_net *n, int64_t elements) { return (size_t)elements * n->element_size; }

static size_t rows_size(const sq_net *n, int64_t width) {
  return bytes(n, n->run->seq_len * n->run->batch * width);
}

static size_t state_size(const sq_net *n, int k) {
  return bytes(n, n->plan->layers * n->plan->directions * n->run->batch * n->plan->first.state_width[k]);
}

/* What both passes read. */
static void add_inputs(const sq_net *n, span_list *list) {
  const seqgpu_rnn_run *run = n->run;
  add(list, "x", -1, run->x, rows_size(n, n->plan->desc.input_size));
  add(list, "params", -1, run->params, bytes(n, n->plan->param_elements));
  for (int k = 0; k < n->plan->first.states; k++) add(list, "initial", k, run->initial[k], state_size(n, k));
}

/* The mistakes that are made, for a step of a stream, which takes less than a microsecond: y in place, and
 * one memory for two states. */
static seqgpu_status check_stream(const sq_net *n) {
  const seqgpu_rnn_run *run = n->run;
  for (int k = 1; k < n->plan->first.states; k++)
    if (run->final[k] && run->final[k] == run->final[k - 1])
      return refuse(n, &(span){.name = "final", .state = k - 1}, &(span){.name = "final", .state = k});
  const span x = {"x", -1, run->x, rows_size(n, n->plan->desc.input_size)};
  const span y = {"y", -1, run->y, rows_size(n, n->plan->output_width)};
  return overlap(&y, &x) ? refuse(n, &y, &x) : SEQGPU_OK;
}

seqgpu_status sq_guard_forward(const sq_net *n) {
  const seqgpu_rnn_run *run = n->run;
  SQ_TRY(sq_guard_sizes(n));
  if (!n->training) return check_stream(n);
  span_list written, read;
  written.count = read.count = 0;
  add_inputs(n, &read);
  add(&written, "y", -1, run->y, rows_size(n, n->plan->output_width));
  for (int k = 0; k < n->plan->first.states; k++) add(&written, "final", k, run->final[k], state_size(n, k));
  if (n->plan->first.stats > 0) add(&written, "running", -1, run->running, bytes(n, n->plan->param_elements));
  add(&written, "workspace", -1, run->workspace, bytes(n, n->map->workspace_size));
  add(&written, "reserve", -1, run->reserve, bytes(n, n->map->reserve_size));
  return check_overlaps(n, &written, &read);
}

seqgpu_status sq_guard_backward(const sq_net *n) {
  const seqgpu_rnn_run *run = n->run;
  SQ_TRY(sq_guard_sizes(n));
  span_list written, read;
  written.count = read.count = 0;
  add_inputs(n, &read);
  add(&read, "reserve", -1, run->reserve, bytes(n, n->map->reserve_size));
  add(&read, "dy", -1, run->dy, rows_size(n, n->plan->output_width));
  add(&written, "dx", -1, run->dx, rows_size(n, n->plan->desc.input_size));
  add(&written, "dparams", -1, run->dparams, bytes(n, n->plan->param_elements));
  add(&written, "workspace", -1, run->workspace, bytes(n, n->map->workspace_size));
  add(&written, "omega", -1, run->omega, bytes(n, n->plan->layers * n->plan->directions * 2));
  for (int k = 0; k < n->plan->first.states; k++) {
    add(&read, "dfinal", k, run->dfinal[k], state_size(n, k));
    add(&written, "dinitial", k, run->dinitial[k], state_size(n, k));
  }
  return check_overlaps(n, &written, &read);
}

/* ---------------------------------------------------------------- the stamp of a reserve */

typedef struct stamp {
  uint64_t network; /* sq_plan_mark */
  int64_t seq_len, batch;
  uint64_t lengths; /* a hash; 0: none */
  uint64_t seed, offset;
} stamp;

_Static_assert(sizeof(stamp) <= SQ_STAMP_ELEMENTS * sizeof(float), "a stamp has room");

static stamp stamp_of(const sq_net *n) {
  const seqgpu_rnn_run *run = n->run;
  stamp s = {.network = n->plan->mark, .seq_len = run->seq_len, .batch = run->batch};
  if (run->lengths)
    s.lengths = sq_mark_bytes(SQ_MARK_START, run->lengths, (size_t)run->batch * sizeof *run->lengths);
  const int masks = n->plan->desc.dropout > 0 && n->plan->layers > 1;
  if (!masks && sq_plan_recurrent_blocks(n->plan) == 0) return s;
  s.seed = run->seed;
  s.offset = run->offset;
  if (run->whole_batch == 0) return s;
  const int64_t part[] = {run->whole_batch, run->first_sequence};
  s.offset = sq_mark_bytes(s.offset, part, sizeof part);
  return s;
}

/* NULL: there is no reserve, or it is a GPU's. */
static void *stamp_at(const sq_net *n) {
  return n->plan->mark ? sq_net_at(n, n->run->reserve, n->map->stamp) : NULL;
}

void sq_stamp_remove(const sq_net *n) {
  void *at = stamp_at(n);
  if (at) memset(at, 0, sizeof(stamp));
}

void sq_stamp_set(const sq_net *n) {
  void *at = stamp_at(n);
  if (at == NULL) return;
  const stamp s = stamp_of(n);
  memcpy(at, &s, sizeof s);
}

static seqgpu_status differs(const sq_net *n, const char *name, int64_t now, int64_t then) {
  return sq_fail(n->ctx, SEQGPU_EINVAL, "run: %s is %lld; it was %lld in the forward that filled reserve",
                 name, (long long)now, (long long)then);
}

seqgpu_status sq_stamp_check(const sq_net *n) {
  const void *at = stamp_at(n);
  if (at == NULL) return SEQGPU_OK;
  const stamp want = stamp_of(n);
  stamp found;
  memcpy(&found, at, sizeof found);
  if (found.network != want.network)
    return sq_fail(n->ctx, SEQGPU_EINVAL,
                   "run: reserve holds nothing of this network; seqgpu_rnn_forward must have filled it");
  if (found.seq_len != want.seq_len) return differs(n, "seq_len", want.seq_len, found.seq_len);
  if (found.batch != want.batch) return differs(n, "batch", want.batch, found.batch);
  if (found.lengths != want.lengths)
    return sq_fail(n->ctx, SEQGPU_EINVAL, "run: lengths are not those of the forward that filled reserve");
  if (found.seed == want.seed && found.offset == want.offset) return SEQGPU_OK;
  return sq_fail(
      n->ctx, SEQGPU_EINVAL,
      "run: seed and offset are not those of the forward that filled reserve, and so is no dropout mask");
}
