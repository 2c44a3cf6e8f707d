/* fuzz_pixels.c - images and their labels as a task: two IDX files, the second as long as the second byte
 * says; the first byte chooses options. */
#define _GNU_SOURCE
#include "host/cli/tasks/task.h"
#include "tests/fuzz/fuzz_file.h"

static void draw_one(const task_source *s, int validation) {
  const size_t numbers = (size_t)(s->steps * s->inputs);
  float *x = calloc(numbers, sizeof *x);
  int32_t label = -1;
  fuzz_require(x != NULL);
  task_sequence one = {.validation = validation,
                       .number = validation ? s->val_size - 1 : 3,
                       .x = x,
                       .label = &label,
                       .x_stride = s->inputs};
  task_pixels.draw(s, &one);
  fuzz_require(label >= 0 && label < s->outputs);
  free(x);
}

FUZZ_TARGET(pixels) {
  const unsigned choice = fuzz_byte(&data, &size), tail = fuzz_byte(&data, &size);
  const size_t labels = tail < size ? tail : size;
  task_config config = *task_pixels.start;
  config.model.rnn.batch = 1;
  config.permuted = choice & 1;
  config.rows = choice >> 1 & 1;
  config.val_fraction = choice & 4 ? 0.5 : 0;
  config.images = fuzz_file(0, data, size - labels);
  config.labels = fuzz_file(1, data + size - labels, labels);
  if (choice & 8) config.val_images = config.images;
  if (choice & 8) config.val_labels = config.labels;
  task_source source = {.config = &config};
  if (task_pixels.open(&source) == 0) {
    draw_one(&source, 0);
    if (source.val_size > 0) draw_one(&source, 1);
  }
  task_pixels.close(&source);
  return 0;
}
