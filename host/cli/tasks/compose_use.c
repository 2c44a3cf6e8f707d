/* compose_use.c - `seqgpu compose`: a piece drawn from the model, after what it begins with (compose_app.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/carried.h"
#include "host/cli/tasks/compose_use.h"
#include "host/cli/whole_file.h"
#include "host/data/midi.h"
#include "host/data/roll_picture.h"

#define FIELD(name) offsetof(compose_options, name)

/* The stream of random numbers that says which keys sound. */
static const uint64_t KEYS = UINT64_C(11) << 60;

enum { MOST_STEPS = 1000000 };

const arg_spec compose_use_specs[] = {
    ROW_INT("begin", ARG_NOT_KEPT, FIELD(begin), 0, MOST_STEPS, "N",
            "steps of --input that the piece begins with, 0 = all"),
    ROW_INT("steps", ARG_NOT_KEPT, FIELD(steps), 1, MOST_STEPS, "N", "steps to make"),
    ROW_REAL("temperature", ARG_NOT_KEPT, FIELD(temperature), 0, 1000, "T",
             "1 = the model's own probabilities, lower = safer, 0 = every key above one half"),
    ROW_INT("seed", ARG_NOT_KEPT, FIELD(draw_seed), 0, 9e15, "N", "seed of the random choices"),
    ROW_INT("tempo", ARG_NOT_KEPT, FIELD(tempo), 4, 10000, "N", "steps a minute of the MIDI file"),
    ROW_TEXT("midi", FIELD(midi), "FILE", "also the piece as a MIDI file"),
    ROW_TEXT("svg", FIELD(svg), "FILE", "also a picture of its piano roll"),
    ROW_END,
};

/* A piece that is being made. */
typedef struct piece {
  compose_app *a;
  unsigned char *on;    /* [steps,88] */
  int64_t given, steps; /* of --input; all */
  carried memory;
} piece;

/* ---------------------------------------------------------------- a step */

/* The logits [88] of step `step`, after the one before it. */
static seqgpu_status read_step(piece *p, int64_t step, float logits[ROLLS_KEYS]) {
  compose_app *a = p->a;
  seqgpu_tape *t = a->base.tape;
  seqgpu_tensor *h, *initial[SEQGPU_MAX_STATES];
  const int states = seqgpu_plan_get_sizes(a->val_plan).state_count;
  float before[ROLLS_KEYS] = {0};
  if (step > 0) rolls_row(p->on + (step - 1) * ROLLS_KEYS, 0, before);
  LIB_TRY(seqgpu_tape_clear(t, 0));
  carried_give(&p->memory, t, states, initial);
  a->logits = seqgpu_composer_logits(a->model, t, a->val_plan, 1, 1, NULL, before, initial, &h);
  LIB_TRY(seqgpu_tape_status(t));
  LIB_TRY(carried_keep(&p->memory, t, h, states));
  return seqgpu_tensor_read(a->logits, logits);
}

static void draw_step(piece *p, int64_t step, const float logits[ROLLS_KEYS]) {
  const compose_options *o = compose_options_of(&p->a->base);
  for (int k = 0; k < ROLLS_KEYS; k++) {
    const double y = (double)logits[k],
                 u = seqgpu_uniform((uint64_t)o->draw_seed, KEYS | (uint64_t)step, (uint64_t)k),
                 probability = o->temperature > 0 ? 1 / (1 + exp(-y / o->temperature)) : y > 0;
    p->on[step * ROLLS_KEYS + k] = u < probability;
  }
}

static seqgpu_status make(piece *p) {
  float logits[ROLLS_KEYS];
  for (int64_t step = 0; step < p->steps; step++) {
    LIB_TRY(read_step(p, step, logits));
    if (step >= p->given) draw_step(p, step, logits);
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- what it is written to */

static void print_json(const piece *p) {
  printf("{\"given\": %lld, \"steps\": [", (long long)p->given);
  for (int64_t t = 0; t < p->steps; t++) {
    int keys = 0;
    printf(t > 0 ? ", [" : "[");
    for (int k = 0; k < ROLLS_KEYS; k++)
      if (p->on[t * ROLLS_KEYS + k]) printf(keys++ ? ", %d" : "%d", k);
    printf("]");
  }
  printf("]}\n");
}

static void write_midi(FILE *to, const void *self) {
  const piece *p = self;
  midi_write(to, p->on, p->steps, compose_options_of(&p->a->base)->tempo);
}

static void write_svg(FILE *to, const void *self) {
  const piece *p = self;
  roll_picture(to, p->on, p->steps, p->given);
}

/* ---------------------------------------------------------------- the command */

static int make_and_write(piece *p) {
  static const whole_file_kind midi = {"MThd", "MIDI file"}, svg = {"<svg", "SVG picture"};
  const compose_options *o = compose_options_of(&p->a->base);
  if (make(p) != SEQGPU_OK) return cli_library_error(p->a->base.ctx);
  CLI_TRY(whole_file_make(o->midi, write_midi, p, &midi));
  CLI_TRY(whole_file_make(o->svg, write_svg, p, &svg));
  if (o->base.run.common.json)
    print_json(p);
  else
    rolls_write(stdout, p->on, p->steps);
  return CLI_OK;
}

int compose_use(app *base) {
  compose_app *a = (compose_app *)base;
  const compose_options *o = compose_options_of(base);
  const rolls *r = &a->val.music;
  const int64_t there = r->pieces > 0 ? r->start[1] : 0,
                given = o->begin > 0 && o->begin < there ? o->begin : there;
  piece p = {.a = a, .given = given, .steps = given + o->steps};
  if (o->begin > there)
    return cli_usage("--begin: is %lld; %s", (long long)o->begin,
                     there ? "the first piece of --input has fewer steps" : "there is no --input");
  p.on = calloc((size_t)p.steps, ROLLS_KEYS);
  if (p.on == NULL) return cli_error("out of memory");
  if (given > 0) memcpy(p.on, r->on, (size_t)given * ROLLS_KEYS);
  const int code = make_and_write(&p);
  carried_free(&p.memory);
  free(p.on);
  return code;
}
