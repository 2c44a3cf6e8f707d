/* check.c - could a descriptor be run at all?  Every field, and the total size. */
#include "host/plan/check.h"

#include <math.h>
#include <string.h>

/* Sizes and options have the same names on both sides. */
sq_config sq_plan_config(const seqgpu_rnn_desc *d) {
  return (sq_config){
      .input_size = d->input_size,
      .hidden_size = d->hidden_size,
#define OPTION(BIT, field, kind, ...) .field = (sq_option_##kind)d->field,
#include "core/options.def"
#undef OPTION
  };
}

enum { MOST_LAYERS = 1024 };

static seqgpu_status check_size(seqgpu_context *ctx, const char *name, int64_t value, int64_t least) {
  return sq_check_range(ctx, name, value, least, INT32_MAX);
}

static seqgpu_status check_flag(seqgpu_context *ctx, const char *name, int value) {
  if (value == 0 || value == 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s is %d; it must be 0 or 1", name, value);
}

/* The options of core/options.def. */
static seqgpu_status check_options(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  const sq_config config = sq_plan_config(d);
  const sq_option *wrong = sq_option_out_of_range(&config);
  if (wrong == NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "desc: %s is %.10g; it must be from %.10g to %.10g", wrong->name,
                 wrong->value(&config), wrong->least, wrong->most);
}

/* Whose step is dense products and diagonal maps (core/layer_signals.c). */
static int has_omega(const char *cell) {
  static const char *const cells[] = {"rnn", "leaky", "lstm", "lstm0", "gru"};
  int has = 0;
  for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) has |= strcmp(cell, cells[i]) == 0;
  return has;
}

/* What chance does to a step changes what an error signal meets there, and a normalisation is no diagonal
 * map. */
static seqgpu_status check_omega_applies(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  const unsigned changing = SQ_OPTION_ZONEOUT_HIDDEN | SQ_OPTION_ZONEOUT_CELL | SQ_OPTION_RECURRENT_DROPOUT |
                            SQ_OPTION_UPDATE_DROPOUT | SQ_OPTION_NORMS;
  const sq_config config = sq_plan_config(d);
  if (!has_omega(d->cell))
    return sq_fail(
        ctx, SEQGPU_EINVAL,
        "desc: omega is %g; cell %s has no such regulariser, only rnn, leaky, lstm, lstm0 and gru, "
        "and it must be 0",
        d->omega, d->cell);
  const sq_option *other = sq_option_first(&config, ~changing);
  if (other == NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "desc: omega is %g; the regulariser is of a plain recurrence, and with %s it must be 0",
                 d->omega, other->name);
}

static seqgpu_status check_omega(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  if (!(d->omega >= 0 && isfinite(d->omega)))
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: omega is %g; it must be a number of at least 0", d->omega);
  if ((int)d->omega_form < SEQGPU_OMEGA_NORMS || d->omega_form > SEQGPU_OMEGA_SQUARES)
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: omega_form is %d; it must be one of seqgpu_omega_form",
                   (int)d->omega_form);
  return d->omega == 0 ? SEQGPU_OK : check_omega_applies(ctx, d);
}

static seqgpu_status check_whole_batch(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  if (d->whole_batch == 0) return SEQGPU_OK;
  SQ_TRY(check_size(ctx, "desc: whole_batch", d->whole_batch, 1));
  if (d->whole_batch >= d->batch) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "desc: whole_batch is %lld; it must be 0 or at least %lld, the batch",
                 (long long)d->whole_batch, (long long)d->batch);
}

static seqgpu_status check_fields(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  SQ_TRY(check_size(ctx, "desc: input_size", d->input_size, 1));
  SQ_TRY(check_size(ctx, "desc: hidden_size", d->hidden_size, 1));
  SQ_TRY(sq_check_range(ctx, "desc: num_layers", d->num_layers, 0, MOST_LAYERS));
  SQ_TRY(check_size(ctx, "desc: seq_len", d->seq_len, 1));
  SQ_TRY(check_size(ctx, "desc: batch", d->batch, 1));
  SQ_TRY(check_whole_batch(ctx, d));
  SQ_TRY(check_options(ctx, d));
  SQ_TRY(check_flag(ctx, "desc: bidirectional", d->bidirectional));
  SQ_TRY(check_flag(ctx, "desc: reverse", d->reverse));
  if (d->reverse && d->bidirectional)
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: reverse is 1; it must be 0 where bidirectional is 1");
  SQ_TRY(check_flag(ctx, "desc: batch_first", d->batch_first));
  SQ_TRY(check_flag(ctx, "desc: inference", d->inference));
  SQ_TRY(check_flag(ctx, "desc: tangents", d->tangents));
  if (d->tangents && d->inference)
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: tangents is 1; it must be 0 where inference is 1");
  if (d->merge != SEQGPU_MERGE_CONCAT && d->merge != SEQGPU_MERGE_SUM)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "desc: merge is %d; it must be SEQGPU_MERGE_CONCAT or SEQGPU_MERGE_SUM", (int)d->merge);
  if ((int)d->math < SEQGPU_MATH_F32 || d->math > SEQGPU_MATH_BF16)
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: math is %d; it must be one of seqgpu_math", (int)d->math);
  if (!(d->dropout >= 0 && d->dropout < 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "desc: dropout is %g; it must be at least 0 and below 1", d->dropout);
  return check_omega(ctx, d);
}

/* The units of a layer and whatever width its options add; flags and shares hardly count. */
static double rough_width(const seqgpu_rnn_desc *d) {
  const sq_config config = sq_plan_config(d);
  double width = (double)d->hidden_size;
  for (int i = 0; i < SQ_OPTIONS; i++) width += sq_options[i].value(&config);
  return width;
}

/* Rough sizes in floating point, before any integer product could overflow. */
static seqgpu_status check_total(seqgpu_context *ctx, const seqgpu_rnn_desc *d) {
  const int64_t layers = d->num_layers ? d->num_layers : 1;
  const double most = (double)((int64_t)1 << 46), H = rough_width(d), D = d->bidirectional ? 2 : 1;
  const double widest = (double)d->input_size > D * H ? (double)d->input_size : D * H;
  const double params = (double)layers * D * (4 * H * (widest + H + 2) + H * H);
  const double kept = (double)layers * D * ((double)d->seq_len + 1) * (double)d->batch * (9 * H + widest);
  if (params > most)
    return sq_fail(
        ctx, SEQGPU_ENOMEM,
        "desc: hidden_size, input_size: out of memory: %lld units and %lld inputs make about %.3g parameters",
        (long long)d->hidden_size, (long long)d->input_size, params);
  if (kept > most)
    return sq_fail(
        ctx, SEQGPU_ENOMEM,
        "desc: seq_len, batch: out of memory: %lld steps of %lld sequences keep about %.3g elements",
        (long long)d->seq_len, (long long)d->batch, kept);
  return SEQGPU_OK;
}

seqgpu_status sq_plan_check(seqgpu_context *ctx, const seqgpu_rnn_desc *desc) {
  SQ_TRY(check_fields(ctx, desc));
  return check_total(ctx, desc);
}
