/* task.h - the tasks of `seqgpu train` that are made of sequences: a table of tasks, each with a generator.
 *
 *   inputs [T,B,I] -> recurrent layers -> linear -> loss over the last S steps
 *
 * A generator writes one sequence at a time, from the number of that sequence and nothing else.  So a run can
 * be repeated from any update on, with any batch, on any device.
 *
 * Letters: T = steps, B = batch, S = scored steps (the last ones), I = inputs, O = outputs or classes.
 */
#ifndef TASK_H
#define TASK_H

#include "host/cli/config.h"
#include "host/cli/tasks/metrics.h"

/* ---- options ---- */

/* The options of all tasks together. */
typedef struct task_config {
  model_config model;
  int64_t eval_size;   /* sequences per validation */
  int64_t longest;     /* a sequence has T to so many steps; 0: each has T */
  int64_t symbols;     /* to remember per sequence: temporal-order, copy, memory-... */
  int64_t alphabet;    /* copy, memory-...: of so many kinds */
  int centre;          /* adding, multiplication, xor: numbers, marks and targets less their means */
  double tau;          /* mackey-glass */
  int permuted, rows;  /* pixels */
  int every_step;      /* permutation: the next symbol is asked for everywhere */
  double val_fraction; /* pixels: share of the images kept for validation */
  const char *images, *labels, *val_images, *val_labels;
} task_config;

#define TASK_FIELD(name) offsetof(task_config, name)

/* ---- one sequence ---- */

/* Random numbers of one sequence, from the library's Philox; the state is a counter. */
typedef struct task_random {
  uint64_t seed, stream, index;
} task_random;

static inline double task_uniform(task_random *r) { return seqgpu_uniform(r->seed, r->stream, r->index++); }
/* 0..n-1 */
static inline int64_t task_below(task_random *r, int64_t n) { return (int64_t)(task_uniform(r) * (double)n); }

/* One column of the batch: zeros until it is written.  A scored step that gets neither target nor label does
 * not count. */
typedef struct task_sequence {
  int validation; /* 0: of training, 1: of validation */
  int64_t number;
  int64_t length;     /* its steps: T of the source, or what was drawn for it */
  task_random random; /* its own */
  float *x;           /* [T,I] with row stride */
  float *target;      /* [S,O] with row stride; of TASK_SQUARED */
  int32_t *label;     /* [S] with stride; TASK_CLASSES: the class, or -1; TASK_SQUARED: 1 where a target is */
  int64_t x_stride, target_stride, label_stride;
} task_sequence;

static inline void task_input(task_sequence *s, int64_t step, int64_t input, double value) {
  s->x[step * s->x_stride + input] = (float)value;
}
static inline void task_target(task_sequence *s, int64_t step, int64_t output, double value) {
  s->target[step * s->target_stride + output] = (float)value;
  s->label[step * s->label_stride] = 1;
}
static inline void task_label(task_sequence *s, int64_t step, int64_t class) {
  s->label[step * s->label_stride] = (int32_t) class;
}

/* ---- the table ---- */

typedef enum task_loss { TASK_SQUARED, TASK_CLASSES } task_loss;

/* A task with its options, ready to generate sequences; zeros until it is opened. */
typedef struct task_source {
  const task_config *config;
  int64_t steps, scored, inputs, outputs; /* T, S, I, O */
  int64_t judged;                         /* steps that the metric is over, the last ones */
  int masked;                             /* some scored steps do not count */
  int64_t train_size, val_size;           /* sequences in the data, 0 = without end */
  double baseline;    /* loss of the best answer that ignores the input; NaN = not known */
  uint64_t data_hash; /* of the files, 0 without any */
  uint64_t val_hash;  /* of those that are only validated on */
  int64_t data_size;
  void *data; /* the generator's own */
} task_source;

typedef struct task_spec {
  const char *name, *about;
  const char *usage; /* its required options, NULL = none: "--images FILE --labels FILE " */
  task_loss loss;
  const char *metric; /* its name; less is better */
  double (*error)(const task_errors *e);
  double tolerance;          /* TASK_SQUARED: an answer that is off by more is wrong */
  int64_t shortest, longest; /* range of --T; shortest 0: there is no --T, longest 0: no limit of its own */
  int at_end;                /* only the last step of a sequence is scored, so there is --T-max */
  const arg_spec *options;   /* its own, NULL = none */
  int has_epochs;            /* the data have an end */
  /* Refuses what single rows of its options cannot; NULL: nothing.  0, or CLI_USAGE after a sentence. */
  int (*check)(const task_config *config);
  const task_config *start; /* defaults */
  /* Fills the source, whose config is set, and opens what it needs; 0, or an exit code after a sentence. */
  int (*open)(task_source *source);
  void (*draw)(const task_source *source, task_sequence *s);
  void (*close)(task_source *source); /* NULL: nothing to free; also called after an open that failed */
} task_spec;

/* Opens a source whose sequences are scored at their last step: there each writes scored step 0, and the
 * others, where other sequences end, are masked. */
static inline void task_open_at_end(task_source *s, int64_t inputs, int64_t outputs, double baseline) {
  const int64_t T = s->config->model.rnn.seq_len, longest = s->config->longest;
  s->steps = longest ? longest : T;
  s->scored = s->judged = s->steps - T + 1;
  s->masked = s->scored > 1;
  s->inputs = inputs;
  s->outputs = outputs;
  s->baseline = baseline;
}

/* ---- numbers of which two are marked: adding, multiplication, xor ---- */

enum { TASK_NUMBER, TASK_MARK, TASK_MARKED_INPUTS };

/* Their options: --centre. */
extern const arg_spec task_marked_options[];

/* Both inputs of a step: the mean of the numbers is 1/2, that of the marks 2/T. */
static inline void task_marked_input(const task_source *source, task_sequence *s, int64_t step, double number,
                                     int marked) {
  const int centre = source->config->centre;
  task_input(s, step, TASK_NUMBER, centre ? number - 0.5 : number);
  task_input(s, step, TASK_MARK, centre ? marked - 2 / (double)s->length : marked);
}

/* All tasks, NULL after the last. */
extern const task_spec *const task_specs[];
/* The one of that name, NULL if there is none. */
const task_spec *task_find(const char *name);
/* Each stands in the file of its name; the two series in forecast.c, those of marked numbers in marked.c,
 * those of remembered symbols in copy.c, the two grammars in reber.c. */
extern const task_spec task_adding, task_multiplication, task_xor, task_copy, task_memory_5bit,
    task_memory_20bit, task_temporal_order, task_permutation, task_embedded_reber, task_continual_reber,
    task_mackey_glass, task_narma10, task_pixels;

/* Defaults of most tasks, from Arjovsky, Shah, Bengio 2016, sections 4 and 5: RMSprop, learning rate 1e-3,
 * decay 0.9, batch 20. */
#define TASK_MODEL(steps, hidden)                                                                            \
  {                                                                                                          \
    .cell = "lstm", .optimizer = "rmsprop", .clip = "1", .init = "pytorch", .forget_bias = "auto",           \
    .seed = 1, .lr = 1e-3, .decay = 0.9, .lr_decay = 1, .learning = LEARNING_DEFAULTS,                       \
    .rnn = {.num_layers = 1, .hidden_size = (hidden), .seq_len = (steps), .batch = 20},                      \
  }

#endif
