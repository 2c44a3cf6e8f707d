/* foreign.c - building what a format has read: networks with room for all their parameters (foreign.h). */
#include "host/formats/foreign.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/context/sizes.h"
#include "host/plan/layers.h"

/* Names are looked up one by one where parameters are added: so many take seconds.  A network of 1024 layers
 * has fewer. */
enum { MOST_TENSORS = 1 << 14 };

seqgpu_status sq_foreign_read(seqgpu_context *ctx, const char *path, int64_t most,
                              seqgpu_status (*parse)(seqgpu_context *, const char *, sq_bytes, sq_foreign *),
                              sq_foreign *out) {
  unsigned char *bytes;
  size_t size;
  SQ_TRY(sq_file_read(ctx, path, 0, -1, most, &bytes, &size));
  const seqgpu_status status = parse(ctx, path, (sq_bytes){bytes, size}, out);
  sq_host_free(ctx, bytes);
  return status;
}

/* ---------------------------------------------------------------- lists */

static seqgpu_status out_of_memory(seqgpu_context *ctx) {
  return sq_fail(ctx, SEQGPU_ENOMEM, "import: out of memory");
}

/* One more element of zeros at the end of *array, which has *count, and room for the next power of two; NULL
 * when out of memory. */
static void *append(seqgpu_context *ctx, void **array, int *count, size_t element) {
  const size_t n = (size_t)*count, used = n * element;
  if ((n & (n - 1)) == 0 && !sq_host_enlarge(ctx, array, used, n ? 2 * used : element)) return NULL;
  ++*count;
  return (char *)*array + used;
}

static seqgpu_status add_tensor(seqgpu_context *ctx, sq_foreign_tensor **list, int *count, const char *name,
                                int64_t rows, int64_t cols, double **value) {
  int64_t elements;
  if (!sq_mul_size(rows, cols, &elements)) return out_of_memory(ctx);
  sq_foreign_tensor *t = append(ctx, (void **)list, count, sizeof *t);
  if (t == NULL) return out_of_memory(ctx);
  snprintf(t->name, sizeof t->name, "%s", name);
  t->rows = rows;
  t->cols = cols;
  t->value = sq_host_alloc(ctx, (size_t)elements * sizeof(double));
  if (t->value == NULL) return out_of_memory(ctx);
  if (value) *value = t->value;
  return SEQGPU_OK;
}

static void free_tensors(seqgpu_context *ctx, sq_foreign_tensor *tensors, int count) {
  for (int i = 0; i < count; i++) sq_host_free(ctx, tensors[i].value);
  sq_host_free(ctx, tensors);
}

void sq_foreign_free_net(seqgpu_context *ctx, sq_foreign_net *net) {
  free_tensors(ctx, net->tensors, net->tensor_count);
  free_tensors(ctx, net->states, net->state_count);
  free_tensors(ctx, net->head, net->head_count);
  memset(net, 0, sizeof *net);
}

void sq_foreign_free(seqgpu_context *ctx, sq_foreign *foreign) {
  for (int i = 0; i < foreign->net_count; i++) sq_foreign_free_net(ctx, &foreign->nets[i]);
  for (int i = 0; i < foreign->left_count; i++) sq_host_free(ctx, foreign->left[i]);
  sq_host_free(ctx, foreign->nets);
  sq_host_free(ctx, foreign->left);
  memset(foreign, 0, sizeof *foreign);
}

/* ---------------------------------------------------------------- networks */

seqgpu_status sq_foreign_plan(seqgpu_context *ctx, const char *path, const char *name,
                              const seqgpu_rnn_desc *desc, seqgpu_plan **plan) {
  char why[SQ_ERROR_SIZE];
  seqgpu_rnn_desc asked = *desc;
  asked.seq_len = asked.batch = asked.inference = 1;
  asked.dropout = 0;
  const seqgpu_status status = seqgpu_plan_create(ctx, &asked, NULL, plan);
  if (status == SEQGPU_OK) return SEQGPU_OK;
  snprintf(why, sizeof why, "%s", seqgpu_last_error(ctx));
  return sq_fail(ctx, status == SEQGPU_EINVAL ? SEQGPU_EFORMAT : status, "%s: network \"%.60s\": %.300s",
                 path, name, why);
}

static seqgpu_status add_parameters(seqgpu_context *ctx, sq_foreign_net *net, const seqgpu_plan *plan) {
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    const seqgpu_param_info info = sq_plan_param_info(plan, i);
    SQ_TRY(add_tensor(ctx, &net->tensors, &net->tensor_count, info.name, info.rows, info.cols, NULL));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_foreign_add(seqgpu_context *ctx, sq_foreign *to, const char *path, const char *name,
                             const seqgpu_rnn_desc *desc, sq_foreign_net **out) {
  seqgpu_plan *plan;
  seqgpu_status status = SEQGPU_OK;
  *out = NULL;
  SQ_TRY(sq_foreign_plan(ctx, path, name, desc, &plan));
  to->tensor_count += seqgpu_plan_param_count(plan);
  if (to->tensor_count > MOST_TENSORS) {
    seqgpu_plan_destroy(plan);
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: has networks of more than %d parameters", path,
                   MOST_TENSORS);
  }
  sq_foreign_net *net = append(ctx, (void **)&to->nets, &to->net_count, sizeof *net);
  if (net == NULL) {
    status = out_of_memory(ctx);
  } else {
    const seqgpu_rnn_desc resolved = seqgpu_plan_get_desc(plan);
    net->desc = *desc;
    net->desc.cell = resolved.cell;
    net->desc.num_layers = resolved.num_layers;
    snprintf(net->name, sizeof net->name, "%s", name);
    status = add_parameters(ctx, net, plan);
  }
  seqgpu_plan_destroy(plan);
  *out = net;
  return status;
}

seqgpu_status sq_foreign_add_state(seqgpu_context *ctx, sq_foreign_net *net, const char *name, int64_t rows,
                                   int64_t cols, double **value) {
  return add_tensor(ctx, &net->states, &net->state_count, name, rows, cols, value);
}

seqgpu_status sq_foreign_add_head(seqgpu_context *ctx, sq_foreign_net *net, int64_t rows, int64_t width,
                                  double **weight, double **bias) {
  SQ_TRY(add_tensor(ctx, &net->head, &net->head_count, "weight", rows, width, weight));
  return add_tensor(ctx, &net->head, &net->head_count, "bias", rows, 1, bias);
}

sq_foreign_tensor *sq_foreign_find(sq_foreign_tensor *tensors, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
  return NULL;
}

double *sq_foreign_param(const sq_foreign_net *net, const char *kind, int layer, int direction) {
  char name[64];
  snprintf(name, sizeof name, "%s_l%d%s", kind, layer, direction ? "_reverse" : "");
  const sq_foreign_tensor *t = sq_foreign_find(net->tensors, net->tensor_count, name);
  return t ? t->value : NULL;
}

/* ---------------------------------------------------------------- what is left */

seqgpu_status sq_foreign_leave(seqgpu_context *ctx, sq_foreign *to, const char *format, ...) {
  char text[SQ_ERROR_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  char **place = append(ctx, (void **)&to->left, &to->left_count, sizeof *place);
  const size_t size = strlen(text) + 1;
  if (place) *place = sq_host_alloc(ctx, size);
  if (place == NULL || *place == NULL) {
    if (place) to->left_count--;
    return out_of_memory(ctx);
  }
  memcpy(*place, text, size);
  return SEQGPU_OK;
}
