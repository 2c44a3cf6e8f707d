/* tag_use.c - `seqgpu tag`: sentences in, a line each, and their words with their tags out (tag_model.h).
 *
 * Sentences are tagged in batches of near lengths, and printed in the order in which they came.  An empty
 * line stays one.
 */
#include "host/cli/tasks/tag_use.h"

#include <stdlib.h>

#include "host/cli/json.h"
#include "host/cli/task_learner.h"

const arg_spec tag_use_specs[] = {
    ROW_FLAG("conllu", ARG_NOT_KEPT, offsetof(tag_options, conllu),
             "print CoNLL-U, a line a word, instead of word/TAG"),
    ROW_END,
};

/* ---------------------------------------------------------------- tagging */

/* Tags the sentences which[count]: labels and chances of their words. */
static seqgpu_status tag_some(app *base, const int32_t *which, int64_t count) {
  tag_app *a = (tag_app *)base;
  labelled_set *s = &a->val.data;
  seqgpu_tagger_batch b;
  const int64_t tags = a->tags.size;
  LIB_TRY(tag_batch(&a->val, which, count, &b));
  LIB_TRY(tag_forward(a, &a->val, &b));
  LIB_TRY(tag_read_answer(a));
  for (int64_t i = 0; i < count; i++)
    for (int64_t t = 0; t < b.lengths[i]; t++) {
      const float *row = a->answer + (t * count + i) * tags;
      const int64_t best = task_learner_class(row, tags), word = s->text.start[which[i]] + t;
      s->label[word] = (int32_t)best;
      a->chance[word] = app_probability(row, tags, best);
    }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- printing */

static const vocab_token *tag_of(const tag_app *a, int64_t word) {
  return &a->tags.tokens[a->val.data.label[word]];
}

static void print_lines(const tag_app *a, int64_t first, int64_t after) {
  for (int64_t i = first; i < after; i++) {
    const sentences_piece *w = &a->val.data.text.word[i];
    const vocab_token *t = tag_of(a, i);
    printf("%s%.*s/%.*s", i > first ? " " : "", (int)w->size, w->text, (int)t->length, t->text);
  }
  printf("\n");
}

static void print_conllu(const tag_app *a, int64_t first, int64_t after) {
  for (int64_t i = first; i < after; i++) {
    const sentences_piece *w = &a->val.data.text.word[i];
    const vocab_token *t = tag_of(a, i);
    printf("%lld\t%.*s\t_\t%.*s\t_\t_\t_\t_\t_\t_\n", (long long)(i - first + 1), (int)w->size, w->text,
           (int)t->length, t->text);
  }
  if (after > first) printf("\n");
}

static void print_json(const tag_app *a, int64_t first, int64_t after) {
  printf("{\"words\": [");
  for (int64_t i = first; i < after; i++) {
    if (i > first) printf(", ");
    json_string(stdout, a->val.data.text.word[i].text, (size_t)a->val.data.text.word[i].size);
  }
  printf("], \"tags\": [");
  for (int64_t i = first; i < after; i++) {
    if (i > first) printf(", ");
    json_string(stdout, tag_of(a, i)->text, tag_of(a, i)->length);
  }
  printf("], \"probabilities\": [");
  for (int64_t i = first; i < after; i++) json_number(stdout, i > first ? ", " : "", 6, (double)a->chance[i]);
  printf("]}\n");
}

static void print_all(const tag_app *a) {
  const tag_options *o = tag_options_of(&a->base);
  for (int64_t s = 0; s < a->val.data.text.count; s++) {
    const int64_t first = a->val.data.text.start[s], after = a->val.data.text.start[s + 1];
    if (o->base.run.common.json)
      print_json(a, first, after);
    else if (o->conllu)
      print_conllu(a, first, after);
    else
      print_lines(a, first, after);
  }
}

int tag_use(app *base) {
  tag_app *a = (tag_app *)base;
  a->chance = malloc(((size_t)a->val.data.text.words + 1) * sizeof *a->chance);
  if (a->chance == NULL) return cli_error("out of memory");
  if (app_each_turn(base, &a->val.data.order, 1, NULL, tag_some) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  print_all(a);
  return CLI_OK;
}
