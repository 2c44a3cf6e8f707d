/* fit.c - whether a file has what a tensor of a model needs (fit.h). */
#include "host/checkpoint/fit.h"

#include <stdio.h>

#include "host/context/shape.h"

seqgpu_status sq_fit_error(const sq_fit *f, const char *name, const char *why) {
  return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: tensor \"%s\" %s", sq_st_path(f->file), name, why);
}

/* [rows, cols], or [n] where one of them is 1. */
static int shape_fits(const sq_st_tensor *t, int64_t rows, int64_t cols) {
  if (t->rank == 2) return t->shape[0] == rows && t->shape[1] == cols;
  return t->rank == 1 && (rows == 1 || cols == 1) && t->shape[0] == rows * cols;
}

seqgpu_status sq_fit_find(const sq_fit *f, const char *name, int64_t rows, int64_t cols,
                          const sq_st_tensor **out) {
  const sq_st_tensor *t = *out = sq_st_find(f->file, name);
  char shape[SQ_SHAPE_TEXT], why[SQ_SHAPE_TEXT + 80];
  if (t == NULL) return sq_fit_error(f, name, "is not in the file");
  if (!sq_st_dtype_is_weight(t->dtype)) {
    snprintf(why, sizeof why, "is of type %s; weights must be F32, F64, F16 or BF16",
             sq_st_dtype_name(t->dtype));
    return sq_fit_error(f, name, why);
  }
  if (f->resume && t->dtype != sq_context_dtype(f->ctx))
    return sq_fit_error(f, name,
                        "has another precision than the context; to resume training it must be the same");
  if (shape_fits(t, rows, cols)) return SEQGPU_OK;
  snprintf(why, sizeof why, "is %s; for this model it must be [%lld,%lld]",
           sq_shape_text(t->rank, t->shape, shape), (long long)rows, (long long)cols);
  return sq_fit_error(f, name, why);
}

/* ---------------------------------------------------------------- biases */

static int has(const sq_fit *f, const char *name, const char *kind) {
  char other[SQ_FILE_NAME];
  sq_bias_name(name, kind, other);
  return sq_st_find(f->file, other) != NULL;
}

/* Only a network of one of PyTorch's forms, and a linear layer, can do without: the weight is there, no bias
 * is. */
static int is_left_out(const sq_fit *f, const sq_tensor *t) {
  const size_t length = strlen(t->name), end = strlen(".bias");
  if (f->resume) return 0;
  if (t->form == SQ_FORM_BIAS || t->form == SQ_FORM_GRU_BIAS || t->form == SQ_FORM_GRU_REC)
    return has(f, t->name, "weight_ih") && !has(f, t->name, "bias_ih") && !has(f, t->name, "bias_hh") &&
           !has(f, t->name, "bias");
  if (t->form != SQ_FORM_VECTOR || length <= end || strcmp(t->name + length - end, ".bias") != 0) return 0;
  char weight[SQ_FILE_NAME];
  snprintf(weight, sizeof weight, "%.*s.weight", (int)(length - end), t->name);
  return sq_st_find(f->file, weight) != NULL && sq_st_find(f->file, t->name) == NULL;
}

/* The two forms of the GRU have weights of the same shapes and biases of different names. */
static seqgpu_status check_gru(const sq_fit *f, const sq_tensor *t) {
  if (t->form == SQ_FORM_GRU_BEFORE && !has(f, t->name, "bias") && has(f, t->name, "bias_hh"))
    return sq_fit_error(
        f, t->name,
        "is not in the file, but bias_ih and bias_hh are: they are those of a GRU that resets after "
        "the product (reset_after), and this model resets before it");
  if (t->form == SQ_FORM_GRU_BIAS && has(f, t->name, "bias") && !has(f, t->name, "bias_hh"))
    return sq_fit_error(
        f, t->name,
        "is that of a GRU that resets before the product; this model resets after it (reset_after) "
        "and needs bias_ih and bias_hh");
  return SEQGPU_OK;
}

seqgpu_status sq_fit_value(const sq_fit *f, const sq_tensor *t, const sq_st_tensor *found[2]) {
  char ih[SQ_FILE_NAME], hh[SQ_FILE_NAME];
  found[0] = found[1] = NULL;
  if (is_left_out(f, t)) return SEQGPU_OK;
  SQ_TRY(check_gru(f, t));
  sq_bias_name(t->name, "bias_ih", ih);
  sq_bias_name(t->name, "bias_hh", hh);
  if (t->form == SQ_FORM_GRU_REC) return sq_fit_find(f, hh, 3 * t->rows, 1, &found[0]);
  if (t->form != SQ_FORM_BIAS && t->form != SQ_FORM_GRU_BIAS)
    return sq_fit_find(f, t->name, t->rows, t->cols, &found[0]);
  SQ_TRY(sq_fit_find(f, ih, t->rows, 1, &found[0]));
  return sq_fit_find(f, hh, t->rows, 1, &found[1]);
}
