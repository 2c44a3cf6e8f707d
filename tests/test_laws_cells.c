/* test_laws_cells.c - laws of what a network computes: how its time, batch and layers may be cut, and which
 * cells are special cases of others.
 */
#include "core/cells.h"
#include "tests/laws.h"

/* --- time and batch --- */

/* Steps 0..2 and 3..6 with the state carried on, and gradients carried back, are steps 0..6. */
static double law_split(const contexts *c, const cell_row *cell) {
  const seqgpu_rnn_desc two = {.num_layers = 2};
  net whole = fresh(c->f64, cell, 7, 3, two, NULL);
  net part[2] = {opened(c->f64, cell, 3, 3, two, NULL), opened(c->f64, cell, 4, 3, two, NULL)};
  run(&whole);
  double worst = 0;
  for (int k = 0; k < 2; k++) {
    copy(part[k].value[NET_PARAMS], whole.value[NET_PARAMS], whole.count[NET_PARAMS]);
    copy(part[k].value[NET_X], whole.value[NET_X] + k * part[0].count[NET_X], part[k].count[NET_X]);
    copy(part[k].value[NET_DY], whole.value[NET_DY] + k * part[0].count[NET_Y], part[k].count[NET_Y]);
    for (int s = 0; s < NET_STATES; s++)
      copy(part[k].value[NET_H0 + s], k ? part[0].value[NET_HT + s] : whole.value[NET_H0 + s],
           whole.count[NET_H0 + s]);
    net_forward(&part[k]);
  }
  for (int k = 1; k >= 0; k--) {
    for (int s = 0; s < NET_STATES; s++)
      copy(part[k].value[NET_DHT + s], k ? whole.value[NET_DHT + s] : part[1].value[NET_DH0 + s],
           whole.count[NET_H0 + s]);
    if (k == 0) copy(part[0].value[NET_DPARAMS], part[1].value[NET_DPARAMS], whole.count[NET_PARAMS]);
    net_backward(&part[k]);
    for (int t = NET_Y; t <= NET_DX; t += NET_DX - NET_Y)
      worst = check_worse(differ(part[k].value[t], whole.value[t] + k * part[0].count[t], part[k].count[t]),
                          worst);
  }
  worst = check_worse(differ_in(&part[1], &whole, NET_HT, NET_QT), worst);
  worst = check_worse(differ_in(&part[0], &whole, NET_DH0, NET_DPARAMS), worst);
  net_close(&whole);
  net_close(&part[0]);
  net_close(&part[1]);
  return worst;
}

/* Moves every sequence one place on in the batch: b to b+1. */
static void rotate_batch(const net *n, int tensor, const double *from, double *to) {
  const int64_t B = n->desc.batch,
                width = tensor == NET_X || tensor == NET_Y || tensor == NET_DY || tensor == NET_DX
                            ? row_width(n, tensor)
                            : state_width(n, tensor);
  for (int64_t r = 0; r * width < n->count[tensor]; r++)
    copy(to + (r / B * B + (r + 1) % B) * width, from + r * width, width);
}

/* Sequences of a batch do not know of each other: the same bits in any order. */
static double law_permutation(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f32, cell, 3, 3, DEEP, NULL), b = twin(&a, c->f32, NULL);
  double worst = 0;
  for (int i = NET_X; i < NET_Y; i++)
    if (i != NET_PARAMS) rotate_batch(&a, i, a.value[i], b.value[i]);
  run(&a);
  run(&b);
  for (int i = NET_Y; i < NET_DPARAMS; i++) {
    double *moved = (double *)calloc((size_t)a.count[i] + 1, sizeof *moved);
    rotate_batch(&a, i, a.value[i], moved);
    worst = check_worse(differ(moved, b.value[i], a.count[i]), worst);
    free(moved);
  }
  net_close(&a);
  net_close(&b);
  return worst;
}

/* Each sequence of a ragged batch is what it would be alone; one of length 0 passes its state on. */
static double law_ragged(const contexts *c, const cell_row *cell) {
  net all = fresh(c->f64, cell, 4, 5, DEEP, ragged);
  run(&all);
  double *sum = (double *)calloc((size_t)all.count[NET_PARAMS], sizeof *sum), worst = 0;
  for (int64_t b = 0; b < 5; b++) {
    if (ragged[b] == 0) continue;
    net one = opened(c->f64, cell, ragged[b], 1, DEEP, NULL);
    copy(one.value[NET_PARAMS], all.value[NET_PARAMS], all.count[NET_PARAMS]);
    for (int pass = 0; pass < 2; pass++) {
      for (int i = pass ? NET_Y : NET_X; i < (pass ? NET_DPARAMS : NET_Y); i++) {
        if (i == NET_PARAMS || one.count[i] == 0) continue;
        const int sequence = i == NET_X || i == NET_DY || i == NET_Y || i == NET_DX;
        const int64_t width = sequence ? row_width(&all, i) : state_width(&all, i);
        for (int64_t r = 0; r * width < one.count[i]; r++) {
          double *mine = one.value[i] + r * width, *batch = all.value[i] + (r * 5 + b) * width;
          if (pass)
            worst = check_worse(differ(mine, batch, width), worst);
          else
            copy(mine, batch, width);
        }
      }
      if (pass == 0) run(&one);
    }
    for (int64_t i = 0; i < all.count[NET_PARAMS]; i++) sum[i] += one.value[NET_DPARAMS][i];
    net_close(&one);
  }
  worst = check_worse(differ(sum, all.value[NET_DPARAMS], all.count[NET_PARAMS]), worst);
  const int64_t h = state_width(&all, NET_H0);
  worst =
      check_worse(differ(all.value[NET_HT] + h, all.value[NET_H0] + h, h), worst); /* b = 1 has length 0 */
  worst = check_worse(differ(all.value[NET_DH0] + h, all.value[NET_DHT] + h, h), worst);
  free(sum);
  net_close(&all);
  return worst;
}

/* Padded steps hold NaN in one run and numbers in the other. */
static double law_padding(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f32, cell, 4, 5, DEEP, ragged), b = twin(&a, c->f32, ragged);
  net_poison_padding(&b, ragged);
  return differ_when_run(&a, &b, NET_Y, NET_DPARAMS);
}

/* Swaps the two directions of a tensor whose layers are `parts` blocks of `half` elements each. */
static void swap_halves(double *p, int64_t count, int64_t half) {
  for (int64_t i = 0; i < count; i += 2 * half)
    for (int64_t j = i; j < i + half; j++) {
      const double first = p[j];
      p[j] = p[j + half];
      p[j + half] = first;
    }
}

static void reverse_time(const net *n, int tensor) {
  const int64_t T = n->desc.seq_len, step = n->count[tensor] / T;
  for (int64_t t = 0; t < T / 2; t++)
    for (int64_t j = 0; j < step; j++) {
      double *a = &n->value[tensor][t * step + j], *b = &n->value[tensor][(T - 1 - t) * step + j];
      const double first = *a;
      *a = *b;
      *b = first;
    }
}

/* A network that reads the text from the end is one whose directions have changed places. */
static double law_reversal(const contexts *c, const cell_row *cell) {
  net a = fresh(c->f64, cell, 4, 3, BOTH_WAYS, NULL), b = twin(&a, c->f64, NULL);
  const int sequences[4] = {NET_X, NET_DY, NET_Y, NET_DX};
  for (int pass = 0; pass < 2; pass++) { /* the inputs, then the outputs */
    for (int i = 0; i < 2; i++) reverse_time(&b, sequences[2 * pass + i]);
    const int y = pass ? NET_Y : NET_DY;
    swap_halves(b.value[y], b.count[y], row_width(&b, y) / 2);
    for (int i = pass ? NET_Y : NET_X; i < (pass ? NET_TENSORS : NET_Y); i++)
      if (i != NET_X && i != NET_DX && i != y && i != NET_DY)
        swap_halves(b.value[i], b.count[i], (b.count[i] + 1) / 2);
    if (pass) break;
    run(&a);
    run(&b);
  }
  return differ_at_end(&a, &b, NET_Y, NET_DPARAMS);
}

/* [B,T,*] is [T,B,*] with the axes exchanged: the same bits. */
static double law_batch_first(const contexts *c, const cell_row *cell) {
  const int64_t T = 4, B = 5;
  seqgpu_rnn_desc options = DEEP;
  net a = fresh(c->f32, cell, T, B, options, ragged);
  options.batch_first = 1;
  net b = opened(c->f32, cell, T, B, options, ragged);
  net_copy_inputs(&b, &a);
  run(&a);
  const int sequences[4] = {NET_X, NET_DY, NET_Y, NET_DX};
  double worst = 0;
  for (int i = 0; i < 4; i++) {
    const int s = sequences[i];
    const int64_t width = row_width(&a, s);
    if (i == 2) run(&b);
    for (int64_t r = 0; r < T * B; r++) {
      double *mine = b.value[s] + (r % B * T + r / B) * width, *theirs = a.value[s] + r * width;
      if (i < 2) copy(mine, theirs, width);
      if (i >= 2) worst = check_worse(differ(mine, theirs, width), worst);
    }
  }
  worst = check_worse(differ_in(&a, &b, NET_HT, NET_QT),
                      check_worse(differ_in(&a, &b, NET_DH0, NET_DPARAMS), worst));
  net_close(&a);
  net_close(&b);
  return worst;
}

/* Two layers are two networks, one on top of the other. */
static double law_layers(const contexts *c, const cell_row *cell) {
  net both = fresh(c->f64, cell, 4, 3, (seqgpu_rnn_desc){.num_layers = 2}, NULL);
  net low = opened(c->f64, cell, 4, 3, NONE, NULL), high;
  seqgpu_rnn_desc desc = low.desc;
  desc.input_size = seqgpu_plan_get_sizes(low.plan).output_width;
  net_open(&high, c->f64, &desc, NULL);
  high.run.offset += seqgpu_plan_get_sizes(low.plan).random_blocks;
  net *const layer[2] = {&low, &high};
  run(&both);
  double worst = 0;
  for (int k = 0; k < 2; k++) {
    copy(layer[k]->value[NET_PARAMS], both.value[NET_PARAMS] + k * low.count[NET_PARAMS],
         layer[k]->count[NET_PARAMS]);
    for (int i = 0; i < NET_STATES; i++) {
      if (low.count[NET_H0 + i] == 0) continue; /* a cell of fewer states */
      copy(layer[k]->value[NET_H0 + i], both.value[NET_H0 + i] + k * low.count[NET_H0 + i],
           low.count[NET_H0 + i]);
      copy(layer[k]->value[NET_DHT + i], both.value[NET_DHT + i] + k * low.count[NET_H0 + i],
           low.count[NET_H0 + i]);
    }
    copy(layer[k]->value[NET_X], k ? low.value[NET_Y] : both.value[NET_X], layer[k]->count[NET_X]);
    net_forward(layer[k]);
  }
  for (int k = 1; k >= 0; k--) {
    copy(layer[k]->value[NET_DY], k ? both.value[NET_DY] : high.value[NET_DX], layer[k]->count[NET_DY]);
    net_backward(layer[k]);
    worst =
        check_worse(differ(layer[k]->value[NET_DPARAMS], both.value[NET_DPARAMS] + k * low.count[NET_PARAMS],
                           layer[k]->count[NET_PARAMS]),
                    worst);
  }
  worst = check_worse(differ_in(&high, &both, NET_Y, NET_Y),
                      check_worse(differ_in(&low, &both, NET_DX, NET_DX), worst));
  net_close(&both);
  net_close(&low);
  net_close(&high);
  return worst;
}

/* --- cells --- */

/* Which state of "h,c" is called so; -1: none. */
static int state_called(const char *states, const char *name) {
  for (int k = 0; *states; k++) {
    const size_t length = strcspn(states, ",");
    if (length == strlen(name) && strncmp(states, name, length) == 0) return k;
    states += length + (states[length] == ',');
  }
  return -1;
}

/* Every part of a cell can be looked at, in its own width; a state's last step is the final state. */
static double law_parts(const contexts *c, const cell_row *cell) {
  net n = fresh(c->f64, cell, 4, 3, NONE, NULL);
  net_forward(&n);
  seqgpu_part_info part;
  double worst = 0, out[4 * 3 * 16];
  int64_t again;
  int states = 0;
  for (int i = 0; seqgpu_plan_part_get(n.ctx, n.plan, i, &part) == SEQGPU_OK; i++) {
    if (seqgpu_rnn_inspect(n.ctx, n.plan, &n.run, 0, 0, part.name, out, &again) != SEQGPU_OK ||
        again != part.width)
      worst = (double)NAN;
    for (int64_t j = 0; j < 4 * 3 * part.width; j++)
      worst = check_worse(fabs(0 * out[j]), worst); /* finite */
    const int k = state_called(sq_cell_find(cell->desc.cell)->states, part.name);
    if (k >= 0)
      worst = check_worse(differ(out + 3 * 3 * part.width, n.value[NET_HT + k], 3 * part.width), worst);
    states += k >= 0;
  }
  worst = states == n.states ? worst : (double)NAN;
  net_close(&n);
  return worst;
}

/* What one step of a cell whose weights are 0 does: a state keeps a share of itself, and h may be made
 * anew. */
typedef struct zero_row {
  const char *cell;
  double keep[2]; /* of h, of the second state; LEAK: 1 - leak */
  double leak;    /* what a leak of 0 stands for */
  double h;       /* where nothing of h is kept */
  int squashes;   /* h is the LSTM's of the second state */
} zero_row;

#define LEAK -1

static const zero_row zero_rows[] = {
    {"rnn", {0, 0}, 0, 0, 0},    {"leaky", {LEAK, 0}, 1, 0, 0}, {"gru", {0.5, 0}, 0, 0, 0},
    {"lstm", {0, 0.5}, 0, 0, 1}, {"lstm0", {0, 1}, 0, 0, 1},    {"scrn", {0, LEAK}, 0.05, 0.5, 0},
    {"mrnn", {0, 0}, 0, 0, 0},   {"mlstm", {0, 0.5}, 0, 0, 1},
};

static const zero_row *zero_row_of(const cell_row *cell) {
  for (size_t i = 0; i < COUNT(zero_rows); i++)
    if (strcmp(zero_rows[i].cell, cell->desc.cell) == 0) return &zero_rows[i];
  return NULL;
}

/* What T steps leave of state k. */
static double kept(const cell_row *cell, const zero_row *row, int k, double T) {
  if (k == 1 && cell->desc.no_forget_gate) return 1;
  const double leak = cell->desc.learn_leak ? 0.5 : cell->desc.leak != 0 ? cell->desc.leak : row->leak;
  return pow(row->keep[k] == LEAK ? 1 - leak : row->keep[k], T);
}

/* o tanh(c) of an LSTM, where every gate is 0.5. */
static double zero_output(const seqgpu_rnn_desc *d, double c) {
  return (d->no_output_gate ? 1 : 0.5) * (d->no_output_activation ? c : tanh(c));
}

static double law_zero_weights(const contexts *c, const cell_row *cell) {
  const int64_t T = 3;
  const zero_row *row = zero_row_of(cell);
  if (row == NULL) return (double)NAN; /* a new cell needs a row */
  net n = fresh(c->f64, cell, T, 2, NONE, NULL);
  const double keep[2] = {kept(cell, row, 0, (double)T), kept(cell, row, 1, (double)T)};
  const double rest = cell->desc.activation == SEQGPU_ACTIVATION_SIGMOID ? 0.5 : row->h;
  memset(n.value[NET_PARAMS], 0, (size_t)n.count[NET_PARAMS] * sizeof(double));
  net_forward(&n);
  double worst = 0;
  for (int64_t i = 0; i < n.count[NET_HT]; i++) {
    double h = n.value[NET_H0][i] * keep[0] + (1 - keep[0]) * rest;
    if (row->squashes) h = cell->projects ? 0 : zero_output(&cell->desc, n.value[NET_C0][i] * keep[1]);
    worst = check_worse(fabs(n.value[NET_HT][i] - h), worst);
  }
  for (int64_t i = 0; i < n.count[NET_CT]; i++)
    worst = check_worse(fabs(n.value[NET_CT][i] - n.value[NET_C0][i] * keep[1]), worst);
  net_close(&n);
  return worst;
}

static double *parameter(const net *n, int tensor, const char *name, seqgpu_param_info *info) {
  for (int i = 0; i < seqgpu_plan_param_count(n->plan); i++)
    if (seqgpu_plan_param_get(n->ctx, n->plan, i, info) == SEQGPU_OK && strcmp(info->name, name) == 0)
      return n->value[tensor] + info->offset;
  return NULL;
}

/* Without input and biases, and with the identity for g, a step applies the recurrent matrix alone. */
static double law_keeps_norm(const contexts *c, const cell_row *cell) {
  cell_row linear = *cell;
  const int unitary = strcmp(cell->desc.cell, "urnn") == 0; /* modReLU with b = 0 is the identity */
  if (!unitary) linear.desc.activation = SEQGPU_ACTIVATION_IDENTITY;
  net n = fresh(c->f64, &linear, 50, 3, NONE, NULL);
  const int64_t H = state_width(&n, NET_H0);
  memset(n.value[NET_X], 0, (size_t)n.count[NET_X] * sizeof(double));
  seqgpu_param_info bias;
  double *b0 = parameter(&n, NET_PARAMS, unitary ? "bias_mod_l0" : "bias_l0", &bias);
  memset(b0, 0, (size_t)bias.rows * sizeof(double));
  net_forward(&n);
  double worst = 0;
  for (int64_t b = 0; b < n.desc.batch; b++) {
    double before = 0, after = 0;
    for (int64_t j = b * H; j < (b + 1) * H; j++) {
      before += n.value[NET_H0][j] * n.value[NET_H0][j];
      after += n.value[NET_HT][j] * n.value[NET_HT][j];
    }
    worst = check_worse(fabs(sqrt(after / before) - 1), worst);
  }
  net_close(&n);
  return worst;
}

/* Whether an LSTM has gate i, f, g or o. */
static int has_gate(const seqgpu_rnn_desc *d, char gate) {
  if (gate == 'i') return !d->no_input_gate;
  if (gate == 'f') return strcmp(d->cell, "lstm0") != 0 && !d->no_forget_gate && !d->coupled;
  return gate != 'o' || !d->no_output_gate;
}

/* Rows of one gate in a parameter of the full LSTM: the gate's own; of f = 1 - i, those of i with the other
 * sign; of a gate that is 1, zeros and a bias of 40, whose sigmoid is 1. */
static void expand_gate(const seqgpu_rnn_desc *d, char gate, const double *own, const double *i,
                        int64_t count, int bias, double *to) {
  const int there = has_gate(d, gate), mirrored = gate == 'f' && d->coupled;
  for (int64_t j = 0; j < count; j++) to[j] = there ? own[j] : mirrored ? -i[j] : bias ? 40 : 0;
}

/* Parameters of an LSTM with all gates from those of one without some of them. */
static void expand_gates(const net *few, const net *full) {
  seqgpu_param_info from, to;
  for (int k = 0; k < seqgpu_plan_param_count(full->plan); k++) {
    if (seqgpu_plan_param_get(full->ctx, full->plan, k, &to) != SEQGPU_OK) continue;
    double *target = full->value[NET_PARAMS] + to.offset;
    const double *source = parameter(few, NET_PARAMS, to.name, &from);
    const int peephole = strncmp(to.name, "peephole_", 9) == 0;
    const int64_t block = full->desc.hidden_size * to.cols;
    if (peephole) {
      const double *i = parameter(few, NET_PARAMS, "peephole_i_l0", &from);
      expand_gate(&few->desc, to.name[9], source, i, block, 0, target);
    } else if (to.rows != 4 * full->desc.hidden_size) { /* weight_hr */
      copy(target, source, to.rows * to.cols);
    } else {
      const double *own = source;
      for (const char *gate = "ifgo"; *gate; gate++, target += block) {
        expand_gate(&few->desc, *gate, own, source, block, strcmp(to.name, "bias_l0") == 0, target);
        if (has_gate(&few->desc, *gate)) own += block;
      }
    }
  }
}

/* A gate that is 1 is s(40);  coupled is f = s(-a_i) = 1 - s(a_i). */
static double law_fixed_gates(const contexts *c, const cell_row *cell) {
  cell_row all = *cell;
  all.desc.cell = "lstm";
  all.desc.coupled = all.desc.no_input_gate = all.desc.no_forget_gate = all.desc.no_output_gate = 0;
  net few = fresh(c->f64, cell, 4, 3, NONE, NULL), full = opened(c->f64, &all, 4, 3, NONE, NULL);
  expand_gates(&few, &full);
  for (int i = NET_X; i < NET_Y; i++)
    if (i != NET_PARAMS) copy(full.value[i], few.value[i], few.count[i]);
  run(&few);
  run(&full);
  const double worst = differ_in(&few, &full, NET_Y, NET_DQ0);
  net_close(&few);
  net_close(&full);
  return worst;
}

/* An lstm with no_forget_gate is lstm0: the same bits, whichever algorithm. */
static double law_carousel(const contexts *c, const cell_row *cell) {
  cell_row other = *cell;
  other.desc.cell = "lstm0";
  other.desc.no_forget_gate = 0;
  net a = fresh(c->f32, cell, 4, 3, DEEP, NULL), b = opened(c->f32, &other, 4, 3, DEEP, NULL);
  net_copy_inputs(&b, &a);
  return differ_when_run(&a, &b, NET_Y, NET_DPARAMS);
}

/* A leak of 1 leaves nothing of the old state: the same bits as the vanilla network's. */
static double law_no_leak(const contexts *c, const cell_row *cell) {
  cell_row vanilla = *cell;
  vanilla.desc.cell = "rnn";
  vanilla.desc.leak = 0;
  /* "step": other algorithms may add up in another order */
  net a = opened_as(c->f32, cell, "step", 4, 3, DEEP, NULL),
      b = opened_as(c->f32, &vanilla, "step", 4, 3, DEEP, NULL);
  net_fill(&a);
  net_copy_inputs(&b, &a);
  return differ_when_run(&a, &b, NET_Y, NET_DPARAMS);
}

/* Where U_c is diagonal and b_rec is 0, resetting before and after the product is the same. */
static double law_reset(const contexts *c, const cell_row *cell) {
  cell_row after = *cell;
  after.desc.reset_after = 1;
  net a = fresh(c->f64, cell, 4, 3, NONE, NULL), b = opened(c->f64, &after, 4, 3, NONE, NULL);
  seqgpu_param_info p;
  const int64_t H = a.desc.hidden_size;
  double *u = parameter(&a, NET_PARAMS, "weight_hh_l0", &p) + 2 * H * H;
  for (int64_t i = 0; i < H * H; i++)
    if (i / H != i % H) u[i] = 0;
  for (int k = 0; k < seqgpu_plan_param_count(a.plan); k++)
    if (seqgpu_plan_param_get(a.ctx, a.plan, k, &p) == SEQGPU_OK) {
      seqgpu_param_info q;
      copy(parameter(&b, NET_PARAMS, p.name, &q), a.value[NET_PARAMS] + p.offset, p.rows * p.cols);
    }
  for (int i = NET_X; i < NET_Y; i++)
    if (i != NET_PARAMS) copy(b.value[i], a.value[i], a.count[i]);
  return differ_when_run(&a, &b, NET_Y, NET_DQ0);
}

/* --- the table --- */

/* Not if its gates are normalised together. */
static int without_a_gate(const cell_row *cell) {
  const seqgpu_rnn_desc *d = &cell->desc;
  if (is_normed(d) || d->full_gate_recurrence) return 0; /* with all gates there is more to see */
  return strcmp(d->cell, "lstm0") == 0 || d->coupled || d->no_input_gate || d->no_forget_gate ||
         d->no_output_gate;
}
static int without_forget_gate(const cell_row *cell) { return cell->desc.no_forget_gate; }
static int reset_before(const cell_row *cell) {
  return strcmp(cell->desc.cell, "gru") == 0 && !cell->desc.reset_after && !is_normed(&cell->desc);
}

static int without_leak(const cell_row *cell) {
  return strcmp(cell->desc.cell, "leaky") == 0 && (cell->desc.leak == 0 || cell->desc.leak == 1);
}

static int orthogonal(const cell_row *cell) {
  return strcmp(cell->desc.cell, "householder") == 0 || strcmp(cell->desc.cell, "urnn") == 0;
}
/* The bias of a normalised c is no weight that a law sets to 0. */
static int plain(const cell_row *cell) { return quiet(cell) && !orthogonal(cell) && !is_normed(&cell->desc); }

static const law_row laws[] = {
    {"a split sequence with carried states is the whole", law_split, apart, EXACT, 0},
    {"sequences of a batch are independent", law_permutation, apart, 0, 1},
    {"a ragged batch is its sequences alone", law_ragged, apart, EXACT, 0},
    {"padding is not looked at", law_padding, every, 0, 1},
    {"time reversed, directions swapped", law_reversal, quiet, EXACT, 0},
    {"batch-major is time-major", law_batch_first, every, 0, 1},
    {"two layers are two networks", law_layers, every, EXACT, 0},
    {"all parts can be looked at", law_parts, every, EXACT, 0},
    {"zero weights", law_zero_weights, plain, EXACT, 0},
    {"the recurrent matrix keeps the norm", law_keeps_norm, orthogonal, EXACT, 0},
    {"is an lstm with fixed gates", law_fixed_gates, without_a_gate, EXACT, 0},
    {"no forget gate: lstm0", law_carousel, without_forget_gate, 0, 1},
    {"no leak: the vanilla network", law_no_leak, without_leak, 0, 1},
    {"diagonal U_c: reset before is reset after", law_reset, reset_before, EXACT, 0},
};

int main(void) { return laws_main(laws, COUNT(laws)); }
