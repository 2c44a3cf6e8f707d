/* hessian.c - the options of Hessian-free optimisation (hessian.h). */
#include "host/cli/hessian.h"

#include <string.h>

#define FIELD(name) offsetof(hessian_options, name)

const arg_spec hessian_specs[] = {
    ROW_GROUP("Hessian-free optimisation"),
    ROW_REAL("damping", ARG_KEEP_RUN, FIELD(damping), 0, 1e38, "L",
             "that the first update begins with; then it adapts itself; 0 = 0.1"),
    ROW_REAL("structural-damping", ARG_KEEP_FREE, FIELD(structural), 0, 1e38, "F",
             "of the states of the last recurrent layer, as a share of the damping, 0 = none"),
    ROW_INT("cg-iterations", ARG_KEEP_FREE, FIELD(iterations), 0, 36000, "N",
            "of conjugate gradients in an update, at most, 0 = 250"),
    ROW_REAL("cg-progress", ARG_KEEP_FREE, FIELD(progress), 0, 1, "F",
             "they stop where an iteration brings a smaller share, 0 = 0.0005"),
    ROW_REAL("cg-decay", ARG_KEEP_FREE, FIELD(decay), 0, 1, "F",
             "share of the last solution that they start with, 0 = 0.95"),
    ROW_FLAG("cg-cold", ARG_KEEP_FREE, FIELD(cold), "start them with 0"),
    ROW_INT("curvature-batch", ARG_KEEP_FREE, FIELD(curvature), 0, 1000000, "N",
            "sequences of the batch that the curvature is of, 0 = all"),
    ROW_INT("precondition", ARG_KEEP_FREE, FIELD(cases), 0, 1000000, "N",
            "sequences whose single gradients precondition them, 0 = no preconditioner"),
    ROW_REAL("precondition-exponent", ARG_KEEP_FREE, FIELD(exponent), 0, 1, "F", "of these, 0 = 0.75"),
    ROW_END,
};

int hessian_is_asked(const model_config *c) { return strcmp(c->optimizer, "hessian-free") == 0; }

seqgpu_status hessian_create(const model_config *c, seqgpu_params *params, seqgpu_hessian_free **out) {
  const hessian_options *h = &c->hessian;
  const seqgpu_hessian_free_options options = {.lambda = h->damping,
                                               .structural = h->structural,
                                               .iterations = (int)h->iterations,
                                               .progress = h->progress,
                                               .decay = h->decay,
                                               .cold = h->cold,
                                               .cases = h->cases,
                                               .exponent = h->exponent,
                                               .seed = (uint64_t)c->seed};
  *out = NULL;
  return hessian_is_asked(c) ? seqgpu_hessian_free_create(params, &options, out) : SEQGPU_OK;
}

static int refuse(const char *option, const char *why) {
  return cli_usage("--%s: must be 0 with --optimizer hessian-free; %s", option, why);
}

/* What single sequences and parts of a batch need. */
static int check_sizes(const model_config *c, const learner *l) {
  const hessian_options *h = &c->hessian;
  const char *option = h->cases ? "precondition" : h->curvature ? "curvature-batch" : "structural-damping";
  if (!l->cuts_batches && (h->cases || h->curvature || h->structural > 0))
    return cli_usage("--%s: this task takes a batch as a whole, and shows no states; it must be 0", option);
  if (h->cases && (c->rnn.batch_norm_input || c->rnn.batch_norm_steps))
    return cli_usage("--precondition: a single sequence has no statistics of a batch; it must be 0 with --%s",
                     c->rnn.batch_norm_input ? "batch-norm-input" : "batch-norm-steps");
  const int64_t most = h->cases > h->curvature ? h->cases : h->curvature;
  if (most > c->rnn.batch)
    return cli_usage("--%s: is %lld; it must be at most --batch, which is %lld",
                     h->cases > h->curvature ? "precondition" : "curvature-batch", (long long)most,
                     (long long)c->rnn.batch);
  return CLI_OK;
}

int hessian_check(const model_config *c, const ranks *r, const learner *l) {
  if (!hessian_is_asked(c)) return CLI_OK;
  if (l->update == NULL)
    return cli_usage("--optimizer: is hessian-free; this task learns by first-order updates only");
  if (r->size > 1)
    return cli_usage("--optimizer: is hessian-free, which runs in one process; mpirun has started %d",
                     r->size);
  if (c->shards > 1)
    return cli_usage("--shards: is %lld; hessian-free takes a batch as a whole", (long long)c->shards);
  if (c->rnn.omega > 0) return refuse("omega", "the regulariser has no tangents");
  return check_sizes(c, l);
}
