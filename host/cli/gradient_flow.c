/* gradient_flow.c - options and output of `seqgpu inspect --gradient-flow` (gradient_flow.h). */
#include "host/cli/gradient_flow.h"

#include <math.h>
#include <string.h>

#include "host/cli/flow_compare.h"
#include "host/cli/flow_model.h"
#include "host/cli/flow_page.h"
#include "host/cli/flow_write.h"

#define FIELD(name) offsetof(gradient_flow_options, name)

/* ---------------------------------------------------------------- options */

static const arg_spec own_specs[] = {
    ROW_GROUP("Gradient flow"),
    ROW_FLAG(
        "gradient-flow", ARG_NOT_KEPT, FIELD(asked),
        "instead measure how a loss at the last step reaches the steps before it: of the model, on the "
        "text of --prime or drawn tokens, or without --checkpoint of networks of all kinds; prints a table, "
        "or writes the page of --html"),
    ROW_INT("seq-len", ARG_NOT_KEPT, FIELD(model.rnn.seq_len), 2, 100000, "T",
            "steps, of a text the first ones"),
    ROW_REAL("input-scale", ARG_NOT_KEPT, FIELD(input_scale), 0, 1e6, "S",
             "without a model: standard deviation of the inputs"),
    ROW_END,
};

/* Of a model's options, those of a network that is drawn; the second kind are of --cell alone. */
static const char *const of_any[] = {"hidden", "layers", "seed"};
static const char *const of_cell[] = {"init", "init-scale",
#define OPTION(BIT, field, kind, least, most, refusal, key, ...) key,
#include "core/options.def"
#undef OPTION
                                      "forget-bias"};
enum { OF_ANY = sizeof of_any / sizeof of_any[0], OF_CELL = sizeof of_cell / sizeof of_cell[0] };

/* A step has no tangents of chance, and with statistics of a batch no sequence has a Jacobian of its own. */
static int is_without_tangents(const char *name) {
  return strstr(name, "zoneout") || strstr(name, "dropout") || strstr(name, "batch-norm");
}

static void join_row(arg_spec table[ARGS_MAX], const arg_spec *model, const char *name) {
  arg_spec one[] = {model[args_find(model, name)], ROW_END};
  one[0].keep = ARG_NOT_KEPT;
  if (!is_without_tangents(name)) args_join(table, one, 0);
}

void gradient_flow_join_specs(arg_spec table[ARGS_MAX], size_t shift) {
  static const arg_spec group[] = {ROW_GROUP("Gradient flow of new networks"), ROW_END};
  arg_spec model[ARGS_MAX] = {ROW_END};
  args_join(table, own_specs, shift);
  args_join(table, group, 0);
  config_join_specs(model, shift + FIELD(model));
  join_row(table, model, "cell");
  for (size_t i = 0; i < OF_ANY; i++) join_row(table, model, of_any[i]);
  for (size_t i = 0; i < OF_CELL; i++) join_row(table, model, of_cell[i]);
}

/* ---------------------------------------------------------------- what goes together */

/* The name of the first option of a list that is given, NULL if none is. */
static const char *first_given(const arg_spec *specs, const unsigned char *given, const char *const *names,
                               size_t count) {
  for (size_t i = 0; i < count; i++) {
    const int row = args_find(specs, names[i]);
    if (row >= 0 && given[row]) return specs[row].name;
  }
  return NULL;
}

int gradient_flow_check(const gradient_flow_options *o, const char *checkpoint, const arg_spec *specs,
                        const unsigned char *given) {
  static const char *const of_drawn[] = {"cell", "hidden", "layers", "input-scale"}, *const always[] = {
                                                                                         "seq-len", "seed"};
  const char *drawn = first_given(specs, given, of_drawn, sizeof of_drawn / sizeof of_drawn[0]);
  const char *of_one = first_given(specs, given, of_cell, OF_CELL);
  const char *any = first_given(specs, given, always, sizeof always / sizeof always[0]);
  if (drawn == NULL) drawn = of_one;
  if (!o->asked && (any || drawn))
    return cli_usage("--%s: has no effect without --gradient-flow", any ? any : drawn);
  if (checkpoint && drawn)
    return cli_usage("--%s: is what the model of --checkpoint says; only networks without a model have it",
                     drawn);
  if (o->asked && !checkpoint && of_one && !o->model.cell[0])
    return cli_usage("--%s: has no effect without --cell", of_one);
  return config_check_bias(&o->model);
}

/* ---------------------------------------------------------------- the command */

typedef struct results {
  flow_look look[FLOW_KINDS];
  int count;
  double loss; /* NaN: of drawn networks */
} results;

static int measure_drawn(seqgpu_context *ctx, const gradient_flow_options *o, const how_options *how,
                         results *r) {
  model_config model = o->model;
  model.how = *how;
  const flow_network network = {model.cell, &model, o->input_scale};
  r->count = model.cell[0] ? 1 : FLOW_KINDS;
  r->loss = (double)NAN;
  return model.cell[0] ? flow_compare_one(ctx, &network, r->look)
                       : flow_compare_all(ctx, &model, o->input_scale, r->look);
}

static int measure(seqgpu_context *ctx, const char *checkpoint, const network_options *base,
                   const gradient_flow_options *o, const prime_options *prime, results *r) {
  const flow_source source = {.checkpoint = checkpoint,
                              .base = base,
                              .prime = prime,
                              .steps = o->model.rnn.seq_len,
                              .seed = o->model.seed};
  if (checkpoint == NULL) return measure_drawn(ctx, o, &base->how, r);
  r->count = 1;
  return flow_model_look(ctx, &source, r->look, &r->loss);
}

static int show(const char *checkpoint, int json, const char *html, const results *r) {
  char title[300] = "Gradient flow";
  if (checkpoint) snprintf(title, sizeof title, "Gradient flow of %.250s", checkpoint);
  if (html) CLI_TRY(flow_page(html, title, r->look, r->count, r->loss));
  if (json)
    flow_write_json(stdout, r->look, r->count, r->loss);
  else if (!html)
    flow_write_text(stdout, r->look, r->count, r->loss);
  return CLI_OK;
}

int gradient_flow(const char *checkpoint, const network_options *base, const gradient_flow_options *o,
                  const prime_options *prime, const char *html) {
  seqgpu_context *ctx;
  results r = {.count = 0};
  if (strcmp(base->common.device, "cuda") == 0)
    return cli_usage("--device: is cuda; --gradient-flow computes on the CPU, so it must be cpu or auto");
  if (!checkpoint && (prime->text || prime->file))
    return cli_usage("--%s: has no effect without --checkpoint", prime->text ? "prime" : "prime-file");
  CLI_TRY(cli_open("cpu", base->common.threads, &ctx));
  int code = measure(ctx, checkpoint, base, o, prime, &r);
  if (code == CLI_OK) {
    code = show(checkpoint, base->common.json, html, &r);
    for (int i = 0; i < r.count; i++) flow_look_free(&r.look[i]);
  }
  seqgpu_context_destroy(ctx);
  return code;
}
