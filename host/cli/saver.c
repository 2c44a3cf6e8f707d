/* saver.c - the checkpoints of a run (saver.h). */
#include "host/cli/saver.h"

#include <math.h>
#include <stdlib.h>

#include "host/cli/files.h"

static const char BEST[] = "best";

/* ---------------------------------------------------------------- before the run */

/* Copies of an earlier run would be taken for this one's, and go. */
static int check_copies(const char *path) {
  numbered copies;
  char name[NUMBERED_PATH];
  int code = numbered_find(path, &copies);
  if (code == CLI_OK && copies.count > 0) code = numbered_step_name(path, copies.steps[0], name);
  if (code == CLI_OK && copies.count > 0) code = files_check_model(name, "--keep", 0);
  numbered_free(&copies);
  return code;
}

int saver_check(const run_options *o) {
  char best[NUMBERED_PATH];
  const char *path = o->checkpoint ? o->checkpoint : o->resume;
  if (path == NULL || (o->checkpoint == NULL && !files_is_model(path)))
    return CLI_OK; /* opening it will tell */
  const int continues = o->resume && files_are_same(path, o->resume), replace = o->force || continues;
  CLI_TRY(files_check_model(path, "--checkpoint", replace));
  if (o->keep > 0)
    CLI_TRY(numbered_step_name(path, INT64_MAX, best)); /* none of the names will be too long */
  if (o->keep > 0 && !replace) CLI_TRY(check_copies(path));
  if (!o->keep_best) return CLI_OK;
  CLI_TRY(numbered_name(path, BEST, best));
  return files_check_model(best, "--keep-best", replace);
}

/* ---------------------------------------------------------------- what is there */

/* The best model of a run that is continued says how good it was. */
static int read_best(saver *s, const char *name) {
  seqgpu_checkpoint *file;
  if (!files_has_content(name)) return CLI_OK;
  if (seqgpu_checkpoint_open(s->ctx, name, &file) != SEQGPU_OK) return cli_library_error(s->ctx);
  const int code = config_read_measure(file, name, &s->best, &s->best_loss);
  seqgpu_checkpoint_close(file);
  return code;
}

int saver_open(saver *s, const run_options *options, seqgpu_context *ctx, const learner *l,
               const config_cursor *start) {
  const run_options *o = options;
  char best[NUMBERED_PATH];
  *s = (saver){.options = o, .ctx = ctx, .learner = l, .saved = -1, .best = -1, .lock = {.fd = -1}};
  s->saved_at = cli_now();
  s->best_loss = (double)NAN;
  if (o->checkpoint == NULL) return CLI_OK;
  const int continues = o->resume && files_are_same(o->checkpoint, o->resume);
  if (continues) s->saved = start->step;
  s->piece = malloc(SAVER_PIECE * sizeof *s->piece);
  if (s->piece == NULL) return cli_error("%s: out of memory", o->checkpoint);
  CLI_TRY(lock_take(&s->lock, o->checkpoint));
  if (o->keep > 0) CLI_TRY(numbered_find(o->checkpoint, &s->copies));
  if (!o->keep_best || !continues) return CLI_OK;
  CLI_TRY(numbered_name(o->checkpoint, BEST, best));
  return read_best(s, best);
}

void saver_close(saver *s) {
  lock_release(&s->lock);
  numbered_free(&s->copies);
  free(s->piece);
  s->piece = NULL;
}

/* ---------------------------------------------------------------- saving */

/* Whether every element of a parameter is finite. */
static seqgpu_status look_at(const saver *s, const seqgpu_param *p, int *finite) {
  const int64_t count = p->rows * p->cols;
  *finite = 1;
  for (int64_t at = 0, n; at < count && *finite; at += n) {
    n = count - at < SAVER_PIECE ? count - at : SAVER_PIECE;
    LIB_TRY(seqgpu_copy_out(s->ctx, s->piece, (const float *)p->value + at, (size_t)n * sizeof(float)));
    for (int64_t i = 0; i < n; i++) *finite &= isfinite(s->piece[i]) != 0;
  }
  return SEQGPU_OK;
}

/* A model with infinities in it must not replace a good one. */
static int check_finite(const saver *s, int64_t step) {
  for (int i = 0; i < seqgpu_params_count(s->learner->params); i++) {
    seqgpu_param p;
    int finite;
    seqgpu_params_get(s->learner->params, i, &p);
    if (look_at(s, &p, &finite) != SEQGPU_OK) return cli_library_error(s->ctx);
    if (finite) continue;
    return cli_error("step %lld: %s is no longer finite, so training stopped and this step was not saved; "
                     "try a lower --lr",
                     (long long)step, p.name);
  }
  return CLI_OK;
}

static int save_as(const saver *s, const config_cursor *cursor, const char *path) {
  if (s->learner->save(s->learner->self, cursor, path) == SEQGPU_OK) return CLI_OK;
  return cli_library_error(s->ctx);
}

static int save_copy(saver *s, const config_cursor *cursor) {
  const char *path = s->options->checkpoint;
  char name[NUMBERED_PATH];
  CLI_TRY(numbered_step_name(path, cursor->step, name));
  if (!numbered_link(path, name)) CLI_TRY(save_as(s, cursor, name));
  return numbered_add(&s->copies, cursor->step, s->options->keep);
}

int saver_is_due(const saver *s, int64_t step) {
  const run_options *o = s->options;
  if (o->checkpoint_every > 0 && step % o->checkpoint_every == 0) return 1;
  return o->checkpoint_minutes > 0 && cli_now() - s->saved_at >= 60 * o->checkpoint_minutes;
}

static int save(saver *s, const config_cursor *cursor) {
  const run_options *o = s->options;
  s->saved_at = cli_now();
  CLI_TRY(save_as(s, cursor, o->checkpoint));
  s->saved = cursor->step;
  return o->keep > 0 ? save_copy(s, cursor) : CLI_OK;
}

int saver_save(saver *s, const config_cursor *cursor, int is_last) {
  if (s->options->checkpoint == NULL || s->saved == cursor->step) return CLI_OK;
  CLI_TRY(check_finite(s, cursor->step));
  const int code = save(s, cursor);
  if (code == CLI_OK || is_last) return code;
  cli_error("step %lld: not saved, but training goes on; the next save may succeed", (long long)cursor->step);
  return CLI_OK;
}

int saver_save_best(saver *s, const config_cursor *cursor, double val_loss) {
  char name[NUMBERED_PATH];
  config_cursor best = *cursor;
  if (s->options->keep_best) {
    best.has_val_loss = 1;
    best.val_loss = val_loss;
    CLI_TRY(check_finite(s, cursor->step));
    CLI_TRY(numbered_name(s->options->checkpoint, BEST, name));
    s->best_failed = save_as(s, &best, name) != CLI_OK;
    if (s->best_failed) return CLI_OK;
  }
  s->best = cursor->step;
  s->best_loss = val_loss;
  return CLI_OK;
}
