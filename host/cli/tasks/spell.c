/* spell.c - the application `spell`: how words are spoken, phonemes for letters (pair_task.h).
 *
 * The metric is the phoneme error rate: how many phonemes must be put in, taken out or changed, of those that
 * the words have.  Of a word with several pronunciations, which stand one below the other, the one counts that
 * is nearest to the answer.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/tasks/pair_task.h"
#include "host/data/edit_distance.h"
#include "host/data/pronunciations.h"

typedef struct spell_app {
  pair_app pair;
  double errors, phonemes, wrong, words; /* of the last validation */
} spell_app;

/* ---------------------------------------------------------------- data */

static int read_files(const arg_list *files, int stress, pairs *out) {
  *out = (pairs)PAIRS_NONE;
  for (int i = 0; i < files->count; i++) CLI_TRY(pronunciations_read(files->item[i], stress, out));
  return CLI_OK;
}

/* `seqgpu spell` reads words alone. */
static int read_data(app *base) {
  pair_app *a = (pair_app *)base;
  const app_options *o = base->options;
  const int stress = pair_options_of(base)->stress;
  CLI_TRY(read_files(&o->data, stress, &a->train.text));
  CLI_TRY(read_files(&o->val_data, stress, &a->val.text));
  if (pair_uses(base)) return spellings_read(o->input, &a->val.text.source);
  pair_note_data(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- the metric */

/* Whether word i is the one before, spoken otherwise. */
static int is_variant(const pair_set *s, int64_t i) {
  const word_set *w = &s->source;
  const int64_t *start = s->text.source.start;
  if (i == 0 || i == s->text.source.count || w->length[i] != w->length[i - 1]) return 0;
  for (int64_t k = 0; k < w->length[i]; k++) /* letters, for some may be in no vocabulary */
    if (w->spelling[start[i] + k] != w->spelling[start[i - 1] + k]) return 0;
  return 1;
}

/* The distance of the answer to word `first` from pronunciation i. */
static int64_t distance(const pair_app *a, int64_t first, int64_t i, int64_t *row) {
  const word_set *target = &a->val.target;
  return edit_distance(a->answers.word + a->answers.start[first], a->answers.length[first],
                       target->word + a->val.text.target.start[i], target->length[i], row);
}

/* A word, whose pronunciations are first..after-1. */
static void judge(spell_app *s, int64_t first, int64_t after, int64_t *row) {
  int64_t least = -1, phonemes = 0;
  for (int64_t i = first; i < after; i++) {
    const int64_t errors = distance(&s->pair, first, i, row);
    if (least >= 0 && errors >= least) continue;
    least = errors;
    phonemes = s->pair.val.target.length[i];
  }
  s->words++;
  s->wrong += least > 0;
  s->errors += (double)least;
  s->phonemes += (double)phonemes;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  spell_app *s = (spell_app *)base;
  const pair_set *val = &s->pair.val;
  LIB_TRY(pair_answer(&s->pair, stop));
  int64_t *row = malloc((size_t)(val->target.longest + 1) * sizeof *row);
  if (row == NULL) return cli_no_memory();
  s->errors = s->phonemes = s->wrong = s->words = 0;
  for (int64_t first = 0, after = 1; first < val->text.source.count; first = after++) {
    while (is_variant(val, after)) after++;
    judge(s, first, after, row);
  }
  free(row);
  *mean = s->pair.loss_sum / s->pair.steps;
  *metric = s->errors / s->phonemes;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const spell_app *s = (const spell_app *)base;
  if (!json) {
    printf("; %.0f words, %.2f %% of them wrong; %.0f phonemes, %.0f errors", s->words,
           100 * s->wrong / s->words, s->phonemes, s->errors);
    return;
  }
  json_number(stdout, ", \"words\": ", 9, s->words);
  json_number(stdout, ", \"word_error_rate\": ", 6, s->wrong / s->words);
  json_number(stdout, ", \"phonemes\": ", 9, s->phonemes);
}

/* ---------------------------------------------------------------- the command */

static void print_letters(const pair_app *a, int64_t i) {
  const sentences *s = &a->val.text.source;
  for (int64_t k = s->start[i]; k < s->start[i + 1]; k++)
    printf("%.*s", (int)s->word[k].size, s->word[k].text);
}

static void print_line(const pair_app *a, int64_t i) {
  print_letters(a, i);
  for (int64_t t = 0; t < a->answers.length[i]; t++) {
    const vocab_token *p = pair_word(a, i, t);
    printf(" %.*s", (int)p->length, p->text);
  }
  printf("\n");
}

static void print_json(const pair_app *a, int64_t i) {
  const sentences *s = &a->val.text.source;
  printf("{\"letters\": [");
  for (int64_t k = s->start[i]; k < s->start[i + 1]; k++) {
    if (k > s->start[i]) printf(", ");
    json_string(stdout, s->word[k].text, (size_t)s->word[k].size);
  }
  printf("], \"phonemes\": [");
  for (int64_t t = 0; t < a->answers.length[i]; t++) {
    if (t > 0) printf(", ");
    json_string(stdout, pair_word(a, i, t)->text, pair_word(a, i, t)->length);
  }
  json_number(stdout, "], \"score\": ", 6, a->answers.score[i]);
  printf("}\n");
}

static int use(app *base) {
  pair_app *a = (pair_app *)base;
  if (pair_answer(a, NULL) != SEQGPU_OK) return cli_library_error(base->ctx);
  for (int64_t i = 0; i < a->val.text.source.count; i++) {
    if (base->options->run.common.json)
      print_json(a, i);
    else
      print_line(a, i);
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- the table */

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_FLAG("stress", ARG_KEEP_RUN, PAIR_FIELD(stress),
             "phonemes keep the digit that says how they are stressed"),
    PAIR_NETWORK_ROWS,
    ROW_END,
};

static const pair_options start = {
    .base = {.model = APPLICATION_MODEL(2e-3, .hidden_size = 256, .batch = 64, .dropout = 0.2)},
    .word_size = 64,
    .attention_size = 128,
    .min_count = 1,
    .beam = 1};

static int run(int argc, char **argv) { return application_use(&application_spell, argc, argv); }

const command_spec command_spell = {"spell", "say how words are spoken with a model of train spell", run};

const application application_spell = {
    .name = "spell",
    .about = "how a word is spoken, phonemes for its letters",
    .data =
        "the dictionary, also compressed by gzip: a word and its phonemes a line; several are read as one",
    .network =
        "layers that read the letters in both directions, layers that write the phonemes, and attention "
        "between them",
    .metric = "phoneme_error_rate",
    .options = options,
    .eval_options = pair_search_specs,
    .use_options = pair_search_specs,
    .use_about =
        "Says how words are spoken with a model of seqgpu train spell: words with white space between\n"
        "them in, a line each with its phonemes out.",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(spell_app),
    .read = read_data,
    .open = pair_open,
    .build = pair_build,
    .loss = pair_loss,
    .validate = validate,
    .print = print,
    .use = use,
    .describe = pair_describe,
    .close = pair_close,
};
