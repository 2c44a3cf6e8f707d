/* test_laws_masks.c - laws of zoneout and recurrent dropout (core/masks.h): what inference makes of them,
 * their ends, and how often they happen.
 */
#include "tests/laws.h"

/* The cell without what chance does. */
static cell_row without_masks(const cell_row *cell) {
  cell_row plain = *cell;
  seqgpu_rnn_desc *d = &plain.desc;
  d->zoneout_hidden = d->zoneout_cell = d->recurrent_dropout = d->update_dropout = 0;
  return plain;
}

/* The same inputs in both, without a reserve: inference. */
static double differ_in_inference(net *a, net *b) {
  net_copy_inputs(b, a);
  a->run.reserve = b->run.reserve = NULL;
  net_forward(a);
  net_forward(b);
  return differ_at_end(a, b, NET_Y, NET_QT);
}

/* In inference a mask is 1. */
static double law_masks_are_1(const contexts *c, const cell_row *cell) {
  const cell_row plain = without_masks(cell);
  net a = fresh(c->f64, cell, 5, 3, DEEP, ragged_three), b = opened(c->f64, &plain, 5, 3, DEEP, ragged_three);
  return differ_in_inference(&a, &b);
}

/* Whatever the seed. */
static double law_inference_is_not_drawn(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f32, cell, 4, 3, DEEP, NULL), b = opened(c->f32, cell, 4, 3, DEEP, NULL);
  b.run.seed++;
  b.run.offset += 12345;
  return differ_in_inference(&a, &b);
}

/* With probability 1 nothing ever changes, in training and in inference; the gradient at the end is that at
 * the beginning. */
static double law_zoned_for_ever(const contexts *c, const cell_row *cell) {
  const int32_t lengths[3] = {4, 2, 0};
  cell_row frozen = *cell;
  frozen.desc.zoneout_hidden = 1;
  if (cell->desc.zoneout_cell > 0) frozen.desc.zoneout_cell = 1;
  net n = fresh(c->f32, &frozen, 4, 3, NONE, lengths);
  net_round_inputs(&n);
  memset(n.value[NET_DY], 0, (size_t)n.count[NET_DY] * sizeof(double));
  run(&n);
  double worst = differ(n.value[NET_HT], n.value[NET_H0], n.count[NET_H0]);
  worst = check_worse(differ(n.value[NET_DH0], n.value[NET_DHT], n.count[NET_H0]), worst);
  const int cell_too = frozen.desc.zoneout_cell > 0;
  if (cell_too) worst = check_worse(differ(n.value[NET_CT], n.value[NET_C0], n.count[NET_C0]), worst);
  if (cell_too) worst = check_worse(differ(n.value[NET_DC0], n.value[NET_DCT], n.count[NET_C0]), worst);
  n.run.reserve = NULL;
  net_forward(&n);
  worst = check_worse(differ(n.value[NET_HT], n.value[NET_H0], n.count[NET_H0]), worst);
  net_close(&n);
  return worst;
}

/* How far the share of units that keep their h, bit by bit, is from the probability, in standard deviations
 * beyond five of them. */
static double law_share(const contexts *c, const cell_row *cell) {
  const int64_t T = 40, B = 30;
  net n = fresh(c->f32, cell, T, B, NONE, NULL);
  net_round_inputs(&n);
  net_forward(&n);
  const int64_t width = state_width(&n, NET_H0), step = B * width;
  double kept = 0, units = (double)(T * step), p = cell->desc.zoneout_hidden;
  for (int64_t i = 0; i < T * step; i++)
    kept += n.value[NET_Y][i] == (i < step ? n.value[NET_H0][i] : n.value[NET_Y][i - step]);
  net_close(&n);
  return check_worse(0, fabs(kept / units - p) / sqrt(p * (1 - p) / units) - 5);
}

/* Rows of a tensor for each step, or for each layer and direction of a state. */
static int64_t outer_of(const net *n, int tensor) {
  const int is_sequence = tensor == NET_X || tensor == NET_DY || tensor == NET_Y || tensor == NET_DX;
  return is_sequence ? n->desc.seq_len : n->desc.num_layers * (n->desc.bidirectional ? 2 : 1);
}

/* Sequences first, first + 1, ... of the whole are those of the part: they are copied there, or the largest
 * difference is returned. */
static double match(net *part, const net *whole, int tensor, int64_t first, int copies) {
  const int64_t outer = outer_of(whole, tensor), B = whole->desc.batch, b = part->desc.batch;
  const int64_t width = part->count[tensor] / (outer * b);
  double worst = 0;
  for (int64_t i = 0; i < outer && width > 0; i++) {
    double *here = part->value[tensor] + i * b * width;
    const double *there = whole->value[tensor] + (i * B + first) * width;
    if (copies) copy(here, there, b * width);
    worst = check_worse(differ(here, there, b * width), worst);
  }
  return worst;
}

/* A batch in parts of two and three sequences drops what the whole drops, between the layers and in the
 * recurrence. */
static double law_parts(const contexts *c, const cell_row *cell) {
  static const int inputs[] = {NET_X, NET_H0, NET_C0, NET_Q0, NET_DY, NET_DHT, NET_DCT, NET_DQT};
  static const int outputs[] = {NET_Y, NET_HT, NET_CT, NET_QT, NET_DX, NET_DH0, NET_DC0, NET_DQ0};
  const int32_t lengths[5] = {4, 2, 3, 4, 1};
  const seqgpu_rnn_desc options = {.num_layers = 3, .bidirectional = 1, .dropout = 0.4, .whole_batch = 7};
  net whole = fresh(c->f32, cell, 4, 5, options, lengths);
  net_round_inputs(&whole);
  run(&whole);
  double worst = 0;
  for (int64_t first = 0; first < 5; first = first ? 5 : 2) {
    net part = opened(c->f32, cell, 4, first ? 3 : 2, options, lengths + first);
    for (size_t i = 0; i < COUNT(inputs); i++) match(&part, &whole, inputs[i], first, 1);
    copy(part.value[NET_PARAMS], whole.value[NET_PARAMS], whole.count[NET_PARAMS]);
    part.run.whole_batch = 5;
    part.run.first_sequence = first;
    run(&part);
    for (size_t i = 0; i < COUNT(outputs); i++)
      worst = check_worse(match(&part, &whole, outputs[i], first, 0), worst);
    net_close(&part);
  }
  net_close(&whole);
  return worst > 1e-3 || isnan(worst) ? worst : 0; /* else it is rounding: another mask moves much more */
}

static int whole(const cell_row *cell) { return !is_batch_normed(&cell->desc); }
static int dropped(const cell_row *cell) {
  const seqgpu_rnn_desc *d = &cell->desc;
  return d->zoneout_hidden == 0 && d->zoneout_cell == 0 && !quiet(cell);
}
static int noisy(const cell_row *cell) { return !quiet(cell); }
static int zoned(const cell_row *cell) { return cell->desc.zoneout_hidden > 0; }

static const law_row laws[] = {
    {"inference without masks", law_masks_are_1, dropped, EXACT, 0},
    {"inference draws nothing", law_inference_is_not_drawn, noisy, 0, 1},
    {"zoned for ever", law_zoned_for_ever, zoned, 0, 1},
    {"the share of zoned units", law_share, zoned, 0, 0},
    {"parts of a batch have its masks", law_parts, whole, 0, 1},
};

int main(void) { return laws_main(laws, COUNT(laws)); }
