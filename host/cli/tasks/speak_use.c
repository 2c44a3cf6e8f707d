/* speak_use.c - `seqgpu speak`: lines of text in, one after another in a WAV file (speak_model.h).
 *
 * A step is said, and heard before the next one, until it is likelier than not that the end has come: until
 * the product of 1 / (1 + exp e_t) is below one half.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/carried.h"
#include "host/cli/json.h"
#include "host/cli/memory.h"
#include "host/cli/tasks/speak_use.h"
#include "host/cli/text_bytes.h"
#include "host/cli/whole_file.h"
#include "host/context/utf8.h"
#include "host/data/griffin_lim.h"
#include "host/data/speech_picture.h"
#include "host/data/wav.h"

#define FIELD(name) offsetof(speak_options, name)

enum { MOST_ROUNDS = 10000, MOST_LETTERS = 100000 };

const arg_spec speak_use_specs[] = {
    ROW_TEXT("text", FIELD(text), "TEXT", "what to say; spaces are left out where the model has none"),
    ROW_WORD("speaker", ARG_NOT_KEPT, FIELD(speaker), "NAME",
             "whose voice it has, of those it has learnt; by default the one with the most recordings"),
    ROW_REAL("seconds", ARG_NOT_KEPT, FIELD(seconds), 0.1, 600, "S", "that a text lasts, at most"),
    ROW_INT("rounds", ARG_NOT_KEPT, FIELD(rounds), 0, MOST_ROUNDS, "N", "that find the phases of the sound"),
    ROW_TEXT("wav", FIELD(wav), "FILE", "the sound, 16 bits a sample"),
    ROW_TEXT("svg", FIELD(svg), "FILE",
             "also a picture of the first: its features, and which letter is looked at"),
    ROW_TEXT("copy", FIELD(copy), "FILE",
             "say a recording's own features, and no text: what they and --rounds keep of it"),
    ROW_END,
};

/* ---------------------------------------------------------------- text */

/* Numbers the letters of a text in a line of the app; spaces that are no letters are left out. */
static int open_line(speak_app *a, const char *text, size_t size) {
  speak_line *l = &a->line[a->lines];
  l->letter = malloc((size + 1) * sizeof *l->letter);
  if (l->letter == NULL) return cli_error("out of memory");
  a->lines++;
  for (size_t at = 0, length; at < size; at += length) {
    length = sq_utf8_length(text + at, size - at);
    if (length == 0) length = 1; /* no character, and so no letter */
    const int32_t found = vocab_find(&a->letters, text + at, length);
    if (found >= 0)
      l->letter[l->letters++] = found;
    else if (strchr(" \t\r", text[at]) == NULL)
      return cli_error("text %lld, byte %lld: is no letter that %s has learnt", (long long)a->lines,
                       (long long)at + 1, a->base.path);
  }
  if (l->letters == 0) { /* an empty line */
    free(l->letter);
    *l = (speak_line){NULL, 0};
    a->lines--;
  }
  if (l->letters > a->longest_line) a->longest_line = l->letters;
  if (a->longest_line <= MOST_LETTERS) return CLI_OK;
  return cli_error("text %lld has more than %d letters", (long long)a->lines, MOST_LETTERS);
}

static int open_lines(speak_app *a, const char *text) {
  size_t lines = 1;
  for (const char *at = text; *at; at++) lines += *at == '\n';
  a->line = calloc(lines, sizeof *a->line);
  if (a->line == NULL) return cli_error("out of memory");
  for (; *text; text += *text == '\n') {
    const size_t length = strcspn(text, "\n");
    CLI_TRY(open_line(a, text, length));
    text += length;
  }
  return a->lines > 0 ? CLI_OK : cli_error("there is no letter in what is to be said");
}

/* A name of the model's voices. */
static int check_speaker(const speak_app *a) {
  const char *name = speak_options_of(&a->base)->speaker;
  if (name[0] == '\0') return CLI_OK;
  if (a->voices.size > 0 && vocab_find(&a->voices, name, strlen(name)) >= 0) return CLI_OK;
  return cli_error("%s: has not learnt the voice of %s", a->base.path, name);
}

int speak_open_lines(speak_app *a) {
  const speak_options *o = speak_options_of(&a->base);
  const app_options *base = &o->base;
  a->longest_line = 1;
  CLI_TRY(check_speaker(a));
  if ((o->text != NULL) + (o->copy != NULL) + (base->input != NULL) != 1)
    return cli_usage("what is to be said must be one of --text, --input and --copy");
  if (o->copy) return CLI_OK;
  if (o->text) return open_lines(a, o->text);
  CLI_TRY(text_string(base->input, "texts", &a->texts));
  return open_lines(a, a->texts);
}

/* ---------------------------------------------------------------- steps */

/* What has been said of a text. */
typedef struct saying {
  speak_app *a;
  const speak_line *line;
  int64_t steps, room; /* said; at most */
  int ended;
  float *x, *end, *attention; /* [room,F], [room], [room,letters] */
  carried listener, decoder;
} saying;

static int64_t features_of(const speak_app *a) { return a->form.bands * a->form.stack; }

/* Says one more step. */
static seqgpu_status say_step(saying *s) {
  speak_app *a = s->a;
  seqgpu_tape *t = a->base.tape;
  const speak_plans *p = &a->val_plans;
  const int64_t F = features_of(a), n = s->steps;
  const int states = seqgpu_plan_get_sizes(p->listener).state_count;
  const char *name = speak_options_of(&a->base)->speaker;
  const int32_t voice = name[0] ? vocab_find(&a->voices, name, strlen(name)) : 0;
  seqgpu_tensor *initial[2 * SEQGPU_MAX_STATES], *beside[SEQGPU_SPEAKER_BESIDE];
  LIB_TRY(seqgpu_tape_clear(t, 0));
  carried_give(&s->listener, t, states, initial);
  carried_give(&s->decoder, t, states, initial + states);
  const seqgpu_speaker_batch b = {.batch = 1,
                                  .text_len = s->line->letters,
                                  .text_lengths = &s->line->letters,
                                  .text = s->line->letter,
                                  .voice = &voice,
                                  .seq_len = 1,
                                  .before = s->x + n * F, /* one step late: the first is 0 */
                                  .initial = initial};
  const seqgpu_tensor *x = seqgpu_speaker_say(a->model, t, p->encoder, p->listener, p->decoder, &b, beside);
  LIB_TRY(seqgpu_tape_status(t));
  LIB_TRY(carried_keep(&s->listener, t, beside[SEQGPU_SPEAKER_LISTENER], states));
  LIB_TRY(carried_keep(&s->decoder, t, beside[SEQGPU_SPEAKER_DECODER], states));
  LIB_TRY(seqgpu_tensor_read(x, s->x + (n + 1) * F));
  LIB_TRY(seqgpu_tensor_read(beside[SEQGPU_SPEAKER_END], s->end + n));
  LIB_TRY(seqgpu_tensor_read(beside[SEQGPU_SPEAKER_ATTENTION], s->attention + n * s->line->letters));
  s->steps++;
  return SEQGPU_OK;
}

static int open_saying(speak_app *a, const speak_line *line, saying *s) {
  const double step = (double)a->form.stack / 100, most = speak_options_of(&a->base)->seconds;
  *s = (saying){.a = a, .line = line, .room = 1 + (int64_t)(most / step)};
  s->x = calloc((size_t)((s->room + 1) * features_of(a)), sizeof *s->x);
  s->end = calloc((size_t)s->room, sizeof *s->end);
  s->attention = calloc((size_t)(s->room * line->letters), sizeof *s->attention);
  return s->x && s->end && s->attention ? CLI_OK : cli_error("out of memory");
}

static void close_saying(saying *s) {
  carried_free(&s->listener);
  carried_free(&s->decoder);
  free(s->x);
  free(s->end);
  free(s->attention);
}

static int say(saying *s) {
  while (s->steps < s->room && !s->ended) {
    if (say_step(s) != SEQGPU_OK) return cli_library_error(s->a->base.ctx);
    s->ended = speak_find_end(s->end, s->steps, 1) < s->steps;
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- sound */

/* All that is said, one after another. */
typedef struct sound {
  speak_app *a;
  mel mel;
  int64_t samples;
  float *sample;
} sound;

/* Adds the sound of frames [frames,bands] of features. */
static int add_sound(sound *to, const float *frame, int64_t frames) {
  const speech_form *f = &to->a->form;
  const int64_t samples = griffin_lim_samples(&to->mel, frames);
  float *power = malloc((size_t)(frames * f->bands) * sizeof *power),
        *longer = realloc(to->sample, (size_t)(to->samples + samples) * sizeof *longer);
  if (longer) to->sample = longer;
  int code = power && longer ? CLI_OK : cli_error("out of memory");
  if (code == CLI_OK) {
    speech_form_powers(f, frame, frames, power);
    code = griffin_lim(&to->mel, power, frames, speak_options_of(&to->a->base)->rounds,
                       to->sample + to->samples);
  }
  if (code == CLI_OK) to->samples += samples;
  free(power);
  return code;
}

static void write_wav(FILE *to, const void *self) {
  const sound *s = self;
  wav_write(to, s->mel.rate, s->sample, s->samples);
}

/* ---------------------------------------------------------------- the picture */

/* Label 0 is none: letters count from 1. */
static const char *letter_text(const void *self, int64_t label, int *size) {
  const saying *s = self;
  const vocab_token *t = &s->a->letters.tokens[s->line->letter[label - 1]];
  *size = (int)t->length;
  return t->text;
}

static void write_svg(FILE *to, const void *self) { speech_picture(to, self); }

/* Weights of attention are drawn as probabilities: their logarithms are logits of the same. */
static int draw(const saying *s, const float *frame) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  const char *path = speak_options_of(&s->a->base)->svg;
  const int64_t stride = s->line->letters + 1;
  if (path == NULL) return CLI_OK;
  float *logits = malloc((size_t)(s->steps * stride) * sizeof *logits);
  if (logits == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < s->steps * stride; i++)
    logits[i] =
        i % stride ? logf(fmaxf(s->attention[i / stride * (stride - 1) + i % stride - 1], 1e-30F)) : -100;
  const speech_sheet sheet = {.frames = s->steps * s->a->form.stack,
                              .bands = s->a->form.bands,
                              .frame = frame,
                              .steps = s->steps,
                              .stack = s->a->form.stack,
                              .labels = stride,
                              .logits = logits,
                              .stride = stride,
                              .text = letter_text,
                              .self = s};
  const int code = whole_file_make(path, write_svg, &sheet, &svg);
  free(logits);
  return code;
}

/* ---------------------------------------------------------------- the command */

/* Some text at the terminal, or a string of JSON. */
static int print_line(const saying *s) {
  const double seconds = (double)(s->steps * s->a->form.stack) / 100;
  memory_stream text;
  if (!memory_open(&text)) return cli_error("out of memory");
  for (int64_t i = 0; i < s->line->letters; i++) {
    int size;
    const char *letter = letter_text(s, i + 1, &size);
    fprintf(text.to, "%.*s", size, letter);
  }
  const int ok = memory_close(&text);
  if (ok && s->a->base.options->run.common.json) {
    printf("{\"text\": ");
    json_string(stdout, text.data, text.size);
    printf(", \"seconds\": %.2f, \"ended\": %s}\n", seconds, s->ended ? "true" : "false");
  } else if (ok) {
    printf("%s: %.2f s%s\n", text.data, seconds, s->ended ? "" : ", without an end");
  }
  memory_free(&text);
  return ok ? CLI_OK : cli_error("out of memory");
}

/* Features of what was said, to sound, and to the picture if it is the first. */
static int hear(const saying *s, sound *to) {
  const int64_t frames = s->steps * s->a->form.stack;
  float *frame = malloc((size_t)(frames * s->a->form.bands) * sizeof *frame);
  if (frame == NULL) return cli_error("out of memory");
  speech_form_features(&s->a->form, s->x + features_of(s->a), frames, frame);
  int code = add_sound(to, frame, frames);
  if (code == CLI_OK && s->line == s->a->line) code = draw(s, frame);
  free(frame);
  return code;
}

static int say_line(speak_app *a, const speak_line *line, sound *to) {
  saying s;
  int code = open_saying(a, line, &s);
  if (code == CLI_OK) code = say(&s);
  if (code == CLI_OK) code = hear(&s, to);
  if (code == CLI_OK) code = print_line(&s);
  close_saying(&s);
  return code;
}

static int copy(speak_app *a, sound *to) {
  int64_t frames;
  const float *frame = speech_set_frames(&a->val, &a->val.item[0], &frames);
  return frame ? add_sound(to, frame, frames) : cli_error("out of memory");
}

static int say_all(speak_app *a, sound *to) {
  static const whole_file_kind kind = {"RIFF", "WAV file"};
  const speak_options *o = speak_options_of(&a->base);
  CLI_TRY(mel_open(&to->mel, a->form.rate, a->form.bands));
  if (o->copy) CLI_TRY(copy(a, to));
  for (int64_t i = 0; i < a->lines; i++) CLI_TRY(say_line(a, &a->line[i], to));
  return whole_file_make(o->wav, write_wav, to, &kind);
}

int speak_use(app *base) {
  sound s = {.a = (speak_app *)base};
  const int code = say_all(s.a, &s);
  mel_close(&s.mel);
  free(s.sample);
  return code;
}
