/* application_words.h - what applications that read sentences of words share: files, plans, chances.
 */
#ifndef APPLICATION_WORDS_H
#define APPLICATION_WORDS_H

#include "host/cli/application.h"
#include "host/data/labelled_set.h"

/* Says what was read, for checkpoints: hashes and sizes of the sentences of training and validation. */
void app_note_data(app *a, const sentences *train, const sentences *val);
/* The vocabulary "words" of a->file, which has <unk>; 0, or an exit code after a sentence. */
int app_read_words(const app *a, vocabulary *out);
/* That of its labels under `key`, which can be printed; the same. */
int app_read_labels(const app *a, const char *key, vocabulary *out);

/* A plan of a network that reads `input` elements a step, at most `steps`, for the batches of an order. */
seqgpu_status app_plan(const app *a, const model_config *c, int64_t input, int64_t steps,
                       const buckets *order, int training, seqgpu_plan **out);
/* Sequences that a plan's masks are drawn for: of a whole batch. */
int64_t app_sequences(const seqgpu_plan *plan);
/* Blocks of random numbers of a run of it, at most, when what it reads and its outputs are dropped, too. */
uint64_t app_random_blocks(const seqgpu_plan *plan);

/* The probability of class `best`, whose logit is the largest of row [classes], under their softmax. */
float app_probability(const float *row, int64_t classes, int64_t best);

#endif
