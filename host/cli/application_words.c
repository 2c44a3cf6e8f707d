/* application_words.c - see application_words.h. */
#include "host/cli/application_words.h"

#include <math.h>

#include "host/cli/network.h"

void app_note_data(app *a, const sentences *train, const sentences *val) {
  a->data_hash = train->hash;
  a->data_size = train->bytes;
  a->train_size = train->count;
  a->val_hash = val->count > 0 ? val->hash : 0;
}

int app_read_words(const app *a, vocabulary *out) {
  CLI_TRY(app_read_vocabulary(a, "words", out));
  return out->unknown >= 0 ? CLI_OK : cli_error("%s: words: has no <unk>", a->path);
}

int app_read_labels(const app *a, const char *key, vocabulary *out) {
  CLI_TRY(app_read_vocabulary(a, key, out));
  return labels_check(out, a->path);
}

static int64_t at_least_one(int64_t n) { return n > 0 ? n : 1; }

seqgpu_status app_plan(const app *a, const model_config *c, int64_t input, int64_t steps,
                       const buckets *order, int training, seqgpu_plan **out) {
  const int64_t batch = order->count < order->batch ? order->count : order->batch;
  return network_plan(a->ctx, c, input, at_least_one(steps), at_least_one(batch), training, out);
}

int64_t app_sequences(const seqgpu_plan *plan) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  return d.whole_batch > 0 ? d.whole_batch : d.batch;
}

/* Blocks have four numbers each. */
uint64_t app_random_blocks(const seqgpu_plan *plan) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  const double rows = (double)d.seq_len * (double)app_sequences(plan);
  return sizes.random_blocks + (uint64_t)(rows * (double)(d.input_size + sizes.output_width) / 4) + 2;
}

float app_probability(const float *row, int64_t classes, int64_t best) {
  double sum = 0;
  for (int64_t k = 0; k < classes; k++) sum += exp((double)row[k] - (double)row[best]);
  return (float)(1 / sum);
}
