/* classify_use.c - `seqgpu classify`: sentences in, a line each, and their classes out (classify_model.h).
 *
 * An empty line stays one.  --html FILE writes a page of the sentences, with the weights of the attention as
 * the depth of colour behind each word.
 */
#include "host/cli/tasks/classify_use.h"

#include <stdlib.h>

#include "host/cli/html.h"
#include "host/cli/json.h"
#include "host/cli/task_learner.h"

const arg_spec classify_use_specs[] = {
    ROW_TEXT("html", offsetof(classify_options, html), "FILE",
             "also a page that shows what the model attends to (--pool attention)"),
    ROW_END,
};

/* Copies the attention of a batch to the words of its sentences. */
static seqgpu_status keep_attention(classify_app *a, const labelled_set *s, const int32_t *which,
                                    const seqgpu_tagger_batch *b) {
  float *weights = malloc((size_t)(b->seq_len * b->batch) * sizeof *weights);
  if (weights == NULL) return cli_no_memory();
  const seqgpu_status status = seqgpu_tensor_read(a->attention, weights);
  for (int64_t i = 0; status == SEQGPU_OK && i < b->batch; i++)
    for (int64_t t = 0; t < b->lengths[i]; t++)
      a->weight[s->text.start[which[i]] + t] = weights[t * b->batch + i];
  free(weights);
  return status;
}

static seqgpu_status classify_some(app *base, const int32_t *which, int64_t count) {
  classify_app *a = (classify_app *)base;
  labelled_set *s = &a->val;
  seqgpu_tagger_batch b;
  const int64_t classes = a->classes.size;
  if (!word_set_batch(&s->words, which, count, &b)) return cli_no_memory();
  LIB_TRY(classify_forward(a, a->val_plan, &b));
  LIB_TRY(classify_read_answer(a));
  for (int64_t i = 0; i < count; i++) {
    const float *row = a->answer + i * classes;
    const int64_t best = task_learner_class(row, classes);
    s->label[which[i]] = (int32_t)best;
    a->chance[which[i]] = app_probability(row, classes, best);
  }
  return a->attention ? keep_attention(a, s, which, &b) : SEQGPU_OK;
}

/* ---------------------------------------------------------------- printing */

static void print_json(const classify_app *a, int64_t s, const vocab_token *class) {
  const sentences *t = &a->val.text;
  printf("{\"class\": ");
  json_string(stdout, class->text, class->length);
  json_number(stdout, ", \"probability\": ", 6, (double)a->chance[s]);
  printf(", \"words\": [");
  for (int64_t i = t->start[s]; i < t->start[s + 1]; i++) {
    if (i > t->start[s]) printf(", ");
    json_string(stdout, t->word[i].text, (size_t)t->word[i].size);
  }
  printf("]");
  for (int64_t i = t->start[s]; a->attention && i < t->start[s + 1]; i++)
    json_number(stdout, i > t->start[s] ? ", " : ", \"attention\": [", 6, (double)a->weight[i]);
  printf(a->attention ? "]}\n" : "}\n");
}

static void print_all(const classify_app *a) {
  const sentences *t = &a->val.text;
  const int json = a->base.options->run.common.json;
  for (int64_t s = 0; s < t->count; s++) {
    if (t->start[s + 1] == t->start[s]) {
      printf(json ? "{}\n" : "\n");
      continue;
    }
    const vocab_token *class = &a->classes.tokens[a->val.label[s]];
    if (json)
      print_json(a, s, class);
    else
      printf("%.*s %.4f\n", (int)class->length, class->text, (double)a->chance[s]);
  }
}

/* ---------------------------------------------------------------- the command */

/* A sentence: its class, and each word on a ground as deep as its weight beside the largest of them. */
static void show(FILE *to, const classify_app *a, int64_t s) {
  const sentences *t = &a->val.text;
  const vocab_token *class = &a->classes.tokens[a->val.label[s]];
  float most = 0;
  for (int64_t i = t->start[s]; i < t->start[s + 1]; i++) most = a->weight[i] > most ? a->weight[i] : most;
  fprintf(to, "<p><b>");
  html_text(to, class->text, class->length);
  fprintf(to, "</b> <span class=\"dim\">%.3f</span>", (double)a->chance[s]);
  for (int64_t i = t->start[s]; i < t->start[s + 1]; i++) {
    fprintf(to, " <span style=\"background:rgba(31,111,235,%.3f)\" title=\"%.4f\">",
            most > 0 ? 0.7 * (double)(a->weight[i] / most) : 0, (double)a->weight[i]);
    html_text(to, t->word[i].text, (size_t)t->word[i].size);
    fprintf(to, "</span>");
  }
  fprintf(to, "</p>\n");
}

static int write_page(const classify_app *a, const char *path) {
  const sentences *t = &a->val.text;
  html_page page;
  CLI_TRY(html_open(&page));
  html_begin(page.to, "What the model attends to");
  for (int64_t s = 0; s < t->count; s++)
    if (t->start[s + 1] > t->start[s]) show(page.to, a, s);
  html_end(page.to);
  return html_save(&page, path);
}

int classify_use(app *base) {
  classify_app *a = (classify_app *)base;
  const classify_options *o = classify_options_of(base);
  if (o->html && o->pool != SEQGPU_CLASSIFIER_ATTENTION)
    return cli_usage("--html: %s has no attention to show; --pool attention trains one that has",
                     o->base.use);
  a->chance = calloc((size_t)a->val.text.count + 1, sizeof *a->chance);
  a->weight = calloc((size_t)a->val.text.words + 1, sizeof *a->weight);
  if (a->chance == NULL || a->weight == NULL) return cli_error("out of memory");
  if (app_each_turn(base, &a->val.order, 1, NULL, classify_some) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  print_all(a);
  return o->html ? write_page(a, o->html) : CLI_OK;
}
