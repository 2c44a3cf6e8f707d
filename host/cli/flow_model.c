/* flow_model.c - inputs and losses of trained models (flow_model.h). */
#include "host/cli/flow_model.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/charlm_file.h"
#include "host/cli/task_learner.h"

/* ---------------------------------------------------------------- the loss */

/* A trained network at work: F is computed from its output at the last step. */
typedef struct subject {
  seqgpu_context *ctx;
  seqgpu_rnn_desc desc;
  const seqgpu_param *rnn, *weight, *bias; /* weight [O,Y], bias [O] */
  int64_t T;
  double *x;            /* [T,I] */
  const int32_t *label; /* the class that is right; NULL: there are targets */
  const float *target;  /* [O] */
} subject;

/* On a tape: F of the output y [1,Y] in `value`, and dF/dy in `grad`. */
static seqgpu_status tape_loss(const subject *s, seqgpu_tape *t, const void *value, void *grad,
                               double *loss) {
  const int64_t y_shape[] = {1, s->weight->cols}, z_shape[] = {1, s->weight->rows}, one = 1;
  seqgpu_tensor *y = seqgpu_tape_wrap(t, 2, y_shape, value, grad);
  seqgpu_tensor *z = seqgpu_tape_linear(
      t, y, seqgpu_tape_wrap(t, 2, (int64_t[]){z_shape[1], y_shape[1]}, s->weight->value, NULL),
      seqgpu_tape_wrap(t, 1, &z_shape[1], s->bias->value, NULL));
  seqgpu_tensor *F =
      s->label ? seqgpu_tape_cross_entropy(t, z, seqgpu_tape_ids(t, 1, &one, s->label), 1, 1)
               : seqgpu_tape_squared_error(t, z, seqgpu_tape_input(t, 2, z_shape, s->target), NULL, 1, 1);
  LIB_TRY(seqgpu_tape_backward(t, F, NULL));
  return seqgpu_tensor_number(F, loss);
}

/* y [Y], as float32; on return its gradient. */
static seqgpu_status differentiate(const subject *s, float *y, double *loss) {
  const size_t size = (size_t)s->weight->cols * sizeof *y;
  void *value = NULL, *grad = NULL;
  seqgpu_tape *tape = NULL;
  seqgpu_status status = seqgpu_malloc(s->ctx, size, &value);
  if (status == SEQGPU_OK) status = seqgpu_malloc(s->ctx, size, &grad);
  if (status == SEQGPU_OK) status = seqgpu_zero(s->ctx, grad, size);
  if (status == SEQGPU_OK) status = seqgpu_copy_in(s->ctx, value, y, size);
  if (status == SEQGPU_OK) status = seqgpu_tape_create(s->ctx, 0, &tape);
  if (status == SEQGPU_OK) status = tape_loss(s, tape, value, grad, loss);
  if (status == SEQGPU_OK) status = seqgpu_copy_out(s->ctx, y, grad, size);
  seqgpu_tape_destroy(tape);
  seqgpu_free(s->ctx, value);
  seqgpu_free(s->ctx, grad);
  return status;
}

/* gradient [S], all zeros: receives dF/ds_T. */
static seqgpu_status loss_gradient(const subject *s, const flow *f, double *gradient, double *loss) {
  const int64_t Y = s->weight->cols;
  const double *last = f->state + (f->T - 1) * f->S;
  float *y = malloc((size_t)Y * sizeof *y);
  if (y == NULL) return cli_no_memory();
  for (int64_t j = 0; j < Y; j++) y[j] = (float)last[flow_output(f, j)];
  const seqgpu_status status = differentiate(s, y, loss);
  for (int64_t j = 0; j < Y; j++) gradient[flow_output(f, j)] = (double)y[j];
  free(y);
  return status;
}

static seqgpu_status look_at(const subject *s, flow *f, flow_look *out, double *loss) {
  double *gradient = calloc((size_t)f->S, sizeof *gradient);
  if (gradient == NULL) return cli_no_memory();
  seqgpu_status status = loss_gradient(s, f, gradient, loss);
  if (status == SEQGPU_OK) status = flow_look_at(f, s->desc.cell, gradient, out);
  free(gradient);
  return status;
}

static int look(const subject *s, flow_look *out, double *loss) {
  flow f;
  if (s->desc.batch_norm_input || s->desc.batch_norm_steps > 0)
    return cli_error("--gradient-flow: the model has batch normalisation, with which no sequence has a "
                     "Jacobian of its own");
  if (s->desc.zoneout_hidden > 0 || s->desc.zoneout_cell > 0)
    return cli_error(
        "--gradient-flow: the model has zoneout, which draws anew at each step that is taken: none has "
        "the same Jacobian twice");
  if (flow_open(s->ctx, &s->desc, s->rnn->value, s->T, s->x, &f) != SEQGPU_OK)
    return cli_library_error(s->ctx);
  const seqgpu_status status = look_at(s, &f, out, loss);
  flow_close(&f);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(s->ctx);
}

/* ---------------------------------------------------------------- language models */

/* Tokens of the text, or drawn ones: the steps read all but the last. */
static int read_tokens(const flow_source *source, const vocabulary *v, int32_t **ids, int64_t *count) {
  enum { STREAM = 12 };
  const prime_options *prime = source->prime;
  if (prime->text || prime->file) {
    CLI_TRY(prime_encode(prime, v, source->base->common.quiet, ids, count));
    if (*count > source->steps + 1) *count = source->steps + 1;
    if (*count >= 3) return CLI_OK;
    return cli_error("%s: has %lld tokens; a gradient that flows needs at least 3",
                     prime->file ? prime->file : "--prime", (long long)*count);
  }
  *count = source->steps + 1;
  *ids = calloc((size_t)*count, sizeof **ids);
  if (*ids == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < *count; i++)
    (*ids)[i] = (int32_t)((double)v->size * seqgpu_uniform((uint64_t)source->seed, STREAM, (uint64_t)i));
  return CLI_OK;
}

/* x [T,E], the rows of the embedding that ids [T] name. */
static int embed(const charlm *m, const int32_t *ids, int64_t T, double **x) {
  const int64_t E = m->embedding_size;
  float *table = malloc((size_t)(m->vocab * E) * sizeof *table);
  *x = malloc((size_t)(T * E) * sizeof **x);
  int code = table && *x ? CLI_OK : cli_error("out of memory for %lld inputs", (long long)(T * E));
  if (code == CLI_OK &&
      seqgpu_copy_out(m->ctx, table, m->embedding.value, (size_t)(m->vocab * E) * sizeof *table) != SEQGPU_OK)
    code = cli_library_error(m->ctx);
  for (int64_t i = 0; code == CLI_OK && i < T * E; i++) (*x)[i] = (double)table[ids[i / E] * E + i % E];
  free(table);
  return code;
}

static int look_at_text(const charlm *m, const int32_t *ids, int64_t count, flow_look *out, double *loss) {
  subject s = {.ctx = m->ctx,
               .desc = m->config.model.rnn,
               .rnn = &m->rnn,
               .weight = &m->weight,
               .bias = &m->bias,
               .T = count - 1,
               .label = &ids[count - 1]};
  s.desc.cell = m->config.model.cell;
  s.desc.input_size = m->embedding_size;
  int code = embed(m, ids, s.T, &s.x);
  if (code == CLI_OK) code = look(&s, out, loss);
  free(s.x);
  return code;
}

static int look_at_charlm(seqgpu_context *ctx, const flow_source *source, flow_look *out, double *loss) {
  charlm m;
  vocabulary v;
  int32_t *ids = NULL;
  int64_t count = 0;
  CLI_TRY(charlm_load(ctx, source->checkpoint, &source->base->how, NULL, 1, FLOW_ROWS, 1, &m, &v));
  int code = read_tokens(source, &v, &ids, &count);
  if (code == CLI_OK) code = look_at_text(&m, ids, count, out, loss);
  free(ids);
  charlm_destroy(&m);
  vocab_free(&v);
  return code;
}

/* ---------------------------------------------------------------- tasks */

/* The last scored step that counts in the one sequence that was drawn, -1 if none does. */
static int64_t last_scored(const task_learner *l) {
  int64_t r = l->source.scored - 1;
  while (r >= 0 && !task_learner_counts(l, r)) r--;
  return r;
}

static int look_at_sequence(const task_learner *l, flow_look *out, double *loss) {
  const task_source *from = &l->source;
  const int64_t r = last_scored(l);
  subject s = {.ctx = l->ctx,
               .desc = l->options->config.model.rnn,
               .rnn = &l->rnn,
               .weight = &l->weight,
               .bias = &l->bias};
  s.desc.cell = l->options->config.model.cell;
  s.desc.input_size = from->inputs;
  s.T = from->steps - from->scored + r + 1;
  s.label = l->task->loss == TASK_CLASSES ? l->label + r : NULL;
  s.target = l->target + (r < 0 ? 0 : r) * from->outputs;
  if (r < 0 || s.T < 2)
    return cli_error("task %s: its sequence has no loss after step 1, from where a gradient could flow",
                     l->task->name);
  s.x = malloc((size_t)(s.T * from->inputs) * sizeof *s.x);
  if (s.x == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < s.T * from->inputs; i++) s.x[i] = (double)l->x[i];
  const int code = look(&s, out, loss);
  free(s.x);
  return code;
}

static int draw_and_look(const flow_source *source, const task_spec *task, task_options *options,
                         flow_look *out, double *loss) {
  task_options stored;
  run_command command = {.run = &options->run,
                         .options = options,
                         .stored = &stored,
                         .size = sizeof *options,
                         .format = task_format};
  task_learner l = {.task = task, .options = options};
  run_start start = {.ctx = NULL};
  task_join_specs(command.specs, task);
  options->run.common = source->base->common;
  snprintf(options->run.common.device, sizeof options->run.common.device, "cpu");
  options->run.init_from = source->checkpoint;
  options->config.model.how = source->base->how;
  options->config.model.rnn.batch = 1;
  int code = task_learner_open(&command, &l, 0, &start);
  if (code == CLI_OK) task_learner_draw(&l, 1, 0, 1);
  if (code == CLI_OK) code = look_at_sequence(&l, out, loss);
  task_learner_close(&l);
  run_close(&start, code);
  return code;
}

static int look_at_task(const flow_source *source, const seqgpu_checkpoint *file, const task_spec *task,
                        flow_look *out, double *loss) {
  task_options options = {.run = run_defaults, .config = *task->start};
  const prime_options *prime = source->prime;
  if (prime->text || prime->file)
    return cli_usage("--%s: %s is a model of task %s, which reads no text",
                     prime->text ? "prime" : "prime-file", source->checkpoint, task->name);
  CLI_TRY(task_read_options(task, file, source->checkpoint, &options));
  return draw_and_look(source, task, &options, out, loss);
}

/* ---------------------------------------------------------------- which of them */

int flow_model_look(seqgpu_context *ctx, const flow_source *source, flow_look *out, double *loss) {
  seqgpu_checkpoint *file;
  if (seqgpu_checkpoint_open(ctx, source->checkpoint, &file) != SEQGPU_OK) return cli_library_error(ctx);
  const char *name = seqgpu_checkpoint_meta(file, "task");
  const task_spec *task = name ? task_find(name) : NULL;
  const int code = task ? look_at_task(source, file, task, out, loss) : CLI_OK;
  seqgpu_checkpoint_close(file);
  return task ? code : look_at_charlm(ctx, source, out, loss);
}
