/* labelled_images.c - see labelled_images.h. */
#include "host/data/labelled_images.h"

#include "host/cli/cli.h"

int labelled_images_read(const char *images, const char *labels, labelled_images *out) {
  CLI_TRY(idx_read(images, 3, &out->images));
  CLI_TRY(idx_read(labels, 1, &out->labels));
  out->first = 0;
  out->count = out->images.size[0];
  if (out->labels.size[0] == out->count) return CLI_OK;
  return cli_error("%s: has %lld labels; %s has %lld images", labels, (long long)out->labels.size[0], images,
                   (long long)out->count);
}

void labelled_images_free(labelled_images *s) {
  idx_free(&s->images);
  idx_free(&s->labels);
}

int64_t labelled_images_classes(const labelled_images *s) {
  int64_t most = 1;
  for (int64_t i = 0; i < s->labels.size[0]; i++)
    if (s->labels.data[i] > most) most = s->labels.data[i];
  return most + 1;
}

int labelled_images_check(const labelled_images *s, const char *labels, int64_t classes) {
  for (int64_t i = 0; i < s->labels.size[0]; i++)
    if (s->labels.data[i] >= classes)
      return cli_error("%s: label %lld is %d; it must be below %lld, the number of classes", labels,
                       (long long)i, s->labels.data[i], (long long)classes);
  return CLI_OK;
}
