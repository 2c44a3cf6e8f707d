/* hf_network.c - the network of paper_hf on a tape (hf_network.h).
 *
 *   h_t = tanh(W x_t + R h_(t-1) + b)      y = w h_T + c
 */
#include "bench/paper/hf_network.h"

#include <stdio.h>

/* The test's sequences, which are the same in every run. */
static const uint64_t TEST_SEED = 1;

int hf_network_failed(const hf_network *n) {
  fprintf(stderr, "paper_hf: %s\n", n->ctx ? seqgpu_last_error(n->ctx) : "out of memory");
  return 1;
}

static int open_data(hf_network *n, const hf_sizes *s) {
  if (hf_data_open(&n->test, n->task, s->steps, HF_TEST) ||
      hf_data_open(&n->gradient, n->task, s->steps, s->large) ||
      hf_data_open(&n->curvature, n->task, s->steps, s->small) ||
      hf_data_open(&n->single, n->task, s->steps, 1))
    return 1;
  hf_data_draw(&n->test, TEST_SEED);
  return 0;
}

static seqgpu_status open_plans(hf_network *n, const hf_sizes *s) {
  seqgpu_rnn_desc d = {.cell = "rnn",
                       .input_size = HF_INPUTS,
                       .hidden_size = s->units,
                       .seq_len = s->steps,
                       .batch = s->small};
  const seqgpu_status status = seqgpu_plan_create(n->ctx, &d, NULL, &n->small);
  d.batch = s->large > HF_TEST ? s->large : HF_TEST;
  return status ? status : seqgpu_plan_create(n->ctx, &d, NULL, &n->large);
}

int hf_network_open(hf_network *n, const hf_sizes *s, const hf_task *task, uint64_t seed) {
  const seqgpu_context_options cpu = {.device = "cpu", .threads = s->threads};
  *n = (hf_network){.task = task};
  if (open_data(n, s)) return 1;
  if (seqgpu_context_create(&cpu, &n->ctx) || open_plans(n, s) ||
      seqgpu_params_create(n->ctx, seed, &n->params) ||
      seqgpu_params_add_rnn(n->params, "rnn", n->large, &n->rnn) ||
      seqgpu_params_init_rnn(n->params, "rnn", n->large, s->init, 0) ||
      seqgpu_params_add(n->params, "w", task->outputs, s->units, "xavier", 1, &n->w) ||
      seqgpu_params_add(n->params, "b", task->outputs, 1, "zeros", 0, &n->b) ||
      seqgpu_tape_create(n->ctx, seed, &n->tape))
    return hf_network_failed(n);
  return 0;
}

void hf_network_close(hf_network *n) {
  seqgpu_tape_destroy(n->tape);
  seqgpu_params_destroy(n->params);
  seqgpu_plan_destroy(n->small);
  seqgpu_plan_destroy(n->large);
  seqgpu_context_destroy(n->ctx);
  hf_data_close(&n->test);
  hf_data_close(&n->gradient);
  hf_data_close(&n->curvature);
  hf_data_close(&n->single);
}

seqgpu_tensor *hf_network_loss(const hf_network *n, seqgpu_tape *tape, const hf_data *d,
                               seqgpu_tensor **hidden, seqgpu_tensor **answers) {
  const int64_t x_shape[] = {d->steps, d->count, HF_INPUTS}, y_shape[] = {1, d->count, 1};
  const seqgpu_plan *plan = d == &n->curvature || d == &n->single ? n->small : n->large;
  seqgpu_tensor *x = seqgpu_tape_input(tape, 3, x_shape, d->x);
  seqgpu_tensor *h = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &n->rnn), x, NULL, NULL);
  seqgpu_tensor *last = seqgpu_tape_rnn_final(tape, h, 0);
  seqgpu_tensor *y =
      seqgpu_tape_linear(tape, last, seqgpu_tape_param(tape, &n->w), seqgpu_tape_param(tape, &n->b));
  if (hidden) *hidden = h;
  if (answers) *answers = y;
  if (n->task->outputs == 1)
    return seqgpu_tape_squared_error(tape, y, seqgpu_tape_input(tape, 3, y_shape, d->target), NULL, 1, 1);
  return seqgpu_tape_cross_entropy(tape, y, seqgpu_tape_ids(tape, 2, y_shape, d->class), 1, 1);
}

int hf_network_test(hf_network *n, double *wrong, double *loss) {
  float y[2 * HF_TEST];
  seqgpu_tensor *answers;
  if (seqgpu_tape_clear(n->tape, 0)) return hf_network_failed(n);
  seqgpu_tensor *mean = hf_network_loss(n, n->tape, &n->test, NULL, &answers);
  if (seqgpu_tensor_number(mean, loss) || seqgpu_tensor_read(answers, y)) return hf_network_failed(n);
  *wrong = hf_data_errors(&n->test, y);
  return 0;
}
