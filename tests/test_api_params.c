/* test_api_params.c - what parameters, echo state networks and regressions do when called wrongly. */
#include <limits.h>

#include "host/params/params.h"
#include "tests/refused.h"

static seqgpu_plan *plan_of(seqgpu_context *ctx, seqgpu_rnn_desc desc) {
  seqgpu_plan *plan = NULL;
  desc.seq_len = desc.batch = 1;
  desc.input_size = desc.input_size ? desc.input_size : 2;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan));
  return plan;
}

/* A text of n letters. */
static const char *letters(size_t n) {
  static char text[SQ_NAME_SIZE + 64];
  memset(text, 'n', n);
  text[n] = 0;
  return text;
}

/* ---------------------------------------------------------------- tensors */

static void check_nothing(seqgpu_context *ctx) {
  const seqgpu_optimizer sgd = {.kind = SEQGPU_OPTIMIZER_SGD};
  seqgpu_plan *plan = plan_of(ctx, (seqgpu_rnn_desc){.cell = "rnn", .hidden_size = 1});
  seqgpu_params *p = NULL;
  seqgpu_param found;
  double norm;
  REFUSED(NULL, EINVAL, "", seqgpu_params_create(NULL, 1, &p));
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_params_create(ctx, 1, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_params_add(NULL, "a", 1, 1, "zeros", 0, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_params_add_state(NULL, "a", 1, 1, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_params_add_rnn(NULL, "a", plan, NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_params_init(NULL, "a", "zeros", 0));
  REFUSED(NULL, EINVAL, "", seqgpu_params_init_rnn(NULL, "a", plan, "irnn", 0));
  REFUSED(NULL, EINVAL, "", seqgpu_params_set_gate_bias(NULL, "a", plan, "f", 1));
  REFUSED(NULL, EINVAL, "", seqgpu_params_orthogonal(NULL, "a"));
  REFUSED(NULL, EINVAL, "", seqgpu_params_split_biases(NULL, "a"));
  REFUSED(NULL, EINVAL, "", seqgpu_params_get(NULL, 0, &found));
  REFUSED(NULL, EINVAL, "", seqgpu_params_find(NULL, "a", &found));
  REFUSED(NULL, EINVAL, "", seqgpu_params_zero_grad(NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_params_reserve(NULL, SEQGPU_OPTIMIZER_SGD));
  REFUSED(NULL, EINVAL, "", seqgpu_params_update(NULL, &sgd));
  REFUSED(NULL, EINVAL, "", seqgpu_params_grad_norm(NULL, &norm, NULL));
  CHECK(seqgpu_params_count(NULL) == 0 && seqgpu_params_elements(NULL) == 0, "no params have nothing");
  seqgpu_params_destroy(NULL);
  seqgpu_plan_destroy(plan);
}

static void check_tensors(seqgpu_context *ctx) {
  const seqgpu_optimizer clipped = {
      .kind = SEQGPU_OPTIMIZER_SGD, .clip = SEQGPU_CLIP_AUTO, .clip_window = 10};
  seqgpu_params *p = NULL;
  seqgpu_param found;
  double norm, scale;
  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &p));
  ACCEPTED(ctx, seqgpu_params_add(p, "w", 2, 3, "zeros", 0, NULL));
  ACCEPTED(ctx, seqgpu_params_add_state(p, "s", 2, 2, NULL));
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_params_get(p, 0, NULL));
  REFUSED(ctx, EINVAL, "index is -1", seqgpu_params_get(p, -1, &found));
  REFUSED(ctx, EINVAL, "index is 2", seqgpu_params_get(p, 2, &found));
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_params_find(p, "w", NULL));
  REFUSED(ctx, EINVAL, "name is NULL", seqgpu_params_find(p, NULL, &found));
  REFUSED(ctx, EINVAL, "no tensor \"v\"", seqgpu_params_find(p, "v", &found));
  REFUSED(ctx, EINVAL, "\"\" is [0,1]", seqgpu_params_add(p, NULL, 0, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "\"v\" is [1,0]", seqgpu_params_add(p, "v", 1, 0, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "name is NULL", seqgpu_params_add(p, NULL, 1, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "name is empty", seqgpu_params_add(p, "", 1, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "it must have at most",
          seqgpu_params_add(p, letters(SQ_NAME_SIZE), 1, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "is reserved", seqgpu_params_add(p, "__metadata__", 1, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "is reserved", seqgpu_params_add(p, "optimizer.x", 1, 1, "zeros", 0, NULL));
  REFUSED(ctx, EINVAL, "already taken", seqgpu_params_add_state(p, "w", 1, 1, NULL));
  REFUSED(ctx, EINVAL, "init is \"(NULL)\"", seqgpu_params_init(p, "w", NULL, 0));
  REFUSED(ctx, EINVAL, "scale is", seqgpu_params_init(p, "w", "normal", (double)INFINITY));
  REFUSED(ctx, EINVAL, "must be square", seqgpu_params_init(p, "w", "np", 1));
  REFUSED(ctx, EINVAL, "must be square", seqgpu_params_orthogonal(p, "w"));
  REFUSED(ctx, EINVAL, "is not trained", seqgpu_params_orthogonal(p, "s"));
  REFUSED(ctx, EINVAL, "no tensor", seqgpu_params_orthogonal(p, "v"));
  REFUSED(ctx, EINVAL, "no network", seqgpu_params_split_biases(p, NULL));
  REFUSED(ctx, EINVAL, "no update yet", seqgpu_params_grad_norm(p, &norm, NULL));
  REFUSED(ctx, EINVAL, "kind is 9", seqgpu_params_reserve(p, (seqgpu_optimizer_kind)9));
  REFUSED(ctx, EINVAL, "kind is -1", seqgpu_params_reserve(p, (seqgpu_optimizer_kind)-1));
  REFUSED(ctx, EINVAL, "its size is 0", seqgpu_params_update_(p, &clipped, 0));
  ACCEPTED(ctx, seqgpu_params_update(p, &clipped));
  CHECK(seqgpu_params_grad_norm(p, NULL, NULL) == SEQGPU_OK &&
            seqgpu_params_grad_norm(p, NULL, &scale) == SEQGPU_OK && scale == 1,
        "the scale of a norm alone");
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- networks */

static void check_networks(seqgpu_context *ctx) {
  seqgpu_plan *lstm = plan_of(ctx, (seqgpu_rnn_desc){.cell = "lstm", .hidden_size = 2});
  seqgpu_plan *wider = plan_of(ctx, (seqgpu_rnn_desc){.cell = "lstm", .hidden_size = 2, .input_size = 3});
  seqgpu_plan *other = plan_of(ctx, (seqgpu_rnn_desc){.cell = "lstm", .hidden_size = 3});
  seqgpu_plan *urnn = plan_of(ctx, (seqgpu_rnn_desc){.cell = "urnn", .hidden_size = 2});
  seqgpu_plan *one = plan_of(ctx, (seqgpu_rnn_desc){.cell = "rnn", .hidden_size = 1});
  seqgpu_params *p = NULL;
  seqgpu_param before, after;
  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &p));
  ACCEPTED(ctx, seqgpu_params_add_rnn(p, "a", lstm, NULL));
  ACCEPTED(ctx, seqgpu_params_add_rnn(p, "u", urnn, NULL));
  ACCEPTED(ctx, seqgpu_params_add_rnn(p, NULL, one, NULL));
  REFUSED(ctx, EINVAL, "plan is NULL", seqgpu_params_add_rnn(p, "b", NULL, NULL));
  REFUSED(ctx, EINVAL, "makes names longer", seqgpu_params_add_rnn(p, letters(SQ_NAME_SIZE), lstm, NULL));
  REFUSED(ctx, EINVAL, "already taken", seqgpu_params_add_rnn(p, "a", lstm, NULL));
  REFUSED(ctx, EINVAL, "scheme is \"(NULL)\"", seqgpu_params_init_rnn(p, "a", lstm, NULL, 0));
  REFUSED(ctx, EINVAL, "it must be one of pytorch, irnn", seqgpu_params_init_rnn(p, "a", lstm, "luck", 0));
  REFUSED(ctx, EINVAL, "plan is NULL", seqgpu_params_init_rnn(p, "a", NULL, "irnn", 0));
  REFUSED(ctx, EINVAL, "scale is", seqgpu_params_init_rnn(p, "a", lstm, "irnn", (double)NAN));
  REFUSED(ctx, EINVAL, "no tensor", seqgpu_params_init_rnn(p, "b", lstm, "irnn", 0));
  REFUSED(ctx, EINVAL, "is [8,2]; for the plan's weight_ih_l0 it must be [8,3]",
          seqgpu_params_init_rnn(p, "a", wider, "irnn", 0));
  REFUSED(ctx, EINVAL, "it must be [12,2]", seqgpu_params_init_rnn(p, "a", other, "irnn", 0));
  REFUSED(ctx, EINVAL, "cell \"urnn\" does not have", seqgpu_params_init_rnn(p, "u", urnn, "irnn", 0));
  REFUSED(ctx, EINVAL, "plan is NULL", seqgpu_params_set_gate_bias(p, "a", NULL, "f", 0));
  REFUSED(ctx, EINVAL, "value is", seqgpu_params_set_gate_bias(p, "a", lstm, "f", (double)INFINITY));
  REFUSED(ctx, EINVAL, "no gate x", seqgpu_params_set_gate_bias(p, "a", lstm, "x", 0));
  REFUSED(ctx, EINVAL, "no gate f or u", seqgpu_params_set_gate_bias(p, NULL, one, NULL, 0));
  REFUSED(ctx, EINVAL, "no tensor", seqgpu_params_set_gate_bias(p, "b", lstm, NULL, 0));
  REFUSED(ctx, EINVAL, "names longer", seqgpu_params_init_rnn(p, letters(SQ_NAME_SIZE), lstm, "irnn", 0));
  ACCEPTED(ctx, seqgpu_params_find(p, "a.bias_l0", &before));
  ACCEPTED(ctx, seqgpu_params_set_gate_bias(p, "a", lstm, NULL, 3));
  CHECK(((float *)before.value)[2] == 3 && ((float *)before.value)[3] == 3,
        "the forget gate is the second one");
  ACCEPTED(ctx, seqgpu_params_split_biases(p, NULL));
  REFUSED(ctx, EINVAL, "is split already", seqgpu_params_split_biases(p, ""));
  REFUSED(ctx, EINVAL, "is not trained", seqgpu_params_orthogonal(p, "bias_l0")); /* [1,1], and fixed */
  REFUSED(ctx, EINVAL, "under \"b\" there is no network", seqgpu_params_split_biases(p, "b"));
  ACCEPTED(ctx, seqgpu_params_find(p, "bias_ih_l0", &after));
  const char *longest = letters(SQ_NAME_SIZE - sizeof ".bias_l0" - 1);
  REFUSED(ctx, EINVAL, "names longer", seqgpu_params_add_rnn(p, longest, one, NULL));
  seqgpu_params_destroy(p);
  seqgpu_plan_destroy(lstm);
  seqgpu_plan_destroy(wider);
  seqgpu_plan_destroy(other);
  seqgpu_plan_destroy(urnn);
  seqgpu_plan_destroy(one);
}

/* Under some prefix the network's names fit, and those of its two biases do not. */
static void check_long_split(seqgpu_context *ctx) {
  seqgpu_plan *plan = plan_of(ctx, (seqgpu_rnn_desc){.cell = "rnn", .hidden_size = 1});
  int refusals = 0, kept = 1;
  for (size_t n = SQ_NAME_SIZE - 24; n < SQ_NAME_SIZE; n++) {
    seqgpu_params *p = NULL;
    seqgpu_params_create(ctx, 1, &p);
    if (seqgpu_params_add_rnn(p, letters(n), plan, NULL) == SEQGPU_OK) {
      const int before = seqgpu_params_count(p);
      if (seqgpu_params_split_biases(p, letters(n)) != SEQGPU_OK) {
        refusals++;
        kept &=
            seqgpu_params_count(p) == before && strstr(seqgpu_last_error(ctx), "too long a name to be split");
      }
    }
    seqgpu_params_destroy(p);
  }
  CHECK(kept, "a bias whose parts have no name: %d prefixes, refused as a whole", refusals);
  seqgpu_plan_destroy(plan);
}

/* ---------------------------------------------------------------- echo state networks, regressions */

static void check_reservoirs(seqgpu_context *ctx) {
  const seqgpu_esn_desc good = {.input_size = 1, .output_size = 1, .hidden_size = 4, .links = 2};
  const double u[2] = {0.5, 1}, bad[2] = {0, (double)NAN};
  seqgpu_params *p = NULL;
  seqgpu_esn *esn = NULL;
  double h[4];
  ACCEPTED(ctx, seqgpu_params_create(ctx, 1, &p));
  REFUSED(NULL, EINVAL, "", seqgpu_esn_create(NULL, "e", &good, &esn));
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_esn_create(p, "e", &good, NULL));
  REFUSED(ctx, EINVAL, "desc is NULL", seqgpu_esn_create(p, "e", NULL, &esn));
  REFUSED(ctx, EINVAL, "its size is 0", seqgpu_esn_create_(p, "e", &good, 0, &esn));
  REFUSED(ctx, EINVAL, "names longer", seqgpu_esn_create(p, letters(SQ_NAME_SIZE), &good, &esn));
  REFUSED(ctx, EINVAL, "names longer", seqgpu_esn_create(p, letters(SQ_NAME_SIZE - 20), &good, &esn));
  seqgpu_esn_desc huge = good;
  huge.seq_len = huge.batch = 1 << 20;
  huge.hidden_size = 1 << 10;
  REFUSED(ctx, ENOMEM, "out of memory", seqgpu_esn_create(p, "e", &huge, &esn));
  CHECK(seqgpu_params_count(p) == 0 && esn == NULL, "what was refused has added nothing");
  REFUSED(NULL, EINVAL, "", seqgpu_esn_reset(NULL, 1));
  REFUSED(NULL, EINVAL, "", seqgpu_esn_state(NULL, h));
  REFUSED(NULL, EINVAL, "", seqgpu_esn_train(NULL, 1, u, u, 0));
  REFUSED(NULL, EINVAL, "", seqgpu_esn_solve(NULL, 1));
  REFUSED(NULL, EINVAL, "", seqgpu_esn_run(NULL, 1, u, NULL, NULL));
  CHECK(seqgpu_esn_features(NULL) == 0 && seqgpu_esn_plan(NULL) == NULL, "no network has nothing");
  ACCEPTED(ctx, seqgpu_esn_create(p, "e", &good, &esn));
  CHECK(seqgpu_plan_get_desc(seqgpu_esn_plan(esn)).hidden_size == 4, "the plan of a reservoir");
  REFUSED(ctx, EINVAL, "h is NULL", seqgpu_esn_state(esn, NULL));
  REFUSED(ctx, EINVAL, "B is 2", seqgpu_esn_reset(esn, 2));
  REFUSED(ctx, EINVAL, "d is NULL", seqgpu_esn_train(esn, 1, u, NULL, 0));
  REFUSED(ctx, EINVAL, "T is -1", seqgpu_esn_train(esn, -1, u, u, 0));
  REFUSED(ctx, EINVAL, "u is NULL", seqgpu_esn_run(esn, 1, NULL, NULL, NULL));
  REFUSED(ctx, EINVAL, "washout is -1", seqgpu_esn_train(esn, 1, u, u, -1));
  REFUSED(ctx, EINVAL, "y has nan in row 1", seqgpu_esn_train(esn, 2, u, bad, 0));
  REFUSED(ctx, EINVAL, "no rows yet", seqgpu_esn_solve(esn, 1));
  ACCEPTED(ctx, seqgpu_esn_run(esn, 0, NULL, NULL, NULL));
  ACCEPTED(ctx, seqgpu_esn_train(esn, 0, NULL, NULL, 5));
  seqgpu_esn_destroy(esn);
  seqgpu_esn_destroy(NULL);
  seqgpu_params_destroy(p);
}

static void check_regressions(seqgpu_context *ctx) {
  const double x[2] = {1, 2}, bad[2] = {1, (double)INFINITY};
  seqgpu_ridge *r = NULL;
  double w[2];
  REFUSED(NULL, EINVAL, "", seqgpu_ridge_create(NULL, 1, 1, SEQGPU_RIDGE_QR, &r));
  REFUSED(ctx, EINVAL, "result is NULL", seqgpu_ridge_create(ctx, 1, 1, SEQGPU_RIDGE_QR, NULL));
  REFUSED(ctx, EINVAL, "in is 0", seqgpu_ridge_create(ctx, 0, 1, SEQGPU_RIDGE_QR, &r));
  REFUSED(ctx, EINVAL, "out is 0", seqgpu_ridge_create(ctx, 1, 0, SEQGPU_RIDGE_QR, &r));
  REFUSED(ctx, EINVAL, "method is 9", seqgpu_ridge_create(ctx, 1, 1, (seqgpu_ridge_method)9, &r));
  REFUSED(ctx, EINVAL, "method is -1", seqgpu_ridge_create(ctx, 1, 1, (seqgpu_ridge_method)-1, &r));
  REFUSED(NULL, EINVAL, "", seqgpu_ridge_reset(NULL));
  REFUSED(NULL, EINVAL, "", seqgpu_ridge_add(NULL, 1, x, x));
  REFUSED(NULL, EINVAL, "", seqgpu_ridge_solve(NULL, 1, w));
  CHECK(seqgpu_ridge_rows(NULL) == 0, "no regression has no rows");
  ACCEPTED(ctx, seqgpu_ridge_create(ctx, 1, 1, SEQGPU_RIDGE_QR, &r));
  REFUSED(ctx, EINVAL, "rows is -1", seqgpu_ridge_add(r, -1, x, x));
  REFUSED(ctx, EINVAL, "x is NULL", seqgpu_ridge_add(r, 1, NULL, x));
  REFUSED(ctx, EINVAL, "y is NULL", seqgpu_ridge_add(r, 1, x, NULL));
  REFUSED(ctx, EINVAL, "x has inf in row 1", seqgpu_ridge_add(r, 2, bad, x));
  REFUSED(ctx, EINVAL, "w is NULL", seqgpu_ridge_solve(r, 1, NULL));
  REFUSED(ctx, EINVAL, "lambda is -1", seqgpu_ridge_solve(r, -1, w));
  REFUSED(ctx, EINVAL, "lambda is inf", seqgpu_ridge_solve(r, (double)INFINITY, w));
  REFUSED(ctx, EINVAL, "no rows yet", seqgpu_ridge_solve(r, 1, w));
  ACCEPTED(ctx, seqgpu_ridge_add(r, 0, NULL, NULL));
  ACCEPTED(ctx, seqgpu_ridge_add(r, 2, x, x));
  CHECK(seqgpu_ridge_solve(r, 0, w) == SEQGPU_OK && fabs(w[0] - 1) < 1e-15 && seqgpu_ridge_rows(r) == 2,
        "two rows of a line");
  seqgpu_ridge_destroy(r);
  seqgpu_ridge_destroy(NULL);
}

int main(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx = NULL;
  check_start();
  ACCEPTED(ctx, seqgpu_context_create(&options, &ctx));
  check_nothing(ctx);
  check_tensors(ctx);
  check_networks(ctx);
  check_long_split(ctx);
  check_reservoirs(ctx);
  check_regressions(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
