/* add.c - adding parameters: lone tensors, states, and whole recurrent networks (seqgpu/params.h). */
#include <stdio.h>
#include <string.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/params/draw.h"
#include "host/params/store.h"
#include "host/plan/layers.h"

/* What is loaded later must be where it is loaded from. */
static seqgpu_status expect(seqgpu_params *p, const char *name, const sq_tensor *t, int trained) {
  if (!sq_params_is_loaded(p, trained)) return SEQGPU_OK;
  sq_tensor named = *t;
  snprintf(named.name, sizeof named.name, "%s", name ? name : "");
  return p->source.expect(&p->source, p, &named);
}

/* ---------------------------------------------------------------- one tensor */

/* PyTorch writes biases as [n] and weights as [rows, cols], even where cols is 1. */
static sq_file_form plain_form(const char *name, int64_t cols) {
  const char *dot = strrchr(name, '.');
  const char *last = dot ? dot + 1 : name;
  return cols == 1 && !sq_starts_with(last, "weight") ? SQ_FORM_VECTOR : SQ_FORM_MATRIX;
}

/* Leaves what it has added to its caller to undo. */
static seqgpu_status add_lone(seqgpu_params *p, const char *name, int64_t rows, int64_t cols, int trained) {
  int64_t elements;
  if (rows < 1 || cols < 1 || !sq_mul_size(rows, cols, &elements))
    return sq_fail(
        p->ctx, SEQGPU_EINVAL,
        "params: \"%.60s\" is [%lld,%lld]; both must be at least 1, and their product at most 2^46",
        name ? name : "", (long long)rows, (long long)cols);
  const sq_tensor t = {
      .rows = rows, .cols = cols, .block = p->block_count, .form = plain_form(name ? name : "", cols)};
  SQ_TRY(expect(p, name, &t, trained));
  SQ_TRY(sq_params_add_block(p, elements, trained));
  return sq_params_add_tensor(p, name, &t);
}

seqgpu_status seqgpu_params_add_(seqgpu_params *p, const char *name, int64_t rows, int64_t cols,
                                 const char *init, double scale, seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  sq_drawing drawing;
  SQ_TRY(sq_params_drawing(p, init, scale, &drawing));
  const sq_params_mark before = sq_params_now(p);
  seqgpu_status status = add_lone(p, name, rows, cols, 1);
  if (status == SEQGPU_OK) status = sq_params_draw(p, p->tensors[before.tensors], &drawing);
  if (status != SEQGPU_OK) return sq_params_undo(p, before, status);
  sq_params_give(p, p->tensors[before.tensors], out, size);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_params_add_state_(seqgpu_params *p, const char *name, int64_t rows, int64_t cols,
                                       seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  const sq_params_mark before = sq_params_now(p);
  const seqgpu_status status = add_lone(p, name, rows, cols, 0);
  if (status != SEQGPU_OK) return sq_params_undo(p, before, status);
  sq_params_give(p, p->tensors[before.tensors], out, size);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- recurrent networks */

/* An LSTM with the parameters of PyTorch's, or with peepholes besides. */
static int is_torch_lstm(const seqgpu_rnn_desc *d) {
  return strcmp(d->cell, "lstm") == 0 && !d->coupled && !d->no_input_gate && !d->no_forget_gate &&
         !d->no_output_gate && !d->full_gate_recurrence;
}

/* Cells that PyTorch has as well are written with its two biases. */
static sq_file_form recurrent_form(const seqgpu_rnn_desc *desc, const char *name, int64_t cols) {
  const int normed = desc->layer_norm || desc->batch_norm_input || desc->batch_norm_steps;
  const int is_gru = strcmp(desc->cell, "gru") == 0, gru = is_gru && desc->reset_after;
  const int torch_cell = !normed && (gru || strcmp(desc->cell, "rnn") == 0 || is_torch_lstm(desc));
  if (torch_cell && sq_starts_with(name, "bias_rec_l")) return SQ_FORM_GRU_REC;
  if (torch_cell && sq_starts_with(name, "bias_l")) return gru ? SQ_FORM_GRU_BIAS : SQ_FORM_BIAS;
  if (is_gru && !normed && sq_starts_with(name, "bias_l")) return SQ_FORM_GRU_BEFORE;
  return cols == 1 && !sq_starts_with(name, "weight") ? SQ_FORM_VECTOR : SQ_FORM_MATRIX;
}

/* One of the plan's parameters as a tensor of a block, with its full name; info tells the rest. */
static seqgpu_status recurrent_tensor(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                      int index, int block, seqgpu_param_info *info, sq_tensor *out) {
  *info = sq_plan_param_info(plan, index);
  *out = (sq_tensor){.rows = info->rows,
                     .cols = info->cols,
                     .block = block,
                     .offset = info->offset,
                     .fixed = info->fixed,
                     .form = recurrent_form(&plan->desc, info->name, info->cols)};
  return sq_params_full_name(p, prefix, info->name, out->name);
}

/* Looks for all of them before there is memory for any. */
static seqgpu_status expect_recurrent(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan) {
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    seqgpu_param_info info;
    sq_tensor t;
    SQ_TRY(recurrent_tensor(p, prefix, plan, i, p->block_count, &info, &t));
    SQ_TRY(expect(p, t.name, &t, 1));
  }
  return SEQGPU_OK;
}

/* Adds one and draws it. */
static seqgpu_status add_recurrent(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan, int index,
                                   int block) {
  seqgpu_param_info info;
  sq_tensor t;
  SQ_TRY(recurrent_tensor(p, prefix, plan, index, block, &info, &t));
  SQ_TRY(sq_params_add_tensor(p, t.name, &t));
  const sq_drawing drawing = sq_params_standard_drawing(plan, index, &info);
  return sq_params_draw(p, p->tensors[p->tensor_count - 1], &drawing);
}

seqgpu_status seqgpu_params_add_rnn_(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                     seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (plan == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: plan is NULL");
  const sq_params_mark before = sq_params_now(p);
  if (sq_params_is_loaded(p, 1)) SQ_TRY(expect_recurrent(p, prefix, plan));
  seqgpu_status status = sq_params_add_block(p, plan->param_elements, 1);
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_plan_param_count(plan); i++)
    status = add_recurrent(p, prefix, plan, i, before.blocks);
  if (status != SEQGPU_OK) return sq_params_undo(p, before, status);
  const sq_param_block *block = &p->blocks[before.blocks];
  const seqgpu_param whole = {p->tensors[before.tensors]->name, 1, block->elements, block->value,
                              block->grad};
  if (out) sq_struct_out(out, size, &whole, sizeof whole);
  return SEQGPU_OK;
}
