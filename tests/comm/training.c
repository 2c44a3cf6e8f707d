/* training.c - the same training by other numbers of processes, for tests/test_comm.sh to compare.
 *
 *   comm_training f64|f32 SHARDS DROPOUT UPDATES [overlap] [share]    a line an update: loss and gradient
 * norm, all digits
 *
 * 64 ragged sequences an update go through an LSTM of two layers, in SHARDS shards; 0: in one batch, without
 * shards.  Sequence g of an update and its masks are drawn by its number alone: DROPOUT is the probability of
 * dropping between the layers, behind them and in the recurrence, and half of it that of zoneout.  In some
 * updates the last quarter of the sequences has no targets.  overlap: sums over processes begin early, in
 * many small buckets.
 */
#include "seqgpu/seqgpu.h"
#include "tests/comm/world.h"

enum { BATCH = 64, T = 10, INPUTS = 4, HIDDEN = 12, CLASSES = 6 };

typedef struct model {
  seqgpu_context *ctx;
  seqgpu_comm *comm;
  seqgpu_params *params;
  seqgpu_shards *shards;
  seqgpu_tape *tape;
  seqgpu_plan *plan;
  seqgpu_param rnn, weight, bias;
  int64_t batch; /* of a shard */
  double dropout;
} model;

static void need(seqgpu_context *ctx, seqgpu_status status) {
  if (status == SEQGPU_OK) return;
  fprintf(stderr, "%s\n", seqgpu_last_error(ctx));
  exit(1);
}

static void build(model *m, int64_t shards) {
  m->batch = shards > 0 ? BATCH / shards : BATCH;
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = INPUTS,
                                .hidden_size = HIDDEN,
                                .num_layers = 2,
                                .seq_len = T,
                                .batch = m->batch,
                                .dropout = m->dropout,
                                .recurrent_dropout = m->dropout,
                                .update_dropout = m->dropout,
                                .zoneout_hidden = m->dropout / 2,
                                .zoneout_cell = m->dropout / 2,
                                .whole_batch = BATCH};
  need(m->ctx, seqgpu_plan_create(m->ctx, &desc, NULL, &m->plan));
  need(m->ctx, seqgpu_params_create(m->ctx, 1 + (uint64_t)seqgpu_comm_rank(m->comm), &m->params));
  need(m->ctx, seqgpu_params_add_rnn(m->params, "lstm", m->plan, &m->rnn));
  need(m->ctx, seqgpu_params_add(m->params, "weight", CLASSES, HIDDEN, "xavier", 1, &m->weight));
  need(m->ctx, seqgpu_params_add(m->params, "bias", CLASSES, 1, "zeros", 0, &m->bias));
  need(m->ctx, seqgpu_comm_broadcast_params(m->comm, m->params, 0));
  need(m->ctx, seqgpu_tape_create(m->ctx, 5, &m->tape));
  if (shards > 0) need(m->ctx, seqgpu_shards_create(m->params, m->comm, &m->shards));
}

/* Sequence b of a shard, of which sequence `first` of the update is the first. */
static int32_t draw(int64_t step, int64_t first, int64_t b, int64_t batch, double *x, int32_t *target) {
  const uint64_t stream = (uint64_t)(step * BATCH + first + b);
  const int32_t length = 1 + (int32_t)(T * seqgpu_uniform(3, stream, 0) * (double)(first + b + 1) / BATCH);
  const int scored = step % 10 != 7 || first + b < 3 * BATCH / 4;
  int32_t class = 0;
  for (int64_t t = 0; t < T; t++) {
    for (int64_t i = 0; i < INPUTS; i++)
      x[(t * batch + b) * INPUTS + i] = seqgpu_uniform(3, stream, (uint64_t)(1 + t * INPUTS + i)) - 0.5;
    class += x[(t * batch + b) * INPUTS] > 0;
    target[t * batch + b] = t < length && scored ? class % CLASSES : -1;
  }
  return length < T ? length : T;
}

/* The gradients of some sequences of an update, whose loss and count of targets are given.  Of the last shard
 * of this process the sum may begin while they are computed. */
static double learn(model *m, int64_t step, int64_t first, int is_last, double *loss) {
  static double x[T * BATCH * INPUTS];
  static float narrow[T * BATCH * INPUTS];
  static int32_t target[T * BATCH], lengths[BATCH];
  const int64_t B = m->batch, x_shape[] = {T, B, INPUTS}, y_shape[] = {T, B};
  double count = 0;
  for (int64_t b = 0; b < B; b++) lengths[b] = draw(step, first, b, B, x, target);
  for (int64_t i = 0; i < T * B; i++) count += target[i] >= 0;
  for (int64_t i = 0; i < T * B * INPUTS; i++) narrow[i] = (float)x[i];
  const int wide = seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64;
  seqgpu_tape *t = m->tape;
  need(m->ctx, seqgpu_tape_clear(t, 1));
  seqgpu_tape_set_counter(t, (uint64_t)step << 20);
  need(m->ctx, seqgpu_tape_set_part(t, first, BATCH));
  seqgpu_tensor *in = seqgpu_tape_input(t, 3, x_shape, wide ? (const void *)x : narrow);
  seqgpu_tensor *y = seqgpu_tape_rnn(t, m->plan, seqgpu_tape_param(t, &m->rnn), in, NULL,
                                     seqgpu_tape_lengths(t, B, lengths));
  y = seqgpu_tape_dropout(t, y, m->dropout);
  y = seqgpu_tape_linear(t, y, seqgpu_tape_param(t, &m->weight), seqgpu_tape_param(t, &m->bias));
  y = seqgpu_tape_cross_entropy(t, y, seqgpu_tape_ids(t, 2, y_shape, target), 1, 1);
  need(m->ctx, seqgpu_tensor_number(y, loss));
  if (is_last) {
    need(m->ctx, seqgpu_shards_last(m->shards, count, *loss));
    seqgpu_tape_set_ready(t, seqgpu_shards_ready, m->shards);
  }
  need(m->ctx, seqgpu_tape_backward(t, y, NULL));
  return count;
}

/* One update's gradients, averaged; returns the loss. */
static double gradients(model *m, int64_t step, int64_t shards) {
  double loss;
  need(m->ctx, seqgpu_params_zero_grad(m->params));
  if (shards == 0) {
    learn(m, step, 0, 0, &loss);
    return loss;
  }
  const int64_t each = shards / seqgpu_comm_size(m->comm);
  for (int64_t k = 0; k < each; k++) {
    const int64_t shard = seqgpu_comm_rank(m->comm) * each + k;
    need(m->ctx, seqgpu_params_zero_grad(m->params));
    const int is_last = k == each - 1;
    const double count = learn(m, step, shard * m->batch, is_last, &loss);
    if (!is_last) need(m->ctx, seqgpu_shards_add(m->shards, count, loss));
  }
  need(m->ctx, seqgpu_shards_average(m->shards, &loss));
  return loss;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  const int64_t shards = atoi(argv[2]);
  const seqgpu_optimizer adam = {
      .kind = SEQGPU_OPTIMIZER_ADAM, .lr = 5e-3, .clip = SEQGPU_CLIP_NORM, .clip_threshold = 0.2};
  model m = {.dropout = atof(argv[3])};
  m.ctx = world_context(world_device(), strcmp(argv[1], "f64") == 0 ? SEQGPU_DTYPE_F64 : SEQGPU_DTYPE_F32);
  need(m.ctx, world_connect(m.ctx, &m.comm));
  build(&m, shards);
  for (int i = 5; i < argc; i++)
    if (strcmp(argv[i], "overlap") == 0) need(m.ctx, seqgpu_shards_overlap(m.shards, 512));
  for (int i = 5; i < argc; i++)
    if (strcmp(argv[i], "share") == 0) need(m.ctx, seqgpu_comm_share_moments(m.comm, m.params));
  for (int64_t step = 0; step < atoi(argv[4]); step++) {
    double norm;
    const double loss = gradients(&m, step, shards);
    need(m.ctx, seqgpu_params_update(m.params, &adam));
    need(m.ctx, seqgpu_params_grad_norm(m.params, &norm, NULL));
    if (seqgpu_comm_rank(m.comm) == 0) printf("%.17g %.17g\n", loss, norm);
  }
  seqgpu_shards_destroy(m.shards);
  seqgpu_tape_destroy(m.tape);
  seqgpu_params_destroy(m.params);
  seqgpu_plan_destroy(m.plan);
  seqgpu_comm_destroy(m.comm);
  seqgpu_context_destroy(m.ctx);
  return 0;
}
