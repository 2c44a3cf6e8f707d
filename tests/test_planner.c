/* test_planner.c - how a descriptor gets its plan: names, refusals, the model, measuring, and the cache.
 *
 * The emulator has several plans, so there the choice is real: it times them all on a layer of a few numbers.
 */
#define _POSIX_C_SOURCE 200809L

#include <unistd.h>

#include "host/planner/measure.h"
#include "tests/check.h"
#include "tests/failing.h"

enum { MOST = 32 };
static char folder[200], path[256];

static seqgpu_rnn_desc good_desc(void) {
  return (seqgpu_rnn_desc){.cell = "lstm", .input_size = 3, .hidden_size = 4, .seq_len = 2, .batch = 2};
}

/* All candidates of a context for a descriptor; how many of them fit. */
typedef struct candidates {
  int count, fitting;
  seqgpu_algorithm_info at[MOST];
} candidates;

static candidates all_candidates(seqgpu_context *ctx, const seqgpu_rnn_desc *desc) {
  candidates c = {.count = seqgpu_algorithm_count(ctx)};
  CHECK(c.count > 0 && c.count <= MOST, "%s has %d plans", seqgpu_context_device(ctx), c.count);
  for (int i = 0; i < c.count && i < MOST; i++) {
    check_record(seqgpu_algorithm_get(ctx, desc, i, &c.at[i]) == SEQGPU_OK, seqgpu_last_error(ctx),
                 "candidate %d of %s", i, seqgpu_context_device(ctx));
    c.fitting += c.at[i].why_not[0] == 0 && !c.at[i].by_name;
  }
  return c;
}

/* The name of the algorithm that a descriptor gets, "" and the sentence in the log if it gets none. */
static void chosen(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const seqgpu_plan_options *options,
                   char name[64]) {
  seqgpu_plan *plan = NULL;
  const seqgpu_status status = seqgpu_plan_create(ctx, desc, options, &plan);
  snprintf(name, 64, "%s", status == SEQGPU_OK ? seqgpu_plan_algorithm(plan) : "");
  if (status != SEQGPU_OK) printf("(%s: %s)\n", seqgpu_status_name(status), seqgpu_last_error(ctx));
  seqgpu_plan_destroy(plan);
}

/* --- names and refusals --- */

static void check_named(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *name,
                        const seqgpu_algorithm_info *expected) {
  seqgpu_plan *plan = NULL;
  char own_name[64], own_cell[64]; /* literals of two files may be one */
  snprintf(own_name, sizeof own_name, "%s", name);
  snprintf(own_cell, sizeof own_cell, "%s", desc->cell);
  seqgpu_rnn_desc asked = *desc;
  asked.cell = own_cell;
  const seqgpu_plan_options options = {.algorithm = own_name};
  const seqgpu_status status = seqgpu_plan_create(ctx, &asked, &options, &plan);
  if (expected->why_not[0] == 0) {
    CHECK(status == SEQGPU_OK && strcmp(seqgpu_plan_algorithm(plan), expected->name) == 0,
          "plan \"%s\" is %s", name, expected->name);
    CHECK(plan && plan->algorithm->name != own_name && plan->desc.cell != own_cell,
          "%s keeps no string of the caller", name);
  } else {
    CHECK(status == SEQGPU_EUNSUPPORTED && plan == NULL, "plan \"%s\" is refused", name);
    CHECK(strstr(seqgpu_last_error(ctx), expected->why_not) && strstr(seqgpu_last_error(ctx), "algorithm"),
          "plan \"%s\": the sentence says why", name);
  }
  seqgpu_plan_destroy(plan);
}

static void check_unknown(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *name) {
  seqgpu_plan *plan = NULL;
  const seqgpu_plan_options options = {.algorithm = name};
  CHECK(seqgpu_plan_create(ctx, desc, &options, &plan) == SEQGPU_EINVAL && plan == NULL &&
            strstr(seqgpu_last_error(ctx), "algorithm is"),
        "plan \"%.20s\" is unknown to %s", name, seqgpu_context_device(ctx));
}

static void check_names(seqgpu_context *ctx, const seqgpu_rnn_desc *desc) {
  static const char *const unknown[] = {"",     "/",    "st", "step-", "persist", "steps", "nodevice/step",
                                        "cuda", "/step"};
  const candidates all = all_candidates(ctx, desc);
  char longest[3000], other[80];
  for (int i = 0; i < all.count; i++) {
    check_named(ctx, desc, all.at[i].name, &all.at[i]);
    check_named(ctx, desc, strchr(all.at[i].name, '/') + 1, &all.at[i]);
    snprintf(other, sizeof other, "x%s", all.at[i].name);
    check_unknown(ctx, desc, other);
  }
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) check_unknown(ctx, desc, unknown[i]);
  memset(longest, 's', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  check_unknown(ctx, desc, longest);
}

/* "persistent" stands for all plans that begin so: the best of them, or the reason of one. */
static void check_family(seqgpu_context *ctx, seqgpu_rnn_desc desc, const char *family) {
  const candidates all = all_candidates(ctx, &desc);
  const size_t device = strlen(seqgpu_context_device(ctx)) + 1, length = strlen(family);
  const seqgpu_algorithm_info *best = NULL;
  int members = 0;
  for (int i = 0; i < all.count; i++) {
    if (strncmp(all.at[i].name + device, family, length) != 0 || all.at[i].by_name) continue;
    members++;
    if (all.at[i].why_not[0]) continue;
    if (best == NULL || all.at[i].estimate_us < best->estimate_us) best = &all.at[i];
  }
  char name[64];
  chosen(ctx, &desc, &(seqgpu_plan_options){.algorithm = family}, name);
  if (members == 0)
    check_skip("no such plans in this build", "family %s of %s", family, seqgpu_context_device(ctx));
  else
    CHECK(strcmp(name, best ? best->name : "") == 0, "\"%s\" is the best of %d plans", family, members);
}

static void check_candidate_errors(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = good_desc();
  seqgpu_algorithm_info info;
  const int count = seqgpu_algorithm_count(ctx);
  CHECK(seqgpu_algorithm_count(NULL) == 0, "no context, no candidates");
  CHECK(seqgpu_algorithm_get(NULL, &desc, 0, &info) == SEQGPU_EINVAL, "candidate of no context");
  CHECK(seqgpu_algorithm_get(ctx, NULL, 0, &info) == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "desc"),
        "candidate of no descriptor");
  CHECK(seqgpu_algorithm_get(ctx, &desc, 0, NULL) == SEQGPU_EINVAL && strstr(seqgpu_last_error(ctx), "out"),
        "candidate into nothing");
  CHECK(seqgpu_algorithm_get(ctx, &desc, -1, &info) == SEQGPU_EINVAL, "candidate -1");
  CHECK(seqgpu_algorithm_get(ctx, &desc, count, &info) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "index"),
        "candidate past the last");
  desc.hidden_size = 0;
  CHECK(seqgpu_algorithm_get(ctx, &desc, 0, &info) == SEQGPU_EINVAL &&
            strstr(seqgpu_last_error(ctx), "hidden"),
        "candidate of a descriptor nobody can run");
}

/* --- the model --- */

static void check_estimate(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *what) {
  const candidates all = all_candidates(ctx, desc);
  const seqgpu_algorithm_info *best = NULL;
  char once[64], again[64];
  for (int i = 0; i < all.count; i++) {
    const int fits = all.at[i].why_not[0] == 0;
    CHECK(fits ? all.at[i].estimate_us > 0 && isfinite(all.at[i].estimate_us) : all.at[i].estimate_us == 0,
          "%s of %s: an estimate if it fits", all.at[i].name, what);
    if (fits && !all.at[i].by_name && (best == NULL || all.at[i].estimate_us < best->estimate_us))
      best = &all.at[i];
  }
  chosen(ctx, desc, NULL, once);
  chosen(ctx, desc, NULL, again);
  CHECK(best && strcmp(once, best->name) == 0, "%s: the cheapest that fits is chosen", what);
  CHECK(strcmp(once, again) == 0, "%s: the same plan again", what);
}

/* --- measuring --- */

static void read_cache(char *text, size_t size) {
  FILE *f = fopen(path, "rb");
  const size_t got = f ? fread(text, 1, size - 1, f) : 0;
  text[got] = 0;
  if (f) fclose(f);
}

static int count_lines(void) {
  char text[8192];
  int lines = 0;
  read_cache(text, sizeof text);
  for (const char *c = text; *c; c++) lines += *c == '\n';
  return lines;
}

/* Writes the cache again with its only choice replaced by another name. */
static void forge_choice(const char *name) {
  char text[8192];
  read_cache(text, sizeof text);
  char *line = strchr(text, '\n'), *tab = line ? strchr(line, '\t') : NULL;
  if (!CHECK(tab != NULL, "the cache has a choice to forge")) return;
  *line = *tab = 0;
  FILE *f = fopen(path, "wb");
  fprintf(f, "%s\n%s\t%s", text, name, tab + 1);
  fclose(f);
}

static void check_measure(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = good_desc();
  seqgpu_plan_options options = {.mode = SEQGPU_PLAN_MEASURE, .cache = path};
  const candidates all = all_candidates(ctx, &desc);
  char name[64], once[8192], again[8192];
  chosen(ctx, &desc, &options, name);
  CHECK(name[0] != 0, "%s: measuring gives a plan", seqgpu_context_device(ctx));
  CHECK(seqgpu_last_error(ctx)[0] == 0, "%s: and no sentence", seqgpu_context_device(ctx));
  if (all.fitting < 2) {
    CHECK(access(path, F_OK) != 0, "%s: one plan is not measured", seqgpu_context_device(ctx));
    check_skip("this device has one plan only", "%s: a measured choice", seqgpu_context_device(ctx));
    return;
  }
  CHECK(count_lines() == 2, "the choice is written down");
  read_cache(once, sizeof once);
  chosen(ctx, &desc, &options, name);
  read_cache(again, sizeof again);
  CHECK(strcmp(once, again) == 0 && strstr(once, name), "and is not measured a second time");
  for (int i = 0; i < all.count; i++) {
    if (all.at[i].why_not[0]) continue;
    forge_choice(all.at[i].name);
    chosen(ctx, &desc, &options, name);
    CHECK(strcmp(name, all.at[i].name) == 0, "the file's choice is taken: %s", name);
  }
  forge_choice("emulator/abacus");
  chosen(ctx, &desc, &options, name);
  read_cache(again, sizeof again);
  CHECK(name[0] && strstr(again, name) && !strstr(again, "abacus"),
        "a choice that is no plan is measured again");
  options.algorithm = "step";
  forge_choice(all.at[0].name);
  chosen(ctx, &desc, &options, name);
  CHECK(strstr(name, "/step") != NULL, "a named plan is not looked up");
  options.algorithm = NULL;
  desc.batch = 1;
  chosen(ctx, &desc, &options, name);
  CHECK(count_lines() == 3, "another descriptor has another line");
  desc.inference = 1;
  chosen(ctx, &desc, &options, name);
  CHECK(name[0] && count_lines() == 4, "inference is measured without a backward");
  options.cache = "/nonexistent/folder/plans";
  chosen(ctx, &desc, &options, name);
  CHECK(name[0], "a folder that is not there is no error");
  unlink(path);
}

/* --- memory --- */

/* Plans by measuring, and times one. */
static seqgpu_status measure(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = good_desc();
  seqgpu_plan *plan = NULL;
  double microseconds = 0;
  const seqgpu_plan_options options = {.mode = SEQGPU_PLAN_MEASURE};
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, &options, &plan);
  if (status == SEQGPU_OK) status = sq_plan_time(ctx, plan, &microseconds);
  seqgpu_plan_destroy(plan);
  return status == SEQGPU_OK && !(microseconds > 0) ? SEQGPU_EINVAL : status;
}

static void check_device(const char *device, seqgpu_dtype dtype) {
  const seqgpu_context_options options = {.device = device, .threads = 1, .dtype = dtype};
  seqgpu_context *ctx = NULL;
  seqgpu_rnn_desc desc = good_desc();
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    check_skip(seqgpu_last_error(ctx), "planner of %s", device);
    seqgpu_context_destroy(ctx);
    return;
  }
  check_measure(ctx); /* first, while no call has failed */
  check_candidate_errors(ctx);
  check_names(ctx, &desc);
  check_family(ctx, desc, "persistent");
  check_family(ctx, desc, "cudnn");
  check_family(ctx, desc, "step");
  check_estimate(ctx, &desc, "a small layer");
  desc.num_layers = 3;
  desc.bidirectional = 1;
  check_estimate(ctx, &desc, "three layers, two directions");
  desc = good_desc();
  desc.hidden_size = 3000;
  check_estimate(ctx, &desc, "a layer larger than a chip");
  check_names(ctx, &desc);
  seqgpu_context_destroy(ctx);
}

int main(void) {
  const char *base = getenv("TMPDIR");
  check_start();
  snprintf(folder, sizeof folder, "%.150s/seqgpu-planner-XXXXXX", base ? base : "/tmp");
  if (!CHECK(mkdtemp(folder) != NULL, "a folder to work in")) return check_finish();
  snprintf(path, sizeof path, "%s/plans", folder);
  check_device("cpu", SEQGPU_DTYPE_F32);
  check_device("cpu", SEQGPU_DTYPE_F64);
  if (check_is_for("emulator")) check_device("emulator", SEQGPU_DTYPE_F32);
  if (check_is_for("cuda")) check_device("cuda", SEQGPU_DTYPE_F32);
  failing_each("cpu", measure, 1); /* what cannot be measured is left to the model */
  failing_each("emulator", measure, 1);
  CHECK(rmdir(folder) == 0, "no temporary file is left");
  return check_finish();
}
