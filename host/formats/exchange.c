/* exchange.c - import and export for whoever uses the library (seqgpu/exchange.h). */
#include "seqgpu/exchange.h"

#include <math.h>
#include <string.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/formats/describe.h"
#include "host/formats/foreign.h"
#include "host/formats/formats.h"
#include "host/formats/transfer.h"
#include "host/params/store.h"
#include "host/plan/check.h"

struct seqgpu_import {
  seqgpu_context *ctx;
  const sq_format *format;
  sq_foreign foreign;
};

int seqgpu_format_count(void) { return sq_format_count; }

seqgpu_status seqgpu_format_get_(int index, seqgpu_format_info *out, size_t out_size) {
  if (out == NULL || index < 0 || index >= sq_format_count) return SEQGPU_EINVAL;
  const sq_format *f = sq_formats[index];
  const seqgpu_format_info info = {f->name, f->about, f->read != NULL, f->write != NULL};
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- opening and looking */

static seqgpu_status check_path(seqgpu_context *ctx, const char *who, const char *path) {
  return path && path[0] ? SEQGPU_OK : sq_fail(ctx, SEQGPU_EINVAL, "%s: path is empty", who);
}

seqgpu_status seqgpu_import_open(seqgpu_context *ctx, const char *path, const char *format,
                                 seqgpu_import **out) {
  const sq_format *row;
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "import: out is NULL");
  SQ_TRY(check_path(ctx, "import", path));
  SQ_TRY(format ? sq_format_named(ctx, format, &row) : sq_format_detect(ctx, path, &row));
  seqgpu_import *import = sq_host_alloc(ctx, sizeof *import);
  if (import == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "import: out of memory");
  import->ctx = ctx;
  import->format = row;
  const seqgpu_status status = row->read(ctx, path, &import->foreign);
  if (status == SEQGPU_OK)
    *out = import;
  else
    seqgpu_import_close(import);
  return status;
}

void seqgpu_import_close(seqgpu_import *import) {
  if (import == NULL) return;
  sq_foreign_free(import->ctx, &import->foreign);
  sq_host_free(import->ctx, import);
}

const char *seqgpu_import_format(const seqgpu_import *import) {
  return import ? import->format->name : "none";
}

int seqgpu_import_count(const seqgpu_import *import) { return import ? import->foreign.net_count : 0; }

int seqgpu_import_left_count(const seqgpu_import *import) { return import ? import->foreign.left_count : 0; }

const char *seqgpu_import_left(const seqgpu_import *import, int index) {
  return index >= 0 && index < seqgpu_import_left_count(import) ? import->foreign.left[index] : NULL;
}

/* Network `index`, or NULL after a sentence. */
static const sq_foreign_net *network(const seqgpu_import *import, int index) {
  if (index >= 0 && index < import->foreign.net_count) return &import->foreign.nets[index];
  sq_fail(import->ctx, SEQGPU_EINVAL, "import: index is %d; it must be at least 0 and below %d", index,
          import->foreign.net_count);
  return NULL;
}

seqgpu_status seqgpu_import_get_(const seqgpu_import *import, int index, seqgpu_import_info *out,
                                 size_t out_size) {
  if (import == NULL) return SEQGPU_EINVAL;
  if (out == NULL) return sq_fail(import->ctx, SEQGPU_EINVAL, "import: out is NULL");
  const sq_foreign_net *net = network(import, index);
  if (net == NULL) return SEQGPU_EINVAL;
  seqgpu_import_info info = {.name = net->name, .state_count = net->state_count};
  for (int i = 0; i < net->tensor_count; i++) info.elements += net->tensors[i].rows * net->tensors[i].cols;
  if (net->head_count > 0) info.head_rows = net->head[0].rows;
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}

int seqgpu_import_find(const seqgpu_import *import, const char *name) {
  for (int i = 0; name && i < seqgpu_import_count(import); i++)
    if (strcmp(import->foreign.nets[i].name, name) == 0) return i;
  return -1;
}

void seqgpu_import_desc_(const seqgpu_import *import, int index, seqgpu_rnn_desc *out, size_t out_size) {
  seqgpu_rnn_desc desc = {.cell = NULL};
  if (index >= 0 && index < seqgpu_import_count(import)) desc = import->foreign.nets[index].desc;
  if (out) sq_struct_out(out, out_size, &desc, sizeof desc);
}

/* ---------------------------------------------------------------- loading */

static seqgpu_status check_load(const seqgpu_import *import, int index, const seqgpu_params *params) {
  if (import == NULL) return SEQGPU_EINVAL;
  if (params == NULL) return sq_fail(import->ctx, SEQGPU_EINVAL, "import: params is NULL");
  return network(import, index) ? SEQGPU_OK : SEQGPU_EINVAL;
}

seqgpu_status seqgpu_import_load(const seqgpu_import *import, int index, seqgpu_params *params,
                                 const char *prefix) {
  SQ_TRY(check_load(import, index, params));
  return sq_transfer_load(params, prefix, network(import, index));
}

seqgpu_status seqgpu_import_add(const seqgpu_import *import, int index, seqgpu_params *params,
                                const char *prefix) {
  SQ_TRY(check_load(import, index, params));
  const sq_foreign_net *net = network(import, index);
  const sq_params_mark before = sq_params_now(params);
  SQ_TRY(sq_transfer_add(params, prefix, net));
  const seqgpu_status status = sq_transfer_load(params, prefix, net);
  return status == SEQGPU_OK ? status : sq_params_undo(params, before, status);
}

/* Rows of a state that is there for one sequence, repeated for each of the batch. */
static seqgpu_status repeat_rows(seqgpu_context *ctx, const sq_foreign_tensor *t, int64_t batch,
                                 int64_t width, void *device) {
  const int64_t per_row = t->cols / width; /* sequences in the file */
  int64_t elements;
  if (per_row * width != t->cols || (per_row != 1 && per_row != batch))
    return sq_fail(ctx, SEQGPU_EINVAL, "import: batch is %lld; the file's state \"%s\" is of %lld sequences",
                   (long long)batch, t->name, (long long)per_row);
  if (!sq_mul_size(t->rows * width, batch, &elements))
    return sq_fail(ctx, SEQGPU_EINVAL, "import: batch is %lld; that is too large", (long long)batch);
  double *all = sq_host_alloc(ctx, (size_t)elements * sizeof *all);
  if (all == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "import: out of memory");
  for (int64_t row = 0; row < t->rows; row++)
    for (int64_t b = 0; b < batch; b++)
      memcpy(all + (row * batch + b) * width, t->value + row * t->cols + (per_row == 1 ? 0 : b) * width,
             (size_t)width * sizeof *all);
  const seqgpu_status status = sq_transfer_copy_in(ctx, all, elements, device);
  sq_host_free(ctx, all);
  return status;
}

static seqgpu_status load_state(seqgpu_context *ctx, const sq_foreign_net *net, const seqgpu_plan *plan,
                                int state, int64_t batch, void *device) {
  char name[SQ_STATE_NAME];
  const int64_t rows = plan->layers * plan->directions;
  SQ_TRY(sq_check_range(ctx, "import: state", state, 0, plan->first.states - 1));
  SQ_TRY(sq_check_range(ctx, "import: batch", batch, 1, INT32_MAX));
  sq_transfer_state_name(plan, state, name);
  const int64_t width = plan->first.state_width[state];
  const sq_foreign_tensor *t = sq_foreign_find(net->states, net->state_count, name);
  if (t == NULL) return seqgpu_zero(ctx, device, (size_t)(rows * batch * width) * ctx->element_size);
  if (t->rows != rows)
    return sq_fail(
        ctx, SEQGPU_EFORMAT,
        "import: the file's state \"%s\" has %lld rows; the network has %lld layers and directions", name,
        (long long)t->rows, (long long)rows);
  SQ_TRY(sq_transfer_check(ctx, name, t->value, t->rows * t->cols));
  return repeat_rows(ctx, t, batch, width, device);
}

seqgpu_status seqgpu_import_state(const seqgpu_import *import, int index, int state, int64_t batch,
                                  void *device) {
  if (import == NULL) return SEQGPU_EINVAL;
  if (device == NULL) return sq_fail(import->ctx, SEQGPU_EINVAL, "import: device is NULL");
  const sq_foreign_net *net = network(import, index);
  if (net == NULL) return SEQGPU_EINVAL;
  seqgpu_plan *plan;
  SQ_TRY(sq_foreign_plan(import->ctx, "import", net->name, &net->desc, &plan));
  const seqgpu_status status = load_state(import->ctx, net, plan, state, batch, device);
  seqgpu_plan_destroy(plan);
  return status;
}

/* ---------------------------------------------------------------- export */

/* JSON has no word for infinity and NaN, and no network computes anything with them. */
static seqgpu_status check_finite(seqgpu_context *ctx, const sq_foreign_net *net) {
  for (int i = 0; i < net->tensor_count; i++) {
    const sq_foreign_tensor *t = &net->tensors[i];
    for (int64_t k = 0; k < t->rows * t->cols; k++)
      if (!isfinite(t->value[k]))
        return sq_fail(ctx, SEQGPU_ENONFINITE,
                       "export: \"%s\" has a number that is not finite, at element %lld", t->name,
                       (long long)k);
  }
  return SEQGPU_OK;
}

/* What no other program's cells have. */
static const unsigned our_options = SQ_OPTION_NO_INPUT_GATE | SQ_OPTION_NO_FORGET_GATE |
                                    SQ_OPTION_NO_OUTPUT_GATE | SQ_OPTION_NO_INPUT_ACTIVATION |
                                    SQ_OPTION_NO_OUTPUT_ACTIVATION | SQ_OPTION_ZONEOUT_HIDDEN |
                                    SQ_OPTION_ZONEOUT_CELL | SQ_OPTION_NORMS | SQ_OPTION_FULL_GATE_RECURRENCE;

static seqgpu_status check_options(seqgpu_context *ctx, const sq_format *format, const seqgpu_plan *plan) {
  const sq_config config = sq_plan_config(&plan->desc);
  const sq_option *found = format == &sq_format_seqgpu ? NULL : sq_option_first(&config, ~our_options);
  if (found == NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "export: %s is %g; it must be 0, format %s has no such cell",
                 found->name, found->value(&config), format->name);
}

seqgpu_status seqgpu_export(seqgpu_params *params, const char *prefix, const seqgpu_plan *plan,
                            const char *path, const char *format) {
  const sq_format *row;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (plan == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "export: plan is NULL");
  if (format == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "export: format is NULL");
  SQ_TRY(check_path(ctx, "export", path));
  SQ_TRY(sq_format_named(ctx, format, &row));
  SQ_TRY(check_options(ctx, row, plan));
  SQ_TRY(sq_format_may_replace(ctx, path, row));
  sq_foreign foreign = {.net_count = 0};
  seqgpu_status status = sq_transfer_take(params, prefix, plan, &foreign);
  if (status == SEQGPU_OK) status = check_finite(ctx, &foreign.nets[0]);
  if (status == SEQGPU_OK) status = row->write(ctx, path, &foreign.nets[0]);
  sq_foreign_free(ctx, &foreign);
  return status;
}

seqgpu_status seqgpu_describe_network(seqgpu_context *ctx, const seqgpu_plan *plan, char *text, size_t size) {
  if (plan == NULL || text == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "describe: %s is NULL", plan ? "text" : "plan");
  return sq_describe(ctx, &plan->desc, text, size);
}
