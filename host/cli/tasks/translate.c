/* translate.c - the application `translate`: sentences of one language for those of another (pair_task.h).
 *
 * The metric is 1 - BLEU / 100 of the answers to the validation, since less must be better; BLEU is that of
 * sacrebleu, of tokens in small letters (host/data/bleu.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/tasks/translate_map.h"
#include "host/data/bleu.h"
#include "host/data/grow.h"
#include "host/data/translations.h"

/* Sources of up to 5, 10, ... words; the last group has all that are longer. */
enum { GROUP = 5, GROUPS = 8 };

typedef struct translate_app {
  pair_app pair;
  sentences_piece *answer; /* words of one, with `room` elements */
  size_t room;
  bleu score, by_length[GROUPS]; /* of the last validation */
} translate_app;

/* ---------------------------------------------------------------- data */

/* `seqgpu translate` reads sentences alone. */
static int read_data(app *base) {
  pair_app *a = (pair_app *)base;
  const app_options *o = base->options;
  int64_t left_out = 0, none = 0;
  a->train.text = a->val.text = (pairs)PAIRS_NONE;
  CLI_TRY(translations_read(&o->data, pair_options_of(base)->longest, &a->train.text, &left_out));
  if (left_out > 0)
    cli_note("%lld pairs have more words than --longest, and are left out", (long long)left_out);
  if (pair_uses(base)) return translations_read_source(o->input, &a->val.text.source);
  CLI_TRY(translations_read(&o->val_data, 0, &a->val.text, &none));
  pair_note_data(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- answers */

/* Where the model would write <unk> and --copy is given, the word of the source that it attends to most. */
static sentences_piece word_of(const pair_app *a, int64_t i, int64_t t) {
  const int64_t at = a->answers.start[i] + t;
  if (a->answers.word[at] == a->target.unknown)
    return a->val.text.source.word[a->val.text.source.start[i] + a->answers.attended[at]];
  const vocab_token *word = pair_word(a, i, t);
  return (sentences_piece){word->text, (int32_t)word->length};
}

/* The words of an answer; NULL when out of memory. */
static const sentences_piece *words_of(translate_app *s, int64_t i) {
  void *memory = s->answer;
  const int64_t n = s->pair.answers.length[i];
  if (!grow(&memory, &s->room, (size_t)n + 1, sizeof *s->answer)) return NULL;
  s->answer = memory;
  for (int64_t t = 0; t < n; t++) s->answer[t] = word_of(&s->pair, i, t);
  return s->answer;
}

static int check_attention(const app *base) {
  const pair_options *o = pair_options_of(base);
  if (pair_attends(o) || !(o->copy || o->svg)) return CLI_OK;
  return cli_usage("--%s: %s has no attention, which says what to %s", o->copy ? "copy" : "svg", base->path,
                   o->copy ? "copy" : "show");
}

static int open_data(app *base) {
  CLI_TRY(check_attention(base));
  return pair_open(base);
}

/* Counts answer i, among all and among those to sources of like lengths; 0 when out of memory. */
static int judge(translate_app *s, int64_t i) {
  const pairs *text = &s->pair.val.text;
  const sentences_piece *answer = words_of(s, i), *reference = text->target.word + text->target.start[i];
  const int64_t n = s->pair.answers.length[i], m = pairs_length(&text->target, i),
                group = (pairs_length(&text->source, i) - 1) / GROUP;
  return answer && bleu_add(&s->score, answer, n, reference, m) &&
         bleu_add(&s->by_length[group < GROUPS ? group : GROUPS - 1], answer, n, reference, m);
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  translate_app *s = (translate_app *)base;
  const pair_app *a = &s->pair;
  LIB_TRY(pair_answer(&s->pair, stop));
  s->score = (bleu){.answers = 0};
  memset(s->by_length, 0, sizeof s->by_length);
  for (int64_t i = 0; i < a->val.text.target.count; i++)
    if (!judge(s, i)) return cli_no_memory();
  *mean = a->loss_sum / a->steps;
  *metric = 1 - bleu_score(&s->score) / 100;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const translate_app *s = (const translate_app *)base;
  const double perplexity = exp(s->pair.loss_sum / s->pair.steps);
  const long long count = (long long)s->pair.val.text.target.count;
  if (!json) {
    printf("; %lld sentences, BLEU %.2f, perplexity %.4g", count, bleu_score(&s->score), perplexity);
    return;
  }
  printf(", \"sentences\": %lld", count);
  json_number(stdout, ", \"bleu\": ", 6, bleu_score(&s->score));
  json_number(stdout, ", \"perplexity\": ", 6, perplexity);
  json_number(stdout, ", \"words\": ", 9, (double)s->score.answers);
  json_number(stdout, ", \"reference_words\": ", 9, (double)s->score.references);
  const char *between = ", \"bleu_by_length\": {";
  for (int g = 0; g < GROUPS; g++) {
    if (s->by_length[g].references == 0) continue;
    printf("%s\"%d\": ", between, GROUP * (g + 1));
    json_number(stdout, "", 4, bleu_score(&s->by_length[g]));
    between = ", ";
  }
  printf("}");
}

/* ---------------------------------------------------------------- the command */

static void print_words(const sentences_piece *word, int64_t count, int json) {
  for (int64_t t = 0; t < count; t++) {
    if (t > 0) printf(json ? ", " : " ");
    if (json)
      json_string(stdout, word[t].text, (size_t)word[t].size);
    else
      printf("%.*s", (int)word[t].size, word[t].text);
  }
}

static void print_json(const pair_app *a, int64_t i, const sentences_piece *answer) {
  const sentences *s = &a->val.text.source;
  const int64_t n = a->answers.length[i];
  printf("{\"source\": [");
  print_words(s->word + s->start[i], pairs_length(s, i), 1);
  printf("], \"target\": [");
  print_words(answer, n, 1);
  printf("]");
  if (pair_attends(pair_options_of(&a->base))) {
    printf(", \"attended\": [");
    for (int64_t t = 0; t < n; t++)
      printf(t > 0 ? ", %d" : "%d", (int)a->answers.attended[a->answers.start[i] + t]);
    printf("]");
  }
  json_number(stdout, ", \"score\": ", 6, a->answers.score[i]);
  printf("}\n");
}

/* All answers, whose words stay where they are; 0 when out of memory. */
static int collect(translate_app *s, sentences *out) {
  for (int64_t i = 0; i < s->pair.val.text.source.count; i++) {
    const sentences_piece *answer = words_of(s, i);
    if (answer == NULL) return 0;
    for (int64_t t = 0; t < s->pair.answers.length[i]; t++)
      if (!sentences_add_word(out, answer[t].text, answer[t].size)) return 0;
    if (!sentences_end(out)) return 0;
  }
  return 1;
}

static int print_all(pair_app *a, const sentences *answers) {
  const pair_options *o = pair_options_of(&a->base);
  CLI_TRY(translate_map(a, answers, o->svg));
  for (int64_t i = 0; i < answers->count; i++) {
    const sentences_piece *answer = answers->word + answers->start[i];
    if (o->base.run.common.json) {
      print_json(a, i, answer);
      continue;
    }
    print_words(answer, pairs_length(answers, i), 0);
    printf("\n");
  }
  return CLI_OK;
}

static int use(app *base) {
  translate_app *s = (translate_app *)base;
  sentences answers = SENTENCES_NONE;
  if (pair_answer(&s->pair, NULL) != SEQGPU_OK) return cli_library_error(base->ctx);
  const int code = collect(s, &answers) ? print_all(&s->pair, &answers) : cli_error("out of memory");
  sentences_free(&answers);
  return code;
}

static void close(app *base) {
  free(((translate_app *)base)->answer);
  pair_close(base);
}

/* ---------------------------------------------------------------- the table */

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_INT("min-count", ARG_KEEP_RUN, PAIR_FIELD(min_count), 1, 1000000, "N",
            "words that the data have less often are read as <unk>, and never written"),
    ROW_INT("longest", ARG_KEEP_RUN, PAIR_FIELD(longest), 0, 1000000, "N",
            "pairs with more words on a side are not learnt, 0 = all are"),
    PAIR_NETWORK_ROWS,
    ROW_END,
};

#define COPY_ROW                                                                                             \
  ROW_FLAG("copy", ARG_NOT_KEPT, PAIR_FIELD(copy),                                                           \
           "where the model would write <unk>, write the word of the source that it attends to most")

static const arg_spec eval_options[] = {PAIR_SEARCH_ROWS, COPY_ROW, ROW_END};

static const arg_spec use_options[] = {
    PAIR_SEARCH_ROWS,
    COPY_ROW,
    ROW_TEXT("svg", PAIR_FIELD(svg), "FILE",
             "also a picture of what the words of each translation attend to"),
    ROW_END,
};

static const pair_options start = {
    .base = {.model = APPLICATION_MODEL(1e-3, .hidden_size = 256, .batch = 64, .dropout = 0.3)},
    .word_size = 256,
    .attention_size = 256,
    .min_count = 2,
    .longest = 50,
    .beam = 1};

static int run(int argc, char **argv) { return application_use(&application_translate, argc, argv); }

const command_spec command_translate = {"translate", "translate sentences with a model of train translate",
                                        run};

const application application_translate = {
    .name = "translate",
    .about = "a sentence in another language",
    .data =
        "sentences and translations, also compressed by gzip: a pair a line with a tab between them, or two "
        "files one after the other, of as many lines; several are read as one",
    .network =
        "layers that read a sentence in both directions, layers that write its translation, and attention "
        "between them",
    .metric = "one_minus_bleu",
    .options = options,
    .eval_options = eval_options,
    .use_options = use_options,
    .use_about =
        "Translates sentences, a line each, with a model of seqgpu train translate. Words and marks are\n"
        "printed in small letters with spaces between them.",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(translate_app),
    .read = read_data,
    .open = open_data,
    .build = pair_build,
    .loss = pair_loss,
    .validate = validate,
    .print = print,
    .use = use,
    .describe = pair_describe,
    .close = close,
};
