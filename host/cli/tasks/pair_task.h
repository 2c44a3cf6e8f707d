/* pair_task.h - members of an application that writes a sequence for a sequence (pair_model.h). */
#ifndef PAIR_TASK_H
#define PAIR_TASK_H

#include "host/cli/tasks/pair_model.h"

/* The rows of PAIR_SEARCH_ROWS alone, for `eval` and for use. */
extern const arg_spec pair_search_specs[];

/* Says what was read into train and val. */
void pair_note_data(pair_app *a);
int pair_open(app *base);
int pair_build(app *base);
seqgpu_tensor *pair_loss(app *base, int64_t step);
int pair_describe(const app *base, app_text texts[APP_TEXTS]);
void pair_close(app *base);
/* Answers to all sources of val, and, where targets are known, their loss. */
seqgpu_status pair_answer(pair_app *a, const volatile sig_atomic_t *stop);
/* Word t of an answer. */
const vocab_token *pair_word(const pair_app *a, int64_t answer, int64_t t);

#endif
