/* hf_network.c - the network of paper_hf on a tape (hf_network.h).
 *
 *   h_t = tanh(W x_t + R h_(t-1) + b)      y = w h_T + c
 */
#include "bench/paper/hf_network.h"

/* The test's sequences, which are the same in every run. */
static const uint64_t TEST_SEED = 1;

enum { LARGE, SMALL };

static int open_data(hf_network *n, const hf_sizes *s) {
  if (hf_data_open(&n->test, n->task, s->steps, HF_TEST) ||
      hf_data_open(&n->gradient, n->task, s->steps, s->large) ||
      hf_data_open(&n->curvature, n->task, s->steps, s->small) ||
      hf_data_open(&n->single, n->task, s->steps, 1))
    return 1;
  hf_data_draw(&n->test, TEST_SEED);
  return 0;
}

int hf_network_open(hf_network *n, const hf_sizes *s, const hf_task *task, uint64_t seed) {
  const network_options settings = {"paper_hf", s->init, 0, task->outputs, s->threads, seed};
  seqgpu_rnn_desc d[NETWORK_PLANS] = {
      [LARGE] = {.cell = "rnn", .input_size = HF_INPUTS, .hidden_size = s->units, .seq_len = s->steps}};
  d[SMALL] = d[LARGE];
  d[LARGE].batch = s->large > HF_TEST ? s->large : HF_TEST;
  d[SMALL].batch = s->small;
  *n = (hf_network){.task = task};
  return open_data(n, s) || network_open(&n->net, &settings, d);
}

void hf_network_close(hf_network *n) {
  network_close(&n->net);
  hf_data_close(&n->test);
  hf_data_close(&n->gradient);
  hf_data_close(&n->curvature);
  hf_data_close(&n->single);
}

seqgpu_tensor *hf_network_loss(const hf_network *n, seqgpu_tape *tape, const hf_data *d,
                               seqgpu_tensor **hidden, seqgpu_tensor **answers) {
  const int64_t x_shape[] = {d->steps, d->count, HF_INPUTS}, y_shape[] = {1, d->count, 1};
  const seqgpu_plan *plan = n->net.plan[d == &n->curvature || d == &n->single ? SMALL : LARGE];
  seqgpu_tensor *x = seqgpu_tape_input(tape, 3, x_shape, d->x);
  seqgpu_tensor *h = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &n->net.rnn), x, NULL, NULL);
  seqgpu_tensor *last = seqgpu_tape_rnn_final(tape, h, 0);
  seqgpu_tensor *y =
      seqgpu_tape_linear(tape, last, seqgpu_tape_param(tape, &n->net.w), seqgpu_tape_param(tape, &n->net.b));
  if (hidden) *hidden = h;
  if (answers) *answers = y;
  if (n->task->outputs == 1)
    return seqgpu_tape_squared_error(tape, y, seqgpu_tape_input(tape, 3, y_shape, d->target), NULL, 1, 1);
  return seqgpu_tape_cross_entropy(tape, y, seqgpu_tape_ids(tape, 2, y_shape, d->class), 1, 1);
}

int hf_network_test(hf_network *n, double *wrong, double *loss) {
  float y[2 * HF_TEST];
  seqgpu_tensor *answers;
  if (seqgpu_tape_clear(n->net.tape, 0)) return network_failed(&n->net);
  seqgpu_tensor *mean = hf_network_loss(n, n->net.tape, &n->test, NULL, &answers);
  if (seqgpu_tensor_number(mean, loss) || seqgpu_tensor_read(answers, y)) return network_failed(&n->net);
  *wrong = hf_data_errors(&n->test, y);
  return 0;
}
