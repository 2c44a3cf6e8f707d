/* application_speech.c - see application_speech.h. */
#include "host/cli/application_speech.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- files */

static int read_all(const arg_list *files, recordings_choice choice, int held_out, recordings *out) {
  choice.take_held_out = held_out;
  for (int i = 0; i < files->count; i++) CLI_TRY(recordings_read(files->item[i], &choice, out));
  if (out->count > 0 || files->count == 0) return CLI_OK;
  return cli_error("%s: has no recording that is %s; see --hold-out", files->item[0],
                   held_out ? "held out" : "to be learnt");
}

static int read_held_out(const arg_list *files, recordings_choice choice, recordings *out) {
  choice.take_held_out = 1;
  for (int i = 0; i < files->count; i++)
    if (recordings_is_folder(files->item[i])) CLI_TRY(recordings_read(files->item[i], &choice, out));
  return CLI_OK;
}

int app_read_speech(app *a, recordings_choice choice, recordings *learnt, recordings *held_out) {
  const app_options *o = a->options;
  CLI_TRY(read_all(&o->data, choice, 0, learnt));
  if (learnt->count > 0) held_out->rate = learnt->rate;
  CLI_TRY(o->val_data.count > 0 ? read_all(&o->val_data, choice, 1, held_out)
                                : read_held_out(&o->data, choice, held_out));
  a->data_hash = learnt->hash;
  a->data_size = learnt->bytes;
  a->train_size = learnt->count;
  a->val_hash = held_out->count > 0 ? held_out->hash : 0;
  return CLI_OK;
}

int app_open_letters(const app *a, const recordings *learnt, vocabulary *out) {
  if (a->file == NULL) return speech_letters(learnt, out);
  CLI_TRY(app_read_vocabulary(a, "letters", out));
  return labels_check(out, a->path);
}

/* ---------------------------------------------------------------- a form, in a checkpoint */

static const char rate_key[] = "rate", means_key[] = "means", deviations_key[] = "deviations";

/* Numbers with spaces between, from malloc; NULL when out of memory. */
static char *write_numbers(const double *number, int64_t count) {
  enum { DIGITS = 26 }; /* with the space, so that the same bits are read again */
  char *text = malloc((size_t)count * DIGITS + 1);
  size_t at = 0;
  for (int64_t i = 0; text && i < count; i++)
    at += (size_t)snprintf(text + at, DIGITS, i > 0 ? " %.17g" : "%.17g", number[i]);
  return text;
}

/* Reads so many of them, each above `least`; 0 if that is not what the text has. */
static int read_numbers(const char *text, int64_t count, double least, double *out) {
  for (int64_t i = 0; i < count; i++) {
    char *end;
    out[i] = strtod(text, &end);
    if (end == text || !isfinite(out[i]) || !(out[i] > least)) return 0;
    text = end;
  }
  return *text == '\0';
}

static int open_numbers(const app *a, const char *key, int64_t count, double least, double *out) {
  const char *text = seqgpu_checkpoint_meta(a->file, key);
  if (text && read_numbers(text, count, least, out)) return CLI_OK;
  return cli_error("%s: %s must be in its metadata, %lld numbers with spaces between", a->path, key,
                   (long long)count);
}

static int read_form(const app *a, speech_form *f) {
  double rate;
  CLI_TRY(open_numbers(a, rate_key, 1, 0, &rate));
  CLI_TRY(open_numbers(a, means_key, f->bands, -(double)INFINITY, f->mean));
  CLI_TRY(open_numbers(a, deviations_key, f->bands, 0, f->deviation));
  if (!(rate >= MEL_LEAST_RATE && rate <= MEL_MOST_RATE && rate == floor(rate)))
    return cli_error("%s: rate is %g; it must be a whole number from %d to %d", a->path, rate, MEL_LEAST_RATE,
                     MEL_MOST_RATE);
  f->rate = (int64_t)rate;
  return CLI_OK;
}

/* The rate of recordings must be the model's. */
static int check_rate(const app *a, const recordings *r, const speech_form *f) {
  if (r->count == 0 || r->rate == f->rate) return CLI_OK;
  return cli_error("the recordings have %lld samples a second; %s takes %lld", (long long)r->rate, a->path,
                   (long long)f->rate);
}

int app_open_form(const app *a, const recordings *learnt, const recordings *held_out, speech_form *f) {
  f->rate = learnt->rate;
  if (f->rate != 0 && (f->rate < MEL_LEAST_RATE || f->rate > MEL_MOST_RATE))
    return cli_error("%s: has %lld samples a second; it must be %d to %d", a->options->data.item[0],
                     (long long)f->rate, MEL_LEAST_RATE, MEL_MOST_RATE);
  CLI_TRY(a->file ? read_form(a, f) : speech_form_find(learnt, f));
  CLI_TRY(check_rate(a, learnt, f));
  return check_rate(a, held_out, f);
}

int app_describe_form(const speech_form *form, app_text texts[APP_FORM_TEXTS]) {
  const double rate = (double)form->rate;
  texts[0] = (app_text){rate_key, write_numbers(&rate, 1)};
  texts[1] = (app_text){means_key, write_numbers(form->mean, form->bands)};
  texts[2] = (app_text){deviations_key, write_numbers(form->deviation, form->bands)};
  return texts[0].text && texts[1].text && texts[2].text;
}
