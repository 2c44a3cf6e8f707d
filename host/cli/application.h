/* application.h - the applications of `seqgpu train`: models of the tape that learn from files, and are then
 * used on new ones.  Each is a row of this table, in a file of tasks/; what is here, all of them share:
 *
 *   seqgpu train NAME --data FILE [--val-data FILE]      the training loop with all it can do (trainer.h)
 *   seqgpu eval --checkpoint FILE --data FILE
 *   seqgpu NAME --checkpoint FILE [--input FILE]
 *
 * Its `read`, `open` and `build` are called in this order, and its loss is built on app.tape.  An update
 * depends on its number alone, so a run resumes bit for bit.
 *
 * A batch that several processes share, or that is learnt in shards, is cut by whole sequences where it is made
 * (buckets.h); the frame weights what each shard has found.
 */
#ifndef APPLICATION_H
#define APPLICATION_H

#include "host/cli/command.h"
#include "host/cli/learner.h"
#include "host/cli/run.h"
#include "host/cli/vocab.h"
#include "host/data/buckets.h"

/* Options of every application; those of each begin with these. */
typedef struct app_options {
  run_options run;
  model_config model;
  arg_list data, val_data; /* of training; of validation, and of eval */
  const char *use, *input; /* the checkpoint of a model that is only used; what it is used on */
  arg_list files;          /* the same of one that takes files by their names alone */
} app_options;

#define APP_FIELD(name) offsetof(app_options, name)

typedef struct application application;

/* One that is open; that of each application begins with this. */
typedef struct app {
  const application *spec;
  app_options *options;
  seqgpu_context *ctx;
  const seqgpu_checkpoint *file; /* whose metadata say what the model is; NULL: the data will */
  const char *path;              /* of that file */
  int training;                  /* 0: there is no --data, and nothing is learnt */
  /* set by `read` */
  uint64_t data_hash, val_hash;
  int64_t data_size;  /* bytes */
  int64_t train_size; /* what is learnt of them in an epoch: sentences, say */
  /* set by `build` */
  seqgpu_params *params;
  const seqgpu_plan *plan; /* of its largest network, whose algorithm is named */
  buckets *order;          /* that its updates are of; a shard of a batch is what this gives */
  int64_t epoch_updates, tokens;
  uint64_t random_blocks; /* that an update draws, at most */
  int validates;          /* there is something to validate on */
  double baseline;        /* of learner.h */
  char about[120];
  /* the frame's */
  seqgpu_tape *tape;
  seqgpu_tensor *loss; /* of the shard of an update, NULL: it has no sequence */
  seqgpu_tensor
      *counted; /* set by a `loss` that is a sum: which of its means says how much the shard counts */
  int64_t shard;
  seqgpu_hessian_free *hessian; /* NULL: it learns by first-order updates */
  int64_t step;                 /* of a Hessian-free update */
} app;

/* Defaults that applications share: a learning rate, how many layers, and fields of rnn. */
#define APPLICATION_LAYERS(rate, layers, ...)                                                                \
  {                                                                                                          \
    .cell = "lstm", .optimizer = "adam", .clip = "5", .init = "pytorch", .forget_bias = "auto", .seed = 1,   \
    .lr = (rate), .lr_decay = 1, .learning = LEARNING_DEFAULTS,                                              \
    .rnn = {.num_layers = (layers), __VA_ARGS__},                                                            \
  }
#define APPLICATION_MODEL(rate, ...) APPLICATION_LAYERS(rate, 1, __VA_ARGS__)

/* A text of a checkpoint's metadata, such as a vocabulary. */
enum { APP_TEXTS = 5 };
typedef struct app_text {
  const char *key; /* NULL: there is none */
  char *text;      /* from malloc */
} app_text;

struct application {
  const char *name, *about;
  const char *data;             /* what --data names: "the CoNLL-U file" */
  const char *network;          /* what the model is, for its help */
  const char *metric;           /* less is better */
  const char *dropout;          /* what --dropout is; NULL: it drops what the layers read, too */
  const arg_spec *options;      /* its own rows */
  const arg_spec *use_options;  /* those of `seqgpu NAME` */
  const arg_spec *eval_options; /* those of `seqgpu eval`; NULL: none */
  const char *use_about;
  /* Of one that makes something new: what --input is, which may be left out; there are no batches then.
   * NULL: it reads --input, by default standard input. */
  const char *begin;
  /* Of one whose command takes files by their names alone, and has no --input: how its usage names them. */
  const char *files;
  const void *start;         /* defaults of its options */
  size_t options_size, size; /* of its options, of its app */
  int (*read)(app *a);       /* the files; 0, or an exit code after a sentence, as the next two */
  int (*open)(app *a);       /* vocabularies, from a->file or of what was read */
  int (*build)(app *a);      /* plans, and parameters: those of app_create_params and more */
  /* The loss of update number `step`, a mean over what it counts, of the sequences that a->order gives; NULL: the
   * tape knows why.  Of a sum of means the others are scaled by what the batch calls its share. */
  seqgpu_tensor *(*loss)(app *a, int64_t step);
  /* As in learner.h. */
  seqgpu_status (*validate)(app *a, const volatile sig_atomic_t *stop, double *loss, double *metric);
  /* What the last validation measured: a line of text, or members of a JSON object. */
  void (*print)(const app *a, int json);
  /* `seqgpu NAME`: an exit code. */
  int (*use)(app *a);
  /* What its checkpoints say beside the options.  0 when out of memory. */
  int (*describe)(const app *a, app_text texts[APP_TEXTS]);
  void (*close)(app *a); /* whatever was opened so far */
};

/* ---- the table: tasks/applications.c ---- */

/* All applications, NULL after the last. */
extern const application *const applications[];
/* The one of that name, NULL if there is none. */
const application *application_find(const char *name);
/* Each stands in the file of its name in tasks/. */
extern const application application_tag, application_classify, application_compose, application_draw,
    application_frames, application_spell, application_translate, application_caption, application_transcribe,
    application_speak, application_write, application_read;

/* ---- the commands: argv[0] is the first argument after the name; an exit code ---- */

int application_train(const application *spec, int argc, char **argv);
int application_eval(const application *spec, int argc, char **argv);
int application_use(const application *spec, int argc, char **argv);

/* ---- for the files of applications ---- */

/* Creates a->params by the seed, and says where their values will come from. */
seqgpu_status app_create_params(app *a);
/* A vocabulary of a->file; 0, or an exit code after a sentence. */
int app_read_vocabulary(const app *a, const char *key, vocabulary *out);
/* A tensor of float32 on the host, in *out, which has *size elements and grows; the caller frees it. */
seqgpu_status app_read(const seqgpu_tensor *tensor, float **out, size_t *size);
/* Calls `work` with every batch of an order, in turn and without what has fewer steps than `shortest`, on a tape that
 * is clear for inference; SEQGPU_ESTOPPED when *stop becomes nonzero (NULL: it does not). */
typedef seqgpu_status app_turn(app *a, const int32_t *which, int64_t count);
seqgpu_status app_each_turn(app *a, buckets *order, int32_t shortest, const volatile sig_atomic_t *stop,
                            app_turn *work);

#endif
