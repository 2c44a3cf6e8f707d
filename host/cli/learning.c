/* learning.c - schedules, averages, learning rates of single tensors (learning.h). */
#include "host/cli/learning.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(learning_options, name)

const arg_spec learning_specs[] = {
    ROW_GROUP("Learning"),
    ROW_CHOICE("lr-schedule", ARG_KEEP_FREE, FIELD(schedule), "constant|step|cosine|plateau", "NAME",
               "how the learning rate falls"),
    ROW_INT("lr-every", ARG_KEEP_FREE, FIELD(every), 0, 4e18, "N",
            "step: updates between two falls; cosine: updates to --lr-min; plateau: validations without a "
            "better loss"),
    ROW_REAL("lr-factor", ARG_KEEP_FREE, FIELD(factor), 0, 1, "F", "step, plateau: of each fall, 0 = 0.1"),
    ROW_REAL("lr-min", ARG_KEEP_FREE, FIELD(lowest), 0, 1e38, "R", "where a schedule ends"),
    ROW_INT("lr-warmup", ARG_KEEP_FREE, FIELD(warmup), 0, 4e18, "N",
            "updates in which the learning rate rises from 0, before its schedule begins"),
    ROW_FLAG("momentum-rise", ARG_KEEP_FREE, FIELD(momentum_rise),
             "momentum, nesterov: from 0.5 to --momentum, in stages of 250 updates (Sutskever 2013) ..."),
    ROW_INT("momentum-end", ARG_KEEP_FREE, FIELD(momentum_end), 0, 4e18, "N",
            "... and at most 0.9 in the last 1000 of N updates, 0 = never"),
    ROW_REAL("weight-decay", ARG_KEEP_FREE, FIELD(weight_decay), 0, 1e38, "F",
             "L2 penalty; of adamw, decoupled: the share of each weight lost in an update, times the "
             "learning rate"),
    ROW_REAL("noise", ARG_KEEP_FREE, FIELD(noise), 0, 1e38, "F",
             "variance of noise on the gradients of the first update, 0 = none (Neelakantan 2015)"),
    ROW_REAL("noise-decay", ARG_KEEP_FREE, FIELD(noise_decay), 0, 100, "F",
             "exponent by which the variance falls with the updates, 0 = 0.55"),
    ROW_INT("average", ARG_KEEP_RUN, FIELD(average), 0, 4e18, "N",
            "average the weights from update N on, and validate and keep the average; 0 = never"),
    ROW_INT("average-patience", ARG_KEEP_RUN, FIELD(average_patience), 0, LEARNING_RECENT, "N",
            "average from the first validation on that is worse than the best before the last N; 0 = never"),
    ROW_LINE("freeze", ARG_KEEP_FREE, FIELD(freeze), "NAMES",
             "leave tensors as they are, by how their names begin: embedding,rnn.weight_ih"),
    ROW_LINE("lr-of", ARG_KEEP_FREE, FIELD(lr_of), "NAME=F",
             "factors of the learning rate of some tensors: rnn.weight_hh=0.1,output=2"),
    ROW_END,
};

static int is(const learning_options *o, const char *schedule) { return strcmp(o->schedule, schedule) == 0; }

/* ---------------------------------------------------------------- lists of names */

/* One entry of a list: how names begin, and a factor. */
typedef struct group {
  char name[ARGS_LINE];
  double factor;
} group;

/* Takes the next entry off *list, "NAME" or, with a factor, "NAME=FACTOR".  1, 0 at the end, -1 if it is
 * none. */
static int next_group(const char **list, int with_factor, group *out) {
  if (**list == 0) return 0;
  const size_t length = strcspn(*list, ",");
  snprintf(out->name, sizeof out->name, "%.*s", (int)length, *list);
  *list += length + ((*list)[length] == ',');
  char *equals = strchr(out->name, '='), *end;
  out->factor = 0;
  if (out->name[0] == 0 || (equals != NULL) != with_factor) return -1;
  if (!with_factor) return 1;
  *equals = 0;
  out->factor = strtod(equals + 1, &end);
  return out->name[0] && end != equals + 1 && *end == 0 && isfinite(out->factor) && out->factor >= 0 ? 1 : -1;
}

static int check_list(const char *list, int with_factor) {
  group g;
  int found;
  while ((found = next_group(&list, with_factor, &g)) > 0) continue;
  return found == 0;
}

static seqgpu_status set_list(seqgpu_params *params, const char *list, int with_factor) {
  group g;
  while (next_group(&list, with_factor, &g) > 0) LIB_TRY(seqgpu_params_set_lr(params, g.name, g.factor));
  return SEQGPU_OK;
}

int learning_set_groups(const learning_options *o, seqgpu_context *ctx, seqgpu_params *params) {
  if (set_list(params, o->lr_of, 1) != SEQGPU_OK || set_list(params, o->freeze, 0) != SEQGPU_OK)
    return cli_library_error(ctx);
  return seqgpu_params_elements(params) > 0 ? CLI_OK : cli_usage("--freeze: leaves nothing to train");
}

/* ---------------------------------------------------------------- checks */

int learning_check(const learning_options *o) {
  if (!is(o, "constant") && o->every == 0)
    return cli_usage("--lr-every: is 0; --lr-schedule %s needs a number of %s", o->schedule,
                     is(o, "plateau") ? "validations" : "updates");
  if (o->average > 0 && o->average_patience > 0)
    return cli_usage("--average: excludes --average-patience; give only one of them");
  if (!check_list(o->freeze, 0))
    return cli_usage("--freeze: is \"%.60s\"; it must be names, with a comma between two", o->freeze);
  if (!check_list(o->lr_of, 1))
    return cli_usage("--lr-of: is \"%.60s\"; it must be NAME=FACTOR, with a comma between two", o->lr_of);
  return CLI_OK;
}

/* ---------------------------------------------------------------- rates */

void learning_set_rates(const learning_options *o, const learning_state *s, int64_t step, double lr,
                        seqgpu_optimizer *out) {
  const double scaled = is(o, "plateau") && s->validations > 0 ? lr * s->scale : lr;
  const double lowest = fmin(o->lowest, lr);
  seqgpu_schedule schedule = {.lr = fmax(scaled, is(o, "plateau") ? lowest : 0),
                              .factor = o->factor,
                              .every = o->every,
                              .warmup = o->warmup};
  if (is(o, "step")) schedule.kind = SEQGPU_SCHEDULE_STEP;
  if (is(o, "cosine")) schedule.kind = SEQGPU_SCHEDULE_COSINE;
  if (schedule.kind != SEQGPU_SCHEDULE_CONSTANT) schedule.lowest = lowest;
  out->lr = seqgpu_schedule_lr(&schedule, step);
  if (!o->momentum_rise) return;
  const double most = out->momentum > 0 ? out->momentum : 0.9;
  out->momentum = seqgpu_schedule_momentum(step, most, o->momentum_end);
  out->momentum_next = seqgpu_schedule_momentum(step + 1, most, o->momentum_end);
}

int learning_may_average(const learning_options *o) { return o->average > 0 || o->average_patience > 0; }

int learning_averages(const learning_options *o, const learning_state *s, int64_t step) {
  const int64_t from = o->average_patience > 0 ? s->average_from : o->average;
  return from > 0 && step >= from;
}

/* ---------------------------------------------------------------- validations */

int learning_needs_validations(const learning_options *o) {
  return is(o, "plateau") || o->average_patience > 0;
}

static void watch_plateau(const learning_options *o, learning_state *s, double loss) {
  if (s->validations == 0 || loss < s->best) {
    s->best = loss;
    s->worse = 0;
  } else if (++s->worse >= o->every) {
    s->scale *= o->factor > 0 ? o->factor : 0.1;
    s->worse = 0;
  }
}

/* Non-monotonically triggered ASGD (Merity, Keskar, Socher 2018, algorithm 1). */
static void watch_average(const learning_options *o, learning_state *s, int64_t step, double loss) {
  const int64_t n = o->average_patience;
  if (s->validations > n && s->average_from == 0 && loss > s->earlier) s->average_from = step + 1;
  if (s->validations >= n) {
    const double oldest = s->recent[0];
    s->earlier = s->validations == n ? oldest : fmin(s->earlier, oldest);
    memmove(s->recent, s->recent + 1, (size_t)(n - 1) * sizeof *s->recent);
  }
  s->recent[s->validations < n ? s->validations : n - 1] = loss;
}

void learning_validated(const learning_options *o, learning_state *s, int64_t step, double loss) {
  if (!learning_needs_validations(o)) return;
  if (s->validations == 0) s->scale = 1;
  if (is(o, "plateau")) watch_plateau(o, s, loss);
  if (o->average_patience > 0) watch_average(o, s, step, loss);
  s->validations++;
}

/* ---------------------------------------------------------------- text */

enum { NUMBERS = 6 + LEARNING_RECENT };

/* The fields in the order of the text. */
static void to_numbers(const learning_state *s, double out[NUMBERS]) {
  const double first[] = {(double)s->validations,  s->scale,  s->best, (double)s->worse,
                          (double)s->average_from, s->earlier};
  memcpy(out, first, sizeof first);
  memcpy(out + 6, s->recent, sizeof s->recent);
}

void learning_write(const learning_state *s, char text[LEARNING_TEXT]) {
  double number[NUMBERS];
  size_t used = 0;
  to_numbers(s, number);
  for (int i = 0; i < NUMBERS; i++)
    used += (size_t)snprintf(text + used, LEARNING_TEXT - used, "%s%.17g", i ? " " : "", number[i]);
}

static int is_count(double x) { return x >= 0 && x <= 1e15 && x == floor(x); }

int learning_read(const char *text, learning_state *s) {
  double number[NUMBERS];
  for (int i = 0; i < NUMBERS; i++) {
    char *end;
    number[i] = strtod(text, &end);
    if (end == text || !isfinite(number[i])) return 0;
    text = end;
  }
  if (*text || !is_count(number[0]) || !is_count(number[3]) || !is_count(number[4]) ||
      !(number[1] >= 0 && number[1] <= 1))
    return 0;
  *s = (learning_state){.validations = (int64_t)number[0],
                        .scale = number[1],
                        .best = number[2],
                        .worse = (int64_t)number[3],
                        .average_from = (int64_t)number[4],
                        .earlier = number[5]};
  memcpy(s->recent, number + 6, sizeof s->recent);
  return 1;
}
