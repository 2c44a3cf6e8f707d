/* charlm.c - the language model: parameters, buffers, forward, backward (charlm.h).
 *
 *   x = dropout(embedding[ids])    y = rnn(x)    logits = dropout(y) W^T + b
 *   loss = cross entropy(logits, next ids)
 *
 * Tied, W is the embedding itself, [V,E] with E = Y, and the gradient of both uses is added up in its one
 * gradient: Inan, Khosravi, Socher 2017; Press, Wolf 2017.
 *
 * Truncated back-propagation through time: the next piece of the same streams starts from the last states of
 * this one; gradients stop at the border.  Karpathy, char-rnn (2015); dropout as in Zaremba et al. 2014.
 */
#include "host/cli/charlm.h"

#include "host/cli/hessian.h"
#include "host/cli/text.h"

#define FIELD(name) offsetof(charlm_config, name)

const charlm_config charlm_defaults = {
    .model = {.cell = "lstm",
              .optimizer = "rmsprop",
              .clip = "5",
              .init = "pytorch",
              .forget_bias = "auto",
              .rnn = {.num_layers = 2, .hidden_size = 128, .seq_len = 50, .batch = 50},
              .seed = 1,
              .lr = 2e-3,
              .lr_decay = 0.97,
              .lr_decay_after = 10,
              .learning = LEARNING_DEFAULTS},
    .tokens = "utf8",
    .vocab_limit = 10000,
    .val_fraction = 0.1,
};

static const arg_spec own_specs[] = {
    ROW_GROUP("Data"),
    ROW_INT("seq-len", ARG_KEEP_RUN, FIELD(model.rnn.seq_len), 1, 1000000, "T",
            "steps of truncated back-propagation through time"),
    ROW_GROUP("Network"),
    ROW_INT("embedding", ARG_KEEP_MODEL, FIELD(embedding), 0, INT32_MAX, "N",
            "width of the embedding, 0 = hidden"),
    ROW_FLAG("tie", ARG_KEEP_MODEL, FIELD(tie), "the output layer has the weights of the embedding"),
    ROW_REAL("embedding-dropout", ARG_KEEP_FREE, FIELD(embedding_dropout), 0, 0.999, "P",
             "probability of dropping a value of the embedding"),
    ROW_GROUP("Data"),
    ROW_CHOICE("tokens", ARG_KEEP_MODEL, FIELD(tokens), TOKEN_CHOICES, "KIND", "what is predicted"),
    ROW_INT("vocab-limit", ARG_KEEP_MODEL, FIELD(vocab_limit), 0, INT32_MAX, "N",
            "largest number of words, the others become <unk>; 0 = no limit"),
    ROW_REAL("val-fraction", ARG_KEEP_RUN, FIELD(val_fraction), 0, 0.9, "F",
             "share of the text, at its end, kept for validation"),
    ROW_END,
};

void charlm_join_specs(arg_spec table[ARGS_MAX], size_t shift) {
  config_join_specs(table, shift + FIELD(model));
  table[args_find(table, "dropout")].help =
      "probability of dropping a value between layers and before the output layer";
  args_join(table, own_specs, shift);
  args_join(table, epoch_specs, shift + FIELD(model));
}

int64_t charlm_val_count(const charlm_config *config, int64_t count) {
  const int64_t kept = (int64_t)((double)count * config->val_fraction);
  return kept < 2 ? 0 : kept;
}

/* ---------------------------------------------------------------- the model */

/* B: of a shard. */
static seqgpu_status make_plan(const charlm *m, int64_t T, int64_t B, int training, seqgpu_plan **out) {
  const int64_t shards = training && m->config.model.shards > 1 ? m->config.model.shards : 1;
  return network_plan(m->ctx, &m->config.model, m->embedding_size, T, B * shards, training, out);
}

static int check_memory(const charlm *m, const seqgpu_plan *plan, int training) {
  const double V = (double)m->vocab, E = (double)m->embedding_size,
               Y = (double)seqgpu_plan_get_sizes(plan).output_width;
  const network_rest rest = {.params = V * E + (m->config.tie ? 0 : V * Y) + V,
                             .averaged = learning_may_average(&m->config.model.learning),
                             .hessian = training && hessian_is_asked(&m->config.model),
                             .per_step = (training ? 2 * E + 3 * Y + 2 * V : E + Y + V) + 4};
  return network_check_memory(m->ctx, plan, rest);
}

static int check_tie(const charlm *m) {
  if (!m->config.tie || m->embedding_size == m->output_size) return CLI_OK;
  return cli_usage("--tie: the embedding is %lld wide and the output of the layers %lld; they must be equal: "
                   "--embedding %lld",
                   (long long)m->embedding_size, (long long)m->output_size, (long long)m->output_size);
}

static seqgpu_status add_output(charlm *m) {
  m->weight = m->embedding;
  if (!m->config.tie)
    LIB_TRY(seqgpu_params_add(m->params, "output.weight", m->vocab, m->output_size, "xavier", 1, &m->weight));
  return seqgpu_params_add(m->params, "output.bias", m->vocab, 1, "zeros", 0, &m->bias);
}

static seqgpu_status add_params(charlm *m, const seqgpu_plan *plan, weights_source from) {
  LIB_TRY(seqgpu_params_create(m->ctx, (uint64_t)m->config.model.seed, &m->params));
  if (from.file) LIB_TRY(seqgpu_checkpoint_attach(from.file, m->params, from.resume));
  LIB_TRY(seqgpu_params_add(m->params, "embedding.weight", m->vocab, m->embedding_size, "uniform", 0.1,
                            &m->embedding));
  LIB_TRY(network_add_params(&m->config.model, m->params, plan, &m->rnn));
  return add_output(m);
}

int charlm_create(seqgpu_context *ctx, const charlm_config *config, int64_t vocab, int64_t T, int64_t B,
                  int training, weights_source from, charlm *out) {
  *out = (charlm){.ctx = ctx, .config = *config, .vocab = vocab};
  out->embedding_size = config->embedding ? config->embedding : config->model.rnn.hidden_size;
  seqgpu_plan *plan;
  if (make_plan(out, T, B, training, &plan) != SEQGPU_OK) return cli_library_error(ctx);
  out->output_size = seqgpu_plan_get_sizes(plan).output_width;
  int code = check_tie(out);
  if (code == CLI_OK && !from.file) code = check_memory(out, plan, training);
  if (code == CLI_OK && add_params(out, plan, from) != SEQGPU_OK) code = cli_library_error(ctx);
  if (code == CLI_OK && from.file)
    code = check_memory(out, plan, training); /* the buffers that are still to come */
  seqgpu_plan_destroy(plan);
  if (code) charlm_destroy(out);
  return code;
}

void charlm_destroy(charlm *m) {
  seqgpu_params_destroy(m->params);
  m->params = NULL;
}

/* ---------------------------------------------------------------- buffers */

static seqgpu_status allocate(seqgpu_context *ctx, int64_t rows, int64_t width, void **out) {
  const int too_large = (double)rows * (double)width > (double)(SIZE_MAX / 8);
  const size_t bytes = too_large ? SIZE_MAX / 2 : (size_t)rows * (size_t)width * sizeof(float);
  return seqgpu_malloc(ctx, bytes, out);
}

/* Carried states: tensors of the model when training, so that they are saved; else only memory. */
static seqgpu_status add_states(charlm *m, charlm_pass *p) {
  static const char *const names[CHARLM_STATES] = {"state.h", "state.c", "state.q"};
  p->states = seqgpu_plan_get_sizes(p->plan).state_count;
  for (int k = 0; k < CHARLM_STATES && k < p->states; k++) {
    const int64_t rows = m->config.model.rnn.num_layers * p->B,
                  width = seqgpu_plan_get_sizes(p->plan).state_width[k],
                  shards = m->config.model.shards > 1 ? m->config.model.shards : 1;
    p->state_size[k] = (size_t)(rows * width) * sizeof(float);
    if (p->training)
      LIB_TRY(seqgpu_params_add_state(m->params, names[k], shards * rows, width, &p->state[k]));
    else
      LIB_TRY(seqgpu_malloc(m->ctx, p->state_size[k], &p->state[k].value));
  }
  LIB_TRY(charlm_zero_state(p));
  for (int k = 0; k < p->states; k++) p->saved[k] = p->state[k].value;
  return SEQGPU_OK;
}

static int drops_embedding(const charlm_pass *p) {
  return p->training && p->model->config.embedding_dropout > 0;
}

/* Four numbers each. */
static uint64_t blocks_of(int64_t elements) { return (uint64_t)((elements + 3) / 4); }

static seqgpu_status add_buffers(charlm *m, charlm_pass *p) {
  seqgpu_context *ctx = m->ctx;
  const int64_t rows = p->T * p->B, E = m->embedding_size, Y = m->output_size, V = m->vocab;
  const int64_t drawn = p->whole > 0 ? p->T * p->whole : rows; /* rows that masks are drawn for */
  LIB_TRY(make_plan(m, p->T, p->B, p->training, &p->plan));
  LIB_TRY(add_states(m, p));
  LIB_TRY(allocate(ctx, rows, E, &p->x));
  LIB_TRY(allocate(ctx, rows, Y, &p->y));
  LIB_TRY(allocate(ctx, rows, V, &p->logits));
  LIB_TRY(allocate(ctx, rows, 1, &p->lse));
  LIB_TRY(allocate(ctx, rows, 1, &p->row_loss));
  LIB_TRY(allocate(ctx, 2, 1, &p->loss));
  LIB_TRY(seqgpu_malloc(ctx, seqgpu_plan_get_sizes(p->plan).workspace, &p->workspace));
  p->dropped = p->y;
  if (!p->training) return SEQGPU_OK;
  LIB_TRY(allocate(ctx, rows, E, &p->dx));
  LIB_TRY(allocate(ctx, rows, Y, &p->dy));
  LIB_TRY(allocate(ctx, rows, V, &p->dlogits));
  LIB_TRY(seqgpu_malloc(ctx, seqgpu_plan_get_sizes(p->plan).reserve, &p->reserve));
  p->embedding_blocks = seqgpu_plan_get_sizes(p->plan).random_blocks + blocks_of(drawn * Y);
  p->random_blocks = p->embedding_blocks + (drops_embedding(p) ? blocks_of(drawn * E) : 0);
  if (m->config.model.rnn.dropout > 0) LIB_TRY(allocate(ctx, rows, Y, &p->dropped));
  return SEQGPU_OK;
}

seqgpu_status charlm_pass_create(charlm *m, int64_t T, int64_t B, int training, charlm_pass *out) {
  *out = (charlm_pass){.model = m, .T = T, .B = B, .training = training};
  if (training && m->config.model.shards > 1) out->whole = m->config.model.rnn.batch;
  const seqgpu_status status = add_buffers(m, out);
  if (status != SEQGPU_OK) charlm_pass_destroy(out);
  return status;
}

void charlm_pass_destroy(charlm_pass *p) {
  if (p->model == NULL) return;
  seqgpu_context *ctx = p->model->ctx;
  if (p->dropped == p->y) p->dropped = NULL;
  void *const buffers[] = {p->x,
                           p->y,
                           p->dropped,
                           p->logits,
                           p->lse,
                           p->row_loss,
                           p->loss,
                           p->dx,
                           p->dy,
                           p->dlogits,
                           p->reserve,
                           p->workspace,
                           p->training ? NULL : p->state[0].value,
                           p->training ? NULL : p->state[1].value,
                           p->training ? NULL : p->state[2].value};
  for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) seqgpu_free(ctx, buffers[i]);
  seqgpu_plan_destroy(p->plan);
  *p = (charlm_pass){.model = NULL};
}

seqgpu_status charlm_zero_state(const charlm_pass *p) {
  for (int k = 0; k < p->states; k++)
    LIB_TRY(seqgpu_zero(p->model->ctx, p->state[k].value, p->state_size[k]));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- one piece */

seqgpu_rnn_run charlm_run(const charlm_pass *p, int64_t T, uint64_t step) {
  const charlm *m = p->model;
  seqgpu_rnn_run run = {.seq_len = T, .batch = p->B, .params = m->rnn.value, .x = p->x, .y = p->y};
  run.reserve = p->reserve;
  run.running = m->rnn.value;
  run.workspace = p->workspace;
  run.seed = (uint64_t)m->config.model.seed;
  run.offset = step * p->random_blocks;
  run.whole_batch = p->whole;
  run.first_sequence = p->first;
  for (int k = 0; k < p->states; k++) run.initial[k] = run.final[k] = p->state[k].value;
  return run;
}

/* Of rows [T,B,width], which may be those of a shard. */
static seqgpu_status drop(const charlm_pass *p, int64_t T, int64_t width, double probability, uint64_t offset,
                          const void *from, void *to) {
  const charlm *m = p->model;
  const int64_t whole = p->whole > 0 ? p->whole : p->B;
  return seqgpu_dropout_part(m->ctx, T, p->B, width, probability, (uint64_t)m->config.model.seed, offset,
                             p->first, whole, from, to);
}

/* The mask of the last layer's output comes after those between the layers, ... */
static seqgpu_status drop_output(const charlm_pass *p, int64_t T, uint64_t step, const void *from, void *to) {
  const charlm *m = p->model;
  const uint64_t offset = step * p->random_blocks + seqgpu_plan_get_sizes(p->plan).random_blocks;
  return drop(p, T, m->output_size, m->config.model.rnn.dropout, offset, from, to);
}

/* ... and that of the embedding last: of x, or of the gradient with respect to it. */
static seqgpu_status drop_embedding(const charlm_pass *p, int64_t T, uint64_t step, void *x) {
  const charlm *m = p->model;
  if (!drops_embedding(p)) return SEQGPU_OK;
  return drop(p, T, m->embedding_size, m->config.embedding_dropout,
              step * p->random_blocks + p->embedding_blocks, x, x);
}

static seqgpu_status embed(const charlm_pass *p, int64_t T, const int32_t *ids, uint64_t step) {
  const charlm *m = p->model;
  LIB_TRY(
      seqgpu_embedding_forward(m->ctx, T * p->B, m->embedding_size, m->vocab, ids, m->embedding.value, p->x));
  return drop_embedding(p, T, step, p->x);
}

seqgpu_status charlm_carry(const charlm_pass *p, int64_t T, const int32_t *ids, uint64_t step) {
  seqgpu_rnn_run run = charlm_run(p, T, step);
  run.running = NULL;
  LIB_TRY(embed(p, T, ids, step));
  return seqgpu_rnn_forward(p->model->ctx, p->plan, &run);
}

seqgpu_status charlm_forward(const charlm_pass *p, int64_t T, const int32_t *ids, uint64_t step) {
  const charlm *m = p->model;
  const int64_t rows = T * p->B;
  const seqgpu_rnn_run run = charlm_run(p, T, step);
  LIB_TRY(embed(p, T, ids, step));
  LIB_TRY(seqgpu_rnn_forward(m->ctx, p->plan, &run));
  if (p->dropped != p->y) LIB_TRY(drop_output(p, T, step, p->y, p->dropped));
  return seqgpu_linear_forward(m->ctx, rows, m->output_size, m->vocab, p->dropped, m->weight.value,
                               m->bias.value, p->logits);
}

seqgpu_status charlm_look(charlm *m, const int32_t *ids, int64_t n, charlm_pass *out) {
  const size_t size = (size_t)n * sizeof *ids;
  void *device = NULL;
  m->config.model.shards = 0;
  /* this is no training, but only a training pass keeps the gates */
  m->config.model.rnn.dropout = m->config.embedding_dropout = 0;
  LIB_TRY(charlm_pass_create(m, n, 1, 1, out));
  seqgpu_status status = seqgpu_malloc(m->ctx, size, &device);
  if (status == SEQGPU_OK) status = seqgpu_copy_in(m->ctx, device, ids, size);
  if (status == SEQGPU_OK) status = charlm_forward(out, n, device, 0);
  seqgpu_free(m->ctx, device);
  if (status != SEQGPU_OK) charlm_pass_destroy(out);
  return status;
}

seqgpu_status charlm_loss(const charlm_pass *p, int64_t T, const int32_t *targets, int mean) {
  const charlm *m = p->model;
  return seqgpu_cross_entropy_forward(m->ctx, T * p->B, m->vocab, mean, 1, p->logits, targets, p->lse,
                                      p->row_loss, p->loss);
}

/* The gradients of the output layer are final, but for weights that are the embedding's as well. */
static seqgpu_status tell_output(const charlm_pass *p) {
  const charlm *m = p->model;
  if (p->last == NULL) return SEQGPU_OK;
  LIB_TRY(seqgpu_shards_ready(p->last, m->bias.grad, m->vocab));
  return m->config.tie ? SEQGPU_OK : seqgpu_shards_ready(p->last, m->weight.grad, m->vocab * m->output_size);
}

seqgpu_status charlm_backward(const charlm_pass *p, int64_t T, const int32_t *ids, const int32_t *targets,
                              uint64_t step) {
  const charlm *m = p->model;
  const int64_t rows = T * p->B;
  seqgpu_rnn_run run = charlm_run(p, T, step);
  run.dy = p->dy;
  run.dx = p->dx;
  run.dx_summed = !drops_embedding(p); /* the embedding adds them up, unless a mask comes between */
  run.dparams = m->rnn.grad;
  run.ready = p->last ? seqgpu_shards_ready : NULL;
  run.ready_about = p->last;
  LIB_TRY(seqgpu_cross_entropy_backward(m->ctx, rows, m->vocab, 1, 1, p->logits, targets, p->lse, p->loss,
                                        p->dlogits));
  LIB_TRY(seqgpu_linear_backward(m->ctx, rows, m->output_size, m->vocab, p->dropped, m->weight.value,
                                 p->dlogits, p->dy, m->weight.grad, m->bias.grad));
  LIB_TRY(tell_output(p));
  if (p->dropped != p->y) LIB_TRY(drop_output(p, T, step, p->dy, p->dy));
  LIB_TRY(seqgpu_rnn_backward(m->ctx, p->plan, &run));
  LIB_TRY(drop_embedding(p, T, step, p->dx));
  return seqgpu_embedding_backward(m->ctx, rows, m->embedding_size, m->vocab, ids, p->dx, m->embedding.grad);
}

seqgpu_status charlm_find_not_finite(const charlm_pass *p, int64_t T, uint64_t step) {
  const charlm *m = p->model;
  seqgpu_context *ctx = m->ctx;
  const int64_t rows = T * p->B, outputs = rows * m->output_size, logits = rows * m->vocab;
  const seqgpu_rnn_run forward = charlm_run(p, T, step);
  seqgpu_rnn_run backward = forward;
  backward.dy = p->dy;
  backward.dx = p->dx;
  LIB_TRY(seqgpu_rnn_check_finite(ctx, p->plan, &forward));
  LIB_TRY(seqgpu_check_finite(ctx, "output after dropout", p->dropped, outputs));
  LIB_TRY(seqgpu_check_finite(ctx, "logits", p->logits, logits));
  LIB_TRY(seqgpu_check_finite(ctx, "loss", p->loss, 1));
  LIB_TRY(seqgpu_check_finite(ctx, "gradient of logits", p->dlogits, logits));
  return seqgpu_rnn_check_finite(ctx, p->plan, &backward);
}
