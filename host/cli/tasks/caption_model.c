/* caption_model.c - plans, parameters and answers of `caption` (caption_model.h). */
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/hessian.h"
#include "host/cli/network.h"
#include "host/cli/tasks/caption_model.h"

/* ---------------------------------------------------------------- its form, in a checkpoint */

static const char form_key[] = "patches";

/* "pixels 8 8 192" or "numbers 14 14 512": rows, columns, inputs. */
char *caption_describe_form(const picture_form *f) {
  enum { ROOM = 80 };
  char *text = malloc(ROOM);
  if (text)
    snprintf(text, ROOM, "%s %lld %lld %lld", f->side ? "pixels" : "numbers", (long long)f->rows,
             (long long)f->columns, (long long)f->inputs);
  return text;
}

/* The numbers behind a word, each from 1 to `most`; 0 if that is not what there is. */
static int read_form(const char *text, const char *word, picture_form *out) {
  enum { MOST = 1 << 20 };
  int64_t *const number[] = {&out->rows, &out->columns, &out->inputs};
  if (strncmp(text, word, strlen(word)) != 0) return 0;
  text += strlen(word);
  for (int i = 0; i < 3; i++) {
    char *end;
    if (*text != ' ') return 0;
    *number[i] = strtoll(text + 1, &end, 10);
    if (end == text + 1 || *number[i] < 1 || *number[i] > MOST) return 0;
    text = end;
  }
  return *text == '\0';
}

int caption_open_form(const caption_app *a, picture_form *out) {
  const caption_options *o = caption_options_of(&a->base);
  const char *text = a->base.file ? seqgpu_checkpoint_meta(a->base.file, form_key) : NULL;
  picture_form said = {0};
  if (o->side % o->patch != 0)
    return cli_usage("--patch: is %lld; it must divide --side, %lld", (long long)o->patch,
                     (long long)o->side);
  *out = picture_form_of_pixels(o->side, o->patch);
  if (a->base.file == NULL) return CLI_OK;
  if (text && read_form(text, "numbers", &said)) {
    *out = said;
    return CLI_OK;
  }
  if (text && read_form(text, "pixels", &said) && said.rows == out->rows && said.columns == out->columns &&
      said.inputs == out->inputs)
    return CLI_OK;
  return cli_error("%s: %s must be in its metadata, and say what a picture is", a->base.path, form_key);
}

/* ---------------------------------------------------------------- plans and parameters */

seqgpu_status caption_plan(const caption_app *a, const picture_set *s, int64_t steps, int training,
                           seqgpu_plan **out) {
  const caption_options *o = caption_options_of(&a->base);
  return app_plan(&a->base, &o->base.model, o->word_size, steps, &s->order, training, out);
}

seqgpu_status caption_plan_search(caption_app *a) {
  const caption_options *o = caption_options_of(&a->base);
  const buckets *order = &a->val.order;
  const int64_t batch = order->count < order->batch ? order->count : order->batch;
  return network_plan(a->base.ctx, &o->base.model, o->word_size, 1, batch * o->beam, 0, &a->step);
}

static const picture_form *form_of(const caption_app *a) {
  return a->base.training ? &a->train.data.form : &a->val.data.form;
}

/* Numbers of a patch that are set aside. */
static int64_t aside_of(const caption_options *o, const picture_form *f) {
  const int are = o->colours == CAPTION_COLOURS_ASIDE && o->attention_size > 0 && f->side > 0;
  return are ? PICTURES_COLOURS : 0;
}

seqgpu_status caption_build_model(caption_app *a, const seqgpu_plan *plan) {
  const caption_options *o = caption_options_of(&a->base);
  const picture_form *f = form_of(a);
  const seqgpu_captioner_desc desc = {.rows = f->rows,
                                      .columns = f->columns,
                                      .inputs = f->inputs,
                                      .features = o->features,
                                      .layers = o->patch_layers,
                                      .words = a->words.size,
                                      .word_size = o->word_size,
                                      .attention_size = o->attention_size,
                                      .dropout = o->base.model.rnn.dropout,
                                      .aside = aside_of(o, f)};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_captioner_create(a->base.params, &desc, plan, &a->model));
  return network_draw_params(&o->base.model, a->base.params, "decoder", plan);
}

/* The larger of two parts: what looks at a batch of pictures, as steps of the decoder. */
int caption_check_memory(const caption_app *a, const seqgpu_plan *plan) {
  const caption_options *o = caption_options_of(&a->base);
  const picture_form *f = form_of(a);
  const double F = (double)o->features, D = (double)o->attention_size, P = (double)(f->rows * f->columns),
               I = (double)o->word_size, classes = (double)a->words.size + 1,
               Y = (double)seqgpu_plan_get_sizes(plan).output_width,
               T = (double)seqgpu_plan_get_desc(plan).seq_len, layers = (double)o->patch_layers,
               aside = (double)aside_of(o, f), apart = aside > 0 ? 1 : 0;
  const network_rest rest = {
      .params = F * ((double)f->inputs + apart + 1) + layers * F * (9 * F + 1) + (D > 0 ? P * F : 0) +
                2 * Y * (D > 0 ? F : P * F) + (classes - 1) * I + classes * (Y + 1) + D * (Y + F) +
                Y * (Y + F + 1) + apart * (Y + 1),
      .per_step = 6 * I + 8 * Y + 3 * D + (3 + 11 * apart) * F + 2 * classes + 2 * (1 + apart) * P +
                  P * ((double)f->inputs + (6 + 4 * apart) * F + layers * 22 * F + 2 * (1 + apart) * D) / T,
      .averaged = learning_may_average(&o->base.model.learning),
      .hessian = hessian_is_asked(&o->base.model)};
  return network_check_memory(a->base.ctx, plan, rest);
}

/* ---------------------------------------------------------------- answers */

static void keep_answers(caption_app *a, const int32_t *which, int64_t B,
                         const seqgpu_translator_answers *is) {
  caption_answers *to = &a->answers;
  for (int64_t b = 0; b < B; b++) {
    to->length[which[b]] = is->lengths[b];
    to->score[which[b]] = is->score[b];
    memcpy(to->word + which[b] * to->most, is->word + b * to->most,
           (size_t)is->lengths[b] * sizeof *to->word);
  }
}

seqgpu_status caption_search(caption_app *a, const int32_t *which, const picture_batch *b) {
  const caption_options *o = caption_options_of(&a->base);
  const int64_t most = a->answers.most, B = b->words.batch;
  int32_t *number = malloc((size_t)(B * (most + 1)) * sizeof *number);
  double *score = malloc((size_t)B * sizeof *score);
  const seqgpu_translator_options how = {
      .beam = o->beam, .most = most, .banned = 1, .length_norm = o->length_norm};
  const seqgpu_translator_answers found = {.word = number, .lengths = number + B * most, .score = score};
  const int memory = number && score;
  seqgpu_status status =
      memory ? seqgpu_captioner_search(a->model, a->step, &how, &b->words, &found) : cli_no_memory();
  if (memory && status == SEQGPU_OK) keep_answers(a, which, B, &found);
  free(number);
  free(score);
  return status;
}
