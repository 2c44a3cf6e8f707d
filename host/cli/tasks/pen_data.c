/* pen_data.c - see pen_data.h. */
#include "host/cli/tasks/pen_data.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/tasks/pen_point.h"

int pen_data_read(app *base, const pen_line_options *lines, pen_data *d) {
  const app_options *o = base->options;
  pen_text *learnt = &d->train.text, *val = &d->val.text;
  *learnt = *val = (pen_text)PEN_TEXT_NONE;
  CLI_TRY(pen_text_read(&o->data, NULL, lines->longest, learnt));
  CLI_TRY(pen_text_read(&o->val_data, base->training ? learnt : NULL, lines->longest, val));
  d->train.fonts = learnt;
  d->val.fonts = val->fonts ? val : learnt;
  base->data_hash = learnt->hash;
  base->data_size = learnt->bytes;
  base->train_size = learnt->lines;
  base->val_hash = val->lines > 0 ? val->hash : 0;
  return CLI_OK;
}

/* Letters of ASCII in their order. */
static int is_alphabet(const char *text) {
  char before = HERSHEY_FIRST - 1;
  for (const char *c = text; *c; before = *c++)
    if (*c <= before || *c >= HERSHEY_FIRST + HERSHEY_LETTERS) return 0;
  return *text != '\0';
}

/* From malloc; NULL when out of memory. */
static char *copy_of(const char *text) {
  char *out = malloc(strlen(text) + 1);
  if (out) strcpy(out, text);
  return out;
}

static int stored_alphabet(const app *a, pen_data *d) {
  const char *text = seqgpu_checkpoint_meta(a->file, "alphabet");
  if (text == NULL || !is_alphabet(text))
    return cli_error("%s: has no alphabet, letters of ASCII in their order; it must be in its metadata",
                     a->path);
  d->alphabet = copy_of(text);
  return d->alphabet ? CLI_OK : cli_error("out of memory");
}

int pen_data_scales(const app *a, pen_data *d) {
  if (a->file) {
    CLI_TRY(stored_alphabet(a, d));
    return pen_stored_deviation(a, &d->deviation);
  }
  d->alphabet = pen_set_alphabet(&d->train.text);
  d->deviation = pen_set_deviation(&d->train.text, d->train.fonts);
  if (d->alphabet == NULL) return cli_error("out of memory");
  return d->deviation > 0 ? CLI_OK : cli_error("%s: nothing moves in it", a->options->data.item[0]);
}

int pen_data_open(const app *a, pen_data *d) {
  const model_config *c = &a->options->model;
  d->train.deviation = d->val.deviation = d->deviation;
  CLI_TRY(pen_set_open(&d->train, d->alphabet, c->rnn.batch, c->seed));
  return pen_set_open(&d->val, d->alphabet, c->rnn.batch, c->seed);
}

void pen_data_close(pen_data *d) {
  pen_set_close(&d->train);
  pen_set_close(&d->val);
  free(d->alphabet);
}

void pen_data_about(const pen_data *d, char *text, size_t size) {
  snprintf(text, size, "%lld lines, %lld points, %lld words left out, %lld updates per epoch",
           (long long)d->train.text.lines, (long long)d->train.points, (long long)d->train.text.left_out,
           (long long)d->train.order.batches);
}

/* A validation is the same whatever the seed, which eval does not know. */
pen_hand pen_data_hand(const app *a, const pen_line_options *lines, int64_t step) {
  const int64_t seed = step == PEN_SET_ALIKE ? 1 : a->options->model.seed;
  return (pen_hand){seed, step, lines->slant, lines->scale, lines->jitter};
}

int pen_data_describe(const pen_data *d, app_text texts[2]) {
  texts[0] = pen_deviation_text(d->deviation);
  texts[1] = (app_text){"alphabet", copy_of(d->alphabet)};
  return texts[0].text && texts[1].text;
}
